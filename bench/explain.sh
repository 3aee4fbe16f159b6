#!/usr/bin/env bash
# explain.sh BUILD [BYTES | --figures]: aksu explain on one large capture (1 GiB), beside tcptrace and tshark -q -z conv,tcp where they
# are installed, one after another in the same run: seconds of wall clock and the most memory that each held.
set -u
build=${1:?the build directory} bytes=${2:-1073741824} figures=
if [ "$bytes" = --figures ]; then bytes=1073741824 figures=1; fi # for run.sh: name, seconds, MB/s and MiB in a line
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A thousand connections at a time, interleaved by chance from a fixed seed, of 1 to 200 full segments each; one segment
# in a hundred is sent again.
python3 - "$work/large.pcap" "$bytes" <<'PYTHON' || exit 1
import random, struct, sys
chance, limit = random.Random(1), int(sys.argv[2])
ethernet, data, ts = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0", bytes(range(256)) * 6, b"\1\1\x08\x0a" + struct.pack(">II", 1, 2)
def segment(ends, ports, seq, ack, flags, count, options=ts):
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 40 + len(options) + count, seq & 0xffff, 0x4000, 64, 6, 0, *ends)
    return ethernet + head + struct.pack(">HHIIBBHHH", *ports, seq % 2**32, ack % 2**32, 5 + len(options) // 4 << 4, flags,
                                         8192, 0, 0) + options + data[:count]
def connection():
    here, there = 0x0a000000 + chance.randrange(1 << 16), 0x0a800000 + chance.randrange(256)
    port, x, y = 1024 + chance.randrange(60000), chance.randrange(1 << 32), chance.randrange(1 << 32)
    up = lambda *rest: segment((here, there), (port, 80), *rest)
    down = lambda *rest: segment((there, here), (80, port), *rest)
    syn = b"\2\4\5\xb4\1\3\3\7" + ts
    yield up(x, 0, 2, 0, syn)
    yield down(y, x + 1, 0x12, 0, syn)
    yield up(x + 1, y + 1, 0x10, 0)
    yield up(x + 1, y + 1, 0x18, 200)
    y += 1
    for i in range(chance.choice([1, 2, 5, 10, 50, 200])):
        for _ in range(1 + (chance.random() < .01)): yield down(y, x + 201, 0x10, 1448)
        y += 1448
        if i % 2: yield up(x + 201, y, 0x10, 0)
    yield up(x + 201, y, 0x11, 0)
    yield down(y, x + 202, 0x11, 0)
    yield up(x + 202, y + 1, 0x10, 0)
with open(sys.argv[1], "wb", buffering=1 << 20) as out:
    out.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    live, size, us = [connection() for _ in range(1000)], 0, 0
    while size < limit:
        at = chance.randrange(len(live))
        packet = next(live[at], None)
        if packet is None:
            live[at] = connection()
            continue
        us += 13
        out.write(struct.pack("<IIII", 1000 + us // 10**6, us % 10**6, len(packet), len(packet)) + packet)
        size += len(packet) + 16
PYTHON
cat "$work/large.pcap" >/dev/null # into the page cache, for all alike
measure() { # name, command...
    local name=$1
    shift
    command -v "$1" >/dev/null || { [ -n "$figures" ] || printf '%-14s not installed\n' "$name"; return; }
    /usr/bin/time -f '%e %M' -o "$work/took" "$@" >"$work/said" 2>/dev/null
    if [ -n "$figures" ]; then
        awk -v name="${name// /-}" -v bytes="$bytes" '{ printf "%s %.2f %.0f %.1f\n", name, $1, bytes / $1 / 1e6, $2 / 1024 }' "$work/took"
        return
    fi
    awk -v name="$name" -v bytes="$bytes" '{ printf "%-14s %7.2f s  %8.0f MB/s  %8.1f MiB held\n", name, $1, bytes / $1 / 1e6, $2 / 1024 }' "$work/took"
}
measure "aksu explain" "$build/aksu" explain "$work/large.pcap"
connections=$(($(wc -l <"$work/said") - 1))
measure tcptrace tcptrace -n "$work/large.pcap"
measure tshark tshark -q -z conv,tcp -r "$work/large.pcap"
[ -n "$figures" ] || echo "$connections connections"
