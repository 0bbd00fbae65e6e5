# SPDX-License-Identifier: GPL-2.0
"""Counts the instructions of each function that one message to one callback takes.

    python3 selftests/bench/profile.py <kernel build directory> rust|c|baseline

QEMU logs every instruction that the guest executes while 301 messages are sent; the table has the medians.
"""

from __future__ import annotations

import bisect
import collections
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MESSAGES = 301
TOP = Path(__file__).resolve().parents[2]
EXECUTED = re.compile(r"\[[0-9a-f]+/([0-9a-f]{16})/")


class Symbols:
    """Functions by address."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.starts: list[int] = []

    def add(self, line: str) -> None:
        """A line of System.map or /proc/kallsyms."""
        address, kind, name, *module = line.split()
        if kind in "tTwW":
            self.names.setdefault(int(address, 16), " ".join([readable(name), *module]))

    def start(self, address: int) -> int:
        """Where the function that an address is in starts."""
        if not self.starts:
            self.starts = sorted(self.names)
        return self.starts[max(bisect.bisect_right(self.starts, address) - 1, 0)]


def readable(name: str) -> str:
    """The last two parts of the path that rustc has made a name of."""
    if not name.startswith("_R"):
        return name
    parts = re.findall(r"(?<=\d)_?([a-z]\w*?)(?=\d|N|E|K|$)", name)
    return "::".join(parts[-2:]) if parts else name


def monitor(path: Path, *commands: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        for command in commands:
            connection.sendall(f"{command}\n".encode())
            time.sleep(0.2)
        connection.recv(65536)


def run(kdir: str, provider: str, folder: Path, symbols: Symbols) -> Path:
    """Runs the guest and returns the log of what it executed between its two lines."""
    log, path = folder / "executed", folder / "monitor"
    (folder / "profile.conf").write_text(f"PROVIDER={provider}\n", encoding="utf-8")
    command = [TOP / "scripts/guest.sh", kdir, "run", TOP / "selftests/bench/profile.sh", folder / "profile.conf"]
    environment = os.environ | {"MONITOR": str(path), "ICOUNT": "1", "QEMU_SMP": "1", "TIMEOUT": "300"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as guest:
        assert guest.stdout
        for line in guest.stdout:
            if line.startswith("symbol "):
                symbols.add(line.removeprefix("symbol "))
            elif line.startswith("# begin"):
                # The same switch, by its names in older and newer versions of QEMU, which pass over one that they lack.
                monitor(path, f"logfile {log}", "singlestep on", "one-insn-per-tb on", "log exec,nochain")
            elif line.startswith("# end"):
                monitor(path, "log none", "singlestep off", "one-insn-per-tb off")
            else:
                print(line, end="", file=sys.stderr)
    if guest.returncode != 0:
        sys.exit(f"error: the guest failed with status {guest.returncode}; its output is in build/guest/last/.")
    return log


def messages(log: Path, symbols: Symbols) -> list[collections.Counter[str]]:
    """What was executed for each message, by function: from the entry of kernel_sendmsg() to its return."""
    found: list[collections.Counter[str]] = []
    inside = False
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not (match := EXECUTED.search(line)):
                continue
            address = int(match[1], 16)
            start = symbols.start(address)
            name = symbols.names[start]
            if name == "kernel_sendmsg" and address == start:
                found.append(collections.Counter())
                inside = True
            elif name.endswith("[bench_sender]"):
                inside = False
            if inside:
                found[-1][name] += 1
    return found


def typical(found: list[collections.Counter[str]]) -> list[tuple[int, str]]:
    """The median of each function over all messages, without what only some of them met, like a tick."""
    if len(found) < MESSAGES:
        sys.exit(f"error: only {len(found)} of {MESSAGES} messages were seen; build/guest/last/ has the output of the guest.")
    names = {name for message in found for name in message}
    medians = [(statistics.median_low(message[name] for message in found), name) for name in names]
    return [(count, name) for count, name in medians if count]


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[2] not in ("rust", "c", "baseline"):
        sys.exit("usage: profile.py <kernel build directory> rust|c|baseline")
    kdir, provider = sys.argv[1:]
    symbols = Symbols()
    for line in (Path(kdir) / "System.map").read_text(encoding="utf-8").splitlines():
        symbols.add(line)
    with tempfile.TemporaryDirectory() as folder:
        rows = typical(messages(run(kdir, provider, Path(folder), symbols), symbols))
    print(f"Instructions for one message to one callback, by function ({provider}):\n")
    for count, name in sorted(rows, reverse=True):
        print(f"{count:6}  {name}")
    print(f"{sum(count for count, _ in rows):6}  in all")


if __name__ == "__main__":
    main()
