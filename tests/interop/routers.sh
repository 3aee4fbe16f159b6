#!/usr/bin/env bash
# Routers that the kernel plays: addresses and routes from radvd's and dnsmasq's advertisements, a gateway that dies under a
# connection and the other that takes over, in both versions.
#
#     aksu v1 -- br0 -- r1 (10.0.0.11, fd00::11) -- far 198.51.100.9, 2001:db8:f::9
#                  \--- r2 (10.0.0.12, fd00::12) --/
. "$AKSU_SOURCE/tests/interop/_common.bash"
[ -e /proc/net/if_inet6 ] || skip "the kernel has no IPv6"
ip link add br0 type bridge 2>/dev/null || skip "no bridge here"
ip link add v0 type veth peer name v1 2>/dev/null || skip "no veth here"
spaces r1 r2 far
at() { ip netns exec "$@"; }
sysctl -qw net.ipv6.conf.default.accept_dad=0
ip link set lo up
for i in 1 2; do
    ip link add lan$i type veth peer name lan netns r$i
    ip link set lan$i master br0 up
    ip -n r$i link set lan up
    ip -n r$i addr add 10.0.0.1$i/24 dev lan
    ip -n r$i addr add fd00::1$i/64 dev lan nodad
    ip -n far link add r$i type veth peer name far netns r$i
    ip -n far link set r$i up
    ip -n r$i link set far up
    ip -n far addr add 172.16.$i.9/24 dev r$i
    ip -n far addr add fd0$i::9/64 dev r$i nodad
    ip -n r$i addr add 172.16.$i.1/24 dev far
    ip -n r$i addr add fd0$i::1/64 dev far nodad
    ip -n r$i route add 198.51.100.9/32 via 172.16.$i.9
    ip -n r$i route add 2001:db8:f::9/128 via fd0$i::9
done
ip link set v0 master br0 up
ip link set v1 up
ip link set br0 up
ip -n far addr add 198.51.100.9/32 dev lo
ip -n far addr add 2001:db8:f::9/128 dev lo nodad
back_by() { # 1 or 2: far answers by this router
    ip -n far route replace 10.0.0.0/24 via 172.16."$1".1
    ip -n far -6 route replace fd00::/64 via fd0"$1"::1
    ip -n far -6 route replace 2001:db8:1::/64 via fd0"$1"::1
}
back_by 1
head -c 20000000 /dev/urandom >"$work/file"
want=$(hash "$work/file")

# A gateway dies while data flows: the other takes over, and the connection ends in order.
for version in 4 6; do
    if [ $version = 4 ]; then
        far=198.51.100.9 ends=(--address 10.0.0.2/24 --gateway 10.0.0.11 --gateway 10.0.0.12)
    else
        far=2001:db8:f::9 ends=(--address fd00::2/64 --gateway fd00::11 --gateway fd00::12)
    fi
    back_by 1
    ip link set lan1 up
    timeout 100 ip netns exec far python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen $far 9000 both "$work/file" "$work/at_far" & peer=$!
    wait_for listens 9000 at far
    (head -c 10000000 "$work/file"; sleep 2; tail -c +10000001 "$work/file") |
        timeout 100 "$AKSU" connect --quiet --dev packet:v1 --dad 0 "${ends[@]}" $far 9000 >"$work/at_aksu" & ours=$!
    sleep 1.2
    ip link set lan1 down
    back_by 2
    wait $ours
    check "failover $version status" $? 0
    wait $peer
    check "failover $version out" "$(hash "$work/at_far")" "$want"
    check "failover $version in" "$(hash "$work/at_aksu")" "$want"
done
ip link set lan1 up
back_by 1

# Addresses and a default router by advertisements; the server is reached from far, and reaches it.
advertised() { # who
    mkdir -p "$work/www"
    cp "$work/file" "$work/www/file"
    "$AKSU" serve --dev packet:v1 --autoconf "$work/www" 2>"$work/errors" & server=$!
    local url
    for _ in $(seq 150); do
        url=$(grep -o 'http://\[2001:db8:1:[0-9a-f:]*\]:8080' "$work/errors") && break
        sleep 0.1
    done
    check "$1 address" "$(echo "$url" | grep -c '2001:db8:1:')" 1
    at far curl -g -s -m 60 -o "$work/got" "$url/file"
    check "$1 from far" "$(hash "$work/got")" "$want"
    kill $server
    wait $server
    check "$1 ended" $? 0
    timeout 60 ip netns exec far python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen 2001:db8:f::9 9001 both "$work/file" "$work/at_far" & peer=$!
    wait_for listens 9001 at far
    timeout 60 "$AKSU" connect --quiet --dev packet:v1 --autoconf=temporary 2001:db8:f::9 9001 <"$work/file" >"$work/at_aksu"
    check "$1 to far status" $? 0
    wait $peer
    check "$1 to far" "$(hash "$work/at_far") $(hash "$work/at_aksu")" "$want $want"
}
ip -n r1 addr add 2001:db8:1::1/64 dev lan nodad
any=
if [ -x "$(command -v radvd)" ]; then
    any=1
    cat >"$work/radvd.conf" <<EOF
interface lan {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 4;
    AdvLinkMTU 1400;
    prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; };
    route 2001:db8:f::/48 { };
    RDNSS 2001:db8:1::1 { };
};
EOF
    timeout 100 ip netns exec r1 radvd -n -m stderr -u root -C "$work/radvd.conf" -p "$work/radvd.pid" 2>"$work/radvd.log" & router=$!
    advertised radvd
    kill $router 2>/dev/null
    wait $router 2>/dev/null
fi
if [ -x "$(command -v dnsmasq)" ]; then
    any=1
    timeout 100 ip netns exec r1 dnsmasq -k -p 0 --conf-file=/dev/null --interface=lan --bind-interfaces --enable-ra --ra-param=lan,4,600 \
        --dhcp-range=2001:db8:1::,ra-only,64,600 --dhcp-leasefile="$work/leases" --user=root --pid-file="$work/dnsmasq.pid" 2>"$work/dnsmasq.log" & router=$!
    advertised dnsmasq
    kill $router 2>/dev/null
    wait $router 2>/dev/null
fi
timeout 30 "$AKSU" listen --dev packet:v1 --autoconf 7 2>"$work/why" </dev/null
check "no router status" $? 1
check "no router" "$(grep -c 'no router on v1 has given an address' "$work/why")" 1
[ -n "$any" ] || echo "neither radvd nor dnsmasq here: no advertisements tested"
exit $failed
