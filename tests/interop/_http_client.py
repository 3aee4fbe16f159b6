"""The kernel's side of http.sh: raw requests over the kernel's sockets, and what aksu serve must answer.

Sends to the TUN device of the aksu process that it started, inside the namespace that http.sh made.
"""

import atexit
import email.utils
import os
import select
import signal
import socket
import subprocess
import sys
import time

WORK = sys.argv[1]
WWW = os.path.join(WORK, "www")
HOST = "192.0.2.2"
AKSU = os.environ["AKSU"]
failures = []


def check(what, got, wanted):
    if got != wanted:
        failures.append(what)
        print(f"FAILED {what}: got {got!r}, wanted {wanted!r}")


class Server:
    def __init__(self, directory, *options):
        self.process = subprocess.Popen([AKSU, "serve", "--quiet", "--writable", *options, directory], stderr=subprocess.PIPE)
        atexit.register(self.process.kill)  # nothing stays behind, however this ends
        for _ in range(100):
            try:
                Client().close()
                return
            except OSError:
                if self.process.poll() is not None:
                    print(self.process.stderr.read().decode(), end="")
                    sys.exit(77)
                time.sleep(0.05)
        sys.exit("aksu serve does not answer")

    def end(self):
        """Answers the exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        self.process.stderr.close()
        return status

    def counters(self):
        return subprocess.run([AKSU, "status", "counters"], capture_output=True, text=True, check=True).stdout

    def settle(self, text):
        """Waits until the counters say so."""
        for _ in range(100):
            if text in self.counters():
                return True
            time.sleep(0.05)
        return False


class Client:
    def __init__(self, receive_bytes=None):
        self.sock = socket.socket()
        self.sock.settimeout(20)
        if receive_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.connect((HOST, 8080))
        self.got = bytearray()

    def send(self, text):
        self.sock.sendall(text.encode() if isinstance(text, str) else text)
        return self

    def fill(self):
        data = self.sock.recv(1 << 16)
        self.got += data
        return bool(data)

    def answer(self, head_only=False):
        """The next answer: status, headers, body."""
        while b"\r\n\r\n" not in self.got:
            if not self.fill():
                return None, {}, bytes(self.got)
        head, self.got = self.got.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = 0 if head_only or status in (100, 204, 304) else int(headers["content-length"])
        while len(self.got) < length and self.fill():
            pass
        body, self.got = self.got[:length], self.got[length:]
        return status, headers, bytes(body)

    def closed(self):
        """Our side sees a FIN, with nothing before it."""
        return not self.got and self.sock.recv(1) == b""

    def close(self):
        self.sock.close()


def request(text, head_only=False):
    client = Client()
    result = client.send(text).answer(head_only)
    client.close()
    return result


def get(path, *headers, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: a", "Connection: close", *headers]
    return request("\r\n".join(lines) + "\r\n\r\n", head_only=method == "HEAD")


def put_head(path, length, *headers):
    return "\r\n".join([f"PUT {path} HTTP/1.1", "Host: a", f"Content-Length: {length}", *headers]) + "\r\n\r\n"


def parts_left(directory):
    return [name for _, _, names in os.walk(directory) for name in names if name.endswith(".part")]


def test_refusals():
    refused = {
        "climbing": (put_head("/../escaped", 1 << 30), 403),
        "method": ("POST /digits HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 405),
        "too large": (put_head("/big", 200_000_000), 413),
        "no space": (put_head("/big", 1 << 60), 413),
        "a directory": (put_head("/", 100), 409),
        "no such directory": (put_head("/none/file", 100), 404),
        "a part": (put_head("/digits", 100, "Content-Range: bytes 0-99/200"), 400),
        "only if new": (put_head("/digits", 100, "If-None-Match: *"), 412),
        "only if there": (put_head("/new", 100, "If-Match: *"), 412),
        "expectation": (put_head("/new", 100, "Expect: miracles"), 417),
        "coding": ("PUT /new HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    }
    for what, (head, wanted) in refused.items():
        client = Client()
        status, headers, _ = client.send(head).answer()  # not one byte of the body was sent
        check(f"refused at once: {what}", status, wanted)
        check(f"refused at once: {what}: connection", headers.get("connection"), "close")
        check(f"refused at once: {what}: FIN", client.closed(), True)
        client.close()
    client = Client()
    status, _, _ = client.send(put_head("/../escaped", 1000, "Expect: 100-continue")).answer()
    check("no 100 before a refusal", status, 403)
    client.close()
    # The whole body is sent before the answer is read: it must not be lost to a reset.
    client = Client()
    client.send(put_head("/../escaped", 30_000_000))
    for _ in range(30):
        client.send(bytes(1_000_000))
    check("answer after a body that was not wanted", client.answer()[0], 403)
    check("answer after a body that was not wanted: FIN", client.closed(), True)
    client.close()
    # Chunked: too large is only seen on the way.
    client = Client().send("PUT /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(12):
        client.send(b"f4240\r\n" + bytes(1_000_000) + b"\r\n")
    check("too large on the way", client.answer()[0], 413)
    client.close()


def test_uploads():
    client = Client().send(put_head("/up", 5, "Expect: 100-continue"))
    check("100 Continue", client.answer()[0], 100)
    check("then the answer", client.send("12345").answer()[0], 201)
    # On the same connection, the file is there with the old content until the new one is complete.
    client.send(put_head("/up", 6) + "abc")
    time.sleep(0.2)
    check("old content meanwhile", get("/up")[2], b"12345")
    check("replaced", client.send("def").answer()[0], 204)
    check("new content", get("/up")[2], b"abcdef")
    client.send(put_head("/up", 100) + "half of it")
    client.close()
    time.sleep(0.3)
    check("half an upload changes nothing", get("/up")[2], b"abcdef")
    check("and leaves nothing", parts_left(WWW), [])
    tag = get("/up")[1]["etag"]
    check("If-Match", request(put_head("/up", 1, f"If-Match: {tag}") + "x")[0], 204)
    check("If-Match of the old", request(put_head("/up", 1, f"If-Match: {tag}") + "x")[0], 412)
    os.symlink("/etc/hostname", f"{WWW}/link")
    check("a link is replaced, not followed", request(put_head("/link", 3) + "abc")[0], 204)
    check("a link is replaced", open(f"{WWW}/link").read(), "abc")


def test_conditions():
    status, headers, _ = get("/digits")
    tag, date = headers["etag"], headers["last-modified"]
    when = email.utils.parsedate_to_datetime(date)
    earlier = email.utils.formatdate(when.timestamp() - 100, usegmt=True)
    later = email.utils.formatdate(when.timestamp() + 100, usegmt=True)
    rfc850 = when.strftime("%A, %d-%b-%y %H:%M:%S GMT")
    asctime = when.strftime("%a %b ") + f"{when.day:2}" + when.strftime(" %H:%M:%S %Y")
    for what, header, wanted in [
        ("tag", f"If-None-Match: {tag}", 304),
        ("weak", f"If-None-Match: W/{tag}", 304),
        ("list", f'If-None-Match: "a", W/"b" ,{tag}', 304),
        ("two headers", f'If-None-Match: "a"\r\nIf-None-Match: {tag}', 304),
        ("star", "If-None-Match: *", 304),
        ("other", 'If-None-Match: "a", "b"', 200),
        ("space", f"If-None-Match: {tag} \t", 304),
        ("date", f"If-Modified-Since: {date}", 304),
        ("later", f"If-Modified-Since: {later}", 304),
        ("earlier", f"If-Modified-Since: {earlier}", 200),
        ("RFC 850", f"If-Modified-Since: {rfc850}", 304),
        ("asctime", f"If-Modified-Since: {asctime}", 304),
        ("no date", "If-Modified-Since: yesterday", 200),
        ("tag before date", f'If-None-Match: "a"\r\nIf-Modified-Since: {date}', 200),
        ("If-Match", f"If-Match: {tag}", 200),
        ("If-Match weak", f"If-Match: W/{tag}", 412),
        ("If-Match other", 'If-Match: "a"', 412),
        ("unmodified", f"If-Unmodified-Since: {date}", 200),
        ("unmodified since earlier", f"If-Unmodified-Since: {earlier}", 412),
    ]:
        for method in ("GET", "HEAD"):
            check(f"condition {method}: {what}", get("/digits", header, method=method)[0], wanted)
    check("304 tells the tag", get("/digits", f"If-None-Match: {tag}")[1].get("etag"), tag)
    time.sleep(1.1)  # the date is a strong validator only after its second
    for what, header, wanted in [
        ("tag", tag, (206, b"23")),
        ("weak tag", f"W/{tag}", (200, b"0123456789\n")),
        ("other tag", '"a"', (200, b"0123456789\n")),
        ("date", date, (206, b"23")),
        ("earlier", earlier, (200, b"0123456789\n")),
        ("later", later, (200, b"0123456789\n")),
        ("nonsense", "nonsense", (200, b"0123456789\n")),
    ]:
        status, _, body = get("/digits", "Range: bytes=2-3", f"If-Range: {header}")
        check(f"If-Range: {what}", (status, body), wanted)


def test_ranges():
    whole = (200, b"0123456789\n")
    for text, wanted in [
        ("bytes=0-0", (206, b"0")),
        ("Bytes=9-", (206, b"9\n")),
        ("bytes=-4", (206, b"789\n")),
        ("bytes=-100", (206, b"0123456789\n")),
        ("bytes=5-99999999999999999999999", (206, b"56789\n")),
        ("bytes=0-2,5-6", whole),
        ("bytes=0-2, -1", whole),
        ("bytes=3-2", whole),
        ("bytes=-", whole),
        ("bytes= 1-2", whole),
        ("bytes=+1-2", whole),
        ("lines=1-2", whole),
        ("bytes=11-", (416, b"")),
        ("bytes=-0", (416, b"")),
        ("bytes=99999999999999999999999-", (416, b"")),
    ]:
        status, _, body = get("/digits", f"Range: {text}")
        check(f"range {text}", (status, body), wanted)
    check("range of nothing", get("/empty", "Range: bytes=0-")[0], 416)
    check("416 tells the size", get("/digits", "Range: bytes=99-")[1]["content-range"], "bytes */11")
    status, headers, _ = get("/digits", "Range: bytes=1-2", method="HEAD")
    check("a range is of GET only", (status, headers["content-length"]), (200, "11"))


def test_head():
    for path in ("/digits", "/none", "/../x", "/empty"):
        got, asked = get(path), get(path, method="HEAD")
        same = ("content-length", "content-type", "etag")
        check(f"HEAD {path}", (asked[0], [asked[1].get(k) for k in same]), (got[0], [got[1].get(k) for k in same]))
    client = Client().send("HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n" "GET /digits HTTP/1.1\r\nHost: a\r\n\r\n")
    client.answer(head_only=True)
    check("HEAD has no body", client.answer()[2], b"0123456789\n")
    client.close()


def test_protocol():
    for what, text, wanted in [
        ("nonsense", "nonsense\r\n\r\n", 400),
        ("upper-case nonsense", "NONSENSE\r\n\r\n", 400),
        ("unknown method", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("known method", "DELETE /digits HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("version 0.9", "GET / HTTP/0.9\r\n\r\n", 505),
        ("version 1.0", "GET /digits HTTP/1.0\r\n\r\n", 200),
        ("no Host", "GET /digits HTTP/1.1\r\n\r\n", 400),
        ("two Hosts", "GET /digits HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("absolute form", "GET http://a/digits HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("upgrade", "GET /digits HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
        ("both lengths", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("two lengths", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        ("bad length", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400),
        ("bad chunk", "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("bad escape", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("long path", f"GET /{'a' * 2000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("very long path", f"GET /{'a' * 100000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("long name", f"GET /{'a' * 300} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("long header", f"GET / HTTP/1.1\r\nHost: a\r\nX: {'a' * 100000}\r\n\r\n", 431),
        ("many headers", "GET / HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 10000 + "\r\n", 431),
        ("long list", f"GET /digits HTTP/1.1\r\nHost: a\r\nIf-Match: {'a' * 3000}\r\n\r\n", 431),
        ("half a list twice", "GET /digits HTTP/1.1\r\nHost: a\r\n" + f"If-Match: {'a' * 1000}\r\n" * 3 + "\r\n", 431),
    ]:
        check(f"protocol: {what}", request(text)[0], wanted)
        client = Client()
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(text) < 500:
            for byte in text:
                client.send(byte)
            check(f"protocol: {what}, byte by byte", client.answer()[0], wanted)
        client.close()


def test_connections():
    ask = "GET /digits HTTP/1.1\r\nHost: a\r\n\r\n"
    client = Client().send(ask * 500 + ask.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n") + ask)
    answers = 0
    while (got := client.answer())[0] == 200 and got[2] == b"0123456789\n":
        answers += 1
    check("pipelined, up to Connection: close", answers, 501)
    client.close()
    client = Client().send(ask.replace("1.1", "1.0"))
    check("HTTP/1.0 is closed after the answer", (client.answer()[0], client.closed()), (200, True))
    client.close()
    client = Client().send(ask.replace("1.1", "1.0").replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n"))
    check("HTTP/1.0 kept", (client.answer()[1]["connection"], client.send(ask).answer()[0]), ("keep-alive", 200))
    client.close()
    client = Client().send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
    client.sock.shutdown(socket.SHUT_WR)
    check("half-closed by the client, answered in full", len(client.answer()[2]), 8_000_000)
    check("and closed", client.closed(), True)
    client.close()


def test_shrinking(server):
    with open(f"{WWW}/shrinks", "wb") as file:
        file.truncate(200_000_000)
    client = Client(receive_bytes=4096).send("GET /shrinks HTTP/1.1\r\nHost: a\r\n\r\n")
    client.fill()
    os.truncate(f"{WWW}/shrinks", 1000)
    try:
        while client.fill():
            pass
        how = "closed"
    except ConnectionResetError:
        how = "reset"
    check("a file that shrinks ends the connection", how, "reset")
    client.close()
    check("and leaves nothing", server.settle("in use: connections 0, half-open 0"), True)
    held = [os.readlink(f"/proc/{server.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.process.pid}/fd")]
    check("nor an open file", [name for name in held if "shrinks" in name], [])


def test_disk(directory):
    server = Server(directory)
    check("no space for what is announced", request(put_head("/big", 100_000_000))[0], 507)
    client = Client().send("PUT /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(8):
        client.send(b"f4240\r\n" + bytes(1_000_000) + b"\r\n")
    check("the disk is full on the way", client.answer()[0], 507)
    client.close()
    check("and is freed", os.listdir(directory), [])
    check("still serving", request(put_head("/small", 3) + "abc")[0], 201)
    server.end()


def test_time_limits():
    server = Server(WWW, "--idle-timeout", "1", "--header-timeout", "1", "--transfer-timeout", "2")
    client = Client()
    check("idle from the start: FIN", client.closed(), True)
    client.close()
    client = Client().send("GET /digits HTTP/1.1\r\nHost: a\r\n\r\n")
    check("idle after an answer: FIN", (client.answer()[0], client.closed()), (200, True))
    client.close()
    client = Client()
    try:
        for byte in "GET /digits HTTP/1.1\r\nX: " + "y" * 100:  # each byte in time, the head never
            client.send(byte)
            time.sleep(0.05)
    except OSError:
        pass
    check("slow head", client.answer()[0], 408)
    client.close()
    client = Client().send(put_head("/slow", 1000))
    for _ in range(100):  # it never stops, and is too slow all the same
        client.send("x")
        if select.select([client.sock], [], [], 0.1)[0]:
            break
    else:
        check("slow body", "still taken", "given up")
    check("slow body", client.answer()[0], 408)
    check("slow body: nothing left", parts_left(WWW), [])
    client.close()
    client = Client().send(put_head("/steady", 60_000))
    for _ in range(60):  # longer than the limit, but fast enough
        client.send(bytes(1000))
        time.sleep(0.05)
    check("steady body", client.answer()[0], 201)
    client.close()
    with open(f"{WWW}/large", "wb") as file:
        file.truncate(200_000_000)
    client = Client(receive_bytes=4096).send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    check("a peer that reads nothing is given up", server.settle("in use: connections 0, half-open 0"), True)
    client.close()
    check("end", server.end(), 0)


def test_signals():
    server = Server(WWW)
    idle, busy = Client(), Client(receive_bytes=65536)
    idle.send("GET /digits HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.answer()
    busy.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    busy.fill()
    server.process.send_signal(signal.SIGTERM)
    check("stop: an idle connection gets a FIN", idle.closed(), True)
    try:
        Client()
        check("stop: no new connections", "connected", "refused")
    except ConnectionRefusedError:
        pass
    idle.close()
    status, _, body = busy.answer()
    check("stop: what was asked is answered in full", (status, len(body)), (200, 200_000_000))
    check("stop: then a FIN", busy.closed(), True)
    busy.close()
    check("stop: exit status", server.process.wait(20), 0)
    for what, options, signals in [("grace is over", ["--grace", "1"], [signal.SIGINT]),
                                   ("second signal", ["--grace", "600"], [signal.SIGINT, signal.SIGINT])]:
        server = Server(WWW, *options)
        client = Client().send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        client.fill()
        for number in signals:
            server.process.send_signal(number)
            time.sleep(0.1)
        try:
            while client.fill():
                time.sleep(0.01)  # too slow to be done in time
            how = "closed"
        except ConnectionResetError:
            how = "reset"
        check(f"{what}: reset", how, "reset")
        check(f"{what}: exit status", server.process.wait(20), 0)
        server.process.stderr.close()
        client.close()


def main():
    server = Server(WWW, "--upload-max", "10000000")
    test_refusals()
    test_uploads()
    test_conditions()
    test_ranges()
    test_head()
    test_protocol()
    test_connections()
    test_shrinking(server)
    check("nothing left", server.settle("in use: connections 0, half-open 0"), True)
    check("end", server.end(), 0)
    if "AKSU_TEST_DISK" in os.environ:
        test_disk(os.environ["AKSU_TEST_DISK"])
    test_time_limits()
    test_signals()
    sys.exit(1 if failures else 0)


main()
