#!/usr/bin/env python3
"""Holds the tests against a specification's requirements, and writes the table of both.

usage: requirements.py [--check] LIST TABLE

LIST is a file such as docs/requirements/rfc9293.txt; TABLE, such as docs/rfc9293.md, is written, or with --check compared.
A test speaks for a requirement by naming its label (MUST-12, U-4)
  - in a C test: in the comment right above the test function;
  - in any other file under tests/: after "req:" in a comment, for the whole file.
It is an error if a MUST or an unlabelled sentence has neither a test nor a reason, if it has a reason although a test
shows it, or if a mark names no label.
"""
import os
import re
import sys

LABEL = re.compile(r"\b(?:MUST|SHLD|MAY|REC|U)-\d+\b")
TEST = re.compile(r"/\*((?:(?!\*/).)*)\*/\s*static void (\w+)\(void \*\*state\)", re.S)
REASONS = ("deviation:", "by inspection:", "by design:", "not taken:", "not taken", "not a requirement:", "LATER(")


def read_list(path):
    """The requirements, and the rulings: lines that begin with R and a number."""
    rows, rulings = [], []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if line.startswith("#") or not line.strip():
            continue
        parts = [part.strip() for part in line.rstrip("\n").split(" | ")]
        if re.fullmatch(r"R\d+", parts[0]) and len(parts) == 3:
            rulings.append(parts)
            continue
        if len(parts) == 4:
            parts.append("")
        if len(parts) != 5 or not LABEL.fullmatch(parts[0]):
            sys.exit(f"{path}:{number}: not 'label | section | group | text | reason'")
        if parts[4] and not parts[4].startswith(REASONS):
            sys.exit(f"{path}:{number}: the reason begins with none of {', '.join(REASONS)}")
        rows.append(parts)
    return rows, rulings


def marks_of(root):
    """label -> list of (file, test or None)"""
    marks = {}
    for folder, folders, files in os.walk(os.path.join(root, "tests")):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            shown = os.path.relpath(path, root)
            try:
                text = open(path, encoding="utf-8").read()
            except UnicodeDecodeError:
                continue  # a seed of a fuzz target
            if name.endswith(".c"):
                for match in TEST.finditer(text):
                    for label in LABEL.findall(match.group(1)):
                        marks.setdefault(label, []).append((shown, match.group(2)))
            for line in re.findall(r"\breq: ([^\n]*)", text):
                for label in LABEL.findall(line):
                    if (shown, None) not in marks.setdefault(label, []):
                        marks[label].append((shown, None))
    return marks


def shown_by(tests):
    """Few names: three tests, and how many more."""
    cells = []
    for path, test in tests[:3]:
        text = test.replace("_", " ") if test else os.path.splitext(os.path.basename(path))[0].replace("_", " ")
        cells.append(f"[{text}](../{path})")
    if len(tests) > 3:
        cells.append(f"and {len(tests) - 3} more")
    return ", ".join(cells)


def table(rows, rulings, marks, source):
    levels = {"MUST": [0, 0], "SHLD": [0, 0], "MAY": [0, 0], "REC": [0, 0], "U": [0, 0]}
    body = []
    for label, section, group, text, reason in rows:
        tests = marks.get(label, [])
        level = levels[label.split("-")[0]]
        level[0] += 1
        level[1] += bool(tests)
        later = reason if reason.startswith("LATER(") else ""
        because = "" if later else reason
        body.append(f"| {label} | {section} | {text} | {shown_by(tests)}{' ' if tests and because else ''}{because} | {later} |")
    head = [
        "# RFC 9293: every requirement, and what shows it",
        "",
        f"Written by `tools/requirements.py` from `{source}` and the marks in the tests; `./dev test` fails if it is stale or",
        "if a MUST has neither a test nor a reason.  Where the text leaves a choice, the rulings at the end tell what is done",
        "here; the oracle of [tests/conformance](../tests/conformance/README.md) follows them too.",
        "",
        "| | labels | shown by tests |",
        "|---|---|---|",
    ]
    for level, (count, shown) in levels.items():
        name = "unlabelled" if level == "U" else level
        head.append(f"| {name} | {count} | {shown} |")
    head += ["", "| label | section | requirement | shown by, or why not | later |", "|---|---|---|---|---|"]
    tail = ["", "## Rulings", "", "| | about | |", "|---|---|---|"]
    tail += [f"| {' | '.join(ruling)} |" for ruling in rulings]
    return "\n".join(head + body + (tail if rulings else [])) + "\n"


def faults(rows, marks):
    known = {row[0] for row in rows}
    for label in sorted(set(marks) - known):
        for path, test in marks[label]:
            yield f"{path}: {test or 'req'}: there is no requirement {label}"
    for label, section, _, text, reason in rows:
        must = label.startswith(("MUST-", "U-"))
        if must and label not in marks and not reason:
            yield f"{label} (s{section}, {text}) has neither a test nor a reason"


def main(arguments):
    check = "--check" in arguments
    files = [a for a in arguments if a != "--check"]
    if len(files) != 2:
        sys.exit(__doc__)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    rows, rulings = read_list(os.path.join(root, files[0]))
    marks = marks_of(root)
    found = list(faults(rows, marks))
    for fault in found:
        print(fault)
    text = table(rows, rulings, marks, files[0])
    path = os.path.join(root, files[1])
    if check:
        old = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        if old != text:
            print(f"{files[1]} is stale: tools/requirements.py {files[0]} {files[1]}")
            return 1
    else:
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
