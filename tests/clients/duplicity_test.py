#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""duplicity, with its boto3 backend: a full backup and an incremental one of a folder, both verified and restored."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, fresh, have, odd_tree, ok, pattern_file, run, s3_client, same_tree, scratch, skip

NAME = "duplicity"


def main():
    if not have("duplicity"):
        skip(NAME, "it is not installed")
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="backup")
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "HOME": scratch(), "LC_ALL": "C.UTF-8"}
    options = ["--no-encryption", "--no-compression", "--s3-endpoint-url", server.url, "--s3-region-name", "us-east-1", "--archive-dir", scratch("cache"),
               "--volsize", "12", "--s3-multipart-chunk-size", "5"]
    url = "boto3+s3://backup/home"

    def duplicity(*words):
        return run([NAME, *words[:-2], *options, *words[-2:]], environment, timeout=100)

    tree = odd_tree(pattern_file("large", 15 << 20))
    before = scratch("before")
    shutil.copytree(tree, before)
    ok("duplicity makes a full backup", duplicity("full", tree, url), "Errors 0")
    ok("duplicity verifies it", duplicity("verify", "--compare-data", url, tree), "0 differences found")
    with open(os.path.join(tree, "a.txt"), "a") as file:
        file.write("more")
    os.remove(os.path.join(tree, "sub", "b.txt"))
    shutil.copy(pattern_file("new", 300001, 2), tree)
    ok("duplicity makes an incremental backup", duplicity("incremental", tree, url), "DeletedFiles 1")
    shutil.rmtree(scratch("cache"))  # from here on it knows what the bucket tells
    ok("duplicity verifies it", duplicity("verify", "--compare-data", url, tree), "0 differences found")
    ok("duplicity lists its backups", run([NAME, "collection-status", *options, url], environment), "Number of contained backup sets: 2")
    for name, when, want in ("latest", [], tree), ("full", ["--time", full_time(client)], before):
        ok(f"duplicity restores the {name} one", duplicity("restore", *when, url, fresh("back")))
        check(same_tree(want, scratch("back")), "as it was")
    ok("duplicity removes all but the last chain", run([NAME, "remove-all-but-n-full", "1", "--force", *options, url], environment))
    equal(len(client.list_multipart_uploads(Bucket="backup").get("Uploads", [])), 0, "no upload is left")
    done()


def full_time(client):
    """When the full backup was made, as its files say: duplicity-full.20260101T000000Z.manifest."""
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="backup")["Contents"]]
    return next(key for key in keys if "full." in key and key.endswith(".manifest")).split(".")[1]


main()
