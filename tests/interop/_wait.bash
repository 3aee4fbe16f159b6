# shellcheck shell=bash
# Waiting for what another process does, up to ten seconds, instead of sleeping and hoping: sourced by the tests.

wait_for() { # command...: until it succeeds
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    return 1
}

# port, prefix...: the kernel here, or where the prefix leads (ip netns exec NAME), has a listener on it
listens() { "${@:2}" ss -Hltn "sport = :$1" | grep -q .; }
has_address() { ip -br addr show "$1" 2>/dev/null | grep -qF "$2"; } # device, address
