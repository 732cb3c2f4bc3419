# SPDX-License-Identifier: MIT
"""A server whose calls can be made to fail, its store, and what must be true of both."""
import os
import re
import select
import shutil
import signal
import subprocess
import time

import scenario

BUILD = os.environ.get("BUILD_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build"))
SLUICE = os.path.join(BUILD, "sluice")

# Ends that are meant: without memory for a request, or for what libh2o or the C library cannot do without, there is no way on, and they say so.
MEANT = re.compile(r"sluice: no memory for a request|fatal:.*no memory|h2o_evloop_create: failed|cannot allocate memory for thread-local data")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_", "LD_PRELOAD", "CRASH_", "FAULTS_"))}
    return {**kept, **more}


START_SECONDS = 60 # calls that are interrupted a million times take some of them
CHECK_SECONDS = 120


class Lab:
    def __init__(self, folder, control, engine, args=(), timeout=20):
        self.folder, self.control, self.engine, self.args, self.timeout = folder, control, engine, args, timeout
        self.data, self.log = os.path.join(folder, "data"), os.path.join(folder, "log")
        self.process, self.port, self.log_at = None, None, 0
        self.ends = {} # sentence -> how often

    # ---- The process ----

    def start(self):
        """Whether it serves."""
        self.log_at = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as stderr:
            self.process = subprocess.Popen([SLUICE, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--engine", self.engine, "--workers", "1", "--grace", "5", *self.args],
                                            stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, env=environment(**self.control.environment()))
        begins = select.select([self.process.stdout], [], [], START_SECONDS)[0] # else it hangs, which its end will show
        line = self.process.stdout.readline().decode() if begins else ""
        self.port = int(line.split("://")[1].split()[0].rstrip("/").rsplit(":", 1)[1]) if "://" in line else None
        return self.port is not None

    def start_well(self, problems, when):
        """With nothing failing."""
        self.control.disarm()
        if not self.start():
            self.end(None, [])
            problems.append(f"{when}: it does not start: {self.said()[-600:]}")
            return False
        return True

    def said(self):
        with open(self.log, "rb") as log:
            log.seek(self.log_at)
            return log.read().decode(errors="replace")

    def is_over(self):
        return self.process.poll() is not None

    def end(self, how, problems, when=""):
        """SIGTERM, SIGKILL or None, which waits: judges how it ended."""
        if how is not None and not self.is_over():
            self.process.send_signal(how)
        try:
            status = self.process.wait(self.timeout + 10)
        except subprocess.TimeoutExpired:
            problems.append(f"{when}: it does not end")
            self.process.kill()
            status = -signal.SIGKILL
            self.process.wait()
        self.process.stdout.close()
        if how != signal.SIGKILL and status != 0:
            self.judge_end(status, problems, when)
        return status

    def judge_end(self, status, problems, when):
        said = self.said()
        meant = MEANT.search(said)
        last = said.strip().split("\n")[-1][-300:]
        if status < 0 and not (status == -signal.SIGABRT and meant):
            problems.append(f"{when}: it ended by signal {-status}: {said[-1500:]}")
        elif not last:
            problems.append(f"{when}: it ended with {status} and without a word")
        else:
            sentence = meant[0] if meant else re.sub(r"^\S+ ", "", re.sub(r"[0-9a-f]{8,}|/\S+", "#", last))
            self.ends[sentence] = self.ends.get(sentence, 0) + 1

    # ---- What must be true ----

    def descriptors(self):
        """What it has open: {kind: how many}; files that have no name count apart."""
        found = {}
        folder = f"/proc/{self.process.pid}/fd"
        for name in os.listdir(folder):
            try:
                link = os.readlink(os.path.join(folder, name))
            except OSError:
                continue
            kind = "unnamed" if link.endswith("(deleted)") else re.sub(r":.*", "", link) if not link.startswith("/") else "file"
            found[kind] = found.get(kind, 0) + 1
        return found

    def settles(self, most, problems, when):
        """Whether sockets and files without names go back to what they were. Pipes and files are kept for later, a bounded number of them."""
        end = time.monotonic() + self.timeout
        while True:
            now = self.descriptors()
            over = {kind: count for kind, count in now.items() if kind in ("socket", "unnamed", "anon_inode") and count > most.get(kind, 0)}
            if not over:
                return
            if time.monotonic() > end:
                problems.append(f"{when}: descriptors are left: {now}, before: {most}")
                return
            time.sleep(0.02)

    def recovers(self, story, problems, when):
        """Whether changes go well again by themselves, and nothing acknowledged is missing."""
        end = time.monotonic() + self.timeout
        story.connect(self.port)
        while not story.works():
            if self.is_over():
                return
            if time.monotonic() > end:
                problems.append(f"{when}: changes do not go well again: {story.why_not[:3]} {self.said()[-600:]}")
                return
            time.sleep(0.05)
        try:
            story.verify()
        except OSError as error:
            problems.append(f"{when}: reads do not go well again: {error!r}")

    def check(self, problems, when):
        """sluice check of the closed store; nothing lies in lost/."""
        try:
            made = subprocess.run([SLUICE, "check", "--data", self.data], capture_output=True, text=True, env=environment(), timeout=CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            problems.append(f"{when}: check does not end")
            return
        if made.returncode != 0:
            problems.append(f"{when}: check: {(made.stdout + made.stderr)[-800:]}")
        lost = os.path.join(self.data, "lost")
        if os.path.isdir(lost) and os.listdir(lost):
            problems.append(f"{when}: lost/ has {os.listdir(lost)[:5]}")

    def clear(self):
        shutil.rmtree(self.data, ignore_errors=True)
