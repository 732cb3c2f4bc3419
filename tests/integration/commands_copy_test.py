#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cp, mv, sync, find, du and presign: between here and a server, within one, and from one to another."""
import hashlib
import json
import os
import subprocess
import time
import urllib.request

import boto3
from botocore.config import Config

from sluicetest import (ACCESS, SECRET, SLUICE, TLS, Server, check, done, equal, fresh, odd_tree, pattern_file, same_tree, scratch, sha256_file, trusting)

first, second = Server(keys=True), Server(env={"SLUICE_ACCESS_KEY": "OTHERKEY", "SLUICE_SECRET_KEY": "othersecret"})
os.makedirs(scratch(".aws"), exist_ok=True)
with open(scratch(".aws/credentials"), "w") as file:
    file.write(f"[one]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n[two]\naws_access_key_id = OTHERKEY\naws_secret_access_key = othersecret\n")
environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}
environment.update(trusting, AWS_PROFILE="one", AWS_ENDPOINT_URL=first.url, HOME=scratch(), LC_ALL="C.UTF-8")


def sluice(*words, **extra):
    result = subprocess.run([SLUICE, *words], env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **extra)
    return result.returncode, result.stdout, result.stderr


def status(*words):
    code, _, said = sluice(*words)
    if code:
        print("#", " ".join(words)[:100], code, said[:300], flush=True)
    return code


def rows(*words):
    return [json.loads(line) for line in sluice(*words, "--json")[1].splitlines()]


def keys(url, *words):
    return [row["key"] for row in rows("ls", "-r", url, *words)]


def client(server, access, secret):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret,
                        config=Config(retries={"max_attempts": 0}))


s3, other = client(first, ACCESS, SECRET), client(second, "OTHERKEY", "othersecret")
equal(status("mb", "s3://aaa", "s3://bbb"), 0, "two buckets")
equal(status("mb", "--profile", "two", f"{second.url}/ccc"), 0, "and one on another server")
large = pattern_file("large.bin", 20 << 20)
small = pattern_file("small", 3000)

# ---- cp, mv ----------------------------------------------------------------------------------------------------------------

equal(status("cp", large, "s3://aaa/x/large"), 0, "cp to a server")
equal(status("cp", "s3://aaa/x/large", fresh("down")), 0, "cp from it")
equal(sha256_file(scratch("down")), sha256_file(large), "the same bytes")
s3.put_object(Bucket="aaa", Key="x/rich", Body=b"rich", ContentType="text/x-rich", CacheControl="max-age=7", Metadata={"colour": "red"}, Tagging="a%20b=c%2Bd%3D&e=")
equal(status("cp", "s3://aaa/x/rich", "s3://bbb/copied"), 0, "cp within a server")


def described(api, bucket, key):
    head = api.head_object(Bucket=bucket, Key=key)
    tags = api.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return head["ContentType"], head.get("CacheControl"), head["Metadata"], sorted((tag["Key"], tag["Value"]) for tag in tags)


rich = ("text/x-rich", "max-age=7", {"colour": "red"}, [("a b", "c+d="), ("e", "")])
equal(described(s3, "bbb", "copied"), rich, "with metadata and tags")
equal(status("cp", "s3://aaa/x/rich", f"{second.url}/ccc/", "--profile", "two", "--from-profile", "one"), 0, "cp to another server")
equal(described(other, "ccc", "rich"), rich, "with metadata and tags")
equal(status("cp", "s3://aaa/x/large", f"{second.url}/ccc/far/", "--profile", "two", "--from-profile", "one", "--part-size", "6M"), 0, "a large one, too")
body = other.get_object(Bucket="ccc", Key="far/large")["Body"].read()
equal(hashlib.sha256(body).hexdigest(), sha256_file(large), "with the same bytes")
equal(status("cp", "s3://aaa/x/rich", "s3://aaa/x/rich"), 1, "an object is not copied onto itself")
equal(status("mv", "s3://aaa/x/rich", "s3://aaa/x/rich"), 1, "nor moved")
equal(status("cp", small, fresh("elsewhere")), 2, "files are for cp(1)")
equal(status("cp", "s3://aaa/nothing", fresh("down")), 3, "what is not there is 3")
equal(status("mv", "s3://aaa/x/rich", "s3://aaa/y/"), 0, "mv within a server")
equal(keys("s3://aaa"), ["x/large", "y/rich"], "the source is gone")
moved = fresh("moved")
with open(moved, "w") as file:
    file.write("moved")
equal((status("mv", moved, "s3://aaa/y/moved"), os.path.exists(moved)), (0, False), "mv of a file")
equal((status("mv", "s3://aaa/y/moved", moved), keys("s3://aaa/y/"), open(moved).read()), (0, ["y/rich"], "moved"), "and back")
equal(status("mv", moved, "s3://nobody/x"), 3, "where it cannot go")
check(os.path.exists(moved), "it stays")
tree = odd_tree(large)
equal(status("cp", "-r", tree, "s3://bbb/tree"), 0, "cp -r of a folder")
equal(status("cp", "-r", "s3://bbb/tree", "s3://aaa/again"), 0, "cp -r within a server")
equal(status("cp", "-r", "s3://aaa/again", f"{second.url}/ccc/tree", "--profile", "two", "--from-profile", "one"), 0, "cp -r to another")
equal(status("cp", "-r", f"{second.url}/ccc/tree/", fresh("home"), "--profile", "two"), 0, "and home")
check(same_tree(tree, scratch("home")), "is the same tree")
equal(status("cp", "s3://bbb/tree/sub/*.txt", fresh("globbed") + "/"), 0, "cp of a pattern")
equal(sorted(os.listdir(scratch("globbed"))), ["b.txt", "plus+percent%41.txt", "ünïcode-日本.txt"], "has what matches")

