#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A store on a file system that other machines may have mounted, for which bindfs (FUSE) stands: refused with a sentence and with
nothing left behind, for the whole data folder and for one that is mounted within it; served when --shared-fs says so. Skipped where
FUSE cannot be used."""
import os

from bindfs import Mount, unusable
from sluicetest import SLUICE, Server, check, done, equal, fresh, pattern_file, run, scratch, sha256_file, skip

SENTENCE = "Locks there may be lost while this machine is cut off"


def serve(data, *args, env=None):
    """A server that is expected to end by itself; status 124 if it serves."""
    return run(["timeout", "30", SLUICE, "serve", "--data", data, "--listen", "127.0.0.1:0", *args], env=env)


def refused(name, result, folder, data):
    status, output = result
    equal(status, 2, f"{name}: refused, exit status 2")
    check(f"{folder} is on FUSE" in output and SENTENCE in output, f"{name}: says where, what and why", output)
    check(f"refusing to serve {data}" in output and "--shared-fs exclusive if" in output and "--shared-fs fenced if" in output,
          f"{name}: says what each value means", output)


def refusals(mount):
    missing, empty = os.path.join(mount.folder, "missing"), os.path.join(mount.folder, "empty")
    refused("a folder that is not there yet", serve(missing), missing, missing)
    equal(os.listdir(mount.source), [], "nothing is left behind")
    os.mkdir(empty)
    refused("a folder that is there", serve(empty), empty, empty)
    equal(os.listdir(empty), [], "nothing is left in it")
    refused("--check-config", serve(empty, "--check-config"), empty, empty)
    refused("--check-config of a missing folder", serve(missing, "--check-config"), missing, missing)
    equal((os.listdir(empty), os.listdir(mount.source)), ([], ["empty"]), "--check-config leaves nothing either")
    os.rmdir(empty)
    link = fresh("link")
    os.symlink(mount.folder, link)
    refused("by a symbolic link", serve(link), link, link)
    equal(os.listdir(mount.source), [], "nothing is left behind it")


def within():
    """The data folder is local; a volume is mounted in it."""
    data = fresh("local")
    for name in ("blobs", "staging"):
        inner = Mount(os.path.join(data, name))
        refused(f"{name}/ alone", serve(data), inner.folder, data)
        refused(f"{name}/ alone, --check-config", serve(data, "--check-config"), inner.folder, data)
        equal((os.listdir(data), os.listdir(inner.source)), ([name], []), f"{name}/ alone: nothing is left behind")
        inner.end()
        os.rmdir(inner.folder)


def told(mount):
    """Each source of the option is heard."""
    data = os.path.join(mount.folder, "told")
    config = scratch("sluice.conf")
    for value in ("fenced", "exclusive"):
        with open(config, "w") as file:
            file.write(f"shared-fs = {value}\n")
        equal(serve(data, "--check-config", "--shared-fs", value)[0], 0, f"--shared-fs {value}: --check-config agrees")
        equal(serve(data, "--check-config", env={"SLUICE_SHARED_FS": value})[0], 0, f"SLUICE_SHARED_FS={value}: so by the environment")
        equal(serve(data, "--check-config", "--config", config)[0], 0, f"shared-fs = {value}: so by the file")
    refused("a flag wins over the file", serve(data, "--check-config", "--config", config, "--shared-fs", "refuse"), data, data)
    equal(os.listdir(mount.source), [], "nothing is left behind")


def served(mount, value):
    large = pattern_file("large.bin", 3 << 20)
    with open(large, "rb") as file:
        large_bytes = file.read()
    data = os.path.join(mount.folder, value)
    server = Server(data=data, args=["--shared-fs", value])
    check(f"{data} is on FUSE" in server.log_text(), f"{value}: serves, and says where", server.log_text())
    equal(server.request("PUT", "/bucket")[0], 200, f"{value}: a bucket")
    equal(server.request("PUT", "/bucket/small", body=b"hello")[0], 200, f"{value}: a small object")
    equal(server.request("PUT", "/bucket/large", body=large_bytes)[0], 200, f"{value}: a large object")
    equal(serve(data, "--shared-fs", value)[0], 1, f"{value}: a second server on the same mount is refused all the same")
    for life in ("first", "second"):
        equal(server.request("GET", "/bucket/small")[2], b"hello", f"{value}: the small object comes back, {life} life")
        equal(server.request("GET", "/bucket/large")[2] == large_bytes, True, f"{value}: the large one, {life} life")
        check(server.stop(), f"{value}: the server ends with status 0")
        if life == "first":
            server = Server(data=data, args=["--shared-fs", value])
    status, output = run([SLUICE, "check", "--data", data])
    check(status == 0 and "clean: 2 objects" in output and "warning: findings may be wrong" in output,
          f"{value}: check warns, and finds nothing", output)
    status, output = run([SLUICE, "check", "--data", data, "--shared-fs", value])
    check(status == 0 and "warning" not in output, f"{value}: check does not warn when it is told", output)
    equal(serve(data)[0], 2, f"{value}: without the option the same folder is refused")


reason = unusable()
mount = None if reason else Mount(scratch("mnt"))
if mount is not None and not os.path.ismount(mount.folder):
    with open(scratch("bindfs.log"), errors="replace") as log:
        reason = f"mounting is not permitted: {log.read()[-300:].strip()}"
if reason:
    skip("stores on FUSE", reason)
    done()
refusals(mount)
within()
told(mount)
served(mount, "fenced")
served(mount, "exclusive")
mount.end()
done()
