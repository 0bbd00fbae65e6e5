# SPDX-License-Identifier: GPL-2.0
"""The medians as tables that are plain text and reStructuredText at once."""

from __future__ import annotations

from results import Name, Results

# The rows whose message goes the same way through netlink as that of the baseline.
ABOVE_BASELINE = {"dispatch"}

TITLES = {
    "dispatch": "One message with 32 bytes from a kernel socket to its callback, above what netlink itself costs",
    "echo": "A program sends a message and the callback replies to it",
    "multicast": "A message from the kernel to everyone who listens to a group",
    "batch": "Many messages, each one; to the kernel (in; C: in a datagram each), from it (out; C interface: in a "
    "datagram each), from it in one datagram by the C interface (bundle)",
    "register": "Registering and unregistering one callback, among others",
    "unregister_sleeping": "Unregistering a callback that is running and sleeps for 10 ms; C does not wait for it",
    "two_senders": "Two senders at the same time, on two processors",
    "one_sender": "One sender",
    "sender_with_storm": "One sender, while the other processor registers and unregisters",
    "registrations": "Registering and unregistering without pause, while the other processor is idle or sends",
    "memory": "Memory for one callback",
    "module": "Size of the module",
    "load": "Loading and unloading the module",
    "processes": "A process forks, executes a program and ends; the baseline has no connector. C has process events "
    "only where its connector is built in",
    "client": "What one more message costs a program and the kernel together: the client crate, or cnctl listen "
    "(crate); a small C program (minimal)",
    "irqs_off": "The longest section with bottom halves (bh) or interrupts (irq) off, as a window typically shows it",
    "irqs_off_longest": "The longest such section in any window of a round, whatever it belongs to",
}

LABELS = {"c": "C", "rust": "ours", "crate": "crate", "guest": "guest", "genl": "genl", "minimal": "minimal", "baseline": "baseline"}


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2f}"


def ratio(value: float | None, other: float | None) -> str:
    if value is None or other is None or other <= 0 or value < 0:
        return ""
    quotient = value / other
    return f"{quotient:,.0f}" if quotient >= 100 else f"{quotient:.2f}"


def title(results: Results, mode: str, row: str, unit: str) -> str:
    how = {"icount": "", "turns": " of two processors that take turns", "guest": "; on a kernel whose connector is built in"}.get(
        mode, f"; {mode} clock, {results.accelerators[mode]}")
    baseline = results.baseline(Name(mode, row, "-"))
    above = f"; the baseline is {number(baseline)}" if row in ABOVE_BASELINE else ""
    return f"{TITLES.get(row, row)} ({unit}{above}{how})"


def cells(results: Results, mode: str, row: str, unit: str) -> list[list[str]]:
    """The header and one line for each case."""
    names = results.names(mode, row, unit)
    if row in ABOVE_BASELINE:
        names = [name for name in names if set(results.values[name]) != {"baseline"}]
    value = results.above_baseline if row in ABOVE_BASELINE else results.median
    providers = [
        provider for provider in results.providers(mode, row)
        if any(provider in results.values[name] for name in names)
    ]
    # Of a rate more is better, and it is held against what netlink alone reached at the same time, if that can do the same.
    rate = unit.endswith("/s")
    baseline = "baseline" in providers
    parameters = list(dict.fromkeys(key for name in names for key in name.parameters()))
    head = parameters + [LABELS[provider] for provider in providers]
    # Where the connector is built in, ours is a guest; beside it the same work of the crate where it is not one.
    guest = mode == "guest"
    if guest:
        head.append("crate, no guest")
    head += (["C/baseline", "ours/baseline"] if baseline else ["ours/C"]) if rate else ["C/guest" if guest else "C/ours"]
    lines = [head]
    for name in names:
        given = name.parameters()
        line = [given.get(parameter, "any") for parameter in parameters]
        line += [number(value(name, provider)) for provider in providers]
        if guest:
            line.append(number(value(Name("icount", name.row, name.case), "crate")))
        if rate and not baseline:
            line.append(ratio(value(name, "rust"), value(name, "c")))
        elif rate:
            line += [ratio(results.share_of_baseline(name, provider), 1) for provider in ("c", "rust")]
        else:
            line.append(ratio(value(name, "c"), value(name, "guest" if guest else "rust")))
        lines.append(line)
    return lines


def draw(lines: list[list[str]], text_columns: int) -> str:
    """A table with a head; all but the first columns are aligned to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]

    def align(line: list[str]) -> str:
        return "  ".join(
            cell.ljust(width) if column < text_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()

    bar = "  ".join("=" * width for width in widths)
    return "\n".join([bar, align(lines[0]), bar, *map(align, lines[1:]), bar]) + "\n"


def tables(results: Results) -> str:
    text = []
    for mode, row, unit in results.rows():
        lines = cells(results, mode, row, unit)
        parameters = {key for name in results.names(mode, row, unit) for key in name.parameters()}
        text.append(f"{title(results, mode, row, unit)}\n\n{draw(lines, len(parameters))}")
    return "\n".join(text)
