#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 while the server clears away what large changes left: parts of aborted and completed uploads, long lists of extents. After
each kill the check is clean and what was acknowledged is so; the next server goes on by itself, and nothing is left in the end."""
import concurrent.futures
import contextlib
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time

from sluicetest import SLUICE, Server, blob_files, check, done, equal, scratch

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "12"))
PARTS = 2500
rng = random.Random(int(os.environ.get("CRASH_SEED", "1")))
data = scratch("sweep-data")
block = rng.randbytes(5 << 20)


def rows(*tables):
    """How many each holds; nobody has the store open. From a copy: whoever opens a database with a log moves it in and removes it."""
    copy = scratch("copy.db")
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(copy + suffix)
        if os.path.exists(os.path.join(data, "sluice.db" + suffix)):
            shutil.copy(os.path.join(data, "sluice.db" + suffix), copy + suffix)
    database = sqlite3.connect(copy)
    counts = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    database.close()
    return counts


def sluice_check():
    result = subprocess.run([SLUICE, "check", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return "" if result.returncode == 0 else result.stdout[-1000:]


def upload(server, key, count, part):
    """An upload with that many parts: (its id, the part's ETag)."""
    identity = re.search(b"<UploadId>(.*?)<", server.request("POST", f"/sweep/{key}?uploads")[2]).group(1).decode()

    def some(first):
        connection = server.connect()
        for number in range(first, count + 1, 8):
            path = f"/sweep/{key}?partNumber={number}&uploadId={identity}"
            connection.request("PUT", path, **part(number))
            response = connection.getresponse()
            tag = re.search(b'ETag>(?:&quot;|")?([0-9a-f-]+)', response.read()) # of a copy
            assert response.status == 200
        connection.close()
        return tag.group(1).decode() if tag else None
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return identity, list(pool.map(some, range(1, 9)))[-1]


def tiny(number):
    return {"body": b"part %d" % number}


def copied(_):
    return {"headers": {"x-amz-copy-source": "/sweep/block"}}


def completion(count, tag):
    parts = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number in range(1, count + 1))
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def has_bytes():
    """Whether a file of the store has any; files go while this looks."""
    for path in blob_files(data)[0]:
        with contextlib.suppress(FileNotFoundError):
            if os.path.getsize(path) > 0:
                return True
    return False


def swept(server, problems):
    """Stops the server when it has had time to finish, and looks."""
    deadline = time.monotonic() + 120
    left = None
    while time.monotonic() < deadline:
        time.sleep(0.3)
        server.stop()
        left = rows("finished", "dropped", "part")
        if left == [0, 0, 0]:
            return
        server = Server(data=data)
    server.stop()
    problems.append(f"left over: {left}")


problems, cut = [], 0
server = Server(data=data)
equal(server.request("PUT", "/sweep")[0], 200, "a bucket is made")
equal(server.request("PUT", "/sweep/block", body=block)[0], 200, "and a block to copy")


def rounds():
    """So many, and more where no kill came in the middle of a sweep."""
    for number in range(10 * ROUNDS):
        if number >= ROUNDS and cut > 0:
            return
        yield number


for number in rounds():
    aborted, _ = upload(server, "aborted", PARTS, tiny)
    made, tag = upload(server, "made", PARTS, copied)
    listed = PARTS if number % 2 else PARTS - 1000 # the others are left out
    steps = [server.request("POST", f"/sweep/made?uploadId={made}", completion(listed, tag))[0]]
    if number % 3 == 2:
        steps.append(server.request("DELETE", "/sweep/made")[0])
    if steps != [200, 204][:len(steps)]:
        problems.append(f"round {number}: answered {steps}")
    with server.open_socket() as sock: # nobody waits for the answer: the kill may come before it, too
        sock.sendall(f"DELETE /sweep/aborted?uploadId={aborted} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(rng.uniform(0, 0.03))
        server.kill()
    cut += sum(rows("finished", "dropped")) > 0
    found = sluice_check()
    if found:
        problems.append(f"round {number}: {found}")
    server = Server(data=data)
    statuses = [server.request("DELETE", f"/sweep/aborted?uploadId={aborted}")[0] for _ in range(2)]
    if statuses not in ([204, 404], [404, 404]):
        problems.append(f"round {number}: aborted again {statuses}")
    status, headers, _ = server.request("HEAD", "/sweep/made")
    wanted = 404 if number % 3 == 2 else 200
    if status != wanted or (wanted == 200 and int(headers["content-length"]) != listed * len(block)):
        problems.append(f"round {number}: HEAD {status} {headers.get('content-length')}")
    if number % 4 == 3:
        swept(server, problems)
        server = Server(data=data)
equal(problems, [], f"{ROUNDS} times kill -9: the store is sound and what was answered is so")
print(f"# {cut} of them in the middle of a sweep", flush=True)
check(cut > 0, "some of them in the middle of a sweep")

equal(server.request("DELETE", "/sweep/made")[0], 204, "the object is deleted")
equal(server.request("DELETE", "/sweep/block")[0], 204, "and the block")
equal(server.request("DELETE", "/sweep")[0], 204, "and the bucket, whatever is left to be swept")
swept(server, problems)
server = Server(data=data)
deadline = time.monotonic() + 120
while has_bytes() and time.monotonic() < deadline:
    time.sleep(0.1)
server.stop()
equal(problems, [], "nothing is left to be swept")
equal((blob_files(data)[0], rows("unit", "garbage WHERE unit_length > 0")), ([], [0, 0]), "the bytes are given back")
equal(sluice_check(), "", "the check is clean")
done()
