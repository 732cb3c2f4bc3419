#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a start makes of what the last process left, when files and database are not of the same time, or the log or the journal is damaged:
it refuses and says why, `sluice check` finds it, and nothing is deleted. What a crash leaves is never refused: a server is killed before each
call that changes the disk, while it stops and while it starts."""
import contextlib
import errno
import os
import random
import shutil
import subprocess

import preload
from sluicetest import Server, blob_files, check, done, equal, is_segment, run, scratch, skip, SLUICE

WAL_HEAD, WAL_PAGE = 32, 24 + 4096
REFUSED = 1
FAULT_SYNC, FAULT_WRITE = 1, 2 # of fault.c
STRIDE = int(os.environ.get("HALT_STRIDE", "4")) # of the calls of a start
rng = random.Random(5)


def body(name, size):
    return random.Random(name).randbytes(size)


def put(server, name, size, bodies):
    bodies[name] = body(name, size)
    return server.request("PUT", f"/left/{name}", body=bodies[name])[0]


def wrong(server, bodies):
    """The keys that do not answer with their bytes."""
    return [name for name, data in bodies.items() if server.request("GET", f"/left/{name}")[2] != data]


def sluice_check(data):
    return run([SLUICE, "check", "--data", data])


def start(data, *args):
    """(exit status, what it said) of a server that is expected not to start."""
    command = [SLUICE, "serve", "--data", data, "--listen", "127.0.0.1:0", *args]
    try:
        return run(command, timeout=60)
    except subprocess.TimeoutExpired:
        return None, "it started"


def contents(folder):
    """Every file, but for LOCK, which the latest process writes its number into."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if name != "LOCK":
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
    return found


def lost(data):
    folder = os.path.join(data, "lost")
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x40]))


def wal_pages(data):
    return (os.path.getsize(f"{data}/sluice.db-wal") - WAL_HEAD) // WAL_PAGE


def copy_of(source, name):
    path = scratch(name)
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(source, path, ignore=shutil.ignore_patterns("control"))  # a socket, of a server that runs
    return path


def serves(data, bodies, name, *args, says=None):
    """It starts, every object is whole, and check finds nothing after it was stopped."""
    server = Server(data=data, args=args)
    equal(wrong(server, bodies), [], f"{name}: every object is whole")
    text = server.log_text()
    if says is not None:
        check(says in text, f"{name}: it says so", text)
    check(server.stop(), f"{name}: it stops")
    status, output = sluice_check(data)
    check(status == 0, f"{name}: check is clean afterwards", output)
    return text


def refuses(data, name, says):
    """Check and start both say it; nothing is changed; with --accept-older-database it starts, and no blob is deleted. What it
    says then. The chronicle, which tells again what the rows say, is not looked at."""
    before = contents(data)
    status, output = sluice_check(data)
    check(status == 1 and says in output, f"{name}: check finds it", f"{status} {output}")
    equal(sorted(contents(data)), sorted(before), f"{name}: check leaves nothing behind")
    status, output = start(data)
    check(status == REFUSED and says in output and "--accept-older-database" in output, f"{name}: the start is refused and says what to do",
          f"{status} {output}")
    after = contents(data)
    after.pop("blobs/SEQUENCE" if "blobs/SEQUENCE" not in before else "", None)
    after = {path: data for path, data in after.items() if path in before or data}
    equal(sorted(path for path in before | after if before.get(path) != after.get(path) and "/chronicle/" not in path), [], f"{name}: nothing was changed")
    server = Server(data=data, args=["--accept-older-database"])
    text = server.log_text()
    check(says in text, f"{name}: with --accept-older-database it starts, and says so", text)
    check(server.stop(), f"{name}: and stops")
    now = contents(data)
    blobs = {path: content for path, content in before.items() if path.startswith("blobs/") and not path.endswith("SEQUENCE") and "/chronicle/" not in path}
    gone = [path for path, content in blobs.items()
            if now.get(path) != content and not any(name.endswith(os.path.basename(path)) and now[f"lost/{name}"] == content for name in lost(data))
            and not (path in now and content.startswith(now[path].rstrip(b"\0")))]
    equal(gone, [], f"{name}: no blob was deleted")
    serves(data, {}, f"{name}: once more, without it")
    return text


# ---- Stores ----

bodies = {}
server = Server()
equal(server.request("PUT", "/left")[0], 200, "a bucket is made")
for i in range(12):
    put(server, f"small{i}", 3000 + i, bodies)
    put(server, f"large{i}", 150000 + i, bodies)
