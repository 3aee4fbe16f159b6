#!/usr/bin/env bash
# aksu resolve against dnsmasq: both kinds of address, aliases, names of addresses, long answers over TCP, and no answer.
. "$AKSU_SOURCE/tests/interop/_common.bash"
export PATH=$PATH:/usr/sbin:/sbin
if [ ! -x "$(command -v dnsmasq)" ]; then skip "there is no dnsmasq here"; fi
ip link set lo up
if ! ip tuntap add aksu5 mode tun 2>/dev/null; then skip "no TUN device can be made here"; fi
ip addr add 192.0.2.1/24 dev aksu5 && ip addr add 2001:db8::1/64 dev aksu5 nodad && ip link set aksu5 up
many=()
for i in $(seq 100); do many+=("--host-record=many.example,198.51.100.$i"); done
dnsmasq -C /dev/null -k -R -h -u root --pid-file= --local-ttl=77 --local=/example/ --listen-address=192.0.2.1 \
    --listen-address=2001:db8::1 --bind-dynamic --host-record=host.example,198.51.100.7,2001:db8:7::7 \
    --host-record=four.example,198.51.100.8 --cname=alias.example,host.example "${many[@]}" --log-facility="$work/log" & dns=$!
for _ in $(seq 100); do ss -lun | grep -q '192.0.2.1:53 ' && break; sleep 0.05; done
if ! kill -0 $dns 2>/dev/null; then skip "dnsmasq does not start"; fi
resolve() { timeout 20 "$AKSU" resolve --dev tun:aksu5 "$@"; }

check address "$(resolve host.example a 192.0.2.1)" "host.example 77 A 198.51.100.7"
check both "$(resolve host.example any 192.0.2.1 | sort)" "host.example 77 A 198.51.100.7
host.example 77 AAAA 2001:db8:7::7"
check alias "$(resolve alias.example aaaa 192.0.2.1)" "host.example 77 AAAA 2001:db8:7::7"
check other_case "$(resolve HOST.Example. a 192.0.2.1)" "host.example 77 A 198.51.100.7"
check name_of "$(resolve 198.51.100.7 ptr 192.0.2.1)" "198.51.100.7 77 PTR host.example"
check name_of_by_any "$(resolve 2001:db8:7::7 any 192.0.2.1)" "2001:db8:7::7 77 PTR host.example"
check one_kind_only "$(resolve four.example any 192.0.2.1)" "four.example 77 A 198.51.100.8"
both=(--address 2001:db8::2/64 --host-address 2001:db8::1)
check over_ipv6 "$(resolve "${both[@]}" host.example a 2001:db8::1)" "host.example 77 A 198.51.100.7"
check over_tcp "$(resolve many.example a 192.0.2.1 | wc -l)" 16 # as many as an answer keeps

# The same server asked by dig: it says what we say.
if [ -x "$(command -v dig)" ]; then
    dug() { dig +short +tries=2 "$@" @192.0.2.1 | sort; }
    ours() { resolve "$@" 192.0.2.1 | awk '{print $4}' | sort; }
    check dig_a "$(ours host.example a)" "$(dug host.example a)"
    check dig_aaaa "$(ours host.example aaaa)" "$(dug host.example aaaa)"
    check dig_alias "$(ours alias.example a)" "$(dug alias.example a | grep -v '\.$')"
    check dig_reverse "$(ours 198.51.100.7 ptr)." "$(dug -x 198.51.100.7)"
    check dig_there "$(dug host.example a)" 198.51.100.7
fi

no() { # what, line, arguments...
    local what=$1 line=$2
    shift 2
    resolve "$@" >"$work/out" 2>"$work/why"
    check "$what: status" $? 1
    check "$what: line" "$(cat "$work/out" "$work/why")" "aksu: $line"
}
no "no such name" "none.example: no such name" none.example a 192.0.2.1
no "no such record" "four.example: the name has no such record" four.example aaaa 192.0.2.1
kill $dns
wait $dns 2>/dev/null
no "nobody there" "host.example: no server answered" host.example a 192.0.2.1
usage() { # what, part, arguments...
    local what=$1 part=$2
    shift 2
    "$AKSU" resolve --dev tun:aksu5 "$@" >"$work/out" 2>"$work/why" </dev/null
    check "$what: status" $? 2
    check "$what: lines" "$(wc -l <"$work/why")" 1
    check "$what: text" "$(grep -c -- "$part" "$work/why")" 1
}
usage "another type" "'mx' is not a, aaaa, ptr or any" host.example mx 192.0.2.1
usage "no server's address" "'nowhere' is not the address of a name server" host.example a nowhere
usage "no name" "a..b: not a name" a..b a 192.0.2.1
exit $failed
