#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Three servers over one database and one folder: each sees what the others did, and the folder and the fence keep strangers out."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile

from cluster_database import DATABASE, psql
from sluicetest import ROOT, SLUICE, Server, blob_files, check, done, equal, poll, scratch


def serve(data, *args):
    return Server(data=data, args=["--cluster", DATABASE, "--reclaim-delay", "1", *args])


def refuses(words, sentence, name, status):
    result = subprocess.run([SLUICE, "serve", "--listen", "127.0.0.1:0", *words], capture_output=True, text=True, timeout=60)
    check(result.returncode == status and sentence in result.stderr, name, f"{result.returncode}: {result.stderr}")


psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

data = tempfile.mkdtemp(prefix="shared-", dir=scratch())
servers = [serve(data) for _ in range(3)]
one, two, three = servers

# ---- What one does, the others see ----
equal(one.request("PUT", "/bucket")[0], 200, "a bucket is made on one")
body = os.urandom(300000)
for number, server in enumerate(servers):
    equal(server.request("PUT", f"/bucket/large-{number}", body=body)[0], 200, f"{number} stores a large object")
    equal(server.request("PUT", f"/bucket/small-{number}", body=f"small {number}".encode())[0], 200, f"{number} stores a small one")
for number, server in enumerate(servers):
    got = [server.request("GET", f"/bucket/large-{other}")[2] == body for other in range(3)]
    equal(got, [True] * 3, f"{number} has the large ones of all")
    equal([server.request("GET", f"/bucket/small-{other}")[2] for other in range(3)], [f"small {other}".encode() for other in range(3)], f"{number} has the small ones")
    listing = server.request("GET", "/bucket?list-type=2")[2]
    equal(listing.count(b"<Key>"), 6, f"{number} lists them")
equal(two.request("GET", "/bucket/large-0", headers={"Range": "bytes=1000-1999"})[2], body[1000:2000], "a range of another's object")
equal(one.request("PUT", "/bucket/small-0", body=b"again")[0], 200, "overwritten on one")
equal([server.request("GET", "/bucket/small-0")[2] for server in servers], [b"again"] * 3, "at once seen on all")
equal(three.request("DELETE", "/bucket/large-1")[0], 204, "deleted on another")
equal([server.request("GET", "/bucket/large-1")[0] for server in servers], [404] * 3, "and gone on all")

