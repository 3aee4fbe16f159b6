#!/usr/bin/env bash
# aksu ping and aksu trace-route to the kernel and through routers of the kernel's; the kernel's ping and traceroute to us.
. "$AKSU_SOURCE/tests/interop/_common.bash"
if [ ! -e /proc/net/if_inet6 ]; then skip "the kernel has no IPv6"; fi
ip link set lo up
"$AKSU" ping --count 3 --interval 20 192.0.2.1 >"$work/out" 2>"$work/errors"
status=$?
if grep -q TUN "$work/errors"; then skip "$(cat "$work/errors")"; fi
check v4_status $status 0
check v4_answers "$(grep -c '^56 bytes from 192.0.2.1: seq [123] ttl 64 [0-9.]* ms$' "$work/out")" 3
check v4_summary "$(grep -c '^192.0.2.1: 3 sent, 3 answered, 0 % lost; round trip ' "$work/out")" 1
six=(--address 2001:db8::2/64 --host-address 2001:db8::1)
"$AKSU" ping --count 2 --interval 20 --size 1452 "${six[@]}" 2001:db8::1 >"$work/out"
check v6_status $? 0
check v6_answers "$(grep -c '^1452 bytes from 2001:db8::1: seq [12] ttl 64' "$work/out")" 2
"$AKSU" ping --count 3 --interval 20 192.0.2.2 >"$work/out" # ourselves: no device takes part, no timer is waited for
check self "$? $(grep -c ' ms$' "$work/out") $(awk '/ms$/ && $(NF-1) > 15' "$work/out" | wc -l)" "0 3 0"
"$AKSU" ping --count 1 --wait 200 192.0.2.77 >"$work/out"
check nobody "$? $(cat "$work/out")" "1 192.0.2.77: 1 sent, 0 answered, 100 % lost"
timeout -s INT 1 "$AKSU" ping --interval 100 192.0.2.1 >"$work/out"
check interrupted "$(tail -1 "$work/out" | grep -c 'answered, 0 % lost')" 1

# Through routers.
two_routers v0
ip -n r1 route add unreachable 10.9.0.0/24
addresses() { sed 's/^ *[0-9]*  *//; s/ [0-9.]* ms//g'; } # of a trace-route's lines
for version in 4 6; do
    if [ $version = 4 ]; then
        ours=(--dev packet:v0 --dad 0 --address 10.1.0.2/24 --gateway 10.1.0.1) way=(10.1.0.1 10.2.0.2 10.3.0.2)
    else
        ours=(--dev packet:v0 --dad 0 --address fd01::2/64 --gateway fd01::1) way=(fd01::1 fd02::2 fd03::2)
    fi
    "$AKSU" trace-route "${ours[@]}" "${way[2]}" >"$work/out"
    check "route $version" "$? $(addresses <"$work/out" | tr '\n' ' ')" "0 ${way[*]} "
    "$AKSU" trace-route --ttl 2 "${ours[@]}" "${way[2]}" >"$work/out"
    check "route too short $version" "$? $(addresses <"$work/out" | tr '\n' ' ')" "1 ${way[*]::2} "
    "$AKSU" ping --count 2 --interval 20 "${ours[@]}" "${way[2]}" >"$work/out"
    check "far $version" "$? $(grep -c ' ttl 62 ' "$work/out")" "0 2"
    "$AKSU" ping --ttl 1 --count 1 --wait 500 "${ours[@]}" "${way[2]}" >"$work/out"
    check "expired $version" "$? $(head -1 "$work/out")" "1 from ${way[0]}: seq 1 hop limit exceeded"
done
sleep 1.2 # the kernel says this once a second to each host
"$AKSU" ping --count 1 --wait 500 --dev packet:v0 --dad 0 --address 10.1.0.2/24 --gateway 10.1.0.1 10.9.0.1 >"$work/out"
check unreachable "$? $(head -1 "$work/out")" "1 from 10.1.0.1: seq 1 host unreachable"

# The kernel's tools at us.
mkdir "$work/www"
"$AKSU" serve --quiet --dev packet:v0 --dad 0 --address 10.1.0.2/24 --gateway 10.1.0.1 "$work/www" 2>"$work/errors" & server=$!
wait_for ip netns exec far ping -c 1 -W 1 10.1.0.2
check kernel_ping "$(ip netns exec far ping -c 3 -i 0.05 -s 1000 10.1.0.2 | grep -o ' 0% packet loss')" " 0% packet loss"
if command -v traceroute >/dev/null; then
    check traceroute "$(ip netns exec far traceroute -n -q 1 10.1.0.2 | awk 'NR > 1 {printf "%s ", $2}')" "10.3.0.1 10.2.0.1 10.1.0.2 "
fi
if command -v tracepath >/dev/null; then
    check tracepath "$(ip netns exec far tracepath -n 10.1.0.2 | grep -c 'reached')" 1
fi
kill $server
wait $server
check ended $? 0
[ $failed = 0 ] && echo ok
exit $failed
