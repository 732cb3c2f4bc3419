#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attacks: clients that are slow, vanish, flood or lie, and requests made to be misunderstood. Each gets S3's own error at once,
nothing is stored that was not meant to be, nobody gets at what is not theirs, and afterwards the server is as it was: healthy,
with no blob, descriptor or memory more than before. bad_input_test.py has the mistakes; this has the malice."""
import base64
import contextlib
import datetime
import hashlib
import json
import os
import re
import resource
import socket
import struct
import threading
import time
import urllib.parse
import xml.etree.ElementTree
import zlib

from signer import Signer, mac, unsigned_chunks
from sluicetest import SLUICE, Server, blob_files, check, content_md5, done, equal, run, scratch

CREDENTIALS = """\
key ADMIN   admin-secret  *=all
key READER  read-secret   shop=read
key WRITER  write-secret  shop=write
key LISTER  list-secret   shop=list
key OTHER   other-secret  other=all
key NOBODY  no-secret
key WATCHER watch-secret  *=metrics
anonymous   public-*=read
"""
SECRETS = dict(line.split()[1:3] for line in CREDENTIALS.splitlines() if line.startswith("key"))
credentials_path = scratch("credentials")
with open(credentials_path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write(CREDENTIALS)

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
keyed = Server(args=["--credentials", credentials_path, "--scrub-days", "0"])
plain = Server(args=["--workers", "2", "--scrub-days", "0"])
HOST = f"{keyed.host}:{keyed.port}"
PATIENCE = 10  # seconds for any single answer; a hang is a failure
UNSIGNED, TRAILER = "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


# ---- Tools ----


def descriptors(server):
    """What each open descriptor leads to."""
    opened = []
    for name in os.listdir(f"/proc/{server.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            opened.append(os.readlink(f"/proc/{server.pid}/fd/{name}"))
    return opened


def kept(server):
    """The descriptors that must not grow in number: all but pipes, which are kept in a bounded pool, segments, of which the next
    is made ahead, and the database, which the server's threads open when they first need it."""
    apart = tuple(blob_files(server.data)[1]) + (os.path.join(server.data, "sluice.db"),)
    return [target for target in descriptors(server) if not target.startswith(("pipe:",) + apart)]


def state(server):
    """What must not grow: (descriptors, files of bytes)."""
    uploads = os.listdir(os.path.join(server.data, "staging"))
    return len(kept(server)), len(blob_files(server.data)[0] + uploads)


