#!/usr/bin/env python3
"""Functions of at most 70 lines in files of at most 800: lint_size.py [ROOT].  Tests may have longer files."""

import sys
from pathlib import Path

import cscan

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
FOLDERS = ["include", "src", "svc", "host", "sim", "view", "lab", "script", "app", "examples"]
TEST_FOLDERS = ["tests", "bench"]


def check(root):
    root = Path(root)
    faults = []
    for path in cscan.sources(root, FOLDERS + TEST_FOLDERS):
        place = path.relative_to(root)
        text = path.read_text()
        line_count = text.count("\n")
        if line_count > FILE_LINES_MAX and place.parts[0] not in TEST_FOLDERS:
            faults.append(f"{place}:1: {line_count} lines; a file has at most {FILE_LINES_MAX}")
        for function in cscan.functions(text):
            if function.line_count > FUNCTION_LINES_MAX:
                faults.append(
                    f"{place}:{function.first_line}: {function.name} has {function.line_count} lines; "
                    f"a function has at most {FUNCTION_LINES_MAX}"
                )
    return faults


if __name__ == "__main__":
    found = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
