#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A store as earlier versions wrote it: units verified by CRC32C, the schema of then. It is opened, served, checked and
written to; and a version that is too new is refused."""
import os
import sqlite3
import subprocess

from older_store import blank_heads, crc32c
from sluicetest import SLUICE, Server, blob_files, check, done, equal, pattern_file, payload_bytes

CRC64NVME = 4  # the flag of an extent, metadata/rows/codec.h
CRC32C_SCHEMA = 4  # the last one that knew no other sum, metadata/sqlite/schema.c


def after_number(raw, at):
    while raw[at] & 0x80:
        at += 1
    return at + 1


def as_before(raw, data):
    """A list of one extent, of all of `data`, with the checksum that earlier versions gave it."""
    assert raw[:2] == b"\x01\x01" and raw[2] & CRC64NVME, raw.hex()
    end = after_number(raw, after_number(raw, 3))  # after file and length
    return raw[:2] + bytes([raw[2] & ~CRC64NVME]) + raw[3:end] + crc32c(data).to_bytes(4, "little") + raw[end + 8:]


def sequence_as_before(record):
    """A record of blobs/SEQUENCE, as version 1 had it: nothing of whose it is."""
    head = record[:8] + (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + record[16:40]
    return (head + crc32c(head).to_bytes(4, "little")).ljust(72, b"\0") if record[:8] == b"SLUICSEQ" else record


def sluice_check(data):
    """(exit status, output)"""
    result = subprocess.run([SLUICE, "check", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=60, check=False)
    return result.returncode, result.stdout


bodies = {"small": b"0123456789" * 300, "large": open(pattern_file("large", 300000), "rb").read(), "empty": b""}
server = Server()
equal(server.request("PUT", "/older")[0], 200, "a bucket is made")
for key, body in bodies.items():
    equal(server.request("PUT", f"/older/{key}", body=body)[0], 200, f"{key} is put")
server.stop()

database = sqlite3.connect(os.path.join(server.data, "sluice.db"))
version = database.execute("PRAGMA user_version").fetchone()[0]
for key, body in bodies.items():
    raw = database.execute("SELECT extents FROM object WHERE key = ?", (key.encode(),)).fetchone()[0]
    if body:
        database.execute("UPDATE object SET extents = ? WHERE key = ?", (as_before(raw, body), key.encode()))
database.execute("DROP TABLE finished")
database.execute("DROP TABLE dropped")
database.execute("DROP TABLE journal")
database.execute("DROP TABLE mark")
database.execute("DROP TABLE replaced")
database.execute("ALTER TABLE unit DROP COLUMN crc")
database.execute("ALTER TABLE unit DROP COLUMN crc_kind")
database.execute("DROP TABLE store")
database.execute("DROP TABLE used")
database.execute("DROP TABLE tally")
database.execute("DROP TABLE annotation")
database.execute("DROP TABLE annotation_set")
database.execute("DROP TABLE publication")
for table in ("usage", "usage_walk", "quota", "outbox", "outbox_given"):
    database.execute(f"DROP TABLE {table}")
database.execute("DROP INDEX version_named")
database.execute("ALTER TABLE upload DROP COLUMN parts")
database.execute("ALTER TABLE upload DROP COLUMN bytes")
database.execute("DELETE FROM garbage WHERE row = 9223372036854775807") # a list that is no garbage
database.execute("ALTER TABLE garbage DROP COLUMN usage")
database.execute("ALTER TABLE object DROP COLUMN annotations")
database.execute("ALTER TABLE version DROP COLUMN annotations")
database.execute(f"PRAGMA user_version = {CRC32C_SCHEMA}")
database.commit()
database.close()

with open(os.path.join(server.data, "blobs", "SEQUENCE"), "r+b") as file:
    for slot in (0, 4096):
        file.seek(slot)
        record = sequence_as_before(file.read(72))
        file.seek(slot)
        file.write(record)
blank_heads(server.data)  # after the line of a segment there was nothing
with open(os.path.join(server.data, "blobs", "SEQUENCE"), "rb") as file:
    before = file.read()

server = Server(data=server.data)
check("warning" not in server.log_text() and "error" not in server.log_text(), "a store without a word of whose it is opens as before",
      server.log_text())
for key, body in bodies.items():
    equal(server.request("GET", f"/older/{key}")[2], body, f"{key} of an older store is served")
equal(server.request("PUT", "/older/copy", headers={"x-amz-copy-source": "/older/large"})[0], 200, "and copied")
equal(server.request("PUT", "/older/new", body=bodies["large"])[0], 200, "and new objects are put beside them")
with open(os.path.join(server.data, "blobs", "SEQUENCE"), "rb") as file:
    after = file.read()
versions = [data[slot + 8] for data in (before, after) for slot in (0, 4096)]
equal((versions[:2], sorted(versions[2:])), ([1, 1], [1, 2]), "one record says whose they are, the older one stays until the next")
server.stop()
equal(sluice_check(server.data)[0], 0, "the check verifies units of both kinds")

kept = os.path.join(server.data, f"sluice.db.v{CRC32C_SCHEMA}")
database = sqlite3.connect(f"file:{kept}?mode=ro&immutable=1", uri=True)
equal(database.execute("PRAGMA user_version").fetchone()[0], CRC32C_SCHEMA, "a copy of the database is kept as it was")
equal({row[0] for row in database.execute("SELECT key FROM object")}, {key.encode() for key in bodies}, "with what was in it then")
database.close()
database = sqlite3.connect(os.path.join(server.data, "sluice.db"))
equal(database.execute("PRAGMA user_version").fetchone()[0], version, "the schema has been brought up to date")
database.execute(f"PRAGMA user_version = {version + 1}")
database.commit()
database.close()
status, output = sluice_check(server.data)
check(status == 2 and "newer" in output, "a store of a newer version is refused", f"{status} {output}")
database = sqlite3.connect(os.path.join(server.data, "sluice.db"))
database.execute(f"PRAGMA user_version = {version}")
database.commit()
database.close()

oldest = sorted(path for path in blob_files(server.data)[0] if payload_bytes(path) == 300000)[0]
with open(oldest, "r+b") as file:
    file.seek(150000)
    byte = file.read(1)[0]
    file.seek(150000)
    file.write(bytes([byte ^ 1]))
status, output = sluice_check(server.data)
check(status == 1 and "older/large" in output and "older/copy" in output and "older/new" not in output,
      "a changed byte of an old unit is found by its old checksum", f"{status} {output}")
done()
