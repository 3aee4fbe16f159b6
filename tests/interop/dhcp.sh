#!/usr/bin/env bash
# --dhcp against dnsmasq: an address, its network and the way out; served and connected by it; given back; and no server.
. "$AKSU_SOURCE/tests/interop/_common.bash"
export PATH=$PATH:/usr/sbin:/sbin
if [ ! -x "$(command -v dnsmasq)" ]; then skip "there is no dnsmasq here"; fi
ip link set lo up
if ! ip tuntap add lan0 mode tap 2>/dev/null; then skip "no TAP device can be made here"; fi
ip addr add 10.7.0.1/24 dev lan0 && ip link set lan0 up
serve_leases() { # dnsmasq arguments
    dnsmasq -C /dev/null -k -R -h -u root --pid-file= --port=0 --interface=lan0 --bind-dynamic --leasefile-ro \
        --dhcp-range=10.7.0.50,10.7.0.60,255.255.255.0,2m --dhcp-authoritative --log-dhcp --log-facility="$work/log" "$@" & dhcp=$!
    for _ in $(seq 100); do ss -lun | grep -q ':67 ' && break; sleep 0.05; done
}
serve_leases --dhcp-option=option:router,10.7.0.1 --dhcp-option=option:mtu,1400
if ! kill -0 $dhcp 2>/dev/null; then skip "dnsmasq does not start"; fi
mkdir "$work/www"
head -c 5000000 /dev/urandom >"$work/www/file"

# A server that got its address.
"$AKSU" serve --dev tap:lan0 --dhcp "$work/www" 2>"$work/errors" & server=$!
url=
for _ in $(seq 150); do
    url=$(grep -o 'http://10\.7\.0\.5[0-9]:8080' "$work/errors") && break
    sleep 0.1
done
check address "$(echo "$url" | grep -c 'http://10.7.0.5')" 1
check told "$(grep -c '^aksu: 10.7.0.5[0-9]/24 on lan0 from 10.7.0.1 for 120 s$' "$work/errors")" 1
curl -s -m 60 -o "$work/got" "$url/file"
check served "$(hash "$work/got")" "$(hash "$work/www/file")"
kill $server
wait $server
check ended $? 0
for _ in $(seq 50); do grep -q DHCPRELEASE "$work/log" && break; sleep 0.1; done
check given_back "$(grep -c 'DHCPRELEASE(lan0) 10.7.0.5' "$work/log")" 1

# A client, through the router that it was told of, to an address that is in no network of its own.
ip addr add 198.51.100.9/32 dev lo
timeout 60 python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen 198.51.100.9 9000 both "$work/www/file" "$work/at_far" & peer=$!
wait_for listens 9000
timeout 60 "$AKSU" connect --quiet --dev tap:lan0 --dhcp 198.51.100.9 9000 <"$work/www/file" >"$work/at_aksu"
check connected $? 0
wait $peer
check out "$(hash "$work/at_far")" "$(hash "$work/www/file")"
check in "$(hash "$work/at_aksu")" "$(hash "$work/www/file")"

# Nobody answers; and options that do not go together.
kill $dhcp
wait $dhcp 2>/dev/null
timeout 40 "$AKSU" listen --dev tap:lan0 --dhcp 7 2>"$work/why" </dev/null
check nobody_status $? 1
check nobody "$(cat "$work/why")" "aksu: no DHCP server on lan0 has given an address"
"$AKSU" listen --dhcp 7 2>"$work/why" </dev/null
check tun_status $? 2
check tun "$(grep -c 'are for tap: and packet: devices' "$work/why")" 1
exit $failed
