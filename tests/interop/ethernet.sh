#!/usr/bin/env bash
# Ethernet with the kernel at the other end: TAP and a packet socket on veth, both versions.  ARP and NDP both ways, ping,
# curl by hash at several MTUs, neighbours that vanish, addresses that are taken, VLANs.
. "$AKSU_SOURCE/tests/interop/_common.bash"
wait_http() { # url
    for _ in $(seq 100); do [ "$(code "$1/nothing")" = 404 ] && return; sleep 0.1; done
    echo "FAILED: nobody at $1: $(cat "$work/errors")"
    failed=1
}
stop() { # pid
    kill "$1"
    wait "$1"
    check "ended" $? 0
}
if [ ! -e /proc/net/if_inet6 ]; then skip "the kernel has no IPv6"; fi
if ! ip link add v0 type veth peer name v1 2>/dev/null; then skip "no veth here"; fi
ip link set lo up
for device in v0 v1; do sysctl -qw net.ipv6.conf.$device.accept_dad=0 2>/dev/null; ip link set $device up; done
ip addr add 10.0.0.1/24 dev v0
ip addr add fd00::1/64 dev v0 nodad
mkdir "$work/www"
head -c 30000000 /dev/urandom >"$work/www/file"
want=$(hash "$work/www/file")

# TAP: the kernel on the same segment, with the defaults of both; asked whether the address is free first.
"$AKSU" serve --writable --dev tap:t0 "$work/www" 2>"$work/errors" & server=$!
wait_http http://192.0.2.2:8080
if ! kill -0 $server 2>/dev/null; then skip "$(cat "$work/errors")"; fi
curl -s -m 60 -o "$work/got" http://192.0.2.2:8080/file
check tap_download "$(hash "$work/got")" "$want"
check tap_upload_status "$(code -T "$work/www/file" http://192.0.2.2:8080/up)" 201
check tap_upload "$(hash "$work/www/up")" "$want"
check tap_ping "$(ping -n -c 3 -i 0.2 -s 1000 192.0.2.2 | grep -c 'bytes from 192.0.2.2')" 3
check tap_status "$("$AKSU" status --dev tap:t0 network | grep -c '^address 192.0.2.2/24 preferred$\|^neighbour 192.0.2.1 [0-9a-f:]* [A-Z]*$')" 2
ip neigh flush dev t0
check tap_asked_again "$(code http://192.0.2.2:8080/file)" 200
mac=$(ip neigh show 192.0.2.2 dev t0 | grep -o 'lladdr [0-9a-f:]*')
stop $server
"$AKSU" serve --dev tap:t0 --dad 0 "$work/www" 2>"$work/errors" & server=$!
wait_http http://192.0.2.2:8080
check tap_same_address_again "$(ip neigh show 192.0.2.2 dev t0 | grep -o 'lladdr [0-9a-f:]*')" "$mac"
stop $server

