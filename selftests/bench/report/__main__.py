# SPDX-License-Identifier: GPL-2.0
"""Reports what a run has measured.

    python3 selftests/bench/report <folder>                  table.txt and charts beside results.csv, the table printed
    python3 selftests/bench/report <folder> --publish <top>  the same figures into the documentation of the project
    python3 selftests/bench/report <file> --gate <limits>    whether figures keep to limits, as KTAP
"""

from __future__ import annotations

import sys
from pathlib import Path

import gate
import goals
import lists
import results
import table


def about(folder: Path, measured: results.Results) -> str:
    """What else the figures depend on."""
    return f"{(folder / 'about.txt').read_text(encoding='utf-8').strip()}; {measured.rounds()} rounds."


def report(folder: Path) -> None:
    measured = results.read(folder / "results.csv")
    verdicts = goals.check(measured)
    text = f"{about(folder, measured)}\n\n{table.tables(measured)}\n{goals.listing(verdicts)}"
    (folder / "table.txt").write_text(text, encoding="utf-8")
    # What only reads figures does without matplotlib.
    import charts
    charts.write(folder, measured)
    print(text)
    missed = sum(goal.met is False for goal in verdicts)
    absent = sum(goal.met is None for goal in verdicts)
    print(f"{len(verdicts) - missed - absent} goals met, {missed} missed, {absent} not measured")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case [folder]:
                report(Path(folder))
            case [folder, "--publish", top]:
                import publish
                measured = results.read(Path(folder) / "results.csv")
                publish.publish(measured, about(Path(folder), measured), Path(top))
            case [file, "--gate", limits]:
                return gate.report(results.read(Path(file)), lists.read(Path(limits), "limits"))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (results.Malformed, lists.Malformed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main(sys.argv[1:]))
