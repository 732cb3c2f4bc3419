# SPDX-License-Identifier: MIT
"""Recordings of a disk instead of files: an ext4 on a loop device over disk.c's file, which keeps each write and each flush of the device.
So a server may do its disk work with io_uring, which no preloaded library sees; and the states are what ext4 makes, mounted again, of
everything before the last flush and any of the sectors written since."""
import contextlib
import ctypes
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

import cutmodel
from lives import HERE, Lab, compile_to

IMAGE_BYTES = 192 << 20
ROOT_INO, DISK_INO = 1, 2
libc = ctypes.CDLL(None)


def why_not(program):
    """Why it cannot be done here, or None, and then the program is built."""
    if os.geteuid() != 0:
        return "needs root"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            return f"no {path}"
    if shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
        return "no mkfs.ext4"
    reason = compile_to(program, [os.path.join(HERE, "disk.c")])
    if reason is not None:
        return reason
    with tempfile.TemporaryDirectory() as folder:
        try:
            make_image(f"{folder}/image")
            with mounted(f"{folder}/image"):
                return None
        except OSError as error:
            return str(error)


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def make_image(path):
    with open(path, "wb") as file:
        file.truncate(IMAGE_BYTES)
    command("mkfs.ext4", "-q", "-F", "-J", "size=8", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)


def unmount(folder):
    for _ in range(200):
        if subprocess.run(["umount", folder], capture_output=True).returncode == 0:
            return
        time.sleep(0.02)
    raise OSError(f"{folder} stays busy")


@contextlib.contextmanager
def mounted(image):
    """The image, mounted: ext4 first replays its own journal."""
    folder = image + ".mount"
    os.makedirs(folder, exist_ok=True)
    command("mount", "-o", "loop", image, folder)
    try:
        yield folder
    finally:
        unmount(folder)
        os.rmdir(folder)


def clear_away(folder):
    """Mounts and loop devices below a folder, which processes left that did not end as they should."""
    with open("/proc/self/mounts") as mounts:
        left = [line.split()[1] for line in mounts if line.split()[1].startswith(folder)]
    for mount in reversed(left):
        subprocess.run(["umount", "-l", mount], capture_output=True)
    for line in subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout.splitlines() if left else ():
        if folder in line:
            subprocess.run(["losetup", "-d", line.split(":")[0]], capture_output=True)


class BlockLab(Lab):
    engine = "uring"

    def __init__(self, folder, mode, seed, program):
        self.program = program
        super().__init__(folder, mode, seed, None)

    def begin_anew(self):
        """The disk is made, and the server's folder lies on it."""
        image, self.served = os.path.join(self.folder, "image"), os.path.join(self.folder, "served")
        os.mkdir(self.served)
        make_image(image)
        pages, size = cutmodel.read_pages(image)
        records = [cutmodel.Record(cutmodel.RESET, ROOT_INO), cutmodel.Record(cutmodel.CREATE, DISK_INO, ROOT_INO, "disk")]
        records += [cutmodel.Record(cutmodel.WRITE, DISK_INO, offset=n * cutmodel.PAGE, length=cutmodel.PAGE, data=pages[n]) for n in sorted(pages)]
        records += [cutmodel.Record(cutmodel.SIZE, DISK_INO, length=size), cutmodel.Record(cutmodel.SYNC_ALL)]
        with open(self.log, "wb") as log:
            log.writelines(record.pack() for record in records)
        self.disk_process = subprocess.Popen([self.program, image, self.served, self.log])
        self.device = None
        try:
            end = time.monotonic() + 10
            while not os.path.exists(os.path.join(self.served, "disk")):
                if time.monotonic() > end or self.disk_process.poll() is not None:
                    raise OSError("the disk does not come up")
                time.sleep(0.01)
            self.device = command("losetup", "-f", "--show", os.path.join(self.served, "disk"))
            command("mount", self.device, self.root)
        except BaseException:
            self.take_down()
            raise

    def take_down(self):
        subprocess.run(["umount", self.root], capture_output=True)
        if self.device is not None:
            command("losetup", "-d", self.device)
        unmount(self.served)
        self.disk_process.wait()

    def environment(self):
        return {}

    def live(self, clients, seconds, ending):
        what, countdown, match = ending
        stop = threading.Event()
        kernel = threading.Thread(target=self._write_back, args=(stop, random.Random(self.rng.random())))
        kernel.start()
        try:
            super().live(clients, seconds, ("stop" if what == "stop" else "kill", countdown, match))
        finally:
            stop.set()
            kernel.join()

    def _write_back(self, stop, rng):
        """The kernel writes some file back now and then, which makes nothing durable. It would take its time for that."""
        while not stop.wait(rng.uniform(0.002, 0.04)):
            files = [os.path.join(folder, name) for folder, _, names in os.walk(self.data) for name in names]
            if not files:
                continue
            with contextlib.suppress(OSError):
                descriptor = os.open(rng.choice(files), os.O_RDONLY)
                try:
                    write_range(descriptor)
                finally:
                    os.close(descriptor)

    def reconcile(self):
        """Nothing: the log is not the server's."""

    def evict(self):
        """Nothing: no sync fails here."""

    def end(self):
        self.history.end = self.position()
        unmount(self.root)
        self.take_down()


def write_range(descriptor):
    """sync_file_range(SYNC_FILE_RANGE_WRITE), which Python lacks."""
    libc.sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), ctypes.c_uint(2))
