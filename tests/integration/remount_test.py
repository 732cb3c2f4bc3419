#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The file system of a store that is served becomes read-only, as after an error of the disk, and a quota of the kernel's is used up: in time changes are
refused, with 503 and 507, reads and health answer; and when it can be written again, or the quota is raised, all goes on, without a restart. disk_refuses_test.py has the same by a
library that refuses calls; here it is the kernel. Needs root and loop devices; the quota is that of btrfs."""
import contextlib
import os
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, error_code, poll, run, scratch, skip

SMALL, LARGE = os.urandom(3000), os.urandom(300_000)
MIB = 1 << 20


def command(*words):
    """None, or what it said when it failed."""
    try:
        ended = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        return f"no {words[0]}"
    return None if ended.returncode == 0 else ended.stderr.strip()[:200] or f"{words[0]}: status {ended.returncode}"


@contextlib.contextmanager
def mounted(name, megabytes, *make):
    """(folder, None) of a file system of its own, or (None, why there is none)."""
    image, folder = scratch(f"{name}.img"), scratch(name)
    os.mkdir(folder)
    with open(image, "wb") as file:
        file.truncate(megabytes * MIB)
    reason = "needs root" if os.geteuid() != 0 else command(*make, image) or command("mount", "-o", "loop", image, folder)
    try:
        yield None if reason else folder, reason
    finally:
        if reason is None and not poll(lambda: command("umount", folder) is None):
            check(False, f"{name} is unmounted")


def image_of(folder):
    return folder + ".img"


def filled(folder):
    server = Server(data=os.path.join(folder, "data"))
    equal(server.request("PUT", "/full")[0], 200, "a bucket")
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("PUT", f"/full/{key}", body)[0], 200, f"{key} is stored")
    return server


def reads(server, name):
    for key, body in (("small", SMALL), ("large", LARGE)):
        equal(server.request("GET", f"/full/{key}")[2], body, f"{name}: {key} is read")
    check(b"<Key>small</Key>" in server.request("GET", "/full")[2], f"{name}: and listed")
    check(server.request("GET", "/-/healthy")[0] in (200, 503), f"{name}: health answers")


def refused(server, name, requests, allowed):
    answers = {}
    for what, method, path, body in requests:
        status, _, text = server.request(method, path, body)
        answers[what] = (status, error_code(text) if status >= 300 else "")
    check(all(answer in allowed for answer in answers.values()), f"{name}: changes are refused in time", str(answers))


def goes_on(server, name):
    check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), f"{name}: health is good again")
    check(poll(lambda: {server.request("PUT", f"/full/{key}", body)[0] for key, body in (("again", SMALL), ("again-large", LARGE))} == {200}), f"{name}: uploads go well again")
    equal(server.request("DELETE", "/full/again")[0], 204, f"{name}: and deletes")
    equal((server.request("GET", "/full/again-large")[2], server.request("GET", "/full/new")[0]), (LARGE, 404), f"{name}: what was refused is not there")
    check(server.stop(), f"{name}: it stops")
    status, output = run([SLUICE, "check", "--data", server.data])
    check(status == 0, f"{name}: sluice check finds nothing", output)


def options(folder):
    with open("/proc/mounts") as mounts:
        return next((words[0], words[3].split(",")) for words in map(str.split, mounts) if words[1] == folder)


def read_only():
    """The kernel does it after an error, whatever is open. What a person asks for is refused as long as a server has files open, and what the
    kernel did it does not take back before the file system is mounted anew."""
    with mounted("remounted", 256, "mkfs.ext4", "-q", "-F", "-m", "0", "-e", "remount-ro") as (folder, reason):
        trigger = folder and f"/sys/fs/ext4/{os.path.basename(options(folder)[0])}/trigger_fs_error"
        if reason or not os.path.exists(trigger):
            skip("a file system that becomes read-only", reason or "the kernel cannot be told to find an error")
            return
        server = filled(folder)
        check("busy" in (command("mount", "-o", "remount,ro", folder) or ""), "while it is served nobody makes it read-only by hand")
        equal(server.request("PUT", "/full/still", SMALL)[0], 200, "and changes go on")
        with open(trigger, "w") as file:
            file.write("a test")
        requests = (("a small upload", "PUT", "/full/new", SMALL), ("a large one", "PUT", "/full/new", LARGE), ("a delete", "DELETE", "/full/small", None),
                    ("an upload in parts", "POST", "/full/parts?uploads", b""), ("a bucket", "PUT", "/another", None))
        refused(server, "read-only", requests, {(503, "ServiceUnavailable"), (500, "InternalError")})
        reads(server, "read-only")
        server.stop()
        check(poll(lambda: command("umount", folder) is None) and command("mount", "-o", "loop", image_of(folder), folder) is None, "it is mounted anew")
        server = Server(data=server.data)
        equal(server.request("GET", "/full/still")[2], SMALL, "read-only: the next server has what was acknowledged")
        reads(server, "mounted anew")
        goes_on(server, "mounted anew")


def quota():
    with mounted("quota", 384, "mkfs.btrfs", "-q") as (folder, reason):
        data = folder and os.path.join(folder, "data")
        reason = reason or command("btrfs", "quota", "enable", folder) or command("btrfs", "subvolume", "create", data)
        if reason:
            skip("a quota of the kernel's", reason)
            return
        server = filled(folder)
        reason = command("btrfs", "qgroup", "limit", "96M", data)
        check(reason is None, "a quota is set", reason)
        answers = []
        while len(answers) < 200 and (not answers or answers[-1] == (200, "")):
            status, _, text = server.request("PUT", f"/full/fill-{len(answers)}", os.urandom(4 * MIB))
            answers.append((status, error_code(text) if status != 200 else ""))
        equal((len(answers) > 3, answers[-1]), (True, (507, "InsufficientStorage")), "quota: uploads are stored until there is no more room")
        requests = (("a large one", "PUT", "/full/new", os.urandom(8 * MIB)), ("another", "PUT", "/full/new", os.urandom(8 * MIB)))
        refused(server, "quota", requests, {(507, "InsufficientStorage"), (503, "ServiceUnavailable")})
        reads(server, "quota")
        reason = command("btrfs", "qgroup", "limit", "none", data)
        check(reason is None, "the quota is raised", reason)
        goes_on(server, "quota")


read_only()
quota()
done()
