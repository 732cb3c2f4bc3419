#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A bucket mounted with s3fs, with keys on: files written, read back, appended to, renamed, listed and deleted through the mount,
large ones in parts, seen from both sides, with a restart of the server beneath it. Skipped where FUSE cannot be used."""
import atexit
import contextlib
import os
import subprocess
import time

from sluicetest import (ACCESS, SECRET, Server, check, done, equal, fresh, have, odd_tree, pattern_file, run, s3_client, same_tree,
                        scratch, sha256_file, skip)

MIB = 1 << 20
BUCKET = "mounted"


class Mount:
    """The bucket on a folder of its own. s3fs stays in the foreground, so that it dies with the test."""

    def __init__(self, server, secret=SECRET):
        self.folder = scratch("mnt")
        os.makedirs(self.folder, exist_ok=True)
        password = scratch("passwd-s3fs")
        with open(os.open(password, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{ACCESS}:{secret}\n")
        cache = fresh("s3fs-cache")
        os.makedirs(cache)
        # Small parts and no cached attributes: what is read was asked of the server.
        options = (f"passwd_file={password},url={server.url},use_path_request_style,endpoint=us-east-1,multipart_size=5,parallel_count=3,"
                   f"stat_cache_expire=0,tmpdir={cache},retries=1,enable_noobj_cache,umask=0022")
        self.log = scratch("s3fs.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["s3fs", BUCKET, self.folder, "-f", "-o", options], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"], "HOME": scratch()})
        atexit.register(self.end)
        deadline = time.monotonic() + 120
        while not os.path.ismount(self.folder) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def mounted(self):
        return os.path.ismount(self.folder)

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def end(self):
        """Unmounts; whether all that was written had gone to the server and s3fs ended well."""
        if self.process.poll() is None:
            status, _ = run(["fusermount", "-u", self.folder])
            with contextlib.suppress(subprocess.TimeoutExpired):
                return status == 0 and self.process.wait(timeout=30) == 0
            self.process.kill()
            self.process.wait()
        return False


def write(path, data, mode="wb"):
    with open(path, mode) as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def small_files(mount, s3):
    path = os.path.join(mount.folder, "hello.txt")
    write(path, b"hello, bucket\n")
    equal(read(path), b"hello, bucket\n", "s3fs: a file is written and read back")
    equal(s3.get_object(Bucket=BUCKET, Key="hello.txt")["Body"].read(), b"hello, bucket\n", "s3fs: and is an object")
    write(path, b"more\n", "ab")
    equal(s3.get_object(Bucket=BUCKET, Key="hello.txt")["Body"].read(), b"hello, bucket\nmore\n", "s3fs: appended to")
    with open(path, "r+b") as file:
        file.seek(7)
        file.write(b"BUCKET")
    equal(read(path), b"hello, BUCKET\nmore\n", "s3fs: written in the middle")
    write(path, b"hello")
    equal((os.stat(path).st_size, read(path)), (5, b"hello"), "s3fs: written anew, shorter")
    os.chmod(path, 0o640)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    equal((os.stat(path).st_mtime, s3.head_object(Bucket=BUCKET, Key="hello.txt")["Metadata"].get("mtime", "").split(".")[0]),
          (1_600_000_000, "1600000000"), "s3fs: its time is metadata")
    write(os.path.join(mount.folder, "empty"), b"")
    equal(os.stat(os.path.join(mount.folder, "empty")).st_size, 0, "s3fs: an empty file")
    s3.put_object(Bucket=BUCKET, Key="from outside.txt", Body=b"by the API")
    equal(read(os.path.join(mount.folder, "from outside.txt")), b"by the API", "s3fs: an object put by the API is a file")
    os.symlink("hello.txt", os.path.join(mount.folder, "link"))
    equal(read(os.path.join(mount.folder, "link")), b"hello", "s3fs: a symbolic link")
    try:
        read(os.path.join(mount.folder, "nothing"))
        check(False, "s3fs: a file that is not there")
    except FileNotFoundError:
        check(True, "s3fs: a file that is not there")


def names(mount, s3):
    folder = os.path.join(mount.folder, "folder")
    os.mkdir(folder)
    for i in range(40):
        write(os.path.join(folder, f"file-{i:02}"), b"%d" % i)
    equal(sorted(os.listdir(folder)), [f"file-{i:02}" for i in range(40)], "s3fs: a folder is listed")
    os.rename(os.path.join(folder, "file-00"), os.path.join(folder, "renamed"))
    equal((os.path.exists(os.path.join(folder, "file-00")), read(os.path.join(folder, "renamed"))), (False, b"0"), "s3fs: a file is renamed")
    os.rename(os.path.join(folder, "renamed"), os.path.join(folder, "file-01"))
    equal(read(os.path.join(folder, "file-01")), b"0", "s3fs: renamed over another")
    moved = os.path.join(mount.folder, "moved")
    os.rename(folder, moved)
    equal((len(os.listdir(moved)), os.path.exists(folder)), (39, False), "s3fs: a folder is renamed")
    try:
        os.rmdir(moved)
        check(False, "s3fs: a folder with files in it stays")
    except OSError:
        check(True, "s3fs: a folder with files in it stays")
    for name in os.listdir(moved):
        os.remove(os.path.join(moved, name))
    os.rmdir(moved)
    left = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    check(not [key for key in left if key.startswith(("moved", "folder"))], "s3fs: deleted files and folders are no objects", left)
    tree = odd_tree()
    status, output = run(["cp", "-r", tree, os.path.join(mount.folder, "tree")])
    check(status == 0 and same_tree(tree, os.path.join(mount.folder, "tree")), "s3fs: odd names come back", output)


def large_files(mount, s3):
    source, back = pattern_file("large.bin", 33 * MIB + 7, seed=51), fresh("s3fs-back")
    path = os.path.join(mount.folder, "large.bin")
    equal(run(["cp", source, path])[0], 0, "s3fs: a large file is written")
    equal(s3.head_object(Bucket=BUCKET, Key="large.bin")["ETag"].split("-")[1:], ['6"'], "s3fs: in six parts")
    s3.download_file(BUCKET, "large.bin", back)
    equal(sha256_file(back), sha256_file(source), "s3fs: the object has its bytes")
    equal(sha256_file(path), sha256_file(source), "s3fs: read back through the mount")
    with open(path, "r+b") as file:
        file.seek(11 * MIB)
        file.write(b"x" * 1000)
    with open(source, "r+b") as file:
        file.seek(11 * MIB)
        file.write(b"x" * 1000)
    s3.download_file(BUCKET, "large.bin", back)
    equal(sha256_file(back), sha256_file(source), "s3fs: a change in the middle, the rest copied by the server")
    os.rename(path, path + ".moved")
    equal((sha256_file(path + ".moved"), os.path.exists(path)), (sha256_file(source), False), "s3fs: a large file is renamed, copied in parts")
    equal(s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []), [], "s3fs: no upload is left over")


def unusable():
    """Why s3fs cannot be tried here, or None."""
    if not have("s3fs"):
        return "not installed"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return None


reason = unusable()
if reason:
    skip("s3fs", reason)
    done()
server = Server(keys=True)
s3_client(server).create_bucket(Bucket=BUCKET)
mount = Mount(server)
if not mount.mounted and "fuse" in mount.log_text() and "ermission" in mount.log_text():
    skip("s3fs", "mounting is not permitted")
    done()
if check(mount.mounted, "s3fs: mounts the bucket", mount.log_text()[-600:]):
    for part in (small_files, names, large_files):
        try:
            part(mount, s3_client(server))
        except Exception as error: # one failure; the mount must end all the same
            check(False, f"s3fs: {part.__name__} runs to its end", repr(error))
    check(mount.end(), "s3fs: unmounts and ends with status 0", mount.log_text()[-600:])
    check(server.stop(), "the server ends with status 0")
    server = Server(data=server.data, keys=True)
    mount = Mount(server)
    equal(mount.mounted and sorted(os.listdir(mount.folder)), ["empty", "from outside.txt", "hello.txt", "large.bin.moved", "link", "tree"],
          "s3fs: mounted again after a restart, all is there")
    check(mount.end(), "s3fs: unmounts again")
    mount = Mount(server, secret="wrong")
    check(not mount.mounted and not mount.end(), "s3fs: a wrong secret mounts nothing")
check(server.stop(), "the server ends with status 0")
done()
