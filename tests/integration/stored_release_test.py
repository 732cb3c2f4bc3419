#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stores that releases wrote (fixtures/README.md), stopped, killed, cut off by a power failure: each is opened, and everything that its
release read in it is there, byte by byte and setting by setting. `sluice check` finds nothing wrong, after and, where the schema is still that one, before; it can be written to."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile

from sluicetest import ROOT, SLUICE, Server, blob_files, check, done, equal, fresh, payload_bytes
from stored_release import as_now, everything

FIXTURES = os.path.join(ROOT, "tests/integration/fixtures")
FEWEST = 200  # entries of a list: fewer would mean that it was made of nothing


def sluice_check(data, *options):
    result = subprocess.run([SLUICE, "check", "--data", data, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                            check=False)
    return result.returncode, result.stdout


def differences(found, expected):
    missing = [0, "missing"]
    both = {path: (as_now(path, found.get(path, missing)), as_now(path, expected.get(path, missing))) for path in found.keys() | expected.keys()}
    return [f"{path}: {is_now} instead of {was}" for path, (is_now, was) in sorted(both.items()) if is_now != was]


def is_complete(server, expected, name):
    wrong = differences(everything(server), expected)
    check(not wrong, f"{name}: {len(expected)} answers are those of its release", f"{len(wrong)} are not: " + "; ".join(wrong[:3]))


def goes_on(server, expected, name):
    """The upload that was not finished can be, keys can be written and deleted."""
    path, (_, parts, *_) = next((path, answer) for path, answer in expected.items() if path.startswith("/full/unfinished?uploadId="))
    rows = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                   for number, etag in re.findall(r"<PartNumber>(\d+)</PartNumber>.*?<ETag>([^<]*)</ETag>", parts))
    equal(server.request("POST", path, f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>")[0], 200, f"{name}: its upload is completed")
    sizes = sum(int(size) for size in re.findall(r"<Size>(\d+)</Size>", parts))
    status, headers, body = server.request("GET", "/full/unfinished")
    equal((status, len(body), headers.get("x-amz-meta-colour")), (200, sizes, "green"), f"{name}: and is an object with its metadata")
    for size in (500, 200_000):
        equal(server.request("PUT", "/full/new", b"n" * size)[0], 200, f"{name}: {size} bytes are put")
        equal(server.request("GET", "/full/new")[2], b"n" * size, f"{name}: and are there")
    equal(server.request("DELETE", "/full/own-file")[0], 204, f"{name}: an object is deleted")
    equal(server.request("GET", "/full/own-file")[0], 404, f"{name}: and gone")


def schema_of(data):
    """The number of the schema, from the database's header, or from the log while it is there."""
    with tempfile.TemporaryDirectory() as copy:
        for file in ("sluice.db", "sluice.db-wal"):
            if os.path.exists(os.path.join(data, file)):
                shutil.copy(os.path.join(data, file), copy)
        database = sqlite3.connect(os.path.join(copy, "sluice.db"))
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.close()
    return version


def opens(data, expected, name, options=(), says=None):
    older = schema_of(data)
    status, output = sluice_check(data)
    checked = status == 0 and (says is None or says in output)
    refused = status == 2 and "earlier release" in output  # it changes nothing, so it cannot bring the schema up to date
    server = Server(data=data, args=options)
    check("error" not in server.log_text(), f"{name}: the start says of no error", server.log_text())
    check(checked if schema_of(data) == older else refused, f"{name}: the check before is clean, or told that it is too early", f"{status} {output}")
    is_complete(server, expected, name)
    goes_on(server, expected, name)
    server.stop()
    status, output = sluice_check(data)
    equal((status, output if status else ""), (0, ""), f"{name}: the check afterwards is clean")


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def notices(stopped, expected, name):
    """One other byte, in a file of its own and in a segment, and the comparison sees it."""
    for path, at, key in ((next(p for p in blob_files(stopped)[0] if payload_bytes(p) == 300_000), 150_000, "own-file"), *(
            (p, open(p, "rb").read().index(b"object described"), "described") for p in blob_files(stopped)[1] if b"object described" in open(p, "rb").read())):
        data = fresh("flipped")
        shutil.copytree(stopped, data)
        flip(os.path.join(data, os.path.relpath(path, stopped)), at)
        server = Server(data=data)
        wrong = differences(everything(server), expected)
        check(any(f"/full/{key}?versionId=null" in line for line in wrong), f"{name}: a changed byte of {key} shows", f"{wrong}")
        server.stop()


archives = sorted(name for name in os.listdir(FIXTURES) if name.endswith(".tar.xz"))
check(archives, "there are stores of releases")
for archive in archives:
    release = archive.split(".")[0]
    folder = fresh(release)
    with tarfile.open(os.path.join(FIXTURES, archive)) as packed:
        packed.extractall(folder)
    with open(os.path.join(FIXTURES, release + ".json"), encoding="utf-8") as file:
        lists = json.load(file)
    check(all(len(found) > FEWEST for found in lists.values()), f"{release}: the lists are long", str({k: len(v) for k, v in lists.items()}))
    state = {name: os.path.join(folder, name) for name in (*lists, "cut")}
    notices(state["stopped"], lists["stopped"], release)
    cut = fresh("journal")
    shutil.copytree(state["killed"], cut)
    for file in os.listdir(state["cut"]):
        shutil.copy(os.path.join(state["cut"], file), cut)
    opens(state["stopped"], lists["stopped"], f"{release} stopped")
    opens(state["killed"], lists["killed"], f"{release} killed")
    opens(cut, lists["killed"], f"{release} after a power failure", says="crash left")
    opens(state["relaxed"], lists["relaxed"], f"{release} relaxed and killed", ("--durability", "relaxed"))
done()
