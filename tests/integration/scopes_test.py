#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trust scopes: who stores an entry under which scope, who finds it, and that no request of a pull request makes main find something of
it. Two writers race for the same entries all the while."""
import os
import threading

from sluicetest import Server, check, done, equal, fresh

SECRETS = {name: f"{name}-secret-0123456789" for name in ("main", "pr1", "pr2", "reader", "plain", "outer")}
FILE = fresh("scopes") + ".credentials"
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write(f"""token ci-main {SECRETS['main']} scope=main
token pr-1 {SECRETS['pr1']} scope=pr/1 read=main
token pr-2 {SECRETS['pr2']} scope=pr/2 read=main,release
token outer {SECRETS['outer']} scope=pr read=main
token reader {SECRETS['reader']} read=main
token plain {SECRETS['plain']} nxs/main/-/*=read
key ADMIN admin-secret *=all
""")
CACHES = ["nx bucket=nxs", "http bucket=files prefix=h/", "turbo bucket=files prefix=t/", "ccache bucket=files prefix=c/"]
server = Server(args=["--credentials", FILE, *[word for cache in CACHES for word in ("--cache", cache)]])


def ask(who, method, path, body=None, headers=None):
    return server.request(method, path, body, {"Authorization": f"Bearer {SECRETS[who]}", **(headers or {})})


def at(who, method, path, body=None, headers=None):
    return ask(who, method, f"/-/cache/{path}", body, headers)


def found(who, path):
    answer = at(who, "GET", path)
    return answer[2] if answer[0] == 200 else answer[0]


NX = "nx/v1/cache/00ff"
equal(found("pr1", NX), 404, "a miss is a miss in every scope")
equal(at("pr1", "PUT", NX, b"of pr 1")[0], 200, "a pull request that uploads first")
equal((found("pr1", NX), found("pr2", NX), found("main", NX), found("reader", NX)), (b"of pr 1", 404, 404, 404), "is found by itself alone")
equal(at("main", "PUT", NX, b"of main")[0], 200, "main's first upload is its first")
equal((found("pr1", NX), found("pr2", NX), found("main", NX), found("reader", NX)), (b"of pr 1", b"of main", b"of main", b"of main"),
      "who reads main finds main's, after his own")
equal(at("main", "PUT", NX, b"of main, again")[0], 409, "once is once, in each scope")
equal((at("reader", "PUT", NX, b"x")[0], at("reader", "HEAD", NX)[0]), (403, 200), "who has nothing to write into writes nothing")
for path in ("http/main/x", "http/../main/x", "http/%2e%2e/main/x", "http/..%2fmain%2fx", "http/%2fmain/x", "ccache/../../h/main/x"):
    at("pr1", "PUT", path, b"poison")
equal(found("main", "http/x"), 404, "no path leads into another's scope")
equal((at("pr1", "PUT", "turbo/v8/artifacts/ab?slug=main", b"of pr 1")[0], found("main", "turbo/v8/artifacts/ab?slug=main")), (200, 404),
      "nor does a team")
for headers in ({"x-scope": "main"}, {"x-amz-meta-scope": "main"}, {"x-amz-copy-source": "/files/h/pr/1/-/main/x"}):
    at("pr1", "PUT", "http/y", b"poison", headers)
equal(found("main", "http/y"), 404, "nor a header")
equal(at("pr1", "DELETE", "http/main/x")[0], 204, "what is deleted is one's own")
equal((at("main", "PUT", "http/z", b"z")[0], at("pr1", "DELETE", "http/z")[0], found("main", "http/z")), (200, 204, b"z"), "and never main's")

# A scope that others begin with: what it stores is not theirs.
at("outer", "PUT", "http/1/inner", b"poison")
at("outer", "PUT", "http/1/-/inner", b"poison")
at("outer", "PUT", "http/-/inner", b"of outer")
equal((found("pr1", "http/inner"), found("pr1", "http/-/inner"), found("outer", "http/-/inner")), (404, 404, b"of outer"), "nor does a scope lie in another")

# Scopes are rights at the doors alone.
equal([ask("pr1", method, path, b"x" if method == "PUT" else None)[0] for method, path in (
    ("GET", "/nxs/main/-/00ff"), ("GET", "/nxs/pr/2/-/00ff"), ("PUT", "/nxs/main/-/00ff"), ("PUT", "/nxs/pr/1/-/01"), ("DELETE", "/nxs/main/-/00ff"), ("GET", "/nxs?list-type=2"))],
      [403] * 6, "by S3 a scope opens nothing")
equal((ask("plain", "GET", "/nxs/main/-/00ff")[2], ask("plain", "PUT", "/nxs/main/-/00ff", b"x")[0]), (b"of main", 403),
      "in S3 rights on full keys do, and what a door keeps stays kept")
equal((found("plain", "nx/v1/cache/main"), ask("pr1", "GET", "/nxs/pr/1/-/00ff")[2]), (403, b"of pr 1"),
      "without a scope an entry lies where its name says; and who stored an object may read it, as in S3")

# ---- A race ----
KEYS = [f"{i:04x}" for i in range(200)]
wrong, ended = [], threading.Event()


def write(who):
    for key in KEYS:
        status = at(who, "PUT", f"nx/v1/cache/{key}", f"of {who} {key}".encode())[0]
        if status != 200:
            wrong.append((who, key, status))


def read():
    while not ended.is_set():
        for key in KEYS[::7]:
            seen = found("main", f"nx/v1/cache/{key}")
            if seen not in (404, f"of main {key}".encode()):
                wrong.append((key, seen))


writers = [threading.Thread(target=write, args=(who,)) for who in ("main", "pr1", "pr2")]
reader = threading.Thread(target=read)
for thread in (*writers, reader):
    thread.start()
for thread in writers:
    thread.join()
ended.set()
reader.join()
equal(wrong, [], "each of three writers is the first in its scope, and main never reads another's")
equal({found("pr2", f"nx/v1/cache/{key}") for key in KEYS}, {f"of pr2 {key}".encode() for key in KEYS}, "everybody's own goes first")
check(server.stop(), "the server ends with status 0")
done()
