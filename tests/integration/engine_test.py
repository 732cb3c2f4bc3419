#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where io_uring is forbidden, as by the default seccomp profile of Docker and containerd, the pool of threads does the same work and
one line in the log says so. The filter here answers EPERM to io_uring_setup, as those profiles do. Where a ring cannot be held to the
operations that are in use, it is used all the same."""
import ctypes
import os
import struct
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, pattern_file, scratch, skip

IO_URING_SETUP, IO_URING_REGISTER = 425, 427 # on every architecture
REGISTER_RESTRICTIONS = 11
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LIBC = ctypes.CDLL(None, use_errno=True)


def seccomp(program):
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header) != 0:
        os._exit(99)


LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
EPERM, ALLOW = 0x00050001, 0x7fff0000


def forbid_io_uring():
    """A seccomp filter: load the call's number; io_uring_setup gets EPERM; all else is allowed."""
    seccomp([(LOAD, 0, 0, 0), (IF_EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)])


def forbid_restrictions():
    """io_uring_register gets EPERM where its second argument asks for restrictions."""
    seccomp([(LOAD, 0, 0, 0), (IF_EQUAL, 0, 3, IO_URING_REGISTER), (LOAD, 0, 0, 24), (IF_EQUAL, 0, 1, REGISTER_RESTRICTIONS),
             (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)])


def io_uring_works():
    return LIBC.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(120)) >= 0


class Sandboxed(Server):
    def __init__(self, fence=forbid_io_uring, **kwargs):
        popen = subprocess.Popen
        subprocess.Popen = lambda *a, **k: popen(*a, preexec_fn=fence, **k)
        try:
            super().__init__(**kwargs)
        finally:
            subprocess.Popen = popen


def round_trip(server, name):
    equal(server.request("PUT", "/engine")[0], 200, f"{name}: a bucket")
    with open(pattern_file("body", 20 << 20), "rb") as file:
        body = file.read()
    equal(server.request("PUT", "/engine/large", body=body)[0], 200, f"{name}: 20 MiB in")
    check(server.request("GET", "/engine/large")[2] == body, f"{name}: and out again")
    equal(server.request("PUT", "/engine/small", body=b"x")[0], 200, f"{name}: one byte in")
    equal(server.request("GET", "/engine/small")[2], b"x", f"{name}: and out again")


server = Sandboxed()
round_trip(server, "io_uring forbidden")
lines = [line for line in server.log_text().splitlines() if "io_uring" in line]
equal(len(lines), 1, "one line of the log says that io_uring is forbidden")
check(lines and "thread" in lines[0], "and what does its work", repr(lines))
check(server.stop(), "the server ends with status 0")
try:
    Sandboxed(args=["--engine", "uring"]).kill()
    check(False, "--engine uring does not start where it is forbidden")
except RuntimeError as error:
    check("io_uring" in str(error), "--engine uring does not start where it is forbidden, and says why", str(error))
def rings_of(server):
    return [fd for fd in os.listdir(f"/proc/{server.pid}/fd") if os.readlink(f"/proc/{server.pid}/fd/{fd}") == "anon_inode:[io_uring]"]


if io_uring_works():
    server = Sandboxed(fence=forbid_restrictions)
    round_trip(server, "a ring without restrictions")
    check(len(rings_of(server)) > 0, "a ring that cannot be restricted is in use")
    check("io_uring" not in server.log_text(), "and nothing is said", server.log_text())
    check(server.stop(), "the server ends with status 0")
    server = Server()
    round_trip(server, "io_uring allowed")
    check("io_uring" not in server.log_text(), "nothing is said where it is allowed", server.log_text())
    check(len(rings_of(server)) > 0, "and it is in use")
    check(server.stop(), "the server ends with status 0")
else:
    skip("io_uring in use", "not permitted here")
done()
