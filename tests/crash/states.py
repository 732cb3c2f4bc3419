# SPDX-License-Identifier: MIT
"""States of a recording: each is made in a folder, checked, served, compared with what was promised, written to, stopped and checked
again."""
import bisect
import os
import pickle
import random
import re
import shutil
import subprocess

import blocks
import cutmodel
from http1 import Client, element
from lives import SLUICE, Process, environment
from promises import NEVER, describe, digest, match_versions
from workload import FILL, KEPT, MODES, PLAIN, list_versions

EMPTY_ETAG = f'"{digest(b"")}"'
# What a relaxed store acknowledged longer ago than this is promised.
RELAXED_NS = int(float(os.environ.get("CRASH_RELAXED_SECONDS", "6")) * 1e9)


class Recording:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "history"), "rb") as file:
            self.history = pickle.load(file)
        self.records, _ = cutmodel.read_log(os.path.join(folder, "log"))
        self.ends = [record.end for record in self.records]
        self.possible = self._possible()
        self.promise_ns = RELAXED_NS if MODES[self.history.mode].get("relaxed") else None

    def _possible(self):
        """The numbers of the records after which the power can fail: not where the harness says what lies on the disk."""
        found, is_base = [], False
        for at, record in enumerate(self.records):
            if record.end > self.history.end:
                break # an orderly unmount
            is_base = record.kind == cutmodel.RESET or is_base and record.kind != cutmodel.SYNC_ALL
            if not is_base and record.end >= self.history.begin:
                found.append(at)
        return found

    def seams(self):
        """[(number of a record, ino)]: syncs of what a life before had left unsynced. Until then the next one may act on what is not on
        the disk."""
        found, dirty, at_life = [], {}, 0
        lives = [position for position in self.history.lives[1:]]
        for at, record in enumerate(self.records):
            while at_life < len(lives) and record.end > lives[at_life]:
                at_life += 1
            if record.kind == cutmodel.RESET:
                dirty.clear()
            elif record.kind in (cutmodel.WRITE, cutmodel.PUNCH, cutmodel.SIZE):
                dirty.setdefault(record.ino, at_life)
            elif record.kind == cutmodel.SYNC and dirty.pop(record.ino, at_life) < at_life:
                found.append((at, record.ino))
            elif record.kind == cutmodel.SYNC_ALL:
                dirty.clear()
        return found

    def cuts(self, rng, count):
        """[(number of a record after which the power fails, ino of a file that lags behind or None)], ascending: most of them near syncs,
        and in what follows a start, where what one life left is acted upon by the next."""
        syncs = [at for at, record in enumerate(self.records) if record.kind in (cutmodel.SYNC, cutmodel.SYNC_FAILED)]
        starts = [bisect.bisect_left(self.ends, position) for position in self.history.lives[1:]]
        early = [at for at in syncs if any(start <= at <= start + 150 for start in starts)]
        ready = bisect.bisect_left(self.ends, self.history.prepared) if self.history.prepared != NEVER else 0
        seams, last, found = self.seams(), len(self.records) - 1, []
        database = {record.ino for record in self.records if record.kind == cutmodel.CREATE and record.name == "sluice.db"}
        moved = [at for at, record in enumerate(self.records) if record.kind == cutmodel.WRITE and record.ino in database]
        failed = [at for at, record in enumerate(self.records) if record.kind == cutmodel.SYNC_FAILED]
        for _ in range(count):
            kind, lagging = rng.random(), None
            if kind < 0.03:
                at = rng.randint(0, last)
            elif self.promise_ns is not None and kind < 0.7:
                if moved and kind < 0.4: # the log is being moved into the database
                    at, lagging = rng.choice(moved) + rng.randint(0, 60), rng.choice(sorted(database))
                elif starts and kind < 0.55:
                    at = rng.choice(starts) + rng.randint(-20, 60)
                else:
                    at = rng.randint(min(ready, last), last)
            elif kind < 0.45 and failed:
                at = rng.choice(failed)
                at = rng.randint(at, min([start for start in starts if start > at], default=last))
            elif kind < 0.38 and seams:
                at, lagging = rng.choice(seams)
                at -= rng.choice((1, 1, 1, 2, 3, 8))
            elif kind < 0.52 and syncs:
                at = rng.choice(syncs) - rng.randint(0, 3)
            elif kind < 0.65 and early:
                at = rng.choice(early) - rng.choice((0, 1, 1, 2, 3))
            elif kind < 0.8 and starts:
                at = rng.choice(starts) + rng.randint(0, rng.choice((20, 120)))
            else:
                at = rng.randint(min(ready, last), last)
            found.append((self.possible[min(bisect.bisect_left(self.possible, at), len(self.possible) - 1)], lagging))
        return sorted(found, key=lambda cut: cut[0])

    def visit(self, seed, count, visit):
        """Calls visit(number, record of the cut, state, disk) for that many states. The same seed makes the same ones."""
        rng = random.Random(f"pass {seed}")
        disk = cutmodel.Disk(rng.choice(("journal", "loose")))
        cuts, done = self.cuts(rng, count), 0
        for number, (cut, lagging) in enumerate(cuts):
            while done <= cut:
                disk.apply(self.records[done])
                done += 1
            visit(number, self.records[cut], disk.state(random.Random(f"state {seed} {number}"), lagging), disk)


