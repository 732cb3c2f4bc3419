#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The power fails under a relaxed store, again and again: an ext4 in a loop device is shut down by ioctl, so that nothing survives but what
happened to be written. So that rows and bytes are written in any order, as a kernel short of memory writes them, somebody else syncs a
file of the store now and then. Afterwards the database is sound; what was answered before the last point that is known to be on the
disk is there; each key holds one of the states that it has had since then, whole; and `sluice check` finds no row without its bytes.
Needs root, loop devices and mkfs.ext4."""
import fcntl
import hashlib
import http.client
import os
import random
import subprocess
import sys
import threading
import time

from sluicetest import Server, blob_files, check, done, equal, run, scratch, skip, SLUICE

ROUNDS = int(os.environ.get("RELAXED_CUT_ROUNDS", "6"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
CLIENTS, KEYS = 6, 60
MARKER_BYTES = 777_777 # no other body has so many; the file says a little more
FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), since Linux 4.11 for ext4
NO_LOG_FLUSH = (2).to_bytes(4, sys.byteorder)
ABSENT = 0

rng = random.Random(SEED)
image, folder = scratch("disk"), scratch("mount")
data = os.path.join(folder, "data")
problems = []


# ---- The disk ----


def mount():
    return subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True)


def unmount():
    for _ in range(600):  # a killed process may still be giving back its ring
        if subprocess.run(["umount", folder], capture_output=True).returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError("the file system stays busy")


def cut_power():
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, NO_LOG_FLUSH)
    finally:
        os.close(descriptor)


def prepare():
    """None, or why it cannot be done here."""
    if os.geteuid() != 0:
        return "needs root"
    os.mkdir(folder)
    with open(image, "wb") as file:
        file.truncate(1 << 30)
    try:
        made = subprocess.run(["mkfs.ext4", "-q", "-F", image], capture_output=True, text=True)
        mounted = mount() if made.returncode == 0 else made
    except FileNotFoundError as error:
        return f"no {error.filename}"
    return None if mounted.returncode == 0 else mounted.stderr.strip()


def write_some(generator):
    """What the kernel may do at any moment: one file of the store is written before the others."""
    whole, segments = blob_files(data)
    path = generator.choice([os.path.join(data, "sluice.db-wal")] * 2 + [os.path.join(data, "sluice.db")] + whole[-3:] + segments[-1:])
    try:
        descriptor = os.open(path, os.O_RDONLY)
        os.fdatasync(descriptor)
        os.close(descriptor)
    except OSError:
        pass


# ---- Keys and what they may hold ----


def body_of(key, number):
    """So many bytes that differ from key to key and from number to number; a third is small, a third large."""
    digest = hashlib.sha256(f"{key} {number}".encode()).digest()
    size = (1 + digest[0] * 16, 1 + digest[0] * 250, 70_000 + digest[0] * 900)[digest[1] % 3]
    return hashlib.shake_128(digest).digest(size)


class Keys:
    """The states that each key has had since the last point, oldest first; a number each, ABSENT for none."""

    def __init__(self):
        self.lock = threading.Lock()
        self.states = {}  # key -> [(when it began, number)]
        self.number = 0

    def next(self):
        with self.lock:
            self.number += 1
            return self.number

    def add(self, key, number):
        """Before the request: it may be done at any moment from now on."""
        with self.lock:
            self.states.setdefault(key, [ABSENT]).append(number)

    def take(self):
        """How many states each key has that were answered or are under way."""
        with self.lock:
            return {key: len(states) for key, states in self.states.items()}

    def settle(self, counts, pending):
        """What came before the last state of that moment cannot come back. One that was under way then may not have been done."""
        with self.lock:
            for key, count in counts.items():
                del self.states[key][:max(count - (2 if key in pending else 1), 0)]

    def found(self, key, number):
        """After a power failure: one of the states from before is the last one now, and is itself not on the disk for sure."""
        if self.states[key][-1] != number:
            self.states[key].append(number)


keys = Keys()
under_way = {} # thread -> key
versions = {} # key -> digests of all bodies that were put there


def call(connection, method, path, body=None):
    connection.request(method, path, body=body)
    response = connection.getresponse()
    return response.status, response.read()


def get(server, path):
    """On a connection of its own; what is cut off comes as status 0."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    try:
        return call(connection, "GET", path)
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


