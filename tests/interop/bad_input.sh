#!/usr/bin/env bash
# The command line: whatever is wrong with it is one line that names it, and exit status 2; and nothing is left behind.
. "$AKSU_SOURCE/tests/interop/_common.bash"
fail() {
    echo "FAILED $1: $2"
    failed=1
}
ip link set lo up

bad() { # what, part of the line, command...
    local what=$1 part=$2 status
    shift 2
    timeout 10 "$@" >"$work/out" 2>"$work/why" </dev/null
    status=$?
    [ $status = 2 ] || fail "$what" "status $status"
    [ "$(wc -l <"$work/why")" = 1 ] || fail "$what" "not one line: $(cat "$work/why")"
    grep -q -- "$part" "$work/why" || fail "$what" "no '$part' in: $(cat "$work/why")"
    [ -s "$work/out" ] && fail "$what" "said on standard output: $(cat "$work/out")"
}
: >"$work/file"

# Verbs, options, numbers.
bad "no such verb" "no verb 'nonsense'; aksu --help" "$AKSU" nonsense
bad "no such option" "'--nonsense' is no option" "$AKSU" serve --nonsense .
bad "an option without its value" "--port needs a value" "$AKSU" serve . --port
bad "an option with a value too many" "'--quiet=yes' is no option of aksu listen, or takes no value" "$AKSU" listen --quiet=yes 7
bad "a letter for an option" "'-p' is no option" "$AKSU" listen 7 -p
bad "an option of another verb" "'--writable' is no option of aksu connect" "$AKSU" connect --writable 192.0.2.1 80
bad "an argument missing" "usage: aksu serve" "$AKSU" serve
bad "an argument too many" "usage: aksu listen" "$AKSU" listen 7 8
for verb in "connect 192.0.2.1" listen "serve . --port"; do
    for port in 0 65536 -1 80x "" 99999999999999999999; do
        # shellcheck disable=SC2086 # words
        bad "port '$port' for $verb" "is not a number from 1 to 65535\|'-1' is no option" "$AKSU" $verb "$port"
    done
done
bad "another verb's --count" "'--count' is no option of aksu listen" "$AKSU" listen --count 3 7
bad "TTL" "--ttl '0' is not a number from 1 to 255" "$AKSU" ping --ttl 0 192.0.2.1
bad "size" "--size '65508' is not a number from 0 to 65507" "$AKSU" ping --size 65508 192.0.2.1
bad "too many probes" "--count '17' is more than 16 probes" "$AKSU" trace-route --count 17 192.0.2.1
bad "UDP of another verb" "'--udp' is no option of aksu serve" "$AKSU" serve --udp "$work"
bad "ping nobody" "is no address and no name" "$AKSU" ping no.such.name.invalid
bad "MTU" "--mtu '100' is not a number from 576 to 65535" "$AKSU" listen --mtu 100 7
bad "2MSL" "--2msl '1000' is not a number from 30 to 240" "$AKSU" listen --2msl 1000 7
bad "time limit" "--idle-timeout 'soon' is not a number" "$AKSU" serve --idle-timeout soon "$work"
bad "no such setting" "names no setting; write NAME=VALUE" "$AKSU" listen --set nonsense=1 7
bad "setting out of range" "nagle '7' is not a number from 0 to 2" "$AKSU" listen --set nagle=7 7
bad "trace kind" "is not ladder, json" "$AKSU" listen --trace=nonsense 7
bad "trace file" "cannot write the trace to '/nonexistent/file'" "$AKSU" listen --trace=json:/nonexistent/file 7

# Addresses.
for address in 1.2.3 256.1.1.1 1.2.3.4.5 name "" 192.0.2.2/ 0.0.0.0 :: 2001:db8:::2/64 2001:db8::g/64 2001:db8::2/; do
    bad "address '$address'" "is not an address\|prefix length" "$AKSU" connect --address "$address" 192.0.2.1 80
