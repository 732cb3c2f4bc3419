#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A pair over a replicated file system (deploy/pair/README.md): three bricks of GlusterFS on this machine by volume files of our own, without glusterd,
mounted twice as two machines would. While one server has the store no other gets it. Server and mount are killed under load, then also a brick; the
other mount serves the store within five seconds, with all that was answered. Skipped without root, /dev/fuse or GlusterFS."""
import atexit
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import SLUICE, Server, check, done, equal, have, poll, run, scratch, skip  # noqa: E402 (found by the line before)

ROUNDS, WRITERS, AGAIN_SECONDS = 3, 4, 5

BRICK = """
volume posix
    type storage/posix
    option directory {folder}
end-volume
volume locks
    type features/locks
    subvolumes posix
end-volume
volume brick
    type performance/io-threads
    subvolumes locks
end-volume
volume server
    type protocol/server
    option transport-type tcp
    option transport.socket.bind-address 127.0.0.1
    option transport.socket.listen-port {port}
    option auth.addr.brick.allow 127.0.0.1
    subvolumes brick
end-volume
"""
CLIENT = """
volume client-{number}
    type protocol/client
    option transport-type tcp
    option remote-host 127.0.0.1
    option remote-port {port}
    option remote-subvolume brick
    option ping-timeout 2
end-volume
"""
REPLICAS = """
volume replicas
    type cluster/replicate
    option quorum-type auto
    option afr-pending-xattr client-0,client-1,client-2
    subvolumes client-0 client-1 client-2
end-volume
"""


def unusable():
    if os.geteuid() != 0:
        return "only root may mount"
    if not have("glusterfsd") or not have("glusterfs"):
        return "GlusterFS is not installed"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return None


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def write(name, text):
    with open(scratch(name), "w", encoding="ascii") as file:
        file.write(text)
    return scratch(name)


class Brick:
    def __init__(self, number):
        self.port = free_port()
        folder = scratch(f"brick-{number}")
        os.makedirs(folder)
        volume = write(f"brick-{number}.vol", BRICK.format(folder=folder, port=self.port))
        self.process = subprocess.Popen(["glusterfsd", "-N", "-f", volume, "-l", scratch(f"brick-{number}.log"), "-p", scratch(f"brick-{number}.pid")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.kill)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Mount:
    """What one of the two machines sees."""

    def __init__(self, name, bricks):
        self.folder = scratch(name)
        os.makedirs(self.folder)
        volume = write(f"{name}.vol", "".join(CLIENT.format(number=number, port=brick.port) for number, brick in enumerate(bricks)) + REPLICAS)
        # Files that the other machine wrote must be seen as they are: no page of an earlier opening is believed.
        self.process = subprocess.Popen(["glusterfs", "-N", "-f", volume, "-l", scratch(f"{name}.log"), "-p", scratch(f"{name}.pid"), "--fopen-keep-cache=off",
                                         "--attribute-timeout=0", "--entry-timeout=0", self.folder], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        atexit.register(self.kill)
        poll(lambda: os.path.ismount(self.folder) or self.process.poll() is not None, 20)

    def kill(self):
        """As the fencing of its machine: whatever was under way there ends."""
        self.process.kill()
        self.process.wait()
        run(["umount", "-l", self.folder])


class Writer(threading.Thread):
    """Puts keys that nobody else puts, to whichever server there is, and remembers those that were answered."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.answered, self.over, self.since = number, [], threading.Event(), 0

    def run(self):
        count = 0
        while not self.over.is_set():
            key, count = f"{self.number}-{count}", count + 1
            with contextlib.suppress(OSError, Exception):
                if current[0].request("PUT", f"/pair/{key}", body=body(key), timeout=10)[0] == 200:
                    self.answered.append(key)
                    self.since = self.since or time.monotonic()
                    continue
            time.sleep(0.02)


def body(key):
    return (key.encode() + b" ") * (2000 if key.endswith("7") else 20)  # some are files of their own


def serve(mount):
    return Server(data=os.path.join(mount.folder, "store"), args=["--shared-fs", "fenced"])


if reason := unusable():
    skip("a pair over GlusterFS", reason)
    done()

bricks = [Brick(number) for number in range(3)]
time.sleep(1)
one = Mount("mount-0", bricks)
if not os.path.ismount(one.folder):
    skip("a pair over GlusterFS", "it cannot be mounted here")
    done()
two = Mount("mount-1", bricks)
os.makedirs(os.path.join(one.folder, "store"), mode=0o700)
refusal = run([SLUICE, "serve", "--data", os.path.join(two.folder, "store"), "--listen", "127.0.0.1:0"])
check(refusal[0] == 2 and "--shared-fs" in refusal[1], "without a word about fencing it is refused", refusal[1])
current = [serve(one)]
equal(current[0].request("PUT", "/pair")[0], 200, "a bucket is made")
refusal = run([SLUICE, "serve", "--data", os.path.join(two.folder, "store"), "--listen", "127.0.0.1:0", "--shared-fs", "fenced"])
check(refusal[0] != 0 and "another process" in refusal[1], "the second machine does not get the store while the first one has it", refusal[1])

writers = [Writer(number) for number in range(WRITERS)]
for writer in writers:
    writer.start()
for number in range(ROUNDS):
    enough = sum(len(writer.answered) for writer in writers) + 40
    check(poll(lambda: sum(len(writer.answered) for writer in writers) >= enough, 60), f"round {number}: puts are answered")
    before = {key for writer in writers for key in writer.answered}
    current[0].kill()
    killed = time.monotonic()
    one.kill()
    if number == ROUNDS - 1:
        bricks[0].kill()
    fenced = time.monotonic()
    current[0] = serve(two)
    print(f"# fenced after {fenced - killed:.2f} s, started in {current[0].start_seconds:.2f} s", flush=True)
    for writer in writers:
        writer.since = 0 # what the new server answers counts
    check(poll(lambda: any(writer.since for writer in writers), 60), f"round {number}: it answers again")
    again = min(writer.since for writer in writers if writer.since) - killed
    print(f"# round {number}: {len(before)} answered before, again after {again:.2f} s", flush=True)
    check(again < AGAIN_SECONDS, f"round {number}: within {AGAIN_SECONDS} s", f"{again:.2f}")
    one, two = two, Mount(f"mount-{number + 2}", bricks)
for writer in writers:
    writer.over.set()
    writer.join()
answered = [key for writer in writers for key in writer.answered]
wrong = [key for key in answered if current[0].request("GET", f"/pair/{key}")[2] != body(key)]
check(not wrong, f"all of the {len(answered)} objects that were answered are there, whole", str(wrong[:10]))
check(current[0].stop(), "the server ends")
status, said = run([SLUICE, "check", "--data", os.path.join(one.folder, "store"), "--shared-fs", "fenced"])
check(status == 0, "the check finds nothing", said)
done()
