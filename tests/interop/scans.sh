#!/usr/bin/env bash
# Scans and attacks from the segment: nmap, hping3 and thc-ipv6 at aksu serve, with a download that goes on meanwhile.
# What each scan finds is what is there; after each attack the server still answers, and its memory is bounded.
. "$AKSU_SOURCE/tests/interop/_common.bash"
if [ ! -e /proc/net/if_inet6 ] || ! ip link add v0 type veth peer name v1 2>/dev/null; then skip "no IPv6 or no veth here"; fi
found=0
for tool in nmap hping3 atk6-alive6; do command -v $tool >/dev/null && found=$((found + 1)); done
if [ $found = 0 ]; then skip "none of nmap, hping3, thc-ipv6"; fi
ip link set lo up
for device in v0 v1; do
    sysctl -qw net.ipv6.conf.$device.accept_dad=0 2>/dev/null
    ip link set $device up
done
ip addr add 10.0.0.1/24 dev v0
ip addr add fd00::1/64 dev v0 nodad
mkdir "$work/www"
head -c 30000000 /dev/urandom >"$work/www/file"
echo small >"$work/www/small"
"$AKSU" serve --quiet --dev packet:v1 --dad 0 --autoconf --address 10.0.0.2/24 --address fd00::2/64 "$work/www" 2>"$work/errors" & server=$!
answers() { [ "$(curl -g -s -m 10 "http://$1:8080/small")" = small ]; }
if ! wait_for answers 10.0.0.2; then skip "$(cat "$work/errors")"; fi
wait_for answers '[fd00::2]'
curl -s -m 120 --limit-rate 500k -o "$work/got" http://10.0.0.2:8080/file & download=$!

# ---- what is there is what is found
ports() { awk '$1 ~ /\/(tcp|udp)$/ {printf "%s %s ", $1, $2}'; } # of nmap's table
if command -v nmap >/dev/null; then
    scan() { timeout 60 nmap -n -Pn -T4 --max-retries 3 "$@" 2>/dev/null; }
    for kind in sS sT; do
        check "nmap -$kind" "$(scan -$kind -p 1-100,8080 10.0.0.2 | ports)" "8080/tcp open "
        check "nmap -6 -$kind" "$(scan -6 -$kind -p 1-100,8080 fd00::2 | ports)" "8080/tcp open "
    done
    for kind in sF sN sX; do # RFC 9293 s3.10.7.2: LISTEN says nothing to these
        check "nmap -$kind" "$(scan -$kind -p 1-50,8080 10.0.0.2 | ports)" "8080/tcp open|filtered "
    done
    for kind in sA sW sM; do # and the same RST as a closed port's to these
        check "nmap -$kind" "$(scan -$kind -p 1-50,8080 10.0.0.2 | grep -c 'All 51 scanned ports')" 1
    done
    check "nmap -sU" "$(scan -sU -p 1-30 10.0.0.2 | grep -c 'All 30 scanned ports\|Not shown: 30 closed')" 2
    check "nmap -O" "$(scan -O --osscan-guess -p 80,8080 10.0.0.2 | ports)" "80/tcp closed 8080/tcp open "
fi

# ---- what is thrown at it does no harm
attack() { # name, address to ask, command...
    local name=$1 address=$2
    shift 2
    timeout 8 "$@" >"$work/attack" 2>&1
    answers "$address" || check "answers after $name" no yes
}
if command -v hping3 >/dev/null; then
    flood=(hping3 -q -n -i u200 -c 5000)
    attack "SYNs from anywhere" 10.0.0.2 "${flood[@]}" -I v0 --rand-source -S -p 8080 10.0.0.2
    attack "LAND" 10.0.0.2 "${flood[@]}" -a 10.0.0.2 -s 8080 -k -S -p 8080 10.0.0.2
    attack "every flag" 10.0.0.2 "${flood[@]}" -SFRPAUXY -p 8080 10.0.0.2
    attack "no flag" 10.0.0.2 "${flood[@]}" -p 8080 10.0.0.2
    attack "tiny fragments" 10.0.0.2 "${flood[@]}" -f -S -d 64 -p 8080 10.0.0.2
    attack "fragments that never end" 10.0.0.2 "${flood[@]}" -x -g 8 -2 -d 400 -p 9 10.0.0.2
    attack "echo requests of 1,400 bytes" 10.0.0.2 "${flood[@]}" -1 -d 1400 10.0.0.2
    attack "false checksums" 10.0.0.2 "${flood[@]}" -b -S -p 8080 10.0.0.2
    attack "bad data offset" 10.0.0.2 "${flood[@]}" -O 15 -S -p 8080 10.0.0.2
    attack "UDP everywhere" 10.0.0.2 "${flood[@]}" -2 -p ++1 10.0.0.2
    attack "unreachables" 10.0.0.2 "${flood[@]}" -1 -C 3 -K 3 10.0.0.2
    attack "every protocol" 10.0.0.2 hping3 -q -n -i u2000 -c 500 -0 --ipproto 132 -d 100 10.0.0.2
fi
if command -v atk6-alive6 >/dev/null; then
    check alive6 "$(timeout 20 atk6-alive6 v0 fd00::2 2>/dev/null | grep -c 'Alive: fd00::2')" 1
    attack fragmentation6 '[fd00::2]' atk6-fragmentation6 v0 fd00::2
    attack implementation6 '[fd00::2]' atk6-implementation6 v0 fd00::2
    for kind in 1 2 3 4 5 6 7; do attack "denial6 $kind" '[fd00::2]' timeout 1 atk6-denial6 v0 fd00::2 $kind; done
    attack thcsyn6 '[fd00::2]' timeout 1 atk6-thcsyn6 v0 fd00::2 8080
    attack flood_router26 '[fd00::2]' timeout 1 atk6-flood_router26 v0
    attack flood_advertise6 '[fd00::2]' timeout 1 atk6-flood_advertise6 v0
    attack flood_solicitate6 '[fd00::2]' timeout 1 atk6-flood_solicitate6 v0 fd00::2
    attack flood_redir6 '[fd00::2]' timeout 1 atk6-flood_redir6 v0 fd00::2
    attack flood_unreach6 '[fd00::2]' timeout 1 atk6-flood_unreach6 v0 fd00::2
    attack ndpexhaust26 '[fd00::2]' timeout 1 atk6-ndpexhaust26 v0 fd00::
    attack toobig6 '[fd00::2]' atk6-toobig6 v0 fd00::2 fd00::1 1280
    attack randicmp6 '[fd00::2]' timeout 3 atk6-randicmp6 v0 fd00::2
    attack kill_router6 '[fd00::2]' timeout 1 atk6-kill_router6 v0 '*'
fi
check "still running" "$(kill -0 $server && echo yes)" yes
wait $download
check "the download that went on meanwhile" "$? $(cmp "$work/got" "$work/www/file" && echo same)" "0 same"
# What each flood may leave is bounded: neighbours, half-open connections.
neighbours=$("$AKSU" status --dev packet:v1 network | grep -c '^neighbour')
check "neighbours are bounded ($neighbours)" "$((neighbours <= 1024))" 1
kill $server
wait $server
check ended $? 0
[ $failed = 0 ] && echo ok
exit $failed
