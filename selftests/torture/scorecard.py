# SPDX-License-Identifier: GPL-2.0
"""The scorecard: what the torture is to reach, and what its last runs have.

    scorecard.py show scorecard.txt <folder of small runs> <folder of full runs>
    scorecard.py publish scorecard.txt <Documentation> <results of full runs...>

A result belongs to the line whose name its own begins with ("leaks.after_unload"), and a result of a kselftest to the lines
that name its program or fixture: "register_test.context" in the suite, "realtime:register_test.context" in the scenario realtime. A
line with a failure shows that one. The head of a scenario's results has the commit, the date, the seed and the share of the numbers in per cent that
they were made with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import ktap
import lists
import verdict
from ktap import Test

RESULTS, SCORECARD = "reliability-results.txt", "reliability-scorecard.txt"
# Their results are those of selftest programs.
OF_PROGRAMS = {"suite": "", "realtime": "realtime:"}


@dataclass
class Measured:
    """What the scenarios of a run have for one line."""

    figures: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    tests: int = 0
    scenarios: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)

    def text(self) -> str:
        tests = [f"{self.tests} tests"] if self.tests else []
        return "; ".join([*self.failures, *self.figures, *tests]) or "-"

    def note(self, scenario: str, headers: dict[str, str]) -> None:
        if scenario not in self.scenarios:
            self.scenarios.append(scenario)
        if "commit" in headers:
            origin = f"{headers['commit']} of {headers.get('date')}, ``SEED={headers.get('seed')}``"
            if origin not in self.origins:
                self.origins.append(origin)


def name_of(job: Test) -> str:
    return job.name.removeprefix("torture.")


def fixtures(job: Test) -> dict[str, tuple[int, list[str]]]:
    """Of each fixture of the kselftests, and each step beside them: how many tests passed, and what failed."""
    found: dict[str, tuple[int, list[str]]] = {}

    def add(name: str, test: Test) -> None:
        stem = ".".join(verdict.plain(name).split(".")[:2])
        passed, failed = found.setdefault(stem, (0, []))
        if not test.ok:
            failed.append(f"FAILED: {name} {test.note}".rstrip())
        elif not test.skipped:
            # In a published run a result is that of a fixture.
            number = re.match(r"(\d+) tests$", test.note)
            found[stem] = (passed + (int(number[1]) if number else 1), failed)

    for test in job.tests:
        for leaf in test.tests:
            add(f"{test.name}.{leaf.name}", leaf)
        if not test.is_suite or not test.ok and all(leaf.ok for leaf in test.leaves()):
            add(test.name, test)
    return found


def measure(lines: list[lists.Entry], jobs: Iterable[Test]) -> dict[str, Measured]:
    found = {entry.one("line"): Measured() for entry in lines}
    users: dict[str, list[str]] = {}
    for entry in lines:
        for program in entry.all("program"):
            users.setdefault(program, []).append(entry.one("line"))
    for job in jobs:
        scenario = name_of(job)
        share = job.headers.get("percent", "100")
        if scenario in OF_PROGRAMS:
            for fixture, (passed, failed) in fixtures(job).items():
                for line in {line for name in (fixture, fixture.split(".")[0]) for line in users.get(OF_PROGRAMS[scenario] + name, [])}:
                    found[line].note(scenario, job.headers)
                    found[line].tests += passed
                    found[line].failures += failed
            continue
        for test in job.tests:
            stem, _, rest = test.name.partition(".")
            if stem in found:
                found[stem].note(scenario, job.headers)
                if test.ok:
                    reduced = "" if share == "100" else f" (PERCENT={share})"
                    found[stem].figures.append((test.note or rest or stem) + reduced)
                else:
                    found[stem].failures.append(f"FAILED: {rest or stem} {test.note}".rstrip())
    return found


def read_jobs(paths: Iterable[Path]) -> list[Test]:
    jobs = []
    for path in paths:
        with path.open(encoding="utf-8") as file:
            jobs += ktap.read(file).tests
    return sorted(jobs, key=name_of)


def show(lines: list[lists.Entry], small: list[Test], full: list[Test]) -> None:
    columns = {"small": measure(lines, small), "full": measure(lines, full)}
    for entry in lines:
        name = entry.one("line")
        print(f"{name}: {entry.one('what')}")
        for form, measured in columns.items():
            print(f"      {form:5} ({entry.one(form) or entry.one('small')}): {measured[name].text()}")


def table(lines: list[lists.Entry], jobs: list[Test]) -> str:
    """For the documentation."""
    text = """.. SPDX-License-Identifier: GPL-2.0
.. made by make torture-publish

.. list-table::
   :header-rows: 1
   :widths: 12 24 14 30 10 10

   * - Line
     - What
     - Goal
     - Measured
     - Scenarios
     - Commit, date
"""
    for name, measured in measure(lines, jobs).items():
        [entry] = [entry for entry in lines if entry.one("line") == name]
        scenarios = "|".join(measured.scenarios)
        text += f"""   * - {name}
     - {entry.one("what")}
     - {entry.one("full")}
     - {measured.text()}
     - {f"``T='{scenarios}'``" if scenarios else "-"}
     - {"; ".join(measured.origins) or "-"}
"""
    return text


def condense(job: Test) -> Test:
    """With one result for all tests of a fixture that have passed, and without comments."""
    if name_of(job) in OF_PROGRAMS:
        tests = []
        for fixture, (passed, failed) in fixtures(job).items():
            for line in failed:
                name, _, note = line.removeprefix("FAILED: ").partition(" ")
                tests.append(Test(name, False, note))
            tests += [Test(fixture, note=f"{passed} tests")] if passed else []
        job.tests = tests
    job.tests = [Test(test.name, test.ok, test.note) for test in job.tests]
    job.name, job.rest = name_of(job), []
    return job


HEAD = ("SPDX-License-Identifier: GPL-2.0", "made by make torture-publish")


def publish(lines: list[lists.Entry], documentation: Path, paths: list[Path]) -> None:
    new = list(map(condense, read_jobs(paths)))
    old = read_jobs([documentation / RESULTS])
    # The head of the file is read as comments of its first job.
    for job in old:
        job.comments = [line for line in job.comments if line.lstrip("# ") not in HEAD]
    jobs = sorted([*new, *(job for job in old if job.name not in {job.name for job in new})], key=name_of)
    ktap.write(documentation / RESULTS, jobs, "".join(f"# {line}\n" for line in HEAD))
    (documentation / SCORECARD).write_text(table(lines, jobs), encoding="utf-8")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["show", path, small, full]:
                show(lists.read(Path(path), "lines of the scorecard"),
                     *(read_jobs(sorted(Path(folder).glob("*.ktap"))) for folder in (small, full)))
            case ["publish", path, documentation, *results]:
                publish(lists.read(Path(path), "lines of the scorecard"), Path(documentation), list(map(Path, results)))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (lists.Malformed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
