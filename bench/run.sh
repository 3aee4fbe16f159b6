#!/usr/bin/env bash
# The figures, each beside its peer in the same run.  Run by ./dev bench, which builds bench/*.c first.
#
# Load goes only to network namespaces made here, which end with this script.
set -euo pipefail
groups=(bulk connections memory flat flood udp devices bounds goodput flows plots instructions simulator explain)
usage() {
    cat <<TEXT
usage: ./dev bench [--json] [--only GROUP]...

  --json         one JSON object a figure: name, value, unit, peer, peer_value, ratio, target, placement
  --only GROUP   only this group; may be given more than once.  The groups:
                   bulk          one stream over TUN, both directions, both doors, and its CPU
                   connections   whole connections a second
                   memory        bytes a connection, idle and in TIME-WAIT, and by the structures
                   flat          cost of one lookup and one timer at 1,000 and at 1,000,000 connections
                   flood         SYNs a second, and honest clients meanwhile
                   udp           datagrams of 64 bytes echoed a second
                   devices       a stream both ways and single exchanges over each kind of device
                   goodput       of a stream over paths with delay, loss and reordering, in about 12 minutes
                   flows         how long flows of some sizes take, and how two share a bottleneck
                   plots         SVG of these, of a recovery and of the windows, to BUILD/figures or AKSU_BENCH_PLOTS
                   bounds        memory and time that fragments and strangers on the segment can take
                   instructions  instructions of each elementary operation, by callgrind
                   simulator     virtual time of the simulated network, and the whole catalogue of the lab
                   explain       a capture of 1 GiB, beside tcptrace and tshark where they are installed
TEXT
}
json=
only=()
check=
if [ "${1:-}" = --check-arguments ]; then check=1 && shift; fi
arguments=("$@")
while [ $# != 0 ]; do
    case $1 in
    --json) json=1 ;;
    --only)
        [ $# -ge 2 ] && [[ " ${groups[*]} " = *" $2 "* ]] ||
            { echo "bench: --only takes one of: ${groups[*]}" >&2; exit 2; }
        only+=("$2")
        shift
        ;;
    -h | --help) usage && exit ;;
    *) echo "bench: there is no option '$1'; ./dev bench --help lists them" >&2; exit 2 ;;
    esac
    shift
done
[ -z "$check" ] || exit 0
here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
build=${AKSU_BUILD_DIR:-$here/build}
bin=$build/bench
[ -x "$bin/bulk" ] || { echo "bench: $bin is not built; run ./dev bench" >&2; exit 2; }
export PATH=$PATH:/usr/sbin:/sbin
if [ -z "${AKSU_BENCH_INSIDE:-}" ]; then
    export AKSU_BENCH_INSIDE=1
    if [ "$(id -u)" = 0 ]; then exec unshare -nm -- "$0" "${arguments[@]}"; else exec unshare -Urnm -- "$0" "${arguments[@]}"; fi
fi
ulimit -n "$(ulimit -Hn)"
work=$(mktemp -d)
holder=
trap 'kill $holder $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
ip link set lo up

