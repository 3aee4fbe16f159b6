#!/usr/bin/env python3
"""The grid of packet scripts: every state of RFC 9293 with every event, each cell a script or a reason why it cannot be.

usage: script_grid.py [--check]

Reads tests/scripts/<STATE>/<event>[.<role>].pkt and tests/scripts/not-applicable.txt, and writes (with --check:
compares) tests/scripts/README.md.  It is an error if a cell has neither script nor reason, or both, or if a file lies
outside the grid.  Beside the grid, tests/scripts/<mechanism>/, in lower case, holds scripts of one mechanism each; they
are listed with their first line, "// <mechanism>/<name>: what it shows".
"""
import os
import re
import sys

STATES = "CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT".split()
EVENTS = {
    "Segments": "syn syn-ack ack-old ack-exact ack-future data-before data-at data-overlap data-after fin rst-exact"
    " rst-in-window rst-outside syn-fin rst-ack no-flags all-flags",
    "Timers": "timer-retransmission timer-persist timer-delayed-ack timer-keep-alive timer-user-timeout timer-2msl",
    "Calls": "call-open call-send call-receive call-close call-abort call-status",
}
MECHANISMS = {
    "slow-start": "Slow start and congestion avoidance, RFC 5681",
    "fast-retransmit": "Fast retransmit and recovery without SACK, RFC 5681, RFC 6582, RFC 3042",
    "limited-transmit": "Limited transmit, RFC 3042",
    "newreno": "NewReno's window, RFC 5681, RFC 6582",
    "sack": "Selective acknowledgment, RFC 2018, RFC 6675",
    "dsack": "Duplicates told of, RFC 2883",
    "rack": "RACK-TLP, RFC 8985",
    "prr": "Proportional rate reduction, RFC 9937",
    "rto": "The retransmission timer, RFC 6298",
    "undo": "Needless timeouts taken back, RFC 5682, RFC 3522, RFC 4015",
    "timestamps": "Timestamps and PAWS, RFC 7323",
    "window-scale": "Window scaling, RFC 7323",
    "ecn": "Explicit congestion notification, RFC 3168",
    "accecn": "Accurate ECN, RFC 9768",
    "cubic": "CUBIC, RFC 9438",
    "hystart": "HyStart++, RFC 9406",
    "bbr": "BBR version 3, draft-ietf-ccwg-bbr",
    "pacing": "Pacing",
    "idle-restart": "After an idle time, RFC 5681",
    "cwnd-validation": "A window that is not used, RFC 7661",
    "tuning": "Buffers that fit themselves to the path",
    "push": "PSH, cork, and data that more follows, RFC 9293",
    "urgent": "Urgent data, RFC 9293, RFC 6093",
    "user-timeout": "The user timeout option, RFC 5482",
    "info": "What TCP_INFO tells, in Linux's units",
    "nagle": "Small segments held back, RFC 9293",
    "delayed-ack": "Delayed acknowledgments, RFC 9293, RFC 5681",
    "persist": "Window probes, RFC 9293",
    "silly-window": "Silly windows avoided, RFC 9293",
    "path-mtu": "Path MTU discovery, RFC 1191",
    "mtu-probing": "The path MTU found by trying, RFC 8899, RFC 4821",
}
ROLES = {"SYN-RECEIVED": ["", "active"]}  # reached from LISTEN, and from SYN-SENT: MUST-11


def mechanisms(folder, faults):
    """The lines of the list of scripts beside the grid."""
    lines = ["", "## Mechanisms"]
    for mechanism, title in MECHANISMS.items():
        path = os.path.join(folder, mechanism)
        names = sorted(os.listdir(path)) if os.path.isdir(path) else []
        if not names:
            continue
        lines += ["", f"{title}:", ""]
        for name in names:
            first = open(os.path.join(path, name), encoding="utf-8").readline().strip()
            label = f"{mechanism}/{os.path.splitext(name)[0]}"
            match = re.fullmatch(rf"// {re.escape(label)}: (.+)", first)
            if not match or not name.endswith(".pkt"):
                faults.append(f"{mechanism}/{name}: the first line is not '// {label}: what it shows'")
                continue
            lines.append(f"- [{label}]({mechanism}/{name}): {match.group(1)}")
    return lines


def main(arguments):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = os.path.join(root, "tests", "scripts")
    faults, reasons = [], {}
    for line in open(os.path.join(folder, "not-applicable.txt"), encoding="utf-8"):
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"(\S+) (\S+) \| (.+)\n", line)
        if not match:
            sys.exit(f"not-applicable.txt: not 'STATE event | why': {line.strip()}")
        reasons[match.group(1), match.group(2)] = match.group(3)

    scripts = {}
    for state in sorted(os.listdir(folder)):
        if not os.path.isdir(os.path.join(folder, state)) or state in MECHANISMS:
            continue
        for name in sorted(os.listdir(os.path.join(folder, state))):
            scripts.setdefault((state, name.split(".")[0]), []).append(f"{state}/{name}")
    events = [event for group in EVENTS.values() for event in group.split()]
    for state, event in list(scripts) + list(reasons):
        if state not in STATES or event not in events:
            faults.append(f"{state} {event} is no cell of the grid")

    def cell(state, event):
        files = scripts.get((state, event), [])
        reason = reasons.get((state, event))
        if files and reason:
            faults.append(f"{state} {event} has a script, and a reason why it cannot")
        if reason:
            return "–"
        shown = []
        for role in ROLES.get(state, [""]):
            wanted = f"{state}/{event}{'.' + role if role else ''}.pkt"
            if wanted not in files:
                faults.append(f"{wanted} is missing: an empty cell")
                continue
            ruled = "ruling:" in open(os.path.join(folder, wanted), encoding="utf-8").read()
            shown.append(f"[{role or 'x'}]({wanted}){'*' if ruled else ''}")
        return " ".join(shown)

    text = [
        "# Packet scripts: every event in every state",
        "",
        "Written by `tools/script_grid.py`; `./dev test` plays the scripts and fails on an empty cell.  `*`: the script follows a",
        "ruling or a policy of ours where the RFC leaves a choice, and says which.  `–`: the cell cannot be, for the reason in",
        "[not-applicable.txt](not-applicable.txt).  The language is in [docs/script.md](../../docs/script.md).",
        "",
        "SYN-RECEIVED has two scripts a cell: reached from LISTEN, and (active) from SYN-SENT.",
    ]
    count = sum(len(files) for files in scripts.values())
    text += ["", f"{count} scripts, {len(reasons)} cells that cannot be."]
    for group, names in EVENTS.items():
        text += ["", f"## {group}", "", "| | " + " | ".join(STATES) + " |", "|---" * (len(STATES) + 1) + "|"]
        for event in names.split():
            text.append(f"| {event} | " + " | ".join(cell(state, event) for state in STATES) + " |")
    text += mechanisms(folder, faults)
    text = "\n".join(text) + "\n"

    for fault in faults:
        print(fault)
    path = os.path.join(folder, "README.md")
    if "--check" in arguments:
        old = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        if old != text:
            print("tests/scripts/README.md is stale: tools/script_grid.py")
            return 1
    else:
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
