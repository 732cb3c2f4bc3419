# SPDX-License-Identifier: MIT
"""A soak: mixed load on two stores, with everything that happens to a server in its life, much faster. Every byte is compared, and what the server
takes of the machine must not grow."""
import os
import random
import shutil
import threading
import time

from clients import Load
from contents import Tally
from sluicetest import poll
from stores import MIB, Killed, Steady, make_folder

# What the disk may hold at any moment beside twice what lives, and the log; at rest: what is made ahead, and ends of segments; small units in
# memory, as storage/limits.h says.
DISK_MORE, LOG_MAX, REST_MORE, HOT_MAX = 256 * MIB, 96 * MIB, 96 * MIB, 68 * MIB
PERMITTED = {"memory": (1.15, 16 * MIB), "threads": (1.0, 4), "descriptors": (1.0, 32), "database": (1.5, 8 * MIB)} # growth after the first third


class Watch(threading.Thread):
    """Looks at the disk all the time; what it found last is in the middle of changes, so only sums are judged."""

    def __init__(self, store, load):
        super().__init__(daemon=True)
        self.store, self.load, self.ends, self.most, self.excess = store, load, threading.Event(), {}, 0

    def run(self):
        while not self.ends.wait(0.5):
            live = self.load.live_bytes() # before: what is deleted meanwhile is on the disk still
            found = self.store.sample()
            self.excess = max(self.excess, found["disk"] - 2 * max(live, self.load.live_bytes()) - DISK_MORE)
            self.most = {name: max(value, self.most.get(name, 0)) for name, value in found.items()}


