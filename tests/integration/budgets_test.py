#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one client, or a thousand, may take of the server: connections, memory, time. The bounds hold, those who stay within them are
served meanwhile, and whatever was taken comes back."""
import contextlib
import resource
import socket
import time

from sluicetest import TLS, Server, check, done, equal, poll, skip

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


def is_closed(sock):
    """Whether the server has closed it; what it said before is thrown away."""
    sock.settimeout(0.01)
    try:
        while sock.recv(65536):
            pass
        return True
    except (socket.timeout, TimeoutError):
        return False
    except OSError:
        return True


def close_all(socks):
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.close()


def open_socket(server):
    return socket.create_connection((server.host, server.port), timeout=30)


def plain_body(size):
    return bytes(range(256)) * (size // 256)


# ---- Connections ----

def bound_of_connections():
    server = Server(args=["--max-connections", "40", "--workers", "2"])
    equal(server.request("PUT", "/raw")[0], 200, "a server of 40 connections")
    socks = []
    for _ in range(40):
        socks.append(open_socket(server))
        time.sleep(0.01)
    time.sleep(1.2)
    for index in range(10):
        status, _, _ = server.request("GET", "/-/healthy")
        if status != 200:
            break
    equal((status, index), (200, 9), "newcomers get in while all of them are taken by idle ones")
    gone = [index for index, sock in enumerate(socks) if is_closed(sock)]
    check(1 <= len(gone) <= 12, "idle ones made room", f"{gone}")
    check(all(index < 30 for index in gone), "those that were idle for longest", f"{gone}")
    check("as many as may be" in server.log_text(), "the log says that there was no room")
    equal(server.log_text().count("as many as may be"), 1, "once")
    close_all(socks)
    check(server.stop(), "it ends with status 0")


def bound_of_busy_connections():
    """Requests under way are not closed for others: who comes waits until one of them has ended."""
    server = Server(args=["--max-connections", "20", "--workers", "2"])
    equal(server.request("PUT", "/raw")[0], 200, "a server of 20 connections")
    socks = [open_socket(server) for _ in range(20)]
    for index, sock in enumerate(socks):
        sock.sendall(b"PUT /raw/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" % index + b"y" * 100_000)
    time.sleep(1.5)
    waiting = open_socket(server)
    waiting.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    check(not is_closed(waiting), "one more waits while all have a request under way")
    check(not any(is_closed(sock) for sock in socks), "none of which is closed")
    for sock in socks:
        sock.settimeout(30)
        sock.sendall(b"y" * 100_000)
    answers = [sock.recv(12) for sock in socks]
    equal(answers, [b"HTTP/1.1 200"] * 20, "all are stored")
    waiting.settimeout(30)
    equal(waiting.recv(12), b"HTTP/1.1 200", "then it is served")
    close_all(socks + [waiting])
    check(server.stop(), "it ends with status 0")


def blobs_at_the_bound():
    """The default leaves descriptors: with as many connections as there may be, objects can be read and stored."""
    server = Server(args=["--workers", "2"], descriptors=300)
    equal(server.request("PUT", "/raw")[0], 200, "a server of 300 descriptors")
    body = plain_body(200_192)
    for name in range(30):
        server.request("PUT", f"/raw/{name}", body)
    socks = []
    for _ in range(400):
        with contextlib.suppress(OSError):
            socks.append(socket.create_connection((server.host, server.port), timeout=5))
    time.sleep(1.2)
    wrong = []
    for name in range(30):
        status, _, got = server.request("GET", f"/raw/{name}", timeout=10)
        if (status, got) != (200, body):
            wrong.append((name, status))
        status, _, _ = server.request("PUT", f"/raw/new-{name}", body, timeout=10)
        if status != 200:
            wrong.append((f"new-{name}", status))
    equal(wrong, [], "objects are read and stored beside 400 connections")
    check(server.log_text().count("cannot accept") <= 10, "the log is not filled", f"{server.log_text().count('cannot accept')} lines")
    close_all(socks)
    check(server.stop(), "it ends with status 0")


def bound_of_an_address():
    server = Server(args=["--max-connections-per-address", "10", "--workers", "2"])
    socks = [open_socket(server) for _ in range(30)]
    poll(lambda: sum(is_closed(sock) for sock in socks) >= 20, 5)
    equal(sum(is_closed(sock) for sock in socks), 20, "of 30 connections of an address that may have 10, 20 are closed")
    other = socket.socket()
    other.bind(("127.0.0.2", 0))
    other.settimeout(10)
    other.connect((server.host, server.port))
    other.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    if not TLS:
        equal(other.recv(12), b"HTTP/1.1 200", "another address is served")
    close_all(socks + [other])
    check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200, 5), "who closes may open again")
    check(server.stop(), "it ends with status 0")


for part in (bound_of_connections, bound_of_busy_connections, blobs_at_the_bound, bound_of_an_address):
    if TLS and part in (bound_of_busy_connections,):
        skip(part.__name__, "it speaks over raw sockets")
        continue
    began = time.monotonic()
    part()
    print(f"# {part.__name__}: {time.monotonic() - began:.1f} s")
done()
