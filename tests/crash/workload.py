# SPDX-License-Identifier: MIT
"""Clients that change keys of their own over several connections, and note what each answer promised."""
import base64
import hashlib
import random
import re
import threading
import time
import traceback
from xml.sax.saxutils import escape

from http1 import Client, element
from promises import Upload, digest

PLAIN, KEPT = "plain", "kept"  # the buckets: without versions and with
FILL = "fill/"                 # begins keys that are there so that listings take their time

SMALL = (0, 1, 300, 3000, 4096, 4097, 9000, 20_000, 65_536)
LARGE = (65_537, 70_000, 131_072, 200_000)
HUGE = (1 << 20, 1_300_000)

# Weights of what clients do, and the sizes of bodies. `readers` are clients that list and read all the time.
MODES = {
    "small": {"do": {"put": 8, "delete": 1}, "sizes": SMALL},
    "large": {"do": {"put": 6, "delete": 1}, "sizes": LARGE + LARGE + HUGE, "shorter": 0}, # without the journal, which a start empties
    "multipart": {"do": {"multipart": 6, "put": 2, "delete": 1}, "sizes": SMALL + LARGE},
    "copy": {"do": {"copy": 5, "put": 4, "delete": 1}, "sizes": SMALL + LARGE},
    "append": {"do": {"append": 6, "put": 1, "delete": 1}, "sizes": SMALL + LARGE[:2]},
    "versions": {"do": {"put": 5, "delete": 2, "remove": 3}, "sizes": SMALL + LARGE[:2], "bucket": KEPT},
    "deletes": {"do": {"put": 4, "delete": 4, "delete many": 2}, "sizes": SMALL + LARGE[:2]},
    "mix": {"do": {"put": 6, "delete": 2, "copy": 2, "multipart": 1, "append": 2, "delete many": 1}, "sizes": SMALL + SMALL + LARGE},
    "publish": {"do": {"publish": 6, "put": 3, "delete": 1, "copy": 1}, "sizes": SMALL + LARGE[:2]},
    "relaxed": {"do": {"put": 8, "delete": 2, "copy": 2, "append": 1, "publish": 1}, "sizes": (1, 300, 3000) * 4 + SMALL + LARGE, "args": ["--durability", "relaxed"], "relaxed": True,
                "limit": 64 << 20, "seconds": (0.05, 1.2), "fill": 900},
    "failed": {"do": {"put": 6, "delete": 2, "multipart": 1, "copy": 1}, "sizes": SMALL + LARGE[:2], "readers": 6, "fill": 400, "fails": True, "seconds": (0.05, 0.6)},
    "failed-files": {"do": {"put": 6, "delete": 2, "multipart": 1, "copy": 1}, "sizes": SMALL + LARGE, "fails": "files"},
    # Long enough for the log to be moved into the database, where syncs fail, too.
    "checkpoint": {"do": {"put": 4, "delete": 2, "touch": 8}, "sizes": (1, 300, 3000) * 4 + LARGE[:2], "readers": 3, "fill": 900, "fails": True, "limit": 64 << 20,
                   "seconds": (0.5, 2.5), "long": True},
    # No holes can be punched: segments of which half is given back are written anew, under the names that they have.
    "thin": {"do": {"put": 12, "delete": 3}, "sizes": (3000, 9000, 20_000, 40_000), "shorter": 0, "no holes": True, "seconds": (0.3, 1.2)},
    # Between two lives the store is compacted: its database is written anew, and most of the time that is cut off.
    "compact": {"do": {"put": 5, "delete": 4, "copy": 1}, "sizes": (1, 300, 3000) * 2 + SMALL + LARGE[:2], "fill": 300, "compacts": True},
    # Its first life is relaxed; what that one acknowledged is promised once a durable one serves.
    "turned": {"do": {"put": 6, "delete": 2, "copy": 1, "append": 1}, "sizes": SMALL + LARGE, "turned": True},
    "uring": {"do": {"put": 8, "delete": 2, "copy": 2, "multipart": 1, "append": 2}, "sizes": SMALL + SMALL + LARGE, "blocks": True},
    # Not among those that run by themselves: what a failed sync lost is still shown to the process after the one that met it.
    "stale": {"do": {"put": 6, "delete": 2, "multipart": 1, "copy": 1}, "sizes": SMALL + LARGE[:2], "readers": 6, "fill": 400, "fails": True,
              "stale": True, "by name": True},
}