# ---- One state ----

class Verdict:
    def __init__(self):
        self.problems, self.refused, self.recovered = [], 0, False
        self.shown = {} # (bucket, key): its content

    def bad(self, text):
        self.problems.append(text)


def sluice_check(data):
    done = subprocess.run([SLUICE, "check", "--data", data], capture_output=True, text=True, errors="replace", env=environment())
    return done.returncode, (done.stdout + done.stderr).strip()


def judge(folder, history, cut, cut_ns, promise_ns, log, engine="threads"):
    """The whole examination of the state in a folder: a Verdict."""
    verdict = Verdict()
    data = os.path.join(folder, "data")
    until_ns = NEVER if promise_ns is None else cut_ns - promise_ns
    if cut >= history.served or os.path.exists(os.path.join(data, "sluice.db")):
        status, said = sluice_check(data)
        if status != 0 and not is_allowed(said, status, cut < history.served, promise_ns is not None):
            verdict.bad(f"check after the cut: status {status}: {said[:600]}")
    server = Process(data, log, engine=engine)
    try:
        if server.port is None:
            verdict.bad("the server does not start")
            return verdict
        client = Client(server.port)
        try:
            compare(verdict, client, history, cut, until_ns)
            put_one(verdict, client)
        except OSError as error:
            verdict.bad(f"the server does not answer: {error!r}")
        client.close()
        status = server.stop()
        if status != 0:
            verdict.bad(f"SIGTERM: status {status}")
    finally:
        server.kill()
    status, said = sluice_check(data)
    if status != 0 and not is_allowed(said, status, False, promise_ns is not None):
        verdict.bad(f"check at the end: status {status}: {said[:600]}")
    return verdict


def is_allowed(said, status, is_unborn, is_relaxed):
    """Whether `check` may say this: of a store that never was served, and of rows without bytes after a relaxed process."""
    if is_unborn:
        return status == 2
    lines = [line for line in said.splitlines() if not re.match(r"\S+: \d+ objects", line)]
    return is_relaxed and status == 1 and not any(line.startswith("database:") for line in lines)


def put_one(verdict, client):
    body = b"after the cut" * 500
    client.request("PUT", "/after")
    if client.request("PUT", "/after/the-cut", body).status != 200 or client.request("GET", "/after/the-cut").body != body:
        verdict.bad("a PUT after the cut, or the GET of it, fails")


def compare(verdict, client, history, cut, until_ns):
    is_prepared = history.prepared <= cut and history.prepared_ns <= until_ns
    kept = list_versions(client, KEPT)
    listed = list_objects(client, PLAIN)
    if is_prepared and (kept is None or listed is None):
        verdict.bad("a bucket is gone")
    fill = [key.name for key in history.keys.values() if key.name.startswith(FILL)]
    lost = [name for name in fill if (listed or {}).get(name) != (EMPTY_ETAG, 0)]
    if is_prepared and lost: # there are many of them, and nobody changes them
        verdict.bad(f"{len(lost)} of {len(fill)} are gone: {lost[0]}")
    for key in history.keys.values():
        if key.name.startswith(FILL):
            continue
        if key.bucket == PLAIN:
            compare_key(verdict, client, key, cut, until_ns, listed)
        elif kept is not None:
            compare_versions(verdict, client, key, cut, kept.pop(key.name, []), until_ns)
    for group in history.groups if until_ns == NEVER else ():
        compare_group(verdict, group, cut)
    for name in kept or ():
        verdict.bad(f"{KEPT}/{name} is listed, and nobody put it")
    for name in listed or ():
        if (PLAIN, name) not in history.keys:
            verdict.bad(f"{PLAIN}/{name} is listed, and nobody put it")
    for upload in history.uploads:
        compare_upload(verdict, client, upload, cut, until_ns)


