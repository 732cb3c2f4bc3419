# SPDX-License-Identifier: MIT
"""One recording: a server is started, used, and killed or cut off, several times on one store, while the recorder below it keeps what it
does to the disk, and its clients keep what it promised."""
import ctypes
import glob
import mmap
import os
import pickle
import random
import shutil
import signal
import subprocess
import threading
import time

import cutmodel
from http1 import Client
from promises import NEVER, History
from workload import KEPT, MODES, PLAIN, fill, look_at_all, start_all

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD_DIR", os.path.join(HERE, "..", "..", "build"))
SLUICE = os.path.join(BUILD, "sluice")

FILE_ANY, FILE_LOG, FILE_BLOB, FILE_DATABASE, FILE_SEQUENCE, FILE_FOLDER, FILE_LOG_MOVED = range(7)
KILL_BEFORE, KILL_AFTER, FAIL = range(1, 4)


class Control(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("countdown", "match", "action", "delay_us", "fired")]


def compile_to(path, sources, *options):
    """Why it cannot be built, or None."""
    if os.path.exists(path):
        return None
    compiler = next((found for found in map(shutil.which, ("cc", "gcc", "clang")) if found), None)
    if compiler is None:
        return "no compiler"
    made = subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", *options, "-o", path + ".new", *sources], capture_output=True, text=True)
    if made.returncode != 0:
        return made.stderr
    os.rename(path + ".new", path)
    return None


def build_recorder(path):
    return compile_to(path, sorted(glob.glob(os.path.join(HERE, "recorder_*.c"))), "-shared", "-fPIC")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_", "LD_PRELOAD", "CRASH_"))}
    return {**kept, **more}


class Process:
    """A server, and what it says."""

    def __init__(self, data, log, args=(), engine="threads", **env):
        with open(log, "ab") as stderr:
            self.process = subprocess.Popen(
                [SLUICE, "serve", "--data", data, "--listen", "127.0.0.1:0", "--engine", engine, "--workers", "2", "--grace", "5", *args],
                stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, env=environment(**env))
        line = self.process.stdout.readline().decode()
        self.port = int(line.split("://")[1].split()[0].rstrip("/").rsplit(":", 1)[1]) if "://" in line else None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Its exit status after SIGTERM, or None when it did not end."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()


