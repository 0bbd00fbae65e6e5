# SPDX-License-Identifier: GPL-2.0
"""Reads the results of tests, which are KTAP.

    ktap read NAME FOLDER [option...]       a job's results, on standard input: shows them as they come, and leaves FOLDER/NAME.ktap
        --differences LIST      what is to fail on the C connector, or on a guest of it; any number of lists
        --brief                 what passes is counted only
        --comments              lines between the results are shown at once
        --only REGEX            of the outermost tests, only those with such a name (a kernel has tests of its own)
        --header KEY=VALUE      something to know of the job
    ktap verdict [--whole] [--differences LIST...] [--broken JOB...] FILE...   judges all; the last line is "N passed, M failed"
    ktap failures FILE                      the first test that fails, and how many others do
    ktap compare FILE OUTPUT                whether the kernel's "kunit.py parse" counts the same in a file as this; KTAP
    ktap cargo PREFIX                       KTAP of what "cargo test" says on standard input
    ktap list LIST KEY...                   the entries of a list, with tabs between these values of each
    ktap lists LIST...                      whether these are lists
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
from pathlib import Path

import kunit
import libtest
import lists
import show
from ktap import Reader, Test, read, write
from verdict import Differences, Verdict, of_job

# A kernel's console has the time before each line.
CONSOLE = re.compile(r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")


def read_job(given: argparse.Namespace) -> int:
    differences = Differences(*given.differences)
    shown = show.Show(differences, given.brief, given.comments)

    def wanted(test: Test) -> bool:
        return re.search(given.only, test.name) is not None

    reader = Reader(lambda test: shown.done(test) if wanted(test) else None, shown.comment)
    for number, line in enumerate(sys.stdin):
        if not number:
            shown.begin()
        reader.feed(CONSOLE.sub("", line))
    job = reader.finish()
    job.name = given.name
    if given.only:
        job.tests, job.plan, job.rest = list(filter(wanted, job.tests)), None, []
    job.headers |= dict(header.split("=", 1) for header in given.header)
    if why := problem_of_job(job):
        job.tests.append(Test("runs", False, why, comments=job.rest))
        job.rest = []
        shown.done(job.tests[-1])
    job.ok = all(test.ok for test in job.tests)
    shown.end()
    given.folder.mkdir(parents=True, exist_ok=True)
    write(given.folder / f"{given.name}.ktap", [job])
    return 0


def problem_of_job(job: Test) -> str:
    """Other things may follow what was planned, as the result of the guest."""
    status = job.headers.pop("status", "0")
    if not job.tests:
        return f"no result was reported{f', and it ended with status {status}' if status != '0' else ''}"
    if job.plan is not None and len(job.tests) < job.plan:
        return f"{len(job.tests)} of {job.plan} tests reported"
    if status != "0" and all(test.ok for test in job.tests):
        return f"it ended with status {status}"
    return ""


def jobs(path: Path) -> list[Test]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return read(file).tests


def judge(given: argparse.Namespace) -> int:
    verdict = Verdict(Differences(*given.differences), given.whole)
    for path in given.files:
        for job in jobs(path):
            for result in of_job(job):
                verdict.add(result)
    verdict.failures += [f"{name}.runs fails (the job did not get to its end)" for name in given.broken]
    print(*verdict.lines(), sep="\n")
    return verdict.status()


def failures(given: argparse.Namespace) -> int:
    failed = [result for job in jobs(given.file) for result in of_job(job) if result.outcome == "fail"]
    if failed:
        why = f" ({failed[0].reason})" if failed[0].name.endswith(".runs") else ""
        print(failed[0].name + why + (f" and {len(failed) - 1} more" if len(failed) > 1 else ""))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ktap", usage=__doc__)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("read")
    verb.set_defaults(run=read_job)
    verb.add_argument("name")
    verb.add_argument("folder", type=Path)
    verb.add_argument("--differences", type=Path, action="append", default=[])
    verb.add_argument("--brief", action="store_true")
    verb.add_argument("--comments", action="store_true")
    verb.add_argument("--only", default="")
    verb.add_argument("--header", action="append", default=[])
    verb = verbs.add_parser("verdict")
    verb.set_defaults(run=judge)
    verb.add_argument("--whole", action="store_true")
    verb.add_argument("--differences", type=Path, action="append", default=[])
    verb.add_argument("--broken", action="append", default=[])
    verb.add_argument("files", type=Path, nargs="*")
    verb = verbs.add_parser("failures")
    verb.set_defaults(run=failures)
    verb.add_argument("file", type=Path)
    verb = verbs.add_parser("compare")
    verb.set_defaults(run=lambda given: kunit.compare(jobs(given.file), given.output.read_text(), given.file.stem))
    verb.add_argument("file", type=Path)
    verb.add_argument("output", type=Path)
    verb = verbs.add_parser("cargo")
    verb.set_defaults(run=lambda given: print(*libtest.convert(sys.stdin, given.prefix), sep="\n"))
    verb.add_argument("prefix")
    verb = verbs.add_parser("list")
    verb.set_defaults(run=lambda given: print(*lists.columns(given.file, given.keys), sep="\n"))
    verb.add_argument("file", type=Path)
    verb.add_argument("keys", nargs="+")
    verb = verbs.add_parser("lists")
    verb.set_defaults(run=lambda given: [lists.read(path) for path in given.files] and 0)
    verb.add_argument("files", type=Path, nargs="+")
    return parser.parse_args()


def main() -> int:
    # An interrupted run ends without a word more.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    given = arguments()
    try:
        return given.run(given) or 0
    except (lists.Malformed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


sys.exit(main())
