#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients that pipeline requests as fast as they are answered must not keep a worker from others. How long somebody waits is counted in
requests that others had served meanwhile, which no slow machine changes."""
import multiprocessing
import os
import re
import select
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import Server, check, content_md5, done, equal, poll

PROCESSES, CONNECTIONS, PROBES = 2, 25, 20
# A probe needs a few turns of the loop: to be accepted, to be read, to be answered. In each, every other connection has its turn.
REQUESTS_A_TURN = PROCESSES * CONNECTIONS * 16
WAIT_MAX = 10 * REQUESTS_A_TURN


def pipeline(port, request, stop):
    """Keeps all connections busy: what is read is dropped, what can be sent is sent."""
    batch = request * 500
    sockets = []
    for _ in range(CONNECTIONS):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        sockets.append(sock)
    unsent = {sock: b"" for sock in sockets}
    while not stop.is_set():
        readable, writable, _ = select.select(sockets, sockets, [], 0.1)
        for sock in readable:
            sock.recv(1 << 20)
        for sock in writable:
            unsent[sock] = unsent[sock] or batch
            unsent[sock] = unsent[sock][sock.send(unsent[sock]):]


def requests_served(server):
    """As one more client sees it, on a connection of its own."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        sock.sendall(b"GET /-/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        text = b"".join(iter(lambda: sock.recv(65536), b""))
    return int(re.search(rb"^sluice_http_requests_total (\d+)", text, re.M).group(1))


def probe(server, request, name):
    stop = multiprocessing.Event()
    clients = [multiprocessing.Process(target=pipeline, args=(server.port, request, stop), daemon=True) for _ in range(PROCESSES)]
    for client in clients:
        client.start()
    waits = []
    try:
        begun = before = requests_served(server)
        busy = poll(lambda: requests_served(server) > begun + 10 * CONNECTIONS)
        before = requests_served(server)
        for _ in range(PROBES):
            now = requests_served(server)
            waits.append(now - before)
            before = now
    except (socket.timeout, AttributeError) as error:
        busy, waits = True, [WAIT_MAX, f"no answer: {error}"]
    finally:
        stop.set()
        for client in clients:
            client.join()
    check(busy, f"the worker is busy with {name}")
    check(all(isinstance(wait, int) and wait < WAIT_MAX for wait in waits), "others are served meanwhile", repr(waits))


def main():
    server = Server(args=["--workers", "1"])
    for path, body in (("/turns", b""), ("/turns/small", b"s" * 1000), ("/turns/large", b"l" * 3_000_000)):
        equal(server.request("PUT", path, body)[0], 200, f"PUT {path}")
    head = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    probe(server, b"GET /turns/small" + head, "50 connections that pipeline small GETs")
    probe(server, b"GET /turns/missing" + head, "50 connections that pipeline GETs of nothing")
    probe(server, b"GET /turns/large" + head, "50 connections that pipeline large GETs")
    keys = b"".join(b"<Object><Key>k%d</Key></Object>" % n for n in range(1000))
    document = b"<Delete>" + keys + b"</Delete>"
    status, _, body = server.request("POST", "/turns?delete", document, content_md5(document))
    equal((status, body.count(b"<Deleted>"), body.count(b"<Key>k999</Key>")), (200, 1000, 1), "1,000 keys of one request, in several turns")
    check(server.stop(), "the server ends cleanly")
    done()


main()
