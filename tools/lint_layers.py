#!/usr/bin/env python3
"""The floors of docs/architecture.md, section 2: lint_layers.py [ROOT].

An include may name only its own folder or a lower floor.  From floor 7 up only include/aksu/ and the own folder are in
reach, except that lab, script and app may also name the folders below them, and that each of host, sim has its own public
header.  src/ includes four headers of the language and no other; svc, sim and view make no system calls.
"""

import re
import sys
from pathlib import Path

import cscan

FLOORS = {
    ("src", "base"): 1,
    ("src", "wire"): 2,
    ("src", "trace"): 3,
    ("src", "core"): 4,
    ("src", "tcp"): 5,
    ("src", "net"): 5,
    ("src", "stack"): 6,
    ("svc",): 7,
    ("host",): 7,
    ("sim",): 7,
    ("view",): 7,
    ("lab",): 8,
    ("script",): 8,
    ("app",): 9,
}
CORE_PUBLIC = {"aksu.h", "trace.h", "events.def"}
OWN_PUBLIC = {"host.h": "host", "sim.h": "sim", "dns.h": "svc", "dhcp.h": "svc"}
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h"}
NO_SYSTEM_CALLS = {"svc", "sim", "view"}
SYSTEM_CALL_HEADER = re.compile(r"^(sys|linux|net|netinet|arpa)/|^(unistd|fcntl|time|pthread|signal|poll|sched|dirent|"
                                r"netdb|threads|spawn|termios)\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]')


def room_of(path):
    """The room that a path (relative to the root) is in: ("src", "tcp") or ("host",)."""
    if path.parts[:2] == ("include", "aksu"):
        return ("include",)
    return path.parts[:2] if path.parts[0] == "src" else path.parts[:1]


def resolve(root, source, name):
    """The file that #include "name" means, relative to the root; None if there is none."""
    for folder in (source.parent, root / "src", root / "include", root):
        path = (folder / name).resolve()
        if path.is_file() and root in path.parents:
            return path.relative_to(root)
    return None


def why_not_quoted(root, source, name):
    target = resolve(root, source, name)
    if target is None:
        return "no such file in the tree"
    own, other = room_of(source.relative_to(root)), room_of(target)
    if target.suffix == ".c":
        return "a .c file is not included"
    if own == other:
        return None
    floor = FLOORS.get(own, 0)
    if other == ("include",):
        owner = OWN_PUBLIC.get(target.name)
        if target.name in CORE_PUBLIC or floor >= 8 or owner == own[0]:
            return None
        return f"{target.name} is not for floor {floor}"
    if floor == 0:
        return "a public header includes only include/aksu/"
    if other not in FLOORS:
        return f"{other[0]}/ is on no floor"
    if floor >= 8 and other[0] != "src" and FLOORS[other] < floor:
        return None
    if floor >= 7:
        return "from floor 7 up only include/aksu/ and the own folder are in reach"
    if FLOORS[other] >= floor:
        return f"floor {FLOORS[other]} is not below floor {floor}"
    return None


def why_not_system(room, name):
    if room[0] == "src" or (room[0] == "include"):
        return None if name in FREESTANDING else "src/ and the public headers are freestanding"
    if room[0] in NO_SYSTEM_CALLS and SYSTEM_CALL_HEADER.search(name):
        return f"{room[0]}/ makes no system calls"
    return None


def check(root):
    root = Path(root).resolve()
    faults = []
    for path in cscan.sources(root, ["include", "src", "svc", "host", "sim", "view", "lab", "script", "app"], (".c", ".h", ".def")):
        place = path.relative_to(root)
        room = room_of(place)
        if room[0] == "src" and room not in FLOORS:
            faults.append(f"{place}:1: src/{room[-1]} is on no floor")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            system = match.group(1) == "<"
            host_header = place.name == "host.h" and room[0] == "include"
            if system and host_header:
                continue
            why = why_not_system(room, match.group(2)) if system else why_not_quoted(root, path, match.group(2))
            if why:
                faults.append(f"{place}:{number}: includes {match.group(2)}: {why}")
    return faults


if __name__ == "__main__":
    found = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
