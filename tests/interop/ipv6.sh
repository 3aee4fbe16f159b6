#!/usr/bin/env bash
# The kernel over IPv6: curl and netcat both ways by hash, ping, refusal, a path that shrinks, and both families at once.
. "$AKSU_SOURCE/tests/interop/_common.bash"
if [ ! -e /proc/net/if_inet6 ]; then skip "the kernel has no IPv6"; fi
ip link set lo up
mkdir "$work/www"
head -c 30000000 /dev/urandom >"$work/www/file"
both=(--address 2001:db8::2/64 --host-address 2001:db8::1)

"$AKSU" serve --writable "${both[@]}" --trace=json:"$work/events" "$work/www" 2>"$work/errors" & server=$!
url="http://[2001:db8::2]:8080"
for _ in $(seq 100); do [ "$(code "$url/nothing")" = 404 ] && break; sleep 0.05; done
if ! kill -0 $server 2>/dev/null; then skip "$(cat "$work/errors")"; fi
check url "$(grep -cF "at $url/" "$work/errors")" 1
curl -g -s -m 60 -o "$work/got" "$url/file"
check download "$(hash "$work/got")" "$(hash "$work/www/file")"
check upload_status "$(code -T "$work/www/file" "$url/up")" 201
check upload "$(hash "$work/www/up")" "$(hash "$work/www/file")"
check both_families "$(code http://192.0.2.2:8080/file)" 200
seq 50 | xargs -P 50 -I{} curl -g -s -m 60 -o "$work/many{}" "$url/file"
check fifty_at_once "$(sha256sum "$work"/many* | cut -d' ' -f1 | sort | uniq -c | awk '{print $1}')" 50
rm "$work"/many*
check refused "$(curl -g -s -m 5 "http://[2001:db8::2]:9/" 2>&1; echo $?)" 7
if [ -x "$(command -v ping)" ]; then
    check ping "$(ping -6 -n -c 3 -i 0.2 -s 1000 2001:db8::2 | grep -c 'bytes from 2001:db8::2')" 3
fi
"$AKSU" connect --help | grep -q -- '2001:db8::2/64' || check help 0 1
kill $server
wait $server
check ended $? 0
drops=$(grep -o '"drop":"[A-Z_]*"' "$work/events" | sort | uniq -c | grep -v '"NONE"\|"TCP_DUPLICATE"\|"TCP_SEQUENCE"' | tr -s ' ')
check drops "$drops" ' 1 "drop":"TCP_NO_CONNECTION"' # the refused one; what the kernel sends twice, or its two processors in another order, is its own affair

# netcat, both roles, half-close.
"$AKSU" listen --quiet "${both[@]}" 7 <"$work/www/file" >"$work/from_kernel" & ours=$!
wait_for has_address aksu0 2001:db8::1
timeout 60 nc -6 -N 2001:db8::2 7 <"$work/got" >"$work/from_aksu"
wait $ours
check listen_status $? 0
check listen_out "$(hash "$work/from_aksu")" "$(hash "$work/www/file")"
check listen_in "$(hash "$work/from_kernel")" "$(hash "$work/got")"

ip tuntap add aksu5 mode tun && ip addr add 2001:db8::1/64 dev aksu5 nodad && ip link set aksu5 up
timeout 60 python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen 2001:db8::1 9000 both "$work/got" "$work/at_kernel" & kernel=$!
wait_for listens 9000
"$AKSU" connect --quiet --dev tun:aksu5 "${both[@]}" 2001:db8::1 9000 <"$work/www/file" >"$work/at_aksu"
check connect_status $? 0
wait $kernel
check connect_out "$(hash "$work/at_kernel")" "$(hash "$work/www/file")"
check connect_in "$(hash "$work/at_aksu")" "$(hash "$work/got")"
"$AKSU" connect --quiet --dev tun:aksu5 "${both[@]}" 2001:db8::1 9 </dev/null 2>"$work/why"
check refused_status $? 1
check refused_text "$(cat "$work/why")" "aksu: refused"
exit $failed
