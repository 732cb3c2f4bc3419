# SPDX-License-Identifier: MIT
"""What the benchmark asks of the machine: building, cores, CPU time and memory of processes, the page cache."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGESIZE")

CC = ["cc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter", "-I", ROOT]


def build(folder, server_binary):
    """Builds the server, unless one is given, and the benchmark's own programs, all into the folder."""
    if not server_binary:
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": ROOT}
        subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja"], **quiet)
        subprocess.run(["cmake", "--build", folder, "--target", "sluice"], **quiet)
    metadata = [os.path.join(ROOT, "metadata", name) for name in sorted(os.listdir(os.path.join(ROOT, "metadata"))) if name.endswith(".c")]
    tools = os.path.join(folder, "bench")
    os.makedirs(tools, exist_ok=True)
    for program, more in (("load", []), ("floor", ["-lpthread"]), ("floor_disk", ["-lsqlite3"]), ("fill", [*metadata, "-lsqlite3", "-lpthread"])):
        source, binary = os.path.join(HERE, program + ".c"), os.path.join(tools, program)
        sources = [source, *(name for name in more if name.endswith(".c"))]
        if not os.path.exists(binary) or any(os.path.getmtime(name) > os.path.getmtime(binary) for name in sources):
            subprocess.run([*CC, "-o", binary, source, *more], check=True)
    return server_binary or os.path.join(folder, "sluice"), tools


class Cores:
    """The client has the last core for itself and the servers have the others, where there are two and it is wanted."""

    def __init__(self, pin):
        available = sorted(os.sched_getaffinity(0))
        self.pinned = pin and len(available) >= 2
        self.client = available[-1]
        self.server = available[:-1] if self.pinned else available

    def server_process(self, command, **options):
        before = (lambda: os.sched_setaffinity(0, self.server)) if self.pinned else None
        return subprocess.Popen(command, preexec_fn=before, **options)


def tree(pid):
    """The process and its children, as far as they live."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    if int(stat.read().rsplit(")", 1)[1].split()[1]) == pid:
                        found.append(int(entry))
            except OSError:
                pass
    return found


def cpu_seconds(pid):
    total = 0
    for one in tree(pid):
        with open(f"/proc/{one}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_bytes(pid):
    total = 0
    for one in tree(pid):
        with open(f"/proc/{one}/statm") as statm:
            total += int(statm.read().split()[1]) * PAGE
    return total


def drop_cached(folder):
    """Writes the large files below the folder back and takes them out of the page cache."""
    os.sync()
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                descriptor = os.open(os.path.join(where, name), os.O_RDONLY | os.O_NOFOLLOW)
            except OSError: # deleted meanwhile, or not a file
                continue
            try:
                if os.fstat(descriptor).st_size >= MIB:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
