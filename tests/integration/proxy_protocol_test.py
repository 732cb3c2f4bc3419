#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Headers of the PROXY protocol, before plain HTTP and before TLS: whom they name is the client, and nothing goes without one where one is
expected."""
import contextlib
import hashlib
import json
import re
import socket
import ssl
import struct
import time

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, TLS, Server, check, done, equal, fresh, make_certificate, poll, run, scratch, skip

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client, family="TCP4", server="10.0.0.1"):
    return f"PROXY {family} {client} {server} 4711 80\r\n".encode()


def v2(client, command=0x21, more=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    ends = socket.inet_pton(family, client) + socket.inet_pton(family, "::1" if ":" in client else "10.0.0.1") + struct.pack("!HH", 4711, 80) + more
    return SIGNATURE + bytes([command, 0x21 if ":" in client else 0x11]) + struct.pack("!H", len(ends)) + ends


def get(path="/-/healthy", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n".encode()


def said(sock):
    """All that comes until the end."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while block := sock.recv(65536):
            answer += block
    return answer


def exchange(port, *pieces, pause=0.0):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(pause)
        return said(sock)


def status(answer):
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def counted(port, header=b""):
    page = exchange(port, header + get("/-/metrics")).decode()
    return {reason: int(count) for reason, count in re.findall(r'^sluice_http_refusals_total\{reason="(\w+)"\} (\d+)$', page, re.MULTILINE)}


EXPECTING = ["--workers", "1", "--trusted-proxy", "127.0.0.1", "--proxy-protocol", "listen"]


