#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HTTPS on a listener: what it agrees to and what it refuses, clients, bodies that break off, slow and hostile handshakes.
What is said over TLS is other tests' business: tests/run runs some of them again with TEST_TLS=1."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import time

from sluicetest import (ACCESS, SECRET, SLUICE, Server, blob_files, check, done, equal, error_code, have, make_certificate, pattern_file, poll, run,
                        scratch, sha256_file, skip, trust)

MIB = 1 << 20
certificate, key, authority = make_certificate()
trust(authority)
PAIR = ["--tls-certificate", certificate, "--tls-key", key]
BOTH = [*PAIR, "--tls-listen", "127.0.0.1:0"]
context = ssl.create_default_context(cafile=authority)
large = pattern_file("large", 40 * MIB)
access_log = scratch("access.log")
server = Server(args=[*BOTH, "--workers", "2", "--access-log", access_log, "--access-log-format", "json"])
PORT = int(server.tls_url.rsplit(":", 1)[1])


def connect(settings=context, timeout=60):
    return settings.wrap_socket(socket.create_connection(("127.0.0.1", PORT), timeout), server_hostname="127.0.0.1")


def raw(timeout=60):
    return socket.create_connection(("127.0.0.1", PORT), timeout)


def drained(sock):
    """What comes until the end: (bytes, whether the end was a clean one)."""
    received = bytearray()
    try:
        while block := sock.recv(65536):
            received += block
    except (ssl.SSLError, OSError):
        return bytes(received), False
    return bytes(received), True


def ask(sock, path="/-/healthy", more=""):
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())


