#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Process events as tshark shows them, against the actions of selftests/real/work.c.

    events.py split FILE FOLDER     writes the files of traffic.sh, which are in base64 in its output
    events.py order WORK INFO       the Info column of all process events: those of each process, in order
    events.py exits WORK FIELDS     the fields of each exit, separated by tabs

The last two print what is wrong, and then fail.
"""

from __future__ import annotations

import base64
import difflib
import os
import sys
from collections import defaultdict
from pathlib import Path

# The children of the main process of work.c, each of which exits.
CHILDREN = 8
SIGCHLD = 17


def lines(path: str) -> list[list[str]]:
    return [line.split() for line in Path(path).read_text().splitlines()]


def split(output: str, folder: str) -> None:
    """What is between "@file NAME" and "@end" becomes that file; the rest is shown."""
    text, name = "", ""
    for line in Path(output).read_text().splitlines(keepends=True):
        if line.startswith("@file "):
            text, name = "", line.split()[1]
        elif line.startswith("@end"):
            (Path(folder) / name).write_bytes(base64.b64decode(text))
            name = ""
        elif name:
            text += line
        else:
            print(line, end="")


def expected(what: str, process: str, *values: str) -> tuple[str, str]:
    """The process that a line of work.c is about, and how the dissector shows it."""
    if what == "fork":
        return values[0], f"fork parent {process} child {values[0]}"
    shown = f"{what} {process}"
    if what == "comm":
        shown += f' "{values[0]}"'
    elif what in ("uid", "gid"):
        shown += f" real {values[0]} effective {values[1]}"
    elif what == "ptrace":
        shown += f" by {values[0]}" if values[0] != "0" else " not traced"
    elif what == "exit":
        signal, status = int(values[0]) % 128, int(values[0]) // 256
        shown += f" killed by {signal}" if signal else f" status {status}"
    return process, shown


def order(work: str, info: str) -> int:
    """Processes run at the same time, so the order is that of each."""
    done: dict[str, list[str]] = defaultdict(list)
    for line in lines(work):
        process, shown = expected(*line)
        done[process].append(shown)
    seen: dict[str, list[str]] = {process: [] for process in done}
    for words in lines(info):
        process = words[4] if words[0] == "fork" else words[1]
        if process in seen:
            seen[process].append(" ".join(words))
    texts = [[line for process in sorted(done) for line in events[process]] for events in (done, seen)]
    print(*difflib.unified_diff(*texts, "done", "seen", lineterm=""), sep="\n")
    return 1 if not done or texts[0] != texts[1] else 0


def exits(work: str, fields: str) -> int:
    """The other fields agree with the actions, too. The parent of a reaped process is 0."""
    actions = lines(work)
    parent = next(line[1] for line in actions if line[0] == "fork")
    children = {line[2] for line in actions if line[0] == "fork" and line[1] == parent}
    status = {line[1]: int(line[2]) for line in actions if line[0] == "exit"}
    number = bad = 0
    for line in Path(fields).read_text().splitlines():
        id, length, process, group, parent_group, signal, code, cpu, time = line.split("\t")
        if process not in children:
            continue
        number += 1
        if not (id == "1:1" and length == "40" and process == group and parent_group in ("", "0", parent)
                and signal == str(SIGCHLD) and int(code, 0) == status[process] and int(cpu) <= 1 and time not in ("", "0")):
            print(f"wrong: {line}")
            bad += 1
    if number != CHILDREN:
        print(f"{number} exits of {CHILDREN} children")
    return 1 if bad or number != CHILDREN else 0


def main(arguments: list[str]) -> int:
    verbs = {"split": split, "order": order, "exits": exits}
    if len(arguments) != 3 or arguments[0] not in verbs:
        sys.exit(f"usage: {__doc__}")
    return verbs[arguments[0]](*arguments[1:]) or os.EX_OK


sys.exit(main(sys.argv[1:]))
