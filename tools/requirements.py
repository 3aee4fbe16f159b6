#!/usr/bin/env python3
"""Holds the tests against the requirements of RFCs, and writes the tables of both.

usage: requirements.py [--check]               all of docs/requirements/*.txt
       requirements.py [--check] LIST TABLE    one of them

LIST is a file such as docs/requirements/rfc9293.txt; TABLE, such as docs/rfc9293.md, is written, or with --check compared;
so is docs/requirements.md, which sums them up.  A test speaks for a requirement by naming its label (MUST-12, U-4,
RFC5681-3.1-a)
  - in a C test: in the comment right above the test function;
  - in any other file under tests/: after "req:" in a comment, for the whole file.
It is an error if a MUST or an unlabelled sentence of RFC 9293, or any sentence of the others, has neither a test nor a
reason, or if a mark names no label.  A reason beside tests says what they do not show, or what they show instead.
"""
import os
import re
import sys

OURS = r"RFC\d+-[0-9.]+-[a-z]{1,2}"  # a label of ours, where the RFC has none: RFC, section, letter
LABEL = re.compile(r"\b(?:(?:MUST|SHLD|MAY|REC|U)-\d+|" + OURS + r")\b")
TEST = re.compile(r"/\*((?:(?!\*/).)*)\*/\s*static void (\w+)\(void \*\*state\)", re.S)
REASONS = (
    "deviation:",
    "by inspection:",
    "by design:",
    "not taken:",
    "not taken",
    "not a requirement:",
    "not for a host:",
    "LATER(",
)
LEVELS = ("MUST NOT", "MUST", "SHOULD NOT", "SHOULD", "RULE")
SUMMARY = "docs/requirements.md"
COLUMNS = ("shown as it stands", "deviation", "other reason")


class List:
    """One file of requirements: rows of [label, section, level or group, text, reason], and rulings."""

    def __init__(self, root, path):
        self.path, self.rows, self.rulings, self.title = path, [], [], ""
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.labelled = not self.name.startswith("rfc") or self.name == "rfc9293"  # by the RFC itself
        for number, line in enumerate(open(os.path.join(root, path), encoding="utf-8"), 1):
            if number == 1:
                self.title = line.lstrip("# ").split(": ")[0].rstrip("\n")
            if line.startswith("#") or not line.strip():
                continue
            parts = [part.strip() for part in line.rstrip("\n").split(" | ")]
            if re.fullmatch(r"R\d+", parts[0]) and len(parts) == 3:
                self.rulings.append(parts)
                continue
            self.rows.append(self.row(parts, number))
        labels = [row[0] for row in self.rows]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            sys.exit(f"{path}: more than once: {', '.join(twice)}")

    def row(self, parts, number):
        form = "label | section | group | text | reason" if self.labelled else "label | level | text | reason"
        if not self.labelled:
            match = re.fullmatch(self.name.upper() + r"-([0-9.]+)-[a-z]{1,2}", parts[0])
            if not match or len(parts) < 2 or parts[1] not in LEVELS:
                sys.exit(f"{self.path}:{number}: not '{form}'")
            parts.insert(1, match.group(1))
        if len(parts) == 4:
            parts.append("")
        if len(parts) != 5 or not LABEL.fullmatch(parts[0]):
            sys.exit(f"{self.path}:{number}: not '{form}'")
        if parts[4] and not parts[4].startswith(REASONS):
            sys.exit(f"{self.path}:{number}: the reason begins with none of {', '.join(REASONS)}")
        return parts

    def level(self, row):
        if not self.labelled:
            return row[2]
        level = row[0].split("-")[0]
        return "unlabelled" if level == "U" else level

    def levels(self):
        return ("MUST", "SHLD", "MAY", "REC", "unlabelled") if self.labelled else LEVELS

    def demands(self, row):
        """Whether it needs a test or a reason."""
        return not self.labelled or row[0].startswith(("MUST-", "U-"))


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
        if path.endswith(".pkt"):
            text = f"{os.path.basename(os.path.dirname(path))}/{os.path.basename(path)}"
        cells.append(f"[{text}](../{path})")
    if len(tests) > 3:
        cells.append(f"and {len(tests) - 3} more")
    return ", ".join(cells)


def counts(listed, marks):
    """level -> [sentences, shown by tests as they stand, deviations, other reasons instead of a test]"""
    found = {}
    for row in listed.rows:
        level = found.setdefault(listed.level(row), [0, 0, 0, 0])
        deviates = row[4].startswith("deviation:")
        level[0] += 1
        level[1] += row[0] in marks and not deviates
        level[2] += deviates
        level[3] += row[0] not in marks and not deviates and bool(row[4])
    return found


def plain(text):
    """As it is written, in Markdown: "<SYN>" is no tag, and "2*SMSS" no emphasis."""
    return text.replace("<", "&lt;").replace("*", "\\*")


