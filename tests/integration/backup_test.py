#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sluice backup` of a store under load: what was acknowledged before it began is in the copy, and everything in the copy is whole; taken again it copies
what is new; the server or the backup may be killed at any step; what is deleted meanwhile is in it all the same. `sluice restore` makes a store
of it. What cannot be a place of a backup is refused and left alone."""
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

from sluicetest import SLUICE, Server, blob_files, check, done, equal, have, poll, run, scratch, skip

LARGE, SMALL, KEYS = 150_000, 3_000, 24


def body(key, number):
    """It says what it is, and whether it is whole."""
    size = LARGE if key.startswith("large") else SMALL
    text = f"{key} {number} ".encode()
    return (text + random.Random(f"{key}{number}").randbytes(size))[:size]


def number_of(key, data):
    """Which one it is; None: none that was ever put."""
    words = data[:100].split(b" ", 2)
    return int(words[1]) if len(words) == 3 and words[1].isdigit() and data == body(key, int(words[1])) else None


class Load(threading.Thread):
    """Puts its keys again and again, and reads them; knows the last number of each that was answered, and the highest that was sent."""

    def __init__(self, server, keys):
        super().__init__(daemon=True)
        self.server, self.keys, self.answered, self.sent = server, keys, {}, {}
        self.over, self.wrong, self.count = threading.Event(), [], 0

    def run(self):
        connection = self.server.connect()
        for key in (key for _ in range(1 << 30) for key in self.keys):
            if self.over.is_set():
                break
            number = self.sent[key] = self.sent.get(key, 0) + 1
            try:
                connection.request("PUT", f"/backup/{key}", body=body(key, number))
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered[key] = number
                    self.count += 1
                else:
                    self.wrong.append(answer.status)
            except OSError:
                break  # the server was killed
        connection.close()

    def stop(self):
        self.over.set()
        self.join()


def load(server):
    threads = [Load(server, [f"{kind}{n}-{i}" for i in range(KEYS // 4)]) for n in range(2) for kind in ("small", "large")]
    for thread in threads:
        thread.start()
    return threads


def backup(data, to, *args):
    return run([SLUICE, "backup", "--data", data, "--to", to, *args])


def report(result):
    return json.loads(result[1].splitlines()[-1])


def traced(inject, data, to, *args):
    """The backup as a process that gets a signal at one of its calls."""
    return subprocess.Popen(["strace", "-f", "-qq", "-s", "0", "-o", "/dev/null", "-e", "trace=renameat", "-e", f"inject=renameat:{inject}",
                             SLUICE, "backup", "--data", data, "--to", to, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})


def restored(place, name):
    """A served store from the backup."""
    folder = scratch(name)
    status, said = run([SLUICE, "restore", "--from", place, "--data", folder])
    check(status == 0, f"{name}: a store is made of it", said)
    status, said = run([SLUICE, "check", "--data", folder])
    check(status == 0, f"{name}: the check finds nothing", said)
    return Server(data=folder)


def contents(server):
    found = server.request("GET", "/backup?max-keys=1000")[2].decode()
    keys = [part.split("</Key>")[0] for part in found.split("<Key>")[1:]]
    return {key: server.request("GET", f"/backup/{key}")[2] for key in keys}


def compare(name, place, before, sent):
    """All that was answered before is there, or what was sent since; and everything is whole."""
    server = restored(place, name)
    numbers = {key: number_of(key, data) for key, data in contents(server).items()}
    check(None not in numbers.values(), f"{name}: every object in it is whole", str([key for key, number in numbers.items() if number is None]))
    missing = [key for key, number in before.items() if not number <= (numbers.get(key) or 0) <= sent.get(key, 0)]
    check(not missing, f"{name}: every object that was answered before is in it", str(missing))
    check(server.stop(), f"{name}: its server ends")


def links(place):
    return [os.stat(path).st_nlink for path in blob_files(place)[0]], [os.stat(path).st_nlink for path in blob_files(place)[1]]


server = Server()
place = scratch("place")
equal(server.request("PUT", "/backup")[0], 200, "a bucket is made")

# Under load.
threads = load(server)
check(poll(lambda: all(len(thread.answered) == len(thread.keys) for thread in threads)), "every key was put")
before = {key: number for thread in threads for key, number in thread.answered.items()}
count = sum(thread.count for thread in threads)
result = backup(server.data, place, "--json")
check(result[0] == 0, "a backup of a store under load", result[1])
check(report(result)["served"] and report(result)["files"] > 0, "is taken by its server", result[1])
check(poll(lambda: sum(thread.count for thread in threads) > count), "puts went on meanwhile")
sent = {key: number for thread in threads for key, number in thread.sent.items()}
whole, parts = links(place)
check(whole and parts and set(parts) == {1}, "segments are copied, for they get holes", f"{whole} {parts}")
compare("the first", place, before, sent)
before = {key: number for thread in threads for key, number in thread.answered.items()}
result = backup(server.data, place, "--json")
check(result[0] == 0, "one more into the same folder", result[1])
compare("the second", place, before, {key: number for thread in threads for key, number in thread.sent.items()})
for thread in threads:
    thread.stop()
check(not any(thread.wrong for thread in threads), "every put was answered with 200", str([thread.wrong for thread in threads]))

# What is new alone.
result = backup(server.data, place, "--json")
equal((result[0], backup(server.data, place, "--json")[0]), (0, 0), "and again, with nothing going on")
result = backup(server.data, place, "--json")
equal((report(result)["files"], report(result)["bytes"], report(result)["removed"]), (0, 0, 0), "what is there already is not copied again")
server.request("PUT", "/backup/small0-0", body=body("small0-0", 100000))
server.request("PUT", "/backup/large0-0", body=body("large0-0", 100000))
result = backup(server.data, place, "--json", "--copies")
found = report(result)
check(found["files"] == 2 and found["linked"] + found["cloned"] == 0 and SMALL + LARGE <= found["bytes"] < SMALL + LARGE + 9000, "two objects are two units", result[1])
check(found["removed"] >= 1, "what nobody needs any more goes", result[1])
status, said = run([SLUICE, "check", "--data", place])
check(status == 0, "the copy is a store that the check finds nothing in", said)
answered = {key: number for thread in threads for key, number in thread.answered.items()}
answered.update({"small0-0": 100000, "large0-0": 100000})
compare("the last", place, answered, answered)

# What is deleted while a backup is under way is in it; and a server that is killed meanwhile is waited for.
if have("strace"):
    held = scratch("held")
    process = traced("signal=STOP:when=4", server.data, held, "--copies")
    check(poll(lambda: os.path.exists(os.path.join(held, "blobs")) and sum(len(files) for files in blob_files(held)) >= 2), "a backup has begun, and sleeps")
    time.sleep(0.2)
    for key in answered:
        server.request("DELETE", f"/backup/{key}")
    time.sleep(1)  # the reclaimer would have been there by now
    worker = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    check(process.poll() is None and worker, "it sleeps still")
    equal(backup(server.data, scratch("other"))[0], 1, "a second one meanwhile is refused")
    os.kill(int(worker[0]), signal.SIGCONT)
    said = process.communicate(timeout=60)[0]
    equal(process.returncode, 0, "it ends well")
    compare("while deleting", held, answered, answered)
    check(poll(lambda: len(blob_files(server.data)[0]) == 0), "what was deleted is given back afterwards", str(len(blob_files(server.data)[0])))

    for key, number in answered.items():
        server.request("PUT", f"/backup/{key}", body=body(key, number))
    killed = scratch("killed")
    process = traced("signal=STOP:when=4", server.data, killed, "--copies")
    check(poll(lambda: os.path.exists(os.path.join(killed, "blobs")) and sum(len(files) for files in blob_files(killed)) >= 2), "another has begun, and sleeps")
    server.kill()
    time.sleep(0.2)
    worker = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(worker[0]), signal.SIGCONT)
    said = process.communicate(timeout=60)[0]
    check(process.returncode == 0, "its server was killed, and it ends well", said)
    compare("of a killed server", killed, answered, answered)

    # The backup itself is killed at each of its last steps, and at an early one.
    server = Server(data=server.data)
    whole = 1
    trial = scratch("trial")
    process = traced("signal=CONT:when=1000000", server.data, trial, "--copies")
    process.communicate(timeout=60)
    counted = subprocess.run(["strace", "-f", "-qq", "-c", "-o", scratch("counts"), "-e", "trace=renameat", SLUICE, "backup", "--data", server.data, "--to", scratch("counted"),
                              "--copies"], env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True, text=True, check=False)
    with open(scratch("counts")) as file:
        renames = next(int(line.split()[3]) for line in file if line.rstrip().endswith("renameat"))
    for step in (2, renames - 3, renames - 2, renames - 1, renames):
        folder = scratch(f"step-{step}")
        process = traced(f"signal=KILL:when={step}", server.data, folder, "--copies")
        process.communicate(timeout=60)
        status, said = run([SLUICE, "restore", "--from", folder, "--data", scratch(f"of-{step}")])
        # Before its rows have their name there is none.
        check((status == 0) == (step >= renames - 1), f"killed at step {step} of {renames}, it is whole or says that it is not", said)
        result = backup(server.data, folder, "--copies")
        check(result[0] == 0, f"and the next one after step {step} is whole", result[1])
        compare(f"after step {step}", folder, answered, answered)
    # The same over a whole one: that one stays.
    old = scratch("old")
    backup(server.data, old, "--copies")
    for key in answered:
        server.request("DELETE", f"/backup/{key}")
    server.request("PUT", "/backup/small0-0", body=body("small0-0", 7))
    kept = scratch("kept")
    shutil.copytree(old, kept)
    process = traced("signal=KILL:when=1", server.data, kept, "--copies")  # before its rows have their name
    process.communicate(timeout=60)
    compare("the last whole one", kept, answered, answered)
else:
    skip("backups are killed step by step", "strace is missing")

# To another server, by S3: what is new alone, and what is needed no more goes.
away = Server(keys=True)
there = {"AWS_ACCESS_KEY_ID": "TESTKEY", "AWS_SECRET_ACCESS_KEY": "test/secret+key", "AWS_ENDPOINT_URL": away.url}
equal(run([SLUICE, "mb", "s3://copies"], env=there)[0], 0, "a bucket on another server")


def elsewhere(*command):
    return run([SLUICE, *command], env=there)


def names():
    return [line.split()[-1] for line in elsewhere("ls", "-r", "s3://copies/of/it/")[1].splitlines()]


for key, number in answered.items():
    server.request("PUT", f"/backup/{key}", body=body(key, number))
status, said = elsewhere("restore", "--from", "s3://copies/of/it", "--data", scratch("too-early"))
check(status == 1 and not os.path.exists(scratch("too-early")), "where there is no backup none is restored", said)
result = elsewhere("backup", "--data", server.data, "--to", "s3://copies/of/it", "--json")
check(result[0] == 0 and report(result)["served"], "a served store is copied into it", result[1])
first = names()
result = elsewhere("backup", "--data", server.data, "--to", "s3://copies/of/it", "--json")
equal((result[0], report(result)["files"]), (0, 0), "and again, with nothing to do")
for i in range(KEYS // 4):
    server.request("DELETE", f"/backup/large0-{i}")
server.request("PUT", "/backup/small0-0", body=body("small0-0", 200000))
now = {key: number for key, number in answered.items() if not key.startswith("large0-")} | {"small0-0": 200000}
result = elsewhere("backup", "--data", server.data, "--to", "s3://copies/of/it", "--json")
check(result[0] == 0 and 1 <= report(result)["files"] <= 2, "what is new", result[1])
check(len(set(first) - set(names())) >= KEYS // 4, "what is needed no more has gone", f"{len(first)} {len(names())}")
check(sum("rows/" in name for name in names()) == 1, "and the rows of before", str(names()[-3:]))
folder = scratch("from-there")
status, said = elsewhere("restore", "--from", "s3://copies/of/it", "--data", folder)
check(status == 0, "a store is made of it", said)
status, said = run([SLUICE, "check", "--data", folder])
check(status == 0, "in which the check finds nothing", said)
check(not [path for path in blob_files(folder)[0] + blob_files(folder)[1] if os.stat(path).st_mode & 0o77], "its files are its owner's alone")
again = Server(data=folder)
equal({key: number_of(key, data) for key, data in contents(again).items()}, now, "it has every object, whole")
check(again.stop(), "its server ends")
equal(elsewhere("rm", f"s3://copies/{next(name for name in names() if 'blobs/' in name)}")[0], 0, "a file of it is lost")
status, said = elsewhere("restore", "--from", "s3://copies/of/it", "--data", scratch("lossy"))
check(status == 1 and "is missing in the backup" in said, "which is told", said)
result = elsewhere("backup", "--data", server.data, "--to", "s3://copies/of/it", "--json")
check(result[0] == 0 and report(result)["files"] >= 1, "and made good by the next backup", result[1])
check(away.stop(), "the other server ends")

# What is no place for it.
other = Server()
equal(other.request("PUT", "/backup")[0], 200, "another store")
status, said = backup(other.data, place)
check(status == 1 and "another store" in said, "is not copied over the backup of this one", said)
status, said = backup(other.data, scratch())
check(status == 1 and "not empty" in said, "nor into a folder with something else", said)
status, said = backup(other.data, server.data)
check(status == 1 and not os.path.exists(os.path.join(server.data, "BACKUP")), "nor into a store", said)
status, said = backup(scratch("nowhere"), scratch("no-place"))
check(status == 1 and not os.path.exists(scratch("nowhere")), "what is no store is not copied", said)
status, said = run([SLUICE, "restore", "--from", other.data, "--data", scratch("no-store")])
check(status == 1 and not os.path.exists(scratch("no-store")), "a store is no backup", said)
status, said = run([SLUICE, "restore", "--from", place, "--data", server.data])
check(status == 1 and "not empty" in said, "a store is not restored over another", said)
changed = Server(data=place)
changed.request("PUT", "/backup/new", body=b"new")
check(changed.stop(), "a backup that is served")
status, said = backup(server.data, place)
check(status == 1 and "served" in said, "is no place for the next one", said)
check(hashlib.md5(open(os.path.join(place, "BACKUP"), "rb").read()).digest() and other.stop() and server.stop(), "the servers end")
done()
