#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Replication of buckets between two servers: configuration, what is copied and what is not, a target that is away, wrong keys, crashes of both sides,
copies that do not go round, a target that answers nonsense, and many keys."""
import hashlib
import http.server
import os
import signal
import threading
import time

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, free_port, make_keys, key_line, poll, run, s3_client, scratch

MIB = 1 << 20
targets = scratch("targets")
ports = {"copy": free_port(), "back": free_port(), "bad": free_port()}
secrets = {"copy": SECRET}


def write_targets(**changes):
    with open(targets, "w") as out:
        for name in ("copy", "bad", "tell"):
            port = ports.get(name, ports["bad"])
            out.write(f"[{name}]\nendpoint = http://127.0.0.1:{port}\naccess-key = {ACCESS}\nsecret-key = {changes.get(name, SECRET)}\n"
                      f"buckets = src*, versioned, many\nusers = *\nconnections = 3\n")
    os.chmod(targets, 0o600)


def rule(target="copy", bucket="dst", **more):
    base = {"ID": target, "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:sluice:replication::{target}:{bucket}"}}
    base.update(more)
    return base


def configure(bucket, *rules, client=None):
    (client or s3).put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": "arn:aws:iam::123456789012:role/copy", "Rules": list(rules)})


def status_of(bucket, key, client=None):
    return (client or s3).head_object(Bucket=bucket, Key=key).get("ReplicationStatus")


def there(key, bucket="dst"):
    """What the target has: (ETag, bytes), or None."""
    try:
        got = far.get_object(Bucket=bucket, Key=key)
        return got["ETag"], got["Body"].read()
    except Exception: # botocore makes its classes as it goes; or nobody answers
        return None


def refused(call):
    try:
        call()
    except Exception as error:
        return error.response["Error"]["Code"]
    return None


def figures():
    """`sluice replicate --status`: of each target."""
    code, text = run([SLUICE, "replicate", "--status", "--data", near.data])
    equal(code, 0, "sluice replicate --status") if code != 0 else None
    found, current = {}, {}
    for line in text.splitlines():
        name, _, value = line.partition(" = ")
        if name == "target":
            current = found.setdefault(value, {})
        elif value:
            current[name] = int(value)
    return found


def start_far(data=None):
    return Server(data=data, keys=True, args=["--listen", f"127.0.0.1:{ports['copy']}"])


write_targets()
near = Server(keys=True, args=["--replication", targets, "--encryption-keys", make_keys("keys", key_line("one", 1))])
target = start_far()
s3, far = s3_client(near), s3_client(target)
for name in ("src", "versioned", "many", "other"):
    s3.create_bucket(Bucket=name)
s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
for name in ("dst", "dst2"):
    far.create_bucket(Bucket=name)

# ---- The configuration ----

equal(refused(lambda: s3.get_bucket_replication(Bucket="src")), "ReplicationConfigurationNotFoundError", "a bucket has no configuration at first")
equal(refused(lambda: configure("src", rule("nowhere"))), "InvalidArgument", "a target that is not in the operator's file is refused")
equal(refused(lambda: configure("other", rule())), "InvalidArgument", "a bucket that may not use the target is refused")
equal(refused(lambda: configure("src", rule(SourceSelectionCriteria={"ReplicaModifications": {"Status": "Enabled"}}))), "NotImplemented",
      "what is not served is refused by name")
s3.put_object(Bucket="src", Key="before", Body=b"before")
configure("src", rule(Filter={"And": {"Prefix": "in/", "Tags": [{"Key": "a", "Value": "b"}]}}))
got = s3.get_bucket_replication(Bucket="src")["ReplicationConfiguration"]
equal((got["Role"], got["Rules"]), ("arn:aws:iam::123456789012:role/copy", [rule(Filter={"And": {"Prefix": "in/", "Tags": [{"Key": "a", "Value": "b"}]}})]),
      "what was put is given back")
configure("src", rule(Destination={"Bucket": "arn:aws:s3:::dst"}))
s3.delete_bucket_replication(Bucket="src")
equal(refused(lambda: s3.get_bucket_replication(Bucket="src")), "ReplicationConfigurationNotFoundError", "and it can be taken away")

# ---- What is copied ----

configure("src", rule(Filter={"Prefix": "in/"}), rule("copy", "dst2", ID="tagged", Priority=9, Filter={"And": {"Prefix": "in/", "Tags": [{"Key": "to", "Value": "dst2"}]}}))
small = s3.put_object(Bucket="src", Key="in/small", Body=b"one", ContentType="text/x-one", Metadata={"colour": "caf\u00e9 red".encode("ascii", "ignore").decode()},
                      CacheControl="max-age=7", Tagging="team=a%20b&x=1")
s3.put_object(Bucket="src", Key="out/small", Body=b"not copied")
check(poll(lambda: there("in/small") is not None), "a small object is copied")
equal(there("in/small"), (small["ETag"], b"one"), "with its bytes and its ETag")
head = far.head_object(Bucket="dst", Key="in/small")
equal((head["ContentType"], head["CacheControl"], head["Metadata"], head.get("ReplicationStatus")), ("text/x-one", "max-age=7", {"colour": "caf red"}, "REPLICA"),
      "with its headers, and the target says that it is a copy")
equal({tag["Key"]: tag["Value"] for tag in far.get_object_tagging(Bucket="dst", Key="in/small")["TagSet"]}, {"team": "a b", "x": "1"}, "with its tags")
check(poll(lambda: status_of("src", "in/small") == "COMPLETED"), "the source says COMPLETED")
equal(status_of("src", "out/small"), None, "no rule is about another prefix")
s3.put_object(Bucket="src", Key="in/small", Body=b"two")
check(poll(lambda: (there("in/small") or (0, 0))[1] == b"two"), "an overwrite is copied")
s3.put_object_tagging(Bucket="src", Key="in/small", Tagging={"TagSet": [{"Key": "new", "Value": "tag"}]})
check(poll(lambda: far.get_object_tagging(Bucket="dst", Key="in/small")["TagSet"] == [{"Key": "new", "Value": "tag"}]), "so are tags that are put later")
s3.put_object(Bucket="src", Key="in/tagged", Body=b"tagged", Tagging="to=dst2")
check(poll(lambda: there("in/tagged", "dst2") == ('"' + hashlib.md5(b"tagged").hexdigest() + '"', b"tagged")), "of two rules that are about it the higher priority counts")
equal(there("in/tagged"), None, "and the other does not")
s3.copy_object(Bucket="src", Key="in/copied", CopySource="src/in/small")
s3.put_object(Bucket="src", Key="in/empty", Body=b"")
check(poll(lambda: (there("in/copied") or (0, 0))[1] == b"two" and (there("in/empty") or (0, 0))[1] == b""), "copies and empty objects, too")

large = os.urandom(MIB) * 20
etag = s3.put_object(Bucket="src", Key="in/large", Body=large)["ETag"]
check(poll(lambda: there("in/large") == (etag, large), 60), "a large object has the same bytes and ETag")
upload = s3.create_multipart_upload(Bucket="src", Key="in/parts", ContentType="text/parts")["UploadId"]
parts = []
for number, size in ((2, 6), (5, 7), (9, 1)):
    parts.append({"PartNumber": number, "ETag": s3.upload_part(Bucket="src", Key="in/parts", UploadId=upload, PartNumber=number, Body=large[:size * MIB])["ETag"]})
etag = s3.complete_multipart_upload(Bucket="src", Key="in/parts", UploadId=upload, MultipartUpload={"Parts": parts})["ETag"]
check(poll(lambda: (there("in/parts") or (0, 0))[0] == etag, 60), "an object of parts has the same ETag")
equal(far.head_object(Bucket="dst", Key="in/parts", PartNumber=5)["ContentLength"], 7 * MIB, "and the same parts, by their numbers")
s3.put_object(Bucket="src", Key="in/sealed", Body=b"secret", ServerSideEncryption="AES256")
check(poll(lambda: status_of("src", "in/sealed") == "FAILED"), "what is encrypted here does not lie open at a target without keys: FAILED")
s3.delete_object(Bucket="src", Key="in/sealed")
key = os.urandom(32)
s3.put_object(Bucket="src", Key="in/customer", Body=b"secret", SSECustomerAlgorithm="AES256", SSECustomerKey=key)
check(poll(lambda: s3.head_object(Bucket="src", Key="in/customer", SSECustomerAlgorithm="AES256", SSECustomerKey=key).get("ReplicationStatus") == "FAILED"),
      "what is encrypted under a customer's key cannot be copied, and says so")

# ---- Deletions ----

s3.delete_object(Bucket="src", Key="in/copied")
s3.put_object(Bucket="src", Key="in/later", Body=b"later")
check(poll(lambda: there("in/later")) and there("in/copied"), "without the rule's word a deletion is not repeated")
configure("src", rule(Filter={"Prefix": "in/"}, DeleteMarkerReplication={"Status": "Enabled"}))
s3.delete_object(Bucket="src", Key="in/later")
check(poll(lambda: there("in/later") is None), "with it, it is")
configure("versioned", rule(DeleteMarkerReplication={"Status": "Enabled"}))
s3.put_object(Bucket="versioned", Key="v", Body=b"1")
check(poll(lambda: there("v")), "a bucket with versions is copied, too")
s3.delete_object(Bucket="versioned", Key="v")
check(poll(lambda: there("v") is None), "and its delete markers")

# ---- What is there already ----

equal(there("before"), None, "what was there before the rule is not copied unasked")
code, text = run([SLUICE, "replicate", "--resync", "src", "--data", near.data])
check(code == 0 and "targets = 1" in text, "sluice replicate --resync", text)
check(poll(lambda: figures()["copy"]["equal"] >= 3 and figures()["copy"]["waiting"] == 0), "a resync compares, and sends nothing that is there", str(figures()))
far.delete_object(Bucket="dst", Key="in/large")
far.put_object(Bucket="dst", Key="in/empty", Body=b"changed there")
run([SLUICE, "replicate", "--resync", "src", "--data", near.data])
check(poll(lambda: (there("in/large") or (0, 0))[1] == large and there("in/empty")[1] == b""), "and brings what is missing or changed there")
equal(there("before"), None, "but nothing that no rule is about")
configure("src", rule(ExistingObjectReplication={"Status": "Enabled"}))
check(poll(lambda: there("before") and there("out/small")), "a rule for existing objects brings them")
equal(run([SLUICE, "replicate", "--resync", "other", "--data", near.data])[0], 1, "a bucket without rules has no resync")

# ---- A target that is away, and wrong keys ----

data = target.data
target.kill()
for i in range(20):
    s3.put_object(Bucket="src", Key=f"away/{i}", Body=b"%d" % i)
s3.put_object(Bucket="src", Key="away/0", Body=b"again")
equal(status_of("src", "away/0"), "PENDING", "while the target is away, objects are PENDING")
check(poll(lambda: figures()["copy"]["waiting"] >= 20 and figures()["copy"]["failed"] > 0), "and are counted", str(figures()))
near.kill()
near = Server(data=near.data, keys=True, args=["--replication", targets, "--encryption-keys", scratch("keys")])
s3 = s3_client(near)
target = start_far(data)
far = s3_client(target)
check(poll(lambda: all(there(f"away/{i}") for i in range(20)) and there("away/0")[1] == b"again", 90), "after a crash of both sides all is copied once they are back")
write_targets(copy="wrong-secret")
os.kill(near.pid, signal.SIGHUP)
check(poll(lambda: (s3.put_object(Bucket="src", Key="denied", Body=b"denied"), time.sleep(0.3), status_of("src", "denied"))[2] == "FAILED", 60),
      "SIGHUP reads the file again; with wrong keys it has FAILED")
check("wrong-secret" not in near.log_text(), "and the log does not say the secret")
write_targets()
os.kill(near.pid, signal.SIGHUP)
check(poll(lambda: status_of("src", "denied") == "COMPLETED" and there("denied"), 60), "with the right ones it is copied later")

# ---- Copies do not go round ----

round_targets = scratch("round")
with open(round_targets, "w") as out:
    out.write(f"[back]\nendpoint = {near.url}\naccess-key = {ACCESS}\nsecret-key = {SECRET}\nbuckets = *\nusers = *\n")
os.chmod(round_targets, 0o600)
target.stop()
target = Server(data=data, keys=True, args=["--listen", f"127.0.0.1:{ports['copy']}", "--replication", round_targets])
far = s3_client(target)
configure("dst", rule("back", "src", Filter={"Prefix": "both/"}), client=far)
s3.put_object(Bucket="src", Key="both/near", Body=b"from near")
check(poll(lambda: there("both/near")), "one way")
far.put_object(Bucket="dst", Key="both/far", Body=b"from far")
check(poll(lambda: status_of("dst", "both/far", far) == "COMPLETED"), "and the other")
equal(s3.get_object(Bucket="src", Key="both/far")["Body"].read(), b"from far", "has come back")
before = s3.head_object(Bucket="src", Key="both/near")["LastModified"], figures()["copy"]["copied"]
time.sleep(1.5)
equal((s3.head_object(Bucket="src", Key="both/near")["LastModified"], figures()["copy"]["copied"]), before, "nothing goes round")
check(poll(lambda: status_of("src", "both/far") == "REPLICA" and status_of("dst", "both/near", far) == "REPLICA"), "each side knows which are copies")

# ---- A target that answers nonsense ----


class Hostile(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers, count = [b"garbage\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n<a>", b"HTTP/1.1 400 No\r\nX-A: " + b"a" * 70000 + b"\r\n\r\n",
                      b"HTTP/1.1 500 No\r\nContent-Length: 18\r\n\r\n<Error><Code>\xff\x00\x1b["], 0

    def do_PUT(self):
        left = int(self.headers.get("content-length", 0))
        while left > 0 and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
        self.wfile.write(self.answers[Hostile.count % len(self.answers)])
        Hostile.count += 1
        self.close_connection = True

    do_HEAD = do_POST = do_DELETE = do_GET = do_PUT

    def log_message(self, *args):
        pass


hostile = http.server.ThreadingHTTPServer(("127.0.0.1", ports["bad"]), Hostile)
hostile.daemon_threads = True
threading.Thread(target=hostile.serve_forever, daemon=True).start()
s3.create_bucket(Bucket="src-bad")
configure("src-bad", rule("bad", "dst"))
for i in range(6):
    s3.put_object(Bucket="src-bad", Key=f"bad/{i}", Body=b"bad")
s3.put_object(Bucket="src", Key="meanwhile", Body=b"meanwhile")
check(poll(lambda: there("meanwhile")), "a target that answers nonsense holds up no other")
check(poll(lambda: Hostile.count >= 6, 60), "and is tried again")
check(near.process.poll() is None and status_of("src-bad", "bad/0") in ("PENDING", "FAILED"), "nothing of it counts as copied")
hostile.shutdown()

# ---- Many ----

count = int(os.environ.get("REPLICATION_KEYS", "1500"))
configure("many", rule("copy", "dst2"))
patient = s3_client(near, retries={"max_attempts": 20}) # a disk that others keep busy may put some off
threads = [threading.Thread(target=lambda first: [patient.put_object(Bucket="many", Key=f"many/{i:05}", Body=b"%d" % i) for i in range(first, count, 4)], args=(first,))
           for first in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check(poll(lambda: figures()["copy"]["waiting"] == 0, 300), f"{count} keys are copied", str(figures()))
keys = [entry["Key"] for page in far.get_paginator("list_objects_v2").paginate(Bucket="dst2", Prefix="many/") for entry in page.get("Contents", [])]
equal(len(keys), count, "all of them")
check(near.stop(), "the server stops")
near = Server(data=near.data, keys=True, args=["--replication", targets, "--metrics", "public", "--encryption-keys", scratch("keys")])
check(poll(lambda: b'\nsluice_replication_waiting{target="copy"} 0\n' in near.request("GET", "/-/metrics")[2]), "what waits is among the metrics")
code, text = run([SLUICE, "status", near.url])
check(code == 0 and "replication  0 wait for copy" in text, "and sluice status tells it", text)
check(near.stop(), "the server stops")
check(target.stop(), "so does the target")
code, text = run([SLUICE, "check", "--data", near.data])
check(code == 0, "the store is sound", text[-500:])
done()
