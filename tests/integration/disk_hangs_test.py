#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A disk that does not answer: syncs hang, or writes, until they are let go on. What is read goes on, and so does health, which tells; changes that
were begun wait, and after ten seconds no more are taken: 503 SlowDown. When the disk answers again, so does everybody, without a restart. Where nothing
comes back from an io_uring, that is so of uploads with a file of their own, and nobody else notices."""
import os
import sys
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import control
from sluicetest import Server, check, done, equal, error_code, poll, run, scratch, skip, SLUICE

reason = control.build(scratch("interposer.so"))
if reason is not None:
    skip("a disk that hangs", reason)
    done()
disk = control.Control(scratch(), scratch("interposer.so"))
SMALL, LARGE = os.urandom(3000), os.urandom(300_000)


def put(key, body, answers):
    began = time.monotonic()
    status, _, text = server.request("PUT", f"/hangs/{key}", body)
    answers[key] = (status, error_code(text) if status != 200 else "", time.monotonic() - began)


def refuses(kind):
    """One that is not refused yet waits with the others."""
    try:
        return server.request("PUT", f"/hangs/probe-{kind}", SMALL, timeout=2)[0] == 503
    except OSError:
        return False


server = Server(engine="threads", env=disk.environment(), args=["--workers", "2"])
equal(server.request("PUT", "/hangs")[0], 200, "a bucket")
for kind in ("sync", "write"):
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("PUT", f"/hangs/{key}", body)[0], 200, f"{kind}: {key} is stored")
        equal(server.request("GET", f"/hangs/{key}")[2], body, f"{kind}: and read once")
    disk.numbers.hangs = control.KINDS.index(kind)
    answers, threads = {}, []
    for key, body in (("begun", SMALL), ("begun-large", LARGE)):
        threads.append(threading.Thread(target=put, args=(f"{key}-{kind}", body, answers)))
        threads[-1].start()
    hangs_since = time.monotonic()
    status = server.request("GET", "/-/healthy")[0]
    check(status == 200 or time.monotonic() - hangs_since > 2, f"{kind}: it may be but slow", str(status))
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("GET", f"/hangs/{key}", timeout=60)[2], body, f"{kind}: {key} is still read")
    equal(server.request("HEAD", "/hangs/large", timeout=60)[0], 200, f"{kind}: and asked about")
    check(b"<Key>small</Key>" in server.request("GET", "/hangs", timeout=60)[2], f"{kind}: and listed")
    check(poll(lambda: refuses(kind), 60), f"{kind}: no more changes are taken after a while")
    equal(server.request("GET", "/-/healthy", timeout=60)[0], 503, f"{kind}: health tells then")
    check(b"disk" in server.request("GET", "/-/healthy")[2], f"{kind}: and why")
    for what, method, path, body in (("a small upload", "PUT", "/hangs/new", SMALL), ("a large one", "PUT", "/hangs/new", LARGE), ("a delete", "DELETE", "/hangs/small", None),
                                     ("a bucket", "PUT", "/another", None), ("a setting", "PUT", "/hangs?tagging", b"<Tagging><TagSet/></Tagging>")):
        status, _, text = server.request(method, path, body, timeout=60)
        equal((status, error_code(text)), (503, "SlowDown"), f"{kind}: {what} is refused")
    equal(server.request("GET", "/hangs/large", timeout=60)[2], LARGE, f"{kind}: it is still read")
    equal(answers, {}, f"{kind}: who had begun waits")
    disk.numbers.hangs = 0
    for thread in threads:
        thread.join(60)
    equal({key: answer[0] for key, answer in answers.items()}, {f"begun-{kind}": 200, f"begun-large-{kind}": 200}, f"{kind}: and is answered when the disk is")
    check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), f"{kind}: health is good")
    equal(server.request("GET", f"/hangs/begun-large-{kind}")[2], LARGE, f"{kind}: what had begun is there")
    equal(server.request("GET", "/hangs/new")[0], 404, f"{kind}: what was refused is not")
    equal(server.request("DELETE", "/hangs/small")[0], 204, f"{kind}: changes go well")
check(server.stop(), "it stops")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "sluice check finds nothing", output)

# A ring.
server = Server(engine="auto", env=disk.environment(), args=["--workers", "1"])
if "io_uring" in server.log_text(): # it says that there is none
    skip("a ring that hangs", "no io_uring here")
    done()
equal(server.request("PUT", "/hangs")[0], 200, "ring: a bucket")
for key, body in (("small", SMALL), ("large", LARGE), ("cold", LARGE)):
    equal(server.request("PUT", f"/hangs/{key}", body)[0], 200, f"ring: {key} is stored")
for key, body in (("small", SMALL), ("large", LARGE)):
    equal(server.request("GET", f"/hangs/{key}")[2], body, f"ring: {key} is read once")
disk.numbers.hangs = control.KINDS.index("ring")
answers = {}
begun = threading.Thread(target=put, args=("begun", LARGE, answers))
begun.start()
check(poll(lambda: server.request("GET", "/-/healthy", timeout=60)[0] == 503, 60), "ring: health tells")
status, _, text = server.request("PUT", "/hangs/new", LARGE, timeout=60)
equal((status, error_code(text)), (503, "SlowDown"), "ring: a large upload is refused")
for key, body in (("small", SMALL), ("large", LARGE)):
    equal(server.request("GET", f"/hangs/{key}", timeout=60)[2], body, f"ring: {key} is still read")
equal(server.request("PUT", "/hangs/packed", SMALL, timeout=60)[0], 200, "ring: a small upload goes well")
equal(server.request("DELETE", "/hangs/packed", timeout=60)[0], 204, "ring: and a delete")
equal(answers, {}, "ring: who had begun waits")
disk.numbers.hangs = 0
equal(server.request("GET", "/hangs/cold", timeout=60)[2], LARGE, "ring: what needs it is read when it comes back") # and what was held goes with it
begun.join(60)
equal(answers["begun"][0], 200, "ring: who had begun is answered")
check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), "ring: health is good")
equal(server.request("PUT", "/hangs/new", LARGE)[0], 200, "ring: large uploads go well")
check(server.stop(), "ring: it stops")
done()
