#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A store whose sluice.db is gone, cut short, or has a hole is made anew by `sluice recover`, from the chronicle among its blobs and from what of
the database can be read. Everything that the old store answered, the new one answers: bytes, headers, versions, delete markers, uploads, settings.
RECOVER_OBJECTS=100000 is the long form."""
import html
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse

from sluicetest import SLUICE, Server, check, content_md5, done, equal, key_line, make_keys, poll, scratch
from stored_release import SETTINGS, Reader

OBJECTS = int(os.environ.get("RECOVER_OBJECTS", "2000"))
VERSIONING = b"<VersioningConfiguration><Status>%s</Status></VersioningConfiguration>"
LIFECYCLE = (b"<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>"
             b"<Expiration><Days>3000</Days></Expiration></Rule></LifecycleConfiguration>")


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)


def recover(data, to, *options, expect=0):
    result = subprocess.run([SLUICE, "recover", "--data", data, "--to", to, "--json", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, timeout=600, check=False)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    check(result.returncode == expect, f"recover ends with {expect}", result.stdout[-1500:] + result.stderr)
    return lines[-1] if lines else {}, lines[:-1]


def everything(server):
    """Path -> what is there, of all that can be read; every page of every listing."""
    reader = Reader(server)
    found = {"/": reader.document("/")}
    for bucket in re.findall(r"<Name>([^<]*)</Name>", found["/"][1]):
        for name in (*SETTINGS, "uploads"):
            found[f"/{bucket}?{name}"] = reader.document(f"/{bucket}?{name}")
        page, more = "", True
        while more:
            listing = f"/{bucket}?versions&encoding-type=url{page}"
            found[listing] = reader.document(listing)
            text = found[listing][1]
            for key, version in re.findall(r"<Key>([^<]*)</Key><VersionId>([^<]*)</VersionId>", text):
                path = f"/{bucket}/{html.unescape(key).replace('+', '%20')}"
                found[f"{path}?versionId={version}"] = reader.object(f"{path}?versionId={version}")
                found[f"{path}?tagging&versionId={version}"] = reader.document(f"{path}?tagging&versionId={version}")
            more = "<IsTruncated>true" in text
            if more:
                page = "&key-marker=" + re.search("<NextKeyMarker>([^<]*)<", text)[1] + "&version-id-marker=" + re.search("<NextVersionIdMarker>([^<]*)<", text)[1]
        for key, upload in re.findall(r"<Key>([^<]*)</Key><UploadId>([^<]*)</UploadId>", found[f"/{bucket}?uploads"][1]):
            found[f"/{bucket}/{key}?uploadId={upload}"] = reader.document(f"/{bucket}/{key}?uploadId={upload}")
    reader.connection.close()
    return found


def differences(found, expected):
    return [path for path in sorted(found.keys() | expected.keys()) if found.get(path) != expected.get(path)]


def is_the_same(data, expected, name):
    """The new store is clean, says what the old one said, and can be written to."""
    result = run([SLUICE, "check", "--data", data])
    check(result.returncode == 0, f"{name}: the new store is clean", result.stdout[-1500:])
    server = Server(data=data)
    found = everything(server)
    wrong = differences(found, expected)
    check(not wrong, f"{name}: {len(expected)} answers are those of the old store",
          f"{len(wrong)} are not: " + "; ".join(f"{path}: {found.get(path)} was {expected.get(path)}"[:600] for path in wrong[:3]))
    for size in (700, 300_000):
        equal(server.request("PUT", "/plain/again", b"a" * size)[0], 200, f"{name}: {size} bytes are put")
        equal(server.request("GET", "/plain/again")[2], b"a" * size, f"{name}: and are there")
    equal(server.request("DELETE", "/plain/file-7")[0], 204, f"{name}: an object is deleted")
    check(server.stop(), f"{name}: and the new store is closed")
    result = run([SLUICE, "check", "--data", data])
    check(result.returncode == 0, f"{name}: it is clean still", result.stdout[-1500:])


def place(name):
    """The path of a folder that is not there yet."""
    return tempfile.mkdtemp(prefix=name + "-", dir=scratch()) + "/store"


def content(number):
    return (b"%08d" % number) * (1 + number % 97)


def fill(server):
    connection = server.connect()

    def ask(method, path, body=None, headers=None):
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        read = answer.read()
        return answer.status, dict((name.lower(), value) for name, value in answer.getheaders()), read

    for bucket in ("plain", "kept", "gone"):
        equal(ask("PUT", f"/{bucket}")[0], 200, f"bucket {bucket} is made")
    equal(ask("DELETE", "/gone")[0], 204, "and one of them deleted")
    equal(ask("PUT", "/kept?versioning", VERSIONING % b"Enabled")[0], 200, "one keeps versions")
    equal(ask("PUT", "/plain?lifecycle", LIFECYCLE)[0], 200, "one has a rule")
    bad = 0
    for number in range(OBJECTS):
        headers = {"x-amz-meta-number": str(number), "Content-Type": f"text/x-{number % 7}"}
        if number % 5 == 0:
            headers["x-amz-tagging"] = f"colour=c{number % 3}&n={number}"
        bad += ask("PUT", f"/plain/file-{number}", content(number), headers)[0] != 200
    for number in range(0, OBJECTS, 9):
        bad += ask("DELETE", f"/plain/file-{number}")[0] != 204
    for number in range(4, OBJECTS, 11):
        bad += ask("PUT", f"/plain/file-{number}", content(number + 1))[0] != 200
    for key in ("ключ/ключ", "日本/é", "with space+plus&", "zwölf"):
        bad += ask("PUT", "/plain/" + urllib.parse.quote(key), key.encode() * 50, {"x-amz-meta-a": "b"})[0] != 200
    for version in range(3):
        for number in range(30):
            bad += ask("PUT", f"/kept/v{number}", content(1000 * version + number), {"x-amz-meta-v": str(version)})[0] != 200
    for number in range(0, 30, 4):
        bad += ask("DELETE", f"/kept/v{number}")[0] != 204
    for number in (1, 2, 3):
        _, headers, _ = ask("HEAD", f"/kept/v{number}")
        bad += ask("DELETE", f"/kept/v{number}?versionId={headers['x-amz-version-id']}")[0] != 204
    tagging = b"<Tagging><TagSet><Tag><Key>late</Key><Value>1</Value></Tag></TagSet></Tagging>"
    bad += ask("PUT", "/plain/file-8?tagging", tagging)[0] != 200
    bad += ask("PUT", "/plain/large", b"L" * 3_000_000)[0] != 200
    bad += ask("PUT", "/plain/copy", None, {"x-amz-copy-source": "/plain/large"})[0] != 200
    for key, ends in (("multi", True), ("unfinished", False)):
        upload = ask("POST", f"/plain/{key}?uploads", headers={"x-amz-meta-m": key})[2].decode().split("<UploadId>")[1].split("<")[0]
        tags = [ask("PUT", f"/plain/{key}?partNumber={part}&uploadId={upload}", bytes([part]) * (5 << 20))[1]["etag"] for part in (1, 2, 3)]
        rows = "".join(f"<Part><PartNumber>{part}</PartNumber><ETag>{tag}</ETag></Part>" for part, tag in enumerate(tags, 1))
        if ends:
            bad += ask("POST", f"/plain/{key}?uploadId={upload}", f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode())[0] != 200
    equal(bad, 0, f"{OBJECTS} objects, overwritten, deleted, versioned, tagged, of parts")
    connection.close()


def damage_middle(path, share, pages):
    """Zeros over some pages, from that share of the file on; in a database, from a leaf on, as a damaged page further up hides all below it."""
    with open(path, "r+b") as file:
        content = file.read()
        at = int(len(content) * share) // 4096 * 4096
        while path.endswith(".db") and content[at] != 0x0a:
            at += 4096
        file.seek(at)
        file.write(b"\0" * 4096 * pages)


def state(folder):
    return {os.path.relpath(os.path.join(where, name), folder): (os.stat(os.path.join(where, name)).st_size, os.stat(os.path.join(where, name)).st_mtime_ns)
            for where, _, names in os.walk(folder) for name in names if name != "LOCK"}


def chronicle(data):
    folder = os.path.join(data, "blobs/chronicle")
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


# ---- Closed, and the database gone ----

server = Server()
old = server.data
fill(server)
expected = everything(server)
check(server.stop(), "the store is closed")
pristine = place("pristine")
shutil.copytree(old, pristine)

os.remove(os.path.join(old, "sluice.db"))
before = state(old)
new = place("new")
report, found = recover(old, new)
check(report["chronicle_complete"] and not report["database_read"], "the chronicle tells all", str(report))
equal((report["lost"], report["buckets"], report["uploads"], report["parts"], found), (0, 2, 1, 3, []), "nothing is lost, and nothing unknown")
equal(state(old), before, "the old store is as it was")
is_the_same(new, expected, "without sluice.db")
equal(state(old), before, "and is when the new one was written to")
equal(recover(old, new, expect=1)[0], {}, "what is there is not written over")

# ---- The chronicle gone, the database damaged ----

for name, spoil in (("zeros in the middle of sluice.db", lambda path: damage_middle(path, 0.5, 3)),
                    ("sluice.db cut short", lambda path: os.truncate(path, int(os.path.getsize(path) * 0.7) // 4096 * 4096))):
    data = place("damaged")
    shutil.copytree(pristine, data)
    spoil(os.path.join(data, "sluice.db"))
    new = place("new")
    report, found = recover(data, new)
    check(report["chronicle_complete"], f"{name}: the chronicle has all of it", str(report))
    is_the_same(new, expected, name)
    shutil.rmtree(os.path.join(data, "blobs/chronicle"))
    new = place("new")
    report, found = recover(data, new)
    told = report["objects"] + report["versions"] + report["markers"]
    check(not report["chronicle_complete"] and report["database_read"] and told > 0,
          f"{name}, and without the chronicle: {told} rows come from the database", str(report))
    result = run([SLUICE, "check", "--data", new])
    check(result.returncode == 0, f"{name}: what was made of it is clean", result.stdout[-1500:])
    server = Server(data=new)
    now = everything(server)
    wrong = [path for path, answer in now.items() if path.count("/") > 1 and "?versionId" in path and path in expected and answer != expected[path]]
    equal(wrong, [], f"{name}: and every object in it is right")
    server.kill()

# ---- Damage in both, in different places: together they have all ----

data = place("both")
shutil.copytree(pristine, data)
damage_middle(os.path.join(data, "sluice.db"), 0.5, 1)
damage_middle(max(chronicle(data), key=os.path.getsize), 0.2, 1)
new = place("new")
report, found = recover(data, new)
check(report["chronicle_damaged"] > 0 and report["database_rows"] > 0, "what the chronicle has lost comes from the database", str(report))
print("#", report)

# ---- Killed ----

server = Server(data=pristine)
equal(server.request("PUT", "/plain/last-but-one", b"1")[0], 200, "one more is stored")
time.sleep(1.5)
equal(server.request("PUT", "/plain/last", b"2")[0], 200, "and another, a moment before a kill")
expected = everything(server)
server.kill()
new = place("new")
report, found = recover(pristine, new)
check(not report["chronicle_complete"] and report["database_read"], "after a kill the database is asked, too", str(report))
is_the_same(new, expected, "killed")
earlier = set(chronicle(pristine))
server = Server(data=pristine)
check(poll(lambda: any("base-" in name and not name.endswith(".new") for name in set(chronicle(pristine)) - earlier), 120), "the next start makes the chronicle whole")
check(server.stop(), "and is closed")
os.remove(os.path.join(pristine, "sluice.db"))
new = place("new")
report, found = recover(pristine, new)
check(report["chronicle_complete"], "so that it tells all again", str(report))
is_the_same(new, expected, "killed, started, closed, without sluice.db")

# ---- A blob gone ----

data = place("short")
shutil.copytree(new, data)
os.remove(os.path.join(data, "sluice.db"))
largest = max((os.path.join(where, name) for where, _, names in os.walk(os.path.join(data, "blobs")) for name in names if "chronicle" not in where
               and "again" not in name), key=os.path.getsize)
os.remove(largest)
new = place("new")
report, found = recover(data, new)
check(report["lost"] > 0 and {find["lost"] for find in found if "lost" in find} <= {"object", "part", "version"}, "what has lost its bytes is told", str(found)[:500])
check(run([SLUICE, "check", "--data", new]).returncode == 0, "and is not in the new store")

# ---- Encrypted objects, a cache, and keys that were published together ----

keys = ["--encryption-keys", make_keys("keys", key_line("first", 1), key_line("second", 2))]
server = Server(args=keys)
data = server.data
PARTS = [os.urandom(5 << 20), os.urandom(70_000)]
SECRET_RULE = (b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
               b"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>")
bad = sum(server.request("PUT", f"/{bucket}")[0] != 200 for bucket in ("secret", "cache", "web"))
bad += server.request("PUT", "/secret?versioning", VERSIONING % b"Enabled")[0] != 200
bad += server.request("PUT", "/secret?encryption", SECRET_RULE, content_md5(SECRET_RULE))[0] != 200
for size in (0, 10, 5000, 200_000):
    for _ in range(2):
        bad += server.request("PUT", f"/secret/{size}", os.urandom(size))[0] != 200
bad += server.request("PUT", "/secret/named", os.urandom(3000), {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "second"})[0] != 200
upload = server.request("POST", "/secret/parts?uploads")[2].decode().split("<UploadId>")[1].split("<")[0]
tags = [server.request("PUT", f"/secret/parts?partNumber={number}&uploadId={upload}", part)[1]["etag"] for number, part in enumerate(PARTS, 1)]
rows = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags, 1))
bad += server.request("POST", f"/secret/parts?uploadId={upload}", f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode())[0] != 200
bad += server.request("PUT", "/cache?sluice-cache", b"<CacheConfiguration><MaxSize>100000000</MaxSize></CacheConfiguration>")[0] != 200
bad += sum(server.request("PUT", f"/cache/{number}", content(number))[0] != 200 for number in range(50))
for build in (1, 2):
    for number in range(40):
        bad += server.request("PUT", f"/web/stage/{number}", content(1000 * build + number))[0] != 200
    body = ("<Publish><Prefix>site/</Prefix><RemoveStaged>true</RemoveStaged>"
            + "".join(f"<Object><Key>site/{number}</Key><Staged>stage/{number}</Staged></Object>" for number in range(40)) + "</Publish>").encode()
    bad += server.request("POST", "/web?sluice-publish", body, content_md5(body))[0] != 200
equal(bad, 0, "objects are encrypted, cached, and published")
expected = {path: answer for path, answer in everything(server).items() if not path.startswith("/web?versions")}
expected["settings"] = [server.request("GET", path)[2] for path in ("/secret?encryption", "/cache?sluice-cache")]
server.kill() # a publication may be under way still
for name in ("with what is left of sluice.db", "without sluice.db"):
    if name.startswith("without"): # the chronicle has all of it when the store was closed
        server = Server(data=data, args=keys)
        check(poll(lambda: "chronicle = complete" in run([SLUICE, "status", "--data", data]).stdout), "the chronicle is made whole")
        check(server.stop(), "the store is closed")
        os.remove(os.path.join(data, "sluice.db"))
    new = place("new")
    report, found = recover(data, new)
    equal((report["lost"], [find for find in found if "lost" in find]), (0, []), f"{name}: nothing is lost")
    result = run([SLUICE, "check", "--data", new])
    check(result.returncode == 0, f"{name}: the new store is clean", result.stdout[-1500:])
    server = Server(data=new, args=keys)
    now = {path: answer for path, answer in everything(server).items() if not path.startswith("/web?versions")}
    now["settings"] = [server.request("GET", path)[2] for path in ("/secret?encryption", "/cache?sluice-cache")]
    wrong = differences(now, expected)
    check(not wrong, f"{name}: {len(expected)} answers are those of the old store", f"{len(wrong)} are not: " + "; ".join(f"{path}: {now.get(path)} was {expected.get(path)}"[:500] for path in wrong[:3]))
    equal(server.request("PUT", "/secret/again", b"a" * 3000)[0], 200, f"{name}: more is encrypted")
    check(server.stop(), f"{name}: it stops")

done()