class Lab:
    """A recording in the making. Its folder afterwards: `log`, `history`, `server.log`."""

    engine = "threads"

    def __init__(self, folder, mode, seed, recorder):
        self.folder, self.mode_name, self.mode, self.rng, self.recorder = folder, mode, MODES[mode], random.Random(seed), recorder
        self.root, self.log = os.path.join(folder, "root"), os.path.join(folder, "log")
        os.makedirs(self.root)
        self.root, self.log = os.path.realpath(self.root), os.path.realpath(self.log)
        self.data, self.server_log = os.path.join(self.root, "data"), os.path.join(folder, "server.log")
        open(self.log, "wb").close()
        with open(os.path.join(folder, "control"), "w+b") as file:
            file.truncate(ctypes.sizeof(Control))
            self.control = Control.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Control)))
        self.history, self.bodies, self.lock = History(), {}, threading.Lock()
        self.life = self.read_to = 0
        self.pause = 0                        # seconds between what a client does
        self.keys = self.rng.choice((3, 3, 6)) # of each client: few are replaced often
        self.disk = cutmodel.Disk()
        self.begin_anew()

    def position(self):
        return os.stat(self.log).st_size

    # ---- One life ----

    def arm(self, countdown, match, action):
        self.control.match, self.control.action, self.control.countdown = match, action, countdown

    def arm_failure(self, match):
        if self.mode_name == "checkpoint":
            self.arm(1, self.rng.choice((FILE_DATABASE, FILE_LOG_MOVED, FILE_LOG_MOVED)), FAIL)
        elif self.mode["fails"] == "files":
            self.arm(self.rng.randint(1, 15), self.rng.choice((FILE_FOLDER, FILE_FOLDER, FILE_SEQUENCE, FILE_BLOB, FILE_BLOB, FILE_ANY)), FAIL)
        else:
            self.arm(self.rng.randint(1, 15), self.rng.choice((FILE_LOG,) * 5 + (match,)), FAIL)

    def start(self):
        self.life += 1
        self.history.lives.append(self.position())
        args = self.mode.get("args", ())
        if self.mode.get("turned") and self.life == 1:
            args = ("--durability", "relaxed")
        return Process(self.data, self.server_log, args, self.engine, **self.environment())

    def environment(self):
        more = {"CRASH_NO_HOLES": "1"} if self.mode.get("no holes") else {}
        return {**more, "LD_PRELOAD": self.recorder, "CRASH_ROOT": self.root, "CRASH_LOG": self.log, "CRASH_CONTROL": os.path.join(self.folder, "control")}

    def compact(self):
        """`sluice compact`, to its end or until it is killed, at a sync or at any moment."""
        self.history.lives.append(self.position()) # a start is part of it
        if self.rng.random() < 0.6:
            self.arm(self.rng.randint(1, 30), self.rng.choice((FILE_ANY, FILE_ANY, FILE_DATABASE, FILE_LOG)), self.rng.choice((KILL_BEFORE, KILL_AFTER)))
        with open(self.server_log, "ab") as said:
            process = subprocess.Popen([SLUICE, "compact", "--data", self.data], stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=environment(**self.environment()))
        try:
            status = process.wait(20 if self.control.countdown or self.rng.random() < 0.5 else self.rng.uniform(0.01, 0.3))
            if status not in (0, -signal.SIGKILL):
                self.history.problems.append(f"compact: status {status}")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.control.countdown = 0
        self.reconcile()

    def prepare(self, server):
        client = Client(server.port)
        for bucket in (PLAIN, KEPT):
            assert client.request("PUT", f"/{bucket}").status == 200
        document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        assert client.request("PUT", f"/{KEPT}?versioning", document).status == 200
        client.close()
        fill(self, server.port, self.mode.get("fill", 0))
        self.history.prepared, self.history.prepared_ns = self.position(), time.monotonic_ns()

    def live(self, clients, seconds, ending):
        """ending: (what, countdown, kind of file): 'kill', 'kill before', 'kill after', 'power', 'stop'; a failing sync is armed besides."""
        what, countdown, match = ending
        is_promised = self.life > (1 if self.mode.get("turned") else 0) # by a life before
        early = what in ("kill before", "kill after") and is_promised and self.rng.random() < 0.25
        self.control.countdown = 0
        if self.mode.get("compacts") and is_promised and self.history.prepared <= self.position():
            self.compact()
        self.control.delay_us = self.rng.choice((0, 0, 100, 400))
        if early: # in its recovery
            self.arm(countdown % 8 + 1, match, KILL_BEFORE if what == "kill before" else KILL_AFTER)
        elif self.mode.get("fails") == "files" and self.rng.random() < 0.3: # while it starts
            self.arm(self.rng.randint(1, 6), self.rng.choice((FILE_FOLDER, FILE_SEQUENCE, FILE_BLOB, FILE_ANY)), FAIL)
        server = self.start()
        try:
            if server.port is not None:
                self.control.countdown = self.control.countdown if early else 0
                self._serve(server, clients, seconds, what, countdown, match, early)
        finally:
            server.kill()
        self.control.countdown = 0
        self.reconcile()
        if not self.mode.get("stale"):
            self.evict()
        if what == "power":
            self.cut_power()

    def _serve(self, server, clients, seconds, what, countdown, match, early):
        history = self.history
        if history.served == NEVER:
            history.served = self.position()
        elif self.mode.get("turned") and history.begin == 0:
            history.promise_later(self.position())
        try:
            if history.prepared > self.position():
                self.prepare(server)
            else:
                client = Client(server.port)
                look_at_all(self, client)
                client.close()
        except OSError:
            return # killed in its recovery, or soon after
        if what in ("kill before", "kill after") and not early:
            self.arm(countdown, match, KILL_BEFORE if what == "kill before" else KILL_AFTER)
        if self.mode.get("fails") and self.rng.random() < 0.9:
            self.arm_failure(match)
        if self.mode.get("relaxed") and self.life == 1 and self.rng.random() < 0.4:
            seconds, self.pause = self.rng.uniform(7, 9), 0.03 # so long that something is promised
        threads, stop = start_all(self, server.port, self.mode, self.rng.random(), clients)
        end = time.monotonic() + seconds
        limit = self.limit // 2 if self.mode.get("turned") and self.life == 1 else self.limit # room for the next
        while time.monotonic() < end and server.process.poll() is None and self.position() < limit:
            time.sleep(0.003)
        if what != "stop": # at a random moment, if not at its sync before
            server.process.kill()
        stop.set()
        self.pause = 0
        for thread in threads:
            thread.join(20)
        if what == "stop" and server.process.poll() is None and (status := server.stop()) != 0:
            history.problems.append(f"life {self.life}: SIGTERM: status {status}")

    def end(self):
        self.history.end = self.position()
        shutil.rmtree(self.root)

    @property
    def limit(self):
        """Bytes of the log of one recording, about."""
        return self.mode.get("limit", 24 << 20)

    # ---- Between two lives ----

    def reconcile(self):
        """What the process did and could not record any more, and a record that is not whole."""
        self.advance()
        with open(self.log, "r+b") as log:
            log.truncate(self.read_to)
            log.seek(self.read_to)
            for record in cutmodel.differences(self.disk, self.root):
                record.time = time.monotonic_ns()
                log.write(record.pack())
        self.advance()
        left = cutmodel.differences(self.disk, self.root)
        if left:
            self.history.problems.append(f"the recorder missed {[(record.kind, record.ino, record.name) for record in left[:3]]}")

    def evict(self):
        """What a failed sync lost was seen by the process that met it, and is not by the next one."""
        files = {path: thing for path, thing in self.disk.paths() if isinstance(thing, cutmodel.File) and thing.lost}
        inos = {thing: ino for ino, thing in self.disk.objects.items()}
        for path, thing in files.items():
            if not thing.lost:
                continue # another name of it
            with open(self.log, "ab") as log:
                log.write(cutmodel.Record(cutmodel.EVICT, inos[thing], time=time.monotonic_ns()).pack())
            with open(os.path.join(self.root, path), "r+b") as file:
                for number in sorted(thing.lost):
                    at = number * cutmodel.PAGE
                    if at < thing.size:
                        file.seek(at)
                        file.write(thing.disk.get(number, cutmodel.ZERO)[:thing.size - at])
            self.advance()
        if files and cutmodel.differences(self.disk, self.root):
            self.history.problems.append("what was evicted is still there")

    def advance(self):
        records, end = cutmodel.read_log(self.log, self.read_to)
        for record in records:
            self.disk.apply(record)
        self.read_to = end
        for name in self.disk.unknown:
            self.history.problems.append(f"the model does not know: {name}")

    def cut_power(self):
        """The store becomes one that a power cut here may leave; the page cache is gone."""
        records, _ = cutmodel.read_log(self.log)
        disk = cutmodel.Disk(self.rng.choice(("journal", "loose")))
        for record in records:
            disk.apply(record)
        state = disk.state(random.Random(self.rng.random()))
        shutil.rmtree(self.root)
        state.write(self.root)
        self.begin_anew()

    def begin_anew(self):
        """All that the folder holds is on the disk."""
        with open(self.log, "ab") as log:
            for record in cutmodel.base_records(self.root):
                record.time = time.monotonic_ns()
                log.write(record.pack())
        self.advance()


