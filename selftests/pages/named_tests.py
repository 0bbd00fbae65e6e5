# SPDX-License-Identifier: GPL-2.0
"""Checks that each test that SECURITY.md and reliability.rst name exists: named_tests.py <folder of the project>

A name in backquotes is `program.fixture.test`, a further test of that fixture, `program.fixture`, a scenario of
"make torture", a variant of a test, or a file. What a program tests is in the folder with its name.
"""

import re
import sys
from pathlib import Path

TOP = Path(sys.argv[1])
TEST = re.compile(r"^TEST(?:_TIMEOUT|_SIGNAL)?\((\w+)", re.M)
FIXED_TEST = re.compile(r"^TEST_F(?:_TIMEOUT|_SIGNAL)?\((\w+),\s*(\w+)", re.M)
VARIANT = re.compile(r"^FIXTURE_VARIANT_ADD\(\w+,\s*(\w+)", re.M)


def texts(page):
    """The parts of a page that name tests: paragraphs with "Tests:", and the last cells of tables."""
    source = page.read_text()
    yield from re.findall(r"^ *Tests: (.*?)(?=^ *- |^$|\Z)", source, re.M | re.S)
    yield from re.findall(r"^\|.*\|(.*)\|$", source, re.M)
    yield from re.findall(r"^     - (.*?)(?=^   \* - |^\S|\Z)", source, re.M | re.S)


def main():
    tests, variants = {}, set()
    for file in (TOP / "selftests").glob("*/*.c"):
        source = file.read_text()
        program = file.parent.name + "_test"
        for fixture, test in [("global", test) for test in TEST.findall(source)] + FIXED_TEST.findall(source):
            tests.setdefault(f"{program}.{fixture}", set()).add(test)
        variants.update(VARIANT.findall(source))
    scenarios = {file.stem for file in (TOP / "selftests/torture").rglob("*.sh")}
    named = missing = 0
    for page in (TOP / "SECURITY.md", TOP / "Documentation/reliability.rst"):
        for text in texts(page):
            fixture = ""
            for name in re.findall(r"`+([^`]+)`+", text):
                named += 1
                if name.count(".") == 2 and "/" not in name:
                    fixture, name = name.rsplit(".", 1)
                    found = name in tests.get(fixture, ())
                elif "/" in name:
                    found = (TOP / name).exists()
                else:
                    found = (name in tests.get(fixture, ()) or name in tests or name in scenarios
                             or any(variant.startswith(name) for variant in variants))
                if not found:
                    missing += 1
                    print(f"{page.name}: there is no test {fixture + '.' if fixture else ''}{name}")
    print(f"{named} names, {missing} of them of no test")
    return missing > 0 or named == 0


sys.exit(main())
