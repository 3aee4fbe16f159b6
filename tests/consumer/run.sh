#!/usr/bin/env bash
# run.sh find_package|pkg_config: installs aksu into an empty folder, moves it, and builds a program against it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$AKSU_BUILD" --prefix "$work/staged" >/dev/null
mv "$work/staged" "$work/installed" # a package must not know where it was put
# The installed command finds its scenarios beside itself, from wherever it is called.
if [ -x "$work/installed/bin/aksu" ]; then (cd / && "$work/installed/bin/aksu" lab three-way-handshake >/dev/null); fi
cp "$AKSU_SOURCE"/tests/consumer/{main.c,CMakeLists.txt} "$work"
cd "$work"
case $1 in
find_package)
    cmake -G Ninja -S . -B build -DCMAKE_PREFIX_PATH="$work/installed" >/dev/null
    cmake --build build
    ./build/consumer
    ;;
pkg_config)
    PKG_CONFIG_PATH=$(find "$work/installed" -type d -name pkgconfig)
    export PKG_CONFIG_PATH
    for pc in "$PKG_CONFIG_PATH"/*.pc; do
        name=$(basename "$pc" .pc)
        # shellcheck disable=SC2046 # flags are words
        cc -std=c17 -Wall -Wextra -Werror main.c $(pkg-config --cflags --libs "$name") -o consumer
        ./consumer
    done
    ;;
esac
