# SPDX-License-Identifier: MIT
"""FUSE for tests, by bindfs, in the place of a network file system."""
import atexit
import contextlib
import os
import subprocess
import time

from sluicetest import fresh, have, run, scratch


class Mount:
    """A folder seen through bindfs, which stays in the foreground, so that it dies with the test. source: what is seen; else one of its own."""

    def __init__(self, folder, source=None):
        self.folder, self.source = folder, source or fresh(f"source-{os.path.basename(folder)}")
        os.makedirs(self.source, exist_ok=True)
        os.makedirs(folder, exist_ok=True)
        with open(scratch("bindfs.log"), "wb") as log:
            self.process = subprocess.Popen(["bindfs", "-f", "--no-allow-other", self.source, folder], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT)
        atexit.register(self.end)
        deadline = time.monotonic() + 120
        while not os.path.ismount(folder) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    def end(self):
        if self.process.poll() is None:
            run(["fusermount", "-u", self.folder])
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=20)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


def unusable():
    """Why bindfs cannot be tried here, or None."""
    if not have("bindfs"):
        return "bindfs is not installed"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return None
