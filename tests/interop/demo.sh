#!/usr/bin/env bash
# The demonstration, both ways: with a TUN device, and over two stacks in memory; and interrupted, it leaves nothing.
set -u
failed=0
demo=$AKSU_SOURCE/tools/demo.sh
export AKSU_DEMO_MIB=16
check() { # what, text, pattern
    if ! grep -q -- "$3" <<<"$2"; then
        echo "FAILED $1: no '$3' in:"
        tail -5 <<<"$2"
        failed=1
    fi
}
text=$(AKSU_DEMO_NO_TUN=1 timeout 120 "$demo" 2>&1)
check in_memory_status "status $?" "status 0"
for wanted in "client to server: SHA-256 equal" "server to client: SHA-256 equal" SYN-SENT TIME-WAIT "CLOSED (refused)" ESTABLISHED; do
    check in_memory "$text" "$wanted"
done
text=$(timeout 180 "$demo" 2>&1)
check status "status $?" "status 0"
if ! grep -q "two stacks joined in memory" <<<"$text"; then
    for wanted in "download: SHA-256 equal" "upload: SHA-256 equal" TIME-WAIT "refused" LISTEN "ratio"; do
        check with_a_device "$text" "$wanted"
    done
fi

# A sum that differs fails loudly: a command that breaks what it passes on.
broken=$(mktemp -d)
# shellcheck disable=SC2016 # the inner script expands them
printf '#!/bin/sh\ncase $1 in pair) %s "$@" | tr a b ;; *) exec %s "$@" ;; esac\n' "$AKSU" "$AKSU" >"$broken/aksu"
chmod +x "$broken/aksu"
text=$(AKSU=$broken/aksu AKSU_DEMO_NO_TUN=1 timeout 60 "$demo" 2>&1)
check broken_status "status $?" "status 1"
check broken "$text" "DIFFER"
rm -rf "$broken"

# Where no namespace can be made, root or not, it shows the same in memory.
refusing=$(mktemp -d)
printf '#!/bin/sh\nexit 1\n' >"$refusing/unshare"
chmod +x "$refusing/unshare"
text=$(PATH=$refusing:$PATH timeout 60 "$demo" 2>&1)
check no_namespace_status "status $?" "status 0"
check no_namespace "$text" "no network namespace can be made here"
check no_namespace "$text" "server to client: SHA-256 equal"
rm -rf "$refusing"

# Interrupted, it leaves no file and no process behind; devices and namespaces go with its processes.
for without in "" 1; do
    own=$(mktemp -d)
    TMPDIR=$own AKSU_DEMO_NO_TUN=$without AKSU_DEMO_MIB=64 timeout 60 "$demo" >/dev/null 2>&1 & running=$!
    for _ in $(seq 50); do [ -n "$(ls "$own")" ] && break; sleep 0.1; done
    sleep 0.5
    kill -INT $running
    wait $running
    status=$?
    [ $status = 130 ] || { echo "FAILED interrupted: status $status"; failed=1; }
    for _ in $(seq 80); do [ -z "$(ls "$own")$(pgrep -f "$own")" ] && break; sleep 0.1; done
    if [ -n "$(pgrep -f "$own")" ] || ! rmdir "$own"; then
        echo "FAILED cleaned: $(ls "$own") $(pgrep -af "$own") is left over"
        failed=1
    fi
done
exit $failed
