# SPDX-License-Identifier: GPL-2.0
"""Results in KTAP, version 1 (Documentation/dev-tools/ktap.rst of the kernel).

The reader takes a stream as it comes, with what else a guest, cargo or a kernel says in between, also when it breaks off.
The writer makes a whole file of it. Both know these diagnostic lines:

    # provider: c      whose connector the tests that follow are about, or "none"
    # KEY: VALUE       anything else of HEADERS, about the suite that the line is in
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

VERSION = re.compile(r"K?TAP version \d+$")
SUBTEST = re.compile(r"# Subtest: (.+)$")
PLAN = re.compile(r"1\.\.(\d+)(?: # SKIP ?(.*))?$")
RESULT = re.compile(r"(not ok|ok) \d+(?: -)?(?: ([^#]*?))?\s*(?:# ?(.*))?$")
HEADER = re.compile(r"# ([a-z-]+): (.*)$")
# The frame of the harness is no news.
NOISE = re.compile(r"# +(RUN|OK) |# Starting |# (PASSED|FAILED): |# Totals: |# \S+: pass:")

HEADERS = ("commit", "date", "seed", "percent", "may-skip", "status")
# What a machine lacks is no reason to fail, and no test that was left out.
ABSENT = "not on this machine: "


@dataclass
class Test:
    """One test, or a suite of them; "note" stands behind its name, a figure or a reason."""

    name: str = ""
    ok: bool = True
    note: str = ""
    provider: str = ""
    comments: list[str] = field(default_factory=list)
    # Comments after the last of its tests.
    rest: list[str] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    is_suite: bool = False
    plan: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> bool:
        return self.note.startswith("SKIP")

    @property
    def differs(self) -> bool:
        """It fails, and is to: a difference between the connectors."""
        return self.note.startswith("XFAIL")

    def reason(self) -> str:
        return re.sub(r"^(SKIP|XFAIL) ?", "", self.note)

    def leaves(self) -> Iterator[Test]:
        for test in self.tests:
            if test.is_suite:
                yield from test.leaves()
            else:
                yield test


@dataclass
class Open:
    """A suite that is being read."""

    suite: Test
    indent: int
    provider: str = ""


class Reader:
    """Makes a tree of a stream; calls "done" with each test of the outermost suite, "comment" with each other line of it."""

    def __init__(self, done: Callable[[Test], None] | None = None, comment: Callable[[str], None] | None = None) -> None:
        self.root = Test(is_suite=True)
        self.stack = [Open(self.root, 0)]
        self.done = done or (lambda test: None)
        self.comment = comment or (lambda line: None)

    def feed(self, line: str) -> None:
        line = line.rstrip()
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        if VERSION.match(body):
            self.begin(indent)
        elif found := SUBTEST.match(body):
            self.begin(indent)
            self.stack[-1].suite.name = found[1]
        elif (found := RESULT.match(body)) and indent <= self.stack[-1].indent:
            self.result(indent, found[1] == "ok", "_".join((found[2] or "").split()), found[3] or "")
        elif (found := PLAN.match(body)) and indent == self.stack[-1].indent:
            self.plan(int(found[1]), found[2])
        elif body and not NOISE.match(body):
            self.say(line)

    def begin(self, indent: int) -> None:
        """A deeper suite begins; another head of the same one changes nothing."""
        while len(self.stack) > 1 and indent < self.stack[-1].indent:
            self.break_off()
        top = self.stack[-1]
        if indent > top.indent:
            suite = Test(is_suite=True, provider=top.provider, comments=top.suite.rest)
            top.suite.rest = []
            self.stack.append(Open(suite, indent, top.provider))

    def plan(self, number: int, skip: str | None) -> None:
        suite = self.stack[-1].suite
        # Streams behind each other have a plan each.
        suite.plan = number if suite.plan is None or len(self.stack) > 1 else suite.plan + number
        if skip is not None:
            suite.note = f"SKIP {skip}"

    def say(self, line: str) -> None:
        top = self.stack[-1]
        text = line[top.indent:] if line.startswith(" " * top.indent) else line
        if (found := HEADER.match(text)) and found[1] in ("provider", *HEADERS):
            # It may come while an inner suite has broken off.
            of = [one for one in self.stack if one.indent <= len(line) - len(line.lstrip(" "))][-1]
            if found[1] == "provider":
                of.provider = "" if found[2] == "none" else found[2]
            else:
                of.suite.headers[found[1]] = found[2]
        else:
            top.suite.rest.append(text)
            if len(self.stack) == 1:
                self.comment(text)

    def result(self, indent: int, ok: bool, name: str, note: str) -> None:
        while len(self.stack) > 1 and self.stack[-2].indent > indent:
            self.break_off()
        top = self.stack[-1]
        if indent < top.indent and top.suite.name in ("", name):
            suite = self.stack.pop().suite
            suite.name, suite.ok = name, ok
            # The reason of a program that has no tests here stands in its plan.
            if not (suite.skipped and note in ("", "SKIP")):
                suite.note = note
            self.add(suite)
            return
        if indent < top.indent:
            self.break_off()
            top = self.stack[-1]
        comments, top.suite.rest = top.suite.rest, []
        self.add(Test(name, ok, note, top.provider, comments))

    def add(self, test: Test) -> None:
        self.stack[-1].suite.tests.append(test)
        if len(self.stack) == 1:
            self.done(test)

    def break_off(self) -> None:
        suite = self.stack.pop().suite
        suite.ok, suite.note = False, "the run ended during it"
        suite.name = suite.name or "unnamed"
        self.add(suite)

    def finish(self) -> Test:
        while len(self.stack) > 1:
            self.break_off()
        return self.root


def read(lines: Iterable[str]) -> Test:
    reader = Reader()
    for line in lines:
        reader.feed(line)
    return reader.finish()


def comment(line: str) -> str:
    return line if line.startswith("#") else f"# {line}"


def result(number: int, test: Test) -> str:
    note = f" # {test.note}" if test.note else ""
    return f"{'ok' if test.ok else 'not ok'} {number} {test.name}{note}"


def suite(test: Test) -> Iterator[str]:
    """The lines of a suite behind its version, not moved in."""
    yield from (f"# {key}: {value}" for key, value in test.headers.items())
    yield f"1..{len(test.tests)}"
    provider = test.provider
    for number, inner in enumerate(test.tests, 1):
        if inner.provider != provider:
            provider = inner.provider
            yield f"# provider: {provider or 'none'}"
        yield from map(comment, inner.comments)
        if inner.is_suite:
            yield from (f"    {line}" for line in ("KTAP version 1", f"# Subtest: {inner.name}", *suite(inner)))
        yield result(number, inner)
    yield from map(comment, test.rest)


def write(path: Path, tests: list[Test], head: str = "") -> None:
    """One file with these suites, whole or not at all."""
    lines = ["KTAP version 1", *suite(Test(tests=tests))]
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    partial.replace(path)
