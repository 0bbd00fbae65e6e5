# SPDX-License-Identifier: GPL-2.0
"""Tests of the reader of results; "make check" runs them."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import ktap
import kunit
import libtest
import lists
import show
import verdict
from ktap import Test

GUEST = """KTAP version 1
# provider: c
ok 1 module.loads
    KTAP version 1
    # Subtest: acks
    1..3
    # Starting 3 tests from 1 test cases.
    #  RUN           global.one ...
    # acks.c:7:one:Expected 1 (1) == 2 (2)
    not ok 1 global.one
    ok 2 two # SKIP not a feature
    ok 3 three words
    # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
not ok 2 acks
ok 3 leaks.after_unload # 0 unreferenced objects
"""

LIST = """list: differences

# A reason is stated once.
reason: C is different
test: acks.one
sometimes: acks.two
"""


@contextlib.contextmanager
def file_with(text: str):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_text(text, encoding="utf-8")
        yield path


def read(text: str, name: str = "job") -> Test:
    job = ktap.read(text.split("\n"))
    job.name = name
    return job


def outcomes(job: Test) -> list[tuple[str, str, str]]:
    for test in job.tests:
        if test.is_suite:
            verdict.record_problems(test)
    return [(result.name, result.outcome, result.reason) for result in verdict.of_job(job)]


class Reading(unittest.TestCase):
    def test_programs_are_suites(self) -> None:
        job = read(GUEST)
        self.assertEqual([(test.name, test.ok, test.note) for test in job.tests], [
            ("module.loads", True, ""), ("acks", False, ""), ("leaks.after_unload", True, "0 unreferenced objects")])
        acks = job.tests[1]
        self.assertEqual([test.name for test in acks.tests], ["global.one", "two", "three_words"])
        self.assertEqual(acks.tests[0].comments, ["# acks.c:7:one:Expected 1 (1) == 2 (2)"])
        self.assertEqual({test.provider for test in job.tests}, {"c"})

    def test_outcomes(self) -> None:
        self.assertEqual(outcomes(read(GUEST)), [
            ("module.loads", "pass", ""), ("acks.one", "fail", ""), ("acks.two", "skip", "not a feature"),
            ("acks.three_words", "pass", ""), ("leaks.after_unload", "pass", "0 unreferenced objects")])

    def test_guest_that_dies_is_a_failure(self) -> None:
        text = "".join(line + "\n" for line in GUEST.split("\n")[:9]) + "[   12.345678] BUG: unable to"
        self.assertIn(("acks.runs", "fail", "the run ended during it"), outcomes(read(text)))
        # Behind it stands how the guest has ended.
        job = read(text + "\n# provider: none\nnot ok 0 guest # its kernel complained")
        self.assertEqual(outcomes(job)[1:], [
            ("acks.runs", "fail", "the run ended during it"), ("job.guest", "fail", "its kernel complained")])

    def test_missing_tests_are_a_failure(self) -> None:
        text = GUEST.replace("    ok 3 three words\n", "").replace("not ok 2 acks", "not ok 2 acks # it ended with status 137")
        self.assertIn(("acks.runs", "fail", "it ended with status 137"), outcomes(read(text)))
        self.assertIn(("acks.runs", "fail", "2 of 3 tests reported"), outcomes(read(text.replace(" # it ended with status 137", ""))))

    def test_program_that_fails_without_a_failing_test(self) -> None:
        text = GUEST.replace("not ok 1 global.one", "ok 1 global.one")
        self.assertIn(("acks.runs", "fail", "it has failed, and none of its tests has"), outcomes(read(text)))

    def test_program_without_tests_says_why(self) -> None:
        job = read("KTAP version 1\n    # Subtest: notify\n    1..0 # SKIP not of C\nok 1 notify # SKIP\n")
        self.assertEqual(outcomes(job), [("job.notify", "skip", "not of C")])

    def test_program_that_says_nothing(self) -> None:
        job = read("    KTAP version 1\n    # Subtest: quiet\nok 1 quiet\n")
        self.assertEqual(outcomes(job), [("job.quiet.runs", "fail", "0 of 0 tests reported")])

    def test_streams_behind_each_other_are_one(self) -> None:
        job = read("KTAP version 1\n1..1\nok 1 host.a\nKTAP version 1\n1..2\nok 1 core.b\n# core.c panicked\nnot ok 2 core.c")
        self.assertEqual((job.plan, [test.name for test in job.tests]), (3, ["host.a", "core.b", "core.c"]))
        self.assertEqual(job.tests[2].comments, ["# core.c panicked"])

    def test_suites_in_suites(self) -> None:
        job = read("    # Subtest: a\n        KTAP version 1\n        # Subtest: b\n        ok 1 c\n    not ok 1 b\nnot ok 1 a\n")
        self.assertEqual(outcomes(job), [
            ("job.a.b.c", "pass", ""), ("job.a.b.runs", "fail", "it has failed, and none of its tests has")])

    def test_results_deep_in_what_a_test_says_are_none(self) -> None:
        job = read("KTAP version 1\n  ok 7 said by somebody\nok 1 real\n")
        self.assertEqual([(test.name, test.comments) for test in job.tests], [("real", ["  ok 7 said by somebody"])])

    def test_what_is_missing_here_is_no_failure(self) -> None:
        job = read("# provider: rust\nok 1 programs.forkstat # SKIP not on this machine: apt knows no forkstat\n")
        self.assertEqual(outcomes(job), [("programs.forkstat", "absent", "apt knows no forkstat")])

    def test_skips_that_are_allowed_are_left_out(self) -> None:
        job = read("# may-skip: PREEMPT_RT\nok 1 a # SKIP not on PREEMPT_RT\nok 2 b # SKIP not today\n")
        self.assertEqual(outcomes(job), [("job.b", "skip", "not today")])


class Writing(unittest.TestCase):
    def written(self, job: Test) -> str:
        for test in job.tests:
            if test.is_suite:
                verdict.record_problems(test)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            ktap.write(path, [job])
            return path.read_text(encoding="utf-8")

    def test_what_was_written_is_read_again(self) -> None:
        job = read(GUEST)
        job.headers = {"seed": "17"}
        text = self.written(job)
        [again] = ktap.read(text.split("\n")).tests
        self.assertEqual(self.written(again), text)
        self.assertEqual(outcomes(again), outcomes(job))
        self.assertEqual(again.headers, {"seed": "17"})

    def test_broken_runs_are_written_whole(self) -> None:
        job = read("\n".join(GUEST.split("\n")[:10]))
        text = self.written(job)
        self.assertIn("    not ok 2 acks # the run ended during it\n", text)
        self.assertNotIn("1..3\n        #", text)
        [again] = ktap.read(text.split("\n")).tests
        self.assertEqual(outcomes(again), outcomes(job))


class Judging(unittest.TestCase):
    def judge(self, *texts: str, whole: bool = False, differences: str = LIST) -> tuple[str, int]:
        with file_with(differences) as path:
            listed = verdict.Differences(path)
            judged = verdict.Verdict(listed, whole)
            for text in texts:
                job = read(text)
                for test in job.tests:
                    listed.apply(test)
                for result in verdict.of_job(job):
                    judged.add(result)
            return "\n".join(judged.lines()), judged.status()

    def test_listed_difference_has_its_reason_and_passes(self) -> None:
        printed, status = self.judge(GUEST.replace("ok 2 two # SKIP not a feature", "not ok 2 two"))
        self.assertIn("  C is different\n      acks.one\n      acks.two", printed)
        self.assertTrue(printed.endswith("5 passed, 0 failed"), printed)
        self.assertEqual(status, 0)

    def test_unlisted_difference_fails(self) -> None:
        printed, status = self.judge(GUEST.replace("ok 3 three", "not ok 3 three"))
        self.assertIn("acks.three_words on c fails, and is not on the list of differences", printed)
        self.assertEqual(status, 1)

    def test_listed_difference_that_passes_fails(self) -> None:
        printed, _ = self.judge(GUEST.replace("not ok 1 global.one", "ok 1 global.one").replace("not ok 2 acks", "ok 2 acks"))
        self.assertIn("acks.one on c passes, but is on the list of differences", printed)
        self.assertIn("3 passed, 1 failed", printed)

    def test_ours_may_neither_differ_nor_skip(self) -> None:
        printed, _ = self.judge(GUEST.replace("provider: c", "provider: rust"))
        self.assertIn("acks.one on rust fails\n  acks.two on rust was skipped (not a feature)", printed)

    def test_guest_has_a_list_of_its_own(self) -> None:
        guest = GUEST.replace("provider: c", "provider: guest")
        of_guest = LIST.replace("differences", "differences of a guest")
        said, _ = self.judge(guest)
        self.assertIn("acks.one on guest fails, and is not on the list of differences", said)
        said, status = self.judge(guest, differences=of_guest)
        self.assertIn("What a guest of the C connector cannot do, each on purpose", said)
        self.assertIn("  C is different\n      acks.one", said)
        self.assertEqual(status, 0)
        said, _ = self.judge(GUEST, differences=of_guest)
        self.assertIn("acks.one on c fails, and is not on the list of differences", said)

    def test_guest_differs_in_ten_tests_at_most(self) -> None:
        variants = "".join(f"test: a.f.v{number}.t\n" for number in range(20))
        for tests, allowed in ((9, True), (10, False)):
            text = "list: differences of a guest\n\nreason: x\n" + variants + "".join(f"test: a.f.t{i}\n" for i in range(tests))
            with file_with(text) as path:
                if allowed:
                    lists.read(path)
                else:
                    with self.assertRaisesRegex(lists.Malformed, "11 tests differ on a guest, and at most 10 may"):
                        lists.read(path)

    def test_whole_list_has_to_be_tried_on_each_provider_in_c(self) -> None:
        other = GUEST.replace("provider: c", "provider: c-on-rust").replace("global.one", "global.other")
        printed, _ = self.judge(GUEST, other, whole=True)
        self.assertIn("acks.one is on the list of differences, but was not tried on c-on-rust", printed)
        self.assertIn("acks.two is on the list of differences, but is skipped on c", printed)
        printed, _ = self.judge("ok 1 a", whole=True)
        self.assertIn("acks.one is on the list of differences, but was not tried on c", printed)

    def test_nothing_is_no_success(self) -> None:
        self.assertEqual(self.judge(), ("\n0 passed, 0 failed", 1))
        self.assertEqual(self.judge("ok 1 a # SKIP not on this machine: tshark")[1], 0)

    def test_expected_failures_are_written_as_such(self) -> None:
        with file_with(LIST) as path:
            job = read(GUEST)
            for test in job.tests:
                verdict.Differences(path).apply(test)
        self.assertEqual((job.tests[1].ok, job.tests[1].tests[0].note), (True, "XFAIL C is different"))


class Showing(unittest.TestCase):
    def shown(self, text: str, **options: bool) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            shown = show.Show(verdict.Differences(), **options)
            reader = ktap.Reader(shown.done, shown.comment)
            for line in text.split("\n"):
                reader.feed(line)
            reader.finish()
            shown.end()
        return printed.getvalue()

    def test_a_line_for_each_program_and_step(self) -> None:
        printed = self.shown(GUEST)
        self.assertIn("  c      acks                             1 passed, 1 FAILED, 1 skipped\n"
                      "        # acks.c:7:one:Expected 1 (1) == 2 (2)\n        not ok global.one\n", printed)
        self.assertIn("  c      leaks.after_unload               ok: 0 unreferenced objects\n", printed)

    def test_brief(self) -> None:
        printed = self.shown(GUEST, brief=True)
        self.assertNotIn("leaks", printed)
        self.assertIn("not ok global.one\n  5 tests\n", printed)

    def test_comments(self) -> None:
        self.assertIn("      leaks has begun\n", self.shown("# leaks has begun\nok 1 leaks", comments=True))


class Lists(unittest.TestCase):
    def malformed(self, text: str, message: str) -> None:
        with file_with(text) as path, self.assertRaisesRegex(lists.Malformed, message):
            lists.read(path)

    def test_errors_say_where_and_what_to_do(self) -> None:
        self.malformed("reason: x\ntest: y\n", "the first entry has to say what the list is of, as 'list: differences'")
        self.malformed("list: differences\n\nreason: x\ntests: y\n", r":3: an entry of a list of differences has no 'tests'; it has: reason")
        self.malformed("list: differences\n\ntest: y\n", r":3: 'reason:' is there 0 times in this entry, and has to be once")
        self.malformed("list: differences\n\nreason: a\nreason: b\n", r":3: 'reason:' is there 2 times")
        self.malformed("list: differences\n\nreason:\ntest: b\n", r":3: 'reason:' has no value")
        self.malformed("list: differences\n\nacks.one\tx\n", r":3: 'acks.one\tx' is no line 'key: value'")
        bug = "\nbug: a\nprogram: b\nfile: c\nold: d\n"
        self.malformed(f"list: injected bugs\n{bug}{bug}", r":8: 'bug: a' is in line 3 already")

    def test_other_kind(self) -> None:
        with file_with(LIST) as path, self.assertRaisesRegex(lists.Malformed, "of differences, and one of limits is wanted"):
            lists.read(path, "limits")

    def test_test_with_two_reasons(self) -> None:
        with file_with(f"{LIST}\nreason: other\ntest: acks.one\n") as path:
            with self.assertRaisesRegex(lists.Malformed, ":8: acks.one has a reason already"):
                verdict.Differences(path)

    def test_columns(self) -> None:
        with file_with("list: injected bugs\n\nbug: a\nprogram: b\nprogram: c\nfile: d\nold: e\nnew:\n") as path:
            self.assertEqual(lists.columns(path, ["bug", "program", "new"]), ["a\tb,c\t"])


class Cargo(unittest.TestCase):
    OUTPUT = """running 3 tests
