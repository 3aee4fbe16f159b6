#!/usr/bin/env python3
"""Draws the pictures of docs/lab.md: lab_pictures.py [--check] AKSU [DOCUMENT].

The document names them: lab/NAME.LANG.svg is the ladder of a scenario, lab/diagram-NAME.LANG.svg the states that its hosts
passed, lab/states.LANG.svg the diagram alone.  They are written beside the document.  With --check nothing is written:
they are drawn elsewhere and compared, and pictures that the document does not name count as wrong."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def command(name, lang, out):
    if name == "states":
        what = ["--diagram"]
    elif name.startswith("diagram-"):
        what = [name.removeprefix("diagram-"), "--diagram"]
    else:
        what = [name]
    return ["lab", *what, "--lang", lang, "--svg", str(out)]


def draw(aksu, name, lang, out):
    done = subprocess.run([aksu, *command(name, lang, out)], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"lab_pictures: {name}: {done.stdout}{done.stderr}")


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if not arguments:
        sys.exit(__doc__)
    document = Path(arguments[1]) if len(arguments) > 1 else Path(__file__).parent.parent / "docs" / "lab.md"
    folder = document.parent / "lab"
    pictures = sorted(set(re.findall(r"\(lab/([a-z0-9-]+)\.(en|ko)\.svg\)", document.read_text(encoding="utf-8"))))
    if "--check" not in sys.argv:
        folder.mkdir(exist_ok=True)
        for name, lang in pictures:
            draw(arguments[0], name, lang, folder / f"{name}.{lang}.svg")
        return
    wrong = [f"{p.name}: the document does not name it" for p in sorted(folder.glob("*.svg"))
             if tuple(p.name.rsplit(".", 2)[:2]) not in pictures]
    with tempfile.TemporaryDirectory() as elsewhere:
        for name, lang in pictures:
            out = Path(elsewhere) / "picture.svg"
            draw(arguments[0], name, lang, out)
            there = folder / f"{name}.{lang}.svg"
            if not there.exists():
                wrong.append(f"{there.name}: is not there")
            elif there.read_bytes() != out.read_bytes():
                wrong.append(f"{there.name}: is not what is drawn now")
    if wrong:
        sys.exit("\n".join(wrong) + f"\nlab_pictures: draw them again: {Path(sys.argv[0]).name} AKSU, or build lab-pictures")
    print(f"{len(pictures)} pictures are up to date")


if __name__ == "__main__":
    main()
