#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The audit log: a line of JSON for each request that is to change something, and for each key of a DeleteObjects; none for what only reads. It
tells who, from where, what and how that ended, and is opened anew by SIGHUP."""
import base64
import json
import os
import signal
import time

from sluicetest import ACCESS, SECRET, Server, check, content_md5, done, equal, scratch

SIGNED = {"Authorization": "Basic " + base64.b64encode(f"{ACCESS}:{SECRET}".encode()).decode()}
NAMES = ["bucket", "key", "operation", "remote", "request_id", "status", "time", "traceparent", "user", "version"]


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main():
    path, moved = scratch("audit.log"), scratch("audit.log.1")
    server = Server(keys=True, args=["--audit-log", path])
    ids = []

    def ask(method, target, body=b"", headers=None):
        status, head, _ = server.request(method, target, body, headers=SIGNED | (headers or {}))
        ids.append(head["x-amz-request-id"])
        return status, head

    ask("PUT", "/audited")
    ask("PUT", "/audited?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    _, head = ask("PUT", "/audited/a%22b%0Ac%C3%A9", b"content")
    changes = list(ids)
    ask("GET", "/audited/a%22b%0Ac%C3%A9")
    ask("GET", "/audited?list-type=2")
    ask("HEAD", "/audited/none")
    ids.clear()
    ask("PUT", "/missing/key", b"content")
    document = b"<Delete><Object><Key>one</Key></Object><Object><Key>two</Key><VersionId>null</VersionId></Object></Delete>"
    ask("POST", "/audited?delete", document, content_md5(document))
    changes += ids
    refused = server.request("PUT", "/audited/stranger", b"content")[1]["x-amz-request-id"]
    os.rename(path, moved)
    os.kill(server.pid, signal.SIGHUP)
    for _ in range(100):
        if os.path.exists(path):
            break
        time.sleep(0.05)
    ask("DELETE", "/audited/one")
    check(server.stop(), "the server ends cleanly")
    lines, later = lines_of(moved), lines_of(path)
    equal({tuple(sorted(line)) for line in lines}, {tuple(NAMES)}, "each line has all names")
    equal({line["request_id"] for line in lines}, set(changes) | {refused}, "what changes has lines by its number, what reads has none")
    told = {(line["operation"], line["bucket"], line["key"], line["status"]) for line in lines}
    equal(told, {("CreateBucket", "audited", None, 200), ("PutBucketVersioning", "audited", None, 200), ("PutObject", "audited", "a%22b%0Ac%C3%A9", 200),
                 ("PutObject", "missing", "key", 404), ("DeleteObjects", "audited", "one", 204), ("DeleteObjects", "audited", "two", 204),
                 ("DeleteObjects", "audited", None, 200), ("PutObject", "audited", "stranger", 401)}, "what, and how it ended")
    versions = {(line["operation"], line["key"]): line["version"] for line in lines}
    equal(versions["PutObject", "a%22b%0Ac%C3%A9"], head["x-amz-version-id"], "the version that was made")
    equal(versions["DeleteObjects", "two"], "null", "the version that was named")
    check(versions["DeleteObjects", "one"], "the marker that was added")
    who = {(line["user"], line["remote"]) for line in lines if line["request_id"] != refused}
    check(len(who) == 1 and list(who)[0][0] and list(who)[0][1] == "127.0.0.1", "who, from where", who)
    equal([line["user"] for line in lines if line["request_id"] == refused], [None], "nobody's where nobody has shown who he is")
    equal([(line["operation"], line["key"]) for line in later], [("DeleteObject", "one")], "after SIGHUP, into the new file")
    done()


main()
