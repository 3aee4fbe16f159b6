"""The kernel's side of a connection, for scripts that need an exact one: netcat ends when the first direction does.

usage: _socket_peer.py listen|connect HOST PORT ORDER SEND_FILE RECEIVE_FILE

ORDER: both         sends and receives at once
       first        sends, ends its direction, and then receives
       last         receives up to the peer's end, and then sends
"""

import socket
import sys
import threading
import time


def open_peer(how, host, port):
    if how == "listen":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as listener:
            listener.settimeout(30)
            return listener.accept()[0]
    for _ in range(100):
        try:
            return socket.create_connection((host, port), timeout=30)
        except OSError:
            time.sleep(0.05)
    sys.exit("no connection")


def send(peer, path):
    with open(path, "rb") as file:
        peer.sendfile(file)
    peer.shutdown(socket.SHUT_WR)


def receive(peer, path):
    with open(path, "wb") as file:
        while data := peer.recv(1 << 18):
            file.write(data)


def main():
    how, host, port, order, to_send, received = sys.argv[1:]
    peer = open_peer(how, host, int(port))
    peer.settimeout(60)
    if order == "first":
        send(peer, to_send)
        time.sleep(0.3)
        receive(peer, received)
    elif order == "last":
        receive(peer, received)
        time.sleep(0.3)
        send(peer, to_send)
    else:
        sender = threading.Thread(target=send, args=(peer, to_send))
        sender.start()
        receive(peer, received)
        sender.join()
    peer.close()


main()
