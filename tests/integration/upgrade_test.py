#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A store of an earlier release gets by `sluice upgrade` what today's would have made: its schema, a record in each file, counts, the chronicle. What
its release read in it is there, and `sluice recover` makes all of it anew without its database. What was cut off is gone on with."""
import json
import os
import shutil
import subprocess
import tarfile

from older_store import age_records
from sluicetest import ROOT, SLUICE, Server, blob_files, check, done, equal, fresh, payload_bytes
from stored_release import as_now, everything

FIXTURES = os.path.join(ROOT, "tests/integration/fixtures")


def run(*arguments, expect=0):
    result = subprocess.run([SLUICE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    check(result.returncode == expect, f"{arguments[0]} ends with {expect}", result.stdout[-1500:])
    return result.stdout


def upgrade(data, *options, expect=0):
    return json.loads(run("upgrade", "--data", data, "--json", *options, expect=expect).splitlines()[-1])


def is_as_it_was(data, expected, name):
    server = Server(data=data)
    found = everything(server)
    wrong = [path for path in found.keys() | expected.keys() if as_now(path, found.get(path)) != as_now(path, expected.get(path))]
    check(not wrong, f"{name}: {len(expected)} answers are those of its release", f"{len(wrong)} are not: {sorted(wrong)[:5]}")
    check(server.stop(), f"{name}: and it is closed")


def recovers(data, expected, name):
    os.remove(os.path.join(data, "sluice.db"))
    new = fresh("recovered")
    said = json.loads(run("recover", "--data", data, "--to", new, "--json").splitlines()[-1])
    equal((said["chronicle_complete"], said["lost"]), (True, 0), f"{name}: the chronicle told all of it")
    run("check", "--data", new)
    is_as_it_was(new, expected, f"{name}, recovered")


def stored_releases():
    folder = fresh("releases")
    with tarfile.open(os.path.join(FIXTURES, "store-v10.tar.xz")) as packed:
        packed.extractall(folder)
    with open(os.path.join(FIXTURES, "store-v10.json"), encoding="utf-8") as file:
        lists = json.load(file)
    for name in ("stopped", "killed"):
        data = os.path.join(folder, name)
        before = sorted(blob_files(data)[0] + blob_files(data)[1])
        lacks = upgrade(data, "--dry-run", expect=1)
        equal((lacks["done"], lacks["schema"], lacks["unclosed"], lacks["lacked_shrink"], lacks["lacked_chronicle"]), (False, 10, name == "killed", True, True),
              f"v10 {name}: what it lacks is told")
        equal(sorted(blob_files(data)[0] + blob_files(data)[1]), before, f"v10 {name}: and nothing was done")
        check(not os.path.exists(os.path.join(data, "blobs", "chronicle")), f"v10 {name}: not even a folder made")
        did = upgrade(data)
        check(did["done"] and did["schema_now"] > 10 and did["lacked_counts"] and did["chronicle_rows"] > 50, f"v10 {name}: it gets all of it", str(did))
        check(os.path.exists(os.path.join(data, "sluice.db.v10")), f"v10 {name}: the database as it was is kept")
        again = upgrade(data)
        equal([again[key] for key in again if key.startswith("lacked")] + [again["unclosed"], again["schema"] == again["schema_now"], again["chronicle_rows"]],
              [False] * 4 + [False, True, 0], f"v10 {name}: then nothing is lacking")
        upgrade(data, "--dry-run")
        run("check", "--data", data)
        is_as_it_was(data, lists[name], f"v10 {name}")
        recovers(data, lists[name], f"v10 {name}")


def files_without_records():
    server = Server()
    server.request("PUT", "/bucket")
    for n in range(40):
        server.request("PUT", f"/bucket/small{n}", bytes([n]) * 5000)
        server.request("PUT", f"/bucket/large{n}", bytes([n]) * 100_000)
    run("upgrade", "--data", server.data, expect=1) # it is open
    server.stop()
    data = server.data
    names = age_records(data)
    equal(len(names[0]), 40, "forty files say nothing any more")
    run("check", "--data", data)
    with open(names[0][7], "ab") as torn: # what an upgrade was writing when it was killed
        torn.write(b"\x01\0\0\0\x10\0\0\0 and no more")
    with open(names[0][8], "r+b") as short:
        short.truncate(50_000)
    did = upgrade(data, expect=1)
    equal((did["records_added"], did["records_lacking"]), (40 - 1 + len(names[1]), 1), "all get a record but the one that is damaged")
    with open(names[0][8], "wb") as mended:
        mended.write(bytes([found_number(names[0][7]) + 1]) * 100_000)
    did = upgrade(data)
    equal((did["records_added"], did["records_lacking"]), (1, 0), "when it was mended, the next one goes on with it")
    check(all(payload_bytes(path) == 100_000 for path in names[0]), "each file has its payload and a record")
    run("check", "--data", data)
    first, second = names[0][:2]
    os.rename(first, first + ".x")
    os.rename(second, first)
    os.rename(first + ".x", second)
    check("another blob's file" in run("check", "--data", data, expect=1), "and files that were swapped are met")


def found_number(path):
    with open(path, "rb") as file:
        return file.read(1)[0]


stored_releases()
files_without_records()
empty = fresh("nothing")
os.mkdir(empty)
check("no store" in run("upgrade", "--data", empty, expect=1), "where there is no store, none is made")
equal(os.listdir(empty), [], "not even a file")
shutil.rmtree(empty)
done()
