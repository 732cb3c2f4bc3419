#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A GET that is slow, while its object is overwritten and deleted a hundred times, receives the whole old body; and the
space of the replaced bodies is given back while it runs and after."""
import hashlib
import os
import socket
import time

from sluicetest import Server, check, done, equal, pattern_file, sha256_file

SIZE = 64 << 20
server = Server(args=["--durability", "relaxed"])
path = pattern_file("old", SIZE)
equal(server.request("PUT", "/slow")[0], 200, "the bucket is created")
with open(path, "rb") as body:
    equal(server.request("PUT", "/slow/object", body=body, headers={"Content-Length": str(SIZE)})[0], 200, "the old body is stored")

sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
sock.connect((server.host, server.port))
sock.sendall(b"GET /slow/object HTTP/1.1\r\nHost: localhost\r\n\r\n")
received = b""
while b"\r\n\r\n" not in received:
    received += sock.recv(4096)
head, _, rest = received.partition(b"\r\n\r\n")
check(b" 200 " in head.split(b"\r\n")[0], "the slow GET begins")
digest = hashlib.sha256(rest)
count = len(rest)

connection = server.connect()


def ask(method, body=None):
    connection.request(method, "/slow/object", body=body)
    response = connection.getresponse()
    response.read()
    return response.status


statuses = set()
for turn in range(100):
    statuses.add(ask("PUT", os.urandom(100_000)))
    if turn % 2:
        statuses.add(ask("DELETE"))
    block = sock.recv(65536)
    digest.update(block)
    count += len(block)
equal(statuses, {200, 204}, "a hundred overwrites and fifty deletes succeed meanwhile")
equal(ask("GET"), 404, "the object is deleted for everybody else")
while count < SIZE:
    block = sock.recv(1 << 20)
    if not block:
        break
    digest.update(block)
    count += len(block)
equal(count, SIZE, "the slow GET receives every byte")
equal(digest.hexdigest(), sha256_file(path), "and they are the old body's")
sock.close()


def stored_bytes():
    total = 0
    for folder, _, files in os.walk(os.path.join(server.data, "blobs")):
        for name in set(files) - {"SEQUENCE"} if not folder.endswith("chronicle") else ():
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return total


deadline = time.monotonic() + 120
while stored_bytes() > 0 and time.monotonic() < deadline:
    time.sleep(0.1)
check(stored_bytes() == 0, "nothing of all those bodies is left on disk", f"{stored_bytes()} bytes left")
check(server.stop(), "the server ends with status 0")
done()