clean = copy_of(server.data, "live")  # of a server that runs: for the database of a moment
server.stop()
clean, clean_bodies = copy_of(server.data, "clean"), dict(bodies)
server = Server(data=server.data)
for i in range(12, 20):
    put(server, f"small{i}", 3000 + i, bodies)
    put(server, f"large{i}", 150000 + i, bodies)
    server.request("PUT", f"/left{i}")  # a change that is synced in the log
server.kill()
killed = copy_of(server.data, "killed")

# ---- Nothing wrong ----

text = serves(copy_of(killed, "case"), bodies, "killed")
check("warning" not in text and "lost" not in text, "killed: it is silent", text)
data = copy_of(clean, "case")
text = serves(data, clean_bodies, "stopped", "--accept-older-database", says="was not needed")
equal(sorted(name for name in os.listdir(data)), ["LOCK", "blobs", "sluice.db", "staging"], "a check leaves nothing behind")

# ---- The database ----

data = copy_of(killed, "case")
os.remove(f"{data}/sluice.db-wal")
refuses(data, "the log is deleted", "sluice.db-wal is missing")

data = copy_of(clean, "case")
os.remove(f"{data}/sluice.db")
text = refuses(data, "the database is deleted", "sluice.db is missing")
equal(len(lost(data)), sum(len(files) for files in blob_files(clean)), "the database is deleted: every blob is in lost/")
check(text.count("moved to lost/") > 12, "the database is deleted: a line for each blob", text)

for name, damage in (("deleted", os.remove), ("empty", lambda path: os.truncate(path, 0))):
    data = copy_of(killed, "case")
    damage(f"{data}/sluice.db")
    refuses(data, f"the database is {name} and its log is left", "but there are blobs")
    check(any(name.endswith("sluice.db-wal") for name in lost(data)), f"the database is {name} and its log is left: a copy of that is kept")

data = copy_of(clean, "case")
with open(f"{data}/sluice.db", "wb"):
    pass
refuses(data, "the database is empty", "sluice.db is empty")

data = copy_of(clean, "case")
os.remove(f"{data}/sluice.db")
os.remove(f"{data}/blobs/SEQUENCE")
refuses(data, "the database and SEQUENCE are deleted", "sluice.db is missing")

data = copy_of(killed, "case")
shutil.copy(f"{clean}/sluice.db", f"{data}/sluice.db")
os.remove(f"{data}/sluice.db-wal")
refuses(data, "yesterday's database, its log deleted", "sluice.db-wal is missing")

data = copy_of(killed, "stopped")
serves(data, bodies, "stopped since")
newer = copy_of(data, "newer")
shutil.copy(f"{clean}/sluice.db", f"{newer}/sluice.db")
refuses(newer, "yesterday's database after a stop", "sluice.db is older than the blobs")
kept = sum(1 for name in os.listdir(f"{newer}/lost"))
check(kept >= 8, "yesterday's database after a stop: the blobs that it does not know are in lost/", f"{kept}")
server = Server(data=newer)
equal(wrong(server, clean_bodies), [], "yesterday's database after a stop: yesterday's objects are whole")
equal([put(server, f"after{i}", size, bodies) for i, size in enumerate((10, 200000))], [200, 200], "and new ones are stored")
server.kill()
for name in ("after0", "after1"):
    bodies.pop(name)

other = Server()
equal(other.request("PUT", "/left")[0], 200, "another store is made")
other.stop()
data = copy_of(clean, "case")
shutil.copy(f"{other.data}/sluice.db", f"{data}/sluice.db")
refuses(data, "another store's database", "belongs to another store")

# Of a relaxed store a power failure may have taken that much: it goes on, says so, and deletes nothing.
server = Server(args=["--durability", "relaxed"])
server.request("PUT", "/left")
relaxed_bodies = {}
put(server, "first", 150000, relaxed_bodies)
server.stop()
earlier = copy_of(server.data, "earlier")
server = Server(data=server.data, args=["--durability", "relaxed"])
put(server, "second", 150000, {})
server.kill()
shutil.copy(f"{earlier}/sluice.db", f"{server.data}/sluice.db")
os.remove(f"{server.data}/sluice.db-wal")
equal(sluice_check(server.data)[0], 0, "a relaxed store that lost its latest changes: check is clean")
serves(server.data, relaxed_bodies, "a relaxed store that lost its latest changes", "--durability", "relaxed", says="a power failure took its latest changes")
equal(len(lost(server.data)), 1, "a relaxed store that lost its latest changes: their blob is in lost/")

# ---- SEQUENCE and the heads of segments ----

