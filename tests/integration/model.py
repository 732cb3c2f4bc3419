# SPDX-License-Identifier: MIT
"""What S3 says a bucket is, in the plainest Python: a list of versions for each key, and a list of uploads. Each operation
changes the model and returns the answer that a server must give. It knows nothing of HTTP; model_test.py compares.

What only the server can choose (version ids, upload ids, ETags that are no MD5) is None until it has been told, and from then on
must stay what it is."""
import dataclasses
import hashlib
import itertools

PART_BYTES_MIN = 5 << 20
PART_NUMBER_MAX = 10000
numbers = itertools.count(1)


@dataclasses.dataclass
class Answer:
    """code: the error's, or a set of those that may be given; headers: those that must be there (None: must not be);
    learn: called with the answer's headers and body, for what the server chose."""
    status: int
    code: object = None
    headers: dict = dataclasses.field(default_factory=dict)
    body: object = None
    etag: object = None # an ETag to be found in headers or document
    learn: object = None


@dataclasses.dataclass(frozen=True)
class Version:
    id: object = "null"
    marker: bool = False
    body: bytes = b""
    etag: object = None
    parts: tuple = ()      # (number, size) of each; empty for what was put as a whole
    metadata: tuple = ()   # (name, value) of each
    tags: tuple = ()
    annotations: tuple = () # (name, bytes) of each, in order of names
    number: int = dataclasses.field(default_factory=lambda: next(numbers)) # which content this is, whatever its id

    def accepts_etag(self, etag):
        if self.etag is not None:
            return etag == self.etag
        return len(etag.split("-")[0]) == 32 and etag[32:] == (f"-{len(self.parts)}" if self.parts else "-1")


@dataclasses.dataclass
class Upload:
    id: object
    key: str
    metadata: tuple
    tags: tuple
    parts: dict = dataclasses.field(default_factory=dict) # number -> (body, etag or None)

    def copy(self):
        return dataclasses.replace(self, parts=dict(self.parts))


STATUS = {"NoSuchKey": 404, "NoSuchVersion": 404, "NoSuchUpload": 404, "NoSuchBucket": 404, "NoSuchAnnotation": 404, "PreconditionFailed": 412,
          "MethodNotAllowed": 405, "BucketNotEmpty": 409, "InvalidRange": 416, "InvalidPartNumber": 416, "NotImplemented": 501}


def refusal(*codes):
    """Where several things are wrong, S3 does not say which is told."""
    codes = {code for code in codes if code}
    statuses = {STATUS.get(code, 400) for code in codes}
    return Answer(statuses.pop() if len(statuses) == 1 else statuses, codes)


def md5(body):
    return hashlib.md5(body).hexdigest()


def in_order(keys):
    return sorted(keys, key=lambda key: key.encode())


def in_number_order(named):
    return [number for number, _ in named] == sorted({number for number, _ in named})


