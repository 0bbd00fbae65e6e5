# SPDX-License-Identifier: GPL-2.0
"""Tests of what makes the scorecard, injects bugs and lists coverage points; "make check" runs them."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import coverage_points
import inject
import ktap
import lists
import scorecard

LINES = """list: lines of the scorecard

line: leaks
what: leaks after use
small: 0
full: none
program: register_test.context
program: realtime:register_test

line: sums
what: sums that wrap
small: 1000
"""

LEAKS = """KTAP version 1
    # Subtest: torture.leaks
    # commit: abc
    # date: 2026-11-27
    # seed: 17
    # percent: 10
    1..3
    ok 1 used
    ok 2 leaks.after_unload # 0 unreferenced objects
    ok 3 guest
ok 1 torture.leaks
"""

SUITE = """KTAP version 1
    # Subtest: torture.suite
    # commit: abc
    # provider: rust
        # Subtest: register_test
        1..3
        ok 1 context.a
        ok 2 context.variant.b
        ok 3 other.c
    ok 1 register_test
    ok 2 sample.echo.loads
    ok 3 sample.echo.unloads
    # provider: none
    ok 4 guest
ok 1 torture.suite
"""


def jobs(*texts: str) -> list[ktap.Test]:
    return [job for text in texts for job in ktap.read(text.split("\n")).tests]


class Scorecard(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)
        (self.path / "lines").write_text(LINES, encoding="utf-8")
        self.lines = lists.read(self.path / "lines", "lines of the scorecard")

    def measured(self, *texts: str) -> dict[str, str]:
        return {name: found.text() for name, found in scorecard.measure(self.lines, jobs(*texts)).items()}

    def test_figures_and_tests_of_programs(self) -> None:
        self.assertEqual(self.measured(LEAKS, SUITE), {"leaks": "0 unreferenced objects (PERCENT=10); 2 tests", "sums": "-"})

    def test_failures_come_first(self) -> None:
        self.assertEqual(self.measured(LEAKS.replace("ok 2 leaks.after_unload # 0", "not ok 2 leaks.after_unload # 7"), SUITE)["leaks"],
                         "FAILED: after_unload 7 unreferenced objects; 2 tests")
        self.assertEqual(self.measured(SUITE.replace("ok 2 context", "not ok 2 context"))["leaks"],
                         "FAILED: register_test.context.variant.b; 1 tests")
        realtime = SUITE.replace("torture.suite", "torture.realtime").replace("ok 1 register_test", "not ok 1 register_test # it hung")
        self.assertEqual(self.measured(realtime)["leaks"], "FAILED: register_test it hung; 3 tests")

    def test_published_results_replace_those_of_their_scenarios(self) -> None:
        old = LEAKS.replace("torture.", "").replace("0 unreferenced", "9 unreferenced")
        other = old.replace("leaks\n", "faults\n").replace("leaks.", "sums.").replace("9 unreferenced objects", "3 sums")
        (self.path / scorecard.RESULTS).write_text(f"{other}{old}", encoding="utf-8")
        (self.path / "new.ktap").write_text(LEAKS, encoding="utf-8")
        (self.path / "suite.ktap").write_text(SUITE, encoding="utf-8")
        scorecard.publish(self.lines, self.path, [self.path / "new.ktap", self.path / "suite.ktap"])
        found = scorecard.read_jobs([self.path / scorecard.RESULTS])
        self.assertEqual([job.name for job in found], ["faults", "leaks", "suite"])
        self.assertEqual([(test.name, test.note) for test in found[2].tests],
                         [("register_test.context", "2 tests"), ("register_test.other", "1 tests"), ("sample.echo", "2 tests"), ("guest", "1 tests")])
        table = (self.path / scorecard.SCORECARD).read_text(encoding="utf-8")
        self.assertIn("     - 0 unreferenced objects (PERCENT=10); 2 tests\n     - ``T='leaks|suite'``\n", table)
        self.assertIn("     - abc of 2026-11-27, ``SEED=17``; ", table)
        self.assertIn("     - 3 sums (PERCENT=10)\n", table)


class Injecting(unittest.TestCase):
    def test_lines_are_found_however_far_indented(self) -> None:
        self.assertEqual(inject.inject(["\ta", "\t\tb", "c"], ["a", "b"], ["x"]), (1, ["x", "c"]))
        self.assertEqual(inject.inject(["a", "a"], ["a"], [])[0], 2)
        self.assertEqual(inject.inject(["a"], ["b"], [])[0], 0)


class CoveragePoints(unittest.TestCase):
    DISASSEMBLY = """Disassembly of section .text:

0000000000000000 <6socket14input_callback>:
       1: callq 0x6 <x+0x6>
\t\t\t0000000000000002:  R_X86_64_PLT32\t__sanitizer_cov_trace_pc-0x4
       6: callq 0xb <x>
\t\t\t0000000000000007:  R_X86_64_PLT32\treached-0x4

0000000000000020 <reached>:
      20: callq 0x25 <y>
\t\t\t0000000000000021:  R_X86_64_PLT32\t__sanitizer_cov_trace_pc-0x4
      25: ud2

0000000000000040 <other>:
      40: callq 0x45 <z>
\t\t\t0000000000000041:  R_X86_64_PLT32\t__sanitizer_cov_trace_pc-0x4
"""

    def test_receive_path_and_panics(self) -> None:
        module = coverage_points.Module()
        module.read(self.DISASSEMBLY.split("\n"))
        self.assertEqual([(point.function, point.offset, point.panics) for point in module.points], [
            ("6socket14input_callback", 6, False), ("reached", 0x25, True), ("other", 0x45, False)])
        self.assertEqual(module.receive_path() & {"6socket14input_callback", "reached", "other"}, {"6socket14input_callback", "reached"})


if __name__ == "__main__":
    unittest.main()
