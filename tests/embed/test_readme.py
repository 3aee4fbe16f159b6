#!/usr/bin/env python3
"""The program that the README shows compiles as it stands against the two files it speaks of, and serves a client.

What else shows its loop (the Korean README, the header) shows the same lines.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = Path(os.environ.get("AKSU_BUILD", ROOT / "build")) / "amalgamation"
FLAGS = ["-std=c17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result"]
LINES_MAX = 25


def block_of(path):
    return re.search(r"^```c\n(.*?)^```", path.read_text(), re.M | re.S).group(1)


def statements(text):
    """Lines without their comments, stars, indentation and repeated blanks."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    return [" ".join(line.strip(" *").split()) for line in text.splitlines() if line.strip(" *")]


class Readme(unittest.TestCase):
    def test_program_compiles_and_serves(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "readme_block.h").write_text(block_of(ROOT / "README.md"))
            program = Path(folder, "program")
            sources = [ROOT / "tests/embed/readme_host.c", FILES / "aksu.c"]
            command = ["cc", *FLAGS, f"-I{folder}", f"-I{FILES}", *map(str, sources), "-o", str(program)]
            built = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(built.returncode, 0, built.stderr)
            self.assertEqual(subprocess.run([program], timeout=60, check=False).returncode, 0)

    def test_program_is_short(self):
        self.assertLessEqual(len(block_of(ROOT / "README.md").splitlines()), LINES_MAX)

    def test_other_places_show_the_same_loop(self):
        shown = statements(block_of(ROOT / "README.md"))
        loop = shown[shown.index("for (;;) {") :]
        self.assertEqual(statements(block_of(ROOT / "README.ko.md")), loop)
        header = (ROOT / "include/aksu/aksu.h").read_text()
        inside = re.search(r"^ \*     for \(;;\) \{\n(.*?)^ \*     \}\n", header, re.M | re.S).group(0)
        self.assertEqual(statements(inside), loop)


if __name__ == "__main__":
    unittest.main()
