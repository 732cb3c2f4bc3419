#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whose X-Forwarded-For counts, seen from outside: in the access log of both forms, and in policies that ask where a request comes from."""
import json
import socket
import struct

from sluicetest import SLUICE, Server, check, done, equal, fresh, poll, run, s3_client, scratch


def logged(server, path, form):
    """The clients that the log names, in order."""
    check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), "the server answers")
    server.stop()
    with open(path) as file:
        lines = [line for line in file if "/bucket" in line]
    return [json.loads(line)["remote"] if form == "json" else line.split()[0] for line in lines]


def reset_amid(server, field):
    """An upload whose connection is reset: the kernel does not tell its address any more when the log's line is written."""
    server.request("PUT", "/made")
    with server.open_socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(f"PUT /made/bucket HTTP/1.1\r\nHost: {server.host}\r\nX-Forwarded-For: {field}\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n".encode())
        check(sock.recv(100).startswith(b"HTTP/1.1 100 "), "an upload has begun")


FIELDS = (None, "198.51.100.7", "6.6.6.6, 198.51.100.7", "6.6.6.6, 198.51.100.7, 10.1.1.1", "unknown", "[2001:db8::9]:80", "198.51.100.7\t,10.2.2.2")
BELIEVED = ["127.0.0.1", "198.51.100.7", "198.51.100.7", "198.51.100.7", "127.0.0.1", "2001:db8::9", "198.51.100.7"]
for form in ("apache", "json"):
    for name, args, want in (("nobody's", [], ["127.0.0.1"] * len(FIELDS)), ("another's", ["--trusted-proxy", "127.0.0.2"], ["127.0.0.1"] * len(FIELDS)),
                             ("ours", ["--trusted-proxy", "10.0.0.0/8,127.0.0.1"], BELIEVED),
                             ("ours, as a block", ["--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "10.0.0.0/8"], BELIEVED)):
        log = fresh("access.log")
        server = Server(args=["--workers", "1", "--access-log", log, "--access-log-format", form, *args])  # each has a buffer of lines of its own
        for field in FIELDS:
            server.request("GET", "/bucket", headers={"X-Forwarded-For": field} if field is not None else {})
        reset_amid(server, "198.51.100.7")
        equal(logged(server, log, form), [*want, want[1]], f"{form}: the field counts if the proxy is {name}, also where the connection was reset")

for trusted in (True, False):
    server = Server(keys=True, args=["--trusted-proxy", "127.0.0.1"] if trusted else [])
    client = s3_client(server)
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="key", Body=b"x")
    client.delete_public_access_block(Bucket="bucket")
    client.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*",
         "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}]}))

    def reads(field):
        return server.request("GET", "/bucket/key", headers={"X-Forwarded-For": field} if field else {})[0] == 200
    equal([reads(field) for field in (None, "198.51.100.7", "198.51.100.7, 203.0.113.1", "203.0.113.1, 198.51.100.7")],
          [False, trusted, False, trusted], f"aws:SourceIp, the proxy {'trusted' if trusted else 'not trusted'}")
    server.stop()

for bad in ("nonsense", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1:80", "10.0.0.1,,10.0.0.2"):
    status, output = run(["timeout", "20", SLUICE, "serve", "--data", scratch("none"), "--listen", "127.0.0.1:0", "--trusted-proxy", bad])
    check(status == 2 and "trusted-proxy" in output, f"{bad} is no proxy", f"{status}: {output}")
done()
