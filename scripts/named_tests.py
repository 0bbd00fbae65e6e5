# SPDX-License-Identifier: GPL-2.0
"""Checks that each test that SECURITY.md and reliability.rst name exists: named_tests.py <folder of the project>

A name in backquotes is `program: test`, a further test of that program, a program, a scenario of "make torture", a variant of
a test, or a file.
"""

import re
import sys
from pathlib import Path

TOP = Path(sys.argv[1])
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_F_TIMEOUT|TEST_SIGNAL|TEST_F_SIGNAL)\((?:\w+,\s*)?(\w+)", re.M)
VARIANT = re.compile(r"^FIXTURE_VARIANT_ADD\(\w+,\s*(\w+)", re.M)


def texts(page):
    """The parts of a page that name tests: paragraphs with "Tests:", and the last cells of tables."""
    source = page.read_text()
    yield from re.findall(r"^ *Tests: (.*?)(?=^ *- |^$|\Z)", source, re.M | re.S)
    yield from re.findall(r"^\|.*\|(.*)\|$", source, re.M)
    yield from re.findall(r"^     - (.*?)(?=^   \* - |^\S|\Z)", source, re.M | re.S)


def main():
    tests, variants = {}, set()
    for file in (TOP / "selftests").rglob("*.c"):
        source = file.read_text()
        tests.setdefault(file.stem, set()).update(TEST.findall(source))
        variants.update(VARIANT.findall(source))
    scenarios = {file.stem for file in (TOP / "selftests/torture").rglob("*.sh")}
    named = missing = 0
    for page in (TOP / "SECURITY.md", TOP / "Documentation/reliability.rst"):
        for text in texts(page):
            program = ""
            for name in re.findall(r"`+([^`]+)`+", text):
                named += 1
                if ": " in name:
                    program, name = name.split(": ", 1)
                    found = name in tests.get(program, ())
                elif "/" in name:
                    found = (TOP / name).exists()
                else:
                    found = (name in tests.get(program, ()) or name in tests or name in scenarios
                             or any(variant.startswith(name) for variant in variants))
                if not found:
                    missing += 1
                    print(f"{page.name}: there is no test {program + ': ' if program else ''}{name}")
    print(f"{named} names, {missing} of them of no test")
    return missing > 0 or named == 0


sys.exit(main())
