#!/usr/bin/env bash
# aksu connect and aksu listen against the kernel's netcat: both roles, both directions, half-close, refusal, wrong usage.
. "$AKSU_SOURCE/tests/interop/_common.bash"
ip link set lo up
head -c 30000000 /dev/urandom >"$work/a"
head -c 10000000 /dev/urandom >"$work/b"

"$AKSU" listen --quiet 7 <"$work/a" >"$work/from_kernel" 2>"$work/errors" & ours=$!
wait_for has_address aksu0 192.0.2.1
if ! kill -0 $ours 2>/dev/null; then skip "$(cat "$work/errors")"; fi
timeout 60 nc -N 192.0.2.2 7 <"$work/b" >"$work/from_aksu"
wait $ours
check listen_status $? 0
check listen_out "$(hash "$work/from_aksu")" "$(hash "$work/a")"
check listen_in "$(hash "$work/from_kernel")" "$(hash "$work/b")"

# The kernel listens; our side ends first and still receives all (half-close).
ip tuntap add aksu5 mode tun 2>/dev/null && ip addr add 198.51.100.1/24 dev aksu5 && ip link set aksu5 up
timeout 60 python3 -c '
import socket, sys
listener = socket.create_server(("198.51.100.1", 9000))
peer = listener.accept()[0]
with open(sys.argv[2], "wb") as out:
    while data := peer.recv(1 << 20): out.write(data)
peer.sendall(open(sys.argv[1], "rb").read())
peer.close()' "$work/a" "$work/at_kernel" & kernel=$!
wait_for listens 9000
"$AKSU" connect --quiet --dev tun:aksu5 --host-address 198.51.100.1 --address 198.51.100.2/24 198.51.100.1 9000 <"$work/b" >"$work/at_aksu"
check connect_status $? 0
wait $kernel
check connect_out "$(hash "$work/at_kernel")" "$(hash "$work/b")"
check connect_in "$(hash "$work/at_aksu")" "$(hash "$work/a")"

"$AKSU" connect --quiet 192.0.2.1 9 </dev/null 2>"$work/why"
check refused_status $? 1
check refused_text "$(cat "$work/why")" "aksu: refused"

usage() { # what, part of the line, arguments...
    local what=$1 part=$2
    shift 2
    "$AKSU" "$@" >/dev/null 2>"$work/why" </dev/null
    check "$what status" $? 2
    check "$what lines" "$(wc -l <"$work/why")" 1
    check "$what text" "$(grep -c -- "$part" "$work/why")" 1
}
usage address "is not an address" connect --address 1.2.3 192.0.2.1 80
usage prefix "prefix length" connect --address 192.0.2.2/40 192.0.2.1 80
usage port "is not a number from 1 to 65535" connect 192.0.2.1 99999
usage name "no name that resolves" connect no.such.name.invalid 80
usage option "is no option" serve --nonsense .
usage missing "usage: aksu serve" serve
usage directory "not a directory" serve "$work/nothing"
usage setting "names no setting" serve --set nonsense=1 "$work"
usage range "is not a number from 0 to 2" serve --set nagle=7 "$work"
usage trace "is not ladder" serve --trace=nonsense "$work"
usage verb "no verb" nonsense
usage status "no running instance" status
"$AKSU" listen --quiet --dev tun:aksu7 7 </dev/null >/dev/null 2>&1 & holder=$!
wait_for has_address aksu7 192.0.2.1
usage taken "aksu7" listen --dev tun:aksu7 7
kill -INT $holder
wait $holder
if command -v script >/dev/null; then # a terminal for stderr: progress is told, and wiped at the end
    script -qfec "'$AKSU' listen --dev tun:aksu8 8 >'$work/slow'" "$work/typed" >/dev/null </dev/null & ours=$!
    wait_for has_address aksu8 192.0.2.1
    for _ in $(seq 12); do head -c 100000 /dev/zero; sleep 0.25; done | nc -N 192.0.2.2 8
    wait $ours
    check progress "$(grep -c 'kB received, .*/s\|MB received, .*/s' "$work/typed")" 1
    check progress_bytes "$(stat -c %s "$work/slow")" 1200000
fi
for verb in serve connect listen status pair ping trace-route resolve; do
    check "$verb help" "$("$AKSU" $verb --help | grep -c 'examples:')" 1
    # The options of every example are taken: --help behind them is reached.
    "$AKSU" $verb --help | grep -o "aksu ${verb}[^<>|]*" | sed 's/  .*//' | grep -v '^aksu [a-z]* \[' >"$work/examples"
    check "$verb examples" "$(wc -l <"$work/examples" | awk '{print ($1 >= 1)}')" 1
    while read -r _ words; do
        # shellcheck disable=SC2086 # words
        "$AKSU" $words --help >/dev/null || check "example: $words" 1 0
    done <"$work/examples"
done
check version "$("$AKSU" --version | grep -c '^aksu [0-9]')" 1

"$AKSU" listen --quiet --trace=pcapng:"$work/capture" --trace=json:"$work/events" 7 </dev/null >/dev/null & ours=$!
wait_for has_address aksu0 192.0.2.1
echo x | nc -N 192.0.2.2 7
wait $ours
if command -v tshark >/dev/null; then
    check tshark_reads "$(tshark -r "$work/capture" 2>&1 | grep -ci -e malformed -e error -e 'cut short')" 0
    check tshark_comments "$(tshark -r "$work/capture" -Y 'frame.comment contains "->"' 2>/dev/null | wc -l | awk '{print ($1 >= 3)}')" 1
fi
check json "$(python3 -c 'import json,sys; print(sum(1 for l in open(sys.argv[1]) if json.loads(l)) > 10)' "$work/events")" True
exit $failed