LONG = [name for name, mode in MODES.items() if not mode.get("by name")]
USUAL = [name for name in LONG if not MODES[name].get("long")]


class Refused(Exception):
    """An answer of 5xx: whether the change was made is open."""


class Wrong(Exception):
    """An answer that nobody should get."""


class Writer:
    """One client. `lab` is the recording: its history, position() and life."""

    def __init__(self, lab, number, seed, mode):
        self.lab, self.history, self.number, self.rng, self.mode = lab, lab.history, number, random.Random(seed), mode
        self.bucket = mode.get("bucket", PLAIN)
        self.client = None

    def keys(self):
        return [f"c{self.number}/{index}" for index in range(self.lab.keys)]

    def run(self, port, stop):
        self.client = Client(port)
        kinds, weights = zip(*self.mode["do"].items())
        while not stop.is_set():
            time.sleep(self.lab.pause * self.rng.random())
            try:
                getattr(self, "do_" + self.rng.choices(kinds, weights)[0].replace(" ", "_"))(self.rng.choice(self.keys()))
            except Refused:
                time.sleep(0.002)
            except OSError:
                break
            except Wrong as wrong:
                self.history.problems.append(str(wrong))
            except Exception:
                self.history.problems.append(traceback.format_exc())
                break
        self.client.close()

    def _send(self, method, path, body=b"", headers=(), good=(200, 204)):
        answer = self.client.request(method, path, body, headers)
        if answer.status >= 500 or answer.status == 200 and b"<Error>" in answer.body[:500]:
            raise Refused
        if answer.status not in good:
            raise Wrong(f"{method} {path}: {answer.status} {answer.body[-300:]!r}")
        return answer

    def _change(self, name, content, kind, send, target=None):
        key = self.history.key(self.bucket, name)
        with self.lab.lock:
            change = key.change(content, self.lab.life, self.lab.position(), kind, target)
        answer = send()
        with self.lab.lock:
            change.etag, change.version = answer.header("etag"), answer.header("x-amz-version-id")
            change.end_ns, change.end = time.monotonic_ns(), self.lab.position()
            self.history.acknowledged += 1
        return change

    def _body(self):
        size = self.rng.choice(self.mode["sizes"])
        return self.history.value(self.rng.randint(0, size) if self.rng.random() < self.mode.get("shorter", 0.2) else size)

    def _last(self, name):
        """The content of a key now, or None; unknown when a change got no answer."""
        possible = self.history.key(self.bucket, name).possible(self.lab.position())
        return (possible[0].content, True) if len(possible) == 1 else (None, False)

    # ---- What they do ----

    def do_put(self, name):
        body = self._body()
        self.lab.bodies[digest(body)] = body
        self._change(name, (digest(body), len(body)), "put", lambda: self._send("PUT", f"/{self.bucket}/{name}", body))

    def do_delete(self, name):
        self._change(name, None, "marker" if self.bucket == KEPT else "delete",
                     lambda: self._send("DELETE", f"/{self.bucket}/{name}"))

    def do_remove(self, name):
        """A version, by its id."""
        key = self.history.key(self.bucket, name)
        must, _ = key.versions(self.lab.position())
        must = [change for change in must if change.version is not None]
        if must:
            victim = self.rng.choice(must)
            self._change(name, None, "remove",
                         lambda: self._send("DELETE", f"/{self.bucket}/{name}?versionId={victim.version}"), victim.seq)

    def do_touch(self, name):
        """One of the empty objects once more, which changes nothing but pages of the database."""
        self._send("PUT", f"/{PLAIN}/{fill_name(self.rng.randrange(self.mode['fill']))}")

    def do_delete_many(self, name):
        names = self.rng.sample(self.keys(), 3)
        document = "<Delete>" + "".join(f"<Object><Key>{escape(each)}</Key></Object>" for each in names) + "</Delete>"
        with self.lab.lock:
            begin = self.lab.position()
            changes = [self.history.key(self.bucket, each).change(None, self.lab.life, begin, "delete") for each in names]
        md5 = base64.b64encode(hashlib.md5(document.encode()).digest()).decode()
        self._send("POST", f"/{self.bucket}?delete", document.encode(), {"content-md5": md5})
        with self.lab.lock:
            for change in changes:
                change.end_ns, change.end = time.monotonic_ns(), self.lab.position()

    def do_copy(self, name):
        source = self.rng.choice([each for each in self.keys() if each != name])
        content, known = self._last(source)
        if not known or content is None:
            return self.do_put(source)
        self._change(name, content, "put", lambda: self._send("PUT", f"/{self.bucket}/{name}", b"", {"x-amz-copy-source": f"/{self.bucket}/{source}"}))

    def do_publish(self, name):
        """New bodies are staged, and take the places of three keys in one moment, in which the staged keys go."""
        targets = self.rng.sample(self.keys(), 3)
        staged, contents = [f"c{self.number}/staged/{at}" for at in range(3)], []
        for each in staged:
            body = self.history.value(self.rng.choice((300, 5000, 70_000)))  # long enough to be like no other
            contents.append((digest(body), len(body)))
            self.lab.bodies[contents[-1][0]] = body
            self._change(each, contents[-1], "put", lambda: self._send("PUT", f"/{self.bucket}/{each}", body))
        document = "<Publish><RemoveStaged>true</RemoveStaged>" + "".join(
            f"<Object><Key>{escape(key)}</Key><Staged>{escape(each)}</Staged></Object>" for key, each in zip(targets, staged)) + "</Publish>"
        with self.lab.lock:
            begin, life = self.lab.position(), self.lab.life
            keys = [self.history.key(self.bucket, each) for each in targets + staged]
            changes = [key.change(content, life, begin) for key, content in zip(keys, contents + [None] * 3)]
            self.history.groups.append(list(zip(keys, changes)))
        md5 = base64.b64encode(hashlib.md5(document.encode()).digest()).decode()
        self._send("POST", f"/{self.bucket}?sluice-publish", document.encode(), {"content-md5": md5})
        with self.lab.lock:
            for change in changes:
                change.end_ns, change.end = time.monotonic_ns(), self.lab.position()
            self.history.acknowledged += 1

    def do_append(self, name):
        content, known = self._last(name)
        if not known:
            return self.do_put(name)
        old = b"" if content is None else self.lab.bodies[content[0]]
        if len(old) > 200_000:
            return self.do_delete(name)
        body = old + (more := self._body() or b"x")
        self.lab.bodies[digest(body)] = body
        self._change(name, (digest(body), len(body)), "put",
                     lambda: self._send("PUT", f"/{self.bucket}/{name}", more, {"x-amz-write-offset-bytes": str(len(old))}))

    def do_multipart(self, name):
        position = self.lab.position
        answer = self._send("POST", f"/{self.bucket}/{name}?uploads")
        upload = Upload(self.bucket, name, element(answer.body, "UploadId"), 0, position())
        upload.end_ns = time.monotonic_ns()
        with self.lab.lock:
            self.history.uploads.append(upload)
        parts = {}
        for number in self.rng.choice(((1,), (4,), (1, 1), (2, 2, 2))): # a part that is sent again replaces the one before
            parts[number] = self._part(upload, number)
        outcome = self.rng.random()
        if outcome < 0.2:
            return # left as it is
        path = f"/{self.bucket}/{name}?uploadId={upload.identity}"
        upload.closed_begin = position()
        if outcome < 0.35:
            self._send("DELETE", path)
        else:
            document = "<CompleteMultipartUpload>" + "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, (tag, _) in parts.items()
            ) + "</CompleteMultipartUpload>"
            body = b"".join(part for _, part in parts.values())
            self.lab.bodies[digest(body)] = body
            self._change(name, (digest(body), len(body)), "put", lambda: self._send("POST", path, document.encode()))
        upload.closed_end = position()

    def _part(self, upload, number):
        """(ETag, body)"""
        body = self._body()
        if body and self.rng.random() < 0.3: # from another object
            source = self.rng.choice([each for each in self.keys() if each != upload.name])
            content, known = self._last(source)
            if known and content is not None and content[1] > 0:
                body = self.lab.bodies[content[0]]
                change = upload.part(number, (digest(body), len(body)), self.lab.life, self.lab.position())
                answer = self._send("PUT", f"/{self.bucket}/{upload.name}?partNumber={number}&uploadId={upload.identity}", b"",
                                    {"x-amz-copy-source": f"/{self.bucket}/{source}"})
                change.etag = element(answer.body, "ETag")
                change.end = self.lab.position()
                return change.etag, body
        change = upload.part(number, (digest(body), len(body)), self.lab.life, self.lab.position())
        answer = self._send("PUT", f"/{self.bucket}/{upload.name}?partNumber={number}&uploadId={upload.identity}", body)
        change.etag, change.end = answer.header("etag"), self.lab.position()
        return change.etag, body


