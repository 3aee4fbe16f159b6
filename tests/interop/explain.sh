#!/usr/bin/env bash
# aksu explain on what tcpdump captured of the kernel's own connections: closed, refused, reset, half-closed, unanswered,
# over IPv4 and IPv6, on the loopback device and through the cooked device.
. "$AKSU_SOURCE/tests/interop/_common.bash"
for tool in tcpdump curl python3; do
    command -v $tool >/dev/null || skip "no $tool"
done
trap 'kill $dumps $server $player 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
dumps="" server="" player=""
ip link set lo up
sysctl -qw net.ipv6.conf.lo.disable_ipv6=0 2>/dev/null

# One process plays all ends, so that nothing depends on whose nc is installed.
cat >"$work/play.py" <<'PYTHON'
import socket, struct, sys, time
def pair(family, host, port):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port)); listener.listen(1)
    client = socket.create_connection((host, port))
    return client, listener.accept()[0], listener
def linger_zero(s): s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
c, s, l = pair(socket.AF_INET, "127.0.0.1", 2001)          # closed, the client first
c.sendall(b"x" * 100000); c.shutdown(socket.SHUT_WR)
while s.recv(65536): pass
s.sendall(b"answer"); s.close(); c.recv(100); c.close()
try: socket.create_connection(("127.0.0.1", 2002))           # refused
except ConnectionRefusedError: pass
c, s, l = pair(socket.AF_INET, "127.0.0.1", 2003)          # reset by the server
c.sendall(b"hello"); s.recv(10); linger_zero(s); s.close(); time.sleep(0.1)
halves = pair(socket.AF_INET, "127.0.0.1", 2004)           # half-closed by the server, still so at the end
halves[1].shutdown(socket.SHUT_WR)
c, s, l = pair(socket.AF_INET, "127.0.0.1", 2005)          # data after close
s.close(); time.sleep(0.1); c.sendall(b"late"); time.sleep(0.1)
stays = pair(socket.AF_INET, "127.0.0.1", 2006)            # open
stays[0].sendall(b"still here")
try:
    c, s, l = pair(socket.AF_INET6, "::1", 2007)           # IPv6, closed, the server first
    s.close(); c.recv(1); c.close()
except OSError: print("no IPv6")
open(sys.argv[1], "w").close()
time.sleep(60) # the ends stay as they are until the captures are closed
PYTHON

tcpdump -q -i lo -U -w "$work/lo.pcap" tcp 2>/dev/null & dumps="$dumps $!"
tcpdump -q -i any -U -w "$work/any.pcap" tcp 2>/dev/null & dumps="$dumps $!"
tcpdump -q -i lo -U -s 80 --time-stamp-precision=nano -w "$work/nano.pcap" tcp 2>/dev/null & dumps="$dumps $!"
for _ in $(seq 100); do
    [ -s "$work/lo.pcap" ] && [ -s "$work/any.pcap" ] && [ -s "$work/nano.pcap" ] && break
    sleep 0.05
done
if ! [ -s "$work/lo.pcap" ]; then skip "tcpdump cannot capture here"; fi
sleep 0.3
python3 "$work/play.py" "$work/played" >"$work/said" 2>&1 & player=$!
for _ in $(seq 100); do [ -e "$work/played" ] && break; sleep 0.1; done
said=$(cat "$work/said")
mkdir "$work/www" && head -c 500000 /dev/urandom >"$work/www/file"
python3 -m http.server -b 127.0.0.1 -d "$work/www" 2010 >/dev/null 2>&1 & server=$!
for _ in $(seq 100); do curl -s -m 5 -o "$work/got" http://127.0.0.1:2010/file && break; sleep 0.1; done
ending() { # file, port
    "$AKSU" explain --json --port "$2" "$1" | head -1 | sed -n 's/.*"ending":"\([^"]*\)","by":"\(.\)".*/\1 \2/p'
}
whole() { # a packet reaches the file some time after it was sent
    local file
    for file in lo any nano; do
        case $("$AKSU" explain --json --port 2010 "$work/$file.pcap" 2>/dev/null | tail -1) in
        *'"ending":"closed"'*) ;;
        *) return 1 ;;
        esac
    done
}
for _ in $(seq 100); do whole && break; sleep 0.1; done
kill $dumps 2>/dev/null
sleep 0.3