# Both versions over TAP and over a packet socket on veth, with rings and without, at each MTU.
for device in tap:t1 packet:v1,rings=on packet:v1,rings=off; do
    name=${device%,*}
    for mtu in 1280 1500 9000; do
        if [ $device = tap:t1 ]; then
            ends=(--host-address 10.1.0.1 --host-address fd01::1)
            four=10.1.0 six=fd01:
        else
            ends=()
            four=10.0.0 six=fd00:
            ip link set v0 mtu $mtu
            ip link set v1 mtu $mtu
            ip addr replace fd00::1/64 dev v0 nodad
        fi
        "$AKSU" serve --writable --dev $device --mtu $mtu --dad 0 --address $four.2/24 --address $six:2/64 "${ends[@]}" \
            --trace=json:"$work/events" "$work/www" 2>"$work/errors" & server=$!
        wait_http http://$four.2:8080
        for url in http://$four.2:8080 "http://[$six:2]:8080"; do
            curl -g -s -m 60 -o "$work/got" "$url/file"
            check "$device $mtu $url download" "$(hash "$work/got")" "$want"
            rm -f "$work/www/up"
            check "$device $mtu $url upload status" "$(code -T "$work/www/file" "$url/up")" 201
            check "$device $mtu $url upload" "$(hash "$work/www/up")" "$want"
        done
        check "$device $mtu ping" "$(ping -n -c 2 -i 0.2 -s 1200 $four.2 | grep -c "bytes from $four.2")" 2
        check "$device $mtu ping6" "$(ping -6 -n -c 2 -i 0.2 -s 1200 $six:2 | grep -c "bytes from $six:2")" 2
        check "$device $mtu lost" "$("$AKSU" status --dev $device counters | grep -o 'device .*: frames\|dropped in .*')" \
            "device ${name#*:}: frames"$'\n'"dropped in 0 out 0, no room in the kernel 0"
        stop $server
        # Not those of routers and queriers to their groups, nor what a busy machine sends twice.
        drops=$(grep -o '"drop":"[A-Z_]*"' "$work/events" | sort | uniq -c | grep -v 'NONE\|IP_BROADCAST\|TCP_DUPLICATE\|TCP_SEQUENCE')
        check "$device $mtu drops" "$drops" ''
    done
done
ip link set v0 mtu 1500
ip link set v1 mtu 1500
ip addr replace fd00::1/64 dev v0 nodad

# Connecting out; a neighbour that is not there; one that vanishes and comes back.
timeout 60 python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen fd00::1 9000 both "$work/www/file" "$work/at_kernel" & kernel=$!
wait_for listens 9000
"$AKSU" connect --quiet --dev packet:v1 --address fd00::2/64 fd00::1 9000 <"$work/www/file" >"$work/at_aksu"
check connect_status $? 0
wait $kernel
check connect_out "$(hash "$work/at_kernel")" "$want"
check connect_in "$(hash "$work/at_aksu")" "$want"
timeout 20 "$AKSU" connect --dev packet:v1 --dad 0 --set syn_retries=1 --set rto_initial_us=500000 --address 10.0.0.2/24 10.0.0.77 80 </dev/null 2>"$work/why"
check nobody_status $? 1
"$AKSU" serve --dev packet:v1 --dad 0 --address 10.0.0.2/24 "$work/www" 2>"$work/errors" & server=$!
wait_http http://10.0.0.2:8080
curl -s -m 60 --limit-rate 6M -o "$work/got" http://10.0.0.2:8080/file & slow=$!
sleep 1
ip link set v0 down
sleep 2
ip link set v0 up
wait $slow
check vanished_and_back "$(hash "$work/got")" "$want"
ip addr replace fd00::1/64 dev v0 nodad
stop $server

# Addresses that the kernel has already, found by asking.
for address in 10.0.0.1/24 fd00::1/64; do
    ip netns add other 2>/dev/null || mount -t tmpfs none /run 2>/dev/null
    ip netns add other 2>/dev/null
    ip link set v0 netns other
    ip -n other link set v0 up
    ip -n other addr add 10.0.0.1/24 dev v0
    ip -n other addr add fd00::1/64 dev v0 nodad
    timeout 20 "$AKSU" listen --dev packet:v1 --address $address 7 2>"$work/why" </dev/null
    check "taken $address status" $? 1
    check "taken $address" "$(grep -c 'is taken by another host on v1' "$work/why")" 1
    ip netns exec other ip link set v0 netns $$
    ip link set v0 up
    ip addr add 10.0.0.1/24 dev v0
    ip addr replace fd00::1/64 dev v0 nodad
    ip netns del other
done

