# SPDX-License-Identifier: GPL-2.0
"""Tests of what takes pages of the documentation apart; "make check" runs them."""

from __future__ import annotations

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


if __name__ == "__main__":
    unittest.main()