data = copy_of(killed, "case")
with open(f"{data}/blobs/SEQUENCE", "r+b") as file:
    file.write(bytes(8192))
status, output = sluice_check(data)
check(status == 1 and "SEQUENCE is damaged or missing" in output, "SEQUENCE is zeros: check finds it", f"{status} {output}")
with open(f"{data}/blobs/00/00000000000000ee", "wb") as file:
    file.write(b"nobody knows this one")
server = Server(data=data)
equal(wrong(server, bodies), [], "SEQUENCE is zeros: it starts, and every object is whole")
check("00000000000000ee" in server.log_text(), "SEQUENCE is zeros: a blob without a row is told of", server.log_text())
check(any(name.endswith("00000000000000ee") for name in lost(data)), "SEQUENCE is zeros: and moved to lost/", f"{lost(data)}")
server.stop()
status, output = sluice_check(data)
check(status == 0 and "in lost/" in output, "SEQUENCE is zeros: check is clean afterwards, and counts what is in lost/", f"{status} {output}")

data = copy_of(killed, "case")
flip(f"{data}/blobs/SEQUENCE", 20)
serves(data, bodies, "a bit of one record of SEQUENCE")

data = copy_of(killed, "case")
segments = blob_files(data)[1]
check(len(segments) > 0, "there are segments")
for path in segments:
    flip(path, 4096 - 30)
server = Server(data=data)
left = wrong(server, bodies)
statuses = {server.request("GET", f"/left/{name}")[0] for name in left}
check(all(name.startswith("small") for name in left) and statuses <= {500}, "a bit in the head of each segment: it starts, and no wrong bytes are sent",
      f"{left} {statuses}")
server.stop()
equal(len(blob_files(data)[1]), len(segments), "a bit in the head of each segment: nothing is deleted")

# SEQUENCE is as old as the database: the segment that was made since tells.
data = copy_of(killed, "case")
shutil.copy(f"{clean}/sluice.db", f"{data}/sluice.db")
os.remove(f"{data}/sluice.db-wal")
os.remove(f"{data}/blobs/SEQUENCE")
refuses(data, "yesterday's database, and no SEQUENCE", "sluice.db is older than the blobs")

# ---- The log ----