def put(connection, key, number, generator):
    """A put, or an upload of one part that ends as one."""
    body = body_of(key, number)
    if generator.random() < 0.85:
        return call(connection, "PUT", f"/{key}", body)[0]
    answer = call(connection, "POST", f"/{key}?uploads")[1]
    upload = answer.split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()
    connection.request("PUT", f"/{key}?partNumber=1&uploadId={upload}", body=body)
    response = connection.getresponse()
    response.read()
    etag = response.getheader("etag")
    return call(connection, "POST", f"/{key}?uploadId={upload}",
                f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>".encode())[0]


def client(server, index, stopping, answered):
    generator = random.Random(rng.random())
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    try:
        while not stopping.is_set():
            key = f"{'kept' if generator.random() < 0.15 else 'bkt'}/{index}-{generator.randrange(KEYS)}"
            under_way[index] = key
            if generator.random() < 0.2:
                keys.add(key, ABSENT)
                status = call(connection, "DELETE", f"/{key}")[0]
            else:
                number = keys.next()
                keys.add(key, number)
                versions.setdefault(key, set()).add(hashlib.sha256(body_of(key, number)).digest())
                status = put(connection, key, number, generator)
            if status not in (200, 204):
                return  # the disk is gone
            under_way[index] = None
            answered[0] += 1
    except (OSError, http.client.HTTPException, IndexError):
        pass


def flusher(stopping):
    generator = random.Random(rng.random())
    while not stopping.wait(generator.uniform(0.02, 0.4)):
        write_some(generator)


def marker_files():
    return [path for path in blob_files(data)[0] if os.path.getsize(path) >= MARKER_BYTES]


def await_point(server):
    """Its bytes go when its deletion is on the disk for sure, and with it all that was answered before."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    call(connection, "PUT", "/bkt/marker", b"m" * MARKER_BYTES)
    counts, pending = keys.take(), set(under_way.values())
    call(connection, "DELETE", "/bkt/marker")
    for _ in range(6000):
        try:
            if not marker_files():
                keys.settle(counts, pending)
                return True
        except OSError:
            pass
        time.sleep(0.01)
    return False


# ---- A round ----


def load(server, number):
    """Whether a point was reached in it."""
    stopping, answered = threading.Event(), [0]
    under_way.clear()
    threads = [threading.Thread(target=client, args=(server, index, stopping, answered)) for index in range(CLIENTS)]
    threads.append(threading.Thread(target=flusher, args=(stopping,)))
    for thread in threads:
        thread.start()
    time.sleep(rng.uniform(0.3, 2))
    reached = number % 2 == 0 and await_point(server)
    time.sleep(rng.uniform(0.3, 3))
    cut_power()
    server.kill()
    stopping.set()
    for thread in threads:
        thread.join()
    return reached, answered[0]


def verify(server, name):
    """Compares every key. Returns how many are not as they were left."""
    back = 0
    for key, states in sorted(keys.states.items()):
        status, body = get(server, f"/{key}")
        if status == 404:
            found = ABSENT
        else:
            found = next((number for number in set(states) if status == 200 and number != ABSENT and body == body_of(key, number)), None)
        if found is None or found not in states:
            zeros = status == 200 and body.count(0) == len(body)
            problems.append(f"{name}: {key}: {status}, {len(body)} bytes{', zeros' if zeros else ''}; {len(states)} states: {states[:4]}")
            found = states[-1]
        back += found != states[-1]
        keys.found(key, found)
    return back


def verify_versions(server, name):
    """The newest ones of each key; `sluice check` reads the others."""
    for key in [key for key in keys.states if key.startswith("kept/")]:
        answer = get(server, f"/kept?versions&prefix={key[5:]}&max-keys=3")[1].decode()
        for entry in answer.split("<Version>")[1:]:
            found, version = (entry.split(f"<{tag}>")[1].split(f"</{tag}>")[0] for tag in ("Key", "VersionId"))
            status, body = get(server, f"/kept/{found}?versionId={version}")
            if status != 200 or hashlib.sha256(body).digest() not in versions[f"kept/{found}"]:
                problems.append(f"{name}: version {version} of {found}: {status}, {len(body)} bytes")


def start():
    return Server(data=data, args=["--durability", "relaxed"])


reason = prepare()
if reason is not None:
    skip("the power fails under a relaxed store", reason)
    done()

server = start()
points = back = told = changes = orphans = 0
try:
    for bucket in ("bkt", "kept"):
        server.request("PUT", f"/{bucket}")
    server.request("PUT", "/kept?versioning", body=b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    check(await_point(server), "what was replaced or deleted is given back after a point")
    for number in range(ROUNDS):
        reached, answered = load(server, number)
        points, changes = points + reached, changes + answered
        unmount()
        mounted = mount()
        if mounted.returncode != 0:
            problems.append(f"round {number}: {mounted.stderr}")
            break
        if number % 3 == 2:  # a durable start after a relaxed process verifies as well
            server = Server(data=data)
            told += "the power failed" in server.log_text()
            server.stop()
        server = start()
        told += "the power failed" in server.log_text()
        back += verify(server, f"round {number}")
        verify_versions(server, f"round {number}")
        server.stop()
        status, output = run([SLUICE, "check", "--data", data])
        # A file without a row costs space only: it got its name, and was lost with its row, before SEQUENCE was next written.
        wrong = [line for line in output.splitlines() if "no row names it" not in line and "in lost/" not in line and "CLEAN" not in line.upper()]
        orphans += output.count("no row names it")
        if status not in (0, 1) or wrong:
            problems.append(f"round {number}: check: {wrong[:3]}")
        server = start()
        if len(problems) > 5:
            break
    equal(problems, [], f"{ROUNDS} times the power fails under a relaxed store: every key holds a state since the last point, whole")
    check(changes > ROUNDS, "changes were answered before the power failed", f"{changes}")
    check(points > 0, "points were reached in between", f"{points}")
    check(back > 0 and told > 0, "something was lost, and the log says so", f"{back} keys, {told} lines")
    check(server.stop(), "the last server ends with status 0")
finally:
    server.kill()
    unmount()
done()
