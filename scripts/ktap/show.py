# SPDX-License-Identifier: GPL-2.0
"""Shows the results of a job as they come: one line for each program or step, and the comments of failing ones."""

from __future__ import annotations

import sys
import time
from collections import Counter

from ktap import Test
from verdict import Differences, problem, results, record_problems

# What takes less is no news.
LONG = 5


class Show:
    """With "brief", what passes is counted only. With "comments", other lines are shown at once."""

    def __init__(self, differences: Differences, brief: bool = False, comments: bool = False) -> None:
        self.differences = differences
        self.brief = brief
        self.comments = comments
        self.count = 0
        self.last = time.monotonic()

    def begin(self) -> None:
        """Until the first line has come, a guest has booted."""
        self.last = time.monotonic()

    def line(self, text: str) -> None:
        print(text, flush=True)

    def comment(self, text: str) -> None:
        if self.comments:
            self.line(f"      {text.removeprefix('#').removeprefix(' ')}")

    def done(self, test: Test) -> None:
        self.differences.apply(test)
        if test.is_suite:
            record_problems(test)
        found = list(results(test))
        self.count += len(found)
        seconds, self.last = time.monotonic() - self.last, time.monotonic()
        outcomes = Counter(result.outcome for result in found)
        if self.brief and not outcomes["fail"]:
            return
        text = self.suite(test, outcomes) if test.is_suite else self.single(test, outcomes)
        if seconds >= LONG:
            text += f", {seconds:.0f} s"
        self.line(f"  {test.provider + '  ' if test.provider else '':7}{test.name:32} {text}")
        if outcomes["fail"]:
            self.explain(test)

    def single(self, test: Test, outcomes: Counter[str]) -> str:
        if outcomes["absent"]:
            return test.reason()
        if outcomes["skip"]:
            return f"skipped: {test.reason()}"
        text = "FAILED" if outcomes["fail"] else "different on purpose" if outcomes["different"] else "ok"
        return f"{text}: {test.note}" if test.note and not outcomes["different"] else text

    def suite(self, test: Test, outcomes: Counter[str]) -> str:
        if test.skipped and not test.tests:
            return f"skipped: {test.reason()}"
        text = f"{outcomes['pass']} passed"
        for outcome, name in (("fail", "FAILED"), ("different", "different on purpose"), ("skip", "skipped")):
            if outcomes[outcome]:
                text += f", {outcomes[outcome]} {name}"
        why = problem(test)
        return f"{text} ({why})" if why else text

    def explain(self, test: Test) -> None:
        """The comments of failing tests, each before its result."""
        if test.is_suite:
            for inner in test.tests:
                if inner.is_suite or not inner.ok:
                    self.explain(inner)
            lines = test.rest if problem(test) else []
        else:
            lines = [*([] if self.comments else test.comments), f"not ok {test.name}"]
        for line in lines:
            self.line(f"        {line}")

    def end(self) -> None:
        if self.brief:
            self.line(f"  {self.count} tests")
        sys.stdout.flush()
