#!/usr/bin/env bash
# run.sh COMPILER: the amalgamation compiles alone, without a warning, and runs.
set -euo pipefail
command -v "$1" >/dev/null || { echo "skipped: no $1 here"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$AKSU_BUILD/amalgamation/aksu.c" "$AKSU_BUILD/amalgamation/aksu.h" "$AKSU_SOURCE/tests/embed/main.c" "$work"
cd "$work"
for level in -O0 -O2; do
    "$1" -std=c17 $level -Wall -Wextra -Werror -c aksu.c -o aksu.o
    "$1" -std=c17 $level -Wall -Wextra -Werror main.c aksu.o -o main
    ./main
done
