# SPDX-License-Identifier: MIT
"""The interposer as a test sees it: what is to fail, and which places there are. The numbers are those of interposer.h."""
import bisect
import ctypes
import errno
import glob
import mmap
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES, FRAMES, MODULES, HALF = 16384, 14, 64, -1

KINDS = ["none", "open", "read", "write", "sync", "space", "name", "look", "lock", "map", "splice", "receive", "send", "accept", "socket", "event", "wait", "thread",
         "memory", "ring", "ring-make", "stream", "duplicate"]

E = errno
# How calls of a kind fail; None: they do half. What comes first is what the sample tries.
ACTIONS = {
    "open": [E.EMFILE, E.EIO, E.ENOSPC, E.ENOMEM, E.EINTR],
    "read": [E.EIO, E.EINTR, None],
    "write": [E.ENOSPC, E.EIO, E.EDQUOT, E.EINTR, None],
    "sync": [E.EIO, E.ENOSPC],
    "space": [E.ENOSPC, E.EIO, E.EOPNOTSUPP],
    "name": [E.ENOSPC, E.EIO, E.EDQUOT],
    "look": [E.EIO, E.ENOMEM],
    "lock": [E.EAGAIN, E.EIO, E.ENOLCK],
    "map": [E.ENOMEM],
    "splice": [E.ENOSPC, E.EIO, E.EINTR, E.EAGAIN, E.ENOMEM, None],
    "receive": [E.ECONNRESET, E.EINTR, E.EAGAIN, E.ENOMEM, None],
    "send": [E.ECONNRESET, E.EINTR, E.EAGAIN, E.ENOBUFS, None],
    "accept": [E.EMFILE, E.ECONNABORTED, E.ENOBUFS, E.EINTR],
    "socket": [E.ENOBUFS, E.EMFILE],
    "event": [E.EMFILE, E.ENOMEM],
    "wait": [E.EINTR],
    "thread": [E.EAGAIN],
    "memory": [E.ENOMEM],
    "ring": [E.EIO, E.ENOSPC, E.ENOMEM, E.EINTR, None],
    "ring-make": [E.ENOMEM, E.EPERM],
    "stream": [E.EMFILE, E.EIO, E.ENOMEM],
    "duplicate": [E.EMFILE, E.EAGAIN],
}

# Nothing failed, the call is only to be made again, or to be gone on with: nobody is to notice.
HARMLESS = {(kind, action) for kind, actions in ACTIONS.items() for action in actions if action in (None, E.EINTR)} | {("receive", E.EAGAIN), ("send", E.EAGAIN)}


def action_name(action):
    return "half" if action is None else errno.errorcode[action]


class Place(ctypes.Structure):
    _fields_ = [("hash", ctypes.c_uint64), ("kind", ctypes.c_uint32), ("count", ctypes.c_uint32), ("frames", ctypes.c_uint32), ("module", ctypes.c_uint32 * FRAMES),
                ("offset", ctypes.c_uint64 * FRAMES)]


class Numbers(ctypes.Structure):
    _fields_ = [("counts", ctypes.c_int), ("kind", ctypes.c_int), ("hash", ctypes.c_uint64), ("skip", ctypes.c_int), ("times", ctypes.c_int), ("action", ctypes.c_int),
                ("failed", ctypes.c_int), ("place_count", ctypes.c_uint32), ("dropped", ctypes.c_uint32), ("hangs", ctypes.c_int), ("refuses", ctypes.c_int),
                ("module_count", ctypes.c_uint32), ("modules", ctypes.c_char * 128 * MODULES), ("places", Place * PLACES)]


def build(path):
    """Why the interposer cannot be built, or None."""
    compiler = next((found for found in map(shutil.which, ("cc", "gcc", "clang")) if found), None)
    if compiler is None:
        return "no compiler"
    made = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-fexceptions", "-Wall", "-Wextra", "-Werror", "-o", path, *sorted(glob.glob(os.path.join(HERE, "*.c"))), "-ldl"],
                          capture_output=True, text=True)
    return None if made.returncode == 0 else made.stderr


class Control:
    def __init__(self, folder, library):
        self.path, self.library = os.path.join(folder, "control"), library
        with open(self.path, "w+b") as file:
            file.truncate(ctypes.sizeof(Numbers))
            self.numbers = Numbers.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Numbers)))

    def environment(self):
        return {"LD_PRELOAD": self.library, "FAULTS_CONTROL": self.path}

    def arm(self, kind, place=0, skip=0, times=1, action=None):
        numbers = self.numbers
        numbers.kind = 0
        numbers.hash, numbers.skip, numbers.times, numbers.failed = place, skip, times, 0
        numbers.action = HALF if action is None else action
        numbers.kind = KINDS.index(kind)

    def disarm(self):
        """How many calls failed."""
        self.numbers.kind = 0
        return self.numbers.failed

    def count(self, on):
        self.numbers.counts = on

    def forget_counts(self):
        for place in self.numbers.places:
            place.count = 0

    def places(self):
        """{hash: (kind, count, [(module, offset)])}"""
        names = [name.value.decode() for name in self.numbers.modules]
        return {place.hash: (KINDS[place.kind], place.count, [(names[place.module[at]], place.offset[at]) for at in range(place.frames)])
                for place in self.numbers.places if place.hash and place.count}


RING = {2: "write?", 23: "read", 24: "write"}


class Names:
    """Functions by address, for a person who reads a report."""

    def __init__(self, program):
        self.program, self.tables = program, {}

    def table(self, module):
        if module not in self.tables:
            found = []
            for words in (["nm", "-n", "--defined-only"], ["nm", "-nD", "--defined-only"]):
                lines = subprocess.run([*words, module], capture_output=True, text=True).stdout.split("\n")
                found += [(int(parts[0], 16), parts[2].split("@")[0]) for parts in map(str.split, lines) if len(parts) == 3 and parts[1] in "tTwWiI"]
            self.tables[module] = sorted(found)
        return self.tables[module]

    def of(self, module, offset):
        table = self.table(module or self.program)
        at = bisect.bisect(table, (offset - 1, "~")) - 1
        library = os.path.basename(module).split(".so")[0] if module else ""
        return (library + ":" if library else "") + (table[at][1] if at >= 0 else hex(offset))

    def stack(self, kind, place, frames):
        if kind == "ring":
            return f"operation {place - 0x100}"
        return " < ".join(self.of(*frame) for frame in frames)
