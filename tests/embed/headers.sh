#!/usr/bin/env bash
# Each public header compiles alone, as C17 and as C++, and so does the amalgamation's.
set -euo pipefail
command -v clang >/dev/null || { echo "skipped: no clang here"; exit 77; }
for header in "$AKSU_SOURCE"/include/aksu/*.h "$AKSU_BUILD/amalgamation/aksu.h"; do
    for language in c++17=c++ c17=c; do
        printf '#include "%s"\n' "$header" |
            clang "-std=${language%%=*}" -Wall -Wextra -Werror -fsyntax-only -nostdinc++ -x "${language#*=}" -
    done
    echo "ok ${header##*/}"
done
