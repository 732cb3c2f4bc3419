# SPDX-License-Identifier: MIT
"""A client that does random operations on a few keys and writes down what it saw: for each operation when it began, when its answer was
there (None: never), and its terms, as checker.h has them, with ETags for values and None for an absent key.

No two bodies are the same, so an ETag tells who wrote it. A body is a name of 40 bytes and then a piece of a block that all clients
know, so a reader can tell whether it got all of one body."""
import collections
import ctypes
import hashlib
import http.client
import random
import re
import signal
import socket
import time

KEYS = 4
NAME_BYTES = 40
PART_BYTES = 5 << 20 # the least that a part before the last may have
BLOCK = random.Random(5).randbytes(PART_BYTES)
SIZES = [NAME_BYTES, 300, 4096, 20_000, 65_536, 65_537, 300_000, 1 << 20, 3 << 20]
SIZE_WEIGHTS = [10, 10, 10, 6, 3, 3, 3, 3, 1]
BUCKET = "linear"
ABSENT = None
PR_SET_PDEATHSIG = 1

Operation = collections.namedtuple("Operation", "begin end label terms client")


def path_of(key):
    return f"/{BUCKET}/shared/{key}"


def md5(data):
    return hashlib.md5(data).hexdigest()


def conditions_failed(key, etag):
    """The answer 412 to If-Match."""
    return [("!", key, etag), ("!", key, ABSENT)]


class Gone(Exception):
    """The server answers no more."""


