#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints a page of Documentation/ with the files that it includes, for readers who have the page alone: plain_page.py <page>"""

import pathlib
import re
import sys
import textwrap

INCLUDE = re.compile(r"^\.\. literalinclude:: (\S+)\n((?:   :.*\n)*)", re.MULTILINE)


def with_files(page):
    """The text of a page in which each file that it includes is a block of code."""
    def block(match):
        path, options = match.groups()
        language = re.search(r":language: (\S+)", options)
        caption = re.search(r"   :caption: .*\n", options)
        text = (page.parent / path).read_text()
        head = f".. code-block:: {language[1] if language else 'text'}\n{caption[0] if caption else ''}"
        return f"{head}\n{textwrap.indent(text.rstrip(), '   ')}\n"

    return INCLUDE.sub(block, page.read_text())


sys.stdout.write(with_files(pathlib.Path(sys.argv[1])))