test wire::tests::odd ... ok
test registry - register (line 12) ... FAILED
test slow ... ignored, takes long

failures:

---- registry - register (line 12) stdout ----
panicked at 7

failures:
    registry
"""

    def test_names_and_what_failing_tests_say(self) -> None:
        self.assertEqual(list(libtest.convert(self.OUTPUT.split("\n"), "core")), [
            "KTAP version 1", "1..3", "ok 1 core.wire::tests::odd", "# panicked at 7",
            "not ok 2 core.registry.register:12", "ok 3 core.slow # SKIP takes long"])


class Kunit(unittest.TestCase):
    def compared(self, output: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            kunit.compare([read(GUEST)], output, "file")
        return printed.getvalue()

    def test_same_counts(self) -> None:
        self.assertEqual(self.compared("[1] Testing complete. Ran 5 tests: passed: 3, failed: 1, skipped: 1\n"),
                         "ok 0 file # 3 passed, 1 failed, 1 skipped\n")

    def test_other_counts_and_errors(self) -> None:
        self.assertIn("not ok 0 file", self.compared("[1] Testing complete. Ran 5 tests: passed: 5\n"))
        self.assertIn("# [ERROR] Test: x", self.compared(
            "[ERROR] Test: x\n[1] Testing complete. Ran 5 tests: passed: 3, failed: 1, skipped: 1, errors: 1\n"))


if __name__ == "__main__":
    unittest.main()
