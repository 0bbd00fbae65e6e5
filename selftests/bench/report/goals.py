# SPDX-License-Identifier: GPL-2.0
"""What the connector is to reach, and whether a run has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from results import Name, Results
from table import draw, number

# What is compared of the sections with interrupts off: the mode, the row, the work, and by how much the sections of the
# kernel itself differ, which a window, or a whole round, may see or not.
IRQS_OFF = [
    ("icount", "irqs_off", "", "a window's longest", 0.10),
    ("icount", "irqs_off_longest", "", "the longest ever seen", 0.25),
    ("turns", "irqs_off", "two_senders", "two processors that send, a window's longest", 0.50),
]

# The shortest tick is a million instructions, and a grace period waits for one at least, in the time that is counted. A
# tenth of that is far above what registering needs.
NO_GRACE_PERIOD = 100_000


@dataclass
class Goal:
    """One line: what is to be reached, what was, and the verdict; None where nothing was measured."""

    text: str
    figure: str = "not measured"
    met: bool | None = None


def named(row: str, mode: str = "icount", **parameters: object) -> Name:
    return Name(mode, row, ";".join(f"{key}={value}" for key, value in parameters.items()) or "-")


def judge(text: str, figure: str, value: float | None, test: Callable[[float], bool]) -> Goal:
    if value is None:
        return Goal(text)
    return Goal(text, figure.format(number(value)), test(value))


def every(text: str, results: Results, names: Iterable[Name], ours: str, other: str, less: bool = False) -> Goal:
    """Ours costs no more than the other one (or less) in every case."""
    missed, compared = [], 0
    for name in names:
        mine, theirs = results.median(name, ours), results.median(name, other)
        if mine is None or theirs is None:
            continue
        compared += 1
        if mine > theirs or (less and mine == theirs):
            missed.append((mine / theirs, f"{name.case}: {number(mine)} against {number(theirs)}"))
    if not compared:
        return Goal(text)
    if not missed:
        return Goal(text, f"all {compared} cases", True)
    return Goal(text, f"{len(missed)} of {compared} cases not; the worst is {max(missed)[1]}", False)


def quotient(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def dispatch(results: Results) -> Iterator[Goal]:
    hits = ("first", "last")
    one = {hit: results.above_baseline(named("dispatch", callbacks=1, hit=hit), "rust") for hit in hits}
    many = {hit: results.above_baseline(named("dispatch", callbacks=65536, hit=hit), "rust") for hit in hits}
    worst = max((value for value in one.values() if value is not None), default=None)
    yield judge(
        "a dispatch among 1 callback costs at most 100 above the baseline", "{}", worst, lambda value: value <= 100
    )
    more = [many[hit] - one[hit] for hit in hits if many[hit] is not None and one[hit] is not None]
    yield judge(
        "among 65,536 at most 20 more than among 1", "{} more", max(more, default=None), lambda value: value <= 20
    )
    absent = [name for name in results.names("icount", "dispatch") if name.parameters().get("hit") == "absent"]
    yield every("an id that is not there costs less than on C, with any number", results, absent, "rust", "c", True)


def messages(results: Results) -> Iterator[Goal]:
    for row in ("echo", "multicast"):
        yield every(f"{row}: ours at most C's, in every case", results, results.names("icount", row), "rust", "c")
    for row in ("echo", "multicast"):
        large = [name for name in results.names("icount", row) if int(name.parameters().get("payload", 0)) >= 512]
        yield every(f"{row}: the crate less than C from 512 bytes on", results, large, "crate", "c", True)
    yield every("echo: ours at most generic netlink's", results, results.names("icount", "echo"), "rust", "genl")
    # To the kernel a datagram is a datagram, whoever looks at it; from it there is the crate's bundle and C's.
    for text, direction, bundle, provider in (
        ("to the kernel", "in", "in", "rust"),
        ("from the kernel, crate", "out", "out", "crate"),
        ("from the kernel, C interface", "out", "bundle", "rust"),
    ):
        single = results.median(named("batch", direction=direction, size=32), "c")
        ours = results.median(named("batch", direction=bundle, size=32), provider)
        yield judge(
            f"32 messages in one datagram ({text}): 8 times fewer each than C one by one", "{} times",
            quotient(single, ours), lambda value: value >= 8,
        )


def longest(results: Results, mode: str, row: str, work: str, what: str, callbacks: int) -> float | None:
    """The longest section in any round, by this work or any. The kernel has its own, which a round may see or not;
    so those without a connector count as well where there is one callback."""
    return max(
        (
            value
            for name in results.names(mode, row)
            if (name.parameters().get("what"), name.parameters().get("callbacks")) == (what, str(callbacks))
            and work in ("", name.parameters().get("work"))
            for provider in ("rust", "crate", *(("baseline", "minimal") if callbacks == 1 else ()))
            for value in results.values[name].get(provider, {}).values()
        ),
        default=None,
    )


def registrations(results: Results) -> Iterator[Goal]:
    name = named("register", callbacks=65536)
    yield judge(
        "registering and unregistering among 65,536: 500 times fewer than C", "{} times",
        quotient(results.median(name, "c"), results.median(name, "rust")), lambda value: value >= 500,
    )
    waits = [results.median(name, "rust") for name in results.names("icount", "register")]
    yield judge(
        "unregistering an idle callback waits for no grace period", "{} instructions with registering",
        max((value for value in waits if value is not None), default=None), lambda value: value <= NO_GRACE_PERIOD,
    )
    worst: list[float] = []
    for name in results.names("icount", "memory") + results.names("wall", "memory"):
        ours, theirs = results.median(name, "rust"), results.median(name, "c")
        if ours is not None and theirs is not None:
            worst.append(ours - theirs)
    yield judge(
        "memory for a callback: at most C's and 64 bytes", "{} bytes more", max(worst, default=None),
        lambda value: value <= 64,
    )
    yield from irqs_off(results)


def irqs_off(results: Results) -> Iterator[Goal]:
    """What a window shows of the work, and what the worst of all windows shows of all that was going on."""
    for mode, row, work, which, tolerance in IRQS_OFF:
        for what, who in (("irq", "interrupts"), ("bh", "bottom halves")):
            text = f"{who} off, {which}: with 65,536 not above that with 1, to within {tolerance:.0%}"
            many, few = (longest(results, mode, row, work, what, callbacks) for callbacks in (65536, 1))
            if many is None or few is None:
                yield Goal(text)
            else:
                yield Goal(text, f"{number(many)} against {number(few)}", many <= few * (1 + tolerance))


def programs(results: Results) -> Iterator[Goal]:
    for what, text in (
        ("listen", "cnctl listen"),
        ("request", "requests of the client crate"),
        ("acknowledged-request", "acknowledged requests of it"),
    ):
        shares = [
            quotient(results.median(name, "minimal"), results.median(name, "crate"))
            for name in results.names("icount", "client") if name.parameters().get("what") == what
        ]
        yield judge(
            f"{text}: at least 0.95 of a small C program's throughput", "{}",
            min((share for share in shares if share is not None), default=None), lambda value: value >= 0.95,
        )


def senders(results: Results) -> Iterator[Goal]:
    for ids in ("same", "different"):
        yield judge(
            f"two senders, {ids} ids: at least 0.95 of what netlink itself reaches", "{}",
            results.share_of_baseline(named("two_senders", mode="wall", ids=ids), "rust"), lambda value: value >= 0.95,
        )


def check(results: Results) -> list[Goal]:
    return [goal for part in (dispatch, messages, registrations, programs, senders) for goal in part(results)]


def verdict(goal: Goal) -> str:
    return {True: "met", False: "missed", None: "unknown"}[goal.met]


def listing(goals: list[Goal]) -> str:
    """The goals as a table."""
    lines = [["Goal", "Verdict", "Measured"]]
    lines += [[goal.text, verdict(goal), goal.figure] for goal in goals]
    return draw(lines, text_columns=3)
