#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A bucket in front of another S3: misses are fetched once and stay; what the origin answers wrongly is never stored nor served whole; nobody without
rights has anything fetched; servers in front of each other do not go round."""
import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import threading
import time

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, free_port, poll, run, s3_client, scratch

MIB = 1 << 20
far_port, loop_port = free_port(), free_port()


class Toy:
    """An origin that answers as it is told: answers[key] gets the connection and the method, and writes what it likes. asked: how often, by key."""

    def __init__(self):
        self.asked, self.heads, self.answers, self.lock = {}, [], {}, threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    head += piece
                method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
                key = path.split("?")[0].rsplit("/", 1)[1]
                with self.lock:
                    self.asked[key] = self.asked.get(key, 0) + 1
                    self.heads.append(head)
                self.answers[key](connection, method)
            except OSError:
                pass


def whole(body, status="200 OK", length=None, etag=None, more=""):
    def answer(connection, method):
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n{more}"
        if etag != "":
            head += f'ETag: "{etag or hashlib.md5(body).hexdigest()}"\r\n'
        if length != "":
            head += f"Content-Length: {len(body) if length is None else length}\r\n"
        connection.sendall(head.encode() + b"\r\n" + (b"" if method == "HEAD" else body))
    return answer


def slowly(body, gate, **words):
    """The first half, and the rest when the gate opens."""
    def answer(connection, method):
        half = len(body) // 2
        whole(body[:half], length=len(body), etag=hashlib.md5(body).hexdigest(), **words)(connection, method)
        gate.wait(300)
        connection.sendall(body[half:])
    return answer


toy = Toy()
origins = scratch("origins")


def write_origins(extra=""):
    with open(origins, "w") as out:
        out.write(f"[far]\nendpoint = http://127.0.0.1:{far_port}\naccess-key = {ACCESS}\nsecret-key = {SECRET}\nbuckets = art*\nbucket = source\nprefix = mirror/\nconnections = 2\n"
                  f"[toy]\nendpoint = http://127.0.0.1:{toy.port}\nbuckets = toy, cached, door\nbucket = toy\ntimeout = 1\nconnections = 4\n"
                  f"[slow]\nendpoint = http://127.0.0.1:{toy.port}\nbuckets = slow\nconnections = 4\n"
                  f"[loop]\nendpoint = http://127.0.0.1:{loop_port}\naccess-key = {ACCESS}\nsecret-key = {SECRET}\nbuckets = loop\nconnections = 1\n"
                  f"[nobody]\nendpoint = http://127.0.0.1:{free_port()}\nbuckets = nobody\nconnections = 1\n" + extra)
    os.chmod(origins, 0o600)


write_origins()
credentials = scratch("credentials")
with open(credentials, "w") as out:
    out.write("key OTHERKEY other-secret-key else=read,list\n")
os.chmod(credentials, 0o600)
far = Server(keys=True, args=["--listen", f"127.0.0.1:{far_port}"])
near = Server(keys=True, args=["--origins", origins, "--metrics", "public", "--credentials", credentials, "--website-domain", "web.test", "--cache", "bazel bucket=door"])
far_s3, s3 = s3_client(far), s3_client(near)
far_s3.create_bucket(Bucket="source")
for name in ("artifacts", "toy", "cached", "slow", "loop", "nobody", "plain"):
    s3.create_bucket(Bucket=name)


def code_of(call):
    try:
        call()
    except Exception as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def cut_short(key):
    """Whether a GET ended with less than was announced, or with an error: never a whole answer."""
    try:
        s3.get_object(Bucket="toy", Key=key)["Body"].read()
    except Exception:
        return True
    return False


def metric(name, origin):
    _, _, page = near.request("GET", "/-/metrics")
    for line in page.decode().splitlines():
        if line.startswith(f'sluice_origin_{name}{{origin="{origin}"}}'):
            return int(line.split()[-1])
    return None


def keys(bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


# ---- Misses ----

small, large = os.urandom(20_000), os.urandom(9 * MIB)
made = far_s3.put_object(Bucket="source", Key="mirror/small", Body=small, ContentType="text/x-one", CacheControl="max-age=7", Metadata={"colour": "red"})
far_s3.put_object(Bucket="source", Key="mirror/large", Body=large, ChecksumAlgorithm="SHA256")
far_s3.put_object(Bucket="source", Key="mirror/empty", Body=b"")
far_s3.put_object(Bucket="source", Key="small", Body=b"outside the prefix")
head = s3.head_object(Bucket="artifacts", Key="small")
equal((head["ETag"], head["ContentLength"], head["ContentType"], head["Metadata"]), (made["ETag"], len(small), "text/x-one", {"colour": "red"}), "HEAD of a miss says what is there")
equal(keys("artifacts"), [], "and stores nothing")
got = s3.get_object(Bucket="artifacts", Key="small")
equal(got["Body"].read(), small, "a small object is fetched")
equal((got["ETag"], got["ContentType"], got["CacheControl"], got["Metadata"], got["LastModified"]),
      (made["ETag"], "text/x-one", "max-age=7", {"colour": "red"}, head["LastModified"]), "with its ETag, headers and time")
equal(s3.get_object(Bucket="artifacts", Key="large")["Body"].read() == large, True, "a large one is fetched")
equal(s3.get_object(Bucket="artifacts", Key="empty")["Body"].read(), b"", "and one of no bytes")
equal(keys("artifacts"), ["empty", "large", "small"], "they are here now")
equal(s3.head_object(Bucket="artifacts", Key="large", ChecksumMode="ENABLED")["ChecksumSHA256"],
      far_s3.head_object(Bucket="source", Key="mirror/large", ChecksumMode="ENABLED")["ChecksumSHA256"], "with their checksums")
far_s3.delete_object(Bucket="source", Key="mirror/large")
equal(s3.get_object(Bucket="artifacts", Key="large")["Body"].read() == large, True, "what is here is not asked for again")
equal(code_of(lambda: s3.get_object(Bucket="artifacts", Key="nothing")), ("NoSuchKey", 404), "what the origin does not have is not there")
equal(code_of(lambda: s3.head_object(Bucket="artifacts", Key="nothing")), ("404", 404), "for HEAD as well")
equal(code_of(lambda: s3.get_object(Bucket="plain", Key="small")), ("NoSuchKey", 404), "a bucket without an origin has what it has")
s3.put_object(Bucket="artifacts", Key="own", Body=b"put here")
equal(code_of(lambda: far_s3.head_object(Bucket="source", Key="mirror/own")), ("404", 404), "what is put here stays here")
s3.delete_object(Bucket="artifacts", Key="small")
equal(s3.get_object(Bucket="artifacts", Key="small")["Body"].read(), small, "what is deleted here is fetched again")

# ---- Ranges and conditions of a miss ----

ranged = os.urandom(3 * MIB)
for name in ("range", "match", "none", "unsatisfiable"):
    toy.answers[name] = whole(ranged)
got = s3.get_object(Bucket="toy", Key="range", Range="bytes=2000000-2000999")
equal((got["ResponseMetadata"]["HTTPStatusCode"], got["ContentRange"], got["Body"].read()), (206, f"bytes 2000000-2000999/{len(ranged)}", ranged[2000000:2001000]), "a range of a miss")
equal(code_of(lambda: s3.get_object(Bucket="toy", Key="match", IfMatch='"other"'))[1], 412, "If-Match of a miss")
equal(code_of(lambda: s3.get_object(Bucket="toy", Key="none", IfNoneMatch=f'"{hashlib.md5(ranged).hexdigest()}"'))[1], 304, "If-None-Match of a miss")
equal(code_of(lambda: s3.get_object(Bucket="toy", Key="unsatisfiable", Range=f"bytes={len(ranged)}-"))[1], 416, "a range that no miss has")
toy.answers["head"] = whole(ranged)
got = s3.head_object(Bucket="toy", Key="head", Range="bytes=5-9")
equal((got["ContentLength"], got["ResponseMetadata"]["HTTPHeaders"]["content-range"]), (5, f"bytes 5-9/{len(ranged)}"), "HEAD of a range of a miss")

# ---- Once, however many ask ----

gate, wanted = threading.Event(), os.urandom(5 * MIB)
toy.answers["once"] = slowly(wanted, gate)
bodies = []


def ask():
    bodies.append(s3.get_object(Bucket="slow", Key="once")["Body"].read())


askers = [threading.Thread(target=ask) for _ in range(16)]
for asker in askers:
    asker.start()
check(poll(lambda: (metric("joined_total", "slow") or 0) >= 15), "sixteen ask, and fifteen join")
equal((metric("fetching", "slow"), keys("slow").count("once")), (1, 0), "nothing is visible meanwhile")
gate.set()
for asker in askers:
    asker.join()
equal((toy.asked["once"], len(bodies), all(body == wanted for body in bodies)), (1, 16, True), "the origin was asked once, and all have the bytes")

# ---- Served while it comes ----

gate, wanted = threading.Event(), os.urandom(6 * MIB)
half = len(wanted) // 2
toy.answers["coming"] = slowly(wanted, gate)
first = s3.get_object(Bucket="slow", Key="coming")["Body"]
equal(first.read(2 * MIB) == wanted[:2 * MIB], True, "the beginning is served before the end is here")
got = s3.get_object(Bucket="slow", Key="coming", Range="bytes=1000000-1999999")
equal((got["ContentRange"], got["Body"].read() == wanted[1000000:2000000]), (f"bytes 1000000-1999999/{len(wanted)}", True), "so is a range, to its end")
equal(code_of(lambda: s3.get_object(Bucket="slow", Key="coming", IfMatch='"other"'))[1], 412, "conditions are judged")
s3.get_object(Bucket="slow", Key="coming")["Body"].close()
later = s3.get_object(Bucket="slow", Key="coming", Range=f"bytes={half + MIB}-")["Body"]
equal((toy.asked["coming"], keys("slow").count("coming")), (1, 0), "all of them share one fetch, and nothing is visible yet")
gate.set()
equal((first.read() == wanted[2 * MIB:], later.read() == wanted[half + MIB:]), (True, True), "and the rest when it comes")
check(poll(lambda: keys("slow").count("coming") == 1, 120), "then it is stored")

# A client that is slower than the origin, and than the deletion of the object.
wanted = os.urandom(24 * MIB)
gate = threading.Event()
toy.answers["slow-reader"] = slowly(wanted, gate)
body = s3.get_object(Bucket="slow", Key="slow-reader")["Body"]
gate.set()
check(poll(lambda: keys("slow").count("slow-reader") == 1, 120), "a fetch does not wait for a slow client")
s3.delete_object(Bucket="slow", Key="slow-reader")
equal(body.read() == wanted, True, "who gets all of it, though it was deleted meanwhile")

# ---- Who may not read ----

toy.answers["secret"] = whole(b"secret")
for name, headers in (("anonymous", None), ("another key", ("OTHERKEY", "other-secret-key"))):
    client = http.client.HTTPConnection("127.0.0.1", near.port)
    if headers is None:
        client.request("GET", "/toy/secret")
        check(client.getresponse().status in (401, 403), "anonymous is refused")
    else:
        equal(code_of(lambda: s3_client(near, *headers).get_object(Bucket="toy", Key="secret")), ("AccessDenied", 403), "a key without rights is refused")
equal(toy.asked.get("secret"), None, "and nothing was asked for")
s3.put_bucket_policy(Bucket="toy", Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::toy/public/*"}]}')
toy.answers["by-policy"] = whole(b"public")
toy.answers["absent"] = whole(b"", status="404 Not Found", etag="")
for path, want in (("/toy/public/by-policy", (200, b"public")), ("/toy/secret", (401, None)), ("/toy/public/absent", (401, None))):
    client = http.client.HTTPConnection("127.0.0.1", near.port)
    client.request("GET", path)
    answer = client.getresponse()
    body = answer.read()
    equal((answer.status, body if want[1] is not None else None), want, f"anonymous, with a policy: {path}")

# Of a bucket whose ACL lets everybody list it, but read no object.
s3.delete_bucket_policy(Bucket="toy")
s3.put_bucket_acl(Bucket="toy", ACL="public-read")
toy.answers["by-acl"] = whole(b"private")
equal(near.request("GET", "/toy/by-acl")[0], 404, "who may list and not read learns that it is not here")
equal(toy.asked.get("by-acl"), None, "and has nothing asked for")
equal(s3.get_object(Bucket="toy", Key="by-acl")["Body"].read(), b"private", "who may read gets it")
check(near.request("GET", "/toy/by-acl")[0] in (401, 403), "which stays its owner's")
s3.put_bucket_acl(Bucket="toy", ACL="private")

# ---- sluice status ----

environment = {**os.environ, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
status, text = run([SLUICE, "status", f"http://127.0.0.1:{near.port}"], env=environment)
check(status == 0 and re.search(r"^origin +far: [1-9]\d* fetched, 0 failed, 0 on their way, 0 wait$", text, re.M), "status tells of each origin", text)
status, text = run([SLUICE, "status", f"http://127.0.0.1:{near.port}", "--json"], env=environment)
equal([(one["origin"], one["fetched"]) for one in json.loads(text)["origins"] if one["origin"] == "far"], [("far", metric("fetched_total", "far"))], "in JSON, too")

# ---- Origins that lie, hang, and break off ----

failures = {
    "other-md5": whole(b"x" * 200_000, etag="0" * 32),
    "other-crc": whole(b"x" * 200_000, more="x-amz-checksum-crc32c: AAAAAA==\r\n"),
    "cut": whole(b"x" * 100_000, length=200_000, etag="1" * 32),
    "small-cut": whole(b"x" * 100, length=200, etag="1" * 32),
    "no-length": whole(b"x" * 100, length=""),
    "negative": whole(b"x" * 100, length="-1"),
    "huge": whole(b"x" * 100, length=1 << 62),
    "moved": whole(b"", status="307 Temporary Redirect", etag="", more=f"Location: http://127.0.0.1:{far_port}/source/small\r\n"),
    "denied": whole(b"", status="403 Forbidden", etag=""),
    "broken": whole(b"", status="500 Internal Server Error", etag=""),
    "partial": whole(b"x" * 100, status="206 Partial Content", more="Content-Range: bytes 0-99/200\r\n"),
    "no-http": lambda connection, method: connection.sendall(b"\0" * 1000),
    "much-head": lambda connection, method: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"x-amz-meta-a: b\r\n" * 100_000),
    "closed": lambda connection, method: None,
    "silent": lambda connection, method: time.sleep(30),
}
for name, answer in failures.items():
    toy.answers[name] = answer
    check(cut_short(name), f"{name}: no whole answer")
equal([key for key in keys("toy") if key in failures], [], "none of it is stored")
equal(code_of(lambda: s3.get_object(Bucket="toy", Key="denied")), ("ServiceUnavailable", 503), "and clients are told to come again")
equal(code_of(lambda: s3.get_object(Bucket="nobody", Key="any")), ("ServiceUnavailable", 503), "as where nobody answers")
toy.answers["broken"] = whole(b"well again")
equal(s3.get_object(Bucket="toy", Key="broken")["Body"].read(), b"well again", "a failure is not kept")
toy.answers["too-long"] = whole(b"right" + b"wrong" * 1000, length=5, etag=hashlib.md5(b"right").hexdigest())
equal(s3.get_object(Bucket="toy", Key="too-long")["Body"].read(), b"right", "what comes behind the object is none of it")
toy.answers["strange"] = whole(b"body", etag="0f343b0931126a20f133d67c2b018a3b-2", more="x-amz-meta-bad\x01: a\r\nx-amz-meta-ctl: a\x01b\r\nx-amz-meta-good: c\r\n")
got = s3.get_object(Bucket="toy", Key="strange")
equal((got["ETag"], got["Metadata"]), ('"0f343b0931126a20f133d67c2b018a3b-2"', {"good": "c"}), "what cannot be a header is left out; an ETag that is no digest is kept")

# ---- Servers in front of each other ----

other = scratch("other")
with open(other, "w") as out:
    out.write(f"[back]\nendpoint = http://127.0.0.1:{near.port}\naccess-key = {ACCESS}\nsecret-key = {SECRET}\nbuckets = loop\n")
os.chmod(other, 0o600)
loop = Server(keys=True, args=["--listen", f"127.0.0.1:{loop_port}", "--origins", other])
loop_s3 = s3_client(loop)
loop_s3.create_bucket(Bucket="loop")
equal(code_of(lambda: s3.get_object(Bucket="loop", Key="nowhere")), ("NoSuchKey", 404), "a request does not go round")
loop_s3.put_object(Bucket="loop", Key="there", Body=b"there")
equal(s3.get_object(Bucket="loop", Key="there")["Body"].read(), b"there", "and finds what is on its way")

# ---- A cache bucket ----

document = b"<CacheConfiguration><MaxSize>300000</MaxSize></CacheConfiguration>"
equal(near.request("PUT", "/cached?sluice-cache", document, Signer(ACCESS, SECRET).headers("PUT", "/cached", f"127.0.0.1:{near.port}", "UNSIGNED-PAYLOAD", query="sluice-cache="))[0], 200, "a bucket in front of another may be a cache")
for number in range(12):
    name = f"cached-{number}"
    toy.answers[name] = whole(name.encode() * 10_000)
    equal(s3.get_object(Bucket="cached", Key=name)["Body"].read() == name.encode() * 10_000, True, f"{name} comes")
check(poll(lambda: 0 < len(keys("cached")) <= 3, 120), "of what came it keeps as much as it may hold", keys("cached"))
gone = next(name for name in (f"cached-{number}" for number in range(12)) if name not in keys("cached"))
equal((s3.get_object(Bucket="cached", Key=gone)["Body"].read() == gone.encode() * 10_000, toy.asked[gone]), (True, 2), "and what it gave up is fetched again")

# ---- Doors, and pages of websites ----

s3.put_bucket_website(Bucket="toy", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
s3.put_bucket_policy(Bucket="toy", Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::toy/index.html"}]}')
page, blob = b"<p>from there</p>", os.urandom(5000)
toy.answers["index.html"] = whole(page, more="Content-Type: text/html\r\n")
client = http.client.HTTPConnection("127.0.0.1", near.port)
client.request("GET", "/", headers={"Host": "toy.web.test"})
answer = client.getresponse()
equal((answer.status, answer.getheader("Content-Type"), answer.read()), (200, "text/html", page), "a website has its pages from there")
name = hashlib.sha256(blob).hexdigest()
toy.answers[name] = whole(blob)
owner = {"Authorization": "Basic " + base64.b64encode(f"{ACCESS}:{SECRET}".encode()).decode()}
equal(near.request("GET", f"/-/cache/bazel/cas/{name}", headers=owner)[::2], (200, blob), "and so has a door")

# ---- The file again, the end ----

write_origins("[more]\nendpoint = http://127.0.0.1:1\nbuckets = more\nconnections = 1\n")
near.process.send_signal(signal.SIGHUP)
check(poll(lambda: metric("fetched_total", "more") == 0, 120), "the file is read again on SIGHUP")
check(metric("fetched_total", "toy") > 0, "and figures go on")
toy.answers["after"] = whole(b"after")
equal(s3.get_object(Bucket="toy", Key="after")["Body"].read(), b"after", "as does fetching")
toy.answers["forever"] = lambda connection, method: (connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"), [connection.sendall(b"x" * 4096) or time.sleep(0.01) for _ in range(3000)])
ender = threading.Thread(target=cut_short, args=("forever",))
ender.start()
check(poll(lambda: metric("fetching", "toy") == 1), "one is on its way")
check(near.stop(), "the server stops all the same")
ender.join()
for server in (far, loop):
    check(server.stop(), "and the others")
equal(run([SLUICE, "check", "--data", near.data])[0], 0, "the store is sound")
done()