def list_objects(client, bucket):
    """{key: (ETag, size)}, or None."""
    answer = client.request("GET", f"/{bucket}?list-type=2")
    if answer.status != 200:
        return None
    return {element(entry, "Key"): (element(entry, "ETag"), int(element(entry, "Size")))
            for entry in re.findall(rb"<Contents>(.*?)</Contents>", answer.body, re.S)}


def compare_key(verdict, client, key, cut, until_ns, listed):
    where = f"{key.bucket}/{key.name}"
    possible = key.possible(cut, until_ns)
    contents = {change.content for change in possible}
    is_open = until_ns != NEVER and len(possible) > 1 # the latest of a relaxed store, which may be absent
    if is_open:
        contents.add(None)
    try:
        answer = client.request("GET", f"/{where}")
    except ConnectionResetError: # the body breaks off, which nobody takes for the object
        if not is_open:
            verdict.bad(f"GET {where}: the answer breaks off, it may be {named(possible)}")
        verdict.refused += 1
        return
    if answer.status == 404:
        content = None
    elif answer.status == 200:
        content = (digest(answer.body), len(answer.body))
    elif is_open and answer.status == 500:
        verdict.refused += 1
        return
    else:
        verdict.bad(f"GET {where}: {answer.status} {answer.body[-200:]!r}, it may be {named(possible)}")
        return
    verdict.shown[key.bucket, key.name] = content
    if content not in contents:
        what = "404" if content is None else describe(answer.body)
        verdict.bad(f"GET {where}: {what}, it may be {named(possible)}")
        return
    entry = (listed or {}).get(key.name)
    if (entry is None) != (content is None) or entry is not None and entry != (answer.header("etag"), len(answer.body)):
        verdict.bad(f"{where} is listed as {entry}, and a GET shows {content} {answer.header('etag')}")
    etags = {change.etag for change in possible if change.content == content}
    if content is not None and None not in etags and answer.header("etag") not in etags: # None: no answer told it
        verdict.bad(f"{where} has the ETag {answer.header('etag')}, not {etags}")


def compare_group(verdict, group, cut):
    """What was done in one moment is there as a whole, or not at all; where a later change may lie over it, nothing is known."""
    seen = {f"{key.bucket}/{key.name}": verdict.shown[key.bucket, key.name] == change.content for key, change in group
            if change.begin <= cut and (key.bucket, key.name) in verdict.shown and
            not any(later.begin <= cut for later in key.changes[change.seq + 1:])}
    if len(set(seen.values())) > 1:
        verdict.bad(f"half of a publication is there: {seen}")


def named(changes):
    return [f"{change.kind} {change.seq}: {change.content}" for change in changes]


def compare_versions(verdict, client, key, cut, listed, until_ns):
    shown = []
    for version, is_marker in listed:
        if is_marker:
            shown.append((None, version))
            continue
        answer = client.request("GET", f"/{key.bucket}/{key.name}?versionId={version}")
        if answer.status != 200:
            verdict.bad(f"GET {key.bucket}/{key.name}?versionId={version}: {answer.status}")
            return
        shown.append(((digest(answer.body), len(answer.body)), version))
    must, may = key.versions(cut)
    problem, _ = match_versions(key, shown, must, may)
    if problem is not None:
        verdict.bad(problem)
        return
    answer = client.request("GET", f"/{key.bucket}/{key.name}")
    content = (digest(answer.body), len(answer.body)) if answer.status == 200 else None
    if answer.status not in (200, 404) or content != (shown[0][0] if shown else None):
        verdict.bad(f"{key.bucket}/{key.name}: {answer.status} {content}, and its newest version is {shown[:1]}")


