# SPDX-License-Identifier: GPL-2.0
"""Tests of what takes pages of the documentation apart; "make check" runs them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import page

PAGE = """Title
=====

.. code-block:: c
   :caption: a.c

   int main(void)

   {

.. code-block:: sh

   make

.. literalinclude:: b.c
   :caption: b.c
   :language: c

.. code-block:: console

   # insmod a.ko
   said

.. code-block:: console
   :class: own

   # cat own

.. code-block:: console
   :class: stock

   # cat stock

.. code-block:: rust

   nothing
"""


class Page(unittest.TestCase):
    def test_files_commands_and_session(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "files").mkdir()
            (folder / "b.c").write_text("b", encoding="utf-8")
            (folder / "page.rst").write_text(PAGE, encoding="utf-8")
            page.take_apart(folder / "page.rst", folder, "own")
            found = {path.name: path.read_text(encoding="utf-8") for path in [*folder.glob("files/*"), folder / "build.sh", folder / "session"]}
        self.assertEqual(found, {"a.c": "int main(void)\n\n{\n", "b.c": "b", "build.sh": 'cp "$FILES/a.c" .\nmake\ncp "$FILES/b.c" .\n',
                                 "session": "# insmod a.ko\nsaid\n# cat own\n"})

    def test_the_page_of_a_package_needs_no_file(self) -> None:
        script = Path(__file__).parents[2] / "scripts" / "plain_page.py"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "b.c").write_text("int b;\n\nint c;\n", encoding="utf-8")
            (folder / "page.rst").write_text(PAGE, encoding="utf-8")
            plain = subprocess.run([sys.executable, script, folder / "page.rst"], check=True, capture_output=True, text=True).stdout
        self.assertEqual(plain, PAGE.replace(".. literalinclude:: b.c\n   :caption: b.c\n   :language: c\n",
                                             ".. code-block:: c\n   :caption: b.c\n\n   int b;\n\n   int c;\n"))


if __name__ == "__main__":
    unittest.main()
