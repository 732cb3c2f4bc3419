# SPDX-License-Identifier: MIT
"""Clients that change keys of their own in every way, and compare what they read with what they know. What an answer of 5xx or none leaves
open is found out by the next read; who lost its connection leaves that key alone until all have stopped."""
import base64
import hashlib
import http.client
import random
import re
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape, unescape

from contents import ABSENT, PATTERN, Content, Key, Piece

PLAIN, KEPT, DAYS = "plain", "kept", "days" # buckets: without versions, with, and one whose objects expire
BUCKETS = (PLAIN, KEPT, DAYS)
PART_BYTES = 5 << 20 # the least that a part before the last may have
SIZES = (0, 1, 300, 4096, 4096, 20_000, 65_536, 65_537, 200_000, 1_000_000)
OBJECT_BYTES_MAX = 8 << 20
VERSIONS_MAX = 4
KEYS = 12 # of each client, and kind

WEIGHTS = {"put": 8, "read": 8, "delete": 2, "copy": 2, "append": 2, "multipart": 1, "encrypted": 1, "many": 1, "listing": 2, "version": 3, "expiring": 2, "burst": 2}


class Refused(Exception):
    """An answer of 5xx: whether the change was made is open, and a read will tell."""


def is_encrypted(name):
    return "/e" in name