def endings(rng, mode):
    """How the lives of a recording end: [(what, at which sync, of which kind of file)]. Most of them where something was written and is not
    synced."""
    def one():
        what = rng.choices(("kill", "kill before", "kill after", "power", "stop"), (2, 12, 2, 2, 1))[0]
        match = rng.choices((FILE_LOG, FILE_BLOB, FILE_FOLDER, FILE_ANY, FILE_DATABASE, FILE_SEQUENCE), (8, 8, 2, 1, 1, 1))[0]
        return what, rng.randint(1, 25), match
    found = [one() for _ in range(rng.randint(2, 4))]
    if MODES[mode].get("relaxed"): # it syncs next to nothing, and a power cut would leave what was not promised
        found = [(rng.choice(("kill", "stop")), countdown, match) for _, countdown, match in found]
    if MODES[mode].get("turned"):
        found[0] = (rng.choice(("kill", "stop")), 1, FILE_ANY)
        found[1] = ("stop", 1, FILE_ANY) if len(found) == 2 else found[1]
    return found


def record(lab, mode, seed):
    """Makes a recording; returns its history, which is kept in its folder."""
    history = lab.history
    try:
        for ending in endings(lab.rng, mode):
            if lab.position() < lab.limit:
                lab.live(lab.rng.choice((1, 3, 6)), lab.rng.uniform(*lab.mode.get("seconds", (0.05, 0.35))), ending)
    finally:
        lab.end()
    history.mode, history.seed, history.engine = mode, seed, lab.engine
    with open(os.path.join(lab.folder, "history"), "wb") as file:
        pickle.dump(history, file)
    return history
