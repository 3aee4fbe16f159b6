#!/usr/bin/env bash
# Accurate ECN (RFC 9768) over a link that marks: between two of ours behind real kernels, and falling back to RFC 3168
# with a kernel that knows no better, as its server and as its client; with one that does, the accurate kind both ways.
. "$AKSU_SOURCE/tests/interop/_common.bash"
ip link set lo up
unshare -n sleep 600 & far=$!
for _ in $(seq 50); do [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.05; done
there() { nsenter -t $far -n -- "$@"; }
there ip link set lo up
mkdir "$work/www"
head -c 3000000 /dev/urandom >"$work/www/file"
wanted=$(hash "$work/www/file")

"$AKSU" link near "far@$far" --quiet --a-address 10.9.0.1/24 --b-address 10.9.0.2/24 delay=5ms rate=20Mbit mark=15K queue=0 2>"$work/link" & link=$!
for _ in $(seq 100); do [ -S "$work/aksu/near.link" ] && break; sleep 0.05; done
if ! kill -0 $link 2>/dev/null; then skip "$(cat "$work/link")"; fi
for name in net.ipv4.ip_forward=1 net.ipv4.tcp_ecn=2; do
    sysctl -qw $name || skip "the sysctls of this network namespace cannot be set"
    there sysctl -qw $name
done
ip route add 192.0.2.0/24 via 10.9.0.2
there ip route add 198.51.100.0/24 via 10.9.0.1

# What a connection's first SYN and SYN,ACK bore, whether there is an ACE field, and whether it or ECE ever told of marks.
seen() { # trace
    python3 -c '
import json, sys
segments = [event for event in map(json.loads, open(sys.argv[1])) if event["event"] == "segment"]
def bits(segment):
    return "".join(str(int(name in segment["flags"])) for name in ("AE", "CWR", "ECE"))
syn = next(s for s in segments if "SYN" in s["flags"] and "ACK" not in s["flags"])
answer = next(s for s in segments if "SYN" in s["flags"] and "ACK" in s["flags"])
later = [s for s in segments if not {"SYN", "RST"} & set(s["flags"])]
ace = any(s["ace"] for s in later)
counts = {bits(s) for s in later if s["ace"]}
marks = len(counts) > 2 if ace else any("ECE" in s["flags"] for s in later)
cwr = "" if ace else f" cwr={int(any('"'CWR'"' in s['"'flags'"'] for s in later))}"
option = int(any("accecn" in s["options"] for s in later))
print(f"syn={bits(syn)} answer={bits(answer)} ace={int(ace)} marks={int(marks)} option={option}{cwr}")' "$1"
}
serve() { # ecn
    nsenter -t $far -n -- "$AKSU" serve --quiet --set "ecn=$1" --trace=json:"$work/server" "$work/www" 2>"$work/errors" & server=$!
    for _ in $(seq 100); do [ "$(code http://192.0.2.2:8080/none)" = 404 ] && break; sleep 0.05; done
    if ! kill -0 $server 2>/dev/null; then skip "$(cat "$work/errors")"; fi
    kill -INT $server # the trace begins with the connection that is looked at
    wait $server
    nsenter -t $far -n -- "$AKSU" serve --quiet --set "ecn=$1" --trace=json:"$work/server" "$work/www" & server=$!
    wait_for there ping -n -c 1 -W 0.2 192.0.2.2
}
served() { # what, wanted
    kill -INT $server
    wait $server
    check "$1" "$(seen "$work/server")" "$2"
}
from_kernel() { # what: the kernel here fetches
    curl -s -m 60 -o "$work/got" http://192.0.2.2:8080/file
    check "$1: bytes" "$(hash "$work/got")" "$wanted"
}
to_kernel() { # what, wanted: ours sends to the kernel there
    nsenter -t $far -n -- timeout 60 python3 -B "$AKSU_SOURCE/tests/interop/_socket_peer.py" listen 10.9.0.2 9000 last /dev/null "$work/got" & kernel=$!
    wait_for listens 9000 nsenter -t $far -n --
    timeout 60 "$AKSU" connect --quiet --set ecn=3 --address 198.51.100.2/24 --host-address 198.51.100.1 \
        --trace=json:"$work/client" 10.9.0.2 9000 <"$work/www/file"
    wait $kernel
    check "$1: bytes" "$(hash "$work/got")" "$wanted"
    check "$1" "$(seen "$work/client")" "$2"
}

# Ours at both ends, real kernels between them.
serve 5
if command -v tcpdump >/dev/null; then
    tcpdump -U -i near -w "$work/pcap" 'tcp port 8080' 2>"$work/tcpdump" & dump=$!
    wait_for grep -q listening "$work/tcpdump"
fi
printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 "$AKSU" connect --quiet --set ecn=3 --address 198.51.100.2/24 \
    --host-address 198.51.100.1 --trace=json:"$work/client" 192.0.2.2 8080 | tail -c 3000000 >"$work/got"
check "ours: bytes" "$(hash "$work/got")" "$wanted"
check "ours: client" "$(seen "$work/client")" "syn=111 answer=010 ace=1 marks=1 option=1"
served "ours: server" "syn=111 answer=010 ace=1 marks=1 option=1"
if [ -n "${dump:-}" ]; then
    kill -INT "$dump"
    wait "$dump"
    "$AKSU" explain --port 8080 --ladder 1 "$work/pcap" >"$work/ladder"
    check "explained" "$(grep -c -m1 'ACK ace=5' "$work/ladder") $(grep -c -m1 'AccECN' "$work/ladder")" "1 1"
    check "captured SYN" "$(tcpdump -n -r "$work/pcap" 'tcp[12:2] & 0x1d2 = 0x1c2' 2>/dev/null | wc -l)" 1
    check "captured SYN,ACK" "$(tcpdump -n -r "$work/pcap" 'tcp[12:2] & 0x1d2 = 0x092' 2>/dev/null | wc -l)" 1
fi

# A kernel of the classic kind.
sysctl -qw net.ipv4.tcp_ecn=1
serve 5
from_kernel "classic client"
served "classic client" "syn=011 answer=001 ace=0 marks=1 option=0 cwr=1"
sysctl -qw net.ipv4.tcp_ecn=2
serve 5
from_kernel "client without ECN"
served "client without ECN" "syn=000 answer=000 ace=0 marks=0 option=0 cwr=0"
to_kernel "classic server" "syn=111 answer=001 ace=0 marks=1 option=0 cwr=1"
there sysctl -qw net.ipv4.tcp_ecn=0
to_kernel "server without ECN" "syn=111 answer=000 ace=0 marks=0 option=0 cwr=0"

# A kernel of the accurate kind, if this is one.
if (echo 3 >/proc/sys/net/ipv4/tcp_ecn) 2>/dev/null; then
    there sysctl -qw net.ipv4.tcp_ecn=5
    serve 5
    from_kernel "accurate client"
    served "accurate client" "syn=111 answer=010 ace=1 marks=1 option=1"
    to_kernel "accurate server" "syn=111 answer=010 ace=1 marks=1 option=1"
else
    echo "note: this kernel takes no net.ipv4.tcp_ecn=3: accurate ECN with a kernel is not looked at"
fi
kill -INT $link
wait $link
exit $failed
