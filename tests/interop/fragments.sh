#!/usr/bin/env bash
# The kernel sends what does not fit into one packet, over IPv4 and IPv6: echo requests, whose answers come back in fragments
# too, and datagrams to a port that nobody has, of which it learns only if they were put together.
. "$AKSU_SOURCE/tests/interop/_common.bash"
ip link set lo up
ours=(192.0.2.2)
both=()
if [ -e /proc/net/if_inet6 ]; then
    ours+=(2001:db8::2)
    both=(--address 2001:db8::2/64 --host-address 2001:db8::1)
fi
mkdir "$work/www"
"$AKSU" serve "${both[@]}" --trace=json:"$work/events" "$work/www" 2>"$work/errors" & server=$!
if ! wait_for grep -q ' at http' "$work/errors"; then skip "$(cat "$work/errors")"; fi
if [ ${#ours[@]} = 2 ]; then wait_for has_address aksu0 2001:db8::1; fi

# address, bytes: one datagram to a port that nobody has; what the kernel says of it
refused() {
    python3 -B - "$@" <<'PYTHON'
import errno, socket, sys
address, size = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    s.connect((address, 9))
    s.send(bytes(i * 7 & 255 for i in range(size)))
    try:
        s.recv(1)
    except OSError as error:
        print(errno.errorcode.get(error.errno, error))
PYTHON
}

for to in "${ours[@]}"; do
    if [ -x "$(command -v ping)" ]; then
        for size in 1472 1473 4000 20000 65000; do
            got=$(ping -n -c 2 -i 0.2 -W 5 -s $size "$to" 2>&1)
            check "ping $to of $size bytes" "$(grep -c "$((size + 8)) bytes from $to" <<<"$got")" 2
        done
    fi
    for size in 1400 20000 65507; do check "$size bytes to $to" "$(refused "$to" $size)" ECONNREFUSED; done
done
kill $server
wait $server
ended=$?

# address: datagrams of 20,000 and of 65,507 bytes to a socket of ours, which writes them to its output
for to in "${ours[@]}"; do
    "$AKSU" listen --quiet --udp --wait 1500 "${both[@]}" 7 >"$work/got" 2>"$work/why" & listener=$!
    wait_for has_address aksu0 192.0.2.1
    if [ ${#ours[@]} = 2 ]; then wait_for has_address aksu0 2001:db8::1; fi
    python3 -B - "$to" "$work/sent" <<'PYTHON'
import os, socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as s, open(sys.argv[2], "wb") as sent:
    for size in (20000, 1, 65507, 1473, 40000):
        data = os.urandom(size)
        for _ in range(100):  # until there is somebody: not counted before the first has come
            try:
                s.sendto(data, (sys.argv[1], 7))
                break
            except OSError:
                time.sleep(0.05)
        sent.write(data)
        time.sleep(0.05)
PYTHON
    wait $listener
    check "listening at $to" "$? $(cat "$work/why")" "0 "
    check "datagrams to $to" "$(sha256sum <"$work/got")" "$(sha256sum <"$work/sent")"
done
(exit "$ended")
check ended $? 0
drops=$(grep -o '"drop":"[A-Z_]*"' "$work/events" | sort -u | grep -v '"NONE"\|"UDP_NO_SOCKET"\|"TCP_NO_CONNECTION"\|"IP_BROADCAST"')
check drops "$drops" ''
exit $failed
