# SPDX-License-Identifier: MIT
"""Lives of one store: clients in processes of their own change and read a few keys, the server is killed, the store checked, and the
next server started. Each life and the first reads of the next are a history, which is searched for an order."""
import collections
import ctypes
import multiprocessing
import os
import random
import shutil
import subprocess
import time

import client
from client import ABSENT, BUCKET, KEYS
from history import Falsifier, History, judge
from model_client import Document
from sluicetest import BUILD, SLUICE, Server, fresh, run, scratch

CLIENTS = 8
PROBLEMS_MAX = 20 # of one store

# What the server is told, and whether the bucket keeps versions.
MODES = {
    "uring": (["--engine", "uring"], False),
    "threads": (["--engine", "threads"], False),
    "relaxed": (["--engine", "uring", "--durability", "relaxed"], False), # a kill loses nothing there either
    "threads-relaxed": (["--engine", "threads", "--durability", "relaxed"], False),
    "versions": (["--engine", "uring"], True),
    "threads-versions": (["--engine", "threads"], True),
}
# What must have been seen at least once in a run of all, or it does not test what it says.
EXPECTED = {"GET 200", "GET 206", "GET 304", "GET 404", "GET 412", "HEAD 200", "HEAD 404", "LIST 200", "PUT 200", "PUT ?", "PUT given up",
            "CREATE 200", "CREATE 412", "SWAP 200", "SWAP 404", "SWAP 412", "DELETE 204", "DELETE-MATCH 204", "DELETE-MATCH 404",
            "DELETE-MATCH 412", "COPY 200", "COPY 404", "RENAME 200", "RENAME 404", "COMPLETE 200", "COMPLETE-NEW 200", "COMPLETE-NEW 412"}


def io_uring_works():
    """Whether this machine or container permits io_uring; called before there are other threads."""
    return ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120)) >= 0 # io_uring_setup, on every architecture


