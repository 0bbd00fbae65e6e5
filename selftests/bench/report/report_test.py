# SPDX-License-Identifier: GPL-2.0
"""Tests of what reads and judges the results; "make check" runs them."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import gate
import goals
import lists
import results
import table
from goals import named


def read(*lines: str) -> results.Results:
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("\n".join([",".join(results.COLUMNS), *lines]) + "\n")
        file.flush()
        return results.read(Path(file.name))


class Reading(unittest.TestCase):
    def test_median_over_rounds(self) -> None:
        measured = read(*(f"icount,tcg,{round},echo,ack=no,c,{value},instructions"
                          for round, value in enumerate((7, 100, 9))))
        self.assertEqual(measured.median(named("echo", ack="no"), "c"), 9)
        self.assertIsNone(measured.median(named("echo", ack="no"), "rust"))
        self.assertEqual(measured.rounds(), 3)

    def test_baseline_of_the_row_is_taken_off(self) -> None:
        measured = read("icount,tcg,1,dispatch,-,baseline,800,instructions",
                        "icount,tcg,1,dispatch,callbacks=1;hit=last,rust,890,instructions")
        self.assertEqual(measured.above_baseline(named("dispatch", callbacks=1, hit="last"), "rust"), 90)

    def test_share_of_baseline_is_taken_within_rounds(self) -> None:
        measured = read(*(f"wall,tcg,{round},two_senders,ids=same,{provider},{value},messages/s"
                          for round, pair in enumerate(((90, 100), (9, 10), (990, 1000)))
                          for provider, value in zip(("rust", "baseline"), pair)))
        self.assertEqual(measured.share_of_baseline(named("two_senders", mode="wall", ids="same"), "rust"), 0.9)

    def test_malformed_lines_are_named(self) -> None:
        for line in ("icount,tcg,1,echo,-,c,7", "icount,tcg,1,echo,-,nobody,7,ns", "icount,tcg,1,echo,-,c,many,ns",
                     "icount,tcg,x,echo,-,c,7,ns", "icount,tcg,1,echo,-,c,7,ns,more"):
            with self.subTest(line), self.assertRaisesRegex(results.Malformed, "line 2"):
                read(line)
        with self.assertRaisesRegex(results.Malformed, "line 3: this round was there before"):
            read("icount,tcg,1,echo,-,c,7,ns", "icount,tcg,1,echo,-,c,7,ns")
        with self.assertRaisesRegex(results.Malformed, "nothing was measured"):
            read()


class Judging(unittest.TestCase):
    def verdict(self, text: str, *lines: str) -> bool | None:
        [goal] = [goal for goal in goals.check(read(*lines)) if goal.text.startswith(text)]
        return goal.met

    def test_what_was_not_measured_is_neither_met_nor_missed(self) -> None:
        verdicts = goals.check(read("icount,tcg,1,other,-,c,7,ns"))
        self.assertEqual({goal.met for goal in verdicts}, {None})

    def test_limits_are_inclusive(self) -> None:
        for value, met in ((900, True), (901, False)):
            self.assertIs(self.verdict("a dispatch among 1 ", "icount,tcg,1,dispatch,-,baseline,800,instructions",
                          f"icount,tcg,1,dispatch,callbacks=1;hit=last,rust,{value},instructions"), met)

    def test_every_case_counts(self) -> None:
        lines = [f"icount,tcg,1,echo,ack=no;payload={payload},{provider},{value},instructions"
                 for payload, values in ((16, (50, 50)), (512, (60, 59)))
                 for provider, value in zip(("c", "rust"), values)]
        self.assertIs(self.verdict("echo: ours at most C's", *lines), True)
        lines[-1] = lines[-1].replace(",59,", ",61,")
        self.assertIs(self.verdict("echo: ours at most C's", *lines), False)

    def test_crate_is_below_in_large_rows_only(self) -> None:
        for row in ("echo", "multicast"):
            lines = [f"icount,tcg,1,{row},payload={payload},{provider},{value},instructions"
                     for payload, values in ((16, (50, 55)), (512, (60, 59)), (16000, (80, 79)))
                     for provider, value in zip(("c", "crate"), values)]
            self.assertIs(self.verdict(f"{row}: the crate less", *lines), True)
            lines[-1] = lines[-1].replace(",79,", ",80,")
            self.assertIs(self.verdict(f"{row}: the crate less", *lines), False)

    def test_a_grace_period_shows(self) -> None:
        for value, met in ((2_000, True), (1_002_000, False)):
            self.assertIs(self.verdict("unregistering an idle callback", "icount,tcg,1,register,callbacks=1,rust,"
                          f"{value},instructions"), met)

    def test_two_processors_are_held_against_netlink_too(self) -> None:
        case = "what=bh;work=two_senders;callbacks="
        for value, met in ((7_500, True), (7_501, False)):
            self.assertIs(self.verdict("bottom halves off, two processors", *(
                f"turns,tcg,1,irqs_off,{case}{line},instructions"
                for line in (f"65536,crate,{value}", "1,rust,4000", "1,baseline,5000", "1,c,9000"))), met)

    def test_other_work_of_two_processors_does_not_count(self) -> None:
        self.assertIsNone(self.verdict("bottom halves off, two processors", *(
            f"turns,tcg,1,irqs_off,what=bh;work=register_traffic;callbacks={callbacks},rust,1,instructions"
            for callbacks in (1, 65536))))


class Limits(unittest.TestCase):
    def gate(self, ours: int, times: str = "0.5", case: str = "callbacks=1;hit=last") -> str:
        text = f"list: limits\n\nrow: dispatch\ncase: {case}\ntimes: {times}\n"
        measured = read("icount,tcg,1,dispatch,-,baseline,800,instructions",
                        "icount,tcg,1,dispatch,callbacks=1;hit=last,c,1200,instructions",
                        f"icount,tcg,1,dispatch,callbacks=1;hit=last,rust,{ours},instructions")
        printed = io.StringIO()
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file, contextlib.redirect_stdout(printed):
            file.write(text)
            file.flush()
            gate.report(measured, lists.read(Path(file.name), "limits"))
        return printed.getvalue().splitlines()[-1]

    def test_a_tenth_more_passes(self) -> None:
        self.assertEqual(self.gate(1020), "ok 1 dispatch.callbacks_1_hit_last # 220 instructions, at most 220; C 400, 0.55 times")
        self.assertTrue(self.gate(1021).startswith("not ok 1 "))

    def test_a_few_instructions_more_pass(self) -> None:
        self.assertTrue(self.gate(819, "0.01").startswith("ok 1 "))
        self.assertTrue(self.gate(820, "0.01").startswith("not ok 1 "))

    def test_what_was_not_measured_fails(self) -> None:
        self.assertEqual(self.gate(900, case="callbacks=7"), "not ok 1 dispatch.callbacks_7 # not measured")

    def test_limits_are_numbers(self) -> None:
        with self.assertRaisesRegex(lists.Malformed, "'times: many' is no number above 0"):
            self.gate(900, "many")


class Drawing(unittest.TestCase):
    def test_numbers(self) -> None:
        self.assertEqual([table.number(value) for value in (None, 5, 0.125, 1234567)], ["", "5", "0.12", "1,234,567"])
        self.assertEqual(table.ratio(10, 0), "")

    def test_columns_are_those_measured(self) -> None:
        measured = read("icount,tcg,1,dispatch,-,baseline,800,instructions",
                        "icount,tcg,1,dispatch,callbacks=1;hit=last,c,1000,instructions",
                        "icount,tcg,1,dispatch,callbacks=1;hit=last,rust,900,instructions")
        self.assertEqual(table.cells(measured, "icount", "dispatch", "instructions"),
                         [["callbacks", "hit", "C", "ours", "C/ours"], ["1", "last", "200", "100", "2.00"]])

    def test_a_guest_is_beside_the_crate_elsewhere(self) -> None:
        measured = read("icount,tcg,1,echo,ack=no,crate,80,instructions", "guest,tcg,1,echo,ack=no,c,200,instructions",
                        "guest,tcg,1,echo,ack=no,guest,100,instructions")
        self.assertEqual(table.cells(measured, "guest", "echo", "instructions"),
                         [["ack", "C", "guest", "crate, no guest", "C/guest"], ["no", "200", "100", "80", "2.00"]])


if __name__ == "__main__":
    unittest.main()
