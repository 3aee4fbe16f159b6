#!/usr/bin/env bash
# The kernel with each of its congestion controls, and then without SACK, timestamps, window scaling and all three, over
# links that delay and lose: a download, an upload and requests one after another at the same time, compared by hash.
#
# AKSU_KERNEL_CC_KB (150) is the size of a file over the longest path, the others are larger; with 5000 it takes minutes.
. "$AKSU_SOURCE/tests/interop/_common.bash"
kb=${AKSU_KERNEL_CC_KB:-150}
requests=8
switches="timestamps window_scaling sack"
if ! (for switch in $switches; do echo 1 >"/proc/sys/net/ipv4/tcp_$switch" || exit 1; done) 2>/dev/null; then
    skip "the sysctls of this network namespace cannot be set"
fi
read -r -a controls < <(sysctl -n net.ipv4.tcp_available_congestion_control)
head -c 1000 /dev/urandom >"$work/small"

# One path: the kernel that fetches in one namespace, aksu behind the kernel of another.
over() ( # name, file in KB, setting of the link...
    local name=$1 size=$2 here there link server off switch value cc turn failed=0
    shift 2
    trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null' EXIT
    check() { # what, got, wanted
        if [ "$2" != "$3" ]; then
            echo "FAILED $name, $turn: $1: got '$2', wanted '$3'"
            failed=1
        fi
    }
    mkdir "$work/$name" "$work/$name/www"
    export XDG_RUNTIME_DIR=$work/$name
    head -c $((size * 1000)) /dev/urandom >"$work/$name/www/file"
    cp "$work/small" "$work/$name/www/small"
    unshare -n sleep 3600 & here=$!
    unshare -n sleep 3600 & there=$!
    for holder in $here $there; do
        until [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
        nsenter -t $holder -n -- ip link set lo up
    done
    nsenter -t $there -n -- sysctl -q -w net.ipv4.ip_forward=1
    "$AKSU" link "near@$here" "far@$there" --a-address 10.9.0.1/24 --b-address 10.9.0.2/24 --seed 3 --quiet "$@" & link=$!
    for _ in $(seq 100); do [ -S "$work/$name/aksu/near.link" ] && break; sleep 0.05; done
    kill -0 $link 2>/dev/null || { echo "no link" >"$work/skipped"; exit 0; }
    nsenter -t $here -n -- ip route add 192.0.2.0/24 via 10.9.0.2
    nsenter -t $there -n -- "$AKSU" serve --quiet --writable "$work/$name/www" & server=$!
    fetch() { nsenter -t $here -n -- curl -s -m 110 --connect-timeout 30 "$@"; }
    for _ in $(seq 100); do fetch -o /dev/null http://192.0.2.2:8080/none && break; sleep 0.1; done

    # A list of the kernel's sockets names the congestion control of each.
    runs_by() {
        for _ in $(seq 100); do
            nsenter -t $here -n -- ss -Htin state established | grep -qw "$1" && return
            sleep 0.05
        done
        return 1
    }

    round() {
        local down up url urls=()
        rm -rf "$work/$name/www/up" "$work/$name/got"*
        fetch -o "$work/$name/got" http://192.0.2.2:8080/file & down=$!
        fetch -o /dev/null -w '%{http_code}' -T "$work/$name/www/file" http://192.0.2.2:8080/up >"$work/$name/status" & up=$!
        runs_by "$1"
        check "a connection by $1" $? 0
        for url in $(seq $requests); do urls+=(-o "$work/$name/got.$url" http://192.0.2.2:8080/small); done
        fetch "${urls[@]}"
        wait $down $up
        check upload_status "$(cat "$work/$name/status")" 201
        check download "$(hash "$work/$name/got")" "$(hash "$work/$name/www/file")"
        check upload "$(hash "$work/$name/www/up")" "$(hash "$work/$name/www/file")"
        check requests "$(sha256sum "$work/$name/got".* | cut -d" " -f1 | sort -u)" "$(hash "$work/small")"
        check answers "$(find "$work/$name" -name 'got.*' | wc -l)" $requests
        echo "$name, $turn" >>"$work/done"
    }
    for cc in "${controls[@]}"; do
        turn="kernel's $cc"
        nsenter -t $here -n -- sysctl -q -w "net.ipv4.tcp_congestion_control=$cc" || exit 1
        round "$cc"
    done
    nsenter -t $here -n -- sysctl -q -w net.ipv4.tcp_congestion_control="${controls[0]}"
    for off in $switches "$switches"; do
        turn="without $off"
        for switch in $switches; do
            value=1
            case " $off " in *" $switch "*) value=0 ;; esac
            nsenter -t $here -n -- sysctl -q -w "net.ipv4.tcp_$switch=$value" || exit 1
        done
        round "${controls[0]}"
    done
    kill -0 $server 2>/dev/null
    check "aksu serve is still there" $? 0
    exit $failed
)

failed=0
pids=()
over clean $((20 * kb)) delay=5ms rate=100Mbit & pids+=($!)
over short $((4 * kb)) delay=10ms loss=5% rate=50Mbit & pids+=($!)
over middle $((2 * kb)) delay=50ms loss=1% reorder=1% reorder-by=10ms rate=20Mbit queue=100K & pids+=($!)
over lossy $((kb / 2)) delay=75ms loss=3% & pids+=($!)
over far "$kb" delay=150ms loss=0.5% rate=20Mbit & pids+=($!)
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
if [ -f "$work/skipped" ]; then skip "$(cat "$work/skipped")"; fi
rounds=$(wc -l <"$work/done")
wanted=$((${#pids[@]} * (${#controls[@]} + 4)))
if [ "$rounds" != $wanted ]; then
    echo "FAILED: $rounds rounds of $wanted were done"
    failed=1
fi
exit $failed