class Soak:
    def __init__(self, minutes, seed, folder=None, cycle=60, megabytes=1536, log=print):
        self.ends, self.cycle, self.log, self.rng = time.monotonic() + 60 * minutes, cycle, log, random.Random(seed)
        self.seed, self.tally, self.killed_tally, self.rests, self.kills = seed, Tally(), Tally(), [], 0
        self.folders = [make_folder(folder), make_folder(folder)]
        self.steady, self.killed = Steady(self.folders[0], megabytes), Killed(self.folders[1], random.Random(seed + 1))
        self.most, self.excess = {}, 0

    def close(self):
        for store in (self.steady, self.killed):
            store.close()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    # ---- The store that is served all the time ----

    def run_steady(self):
        store, load = self.steady, Load(self.steady, self.tally, self.seed)
        store.prepare()
        watch = Watch(store, load)
        watch.start()
        while True:
            self._one_cycle(load)
            self._rest(load)
            if time.monotonic() > self.ends - self.cycle / 2 and len(self.rests) >= 3:
                break
        watch.ends.set()
        watch.join()
        self.most, self.excess = watch.most, watch.excess
        self._end(store, load, self.tally)

    def _one_cycle(self, load):
        begun, events = time.monotonic(), list(self.steady.EVENTS)
        self.rng.shuffle(events)
        load.start()
        for at, event in enumerate(events):
            time.sleep(max(0, begun + self.cycle * (at + 1) / (len(events) + 1) - time.monotonic()))
            getattr(self.steady, "event_" + event)(load)
        time.sleep(max(0, begun + self.cycle - time.monotonic()))
        load.stop()

    def _rest(self, load):
        """Nobody asks for anything: every byte is compared, garbage is given back, connections end."""
        load.verify()
        if not poll(lambda: self.steady.metric("sluice_garbage_bytes") == 0, 60):
            self.tally.problem("garbage is not given back while nobody asks for anything")
        if not poll(lambda: self.steady.sample()["disk"] <= 1.25 * load.live_bytes() + REST_MORE, 60):
            self.tally.problem(f"at rest the disk holds {self.steady.sample()['disk'] // MIB} MiB of {load.live_bytes() // MIB} that live")
        found = {**self.steady.sample(), "live": load.live_bytes()}
        self.rests.append(found)
        self.log(f"# rest {len(self.rests)}: " + ", ".join(f"{name} {value}" if value < 10_000 else f"{name} {value / MIB:.1f} MiB" for name, value in found.items()), flush=True)

    # ---- The one that is killed ----

    def run_killed(self):
        store, load, first = self.killed, Load(self.killed, self.killed_tally, self.seed + 1, clients=4), True
        load.is_killed = True
        while first or time.monotonic() < self.ends:
            store.start()
            if first:
                store.prepare()
                first = False
            else:
                load.verify()
            load.start()
            time.sleep(store.rng.choice((0.05, 0.3, 1, 3, 6)) * store.rng.random())
            if store.rng.random() < 0.8:
                store.server.kill()
                self.kills += 1
            load_ends = threading.Thread(target=load.stop)
            load_ends.start()
            if store.server.process.poll() is None and not store.server.stop():
                self.killed_tally.problem("SIGTERM: the status is not 0")
            load_ends.join()
            if store.rng.random() < 0.1 and (said := store.check())[0] != 0:
                self.killed_tally.problem(f"check after a kill: {said}")
        store.start()
        load.verify()
        self._end(store, load, self.killed_tally)

    def _end(self, store, load, tally):
        if not store.server.stop():
            tally.problem("SIGTERM at the end: the status is not 0")
        left = store.left_behind()
        if left:
            tally.problem(f"left behind: {left[:5]}")
        if (said := store.check())[0] != 0:
            tally.problem(f"check at the end: {said}")
        store.start()
        load.verify()
        if not store.server.stop():
            tally.problem("SIGTERM after the end: the status is not 0")

    # ---- Both ----

    def run(self):
        def guarded(work, tally):
            try:
                work()
            except Exception as error: # a thread of the soak, whose end must be seen
                tally.problem(f"the soak itself: {error!r}")
                raise

        threads = [threading.Thread(target=guarded, args=pair) for pair in ((self.run_steady, self.tally), (self.run_killed, self.killed_tally))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def growth(self):
        """[(what, the most of the first third, the most of the rest, what is permitted)]"""
        warm = max(1, len(self.rests) // 3)
        found = []
        for name, (share, more) in PERMITTED.items():
            before, after = max(rest[name] for rest in self.rests[:warm]), max(rest[name] for rest in self.rests[warm:])
            found.append((name, before, after, before * share + more))
        return found

    def verdicts(self):
        """[(what is promised, whether it holds, figures)]"""
        yield "every byte is right, and nothing but what was to be expected was answered, of the store that is served all the time", not self.tally.problems, self.tally.problems[:3]
        yield f"and of the one that was killed {self.kills} times", not self.killed_tally.problems, self.killed_tally.problems[:3]
        for name, before, after, permitted in self.growth():
            yield f"{name} does not grow", after <= permitted, f"{before} in the first third, then {after}, permitted {permitted:.0f}"
        yield "units kept in memory stay within their bound", self.most["hot units"] <= HOT_MAX, f"{self.most['hot units']}"
        yield "the log stays within its bound", self.most["log"] <= LOG_MAX, f"{self.most['log']}"
        yield "the disk never holds more than twice what lives and 256 MiB", self.excess <= 0, f"{self.excess} above"
        if self.steady.is_mounted:
            yield "the disk was full, and told it", self.tally.counts.get("refused with 507", 0) > 0, repr(self.tally.counts)


def summary(soak):
    counts = {name: soak.tally.counts.get(name, 0) + soak.killed_tally.counts.get(name, 0) for name in {*soak.tally.counts, *soak.killed_tally.counts}}
    starts = sorted(soak.killed.starts)
    yield ", ".join(f"{name} {counts[name]}" for name in sorted(counts))
    yield f"starts {len(starts)}, half of them within {1000 * starts[len(starts) // 2]:.0f} ms, the slowest {1000 * starts[-1]:.0f} ms"
    yield "most at any moment: " + ", ".join(f"{name} {value}" if value < 10_000 else f"{name} {value / MIB:.1f} MiB" for name, value in soak.most.items())
    for name, before, after, permitted in soak.growth():
        yield f"{name}: at most {before} at rest in the first third, {after} later, permitted {permitted:.0f}"