def compare_upload(verdict, client, upload, cut, until_ns):
    if upload.end > cut or upload.end_ns > until_ns:
        return
    where = f"/{upload.bucket}/{upload.name}?uploadId={upload.identity}"
    answer = client.request("GET", where)
    if upload.closed_begin <= cut:
        if answer.status == 200 and upload.closed_end <= cut and until_ns == NEVER:
            verdict.bad(f"the upload {where} is there again")
        return
    if answer.status != 200:
        verdict.bad(f"the upload {where}: {answer.status}")
        return
    shown = {int(element(part, "PartNumber")): element(part, "ETag") for part in re.findall(rb"<Part>(.*?)</Part>", answer.body, re.S)}
    possible = {}
    for number, changes in upload.parts.items():
        ended = [change.seq for change in changes if change.end <= cut]
        floor = max(ended, default=-1)
        possible[number] = [change for change in changes if change.seq >= floor and change.begin <= cut]
        if ended and number not in shown and until_ns == NEVER:
            verdict.bad(f"the upload {where} lacks part {number}")
    if not shown:
        return
    # Completed, it shows its bytes. Parts before the last are too short for that: one alone is taken.
    number = max(shown)
    document = f"<CompleteMultipartUpload><Part><PartNumber>{number}</PartNumber><ETag>{shown[number]}</ETag></Part></CompleteMultipartUpload>"
    done = client.request("POST", where, document.encode())
    body = client.request("GET", f"/{upload.bucket}/{upload.name}").body
    if done.status != 200 or (digest(body), len(body)) not in {change.content for change in possible.get(number, ())}:
        verdict.bad(f"part {number} of the upload {where}: {done.status} {describe(body)}, it may be {named(possible.get(number, ()))}")


# ---- Many ----

class Pass:
    """A number of states of one recording, one after the other in a scratch folder."""

    def __init__(self, folder, seed, count, scratch, keep):
        self.recording, self.seed, self.count, self.scratch, self.keep = Recording(folder), seed, count, scratch, keep
        self.states, self.bad = 0, []

    def run(self, only=None, deadline=None):
        self.only, self.deadline = only, deadline
        self.recording.visit(self.seed, self.count, self._visit)
        return self.states, self.bad

    def _visit(self, number, record, state, disk):
        if self.only is not None and number != self.only or self.deadline is not None and self.deadline():
            return
        folder, log = os.path.join(self.scratch, "state"), os.path.join(self.scratch, "server.log")
        shutil.rmtree(folder, ignore_errors=True)
        open(log, "wb").close()
        state.write(folder)
        verdict = self._judge(folder, record, log)
        self.states += 1
        if verdict.problems or self.only is not None:
            self.bad.append((number, verdict.problems))
            if self.keep is not None:
                self._keep(number, record, state, disk, verdict, log)
        shutil.rmtree(folder, ignore_errors=True)

    def _judge(self, folder, record, log):
        history, promise_ns = self.recording.history, self.recording.promise_ns
        if history.engine == "threads":
            return judge(folder, history, record.end, record.time, promise_ns, log)
        try:
            with blocks.mounted(os.path.join(folder, "disk")) as mount:
                return judge(mount, history, record.end, record.time, promise_ns, log, history.engine)
        except OSError as error:
            verdict = Verdict()
            verdict.bad(str(error))
            return verdict

    def _keep(self, number, record, state, disk, verdict, log):
        """A folder of the state before it was served, and of what is needed to make it again."""
        name = os.path.join(self.keep, f"{self.recording.history.mode}-{self.recording.history.seed}-{self.seed}-{number}")
        shutil.rmtree(name, ignore_errors=True)
        state.write(os.path.join(name, "state"))
        shutil.copy(log, os.path.join(name, "server.log"))
        for file in ("log", "history"):
            shutil.copy(os.path.join(self.recording.folder, file), os.path.join(name, file))
        with open(os.path.join(name, "report"), "w") as out:
            print(f"mode {self.recording.history.mode}, recording {self.recording.history.seed}, pass {self.seed} of {self.count}, state {number}\n"
                  f"cut at {record.end}, names {'in order' if disk.keeps_order else 'loose'}, {state.style}, names {state.name_style}, "
                  f"torn {state.torn}; lives begin at {self.recording.history.lives}\n", *verdict.problems, sep="\n", file=out)
