#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults on demand (--fault-knobs): requests that fail, begin late and are cut, as DATA/control asks for; and a server that has none of it unless it was started so."""
import http.client
import json
import os
import socket
import threading
import time

from sluicetest import SLUICE, Server, check, done, equal, error_code, exchange, fresh, poll, run, s3_client, scratch


def call(server, **members):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(server.data, "control"))
        sock.sendall(json.dumps({"call": "faults", **members}).encode() + b"\n")
        return json.loads(sock.makefile().readline())


def ask(method, path, body=None):
    """The status and the bytes that came, or what became of the connection."""
    conn = server.connect()
    try:
        conn.request(method, path, body)
        answer = conn.getresponse()
        try:
            return answer.status, answer.read()
        except http.client.IncompleteRead as cut:
            return "cut", cut.partial
    except (ConnectionError, http.client.HTTPException):
        return "cut", b""
    finally:
        conn.close()


plain = Server()
refusal = call(plain, fail=1)
check(not refusal["ok"] and "--fault-knobs" in refusal["error"], "a server that was not asked for them has none")
equal(plain.request("PUT", "/first")[0], 200, "and answers")
plain.stop()
for where in ("0.0.0.0:0", "[::]:0"):
    for words in ([], ["--check-config"]):
        status, output = run([SLUICE, "serve", "--data", fresh("refused"), "--fault-knobs", "--allow-anonymous", "--listen", where, *words], timeout=60)
        check(status == 2 and "for tests on this machine" in output, f"on {where} it does not start with them {words}", output)
status, output = run([SLUICE, "serve", "--data", fresh("refused"), "--check-config"], env={"SLUICE_FAULT_KNOBS": "yes"}, timeout=60)
check(status == 0, "the environment does not turn them on", output)
conf = scratch("knobs.conf")
with open(conf, "w") as file:
    file.write("fault-knobs = yes\n")
status, output = run([SLUICE, "serve", "--data", fresh("refused"), "--check-config", "--config", conf], timeout=60)
check(status == 2, "nor does the file", output)

server = Server(args=["--fault-knobs", "--workers", "2"])
check("for tests alone" in server.log_text(), "the log says what such a server is")
server.request("PUT", "/bucket")
server.request("PUT", "/bucket/small", b"small" * 100)
LARGE = os.urandom(3000000)
server.request("PUT", "/bucket/large", LARGE)
equal(call(server)["fail"], 0, "nothing is set at the start")

call(server, fail=2)
equal([ask("GET", "/bucket/small")[0] for _ in range(3)], [503, 503, 200], "two requests fail, and no more")
call(server, fail=1)
equal(error_code(ask("PUT", "/bucket/refused", b"x" * 100000)[1]), "SlowDown", "as S3 says it")
equal(ask("GET", "/bucket/refused")[0], 404, "and what fails does nothing")
call(server, fail=1, fail_status=500)
equal(ask("GET", "/-/healthy")[0], 200, "the server's own names are none of them")
status, body = ask("GET", "/bucket/small")
equal((status, error_code(body)), (500, "InternalError"), "with another status, too")

for key, sent in (("small", b"small" * 100), ("large", LARGE)):
    call(server, cut=1, cut_after=123)
    status, part = ask("GET", f"/bucket/{key}")
    check(status == "cut" and len(part) <= 123 and sent.startswith(part), f"a download is cut: {key}", f"{status} {len(part)}")
    equal(ask("GET", f"/bucket/{key}"), (200, sent), f"and whole the next time: {key}")
call(server, cut=1, cut_after=1000000)
status, part = ask("GET", "/bucket/large")
check(status == "cut" and len(part) <= 1000000 and LARGE.startswith(part), "a download is cut far behind its beginning", f"{status} {len(part)}")
for size, after in ((500, 100), (3000000, 1000000)):
    call(server, cut=1, cut_after=after)
    equal(ask("PUT", f"/bucket/up{size}", os.urandom(size))[0], "cut", f"an upload of {size} bytes is cut")
    equal(ask("GET", f"/bucket/up{size}")[0], 404, "and nothing is stored of it")
    equal(ask("PUT", f"/bucket/up{size}", os.urandom(size))[0], 200, "the next goes well")
call(server, cut=5, cut_after=10)
equal(ask("DELETE", "/bucket/up500")[0], 204, "what has no body is not cut")
equal(call(server)["cut"], 5, "and does not count")

call(server, slow=2, slow_ms=300)
began = time.monotonic()
answers = []
threads = [threading.Thread(target=lambda: answers.append(ask("GET", "/bucket/small")[0])) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check(answers == [200, 200] and time.monotonic() - began >= 0.3, "requests begin late", f"{answers}")
equal(call(server)["slow"], 0, "as many as were asked for")
call(server, slow=1, slow_ms=60000, fail=0)
late = threading.Thread(target=lambda: answers.append(ask("PUT", "/bucket/late", b"late")[0]))
late.start()
check(poll(lambda: call(server)["slow"] == 0), "one waits for a minute")

for wrong in ({"fail": -1}, {"fail_status": 200, "fail": 1}, {"slow": 1}, {"slow": 1, "slow_ms": 60001}, {"cut": 1}, {"fail": "x"}, {"unknown": 1}, {"cut": 2**40, "cut_after": 1}):
    equal(call(server, **wrong).get("code"), -22, f"refused: {wrong}")
call(server, fail=0)

s3 = s3_client(server)
try:
    import boto3
    from botocore.config import Config
    patient = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
                           config=Config(retries={"max_attempts": 4, "mode": "standard"}))
    call(server, fail=2)
    equal(patient.get_object(Bucket="bucket", Key="small")["Body"].read(), b"small" * 100, "boto3 tries again until it goes well")
    equal(call(server)["fail"], 0, "after both")
except ImportError:
    pass
check(server.stop(timeout=30), "it stops in good order, though one waits")
late.join()
equal(answers[-1], 200, "which began then")
done()