figure() { # name value unit peer peer_value ratio target placement
    if [ -n "$json" ]; then
        printf '{"name":"%s","value":%s,"unit":"%s","peer":"%s","peer_value":%s,"ratio":%s,"target":"%s","placement":"%s"}\n' "$@"
    else
        printf '%-46s %10s %-10s %-24s %10s  ratio %-6s target %-10s %s\n' "$@"
    fi
}
divide() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 == 0) print "null"; else printf "%.2f", a / b }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# A namespace with a kernel of its own at the other end of a veth pair: 203.0.113.1 and 198.51.100.1 to .200 here,
# 203.0.113.2 and 198.51.100.254 there.
# What runs in the background there is started by nsenter itself: a function would be a shell that outlives its kill.
there() { nsenter -t $holder -n "$@"; }
other_kernel() {
    [ -z "$holder" ] || return 0
    unshare -n sleep 3600 & holder=$!
    until [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    ip link add bench0 type veth peer name bench1 netns $holder
    { echo "addr add 203.0.113.1/24 dev bench0"; seq -f 'addr add 198.51.100.%g/24 dev bench0' 200; echo "link set bench0 up"; } |
        ip -batch -
    there ip -batch - <<<'addr add 203.0.113.2/24 dev bench1
addr add 198.51.100.254/24 dev bench1
link set bench1 up
link set lo up'
}

# ---------------------------------------------------------------- bulk

# Time of both processes and of ksoftirqd.  Softirqs that run on behalf of a process count as that process's time, unless
# the kernel keeps their time apart (CONFIG_IRQ_TIME_ACCOUNTING): then the kernel's own part would be missing.
ksoftirqd_ticks() { # processes come and go meanwhile
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk '$2 ~ /^\(ksoftirqd/ { sum += $14 + $15 } END { print sum + 0 }'
}
bytes=$((4 * 1024 * 1024 * 1024))
# Each prints Gbit/s and CPU seconds a GiB of both ends together.
measure() { # function, its arguments
    local ticks
    ticks=$(ksoftirqd_ticks)
    rm -f "$work"/cpu.*
    "$@" >"$work/rate" || { cat "$work"/cpu.* >&2; echo "bench: $* failed" >&2; return 1; }
    ticks=$(($(ksoftirqd_ticks) - ticks))
    cat "$work"/cpu.* | awk -v ticks=$ticks -v hertz="$(getconf CLK_TCK)" -v gib=$((bytes >> 30)) -v rate="$(cat "$work/rate")" '
        $1 == "cpu" { cpu += $2 }
        END { split(rate, part, " "); printf "%.1f %.3f\n", part[1] * 8 / part[2] / 1e9, (cpu + ticks / hertz) / gib }'
}
veth() { # cpu of the receiver, cpu of the sender
    nsenter -t $holder -n taskset -c "$1" "$bin/bulk" kernel-recv 203.0.113.2 9000 2>"$work/cpu.a" & local receiver=$!
    taskset -c "$2" "$bin/bulk" kernel-send 203.0.113.2 9000 $bytes 2>"$work/cpu.b"
    wait $receiver
}
aksu_in() { # cpu of aksu, cpu of the kernel's sender, door
    taskset -c "$1" "$bin/bulk" aksu-recv tun: 192.0.2.2 9000 "$3" 2>"$work/cpu.a" & local receiver=$!
    taskset -c "$2" "$bin/bulk" kernel-send 192.0.2.2 9000 $bytes 2>"$work/cpu.b"
    wait $receiver
}
aksu_out() {
    taskset -c "$1" "$bin/bulk" aksu-send tun: 192.0.2.2 9000 $bytes "$3" 2>"$work/cpu.a" & local sender=$!
    taskset -c "$2" "$bin/bulk" kernel-fetch 192.0.2.2 9000 2>"$work/cpu.b"
    wait $sender
}
tun_there() { # what is left out without it
    { : <>/dev/net/tun; } 2>/dev/null && return
    echo "bench: no way to open /dev/net/tun, so $1 is left out" >&2
    return 1
}
column() { cut -d' ' -f"$1" "$2" | median; }

bulk() {
    tun_there "bulk" || return 0
    local placement a b name target door way peer_rate peer_cpu rate cpu
    other_kernel
    for placement in "0 1 apart 1.5" "0 0 one-core 0.8"; do
        read -r a b name target <<<"$placement"
        rm -f "$work"/bulk.*
        for _ in 1 2 3; do # in turn, so that all meet the same weather
            measure veth "$a" "$b" >>"$work/bulk.veth"
            for door in zero copy; do
                for way in in out; do measure "aksu_$way" "$a" "$b" $door >>"$work/bulk.$way.$door"; done
            done
        done
        peer_rate=$(column 1 "$work/bulk.veth") peer_cpu=$(column 2 "$work/bulk.veth")
        for door in zero copy; do
            for way in in out; do
                rate=$(column 1 "$work/bulk.$way.$door") cpu=$(column 2 "$work/bulk.$way.$door")
                figure "bulk $way over TUN, $door" "$rate" Gbit/s "kernel over veth, cubic" "$peer_rate" \
                    "$(divide "$rate" "$peer_rate")" ">= $target" "$name"
                figure "CPU of bulk $way over TUN, $door, both ends" "$cpu" s/GiB "kernel over veth, cubic" "$peer_cpu" \
                    "$(divide "$cpu" "$peer_cpu")" - "$name"
            done
        done
    done
}

# ---------------------------------------------------------------- connections

kernel_connections() { # cpu of the server, cpu of the client: prints connections a second, and a second of CPU
    local count=60000
    nsenter -t $holder -n taskset -c "$1" "$bin/kernel" serve 198.51.100.254 80 $count >"$work/served" & local server=$!
    until there grep -q ":0050 00000000:0000 0A" /proc/net/tcp; do sleep 0.05; done
    taskset -c "$2" "$bin/kernel" connect 198.51.100.254 80 $count 198.51.100 >"$work/connected"
    wait $server
    cat "$work/served" "$work/connected" | awk '
        $1 == "cpu" { cpu += $2; next } { count = $1; took = $2 } END { printf "%.0f %.0f\n", count / took, count / cpu }'
}
connections() {
    local ours two per_cpu one
    other_kernel
    rm -f "$work"/connections.*
    for _ in 1 2 3; do # in turn, so that all meet the same weather
        taskset -c 0 "$bin/connections" 200000 >>"$work/connections.ours"
        kernel_connections 0 1 >>"$work/connections.two"
        kernel_connections 0 0 >>"$work/connections.one"
    done
    ours=$(median <"$work/connections.ours")
    two=$(column 1 "$work/connections.two") per_cpu=$(column 2 "$work/connections.two") one=$(column 1 "$work/connections.one")
    figure "whole connections, both ends in memory" "$ours" /s "kernel over veth, two cores" "$two" "$(divide "$ours" "$two")" ">= 10" "one core"
    figure "whole connections a CPU second" "$ours" /s "kernel over veth, two cores" "$per_cpu" "$(divide "$ours" "$per_cpu")" - "one core"
    figure "whole connections, both ends in memory" "$ours" /s "kernel over veth, one core" "$one" "$(divide "$ours" "$one")" ">= 10" "one core"
}

# ---------------------------------------------------------------- memory

memory() {
    local client server both kernel count tcb time_wait syn listener
    kernel=$(unshare -n sh -c "ip link set lo up; exec '$bin/kernel' idle 9000")
    [ "$kernel" != 0 ] || kernel=null # no right to read /proc/slabinfo
    for count in "1000000 1000000" "10000 10000000"; do
        read -r client server both < <("$bin/memory" idle ${count% *} ${count#* })
        figure "idle connection of ${count% *}, limit ${count#* }: client" "$client" bytes "kernel, slab objects" "$kernel" "$(divide "$client" "$kernel")" "<= 256" resident
        figure "idle connection of ${count% *}, limit ${count#* }: server" "$server" bytes "kernel, slab objects" "$kernel" "$(divide "$server" "$kernel")" "<= 256" resident
        figure "idle connection of ${count% *}, limit ${count#* }: VmRSS / 2" "$both" bytes "kernel, slab objects" "$kernel" "$(divide "$both" "$kernel")" "<= 256" resident
    done
    read -r time_wait count < <("$bin/memory" time-wait 1000000)
    figure "TIME-WAIT of $count, its table entry (4) too" "$time_wait" bytes "kernel (noted)" 256 "$(divide "$time_wait" 256)" "<= 64" resident
    read -r tcb time_wait syn listener < <("$bin/memory" bytes)
    figure "connection by aksu_stack_bytes" "$tcb" bytes "kernel, slab objects" "$kernel" "$(divide "$tcb" "$kernel")" "<= 256" -
    figure "TIME-WAIT by aksu_stack_bytes (64 + 4)" "$time_wait" bytes "kernel (noted)" 256 "$(divide "$time_wait" 256)" "<= 64" -
    figure "half-open connection by aksu_stack_bytes" "$syn" bytes "kernel (noted)" 320 "$(divide "$syn" 320)" - -
    figure "listener by aksu_stack_bytes" "$listener" bytes none null null - -
}

# ---------------------------------------------------------------- flat

flat() {
    local count what operations
    for count in 1000 1000000; do
        taskset -c 0 "$bin/flat" $count >"$work/flat.$count"
        command -v valgrind >/dev/null || continue
        valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$work/flat.out" "$bin/flat" $count \
            >"$work/counts" 2>/dev/null
        callgrind_annotate --inclusive=yes --threshold=100 "$work/flat.out" >"$work/costs"
        while read -r what _ operations; do
            awk -v name=":measure_$what " -v operations="$operations" '
                index($0, name) && !/=>/ { gsub(",", "", $1); printf "%.0f\n", $1 / operations; exit }' "$work/costs" \
                >"$work/flat.$what.$count"
        done <"$work/counts"
    done
    for what in lookup timer; do
        local name="one segment in, lookup included"
        if [ $what = timer ]; then name="one timer, fired, set again, its probe made"; fi
        local few many
        few=$(awk -v what=$what '$1 == what { print $2 }' "$work/flat.1000")
        many=$(awk -v what=$what '$1 == what { print $2 }' "$work/flat.1000000")
        figure "$name: of 1000000" "$many" ns "the same of 1000" "$few" "$(divide "$many" "$few")" - "one core"
        [ -s "$work/flat.$what.1000000" ] || continue
        few=$(cat "$work/flat.$what.1000")
        many=$(cat "$work/flat.$what.1000000")
        figure "$name: of 1000000" "$many" Ir "the same of 1000" "$few" "$(divide "$many" "$few")" "flat" -
    done
}

# ---------------------------------------------------------------- flood

flood() {
    local syns grown served most took handled
    read -r syns grown served most took < <(taskset -c 0 "$bin/flood" 10000000 1000)
    kernel_under_flood
    figure "SYNs handled, cookies, 10,000,000 in memory" "$syns" /s "kernel over veth" "$handled" "$(divide "$syns" "$handled")" ">= 2000000" "one core"
    figure "memory that this flood adds" "$grown" bytes none null null 0 "one core"
    figure "honest clients of 1000 served meanwhile" "$served" clients "kernel (noted)" 984 "$(divide "$served" 984)" 1000 "one core"
    figure "SYNs that one of them needed at most" "$most" SYNs none null null "<= 3" "one core"
    figure "their median time to connect, in memory" "$took" us none null null - "one core"
    if tun_there "the flood through devices"; then device_floods; fi
    kill $kernel_server
}

# The kernel's server, and how many SYNs a second it takes (Tcp InSegs) when the other core sends all that it can.
mac=02:00:00:00:00:02
rps_there="server on its own core"
rps() { # in mounts of its own, which end with it
    there unshare -m sh -c 'mount -t sysfs none /sys && echo 1 >/sys/class/net/bench1/queues/rx-0/rps_cpus'
}
segments_in() { there awk '/^Tcp:/ && $2 ~ /[0-9]/ { print $11 }' /proc/net/snmp; }
kernel_under_flood() { # sets handled and kernel_server
    local flooder before
    other_kernel
    there ip link set bench1 address $mac
    there ip route replace default via 203.0.113.1
    rps 2>/dev/null || rps_there="the kernel's SYNs on the flood's core"
    nsenter -t $holder -n taskset -c 0 "$bin/kernel" serve 203.0.113.2 80 1000000 >/dev/null & kernel_server=$!
    until there grep -q ":0050 00000000:0000 0A" /proc/net/tcp; do sleep 0.05; done
    taskset -c 1 "$bin/syns" flood bench0 $mac 203.0.113.2 80 10000000 & flooder=$!
    sleep 0.5
    before=$(segments_in)
    sleep 2
    handled=$((($(segments_in) - before) / 2))
    kill $flooder
    wait $flooder 2>/dev/null || true
}

# The same flood through a device, with sockets of the kernel as honest clients, to the kernel and to us.  The server has
# core 0 (with RPS, which puts what veth receives there, if it can be had), flood and clients share core 1.
flood_rate=200000
device_flood() { # device, MAC of the other end, server: sets served, p50 and p99
    taskset -c 1 "$bin/syns" flood "$1" "$2" "$3" 80 $flood_rate & local flooder=$!
    sleep 0.3
    read -r served p50 p99 < <(taskset -c 1 "$bin/syns" honest "$3" 80 1000 250)
    kill $flooder
    wait $flooder 2>/dev/null || true
}
device_floods() {
    local server served p50 p99 kernel_served kernel_p50 kernel_p99 where="$flood_rate SYN/s, $rps_there"
    ip route replace local 198.18.0.0/16 dev lo
    device_flood bench0 $mac 203.0.113.2
    kernel_served=$served kernel_p50=$p50 kernel_p99=$p99
    taskset -c 0 "$bin/answer" 80 >"$work/answered" & server=$!
    until ip link show up dev aksu0 >/dev/null 2>&1; do sleep 0.05; done
    ip link set aksu0 txqueuelen 1000 # as net.core.netdev_max_backlog, which veth's packets wait in
    device_flood aksu0 - 192.0.2.2
    kill $server
    wait $server
    figure "honest clients of 1000 served, flood over TUN" "$served" clients "kernel, flood over veth" "$kernel_served" "$(divide "$served" "$kernel_served")" 1000 "$where"
    figure "their median time to connect" "$p50" us "kernel, flood over veth" "$kernel_p50" "$(divide "$p50" "$kernel_p50")" - "$where"
    figure "their 99th percentile" "$p99" us "kernel, flood over veth" "$kernel_p99" "$(divide "$p99" "$kernel_p99")" - "$where"
}

# ---------------------------------------------------------------- UDP

# Echo of 64 bytes: who answers has core 0, who asks core 1, both ways over the same device where that can be.
echo_rate() { # address, the answering command...: prints echoes a second, and echoes a CPU second of who answers
    local addr=$1
    shift
    # of 512 under way, or so many as $under_way says
    nsenter -t "${echo_in:-$holder}" -n taskset -c 0 "$@" 2>"$work/echoed" & local answerer=$!
    sleep 0.7
    taskset -c 1 "$bin/udp" ask "$addr" 7 64 3 "${under_way:-512}" >"$work/asked"
    kill $answerer
    wait $answerer
    awk -v rate="$(cat "$work/asked")" '$1 == "cpu" { printf "%.0f %.0f\n", rate, $3 / ($2 + 1e-9) }' "$work/echoed"
}
udp() {
    local what of rate cpu peer_rate peer_cpu
    other_kernel
    rm -f "$work"/udp.*
    for _ in 1 2 3; do # in turn, so that all meet the same weather
        echo_rate 203.0.113.2 "$bin/udp" kernel-echo 203.0.113.2 7 >>"$work/udp.kernel"
        echo_rate 203.0.113.3 "$bin/udp" aksu-echo packet:bench1,rings=on 203.0.113.3 7 >>"$work/udp.rings"
        echo_rate 203.0.113.3 "$bin/udp" aksu-echo packet:bench1,rings=off 203.0.113.3 7 >>"$work/udp.calls"
        tun_there "UDP over TUN and TAP" || continue
        echo_in=$$ echo_rate 192.0.2.2 "$bin/udp" aksu-echo tun:benchtun 192.0.2.2 7 >>"$work/udp.tun"
        echo_in=$$ echo_rate 192.0.2.2 "$bin/udp" aksu-echo tap:benchtap 192.0.2.2 7 >>"$work/udp.tap"
    done
    peer_rate=$(column 1 "$work/udp.kernel") peer_cpu=$(column 2 "$work/udp.kernel")
    for what in "rings:a packet socket on veth, rings" "calls:a packet socket on veth, calls" tun:TUN tap:TAP; do
        of=${what%%:*}
        [ -s "$work/udp.$of" ] || continue
        rate=$(column 1 "$work/udp.$of") cpu=$(column 2 "$work/udp.$of")
        figure "64-byte UDP echoes over ${what#*:}" "$rate" /s "kernel's sockets over veth" "$peer_rate" "$(divide "$rate" "$peer_rate")" - "apart"
        figure "64-byte UDP echoes a CPU second, ${what#*:}" "$cpu" /s "kernel's sockets over veth" "$peer_cpu" "$(divide "$cpu" "$peer_cpu")" - "apart"
    done
}

# ---------------------------------------------------------------- devices

# One stream by the copying doors, and exchanges one at a time, for each kind of device; we have core 0.
device_host() { # kind: sets device, addr and where
    device=$1 addr=192.0.2.2 where=$$
    case $1 in packet*) device=packet:bench1,rings=${1#packet-} addr=203.0.113.3 where=$holder ;; esac
}
device_in() {
    nsenter -t "$where" -n taskset -c 0 "$bin/bulk" aksu-recv "$device" "$addr" 9000 copy 2>"$work/cpu.a" & local receiver=$!
    taskset -c 1 "$bin/bulk" kernel-send "$addr" 9000 $bytes 2>"$work/cpu.b"
    wait $receiver
}
device_out() {
    nsenter -t "$where" -n taskset -c 0 "$bin/bulk" aksu-send "$device" "$addr" 9000 $bytes copy 2>"$work/cpu.a" & local sender=$!
    taskset -c 1 "$bin/bulk" kernel-fetch "$addr" 9000 2>"$work/cpu.b"
    wait $sender
}
devices() {
    local kind name way device addr where rate cpu peer_rate peer_cpu
    local kinds=(packet-on packet-off tun: tap:) names=("packet socket, rings" "packet socket, calls" TUN TAP)
    tun_there "each kind of device" || return 0
    other_kernel
    rm -f "$work"/device.*
    for _ in 1 2 3; do
        measure veth 0 1 >>"$work/device.veth"
        under_way=1 echo_rate 203.0.113.2 "$bin/udp" kernel-echo 203.0.113.2 7 >>"$work/device.one.veth"
        for kind in "${kinds[@]}"; do
            device_host "$kind"
            for way in in out; do measure device_$way >>"$work/device.$way.$kind"; done
            under_way=1 echo_in=$where echo_rate "$addr" "$bin/udp" aksu-echo "$device" "$addr" 7 >>"$work/device.one.$kind"
        done
    done
    for way in in out one; do
        peer_rate=$(column 1 "$work/device.veth") peer_cpu=$(column 2 "$work/device.veth")
        if [ $way = one ]; then peer_rate=$(column 1 "$work/device.one.veth") peer_cpu=$(column 2 "$work/device.one.veth"); fi
        for kind in "${!kinds[@]}"; do
            name=${names[$kind]} rate=$(column 1 "$work/device.$way.${kinds[$kind]}") cpu=$(column 2 "$work/device.$way.${kinds[$kind]}")
            if [ $way = one ]; then
                figure "64-byte exchanges, one at a time, $name" "$rate" /s "kernel's sockets over veth" "$peer_rate" "$(divide "$rate" "$peer_rate")" - apart
                figure "the same a CPU second, $name" "$cpu" /s "kernel's sockets over veth" "$peer_cpu" "$(divide "$cpu" "$peer_cpu")" - apart
            else
                figure "bulk $way, $name" "$rate" Gbit/s "kernel over veth, cubic" "$peer_rate" "$(divide "$rate" "$peer_rate")" - apart
                figure "CPU of bulk $way, $name" "$cpu" s/GiB "kernel over veth, cubic" "$peer_cpu" "$(divide "$cpu" "$peer_cpu")" - apart
            fi
        done
    done
}

# ---------------------------------------------------------------- goodput

# One grid: its name, the other column, the target of a cell and of the mean, and arguments of goodput.py.
# AKSU_BENCH_GOODPUT has more of those, such as --quick.
grid() {
    local what=$1 beside=$2 least=$3 mean_least=$4 name ours kernel ratio mean
    shift 4
    # shellcheck disable=SC2086
    python3 "$here/bench/goodput.py" "$build" "$@" ${AKSU_BENCH_GOODPUT:-} >"$work/goodput"
    while IFS='|' read -r name ours kernel ratio; do
        figure "$what, $name" "$ours" Mbit/s "$beside" "$kernel" "$ratio" "$least" -
    done < <(sed -n 's/^cell \(.*\): \([0-9.]*\) \([0-9.]*\) \([0-9.]*\)$/\1|\2|\3|\4/p' "$work/goodput")
    mean=$(sed -n 's/^mean //p' "$work/goodput")
    figure "$what, mean of the ratios" "$mean" - "$beside" 1 "$mean" "$mean_least" -
}
goodput() {
    local controls
    tun_there "goodput over paths" || return 0
    grid "goodput" "kernel to kernel, cubic" ">= 0.95" ">= 1.0" --out "$work/grid.json"
    grid "received" "kernel to kernel, cubic" ">= 0.95" ">= 1.0" --receive --seeds 3 --jobs 12 --out "$work/received.json" \
        --cells "1 ms, 0 %;20 ms, 0 %;20 ms, 1 %;100 ms, 0 %;100 ms, 1 %, reordering;300 ms, 0 %;300 ms, 0.1 %"
    grid "received at 300 Mbit/s" "kernel to kernel, cubic" ">= 0.95" - --receive --seeds 3 --jobs 2 --rate 300 \
        --cells "300 ms, 0 %"
    grid "sent at 300 Mbit/s" "kernel to kernel, cubic" ">= 0.95" - --seeds 3 --jobs 2 --rate 300 --cells "300 ms, 0 %"
    controls=$(sysctl -n net.ipv4.tcp_available_congestion_control)
    if [[ " $controls " != *" bbr "* ]]; then
        echo "bench: this kernel has no bbr ($controls), so goodput by bbr is left out" >&2
        return
    fi
    grid "goodput by bbr" "kernel to kernel, bbr" ">= 0.9" ">= 1.0" --cc bbr --max-loss 1 --seeds 5 --jobs 12 --out "$work/bbr.json"
}

# ---------------------------------------------------------------- bounds

bounds() {
    local kind ns held datagrams
    while read -r kind ns held datagrams; do
        if [ "$kind" = neighbours ]; then
            figure "an echo request from a stranger, neighbours: cost" "$ns" ns none null null - "one core"
            figure "neighbours remembered at most" "$held" entries none null null "<= 1024" -
        else
            figure "a fragment that leads nowhere, $kind: cost" "$ns" ns none null null - "one core"
            figure "memory held at most, $kind" "$held" bytes none null null "<= 262144" -
            figure "datagrams under reassembly at most, $kind" "$datagrams" datagrams none null null "<= 64" -
        fi
    done < <(taskset -c 0 "$bin/bounds" 2000000)
}

flows() { # completion times, and shares of a bottleneck; AKSU_BENCH_FLOWS has more arguments, such as --quick
    local name ours kernel ratio
    tun_there "flows over paths" || return 0
    mkdir -p "$work/sharing"
    # shellcheck disable=SC2086
    python3 "$here/bench/flows.py" "$build" ${AKSU_BENCH_FLOWS:-} --sharing "$work/sharing" >"$work/flows"
    while IFS='|' read -r name ours kernel ratio; do
        figure "time of a flow of $name" "$ours" ms "kernel to kernel, cubic" "$kernel" "$ratio" "<= 1.0" -
    done < <(sed -n 's/^flow \(.*\): \([0-9]*\) \([0-9]*\) \([0-9.]*\)$/\1|\2|\3|\4/p' "$work/flows")
    while IFS='|' read -r name ours _; do
        figure "Jain's index, $name" "$ours" - none null null ">= 0.95" -
    done < <(sed -n 's/^share \(.*\): \([0-9.]*\) \([0-9.]*\) .*$/\1|\2|\3/p' "$work/flows")
}

plots() { # of what the two above have left, and of a recovery and the windows, which it measures
    local to=${AKSU_BENCH_PLOTS:-$build/figures} what=()
    tun_there "plots" || return 0
    [ ! -s "$work/grid.json" ] || what+=(--grid "$work/grid.json")
    [ ! -s "$work/bbr.json" ] || what+=(--bbr "$work/bbr.json")
    [ ! -d "$work/sharing" ] || what+=(--sharing "$work/sharing")
    python3 "$here/bench/plots.py" "$build" "${what[@]}" --to "$to"
    echo "bench: plots are in $to" >&2
}

# ---------------------------------------------------------------- instructions

instructions() {
    local name count what
    if ! "$here/bench/instructions.sh" "$build" --figures >"$work/instructions"; then
        cat "$work/instructions" >&2
        return
    fi
    while read -r name count what; do
        if [ "$what" = - ]; then what=null; fi
        figure "instructions: $name" "$count" Ir "bench/instructions.txt" "$what" "$(divide "$count" "$what")" "<= 1.1 x" -
    done <"$work/instructions"
    if ! "$here/bench/lwip.sh" "$build" --figures >"$work/lwip"; then
        cat "$work/lwip" >&2
        return
    fi
    name=$(awk '$1 == "received_by_aksu" { print $2 }' "$work/lwip")
    count=$(awk '$1 == "received_by_lwip" { print $2 }' "$work/lwip")
    figure "instructions: a segment received and read" "$name" Ir "lwIP" "$count" "$(divide "$name" "$count")" "<= 0.6 x" -
}

# ---------------------------------------------------------------- the lab

simulator() {
    local hours events packets began took
    read -r hours events packets < <("$bin/simulator")
    figure "virtual hours of a busy connection a second" "$hours" h "real time" 0.00028 "$(divide "$hours" 0.00028)" - -
    figure "events of the trace stream a second" "$events" events - null null - -
    figure "simulated packets a second" "$packets" packets - null null - -
    [ -x "$build/aksu" ] || return 0
    began=$(date +%s%N)
    "$build/aksu" lab --all >"$work/lab" || { tail -3 "$work/lab" >&2; return 1; }
    took=$(awk -v ns=$(($(date +%s%N) - began)) 'BEGIN { printf "%.2f", ns / 1e9 }')
    figure "the lab's whole catalogue, twice over" "$took" s - null null "< 10" -
}

explain() {
    local name took rate held figures ours=""
    [ -x "$build/aksu" ] || return 0
    figures=$("$here/bench/explain.sh" "$build" --figures)
    while read -r name took rate held; do
        if [ -z "$ours" ]; then
            ours=$rate
            figure "aksu explain, 1 GiB: rate" "$rate" MB/s - null null - -
            figure "aksu explain, 1 GiB: memory" "$held" MiB - null null - -
        else
            figure "aksu explain, 1 GiB: rate" "$ours" MB/s "$name" "$rate" "$(divide "$ours" "$rate")" "> 1" -
        fi
    done <<<"$figures"
}

for group in "${groups[@]}"; do
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " = *" $group "* ]]; then $group; fi
done
