#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A backup's whole life with restic, which sits on minio-go: init, backup, check, restore, forget and prune, with keys on and a
restart of the server in between; two backups at once; and what restic says when it has no right or bytes are missing."""
import json
import os
import random
import shutil
import subprocess

from sluicetest import (ACCESS, SECRET, Server, check, done, equal, fails, fresh, have, odd_tree, ok, run, s3_client,
                        same_tree, scratch, skip)

MIB = 1 << 20


def random_file(name, size, seed):
    """A file in which nothing comes twice: restic stores once what does, and where it cuts differs from repository to repository."""
    path, rng = scratch(name), random.Random(seed)
    with open(path, "wb") as out:
        for _ in range(size // MIB):
            out.write(rng.randbytes(MIB))
    return path


def environment(server, secret=SECRET, prefix="laptop"):
    return {"RESTIC_REPOSITORY": f"s3:{server.url}/backups/{prefix}", "RESTIC_PASSWORD": "not a secret", "HOME": scratch(),
            "RESTIC_CACHE_DIR": scratch("restic-cache"), "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1"}


def restic(env, *arguments):
    return run(["restic", "--quiet", *arguments], env)


def snapshots(env):
    """The snapshots' ids, oldest first."""
    status, output = restic(env, "snapshots", "--json")
    return [entry["id"] for entry in sorted(json.loads(output), key=lambda entry: entry["time"])] if status == 0 else output


def restored(env, snapshot, folder):
    """Whether that snapshot's restoration equals the folder."""
    target = fresh("restored")
    status, output = restic(env, "restore", snapshot, "--target", target)
    return check(status == 0 and same_tree(target + folder, folder), f"restore {snapshot[:8]} gives the tree back", output[-600:])


def packs(server):
    """The packs of the repository by the API itself: their keys and sizes."""
    pages = s3_client(server).get_paginator("list_objects_v2").paginate(Bucket="backups", Prefix="laptop/data/")
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def life(server):
    env = environment(server)
    folder = odd_tree(random_file("first.bin", 24 * MIB, seed=21))
    ok("restic: init makes the bucket and a repository", restic(env, "init"))
    fails("restic: a second init is refused", restic(env, "init"), "already")
    ok("restic: the first backup", restic(env, "backup", folder))
    ok("restic: check reads all data", restic(env, "check", "--read-data"))
    first = snapshots(env)
    equal(len(first), 1, "restic: one snapshot")
    restored(env, first[0], folder)
    before = sum(packs(server).values())
    check(before > 24 * MIB, "restic: the packs are objects", before)

    status, output = run(["restic", "backup", "--json", folder], env)
    summary = json.loads(output.strip().splitlines()[-1])
    equal((status, summary["files_new"], summary["files_changed"]), (0, 0, 0), "restic: a backup without changes finds none")
    check(sum(packs(server).values()) - before < MIB // 4, "restic: and adds no data")

    check(server.stop(), "the server ends with status 0")
    server = Server(data=server.data, keys=True)
    env = environment(server)
    ok("restic: check after a restart of the server", restic(env, "check", "--read-data"))
    os.remove(os.path.join(folder, "sub", "first.bin"))
    shutil.copy(random_file("second.bin", 8 * MIB, seed=22), folder)
    ok("restic: a backup of the changed tree", restic(env, "backup", "--tag", "changed", folder))
    last = snapshots(env)
    equal(len(last), 3, "restic: three snapshots")
    status, output = restic(env, "ls", last[2])
    check("second.bin" in output and "first.bin" not in output, "restic: the last one lists the changed tree", output)
    ok("restic: diff tells what changed", run(["restic", "diff", last[0], last[2]], env), "+    " + folder + "/second.bin")

    ok("restic: forget --keep-last 1 --prune", restic(env, "forget", "--keep-last", "1", "--prune", "--max-unused", "0"))
    equal(snapshots(env), last[2:], "restic: the last snapshot is left")
    after = sum(packs(server).values())
    check(8 * MIB < after < 12 * MIB, "restic: prune gave the old data back", f"{before} before, {after} after")
    ok("restic: check after the prune", restic(env, "check", "--read-data"))
    restored(env, last[2], folder)
    equal(restic(env, "list", "locks")[1].strip(), "", "restic: no lock is left")
    return server


def two_at_once(server):
    env = environment(server)
    folders = [fresh("one"), fresh("two")]
    for seed, folder in enumerate(folders):
        os.makedirs(folder)
        shutil.copy(random_file(f"part{seed}.bin", 10 * MIB, seed=30 + seed), folder)
    known = len(snapshots(env))
    running = [subprocess.Popen(["restic", "--quiet", "backup", folder], env={**os.environ, **env}, stdout=subprocess.DEVNULL)
               for folder in folders]
    equal([process.wait(timeout=120) for process in running], [0, 0], "restic: two backups at once")
    equal(len(snapshots(env)), known + 2, "restic: both have their snapshot")
    ok("restic: check after both", restic(env, "check", "--read-data"))


def refusals(server):
    fails("restic: a wrong secret is refused", restic(environment(server, secret="wrong"), "cat", "config"), "Access Denied")
    fails("restic: no repository where none was made", restic(environment(server, prefix="nowhere"), "cat", "config"), "does not exist")
    # The largest has data. For a tree, of which a small one consists, restic would ask again and again for a minute and a half.
    sizes = packs(server)
    s3_client(server).delete_object(Bucket="backups", Key=max(sizes, key=sizes.get))
    fails("restic: check tells of a pack that is gone", restic(environment(server), "check"), "does not exist")


if not have("restic"):
    skip("restic", "not installed")
    done()
server = life(Server(keys=True))
two_at_once(server)
refusals(server)
check(server.stop(), "the server ends with status 0")
done()
