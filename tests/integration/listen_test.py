#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Listening to events, as MinIO's clients do (GET with ?events), and `sluice watch`: what is told, filters, pings, who may, how many may, who is too
slow, and how it ends. With MinIO's client for Python, where that is installed."""
import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, error_code, poll, s3_client, scratch, skip

ALL = "events=s3:ObjectCreated:*&events=s3:ObjectRemoved:*"
credentials = scratch("credentials")
with open(credentials, "w") as out:
    out.write(f"key admin {SECRET} *=all\nkey lister {SECRET}1 bucket=list\nkey reader {SECRET}2 bucket=read,write\nkey nobody {SECRET}3 other=all\n"
              f"key guest {SECRET}4 other=read\n")
os.chmod(credentials, 0o600)
SECRETS = {"admin": SECRET, "lister": f"{SECRET}1", "reader": f"{SECRET}2", "nobody": f"{SECRET}3", "guest": f"{SECRET}4"}
server = Server(args=["--credentials", credentials])
s3 = s3_client(server, access="admin")
for name in ("bucket", "other"):
    s3.create_bucket(Bucket=name)


def ask(path, query, who):
    headers = Signer(who, SECRETS[who]).headers("GET", path, f"{server.host}:{server.port}", query=query) if who else {}
    connection = server.connect(30)
    connection.request("GET", f"{path}?{query}", headers=headers)
    return connection, connection.getresponse()


def close(connection, response):
    response.close() # which has the socket, too
    connection.close()


class Listener:
    """Reads on a thread of its own until the answer ends."""

    def __init__(self, path, query, who="admin"):
        self.records, self.pings, self.ended, self.lines = [], 0, threading.Event(), []
        self.connection, self.response = ask(path, query, who)
        self.status = self.response.status
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while line := self.response.readline():
                self.lines.append(line)
                records = json.loads(line)["Records"]
                self.records += records
                self.pings += not records
        self.ended.set()

    def told(self):
        return [(record["eventName"].removeprefix("s3:"), record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) for record in self.records]

    def close(self):
        with contextlib.suppress(OSError, AttributeError, ValueError):
            socket.socket(fileno=os.dup(self.response.fileno())).shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        close(self.connection, self.response)


# ---- What is told ----

listener = Listener("/bucket", f"{ALL}&ping=1")
everywhere = Listener("/", f"{ALL}&ping=1")
filtered = Listener("/bucket", "events=s3:ObjectCreated:Put&prefix=in%2F&suffix=.txt&ping=1", "lister")
equal((listener.status, everywhere.status, filtered.status), (200, 200, 200), "listening is answered at once")
equal(listener.response.getheader("content-type"), "text/event-stream", "as MinIO answers it")
check(poll(lambda: listener.pings >= 2), "pings come while nothing happens")
for bucket, key in (("bucket", "in/a.txt"), ("bucket", "in/a.png"), ("other", "in/a.txt"), ("bucket", "a b.txt")):
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
s3.delete_object(Bucket="bucket", Key="in/a.txt")
with contextlib.suppress(Exception):
    s3.put_object(Bucket="bucket", Key="in/a.png", Body=b"", IfNoneMatch="*") # refused
check(poll(lambda: len(listener.told()) >= 4 and len(everywhere.told()) >= 5 and filtered.told()), "what happens is told")
time.sleep(0.3)
want = [("ObjectCreated:Put", "bucket", "in/a.txt"), ("ObjectCreated:Put", "bucket", "in/a.png"), ("ObjectCreated:Put", "bucket", "a+b.txt"),
        ("ObjectRemoved:Delete", "bucket", "in/a.txt")]
equal(listener.told(), want, "of the bucket alone, in order, and nothing that was refused")
equal(everywhere.told(), want[:2] + [("ObjectCreated:Put", "other", "in/a.txt")] + want[2:], "on the service of all buckets")
equal(filtered.told(), want[:1], "prefix, suffix and event choose")
record = listener.records[0]
check(record["s3"]["object"]["size"] == 1 and record["s3"]["object"]["eTag"] == hashlib.md5(b"x").hexdigest(), "with size and ETag")
check(record["eventName"].startswith("s3:"), "names are as MinIO's clients look for them", record["eventName"])
sock_query = f"/bucket?{ALL}"
headers = Signer("admin", SECRET).headers("GET", "/bucket", f"{server.host}:{server.port}", query=ALL)
with server.open_socket() as sock:
    sock.sendall(f"GET {sock_query} HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")
    text = b""
    while b"\r\n\r\n" not in text or not text.split(b"\r\n\r\n", 1)[1]:
        text += sock.recv(4096)
    equal(text.split(b"\r\n\r\n", 1)[1], b" ", "a blank comes first, which JSON does not mind")