class Client:
    def __init__(self, load, number, seed):
        self.load, self.number, self.rng = load, number, random.Random(seed)
        self.prefix = f"c{number:02}/"
        self.keys = {f"{self.prefix}{at}": Key() for at in [*range(KEYS), *(f"e{at}" for at in range(4))]} # e: encrypted ones among them
        self.versions = {f"{self.prefix}v{at}": [] for at in range(4)} # [(id, content)], the oldest first
        self.unclear = set() # keys with versions of which an answer was lost
        self.expiring = {}   # key: content; there as it is, or gone
        self.lost = set()    # keys whose last change may still be under way
        self.turn, self.connection = 0, None

    # ---- Requests ----

    def send(self, method, path, body=b"", headers=None, good=(200, 204, 206), bucket=PLAIN):
        store = self.load.store
        if self.connection is None:
            self.connection = store.connect(self.rng)
        self.connection.request(method, f"/{bucket}/{path}", body=body or None, headers={**store.headers(), **({"Content-Length": "0"} if method in ("PUT", "POST") and not body else {}), **(headers or {})})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 500 or answer.status == 200 and b"<Error>" in content[:300]:
            self.load.tally.count(f"refused with {answer.status}")
            raise Refused
        if answer.status not in good:
            self.load.tally.problem(f"{method} {bucket}/{path}: {answer.status} {content[-300:]!r}")
            raise Refused
        return answer, content

    def new_piece(self, size):
        self.load.tally.count("bytes sent", size)
        return Piece(self.rng.getrandbits(63), size)

    def change(self, name, content, send):
        key = self.keys[name]
        key.change(content)
        send()
        key.settle(content)

    def known(self, name):
        """Its content, after a read where that is not known."""
        if not self.keys[name].is_known:
            self.read(name)
        return self.keys[name].content

    def read(self, name):
        answer, body = self.send("GET", name, good=(200, 404))
        fits, content = self.keys[name].find(body if answer.status == 200 else None)
        if fits:
            self.keys[name].settle(content)
        else:
            self.load.tally.problem(f"GET {name}: {answer.status}, {len(body)} bytes, MD5 {hashlib.md5(body).hexdigest()}; possible {self.keys[name].possible}")
            raise Refused
        return content

    # ---- What they do ----

    def any_key(self, fits=lambda name: True):
        return self.rng.choice([name for name in self.keys if name not in self.lost and fits(name)] or [self._fresh()])

    def _fresh(self):
        """Another key, where answers to all were lost."""
        name = f"{self.prefix}n{len(self.keys)}"
        self.keys[name] = Key()
        return name

    def do_put(self):
        piece = self.new_piece(self.rng.choice(SIZES))
        name = self.any_key()
        self.change(name, Content(piece), lambda: self.send("PUT", name, piece.bytes()))

    def do_burst(self):
        """Small objects that take each other's place."""
        for _ in range(20):
            piece = self.new_piece(self.rng.choice((300, 4096, 9000)))
            name = self.any_key()
            self.change(name, Content(piece), lambda: self.send("PUT", name, piece.bytes()))

    def do_encrypted(self):
        piece = self.new_piece(self.rng.choice(SIZES))
        name = self.any_key(is_encrypted)
        headers = {"x-amz-server-side-encryption": "AES256"} if self.load.store.encrypts else {}
        self.change(name, Content(piece), lambda: self.send("PUT", name, piece.bytes(), headers))

    def do_delete(self):
        name = self.any_key()
        self.change(name, ABSENT, lambda: self.send("DELETE", name))

    def do_read(self):
        name = self.any_key()
        content = self.read(name)
        if content is not ABSENT and content.size > 1:
            first = self.rng.randrange(content.size)
            last = min(content.size - 1, first + self.rng.choice((0, 10_000, 3 << 20)))
            answer, body = self.send("GET", name, headers={"Range": f"bytes={first}-{last}"})
            if body != content.bytes()[first:last + 1]:
                self.load.tally.problem(f"GET {name}: bytes {first} to {last} are others than those sent ({answer.status})")

    def do_copy(self):
        name, source = self.any_key(), self.any_key()
        content = self.known(source)
        if content is ABSENT or name == source:
            return
        self.change(name, content, lambda: self.send("PUT", name, headers={"x-amz-copy-source": f"/{PLAIN}/{urllib.parse.quote(source)}"}))

    def do_append(self):
        name = self.any_key(lambda name: not is_encrypted(name))
        content = self.known(name)
        more = self.new_piece(self.rng.choice((1, 4096, 100_000)))
        pieces = () if content is ABSENT else content.pieces
        offset = 0 if content is ABSENT else content.size
        if offset > OBJECT_BYTES_MAX or len(pieces) > 50:
            return
        self.change(name, Content(*pieces, more), lambda: self.send("PUT", name, more.bytes(), {"x-amz-write-offset-bytes": str(offset)}))

    def do_multipart(self):
        name = self.any_key()
        _, answer = self.send("POST", f"{name}?uploads")
        identity = answer.split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()
        first, last = self.new_piece(PART_BYTES), self.new_piece(self.rng.choice((1, 30_000, 1_000_000)))
        tags = []
        try:
            for number, piece in ((1, first), (3, self.new_piece(5000)), (3, last)): # a part that is replaced
                made, _ = self.send("PUT", f"{name}?partNumber={number}&uploadId={identity}", piece.bytes())
                tags.append(made.getheader("ETag"))
        except Refused:
            self.send("DELETE", f"{name}?uploadId={identity}", good=(204, 404))
            raise
        if self.rng.random() < 0.2:
            self.send("DELETE", f"{name}?uploadId={identity}")
            return
        document = "<CompleteMultipartUpload>" + "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in ((1, tags[0]), (3, tags[2]))) + \
            "</CompleteMultipartUpload>"
        try:
            self.change(name, Content(first, last), lambda: self.send("POST", f"{name}?uploadId={identity}", document.encode()))
        except Refused:
            self.send("DELETE", f"{name}?uploadId={identity}", good=(204, 404))
            raise

    def do_many(self):
        names = [name for name in self.rng.sample(list(self.keys), 4) if name not in self.lost]
        document = ("<Delete><Quiet>true</Quiet>" + "".join(f"<Object><Key>{escape(name)}</Key></Object>" for name in names) + "</Delete>").encode()
        for name in names:
            self.keys[name].change(ABSENT)
        if names:
            self.send("POST", "?delete", document, {"Content-MD5": base64.b64encode(hashlib.md5(document).digest()).decode()})
        for name in names:
            self.keys[name].settle(ABSENT)

    def do_listing(self):
        _, body = self.send("GET", f"?list-type=2&prefix={urllib.parse.quote(self.prefix)}")
        self.load.compare_listing(self, body)

    def do_version(self):
        name = self.rng.choice([name for name in self.versions if name not in self.unclear] or [self._fresh_versions()])
        kept = self.versions[name]
        self.unclear.add(name)
        if len(kept) >= VERSIONS_MAX or kept and self.rng.random() < 0.2:
            victim = self.rng.randrange(len(kept))
            self.send("DELETE", f"{name}?versionId={kept[victim][0]}", bucket=KEPT)
            kept.pop(victim)
        elif kept and self.rng.random() < 0.4:
            version, content = self.rng.choice(kept)
            if content is not ABSENT:
                _, body = self.send("GET", f"{name}?versionId={version}", bucket=KEPT)
                if body != content.bytes():
                    self.load.tally.problem(f"GET {KEPT}/{name}?versionId={version}: {len(body)} bytes that were not sent")
        elif kept and kept[-1][1] is not ABSENT and self.rng.random() < 0.2:
            answer, _ = self.send("DELETE", name, bucket=KEPT)
            kept.append((answer.getheader("x-amz-version-id"), ABSENT))
        else:
            piece = self.new_piece(self.rng.choice(SIZES))
            answer, _ = self.send("PUT", name, piece.bytes(), bucket=KEPT)
            kept.append((answer.getheader("x-amz-version-id"), Content(piece)))
        self.unclear.discard(name)

    def _fresh_versions(self):
        name = f"{self.prefix}v{len(self.versions)}"
        self.versions[name] = []
        return name

    def do_expiring(self):
        """Its bytes, or nothing: a rule takes it away within seconds."""
        name = f"{self.prefix}{self.turn}"
        self.turn += 1
        piece = self.new_piece(self.rng.choice(SIZES))
        self.expiring[name] = Content(piece)
        self.send("PUT", name, piece.bytes(), bucket=DAYS)
        if len(self.expiring) > 1:
            older = self.rng.choice(list(self.expiring))
            answer, body = self.send("GET", older, good=(200, 404), bucket=DAYS)
            if answer.status == 200 and body != self.expiring[older].bytes():
                self.load.tally.problem(f"GET {DAYS}/{older}: {len(body)} bytes that were not sent")
            if answer.status == 404:
                del self.expiring[older]

    # ---- The thread ----

    def run(self):
        kinds, weights = zip(*WEIGHTS.items())
        while not self.load.stopping:
            kind = self.rng.choices(kinds, weights)[0]
            before = {name: len(key.possible) for name, key in self.keys.items()}
            try:
                getattr(self, "do_" + kind)()
                self.load.tally.count(kind)
            except Refused:
                time.sleep(0.01)
            except (OSError, http.client.HTTPException) as error:
                self.load.met(error)
                self.lost.update(name for name, key in self.keys.items() if len(key.possible) > before.get(name, 1))
                self.close()
                time.sleep(0.02)
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Load:
    """Many clients of one store. `is_killed`: the server may go away under them at any moment; `is_full`: it may refuse a body before it has all of
    it, and hang up."""

    def __init__(self, store, tally, seed, clients=6):
        self.store, self.tally, self.stopping, self.is_killed, self.is_full, self.threads = store, tally, True, False, False, []
        self.clients = [Client(self, number, f"{seed} {number}") for number in range(clients)]

    def start(self):
        self.stopping = False
        self.threads = [threading.Thread(target=client.run) for client in self.clients]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def met(self, error):
        """A connection broke off, which only a server that is killed may do."""
        self.tally.count("broken off")
        if not self.is_killed and not self.is_full:
            self.tally.problem(f"a connection ended: {error!r}")

    def live_bytes(self):
        plain = sum(key.live_bytes() for client in self.clients for key in list(client.keys.values()))
        kept = sum(content.size for client in self.clients for versions in list(client.versions.values()) for _, content in list(versions) if content is not ABSENT)
        return plain + kept + sum(content.size for client in self.clients for content in list(client.expiring.values()))

    # ---- While nobody changes anything ----

    def compare_listing(self, client, body):
        text = body.decode()
        listed = {unescape(name): int(size) for name, size in re.findall(r"<Key>([^<]*)</Key>.*?<Size>(\d+)</Size>", text, re.S)}
        for name, key in client.keys.items():
            if name in client.lost:
                continue
            sizes = {None if content is ABSENT else content.size for content in key.possible}
            if listed.get(name) not in sizes:
                self.tally.problem(f"{name} is listed with {listed.get(name)} bytes, possible {sizes}")
        for name in set(listed) - set(client.keys):
            self.tally.problem(f"{name} is listed, and nobody put it")

    def verify(self):
        """Every byte of every key and version; what was open is known then."""
        for client in self.clients:
            client.lost.clear()
            try:
                self._verify(client)
            except Refused:
                self.tally.problem(f"a read of {client.prefix} was refused")
            finally:
                client.close()

    def _verify(self, client):
        for name in list(client.keys):
            client.read(name)
        client.do_listing()
        self._abort_uploads(client)
        self._verify_versions(client)
        for name, content in list(client.expiring.items()):
            answer, body = client.send("GET", name, good=(200, 404), bucket=DAYS)
            if answer.status == 404:
                del client.expiring[name]
            elif body != content.bytes():
                self.tally.problem(f"GET {DAYS}/{name}: {len(body)} bytes that were not sent")
        for name in [name for name in client.keys if re.search("/n[0-9]+$", name)]: # fresh ones, which would become more with each kill
            client.send("DELETE", name)
            del client.keys[name]
        for name in [f"{client.prefix}v{at}" for at in range(4, len(client.versions))]:
            for version, _ in client.versions.pop(name):
                client.send("DELETE", f"{name}?versionId={version}", bucket=KEPT)

    def _abort_uploads(self, client):
        """Those whose client lost its connection."""
        _, body = client.send("GET", f"?uploads&prefix={urllib.parse.quote(client.prefix)}")
        for name, identity in re.findall(r"<Upload>.*?<Key>([^<]*)</Key>.*?<UploadId>([^<]*)</UploadId>", body.decode(), re.S):
            client.send("DELETE", f"{name}?uploadId={identity}")

    def _verify_versions(self, client):
        _, body = client.send("GET", f"?versions&prefix={urllib.parse.quote(client.prefix)}", bucket=KEPT)
        listed = {}
        for kind, entry in re.findall(r"<(Version|DeleteMarker)>(.*?)</\1>", body.decode(), re.S):
            name, version = (unescape(re.search(f"<{tag}>([^<]*)</{tag}>", entry)[1]) for tag in ("Key", "VersionId"))
            listed.setdefault(name, []).append((version, kind == "DeleteMarker"))
        for name, kept in client.versions.items():
            shown = listed.pop(name, [])[::-1] # the oldest first
            if name not in client.unclear and [version for version, _ in shown] != [version for version, _ in kept]:
                self.tally.problem(f"{KEPT}/{name} has the versions {shown}, should be {kept}")
            known = dict(kept)
            client.versions[name] = []
            for version, is_marker in shown:
                content = known.get(version)
                if is_marker:
                    client.versions[name].append((version, ABSENT))
                    continue
                _, body = client.send("GET", f"{name}?versionId={version}", bucket=KEPT)
                if content is not None and body != content.bytes():
                    self.tally.problem(f"GET {KEPT}/{name}?versionId={version}: {len(body)} bytes that were not sent")
                elif content is None: # put, and not answered: its seed is in it
                    content = unanswered(body)
                    if content is None:
                        self.tally.problem(f"GET {KEPT}/{name}?versionId={version}: {len(body)} bytes that nobody can have sent")
                        continue
                client.versions[name].append((version, content))
        client.unclear.clear()
        for name, shown in listed.items():
            self.tally.problem(f"{KEPT}/{name} has the versions {shown}, and nobody put them")


def unanswered(body):
    content = Content(Piece(int.from_bytes(body[:8], "little"), len(body)))
    return content if len(body) <= len(PATTERN) and content.bytes() == body else None
