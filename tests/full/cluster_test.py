#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deploy/cluster: `up` makes a cluster on this machine that aws cli and boto3 use through haproxy; a server is killed, and the database's primary, and nothing that was answered is
missing; `up` mends it, `down` ends all of it. The files for production are read by the programs that they are for, where those are here."""
import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import shutil
import atexit

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", name) for name in ("cluster", "integration")]
from database import free_port, unusable  # noqa: E402 (found by the line before)
from sluicetest import SLUICE, check, done, equal, fresh, have, make_certificate, poll, run, scratch, skip  # noqa: E402

FOLDER = os.path.join(ROOT, "deploy", "cluster")
os.environ["PATH"] += ":/usr/sbin"


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def write(name, text):
    with open(fresh(name), "w", encoding="utf-8") as file:
        file.write(text)
    return scratch(name)


# ---- Files for production ----

def look_at_files():
    if have("haproxy"):
        certificate, key, _ = make_certificate()
        with open(certificate, encoding="ascii") as one, open(key, encoding="ascii") as other:
            pair = write("pair.pem", one.read() + other.read())
        status, said = run(["haproxy", "-c", "-f", write("haproxy.cfg", read("haproxy.cfg").replace("/etc/haproxy/s3.pem", pair))])
        check(status == 0, "haproxy takes its file", said)
    else:
        skip("haproxy takes its file", "it is not here")
    etcd = None
    if have("etcd"):
        client, peer = free_port(), free_port()
        text = re.sub(r"192\.0\.2\.1[123]:2379|127\.0\.0\.1:2379", f"127.0.0.1:{client}", re.sub(r"192\.0\.2\.1[123]:2380", f"127.0.0.1:{peer}", read("etcd.conf.yml")))
        text = re.sub(r"initial-cluster: .*", f"initial-cluster: etcd-1=http://127.0.0.1:{peer}", text).replace(f",http://127.0.0.1:{client}", "").replace("/var/lib/etcd/sluice", fresh("etcd"))
        with open(scratch("etcd.log"), "w", encoding="utf-8") as log:
            etcd = subprocess.Popen(["etcd", "--config-file", write("etcd.yml", text)], stdout=log, stderr=log)
        check(poll(lambda: connects(client) or etcd.poll() is not None) and etcd.poll() is None, "etcd serves as its file says")
    else:
        skip("etcd serves as its file says", "it is not here")
    if have("patroni") and etcd:
        text = read("patroni.yml")
        text = re.sub(r"192\.0\.2\.1[123]:2379", f"127.0.0.1:{client}", text)
        said = run(["patroni", "--validate-config", write("patroni.yml", text)])[1]
        equal([line for line in said.splitlines() if "watchdog" not in line and "data_dir" not in line], [], "patroni takes its file")
    else:
        skip("patroni takes its file", "it, or etcd, is not here")
    if etcd:
        etcd.terminate()
        etcd.wait(30)
    text = read("sluice.conf").replace("/srv/sluice-config/credentials", write("credentials", "key SLUICEBUILD a-secret-of-ours *=read\n")).replace("192.0.2.31", "127.0.0.1")
    os.chmod(scratch("credentials"), 0o600)
    status, said = run([SLUICE, "serve", "--check-config", "--config", write("sluice.conf", text.replace("/srv/sluice", fresh("shared")))])
    check(status == 0, "sluice takes its file", said)


def connects(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


# ---- The cluster of one machine ----

class Cluster:
    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="sluice-cluster-")
        os.chmod(self.top, 0o711) # PostgreSQL's user goes through it
        atexit.register(shutil.rmtree, self.top, ignore_errors=True)
        atexit.register(self.do, "down")
        self.folder = os.path.join(self.top, "cluster")
        self.port = self.free_ports()
        self.keys = {}

    @staticmethod
    def free_ports():
        """The first of ten, below those that the kernel gives to whoever connects."""
        while True:
            first = random.randrange(12000, 30000)
            if not any(connects(port) for port in range(first, first + 10)):
                return first

    def do(self, name):
        return run([os.path.join(FOLDER, name), "--folder", self.folder, "--port", str(self.port)], env={"SLUICE": SLUICE})

    def up(self):
        status, said = self.do("up")
        check(status == 0, "the cluster is up", said)
        self.keys = dict(re.findall(r"(AWS_\w+)=(\S+)", said))

    def aws(self, *words):
        return run(["aws", *words], env=self.keys)

    def process(self, name):
        with open(os.path.join(self.folder, name + ".pid"), encoding="ascii") as file:
            return int(file.read())


def look_at_cluster():
    import boto3 # only where it is used
    cluster = Cluster()
    cluster.up()
    client = boto3.client("s3", endpoint_url=cluster.keys["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id=cluster.keys["AWS_ACCESS_KEY_ID"],
                          aws_secret_access_key=cluster.keys["AWS_SECRET_ACCESS_KEY"])
    client.create_bucket(Bucket="bucket")
    bodies = {f"key-{number}": os.urandom(number * 7000) for number in range(20)}
    for key, body in bodies.items():
        client.put_object(Bucket="bucket", Key=key, Body=body)

    def wrong():
        return [key for key, body in bodies.items() if client.get_object(Bucket="bucket", Key=key)["Body"].read() != body]
    equal(wrong(), [], "boto3 finds what it has put, through haproxy, at whichever server")
    large = write("large", "a large one " * 800_000)
    status, said = cluster.aws("s3", "cp", large, "s3://bucket/large", "--no-progress")
    check(status == 0, "aws cli puts a large object in parts", said)
    os.kill(cluster.process("server-2"), 9)
    equal(wrong(), [], "a server is killed, and nothing is missed")
    status, said = cluster.do("fail-over")
    check(status == 0, "the primary ends, the standby is the primary", said)
    check(poll(lambda: puts(client, "after", b"after the fail-over"), 60), "changes are made again by themselves")
    equal(wrong(), [], "all that was answered is there")
    before = cluster.process("server-1")
    cluster.up()
    equal(cluster.process("server-1"), before, "what runs is left alone")
    equal(client.get_object(Bucket="bucket", Key="after")["Body"].read(), b"after the fail-over", "what was put meanwhile, too")
    status, said = cluster.do("down")
    check(status == 0, "it is down", said)
    left = run(["pgrep", "-f", cluster.folder])[1]
    equal(left, "", "and nothing is left of it")
    cluster.up()
    equal(wrong(), [], "up again, it has all of it")
    status, said = cluster.aws("s3", "cp", "s3://bucket/large", fresh("back"), "--no-progress")
    check(status == 0 and run(["cmp", large, scratch("back")])[0] == 0, "the large object, too", said)


def puts(client, key, body):
    from botocore.exceptions import BotoCoreError, ClientError
    with contextlib.suppress(BotoCoreError, ClientError):
        client.put_object(Bucket="bucket", Key=key, Body=body)
        return True
    return False


look_at_files()
reason = unusable() or (None if have("haproxy") else "haproxy is not installed")
if reason:
    skip("a cluster on this machine", reason)
else:
    look_at_cluster()
done()