def answer(sock):
    """One answer with its Content-Length: (status, body)."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = sock.recv(65536)
        if not block:
            return 0, data
        data += block
    head, body = data.split(b"\r\n\r\n", 1)
    body = bytearray(body)
    length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head).group(1))
    while len(body) < length:
        body += sock.recv(65536)
    return int(head.split()[1]), bytes(body)


def healthy():
    with connect() as sock:
        ask(sock)
        return answer(sock)[0] == 200


def s_client(*words, text="Q\n"):
    """What openssl s_client says."""
    result = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-CAfile", authority, *words], input=text,
                            capture_output=True, text=True, errors="replace", timeout=60)
    return result.stdout + result.stderr


# ---- What is agreed ----

def agreements():
    for words, version in (((), "TLSv1.3"), (("-tls1_2",), "TLSv1.2")):
        said = s_client(*words, "-alpn", "h2,http/1.1", "-verify_return_error")
        check(version in said and "Verify return code: 0" in said, f"{version}, with the whole chain", said[-400:])
        check("ALPN protocol: http/1.1" in said, f"{version}: ALPN agrees on http/1.1")
    weak = ("-cipher", "DEFAULT@SECLEVEL=0")
    check("Cipher is (NONE)" in s_client("-tls1_1", *weak) or "alert protocol version" in s_client("-tls1_1", *weak), "TLS 1.1 is refused")
    for suite in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"):
        check("handshake failure" in s_client("-tls1_2", "-cipher", suite + ":@SECLEVEL=0"), f"{suite} is refused")
    check("no application protocol" in s_client("-alpn", "h2"), "a client that speaks HTTP/2 alone is refused")
    said = s_client("-tls1_2", text="R\n")
    check("no renegotiation" in said.lower() or "RENEGOTIATING" in said and "Q" not in said, "renegotiation is refused", said[-300:])
    for version in ("-tls1_2", "-tls1_3"):
        session = scratch("session" + version)
        # With TLS 1.3 the ticket comes behind the handshake, so something must be read first.
        text = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-CAfile", authority, version, "-sess_out", session,
                               "-ign_eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as first:
            first.communicate(text, timeout=60)
        check("Reused, " in s_client(version, "-sess_in", session), f"{version[1:]}: a session is resumed by its ticket")


def requests():
    with connect() as sock:
        sock.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        equal([answer_status for answer_status in pipelined(sock, 50)], [200] * 50, "fifty pipelined requests in one record")
    with connect() as sock:
        for byte in b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n":
            sock.sendall(bytes([byte]))
        equal(answer(sock)[0], 200, "a head in records of one byte")
        ask(sock, more="Connection: close\r\n")
        received, clean = drained(sock)
        check(clean and b" 200 " in received[:20], "the end is announced (close_notify)")
    with connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\nHost: h\n\n")
        received, clean = drained(sock)
        check(b" 400 " in received[:20] and clean, "malformed HTTP gets 400, and a clean end")
    with connect() as sock:
        sock.sendall(b"PUT /box HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        equal(answer(sock)[0], 200, "a bucket is made")
        sock.sendall(b"PUT /box/waits HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        check(sock.recv(100).startswith(b"HTTP/1.1 100 "), "100 Continue")
        sock.sendall(b"hello")
        equal(answer(sock)[0], 200, "and the body behind it")
        sock.sendall(b"PUT /none/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n" + bytes(70000))
        status, body = answer(sock)
        equal((status, error_code(body)), (404, "NoSuchBucket"), "a refused body")
        ask(sock, "/box/waits")
        equal(answer(sock), (200, b"hello"), "is drained, and the connection goes on")


def pipelined(sock, count):
    """The statuses of that many answers with bodies of few bytes."""
    data, statuses = b"", []
    while len(statuses) < count:
        block = sock.recv(65536)
        if not block:
            break
        data += block
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]
    return statuses


def wrong_protocol():
    with raw() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received, _ = drained(sock)
        check(received.startswith(b"HTTP/1.1 400 ") and b"HTTPS" in received, "plain HTTP on the TLS port is told so", received[:100])
    equal(server.request("GET", "/-/healthy")[0], 200, "plain HTTP is served on its own port")
    for garbage in (b"\0" * 1000, b"\x16\x03\x01" + b"\xff" * 1000, b"\x16\x03\x01\0\x05hello" * 50, b"SSH-2.0-x\r\n", b"\x80\x2e\x01\x00\x02"):
        with raw() as sock:
            sock.sendall(garbage)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            drained(sock)
    check(healthy(), "after garbage it serves")
    with contextlib.suppress(OSError), context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), 10), server_hostname="127.0.0.1"):
        check(False, "TLS on the plain port fails")
    check(server.request("GET", "/-/healthy")[0] == 200, "TLS on the plain port fails, and hurts nobody")


# ---- Clients ----

def clients():
    url, back = server.tls_url, scratch("back")
    for words, name in ((["--tlsv1.3"], "curl, TLS 1.3"), (["--tls-max", "1.2"], "curl, TLS 1.2")):
        status, output = run(["curl", "-sS", "-f", *words, "--cacert", authority, "-T", large, f"{url}/box/large"])
        equal((status, output), (0, ""), f"{name}: put")
        status, output = run(["curl", "-sS", "-f", *words, "--cacert", authority, "-o", back, f"{url}/box/large"])
        equal((status, output, sha256_file(back)), (0, "", sha256_file(large)), f"{name}: get it back, identical")
    status, output = run(["curl", "-sS", "-f", "--cacert", authority, "-r", "1000000-33554431", "-o", back, f"{url}/box/large"])
    with open(large, "rb") as file, open(back, "rb") as got:
        check(file.read()[1000000:33554432] == got.read(), "curl: a range")
    status, _ = run(["curl", "-sS", "-f", "--cacert", authority, "-o", back, f"{server.url}/box/large"])
    equal((status, sha256_file(back)), (0, sha256_file(large)), "what came by HTTPS goes by HTTP")
    check(run(["curl", "-sS", f"{url}/", "--cacert", "/dev/null"])[0] != 0, "curl without the authority refuses")
    status, output = run([SLUICE, "ping", "--listen", url[len("https://"):], *PAIR])
    equal(status, 0, "sluice ping asks by HTTPS")
    lines = [json.loads(line) for line in open(access_log)] if poll(lambda: os.path.getsize(access_log) > 0) else []
    check({"TLSv1.3", "TLSv1.2", None} <= {line["tls"] for line in lines}, "the access log tells the version of TLS, and null without")


def aws_clients():
    keyed = Server(keys=True, args=[*PAIR])
    check(keyed.url.startswith("https://"), "with a certificate and no other port, --listen is for HTTPS")
    env = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "AWS_CA_BUNDLE": authority,
           "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    if have("aws"):
        aws = ["aws", "--endpoint-url", keyed.url, "s3"]
        equal(run([*aws, "mb", "s3://cli"], env)[0], 0, "aws: mb")
        equal(run([*aws, "cp", large, "s3://cli/large", "--no-progress"], env)[0], 0, "aws: cp up, in parts")
        equal(run([*aws, "cp", "s3://cli/large", scratch("aws"), "--no-progress"], env)[0], 0, "aws: cp down")
        equal(sha256_file(scratch("aws")), sha256_file(large), "aws: identical")
    else:
        skip("aws", "it is not installed")
    try:
        import boto3
        import botocore.config
    except ImportError:
        skip("boto3", "it is not installed")
        return
    s3 = boto3.client("s3", endpoint_url=keyed.url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                      config=botocore.config.Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="boto")
    sent = {}
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.update(request.headers))
    with open(large, "rb") as body:
        s3.put_object(Bucket="boto", Key="trailer", Body=body)
    print(f"# boto3 sends {sent.get('X-Amz-Content-SHA256', sent.get('x-amz-content-sha256'))!r}")
    equal(s3.head_object(Bucket="boto", Key="trailer")["ContentLength"], 40 * MIB, "boto3: a body with whatever it sends over https")
    with open(large, "rb") as body:
        check(s3.get_object(Bucket="boto", Key="trailer")["Body"].read() == body.read(), "boto3: get it back, identical")
    link = s3.generate_presigned_url("get_object", {"Bucket": "boto", "Key": "trailer"})
    status, _ = run(["curl", "-sS", "-f", "--cacert", authority, "-o", scratch("presigned"), link])
    equal((status, sha256_file(scratch("presigned"))), (0, sha256_file(large)), "a presigned URL")
    policies(s3, keyed)
    check(keyed.stop(), "it stops in good order")


def policies(s3, keyed):
    """A public bucket, for those alone who come by HTTPS: aws:SecureTransport."""
    for secure, status in (("true", 200), ("false", 401)):
        s3.put_bucket_policy(Bucket="boto", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::boto/*",
             "Condition": {"Bool": {"aws:SecureTransport": secure}}}]}))
        equal(keyed.request("HEAD", "/boto/trailer")[0], status, f"aws:SecureTransport {secure}: {status}")


# ---- Broken off ----

def broken_off():
    blobs = len(blob_files(server.data)[0])
    for end in ("close_notify", "close", "reset"):
        sock = connect()
        sock.sendall(b"PUT /box/broken HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n" + bytes(3 * MIB))
        if end == "close_notify":
            sock.setblocking(False)
            with contextlib.suppress(ssl.SSLError, OSError):
                sock.unwrap()
        if end == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        equal(server.request("HEAD", "/box/broken")[0], 404, f"{end} in the middle of a body: nothing is stored")
    sock = connect()
    sock.sendall(b"PUT /box/broken HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    sock.close()
    equal(server.request("HEAD", "/box/broken")[0], 404, "nor of a chunked one that breaks off")
    for _ in range(5):
        sock = connect()
        ask(sock, "/box/large")
        sock.recv(1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    check(healthy(), "answers that break off hurt nobody")
    check(poll(lambda: len(blob_files(server.data)[0]) == blobs), "no file is left behind")
    check(poll(lambda: open_connections() <= 1), "no connection is left open")


def open_connections():
    text = server.request("GET", "/-/metrics")[2].decode()
    return int(re.search(r"^sluice_http_connections_open (\d+)", text, re.M).group(1))


def half_open():
    """A client that closes its side with its request, and reads."""
    with connect() as sock:
        ask(sock, "/box/large", "Connection: close\r\n")
        inner = socket.socket(fileno=os.dup(sock.fileno()))
        inner.shutdown(socket.SHUT_WR)
        inner.close()
        received, _ = drained(sock)
        check(len(received) > 40 * MIB, "a client that has shut its side gets its answer", len(received))


# ---- Many, slow and hostile ----

def many():
    body = os.urandom(300_000)

    def one(number):
        with connect() as sock:
            sock.sendall(b"PUT /box/many-%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (number, len(body)) + body)
            stored = answer(sock)[0]
            ask(sock, f"/box/many-{number}")
            status, got = answer(sock)
            return stored == 200 and status == 200 and got == body

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        check(all(pool.map(one, range(200))), "200 connections at once, each with a body up and down")


def hello():
    """A whole ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    return outgoing.read()


