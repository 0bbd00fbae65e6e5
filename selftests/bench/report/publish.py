# SPDX-License-Identifier: GPL-2.0
"""Puts the figures of a run into the documentation: its tables, its charts, and the short table of the README."""

from __future__ import annotations

from pathlib import Path

import charts
import goals
import table
from goals import named
from results import Malformed, Results
from table import number

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

# What the README shows: what it is, its name, and whether the baseline is taken off.
SHORT = [
    ("one message to its callback, 1 registered *", named("dispatch", callbacks=1, hit="last"), True),
    ("… 4,096 registered *", named("dispatch", callbacks=4096, hit="last"), True),
    ("… 65,536 registered *", named("dispatch", callbacks=65536, hit="last"), True),
    ("a request with 16 bytes and its reply", named("echo", ack="no", payload=16), False),
    ("a message with 512 bytes to 8 listeners", named("multicast", listeners=8, payload=512), False),
    ("registering and unregistering, 65,536 registered", named("register", callbacks=65536), False),
]


def short_table(results: Results) -> str:
    lines = ["| instructions for | C | this module |", "|---|---:|---:|"]
    for text, name, above in SHORT:
        value = results.above_baseline if above else results.median
        if value(name, "rust") is not None:
            lines.append(f"| {text} | {number(value(name, 'c'))} | {number(value(name, 'rust'))} |")
    return "\n".join(lines)


def pages(results: Results, about: str) -> dict[str, str]:
    """Generated pages by name; performance.rst includes them."""
    head = ".. SPDX-License-Identifier: GPL-2.0\n.. Made by \"make bench-publish\".\n\n"
    return {
        "performance-goals.txt": head + goals.listing(goals.check(results)),
        "performance-tables.txt": f"{head}{about}\n\n{table.tables(results)}",
    }


def publish(results: Results, about: str, top: Path) -> None:
    documentation = top / "Documentation"
    for name, text in pages(results, about).items():
        (documentation / name).write_text(text, encoding="utf-8")
    charts.write(documentation / "charts", results)
    readme = top / "README.md"
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise Malformed(f"{readme}: the lines {BEGIN} and {END} should be there once")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{short_table(results)}\n{END}{after}", encoding="utf-8")
