#!/usr/bin/env bash
# The kernel's curl against aksu serve: files compared by hash both ways, ranges, statuses, 100 connections at once.
. "$AKSU_SOURCE/tests/interop/_common.bash"
trap 'kill $server 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

ip link set lo up
mkdir "$work/www"
head -c 20000000 /dev/urandom >"$work/www/file"
echo 0123456789 >"$work/www/digits"
ln -s /etc/passwd "$work/www/climbs"
mkdir "$work/www/folder" && echo index >"$work/www/folder/index.html"
"$AKSU" serve --quiet --writable "$work/www" 2>"$work/errors" & server=$!
for _ in $(seq 100); do [ "$(code http://192.0.2.2:8080/digits)" = 200 ] && break; sleep 0.05; done
if ! kill -0 $server 2>/dev/null; then skip "$(cat "$work/errors")"; fi
url=http://192.0.2.2:8080

curl -s -m 60 -o "$work/got" $url/file
check download "$(hash "$work/got")" "$(hash "$work/www/file")"
check upload_status "$(code -T "$work/www/file" $url/up)" 201
check upload "$(hash "$work/www/up")" "$(hash "$work/www/file")"
check upload_again "$(code -T "$work/www/digits" $url/up)" 204
check upload_chunked "$(code -T - $url/chunks <"$work/www/file")" 201
check chunks "$(hash "$work/www/chunks")" "$(hash "$work/www/file")"
check no_part_left "$(find "$work/www" -name '*.part' | wc -l)" 0

check range "$(curl -s -r 2-4 $url/digits)" 234
check range_tail "$(curl -s -r -3 $url/digits)" "89"
check range_open "$(curl -s -r 8- $url/digits)" "89"
check range_status "$(code -r 2-4 $url/digits)" 206
check range_outside "$(code -r 100-200 $url/digits)" 416
check head "$(curl -s -I $url/digits | tr -d '\r' | grep -i content-length)" "Content-Length: 11"
check index "$(curl -s $url/folder)" index
check etag "$(code -H "If-None-Match: $(curl -s -I $url/digits | tr -d '\r' | sed -n 's/^ETag: //p')" $url/digits)" 304
check missing "$(code $url/nothing)" 404
check climbing "$(code --path-as-is $url/../../../etc/passwd)" 403
check climbing_encoded "$(code --path-as-is $url/%2e%2e/%2e%2e/etc/passwd)" 403
check climbing_link "$(code $url/climbs)" 403
check upload_climbing "$(code --path-as-is -T "$work/www/digits" $url/../escaped)" 403
check method "$(code -X DELETE $url/digits)" 405
check long_path "$(code "$url/$(head -c 3000 /dev/zero | tr '\0' a)")" 414
check keep_alive "$(curl -s -w '%{num_connects}' -o /dev/null $url/digits -o /dev/null $url/digits)" 10
check not_http "$(printf 'nonsense\r\n\r\n' | timeout 5 nc -N 192.0.2.2 8080 | head -1 | tr -d '\r')" "HTTP/1.1 400 Bad Request"

for i in $(seq 100); do curl -s -m 60 -o "$work/many$i" $url/file & pids[i]=$!; done
for i in $(seq 100); do wait "${pids[i]}"; done
check hundred "$(sha256sum "$work"/many* | cut -d' ' -f1 | sort | uniq -c | awk '{print $1}')" 100
check status "$("$AKSU" status | grep -c LISTEN)" 1
check nothing_left "$("$AKSU" status counters | grep -c "in use: connections 0, half-open 0, .* transfers 0, blocks 0")" 1
check refused "$(curl -s -m 5 http://192.0.2.2:81/; echo $?)" 7
check ping "$(ping -c 2 -s 1000 -W 2 192.0.2.2 | grep -c 'bytes from')" 2
exit $failed