class Run:
    """A store in one mode."""
    client_main = staticmethod(client.serve)

    def __init__(self, mode, seed, modes=MODES):
        self.name, self.seed = mode, seed
        self.args, self.versioned = modes[mode]
        self.rng = random.Random(f"{seed}/{mode}")
        self.data = fresh(f"linear-{mode}")
        self.problems, self.counts = [], collections.Counter()
        self.operations = self.histories = self.kills = self.bad = self.largest = 0
        self.falsified, self.found = collections.Counter(), collections.Counter()
        self.written, self.copied_as, self.refused, self.versions = {}, {}, set(), []
        self.state = [ABSENT] * KEYS
        self.life = 0
        self.clients = []
        self.reader = client.Client(CLIENTS)

    # ---- Processes ----

    def start(self):
        for number in range(CLIENTS):
            pipe, other = multiprocessing.Pipe()
            process = multiprocessing.Process(target=self.client_main, args=(number, other), daemon=True)
            process.start()
            other.close()
            self.clients.append((process, pipe))
        self.serve()
        requests = [("", None), ("/block", client.BLOCK)]
        if self.versioned:
            requests.append(("?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))
        for path, body in requests:
            status, _, answer = self.server.request("PUT", f"/{BUCKET}{path}", body=body)
            assert status == 200, answer

    def serve(self):
        self.server = Server(data=self.data, args=self.args, log=scratch(f"linear-{self.name}.log"))

    def stop_clients(self):
        for process, _ in self.clients:
            process.kill()
            process.join()

    def end(self):
        if self.versioned:
            self.look_at_versions()
        if not self.server.stop():
            self.problems.append("the last server does not end with status 0")
        self.check("the end")
        shutil.rmtree(self.data)

    # ---- One life ----

    def live(self, falsify=True):
        """falsify: whether the checker has to find falsified answers in this history, too."""
        self.life += 1
        problems = len(self.problems)
        told = ((self.server.host, self.server.port), self.life, self.seed, self.versioned)
        for _, pipe in self.clients:
            pipe.send(told)
        time.sleep(self.rng.uniform(0.02, 0.3))
        killed = time.monotonic_ns()
        self.server.kill()
        reports = [pipe.recv() for _, pipe in self.clients]
        death = time.monotonic_ns() # no client waits any more, and nothing can come of what it sent
        self.kills += 1
        self.check()
        if self.rng.random() < 0.25:
            self.kill_while_it_starts()
        self.serve()
        reports.append(self.first_reads())
        for report in reports:
            self.take(report, killed)
        history = History(self.state, [o for report in reports for o in report["operations"]], death, self.copied_as)
        self.state = self.state_after(reports[-1])
        self.look_at(history, falsify)
        self.bad += len(self.problems) > problems

    def check(self, when="the kill"):
        status, output = run([SLUICE, "check", "--data", self.data])
        if status != 0:
            self.problems.append(f"life {self.life}: check after {when}: {output}")

    def kill_while_it_starts(self):
        command = [SLUICE, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.args]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.rng.uniform(0, 0.015))
        process.kill()
        process.wait()
        self.kills += 1
        self.check()

    def first_reads(self):
        """What the next server shows, to one client, of every key in every way."""
        self.reader.begin((self.server.host, self.server.port), self.life, self.seed, self.versioned)
        self.reader.list()
        for key in range(KEYS):
            self.reader.look(key, "HEAD")
            self.reader.look(key, "GET")
        self.reader.disconnect()
        return self.reader.report()

    def state_after(self, reads):
        listed = [o for o in reads["operations"] if o.label == "LIST 200"]
        if not listed:
            raise RuntimeError("no listing after the restart")
        return [value for _, _, value in listed[0].terms]

    def take(self, report, killed):
        """What one client found wrong by itself, and what it wrote."""
        self.problems += [f"life {self.life}: {problem}" for problem in report["problems"]]
        self.problems += [f"life {self.life}: a connection is lost while the server lives: {error}"
                          for moment, error in report["losses"] if moment < killed]
        self.written.update(report["written"])
        self.copied_as.update(report["copied_as"])
        self.refused |= report["refused"]
        self.versions += report["versions"]
        self.counts.update(operation.label for operation in report["operations"])
        for etag, name, size in report["bodies"]:
            if etag in self.refused or self.written.get(etag, size) != size:
                sent = self.written.get(etag)
                self.problems.append(f"life {self.life}: {etag} {name} of {size} bytes is shown, {sent} were sent")

    # ---- Judging ----

    def look_at(self, history, falsify):
        self.look_at_tags(history)
        self.settle(self.life, history, judge(self.searches(history, falsify)))

    def look_at_tags(self, history):
        shown = {value for o in history.operations if o.end is not None for kind, _, value in o.terms if kind == "="}
        for etag in shown - {ABSENT} - set(self.written):
            self.problems.append(f"life {self.life}: ETag {etag} is shown, and was {'refused' if etag in self.refused else 'never written'}")
    def searches(self, history, falsify):
        return {"true": history, **(Falsifier(history, self.rng).all() if falsify else {})}

    def settle(self, life, history, verdicts):
        verdict = verdicts.pop("true").split()
        self.histories += 1
        self.operations += len(history.operations)
        if verdict[0] == "yes":
            self.largest = max(self.largest, int(verdict[1]))
        else:
            self.problems.append(self.explain(life, history, verdict))
        for kind, word in verdicts.items():
            self.falsified[kind] += 1
            self.found[kind] += word.startswith("no")

    def explain(self, life, history, verdict):
        folder = os.path.join(BUILD, "linear-failures")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{self.name}-{self.seed}-{life}.history")
        with open(path, "w", encoding="ascii") as out:
            out.write(history.text(f"life-{life}"))
        lines = history.around(int(verdict[1])) if verdict[0] == "no" else ["the search exceeds its bound"]
        return f"life {life}: no order explains the last of these ({path}):\n#   " + "\n#   ".join(lines)

    def look_at_versions(self):
        """Every version that was answered is listed, and in an order that agrees with the times of the answers."""
        listed, markers = collections.defaultdict(list), "" # key -> (version id, ETag), newest first
        while markers is not None:
            page = Document(self.server.request("GET", f"/{BUCKET}?versions&prefix=shared/{markers}")[2])
            for name, version, _, _, etag, _ in page.versions():
                listed[int(name.split("/")[1])].append((version, etag))
            markers = f"&key-marker={page.text('NextKeyMarker')}&version-id-marker={page.text('NextVersionIdMarker')}" \
                if page.text("IsTruncated") == "true" else None
        answered = {(key, version): (etag, begin, end) for key, version, etag, begin, end in self.versions}
        for key, versions in listed.items():
            latest = 0
            for version, etag in reversed(versions):
                was, begin, end = answered.pop((key, version), (etag, 0, float("inf")))
                if was != etag or etag is not ABSENT and etag not in self.written:
                    self.problems.append(f"version {version} of key {key} has ETag {etag}, was answered with {was}")
                if end < latest:
                    self.problems.append(f"version {version} of key {key} is newer than one that was written after it")
                latest = max(latest, begin)
        if answered:
            self.problems.append(f"{len(answered)} versions that were answered are not listed: {list(answered)[:3]}")


class Total:
    """The sums of several runs."""

    def __init__(self):
        self.operations = self.histories = self.kills = self.bad = self.largest = 0
        self.counts, self.falsified, self.found = collections.Counter(), collections.Counter(), collections.Counter()

    def add(self, one):
        for name in ("operations", "histories", "kills", "bad"):
            setattr(self, name, getattr(self, name) + getattr(one, name))
        self.largest = max(self.largest, one.largest)
        for name in ("counts", "falsified", "found"):
            getattr(self, name).update(getattr(one, name))

    def line(self):
        return f"operations {self.operations}, histories {self.histories}, kills {self.kills}, bad {self.bad}"


def run_mode(mode, seed, goes_on, falsify=lambda run: True, kind=Run):
    """A run of lives until goes_on(run) says otherwise, or until it is of no more use."""
    one = kind(mode, seed)
    try:
        one.start()
        while goes_on(one) and len(one.problems) < PROBLEMS_MAX:
            one.live(falsify(one))
        problems = len(one.problems)
        one.end()
        one.bad += len(one.problems) > problems
    except RuntimeError as error: # a server that does not start, or does not answer then
        one.problems.append(f"life {one.life} ({getattr(one, 'kind', '')}): {error}")
        one.bad += 1
    finally:
        one.stop_clients()
    return one
