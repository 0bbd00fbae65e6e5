# SPDX-License-Identifier: GPL-2.0
"""Whether the kernel's own reader, tools/testing/kunit/kunit.py, takes a file as this one does."""

from __future__ import annotations

import re
from collections import Counter

from ktap import Test

COUNTS = re.compile(r"Testing complete\. Ran \d+ tests(?:: (.*))?$", re.MULTILINE)


def counts(jobs: list[Test]) -> Counter[str]:
    """What it counts: tests that have no others in them, and suites that fail without one that does."""
    found: Counter[str] = Counter()
    for test in jobs:
        inner = counts(test.tests)
        found += inner
        if not inner or not test.ok and inner["passed"] and not inner["failed"]:
            found["skipped" if test.skipped else "passed" if test.ok else "failed"] += 1
    return found


def compare(jobs: list[Test], output: str, name: str) -> int:
    """Prints a result: that of reading a file, whatever the results in it are."""
    errors = [line for line in output.splitlines() if "[ERROR]" in line]
    summary = COUNTS.search(output)
    theirs = dict(re.findall(r"(\w+): (\d+)", summary[1] or "")) if summary else {}
    ours = {key: str(number) for key, number in counts(jobs).items()}
    if summary and not errors and ours == theirs:
        print(f"ok 0 {name} # {', '.join(f'{number} {key}' for key, number in theirs.items())}")
        return 0
    print(*(f"# {line}" for line in errors[:10]), sep="\n")
    print(f"not ok 0 {name} # kunit.py counts {theirs}, and this reader {ours}")
    return 1
