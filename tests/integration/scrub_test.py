#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scrubbing: damage of each kind is found while the store is served and clients overwrite and delete beside it, and nothing else is; it is told
by sluice scrub, the log, metrics, sluice status and sluice check --last; it is mended from a backup where that has the right bytes. Rounds go on
by themselves, and sluice check leaves a store exactly as it was."""
import json
import os
import re
import stat
import subprocess
import threading

from sluicetest import Server, blob_files, check, done, equal, poll, scratch, SLUICE

MIB = 1 << 20
PART = 5 * MIB
bodies = {name: os.urandom(size) for name, size in {"packed": 5000, "beside": 5001, "large": 3 * MIB + 17, "sound": 2 * MIB, "gone": 200000}.items()}
parts = [os.urandom(PART), os.urandom(9000)]
pending = os.urandom(300000)
old = os.urandom(100000)


def run(words):
    return subprocess.run(words, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def put(server, key, body):
    status, headers, _ = server.request("PUT", f"/scrub/{key}", body=body)
    equal(status, 200, f"{key} is put")
    return headers


def begin_upload(server, key):
    return re.search(rb"<UploadId>(.*?)</UploadId>", server.request("POST", f"/scrub/{key}?uploads")[2])[1].decode()


def put_part(server, key, upload, number, body):
    status, headers, _ = server.request("PUT", f"/scrub/{key}?partNumber={number}&uploadId={upload}", body=body)
    equal(status, 200, f"part {number} of {key} is put")
    return headers["etag"]


def place_of(data, body):
    for path in sum(blob_files(data), []):
        with open(path, "rb") as file:
            at = file.read().find(body[:4096])
        if at >= 0:
            return path, at
    raise AssertionError("the body is nowhere")


def flip(data, body, at):
    path, begin = place_of(data, body)
    with open(path, "r+b") as file:
        file.seek(begin + at)
        byte = file.read(1)[0]
        file.seek(begin + at)
        file.write(bytes([byte ^ 16]))


def scrub(data, *words):
    """Exit status, findings by key, and the summary."""
    result = run([SLUICE, "scrub", "--data", data, "--json", *words])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.returncode, {(one["kind"], one["key"]): one for one in lines[:-1]}, lines[-1] if lines else {}


def metric(server, name):
    return int(re.search(rf"^{name} (\d+)$", server.request("GET", "/-/metrics")[2].decode(), re.M)[1])


def as_it_is(folder):
    """Everything that a file system knows of it."""
    found = {}
    for path, folders, names in os.walk(folder):
        for name in [".", *names]:
            whole = os.path.join(path, name)
            status = os.lstat(whole)
            content = open(whole, "rb").read() if stat.S_ISREG(status.st_mode) else b""
            found[whole] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


# ---- A store, a backup of it, and a disk that rots ----

server = Server(args=["--scrub-days", "0"])
data = server.data
equal(server.request("PUT", "/scrub")[0], 200, "a bucket is made")
for key, body in bodies.items():
    put(server, key, body)
upload = begin_upload(server, "parts")
tags = [put_part(server, "parts", upload, number, body) for number, body in enumerate(parts, 1)]
listed = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags, 1))
equal(server.request("POST", f"/scrub/parts?uploadId={upload}", body=f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>")[0], 200,
      "an object of two parts is made")
put_part(server, "unfinished", begin_upload(server, "unfinished"), 1, pending)
equal(server.request("PUT", "/scrub?versioning", body="<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")[0], 200,
      "versions are kept from here on")
version = put(server, "aged", old)["x-amz-version-id"]
put(server, "aged", b"new")
status, findings, summary = scrub(data)
equal((status, findings, summary["clean"]), (0, {}, True), "a store as it should be is clean")
check(summary["bytes"] >= sum(map(len, [*bodies.values(), *parts, pending, old])), "all of it was read", str(summary))
check(server.stop(), "the server ends with status 0")

before = as_it_is(data)
result = run([SLUICE, "check", "--data", data, "--json"])
summary = json.loads(result.stdout)
equal((result.returncode, summary["clean"], summary["findings"], summary["served"]), (0, True, 0, False), "check says the same as JSON")
check(as_it_is(data) == before, "check has left every file, every byte and every time as it was")

backup = scratch("backup") # copies: names of the same files would be damaged with them
result = run([SLUICE, "backup", "--data", data, "--to", backup, "--copies"])
equal(result.returncode, 0, "a backup is made")
flip(data, bodies["packed"], 4000)
flip(data, bodies["large"], 2 * MIB)
flip(data, parts[1], 1)
flip(data, pending, 299999)
flip(data, old, 5)
os.unlink(place_of(data, bodies["gone"])[0])
wanted = {("object", "packed"), ("object", "large"), ("object", "parts"), ("object", "gone"), ("part", "unfinished"), ("version", "aged")}

before = as_it_is(data)
result = run([SLUICE, "check", "--data", data, "--json"])
lines = [json.loads(line) for line in result.stdout.splitlines()]
equal((result.returncode, len(lines), lines[-1]["clean"], lines[-1]["damaged"], lines[-1]["missing"]), (1, 7, False, 5, 1),
      "check of the damaged store tells each as a line of JSON")
check(as_it_is(data) == before, "and has changed nothing either")

# ---- Found while clients go on ----

server = Server(data=data, args=["--scrub-days", "0"])
is_over = threading.Event()


def churn(number):
    """Overwrites and deletes; what becomes of it does not matter here."""
    turn = 0
    while not is_over.is_set():
        server.request("PUT", f"/scrub/churn{number}-{turn % 5}", body=os.urandom(3000 if turn % 2 else 80000))
        server.request("DELETE", f"/scrub/churn{number}-{(turn + 2) % 5}")
        turn += 1


clients = [threading.Thread(target=churn, args=(number,)) for number in range(3)]
for client in clients:
    client.start()
for turn in range(3):
    status, findings, summary = scrub(data)
    equal((status, set(findings)), (1, wanted), f"round {turn}: what is damaged is found, and nothing else")
is_over.set()
for client in clients:
    client.join()
equal(findings["version", "aged"]["version"], version, "of a version, which one")
equal(findings["object", "gone"]["what"], "its file is missing", "of a missing file, that it is missing")
check(all(one["bucket"] == "scrub" and one["advice"] and not one["mended"] for one in findings.values()), "each says where, and what to do")
equal(metric(server, "sluice_scrub_damaged"), 6, "metrics tell how much is damaged")
equal(metric(server, "sluice_scrub_findings_total"), 18, "and how often something was met")
check(metric(server, "sluice_scrub_bytes_total") > 3 * PART and metric(server, "sluice_scrub_last_end_seconds") > 0, "and what was read, and when")
check(re.search(r"scrub: object scrub/packed: blob [0-9a-f]{16} at \d+, 5000 bytes: its bytes do not match their checksum", server.log_text()),
      "the log names it on one line")
check("damage-found = 6" in run([SLUICE, "status", "--data", data]).stdout, "sluice status tells")
result = run([SLUICE, "check", "--last", "--data", data])
check(result.returncode == 1 and result.stdout.count("to do:") == 6 and f"scrub/aged version {version}" in result.stdout,
      "sluice check --last shows them, and what to do", result.stdout)
result = run([SLUICE, "scrub", "--data", data, "--mend-from", backup])
check(result.returncode == 2 and "mend-from of its server" in result.stderr, "a server has a second copy of its own, or none", result.stderr)
check(server.stop(), "the server ends with status 0")

# ---- Mended ----

flip(backup, bodies["large"], 7)  # this one has rotted in the backup, too
server = Server(data=data, args=["--scrub-days", "0", "--mend-from", backup])
status, findings, summary = scrub(data)
equal((status, set(findings), summary["mended"], summary["findings"]), (1, wanted, 5, 1), "all is mended but what the backup does not have right")
check(all(one["mended"] == (key != ("object", "large")) for key, one in findings.items()), "and each says so")
for key, body in [*bodies.items(), ("parts", b"".join(parts))]:
    if key != "large":
        got = server.request("GET", f"/scrub/{key}")
        check(got[0] == 200 and got[2] == body, f"{key} is served", got[0])
got = server.request("GET", f"/scrub/aged?versionId={version}")
check(got[0] == 200 and got[2] == old, "so is the old version", got[0])
check("its bytes do not match their checksum; mended" in server.log_text(), "the log says what was mended")
put(server, "large", os.urandom(5000))
versions = server.request("GET", "/scrub?versions&prefix=large")[2].decode()
status, findings, summary = scrub(data)
equal((status, set(findings)), (1, {("version", "large")}), "what was damaged is a version now, and no longer the object")
oldest = re.findall(r"<VersionId>(.*?)</VersionId>", versions)[-1]
equal(server.request("DELETE", f"/scrub/large?versionId={oldest}")[0], 204, "it is deleted for good")
equal(scrub(data)[:2], (0, {}), "then all is well")
check(server.stop(), "the server ends with status 0")
equal(run([SLUICE, "check", "--data", data]).returncode, 0, "and check says so, too")
equal(run([SLUICE, "check", "--last", "--data", data]).stdout, "", "nothing is left to be shown")

# ---- Without a server, and by itself ----

flip(data, bodies["sound"], 77)
status, findings, summary = scrub(data, "--mend-from", backup)
equal((status, summary["mended"], summary["findings"]), (0, 1, 0), "a store that is not served is mended, too")
flip(data, bodies["beside"], 9)
server = Server(data=data, args=["--scrub-days", "1", "--lifecycle-day", "1"])
check(poll(lambda: "damage-found = 1" in run([SLUICE, "status", "--data", data]).stdout, 60), "rounds go on by themselves",
      run([SLUICE, "status", "--data", data]).stdout)
check(server.stop(), "the server ends with status 0")
equal([line.split(" ")[2] for line in run([SLUICE, "check", "--last", "--data", data]).stdout.splitlines()[:1]], ["object"], "and what they find is kept")
# A bit of the database that turns in a value: nothing but what was told when the row was written knows what it was.
server = Server(args=("--scrub-days", "0"))
server.request("PUT", "/told")
for key in range(20):
    server.request("PUT", f"/told/{key}", b"x" * 5000, {"x-amz-meta-colour": f"the-{key}th-colour"})
check(poll(lambda: "chronicle = complete" in run([SLUICE, "status", "--data", server.data]).stdout, 60), "sluice status says that the chronicle tells all")
server.stop()
path = os.path.join(server.data, "sluice.db")
with open(path, "rb") as file:
    pages = file.read()
with open(path, "r+b") as file:
    file.write(pages.replace(b"the-7th-colour", b"the-7th-Colour")) # one bit, also where pages have an old copy of the row
result = run([SLUICE, "check", "--data", server.data])
check(result.returncode == 1 and "attributes in the database is not what the chronicle told" in result.stdout and "key 7)" in result.stdout,
      "a check names the row and its column", result.stdout)
server = Server(data=server.data, args=("--scrub-days", "0"))
result = run([SLUICE, "scrub", "--data", server.data])
check(result.returncode == 1 and "not what the chronicle told" in result.stdout, "and so does a scrub of the server", result.stdout)
equal(server.request("PUT", "/told/7", b"new")[0], 200, "an overwrite ends it")
result = run([SLUICE, "check", "--data", server.data])
equal((result.returncode, result.stdout.split(":")[0]), (0, "clean"), "and the next check of the server is clean")
server.stop()
done()