pages = wal_pages(killed)
for page in sorted({1, 2, pages // 4, pages // 2, pages - 12}):
    data = copy_of(killed, "case")
    flip(f"{data}/sluice.db-wal", WAL_HEAD + (page - 1) * WAL_PAGE + 2000)
    damaged = open(f"{data}/sluice.db-wal", "rb").read()
    refuses(data, f"a bit of page {page} of {pages} of the log", f"sluice.db-wal is damaged at page {page} of")
    copies = [name for name in lost(data) if name.endswith("sluice.db-wal")]
    check(len(copies) == 1 and open(f"{data}/lost/{copies[0]}", "rb").read() == damaged, f"page {page}: a copy of the log is kept", f"{copies}")

data = copy_of(killed, "case")
flip(f"{data}/sluice.db-wal", 3)
refuses(data, "a bit of the head of the log", "sluice.db-wal is damaged at page 0 of")

data = copy_of(killed, "case")
flip(f"{data}/sluice.db-wal", WAL_HEAD + (pages - 1) * WAL_PAGE + 2000)
server = Server(data=data)
left = wrong(server, bodies)
text = server.log_text()
check(len(left) <= 1 and "the last change" in text, "a bit of the last page of the log: it starts, and says that it is incomplete", f"{left} {text}")
server.stop()
equal(sluice_check(data)[0], 0, "a bit of the last page of the log: check is clean afterwards")

# ---- The journal ----


def journal_store():
    """A store whose database lacks the latest batches of small objects, as a power failure leaves it: the objects, and where the segment is."""
    bodies = {}
    server = Server()
    server.request("PUT", "/left")
    put(server, "first", 100, bodies)
    put(server, "second", 100, bodies)
    moment = copy_of(server.data, "moment")
    for i in range(20):
        equal(put(server, f"later{i}", 200 + i, bodies), 200, f"later{i} is put") if i == 0 else put(server, f"later{i}", 200 + i, bodies)
    server.kill()
    for name in ("sluice.db", "sluice.db-wal"):
        shutil.copy(f"{moment}/{name}", f"{server.data}/{name}")
    paths = [path for path in blob_files(server.data)[1] if body("later7", 207) in open(path, "rb").read()]
    return server.data, bodies, os.path.relpath(paths[0], server.data)


source, later, segment = journal_store()
status, output = sluice_check(source)
check(status == 0 and "crash left 2" in output, "the journal holds what the database lacks", f"{status} {output}")
serves(copy_of(source, "case"), later, "batches in the journal", says="replayed")

size = os.path.getsize(f"{source}/{segment}")
data = copy_of(source, "case")
flip(f"{data}/{segment}", size - 14 * 4096 + 40)
text = refuses(data, "an entry in the middle of the journal", "of its journal is damaged")
check(is_segment(f"{data}/{segment}") and open(f"{data}/{segment}", "rb").read().startswith(open(f"{source}/{segment}", "rb").read(40)),
      "an entry in the middle of the journal: the segment is there")
server = Server(data=data)
left = wrong(server, later)
check(0 < len(left) < 12, "an entry in the middle of the journal: what came before it is there", f"{left}")
server.stop()

# ---- lost/ ----

data = copy_of(newer, "case")
status, output = run([SLUICE, "lost", "--data", data])
equal((status, len(output.splitlines())), (0, len(lost(data))), "sluice lost lists each file")
status, output = run([SLUICE, "lost", "--data", data, "--empty"])
check(status == 0 and f"removed {kept} files" in output and lost(data) == [], "sluice lost --empty removes them", output)
equal(run([SLUICE, "lost", "--data", data])[1], "", "and then there is nothing")

data = copy_of(newer, "case")
names = lost(data)
for name in names[:3]:
    os.rename(f"{data}/lost/{name}", f"{data}/lost/2020{name[4:]}")
with open(f"{data}/lost/mine", "w") as file:
    file.write("an operator's note")
server = Server(data=data, args=["--lost-days", "1000"])
server.stop()
equal(lost(data), sorted(names[3:] + ["mine"]), "what is too old is removed, and nothing else")
check(server.log_text().count("it is too old") == 3, "with a line for each", server.log_text())
status, output = start(data, "--lost-days", "0")
check(status == 2, "--lost-days 0 is refused", f"{status} {output}")

# ---- Killed before each call that changes the disk ----

control = preload.build("halt", "HALT_CONTROL", 8, "a server is killed at every step")
if control is not None:
    environment, shared = control

    def steps_left(count):
        shared[0:4] = count.to_bytes(4, "little", signed=True)

    def seen():
        return int.from_bytes(shared[4:8], "little")

    def run_until(source, stage, step):
        """A server that starts and stops, and is killed before that step of the stage. Whether it came to that, and how many steps there were."""
        data = copy_of(source, "halted")
        shared[4:8] = bytes(4)
        steps_left(step if stage == "start" else -1)
        try:
            server = Server(data=data, env=environment)
        except RuntimeError:
            return data, True
        if stage == "stop":
            put(server, "small0", 3000, {})
            steps_left(step)
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, 15)
        return data, server.process.wait(40) != 0

    for stage, source, expected in (("start", clean, clean_bodies), ("start", killed, bodies), ("start", source, later), ("stop", clean, clean_bodies),
                                    ("stop", killed, bodies)):
        name = f"{stage} of {os.path.basename(source)}"
        problems, step, was_killed = [], 0, True
        while was_killed and step < 300:
            data, was_killed = run_until(source, stage, step)
            status, output = sluice_check(data)
            if status != 0:
                problems.append(f"step {step}: {output}")
            steps_left(-1)
            server = Server(data=data)
            problems += [f"step {step}: {key}" for key in wrong(server, expected) if key != "small0"]
            if "WARN" in server.log_text() or "warning" in server.log_text():
                problems.append(f"step {step}: {server.log_text()}")
            server.stop()
            step += 1 if stage == "stop" else rng.randint(1, 2 * STRIDE - 1)
        equal(problems, [], f"{name}: killed before calls up to number {step}, and all is well")
        check(3 <= step < 300, f"{name}: there were calls", f"{step}")

# ---- The disk fails while a server stops ----

control = preload.build("fault", "FAULT_CONTROL", 16, "the disk fails while a server stops")
if control is not None:
    environment, shared = control
    for what, call, error in (("nothing can be written", FAULT_WRITE, errno.ENOSPC), ("nothing can be synced", FAULT_SYNC, errno.EIO)):
        data = copy_of(clean, "case")
        server = Server(data=data, env=environment)
        put(server, "small0", 3000, {})
        shared[0:16] = b"".join(number.to_bytes(4, "little") for number in (call, 0, 1 << 30, error))
        server.stop()
        shared[0:16] = bytes(16)
        check(os.path.exists(f"{data}/sluice.db-wal"), f"{what} at the stop: the log stays")
        serves(data, clean_bodies, f"{what} at the stop")
done()
