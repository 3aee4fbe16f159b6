#!/usr/bin/env bash
# A path that is narrower than the link, that narrows while data flows, and that swallows what is too big without a word.
#
#     aksu (packet:v1) -- r1 -- narrow link -- r2 -- far
. "$AKSU_SOURCE/tests/interop/_common.bash"
[ -e /proc/net/if_inet6 ] || skip "the kernel has no IPv6"
ip link set lo up
two_routers v1
# Offloads would carry super-segments across the narrow link.
for end in "r1 r1end" "r1 a0" "r2 a1" "r2 b0" "far b1"; do
    ip netns exec ${end% *} ethtool -K ${end#* } tso off gso off gro off >/dev/null 2>&1
done
ethtool -K v1 tso off gso off gro off >/dev/null 2>&1
narrow() { # MTU
    ip -n r1 link set a0 mtu "$1"
    ip -n r2 link set a1 mtu "$1"
}
at() { ip netns exec far "$@"; }
mkdir "$work/www"
head -c 3000000 /dev/urandom >"$work/www/file"
want=$(hash "$work/www/file")
ours() { # version: our addresses
    if [ "$1" = 4 ]; then
        echo --dev packet:v1 --dad 0 --address 10.1.0.2/24 --gateway 10.1.0.1
    else
        echo --dev packet:v1 --dad 0 --address fd01::2/64 --gateway fd01::1
    fi
}
for version in 4 6; do
    if [ $version = 4 ]; then url=http://10.1.0.2:8080 far=10.3.0.2; else url="http://[fd01::2]:8080" far=fd03::2; fi
    # From the first packet on: the router says so.
    narrow 1300
    # shellcheck disable=SC2046 # words
    "$AKSU" serve --quiet --trace=json:"$work/events" $(ours $version) "$work/www" 2>"$work/errors" & server=$!
    if ! wait_for at curl -g -s -m 2 -o /dev/null "$url/nothing"; then skip "$(cat "$work/errors")"; fi
    at curl -g -s -m 60 -o "$work/got" "$url/file"
    check "narrow $version" "$(hash "$work/got")" "$want"
    # It narrows while data flows.
    narrow 1500
    at curl -g -s -m 60 --limit-rate 1M -o "$work/got" "$url/file" & loader=$!
    sleep 0.7
    narrow 1300
    wait $loader
    check "narrower meanwhile $version" "$? $(hash "$work/got")" "0 $want"
    # Nobody says anything: found by trying (RFC 8899).
    narrow 1500
    at curl -g -s -m 60 --limit-rate 1M -o "$work/got" "$url/file" & loader=$!
    sleep 0.7
    if [ $version = 4 ]; then
        ip netns exec r1 iptables -A OUTPUT -p icmp -j DROP
    else
        ip netns exec r1 ip6tables -A OUTPUT -p icmpv6 --icmpv6-type packet-too-big -j DROP
    fi
    blackhole=$?
    if [ $blackhole = 0 ]; then
        narrow 1300
        wait $loader
        check "black hole $version" "$? $(hash "$work/got")" "0 $want"
        ip netns exec r1 iptables -F
        ip netns exec r1 ip6tables -F
    else
        echo "skipped: the black hole, no iptables here"
        wait $loader
    fi
    kill $server
    wait $server
    check "ended $version" $? 0
    # UDP: the datagram that was too big is lost, the next ones come in fragments.
    narrow 1300
    at python3 -c '
import socket, sys
host, out = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((host, 5000))
s.settimeout(5)
with open(out, "w") as file:
    try:
        while True:
            data, who = s.recvfrom(65536)
            print(len(data), data == bytes([data[0]]) * len(data), file=file)
            if data[:1] == b"d": break
    except TimeoutError: print("nothing more", file=file)' "$far" "$work/datagrams" & receiver=$!
    udp_bound() { at ss -Hlun "sport = :5000" | grep -q .; }
    wait_for udp_bound
    # shellcheck disable=SC2046 # words
    python3 -c '
import os, time
for c in b"abcd":
    os.write(1, bytes([c]) * 1440)
    time.sleep(0.3)' | timeout 20 "$AKSU" connect --udp --quiet $(ours $version) "$far" 5000 2>"$work/errors"
    wait $receiver
    check "datagrams $version" "$(tr '\n' ' ' <"$work/datagrams")" "1440 True 1440 True 1440 True "
    check "told $version" "$(cat "$work/errors")" "aksu: packet too big"
done
[ $failed = 0 ] && echo ok
exit $failed
