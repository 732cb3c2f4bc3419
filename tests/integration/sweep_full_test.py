#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The disk is full when the server clears away what large changes left: parts of an aborted upload, the long list of extents of an
overwritten object. What was acknowledged stays so, reads go on, and once there is room the same server finishes by itself: nothing is
lost, nothing is left, and `sluice check` finds nothing. First with writes that fail by a preloaded library, at every depth of the
change; then on a file system that is full."""
import contextlib
import errno
import os
import re
import shutil
import sqlite3
import struct
import subprocess

import preload
from sluicetest import SLUICE, Server, blob_files, check, done, equal, poll, run, scratch, skip

PARTS = 3000
NONE, WRITE = 0, 2 # of fault.c
FOR_EVER = 1 << 30
CLEARED = ("finished", "dropped", "part", "garbage WHERE unit_length > 0")
STUCK = "cannot work off the garbage list"
block = os.urandom(5 << 20)


def count(server, tables):
    """From a copy of the database and its log: while the server runs nobody else may open them, and of one that was killed SQLite would
    move the log into the database, and the next start would miss it."""
    copy = scratch("copy.db")
    for suffix in ("", "-wal"):
        shutil.copy(os.path.join(server.data, "sluice.db" + suffix), copy + suffix)
    with contextlib.suppress(FileNotFoundError):
        os.remove(copy + "-shm")
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


def is_swept(server):
    """Whether nothing is left to be cleared, while the server runs."""
    try:
        return count(server, CLEARED) == [0] * len(CLEARED)
    except sqlite3.DatabaseError: # it was written meanwhile
        return False


def upload(server, key, part):
    """An upload of many parts: (its id, the last part's ETag)."""
    identity = re.search(b"<UploadId>(.*?)<", server.request("POST", f"/sweep/{key}?uploads")[2]).group(1).decode()
    connection, statuses = server.connect(), set()
    for number in range(1, PARTS + 1):
        connection.request("PUT", f"/sweep/{key}?partNumber={number}&uploadId={identity}", **part(number))
        response = connection.getresponse()
        tag = re.search(b'ETag>(?:&quot;|")?([0-9a-f]+)', response.read()) # of a copy
        statuses.add(response.status)
    connection.close()
    assert statuses == {200}, statuses
    return identity, tag and tag.group(1).decode()


def prepare(server):
    """Some objects, one of many parts among them, and an upload of many parts, whose id is returned."""
    equal(server.request("PUT", "/sweep")[0], 200, "a bucket is made")
    equal(server.request("PUT", "/sweep/block", body=block)[0], 200, "with an object whose parts will be copied")
    for number in range(40):
        assert server.request("PUT", f"/sweep/other{number}", body=b"other %d" % number)[0] == 200
    made, tag = upload(server, "made", lambda _: {"headers": {"x-amz-copy-source": "/sweep/block"}})
    listed = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number in range(1, PARTS + 1))
    status = server.request("POST", f"/sweep/made?uploadId={made}", f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode())[0]
    equal(status, 200, "an object of many parts is made")
    check(poll(lambda: is_swept(server)), "and what that leaves is cleared away")
    return upload(server, "aborted", lambda number: {"body": b"part %d" % number})[0]


def ends_well(server, objects):
    """The server is killed, for one that ends in good order would clear away some more."""
    check(poll(lambda: is_swept(server)), "everything is cleared away")
    equal(server.request("GET", "/sweep/block")[2], block, "the object whose parts were copied is whole")
    server.kill()
    # The object of many parts, or the empty one in its place, has no bytes of its own.
    equal(count(server, ("object", "unit", *CLEARED)), [objects, objects - 1, 0, 0, 0, 0],
          "no object is lost, nothing is left")
    equal(len(blob_files(server.data)[0]), 1, "and the bytes are given back")
    status, output = run([SLUICE, "check", "--data", server.data])
    check(status == 0, "sluice check finds nothing", output)


# ---- Writes that fail ----


