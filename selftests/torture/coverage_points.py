# SPDX-License-Identifier: GPL-2.0
"""Lists the coverage points of a module, at which KCOV records, and which of them are on the receive path:

    coverage_points.py <cn.ko, built for KCOV, with line numbers>
    coverage_points.py check <unreachable.txt> <file of the source...>     whether the source has the lines that the list names

A line for each coverage point, separated by tabs: section, offset that is recorded, kind, function, source line and its text.
The kind is "receive" on the receive path: in a function that input_callback(), which netlink calls, or the notification
channel calls, directly or not. It is "panic" where an assertion of a debug build ends the kernel, else "else". A coverage
point is roughly a basic block.

LLVM is the suffix of the compiler's tools, as for kbuild.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lists

TOP = Path(__file__).resolve().parents[2]
FUNCTION = re.compile(r"([0-9a-f]+) <(.*)>:$")
# A line of our source, as the linker's line numbers have it.
OURS = re.compile(r"(rust/(?:api|base|core|glue)/(?:[^/]*/)?[^/]*:[0-9]+):")
PANICS = re.compile(r"panicking|^(rust_begin_unwind|__ubsan_handle)")
RECEIVE = re.compile(r"14input_callback|25internal_receive_callback")


@dataclass
class Point:
    section: str
    offset: int
    function: str
    panics: bool = False


class Module:
    """What a disassembly with relocations says (llvm-objdump -dr)."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.starts: dict[tuple[str, int], str] = {}
        # Calls whose relocation names an offset in a section.
        self.call_sites: list[tuple[str, str, int]] = []

    def read(self, lines: Iterable[str]) -> None:
        section = here = ""
        for line in lines:
            if line.startswith("Disassembly of section "):
                section = line.split()[3].rstrip(":")
            elif found := FUNCTION.match(line):
                here = found[2]
                self.starts[section, int(found[1], 16)] = here
            else:
                self.instruction(section, here, line.split())

    def instruction(self, section: str, here: str, words: list[str]) -> None:
        if len(words) < 2:
            return
        last = self.points[-1] if self.points and self.points[-1].function == here else None
        if words[1] == "ud2":
            # It ends the kernel.
            if last:
                last.panics = True
        elif re.match(r"(callq|jmp|j[a-z]+)$", words[1]) and len(words) > 3 and re.match(r"<[^+]*>$", words[3]):
            if (target := words[3].strip("<>")) != here:
                self.calls[here].append(target)
        elif words[1].startswith("R_X86_64_"):
            self.relocation(section, here, words, last)

    def relocation(self, section: str, here: str, words: list[str], last: Point | None) -> None:
        target = words[2]
        if target == "__sanitizer_cov_trace_pc-0x4":
            self.points.append(Point(section, int(words[0].rstrip(":"), 16) + 4, here))
        elif PANICS.search(target):
            # A panic belongs to the coverage point before it.
            if last:
                last.panics = True
        elif words[1] in ("R_X86_64_PLT32", "R_X86_64_PC32"):
            if found := re.match(r"(\.[a-z._]*text[a-z._]*)\+0x([0-9a-f]+)", target):
                self.call_sites.append((here, found[1], int(found[2], 16) + 4))
            elif target.endswith("-0x4"):
                self.calls[here].append(target.removesuffix("-0x4"))

    def receive_path(self) -> set[str]:
        """What can be reached from the functions that receive messages."""
        for caller, section, offset in self.call_sites:
            if (section, offset) in self.starts:
                self.calls[caller].append(self.starts[section, offset])
        queue = list(dict.fromkeys(point.function for point in self.points if RECEIVE.search(point.function)))
        reached = set(queue)
        for function in queue:
            for target in self.calls.get(function, []):
                if target not in reached:
                    reached.add(target)
                    queue.append(target)
        return reached


def tool(name: str) -> str:
    """One of those that belong to the compiler."""
    for program in (name + os.environ.get("LLVM", ""), f"{name}-19", name):
        if shutil.which(program):
            return program
    sys.exit(f"error: {name} is not installed.")


def run(*command: str, text: str = "") -> str:
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def source_lines(module: str, points: list[Point]) -> list[str]:
    """What of our source each coverage point is of: of library functions, the line that uses them, and then the one of the function."""
    with tempfile.TemporaryDirectory() as folder:
        script, linked = Path(folder) / "script", Path(folder) / "linked"
        # Linked, so that sections do not overlap: the line numbers are found by address.
        script.write_text("SECTIONS { .text 0x1000000 : { *(.text) } }\n", encoding="utf-8")
        subprocess.run([tool("ld.lld"), "--unresolved-symbols=ignore-all", "--noinhibit-exec", "-e", "0", "-T", script, "-o", linked,
                        module], stderr=subprocess.DEVNULL, check=True)
        addresses = "".join(f"{0x1000000 + point.offset - 5:#x}\n" for point in points)
        frames = run(tool("llvm-symbolizer"), f"--obj={linked}", "--inlines", text=addresses)
    return [where(point, text) for point, text in zip(points, frames.split("\n\n"))]


def where(point: Point, frames: str) -> str:
    # The innermost first.
    ours = [found[1] for line in frames.split("\n") if (found := OURS.search(line))]
    if point.section != ".text" or not ours:
        return "-"
    outer = f" from {ours[-1]}" if ours[-1] != ours[0] else ""
    path, number = ours[0].split(":")
    lines = (TOP / path).read_text(encoding="utf-8").split("\n")
    return f"{ours[0]}{outer} | {lines[int(number) - 1].strip()}".replace("\t", "")


def list_points(path: str) -> Iterator[str]:
    module = Module()
    module.read(run(tool("llvm-objdump"), "-dr", "--no-show-raw-insn", path).split("\n"))
    received = module.receive_path()
    names = run(tool("llvm-cxxfilt"), text="".join(f"{point.function}\n" for point in module.points)).split("\n")
    for point, name, line in zip(module.points, names, source_lines(path, module.points)):
        kind = "panic" if point.panics else "receive" if point.function in received else "else"
        yield "\t".join((point.section, f"{point.offset:x}", kind, re.sub(r"\[[0-9a-f]+\]", "", name), line))


def check(path: str, sources: list[str]) -> int:
    """The list names coverage points by the text of their source line, which has to exist."""
    text = [line for source in sources for line in Path(source).read_text(encoding="utf-8").split("\n")]
    status = 0
    for entry in lists.read(Path(path), "unreachable coverage points"):
        for wanted in re.findall(r"[a-z_]+\\\.rs[^|]*\\\| (.*)", entry.one("point")):
            if not any(re.search(wanted, line) for line in text):
                print(f"{path}:{entry.number}: no line of the source has '{wanted}'")
                status = 1
    return status


def main(arguments: list[str]) -> int:
    match arguments:
        case ["check", path, *sources]:
            return check(path, sources)
        case [path]:
            print(*list_points(path), sep="\n")
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