# ---- Who may ----

for name, path, query, who, want in (
        ("who may list", "/bucket", ALL, "lister", 200), ("who may read and write", "/bucket", ALL, "reader", 403), ("another bucket's user", "/bucket", ALL, "nobody", 403),
        ("anybody", "/bucket", ALL, None, 401), ("all buckets, who may list one", "/", ALL, "lister", 403), ("all buckets, another user", "/", ALL, "nobody", 403),
        ("a bucket that is not there", "/missing", ALL, "admin", 404), ("an event that is none", "/bucket", "events=s3:Nothing", "admin", 400),
        ("reads, which never happen", "/bucket", "events=s3:ObjectAccessed:*", "admin", 200), ("no event", "/bucket", "events=", "admin", 200),
        ("a ping that is none", "/bucket", f"{ALL}&ping=often", "admin", 400)):
    connection, response = ask(path, query, who)
    equal(response.status, want, f"{name}: {want}")
    close(connection, response)
s3.put_bucket_policy(Bucket="other", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::other"}]}))
connection, response = ask("/other", ALL, "guest")
equal(response.status, 403, "a policy that lets list does not let listen")
close(connection, response)
s3.put_bucket_policy(Bucket="other", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:ListenBucketNotification", "Resource": "arn:aws:s3:::other"}]}))
connection, response = ask("/other", ALL, "guest")
equal(response.status, 200, "s3:ListenBucketNotification does")
close(connection, response)

# ---- How many may; who is slow ----


def figure(name):
    headers = Signer("admin", SECRET).headers("GET", "/-/metrics", f"{server.host}:{server.port}")
    text = server.request("GET", "/-/metrics", headers=headers)[2].decode()
    return int(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1])


for one in (listener, everywhere, filtered):
    one.close()
for _ in range(8): # those that have gone are noticed when something is written to them
    s3.put_object(Bucket="bucket", Key="in/wake.txt", Body=b"")
    s3.put_object(Bucket="other", Key="in/wake.txt", Body=b"")
check(poll(lambda: figure("sluice_event_listeners") == 0, 30), "who has gone is forgotten", str(figure("sluice_event_listeners")))
many = [ask("/bucket", f"{ALL}&ping=1", "admin") for _ in range(128)]
check(all(response.status == 200 for _, response in many), "128 may listen at a time")
connection, response = ask("/bucket", ALL, "admin")
equal((response.status, error_code(response.read())), (503, "SlowDown"), "one more is refused")
check(server.request("GET", "/-/healthy")[0] == 200, "while others are served")
close(connection, response)
for one in many:
    close(*one)
check(poll(lambda: figure("sluice_event_listeners") == 0, 30), "they go")

slow = socket.socket()
slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
slow.connect((server.host, server.port))
headers = Signer("admin", SECRET).headers("GET", "/bucket", f"{server.host}:{server.port}", query=ALL)
slow.sendall(f"GET {sock_query} HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")
check(poll(lambda: figure("sluice_event_listeners") == 1), "one listens and reads nothing")
fast = Listener("/bucket", f"{ALL}&ping=1")
key, count = "k" * 800, 0
while figure("sluice_event_listeners_cut_off_total") == 0 and count < 12000:
    for _ in range(200):
        s3.put_object(Bucket="bucket", Key=f"{key}{count % 10}", Body=b"")
        count += 1
check(figure("sluice_event_listeners_cut_off_total") == 1, f"it is cut off after {count} events")
check(poll(lambda: len(fast.records) == count, 30), "another one has heard all of them", f"{len(fast.records)} of {count}")
slow.close()
check(poll(lambda: "too slowly" in server.log_text()), "the log says so")

# ---- sluice watch ----

environment = {**os.environ, "AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}


class Watch:
    def __init__(self, *words, access="admin"):
        self.path = scratch(f"watch-{len(os.listdir(scratch()))}")
        with open(self.path, "w") as out:
            self.process = subprocess.Popen([SLUICE, "watch", *words], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            env={**environment, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": SECRETS[access]})

    def text(self):
        with open(self.path) as file:
            return file.read()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)


before = figure("sluice_event_listeners")
plain = Watch(f"{server.url}/bucket/in/", "--suffix", ".txt")
as_json = Watch(server.url, "--json", "--events", "put,s3:ObjectRemoved:Delete")
check(poll(lambda: figure("sluice_event_listeners") == before + 2), "two watch")
s3.put_object(Bucket="bucket", Key="in/b c.txt", Body=b"four")
s3.put_object(Bucket="bucket", Key="in/b.png", Body=b"four")
s3.delete_object(Bucket="bucket", Key="in/b.png")
s3.put_object_tagging(Bucket="bucket", Key="in/b c.txt", Tagging={"TagSet": []})
check(poll(lambda: "ObjectTagging:" in plain.text() and as_json.text().count("\n") >= 3), "they are told", plain.text() + as_json.text())
lines = plain.text().splitlines()
check("ObjectCreated:Put  4  s3://bucket/in/b c.txt" in lines[0], "a line for each", plain.text())
equal([json.loads(line)["eventName"] for line in as_json.text().splitlines()], ["s3:ObjectCreated:Put", "s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"],
      "or JSON, of the events that were asked for")
equal(as_json.end(), 130, "an interrupt ends it")
denied = Watch(f"{server.url}/bucket", access="nobody")
equal(denied.process.wait(120), 4, "who may not gets the status for that")
missing = Watch(f"{server.url}/missing")
equal(missing.process.wait(120), 3, "a bucket that is not there has its own")
wrong = Watch(f"{server.url}/bucket", "--events", "nothing")
check(wrong.process.wait(120) != 0, "an event that is none is refused")

# ---- The end ----

started = time.monotonic()
check(server.stop(), "a server that is listened to stops")
check(time.monotonic() - started < 15, "and waits for no listener")
check(fast.ended.wait(60), "listeners are told by the end")
nowhere = Watch(f"{server.url}/bucket")
equal(nowhere.process.wait(30), 5, "a server that is not there has its own status")
server = Server(data=server.data, args=["--credentials", credentials, "--listen", f"127.0.0.1:{server.port}"])
s3 = s3_client(server, access="admin")
check(poll(lambda: figure("sluice_event_listeners") == 1, 40), "who watched asks again")
s3.put_object(Bucket="bucket", Key="in/again.txt", Body=b"")
check(poll(lambda: "in/again.txt" in plain.text()), "and is told again")
equal(plain.end(), 130, "until it is interrupted")

# ---- MinIO's own ----

# In a process of its own, which may be another Python's: it wants a newer urllib3 than Debian's boto3 takes.
MINIO = f"""
import minio
client = minio.Minio("{server.host}:{server.port}", access_key="admin", secret_key="{SECRET}", secure=False)
with client.listen_bucket_notification("bucket", prefix="m/", events=["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]) as events:
    heard = 0
    for event in events:
        for record in event["Records"]:
            print(record["eventName"], record["s3"]["object"]["key"], flush=True)
            heard += 1
        if heard == 2:
            break
"""
python = os.environ.get("TEST_MINIO_PYTHON", sys.executable)
if subprocess.run([python, "-c", "import minio"], stderr=subprocess.DEVNULL).returncode != 0:
    skip("MinIO's client for Python", "minio is not installed: a venv with it, as TEST_MINIO_PYTHON=VENV/bin/python")
else:
    check(poll(lambda: figure("sluice_event_listeners") == 0, 60), "who watched is forgotten")
    process = subprocess.Popen([python, "-c", MINIO], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(poll(lambda: figure("sluice_event_listeners") == 1, 60), "minio-py listens")
    s3.put_object(Bucket="bucket", Key="m/1", Body=b"")
    s3.delete_object(Bucket="bucket", Key="m/1")
    equal(process.communicate(timeout=60)[0], "s3:ObjectCreated:Put m/1\ns3:ObjectRemoved:Delete m/1\n", "and hears what happens")
check(server.stop(), "it ends well")
done()
