# SPDX-License-Identifier: GPL-2.0
"""What a run has measured, and the medians of it.

A measurement is named by its mode (how the guest was run), row (what is measured), case (its circumstances, such as
"callbacks=1;hit=last") and provider (who did the work). Each round of a run has one value for it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

COLUMNS = ["mode", "accelerator", "round", "row", "case", "provider", "value", "unit"]
PROVIDERS = ["c", "rust", "crate", "guest", "genl", "minimal", "baseline"]


class Malformed(Exception):
    """A results file that cannot be used; the text says where and why."""


@dataclass(frozen=True)
class Name:
    """What was measured; the provider is apart, as comparing providers is what it is for."""

    mode: str
    row: str
    case: str

    def parameters(self) -> dict[str, str]:
        """The case as a dictionary; empty for "-"."""
        return dict(part.split("=", 1) for part in self.case.split(";") if "=" in part)


@dataclass
class Results:
    """All values of a run, by name, provider and round, in the order of the file."""

    values: dict[Name, dict[str, dict[int, float]]] = field(default_factory=dict)
    units: dict[Name, str] = field(default_factory=dict)
    accelerators: dict[str, str] = field(default_factory=dict)

    def add(self, line: dict[str, str]) -> None:
        if None in line or None in line.values() or line["provider"] not in PROVIDERS:
            raise ValueError("it should be " + ",".join(COLUMNS))
        name = Name(line["mode"], line["row"], line["case"])
        if self.units.setdefault(name, line["unit"]) != line["unit"]:
            raise ValueError(f"the unit was {self.units[name]} before")
        rounds = self.values.setdefault(name, {}).setdefault(line["provider"], {})
        if int(line["round"]) in rounds:
            raise ValueError("this round was there before")
        rounds[int(line["round"])] = float(line["value"])
        self.accelerators[line["mode"]] = line["accelerator"]

    def rows(self) -> list[tuple[str, str, str]]:
        """Mode, row and unit of everything that was measured; what has no circumstances joins its row."""
        return list(dict.fromkeys((name.mode, name.row, self.units[name]) for name in self.values))

    def names(self, mode: str, row: str, unit: str = "") -> list[Name]:
        """The cases of a row: by number where their parameters are numbers, else in the order of the file."""
        names = [
            name for name in self.values
            if (name.mode, name.row) == (mode, row) and unit in ("", self.units[name])
        ]
        words = list(dict.fromkeys(value for name in names for value in name.parameters().values()))

        def order(name: Name) -> list[int]:
            return [int(value) if value.isdecimal() else words.index(value) for value in name.parameters().values()]

        return sorted(names, key=order)

    def providers(self, mode: str, row: str) -> list[str]:
        measured = {provider for name in self.names(mode, row) for provider in self.values[name]}
        return [provider for provider in PROVIDERS if provider in measured]

    def rounds(self) -> int:
        """The rounds that nearly all rows have; short slices of time have more of their own."""
        counts = [len(rounds) for providers in self.values.values() for rounds in providers.values()]
        return int(median(counts)) if counts else 0

    def median(self, name: Name, provider: str) -> float | None:
        rounds = self.values.get(name, {}).get(provider)
        return median(rounds.values()) if rounds else None

    def baseline(self, name: Name) -> float | None:
        """What netlink itself costs: of this case, or of the whole row."""
        own = self.median(name, "baseline")
        return self.median(Name(name.mode, name.row, "-"), "baseline") if own is None else own

    def above_baseline(self, name: Name, provider: str) -> float | None:
        value, baseline = self.median(name, provider), self.baseline(name)
        return None if value is None or baseline is None else value - baseline

    def share_of_baseline(self, name: Name, provider: str) -> float | None:
        """The median of the ratios within a round, as what disturbs a machine disturbs neighbours in time alike."""
        rounds, baselines = (self.values.get(name, {}).get(which, {}) for which in (provider, "baseline"))
        shares = [value / baselines[number] for number, value in rounds.items() if baselines.get(number)]
        return median(shares) if shares else None


def read(path: Path) -> Results:
    results = Results()
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file)
        if lines.fieldnames != COLUMNS:
            raise Malformed(f"{path}: the first line should be {','.join(COLUMNS)}")
        for line in lines:
            try:
                results.add(line)
            except ValueError as error:
                raise Malformed(f"{path}, line {lines.line_num}: {error}") from None
    if not results.values:
        raise Malformed(f"{path}: nothing was measured")
    return results
