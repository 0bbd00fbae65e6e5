# SPDX-License-Identifier: GPL-2.0
"""Holds the figures of a run against their limits.

Ours may need so many times the instructions of C in the same run, and a tenth or 15 instructions more, whichever is more:
counts differ by up to ten between runs. For a dispatch both are taken above the baseline, what netlink itself costs.
"""

from __future__ import annotations

import re

from lists import Entry
from results import Name, Results
from table import ABOVE_BASELINE

MODE = "icount"


def judge(measured: Results, limit: Entry) -> tuple[bool, str]:
    name = Name(MODE, limit.one("row"), limit.one("case"))
    value = measured.above_baseline if name.row in ABOVE_BASELINE else measured.median
    ours, theirs = value(name, "rust"), value(name, "c")
    if ours is None or theirs is None or theirs <= 0:
        return False, "not measured"
    expected = float(limit.one("times")) * theirs
    most = expected + max(expected / 10, 15)
    return ours <= most, f"{ours:.0f} instructions, at most {most:.0f}; C {theirs:.0f}, {ours / theirs:.5g} times"


def report(measured: Results, limits: list[Entry]) -> int:
    """One result for each limit; the status is that of all."""
    status = 0
    print(f"KTAP version 1\n1..{len(limits)}")
    for number, limit in enumerate(limits, 1):
        if not re.fullmatch(r"[0-9]*\.?[0-9]+", limit.one("times")) or not float(limit.one("times")):
            raise limit.malformed(f"'times: {limit.one('times')}' is no number above 0")
        kept, figures = judge(measured, limit)
        status = status if kept else 1
        name = re.sub("[;=]", "_", f"{limit.one('row')}.{limit.one('case')}")
        print(f"{'ok' if kept else 'not ok'} {number} {name} # {figures}")
    return status
