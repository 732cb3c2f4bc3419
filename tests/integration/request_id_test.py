#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A request has one number: in its answer's head, in an error's document, in the access log, and in what the log says of it. Its traceparent is
taken into both logs where it is one. --slow-request logs what takes as long."""
import json
import re
import time

from sluicetest import Server, check, done, equal, scratch

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LATER = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"
WRONG = ("", "00", TRACE[:-1], TRACE.upper(), TRACE + "0", TRACE + "-00", "ff" + TRACE[2:], TRACE[:3] + "0" * 32 + TRACE[35:],
         TRACE[:36] + "0" * 16 + TRACE[52:], TRACE.replace("-", "_"), 'x","status":200,"a":"' + TRACE)


def main():
    path = scratch("access.log")
    server = Server(args=["--access-log", path, "--access-log-format", "json", "--slow-request", "1"])
    asked = []
    for method, target, headers, trace in [("PUT", "/numbered", {}, None), ("PUT", "/numbered/key", {"traceparent": TRACE}, TRACE),
                                           ("GET", "/numbered/none", {"traceparent": LATER}, LATER[:55])] + [
                                               ("GET", "/numbered/none", {"traceparent": wrong}, None) for wrong in WRONG]:
        _, head, body = server.request(method, target, b"", headers=headers)
        head = {name.lower(): value for name, value in dict(head).items()}
        asked.append((head["x-amz-request-id"], trace))
        if body.startswith(b"<?xml") and b"<Error>" in body:
            equal(re.search(rb"<RequestId>(\w+)<", body)[1].decode(), head["x-amz-request-id"], f"{target}: the document has the answer's number")
    # Waits for its body: it is slow.
    with server.open_socket() as client:
        client.sendall(b"PUT /numbered/slow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\ntraceparent: " + TRACE.encode() + b"\r\n\r\n")
        time.sleep(0.05)
        client.sendall(b"body")
        slow = re.search(rb"x-amz-request-id: (\w+)", client.recv(65536))[1].decode()
    check(server.stop(), "the server ends cleanly")
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    equal({line["request_id"]: line["traceparent"] for line in lines if line["request_id"] != slow}, dict(asked), "the access log has the numbers, and each traceparent that is one")
    log = server.log_text()
    own = [line for line in log.splitlines() if f"slow request {slow}:" in line]
    equal(len(own), 1, "what was slow has a line with its number")
    check(own and "PUT /numbered/slow" in own[0] and f"traceparent {TRACE}" in own[0], "which says what it was", own)
    done()


main()
