# shellcheck shell=bash
# What the tests of this folder share; each begins by sourcing it.  It starts the script again in network and mount
# namespaces of its own, which end with it, and gives it an empty folder $work, which goes with what it left running.
set -u
[ -n "${AKSU_INSIDE:-}" ] || AKSU_INSIDE=1 exec unshare -n -m -- "$0" "$@"
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR=$work # for the control sockets of aksu
failed=0                     # what the script exits with

check() { # what, got, wanted
    if [ "$2" != "$3" ]; then
        echo "FAILED $1: got '$2', wanted '$3'"
        # shellcheck disable=SC2034 # the script exits with it
        failed=1
    fi
}
skip() { # why
    echo "skipped: $1"
    exit 77
}
hash() { sha256sum <"$1" | cut -d' ' -f1; }
code() { curl -g -s -o /dev/null -m 10 -w '%{http_code}' "$@"; } # the HTTP status of a request

# Waiting for what another process does, up to ten seconds, instead of sleeping and hoping.
wait_for() { # command...: until it succeeds
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    return 1
}
# port, prefix...: the kernel here, or where the prefix leads (ip netns exec NAME), has a listener on it
listens() { "${@:2}" ss -Hltn "sport = :$1" | grep -q .; }
has_address() { ip -br addr show dev "$1" up 2>/dev/null | grep -qF "$2"; } # device, address: and it is up

# Named namespaces whose names are nobody else's, which forward, and whose addresses are used at once: a router whose
# link-local address is still tentative asks for no neighbours.
spaces() { # name...
    mount -t tmpfs none /run 2>/dev/null
    mkdir -p /run/netns
    local name
    for name in "$@"; do
        ip netns add "$name" && ip -n "$name" link set lo up || skip "no named namespaces here"
        ip netns exec "$name" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
            net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
    done
}
add() { # namespace, device, addresses...: the device up
    ip -n "$1" link set "$2" up
    local address
    for address in "${@:3}"; do ip -n "$1" addr add "$address" dev "$2"; done
}
# us - r1 - r2 - far, both versions.  Our end is the device $1, with 10.1.0.2 and fd01::2 for whoever has it; r1 is
# 10.1.0.1, fd01::1; the link between the routers 10.2.0.0/24, fd02::/64 (a0, a1); far is 10.3.0.2, fd03::2.
two_routers() { # our device
    ip link add "$1" type veth peer name r1end || skip "no veth here"
    spaces r1 r2 far
    ip link set r1end netns r1
    ip -n r1 link add a0 type veth peer name a1 netns r2
    ip -n r2 link add b0 type veth peer name b1 netns far
    ip link set "$1" up
    add r1 r1end 10.1.0.1/24 fd01::1/64
    add r1 a0 10.2.0.1/24 fd02::1/64
    add r2 a1 10.2.0.2/24 fd02::2/64
    add r2 b0 10.3.0.1/24 fd03::1/64
    add far b1 10.3.0.2/24 fd03::2/64
    ip -n r1 route add 10.3.0.0/24 via 10.2.0.2
    ip -n r1 route add fd03::/64 via fd02::2
    ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
    ip -n r2 route add fd01::/64 via fd02::1
    ip -n far route add default via 10.3.0.1
    ip -n far route add default via fd03::1
}