def slow():
    """Those who dawdle are cut, and nobody waits for them."""
    first = hello()
    silent, half = [raw(40) for _ in range(50)], [raw(40) for _ in range(50)]
    for sock in half:
        sock.sendall(first[:100])
    dripping = raw(40)
    check(healthy(), "beside fifty silent and fifty half handshakes it serves")
    ended = False
    for byte in first:
        try:
            dripping.sendall(bytes([byte]))
            dripping.settimeout(0.1)
            if dripping.recv(1000) == b"":
                ended = True
                break
        except socket.timeout:
            continue
        except OSError:
            ended = True
            break
    check(ended, "a handshake that drips is cut, though it moves")
    check(all(drained(sock)[0] == b"" for sock in silent + half), "so are the silent and the half ones")
    check(poll(lambda: failures(server)["timeout"] >= 101), "and all of them are counted", failures(server))
    for sock in (*silent, *half, dripping):
        sock.close()


def failures(of):
    """Handshakes that failed, by the reasons of the metrics."""
    text = of.request("GET", "/-/metrics")[2].decode()
    return {reason: int(count) for reason, count in re.findall(r'^sluice_http_tls_handshake_failures_total{reason="(\w+)"} (\d+)', text, re.M)}


def failing():
    """Why a client does not get in, the metrics and the log tell; nobody can fill the log by that."""
    fails = Server(args=BOTH)
    port = int(fails.tls_url.rsplit(":", 1)[1])

    def shake(settings):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as sock:
            settings.wrap_socket(sock, server_hostname="127.0.0.1").close()

    def say(data, before_closing=drained):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as sock:
            sock.sendall(data)
            before_closing(sock)

    weak = ssl.create_default_context(cafile=authority)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES128-GCM-SHA256")
    first = hello()
    say(b"", lambda sock: None)
    shake(context)
    equal(failures(fails), dict.fromkeys(("refused", "plain_http", "closed", "timeout"), 0), "a probe and a good handshake are no failures")
    for name, act, reason, said in (
            ("no cipher in common", lambda: shake(weak), "refused", "failed: no shared cipher"),
            ("a client that does not trust the certificate", lambda: shake(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), "refused", "unknown ca"),
            ("garbage", lambda: say(b"\0garbage"), "refused", "failed: the client does not speak TLS"),
            ("plain HTTP", lambda: say(b"GET / HTTP/1.1\r\n\r\n"), "plain_http", "failed: the client speaks HTTP without TLS"),
            ("half a handshake", lambda: say(first[:100], lambda sock: None), "closed", "failed: the client went away")):
        before = failures(fails)
        act()
        check(poll(lambda: failures(fails) == {**before, reason: before[reason] + 1}), f"{name} is counted as {reason}", failures(fails))
        check(said in fails.log_text(), f"{name}: the log says why", fails.log_text()[-300:])
    check("the TLS handshake with 127.0.0.1 failed" in fails.log_text(), "the log tells whose handshake failed")
    for _ in range(500):
        say(b"\0garbage")
    check(poll(lambda: failures(fails)["refused"] == 503), "500 more are counted", failures(fails))
    lines = fails.log_text().count("TLS handshake")
    check(lines < 50, "and few of them are logged", f"{lines} lines")
    check(fails.stop(), "it stops in good order")