def who_is_the_client():
    log = fresh("access.log")
    server = Server(args=[*EXPECTING, "--access-log", log])
    rows = [
        ("version 1", v1("198.51.100.7"), "198.51.100.7"), ("of IPv6", v1("2001:db8::7", "TCP6", "::1"), "2001:db8::7"),
        ("of what the proxy does not know", b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        ("version 2", v2("198.51.100.8"), "198.51.100.8"), ("of IPv6", v2("2001:db8::8"), "2001:db8::8"),
        ("with more behind the addresses", v2("198.51.100.9", more=b"\x04\x00\x02ab" * 100), "198.51.100.9"),
        ("of the proxy's own check", v2("198.51.100.9", command=0x20), "127.0.0.1"),
        ("of a Unix socket", SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + bytes(216), "127.0.0.1"),
    ]
    for name, header, _ in rows:
        equal(status(exchange(server.port, header + get("/bucket"))), 404, f"a header {name} is understood")
    equal(status(exchange(server.port, *[header[i:i + 1] for header in (v1("198.51.100.7"), get("/bucket")) for i in range(len(header))], pause=0.001)), 404, "version 1 byte by byte")
    equal(status(exchange(server.port, *[header[i:i + 1] for header in (v2("198.51.100.8"), get("/bucket")) for i in range(len(header))], pause=0.001)), 404, "version 2 byte by byte")
    equal(status(exchange(server.port, v1("198.51.100.7") + get("/bucket", "X-Forwarded-For: 6.6.6.6\r\n"))), 404, "the field of who is no proxy")
    equal(status(exchange(server.port, v1("127.0.0.1") + get("/bucket", "X-Forwarded-For: 6.6.6.6, 203.0.113.1\r\n"))), 404, "the field of a proxy behind the proxy")
    check(server.stop(), "it ends with status 0")
    with open(log) as file:
        clients = [line.split()[0] for line in file]
    equal(clients, [client for _, _, client in rows] + ["198.51.100.7", "198.51.100.8", "198.51.100.7", "203.0.113.1"], "the log names the clients")


def what_is_no_header():
    server = Server(args=EXPECTING)
    rows = [
        ("a request without a header", get()), ("nothing but a request line", b"GET / HTTP/1.1\r\n"),
        ("a request that begins like one", b"PROXY / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("version 3", SIGNATURE + b"\x31\x11\0\x0c" + bytes(12) + get()), ("a command that is none", v2("198.51.100.7", command=0x22) + get()),
        ("a header that ends in the middle of an address", SIGNATURE + b"\x21\x11\0\x04" + bytes(4) + get()),
        ("one whose additions have no end", v2("198.51.100.7", more=b"\x01\xff\xff") + get()),
        ("one that is longer than it may be", SIGNATURE + b"\x21\x11\xff\xff" + bytes(70000)),
        ("an address that is none", b"PROXY TCP4 198.51.100.300 10.0.0.1 1 2\r\n" + get()),
        ("a line that ends in LF alone", b"PROXY UNKNOWN\n" + get()), ("a line without an end", b"PROXY UNKNOWN " + b"x" * 200),
        ("TLS to the plain port", b"\x16\x03\x01\x02\x00\x01"),
    ]
    for name, bytes_sent in rows:
        equal(exchange(server.port, bytes_sent), b"", f"{name}: closed without an answer")
    equal(counted(server.port, v2("127.0.0.1", command=0x20))["proxy_header"], len(rows), "each is counted")
    equal(server.log_text().count("was refused"), 1, "and one is logged: nobody can fill the log by that")
    check("127.0.0.1 was refused" in server.log_text(), "with the proxy's address")
    silent = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    silent.sendall(v2("198.51.100.7")[:20])
    silent.settimeout(0.5)
    with contextlib.suppress(TimeoutError, socket.timeout):
        equal(silent.recv(1), None, "part of a header: nothing is said yet")
    silent.settimeout(60)
    equal(silent.recv(1), b"", "after ten seconds it is closed")
    silent.close()
    check(server.stop(), "it ends with status 0")

    server = Server(args=["--workers", "1", "--trusted-proxy", "127.0.0.2", "--proxy-protocol", "listen"])
    equal(exchange(server.port, v2("198.51.100.7") + get()), b"", "who is no trusted proxy is refused")
    equal(exchange(server.port, v2("198.51.100.7", command=0x20) + get()), b"", "for himself, too")
    equal(exchange(server.port, get()), b"", "and without a header")
    check("only a trusted proxy" in server.log_text(), "the log says why")
    check(server.stop(), "it ends with status 0")


def limits_and_rules():
    """The client counts for the bound of an address and for policies, not the proxy."""
    server = Server(keys=True, args=[*EXPECTING, "--max-connections-per-address", "2", "--metrics", "public"])
    held = []
    for client in ("198.51.100.7", "198.51.100.7", "198.51.100.8", "2001:db8::1", "2001:db8::2"):
        held.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        held[-1].sendall(v2(client))
    # As soon as the server has read who the others are.
    check(poll(lambda: exchange(server.port, v2("198.51.100.7") + get()) == b""), "a third connection of a client that may have two is closed")
    check(poll(lambda: exchange(server.port, v1("2001:db8::3", "TCP6", "::1") + get()) == b""), "of one IPv6 /64, too")
    equal(status(exchange(server.port, v2("198.51.100.8") + get())), 200, "another client has his own share")
    equal(status(exchange(server.port, b"PROXY UNKNOWN\r\n" + get())), 200, "the proxy itself has no bound")
    equal(counted(server.port, b"PROXY UNKNOWN\r\n")["per_address"], 2, "those two were counted")
    for sock in held:
        sock.close()
    check(poll(lambda: status(exchange(server.port, v2("198.51.100.7") + get())) == 200), "who closes may open again")

    def signed(method, path, body=b"", query=""):
        host = f"127.0.0.1:{server.port}"
        headers = Signer(ACCESS, SECRET).headers(method, path, host, hashlib.sha256(body).hexdigest(), None, query)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() != "host")
        request = f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        return status(exchange(server.port, v2("203.0.113.1") + request + body))

    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*",
                                                                 "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}]}).encode()
    equal([signed("PUT", "/bucket"), signed("PUT", "/bucket/key", b"x"), signed("DELETE", "/bucket", query="publicAccessBlock="), signed("PUT", "/bucket", policy, "policy=")],
          [200, 200, 204, 204], "a bucket for a network")
    equal([status(exchange(server.port, header + get("/bucket/key"))) for header in (v2("198.51.100.7"), v1("198.51.100.7"), v2("203.0.113.1"), b"PROXY UNKNOWN\r\n")],
          [200, 200, 403, 401], "aws:SourceIp is the client's")
    check(server.stop(), "it ends with status 0")


def before_tls():
    certificate, key, authority = make_certificate("proxied")
    context = ssl.create_default_context(cafile=authority)
    log = fresh("access.log")
    tls = ["--tls-certificate", certificate, "--tls-key", key, "--trusted-proxy", "127.0.0.1", "--workers", "1", "--access-log", log]

    def by_tls(port, header):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
            sock.sendall(header)
            with context.wrap_socket(sock, server_hostname="localhost") as shaken:
                shaken.sendall(get("/bucket"))
                return status(said(shaken))

    def fails(port, header):
        with contextlib.suppress(OSError):
            return by_tls(port, header)
        return 0

    for name, args in (("HTTPS alone", ["--proxy-protocol", "listen"]), ("on all", ["--proxy-protocol", "all", "--tls-listen", "127.0.0.1:0"]),
                       ("TLS's port only", ["--proxy-protocol", "tls-listen", "--tls-listen", "127.0.0.1:0"])):
        server = Server(args=[*tls, *args])
        port = int(server.tls_url.rsplit(":", 1)[1])
        equal([by_tls(port, v2("198.51.100.7")), by_tls(port, v1("198.51.100.8")), fails(port, b""), fails(port, b"GET / HTTP/1.1\r\n\r\n")], [404, 404, 0, 0],
              f"{name}: a header, then a handshake; nothing without a header")
        if len(args) == 4:
            plain = [status(exchange(server.port, header + get("/bucket"))) for header in (b"", b"PROXY TCP4 198.51.100.9 10.0.0.1 1 2\r\n")]
            equal(plain, [0, 404] if args[1] == "all" else [404, 400], f"{name}: plain HTTP")
        check(server.stop(), "it ends with status 0")
    with open(log) as file:
        clients = [line.split()[0] for line in file]
    equal(clients, ["198.51.100.7", "198.51.100.8"] * 2 + ["198.51.100.9"] + ["198.51.100.7", "198.51.100.8", "127.0.0.1", "127.0.0.1"], "the log names the clients")


def options():
    for args, says in ((["--proxy-protocol", "listen"], "needs trusted-proxy"), (["--proxy-protocol", "tls-listen", "--trusted-proxy", "127.0.0.1"], "is not set"),
                       (["--proxy-protocol", "maybe", "--trusted-proxy", "127.0.0.1"], "proxy-protocol")):
        code, output = run(["timeout", "20", SLUICE, "serve", "--data", scratch("none"), "--listen", "127.0.0.1:0", *args])
        check(code == 2 and says in output, f"{' '.join(args)} cannot be", f"{code}: {output}")


if TLS:
    skip("proxy_protocol", "it has servers with TLS of its own")
else:
    for part in (who_is_the_client, what_is_no_header, limits_and_rules, before_tls, options):
        part()
done()
