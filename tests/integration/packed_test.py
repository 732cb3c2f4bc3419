#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small objects share files. Slow readers of one receive whole bodies while it is overwritten and deleted, and its space comes
back; `sluice check` sees a byte that changed in the middle of a shared file, and says whose it is."""
import contextlib
import hashlib
import os
import random
import re
import socket
import time

from sluicetest import Server, blob_files, check, done, equal, run, SLUICE

SIZE, READERS, REQUESTS, OVERWRITES = 60 << 10, 4, 120, 60
random.seed(1)
server = Server(args=["--durability", "relaxed"])
equal(server.request("PUT", "/packed")[0], 200, "the bucket is created")
bodies = [random.randbytes(SIZE) for _ in range(OVERWRITES + 1)]
equal(server.request("PUT", "/packed/key", body=bodies[0])[0], 200, "the first body is stored")
neighbours = {f"n{number}": random.randbytes(5000 + number) for number in range(20)}

# More answers are asked for than any buffer holds: the server stands in the middle of one while everything changes.
readers = []
for _ in range(READERS):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.connect((server.host, server.port))
    sock.settimeout(30)
    sock.sendall(b"GET /packed/key HTTP/1.1\r\nHost: localhost\r\n\r\n" * REQUESTS)
    readers.append(sock)
for sock in readers:
    sock.recv(1, socket.MSG_PEEK)  # it has begun

connection = server.connect()


def ask(method, key, body=None):
    connection.request(method, f"/packed/{key}", body=body)
    response = connection.getresponse()
    return response.status, response.read()


statuses = set()
for number, body in enumerate(bodies[1:]):
    statuses.add(ask("PUT", "key", body)[0])
    name = f"n{number % len(neighbours)}"
    statuses.add(ask("PUT", name, neighbours[name])[0])
    time.sleep(0.002)  # passes of the reclaimer come in between
statuses.add(ask("DELETE", "key")[0])
equal(statuses, {200, 204}, f"{OVERWRITES} overwrites and a delete succeed meanwhile")


def read_answers(sock):
    """(status, ETag, body) of every answer."""
    data, answers = b"", []
    while len(answers) < REQUESTS:
        while b"\r\n\r\n" not in data:
            block = sock.recv(1 << 16)
            if not block:
                return answers
            data += block
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(data) < length:
            block = sock.recv(1 << 16)
            if not block:
                return answers
            data += block
        tag = re.search(rb'(?i)etag: *"(\w+)"', head)
        answers.append((int(head.split()[1]), tag[1].decode() if tag else None, data[:length]))
        data = data[length:]
    return answers


sent = {hashlib.md5(body).hexdigest() for body in bodies}
wrong, whole, count = [], 0, 0
for sock in readers:
    answers = read_answers(sock)
    count += len(answers)
    for status, tag, body in answers:
        if status == 404:
            continue
        digest = hashlib.md5(body).hexdigest()
        whole += 1
        if status != 200 or digest != tag or digest not in sent:
            wrong.append((status, tag, digest, len(body)))
    sock.close()
equal(count, READERS * REQUESTS, "every request of the slow readers is answered")
equal(wrong, [], "each body is one that was sent, whole, and has its ETag")
check(whole > 0, "bodies were read", f"{whole} of {count}")
for name, body in neighbours.items():
    if ask("GET", name) != (200, body):
        wrong.append(name)
equal(wrong, [], "the objects beside it are unharmed")


def data_bytes():
    """Bytes outside of holes in all segments, heads left out. None: one was removed meanwhile."""
    total = 0
    for path in blob_files(server.data)[1]:
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(open(path, "rb"))
            except FileNotFoundError:
                return None
            at = 0
            while True:
                try:
                    begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
                except OSError:  # nothing but a hole follows
                    break
                at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
                total += at - begin
        total -= 4096
    return total


check(server.stop(), "the server ends with status 0")
server = Server(data=server.data)  # works off what closing left
want = sum((len(body) + 4095) // 4096 * 4096 for body in neighbours.values())
deadline = time.monotonic() + 120
while data_bytes() != want and time.monotonic() < deadline:
    time.sleep(0.1)
equal(data_bytes(), want, "what is left on disk is what the others take")

# ---- A byte changes ----

check(server.stop(), "the second server ends with status 0")
equal(blob_files(server.data)[0], [], "no small object has a file of its own")


def change_byte(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ 1]))


def find(body):
    for path in blob_files(server.data)[1]:
        with open(path, "rb") as file:
            at = file.read().find(body)
        if at >= 0:
            return path, at
    raise AssertionError("the body is in no segment")


status, output = run([SLUICE, "check", "--data", server.data])
equal(status, 0, "sluice check finds nothing wrong")
path, begin = find(neighbours["n7"])
equal(begin % 4096, 0, "a packed body begins at a block")
check(begin > 0, "behind the head of its segment")
change_byte(path, begin + 2500)
status, output = run([SLUICE, "check", "--data", server.data])
check(status != 0 and "n7" in output, "a byte changed: sluice check says whose", output)
check(not re.search(r"\bn(?!7\b)\d+", output), "and names no other object", output)
change_byte(path, begin + 2500)
status, output = run([SLUICE, "check", "--data", server.data])
equal(status, 0, "changed back, it finds nothing wrong")
done()
