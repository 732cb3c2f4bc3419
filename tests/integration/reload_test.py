#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGHUP: a server that runs goes on with other settings, each option that --help says it of; a mistake leaves all as it was; what takes a restart is
named; and nothing that is under way is disturbed."""
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import threading
import time

from signer import Signer
from sluicetest import ACCESS, ROOT, SECRET, SLUICE, Server, check, done, equal, exchange, fresh, make_certificate, poll, run, scratch

HELP = run([SLUICE, "serve", "--help"])[1]
RELOADS = set()
for heading, text in re.findall(r"^  (\S.*)\n((?:    .*\n)+)", HELP, re.M):
    if "Taken anew on SIGHUP." in re.sub(r"\s+", " ", text):
        RELOADS.add(re.search(r"in the file: (\S+) =|--([a-z0-9-]+)", heading).group(1) or re.search(r"--([a-z0-9-]+)", heading).group(1))
SEEN = set()
DONE = "opened the logs anew"
FAILED = "reload failed, the old settings stay in force"


def write(path, text):
    with open(path + ".new", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        out.write(text)
    os.rename(path + ".new", path)


class Configured:
    """A server with a configuration file."""

    def __init__(self, name, settings, env=None):
        self.file, self.settings = scratch(f"{name}.conf"), dict(settings)
        self.write()
        self.server = Server(args=["--config", self.file, "--workers", "2"], env=env)

    def write(self, **changed):
        self.settings.update({name.replace("_", "-"): value for name, value in changed.items()})
        lines = [f"{name} = {item}" for name, value in self.settings.items() if value is not None for item in (value if isinstance(value, list) else [value])]
        write(self.file, "\n".join(lines) + "\n")

    def reload(self, seconds=60, **changed):
        """What the log says of it."""
        self.write(**changed)
        before = len(self.server.log_text())
        os.kill(self.server.pid, signal.SIGHUP)
        said = lambda: self.server.log_text()[before:]
        poll(lambda: DONE in said() or FAILED in said(), seconds)
        return said()

    def changes(self, *options, **changed):
        """A reload that names these options, and no other."""
        said = self.reload(**changed)
        names = re.search(r"other values for (.*)", said)
        equal(set(names.group(1).rstrip('"}').split(", ")) if names else said, set(options), f"the log names what changed: {', '.join(options)}")
        SEEN.update(options)
        return said


def signed(method, path, access=ACCESS, secret=SECRET, port=None, host="127.0.0.1"):
    return Signer(access, secret).headers(method, path, f"{host}:{port}")


def logs():
    """Where the logs are and what they look like."""
    data = fresh("logs")
    os.mkdir(data)
    path = lambda name: os.path.join(data, name)
    it = Configured("logs", {"access-log": path("one.log"), "log-format": "text"})
    server = it.server
    read = lambda name: open(path(name)).read() if os.path.exists(path(name)) else ""
    server.request("PUT", "/first")
    check(poll(lambda: "PUT /first" in read("one.log")), "a line in the access log")
    it.changes("access-log", "access-log-format", "audit-log", access_log=path("two.log"), access_log_format="json", audit_log=path("audit.log"))
    server.request("PUT", "/second")
    check(poll(lambda: "/second" in read("two.log")), "the next is in another file")
    equal(json.loads(read("two.log").splitlines()[-1])["path"], "/second", "and in the other form")
    equal(json.loads(read("audit.log").splitlines()[-1])["bucket"], "second", "and a log of changes is there that was not")
    check("/second" not in read("one.log"), "the old one has no more")
    os.rename(path("two.log"), path("two.log.1"))
    check("no option has another value" in it.reload(), "a reload that changes nothing says so")
    server.request("PUT", "/third")
    check(poll(lambda: "/third" in read("two.log")) and "/third" not in read("two.log.1"), "it opens the log anew after a rotation")
    it.changes("access-log", "audit-log", access_log=None, audit_log=None)
    server.request("PUT", "/fourth")
    check("/fourth" not in read("two.log") and "/fourth" not in read("audit.log"), "none is written any more when none is asked for")
    os.remove(path("two.log"))
    it.changes("slow-request", slow_request="1")
    equal(server.log_text().count("slow request"), 0, "no request was slow")
    with server.open_socket() as sock:
        sock.sendall(b"PUT /first/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
        time.sleep(0.05)
        sock.sendall(b"x")
        sock.recv(1000)
    check(poll(lambda: "slow" in server.log_text().rsplit(DONE, 1)[1]), "from now on slow ones are told", server.log_text()[-500:])
    it.reload(slow_request="0")
    it.changes("log-format", log_format="json")
    equal(json.loads(server.log_text().splitlines()[-1])["level"], "info", "messages are JSON from here on")
    size = len(server.log_text())
    it.write(log_level="error", access_log=path("two.log")) # by the file it is seen that it was taken
    os.kill(server.pid, signal.SIGHUP)
    check(poll(lambda: os.path.exists(path("two.log"))), "a reload to a level of errors alone")
    it.write(log_level="info", log_format="text")
    for _ in range(50):
        os.kill(server.pid, signal.SIGHUP)
        if poll(lambda: DONE in server.log_text()[size:], 1):
            break
    equal(re.findall(r"other values for (.*)", server.log_text()[size:])[:1], ["log-format, log-level"], "a level of errors alone leaves out what is said of a reload, until that is put back")
    SEEN.update({"log-level"})
    check(server.stop(), "it stops in good order")


def keys():
    """Who may do what."""
    secret_file, access_file = scratch("secret.txt"), scratch("access.txt")
    write(secret_file, "file-secret-0123\n")
    write(access_file, "FILEKEY\n")
    it = Configured("keys", {"access-key": ACCESS, "secret-key": SECRET, "web-auth-plain-http": "no", "allow-anonymous": "no"})
    server = it.server
    ask = lambda access=ACCESS, secret=SECRET: server.request("GET", "/", headers=signed("GET", "/", access, secret, server.port))[0]
    equal(ask(), 200, "the key of the start is good")
    it.changes("secret-key", secret_key="another-secret")
    equal((ask(), ask(secret="another-secret")), (403, 200), "another secret takes its place")
    check("another-secret" not in server.log_text(), "and is not in the log")
    it.changes("access-key", access_key="OTHER")
    equal((ask(secret="another-secret"), ask("OTHER", "another-secret")), (403, 200), "and another name")
    it.changes("access-key", "secret-key", "access-key-file", "secret-key-file", access_key=None, secret_key=None, access_key_file=access_file, secret_key_file=secret_file)
    equal((ask("OTHER", "another-secret"), ask("FILEKEY", "file-secret-0123")), (403, 200), "and those of files")
    write(secret_file, "file-secret-4567\n")
    it.reload()
    equal((ask("FILEKEY", "file-secret-0123"), ask("FILEKEY", "file-secret-4567")), (403, 200), "which are read again without another option")
    said = it.reload(access_key_file=None, secret_key_file=None)
    check("needs a restart: the first key" in said and FAILED in said, "to have no key any more takes a restart", said)
    equal(ask("FILEKEY", "file-secret-4567"), 200, "and the key stays good")
    it.write(access_key_file=access_file, secret_key_file=secret_file)
    metrics = lambda: server.request("GET", "/-/metrics")[0]
    equal(metrics(), 401, "metrics take a key")
    it.changes("metrics", metrics="public")
    equal(metrics(), 200, "until they are public")
    basic = {"Authorization": "Basic " + __import__("base64").b64encode(b"FILEKEY:file-secret-4567").decode()}
    shown = lambda: server.request("GET", "/", headers=basic)[0]
    equal(shown(), 200, "Basic is taken")
    it.changes("web-auth", web_auth="off")
    check(shown() != 200, "until it is not")
    it.changes("web-auth", web_auth="on")
    presigned = v2_url()
    v2 = lambda: server.request("GET", presigned)[0]
    equal(v2(), 200, "Signature Version 2 is taken")
    it.changes("signature-v2", signature_v2="off")
    check(v2() in (400, 403), "until it is not")
    it.changes("web-auth-plain-http", "allow-anonymous", web_auth_plain_http="yes", allow_anonymous="yes")
    equal(shown(), 200, "Basic by plain HTTP")
    forwarded = dict(basic, **{"X-Forwarded-For": "198.51.100.7"})
    it.changes("trusted-proxy", "web-auth-plain-http", trusted_proxy="127.0.0.1", web_auth_plain_http="no")
    check(server.request("GET", "/", headers=forwarded)[0] != 200, "who comes by a proxy that is trusted now, from elsewhere by plain HTTP, shows its secret in vain")
    it.changes("web-auth-plain-http", web_auth_plain_http="yes")
    equal(server.request("GET", "/", headers=forwarded)[0], 200, "until that is permitted")
    it.changes("trusted-proxy", "web-auth-plain-http", trusted_proxy=None, web_auth_plain_http="no")
    equal(server.request("GET", "/", headers=forwarded)[0], 200, "and nobody is a proxy any more")
    check(server.stop(), "it stops in good order")


def v2_url():
    import base64
    import hmac
    import urllib.parse
    expires = int(time.time()) + 600
    signature = base64.b64encode(hmac.new(b"file-secret-4567", f"GET\n\n\n{expires}\n/".encode(), hashlib.sha1).digest()).decode()
    return "/?" + urllib.parse.urlencode({"AWSAccessKeyId": "FILEKEY", "Expires": expires, "Signature": signature})


def open_server():
    """Without a key: names that are not this machine's, virtual hosts, buckets."""
    it = Configured("open", {"bucket": ["first"]})
    server = it.server
    put = lambda host, path: server.request("PUT", path, b"x", {"Host": host, "Origin": "http://elsewhere.example"})[0]
    equal(server.request("GET", "/second/")[0], 404, "a bucket that nobody asked for is not there")
    it.changes("bucket", "cache-bucket", bucket=["first", "second:public"], cache_bucket="third max-size=1M")
    equal((server.request("GET", "/second/")[0], server.request("GET", "/third/")[0]), (200, 200), "buckets are made by a reload")
    check("third" in run([SLUICE, "bucket", "list", "--data", server.data])[1], "and caches")
    it.changes("domain", domain=["s3.example.org"])
    equal(server.request("PUT", "/key", b"virtual", {"Host": "first.s3.example.org"})[0], 200, "a domain is there")
    equal(server.request("GET", "/first/key")[2], b"virtual", "whose buckets are the server's")
    it.changes("domain", domain=["s3.example.com", "s3.example.net"])
    equal((server.request("GET", "/key", headers={"Host": "first.s3.example.net"})[0], server.request("GET", "/key", headers={"Host": "first.s3.example.org"})[0] == 200),
          (200, False), "others take its place")
    it.changes("min-free", min_free="99%")
    check(server.request("PUT", "/first/large", b"x" * 200000)[0] >= 500, "nothing may be stored when nearly all of the disk is to stay free")
    it.changes("min-free", min_free="0")
    equal(server.request("PUT", "/first/large", b"x" * 2000000)[0], 200, "until it may")
    it.changes("quota-objects", quota_objects="1")
    equal(server.request("PUT", "/first/one-more", b"x")[0], 403, "no more objects than a quota has room for")
    it.changes("quota-objects", "quota-bytes", quota_objects="0", quota_bytes="1K")
    equal(server.request("PUT", "/first/one-more", b"x")[0], 403, "nor more bytes")
    it.changes("quota-bytes", quota_bytes="0")
    equal(server.request("PUT", "/first/one-more", b"x")[0], 200, "until there is none")
    damage(server)
    got = lambda: server.raw(b"GET /first/large HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 20)[:12]
    equal(got(), b"HTTP/1.1 200", "a large object is not read before it is sent")
    it.changes("verify-reads", verify_reads="yes")
    check(got() != b"HTTP/1.1 200", "until reads are verified")
    it.changes("lost-days", "lost-share", lost_days="5", lost_share="3")
    said = it.reload(allow_anonymous="yes", durability="relaxed", region="mars")
    check("needs a restart: durability, region" in said and "other values for allow-anonymous" in said, "what takes a restart is named, and the rest counts", said)
    check("needs a restart: durability, region" in it.reload(), "as long as it is so")
    equal(server.request("GET", "/first/key")[0], 200, "it serves where it did")
    check(server.stop(), "it stops in good order")


def damage(server):
    for folder, _, files in os.walk(os.path.join(server.data, "blobs")):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.getsize(path) > 1900000 and name != "SEQUENCE":
                with open(path, "rb") as file:
                    if file.read(16) == b"Sluice segment 1":
                        continue
                with open(path, "r+b") as file:
                    file.seek(1000000)
                    file.write(b"damage")


def connections():
    it = Configured("connections", {"max-connections": "100"})
    server = it.server
    address = lambda: [server.open_socket() for _ in range(6)]

    def alive(sockets):
        count = 0
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                count += sock.recv(1000).startswith(b"HTTP/1.1 200")
            sock.close()
        return count

    equal(alive(address()), 6, "six connections of one address")
    it.changes("max-connections-per-address", max_connections_per_address="2")
    check(alive(address()) <= 2, "two when there may be two")
    it.changes("max-connections-per-address", "max-connections", max_connections_per_address="0", max_connections="2")
    old = address()
    check(poll(lambda: "2 connections are open, as many as may be" in server.log_text()), "two altogether")
    for sock in old:
        sock.close()
    it.changes("max-connections", "body-rate-min", "grace", max_connections="0", body_rate_min="5000", grace="1")
    with server.open_socket() as sock:  # a request that does not end
        sock.sendall(b"PUT /x/y HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        sock.sendall(b"x")
        equal(server.stop(timeout=15), True, "the other grace counts when it stops")


def certificates():
    pairs = [make_certificate(f"reload{number}", names=f"DNS:localhost,DNS:{name},IP:127.0.0.1") for number, name in enumerate(("a.example", "b.example"))]
    authority = pairs[0][2]
    it = Configured("tls", {"tls-certificate": pairs[0][0], "tls-key": pairs[0][1]})
    server, context = it.server, ssl.create_default_context(cafile=authority)

    def shown(name, own=None):
        own_context = context
        if own:
            own_context = ssl.create_default_context(cafile=authority)
            own_context.load_cert_chain(*own)
        with socket.create_connection(("127.0.0.1", server.port), 20) as sock, own_context.wrap_socket(sock, server_hostname=name) as shaken:
            shaken.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return shaken.recv(100)[:12] == b"HTTP/1.1 200" and [value for kind, value in shaken.getpeercert()["subjectAltName"] if "example" in value]

    def refuses(name, own=None):
        try:
            return not shown(name, own)
        except (ssl.SSLError, OSError):
            return True

    equal(shown("a.example"), ["a.example"], "the certificate of the start")
    check(refuses("b.example"), "there is none for the other name")
    kept = server.connect()
    kept.connect()
    it.changes("tls-certificate", "tls-key", tls_certificate=[pairs[0][0], pairs[1][0]], tls_key=[pairs[0][1], pairs[1][1]])
    equal((shown("a.example"), shown("b.example")), (["a.example"], ["b.example"]), "another pair is there beside it")
    equal(exchange(kept, "GET", "/-/healthy")[0], 200, "connections go on")
    renewed = make_certificate("renewed", names="DNS:localhost,DNS:b.example,DNS:c.example,IP:127.0.0.1")
    for new, live in zip(renewed, pairs[1]):
        if new != authority:
            shutil.copy(new, live + ".new")
            os.rename(live + ".new", live)
    check(poll(lambda: shown("b.example") == ["b.example", "c.example"]), "and is looked at when it changes, like those of the start")
    it.changes("tls-client-authority", "tls-client-required", tls_client_authority=authority, tls_client_required="yes")
    check(refuses("a.example"), "clients need a certificate now")
    equal(shown("a.example", pairs[0][:2]), ["a.example"], "and get in with one")
    it.changes("tls-client-authority", "tls-client-required", tls_client_authority=None, tls_client_required=None)
    equal(shown("a.example"), ["a.example"], "and do not any more")
    said = it.reload(tls_key=[pairs[0][1], pairs[0][1]])
    check(FAILED in said and "is not the key of the certificate" in said, "a pair that is none changes nothing", said)
    equal((shown("a.example"), shown("b.example")), (["a.example"], ["b.example", "c.example"]), "and the old ones stay")
    it.write(tls_key=[pairs[0][1], pairs[1][1]])
    said = it.reload(tls_certificate=None, tls_key=None)
    check(FAILED in said and "needs a restart" in said, "to serve without TLS takes a restart", said)
    check(server.stop(), "it stops in good order")


def mistakes():
    log = scratch("mistakes.log")
    it = Configured("mistakes", {"access-log": log, "slow-request": "0"})
    server = it.server
    server.request("PUT", "/first")
    for name, changed, says in (
            ("a word that is none", {"slow_request": "often"}, "slow-request must be a whole number"),
            ("an option that is none", {"slow_requests": "1"}, "mistakes.conf:"),
            ("a log that cannot be opened", {"slow_request": "1", "access_log": scratch("no/such/folder/log")}, "No such file"),
            ("a bucket that cannot be", {"bucket": "UPPER"}, "not a valid bucket name"),
            ("a cache that cannot be", {"cache_bucket": "name max-size=much"}, "max-size"),
            ("half a key", {"access_key": "x"}, "a key needs both"),
            ("the first key", {"access_key": "x", "secret_key": "y"}, "needs a restart: the first key or certificate")):
        before = dict(it.settings)
        said = it.reload(**changed)
        check(FAILED in said and says in said and DONE not in said, f"{name}: the log says so, and that nothing has changed", said)
        it.settings = dict(before)
        os.rename(log, log + ".old")
        it.write(**{key: value for key, value in changed.items()})
        os.kill(server.pid, signal.SIGHUP)
        check(poll(lambda: os.path.exists(log)), f"{name}: the log is opened anew all the same")
        it.settings = before
        status, output = run([SLUICE, "serve", "--check-config", "--config", it.file, "--data", fresh("checked")])
        check(status == 2 or name in ("a log that cannot be opened", "the first key"), f"{name}: --check-config says it before", output)
    it.write()
    os.remove(it.file)
    os.kill(server.pid, signal.SIGHUP)
    check(poll(lambda: "mistakes.conf: No such file" in server.log_text() or "cannot read" in server.log_text()), "a file that is gone changes nothing", server.log_text()[-300:])
    equal(server.request("GET", "/first")[0], 200, "it goes on")
    check(server.stop(), "it stops in good order")


def under_load():
    """Reloads all the time, between which everything changes, beside uploads and downloads: none fails."""
    it = Configured("load", {"domain": ["s3.example.org"], "max-connections": "1000", "access-log": scratch("load-a.log")})
    server, body = it.server, os.urandom(300000)
    server.request("PUT", "/load")
    stop, failures, count = threading.Event(), [], [0]

    def work(number):
        conn = server.connect()
        while not stop.is_set():
            for answer, want in ((exchange(conn, "PUT", f"/load/{number}", body), b""), (exchange(conn, "GET", f"/load/{number}"), body),
                                 (exchange(conn, "GET", f"/{number}", headers={"Host": "load.s3.example.org"}), body)):
                count[0] += 1
                if answer[0] != 200 or answer[2] != want:
                    failures.append((answer[0], answer[2][:200]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for number in range(25):
        said = it.reload(access_log=scratch(f"load-{'ab'[number % 2]}.log"), access_log_format=("json", "apache")[number % 2], slow_request=str(number * 100),
                         domain=["s3.example.org"] + [f"d{number}.example"], trusted_proxy=("10.0.0.1", "10.0.0.2")[number % 2], body_rate_min=str(1000 + number))
        if DONE not in said:
            failures.append(said)
    stop.set()
    for thread in threads:
        thread.join()
    equal(failures, [], "nothing fails beside 25 reloads")
    check(count[0] > 25, "there were requests beside them")
    check(server.stop(), "it stops in good order")
    lines = sum(len(open(scratch(f"load-{letter}.log")).read().splitlines()) for letter in "ab")
    equal(lines, count[0] + 1, "and each request has its line in one of the two logs")


logs()
keys()
open_server()
connections()
certificates()
mistakes()
under_load()
with open(os.path.join(ROOT, "deploy", "README.md")) as document:
    told = document.read().split("*Taken anew on SIGHUP*")[1].split("\n\n")[1]
equal(set(re.findall(r"`([a-z0-9-]+)`", told)), RELOADS, "deploy/README.md lists the same")
equal(SEEN, RELOADS, "each option of which --help says so was seen to change")
done()
