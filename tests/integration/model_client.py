# SPDX-License-Identifier: MIT
"""A client with models of its buckets, which compares each answer with the model's. When an answer is lost, because the server died,
the model is that of before or that of after, whichever the server shows."""
import http.client
import urllib.parse
import xml.etree.ElementTree as ElementTree

from model import Bucket, in_order, md5
from sluicetest import error_code


class Lost(Exception):
    """The connection ended without an answer."""


class Mismatch(Exception):
    pass


def quote(text):
    return urllib.parse.quote(text, safe="/~")


class Document:
    """A listing, with names decoded where they come encoded."""

    def __init__(self, body):
        self.root = ElementTree.fromstring(body)
        for element in self.root.iter():
            element.tag = element.tag.split("}")[-1]
        self.url = self.root.findtext("EncodingType") == "url"

    def name(self, text):
        return urllib.parse.unquote_plus(text) if text and self.url else text

    def text(self, path):
        return self.root.findtext(path)

    def prefixes(self):
        return [self.name(e.text) for e in self.root.findall("CommonPrefixes/Prefix")]

    def keys(self):
        return [(self.name(e.findtext("Key")), e.findtext("ETag").strip('"'), int(e.findtext("Size"))) for e in self.root.findall("Contents")]

    def versions(self):
        rows = []
        for e in self.root:
            if e.tag in ("Version", "DeleteMarker"):
                marker = e.tag == "DeleteMarker"
                rows.append((self.name(e.findtext("Key")), e.findtext("VersionId"), e.findtext("IsLatest") == "true", marker,
                             None if marker else e.findtext("ETag").strip('"'), 0 if marker else int(e.findtext("Size"))))
        return rows

    def uploads(self):
        return [(self.name(e.findtext("Key")), e.findtext("UploadId")) for e in self.root.findall("Upload")]

    def parts(self):
        return [(int(e.findtext("PartNumber")), e.findtext("ETag").strip('"'), int(e.findtext("Size"))) for e in self.root.findall("Part")]


