#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The last packet of an answer is never held back: on a connection that is kept, each large body is sent under TCP_CORK, which is taken off
after the last sendfile and before the next request is read. Read from a trace, for a stall of 40 ms would look like a slow machine."""
import http.client
import os
import re
import subprocess

from sluicetest import Server, check, done, equal, have, scratch, skip

if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
    skip("cork", "strace may not trace here")
    done()

SIZES = {"small": 4096, "packed": 65536, "middle": 200_000, "large": 1 << 20, "larger": 9_000_001}
LINE = re.compile(r"^\d+\s+(setsockopt|sendfile|recvfrom)\(\d+, (.*)\)\s+= (-?\d+)")


def steps(path):
    """What happened, one after the other: "cork", "uncork", "send", "request"."""
    found = []
    with open(path, errors="replace") as trace:
        for line in trace:
            match = LINE.match(line)
            if not match:
                continue
            name, arguments, result = match[1], match[2], int(match[3])
            if name == "setsockopt" and "TCP_CORK" in arguments:
                found.append("cork" if "[1]" in arguments else "uncork")
            elif name == "sendfile" and result > 0:
                found.append("send")
            elif name == "recvfrom" and result > 0:
                found.append("request")
    return found


trace = scratch("cork-trace")
server = Server(strace=trace, strace_calls="setsockopt,sendfile,recvfrom", args=["--workers", "1", "--durability", "relaxed"])
equal(server.request("PUT", "/cork")[0], 200, "the bucket is created")
for name, size in SIZES.items():
    equal(server.request("PUT", f"/cork/{name}", os.urandom(size))[0], 200, f"{name} is put")
mark = len(steps(trace))
connection = http.client.HTTPConnection("127.0.0.1", server.port)
for name in [*SIZES, *SIZES]:
    connection.request("GET", f"/cork/{name}")
    equal(len(connection.getresponse().read()), SIZES[name], f"{name} is read, on the same connection")
connection.close()
check(server.stop(), "the traced server ends with status 0")

seen = steps(trace)[mark:]
# One letter each, so that one expression says it: a request; maybe its body in pieces, and under a cork, which is on and off once.
text = "".join({"cork": "<", "uncork": ">", "send": "s", "request": "r"}[step] for step in seen)
check(re.fullmatch(r"(r(s*|<s+>))+", text), "a cork is taken off after the last piece, before the next request", text)
equal((text.count("<"), text.count(">")), (4, 4), "it is for large bodies only")
done()
