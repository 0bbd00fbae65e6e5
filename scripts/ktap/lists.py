# SPDX-License-Identifier: GPL-2.0
"""Lists that people write: of differences, injected bugs, unreachable coverage points, limits, lines of the scorecard.

All have one syntax. An entry is lines "key: value" without an empty line between them; a key may stand there several
times where KINDS allows that. A line that begins with "#" is a comment. The first entry says what the list is of:

    list: differences

    reason: C looks at the first netlink message only
    test: datagrams.datagram.two_messages
    test: datagrams.datagram.many_messages
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# The keys of each kind of list, and how often an entry has each: once (1), once or not at all (?), at least once (+), any
# number of times (*).
KINDS = {
    "differences": {"reason": "1", "test": "*", "sometimes": "*"},
    "differences of a guest": {"reason": "1", "test": "*", "sometimes": "*"},
    "differences of the fuzzer": {"operation": "1", "differs": "1", "reason": "1"},
    "unreachable coverage points": {"point": "1", "reason": "1"},
    "parts left out": {"part": "1", "reason": "1"},
    "slow fixtures": {"fixture": "1", "reason": "1"},
    "injected bugs": {"bug": "1", "program": "+", "file": "1", "old": "+", "new": "*"},
    "lines of the scorecard": {"line": "1", "what": "1", "small": "1", "full": "?", "program": "*"},
    "limits": {"row": "1", "case": "1", "times": "1"},
}
# With more, it would be another connector.
GUEST_DIFFERS_MOST = 10
HOW_OFTEN = {"1": (1, 1), "?": (0, 1), "+": (1, None), "*": (0, None)}
WORDS = {"1": "once", "?": "at most once", "+": "at least once", "*": "any number of times"}


class Malformed(Exception):
    """A list that cannot be used; the text says where, why, and what to write."""


@dataclass
class Entry:
    path: Path
    number: int
    values: dict[str, list[str]]

    def one(self, key: str) -> str:
        return self.values[key][0] if self.values.get(key) else ""

    def all(self, key: str) -> list[str]:
        return self.values.get(key, [])

    def malformed(self, text: str) -> Malformed:
        return Malformed(f"{self.path}:{self.number}: {text}")


def split(path: Path) -> list[Entry]:
    entries: list[Entry] = []
    entry = None
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            entry = None
            continue
        if not (found := re.match(r"([a-z]+): *(.*?)\s*$", line)):
            raise Malformed(f"{path}:{number}: '{line}' is no line 'key: value'; comments begin with '#'")
        if entry is None:
            entry = Entry(path, number, {})
            entries.append(entry)
        entry.values.setdefault(found[1], []).append(found[2])
    return entries


def check(entry: Entry, kind: str) -> None:
    keys = KINDS[kind]
    for key in entry.values:
        if key not in keys:
            raise entry.malformed(f"an entry of a list of {kind} has no '{key}'; it has: {', '.join(keys)}")
    for key, often in keys.items():
        least, most = HOW_OFTEN[often]
        count = len(entry.all(key))
        if count < least or most is not None and count > most:
            raise entry.malformed(f"'{key}:' is there {count} times in this entry, and has to be {WORDS[often]}")
        # Injected bugs may have an empty line; what else is empty was forgotten.
        if key not in ("old", "new") and "" in entry.all(key):
            raise entry.malformed(f"'{key}:' has no value")


def kind_of(path: Path) -> str:
    """What a list is of, as it says; it may be no list."""
    entries = split(path)
    return entries[0].one("list") if entries else ""


def read(path: Path, kind: str = "") -> list[Entry]:
    """The entries of a list, of this kind if one is named; each is complete."""
    entries = split(path)
    if not entries or entries[0].one("list") not in KINDS or len(entries[0].values) != 1:
        raise Malformed(f"{path}: the first entry has to say what the list is of, as 'list: differences'; "
                        f"there are: {', '.join(KINDS)}")
    if kind and entries[0].one("list") != kind:
        raise entries[0].malformed(f"this is a list of {entries[0].one('list')}, and one of {kind} is wanted")
    kind = entries[0].one("list")
    first = next(iter(KINDS[kind]))
    seen: dict[str, int] = {}
    for entry in entries[1:]:
        check(entry, kind)
        # The reason of differences may be that of several entries, a row has several cases.
        name = entry.one(first)
        if name in seen and first not in ("reason", "row"):
            raise entry.malformed(f"'{first}: {name}' is in line {seen[name]} already")
        seen[name] = entry.number
    if kind == "differences of a guest":
        tests = {without_variant(name) for entry in entries[1:] for name in entry.all("test") + entry.all("sometimes")}
        if len(tests) > GUEST_DIFFERS_MOST:
            raise entries[0].malformed(f"{len(tests)} tests differ on a guest, and at most {GUEST_DIFFERS_MOST} may")
    return entries[1:]


def without_variant(test: str) -> str:
    """A test of a kselftest program, <program>.<fixture>[.<variant>].<test>, for all variants."""
    parts = test.split(".")
    return ".".join([*parts[:2], parts[-1]])


def columns(path: Path, keys: list[str]) -> list[str]:
    """For shell: a line for each entry with these values, tabs between them, and commas between those of one key."""
    return ["\t".join(",".join(entry.all(key)) for key in keys) for entry in read(path)]