def failing_writes():
    built = preload.build("fault", "FAULT_CONTROL", 16, "writes fail during a sweep")
    if built is None:
        return
    environment, numbers = built

    def writes_fail(after):
        numbers[0:16] = struct.pack("=4i", NONE, after, FOR_EVER, errno.ENOSPC)
        numbers[0:4] = struct.pack("=i", WRITE)

    def writes_work():
        numbers[0:4] = struct.pack("=i", NONE)

    def change_then_stuck(what, method, path):
        """A change that just gets through before the disk is full, so that what it left cannot be cleared away."""
        refused, after = [], 0
        while True: # no write is left for the clearing
            writes_fail(after)
            status = server.request(method, path)[0]
            if status in (200, 204) or after > 20000:
                break
            refused.append(status)
            writes_work()
            after += 1
        check(status in (200, 204) and set(refused) == {507}, f"{what}: refused on a full disk, then acknowledged", f"{refused[-3:]} {status}")
        check(poll(lambda: STUCK in server.log_text()), f"{what}: the clearing cannot go on, and the log says so")
        check(not is_swept(server), f"{what}: all is not cleared away")

    def goes_on(what, other):
        equal(server.request("GET", "/sweep/block")[2], block, f"{what}: reads go on")
        equal((server.request("DELETE", other)[0], server.request("GET", other)[0]), (507, 200), f"{what}: what cannot be written is refused, and not done")
        writes_work()
        check(poll(lambda: is_swept(server)), f"{what}: once there is room, the same server clears everything away by itself")
        equal((server.request("DELETE", other)[0], server.request("GET", other)[0]), (204, 404), f"{what}: what was refused is done then")

    server = Server(engine="threads", env=environment)
    identity = prepare(server)
    change_then_stuck("an aborted upload", "DELETE", f"/sweep/aborted?uploadId={identity}")
    equal(server.request("GET", f"/sweep/aborted?uploadId={identity}")[0], 404, "nobody sees the upload any more")
    goes_on("an aborted upload", "/sweep/other0")
    ends_well(server, 41) # of 42
    server = Server(data=server.data, engine="threads", env=environment)
    change_then_stuck("an overwritten object", "PUT", "/sweep/made")
    equal(server.request("HEAD", "/sweep/made")[1].get("content-length"), "0", "everybody sees the new object")
    goes_on("an overwritten object", "/sweep/other1")
    ends_well(server, 40)
    server = Server(data=server.data)
    check(server.stop(), "the store is opened and closed in good order")


# ---- A file system that is full ----

def fill(path):
    """As much as there is room for."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def full_file_system(mount):
    server = Server(data=os.path.join(mount, "data"))
    identity = prepare(server)
    filler = os.path.join(mount, "filler")
    fill(filler)
    changes = [("DELETE", f"/sweep/aborted?uploadId={identity}"), ("PUT", "/sweep/made")] + [("DELETE", f"/sweep/other{n}") for n in range(40)]
    refused, reads = [], set()
    for change in changes:
        status = server.request(*change)[0]
        if status not in (200, 204):
            refused.append((status, change))
        reads.add(server.request("GET", "/sweep/block")[2] == block)
    print(f"# {len(refused)} of {len(changes)} changes were refused", flush=True)
    equal({status for status, _ in refused} - {507}, set(), "on a full file system changes are made, or refused for want of room")
    equal(reads, {True}, "and reads go on")
    os.remove(filler)
    equal([change for _, change in refused if server.request(*change)[0] not in (200, 204)], [], "what was refused is done when there is room")
    ends_well(server, 2)


failing_writes()
mount_point = scratch("small")
os.mkdir(mount_point)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "sluice-test", mount_point], capture_output=True, check=False).returncode != 0:
    skip("a sweep on a full file system", "no file system may be mounted here")
else:
    try:
        full_file_system(mount_point)
    finally:
        subprocess.run(["umount", "-l", mount_point], check=False)
done()
