#!/usr/bin/env bash
# aksu link between two namespaces: delay, loss, rate, marks, MTU and order as set and as changed; aksu behind it.
. "$AKSU_SOURCE/tests/interop/_common.bash"
within() { # what, got, least, most
    if ! awk -v got="$2" -v least="$3" -v most="$4" 'BEGIN { exit !(got != "" && got >= least && got <= most) }'; then
        echo "FAILED $1: got '$2', wanted $3 to $4"
        failed=1
    fi
}
ip link set lo up
unshare -n sleep 600 & far=$!
for _ in $(seq 50); do [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.05; done
there() { nsenter -t $far -n -- "$@"; }
there ip link set lo up
head -c 4000000 /dev/urandom >"$work/file"

"$AKSU" link near "far@$far" --a-address 10.9.0.1/24 --b-address 10.9.0.2/24 --a-address 2001:db8:9::1/64 \
    --b-address 2001:db8:9::2/64 delay=20ms --seed 7 2>"$work/link" & link=$!
for _ in $(seq 100); do [ -S "$work/aksu/near.link" ] && break; sleep 0.05; done
if ! kill -0 $link 2>/dev/null; then skip "$(cat "$work/link")"; fi
change() { "$AKSU" link --change near "$@"; }
statistic() { "$AKSU" link --show near | sed -n "s/^$1: .* \([0-9]*\) $2.*/\1/p"; } # near > far, lost

# A delay is waited for each way, and nothing else happens.
rtt=$(ping -n -q -c 5 -i 0.1 10.9.0.2 | sed -n 's|^rtt min[^=]*= \([0-9.]*\)/.*|\1|p')
within delay "$rtt" 40 1000
check delay_of_ipv6 "$(ping -6 -n -q -c 3 -i 0.1 2001:db8:9::2 | grep -c '3 received')" 1
check nothing_lost "$(statistic 'near > far' lost)" 0
change a:delay=0 b:delay=0 jitter=0
check shown "$("$AKSU" link --show near | head -1)" ""

# Loss: of 1000 requests and their replies.
change loss=10%
got=$(ping -n -q -f -c 1000 10.9.0.2 | sed -n 's/.* \([0-9]*\) received.*/\1/p')
within loss_both_ways "$got" 740 880
check loss_is_told "$("$AKSU" link --show near | grep -c '^lost [0-9]*: chance$')" 1
change loss=0 a:loss=100%
check all_lost "$(ping -n -q -c 2 -i 0.1 -W 0.3 10.9.0.2 | grep -c ' 0 received')" 1
check one_way "$("$AKSU" link --show near | head -1)" "a:loss=100% "
change loss=0 cut=yes
check cut "$(ping -n -q -c 2 -i 0.1 -W 0.3 10.9.0.2 | grep -c ' 0 received')" 1
change cut=no duplicate=100%
within twice "$(ping -n -c 2 -i 0.2 -W 1 10.9.0.2 | grep -c DUP)" 3 6
change duplicate=0 mtu=1000
check too_large "$(ping -n -q -c 1 -s 1200 -W 0.3 10.9.0.2 | grep -c ' 0 received')" 1
check small_enough "$(ping -n -q -c 1 -s 900 -W 1 10.9.0.2 | grep -c ' 1 received')" 1

# A rate is not exceeded: 4 MB at 20 Mbit/s take 1.6 s; and what is lost and reordered on the way is still the same file.
serve() { # port
    there python3 -c '
import socket, sys
listener = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
peer = listener.accept()[0]
peer.sendall(open(sys.argv[2], "rb").read())
peer.close()' "$1" "$work/file" &
    for _ in $(seq 50); do there ss -ltn | grep -q ":$1 " && break; sleep 0.05; done
}
change mtu=1500 rate=20Mbit delay=5ms queue=60K
serve 9000
began=$(date +%s%N)
timeout 60 nc 10.9.0.2 9000 </dev/null >"$work/got"
within rate $((($(date +%s%N) - began) / 1000000)) 1600 60000
check bytes "$(hash "$work/got")" "$(hash "$work/file")"
within queue_limit "$("$AKSU" link --show near | sed -n 's/^far > near:.*at most \([0-9]*\)$/\1/p')" 1500 61440
change rate=100Mbit loss=1% reorder=2% reorder-by=3ms corrupt=0.1% duplicate=0.5%
serve 9001
timeout 60 nc 10.9.0.2 9001 </dev/null >"$work/got"
check bytes_through_faults "$(hash "$work/got")" "$(hash "$work/file")"

# ECN: marks in place of losses, in both families.
change loss=0 reorder=0 corrupt=0 duplicate=0 rate=20Mbit mark=15K queue=0
sysctl -q -w net.ipv4.tcp_ecn=1
there sysctl -q -w net.ipv4.tcp_ecn=1
serve 9002
timeout 60 nc 10.9.0.2 9002 </dev/null >"$work/got"
marked=$(statistic 'far > near' marked)
within marked "$marked" 1 100000
serve 9003
timeout 60 nc 2001:db8:9::2 9003 </dev/null >"$work/got"
within marked_over_ipv6 "$(statistic 'far > near' marked)" $((marked + 1)) 100000

# A slow line without a queue limit holds no more than it may; the rest is lost, and told.
change mark=0 rate=8kbit held=64K
ping -n -q -f -c 400 -s 1400 -w 1 10.9.0.2 >/dev/null
check held_is_told "$("$AKSU" link --show near | grep -c '^lost [0-9]*: too much under way$')" 1
within held "$(statistic 'near > far' 'bytes, queue')" 1000 65536
change held=256M rate=100Mbit

# aksu behind it: the far kernel routes to its TUN device.
change rate=0 mark=0 delay=10ms loss=1%
there sysctl -q -w net.ipv4.ip_forward=1
nsenter -t $far -n -- "$AKSU" serve --quiet "$work" & server=$!
ip route add 192.0.2.0/24 via 10.9.0.2
for _ in $(seq 100); do [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' http://192.0.2.2:8080/none)" = 404 ] && break; sleep 0.1; done
curl -s -m 60 -o "$work/got" http://192.0.2.2:8080/file
check aksu_behind_it "$(hash "$work/got")" "$(hash "$work/file")"
kill $server
wait $server

# Words that are none change nothing; the end tells what went over.
bad() { # what, part of the line, arguments...
    local what=$1 part=$2
    shift 2
    "$AKSU" link "$@" >"$work/out" 2>"$work/why" </dev/null
    check "$what: status" $? 2
    check "$what: lines" "$(cat "$work/out" "$work/why" | wc -l)" 1
    check "$what: text" "$(grep -c -- "$part" "$work/why")" 1
}
bad "no setting" "'speed=1' is no setting of a link" --change near speed=1
bad "another unit" "delay '1%' is not a time like 50ms" --change near loss=2% delay=1%
bad "too much" "loss '101%' is not a part" --change near loss=101%
bad "a number alone" "rate '10' is not a rate like 10Mbit" --change near rate=10
bad "nothing to change" "needs a setting" --change near
bad "no such link" "no link of this user's has the device" --show elsewhere
bad "one end" "usage: aksu link" one
bad "no namespace" "'nowhere' cannot be entered" one two@nowhere
bad "one network" "both ends are in one network" one two --a-address 10.8.0.1/24 --b-address 10.8.0.2/24
bad "an address that is none" "is not an address" one two --a-address 10.8.0
bad "a name too long" "does not name a device" one-name-that-is-too-long two
bad "no such option" "is no option of aksu link" --nonsense
check unchanged "$("$AKSU" link --show near | head -1)" "delay=10ms queue=0 loss=1% reorder-by=3ms "
kill -INT $link
wait $link
check ended $? 0
check told "$(grep -c '^near > far: [0-9]* packets of' "$work/link")" 1
check devices_gone "$(ip link show near 2>/dev/null | wc -l)" 0
check socket_gone "$(find "$work/aksu" -name '*.link' | wc -l)" 0
exit $failed