# And ours is defended against the kernel.
"$AKSU" serve --dev packet:v1 --dad 0 --address 10.0.0.2/24 --address fd00::2/64 "$work/www" 2>"$work/errors" & server=$!
wait_http http://10.0.0.2:8080
sysctl -qw net.ipv6.conf.v0.accept_dad=1 net.ipv6.conf.v0.dad_transmits=1
ip addr add fd00::2/64 dev v0
for _ in $(seq 40); do
    ip addr show dev v0 | grep -q 'fd00::2/64.*dadfailed' && break
    sleep 0.1
done
check kernel_gives_way "$(ip addr show dev v0 | grep -c 'fd00::2/64.*dadfailed')" 1
ip addr del fd00::2/64 dev v0
if [ -x "$(command -v arping)" ]; then check arping "$(arping -D -q -c 1 -w 2 -I v0 10.0.0.2; echo $?)" 1; fi
stop $server

# A VLAN of the kernel's on the other end.
if ip link add link v0 name v0.42 type vlan id 42 2>/dev/null; then
    ip link set v0.42 up
    ip addr add 10.42.0.1/24 dev v0.42
    for rings in on off; do
        "$AKSU" serve --dev packet:v1,rings=$rings --vlan 42 --dad 0 --address 10.42.0.2/24 "$work/www" 2>"$work/errors" & server=$!
        wait_http http://10.42.0.2:8080
        curl -s -m 60 -o "$work/got" http://10.42.0.2:8080/file
        check vlan_download_rings_$rings "$(hash "$work/got")" "$want"
        stop $server
    done
fi

# What is wrong on the command line is one line and exit status 2.
bad() { # part of the line, arguments...
    local part=$1 status
    shift
    timeout 10 "$AKSU" "$@" 7 >"$work/out" 2>"$work/why" </dev/null
    status=$?
    check "status of $*" $status 2
    check "lines of $*" "$(wc -l <"$work/why")" 1
    grep -q -- "$part" "$work/why" || check "$*" "$(cat "$work/why")" "$part"
}
bad "is not tun:NAME, tap:NAME or packet:NAME" listen --dev ether:v1
bad "behind the name of a packet: device may stand" listen --dev packet:v1,rings=1 --address 10.0.0.2/24
bad "behind the name of a packet: device may stand" listen --dev packet:,rings=on --address 10.0.0.2/24
bad "behind the name of a packet: device may stand" listen --dev packet:v1,ring --address 10.0.0.2/24
bad "behind the name of a packet: device may stand" listen --dev tap:v1,rings=on --address 10.0.0.2/24
bad "there is no device nowhere" listen --dev packet:nowhere --address 10.0.0.2/24
bad "v1 needs an address" listen --dev packet:v1
bad "lo is no Ethernet device" listen --dev packet:lo --address 10.0.0.2/24
bad "the gateway 10.9.0.1 is not on the link v1" listen --dev packet:v1 --address 10.0.0.2/24 --gateway 10.9.0.1
bad "the gateway 10.9.0.1 is not on the link t5" listen --dev tap:t5 --address 10.0.0.2/24 --gateway 10.9.0.1
bad "--host-address is for tun: and tap: devices" listen --dev packet:v1 --address 10.0.0.2/24 --host-address 10.0.0.3
bad "are for tap: and packet: devices" listen --mac 02:00:00:00:00:01
bad "are for tap: and packet: devices" listen --autoconf
bad "is not the Ethernet address of one host" listen --dev tap:t5 --mac 03:00:00:00:00:01
bad "is not the Ethernet address of one host" listen --dev tap:t5 --mac 02:00:00:00:00
bad "--vlan '4095' is not a number from 1 to 4094" listen --dev tap:t5 --vlan 4095
bad "prefix length '128' is not a number" listen --dev packet:v1 --address fd00::2/128
bad "MTU of 9000 is outside 576 to 1500" listen --dev packet:v1 --mtu 9000 --address 10.0.0.2/24
bad "--gateway 'there' is not an address" listen --gateway there
ip link set v1 down
bad "the device v1 is down" listen --dev packet:v1 --address 10.0.0.2/24
exit $failed
