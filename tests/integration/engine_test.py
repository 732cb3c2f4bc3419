#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where io_uring is forbidden, as by the default seccomp profile of Docker and containerd, the pool of threads does the same work and
one line in the log says so. The filter here answers EPERM to io_uring_setup, as those profiles do."""
import ctypes
import os
import struct
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, pattern_file, scratch, skip

IO_URING_SETUP = 425 # on every architecture
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LIBC = ctypes.CDLL(None, use_errno=True)


def forbid_io_uring():
    """A seccomp filter: load the call's number; io_uring_setup gets EPERM; all else is allowed."""
    program = [(0x20, 0, 0, 0), (0x15, 0, 1, IO_URING_SETUP), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header) != 0:
        os._exit(99)


def io_uring_works():
    return LIBC.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(120)) >= 0


class Sandboxed(Server):
    def __init__(self, **kwargs):
        popen = subprocess.Popen
        subprocess.Popen = lambda *a, **k: popen(*a, preexec_fn=forbid_io_uring, **k)
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
if io_uring_works():
    server = Server()
    round_trip(server, "io_uring allowed")
    check("io_uring" not in server.log_text(), "nothing is said where it is allowed", server.log_text())
    rings = [os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd")]
    check("anon_inode:[io_uring]" in rings, "and it is in use")
    check(server.stop(), "the server ends with status 0")
else:
    skip("io_uring in use", "not permitted here")
done()
