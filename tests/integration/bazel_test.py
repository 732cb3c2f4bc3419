#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The door for Bazel and moon: bytes that must hash to their name, results of actions that are a miss unless all that they name is there, in
protobuf and in JSON, in trees and in scopes, and what is refused."""
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os

from protobuf import field
from sluicetest import SLUICE, Server, check, done, equal, fresh, run, skip

SECRETS = {name: f"{name}-secret-0123456789" for name in ("main", "pr", "reader")}
FILE = fresh("bazel") + ".credentials"
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write("".join(f"token {name} {SECRETS[name]} {rights}\n" for name, rights in (
        ("main", "scope=main"), ("pr", "scope=pr/1 read=main"), ("reader", "read=main"))))
    file.write("key ADMIN admin-secret *=all\nanonymous plain=read,write far=read,write small=read,write\n")
CACHES = ["bazel bucket=plain prefix=b/", "bazel name=scoped bucket=scoped", f"bazel name=far bucket=far prefix={'f' * 256}", "bazel name=ccache bucket=plain prefix=c/ no-validation", "bazel name=small bucket=small", "bazel name=once bucket=once write-once", "bazel name=kept bucket=kept"]
server = Server(args=["--credentials", FILE, "--cache-bucket", "plain max-size=1G", "--cache-bucket", "far max-size=1G", "--cache-bucket", "small max-object=1M", "--cache-bucket", "kept write-once", *[word for cache in CACHES for word in ("--cache", cache)]])
ADMIN = {"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret").decode()}
EMPTY = hashlib.sha256(b"").hexdigest()


def ask(method, path, body=None, headers=None, who=None):
    return server.request(method, f"/-/cache/{path}", body, {**({"Authorization": f"Bearer {SECRETS[who]}"} if who else {}), **(headers or {})})


def status(*args, **more):
    return ask(*args, **more)[0]


def name_of(body):
    return hashlib.sha256(body).hexdigest()


def stored(body, door="bazel", who=None):
    """Puts the blob and returns its hash."""
    got = status("PUT", f"{door}/cas/{name_of(body)}", body, who=who)
    check(got == 200, f"{body[:20]!r} is stored", got) if got != 200 else None
    return name_of(body)


def digest(hash, size=1):
    return field(1, hash) + field(2, size)


def output(hash, more=b""):
    return field(2, field(1, "out/file") + field(2, digest(hash)) + field(4, 1) + more)


def directory(*hashes, children=()):
    return b"".join(field(1, field(1, f"file{i}") + field(2, digest(hash))) for i, hash in enumerate(hashes)) \
        + b"".join(field(2, field(1, f"folder{i}") + field(2, digest(hash))) for i, hash in enumerate(children)) \
        + field(3, field(1, "link") + field(2, "file0"))


def key(text):
    return name_of(text.encode())


def result(label, body, door="bazel", who=None, headers=None):
    """Puts a result and says what its GET and HEAD answer."""
    at = f"{door}/ac/{key(label)}"
    put = status("PUT", at, body, headers, who=who)
    get = ask("GET", at, who=who)
    if get[0] == 200 and get[2] != body:
        return "other bytes"
    return put, get[0], status("HEAD", at, who=who)


MISS, HIT = (200, 404, 404), (200, 200, 200)

# ---- Blobs ----
blob = b"quiet" + os.urandom(300_000)
equal(status("GET", f"bazel/cas/{name_of(blob)}"), 404, "cas: a miss")
equal(status("PUT", f"bazel/cas/{name_of(blob)}", blob), 200, "cas: bytes are stored by their SHA-256")
equal((ask("GET", f"bazel/cas/{name_of(blob)}")[2] == blob, status("HEAD", f"bazel/cas/{name_of(blob)}")), (True, 200), "cas: a hit")
equal(ask("GET", f"bazel/some/instance/cas/{name_of(blob)}")[2] == blob, True, "cas: whatever the instance")
equal((status("PUT", f"bazel/cas/{key('x')}", blob), status("PUT", f"bazel/cas/{key('x')}", b"y"), status("GET", f"bazel/cas/{key('x')}")), (400, 400, 404),
      "cas: other bytes are refused")
equal((ask("GET", f"bazel/cas/{EMPTY}")[::2], status("HEAD", f"bazel/cas/{EMPTY}")), ((200, b""), 200), "cas: nothing is always there")
equal((status("PUT", f"bazel/cas/{EMPTY}", b""), status("PUT", f"bazel/cas/{EMPTY}", b"x")), (200, 400), "cas: and may be stored")
equal([status("PUT", f"bazel/{path}", b"z", {"Content-Encoding": coding}) for path, coding in ((f"cas/{name_of(b'z')}", "gzip"), (f"cas/{name_of(b'z')}", "zstd, gzip"), (f"ac/{key('z')}", "zstd"))],
      [415] * 3, "codings other than zstd are refused, and of results that, too")
equal([status("GET", f"bazel/{path}") for path in ("cas/", f"cas/{'A' * 64}", f"cas/{key('x')}0", f"cas/{key('x')[1:]}", f"x{key('x')}", key("x"), "ac", "", f"../ac/{key('x')}",
                                                    f"/ac/{key('x')}", f"xcas/{key('x')}", f"ac/cas/../{key('x')}", "status/x")], [404] * 13, "paths that are none")
equal((status("DELETE", f"bazel/cas/{name_of(blob)}"), status("POST", f"bazel/ac/{key('x')}", b"x")), (405, 405), "nothing is deleted")
answer = ask("GET", "bazel/status")
check(answer[0] == 200 and json.loads(answer[2])["ServerTime"] > 1_700_000_000, "status is JSON", repr(answer))
chunked = server.raw(f"PUT /-/cache/bazel/cas/{name_of(b'z')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "1\r\nz\r\n0\r\n\r\n".encode())
check(chunked.startswith(b"HTTP/1.1 411 "), "a length is needed", repr(chunked[:200]))

# ---- Blobs in zstd's coding ----
RAW = b"\x28\xb5\x2f\xfd"  # the magic number of a frame


def frame(body, window=None, last=True):
    """A frame of raw blocks (RFC 8878), made by hand: with its size in its head, or with a window of that many bits."""
    head = RAW + (b"\xa0" + len(body).to_bytes(4, "little") if window is None else b"\x00" + bytes([(window - 10) << 3]))
    pieces = [body[at:at + (128 << 10)] for at in range(0, len(body), 128 << 10)] or [b""]
    return head + b"".join((len(piece) << 3 | (last and i + 1 == len(pieces))).to_bytes(3, "little") + piece for i, piece in enumerate(pieces))


def zeros(size):
    """A frame of so many zeros, in blocks that repeat one byte: four bytes stand for 128 KiB."""
    counts = [128 << 10] * (size >> 17) + [size & 0x1ffff]
    return RAW + b"\x00" + bytes([(20 - 10) << 3]) + b"".join((count << 3 | 2 | (i + 1 == len(counts))).to_bytes(3, "little") + b"\0" for i, count in enumerate(counts))


def put_coded(plain, coded, headers=None, door="bazel"):
    return status("PUT", f"{door}/cas/{name_of(plain)}", coded, {"Content-Encoding": "zstd", **(headers or {})})


if put_coded(b"is it here", frame(b"is it here")) == 415:
    skip("zstd", "there is no libzstd")
else:
    for size in (0, 1, 1000, 65_536, 200_000, 3_000_000):
        plain = os.urandom(size)
        equal((put_coded(plain, frame(plain), {"X-Digest-SizeBytes": str(size)}), ask("GET", f"bazel/cas/{name_of(plain)}")[2] == plain), (200, True), f"zstd: {size} bytes are stored as what they stand for")
    answer = ask("GET", f"bazel/cas/{name_of(plain)}", headers={"Accept-Encoding": "zstd"})
    equal((answer[2] == plain, answer[1].get("content-encoding")), (True, None), "zstd: and are sent so, whoever asks")
    equal(server.request("HEAD", f"/plain/b/cas/{name_of(plain)}")[1].get("content-encoding"), None, "zstd: by S3, too")
    two = b"one" + b"two" * 50_000
    equal((put_coded(two, frame(b"one") + frame(two[3:], 17)), ask("GET", f"bazel/cas/{name_of(two)}")[2] == two), (200, True), "zstd: two frames are one body")
    large = zeros(40_000_000)
    plain = bytes(40_000_000)
    equal((len(large) < 2000, put_coded(plain, large), ask("GET", f"bazel/cas/{name_of(plain)}")[2] == plain), (True, 200, True), "zstd: little may stand for much")
    found = name_of(b"not there")
    equal([put_coded(b"not there", body, headers) for body, headers in (
        (frame(b"other"), {}), (b"not there", {}), (frame(b"not there")[:-1], {}), (frame(b"not there")[:3], {}), (b"", {}), (frame(b"not there") + b"x", {}), (frame(b"not there", last=False), {}),
        (frame(b"not there"), {"X-Digest-SizeBytes": "5"}), (frame(b"not there"), {"X-Digest-SizeBytes": "7"}), (frame(b"not there"), {"X-Digest-SizeBytes": "x"}), (frame(b"not there", 24), {}),
        (RAW + os.urandom(100), {}), (zeros(40_000_000), {"X-Digest-SizeBytes": "1000"}))], [400] * 13, "zstd: what is damaged, or stands for other bytes, is refused")
    equal((status("GET", f"bazel/cas/{found}"), put_coded(b"not there", frame(b"not there", 23)), status("GET", f"bazel/cas/{found}")), (404, 200, 200), "zstd: and not stored; with a window of 8 MiB it is")
    cut = server.open_socket()
    cut.sendall(f"PUT /-/cache/bazel/cas/{key('cut')} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: zstd\r\nContent-Length: 1000000\r\n\r\n".encode() + zeros(400_000_000))
    cut.close()
    limited = name_of(bytes(2_000_000))
    equal((status("PUT", f"small/cas/{limited}", zeros(2_000_000), {"Content-Encoding": "zstd"}), status("PUT", f"small/cas/{name_of(bytes(1000))}", zeros(1000), {"Content-Encoding": "zstd"}),
           status("GET", f"small/cas/{limited}")), (413, 200, 404), "zstd: a cache's largest object is one of plain bytes")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        bodies = [os.urandom(300_000 + i) for i in range(48)]
        equal(list(pool.map(lambda body: put_coded(body, frame(body, 20)), bodies)), [200] * 48, "zstd: many at a time")
    equal([ask("GET", f"bazel/cas/{name_of(body)}")[2] == body for body in bodies], [True] * 48, "zstd: and all are whole")
    equal(status("GET", f"bazel/cas/{key('cut')}"), 404, "zstd: nothing is left of one that was cut off")

# ---- Results in protobuf ----
there, absent = stored(b"output of an action"), key("absent")
stdout = stored(b"what it said")
equal(result("whole", output(there) + field(4, 0) + field(6, digest(stdout)) + field(9, field(1, "worker"))), HIT, "ac: all is there")
equal(result("absent", output(there) + output(absent)), MISS, "ac: an output is not")
equal(result("stderr", output(there) + field(8, digest(absent))), MISS, "ac: nor what it said")
equal(result("inline", output(absent, field(5, b"its bytes")) + field(7, b"said") + field(8, digest(absent))), HIT, "ac: bytes in the result need no blob")
equal(result("empty", output(EMPTY) + field(6, digest(EMPTY, 0))), HIT, "ac: nothing is there without being stored")
equal(result("none", b""), HIT, "ac: a result may name nothing")
equal(result("instance", output(there))[1:], (200, 200), "ac: an instance")
equal(status("GET", f"bazel/other/ac/{key('instance')}"), 404, "ac: has results of its own")
equal(result("kept", output(stored(b"comes and goes"))), HIT, "ac: what is there")
equal(server.request("DELETE", f"/plain/b/cas/{name_of(b'comes and goes')}")[0], 204, "ac: may go")
equal(status("GET", f"bazel/ac/{key('kept')}"), 404, "ac: and is a miss then")
stored(b"comes and goes")
equal(status("GET", f"bazel/ac/{key('kept')}"), 200, "ac: until it is back")

# ---- Written once ----
for door, bucket, where in (("once", "once", "the door"), ("kept", "kept", "the bucket")):
    prefix = f"{door}/cas/"
    blob = stored(b"comes and goes", door, "main")
    at = f"{door}/ac/{key('result')}"
    first, second = output(blob, field(5, b"")), output(blob) + field(4, 0)
    equal((status("PUT", at, first, who="main"), status("PUT", at, second, who="main"), ask("GET", at, who="main")[2]), (200, 200, first), f"written once by {where}: a result stays")
    gone = server.request("DELETE", f"/{bucket}/main/-/cas/{blob}", headers=ADMIN)[0]
    equal((gone, [status("GET", at, who=who) for who in ("reader", "pr")], status("PUT", at, second, who="main")), (204, [404, 404], 200), f"written once by {where}: it has lost a blob, who may not write it asks")
    stored(b"comes and goes", door, "main")
    equal(ask("GET", at, who="main")[2], first, f"written once by {where}: and it is there still")
    server.request("DELETE", f"/{bucket}/main/-/cas/{blob}", headers=ADMIN)
    equal([status("GET", at, who="main"), status("PUT", at, second, who="main"), stored(b"comes and goes", door, "main") == blob, ask("GET", at, who="main")[2] == second],
          [404, 200, True, True], f"written once by {where}: whose build misses it may write it again")
    equal((status("PUT", at, first, who="main"), ask("GET", at, who="reader")[2] == second), (200, True), f"written once by {where}: once")

# ---- Trees ----
leaf = stored(b"a file in a tree")
whole, lacking = field(1, directory(leaf, there)) + field(2, directory(leaf)), field(1, directory(leaf)) + field(2, directory(there, absent))


def with_tree(tree):
    return field(3, field(1, "out/dir") + field(3, digest(tree, 100)))


equal(result("tree", with_tree(stored(whole))), HIT, "tree: all of its files are there")
equal(result("lacking", with_tree(stored(lacking))), MISS, "tree: one is not")
equal(result("treeless", with_tree(key("no tree"))), MISS, "tree: it is not there itself")
equal(result("no tree", with_tree(stored(b"\xff\xff\xff no tree"))), MISS, "tree: it is none")
inner = stored(directory(leaf))
equal(result("directories", field(3, field(5, digest(stored(directory(there, children=(inner,))))))), HIT, "directories that are blobs: all of them are there")
equal(result("deep", field(3, field(5, digest(stored(directory(there, children=(stored(directory(absent)),))))))), MISS, "directories: a file two below is not")
many = [stored(b"quiet %d" % i) for i in range(300)]
big = b"".join(field(2, directory(*many)) for i in range(40))
equal(result("big", with_tree(stored(b"" + field(1, directory(*many)) + big))), HIT, "tree: twelve thousand names")
equal(result("big lacking", with_tree(stored(field(1, directory(absent)) + big))), MISS, "tree: of which one is not there")
# More uses than a worker notes before they are taken from it.
far = [b"far %d" % i for i in range(4000)]


def put_far(first):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    for body in far[first::8]:
        connection.request("PUT", f"/-/cache/far/cas/{name_of(body)}", body)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            return False
    return True


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    check(all(pool.map(put_far, range(8))), "tree: four thousand blobs in a cache")
equal(result("far", with_tree(stored(field(1, directory(*map(name_of, far))), "far")), "far"), HIT, "tree: all of them count as used")
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    equal(set(pool.map(lambda i: status("GET", f"bazel/ac/{key('big' if i % 2 else 'whole')}"), range(64))), {200}, "many at a time")

# ---- What is no result ----
wrong = [b"\x00", b"\x0b", b"\x12\x05ab", b"garbage, as it were", output("short"), output("G" * 64), b"\xff" * 11, output(there)[:-1], field(2, b"\x12\xff\xff\xff\xff\x0f"), b"{", b"{]", b"{\"outputFiles\": 3}"]
equal([status("PUT", f"bazel/ac/{key('wrong')}", body) for body in wrong], [400] * len(wrong), "ac: what is no result is refused")
equal(status("GET", f"bazel/ac/{key('wrong')}"), 404, "ac: and not stored")
equal(status("PUT", f"bazel/ac/{key('wrong')}", output(there, field(7, b"x" * (5 << 20)))), 400, "ac: nor what is larger than any")
equal((status("PUT", f"ccache/ac/{key('wrong')}", b"garbage"), ask("GET", f"ccache/ac/{key('wrong')}")[2], status("PUT", f"ccache/cas/{key('wrong')}", b"x")), (200, b"garbage", 400),
      "no-validation: results are any bytes, blobs are not")

# ---- JSON ----
TYPE = {"Content-Type": "application/json"}


def in_json(**members):
    return json.dumps(members).encode()


equal(result("json", in_json(outputFiles=[{"path": "a", "digest": {"hash": there, "sizeBytes": "20"}}], stdoutDigest={"hash": stdout, "sizeBytes": 12}, exitCode=0), headers=TYPE), HIT,
      "json: all is there")
equal(result("json absent", in_json(output_files=[{"path": "a", "digest": {"hash": there, "size_bytes": 20}}, {"path": "b", "digest": {"hash": absent, "size_bytes": 1}}]), headers=TYPE),
      MISS, "json: an output is not")
equal(result("json stderr", in_json(stderr_digest={"hash": absent, "size_bytes": 1}), headers=TYPE), MISS, "json: nor what it said")
equal(result("json raw", in_json(stderr_digest={"hash": absent, "size_bytes": 1}, stderr_raw="c2FpZA==", stdout_digest=None), headers=TYPE), HIT, "json: bytes in the result need no blob")
equal(result("json tree", in_json(outputDirectories=[{"path": "d", "treeDigest": {"hash": name_of(lacking), "sizeBytes": 3}}])), MISS, "json: trees are looked into")
equal(result("json whole tree", in_json(output_directories=[{"path": "d", "tree_digest": {"hash": name_of(whole), "size_bytes": 3}}])), HIT, "json: and may be whole")
equal(result("json much", in_json(output_files=[{"path": f"f{i}", "digest": {"hash": hash, "size_bytes": 9}} for i, hash in enumerate(many)])), HIT, "json: many files")
equal(status("PUT", f"bazel/ac/{key('large')}", in_json(x="y" * 300_000)), 400, "json: of more than 256 KiB is refused")

# ---- Scopes ----
stored(b"of main", "scoped", "main")
stored(b"of a pull request", "scoped", "pr")
both = output(name_of(b"of main")) + output(name_of(b"of a pull request"))
equal((result("both", both, "scoped", "pr"), result("both", both, "scoped", "main")), (HIT, MISS), "scopes: a blob counts where who asks may read it")
equal(status("GET", f"scoped/ac/{key('both')}", who="reader"), 404, "scopes: for a reader of main as for main")
equal(status("PUT", f"scoped/ac/{key('mains')}", output(name_of(b"of main")), who="main"), 200, "scopes: main stores a result")
equal([status("GET", f"scoped/ac/{key('mains')}", who=who) for who in SECRETS], [200] * 3, "scopes: which all of its readers find")
equal(status("PUT", f"scoped/ac/{key('mains')}", output(absent), who="pr"), 200, "scopes: a pull request stores one that lacks a blob")
equal(ask("GET", f"scoped/ac/{key('mains')}", who="pr")[2], output(name_of(b"of main")), "scopes: and finds main's")
tree = field(1, directory(name_of(b"of main")))
stored(tree, "scoped", "pr")
equal(result("tree", with_tree(name_of(tree)), "scoped", "pr"), HIT, "scopes: a tree here, its file there")
mains_tree = field(1, directory(name_of(b"of main"))) + field(2, directory())
equal(result("mains tree", with_tree(stored(mains_tree, "scoped", "main")), "scoped", "pr"), HIT, "scopes: and a tree of main's")
for who in ("main", "pr"):
    status("PUT", f"scoped/ac/{key('neither')}", output(absent), who=who)
equal(status("GET", f"scoped/ac/{key('neither')}", who="pr"), 404, "scopes: two results that lack a blob are a miss")
equal((status("PUT", f"scoped/cas/{name_of(b'r')}", b"r", who="reader"), status("GET", f"scoped/cas/{name_of(b'of main')}")), (403, 401), "scopes: a reader writes nothing, a stranger is asked")
check(server.stop(), "the server ends with status 0")
code, text = run([SLUICE, "serve", "--data", fresh("bazel-none"), "--check-config", "--cache", "nx bucket=abc no-validation"])
check(code != 0 and "is none of" in text, "what has no results has nothing to look into", text)
done()
