# SPDX-License-Identifier: GPL-2.0
"""Prints a file with one of the bugs of injected_bugs.txt in it: inject.py injected_bugs.txt <bug> <top of the tree>

The lines to be replaced have to be there exactly once; else this fails, and says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lists


def inject(lines: list[str], old: list[str], new: list[str]) -> tuple[int, list[str]]:
    """How often the old lines are there, however far indented, and the lines with the new ones in their place."""
    bare = [line.strip() for line in lines]
    starts = [start for start in range(len(lines) - len(old) + 1) if bare[start:start + len(old)] == old]
    edited = lines
    for start in reversed(starts):
        edited = [*edited[:start], *new, *edited[start + len(old):]]
    return len(starts), edited


def main(path: str, name: str, top: str) -> int:
    try:
        [bug] = [entry for entry in lists.read(Path(path), "injected bugs") if entry.one("bug") == name]
        lines = (Path(top) / bug.one("file")).read_text(encoding="utf-8").split("\n")
    except (lists.Malformed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    count, edited = inject(lines, bug.all("old"), bug.all("new"))
    if count != 1:
        print(f"{bug.path}:{bug.number}: the lines to be replaced are {count} times in {bug.one('file')}", file=sys.stderr)
        return 1
    print("\n".join(edited), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
