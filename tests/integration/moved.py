# SPDX-License-Identifier: MIT
"""What a traced server moved, by system call."""
import re

READS = {"read", "pread64", "readv", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"}
CALLS = sorted(READS | WRITES | {"splice", "sendfile", "io_uring_enter", "copy_file_range", "tee", "vmsplice"})
# `1234 splice(9, NULL, ...) = 65536`, or the second half of a call that another thread interrupted.
LINE = re.compile(r"^\d+\s+(?:<\.\.\. )?(\w+)(?:\(| resumed>).*\)\s+= (-?\d+)")


class Moved:
    """Bytes and calls by system call, from a trace."""

    def __init__(self, path):
        self.bytes, self.calls = {}, {}
        with open(path, errors="replace") as trace:
            for line in trace:
                match = LINE.match(line)
                if match:
                    name, result = match[1], int(match[2])
                    self.calls[name] = self.calls.get(name, 0) + 1
                    self.bytes[name] = self.bytes.get(name, 0) + max(result, 0)

    def total(self, names):
        return sum(self.bytes.get(name, 0) for name in names)
