# SPDX-License-Identifier: GPL-2.0
"""Charts of the medians, as SVG files that are the same for the same figures.

The background is transparent and every colour has a contrast of 3:1 or more with white and with the dark pages of
forges; markers and dashes distinguish lines without colours.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from results import Results

INK = "#7a7a7a"
# colour, marker, dashes, name
STYLES = {
    "c": ("#d55e00", "o", "--", "C connector"),
    "rust": ("#2a82bd", "s", "-", "this connector"),
    "crate": ("#009e73", "D", "-.", "this connector, crate"),
    "genl": ("#b86b97", "^", ":", "generic netlink"),
}
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "connector",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 12,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.transparent": True,
}


def thousands(value: float, _position: int) -> str:
    return f"{value:,.0f}"


def lines(axes: Axes, series: dict[str, list[tuple[int, float]]]) -> None:
    """Both axes logarithmic, with a tick for each number of callbacks that was measured."""
    for provider in [style for style in STYLES if style in series]:
        points = series[provider]
        colour, marker, dashes, label = STYLES[provider]
        if len(points) == 1:
            # It has no callbacks to vary the number of.
            axes.axhline(points[0][1], color=colour, linestyle=dashes, linewidth=2, label=label)
        else:
            axes.plot(*zip(*sorted(points)), color=colour, marker=marker, linestyle=dashes, linewidth=2, label=label)
    ticks = sorted({count for points in series.values() for count, _ in points})
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.set_xlabel("registered callbacks")
    axes.grid(True, axis="y")


def dispatch(axes: Axes, results: Results) -> bool:
    series: dict[str, list[tuple[int, float]]] = {}
    for name in results.names("icount", "dispatch"):
        given = name.parameters()
        for provider in ("c", "rust", "genl"):
            value = results.above_baseline(name, provider)
            # A family of generic netlink is found by its number: there is no first or last.
            if given.get("hit") == ("first" if provider == "genl" else "last") and value is not None and value > 0:
                series.setdefault(provider, []).append((int(given["callbacks"]), value))
    if not series:
        return False
    lines(axes, series)
    axes.set_title("One message to its callback, above what netlink costs")
    axes.set_ylabel("instructions")
    return True


def register(axes: Axes, results: Results) -> bool:
    series: dict[str, list[tuple[int, float]]] = {}
    for name in results.names("icount", "register"):
        given = name.parameters()
        for provider in ("c", "rust"):
            value = results.median(name, provider)
            if value is not None:
                series.setdefault(provider, []).append((int(given["callbacks"]), value))
    if not series:
        return False
    lines(axes, series)
    axes.set_title("Registering and unregistering one callback")
    axes.set_ylabel("instructions")
    return True


def multicast(axes: Axes, results: Results) -> bool:
    names = [name for name in results.names("icount", "multicast") if name.parameters().get("listeners") == "1"]
    providers = [
        provider for provider in STYLES if any(results.median(name, provider) is not None for name in names)
    ]
    if not providers:
        return False
    width = 0.8 / len(providers)
    for position, provider in enumerate(providers):
        colour, _, _, label = STYLES[provider]
        heights = [results.median(name, provider) or 0 for name in names]
        centres = [group - 0.4 + (position + 0.5) * width for group in range(len(names))]
        bars = axes.bar(centres, heights, width * 0.92, color=colour, label=label)
        axes.bar_label(bars, [thousands(height, 0) for height in heights], fontsize=7, padding=2)
    axes.set_xticks(range(len(names)), [f"{int(name.parameters()['payload']):,}" for name in names])
    axes.set_xlabel("bytes of payload")
    axes.set_ylabel("instructions")
    axes.set_title("A message to one listener of a group")
    axes.yaxis.set_major_formatter(FuncFormatter(thousands))
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    return True


CHARTS: dict[str, Callable[[Axes, Results], bool]] = {
    "dispatch": dispatch, "multicast": multicast, "register": register,
}


def svg_of(chart: Callable[[Axes, Results], bool], results: Results) -> str | None:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        text = io.StringIO()
        drawn = chart(axes, results)
        if drawn:
            axes.legend()
            figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    if not drawn:
        return None
    # What comes before the root element names a definition that no viewer needs.
    body = "\n".join(line.rstrip() for line in text.getvalue().split("\n"))
    return "<!-- SPDX-License-Identifier: GPL-2.0 -->\n" + body[body.index("<svg"):]


def write(folder: Path, results: Results) -> list[Path]:
    """Draws what the results allow; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, chart in CHARTS.items():
        text = svg_of(chart, results)
        if text is not None:
            path = folder / f"{name}.svg"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
