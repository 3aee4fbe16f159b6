#!/usr/bin/env bash
# aksu status: tables and counters of a running instance, past the sockets of killed ones and of other networks; and progress on a terminal.
. "$AKSU_SOURCE/tests/interop/_common.bash"
ip link set lo up
mkdir "$work/www"
head -c 20000000 /dev/zero >"$work/www/large" # more than the buffers take at once

"$AKSU" serve --quiet "$work/www" 2>"$work/errors" & server=$!
wait_for "$AKSU" status
if ! kill -0 $server 2>/dev/null; then skip "$(cat "$work/errors")"; fi
kill -KILL $server
wait $server 2>/dev/null
check "a killed instance leaves its socket" "$(find "$work/aksu" -name '*.sock' | wc -l)" 1
"$AKSU" status >/dev/null 2>"$work/why"
check "nobody answers: status" $? 2
check "nobody answers" "$(grep -c 'no running instance' "$work/why")" 1

"$AKSU" serve --quiet --dev tun:aksu3 --port 8081 "$work/www" & server=$!
wait_for "$AKSU" status
check "past a dead socket" "$("$AKSU" status | grep -c ':8081')" 1
# shellcheck disable=SC2016 # the inner shell expands them
unshare -n -- sh -c 'exec "$0" serve --quiet --dev tun:aksu3 --port 8082 "$1"' "$AKSU" "$work/www" & other=$!
for _ in $(seq 100); do [ "$(find "$work/aksu" -name 'aksu3*.sock' | wc -l)" = 2 ] && break; sleep 0.05; done
kill -INT $other
wait $other
check "the same device elsewhere takes nothing away" "$("$AKSU" status --dev tun:aksu3 | grep -c ':8081')" 1

curl -s --limit-rate 1M -o /dev/null http://192.0.2.2:8081/large & fetch=$!
wait_for sh -c "'$AKSU' status | grep -q ESTABLISHED"
check table "$("$AKSU" status | grep -c '^ESTABLISHED .*192.0.2.2:8081 *192.0.2.1:')" 1
check json "$("$AKSU" status json | python3 -c 'import json,sys; print(sorted({json.loads(line)["state"] for line in sys.stdin}))')" "['ESTABLISHED', 'LISTEN']"
check counters "$("$AKSU" status counters | grep -c 'opens active 0 passive 1')" 1
kill $fetch
wait $fetch 2>/dev/null
kill -STOP $server
"$AKSU" status >/dev/null 2>"$work/why"
check "stopped: status" $? 1
check "stopped" "$(grep -c 'does not answer' "$work/why")" 1
kill -CONT $server
kill -INT $server
wait $server
check "its socket goes with it" "$(find "$work/aksu" -name 'aksu3*.sock' | wc -l)" 0

# Progress of serve, where stderr is a terminal: shown while bytes move, wiped when they do not, and not at all with --quiet.
if command -v script >/dev/null; then
    for quiet in "" --quiet; do
        script -qfec "echo \$\$ >'$work/pid'; exec '$AKSU' serve $quiet '$work/www'" "$work/typed" >/dev/null </dev/null & typist=$!
        wait_for "$AKSU" status
        start=$SECONDS
        python3 -c '
import socket, time
peer = socket.socket()
peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
peer.connect(("192.0.2.2", 8080))
peer.sendall(b"GET /large HTTP/1.0\r\n\r\n")
while peer.recv(1 << 16): time.sleep(0.015)'
        took=$((SECONDS - start + 1))
        kill -INT "$(cat "$work/pid")"
        wait $typist
        shown=$(tr '\r' '\n' <"$work/typed" | grep -c 'MB sent, .*/s')
        if [ -z "$quiet" ]; then
            check "progress" "$((shown >= 3 && shown <= 5 * took + 1))" 1
        else
            check "no progress with --quiet" "$shown" 0
        fi
    done
fi
exit $failed
