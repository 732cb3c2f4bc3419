# SPDX-License-Identifier: MIT
"""What the benchmark asks of the machine: building, cores, processes, CPU time and memory of processes, the page cache."""
import ctypes
import mmap
import os
import platform
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
PAGE = os.sysconf("SC_PAGESIZE")
PR_SET_PDEATHSIG, PR_SET_PTRACER = 1, 0x59616d61
libc = ctypes.CDLL(None, use_errno=True)


def build(folder, server_binary):
    """Builds the server, unless one is given, and the benchmark's own programs, all into the folder."""
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": ROOT}
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DSLUICE_BUILD_TESTS=ON"], **quiet)
    subprocess.run(["cmake", "--build", folder, "--target", "bench", *([] if server_binary else ["sluice"])], **quiet)
    return os.path.abspath(server_binary or os.path.join(folder, "sluice")), os.path.join(folder, "bench")


def allow_tracing():
    """Where a process may trace its children only (Yama), strace may still be attached to this one, also once it is another program."""
    libc.prctl(PR_SET_PTRACER, ctypes.c_ulong(-1))


class Cores:
    """The client has the last core for itself and servers have the first ones, where there are two and it is wanted."""

    def __init__(self, pin, server_cores=1):
        available = sorted(os.sched_getaffinity(0))
        self.pinned = pin and len(available) >= 2
        self.client = available[-1]
        self.server = available[:-1][:max(1, server_cores)] if self.pinned else available

    def process(self, command, cores, idle=False, **options):
        """A child that ends with this process, whatever ends it; Control-C reaches it through this process only. idle: it gets
        what the others on its core leave."""
        def prepare():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            allow_tracing()
            if idle:
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            if self.pinned:
                os.sched_setaffinity(0, cores)
        return subprocess.Popen(command, preexec_fn=prepare, start_new_session=True, **options)

    def server_process(self, command, **options):
        return self.process(command, self.server, **options)

    def client_process(self, command, **options):
        return self.process(command, [self.client], **options)


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
    """User and system time, of all threads, by the nanosecond clocks of the process and its children."""
    return sum(time.clock_gettime(~one << 3 | 2) for one in tree(pid)) # the number of a process's CPU clock, see clock_getcpuclockid(3)


def resident_bytes(pid):
    """Of the process, and of its children what is theirs alone: what they share with it is counted once."""
    with open(f"/proc/{pid}/statm") as statm:
        total = int(statm.read().split()[1]) * PAGE
    for child in tree(pid)[1:]:
        with open(f"/proc/{child}/smaps_rollup") as smaps:
            total += sum(int(line.split()[1]) * KIB for line in smaps if line.startswith("Private_"))
    return total


def drop_cached(folder, wanted=lambda name, size: size >= MIB and not name.startswith("sluice.db")):
    """Writes the files below the folder back, takes the wanted ones (else the large ones, but for the database) out of the page cache."""
    os.sync()
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                descriptor = os.open(os.path.join(where, name), os.O_RDONLY | os.O_NOFOLLOW)
            except OSError: # deleted meanwhile, or not a file
                continue
            try:
                if wanted(name, os.fstat(descriptor).st_size):
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def read_from_disk(pid):
    """Bytes that the process and its children had read from the disk; None where the kernel does not tell."""
    total = 0
    try:
        for one in tree(pid):
            with open(f"/proc/{one}/io") as io:
                total += next(int(line.split()[1]) for line in io if line.startswith("read_bytes:"))
    except OSError:
        return None
    return total


def number_in(name):
    """The number that a file holds; None when there is no such file, or "max" in it."""
    try:
        with open(name) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def memory_free_bytes():
    """What the machine has, or the control group still allows."""
    with open("/proc/meminfo") as meminfo:
        free = next(int(line.split()[1]) * KIB for line in meminfo if line.startswith("MemFree"))
    with open("/proc/self/cgroup") as cgroup:
        group = next((line.strip().partition("::")[2] for line in cgroup if line.startswith("0::")), "/")
    most, used = (number_in(f"/sys/fs/cgroup{group}/memory.{name}") for name in ("max", "current"))
    return min(free, max(0, most - used)) if most is not None and used is not None else free


def touch_memory(most=None):
    """Touches free memory, most of it or as many bytes: in a virtual machine the first touch costs whoever does it a fault in the host,
    and the host takes back what lies idle for a while."""
    areas, left = [], int(memory_free_bytes() * 0.8)
    left = left if most is None else min(left, most)
    try:
        while left >= MIB:
            areas.append(mmap.mmap(-1, min(left, GIB), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
            left -= min(left, GIB)
    except OSError: # as much as there is will do
        pass
    for area in areas:
        area.close()


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError:
        return ""
    return (done.stdout or done.stderr).strip().split("\n")[0]


def machine(folder):
    """What figures mean nothing without."""
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")]
    return {"date": time.strftime("%Y-%m-%d", time.gmtime()), "cpu": models[0] if models else platform.machine(),
            "cores": len(os.sched_getaffinity(0)), "memory GiB": round(os.sysconf("SC_PHYS_PAGES") * PAGE / GIB),
            "kernel": platform.release(), "file system": first_line(["stat", "-f", "-c", "%T", folder]).replace("ext2/ext3", "ext4"),
            "commit": first_line(["git", "rev-parse", "--short", "HEAD"]), "nginx": first_line(["/usr/sbin/nginx", "-v"]).rpartition("/")[2],
            "lighttpd": first_line(["/usr/sbin/lighttpd", "-v"]).partition("/")[2].partition(" ")[0]}
