# SPDX-License-Identifier: GPL-2.0
"""Takes a page of the documentation apart: page.py <page> <folder> [kind of kernel]

    files/NAME   what blocks with a caption hold; an included file is copied from beside the page
    build.sh     the commands of blocks of the language sh, in order; where a file is shown, it is copied from $FILES
    session      blocks of the language console: "# command" lines, each with its output below

A block with a class ("own", "stock", "packages") is for that kind of kernel only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

INDENT = "   "


@dataclass
class Block:
    kind: str
    argument: str
    caption: str = ""
    kernel: str = ""
    lines: list[str] = field(default_factory=list)


def blocks(lines: list[str]) -> Iterator[Block]:
    """Each code block and included file; empty lines belong to a block when more of it follows."""
    block = None
    options = False
    for line in [*lines, "the end"]:
        if found := re.match(r"\.\. (code-block|literalinclude):: (\S*)", line):
            if block:
                yield block
            block, options = Block(found[1], found[2]), True
        elif block and options and (found := re.match(rf"{INDENT}:([a-z-]+): *(.*)$", line)):
            if found[1] == "caption":
                block.caption = found[2]
            elif found[1] == "class":
                block.kernel = found[2]
        elif block and (not line or line.startswith(INDENT)):
            options = False
            block.lines.append(line.removeprefix(INDENT))
        elif block:
            yield block
            block = None


def text(block: Block) -> str:
    return "\n".join(block.lines).strip("\n") + "\n"


def take_apart(page: Path, folder: Path, kernel: str = "") -> None:
    build, session = "", ""
    for block in blocks(page.read_text(encoding="utf-8").split("\n")):
        if block.kernel not in ("", kernel):
            continue
        if block.caption:
            build += f'cp "$FILES/{block.caption}" .\n'
        if block.kind == "literalinclude":
            (folder / "files" / Path(block.argument).name).write_bytes((page.parent / block.argument).read_bytes())
        elif block.caption:
            (folder / "files" / block.caption).write_text(text(block), encoding="utf-8")
        elif block.argument == "sh":
            build += text(block)
        elif block.argument == "console":
            session += text(block)
    (folder / "build.sh").write_text(build, encoding="utf-8")
    (folder / "session").write_text(session, encoding="utf-8")


if __name__ == "__main__":
    take_apart(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
