#!/usr/bin/env bash
# Instructions of each elementary operation, counted by callgrind, beside the committed bench/instructions.txt.
#
#   instructions.sh BUILD           prints the table
#   instructions.sh BUILD --check   fails if one needs over 10 % more than the committed figure; exit status 77: skipped
#   instructions.sh BUILD --figures prints "NAME COUNT COMMITTED", "-" for none
#   instructions.sh BUILD --write   makes this table the committed one
#
# Counts depend on the compiler and its options, not on the machine's speed or load: they are held for the build that the
# table's first line names, and only there.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
table=$here/instructions.txt
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: instructions.sh BUILD [--check | --figures | --write]" >&2; exit 2; }
program=$1/bench/instructions
way=${2:-}
case $way in
'' | --check | --figures | --write) ;;
*) echo "instructions.sh: '$way' is not --check, --figures or --write" >&2; exit 2 ;;
esac
command -v valgrind >/dev/null || { echo "skipped: valgrind is not there"; exit 77; }
[ -x "$program" ] || { echo "instructions.sh: $program is not there; ./dev bench builds it" >&2; exit 2; }
cached() { sed -n "s/^$1:[A-Z]*=//p" "$program_cache"; }
program_cache=$1/CMakeCache.txt
compiler=$(cached CMAKE_C_COMPILER)
built="$("$compiler" --version | head -n 1 | sed 's/.*[^0-9.]\([0-9][0-9]*\)\.[0-9.]*$/\1/')"
case $("$compiler" --version | head -n 1) in *clang*) family=clang ;; *) family=gcc ;; esac
built="$family $built, $(cached CMAKE_BUILD_TYPE), $(uname -m)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
valgrind --tool=callgrind --callgrind-out-file="$work/out" "$program" >"$work/counts" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
callgrind_annotate --inclusive=yes --threshold=100 "$work/out" >"$work/costs"

# "NAME OPERATIONS" and "COST (x %) file:measure_NAME [...]" to "NAME INSTRUCTIONS"
awk -v built="$built" '
    BEGIN { print "# " built }
    NR == FNR { if ($0 !~ /=>/ && match($0, /:measure_[a-z_]+ /)) {
                    name = substr($0, RSTART + 9, RLENGTH - 10); gsub(",", "", $1); cost[name] = $1 } next }
    { printf "%s %d\n", $1, cost[$1] / $2 + 0.5 }' "$work/costs" "$work/counts" >"$work/table"
awk '!/^#/ && $2 == 0 { print "instructions.sh: no count for " $1 > "/dev/stderr"; bad = 1 } END { exit bad }' "$work/table"

if [ "$way" = --write ]; then
    cp "$work/table" "$table"
    exit
fi
if [ "$way" = --figures ]; then
    awk '/^#/ { same = NR == FNR ? $0 : same == $0; next } NR == FNR { was[$1] = $2; next }
         { print $1, $2, same && $1 in was ? was[$1] : "-" }' "$table" "$work/table"
    exit
fi
if [ "$(head -n 1 "$work/table")" != "$(head -n 1 "$table" 2>/dev/null)" ]; then
    [ "$way" = --check ] || { cat "$work/table"; exit; }
    echo "skipped: this is $built; the table holds for$(head -n 1 "$table" | tr -d '#')"
    exit 77
fi
awk -v check="$way" '
    /^#/ { next }
    NR == FNR { was[$1] = $2; next }
    { change = $1 in was ? 100 * ($2 / was[$1] - 1) : 0
      printf "%-28s %9d   committed %9s   %+.1f %%\n", $1, $2, $1 in was ? was[$1] : "-", change
      if (!($1 in was)) { print $1 " is not in the table: instructions.sh BUILD --write"; bad = 1 }
      if (change > 10) { print $1 " needs over 10 % more instructions than bench/instructions.txt says"; bad = 1 }
      seen[$1] = 1 }
    END { for (name in was) if (!(name in seen)) { print name " is in the table and was not measured"; bad = 1 }
          exit check == "--check" && bad }' "$table" "$work/table"