def flood():
    """Handshakes begun by the hundred, none of them finished: who has a connection is served meanwhile."""
    first = hello()
    with connect() as patient:
        others = [raw() for _ in range(400)]
        for sock in others:
            sock.sendall(first)
        for _ in range(20):
            ask(patient)
            if answer(patient)[0] != 200:
                check(False, "a flood of handshakes")
                return
        check(all(sock.recv(5)[:1] == b"\x16" for sock in others), "a flood of handshakes: each is answered")
        check(healthy(), "a flood of handshakes: new connections are served behind it")
        for sock in others:
            sock.close()


def kernel_encrypts():
    """Then OpenSSL 3.0 cannot change the key of what is sent."""
    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/tcp_available_ulp") as file:
        return "tls" in file.read().split()
    return False


def key_updates():
    """A client may change its keys now and then. That there is a bound, a unit test shows."""
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-CAfile", authority, "-tls1_3"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0) as client:
        time.sleep(0.5)
        change = b"k\n" if kernel_encrypts() else b"K\n"  # K asks for a change of the server's key too
        for _ in range(20):
            client.stdin.write(change)
            time.sleep(0.02)
        client.stdin.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = client.stdout.read().decode("utf-8", "replace")
        check("200 OK" in said, "twenty changes of keys, then a request", said[-300:])


def stop():
    """In the middle of a large answer: it is finished."""
    with connect() as idle, connect() as sock:
        ask(sock, "/box/large")
        received = sock.recv(1000)
        os.kill(server.pid, signal.SIGTERM)
        rest, clean = drained(sock)
        check(clean and len(received + rest) > 40 * MIB, "SIGTERM: the answer under way is finished, then comes a clean end",
              f"{clean}, {len(received + rest)} bytes")
        check(drained(idle) == (b"", True), "an idle connection is closed in good order")
    equal(server.process.wait(40), 0, "it ends with 0")  # a second signal would end it at once


agreements()
requests()
wrong_protocol()
clients()
aws_clients()
broken_off()
half_open()
many()
flood()
key_updates()
slow()
failing()
stop()
done()
