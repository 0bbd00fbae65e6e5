# SPDX-License-Identifier: GPL-2.0
"""KTAP of what "cargo test" prints, whose own format for programs is not stable yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

TEST = re.compile(r"test (.+) \.\.\. (ok|FAILED|ignored)(?:, (.*))?$")
# The output of a failing test comes behind all results.
OUTPUT = re.compile(r"---- (.+) stdout ----$")


def name_of(text: str) -> str:
    """A name without spaces: those of examples in the documentation have a file and a line."""
    text = re.sub(r" \(line (\d+)\)", r":\1", text).replace(" - ", " ")
    return re.sub(r" \(.*\)$", "", text).replace(" ", ".")


def convert(lines: Iterable[str], prefix: str) -> Iterator[str]:
    found: list[tuple[str, str, str]] = []
    printed: dict[str, list[str]] = {}
    output: list[str] = []
    for line in map(str.rstrip, lines):
        if match := TEST.match(line):
            found.append((match[1], match[2], match[3] or ""))
        elif match := OUTPUT.match(line):
            output = printed.setdefault(match[1], [])
        elif line == "failures:":
            output = []
        elif line:
            output.append(line)
    yield "KTAP version 1"
    yield f"1..{len(found)}"
    for number, (name, result, why) in enumerate(found, 1):
        yield from (f"# {line}" for line in printed.get(name, []))
        skip = f" # SKIP {why}".rstrip() if result == "ignored" else ""
        yield f"{'not ok' if result == 'FAILED' else 'ok'} {number} {prefix}.{name_of(name)}{skip}"