def rss_kib(server):
    with open(f"/proc/{server.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def settles(server, before, name, patience=60):
    """The server gives back all that it took: at most as many descriptors and files as before."""
    deadline = time.monotonic() + patience
    while (now := state(server)) > before or now[1] > before[1]:
        if time.monotonic() > deadline:
            return check(False, name, f"(descriptors, blobs) {before} before, {now} after: {sorted(kept(server))}")
        time.sleep(0.02)
    return check(True, name)


def connect(server=plain):
    return socket.create_connection((server.host, server.port), PATIENCE)


def reset(sock):
    """Closes with a reset, as a machine that loses power seems to."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def answer_of(sock, until=b"\r\n\r\n"):
    """What comes until that, the end or a timeout."""
    received = b""
    with contextlib.suppress(socket.timeout, ConnectionResetError):
        while until not in received and (block := sock.recv(65536)):
            received += block
    return received


def status_of(answer):
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def code_of(answer):
    """The error's code; what could not be read as XML is no answer at all."""
    body = answer[answer.find(b"<?xml"):]
    try:
        return xml.etree.ElementTree.fromstring(body.decode()).findtext("Code") if body.startswith(b"<?xml") else ""
    except (xml.etree.ElementTree.ParseError, UnicodeDecodeError) as error:
        return f"unreadable: {error}"


def raw(data, server=plain):
    """(status, error code) of what may be half a request; the answer must come without the rest."""
    with connect(server) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(data)
        sock.settimeout(PATIENCE)
        answer = answer_of(sock, b"</Error>")
        return status_of(answer), code_of(answer) if status_of(answer) >= 400 else ""


def ask(method, path, body=None, headers=None, server=plain):
    """(status, error code)."""
    status, _, text = server.request(method, path, body=body, headers=headers, timeout=PATIENCE)
    return status, code_of(text) if status >= 400 else ""


def signed(who, method, path, body=b"", query="", extra=None, payload=None, now=None, send=None, host=HOST):
    """A request signed by that key: (status, error code)."""
    signer = Signer(who, SECRETS[who], now=now)
    headers = signer.headers(method, path, host, payload or hashlib.sha256(body).hexdigest(), extra, query)
    return ask(method, path + ("?" + query if query else ""), send if send is not None else body or None, headers, keyed)


def refused(got, name, codes=(400,)):
    """An S3 error with one of the statuses and a code."""
    status, code = got
    check(status in codes and re.fullmatch(r"[A-Za-z0-9]+", code) is not None, name, f"{status} {code}")


def keys_of(server, bucket, get=None):
    status, _, text = server.request("GET", f"/{bucket}?list-type=2", timeout=PATIENCE) if get is None else get()
    return re.findall(r"<Key>(.*?)</Key>", text.decode()) if status == 200 else [f"status {status}"]


# ---- Slow clients ----


class Slowloris(threading.Thread):
    """Connections that drip a head a byte a second. They are cut when the head is late, whatever they send."""

    def __init__(self, count):
        super().__init__(daemon=True)
        self.count, self.ended, self.seconds, self.statuses = count, 0, 0, []

    def run(self):
        started = time.monotonic()
        socks = [connect() for _ in range(self.count)]
        for sock in socks:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
            sock.settimeout(0.01)
        while socks and time.monotonic() - started < 150:
            for sock in list(socks):
                with contextlib.suppress(socket.timeout, ConnectionResetError, BrokenPipeError):
                    answer = sock.recv(4096)
                    self.statuses.append(status_of(answer))
                    socks.remove(sock)
                    sock.close()
                    continue
                with contextlib.suppress(OSError):
                    sock.send(b"a")
            time.sleep(0.5)
        self.seconds, self.left = time.monotonic() - started, len(socks)


def dripping():
    """Slow is not wrong: a request a byte at a time is served."""
    request = b"PUT /raw/drip HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: v\r\n\r\n"
    with connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            sock.sendall(bytes([byte]))
            time.sleep(0.001)
        equal(status_of(answer_of(sock)), 200, "a chunked PUT byte by byte is served")
    equal(plain.request("GET", "/raw/drip")[2], b"abcde", "and stored as it was meant")
    signer = Signer("ADMIN", SECRETS["ADMIN"])
    crc = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    headers = signer.headers("PUT", "/shop/drip", HOST, TRAILER, {"x-amz-decoded-content-length": "5", "content-encoding": "aws-chunked",
                                                                 "x-amz-trailer": "x-amz-checksum-crc32"})
    body = unsigned_chunks([b"hel", b"lo"], [("x-amz-checksum-crc32", crc)])
    request = "PUT /shop/drip HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "Transfer-Encoding: chunked\r\n\r\n"
    # Ended by two empty lines as minio-go ends it, the second in a chunk of its own.
    wire = request.encode() + b"%x\r\n" % len(body) + body + b"\r\n2\r\n\r\n\r\n0\r\n\r\n"
    with connect(keyed) as sock:
        for start in range(0, len(wire), 7):
            sock.sendall(wire[start:start + 7])
            time.sleep(0.0005)
        equal(status_of(answer_of(sock)), 200, "aws-chunked inside chunked in pieces of 7 bytes is served")
    with connect() as sock:
        sock.sendall(b"GET /raw/drip HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        check(answer_of(sock, b"abcde").endswith(b"abcde"), "a client that shut its side down gets its answer")


def floods():
    before, memory = state(plain), rss_kib(plain)
    idle = [connect() for _ in range(1000)]
    started = time.monotonic()
    equal(ask("GET", "/-/healthy"), (200, ""), "with 1,000 idle connections a request is answered")
    check(time.monotonic() - started < 60, "and soon", f"{time.monotonic() - started:.1f} s")
    for sock in idle:
        sock.sendall(b"GET /raw/drip HTTP/1.1\r\nHost: localhost\r\n\r\n")
    equal(sum(answer_of(sock, b"abcde").endswith(b"abcde") for sock in idle), 1000, "all 1,000 are answered when they ask")
    grown = rss_kib(plain) - memory
    print(f"# 1,000 keep-alive connections: {grown} KiB more resident memory, {grown * 1024 // 1000} bytes each")
    check(SANITIZED or grown < 32 * 1024, "an idle keep-alive connection costs little", f"{grown} KiB for 1,000")
    half = [connect() for _ in range(200)]
    for sock in half:
        sock.sendall(b"PUT /raw/never HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    equal(ask("GET", "/-/healthy"), (200, ""), "with 200 uploads that stall as well")
    for index, sock in enumerate(idle + half):
        reset(sock) if index % 2 else sock.close()
    settles(plain, before, "a flood leaves nothing behind")


# ---- Clients that vanish ----


def uploads_begun():
    status, _, text = plain.request("POST", "/raw/parts?uploads")
    return re.search(r"<UploadId>(.*?)<", text.decode())[1] if status == 200 else ""


def vanishing():
    big = os.urandom(4 << 20)
    equal(ask("PUT", "/raw/big", big), (200, ""), "an object to fetch")
    upload = uploads_begun()
    equal(plain.request("GET", "/raw/big")[2] == big, True, "it is whole")
    before, keys = state(plain), keys_of(plain, "raw")
    put = b"PUT /raw/gone HTTP/1.1\r\nHost: localhost\r\n"
    part = f"PUT /raw/parts?uploadId={upload}&partNumber=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n".encode()
    coded = put + b"x-amz-content-sha256: " + TRAILER.encode() + b"\r\nx-amz-decoded-content-length: 8000000\r\nContent-Encoding: aws-chunked\r\n"
    phases = {
        "connecting": b"", "the request line": b"PUT /ra", "the head": put,
        "a PUT's head": put + b"Content-Length: 8000000\r\n\r\n", "a PUT's body": put + b"Content-Length: 8000000\r\n\r\n" + big,
        "a PUT with digests": put + b"Content-Length: 8000000\r\nContent-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\nx-amz-checksum-sha256: " + b"A" * 43 + b"=\r\n\r\n" + big,
        "a small PUT's body": put + b"Content-Length: 10000\r\n\r\n" + big[:5000],
        "an expected body": put + b"Content-Length: 8000000\r\nExpect: 100-continue\r\n\r\n",
        "a chunk size": put + b"Transfer-Encoding: chunked\r\n\r\n4", "a chunk": put + b"Transfer-Encoding: chunked\r\n\r\n400000\r\n" + big[:3000000],
        "the last chunk": put + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        "an aws-chunk": coded + b"Content-Length: 8000100\r\n\r\n400000\r\n" + big[:2000000],
        "aws-chunked trailers": coded.replace(b"8000000", b"3") + b"Content-Length: 100\r\nx-amz-trailer: x-amz-checksum-crc32\r\n\r\n3\r\nabc\r\n0\r\nx-amz-",
        "a part": part + big, "a part's head": part,
        "a completion": f"POST /raw/parts?uploadId={upload} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n<CompleteMul".encode(),
        "a deletion": b"POST /raw?delete HTTP/1.1\r\nHost: localhost\r\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\nContent-Length: 500\r\n\r\n<Delete><Object><Key>big</Key>",
        "a GET": b"GET /raw/big HTTP/1.1\r\nHost: localhost\r\n\r\n", "two GETs": b"GET /raw/big HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2,
        "a listing": b"GET /raw?list-type=2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    }
    for name, data in phases.items():
        for how in (reset, socket.socket.close, reset, socket.socket.close):
            sock = connect()
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                sock.sendall(data)
            if "GET" in name:
                sock.recv(1000)
            how(sock)
        equal(ask("GET", "/-/healthy"), (200, ""), f"clients vanish in {name}: the server is healthy")
    settles(plain, before, "clients that vanish leave no descriptor and no blob")
    equal(keys_of(plain, "raw"), keys, "and no object")
    listed = plain.request("GET", f"/raw/parts?uploadId={upload}")[2]
    check(b"<Part>" not in listed, "and no part", repr(listed[:300]))
    equal(ask("DELETE", f"/raw/parts?uploadId={upload}"), (204, ""), "the upload can be aborted")


def vanishing_late():
    """Clients that leave when all is said and the answer is on its way: either it counts, or it leaves nothing."""
    before = state(plain)
    for number in range(40):
        for request in (b"PUT /raw/late-%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6000\r\n\r\n" % number + b"x" * 6000, b"DELETE /raw/late-%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (number // 2),
                        b"PUT /raw/late-copy HTTP/1.1\r\nHost: localhost\r\nx-amz-copy-source: raw/late-%d\r\nContent-Length: 0\r\n\r\n" % number, b"POST /raw/late?uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"):
            sock = connect()
            sock.sendall(request)
            reset(sock)
    equal(ask("GET", "/-/healthy"), (200, ""), "clients vanish while their changes are made")
    time.sleep(0.2)
    for key in keys_of(plain, "raw"):
        if key.startswith("late"):
            ask("DELETE", "/raw/" + key)
    for upload in re.findall(r"<Key>late</Key><UploadId>(.*?)<", plain.request("GET", "/raw?uploads")[2].decode()):
        ask("DELETE", "/raw/late?uploadId=" + upload)
    settles(plain, before, "what counted can be deleted, and nothing else is left")


def pulled_away():
    """What an upload was meant for is gone when it ends."""
    before, body = state(plain), os.urandom(300_000)
    equal(ask("PUT", "/brief"), (200, ""), "a bucket that will not live long")
    upload = uploads_begun()
    paths = {"a bucket": "/brief/x", "a multipart upload": f"/raw/parts?uploadId={upload}&partNumber=1"}
    socks = {}
    for name, path in paths.items():
        socks[name] = connect()
        socks[name].sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:200_000])
    time.sleep(0.1)
    equal(ask("DELETE", "/brief"), (204, ""), "it is deleted while an upload runs")
    equal(ask("DELETE", f"/raw/parts?uploadId={upload}"), (204, ""), "and so is a multipart upload")
    for name, sock in socks.items():
        sock.sendall(body[200_000:])
        answer = answer_of(sock, b"</Error>")
        check(status_of(answer) == 404 and code_of(answer) in ("NoSuchBucket", "NoSuchUpload"), f"{name} pulled away below an upload", repr(answer[:200]))
        sock.close()
    settles(plain, before, "nothing is left of what nobody wants")


def too_few_descriptors():
    """Out of descriptors the server waits and refuses, and is itself again when there are some."""
    small = Server(args=["--workers", "2", "--scrub-days", "0"])
    equal(ask("PUT", "/raw", server=small), (200, ""), "a server of few descriptors")
    equal(ask("PUT", "/raw/x", b"x" * 10_000, server=small), (200, ""), "and an object")
    for _ in range(20):  # until both workers have it open
        ask("GET", "/raw/x", server=small)
    before = state(small)
    resource.prlimit(small.pid, resource.RLIMIT_NOFILE, (before[0] + 40, before[0] + 40))
    socks = [connect(small) for _ in range(150)]
    for index, sock in enumerate(socks):
        with contextlib.suppress(OSError):
            sock.sendall(b"PUT /raw/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" % index + b"y" * 100_000 if index % 2 else b"GET /raw/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.5)
    check(small.process.poll() is None, "150 clients at 40 descriptors do not bring it down")
    for sock in socks:
        reset(sock)
    settles(small, before, "it gives back what they held")
    equal(ask("GET", "/raw/x", server=small), (200, ""), "then it serves as before")
    equal(ask("PUT", "/raw/y", b"y" * 10_000, server=small), (200, ""), "and stores")
    check(small.stop(), "and ends with status 0")


def logged():
    """What a client sends cannot break a line of the access log, and no signature stands in it."""
    path = scratch("access.log")
    watched = Server(args=["--access-log", path, "--access-log-format", "json"])
    fields = b'User-Agent: a"b\\c\xff\xe2\x80\xa8<\r\nReferer: "}\\n{"status":1}\r\n'
    for target in (b'/raw/"%22\\{}', b"/raw/\xff\x80", b"/raw/%0a%0d%00", b"/raw?X-Amz-Signature=" + b"ab" * 32, b"/raw?a&x-amz-signature=" + b"ab" * 32 + b"&b", b"/" + b"x" * 8000, b"http://h/raw?X-Amz-Credential=SECRETKEY%2F"):
        refused(raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + fields + b"Authorization: AWS4-HMAC-SHA256 Signature=" + b"ab" * 32 + b"\r\n\r\n", watched), f"GET {target[:30]}", (400, 403, 404))
    raw(b"\x01\x02 garbage\r\n\r\n", watched)
    check(watched.stop(), "the server that logs ends with status 0")
    with open(path, "rb") as log:
        lines = log.read().split(b"\n")
    unreadable = []
    for line in lines[:-1]:
        try:
            json.loads(line)
        except ValueError:
            unreadable.append(line[:300])
    equal((len(lines) >= 8, lines[-1], unreadable), (True, b"", []), "each request is one line of JSON")
    check(not any(b"abababab" in line for line in lines), "signatures are not logged", repr([line for line in lines if b"abababab" in line][:1]))


# ---- Framing ----


def announcements():
    """Lengths that cannot be kept are refused by the head alone."""
    before, started = state(plain), time.monotonic()
    put = b"PUT /raw/huge HTTP/1.1\r\nHost: localhost\r\n"
    for name, length in (("5 GiB and one byte", (5 << 30) + 1), ("5 TiB", 5 << 40), ("10^18 - 1", 10 ** 18 - 1)):
        refused(raw(put + b"Content-Length: %d\r\n\r\n" % length), f"{name} announced")
        refused(raw(put + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % length), f"{name} announced, with Expect")
    for length in (b"5368709121", b"9999999999999999999", b"99999999999999999999", b"-1", b"0x10", b" "):
        coded = b"Content-Length: 99\r\nContent-Encoding: aws-chunked\r\nx-amz-content-sha256: " + TRAILER.encode() + b"\r\n"
        refused(raw(put + coded + b"x-amz-decoded-content-length: " + length + b"\r\n\r\n"), f"a decoded length of {length}")
    refused(raw(b"POST /raw?delete HTTP/1.1\r\nHost: localhost\r\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\nContent-Length: 99999999\r\n\r\n"), "95 MiB of XML announced")
    check(time.monotonic() - started < 60, "all of these at once", f"{time.monotonic() - started:.1f} s")
    socks = [connect() for _ in range(8)]
    for sock in socks:
        sock.sendall(put + b"Content-Length: %d\r\n\r\n" % (5 << 30))
    equal(ask("PUT", "/raw/beside", b"x" * 100_000), (200, ""), "while eight clients announce 5 GiB each, others may store")
    for sock in socks:
        reset(sock)
    equal(ask("DELETE", "/raw/beside"), (204, ""), "which is taken away again")
    settles(plain, before, "announcements leave nothing behind")
    equal(ask("GET", "/raw/huge"), (404, "NoSuchKey"), "and no object")


def framing():
    chunked = b"PUT /raw/framed HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    refused(raw(chunked + b"1;" + b"e" * 20_000 + b"\r\na\r\n0\r\n\r\n"), "a chunk extension of 20 KiB")
    refused(raw(chunked + b"1\r\na\r\n0\r\n" + b"t: " + b"v" * 40_000 + b"\r\n\r\n"), "a trailer of 40 KiB")
    refused(raw(chunked + b"1\r\na\r\n0\r\n" + b"t: v\r\n" * 10_000 + b"\r\n"), "10,000 trailers")
    coded = (b"PUT /raw/framed HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: aws-chunked\r\nx-amz-content-sha256: " + TRAILER.encode() +
             b"\r\nx-amz-trailer: x-amz-checksum-crc32\r\nx-amz-decoded-content-length: 3\r\nContent-Length: %d\r\n\r\n%s")
    for name, body in (("a chunk line of 4 KiB", b"3;" + b"x" * 4096 + b"\r\nabc\r\n0\r\n\r\n"), ("a trailer of 40 KiB", b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:" + b"A" * 40_000 + b"\r\n\r\n"),
                       ("a trailer twice", b"3\r\nabc\r\n0\r\n" + b"x-amz-checksum-crc32:NSRBwg==\r\n" * 2 + b"\r\n"),
                       ("a trailer nobody announced", b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\nx-amz-meta-a:b\r\n\r\n"),
                       ("no trailer where one was announced", b"3\r\nabc\r\n0\r\n\r\n"), ("a request behind its end", b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\nGET /"),
                       ("a size of 16 digits", b"ffffffffffffffff\r\nabc"), ("a size of -1", b"-1\r\nabc\r\n0\r\n\r\n"), ("a chunk beyond its length", b"4\r\nabcd\r\n0\r\n\r\n")):
        refused(raw(coded % (len(body), body)), f"aws-chunked with {name}")
    equal(ask("GET", "/raw/framed"), (404, "NoSuchKey"), "nothing of it was stored")
    valid = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for name, garbage in (("bytes", b"\0\xff\r\n\r\n"), ("TLS", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"), ("half a head", b"GET / HTTP/1.1\r\nHo"), ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")):
        with connect() as sock:
            sock.sendall(valid * 3 + garbage)
            sock.shutdown(socket.SHUT_WR)
            answer = answer_of(sock, b"never")
        check(answer.count(b"HTTP/1.1 200") == 3 and answer.count(b"HTTP/1.1 ") <= 4, f"{name} behind three pipelined requests", repr(answer[-200:]))
    with connect() as sock:  # far more pipelined than anybody reads
        sock.settimeout(1)
        with contextlib.suppress(socket.timeout, ConnectionResetError, BrokenPipeError):
            for _ in range(2000):
                sock.sendall(b"GET /raw/drip HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
        equal(ask("GET", "/-/healthy"), (200, ""), "while one client pipelines without reading, others are served")
    for name, head in (("two answers by a line feed in the target", b"GET /raw/a\nX: b HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("a carriage return in a field", b"GET /raw HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\n\r\n"),
                       ("a blank in the target", b"GET /raw/a b HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("a Host with a path", b"GET /raw HTTP/1.1\r\nHost: h/../x\r\n\r\n"),
                       ("a target without slash", b"GET raw HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("CONNECT", b"CONNECT h:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("a field name with a colon only", b"GET /raw HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n")):
        refused(raw(head), name)
    for method in ("TRACE", "PATCH", "PROPFIND", "X" * 30):
        refused(ask(method, "/raw/drip"), f"the method {method}", (405, 400, 501))


def refused_expectations():
    """Whoever is refused and sends his body all the same has sent no request: what a front end took for a body is never one."""
    smuggled = b"PUT /shop/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"
    healthy = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for server, head in ((keyed, b"PUT /shop/x"), (keyed, b"POST /shop?delete"), (keyed, b"PUT /missing/x"), (plain, b"PUT /missing-bucket/x"), (plain, b"PATCH /raw/x")):
        for body in (healthy, smuggled, healthy * 3):
            with connect(server) as sock:
                sock.sendall(head + b" HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-MD5: x\r\nContent-Length: %d\r\n\r\n" % len(body))
                answer = answer_of(sock)
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    sock.sendall(body)
                answer += answer_of(sock, b"never")
            check(re.match(rb"HTTP/1\.1 4\d\d ", answer) and answer.count(b"HTTP/1.1 ") == 1, f"{head.decode()}: a body after a refused Expect is no request, of {len(body)} bytes", repr(answer[:300]))
    equal(signed("READER", "GET", "/shop/smuggled"), (404, "NoSuchKey"), "and stores nothing")


# ---- Names ----


def names():
    """Every byte a key can have or not have, by itself and in a crowd."""
    connection = plain.connect(PATIENCE)

    def quick(method, path, body=None):
        connection.request(method, path, body=body, headers=content_md5(body) if path.endswith("?delete") else {})
        response = connection.getresponse()
        text = response.read()
        return response.status, code_of(text) if response.status >= 400 else text

    wrong = []
    for byte in range(256):
        path = f"/keys/%{byte:02X}"
        got = quick("PUT", path, b"%d" % byte)
        stored = quick("GET", path)
        if byte == 0 or byte > 127:
            wrong += [] if got == (400, "InvalidURI") and stored[0] == 400 else [(byte, got, stored)]
        else:
            wrong += [] if got[0] == 200 and stored == (200, b"%d" % byte) else [(byte, got, stored)]
    equal(wrong, [], "each byte from 1 to 127 makes a key of its own, others are no UTF-8")
    status, text = quick("GET", "/keys?list-type=2&encoding-type=url")
    listed = [urllib.parse.unquote(key) for key in re.findall(r"<Key>(.*?)</Key>", text.decode())]
    equal(listed, [chr(byte) for byte in range(1, 128)], "they are listed in order, encoded")
    status, text = quick("GET", "/keys?list-type=2")
    check(status == 200 and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", text), "and plainly, as XML that can be read")
    for name, bad in {"an overlong slash": "%C0%AF", "an overlong NUL": "%C0%80", "overlong in three": "%E0%80%AF", "a surrogate": "%ED%A0%80", "beyond Unicode": "%F4%90%80%80",
                      "a lone continuation": "%80", "a cut sequence": "a%E2%82", "five bytes": "%F8%88%80%80%80", "a NUL": "a%00b", "half an escape": "a%4", "no escape": "a%zz", "a bare percent": "%"}.items():
        refused(quick("PUT", "/keys/" + bad, b"x"), f"a key with {name}")
    tricky = ["a%252Fb", "a%2Fb", "%2e%2e/%2e%2e/etc/passwd", "../../../etc/passwd", "..", ".", "./", "a//b", "/", "%2F/", "//%2F", "-/healthy", "%0d%0aX: y", "%EF%BB%BF", "%F4%8F%BF%BF", "a;b=c", "a%3Fb", "*", "%FF"[:0] + "%C3%A9", "e%CC%81", "%E2%80%AE", "~", "k" * 1024, "%41" * 1024]
    for number, key in enumerate(tricky):
        got = quick("PUT", "/keys/" + key.replace(" ", "%20"), b"tricky %d" % number)
        if got[0] != 200:
            check(False, f"the key {key:.40} is stored", repr(got))
    equal([quick("GET", "/keys/" + key.replace(" ", "%20")) for key in tricky], [(200, b"tricky %d" % n) for n in range(len(tricky))], "keys that look alike stay apart")
    equal([quick("PUT", "/keys/" + key, b"x") for key in ("k" * 1025, "%41" * 1025, "%C3%A9" * 513)], [(400, "KeyTooLongError")] * 3, "1,025 bytes are too many however they are written")
    outside = [name for name in os.listdir(plain.data) if name not in ("blobs", "sluice.db", "sluice.db-wal", "sluice.db-shm", "LOCK", "staging", "control", "scrub")]
    equal(outside, [], "no key made a file anywhere else")
    # All of them away again with one request, among 1,000 that never were.
    status, text = quick("GET", "/keys?list-type=2&encoding-type=url")
    there = re.findall(r"<Key>(.*?)</Key>", text.decode())
    objects = [("".join(f"&#{ord(c)};" if c not in "<&" and (ord(c) > 31 or c in "\t\n\r") else {"<": "&lt;", "&": "&amp;"}.get(c, "") for c in urllib.parse.unquote(key))) for key in there]
    objects = [key for key in objects if key]
    objects += [f"never/{n}/../%2F&lt;&#x10FFFF;" for n in range(1000 - len(objects))]
    status, text = quick("POST", "/keys?delete", ("<Delete>" + "".join(f"<Object><Key>{key}</Key></Object>" for key in objects) + "</Delete>").encode())
    equal((status, text.count(b"<Deleted>")) if status == 200 else (status, text), (200, 1000), "1,000 hostile keys deleted at once")
    for byte in [*range(1, 9), 11, 12, *range(14, 32)]:  # those that XML cannot name
        quick("DELETE", f"/keys/%{byte:02X}")
    quick("DELETE", "/keys/%0d%0aX:%20y")
    status, text = quick("GET", "/keys?list-type=2&encoding-type=url")
    equal(re.findall(r"<Key>(.*?)</Key>", text.decode()), [], "all of them are gone")
    for name in ("..", ".", "a", "A" * 10, "x" * 64, "a..b", "1.2.3.4", "-ab", "ab-", "a_b", "%2e%2e", "b%2Fk", "raw%00", "caf%C3%A9"):
        refused(quick("PUT", "/" + name), f"the bucket name {name:.20}")
    connection.close()


def documents():
    """XML made to exhaust a parser, for each operation that reads any."""
    upload = uploads_begun()
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE X [<!ENTITY a0 "aaaaaaaaaa">{entities}]><X>&a11;</X>'
    external = '<?xml version="1.0"?><!DOCTYPE X [<!ENTITY x SYSTEM "file:///etc/passwd">]><X>&x;</X>'
    for path, root in (("/raw?delete", "Delete"), (f"/raw/parts?uploadId={upload}", "CompleteMultipartUpload"), ("/new-bucket", "CreateBucketConfiguration")):
        method = "PUT" if path == "/new-bucket" else "POST"
        started = time.monotonic()
        for name, document in (("a bomb of entities", bomb.replace("X>", root + ">").replace("DOCTYPE X", "DOCTYPE " + root)), ("an external entity", external.replace("X>", root + ">").replace("DOCTYPE X", "DOCTYPE " + root)),
                               ("100,000 levels", f"<{root}>" + "<a>" * 100_000), ("2 MiB of attributes", f"<{root} " + " ".join(f'a{n}=""' for n in range(150_000)) + "/>"),
                               ("one name of 2 MiB", "<" + "n" * (2 << 20) + "/>"), ("UTF-16", f"<{root}/>".encode("utf-16")), ("UTF-16 that grows", f"<{root}>".encode("utf-16") + ("\u4e00" * 900_000).encode("utf-16-le")), ("blanks", " " * 1000),
                               ("invalid UTF-8", b"<" + root.encode() + b">\xff\xfe</" + root.encode() + b">"), ("two roots", f"<{root}></{root}><{root}></{root}>"), ("3 MiB", f"<{root}>" + " " * (3 << 20) + f"</{root}>")):
            data = document if isinstance(document, bytes) else document.encode()
            if (root, name) != ("CreateBucketConfiguration", "2 MiB of attributes"):  # which is as good as none
                refused(ask(method, path, data, content_md5(data)), f"{root} with {name}", (400, 413))
        check(time.monotonic() - started < 60, f"{root}: all at once", f"{time.monotonic() - started:.1f} s")
    etag = hashlib.md5(b"").hexdigest()
    for name, numbers, codes in (("10,001 parts", range(1, 10_002), (400,)), ("parts that are not there", range(1, 10_001), (400,)), ("a part twice", [1, 1], (400,)), ("part 0", [0], (400,)), ("part 2^64 + 1", [(1 << 64) + 1], (400,))):
        body = "<CompleteMultipartUpload>" + "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n in numbers) + "</CompleteMultipartUpload>"
        refused(ask("POST", f"/raw/parts?uploadId={upload}", body.encode()), f"a completion with {name}", codes)
    for bad in ("0" * 32, upload[:-1], upload + "0", "../../x", "%00", upload.upper() + "x"):
        refused(ask("POST", f"/raw/parts?uploadId={bad}", b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>"), f"the upload id {bad:.40}", (404, 400))
    refused(ask("PUT", f"/raw/another?uploadId={upload}&partNumber=1", b"x"), "an upload's id with another key", (404,))
    equal(ask("DELETE", f"/raw/parts?uploadId={upload}"), (204, ""), "the upload is still there to be aborted")
    equal(ask("GET", "/new-bucket"), (404, "NoSuchBucket"), "no bucket came of it")


def parameters():
    """Ranges, markers, tokens, overrides, metadata."""
    body = bytes(range(256)) * 4
    equal(ask("PUT", "/raw/ranged", body, {"x-amz-meta-plain": "value", "x-amz-meta-bytes": "caf\xe9"}), (200, ""), "an object for ranges")
    whole = {"bytes=0-0,2-2", "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)), "bytes=5-2", "bytes=a-b", "bytes", "bytes=--1", "lines=1-2", "bytes=0-18446744073709551616,1-", "bytes=+1-2", "bytes= -", "bytes=-"}
    for text in sorted(whole):
        status, _, got = plain.request("GET", "/raw/ranged", headers={"Range": text})
        check((status, got) in ((200, body), (416, got)), f"Range: {text:.40}", f"{status} {len(got)}")
    for text, status, length in (("bytes=0-18446744073709551615", 206, 1024), ("bytes=0-99999999999999999999999", 206, 1024), ("bytes=-99999999999999999999999", 206, 1024), ("bytes=1023-", 206, 1), ("bytes=1024-", 416, None),
                                 ("bytes=18446744073709551615-", 416, None), ("bytes=18446744073709551616-", 416, None), ("bytes=9223372036854775808-9223372036854775809", 416, None), ("bytes=-0", 416, None)):
        got = plain.request("GET", "/raw/ranged", headers={"Range": text})
        check(got[0] in (status, 200) and (length is None or len(got[2]) in (length, 1024)), f"Range: {text}", f"{got[0]} {len(got[2])}")
    for override in ("response-content-type", "response-cache-control", "response-content-disposition", "response-content-language", "response-expires", "response-content-encoding"):
        for value in ("a%0d%0aX-Evil:%20yes", "a%0aX-Evil:%20yes", "a%0dX-Evil:%20yes", "a%7f"):
            got = plain.request("GET", f"/raw/ranged?{override}={value}")
            check(got[0] == 400 and "x-evil" not in got[1], f"{override}={value} is refused", f"{got[0]} {got[1]}")
    for field in (b"x-amz-meta-a: b\x01c", b"x-amz-meta-a: b\rc", b"x-amz-meta-a\r\n: b", b"x-amz-meta-\xc3\xa9: b", b"x-amz-meta-a b: c", b"Content-Type: a\x0bb"):
        status, _ = raw(b"PUT /raw/meta HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n" + field + b"\r\n\r\nx")
        check(status == 400, f"the field {field} is refused", str(status))
    refused(ask("PUT", "/raw/meta", b"x", {"x-amz-meta-a": "v" * 3000}), "3 KB of metadata")
    equal(ask("GET", "/raw/meta"), (404, "NoSuchKey"), "nothing of it was stored")
    head = plain.request("HEAD", "/raw/ranged")[1]
    equal((head.get("x-amz-meta-plain"), head.get("x-amz-meta-bytes"), head.get("x-amz-missing-meta")), ("value", None, "1"), "metadata come back as they went in, but for bytes that are no text: those are counted")
    tokens = ["1", "0", "1!!", "1" + "A" * 5000, "1gICA", "x" * 2000, "%00", "%FF", "1Li4vLi4", "2cmF3"]
    for token in tokens:
        status, code = ask("GET", f"/raw?list-type=2&continuation-token={token}")
        check(status in (200, 400) and (status == 200 or code in ("InvalidArgument", "InvalidURI")), f"the token {token:.20}", f"{status} {code}")
    for query in ("marker=" + "z" * 5000, "list-type=2&start-after=" + "z" * 5000, "prefix=" + "p" * 5000, "delimiter=" + "d" * 5000, "prefix=%FF", "marker=%FF%FE&prefix=%FF", "delimiter=%FF", "max-keys=0", "max-keys=2147483647",
                  "list-type=2&max-keys=0", "uploads&key-marker=%FF&upload-id-marker=x", "uploads&upload-id-marker=" + "f" * 64, "uploads&max-uploads=0", "&".join("prefix=a" for _ in range(64)), "encoding-type=url&prefix=%0d%0a"):
        status, code = ask("GET", f"/raw?{query}")
        check(status in (200, 400), f"a listing with {query:.40}", f"{status} {code}")
    for query in ("max-keys=-1", "max-keys=99999999999", "max-keys=1e3", "max-keys=%00", "list-type=3", "encoding-type=base64", "&".join(f"a{n}" for n in range(100))):
        refused(ask("GET", f"/raw?{query}"), f"a listing with {query:.30}")


# ---- Who may do what ----


def copies():
    for source in ("/", "", "shop", "shop/", "/shop/", "//shop/x", "shop/%00", "shop/%zz", "../shop/x", "shop%2Fx%", "/../shop/secret", "%2e%2e/shop/secret"):
        refused(signed("ADMIN", "PUT", "/other/copy", extra={"x-amz-copy-source": source}), f"a copy from {source!r}", (400, 403, 404))
    for source in ("shop/../other/x", "shop//secret", "shop/./secret", "shop/%2e%2e/shop/secret", "-/metrics", "missing-bucket/x"):
        refused(signed("ADMIN", "PUT", "/other/copy", extra={"x-amz-copy-source": source}), f"a copy from {source!r}", (400, 404))
    for source in ("shop/secret", "/shop/secret", "%2Fshop%2Fsecret", "shop%2Fsecret", "shop/secret?versionId=null", "other/../shop/secret", "other%2F..%2Fshop%2Fsecret"):
        refused(signed("OTHER", "PUT", "/other/copy", extra={"x-amz-copy-source": source}), f"without a right on it, a copy from {source}", (403, 404))
    refused(signed("WRITER", "PUT", "/shop/copy", extra={"x-amz-copy-source": "shop/secret"}), "a writer that may not read cannot copy", (403,))
    refused(signed("READER", "PUT", "/shop/copy", extra={"x-amz-copy-source": "shop/secret"}), "a reader that may not write cannot either", (403,))
    status, _, text = keyed.request("POST", "/other/multi?uploads", headers=Signer("OTHER", SECRETS["OTHER"]).headers("POST", "/other/multi", HOST, query="uploads="))
    upload = re.search(r"<UploadId>(.*?)<", text.decode())[1]
    query = f"partNumber=1&uploadId={upload}"
    refused(signed("OTHER", "PUT", "/other/multi", query=query, extra={"x-amz-copy-source": "shop/secret"}), "nor can its bytes become a part", (403,))
    refused(signed("OTHER", "PUT", "/other/multi", query=query, extra={"x-amz-copy-source": "shop/secret", "x-amz-copy-source-range": "bytes=0-1"}), "nor a range of them", (403,))
    equal(signed("OTHER", "DELETE", "/other/multi", query=f"uploadId={upload}"), (204, ""), "the upload is aborted")
    equal(signed("ADMIN", "GET", "/other/copy"), (404, "NoSuchKey"), "no copy was made")


def rights():
    complete = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>"
    delete = b"<Delete><Object><Key>secret</Key></Object></Delete>"
    upload = "0" * 32
    needs = {  # who may, of the four
        ("GET", "/shop/secret", "", b""): "READER", ("HEAD", "/shop/secret", "", b""): "READER", ("GET", "/shop/secret", "acl=", b""): "READER",
        ("PUT", "/shop/new", "", b"x"): "WRITER", ("DELETE", "/shop/new", "", b""): "WRITER", ("POST", "/shop", "delete=", delete.replace(b"secret", b"new")): "WRITER",
        ("GET", "/shop", "", b""): "LISTER", ("HEAD", "/shop", "", b""): "LISTER", ("GET", "/shop", "list-type=2", b""): "LISTER", ("GET", "/shop", "location=", b""): "LISTER", ("GET", "/shop", "uploads=", b""): "LISTER",
        ("DELETE", "/shop", "", b""): "", ("PUT", "/shop", "", b""): "", ("PUT", "/shop-2", "", b""): "", ("PUT", "/other/x", "", b"x"): "OTHER", ("GET", "/other", "", b""): "OTHER",
        ("POST", "/shop/new", f"uploadId={upload}", complete): "WRITER", ("PUT", "/shop/new", f"partNumber=1&uploadId={upload}", b"x"): "WRITER", ("DELETE", "/shop/new", f"uploadId={upload}", b""): "WRITER", ("GET", "/shop/new", f"uploadId={upload}", b""): "WRITER",
        ("PUT", "/shop", "policy=", b"{}"): "", ("PUT", "/shop/secret", "acl=", b""): "", ("DELETE", "/shop", "policy=", b""): "",
    }
    wrong = []
    for (method, path, query, body), who in needs.items():
        for key in ("READER", "WRITER", "LISTER", "OTHER", "NOBODY"):
            status, code = signed(key, method, path, body, query)
            if (status == 403) != (key != who) or (status == 403 and method != "HEAD" and code != "AccessDenied"):
                wrong.append((key, method, path, query, status, code))
        status, code = ask(method, path + ("?" + query if query else ""), body or None, server=keyed)
        if status != 401:
            wrong.append(("anonymous", method, path, query, status, code))
    equal(wrong, [], "each key may do what it was given, and nobody anything else")
    equal(signed("READER", "GET", "/shop/missing"), (404, "NoSuchKey"), "a reader is told what is missing")
    equal(signed("OTHER", "GET", "/missing-bucket/x"), (404, "NoSuchBucket"), "what bucket is not there is told to everybody, for S3's names are public")
    equal(ask("GET", "/public-files/page", server=keyed), (200, ""), "what is public is public")
    for method, path, body in (("PUT", "/public-files/page", b"x"), ("DELETE", "/public-files/page", None), ("GET", "/public-files", None), ("POST", "/public-files?delete", delete), ("POST", "/public-files/x?uploads", None), ("DELETE", "/public-files", None)):
        refused(ask(method, path, body, server=keyed), f"anonymous {method} {path}", (401,))
    refused(ask("GET", "/public-files/page?response-content-type=text/html", server=keyed), "anonymous cannot change what a public object is", (400,))
    refused(ask("PUT", "/public-files/copy", None, {"x-amz-copy-source": "public-files/page"}, keyed), "anonymous cannot copy", (403,))
    status, _, text = keyed.request("GET", "/", headers=Signer("LISTER", SECRETS["LISTER"]).headers("GET", "/", HOST))
    equal((status, re.findall(r"<Name>(.*?)</Name>", text.decode())), (200, ["shop"]), "only buckets one may list are shown")
    refused(ask("GET", "/public-files/..%2F..%2Fshop%2Fsecret", server=keyed), "a key does not climb out of its bucket", (404,))
    refused(ask("GET", "/public-files/../shop/secret", server=keyed), "nor does a path", (404,))
    refused(ask("GET", "/public-files%2F..%2Fshop/secret", server=keyed), "nor a bucket's name", (400, 403))


def system_names():
    # http.client would not send some of these as they are.
    def get(path, extra=b"", method=b"GET"):
        return raw(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + extra + b"\r\n", keyed)
    equal(get("/-/healthy")[0], 200, "health is for everybody")
    refused(get("/-/metrics"), "metrics are not for whoever comes from this machine: behind a proxy everybody does", (401,))
    refused(get("/-/metrics", b"X-Forwarded-For: 127.0.0.1\r\n"), "nor for whom a proxy speaks", (401,))
    refused(signed("OTHER", "GET", "/-/metrics"), "nor for a key without the right", (403,))
    equal(signed("ADMIN", "GET", "/-/metrics")[0], 200, "an operator's key sees them")
    equal(signed("ADMIN", "GET", "/-/metrics", extra={"x-forwarded-for": "1.2.3.4"})[0], 200, "from anywhere")
    equal(signed("WATCHER", "GET", "/-/metrics")[0], 200, "and so does one that has only that right")
    refused(signed("WATCHER", "GET", "/shop/secret"), "which opens no bucket", (403,))
    for path in ("/-/../shop/secret", "/-/..%2fshop%2fsecret", "/-/nothing", "/-", "/-/", "/-/healthy/", "/-//healthy", "/-/healthy%00", "//-/healthy", "/%2d/metrics/x", "/-%2fhealthy", "/shop/../-/healthy", "/shop/..%2f-%2fmetrics"):
        refused(get(path), f"GET {path}", (400, 401, 403, 404))
    for method in (b"PUT", b"POST", b"DELETE"):
        refused(get("/-/healthy", b"Content-Length: 0\r\n", method), f"{method.decode()} /-/healthy", (405,))
        refused(get("/-", b"Content-Length: 0\r\n", method), f"{method.decode()} /-", (400, 401, 403, 404, 405))
    for name in ("-", "%2d"):
        refused(signed("ADMIN", "PUT", f"/{name}"), f"no bucket is called {name}", (400, 403, 404, 405))


def presign(who, method, path, seconds=300, now=None, extra="", signed_headers="host", tamper=None):
    signer = Signer(who, SECRETS[who], now=now)
    query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{who}/{signer.scope}", "X-Amz-Date": signer.stamp, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": signed_headers}
    query.update(urllib.parse.parse_qsl(extra))
    text = "&".join(sorted(f"{urllib.parse.quote(k, '-_.~')}={urllib.parse.quote(v, '-_.~')}" for k, v in query.items()))
    canonical = f"{method}\n{path}\n{text}\nhost:{HOST}\n\n{signed_headers}\n{UNSIGNED}"
    signature = mac(signer.key(), f"AWS4-HMAC-SHA256\n{signer.stamp}\n{signer.scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}").hex()
    return f"{path}?{text}&X-Amz-Signature={signature}"


def presigned():
    url = presign("READER", "GET", "/shop/secret")
    equal(ask("GET", url, server=keyed), (200, ""), "a presigned GET works")
    equal(ask("GET", presign("READER", "GET", "/shop/secret", extra="response-content-type=text/plain"), server=keyed), (200, ""), "one with an override too")
    past = datetime.datetime.now(datetime.timezone.utc)
    changed = {"another expiry": url.replace("Expires=300", "Expires=604800"), "an override added": url + "&response-content-type=text/html", "another key": url.replace("/secret", "/secret2"),
               "an upload added": url + "&uploadId=1", "another credential": url.replace("READER", "ADMIN"), "another signature": url[:-1] + ("0" if url[-1] != "0" else "1"), "no signature": url.split("&X-Amz-Signature")[0],
               "a second expiry first": url.replace("?", "?X-Amz-Expires=604800&"), "a second expiry last": url + "&X-Amz-Expires=604800", "no signed headers": url.replace("SignedHeaders=host", "SignedHeaders="), "an empty parameter": url + "&x",
               "a path that climbs": url.replace("/shop/secret", "/shop/../shop/secret"), "a fragment of the signature": url[:-2]}
    for name, bad in changed.items():
        refused(ask("GET", bad, server=keyed), f"presigned with {name}", (400, 403))
    refused(ask("PUT", url, b"x", server=keyed), "presigned for another method", (403,))
    refused(ask("DELETE", url, server=keyed), "or for deletion", (403,))
    refused(ask("GET", url, headers={"x-amz-copy-source": "other/x"}, server=keyed), "with an x-amz- field nobody signed", (403,))
    refused(ask("GET", url, headers={"Authorization": "AWS4-HMAC-SHA256 x"}, server=keyed), "with a second way to authenticate", (400,))
    for name, seconds, age in (("expired", 60, 120), ("from the future", 60, -1000)):
        refused(ask("GET", presign("READER", "GET", "/shop/secret", seconds, past - datetime.timedelta(seconds=age)), server=keyed), f"presigned and {name}", (403,))
    for seconds in (0, -1, 604801, 10 ** 30, "x"):
        refused(ask("GET", presign("READER", "GET", "/shop/secret", seconds), server=keyed), f"presigned for {seconds} seconds", (403 if seconds == 0 else 400,))
    equal(ask("GET", presign("READER", "GET", "/shop/secret", 604800, past - datetime.timedelta(days=6, hours=23)), server=keyed), (200, ""), "presigned for a week, near its end")
    refused(ask("PUT", presign("READER", "PUT", "/shop/new"), b"x", server=keyed), "presigned by who may not", (403,))


def clocks_and_replays():
    now = datetime.datetime.now(datetime.timezone.utc)
    for seconds, allowed in ((-880, True), (880, True), (-920, False), (920, False), (-10 ** 8, False), (10 ** 8, False)):
        status, code = signed("READER", "GET", "/shop/secret", now=now + datetime.timedelta(seconds=seconds))
        equal((status, code), (200, "") if allowed else (403, "RequestTimeTooSkewed"), f"a clock {seconds} s off")
    for stamp in ("99991231T235959Z", "00000101T000000Z", "20260230T000000Z", "20260101T250000Z", "x" * 16, "", "20260101T000000Z" * 9):
        headers = Signer("READER", SECRETS["READER"]).headers("GET", "/shop/secret", HOST)
        headers["x-amz-date"] = stamp
        refused(ask("GET", "/shop/secret", headers=headers, server=keyed), f"the date {stamp:.20}", (400, 403))
    body, other = b"the body that was signed", b"another of the same size"
    signer = Signer("WRITER", SECRETS["WRITER"])
    by_hash = signer.headers("PUT", "/shop/replayed", HOST, hashlib.sha256(body).hexdigest())
    equal(ask("PUT", "/shop/replayed", body, by_hash, keyed), (200, ""), "a PUT with a signed hash")
    equal(ask("PUT", "/shop/replayed", other, by_hash, keyed), (400, "XAmzContentSHA256Mismatch"), "its signature does not serve for another body")
    refused(ask("PUT", "/shop/elsewhere", body, by_hash, keyed), "nor for another key", (403,))
    refused(ask("DELETE", "/shop/replayed", None, by_hash, keyed), "nor for another method", (403,))
    refused(ask("PUT", "/shop/replayed?acl", body, by_hash, keyed), "nor with a parameter more", (403,))
    refused(ask("PUT", "/shop/replayed", body, {**by_hash, "x-amz-meta-a": "b"}, keyed), "nor with a field more", (403,))
    refused(ask("PUT", "/shop/replayed", body, {**by_hash, "x-amz-copy-source": "shop/secret"}, keyed), "nor as a copy", (403,))
    refused(ask("PUT", "/shop/replayed", body, {**by_hash, "host": "elsewhere"}, keyed), "nor for another host", (403,))
    refused(ask("PUT", "/shop/replayed", body, {**by_hash, "x-amz-content-sha256": UNSIGNED}, keyed), "nor with its hash taken away", (403,))
    refused(ask("PUT", "/shop/replayed", body, {k: v for k, v in by_hash.items() if k != "x-amz-content-sha256"}, keyed), "nor without", (400, 403))
    free = Signer("WRITER", SECRETS["WRITER"]).headers("PUT", "/shop/unsigned", HOST, UNSIGNED)
    equal(ask("PUT", "/shop/unsigned", body, free, keyed), (200, ""), "UNSIGNED-PAYLOAD covers any body")
    equal(ask("PUT", "/shop/unsigned", other, free, keyed), (200, ""), "another one too: that is what it says")
    # The same name in many spellings must not count, copy or crash anything twice.
    spelled = Signer("READER", SECRETS["READER"]).headers("GET", "/shop/secret", HOST, extra={"x-long": "v" * 3000})
    for names in ("host;HOST;HoST;hOST;hoST;Host", "host;x-amz-content-sha256;x-amz-date;x-long;X-LONG;X-Long;x-LONG;X-lONG", "host;" + ";".join(["x-long"] * 120), ";" * 500, "host;" + ";".join(f"h{n}" for n in range(2000))):
        headers = dict(spelled)
        headers["authorization"] = re.sub(r"SignedHeaders=[^,]*", "SignedHeaders=" + names, headers["authorization"])
        refused(ask("GET", "/shop/secret", headers=headers, server=keyed), f"signed headers {names[:30]}", (400, 403))
    for value in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 " + "," * 5000, "AWS4-HMAC-SHA256 " + "Credential=" * 500, "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=host,Signature=" + "0" * 64, "AWS READER:x", "Basic eA==", "Bearer " + "x" * 8000, "\t"):
        refused(ask("GET", "/shop/secret", headers={"Authorization": value, "x-amz-content-sha256": UNSIGNED, "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ")}, server=keyed), f"Authorization: {value[:40]}", (400, 401, 403))
    equal(signed("ADMIN", "GET", "/shop/elsewhere"), (404, "NoSuchKey"), "nothing came of all that")


def tiny_chunks():
    """A signed body in one-byte chunks: 90 bytes of signature each. It is slow, but neither wrong nor a way to fill memory."""
    signer = Signer("WRITER", SECRETS["WRITER"])
    count, memory = 5000, rss_kib(keyed)
    headers = signer.headers("PUT", "/shop/tiny", HOST, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", {"x-amz-decoded-content-length": str(count), "content-encoding": "aws-chunked"})
    body = signer.signed_chunks([b"%d" % (n % 10) for n in range(count)])
    status, code = ask("PUT", "/shop/tiny", body, headers, keyed)
    check(status in (200, 400), "5,000 signed chunks of a byte each", f"{status} {code}")
    check(rss_kib(keyed) - memory < 64 * 1024, "cost little memory", f"{rss_kib(keyed) - memory} KiB")
    if status == 200:
        equal(keyed.request("GET", "/shop/tiny", headers=Signer("READER", SECRETS["READER"]).headers("GET", "/shop/tiny", HOST))[2], (b"0123456789" * 500), "and arrive in order")


# ---- All of it ----

SANITIZED = run(["grep", "-qE", "__(asan|tsan)_init", SLUICE])[0] == 0 # then memory figures say nothing
for bucket in ("raw", "keys"):
    equal(ask("PUT", f"/{bucket}"), (200, ""), f"a bucket {bucket}")
for bucket in ("shop", "other", "public-files"):
    equal(signed("ADMIN", "PUT", f"/{bucket}"), (200, ""), f"a bucket {bucket}")
for path in ("/shop/secret", "/public-files/page"):
    equal(signed("ADMIN", "PUT", path, b"what it says"), (200, ""), path)
for _ in range(50):  # caches, pipes and pools have what they keep
    ask("GET", "/raw?list-type=2"), signed("ADMIN", "GET", "/shop/secret")
memory_before = {server: rss_kib(server) for server in (plain, keyed)}
slowloris = Slowloris(20)
slowloris.start()
for part in (dripping, vanishing, vanishing_late, pulled_away, too_few_descriptors, logged, announcements, framing, refused_expectations, names, documents, parameters, copies, rights, system_names, presigned, clocks_and_replays, tiny_chunks, floods):
    began = time.monotonic()
    try:
        part()
    except Exception as error:
        check(False, f"{part.__name__} runs to its end", repr(error))
    print(f"# {part.__name__}: {time.monotonic() - began:.1f} s")
slowloris.join(45)
equal((slowloris.left, set(slowloris.statuses) <= {408, 0}), (0, True), f"heads that never end are cut, after {slowloris.seconds:.0f} s")
for name, server in (("the open server", plain), ("the keyed server", keyed)):
    equal(server.request("GET", "/-/healthy")[0], 200, f"{name} is healthy after all that")
    pipes = sum(target.startswith("pipe:") for target in descriptors(server)) // 2
    check(pipes <= 64, f"{name} keeps a bounded pool of pipes", f"{pipes}")
    grown = rss_kib(server) - memory_before[server]
    print(f"# {name}: {memory_before[server]} KiB resident before, {grown:+d} KiB after")
    check(SANITIZED or grown < 48 * 1024, f"{name} has given its memory back", f"{grown} KiB more")
    check(server.stop(), f"{name} ends with status 0")
    check(not re.search("assert|Sanitizer|runtime error", server.log_text(), re.I), f"{name} has nothing to complain about", server.log_text()[-300:])
    status, output = run([SLUICE, "check", "--data", server.data])
    equal(status, 0, f"what {name} stored is sound")
done()
