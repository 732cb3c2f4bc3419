#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A process that may have no more descriptors, or no more memory, than it has just now. It goes on with what needs none; the rest is answered with 5xx or
not taken; and when there are more again, all goes well, without a restart. (Without memory for a request it may end, with a sentence.)"""
import http.client
import os
import resource

from sluicetest import SLUICE, Server, check, done, equal, poll, run

SMALL, LARGE = os.urandom(3000), os.urandom(300_000)
FREE = resource.RLIM_INFINITY


def status_of(connection, method, path, body=None):
    """0: the connection has ended."""
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def store(server):
    equal(server.request("PUT", "/full")[0], 200, "a bucket")
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("PUT", f"/full/{key}", body)[0], 200, f"{key} is stored")
        equal(server.request("GET", f"/full/{key}")[2], body, "and read")


def works(server):
    return poll(lambda: {status_of(server.connect(), "PUT", f"/full/{key}", body) for key, body in (("again", SMALL), ("again-large", LARGE))} == {200})


def closes(server, name):
    equal(server.request("GET", "/full/large")[2], LARGE, f"{name}: what was there is there")
    check(server.stop(), f"{name}: it stops")
    status, output = run([SLUICE, "check", "--data", server.data])
    check(status == 0, f"{name}: sluice check finds nothing", output)


for engine in ("threads", "auto"):
    name = f"descriptors, {engine}"
    server = Server(engine=engine, args=["--workers", "1"])
    store(server)
    known, *others = (server.connect() for _ in range(3)) # a refused upload may end its connection
    equal([status_of(connection, "GET", "/full/small") for connection in (known, *others)], [200] * 3, f"{name}: connections are there")
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    equal([status_of(known, "GET", path) for path in ("/full/small", "/-/healthy", "/full?list-type=2")], [200] * 3, f"{name}: what is at hand is read")
    for connection, key, body in zip(others, ("new", "new-large"), (SMALL, LARGE)):
        status = status_of(connection, "PUT", f"/full/{key}", body)
        check(status in (200, 500, 503), f"{name}: an upload is answered ({key})", f"{status}")
    equal(status_of(known, "GET", "/-/healthy"), 200, f"{name}: it is healthy")
    equal(status_of(server.connect(timeout=2), "GET", "/-/healthy"), 0, f"{name}: nobody else comes in")
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
    check(works(server), f"{name}: with more of them all goes well")
    closes(server, name)

    name = f"memory, {engine}"
    server = Server(engine=engine, args=["--workers", "1"])
    store(server)
    known = server.connect()
    equal(status_of(known, "GET", "/full/small"), 200, f"{name}: a connection is there")
    with open(f"/proc/{server.pid}/statm") as file:
        pages = int(file.read().split()[0])
    resource.prlimit(server.pid, resource.RLIMIT_AS, (pages * resource.getpagesize(), FREE))
    answers = []
    for number in range(150):
        connection = server.connect(timeout=60)
        body = (SMALL, LARGE)[number % 2]
        answers.append(status_of(connection, "PUT", f"/full/new{number}", body))
        if server.process.poll() is not None:
            break
    over = server.process.poll() is not None
    check(all(status in (0, 200, 500, 503) for status in answers), f"{name}: uploads are answered", f"{answers}")
    if over:
        check("memory" in server.log_text(), f"{name}: it ended with a sentence", server.log_text())
        server = Server(data=server.data, engine=engine, args=["--workers", "1"])
    else:
        equal(status_of(known, "GET", "/-/healthy"), 200, f"{name}: it is healthy")
        resource.prlimit(server.pid, resource.RLIMIT_AS, (FREE, FREE))
    check(works(server), f"{name}: with more of it all goes well")
    missing = [number for number, status in enumerate(answers) if status == 200 and server.request("GET", f"/full/new{number}")[2] != (SMALL, LARGE)[number % 2]]
    equal(missing, [], f"{name}: what was acknowledged is there")
    closes(server, name)
done()
