# SPDX-License-Identifier: GPL-2.0
"""Takes the examples out of the documentation of Rust files, each into a file of its own: examples.py <folder> <file>...

Prints the names of the files, without ".rs". An example is the body of a function, unless it is a whole module.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path


def examples(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The line that each begins in, and its text, with the lines that readers of the documentation do not see."""
    inside: list[str] | None = None
    start = 0
    for number, line in enumerate(lines, 1):
        found = re.match(r" *//[/!] ?(.*)$", line)
        if not found:
            inside = None
        elif found[1] == "```" and inside is None:
            inside, start = [], number
        elif found[1] == "```" and inside is not None:
            yield start, "".join(f"{text}\n" for text in inside)
            inside = None
        elif inside is not None:
            inside.append(re.sub("^# |^#$", "", found[1]))


def main(folder: Path, paths: list[str]) -> None:
    for path in paths:
        for number, (start, text) in enumerate(examples(Path(path).read_text(encoding="utf-8").split("\n")), 1):
            name = f"example_{Path(path).stem}_{number}"
            if "module_connector!" not in text:
                text = f"pub fn example() {{\n{text}}}\n"
            head = f"// From {path}, line {start}.\n#![allow(dead_code, missing_docs, unused)]\n"
            (folder / f"{name}.rs").write_text(head + text, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
