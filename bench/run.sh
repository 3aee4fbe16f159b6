#!/usr/bin/env bash
# The figures, each beside its peer in the same run.  --json: one object a line.  Run by ./dev bench.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
build=${AKSU_BUILD_DIR:-$here/build}
if [ -z "${AKSU_BENCH_INSIDE:-}" ]; then
    export AKSU_BENCH_INSIDE=1
    if [ "$(id -u)" = 0 ]; then exec unshare -n -- "$0" "$@"; else exec unshare -Urn -- "$0" "$@"; fi
fi
json=${1:-}
work=$(mktemp -d)
holder=
trap 'kill $holder $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
ip link set lo up
libraries=("$build"/libaksu-host.a "$build"/libaksu.a)
for program in bulk memory; do
    cc -O3 -std=gnu17 -I"$here/include" "$here/bench/$program.c" "${libraries[@]}" -o "$work/$program"
done

figure() { # name value unit peer peer_value ratio target placement
    if [ "$json" = --json ]; then
        printf '{"name":"%s","value":%s,"unit":"%s","peer":"%s","peer_value":%s,"ratio":%s,"target":"%s","placement":"%s"}\n' "$@"
    else
        printf '%-42s %12s %-12s %-22s %10s  ratio %-6s target %-8s %s\n' "$@"
    fi
}
divide() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 == 0) print "null"; else printf "%.2f", a / b }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
gbit() { awk '{ printf "%.1f\n", $1 * 8 / $2 / 1e9 }'; }

bytes=$((4 * 1024 * 1024 * 1024))
unshare -n sleep 3600 & holder=$!
sleep 0.3
ip link add bench0 type veth peer name bench1 netns $holder
ip addr add 203.0.113.1/24 dev bench0 && ip link set bench0 up
nsenter -t $holder -n sh -c 'ip addr add 203.0.113.2/24 dev bench1; ip link set bench1 up; ip link set lo up'

veth() { # cpu of the receiver, cpu of the sender
    nsenter -t $holder -n taskset -c "$1" "$work/bulk" kernel-recv 203.0.113.2 9000 2>/dev/null | gbit & receiver=$!
    taskset -c "$2" "$work/bulk" kernel-send 203.0.113.2 9000 $bytes 2>/dev/null
    wait $receiver
}
aksu_in() { # cpu of aksu, cpu of the kernel's sender, door
    taskset -c "$1" "$work/bulk" aksu-recv 9000 "$3" 2>/dev/null | gbit & receiver=$!
    taskset -c "$2" "$work/bulk" kernel-send 192.0.2.2 9000 $bytes 2>/dev/null
    wait $receiver
}
aksu_out() {
    taskset -c "$1" "$work/bulk" aksu-send 9000 $bytes "$3" 2>/dev/null & sender=$!
    taskset -c "$2" "$work/bulk" kernel-fetch 192.0.2.2 9000 2>/dev/null | gbit
    wait $sender
}
three() { for _ in 1 2 3; do "$@"; done | median; }

for placement in "0 1 apart 1.5" "0 0 one-core 0.8"; do
    read -r a b name target <<<"$placement"
    peer=$(three veth "$a" "$b")
    for door in zero copy; do
        value=$(three aksu_in "$a" "$b" $door)
        figure "bulk in over TUN, $door" "$value" Gbit/s "kernel over veth, cubic" "$peer" "$(divide "$value" "$peer")" "$target" "$name"
        value=$(three aksu_out "$a" "$b" $door)
        figure "bulk out over TUN, $door" "$value" Gbit/s "kernel over veth, cubic" "$peer" "$(divide "$value" "$peer")" "$target" "$name"
    done
done

value=$(for _ in 1 2 3; do taskset -c 0 "$work/memory" connections 200000; done | median)
figure "whole connections, both ends in memory" "$value" /s "kernel over veth (noted)" 42100 "$(divide "$value" 42100)" 10 "one core"
read -r syns held <<<"$(taskset -c 0 "$work/memory" flood 5000000)"
figure "SYNs handled with cookies" "$syns" /s "kernel (noted)" 569000 "$(divide "$syns" 569000)" 2000000 "one core"
figure "blocks and connections held by that flood" "$held" objects none 0 null 0 -
read -r tcb time_wait syn listener <<<"$("$work/memory" bytes)"
figure "bytes of a connection, its table entry too" "$tcb" bytes "kernel (noted)" 3600 "$(divide "$tcb" 3600)" 256 -
figure "bytes of a TIME-WAIT record, table too" "$time_wait" bytes "kernel (noted)" 256 "$(divide "$time_wait" 256)" 72 -
figure "bytes of a half-open record, table too" "$syn" bytes "kernel (noted)" 320 "$(divide "$syn" 320)" 104 -
figure "bytes of a listener, its table entry too" "$listener" bytes none 0 null 128 -
