#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one client, or a thousand, may take of the server: connections, memory, time. The bounds hold, those who stay within them are
served meanwhile, and whatever was taken comes back."""
import contextlib
import hashlib
import json
import os
import re
import resource
import select
import socket
import threading
import time

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, TLS, Server, check, content_md5, done, equal, poll, run, scratch, skip

SANITIZED = run(["grep", "-qE", "__(asan|tsan)_init", SLUICE])[0] == 0 # then memory figures say nothing
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


def rss_kib(server):
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


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


def open_socket(server, source="127.0.0.1"):
    return socket.create_connection((server.host, server.port), timeout=30, source_address=(source, 0))


def metric(server, name):
    """One value of the metrics, by its whole name."""
    page = server.request("GET", "/-/metrics")[2].decode()
    found = re.search(r"^" + re.escape("sluice_http_" + name) + r" (\d+)$", page, re.MULTILINE)
    if not found or f"# HELP sluice_http_{name.split('{')[0]} " not in page:
        check(False, f"the metrics have {name}", page[-2000:])
    return int(found[1]) if found else -1


def refusals(server, reason):
    return metric(server, f'refusals_total{{reason="{reason}"}}')


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
    evicted = metric(server, "connections_evicted_total")
    check(len(gone) <= evicted <= len(gone) + 2, "and were counted", f"{evicted} of {len(gone)}") # to ask needs room, too
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
            socks.append(socket.create_connection((server.host, server.port), timeout=60))
    time.sleep(1.2)
    wrong = []
    for name in range(30):
        status, _, got = server.request("GET", f"/raw/{name}", timeout=60)
        if (status, got) != (200, body):
            wrong.append((name, status))
        status, _, _ = server.request("PUT", f"/raw/new-{name}", body, timeout=60)
        if status != 200:
            wrong.append((f"new-{name}", status))
    equal(wrong, [], "objects are read and stored beside 400 connections")
    check(server.log_text().count("cannot accept") <= 10, "the log is not filled", f"{server.log_text().count('cannot accept')} lines")
    close_all(socks)
    check(server.stop(), "it ends with status 0")


def bound_of_an_address():
    server = Server(args=["--max-connections-per-address", "10", "--workers", "2"])
    socks = [open_socket(server) for _ in range(30)]
    poll(lambda: sum(is_closed(sock) for sock in socks) >= 20)
    equal(sum(is_closed(sock) for sock in socks), 20, "of 30 connections of an address that may have 10, 20 are closed")
    other = socket.socket()
    other.bind(("127.0.0.2", 0))
    other.settimeout(60)
    other.connect((server.host, server.port))
    other.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    if not TLS:
        equal(other.recv(12), b"HTTP/1.1 200", "another address is served")
    close_all(socks + [other])

    def is_served():
        with contextlib.suppress(OSError):  # until the server has seen that those are closed
            return server.request("GET", "/-/healthy")[0] == 200
    check(poll(is_served), "who closes may open again")
    check(refusals(server, "per_address") >= 20, "those that were closed were counted")
    check(server.stop(), "it ends with status 0")


def memory_of_connections():
    server = Server(args=["--max-connections", "3000", "--workers", "2"])
    equal(server.request("PUT", "/raw")[0], 200, "a server for 1,000 connections")
    for _ in range(50):
        server.request("GET", "/raw?list-type=2")
    before = rss_kib(server)
    form = b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n"
    kinds = {
        "idle": b"",
        "part of a head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 30_000,
        "a form's fields": b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n" + form + b"a" * 61_000,
        "a document": b"POST /raw?delete HTTP/1.1\r\nHost: localhost\r\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\nContent-Length: 2000000\r\n\r\n" + b"<Delete>" + b" " * 1_900_000,
    }
    for kind, data in kinds.items():
        socks = []
        for _ in range(1000):
            sock = open_socket(server)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            sock.setblocking(False)
            socks.append(sock)
        left = {sock: memoryview(data) for sock in socks}
        end = time.monotonic() + 8
        while left and time.monotonic() < end:
            for sock in list(left):
                try:
                    left[sock] = left[sock][sock.send(left[sock]):]
                    if not left[sock]:
                        del left[sock]
                except BlockingIOError:
                    pass
                except OSError:
                    del left[sock]
        time.sleep(0.3)
        grown = rss_kib(server) - before
        print(f"# 1,000 connections, {kind}: {grown:+d} KiB")
        check(SANITIZED or grown < 64 * 1024, f"1,000 connections cost less than 64 MiB: {kind}", f"{grown} KiB")
        equal(server.request("GET", "/-/healthy")[0], 200, "and others are served meanwhile")
        close_all(socks)
        time.sleep(0.5)
    equal(server.request("POST", "/raw?delete", b"<Delete></Delete>", {"Content-MD5": "dYhWqSJ4mFMvtKBuTQlQTg=="})[0], 400, "what they took is given back")
    check(server.stop(), "it ends with status 0")


# ---- Bodies in memory ----

def signed(server, method, path, body=b"", query=""):
    headers = Signer(ACCESS, SECRET).headers(method, path, f"{server.host}:{server.port}", hashlib.sha256(body).hexdigest(), None, query)
    return server.request(method, path + ("?" + query if query else ""), body=body or None, headers=headers)


def has_answer(socks):
    """Those of them to which the server has said something, or which it has closed."""
    return select.select(socks, [], [], 0)[0]


def answer_of(sock, seconds=60):
    """(status, error code) of what comes until the end of an error, or of the connection."""
    sock.settimeout(seconds)
    answer = b""
    with contextlib.suppress(socket.timeout, ConnectionError):
        while b"</Error>" not in answer and (block := sock.recv(65536)):
            answer += block
    code = re.search(rb"<Code>(\w+)</Code>", answer)
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0, code[1].decode() if code else ""


def no_hope():
    """A body is asked for only where some rule could allow the action to who asks."""
    server = Server(keys=True)
    equal(signed(server, "PUT", "/shop")[0], 200, "a bucket")
    equal(signed(server, "PUT", "/shop/k", b"x")[0], 200, "and an object")
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"

    def ask(target, method=b"POST", seconds=60):
        """Only the head is sent."""
        with open_socket(server) as sock:
            sock.sendall(method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nContent-MD5: %s\r\n\r\n" % (len(document), content_md5(document)["Content-MD5"].encode()))
            return answer_of(sock, seconds)

    def allow(*statements):
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()
        equal(signed(server, "PUT", "/shop", policy, "policy=")[0], 204, "a policy")

    def statement(action, effect="Allow", resource="arn:aws:s3:::shop/*", **more):
        return {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource, **more}

    refused, read = (401, "AccessDenied"), (0, "")
    equal(ask(b"/shop?delete"), refused, "no policy: DeleteObjects is refused by its head")
    allow(statement("s3:GetObject"))
    equal(ask(b"/shop?delete"), refused, "a policy that only lets read: too")
    equal(ask(b"/shop/k?tagging", b"PUT"), refused, "PutObjectTagging, too")
    equal(ask(b"/shop/k?retention", b"PUT"), refused, "PutObjectRetention, too")
    allow(statement("s3:GetObject"), statement("s3:DeleteObject", "Deny"))
    equal(ask(b"/shop?delete"), refused, "one that denies: too")
    allow(statement("s3:DeleteObject", Principal={"AWS": "arn:aws:iam:::user/somebody"}))
    equal(ask(b"/shop?delete"), refused, "one that lets somebody else: too")
    allow(statement("s3:DeleteObject", resource="arn:aws:s3:::shop/other*", Condition={"IpAddress": {"aws:SourceIp": "10.1.2.3/32"}}))
    equal(ask(b"/shop?delete", seconds=3), read, "one that might let delete something: the body is read")
    status, _, body = server.request("POST", "/shop?delete", document, content_md5(document))
    equal((status, b"AccessDenied" in body), (200, True), "and each key judged")
    allow(statement("s3:DeleteObject"))
    status, _, body = server.request("POST", "/shop?delete", document, content_md5(document))
    equal((status, b"<Deleted>" in body), (200, True), "who is allowed deletes")
    allow(statement("s3:PutObjectTagging"))
    equal(ask(b"/shop?delete"), refused, "what lets tag does not let delete")
    equal(ask(b"/shop/k?tagging", b"PUT", seconds=3), read, "but tag")
    check(server.stop(), "it ends with status 0")


def one_budget():
    """Whatever is held in memory, more is refused for a while, and it is given back in every ending."""
    server = Server(args=["--workers", "2"])
    equal(server.request("PUT", "/raw")[0], 200, "a server")
    head = b"POST /raw?delete HTTP/1.1\r\nHost: localhost\r\nContent-MD5: %s\r\nContent-Length: 2000000\r\n\r\n" % content_md5(b" " * 2_000_000)["Content-MD5"].encode()
    small = b"<Delete><Object><Key>k</Key></Object></Delete>"
    counted = 0
    for ending in ("answered", "cut", "reset"):
        socks = [open_socket(server, f"127.0.0.{index % 3 + 1}") for index in range(30)]  # no address may have all of it
        for sock in socks:
            sock.sendall(head + b" ")
        check(poll(lambda: metric(server, "body_bytes_held") // 2_000_000 + refusals(server, "body_budget") - counted >= len(socks)), "for each it is decided")
        refused = refusals(server, "body_budget") - counted
        check(poll(lambda: len(has_answer(socks)) >= refused), "who is refused is told")
        full = [sock for sock in has_answer(socks) if answer_of(sock) == (503, "SlowDown")]
        check(8 <= len(full) <= 20, f"of 30 documents of 2 MB some are put off ({ending})", f"{len(full)}")
        counted += len(full)
        check(refusals(server, "body_budget") >= counted, "each is counted")
        for sock in set(socks) - set(full):
            if ending == "answered":
                sock.sendall(b" " * 1_999_999)
                equal(answer_of(sock)[0], 400, "one is read and refused") if sock is socks[0] else answer_of(sock)
            elif ending == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        close_all(socks)
        check(poll(lambda: server.request("POST", "/raw?delete", small, content_md5(small))[0] == 200), f"what they held is given back ({ending})")
        poll(lambda: metric(server, "body_bytes_held") == 0)  # to the last byte, or the next ones find less room
    check(poll(lambda: fill(server, head, 3) == 16), "then as much is taken as at first: nothing was lost, or given back twice")
    check(poll(lambda: metric(server, "body_bytes_held") == 0), "and nothing is held")
    equal(fill(server, head, 1), 8, "one address alone has half of it")
    check(server.stop(), "it ends with status 0")


def one_share():
    """One user, with however many connections from wherever, leaves half of the memory to the others."""
    credentials = scratch("tenants")
    with open(os.open(credentials, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write("key ALICE alice-secret *=all\nkey BOB bob-secret owner:bob *=all\n")
    server = Server(args=["--workers", "2", "--credentials", credentials, "--metrics", "public"])
    host = f"{server.host}:{server.port}"
    body = b" " * 2_000_000

    def ask(name, source):
        """Asks for a deletion whose document of 2 MB is announced, and not sent. The connection, and whether that was put off."""
        headers = Signer(name, name.lower() + "-secret").headers("POST", "/shop", host, hashlib.sha256(body).hexdigest(), None, "delete=")
        lines = "".join(f"{field}: {value}\r\n" for field, value in {**headers, **content_md5(body), "Content-Length": len(body)}.items() if field.lower() != "host")
        sock = open_socket(server, source)
        held = metric(server, "body_bytes_held")
        sock.sendall(f"POST /shop?delete= HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode())
        poll(lambda: has_answer([sock]) or metric(server, "body_bytes_held") > held)
        return sock, answer_of(sock) if has_answer([sock]) else (0, "")

    headers = Signer("ALICE", "alice-secret").headers("PUT", "/shop", host, hashlib.sha256(b"").hexdigest(), None)
    equal(server.request("PUT", "/shop", headers=headers)[0], 200, "a bucket of one of two users")
    alice = [ask("ALICE", f"127.0.0.{index % 5 + 1}") for index in range(12)]
    equal([answer for _, answer in alice], [(0, "")] * 8 + [(503, "SlowDown")] * 4, "one user, from many addresses, has half of the memory")
    bob = [ask("BOB", "127.0.0.1") for _ in range(4)]
    equal([answer for _, answer in bob], [(0, "")] * 4, "another has what he needs")
    close_all(sock for sock, _ in alice + bob)
    check(server.stop(), "it ends with status 0")


def fill(server, head, addresses):
    """How many such requests are under way when one more is put off, of so many addresses in turn."""
    socks = []
    while len(socks) < 60:
        socks.append(open_socket(server, f"127.0.0.{len(socks) % addresses + 1}"))
        held = metric(server, "body_bytes_held")
        socks[-1].sendall(head)
        poll(lambda: has_answer(socks[-1:]) or metric(server, "body_bytes_held") > held)
        if has_answer(socks[-1:]) and answer_of(socks[-1]) == (503, "SlowDown"):
            break
    close_all(socks)
    return len(socks) - 1


class Trickle(threading.Thread):
    """Bodies of which a byte comes twice a second, beside all the rest of this test."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server = Server()
        self.ends = {}

    def run(self):
        self.server.request("PUT", "/raw")
        heads = {
            "an object": b"PUT /raw/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n",
            "a chunked object": b"PUT /raw/chunked HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
            "a document": b"POST /raw?delete HTTP/1.1\r\nHost: localhost\r\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\nContent-Length: 100000\r\n\r\n",
            "a form": b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n",
        }
        socks = {what: open_socket(self.server) for what in heads}
        for what, sock in socks.items():
            sock.sendall(heads[what])
        began = time.monotonic()
        while socks and time.monotonic() - began < 150:
            for what, sock in list(socks.items()):
                with contextlib.suppress(OSError):
                    sock.send(b"a")
                sock.settimeout(0.01)
                try:
                    answer = sock.recv(4096, socket.MSG_PEEK)
                except (socket.timeout, TimeoutError):
                    continue
                except OSError:
                    answer = b""
                self.ends[what] = answer_of(sock, 2) if answer else (0, "")
                sock.close()
                del socks[what]
            time.sleep(0.5)


trickle = None if TLS else Trickle()
if trickle:
    trickle.start()
for part in (bound_of_connections, bound_of_busy_connections, blobs_at_the_bound, bound_of_an_address, memory_of_connections, no_hope, one_budget, one_share):
    if TLS and part in (bound_of_busy_connections, memory_of_connections, no_hope, one_budget, one_share):
        skip(part.__name__, "it speaks over raw sockets")
        continue
    began = time.monotonic()
    part()
    print(f"# {part.__name__}: {time.monotonic() - began:.1f} s")
if trickle:
    trickle.join(160)
    for kind in ("an object", "a chunked object", "a document", "a form"):
        equal(trickle.ends.get(kind), (400, "RequestTimeout"), f"{kind} that trickles in ends")
    equal(refusals(trickle.server, "slow_upload"), 2, "the two that came in too slowly were counted; documents and forms have half a minute in all")
    check(trickle.server.stop(), "and the server with status 0")
done()
