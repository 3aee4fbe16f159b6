#!/usr/bin/env bash
# aksu serve spoken to byte by byte: refusals before the body, conditions, ranges, what is malformed or too large, time limits, a full disk, a
# file that shrinks, and the end by signals.
. "$AKSU_SOURCE/tests/interop/_common.bash"
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; umount "$work/small/disk" 2>/dev/null; rm -rf "$work"' EXIT
ip link set lo up
mkdir -p "$work/www" "$work/small/disk"
head -c 8000000 /dev/urandom >"$work/www/file"
echo 0123456789 >"$work/www/digits"
: >"$work/www/empty"
mount -t tmpfs -o size=4m none "$work/small/disk" 2>/dev/null && export AKSU_TEST_DISK="$work/small/disk"
python3 -B "$AKSU_SOURCE/tests/interop/_http_client.py" "$work"