class Client:
    def __init__(self, number):
        self.number, self.made = number, 0

    def begin(self, address, life, seed, versioned):
        """Before each life of the server."""
        self.address, self.life, self.versioned = address, life, versioned
        self.rng = random.Random(f"{seed}/{life}/{self.number}")
        self.operations, self.problems, self.losses = [], [], []
        self.written = {}      # ETag -> size of what may become visible
        self.copied_as = {}    # ETag of an object of parts -> that of a copy of it, which is one part
        self.refused = set()   # ETags of what must never be visible
        self.bodies = []       # (ETag, name, size) as they were read
        self.versions = []     # (key, version id, ETag or None for a delete marker, begin, end)
        self.seen = {}         # key -> ETag seen last
        self.connection = None
        self.to_abandon = 1 if self.number < 3 else 0

    def report(self):
        return {name: getattr(self, name) for name in ("operations", "problems", "losses", "written", "refused", "bodies", "versions", "copied_as")}

    # ---- Requests ----

    def connect(self):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.address, timeout=30)
            try:
                self.connection.connect()
            except OSError as error:
                raise Gone from error

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, method, path, body=None, headers=None):
        """(begin, moment of the head, response), or None for the response when there was none."""
        self.connect()
        begin = time.monotonic_ns()
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
            response = self.connection.getresponse()
            return begin, time.monotonic_ns(), response
        except (OSError, http.client.HTTPException) as error:
            self.lost(error)
            return begin, None, None

    def lost(self, error):
        self.losses.append((time.monotonic_ns(), repr(error)))
        self.disconnect()

    def read(self, response):
        """The body, or None when the connection ends before it does."""
        try:
            return response.read()
        except (OSError, http.client.HTTPException) as error:
            self.lost(error)
            return None

    def note(self, begin, end, label, terms):
        self.operations.append(Operation(begin, end, label, tuple(terms), self.number))

    def unexpected(self, label, response, body):
        self.problems.append(f"{label} answers {response.status} {(body or b'')[-300:]!r}")

    def change(self, label, method, path, outcomes, body=None, headers=None, etag=None):
        """outcomes: status -> terms. The first one is what may have happened when no answer comes. etag: of what it writes."""
        if etag:
            self.written[etag] = self.size
        begin, end, response = self.send(method, path, body, headers)
        answer = self.read(response) if response else None
        end = time.monotonic_ns()
        if answer is None:
            self.note(begin, None, f"{label} ?", next(iter(outcomes.values())))
            return None
        if response.status not in outcomes or b"<Error>" in answer and response.status < 300:
            self.unexpected(label, response, answer)
            self.note(begin, None, f"{label} {response.status}", next(iter(outcomes.values())))
            return None
        told = (response.headers.get("etag") or "").strip('"')
        if etag and response.status == 200 and method == "PUT" and told != etag:
            self.problems.append(f"{label} answers ETag {told}, not {etag}")
        self.note(begin, end, f"{label} {response.status}", outcomes[response.status])
        return begin, end, response, answer

    def keep_version(self, done, key, etag):
        if self.versioned and done and done[2].status in (200, 204):
            self.versions.append((key, done[2].headers.get("x-amz-version-id"), etag, done[0], done[1]))

    # ---- What is written ----

    def body(self, sizes=None):
        self.made += 1
        name = f"{self.number}-{self.life}-{self.made}-{self.rng.getrandbits(40):x}".ljust(NAME_BYTES, ".").encode()
        self.size = self.rng.choice(sizes) if sizes else self.rng.choices(SIZES, SIZE_WEIGHTS)[0]
        return name + BLOCK[NAME_BYTES:self.size]

    def put(self, key):
        body = self.body()
        etag = md5(body)
        self.keep_version(self.change("PUT", "PUT", path_of(key), {200: [(":", key, etag)]}, body, None, etag), key, etag)

    def create(self, key):
        body = self.body()
        etag = md5(body)
        done = self.change("CREATE", "PUT", path_of(key), {200: [("=", key, ABSENT), (":", key, etag)], 412: [("!", key, ABSENT)]},
                           body, {"If-None-Match": "*"}, etag)
        self.keep_version(done, key, etag)

    def expected(self, key):
        """An ETag that the key probably has."""
        if key not in self.seen or self.rng.random() < 0.7:
            self.look(key, "HEAD")
        return self.seen.get(key) or md5(b"never written")

    def swap(self, key):
        old = self.expected(key)
        body = self.body(SIZES[:6])
        etag = md5(body)
        outcomes = {200: [("=", key, old), (":", key, etag)], 412: conditions_failed(key, old), 404: [("=", key, ABSENT)]}
        self.keep_version(self.change("SWAP", "PUT", path_of(key), outcomes, body, {"If-Match": f'"{old}"'}, etag), key, etag)

    def delete(self, key):
        self.keep_version(self.change("DELETE", "DELETE", path_of(key), {204: [(":", key, ABSENT)]}), key, ABSENT)

    def delete_match(self, key):
        old = self.expected(key)
        outcomes = {204: [("=", key, old), (":", key, ABSENT)], 412: conditions_failed(key, old), 404: [("=", key, ABSENT)]}
        self.keep_version(self.change("DELETE-MATCH", "DELETE", path_of(key), outcomes, None, {"If-Match": f'"{old}"'}), key, ABSENT)

    def other(self, key):
        return self.rng.choice([k for k in range(KEYS) if k != key])

    def copy(self, key):
        source = self.other(key)
        outcomes = {200: [("!", source, ABSENT), ("&", key, source)], 404: [("=", source, ABSENT)],
                    409: []} # the source changed as often as it was looked at
        done = self.change("COPY", "PUT", path_of(key), outcomes, b"", {"x-amz-copy-source": path_of(source)})
        if done and done[2].status == 200: # what the copy is, is told
            etag = done[3].split(b"<ETag>")[1].split(b"</ETag>")[0].replace(b"&quot;", b"").replace(b'"', b"").decode()
            last = self.operations.pop()
            self.note(last.begin, last.end, last.label, [("!", source, ABSENT), ("&", key, source), ("=", key, etag)])
            self.keep_version(done, key, etag)

    def rename(self, key):
        source = self.other(key)
        self.change("RENAME", "PUT", path_of(key) + "?renameObject", {
            200: [("!", source, ABSENT), ("@", key, source), (":", source, ABSENT)], 404: [("=", source, ABSENT)]},
            b"", {"x-amz-rename-source": path_of(source)})

    def complete(self, key):
        """A multipart upload; its completion is the operation. Sometimes with a first part of 5 MiB, which is copied."""
        size_before, tags, body = 0, [], self.body(SIZES[:7])
        answer = self.aside("POST", path_of(key) + "?uploads")
        upload = answer.split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()
        if self.rng.random() < 0.2:
            answer = self.aside("PUT", f"{path_of(key)}?partNumber=1&uploadId={upload}", b"", {"x-amz-copy-source": f"/{BUCKET}/block"})
            tags.append((1, md5(BLOCK)))
            size_before = PART_BYTES
        self.aside("PUT", f"{path_of(key)}?partNumber=7&uploadId={upload}", body)
        tags.append((7, md5(body)))
        etag = md5(b"".join(bytes.fromhex(tag) for _, tag in tags)) + f"-{len(tags)}"
        document = "<CompleteMultipartUpload>" + "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{tag}"</ETag></Part>' for number, tag in tags) + "</CompleteMultipartUpload>"
        self.size = size_before + len(body)
        self.copied_as[etag] = md5((BLOCK if size_before else b"") + body)
        self.written[self.copied_as[etag]] = self.size
        path = f"{path_of(key)}?uploadId={upload}"
        if self.rng.random() < 0.4:
            done = self.change("COMPLETE-NEW", "POST", path, {200: [("=", key, ABSENT), (":", key, etag)], 412: [("!", key, ABSENT)]},
                               document, {"If-None-Match": "*"}, etag)
        else:
            done = self.change("COMPLETE", "POST", path, {200: [(":", key, etag)]}, document, None, etag)
        self.keep_version(done, key, etag)

    def aside(self, method, path, body=b"", headers=None):
        """A request that is no operation on a key."""
        _, _, response = self.send(method, path, body, headers)
        answer = self.read(response) if response else None
        if answer is None:
            raise ConnectionError
        if response.status != 200:
            self.unexpected(f"{method} {path}", response, answer)
            raise ConnectionError
        return answer

    # ---- What is refused or given up ----

    def half(self, key):
        """Half a body, and the connection is closed: nothing may come of it."""
        body = self.body()
        self.refused.add(md5(body))
        try:
            with socket.create_connection(self.address, 30) as sock:
                sock.sendall(f"PUT {path_of(key)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                sock.sendall(body[:self.rng.randrange(len(body))])
        except ConnectionRefusedError as error:
            raise Gone from error
        except OSError:
            pass

    def spoiled(self, key):
        """A body that is not what its Content-MD5 says."""
        body = self.body()
        self.refused.add(md5(body))
        _, _, response = self.send("PUT", path_of(key), body, {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
        answer = self.read(response) if response else None
        if answer is not None and response.status != 400:
            self.unexpected("PUT with a wrong Content-MD5", response, answer)

    def abandon(self, key):
        """A whole request, whose answer is not waited for: it may be carried out at any later time."""
        if self.to_abandon == 0:
            return
        self.to_abandon -= 1
        if self.rng.random() < 0.7:
            body, method = self.body(SIZES[:6]), "PUT"
            etag = md5(body)
            self.written[etag] = len(body)
            terms = [(":", key, etag)]
        else:
            body, method, terms = None, "DELETE", [(":", key, ABSENT)]
        self.connect()
        begin = time.monotonic_ns()
        try:
            self.connection.request(method, path_of(key), body=body)
        except OSError:
            pass
        self.disconnect()
        self.note(begin, None, f"{method} given up", terms)

    # ---- What is read ----

    def look(self, key, method="GET"):
        headers, terms, kind = {}, {}, self.rng.random() if method == "GET" else 1
        tag = self.seen.get(key)
        if tag and kind < 0.1:
            headers["If-None-Match"], terms[304] = f'"{tag}"', [("=", key, tag)]
        elif tag and kind < 0.2:
            headers["If-Match"], terms[412] = f'"{tag}"', conditions_failed(key, tag)
        elif kind < 0.3:
            headers["Range"] = f"bytes=0-{NAME_BYTES - 1}"
        begin, end, response = self.send(method, path_of(key), None, headers)
        if response is None:
            return
        label, etag = f"{method} {response.status}", (response.headers.get("etag") or "").strip('"')
        if response.status in (200, 206):
            self.seen[key] = etag
            self.note(begin, end, label, [("=", key, etag)])
        elif response.status == 404:
            self.seen.pop(key, None)
            self.note(begin, end, label, [("=", key, ABSENT)])
        elif response.status in terms:
            self.note(begin, end, label, terms[response.status])
        body = self.read(response)
        if response.status not in {200, 206, 404, *terms}:
            self.unexpected(label, response, body)
        elif response.status == 200 and method == "GET" and body is not None:
            self.look_at_body(etag, body)

    def look_at_body(self, etag, body):
        at = PART_BYTES if len(body) > PART_BYTES else 0
        name, rest = body[at:at + NAME_BYTES], len(body) - at
        self.bodies.append((etag, name, len(body)))
        if body[:at] != BLOCK[:at] or body[at + NAME_BYTES:] != BLOCK[NAME_BYTES:rest]:
            self.problems.append(f"GET of {etag}, {name!r}: other bytes than were sent")
        elif at == 0 and "-" not in etag and md5(body) != etag:
            self.problems.append(f"GET of {etag}, {name!r}: not the body of this ETag")

    def head(self, key):
        self.look(key, "HEAD")

    def list(self, key=None):
        begin, _, response = self.send("GET", f"/{BUCKET}?list-type=2&prefix=shared/")
        body = self.read(response) if response else None
        end = time.monotonic_ns()
        if body is None:
            return
        if response.status != 200:
            self.unexpected("LIST", response, body)
            return
        found = {int(key): (etag.decode(), int(size)) for key, etag, size in re.findall(
            rb"<Key>shared/(\d+)</Key>.*?<ETag>(?:&quot;|\")(.*?)(?:&quot;|\")</ETag>.*?<Size>(\d+)</Size>", body, re.S)}
        if len(found) != body.count(b"<Contents>"):
            self.problems.append(f"LIST answers {body!r}")
        self.note(begin, end, "LIST 200", [("=", k, found[k][0] if k in found else ABSENT) for k in range(KEYS)])
        self.bodies += [(etag, None, size) for etag, size in found.values()]

    def old_version(self, key):
        """What was answered with a version id is under it for ever."""
        if not self.versions:
            return
        key, version, etag, _, _ = self.rng.choice(self.versions)
        begin, _, response = self.send("GET", f"{path_of(key)}?versionId={version}")
        body = self.read(response) if response else None
        if body is None:
            return
        if (response.status, (response.headers.get("etag") or "").strip('"')) != ((405, "") if etag is ABSENT else (200, etag)):
            self.unexpected(f"GET of version {version}, {etag},", response, b"" if response.status == 200 else body)
        elif etag is not ABSENT:
            self.look_at_body(etag, body)

    # ---- A life of the server ----

    def step(self):
        kinds = [(self.look, 24), (self.head, 8), (self.list, 10), (self.put, 14), (self.create, 10), (self.swap, 9), (self.delete, 8),
                 (self.delete_match, 3), (self.copy, 8), (self.rename, 3), (self.complete, 2), (self.half, 1), (self.spoiled, 1),
                 (self.abandon, 1), (self.old_version, 4 if self.versioned else 0)]
        kind = self.rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        kind(self.rng.randrange(KEYS))

    def live(self):
        """Until the server is gone."""
        try:
            while True:
                try:
                    self.step()
                except ConnectionError:
                    continue
        except Gone:
            self.disconnect()


def serve(number, pipe, kind=Client):
    """A process: one life for each message, until it is killed, or its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    client = kind(number)
    client.pipe = pipe
    while True:
        client.begin(*pipe.recv())
        try:
            client.live()
        except Exception as error: # a process' own end would go unnoticed
            client.problems.append(f"client {number}: {error!r}")
        pipe.send(client.report())
