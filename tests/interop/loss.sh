#!/usr/bin/env bash
# 1 GiB each way between aksu and the kernel through a link that drops 1 % of packets in both directions, compared by hash.  Offloads are
# off, so that what is dropped are segments and not super-segments.
. "$AKSU_SOURCE/tests/interop/_common.bash"
if ! command -v iptables >/dev/null; then skip "iptables is not installed"; fi
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; umount "$work" 2>/dev/null; rm -rf "$work"' EXIT
mount -t tmpfs none "$work" 2>/dev/null
ip link set lo up
bytes=${BYTES:-1073741824}
ip tuntap add aksu6 mode tun
head -c "$bytes" /dev/urandom >"$work/bytes"
wanted=$(sha256sum <"$work/bytes")
if ! iptables -A INPUT -i aksu6 -m statistic --mode random --probability 0.01 -j DROP ||
    ! iptables -A OUTPUT -o aksu6 -m statistic --mode random --probability 0.01 -j DROP; then
    skip "iptables' statistic match cannot be used here"
fi
# The kernel sends, aksu receives.
mkfifo "$work/out"
sha256sum <"$work/out" >"$work/sum" & summer=$!
"$AKSU" listen --quiet --dev tun:aksu6 7 </dev/null >"$work/out" & ours=$!
for _ in $(seq 100); do ip -br addr show aksu6 | grep -q 192.0.2.1 && break; sleep 0.05; done
ethtool -K aksu6 tso off gso off gro off tx off >/dev/null 2>&1
start=$SECONDS
timeout 280 nc -N 192.0.2.2 7 <"$work/bytes" >/dev/null
wait $ours $summer
echo "kernel to aksu: $((SECONDS - start)) s"
[ "$(cat "$work/sum")" = "$wanted" ] || { echo "FAILED: kernel to aksu differs"; failed=1; }

# aksu sends, the kernel receives.
"$AKSU" listen --quiet --dev tun:aksu6 7 <"$work/bytes" >/dev/null & ours=$!
for _ in $(seq 100); do ip -br addr show aksu6 | grep -q 192.0.2.1 && break; sleep 0.05; done
ethtool -K aksu6 tso off gso off gro off tx off >/dev/null 2>&1
start=$SECONDS
got=$(timeout 280 nc -d 192.0.2.2 7 2>/dev/null | sha256sum)
wait $ours
echo "aksu to kernel: $((SECONDS - start)) s"
[ "$got" = "$wanted" ] || { echo "FAILED: aksu to kernel differs"; failed=1; }
exit $failed
