#!/usr/bin/env bash
# A kernel with timestamps, window scaling and SACK switched off, one after another and together: downloads and uploads compared by
# hash, as a server and as a client, and each connection without the option that was switched off.
. "$AKSU_SOURCE/tests/interop/_common.bash"
switches="timestamps window_scaling sack"
if ! (for switch in $switches; do echo 1 >"/proc/sys/net/ipv4/tcp_$switch" || exit 1; done) 2>/dev/null; then skip "the sysctls of this network namespace cannot be set"; fi
ip link set lo up
mkdir "$work/www"
head -c 20000000 /dev/urandom >"$work/www/file"
wanted=$(hash "$work/www/file")

# Which options the SYN and the SYN,ACK of a connection bore: 11 both, 10 the SYN alone, 00 none.
syn_options() { # trace
    python3 -c '
import json, sys
names = {"timestamps": "ts_val", "window_scaling": "wscale", "sack": "sack_permitted"}
segments = [event for event in map(json.loads, open(sys.argv[1])) if event["event"] == "segment" and "SYN" in event["flags"]]
first = [event["options"] for event in segments if "ACK" not in event["flags"]][0]
second = [event["options"] for event in segments if "ACK" in event["flags"]][0]
print(*(f"{name}={int(key in first)}{int(key in second)}" for name, key in names.items()))' "$1"
}

for off in "" timestamps window_scaling sack "$switches"; do
    as_server='' as_client=''
    for switch in $switches; do
        value=1
        case " $off " in *" $switch "*) value=0 ;; esac
        echo $value >/proc/sys/net/ipv4/tcp_$switch
        if [ $value = 1 ]; then as_server+=" $switch=11" as_client+=" $switch=11"; else as_server+=" $switch=00" as_client+=" $switch=10"; fi
    done
    what=${off:+without $off}
    what=${what:-with all}
    "$AKSU" serve --quiet --writable --trace=json:"$work/events" "$work/www" 2>"$work/errors" & server=$!
    for _ in $(seq 100); do curl -s -m 5 -o /dev/null http://192.0.2.2:8080/none && break; sleep 0.05; done
    if ! kill -0 $server 2>/dev/null; then skip "$(cat "$work/errors")"; fi
    curl -s -m 60 -o "$work/got" http://192.0.2.2:8080/file
    check "$what: download" "$(hash "$work/got")" "$wanted"
    rm -f "$work/www/up"
    check "$what: upload status" "$(curl -s -m 60 -o /dev/null -w '%{http_code}' -T "$work/www/file" http://192.0.2.2:8080/up)" 201
    check "$what: upload" "$(hash "$work/www/up")" "$wanted"
    kill -INT $server
    wait $server
    check "$what: options" "$(syn_options "$work/events")" "${as_server# }"

    # aksu's SYN, the kernel's SYN,ACK; both directions at once.
    ip tuntap add aksu5 mode tun && ip addr add 192.0.2.1/24 dev aksu5 && ip link set aksu5 up
    timeout 60 python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen 192.0.2.1 9000 both "$work/www/file" "$work/at_kernel" & kernel=$!
    for _ in $(seq 100); do ss -ltn | grep -q :9000 && break; sleep 0.05; done
    timeout 60 "$AKSU" connect --quiet --dev tun:aksu5 --trace=json:"$work/events" 192.0.2.1 9000 <"$work/www/file" >"$work/at_aksu"
    check "$what: connect" $? 0
    wait $kernel
    check "$what: to the kernel" "$(hash "$work/at_kernel")" "$wanted"
    check "$what: from the kernel" "$(hash "$work/at_aksu")" "$wanted"
    check "$what: options of connect" "$(syn_options "$work/events")" "${as_client# }"
    ip tuntap del aksu5 mode tun
done
exit $failed
