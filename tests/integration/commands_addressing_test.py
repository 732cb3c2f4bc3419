#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--addressing: buckets in the path or in the host's name, of servers that take both, and of AWS's own by themselves."""
import os
import socket
import subprocess
import threading
import urllib.request

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, fresh, pattern_file, scratch, sha256_file

server = Server(keys=True, args=["--domain", "localhost"])
ENDPOINT = f"http://localhost:{server.port}"
environment = {**{key: value for key, value in os.environ.items() if not key.startswith("AWS_")}, "HOME": scratch(), "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET,
               "AWS_REGION": "us-east-1"}


def sluice(*words, env=None):
    result = subprocess.run([SLUICE, *words], env={**environment, **(env or {})}, capture_output=True, text=True, errors="replace", timeout=120)
    return result.returncode, result.stdout, result.stderr


def asked(*words, endpoint=True, env=None):
    """The first line and the Host of the request that a command makes, of a server that then hangs up."""
    heard = []
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                heard.append(connection.recv(65536).decode("latin-1"))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    sluice(*words, *(["--endpoint", f"http://localhost:{port}"] if endpoint else []), env={**(env or {}), "TEST_PORT": str(port), "http_proxy": f"http://127.0.0.1:{port}",
                                                                                          "HTTPS_PROXY": f"http://127.0.0.1:{port}", "no_proxy": "", "NO_PROXY": ""})
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    lines = heard[0].split("\r\n") if heard else [""]
    return lines[0].replace(f":{port}", ""), next((line.split(": ")[1].replace(f":{port}", "") for line in lines if line.lower().startswith("host:")), None)


equal(asked("stat", "s3://bucket/a key"), ("HEAD /bucket/a%20key HTTP/1.1", "localhost"), "the path, where nothing is said")
equal(asked("stat", "s3://bucket/a key", "--addressing", "path"), ("HEAD /bucket/a%20key HTTP/1.1", "localhost"), "the path")
equal(asked("stat", "s3://bucket/a key", "--addressing", "virtual"), ("HEAD /a%20key HTTP/1.1", "bucket.localhost"), "the host's name")
equal(asked("stat", "s3://buc.ket/key", "--addressing", "virtual"), ("HEAD /key HTTP/1.1", "buc.ket.localhost"), "a bucket of two labels, where it was asked for")
first, host = asked("stat", "s3://bucket/key", endpoint=False)
equal(host, "bucket.s3.us-east-1.amazonaws.com:443" if host and ":443" in host else "bucket.s3.us-east-1.amazonaws.com", "AWS's own servers have it in the name")
first, host = asked("stat", "s3://buc.ket/key", endpoint=False)
check(host is not None and host.startswith("s3.us-east-1.amazonaws.com"), "unless no certificate would be for it", str(host))

source = pattern_file("large.bin", 12 << 20)
small = pattern_file("small.bin", 100)
FLAGS = ("--endpoint", ENDPOINT, "--addressing", "virtual")
MANY = (*FLAGS, "--part-size", "5M")
equal(sluice("mb", "s3://virtual", *FLAGS)[0], 0, "mb")
equal(sluice("put", source, small, "s3://virtual/in/", *MANY)[0], 0, "put, in parts and in one")
equal(sluice("ls", "-r", "s3://virtual/in/", *FLAGS)[1].count(".bin"), 2, "ls")
equal(sluice("get", "s3://virtual/in/large.bin", fresh("back"), *MANY)[0], 0, "get")
equal(sha256_file(scratch("back")), sha256_file(source), "the bytes are right")
equal(sluice("cp", "s3://virtual/in/large.bin", "s3://virtual/out/ü+ %", *MANY)[0], 0, "cp")
equal(sluice("cat", "s3://virtual/in/small.bin", *FLAGS)[0], 0, "cat")
code, url, _ = sluice("presign", "s3://virtual/out/ü+ %", *FLAGS)
check(code == 0 and url.startswith(f"http://virtual.localhost:{server.port}/out/"), "presign", url)
request = urllib.request.Request(url.strip().replace("virtual.localhost", "127.0.0.1"), headers={"Host": f"virtual.localhost:{server.port}"})
with urllib.request.urlopen(request, timeout=60) as answer:
    equal(len(answer.read()), 12 << 20, "and its URL is good")
equal(sluice("rm", "-r", "s3://virtual/", *FLAGS)[0], 0, "rm")
equal(sluice("rb", "s3://virtual", *FLAGS)[0], 0, "rb")
plain = Server(keys=True)
check(sluice("mb", "s3://virtual", "--endpoint", f"http://localhost:{plain.port}", "--addressing", "virtual")[0] != 0, "a server without the domain does not take it")
equal(sluice("mb", f"http://localhost:{plain.port}/virtual")[0], 0, "and the path it does")
check(server.stop() and plain.stop(), "both stop in good order")
done()
