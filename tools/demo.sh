#!/usr/bin/env bash
# The main job, shown: aksu behind a TUN device with the Linux kernel at the other end.  Run by ./dev demo.
#
# Everything happens in network namespaces of its own, which vanish with this script however it ends.  As an ordinary user
# they are made by unshare -Urn; where no TUN device can be had it says so and shows two stacks joined in memory instead.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
aksu=${AKSU:-$here/build/aksu}

if ! [ -x "$aksu" ]; then
    echo "demo: $aksu is not there; ./dev demo builds it" >&2
    exit 2
fi

if [ "${AKSU_DEMO_INSIDE:-}" = "" ]; then
    export AKSU_DEMO_INSIDE=1
    if [ "$(id -u)" = 0 ] && unshare -n -m true 2>/dev/null; then exec unshare -n -m -- "$0" "$@"; fi
    if unshare -Urn -m true 2>/dev/null; then exec unshare -Urn -m -- "$0" "$@"; fi
    echo "demo: no network namespace can be made here: unshare is refused"
    export AKSU_DEMO_NO_TUN=1
fi

work=$(mktemp -d)
server=
kernel_server=
namespace_holder=
cleanup() {
    trap '' INT TERM HUP
    trap - EXIT
    for process in $server $kernel_server $namespace_holder; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    cd / && umount "$work" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

title() { printf '\n== %s\n\n' "$*"; }
# The big files lie in memory, so that the disk is not what is measured.
mount -t tmpfs -o size=1200m aksu-demo "$work" 2>/dev/null || true
mkdir -p "$work/www"
export XDG_RUNTIME_DIR=$work
ip link set lo up 2>/dev/null || true
mib=${AKSU_DEMO_MIB:-256}
gbit() { echo "$((${1%.*} / 125000000)).$((${1%.*} / 12500000 % 10))"; }

wait_for() { for _ in $(seq 100); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.05; done; return 1; }

# The same job without a device: both ends are ours, joined in memory.
show_in_memory() {
    title "1. $mib MiB through a connection between two stacks in one process, and as much back"
    head -c $((mib * 1048576)) /dev/urandom >"$work/file"
    sum=$(sha256sum <"$work/file")
    got=$("$aksu" pair --quiet <"$work/file" | sha256sum)
    same "client to server" "$got" "$sum"
    got=$("$aksu" pair --quiet --reverse <"$work/file" | sha256sum)
    same "server to client" "$got" "$sum"
    title "2. A small connection from SYN to CLOSED, both sides' states, TIME-WAIT included"
    echo hello | "$aksu" pair --quiet --ladder=/dev/stdout >"$work/ladder"
    cat "$work/ladder"
    title "3. A refused connection"
    "$aksu" pair --refuse --ladder=/dev/stdout </dev/null 2>"$work/why" || true
    echo "aksu pair said: $(cat "$work/why")"
    title "4. The connection table of both stacks while bytes move"
    head -c 1000000 "$work/file" | "$aksu" pair --quiet --table >/dev/null 2>"$work/table"
    cat "$work/table"
    title "5. The rate, both stacks on one core; there is no kernel here to compare it with"
    "$aksu" pair <"$work/file" 2>&1 >/dev/null
}

# Hashes that differ are the worst that can happen here: nothing else counts then.
same() {
    if [ "$2" = "$3" ]; then
        echo "$1: SHA-256 equal${4:+, $4}"
        return
    fi
    echo "demo: $1: the SHA-256 sums DIFFER: sent $3, received $2" >&2
    exit 1
}

if [ "${AKSU_DEMO_NO_TUN:-}" = "" ]; then
    "$aksu" listen --quiet 1 </dev/null >/dev/null 2>"$work/probe" & probe=$!
    sleep 0.3
    if ! kill -INT $probe 2>/dev/null; then
        echo "demo: no TUN device can be had here ($(cat "$work/probe"))"
        AKSU_DEMO_NO_TUN=1
    fi
    sleep 0.1
    kill -INT $probe 2>/dev/null || true
    wait $probe 2>/dev/null || true
fi
if [ "${AKSU_DEMO_NO_TUN:-}" != "" ]; then
    echo "demo: without a TUN device: two stacks joined in memory instead"
    show_in_memory
    exit 0
fi

title "1. The kernel's curl fetches $mib MiB from aksu over TUN, and uploads as much"
head -c $((mib * 1048576)) /dev/urandom >"$work/www/file"
sum=$(sha256sum <"$work/www/file")
"$aksu" serve --quiet --writable --2msl 30 --trace="ladder:$work/ladder" "$work/www" & server=$!
wait_for curl -s -o /dev/null http://192.0.2.2:8080/none
kill -INT $server && wait $server 2>/dev/null || true
"$aksu" serve --quiet --writable "$work/www" & server=$!
wait_for curl -s -o /dev/null http://192.0.2.2:8080/none
down=$(curl -s -o "$work/got" -w '%{speed_download}' http://192.0.2.2:8080/file)
same download "$(sha256sum <"$work/got")" "$sum" "$(gbit "$down") Gbit/s"
rm "$work/got"
up=$(curl -s -o /dev/null -T "$work/www/file" -w '%{speed_upload}' http://192.0.2.2:8080/upload)
same upload "$(sha256sum <"$work/www/upload")" "$sum" "$(gbit "$up") Gbit/s"
rm "$work/www/upload"

title "2. A small connection from SYN to CLOSED, both sides' states, TIME-WAIT included"
"$aksu" lab four-way-close || true
echo
echo "and as the running server saw one, the kernel being the client:"
echo
cat "$work/ladder"

title "3. A refused connection"
"$aksu" connect --dev tun:aksu9 --quiet --host-address 198.51.100.1 --address 198.51.100.2/24 \
    --trace="ladder:$work/refused" 198.51.100.1 9 </dev/null 2>"$work/why" || true
cat "$work/refused"
echo "aksu connect said: $(cat "$work/why")"

title "4. The connection table while connections are open"
fetches=()
for _ in 1 2 3; do
    curl -s --limit-rate 1M -m 2 -o /dev/null http://192.0.2.2:8080/file & fetches+=($!)
done
sleep 1
"$aksu" status
wait "${fetches[@]}" 2>/dev/null || true

title "5. The rate beside kernel-to-kernel over veth, same run, same client"
unshare -n sleep 1000 & namespace_holder=$!
sleep 0.3
ip link add demo0 type veth peer name demo1 netns $namespace_holder
ip addr add 203.0.113.1/24 dev demo0 && ip link set demo0 up
nsenter -t $namespace_holder -n sh -c 'ip link set lo up; ip addr add 203.0.113.2/24 dev demo1; ip link set demo1 up'
(cd "$work/www" && exec nsenter -t $namespace_holder -n python3 -m http.server 8080 --bind 203.0.113.2 >/dev/null 2>&1) & kernel_server=$!
wait_for curl -s -o /dev/null http://203.0.113.2:8080/
ours=0 theirs=0
for _ in 1 2 3; do
    a=$(curl -s -o /dev/null -w '%{speed_download}' http://192.0.2.2:8080/file)
    b=$(curl -s -o /dev/null -w '%{speed_download}' http://203.0.113.2:8080/file)
    if [ "${a%.*}" -gt "$ours" ]; then ours=${a%.*}; fi
    if [ "${b%.*}" -gt "$theirs" ]; then theirs=${b%.*}; fi
done
awk -v a="$ours" -v b="$theirs" 'BEGIN {
    printf "curl from aksu serve over TUN:                       %5.1f Gbit/s\n", a * 8 / 1e9
    printf "curl from a kernel server (python, sendfile) on veth: %5.1f Gbit/s\n", b * 8 / 1e9
    printf "ratio %.2f, best of three each, not pinned; ./dev bench measures without HTTP\n", a / b }'
kill -INT $server && wait $server 2>/dev/null || true
server=
