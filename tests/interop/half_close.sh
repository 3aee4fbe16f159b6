#!/usr/bin/env bash
# Half-close: either side may end first and the other goes on, with aksu connect and aksu listen.  The side that goes on says nothing before
# the other's end has come.
. "$AKSU_SOURCE/tests/interop/_common.bash"
ip link set lo up
if ! ip tuntap add aksu5 mode tun || ! ip addr add 192.0.2.1/24 dev aksu5 || ! ip link set aksu5 up; then skip "no TUN device can be had here"; fi
head -c 10000000 /dev/urandom >"$work/a"
head -c 3000000 /dev/urandom >"$work/b"
mkfifo "$work/gate" "$work/out"

peer() { python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" "$@"; }

# aksu's input: either at once, or only after all that comes has come.
aksu_with() { # order, verb and arguments...
    local order=$1
    shift
    if [ "$order" = last ]; then
        # The reader of the output opens the gate when it has seen its end.
        { cat "$work/out" >"$work/at_aksu"; : >"$work/gate"; } &
        "$AKSU" "$@" --quiet --dev tun:aksu5 >"$work/out" < <(cat "$work/gate" "$work/a")
        echo $? >"$work/status"
    else
        "$AKSU" "$@" --quiet --dev tun:aksu5 <"$work/a" >"$work/at_aksu"
        echo $? >"$work/status"
    fi
}

run() { # what, aksu's order, the kernel's order, the kernel's role
    rm -f "$work/at_aksu" "$work/at_kernel" "$work/status"
    if [ "$4" = listen ]; then
        peer listen 192.0.2.1 9000 "$3" "$work/b" "$work/at_kernel" & local other=$!
        for _ in $(seq 100); do ss -ltn | grep -q :9000 && break; sleep 0.05; done
        aksu_with "$2" connect 192.0.2.1 9000
    else
        peer connect 192.0.2.2 9001 "$3" "$work/b" "$work/at_kernel" & local other=$!
        aksu_with "$2" listen 9001
    fi
    wait $other
    check "$1: status" "$(cat "$work/status")" 0
    check "$1: to the kernel" "$(hash "$work/at_kernel")" "$(hash "$work/a")"
    check "$1: to aksu" "$(hash "$work/at_aksu")" "$(hash "$work/b")"
}

run "connect, aksu ends first" first last listen
run "connect, the kernel ends first" last first listen
run "listen, aksu ends first" first last connect
run "listen, the kernel ends first" last first connect
run "connect, both at once" first both listen

# netcat, ending first.
printf 'a request\n' >"$work/request"
"$AKSU" listen --quiet --dev tun:aksu5 9001 >"$work/at_aksu" < <(cat "$work/gate"; echo an answer) & ours=$!
wait_for test -S "$work/aksu/aksu5.sock"
{ timeout 20 nc -N 192.0.2.2 9001 <"$work/request" >"$work/at_kernel"; } & other=$!
for _ in $(seq 100); do cmp -s "$work/at_aksu" "$work/request" && break; sleep 0.05; done
: >"$work/gate"
wait $ours $other
check "netcat's request" "$(cat "$work/at_aksu")" "a request"
check "netcat's answer" "$(cat "$work/at_kernel")" "an answer"

# A first signal ends our direction; a second leaves, and the peer is told.
python3 -c '
import socket
listener = socket.create_server(("192.0.2.1", 9002))
peer = listener.accept()[0]
print("end" if peer.recv(100) == b"" else "data", flush=True)
try:
    while True: peer.sendall(bytes(1 << 20))
except (ConnectionResetError, BrokenPipeError):
    print("reset", flush=True)' >"$work/seen" & other=$!
for _ in $(seq 100); do ss -ltn | grep -q :9002 && break; sleep 0.05; done
mkfifo "$work/open"
"$AKSU" connect --quiet --dev tun:aksu5 192.0.2.1 9002 <>"$work/open" >/dev/null & ours=$!
for _ in $(seq 100); do ss -tn | grep -q ':9002 ' && break; sleep 0.05; done
sleep 0.2
kill -TERM $ours
for _ in $(seq 100); do grep -q end "$work/seen" && break; sleep 0.05; done
kill -TERM $ours
wait $ours
check "second signal: status" $? 130
wait $other
check "second signal: the peer" "$(tr '\n' ' ' <"$work/seen")" "end reset "
exit $failed