for file in lo any nano; do
    check $file-closed "$(ending "$work/$file.pcap" 2001)" "closed A"
    check $file-refused "$(ending "$work/$file.pcap" 2002)" "refused B"
    check $file-reset "$(ending "$work/$file.pcap" 2003)" "reset B"
    check $file-half-closed "$(ending "$work/$file.pcap" 2004)" "half-closed B"
    check $file-after-close "$(ending "$work/$file.pcap" 2005)" "after-close B"
    check $file-open "$(ending "$work/$file.pcap" 2006)" "open A"
    [ "$said" = "no IPv6" ] || check $file-ipv6 "$(ending "$work/$file.pcap" 2007)" "closed B"
    check $file-bytes "$("$AKSU" explain --json --port 2001 "$work/$file.pcap" |
        sed 's/.*"bytes":\([0-9]*\).*"bytes":\([0-9]*\).*/\1 \2/')" "100000 6"
    check $file-nothing-again "$("$AKSU" explain --json --port 2001 "$work/$file.pcap" |
        grep -o '"retransmissions":[0-9]*' | sort -u)" '"retransmissions":0'
    sent=$("$AKSU" explain --json --port 2010 "$work/$file.pcap" | tail -1 | sed 's/.*"bytes":[0-9]*.*"bytes":\([0-9]*\).*/\1/')
    check $file-curl "$((sent > 500000 && sent < 501000))" 1
    check $file-states "$("$AKSU" explain --json --port 2004 "$work/$file.pcap" |
        grep -o '"state":"[A-Z0-9-]*"' | tr -d '\n')" '"state":"CLOSE-WAIT""state":"FIN-WAIT-2"'
done

# Filters, ladders, pictures; and what is wrong.
check host "$("$AKSU" explain --json --host ::2 "$work/lo.pcap" 2>/dev/null | wc -l)" 0
check ladder "$("$AKSU" explain --lang en --port 2003 "$work/lo.pcap" | grep -c 'ACK,RST')" 1
check korean "$("$AKSU" explain --lang ko --port 2002 "$work/lo.pcap" | grep -c 'B의 연결 거부')" 1
"$AKSU" explain --port 2001 --svg "$work/picture.svg" "$work/lo.pcap"
check picture "$(grep -c '</svg>' "$work/picture.svg")" 1
check table "$("$AKSU" explain --lang en "$work/lo.pcap" | head -1 | grep -c 'how it ended')" 1
"$AKSU" explain --svg "$work/many.svg" "$work/lo.pcap" 2>"$work/errors"
check many_svg $? 2
head -c 1000 "$work/lo.pcap" >"$work/cut.pcap"
"$AKSU" explain "$work/cut.pcap" >/dev/null 2>"$work/errors"
check cut_status $? 2
check cut_line "$(grep -c 'at byte [0-9]*: the file is cut' "$work/errors")$(wc -l <"$work/errors")" 11
printf 'GIF89a and more' >"$work/gif"
"$AKSU" explain "$work/gif" 2>"$work/errors"
check other_status $? 2
check other_line "$(cat "$work/errors")" "aksu: $work/gif: at byte 0: neither pcap nor pcapng"
"$AKSU" explain - <"$work/lo.pcap" >/dev/null
check standard_input $? 0

# The same ladder of a live connection, as a picture.
"$AKSU" serve --quiet --svg "$work/live.svg" "$work/www" 2>"$work/errors" & live=$!
for _ in $(seq 40); do curl -s -m 5 -o "$work/got" http://192.0.2.2:8080/file && break; sleep 0.05; done
if kill -0 $live 2>/dev/null; then
    kill $live
    wait $live 2>/dev/null
    check live_picture "$(($(grep -c 'ESTABLISHED' "$work/live.svg") >= 2)) $(grep -c '</svg>' "$work/live.svg")" "1 1"
else
    echo "no TUN device here: live connections are not drawn"
fi
[ $failed = 0 ] && echo ok
exit $failed