# ---- sync --------------------------------------------------------------------------------------------------------------------

equal(status("sync", tree, "s3://bbb/synced"), 0, "sync to a server")
equal(rows("sync", tree, "s3://bbb/synced"), [], "a second one has nothing to do")
with open(os.path.join(tree, "a.txt"), "a") as file:
    file.write("longer")
os.utime(os.path.join(tree, "sub/b.txt"), (time.time() + 100, time.time() + 100))
os.remove(os.path.join(tree, "empty"))
equal(sorted(row["from"]["path"] for row in rows("sync", "-n", tree, "s3://bbb/synced")), [f"{tree}/a.txt", f"{tree}/sub/b.txt"], "what is longer and what is newer")
equal([row["from"]["path"] for row in rows("sync", "-n", tree, "s3://bbb/synced", "--size-only")], [f"{tree}/a.txt"], "or by size alone")
os.utime(os.path.join(tree, "sub/b.txt"))
equal(status("sync", tree, "s3://bbb/synced", "--delete", "--exclude", "empty"), 0, "sync --delete with --exclude")
check("synced/empty" in keys("s3://bbb/synced/"), "what is excluded stays")
equal(status("sync", fresh("no-folder"), "s3://bbb/synced", "--delete"), 3, "a source that is not there")
check("synced/empty" in keys("s3://bbb/synced/"), "removes nothing")
equal(status("sync", tree, "s3://bbb/synced", "--delete"), 0, "sync --delete")
check("synced/empty" not in keys("s3://bbb/synced/"), "removes what the source has not")
local = fresh("synced")
equal(status("sync", "s3://bbb/synced", local), 0, "sync from a server")
check(same_tree(tree, local), "is the same tree")
equal(rows("sync", "s3://bbb/synced", local), [], "and a second one has nothing to do")
with open(os.path.join(local, "mine"), "w") as file:
    file.write("mine")
check("would be deleted" in sluice("sync", "-n", "s3://bbb/synced", local, "--delete")[1] and os.path.exists(os.path.join(local, "mine")), "--dry-run deletes nothing")
equal((status("sync", "s3://bbb/synced", local, "--delete"), os.path.exists(os.path.join(local, "mine"))), (0, False), "--delete of files")
equal(status("sync", "s3://bbb/synced/", f"{second.url}/ccc/synced", "--profile", "two", "--from-profile", "one"), 0, "sync between servers")
equal(keys(f"{second.url}/ccc/synced/", "--profile", "two"), keys("s3://bbb/synced/"), "has all of it")
equal(rows("sync", "s3://bbb/synced/", f"{second.url}/ccc/synced", "--profile", "two", "--from-profile", "one"), [], "and has nothing to do again")

# ---- find, du, presign -------------------------------------------------------------------------------------------------------

equal(sluice("find", "s3://bbb/synced", "--larger", "1M")[1], "s3://bbb/synced/sub/large.bin\n", "find by size")
equal(sluice("find", "s3://bbb/synced", "--smaller", "1M", "--include", "sub/deep/*", "--print0")[1], "s3://bbb/synced/sub/deep/c with space.txt\0", "by pattern, for xargs -0")
equal(sluice("find", "s3://bbb", "--older", "1h")[1], "", "by age")
equal(len(sluice("find", "s3://bbb/synced", "--newer", "1h")[1].splitlines()), len(keys("s3://bbb/synced/")), "either way")
equal(status("find", "s3://bbb", "--newer", "soon"), 2, "a time that is none")
amount = rows("du", "s3://bbb/synced")[0]
listed = rows("ls", "-r", "s3://bbb/synced/")
equal((amount["objects"], amount["bytes"]), (len(listed), sum(row["size"] for row in listed)), "du counts")
url = sluice("presign", "s3://bbb/synced/sub/deep/c with space.txt", "--expires", "5m")[1].strip()
context = first.context
with urllib.request.urlopen(url, context=context) as answer:
    equal(answer.read(), open(os.path.join(tree, "sub/deep/c with space.txt"), "rb").read(), "a presigned URL needs no key")
request = urllib.request.Request(sluice("presign", "s3://bbb/put ünï", "--method", "PUT")[1].strip(), data=b"put", method="PUT")
with urllib.request.urlopen(request, context=context) as answer:
    equal((answer.status, sluice("cat", "s3://bbb/put ünï")[1]), (200, "put"), "nor does one to put with")
equal(status("presign", "s3://bbb/x", "--expires", "8d"), 2, "for at most 7 days")
if TLS:
    print("# by HTTPS")
done()
