# SPDX-License-Identifier: GPL-2.0
"""What results mean: whether each test passes, fails, or fails on purpose, and the verdict on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lists
from ktap import ABSENT, Test


@dataclass
class Result:
    """The result of one test; "outcome" is pass, fail, different, skip or absent."""

    name: str
    outcome: str
    reason: str
    provider: str


def kind_of(provider: str) -> str:
    """The connector in C, or a guest of it; nothing for ours, which may not differ."""
    kind = provider.split("-")[0]
    return kind if kind in ("c", "guest") else ""


def plain(name: str) -> str:
    """Without what the harness puts in front of tests that have no fixture."""
    return name.replace(".global.", ".")


# The kinds of connectors that differ on purpose: how their lists begin, and how their differences are shown.
LISTS = {"differences": "c", "differences of a guest": "guest"}
TITLES = {"c": "Differences from the C connector", "guest": "What a guest of the C connector cannot do"}


class Differences:
    """Tests that fail on the C connector, or on a guest of it, because ours differs on purpose, with their reasons."""

    def __init__(self, *paths: Path) -> None:
        self.paths: dict[str, Path] = {}
        self.reasons: dict[str, dict[str, str]] = {kind: {} for kind in TITLES}
        self.sometimes: dict[str, set[str]] = {kind: set() for kind in TITLES}
        for path in paths:
            self.read(path)

    def read(self, path: Path) -> None:
        kind = LISTS.get(lists.kind_of(path), "c")
        self.paths[kind] = path
        reasons = self.reasons[kind]
        for entry in lists.read(path, next(name for name in LISTS if LISTS[name] == kind)):
            if not entry.all("test") + entry.all("sometimes"):
                raise entry.malformed("this difference has no 'test:', nor one that fails 'sometimes:'")
            for name in map(plain, entry.all("test") + entry.all("sometimes")):
                if name in reasons:
                    raise entry.malformed(f"{name} has a reason already")
                reasons[name] = entry.one("reason")
            self.sometimes[kind].update(map(plain, entry.all("sometimes")))

    def reason(self, provider: str, name: str) -> str:
        return self.reasons.get(kind_of(provider), {}).get(name, "")

    def apply(self, test: Test, prefix: str = "") -> None:
        """Marks what fails as it is to; what failed for nothing else has then not failed."""
        name = plain(prefix + test.name)
        if test.is_suite:
            for inner in test.tests:
                self.apply(inner, f"{name}.")
            if not test.ok and not test.note and any(inner.differs for inner in test.leaves()):
                test.ok = all(inner.ok for inner in test.leaves())
        elif not test.ok and (reason := self.reason(test.provider, name)):
            test.ok, test.note = True, f"XFAIL {reason}"


def problem(suite: Test) -> str:
    """What is wrong with a suite itself, next to its tests."""
    if not suite.ok and suite.note:
        return suite.note
    if suite.plan is not None and suite.plan != len(suite.tests) or not suite.tests and not suite.skipped:
        return f"{len(suite.tests)} of {suite.plan or 0} tests reported"
    if not suite.ok and all(inner.ok for inner in suite.tests):
        return "it has failed, and none of its tests has"
    return ""


def record_problems(suite: Test) -> None:
    """Lets suites say themselves what is wrong with them; then they are written as if they were whole."""
    for inner in suite.tests:
        if inner.is_suite:
            record_problems(inner)
    if why := problem(suite):
        suite.ok, suite.note = False, why
    suite.plan = len(suite.tests)


def outcome(test: Test) -> str:
    if test.skipped:
        return "absent" if test.reason().startswith(ABSENT) else "skip"
    if not test.ok:
        return "fail"
    return "different" if test.differs else "pass"


def results(test: Test, prefix: str = "") -> Iterator[Result]:
    """The results of a test with all that is in it."""
    name = prefix + test.name
    if test.is_suite:
        for inner in test.tests:
            yield from results(inner, f"{name}.")
        if why := problem(test):
            yield Result(plain(f"{name}.runs"), "fail", why, test.provider)
    if not test.is_suite or test.skipped and not test.tests:
        yield Result(plain(name), outcome(test), test.reason().removeprefix(ABSENT), test.provider)


def of_job(job: Test) -> Iterator[Result]:
    """Tests of a connector are known by the names of their programs, others by that of the job."""
    allowed = job.headers.get("may-skip", "")
    for test in job.tests:
        for result in results(test, "" if test.provider else f"{job.name}."):
            if not (result.outcome == "skip" and allowed and allowed in result.reason):
                yield result


class Verdict:
    """All results together. With "whole", each difference must have been tried on each connector of its kind."""

    def __init__(self, differences: Differences, whole: bool) -> None:
        self.differences = differences
        self.whole = whole
        self.passed = 0
        self.different: dict[str, set[str]] = {kind: set() for kind in TITLES}
        self.absent: list[str] = []
        self.failures: list[str] = []
        self.tried: dict[str, dict[str, str]] = {}

    def add(self, result: Result) -> None:
        where = f"{result.name} on {result.provider}" if result.provider else result.name
        why = f" ({result.reason})" if result.reason else ""
        kind = kind_of(result.provider)
        listed = self.differences.reason(result.provider, result.name)
        if result.outcome == "absent":
            self.absent.append(where + why)
            return
        if kind:
            self.tried.setdefault(result.provider, {})[result.name] = result.outcome
        if result.outcome == "skip":
            if not kind:
                self.failures.append(f"{where} was skipped{why}")
        elif result.outcome == "different":
            self.passed += 1
            self.different[kind].add(result.name)
        elif result.outcome == "fail":
            unlisted = ", and is not on the list of differences" if kind else ""
            self.failures.append(f"{where} fails{unlisted}{why}")
        elif listed and result.name not in self.differences.sometimes[kind]:
            self.failures.append(f"{where} passes, but is on the list of differences")
        else:
            self.passed += 1

    def look_for_all(self) -> None:
        for provider in sorted({*TITLES, *self.tried}):
            tried = self.tried.get(provider, {})
            for name in self.differences.reasons[kind_of(provider)]:
                if name not in tried:
                    self.failures.append(f"{name} is on the list of differences, but was not tried on {provider}")
                elif tried[name] == "skip":
                    self.failures.append(f"{name} is on the list of differences, but is skipped on {provider}")

    def lines(self) -> Iterator[str]:
        if self.whole:
            self.look_for_all()
        for kind, title in TITLES.items():
            if self.different[kind]:
                yield f"\n{title}, each on purpose ({self.differences.paths[kind]}):"
                yield from self.explained(kind)
        for title, texts in (("Not tried", self.absent), ("Failures", self.failures)):
            if texts:
                yield f"\n{title}:"
                yield from (f"  {text}" for text in texts)
        yield f"\n{self.passed} passed, {len(self.failures)} failed"

    def explained(self, kind: str) -> Iterator[str]:
        """The differences of a kind, those with one reason behind it."""
        last = ""
        for name, reason in self.differences.reasons[kind].items():
            if name in self.different[kind]:
                if reason != last:
                    yield f"  {reason}"
                last = reason
                yield f"      {name}"

    def status(self) -> int:
        return 1 if self.failures or not self.passed and not self.absent else 0