class Bucket:
    def __init__(self, name):
        self.name, self.state = name, None # None, Enabled, Suspended
        self.keys = {}     # key -> versions, newest first; never an empty tuple
        self.uploads = []  # as they were begun
        self.finished = {} # upload id -> (key, number of the version it made, its ETag, the parts that were named)
        self.exists = True

    def copy(self):
        other = Bucket(self.name)
        other.state, other.keys, other.finished, other.exists = self.state, dict(self.keys), dict(self.finished), self.exists
        other.uploads = [upload.copy() for upload in self.uploads]
        return other

    # ---- Versions ----

    def newest(self, key):
        return self.keys.get(key, (None,))[0]

    def current(self, key):
        newest = self.newest(key)
        return None if newest is None or newest.marker else newest

    def find(self, key, version):
        return next((v for v in self.keys.get(key, ()) if v.id == version), None)

    def replace(self, key, old, new):
        self.keys[key] = tuple(new if v.number == old.number else v for v in self.keys[key])

    def _set(self, key, versions):
        if versions:
            self.keys[key] = versions
        else:
            self.keys.pop(key, None)

    def add(self, key, version):
        """The new current version; its id is the server's to choose where versioning is enabled."""
        version = dataclasses.replace(version, id=None if self.state == "Enabled" else "null")
        older = self.keys.get(key, ())
        if self.state != "Enabled":
            older = tuple(v for v in older if v.id != "null")
        self.keys[key] = (version, *older)
        return version

    def learner(self, key, number, field, read):
        """A function that takes a value from an answer into a version."""
        def learn(headers, body):
            for version in self.keys.get(key, ()):
                if version.number == number and getattr(version, field) is None:
                    self.replace(key, version, dataclasses.replace(version, **{field: read(headers, body)}))
        return learn

    def told_id(self, version):
        return {"x-amz-version-id": version.id if self.state else None}

    def uploaded(self, key, version, answer):
        """As added, of a PUT or a completed upload: these do not tell that the version is null."""
        answer = self.added(key, version, answer)
        if version.id == "null":
            answer.headers["x-amz-version-id"] = None
        return answer

    def added(self, key, version, answer):
        """The answer's part about a version that was just made."""
        if version.id is not None or not self.state:
            answer.headers.update(self.told_id(version))
        else:
            answer.headers["x-amz-version-id"] = any
            answer.learn = self.learner(key, version.number, "id", lambda headers, _: headers["x-amz-version-id"])
        return answer

    # ---- The bucket itself ----

    def create_bucket(self):
        self.__init__(self.name)
        return Answer(200)

    def delete_bucket(self):
        if self.keys:
            return refusal("BucketNotEmpty")
        self.__init__(self.name)
        self.exists = False
        return Answer(204)

    def set_state(self, state):
        self.state = state
        return Answer(200)

    def adopt(self, found):
        """A model that agrees with what a server shows and has learned from it what it did not know; None when there is none.
        found: None where there is no bucket, else (state, versions as list_versions gives them, {(key, id): parts})."""
        learned = self.copy()
        if found is None or not self.exists:
            return learned if (found is None) == (not self.exists) else None
        state, rows, uploads = found
        expected = self.list_versions(limit=len(rows) + 1)[0]
        if state != self.state or len(expected) != len(rows):
            return None
        versions = [(key, v) for key in in_order(self.keys) for v in self.keys[key]]
        for want, row, (key, version) in zip(expected, rows, versions):
            if any(w is not None and w != r for w, r in zip(want, row)):
                return None
            learned.replace(key, version, dataclasses.replace(version, id=row[1], etag=row[4]))
        return learned if learned._adopt_uploads(uploads) else None

    def _adopt_uploads(self, uploads):
        left = dict(uploads)
        for upload in sorted(self.uploads, key=lambda u: u.id is None):
            if upload.id is None: # there is one at most
                upload.id = next((identity for key, identity in left if key == upload.key), None)
            parts = left.pop((upload.key, upload.id), None)
            if parts is None or len(parts) != len(upload.parts):
                return False
            for number, etag, size in parts:
                body, known = upload.parts.get(number, (None, None))
                if body is None or len(body) != size or known not in (None, etag):
                    return False
                upload.parts[number] = (body, etag)
        return not left

    # ---- Conditions ----

    def condition(self, key, match=None, none_match=None):
        current = self.current(key)
        if match is not None and current is None:
            return "NoSuchKey"
        if match is not None and match != "*" and match != current.etag:
            return "PreconditionFailed"
        if none_match is not None and current is not None and none_match in ("*", current.etag):
            return "PreconditionFailed"
        return None

    def write_condition(self, key, match=None, none_match=None):
        """Of an upload or a copy: If-Match names an ETag there."""
        return "NotImplemented" if match == "*" else self.condition(key, match, none_match)

    def look_up(self, key, version):
        """(version, None) or (None, refusal) of a read."""
        found = self.newest(key) if version is None else self.find(key, version)
        if found is None:
            return None, refusal("NoSuchKey" if version is None else "NoSuchVersion")
        if found.marker:
            answer = refusal("NoSuchKey" if version is None else "MethodNotAllowed")
            answer.headers = {"x-amz-delete-marker": "true"}
            return None, answer
        return found, None

    # ---- Objects ----

    def put(self, key, body, metadata=(), tags=(), match=None, none_match=None):
        error = self.write_condition(key, match, none_match)
        if error:
            return refusal(error)
        version = self.add(key, Version(body=body, etag=md5(body), metadata=metadata, tags=tags))
        return self.uploaded(key, version, Answer(200, etag=version))

    def append(self, key, body, offset, match=None):
        current = self.current(key)
        error = self.write_condition(key, match)
        wrong = offset != (len(current.body) if current else 0)
        if error or wrong:
            return refusal(error, "InvalidWriteOffset" if wrong else None)
        if current is None:
            return self.put(key, body)
        parts = current.parts or (((1, len(current.body)),) if current.body else ())
        if parts and parts[-1][0] == PART_NUMBER_MAX:
            return refusal("TooManyParts")
        parts += ((parts[-1][0] + 1 if parts else 1, len(body)),)
        grown = Version(body=current.body + body, parts=parts, metadata=current.metadata, tags=current.tags,
                        annotations=current.annotations)
        version = self.add(key, grown)
        answer = self.uploaded(key, version, Answer(200, etag=version))
        answer.headers["x-amz-object-size"] = str(len(version.body))
        return answer

    def get(self, key, version=None, span=None, part=None, match=None, none_match=None):
        found, answer = self.look_up(key, version)
        if not found:
            return answer
        if match is not None and match not in ("*", found.etag):
            return refusal("PreconditionFailed")
        if none_match is not None and none_match in ("*", found.etag):
            return Answer(304, etag=found)
        headers = {**self.told_id(found), **dict(found.metadata), "x-amz-tagging-count": str(len(found.tags)) if found.tags else None}
        status, first, end, size = 200, 0, len(found.body), len(found.body)
        if part is not None:
            spans = {number: (sum(s for _, s in found.parts[:i]), bytes_) for i, (number, bytes_) in enumerate(found.parts)}
            if part not in (spans or {1: None}):
                return refusal("InvalidPartNumber")
            if spans:
                headers["x-amz-mp-parts-count"] = str(len(spans))
                first, end = spans[part][0], sum(spans[part])
            status = 206 if end > first else 200
        elif span is not None:
            first, last = span
            if first is None: # the last bytes
                first, end = max(0, size - last), size
                if last == 0:
                    return refusal("InvalidRange")
            else:
                if first >= size:
                    return refusal("InvalidRange")
                end = size if last is None else min(size, last + 1)
            if size > 0:
                status, headers["content-range"] = 206, f"bytes {first}-{end - 1}/{size}"
        return Answer(status, headers=headers, body=found.body[first:end], etag=found)

    def delete(self, key, version=None, match=None):
        error = self.condition(key, match)
        if error:
            return refusal(error)
        older = self.keys.get(key, ())
        if version is not None:
            gone = self.find(key, version)
            self._set(key, tuple(v for v in older if v.id != version))
            return Answer(204, headers={"x-amz-version-id": version if self.state else None,
                                        "x-amz-delete-marker": "true" if gone and gone.marker else None})
        if not self.state:
            self._set(key, ())
            return Answer(204, headers={"x-amz-version-id": None, "x-amz-delete-marker": None})
        marker = self.add(key, Version(marker=True))
        return self.added(key, marker, Answer(204, headers={"x-amz-delete-marker": "true"}))

    def delete_many(self, entries):
        """entries: (key, version or None, ETag or None); one answer each."""
        return [self.delete(key, version, etag) for key, version, etag in entries]

    def copy_object(self, key, source, source_key, source_version=None, metadata=None, tags=None, match=None, none_match=None,
                    source_match=None, source_none_match=None, annotated=True):
        found, answer = source.look_up(source_key, source_version)
        errors = set()
        if source is self and source_key == key and metadata is None and source_version is None:
            errors.add("InvalidRequest") # to itself, and nothing changes
        if not found:
            errors |= {"InvalidRequest" if code == "MethodNotAllowed" else code for code in answer.code}
        elif source_match not in (None, "*", found.etag) or source_none_match in ("*", found.etag) and source_none_match is not None:
            errors.add("PreconditionFailed")
        errors.add(self.write_condition(key, match, none_match))
        if errors - {None}:
            return refusal(*errors)
        etag = md5(found.body) if found.parts else found.etag # what was parts is one
        version = self.add(key, Version(body=found.body, etag=etag, tags=found.tags if tags is None else tags,
                                        metadata=found.metadata if metadata is None else metadata,
                                        annotations=found.annotations if annotated else ()))
        answer = self.added(key, version, Answer(200, etag=version))
        answer.headers["x-amz-copy-source-version-id"] = found.id if source.state else None
        return answer

    def rename(self, key, source_key, match=None, none_match=None, source_match=None):
        found, errors = self.current(source_key), set()
        if key == source_key:
            errors.add("InvalidRequest")
        if not found:
            errors.add("NoSuchKey")
        elif source_match not in (None, "*", found.etag):
            errors.add("PreconditionFailed")
        errors.add(self.condition(key, match, none_match))
        if errors - {None}:
            return refusal(*errors)
        self.delete(source_key)
        self.add(key, dataclasses.replace(found, number=next(numbers)))
        return Answer(200)

    def tags(self, key, version=None, tags=None):
        """Reads, or sets where tags are given."""
        newest = self.newest(key)
        if version is None and newest is not None and newest.marker:
            return refusal("MethodNotAllowed")
        found, answer = self.look_up(key, version)
        if not found:
            answer.headers = {}
            return answer
        if tags is None:
            return Answer(200, headers=self.told_id(found), body=found.tags)
        self.replace(key, found, dataclasses.replace(found, tags=tags))
        return Answer({200, 204}, headers=self.told_id(found))

    def annotations(self, key, version=None):
        found, answer = self.look_up(key, version)
        if not found:
            return answer
        return Answer(200, headers={"x-amz-object-version-id": found.id if self.state else None}, body=found.annotations)

    def annotation(self, method, key, name, version=None, value=None, match=None):
        """Reads one, puts it or deletes it."""
        newest = self.newest(key)
        if method == "PUT" and version is None and newest is not None and newest.marker:
            return refusal("MethodNotAllowed")
        found, answer = self.look_up(key, version)
        if not found:
            return answer
        if match not in (None, "*", found.etag):
            return refusal("PreconditionFailed")
        have, told = dict(found.annotations), {"x-amz-object-version-id": found.id if self.state else None}
        if method == "GET":
            return Answer(200, headers=told, body=have[name]) if name in have else refusal("NoSuchAnnotation")
        if method == "PUT":
            have[name] = value
        else:
            have.pop(name, None)
        self.replace(key, found, dataclasses.replace(found, annotations=tuple(sorted(have.items()))))
        return Answer({200, 204}, headers=told)

    # ---- Uploads ----

    def upload_of(self, key, identity):
        return next((u for u in self.uploads if u.id == identity and u.key == key), None)

    def create(self, key, metadata=(), tags=()):
        upload = Upload(None, key, metadata, tags)
        self.uploads.append(upload)
        return Answer(200), upload

    def part(self, key, identity, number, body, etag=any):
        """etag None: the server's to choose, as for a copied range."""
        upload = self.upload_of(key, identity)
        if not upload:
            return refusal("NoSuchUpload")
        upload.parts[number] = (body, md5(body) if etag is any else etag)
        return Answer(200)

    def copy_part(self, key, identity, number, source, source_key, source_version=None, span=None):
        found, answer = source.look_up(source_key, source_version)
        errors = set()
        if not self.upload_of(key, identity):
            errors.add("NoSuchUpload")
        if not found:
            errors |= {"InvalidRequest" if code == "MethodNotAllowed" else code for code in answer.code}
        elif span and span[1] >= len(found.body):
            errors.add("InvalidRequest" if span[0] >= len(found.body) else "InvalidArgument")
        if errors:
            return refusal(*errors)
        body = found.body if span is None else found.body[span[0]:span[1] + 1]
        whole = len(body) == len(found.body) and found.etag is not None and "-" not in found.etag
        answer = self.part(key, identity, number, body, found.etag if whole else None)
        answer.headers["x-amz-copy-source-version-id"] = found.id if source.state else None
        return answer

    def abort(self, key, identity):
        upload = self.upload_of(key, identity)
        if not upload:
            return refusal("NoSuchUpload")
        self.uploads.remove(upload)
        return Answer(204)

    def _repeated(self, key, identity, named):
        made_key, number, etag, before = self.finished.get(identity, (None, None, None, None))
        current = self.current(key)
        disorder = None if in_number_order(named) else "InvalidPartOrder"
        if made_key != key or current is None or (current.number != number and current.etag != etag):
            return refusal("NoSuchUpload", disorder)
        if before != named:
            return refusal("NoSuchUpload", "InvalidPart", disorder)
        if current.number == number:
            return self.uploaded(key, current, Answer(200, etag=current))
        return None # its like has come there by another way, and either answer is right

    def complete(self, key, identity, named, match=None, none_match=None):
        """named: (number, etag) of each part."""
        upload, errors = self.upload_of(key, identity), set()
        if not upload:
            return self._repeated(key, identity, named)
        if match == "*":
            return refusal("NotImplemented")
        if not named:
            return refusal("MalformedXML")
        if not in_number_order(named):
            errors.add("InvalidPartOrder")
        if any(number not in upload.parts or upload.parts[number][1] != etag for number, etag in named):
            errors.add("InvalidPart")
        elif any(len(upload.parts[number][0]) < PART_BYTES_MIN for number, _ in named[:-1]):
            errors.add("EntityTooSmall")
        errors.add(self.condition(key, match, none_match))
        if errors - {None}:
            return refusal(*errors)
        pieces = [upload.parts[number] for number, _ in named]
        known = all("-" not in etag for _, etag in pieces)
        etag = f'{md5(b"".join(bytes.fromhex(etag) for _, etag in pieces))}-{len(pieces)}' if known else None
        version = self.add(key, Version(body=b"".join(body for body, _ in pieces), etag=etag, metadata=upload.metadata, tags=upload.tags,
                                        parts=tuple((number, len(upload.parts[number][0])) for number, _ in named)))
        self.uploads.remove(upload)
        self.finished[identity] = (key, version.number, etag, named)
        return self.uploaded(key, version, Answer(200, etag=version))

    # ---- Listings: (entries, common prefixes, is truncated, last), where last is the key, or key and id, to go on after ----

    def _list(self, rows, prefix, delimiter, limit):
        """rows: (key, id, entry) in order, after the marker."""
        entries, common, last = [], [], None
        for key, identity, entry in rows:
            if not key.startswith(prefix):
                continue
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[:at + len(delimiter)] if at >= 0 else None
            if group is not None and common[-1:] == [group]:
                continue
            if len(entries) + len(common) == limit:
                return entries, common, limit > 0, last
            if group is not None:
                common.append(group)
                last = (group, None)
            else:
                entries.append(entry)
                last = (key, identity)
        return entries, common, False, last

    @staticmethod
    def _is_group(marker, prefix, delimiter):
        """A marker that is a common prefix stands for all that it holds, a key of that name among it."""
        return bool(delimiter) and marker.startswith(prefix) and marker.endswith(delimiter) and \
            marker.find(delimiter, len(prefix)) == len(marker) - len(delimiter)

    @staticmethod
    def resumed(marker, prefix, delimiter):
        """What a marker of ListObjects or ListObjectVersions means: inside a common prefix, all of it. StartAfter means itself."""
        at = marker.find(delimiter, len(prefix)) if delimiter and marker.startswith(prefix) else -1
        return marker[:at + len(delimiter)] if at >= 0 else marker

    def _is_behind(self, key, marker, prefix, delimiter):
        if key.startswith(marker) and self._is_group(marker, prefix, delimiter):
            return False
        return key.encode() > marker.encode()

    def list(self, prefix="", delimiter="", marker="", limit=1000):
        rows = [(key, None, (key, self.current(key).etag, len(self.current(key).body))) for key in in_order(self.keys)
                if self.current(key) and self._is_behind(key, marker, prefix, delimiter)]
        return self._list(rows, prefix, delimiter, limit)

    def list_versions(self, prefix="", delimiter="", marker="", version=None, limit=1000):
        rows, resumed = [], self.resumed(marker, prefix, delimiter)
        marker, version = resumed, version if resumed == marker else None
        for key in in_order(self.keys):
            versions = list(self.keys[key])
            if key == marker and version is not None and not self._is_group(marker, prefix, delimiter):
                newest, versions = versions[0], versions[[v.id for v in versions].index(version) + 1:]
            elif not self._is_behind(key, marker, prefix, delimiter):
                continue
            else:
                newest = versions[0]
            rows += [(key, v.id, (key, v.id, v is newest, v.marker, None if v.marker else v.etag, len(v.body))) for v in versions]
        return self._list(rows, prefix, delimiter, limit)

    def list_uploads(self, prefix="", delimiter="", marker="", identity=None, limit=1000):
        ordered, resumed = sorted(self.uploads, key=lambda u: (u.key.encode(), u.id or "")), self.resumed(marker, prefix, delimiter)
        marker, identity = resumed, identity if resumed == marker else None
        rows = [(u.key, u.id, (u.key, u.id)) for u in ordered if self._is_behind(u.key, marker, prefix, delimiter) or
                (u.key == marker and identity is not None and u.id > identity and not self._is_group(marker, prefix, delimiter))]
        return self._list(rows, prefix, delimiter, limit)

    def list_parts(self, key, identity, marker=0, limit=1000):
        parts = self.upload_of(key, identity).parts
        behind = [(number, parts[number][1], len(parts[number][0])) for number in sorted(parts) if number > marker]
        return behind[:limit], limit > 0 and len(behind) > limit
