#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A store on a file system that other machines may have mounted, for which bindfs (FUSE) stands: refused with a sentence and with
nothing left behind, for the whole data folder and for one that is mounted within it; served when --shared-fs says so. Skipped where
FUSE cannot be used."""
import contextlib
import os
import signal
import threading

from bindfs import Mount, unusable
from sluicetest import SLUICE, Server, check, done, equal, fresh, pattern_file, poll, run, scratch, sha256_file, skip

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


def sleeps(mount):
    """Its program is stopped, as when the other machine is gone for a while: whatever reaches the file system hangs in the kernel."""
    server = Server(data=os.path.join(mount.folder, "sleeps"), args=["--shared-fs", "exclusive", "--workers", "2"])
    equal(server.request("PUT", "/bucket")[0], 200, "sleeps: a bucket")
    small, large, begun = os.urandom(3000), os.urandom(300_000), {}
    for key, body in (("small", small), ("large", large)):
        equal(server.request("PUT", f"/bucket/{key}", body)[0], 200, f"sleeps: {key} is stored")
        for _ in range(4): # by each worker
            equal(server.request("GET", f"/bucket/{key}")[2] == body, True, f"sleeps: {key} is read")

    def put(key, body):
        begun[key] = server.request("PUT", f"/bucket/{key}", body, timeout=300)[0]

    def is_refused():
        with contextlib.suppress(OSError):
            return server.request("PUT", "/bucket/probe", small, timeout=2)[0] == 503

    threads = [threading.Thread(target=put, args=(f"begun-{key}", body)) for key, body in (("small", small), ("large", large))]
    mount.process.send_signal(signal.SIGSTOP)
    try:
        for thread in threads:
            thread.start()
        check(poll(is_refused), "sleeps: no more changes are taken after a while")
        check(poll(lambda: server.request("GET", "/-/healthy")[0] == 503), "sleeps: health tells")
        check(b"disk" in server.request("GET", "/-/healthy")[2], "sleeps: and why")
        equal(server.request("GET", "/bucket/small")[2] == small, True, "sleeps: what is in memory is read")
        equal(server.request("HEAD", "/bucket/large")[0], 200, "sleeps: and asked about")
        for what, method, path, body in (("a small upload", "PUT", "/bucket/new", small), ("a large one", "PUT", "/bucket/new", large), ("a delete", "DELETE", "/bucket/small", None)):
            equal(server.request(method, path, body)[0], 503, f"sleeps: {what} is refused")
    finally:
        mount.process.send_signal(signal.SIGCONT)
    for thread in threads:
        thread.join(120)
    equal(begun, {"begun-small": 200, "begun-large": 200}, "sleeps: who had begun is answered when it is awake")
    check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), "sleeps: health is good")
    equal((server.request("GET", "/bucket/begun-large")[2] == large, server.request("GET", "/bucket/new")[0]), (True, 404), "sleeps: what had begun is there, what was refused is not")
    equal((server.request("PUT", "/bucket/new", large)[0], server.request("DELETE", "/bucket/small")[0]), (200, 204), "sleeps: changes go well")
    check(server.stop(), "sleeps: the server ends with status 0")
    status, output = run([SLUICE, "check", "--data", server.data, "--shared-fs", "exclusive"])
    check(status == 0, "sleeps: check finds nothing", output)


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
sleeps(mount)
mount.end()
done()
