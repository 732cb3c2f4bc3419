# SPDX-License-Identifier: MIT
"""What a process and its children did between two moments: the kernel's own counts out of /proc, which disturb nothing; and their
system calls, one by one, by an strace that is attached to them (which slows them, so that nothing else is counted meanwhile)."""
import collections
import contextlib
import os
import re
import signal
import subprocess
import threading

from bench_servers import Failure
from bench_system import cpu_seconds, tree

# These threads of Sluice work by the clock rather than for a request.
BACKGROUND = frozenset({"checkpt", "reclaim", "expire", "control", "segment"})
LATE = {"syscall_0x1c3": "cachestat"} # younger than some straces
CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+)")
DESCRIPTOR = re.compile(r"\b\d+<([^>]*)>")
WRITES = frozenset({"write", "writev", "pwrite64", "pwritev", "pwritev2", "copy_file_range", "splice"})
SENDS = frozenset({"sendto", "sendmsg", "sendmmsg", "sendfile", "write", "writev", "splice"})
RECEIVES = frozenset({"recvfrom", "recvmsg", "recvmmsg", "read", "readv", "splice"})


def thread_name(pid, thread):
    """As the server calls it, without what all its threads have in common."""
    try:
        with open(f"/proc/{pid}/task/{thread}/comm") as comm:
            name = comm.read().strip()
    except OSError: # it has ended
        return "ended"
    if name.startswith("iou-"):
        return "uring"
    return re.sub(r"-\d+$", "", name.removeprefix("sluice-"))


def fields_of(name):
    with open(name) as file:
        return {line.partition(":")[0]: line.partition(":")[2].strip() for line in file}


def sleeps_of(pid):
    """Of a process with one thread."""
    return int(fields_of(f"/proc/{pid}/status")["voluntary_ctxt_switches"])


class Moment:
    """What the kernel has counted until now. sleeps: a thread waited for something, and was woken; preempted: it had to make room."""

    def __init__(self, pid):
        self.sleeps, self.preempted, self.names = {}, {}, {}
        self.cpu, self.faults, self.dirtied = cpu_seconds(pid), 0, 0
        for process in tree(pid):
            for thread in os.listdir(f"/proc/{process}/task"):
                with contextlib.suppress(OSError):
                    status = fields_of(f"/proc/{process}/task/{thread}/status")
                    self.names[thread] = thread_name(process, thread)
                    self.sleeps[thread] = int(status["voluntary_ctxt_switches"])
                    self.preempted[thread] = int(status["nonvoluntary_ctxt_switches"])
            with open(f"/proc/{process}/stat") as stat:
                self.faults += int(stat.read().rsplit(")", 1)[1].split()[7])
            with contextlib.suppress(OSError, KeyError):
                self.dirtied += int(fields_of(f"/proc/{process}/io")["write_bytes"])

    def by_name(self, since, what):
        counted = collections.Counter()
        for thread, value in getattr(self, what).items():
            counted[self.names[thread]] += value - getattr(since, what).get(thread, 0)
        return counted


class Calls:
    """System calls: by name, by thread, and what they moved."""

    def __init__(self):
        self.by_name, self.by_thread, self.background = collections.Counter(), collections.Counter(), collections.Counter()
        self.sends = self.receives = self.wakes = 0
        self.file_bytes = collections.Counter() # by the kind of file

    def add(self, thread, line):
        match = CALL.match(line)
        if not match:
            return
        name, arguments, result = LATE.get(match[1], match[1]), match[2], int(match[3], 0)
        self.by_thread[thread] += 1
        (self.background if thread in BACKGROUND else self.by_name)[name] += 1
        if thread in BACKGROUND:
            return
        targets = DESCRIPTOR.findall(arguments)
        source, target = (targets[0], targets[-1]) if targets else ("", "")
        if name == "futex" and "FUTEX_WAKE" in arguments or name == "write" and "eventfd" in target:
            self.wakes += 1
        target = source if name == "sendfile" else target
        if name in SENDS and target.startswith(("socket:", "TCP")):
            self.sends += 1
        elif name in RECEIVES and source.startswith(("socket:", "TCP")):
            self.receives += 1
        if name in WRITES and target.startswith("/") and result > 0:
            self.file_bytes[file_kind(target)] += result


def file_kind(path):
    if path.endswith("-wal"):
        return "log"
    return "database" if path.endswith(("sluice.db", "-shm")) else "blobs" if "/blobs/" in path or "(deleted)" in path or "/staging/" in path else "others"


class Trace:
    """An strace of the process, its children and their threads. Each thread has a file of its own."""

    def __init__(self, pid, folder):
        self.pid, self.base, self.positions = pid, os.path.join(folder, "trace"), {}
        os.makedirs(folder, exist_ok=True)
        processes = [word for process in tree(pid) for word in ("-p", str(process))]
        self.process = subprocess.Popen(["strace", "-ff", "-y", "-s", "0", "-o", self.base, *processes], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True)
        attached = 0
        while attached < len(processes) // 2:
            line = self.process.stderr.readline()
            if not line or "Operation not permitted" in line:
                self.process.kill()
                raise Failure(f"strace may not trace here: {line.strip()}")
            attached += "attached" in line
        self.drain = threading.Thread(target=self.process.stderr.read) # of what it says of new threads, so that it never waits
        self.drain.start()

    def files(self):
        folder = os.path.dirname(self.base)
        return {name.rpartition(".")[2]: os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("trace.")}

    def begin(self):
        self.positions = {thread: os.path.getsize(name) for thread, name in self.files().items()}

    def end(self):
        """The calls since begin()."""
        calls, names = Calls(), {}
        for process in tree(self.pid):
            names.update({thread: thread_name(process, thread) for thread in os.listdir(f"/proc/{process}/task")})
        for thread, name in self.files().items():
            with open(name, errors="replace") as file:
                file.seek(self.positions.get(thread, 0))
                for line in file:
                    calls.add(names.get(thread, "ended"), line)
        return calls

    def stop(self):
        self.process.send_signal(signal.SIGINT) # it lets go of them
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.drain.join()
        self.process.stderr.close()