# ---- An upload whose parts come to three servers ----
started = one.request("POST", "/bucket/parts?uploads")[2].decode()
upload = started.split("<UploadId>")[1].split("</UploadId>")[0]
pieces = [os.urandom(5 << 20), os.urandom(5 << 20), os.urandom(1000)]
tags = [server.request("PUT", f"/bucket/parts?partNumber={number + 1}&uploadId={upload}", body=pieces[number])[1]["etag"] for number, server in enumerate(servers)]
listed = "".join(f"<Part><PartNumber>{number + 1}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags))
equal(two.request("POST", f"/bucket/parts?uploadId={upload}", body=f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>")[0], 200, "an upload over three servers is completed")
check(three.request("GET", "/bucket/parts")[2] == b"".join(pieces), "and has the bytes of its parts")

# ---- What each says of itself ----
def figures(server):
    return dict(re.findall(r"^(sluice_cluster_\w+(?:\{.*\})?) (\S+)$", server.request("GET", "/-/metrics")[2].decode(), re.M))


check(poll(lambda: [figures(server)["sluice_cluster_servers"] for server in servers] == ["3"] * 3, 60), "each knows how many there are", [figures(server) for server in servers])
shown = [figures(server) for server in servers]
equal(sum(int(one["sluice_cluster_leads"]) for one in shown), 1, "one leads")
equal(len({name for one in shown for name in one if "info" in name}), 3, "each has a number of its own")
equal({(one["sluice_cluster_database_up"], one["sluice_cluster_doubts_total"], one["sluice_cluster_buried_total"]) for one in shown}, {("1", "0", "0")}, "all is well")
check(all(int(one["sluice_cluster_batches_total"]) > 0 and int(one['sluice_cluster_round_trips_total{side="read"}']) > 0 and int(one["sluice_cluster_ids_left"]) > 0 for one in shown), "batches, reads and ids are counted", shown)
with open(os.path.join(ROOT, "deploy", "grafana.json"), encoding="utf-8") as file:
    names = set(re.findall(r"sluice_cluster_\w+", file.read()))
check(names <= {name.split("{")[0] for name in shown[0]}, "the panels ask for what there is", names)
address = f"http://{one.host}:{one.port}"
told = json.loads(subprocess.run([SLUICE, "status", address, "--json"], check=True, capture_output=True, text=True, timeout=60).stdout)["cluster"]
check(told["servers"] == 3 and told["database_up"] is True and told["doubts"] == 0, "sluice status tells it", told)
check("database up" in subprocess.run([SLUICE, "status", address], check=True, capture_output=True, text=True, timeout=60).stdout, "and people, too")

# ---- Conditions are judged by the rows, whoever asks ----
answers = [server.request("PUT", "/bucket/once", body=b"first", headers={"If-None-Match": "*"})[0] for server in servers]
equal(sorted(answers), [200, 412, 412], "a key that is made once is made by one")

# ---- Space comes back, by whoever leads ----
check(poll(lambda: psql("SELECT count(*) FROM garbage") == "0", 40), "what was deleted and overwritten is given back", psql("SELECT count(*) FROM garbage"))
files = psql("SELECT count(DISTINCT file) FROM unit WHERE file < 4611686018427387904")
check(poll(lambda: str(len(blob_files(data)[0])) == files), "each file has a row", f"{len(blob_files(data)[0])} files, {files} rows")

# ---- One is killed, and another takes up what it did for all ----
victim = next(server for server in servers if "does what one does for all" in server.log_text())
victim.kill()
rest = [server for server in servers if server is not victim]
check(poll(lambda: any("does what one does for all" in server.log_text() for server in rest), 20), "another leads")
equal([server.request("GET", "/bucket/parts")[0] for server in rest], [200, 200], "the others go on")
number = next(line.split()[-1] for line in victim.log_text().splitlines() if "this is server" in line)
first = int(psql(f"SELECT first FROM block WHERE server = {number} LIMIT 1"))
stray_id = first + 4000
stray = os.path.join(data, "blobs", f"{stray_id // 256 % 256:02x}", f"{stray_id:016x}")
os.makedirs(os.path.dirname(stray), exist_ok=True)
with open(stray, "wb") as file:
    file.write(b"bytes of an upload that got no row")
psql(f"UPDATE server SET seen = now() - interval '1 hour' WHERE id = {number}")
check(poll(lambda: not os.path.exists(stray), 30), "what the dead one left without a row is removed")
check(poll(lambda: psql(f"SELECT dead FROM server WHERE id = {number}") == "2" and not os.path.exists(os.path.join(data, "staging", f"{int(number):016x}")), 30), "and its folder")
equal(rest[0].request("GET", "/bucket/large-0")[2], body, "what has rows stays")

# ---- The fence ----
LEADS = "does what one does for all"
other = serve(data)
fenced = next(server for server in rest if LEADS in server.log_text())
rest = [server for server in (*rest, other) if server is not fenced]
number = next(line.split()[-1] for line in fenced.log_text().splitlines() if "this is server" in line)
uploads = [socket.create_connection((fenced.host, fenced.port), 30) for _ in range(8)]
for place, late in enumerate(uploads):
    late.sendall(f"PUT /bucket/late-{place} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n".encode() + body[:150000])
os.kill(fenced.process.pid, signal.SIGSTOP)  # its connections stay, and the lock with them
psql(f"UPDATE server SET seen = now() - interval '1 hour' WHERE id = {number}")
check(poll(lambda: psql(f"SELECT dead > 0 FROM server WHERE id = {number}") == "t", 60), "one that leads and is silent is taken for dead by those that do not")
check(poll(lambda: any(LEADS in server.log_text() for server in rest), 60), "and another leads")
check(poll(lambda: psql(f"SELECT dead FROM server WHERE id = {number}") == "2", 60), "what it left is cleared away")
for late in uploads:
    late.sendall(body[150000:])
os.kill(fenced.process.pid, signal.SIGCONT)
check(poll(lambda: fenced.process.poll() is not None, 60), "one that was taken for dead ends by itself")
equal(fenced.process.poll(), 1, "with a status that says so")
check("taken this one for dead" in fenced.log_text(), "and a sentence", fenced.log_text())
for place, late in enumerate(uploads):
    late.close()
    equal(rest[0].request("HEAD", f"/bucket/late-{place}")[0], 404, "nothing of what came to it later is there")

# ---- A clean end leaves nothing; another start goes on ----
check(all(server.stop() for server in rest), "servers end cleanly")
equal((os.listdir(os.path.join(data, "staging")), psql("SELECT count(*) FROM block"), psql("SELECT count(*) FROM server WHERE dead = 0")), ([], "0", "0"), "and leave nothing to be cleared")
again = serve(data)
check(again.request("GET", "/bucket/parts")[2] == b"".join(pieces), "a later server has it all")
again.stop()

# ---- The rows against the files ----
def checked():
    result = subprocess.run([SLUICE, "check", "--cluster", DATABASE, "--data", data], capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


status, output = checked()
check(status == 0 and "0 damaged, 0 missing, 0 orphaned" in output, "check --cluster finds each file, each row's bytes, and counts that are right over three servers", output)
psql("UPDATE usage SET count = count + 1 WHERE kind = 0 AND server = (SELECT min(server) FROM usage WHERE kind = 0)")
status, output = checked()
check(status == 1 and "of kind 0" in output, "a count of one server that is wrong", output)
psql("UPDATE usage SET count = count - 1 WHERE kind = 0 AND server = (SELECT min(server) FROM usage WHERE kind = 0); UPDATE unit SET refs = refs + 1 WHERE length = 1000")
status, output = checked()
check(status == 1 and "counted 2 times" in output, "a count of references that is wrong", output)
psql("UPDATE unit SET refs = refs - 1 WHERE length = 1000")
path = next(path for path in blob_files(data)[0] if os.path.getsize(path) > 1000000)
os.rename(path, path + ".away")
status, output = checked()
check(status == 1 and "1 missing" in output, "a file that is missing", output)
os.rename(path + ".away", path)
path = os.path.join(data, "blobs", "0f", f"{0x10f00:016x}")
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "wb") as file:
    file.write(b"no row")
status, output = checked()
check(status == 1 and "1 orphaned" in output, "one that has no row", output)
os.unlink(path)

# ---- Whose folder it is ----
refuses(["--data", data], "belongs to a cluster", "a server of its own refuses a cluster's folder", 1)
alone = Server()
alone.request("PUT", "/bucket")
alone.stop()
refuses(["--data", alone.data, "--cluster", DATABASE], "the store of a single server", "and a cluster's one the folder of such a server", 1)
psql("CREATE SCHEMA other")
refuses(["--data", data, "--cluster", DATABASE + "&options=-csearch_path%3Dother"], "another cluster than the database", "and that of another database", 1)
refuses(["--data", data, "--cluster", "postgresql://127.0.0.1:1/none"], "cannot open", "no database, no server", 1)

# ---- What does not go together ----
for words in (["--durability", "relaxed"], ["--read-only"], ["--mend-from", "/x"]):
    refuses(["--data", data, "--cluster", DATABASE, *words], "exclude each other", f"not with {words[0]}", 2)
refuses(["--data", data, "--cluster", "postgresql://me:word-of-pass@127.0.0.1/x"], "list of processes", "a password in a flag is refused", 2)
result = subprocess.run([SLUICE, "config", "--data", data], env={**os.environ, "SLUICE_CLUSTER": "postgresql://me:word-of-pass@127.0.0.1/x"}, capture_output=True, text=True)
check("word-of-pass" not in result.stdout + result.stderr and "cluster: set, and not shown" in result.stdout, "and shown nowhere", result.stdout + result.stderr)
done()
