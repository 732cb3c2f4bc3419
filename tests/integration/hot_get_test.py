#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small objects that are read again and again come out of memory; an answered change must show at once on every connection,
whichever worker it belongs to, and nobody may see an old body after somebody saw a newer one."""
import threading

from sluicetest import Server, check, done, equal, poll

CONNECTIONS, ROUNDS, READERS, OVERWRITES = 9, 60, 4, 400
server = Server(args=["--durability", "relaxed", "--workers", "3"])
equal(server.request("PUT", "/hot")[0], 200, "the bucket is created")


def ask(connection, method, path, body=None, headers=None):
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    return response.status, response.read()


def read_what_was_written(key, words):
    """Before each change every worker has read the object often enough to have it at hand."""
    stale, ranges, ghosts = [], [], []
    for number in range(ROUNDS):
        body = (f"{number:05} " * words).encode()
        if ask(connections[number % CONNECTIONS], "PUT", key, body)[0] != 200:
            stale.append(f"put {number}")
        for reading in range(4):
            stale += [(number, reading) for connection in connections if ask(connection, "GET", key) != (200, body)]
        for first, last in ((7, 19), (5, len(body) - 3)):
            ranges += [number for connection in connections
                       if ask(connection, "GET", key, headers={"Range": f"bytes={first}-{last}"}) != (206, body[first:last + 1])]
        if number % 10 == 9:
            ask(connections[number % CONNECTIONS], "DELETE", key)
            ghosts += [number for connection in connections if ask(connection, "GET", key)[0] != 404]
    equal(stale, [], f"every connection reads what was written last, of {6 * words} bytes")
    equal(ranges, [], "also ranges of it")
    equal(ghosts, [], "and nothing once it is deleted")


connections = [server.connect() for _ in range(CONNECTIONS)]
read_what_was_written("/hot/key", 700)
read_what_was_written("/hot/larger", 9000)  # whose pages go to the socket

# Readers beside a writer: what one of them saw, and what the writer was told, is the least that the next may see.
seen, lock, over, backwards, reads = [0], threading.Lock(), threading.Event(), [], [0] * READERS
ask(connections[0], "PUT", "/hot/race", b"0")


def reader(number):
    connection = server.connect()
    while not over.is_set():
        least = seen[0]
        status, body = ask(connection, "GET", "/hot/race")
        if status != 200 or int(body) < least:
            backwards.append((status, body, least))
            break
        with lock:
            seen[0] = max(seen[0], int(body))
        reads[number] += 1
    connection.close()


threads = [threading.Thread(target=reader, args=(number,)) for number in range(READERS)]
for thread in threads:
    thread.start()
poll(lambda: min(reads) > 0)
for number in range(1, OVERWRITES):
    ask(connections[0], "PUT", "/hot/race", str(number).encode())
    with lock:
        seen[0] = max(seen[0], number)
over.set()
for thread in threads:
    thread.join()
equal(backwards, [], "no reader goes back to an older body")
check(min(reads) > 0, "all of them read meanwhile", str(reads))
for connection in connections:
    connection.close()
check(server.stop(), "the server ends with status 0")
done()