class Client:
    def __init__(self, find_server, name):
        """find_server: gives the server that runs, and waits while there is none."""
        self.find_server, self.connection = find_server, None
        self.models = {bucket: Bucket(bucket) for bucket in (f"{name}-one", f"{name}-two")}
        for model in self.models.values():
            model.exists = False
        self.steps, self.requests, self.lost, self.history, self.seen_ids = 0, 0, 0, [], set()

    # ---- Requests ----

    def send(self, method, path, body=None, headers=None):
        try:
            if self.connection is None:
                self.connection = self.find_server().connect(timeout=60)
            self.requests += 1
            self.connection.request(method, path, body=body, headers=headers or {})
            response = self.connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.disconnect()
            raise Lost(repr(error)) from error

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def fail(self, what, got, want):
        recent = "\n".join(f"#   {line}" for line in self.history[-12:])
        raise Mismatch(f"{what}: got {got!r:.500}, want {want!r:.500}; the last requests, this one at the end:\n{recent}")

    def same(self, got, want, what):
        if got != want:
            self.fail(what, got, want)

    def call(self, method, bucket, key, query=None, body=None, headers=None, change=None):
        """change(model) gives the answer to be expected; the model is changed before the request is sent."""
        query = {name: value for name, value in (query or {}).items() if value is not None}
        path = f"/{bucket}" + (f"/{quote(key)}" if key is not None else "") + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {name: value for name, value in (headers or {}).items() if value is not None}
        before = {name: model.copy() for name, model in self.models.items()}
        answer = change(self.models[bucket])
        self.history.append(f"{method} {path:.150} {headers} {len(body or b'')} bytes; state {self.models[bucket].state}")
        try:
            status, told, text = self.send(method, path, body, headers)
        except Lost:
            self.lost += 1
            self.resolve(before)
            raise
        self.history[-1] += f" -> {status}"
        if answer is not None:
            self.compare(answer, method, status, told, text)
        return told, text

    def compare(self, answer, method, status, headers, body):
        wanted = answer.status if isinstance(answer.status, set) else {answer.status}
        if status not in wanted:
            self.fail("status", (status, error_code(body)), (wanted, answer.code))
        if answer.code and method != "HEAD":
            code = error_code(body)
            if code not in (answer.code if isinstance(answer.code, set) else {answer.code}):
                self.fail("error code", code, answer.code)
        for name, value in answer.headers.items():
            if value is any:
                self.new_id(headers.get(name))
            else:
                self.same(headers.get(name), value, f"header {name}")
        if isinstance(answer.body, bytes):
            told = {name for name in headers if name.startswith("x-amz-meta-")}
            self.same(told, {name for name in answer.headers if name.startswith("x-amz-meta-")}, "names of metadata")
            self.same(headers.get("content-length"), str(len(answer.body)), "content-length")
            if method != "HEAD" and body != answer.body:
                self.fail("body", body[:100], answer.body[:100])
        if answer.etag is not None:
            self.check_etag(answer.etag, headers.get("etag") or self.etag_in(body))
        if answer.learn:
            answer.learn(headers, body)

    @staticmethod
    def etag_in(body):
        return (Document(body).text("ETag") or "") if body.startswith(b"<") else ""

    @staticmethod
    def tags_in(body):
        return tuple((e.findtext("Key"), e.findtext("Value")) for e in Document(body).root.findall("TagSet/Tag"))

    def check_etag(self, version, etag):
        etag = etag.strip('"')
        if not version.accepts_etag(etag):
            self.fail("ETag", etag, version.etag)
        if version.etag is None:
            for model in self.models.values():
                for key, versions in model.keys.items():
                    if any(v.number == version.number for v in versions):
                        model.learner(key, version.number, "etag", lambda *_: etag)(None, None)

    def new_id(self, identity):
        if identity is None or len(identity) != 32 or identity in self.seen_ids:
            self.fail("version id", identity, "one of 32 digits that was never told")
        self.seen_ids.add(identity)

    # ---- What the server shows ----

    def dump(self, bucket):
        status, _, body = self.send("GET", f"/{bucket}?versioning")
        if status == 404:
            return None
        state = Document(body).text("Status")
        rows, markers = [], ""
        while markers is not None:
            page = Document(self.send("GET", f"/{bucket}?versions&encoding-type=url&max-keys=100{markers}")[2])
            rows += page.versions()
            markers = f"&key-marker={page.text('NextKeyMarker')}&version-id-marker={page.text('NextVersionIdMarker')}" \
                if page.text("IsTruncated") == "true" else None
        uploads = Document(self.send("GET", f"/{bucket}?uploads&encoding-type=url")[2]).uploads()
        return state, rows, {(key, identity): Document(self.send("GET", f"/{bucket}/{quote(key)}?uploadId={identity}")[2]).parts()
                             for key, identity in uploads}

    def settle(self, *alternatives):
        """Takes the model that agrees with the server. Once more when the connection is lost meanwhile."""
        while True:
            try:
                found = {bucket: self.dump(bucket) for bucket in self.models}
                learned = [{bucket: model.adopt(found[bucket]) for bucket, model in models.items()} for models in alternatives]
                fit = [models for models in learned if all(models.values())]
                if len(fit) == 2: # they differ in what listings do not tell, or not at all
                    fit = [models for models in fit if self.is_described(models, fit)]
                break
            except Lost:
                continue
        if fit:
            self.models = fit[0]
            return
        self.fail("what the server shows", found, [{n: m.list_versions()[0] for n, m in models.items()} for models in alternatives])

    def is_described(self, models, both):
        """Whether the metadata, tags and annotations of the versions in which two models differ are those of this one."""
        for bucket, model in models.items():
            for key in model.keys:
                if both[0][bucket].keys.get(key) == both[1][bucket].keys.get(key):
                    continue
                for version in (v for v in model.keys[key] if not v.marker):
                    path = f"/{bucket}/{quote(key)}?versionId={version.id}"
                    _, headers, _ = self.send("HEAD", path)
                    if {n: v for n, v in headers.items() if n.startswith("x-amz-meta-")} != dict(version.metadata) or \
                            self.tags_in(self.send("GET", path + "&tagging")[2]) != version.tags or \
                            self.annotations_in(self.send("GET", path + "&annotation")[2]) != tuple(
                                (name, len(value), md5(value)) for name, value in version.annotations):
                        return False
        return True

    def annotations_in(self, body):
        return tuple((e.findtext("AnnotationName"), int(e.findtext("Size")), e.findtext("ETag").strip('"'))
                     for e in Document(body).root.iter("AnnotationEntry"))

    def compare_annotations(self, bucket, key, version):
        seen = []

        def change(model):
            answer = model.annotations(key, version)
            seen.append(answer.body)
            answer.body = None
            return answer
        _, text = self.call("GET", bucket, key, {"annotation": "", "versionId": version}, None, None, change)
        if seen[0] is not None:
            self.same(self.annotations_in(text), tuple((name, len(value), md5(value)) for name, value in seen[0]), "annotations")

    def resolve(self, before):
        self.history.append("(no answer)")
        self.settle(self.models, before)

    def verify(self):
        """Everything, bodies too."""
        self.settle(self.models)
        for bucket, model in self.models.items():
            for key in in_order(model.keys):
                for version in model.keys[key]:
                    identity = {"versionId": version.id}
                    self.call("GET", bucket, key, identity, change=lambda m: m.get(key, version.id)) # noqa: B023
                    if version.marker:
                        continue
                    self.compare_annotations(bucket, key, version.id)
                    for name, _ in version.annotations:
                        self.call("GET", bucket, key, {"annotation": "", "annotationName": name, **identity},
                                  change=lambda m: m.annotation("GET", key, name, version.id)) # noqa: B023