class Reader:
    """One client that lists and reads while others write: what it saw is promised, too."""

    def __init__(self, lab, seed):
        self.lab, self.rng = lab, random.Random(seed)

    def run(self, port, stop):
        client = Client(port)
        try:
            while not stop.is_set():
                if self.rng.random() < 0.7:
                    client.request("GET", f"/{PLAIN}?list-type=2")
                else:
                    with self.lab.lock:
                        keys = [key for key in list(self.lab.history.keys.values()) if is_watched(key)]  # others name new ones
                    if keys:
                        look(self.lab, client, self.rng.choice(keys))
        except OSError:
            pass
        except Exception:
            self.lab.history.problems.append(traceback.format_exc())
        client.close()


def is_watched(key):
    return key.bucket == PLAIN and not key.name.startswith(FILL)


def fill_name(number):
    return f"{FILL}{number}/{'x' * 200}" # few to a page of the database


def fill(lab, port, count):
    """So many empty objects."""
    def put(first):
        client = Client(port)
        for number in range(first, count, 4):
            name = fill_name(number)
            assert client.request("PUT", f"/{PLAIN}/{name}").status == 200
            lab.history.key(PLAIN, name)
        client.close()

    threads = [threading.Thread(target=put, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def look(lab, client, key):
    """Reads a key without versions, and notes what it showed."""
    begin_ns = time.monotonic_ns()
    answer = client.request("GET", f"/{key.bucket}/{key.name}")
    if answer.status not in (200, 404):
        lab.history.problems.append(f"GET {key.bucket}/{key.name}: {answer.status} {answer.body[-200:]!r}")
        return
    content = (digest(answer.body), len(answer.body)) if answer.status == 200 else None
    with lab.lock:
        problem = key.see(content, lab.life, begin_ns, lab.position(), time.monotonic_ns(), not lab.mode.get("fails"))
    if problem is not None:
        lab.history.problems.append(f"life {lab.life}: {problem}")


VERSION = re.compile(rb"<(Version|DeleteMarker)>(.*?)</\1>", re.S)


def list_versions(client, bucket):
    """{key: [(version id, is a marker)]}, newest first; None when there is no such bucket."""
    answer = client.request("GET", f"/{bucket}?versions")
    if answer.status != 200:
        return None
    found = {}
    for kind, body in VERSION.findall(answer.body):
        found.setdefault(element(body, "Key"), []).append((element(body, "VersionId"), kind == b"DeleteMarker"))
    return found


def look_at_versions(lab, client, key, listed):
    begin, shown = lab.position(), []
    for version, is_marker in listed.get(key.name, ()):
        if is_marker:
            shown.append((None, version))
            continue
        answer = client.request("GET", f"/{key.bucket}/{key.name}?versionId={version}")
        if answer.status != 200:
            lab.history.problems.append(f"life {lab.life}: GET {key.name}?versionId={version}: {answer.status}")
            return
        shown.append(((digest(answer.body), len(answer.body)), version))
    with lab.lock:
        problem = key.see_versions(shown, lab.life, begin, lab.position())
    if problem is not None:
        lab.history.problems.append(f"life {lab.life}: {problem}")


def look_at_all(lab, client):
    """After a restart: everything that is shown is a promise from now on."""
    listed = list_versions(client, KEPT)
    for key in list(lab.history.keys.values()):
        if is_watched(key):
            look(lab, client, key)
        elif key.bucket == KEPT and listed is not None:
            look_at_versions(lab, client, key, listed)


def start_all(lab, port, mode, seed, clients):
    """Threads of writers and readers, and the event that ends them."""
    rng, stop = random.Random(seed), threading.Event()
    workers = [Writer(lab, number, rng.random(), mode) for number in range(clients)]
    workers += [Reader(lab, rng.random()) for _ in range(mode.get("readers", 1))]
    threads = [threading.Thread(target=worker.run, args=(port, stop), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    return threads, stop
