#!/usr/bin/env bash
# No mutable globals in src/, view/ and sim/: compiles each file without PIC (so that constant tables are constant) and
# looks at the sections of its symbols.  It sees static locals too.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for folder in src view sim; do
    [ -d $folder ] || continue
    while IFS= read -r file; do
        cc -std=c17 -O0 -fno-pic -fno-pie -w -Iinclude -Isrc -I. -c "$file" -o "$work/object.o" || { status=1; continue; }
        mutable=$(nm "$work/object.o" | awk '$2 ~ /^[BbCDdGgSs]$/ { printf " %s", $3 }')
        if [ -n "$mutable" ]; then
            echo "$file:1: mutable at file scope:$mutable"
            status=1
        fi
    done < <(find $folder -name '*.c' | sort)
done
exit $status
