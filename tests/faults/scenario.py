# SPDX-License-Identifier: MIT
"""What clients do while calls fail, and what each key may hold afterwards. Every turn overwrites the same keys with bodies of its own, so a
store stays small however many turns there are."""
import base64
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from http1 import Client, element  # noqa: E402

PLAIN, KEPT = "/plain/", "/kept/"
ABSENT = None


def body_of(name, turn, size):
    seed = hashlib.sha256(f"{name} {turn}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


class GaveUp(Exception):
    pass


class Scenario:
    """`problems` collects what should not be; `refused` what did not go well, which is only right where a call failed."""

    def __init__(self, timeout=20):
        self.timeout, self.turn, self.client = timeout, 0, None
        self.may = {}       # path -> contents that it may have
        self.versions = {}  # (path, version) -> content, acknowledged
        self.problems, self.refused = [], []
        self.gives_up = False # where nobody is to answer as long as calls fail, the first request that gets no answer ends the turn

    # ---- One request ----

    def connect(self, port, timeout=None):
        self.close()
        self.client = Client(port, timeout or self.timeout)

    def close(self):
        if self.client is not None:
            self.client.close()

    def give_up(self, what):
        """No answer came. That is a problem, except where nobody could be answered; a turn ends with it, for each request would take as long."""
        if not self.gives_up:
            self.problems.append(f"{what}: no answer within {self.timeout} s")
        raise GaveUp from None

    def ask(self, method, path, body=b"", headers=()):
        """The answer, or None where there was none of 2xx."""
        try:
            answer = self.client.request(method, path, body, headers)
        except TimeoutError:
            self.give_up(f"{method} {path}")
        except OSError as error:
            self.refused.append(f"{method} {path}: {error!r}")
            return None
        if answer.status >= 300 or answer.status == 200 and b"<Error>" in answer.body[:300]:
            self.refused.append(f"{method} {path}: {answer.status} {element(answer.body, 'Code')}")
            if answer.status < 500 and not self.is_open(path):
                self.problems.append(f"{method} {path}: {answer.status} {answer.body[-300:]!r}")
            return None
        return answer

    def is_open(self, path):
        """Whether what it refers to is not known to be there."""
        return any(len(contents) > 1 for contents in self.may.values()) or bool(self.refused[:-1])

    def change(self, path, content, *request):
        """A request that gives a key this content, if it goes well."""
        before = self.may.get(path, {ABSENT})
        try:
            answer = self.ask(*request)
        except GaveUp:
            self.may[path] = before | {content}
            raise
        self.may[path] = {content} if answer is not None else before | {content}
        return answer

    def put(self, path, size, headers=()):
        body = body_of(path, self.turn, size)
        return self.change(path, body, "PUT", path, body, headers), body

    def look(self, path, headers=()):
        """A read whose bytes must be among those that may be there."""
        answer = self.ask("GET", path, b"", headers)
        if answer is not None and not headers and answer.body not in self.may[path]:
            self.problems.append(f"GET {path}: wrong bytes, {len(answer.body)} of them")

    # ---- The turn ----

    def prepare(self):
        try:
            good = [self.ask("PUT", path[:-1]) for path in (PLAIN, KEPT)]
            good.append(self.ask("PUT", KEPT[:-1] + "?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))
        except GaveUp:
            return False
        return None not in good

    def run(self, gives_up=False):
        self.turn += 1
        self.gives_up = gives_up
        try:
            for step in (self.small, self.large, self.parts, self.copies, self.appends, self.notes, self.lists, self.versions_of, self.settings, self.deletes, self.server):
                step()
        except GaveUp:
            self.refused.append("no answer")
        self.gives_up = False
        self.close()

    def small(self):
        _, body = self.put(PLAIN + "small", 3000)
        self.put(PLAIN + "tiny", 1, {"content-md5": base64.b64encode(hashlib.md5(body_of(PLAIN + "tiny", self.turn, 1)).digest()).decode()})
        self.put(PLAIN + "empty", 0)
        self.look(PLAIN + "small")
        self.ask("HEAD", PLAIN + "small")

    def large(self):
        path = PLAIN + "large"
        self.put(path, 200_000)
        self.put(PLAIN + "digested", 150_000, {"content-md5": base64.b64encode(hashlib.md5(body_of(PLAIN + "digested", self.turn, 150_000)).digest()).decode()})
        self.chunked(PLAIN + "chunked", 100_000)
        self.look(path)
        self.look(PLAIN + "digested")
        self.look(path, {"range": "bytes=1000-70000"})

    def chunked(self, path, size):
        body = body_of(path, self.turn, size)
        pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:40_000], body[40_000:])) + b"0\r\n\r\n"
        self.may[path] = self.may.get(path, {ABSENT}) | {body}
        try:
            self.client.connect()
            self.client.sock.sendall(b"PUT %b HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n" % path.encode() + pieces)
            answer = self.client.receive("PUT")
        except TimeoutError:
            self.give_up(f"PUT {path} chunked")
        except OSError as error:
            self.refused.append(f"PUT {path} chunked: {error!r}")
            self.client.close()
            return
        if answer.status == 200:
            self.may[path] = {body}
        else:
            self.refused.append(f"PUT {path} chunked: {answer.status}")

    def parts(self):
        path = PLAIN + "parts"
        answer = self.ask("POST", path + "?uploads")
        if answer is None:
            return
        upload = element(answer.body, "UploadId")
        body = body_of(path, self.turn, 90_000)
        part = self.ask("PUT", f"{path}?partNumber=1&uploadId={upload}", body)
        self.ask("PUT", f"{path}?partNumber=2&uploadId={upload}", b"", {"x-amz-copy-source": PLAIN + "large"})
        self.ask("GET", f"{path}?uploadId={upload}")
        if part is None:
            self.ask("DELETE", f"{path}?uploadId={upload}")
            return
        document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part.header('etag')}</ETag></Part></CompleteMultipartUpload>"
        if self.change(path, body, "POST", f"{path}?uploadId={upload}", document.encode()) is not None:
            self.look(path)
        else:
            self.ask("DELETE", f"{path}?uploadId={upload}")

    def copies(self):
        for source, target in (("small", "copy"), ("large", "copied"), ("copied", "renamed")):
            contents = self.may[PLAIN + source] - {ABSENT}
            made = self.ask("PUT", PLAIN + target, b"", {"x-amz-copy-source": PLAIN + source}) is not None
            self.may[PLAIN + target] = contents if made else self.may.get(PLAIN + target, {ABSENT}) | contents

    def appends(self):
        path = PLAIN + "appended"
        answer, first = self.put(path, 2000)
        if answer is None:
            return
        self.change(path, first + first, "PUT", path, first, {"x-amz-write-offset-bytes": str(len(first))})
        self.look(path)

    def notes(self):
        path = PLAIN + "small"
        note = f"{path}?annotation&annotationName=note"
        self.ask("PUT", note, body_of("note", self.turn, 500).hex().encode())
        self.ask("GET", note)
        self.ask("GET", f"{path}?annotation")
        self.ask("DELETE", note)
        self.ask("PUT", f"{path}?tagging", b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>")
        self.ask("GET", f"{path}?tagging")

    def lists(self):
        self.ask("GET", "/")
        for query in ("list-type=2&max-keys=5", "list-type=2&delimiter=/&prefix=", "versions", "uploads"):
            self.ask("GET", f"{PLAIN[:-1]}?{query}")

    def versions_of(self):
        path = KEPT + "key"
        answers = [self.put(path, size) for size in (1500, 80_000)]
        for answer, body in answers:
            if answer is not None and answer.header("x-amz-version-id"):
                self.versions[path, answer.header("x-amz-version-id")] = body
        marker = self.change(path, ABSENT, "DELETE", path)
        self.ask("GET", f"{KEPT[:-1]}?versions&max-keys=10")
        if marker is not None and marker.header("x-amz-version-id"):
            version = marker.header("x-amz-version-id")
            shown = {body for answer, body in answers if answer is not None} if answers[-1][0] is not None else None
            self.may[path] = {ABSENT} | (shown or self.seen_before(path))
            if self.ask("DELETE", f"{path}?versionId={version}") is not None and answers[-1][0] is not None:
                self.may[path] = {answers[-1][1]}
        for at in list(self.versions)[:-4]: # the oldest go
            del self.versions[at] # also without an answer: it may be gone
            self.ask("DELETE", f"{at[0]}?versionId={at[1]}")

    def seen_before(self, path):
        return {body for (of, _), body in self.versions.items() if of == path} | {body_of(path, self.turn, 1500), body_of(path, self.turn, 80_000)} | self.may[path]

    def settings(self):
        self.ask("PUT", PLAIN[:-1] + "?lifecycle", b"<LifecycleConfiguration><Rule><ID>r</ID><Filter><Prefix>none/</Prefix></Filter><Status>Enabled</Status>"
                 b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>")
        self.ask("GET", PLAIN[:-1] + "?lifecycle")

    def deletes(self):
        self.change(PLAIN + "copy", ABSENT, "DELETE", PLAIN + "copy")
        names = ("renamed", "digested", "tiny")
        document = b"<Delete>" + b"".join(b"<Object><Key>%b</Key></Object>" % name.encode() for name in names) + b"</Delete>"
        answer = self.ask("POST", PLAIN[:-1] + "?delete", document, {"content-md5": base64.b64encode(hashlib.md5(document).digest()).decode()})
        for name in names:
            if answer is not None and b"<Deleted><Key>%b</Key>" % name.encode() in answer.body:
                self.may[PLAIN + name] = {ABSENT}
            else:
                self.may[PLAIN + name] = self.may.get(PLAIN + name, {ABSENT}) | {ABSENT}
                self.refused.append(f"delete of {name}")

    def server(self):
        self.ask("GET", "/-/healthy")
        self.ask("GET", "/-/metrics")

    # ---- Afterwards ----

    def works(self):
        """Whether a change goes well now, small and large; what is refused is no problem yet."""
        kept, self.refused = self.refused, []
        try:
            good = all(self.put(PLAIN + name, size)[0] is not None for name, size in (("again", 100), ("again-large", 70_000)))
        except GaveUp:
            good = False
        self.why_not, self.refused = self.refused, kept
        return good

    def verify(self):
        """Every key holds one of the contents that it may have, which from now on is what it holds; listings agree."""
        self.refused = []
        try:
            listed = self.ask("GET", PLAIN[:-1] + "?list-type=2")
        except GaveUp:
            return
        names = set(re.findall(rb"<Key>([^<]*)</Key>", listed.body)) if listed is not None else None
        for path, contents in self.may.items():
            answer = self.client.request("GET", path)
            got = answer.body if answer.status == 200 else ABSENT if answer.status == 404 else answer.status
            if got not in contents:
                what = {None: "is not there"}.get(got, f"has {len(got)} other bytes" if isinstance(got, bytes) else f"is answered {got}")
                self.problems.append(f"{path} {what}; sizes it may have: {[content and len(content) for content in contents]}")
            elif names is not None and path.startswith(PLAIN) and (path[len(PLAIN):].encode() in names) != (got is not ABSENT):
                self.problems.append(f"{path}: a listing says otherwise than GET")
            else:
                self.may[path] = {got}
        for (path, version), content in self.versions.items():
            answer = self.client.request("GET", f"{path}?versionId={version}")
            if answer.status != 200 or answer.body != content:
                self.problems.append(f"{path} version {version}: {answer.status}, {len(answer.body)} bytes")
        for upload in re.findall(rb"<UploadId>([^<]*)", self.client.request("GET", PLAIN[:-1] + "?uploads").body):
            self.client.request("DELETE", f"{PLAIN}parts?uploadId={upload.decode()}")
        self.close()
