#!/usr/bin/env bash
# UDP against socat on the kernel's side: echo and bulk, both directions, both versions, through the offloads and without.
. "$AKSU_SOURCE/tests/interop/_common.bash"
for tool in socat python3; do
    command -v $tool >/dev/null || skip "no $tool"
done
if [ ! -e /proc/net/if_inet6 ]; then skip "the kernel has no IPv6"; fi
bound() { ss -Hlun "sport = :$1" | grep -q .; }
ip link set lo up
if ! ip tuntap add aksu5 mode tun; then skip "no TUN device can be had here"; fi
ip addr add 192.0.2.1/24 dev aksu5
ip addr add 2001:db8::1/64 dev aksu5 nodad
ip link set aksu5 up
both=(--quiet --dev tun:aksu5 --address 192.0.2.2/24 --host-address 192.0.2.1 --address 2001:db8::2/64 --host-address 2001:db8::1)
# 4,000 datagrams of 1,000 bytes that tell their number.
python3 -c '
for i in range(4000): print("%08d" % i + "x" * 991)' >"$work/lines"
for version in 4 6; do
    if [ $version = 4 ]; then kernel=192.0.2.1 us=192.0.2.2; else kernel=2001:db8::1 us=2001:db8::2; fi
    # Echo: what is asked comes back.
    socat -T 5 UDP$version-LISTEN:7,fork,reuseaddr PIPE & echoer=$!
    wait_for bound 7
    got=$( (echo one; sleep 0.2; echo two; sleep 0.2) | timeout 20 "$AKSU" connect --udp --wait 500 "${both[@]}" $kernel 7)
    check "echo $version" "$? $got" "0 one
two"
    kill $echoer
    wait $echoer 2>/dev/null
    # Nobody there.
    echo x | timeout 20 "$AKSU" connect --udp "${both[@]}" $kernel 9 >"$work/out" 2>"$work/errors"
    check "refused $version" "$? $(cat "$work/errors")" "1 aksu: port unreachable"
    # Bulk from us: whole datagrams, in order, all but what the kernel's queue lost.
    socat -u -T 2 UDP$version-RECV:5000,rcvbuf=8000000 OPEN:"$work/at_kernel",creat,trunc & receiver=$!
    wait_for bound 5000
    python3 -c '
import os, sys, time
for i, line in enumerate(open(sys.argv[1], "rb")):
    os.write(1, line)
    time.sleep(0.00005)' "$work/lines" | timeout 20 "$AKSU" connect --udp --wait 100 "${both[@]}" $kernel 5000 >/dev/null
    check "bulk out $version status" "${PIPESTATUS[1]}" 0
    sleep 0.3
    kill $receiver
    wait $receiver 2>/dev/null
    check "bulk out $version" "$(sort -c "$work/at_kernel" 2>&1)$(comm -13 "$work/lines" "$work/at_kernel" | wc -l)" 0
    check "bulk out $version lost" "$(($(wc -l <"$work/at_kernel") >= 3600))" 1
    # Bulk to us; the kernel hands super-datagrams over where it has joined them.
    timeout 60 "$AKSU" listen --udp --wait 1000 "${both[@]}" 5001 >"$work/at_aksu" </dev/null & ours=$!
    wait_for test -S "$work/aksu/aksu5.sock"
    python3 - "$us" "$work/lines" <<'PYTHON'
import socket, sys, time
host, name = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((host, 5001))
UDP_SEGMENT = 103
lines = open(name, "rb").read()
half = len(lines) // 2
for at in range(0, half, 1000):
    s.send(lines[at:at + 1000])
    if at % 50000 == 0: time.sleep(0.001)
s.setsockopt(socket.SOL_UDP, UDP_SEGMENT, 1000)
for at in range(half, len(lines), 40000):
    s.send(lines[at:at + 40000])
    time.sleep(0.001)
PYTHON
    wait $ours
    check "bulk in $version status" $? 0
    check "bulk in $version" "$(sort -c "$work/at_aksu" 2>&1)$(comm -13 "$work/lines" "$work/at_aksu" | wc -l)" 0
    check "bulk in $version lost" "$(($(wc -l <"$work/at_aksu") >= 3600))" 1
done
[ $failed = 0 ] && echo ok
exit $failed
