#!/usr/bin/env bash
# Instructions for a received data segment until the application has its bytes, beside lwIP's, counted by callgrind.
#
#   lwip.sh BUILD           prints both and their ratio
#   lwip.sh BUILD --figures prints "NAME COUNT"
#
# Exit status 77: skipped, since valgrind or liblwip-dev is not there.
set -euo pipefail
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "${2:---figures}" != --figures ]; then
    echo "usage: lwip.sh BUILD [--figures]" >&2
    exit 2
fi
program=$1/bench/lwip
command -v valgrind >/dev/null || { echo "skipped: valgrind is not there"; exit 77; }
[ -x "$program" ] || { echo "skipped: $program is not there; it needs liblwip-dev and ./dev bench"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
valgrind --tool=callgrind --callgrind-out-file="$work/out" "$program" >"$work/counts" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
callgrind_annotate --inclusive=yes --threshold=100 "$work/out" >"$work/costs"
awk 'NR == FNR { if ($0 !~ /=>/ && match($0, /:measure_[a-z_]+ /)) {
                     name = substr($0, RSTART + 9, RLENGTH - 10); gsub(",", "", $1); cost[name] = $1 } next }
     { printf "%s %d\n", $1, cost[$1] / $2 + 0.5 }' "$work/costs" "$work/counts" >"$work/table"
awk '$2 == 0 { print "lwip.sh: no count for " $1 > "/dev/stderr"; bad = 1 } END { exit bad }' "$work/table"
if [ "${2:-}" = --figures ]; then
    cat "$work/table"
    exit
fi
awk '{ count[$1] = $2; printf "%-20s %6d\n", $1, $2 }
     END { printf "%-20s %6.2f\n", "aksu / lwIP", count["received_by_aksu"] / count["received_by_lwip"] }' "$work/table"
