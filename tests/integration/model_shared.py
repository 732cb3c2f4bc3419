# SPDX-License-Identifier: MIT
"""Many clients on the same keys. Each content is written once, so a read says which write it saw. It is right when that write began
before the read ended, and no other write lies whole between the end of that one and the beginning of the read."""
import random
import threading
import time

from model_client import Document

KEYS = [f"shared/{number}" for number in range(4)]
ABSENT = None


class Shared:
    def __init__(self, find_server, seed):
        self.find_server, self.seed = find_server, seed
        self.lock, self.problems, self.ends = threading.Lock(), [], 0
        self.writes_of = {key: [(0.0, 0.0, ABSENT)] for key in KEYS} # key -> [began, ended or infinite, content]
        self.reads = self.writes = self.counted = 0
        self.made = set()

    # ---- What may be seen ----

    def may_see(self, key, content, began, ended):
        writes = self.writes_of[key]
        for start, end, written in writes:
            if written == content and start < ended and not any(s > end and e < began for s, e, _ in writes):
                return True
        return False

    def saw(self, what, key, content, began):
        ended = time.monotonic()
        with self.lock:
            self.reads += 1
            if not self.may_see(key, content, began, ended):
                self.problems.append(f"{what} of {key} found {content!r}, of {self.writes_of[key][-8:]!r} at {began}")

    def write(self, key, content, send):
        """send() returns whether the write was made; where it was refused there was none."""
        entry = [time.monotonic(), float("inf"), content]
        with self.lock:
            self.writes_of[key].append(entry)
        made = send()
        with self.lock:
            entry[1] = time.monotonic()
            self.writes += 1
            if not made:
                self.writes_of[key] = [e for e in self.writes_of[key] if e is not entry]

    # ---- A client ----

    def ask(self, connection, method, path, body=None, headers=None, expect=(200, 204)):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        text = response.read()
        if response.status not in expect:
            self.problems.append(f"{method} {path} answers {response.status} {text[-200:]!r}")
        return response.status, response.headers, text

    def change(self, connection, rng, key, name):
        kind, path = rng.choice(["put", "put", "create", "delete", "move"]), f"/shared/{key}"
        content = f"{name}-{rng.randrange(1 << 60)}".encode() * rng.choice([1, 1, 200, 4000])
        if kind == "delete":
            self.write(key, ABSENT, lambda: self.ask(connection, "DELETE", path)[0] == 204)
        elif kind == "move": # written aside and renamed over the key: it never shows half of it
            self.ask(connection, "PUT", f"/shared/aside/{name}", content)
            self.write(key, content, lambda: self.ask(connection, "PUT", path + "?renameObject", headers={
                "x-amz-rename-source": f"/shared/aside/{name}"})[0] == 200)
        else:
            headers = {"if-none-match": "*"} if kind == "create" else {}
            self.write(key, content, lambda: self.ask(connection, "PUT", path, content, headers, (200, 412) if headers else (200,))[0] == 200)

    def look(self, connection, key):
        began = time.monotonic()
        status, _, body = self.ask(connection, "GET", f"/shared/{key}", expect=(200, 404))
        self.saw("GET", key, body if status == 200 else ABSENT, began)

    def look_at_all(self, connection):
        """A listing shows one moment for each key; sizes tell presence."""
        began = time.monotonic()
        listed = {key for key, _, _ in Document(self.ask(connection, "GET", "/shared?list-type=2&prefix=shared/")[2]).keys()}
        ended = time.monotonic()
        with self.lock:
            for key in KEYS:
                possible = [content for _, _, content in self.writes_of[key] if self.may_see(key, content, began, ended)]
                if (key in listed) not in {content is not ABSENT for content in possible}:
                    self.problems.append(f"a listing {'shows' if key in listed else 'lacks'} {key}")

    def count(self, connection):
        """Adds one, if nobody else does meanwhile."""
        _, headers, body = self.ask(connection, "GET", "/shared/counter")
        status, _, _ = self.ask(connection, "PUT", "/shared/counter", str(int(body) + 1).encode(), {"if-match": headers["etag"]}, (200, 409, 412))
        with self.lock:
            self.counted += status == 200

    def version(self, connection, rng):
        method = rng.choice(["PUT", "PUT", "DELETE"])
        _, headers, _ = self.ask(connection, method, "/versions/one", b"x" if method == "PUT" else None)
        with self.lock:
            self.made.add(headers["x-amz-version-id"])

    def client(self, name, seed):
        rng, connection = random.Random(seed), self.find_server().connect()
        try:
            while time.monotonic() < self.ends:
                key, kind = rng.choice(KEYS), rng.randrange(10)
                if kind < 4:
                    self.change(connection, rng, key, name)
                elif kind < 7:
                    self.look(connection, key)
                elif kind == 7:
                    self.look_at_all(connection)
                elif kind == 8:
                    self.count(connection)
                else:
                    self.version(connection, rng)
        except Exception as error: # a thread's own end would go unnoticed
            self.problems.append(repr(error))
        connection.close()

    def run(self, seconds, clients):
        server, rng = self.find_server(), random.Random(self.seed)
        server.request("PUT", "/shared")
        server.request("PUT", "/shared/counter", b"0")
        server.request("PUT", "/versions")
        server.request("PUT", "/versions?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        self.ends = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(f"c{index}", rng.randrange(1 << 40))) for index in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def counter(self):
        return int(self.find_server().request("GET", "/shared/counter")[2])

    def version_ids(self):
        ids, markers = set(), ""
        while markers is not None:
            page = Document(self.find_server().request("GET", f"/versions?versions{markers}")[2])
            ids |= {identity for _, identity, *_ in page.versions()}
            markers = f"&key-marker={page.text('NextKeyMarker')}&version-id-marker={page.text('NextVersionIdMarker')}" \
                if page.text("IsTruncated") == "true" else None
        return ids
