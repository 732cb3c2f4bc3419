#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The database gives back its free pages while it is served, little by little, and `sluice compact` gives back all that a closed store takes for
nothing; also in a database of an earlier release, which cannot do it by itself. Every object that is left has its bytes afterwards."""
import base64
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time

from sluicetest import BUILD, Server, check, done, equal, poll, run, scratch, skip, SLUICE

LOAD = os.path.join(BUILD, "bench", "load")
KEYS, BYTES, MIB = 12000, 2000, 1 << 20


def store(server, count):
    client = subprocess.run([LOAD, "put", server.host, str(server.port), f"/compact/{'k' * 200}%d", str(BYTES), "32", f"{count}x"], stdout=subprocess.DEVNULL, check=False)
    return client.returncode == 0


def delete(server, numbers):
    for at in range(0, len(numbers), 1000):
        keys = "".join(f"<Object><Key>{'k' * 200}{number}</Key></Object>" for number in numbers[at:at + 1000])
        document = f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()
        answer = server.request("POST", "/compact?delete", body=document, headers={"Content-MD5": base64.b64encode(hashlib.md5(document).digest()).decode()})
        if answer[0] != 200:
            return False
    return True


def database_bytes(data):
    return os.path.getsize(os.path.join(data, "sluice.db"))


def pages_free(data):
    database = sqlite3.connect(os.path.join(data, "sluice.db"))
    found = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("auto_vacuum", "freelist_count", "page_count")]
    database.close()
    return found


def compact(data, *args):
    return run([SLUICE, "compact", "--data", data, *args])


if not os.path.exists(LOAD):
    skip("compact", "the bench's client was not built")
    done()

server = Server()
equal(server.request("PUT", "/compact")[0], 200, "a bucket is made")
check(store(server, KEYS), "objects are stored")
left = list(range(0, KEYS, 40))
whole = {number: server.request("GET", f"/compact/{'k' * 200}{number}")[2] for number in left[:20]}
check(server.stop(), "the server ends")
largest = database_bytes(server.data)
older = scratch("older")
shutil.copytree(server.data, older)

# While it is served.
server = Server(data=server.data)
check(delete(server, [number for number in range(KEYS) if number % 40]), "most are deleted")
check(poll(lambda: database_bytes(server.data) < largest * 0.6, 60), "the database becomes smaller while it is served", f"{largest} to {database_bytes(server.data)}")
status, said = compact(server.data)
check(status == 1 and "stop" in said, "a store that is served is not compacted, and it says why", said)
equal({number: server.request("GET", f"/compact/{'k' * 200}{number}")[2] for number in whole}, whole, "what is left has its bytes")
check(server.stop(), "the server ends")
mode, free, pages = pages_free(server.data)
equal(mode, 2, "a new store's database can shrink")
check(free <= 2 * max(256, pages // 16) + 64, "and has little that is free", f"{free} of {pages} pages")

# Of an earlier release: it knows nothing of who points at its pages.
database = sqlite3.connect(os.path.join(older, "sluice.db"))
database.executescript("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM; PRAGMA journal_mode = WAL;")
database.close()
equal(pages_free(older)[0], 0, "a database of an earlier release cannot shrink")
server = Server(data=older)
check(delete(server, [number for number in range(KEYS) if number % 40]), "most are deleted there")
server.kill() # with garbage left, and the log full
before = database_bytes(older)
status, said = compact(older, "--json")
equal(status, 0, "it is compacted")
report = json.loads(said.splitlines()[-1])
check(report["database_after"] < before / 4, "the database has become small", said)
check(report["database_after"] == -(-database_bytes(older) // 4096) * 4096, "as it says", said)
check(report["blobs_after"] <= report["blobs_before"] and report["gained"] > 0, "and it says what was gained", said)
equal(pages_free(older)[:2], [2, 0], "nothing in it is free, and it can shrink from now on")
equal(run([SLUICE, "check", "--data", older])[0], 0, "the check finds nothing")
status, said = compact(older)
check(status == 0 and " 0 bytes given back" in said, "once more there is nothing to give back", said)
server = Server(data=older)
equal({number: server.request("GET", f"/compact/{'k' * 200}{number}")[2] for number in whole}, whole, "what is left has its bytes")
check(server.stop(), "the server ends")

status, said = compact(scratch("nowhere"))
check(status == 1 and "no store" in said and not os.path.exists(scratch("nowhere")), "where there is no store none is made", said)
done()