def table(listed, marks):
    body = []
    for row in listed.rows:
        label, section, level, text, reason = row[:3] + [plain(part) for part in row[3:]]
        tests = marks.get(label, [])
        later = reason if reason.startswith("LATER(") else ""
        because = "" if later else reason
        what = f"{shown_by(tests)}{' ' if tests and because else ''}{because}"
        if listed.labelled:
            body.append(f"| {label} | {section} | {text} | {what} | {later} |")
        else:
            body.append(f"| {label} | {level} | {text} | {what} |")
    number = listed.name.removeprefix("rfc")
    head = [
        f"# RFC {number}: every requirement, and what shows it",
        "",
        f"Written by `tools/requirements.py` from `{listed.path}` and the marks in the tests; `./dev test` fails if it is stale or",
    ]
    if listed.labelled:
        head += [
            "if a MUST has neither a test nor a reason.  Where the text leaves a choice, the rulings at the end tell what is done",
            "here; the oracle of [tests/conformance](../tests/conformance/README.md) follows them too.",
        ]
    else:
        head += [
            "if a sentence has neither a test nor a reason.  The labels are ours: section, and a letter in the order of the text;",
            "sentences are shortened.  SHOULD stands for RECOMMENDED too; RULE for what the RFC demands without a key word.",
        ]
    head += ["", f"| | {'labels' if listed.labelled else 'sentences'} | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    found = counts(listed, marks)
    head += [f"| {level} | {' | '.join(map(str, found[level]))} |" for level in listed.levels() if level in found]
    if listed.labelled:
        head += ["", "| label | section | requirement | shown by, or why not | later |", "|---|---|---|---|---|"]
    else:
        head += ["", "| label | | sentence | shown by, or why not |", "|---|---|---|---|"]
    tail = ["", "## Rulings", "", "| | about | |", "|---|---|---|"]
    tail += [f"| {' | '.join(ruling)} |" for ruling in listed.rulings]
    return "\n".join(head + body + (tail if listed.rulings else [])) + "\n"


def summary(lists, marks):
    head = [
        "# Requirements, and what shows them",
        "",
        "Written by `tools/requirements.py`.  Each table quotes every sentence with a MUST or a SHOULD and names the tests that",
        "show it, or the reason why none does.  Deviations mostly have tests too, of what is done instead.",
        "",
        f"| | sentences | {' | '.join(COLUMNS)} | neither |",
        "|---" * (3 + len(COLUMNS)) + "|",
    ]
    body, all_of = [], [0] * (1 + len(COLUMNS))
    for listed in lists:
        sums = [sum(column) for column in zip(*counts(listed, marks).values())]
        all_of = [a + b for a, b in zip(all_of, sums)]
        body.append(f"| [{listed.title}]({listed.name}.md) | {' | '.join(map(str, sums))} | {sums[0] - sum(sums[1:])} |")
    body.append(f"| all | {' | '.join(map(str, all_of))} | {all_of[0] - sum(all_of[1:])} |")
    return "\n".join(head + body) + "\n"


def faults(listed, lists, marks):
    known = {row[0] for other in lists for row in other.rows}
    for label in sorted(set(marks) - known):
        for path, test in marks[label]:
            yield f"{path}: {test or 'req'}: there is no requirement {label}"
    for row in listed.rows:
        if listed.demands(row) and row[0] not in marks and not row[4]:
            yield f"{row[0]} (s{row[1]}, {row[3]}) has neither a test nor a reason"


def settle(root, path, text, check):
    """Writes or compares a page.  False: it is stale."""
    path = os.path.join(root, path)
    old = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
    if check or old == text:
        return old == text
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return True


def work(root, files, check):
    """What is wrong: faults of the lists and marks, and with check stale pages; without, these are written."""
    folder = "docs/requirements"
    # RFC 9293 first, the others by number
    names = sorted(os.listdir(os.path.join(root, folder)), key=lambda n: (n != "rfc9293.txt", len(n), n))
    lists = [List(root, f"{folder}/{name}") for name in names if name.endswith(".txt")]
    if files and files[0] not in [listed.path for listed in lists]:
        sys.exit(f"{files[0]}: not one of {folder}/*.txt")
    marks = marks_of(root)
    pages = [(listed, files[1] if files else f"docs/{listed.name}.md") for listed in lists if not files or listed.path == files[0]]
    found = []
    for listed, page in pages:
        found += [fault for fault in faults(listed, lists, marks) if fault not in found]
        if not settle(root, page, table(listed, marks), check):
            found.append(f"{page} is stale: tools/requirements.py")
    if not settle(root, SUMMARY, summary(lists, marks), check):
        found.append(f"{SUMMARY} is stale: tools/requirements.py")
    return found


def main(arguments):
    files = [a for a in arguments if a != "--check"]
    if len(files) not in (0, 2) or any(a.startswith("-") for a in files):
        sys.exit(__doc__)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = work(root, files, "--check" in arguments)
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
