#!/usr/bin/env bash
# run.sh gcc|clang|wasm32: src/ compiles with no libc header in reach and needs nothing from outside but the four functions
# that a C compiler itself calls.
set -euo pipefail
flags=(-std=c17 -Wall -Wextra -Werror -ffreestanding -nostdinc "-I$AKSU_SOURCE/include" "-I$AKSU_SOURCE/src")
compiler=$1
case $1 in
gcc) ;;
clang) ;;
wasm32)
    compiler=clang
    flags+=(--target=wasm32 -nostdlib)
    ;;
esac
command -v "$compiler" >/dev/null || { echo "skipped: no $compiler here"; exit 77; }
flags+=(-isystem "$("$compiler" -print-file-name=include)")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
objects=()
while IFS= read -r file; do
    object=$work/${#objects[@]}.o
    "$compiler" "${flags[@]}" -O2 -c "$file" -o "$object"
    objects+=("$object")
done < <(find "$AKSU_SOURCE/src" -name '*.c' | sort)
echo "${#objects[@]} files compiled"

nm="nm"
if [ "$1" = wasm32 ]; then
    nm=$(command -v llvm-nm llvm-nm-14 | head -n 1) || { echo "compiled; no llvm-nm to look at the symbols"; exit 0; }
fi
outside=$(comm -23 <($nm -u "${objects[@]}" | awk '$1 == "U" { print $2 }' | sort -u) \
    <($nm --defined-only "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u) |
    grep -vxE 'memcpy|memmove|memset|memcmp|__stack_pointer|__indirect_function_table|__linear_memory|_GLOBAL_OFFSET_TABLE_' || true)
if [ -n "$outside" ]; then
    echo "src/ needs from outside: ${outside//$'\n'/ }"
    exit 1
fi