done
bad "ping a group" "'224.0.0.1' is not the address of one host" "$AKSU" ping 224.0.0.1
bad "prefix" "prefix length '40' is not a number from 1 to 31" "$AKSU" listen --address 192.0.2.2/40 7
bad "prefix of IPv6" "prefix length '128' is not a number from 1 to 127" "$AKSU" listen --address 2001:db8::2/128 7
bad "half of IPv6" "an IPv6 address needs both ends" "$AKSU" listen --address 2001:db8::2/64 7
bad "no IPv6 here" "is an IPv6 address, and there is none here" "$AKSU" connect 2001:db8::1 80
bad "too small for IPv6" "an MTU of 1000 is too small for IPv6" "$AKSU" listen --mtu 1000 --address 2001:db8::2/64 --host-address 2001:db8::1 7
ip link add small0 mtu 1279 type veth peer name small1 && ip link set small0 up && ip link set small1 up
bad "a device too small for IPv6" "an MTU of 1279 is too small for IPv6" "$AKSU" listen --dev packet:small0 --address 2001:db8::2/64 7
bad "too small to ask routers" "an MTU of 1279 is too small for IPv6" "$AKSU" listen --dev packet:small0 --autoconf 7
ip link del small0
bad "no such name" "is no address and no name" "$AKSU" connect no.such.name.invalid 80
bad "the same address twice" "cannot have the same address" "$AKSU" listen --address 198.51.100.1/24 --host-address 198.51.100.1 7
bad "the kernel's own address" "127.0.0.1 is in use on the device lo" "$AKSU" listen --address 127.0.0.1/8 7

# The directory.
bad "no such directory" "'/nonexistent' is not a directory" "$AKSU" serve /nonexistent
bad "a file for a directory" "is not a directory" "$AKSU" serve "$work/file"
if [ "$(id -u)" = 0 ] && [ -x "$(command -v setpriv)" ] && setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
    chmod 711 "$work" && mkdir -m 700 "$work/closed"
    bad "a directory that cannot be read" "is not a directory that can be read" \
        setpriv --reuid 65534 --clear-groups "$AKSU" serve "$work/closed"
    bad "no permission for TUN" "no permission to .*root" setpriv --reuid 65534 --clear-groups "$AKSU" listen 7
fi

# Devices.
bad "no kind of device" "--dev 'aksu0' is not tun:NAME" "$AKSU" listen --dev aksu0 7
bad "no name of a device" "is not tun:NAME" "$AKSU" listen --dev tun: 7
bad "a name too long" "cannot name a device" "$AKSU" listen --dev tun:aaaaaaaaaaaaaaaaaaaa 7
bad "a name with a slash" "cannot name a device" "$AKSU" listen --dev tun:a/b 7
if ip tuntap add aksu4 mode tun 2>/dev/null && ip tuntap del aksu4 mode tun && [ -w /dev/net/tun ]; then
    bad "a device of another kind" "the device lo exists and is not a TUN device" "$AKSU" listen --dev tun:lo 7
    for peer in 0.0.0.0 255.255.255.255 224.0.0.1 192.0.2.255; do
        bad "no peer: $peer" "'$peer' cannot be connected to" "$AKSU" connect --quiet "$peer" 80
    done
    "$AKSU" listen --quiet --dev tun:aksu7 7 </dev/null >/dev/null 2>&1 & holder=$!
    for _ in $(seq 100); do ip -br addr show aksu7 2>/dev/null | grep -q 192.0.2.1 && break; sleep 0.05; done
    if kill -0 $holder 2>/dev/null; then
        bad "a device that is taken" "the TUN device aksu7 is taken by another process" "$AKSU" listen --dev tun:aksu7 7
        bad "addresses and port of another instance" "192.0.2.1 is in use on the device aksu7; choose others" "$AKSU" listen 7
    fi
    kill -INT $holder
    wait $holder
else
    bad "no TUN for us" "no permission\|there is no TUN here\|TUN" "$AKSU" listen 7
fi
bad "no instance to ask" "no running instance" "$AKSU" status
bad "nothing that status knows" "is not table, json, counters or network" "$AKSU" status nonsense
if mount -t tmpfs none /dev/net 2>/dev/null; then
    bad "no /dev/net/tun" "there is no TUN here" "$AKSU" listen 7
    umount /dev/net
fi

# Verbs that need no network.
bad "pair: option" "is no option of aksu pair" "$AKSU" pair --nonsense
bad "pair: ladder file" "cannot write the ladder to" "$AKSU" pair --ladder=/nonexistent/file
bad "lab: scenario" "nonsense" "$AKSU" lab nonsense
bad "script: file" "/nonexistent" bash -c '"$AKSU" script /nonexistent >/dev/null'

left=$(ip -br link | grep -c aksu)
[ "$left" = 0 ] || fail "devices" "$left left over"
left=$(find "$work" -name '*.sock' | wc -l)
[ "$left" = 0 ] || fail "control sockets" "$left left over"
exit $failed
