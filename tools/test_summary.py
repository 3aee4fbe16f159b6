#!/usr/bin/env python3
"""Adds up the results of several ctest runs: test_summary.py FOLDER.

Reads FOLDER/<build>.xml (ctest --output-junit) and FOLDER/<build>.broken (a build that failed, counted as one failed
test).  Says which tests failed or were skipped, and why, and ends with `N passed, N failed, N skipped`.  A test that
prints "determinism: HASH" must print the same in every build.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def reason(case):
    """The last line that a test printed; of a skipped one that is why."""
    lines = [line for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"


def said_skip(case):
    """Did the test itself say that it is skipped?  One that could not be started has failed."""
    mark = case.find("skipped")
    return mark is not None and "SKIP_RETURN_CODE" in (mark.get("message") or "")


def main():
    folder = Path(sys.argv[1])
    passed = failed = skipped = 0
    hashes = {}
    for path in sorted(folder.glob("*.broken")):
        failed += 1
        print(f"failed: the {path.stem} build")
    for path in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{path.stem}/{case.get('name')}"
            for hash_ in re.findall(r"^determinism: (\w+)", case.findtext("system-out") or "", re.M):
                hashes.setdefault(case.get("name"), {}).setdefault(hash_, []).append(path.stem)
            if case.get("status") == "run":
                passed += 1
            elif said_skip(case):
                skipped += 1
                print(f"skipped: {name}: {reason(case)}")
            else:
                failed += 1
                print(f"failed: {name}: {reason(case)}")
    for name, builds in hashes.items():
        if len(builds) > 1:
            failed += 1
            print(f"failed: {name}: the builds differ: {builds}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
