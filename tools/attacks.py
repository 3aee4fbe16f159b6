#!/usr/bin/env python3
"""Holds the tests against the attacks that a stack on the Internet meets, and writes the table of both.

usage: attacks.py [--check]     docs/attacks.md from docs/attacks.txt and the marks in the tests; --check: compares

A test speaks for an attack by its number after "attack:" in the comment right above the test function, or, in any other
file under tests/, in a comment anywhere.  It is an error if an attack has neither a test nor a reason, or if a mark names
none."""
import os
import re
import sys

import requirements

LIST, PAGE = "docs/attacks.txt", "docs/attacks.md"
MARK = re.compile(r"\battack: (\d+)\b")
REASONS = ("by inspection:", "not here:", "LATER(")


def rows_of(root):
    """[number, part, name, what is sent, what is right, reason] each, and the parts' headings"""
    rows, parts = [], {}
    for number, line in enumerate(open(os.path.join(root, LIST), encoding="utf-8"), 1):
        if line.startswith("#") or not line.strip():
            continue
        cells = [cell.strip() for cell in line.rstrip("\n").split(" | ")]
        if len(cells) == 2:
            parts[cells[0]] = cells[1]
            continue
        if len(cells) == 5:
            cells.append("")
        if len(cells) != 6 or not cells[0].isdigit() or cells[1] not in parts:
            sys.exit(f"{LIST}:{number}: not 'number | part | name | what is sent | what is right | reason'")
        if cells[5] and not cells[5].startswith(REASONS):
            sys.exit(f"{LIST}:{number}: the reason begins with none of {', '.join(REASONS)}")
        rows.append(cells)
    return rows, parts


def marks_of(root):
    """number -> list of (file, test or None)"""
    marks = {}
    for folder, folders, files in os.walk(os.path.join(root, "tests")):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            try:
                text = open(path, encoding="utf-8").read()
            except UnicodeDecodeError:
                continue  # a seed of a fuzz target
            shown = os.path.relpath(path, root)
            tests = list(requirements.TEST.finditer(text)) if name.endswith(".c") else []
            for match in tests:
                for label in MARK.findall(match.group(1)):
                    marks.setdefault(label, []).append((shown, match.group(2)))
            if not tests:
                for label in dict.fromkeys(MARK.findall(text)):
                    marks.setdefault(label, []).append((shown, None))
    return marks


def page(rows, parts, marks):
    shown = sum(row[0] in marks for row in rows)
    out = [
        "# Attacks, and the tests that show what becomes of them",
        "",
        f"Written by `tools/attacks.py` from `{LIST}` and the marks in the tests; `./dev test` fails if it is stale or if an attack",
        "has neither a test nor a reason.  A reason beside tests says what they do not show.  Stacks in brackets are those that",
        "the attack was first found in.  All parsers are fuzzed besides, and the tests named here run under AddressSanitizer",
        "and UndefinedBehaviorSanitizer too.",
        "",
        f"{len(rows)} attacks, {shown} shown by tests, {len(rows) - shown} by a reason alone.",
    ]
    for part, heading in parts.items():
        out += ["", f"## {heading}", "", "| | attack | what is sent | what is right | shown by, or why not |", "|---|---|---|---|---|"]
        for number, of, name, sent, right, reason in rows:
            if of != part:
                continue
            tests = requirements.shown_by(marks.get(number, []))
            cells = [requirements.plain(cell) for cell in (name, sent, right, reason)]
            out.append(f"| {number} | {' | '.join(cells[:3])} | {tests}{'; ' if tests and reason else ''}{cells[3]} |")
    return "\n".join(out) + "\n"


def work(root, check):
    """What is wrong: the list, the marks, with check a stale page; without, it is written."""
    rows, parts = rows_of(root)
    marks = marks_of(root)
    numbers = [row[0] for row in rows]
    found = [f"{LIST}: more than once: {n}" for n in sorted({n for n in numbers if numbers.count(n) > 1})]
    for number in sorted(set(marks) - set(numbers), key=int):
        found += [f"{path}: {test or 'attack'}: there is no attack {number}" for path, test in marks[number]]
    found += [f"{row[0]} ({row[2]}) has neither a test nor a reason" for row in rows if row[0] not in marks and not row[5]]
    if not requirements.settle(root, PAGE, page(rows, parts, marks), check):
        found.append(f"{PAGE} is stale: tools/attacks.py")
    return found


def main(arguments):
    if [a for a in arguments if a != "--check"]:
        sys.exit(__doc__)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = work(root, "--check" in arguments)
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
