#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""s3backer: a disk in a bucket, a block an object. It is written, read back, mounted anew and read again; blocks of zeros are no objects. Skipped where
FUSE cannot be used."""
import atexit
import contextlib
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, poll, run, s3_client, scratch, skip

BLOCK, SIZE = 65536, 8 << 20


class Disk:
    """The file `file` in a folder that s3backer mounts; in the foreground, so that it dies with the test."""

    def __init__(self, server):
        self.folder = scratch("mount")
        os.makedirs(self.folder, exist_ok=True)
        self.path = os.path.join(self.folder, "file")
        environment = {"PATH": os.environ["PATH"], "HOME": scratch()}
        words = ["s3backer", f"--baseURL={server.url}/", f"--accessId={ACCESS}", f"--accessKey={SECRET}", f"--blockSize={BLOCK}",
                 f"--size={SIZE}", "--listBlocks", "--blockCacheSize=4", "-f", "disk", self.folder]
        if server.context:
            words[1:1] = [f"--cacert={scratch('authority.crt')}"]
        self.log = scratch("s3backer.log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment)
        atexit.register(self.end)
        poll(lambda: os.path.ismount(self.folder) or self.process.poll() is not None)

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def end(self):
        """Unmounts; whether all that was written had gone to the server."""
        if self.process.poll() is None:
            status, _ = run(["fusermount", "-u", self.folder])
            with contextlib.suppress(subprocess.TimeoutExpired):
                return status == 0 and self.process.wait(timeout=30) == 0
            self.process.kill()
            self.process.wait()
        return False


def main():
    if not have("s3backer") or not have("fusermount"):
        skip("s3backer", "it is not installed")
        done()
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        skip("s3backer", "FUSE cannot be used here")
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="disk")
    disk = Disk(server)
    if not os.path.ismount(disk.folder) and "fuse" in disk.log_text() and "HTTP" not in disk.log_text():
        skip("s3backer", "FUSE cannot be used here: " + disk.log_text()[-200:].replace("\n", " "))
        done()
    if not check(os.path.ismount(disk.folder), "s3backer mounts a bucket", disk.log_text()[-1000:]):
        done()
    want = bytearray(SIZE)
    rng = random.Random(1)
    with open(disk.path, "r+b") as file:
        for _ in range(40):
            at, data = rng.randrange(SIZE - 150000), rng.randbytes(rng.randrange(1, 150000))
            want[at:at + len(data)] = data
            file.seek(at)
            file.write(data)
        at = 20 * BLOCK
        want[at:at + 3 * BLOCK] = bytes(3 * BLOCK)
        file.seek(at)
        file.write(bytes(3 * BLOCK))
    with open(disk.path, "rb") as file:
        check(file.read() == want, "s3backer reads what it wrote")
    check(disk.end(), "s3backer unmounts", disk.log_text()[-1000:])
    blocks = {index for index in range(SIZE // BLOCK) if any(want[index * BLOCK:(index + 1) * BLOCK])}
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="disk")["Contents"]]
    equal({int(key, 16) for key in keys if len(key) == 8 and set(key) <= set("0123456789abcdef")}, blocks, "each block that has bytes is an object, and none else")
    disk = Disk(server)
    check(os.path.ismount(disk.folder), "s3backer mounts it again", disk.log_text()[-1000:])
    with open(disk.path, "rb") as file:
        check(file.read() == want, "and reads the same")
    check(disk.end(), "s3backer unmounts again", disk.log_text()[-1000:])
    done()


main()
