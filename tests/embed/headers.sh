#!/usr/bin/env bash
# Each public header compiles alone, as C17 and as C++, and so does the amalgamation's.
set -euo pipefail
command -v clang >/dev/null || { echo "skipped: no clang here"; exit 77; }
for header in "$AKSU_SOURCE"/include/aksu/*.h "$AKSU_BUILD/amalgamation/aksu.h"; do
    clang -std=c17 -Wall -Wextra -Werror -fsyntax-only -x c "$header"
    clang -std=c++17 -Wall -Wextra -Werror -fsyntax-only -nostdinc++ -x c++ "$header"
    echo "ok ${header##*/}"
done
