#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file system that has become read-only, as after an error, and one where a quota is used up: no file can be changed, written or made, until it can again.
What is there is read, and health answers; changes end in time, with 503 and 507; and when files may be changed again, all goes well, without a restart."""
import errno
import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import control
from sluicetest import SLUICE, Server, check, done, equal, error_code, poll, run, scratch, skip

reason = control.build(scratch("interposer.so"))
if reason is not None:
    skip("a disk that refuses", reason)
    done()
SMALL, LARGE = os.urandom(3000), os.urandom(300_000)
TAGS = b"<Tagging><TagSet><Tag><Key>k</Key><Value>%d</Value></Tag></TagSet></Tagging>"
CHANGES = (("a small upload", "PUT", "/full/new", SMALL), ("a large one", "PUT", "/full/new", LARGE), ("one over another", "PUT", "/full/small", LARGE),
           ("a delete", "DELETE", "/full/small", None), ("tags", "PUT", "/full/large?tagging", TAGS % 1), ("an upload in parts", "POST", "/full/parts?uploads", b""),
           ("a bucket", "PUT", "/another", None))


def tries(server, disk, name, code, allowed):
    disk.numbers.refuses = code
    answers = {}
    for what, method, path, body in CHANGES * 2:
        began = time.monotonic()
        status, _, text = server.request(method, path, body, timeout=60)
        answers.setdefault(what, []).append((status, error_code(text) if status >= 300 else "", round(time.monotonic() - began, 1)))
    check(all((status, text) in allowed for each in answers.values() for status, text, _ in each), f"{name}: changes are refused in time", f"{answers}")
    if code == errno.EDQUOT:
        equal({each[0] for each in answers["a large one"]}, {507}, f"{name}: an upload is told that there is no room")
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("GET", f"/full/{key}")[2], body, f"{name}: {key} is read")
    check(b"<Key>small</Key>" in server.request("GET", "/full")[2], f"{name}: and listed")
    health = server.request("GET", "/-/healthy")
    check(health[0] in (200, 503), f"{name}: health answers", f"{health}")
    disk.numbers.refuses = 0
    check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), f"{name}: health is good again")
    check(poll(lambda: {server.request("PUT", f"/full/{key}", body)[0] for key, body in (("again", SMALL), ("again-large", LARGE))} == {200}), f"{name}: uploads go well again")
    equal([server.request("PUT", "/full/large?tagging", TAGS % 2)[0], server.request("DELETE", "/full/again")[0]], [200, 204], f"{name}: and other changes")
    equal(server.request("GET", "/full/new")[0], 404, f"{name}: what was refused is not there")


for engine in ("threads", "auto"):
    disk = control.Control(scratch(), scratch("interposer.so"))
    server = Server(engine=engine, env=disk.environment(), args=["--workers", "1"])
    equal(server.request("PUT", "/full")[0], 200, f"{engine}: a bucket")
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("PUT", f"/full/{key}", body)[0], 200, f"{engine}: {key} is stored")
    tries(server, disk, f"{engine}, read-only", errno.EROFS, {(503, "ServiceUnavailable"), (500, "InternalError")}) # clients try again after both
    tries(server, disk, f"{engine}, quota", errno.EDQUOT, {(507, "InsufficientStorage"), (503, "ServiceUnavailable")}) # without room, and for the log
    check(server.stop(), f"{engine}: it stops")
    status, output = run([SLUICE, "check", "--data", server.data])
    check(status == 0, f"{engine}: sluice check finds nothing", output)
done()
