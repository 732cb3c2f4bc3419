# SPDX-License-Identifier: MIT
"""A client that walks at random through the operations on its two buckets."""
import random
import urllib.parse
import xml.etree.ElementTree as ElementTree

from model import PART_BYTES_MIN, in_order, refusal
from model_client import Client, Document, Lost
from sluicetest import content_md5

KEYS = ["a", "a/", "a/b", "a/b/c", "a//b", "a/../b", "./a", "b", "b0", "dir/1", "dir/2", "dir/sub/3", "dir/sub/4", "dir2/x", "z", "z z", "z+z",
        "z%20z", "x&<y>'\"", "ü", "ü/é", "日本/東京", "\U0001f600/x", "~!*()", "?q=1", "k" * 1024, "big"]
PREFIXES = ["", "", "", "a", "a/", "a/b", "dir", "dir/", "dir/s", "z", "ü", "日", "none", "k"]
DELIMITERS = ["", "", "/", "/", "b", "//", "sub/", "ü"]
UNKNOWN = "f" * 32
BLOCK = random.Random(7).randbytes(PART_BYTES_MIN + 70_000)


class Walk(Client):
    def __init__(self, find_server, name, seed):
        super().__init__(find_server, name)
        self.rng = random.Random(seed)
        self.operations = [(getattr(self, "do_" + name), weight) for name, weight in (
            ("put", 10), ("delete", 4), ("delete_version", 4), ("delete_many", 2), ("copy", 6), ("rename", 3), ("append", 4), ("get", 10),
            ("tags", 4), ("annotation", 8), ("annotations", 2), ("create", 3), ("part", 6), ("copy_part", 4), ("complete", 5), ("abort", 1), ("versioning", 1), ("list", 8),
            ("list_versions", 6), ("list_uploads", 3), ("list_parts", 3), ("pages", 2), ("empty", 0.3))]

    # ---- Choices ----

    def chance(self, probability):
        return self.rng.random() < probability

    def bucket(self):
        return self.rng.choice(list(self.models))

    def key(self, model, existing=0.5):
        known = in_order(model.keys)
        return self.rng.choice(known) if known and self.chance(existing) else self.rng.choice(KEYS)

    def version(self, model, key, probability=0.3):
        """An id of one of the key's versions, rarely one of nobody; mostly None."""
        if not self.chance(probability):
            return None
        ids = [version.id for version in model.keys.get(key, ())]
        return self.rng.choice(ids) if ids and self.chance(0.9) else self.rng.choice([UNKNOWN, "null"])

    def body(self, big=0.03):
        if self.chance(big):
            return self.rng.randbytes(8) + BLOCK[:PART_BYTES_MIN + self.rng.randrange(60_000)]
        return self.rng.randbytes(self.rng.choice([0, 1, 10, 10, 200, 200, 5000, 66_000]))

    def etag(self, model, key):
        """For a condition: mostly None, else the right one, a wrong one, or any."""
        if self.chance(0.75):
            return None
        current = model.current(key)
        return current.etag if current and self.chance(0.6) else self.rng.choice(["*", "0" * 32])

    def described(self):
        """Metadata and tags as the model has them, and as headers."""
        metadata = tuple((f"x-amz-meta-{name}", str(self.rng.randrange(99))) for name in self.rng.sample("abc", self.rng.choice([0, 0, 1, 2])))
        tags = tuple(sorted((name, str(self.rng.randrange(9))) for name in self.rng.sample("tuv", self.rng.choice([0, 0, 1, 3]))))
        return metadata, tags, {**dict(metadata), "x-amz-tagging": urllib.parse.urlencode(tags) or None}

    @staticmethod
    def quoted(etag):
        return etag if etag in (None, "*") else f'"{etag}"'

    # ---- Objects ----

    def do_put(self, bucket, model):
        key, body = self.key(model), self.body()
        if "big" not in model.keys and self.chance(0.3):
            key, body = "big", self.body(1)
        metadata, tags, headers = self.described()
        match = self.etag(model, key)
        none_match = "*" if match is None and self.chance(0.1) else None
        headers.update({"if-match": self.quoted(match), "if-none-match": none_match})
        self.call("PUT", bucket, key, None, body, headers, lambda m: m.put(key, body, metadata, tags, match, none_match))

    def do_append(self, bucket, model):
        key, body = self.key(model, 0.9), self.rng.randbytes(self.rng.choice([1, 100, 5000]))
        current, match = model.current(key), self.etag(model, key)
        offset = len(current.body) if current and self.chance(0.9) else self.rng.choice([0, 0, 7])
        self.call("PUT", bucket, key, None, body, {"x-amz-write-offset-bytes": str(offset), "if-match": self.quoted(match)},
                  lambda m: m.append(key, body, offset, match))

    def do_get(self, bucket, model):
        key = self.key(model, 0.9)
        version, kind = self.version(model, key), self.rng.choice(["whole", "whole", "range", "part", "condition"])
        wanted, headers, query = {}, {}, {"versionId": version}
        if kind == "range":
            first = self.rng.choice([None, 0, 3, 200, PART_BYTES_MIN - 5])
            last = (first or 0) + self.rng.choice([0, 1, 100, 70_000]) if first is None or self.chance(0.7) else None
            wanted["span"] = (first, last)
            headers["range"] = f"bytes={'' if first is None else first}-{'' if last is None else last}"
        elif kind == "part":
            found = model.find(key, version) if version else model.current(key)
            wanted["part"] = self.rng.choice([number for number, _ in found.parts] if found and found.parts else [1, 1, 2])
            query["partNumber"] = str(wanted["part"])
        elif kind == "condition":
            wanted[self.rng.choice(["match", "none_match"])] = self.etag(model, key)
            headers = {name: self.quoted(wanted.get(name.replace("if-", "").replace("-", "_"))) for name in ("if-match", "if-none-match")}
        self.call(self.rng.choice(["GET", "GET", "HEAD"]), bucket, key, query, None, headers, lambda m: m.get(key, version, **wanted))

    def do_delete(self, bucket, model):
        key = self.key(model)
        match = self.etag(model, key)
        self.call("DELETE", bucket, key, None, None, {"if-match": self.quoted(match)}, lambda m: m.delete(key, None, match))

    def do_delete_version(self, bucket, model):
        key = self.key(model, 0.9)
        version = self.version(model, key, 1)
        self.call("DELETE", bucket, key, {"versionId": version}, change=lambda m: m.delete(key, version))

    def delete_entries(self, bucket, entries):
        """entries: (key, version or None, ETag or None)."""
        objects = ElementTree.Element("Delete")
        for key, version, etag in entries:
            entry = ElementTree.SubElement(objects, "Object")
            for name, value in (("Key", key), ("VersionId", version), ("ETag", etag)):
                if value is not None:
                    ElementTree.SubElement(entry, name).text = value
        answers = []

        def change(model):
            answers[:] = model.delete_many(entries)
            return None
        document = ElementTree.tostring(objects)
        _, body = self.call("POST", bucket, None, {"delete": ""}, document, content_md5(document), change)
        told = [e for e in Document(body).root if e.tag in ("Deleted", "Error")]
        self.same(len(told), len(entries), "number of entries told")
        for (key, version, _), answer, entry in zip(entries, answers, told):
            self.compare_entry(key, version, answer, entry)

    def compare_entry(self, key, version, answer, entry):
        self.same((entry.findtext("Key"), entry.findtext("VersionId")), (key, version), "DeleteObjects: key and version")
        if answer.code:
            self.same((entry.tag, {entry.findtext("Code")} <= answer.code), ("Error", True), f"DeleteObjects: {entry.findtext('Code')}")
            return
        marker = answer.headers["x-amz-delete-marker"]
        self.same((entry.tag, entry.findtext("DeleteMarker")), ("Deleted", marker), "DeleteObjects: deleted, and whether a marker")
        if marker:
            identity, wanted = entry.findtext("DeleteMarkerVersionId"), answer.headers["x-amz-version-id"]
            if wanted is any:
                self.new_id(identity)
                answer.learn({"x-amz-version-id": identity}, None)
            else:
                self.same(identity, wanted, "DeleteObjects: the marker's id")

    def do_delete_many(self, bucket, model):
        entries = []
        for _ in range(self.rng.choice([1, 2, 5])):
            key = self.key(model)
            version = self.version(model, key)
            etag = None if version else self.etag(model, key)
            entries.append((key, version, etag if etag != "*" else None))
        if len({key for key, _, _ in entries}) == len(entries): # once each, or the ids of versions that it makes were needed
            self.delete_entries(bucket, entries)

    def source(self):
        source = self.bucket()
        key = self.key(self.models[source], 0.9)
        version = self.version(self.models[source], key)
        return source, key, version, f"/{source}/{urllib.parse.quote(key)}" + (f"?versionId={version}" if version else "")

    def do_copy(self, bucket, model):
        source, source_key, version, header = self.source()
        key, (metadata, tags, headers) = self.key(model), self.described()
        replaces, replaces_tags, annotated = self.chance(0.4), self.chance(0.3), self.rng.choice([None, "COPY", "EXCLUDE"])
        match, source_match = self.etag(model, key), self.etag(self.models[source], source_key)
        none_match = "*" if match is None and self.chance(0.1) else None
        source_none_match = "0" * 32 if self.chance(0.1) else None
        headers = {"x-amz-copy-source": header, "x-amz-metadata-directive": "REPLACE" if replaces else None,
                   "x-amz-tagging-directive": "REPLACE" if replaces_tags else None, "if-match": self.quoted(match), "if-none-match": none_match,
                   "x-amz-copy-source-if-match": self.quoted(source_match), "x-amz-copy-source-if-none-match": self.quoted(source_none_match),
                   **(headers if replaces else {}), "x-amz-tagging": headers["x-amz-tagging"] if replaces_tags else None,
                   "x-amz-object-annotation-directive": annotated}
        self.call("PUT", bucket, key, None, None, headers, lambda m: m.copy_object(
            key, self.models[source], source_key, version, metadata if replaces else None, tags if replaces_tags else None, match, none_match,
            source_match, source_none_match, annotated != "EXCLUDE"))

    def do_rename(self, bucket, model):
        key, source_key = self.key(model), self.key(model, 0.9)
        match, source_match = self.etag(model, key), self.etag(model, source_key)
        none_match = "*" if match is None and self.chance(0.2) else None
        headers = {"x-amz-rename-source": f"/{bucket}/{urllib.parse.quote(source_key)}", "if-match": self.quoted(match), "if-none-match": none_match,
                   "x-amz-rename-source-if-match": self.quoted(source_match)}
        self.call("PUT", bucket, key, {"renameObject": ""}, None, headers, lambda m: m.rename(key, source_key, match, none_match, source_match))
        self.settle(self.models) # the ids of what it made are not told

    def do_tags(self, bucket, model):
        key = self.key(model, 0.9)
        query = {"tagging": "", "versionId": self.version(model, key)}
        version, method = query["versionId"], self.rng.choice(["GET", "GET", "PUT", "DELETE"])
        tags = self.described()[1] if method == "PUT" else () if method == "DELETE" else None
        body = "".join(f"<Tag><Key>{name}</Key><Value>{value}</Value></Tag>" for name, value in tags or ())
        seen = []

        def change(model):
            answer = model.tags(key, version, tags)
            seen.append(answer.body)
            answer.body = None
            return answer
        _, text = self.call(method, bucket, key, query, f"<Tagging><TagSet>{body}</TagSet></Tagging>".encode() if method == "PUT" else None,
                            None, change)
        if seen[0] is not None:
            self.same(self.tags_in(text), seen[0], "tags")

    def do_annotation(self, bucket, model):
        key, name, method = self.key(model, 0.9), self.rng.choice("xyz"), self.rng.choice(["GET", "PUT", "PUT", "DELETE"])
        query = {"annotation": "", "annotationName": name, "versionId": self.version(model, key)}
        version, match = query["versionId"], self.etag(model, key) if method != "GET" else None
        value = self.rng.randbytes(self.rng.choice([1, 20, 20, 3000, 40_000])).hex().encode() if method == "PUT" else None
        self.call(method, bucket, key, query, value, {"x-amz-object-if-match": self.quoted(match)},
                  lambda m: m.annotation(method, key, name, version, value, match))

    def do_annotations(self, bucket, model):
        key = self.key(model, 0.9)
        self.compare_annotations(bucket, key, self.version(model, key))

    # ---- Uploads ----

    def upload(self, model):
        """(key, id) of an upload, rarely of one that is no more."""
        if model.uploads and self.chance(0.9):
            upload = self.rng.choice(model.uploads)
            return upload.key, upload.id
        past = [(made[0], identity) for identity, made in model.finished.items()]
        return self.rng.choice(past) if past and self.chance(0.7) else (self.key(model), UNKNOWN)

    def do_create(self, bucket, model):
        if len(model.uploads) > 6:
            return
        key, (metadata, tags, headers) = self.key(model), self.described()
        _, text = self.call("POST", bucket, key, {"uploads": ""}, None, headers, lambda m: m.create(key, metadata, tags)[0])
        self.models[bucket].uploads[-1].id = Document(text).text("UploadId")

    def do_part(self, bucket, model):
        (key, identity), number, body = self.upload(model), self.rng.choice([1, 1, 2, 2, 3, 10000]), self.body(0.1)
        told, _ = self.call("PUT", bucket, key, {"partNumber": number, "uploadId": identity}, body, None,
                            lambda m: m.part(key, identity, number, body))
        upload = self.models[bucket].upload_of(key, identity)
        if upload:
            self.same(told.get("etag"), f'"{upload.parts[number][1]}"', "a part's ETag")

    def do_copy_part(self, bucket, model):
        (key, identity), number = self.upload(model), self.rng.choice([1, 1, 2, 2, 3, 10000])
        source, source_key, version, header = self.source()
        if "big" in self.models[source].keys and self.chance(0.6):
            source_key, version, header = "big", None, f"/{source}/big"
        first = self.rng.choice([0, 1, 1000])
        span = None if self.chance(0.3) else (first, first + self.rng.choice([0, 99, PART_BYTES_MIN - 1, PART_BYTES_MIN - 1]))
        headers = {"x-amz-copy-source": header, "x-amz-copy-source-range": f"bytes={span[0]}-{span[1]}" if span else None}
        _, text = self.call("PUT", bucket, key, {"partNumber": number, "uploadId": identity}, None, headers,
                            lambda m: m.copy_part(key, identity, number, self.models[source], source_key, version, span))
        upload = self.models[bucket].upload_of(key, identity)
        if upload and text.find(b"<CopyPartResult") >= 0:
            etag = self.etag_in(text).strip('"')
            body, known = upload.parts[number]
            if known not in (None, etag):
                self.fail("a copied part's ETag", etag, known)
            upload.parts[number] = (body, etag)

    def do_complete(self, bucket, model):
        key, identity = self.upload(model)
        upload = model.upload_of(key, identity)
        named = [(number, upload.parts[number][1]) for number in sorted(upload.parts)] if upload else \
            list(model.finished.get(identity, (0, 0, 0, [(1, "0" * 32)]))[3])
        wrong = self.rng.choice(["order", "etag", "missing", "none"]) if self.chance(0.15) else None
        if upload and len(named) > 1 and self.chance(0.5):
            large = [n for n in named[:-1] if len(upload.parts[n[0]][0]) >= PART_BYTES_MIN] # small ones are fit for the end only
            named = large + named[-1:]
        if wrong == "order":
            named = named[::-1] if len(named) > 1 else named * 2
        elif wrong == "etag" and named:
            named[-1] = (named[-1][0], "0" * 32)
        elif wrong == "missing":
            named.append((9999, "0" * 32))
            named.sort()
        elif wrong == "none" and upload:
            named = []
        match = self.etag(model, key) if upload else None
        document = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>" for n, etag in named)
        self.call("POST", bucket, key, {"uploadId": identity}, f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode(),
                  {"if-match": self.quoted(match)}, lambda m: m.complete(key, identity, named, match))

    def do_abort(self, bucket, model):
        key, identity = self.upload(model)
        self.call("DELETE", bucket, key, {"uploadId": identity}, change=lambda m: m.abort(key, identity))

    # ---- Listings ----

    def page_parameters(self, model):
        limit = self.rng.choice([0, 1, 2, 3, 7, 1000, 1000])
        marker = self.key(model) if self.chance(0.4) else self.rng.choice(["", "", "a/", "dir/", "dir/sub/", "b0x", "ü/"])
        return self.rng.choice(PREFIXES), self.rng.choice(DELIMITERS), marker, limit

    def show_page(self, bucket, query):
        """One page, in one of the two encodings."""
        query = {**query, "encoding-type": self.rng.choice([None, "url"])}
        return Document(self.call("GET", bucket, None, query, change=lambda m: None)[1])

    def check_page(self, page, rows, want, limit):
        entries, common, truncated, _ = want
        self.same(rows, entries, "entries of the page")
        self.same(page.prefixes(), common, "common prefixes of the page")
        self.same(page.text("IsTruncated"), "true" if truncated else "false", "IsTruncated")

    def do_list(self, bucket, model):
        prefix, delimiter, marker, limit = self.page_parameters(model)
        second = self.chance(0.5)
        page = self.show_page(bucket, {"prefix": prefix, "delimiter": delimiter or None, "max-keys": limit, "list-type": "2" if second else None,
                                       "start-after" if second else "marker": marker})
        want = model.list(prefix, delimiter, marker if second else model.resumed(marker, prefix, delimiter), limit)
        self.check_page(page, page.keys(), want, limit)
        if second:
            self.same(page.text("KeyCount"), str(len(want[0]) + len(want[1])), "KeyCount")
            self.same(page.text("NextContinuationToken") is not None, want[2], "NextContinuationToken")
        elif want[2] and delimiter:
            self.same(page.name(page.text("NextMarker")), want[3][0], "NextMarker")

    def do_list_versions(self, bucket, model):
        prefix, delimiter, marker, limit = self.page_parameters(model)
        versions = model.keys.get(marker, ())
        version = self.rng.choice(versions).id if versions and self.chance(0.5) else None
        page = self.show_page(bucket, {"versions": "", "prefix": prefix, "delimiter": delimiter or None, "max-keys": limit, "key-marker": marker,
                                       "version-id-marker": version})
        want = model.list_versions(prefix, delimiter, marker, version, limit)
        self.check_page(page, page.versions(), want, limit)
        if want[2]:
            self.same((page.name(page.text("NextKeyMarker")), page.text("NextVersionIdMarker")), want[3], "the next markers")

    def do_list_uploads(self, bucket, model):
        prefix, delimiter, marker, limit = self.page_parameters(model)
        ids = [upload.id for upload in model.uploads if upload.key == marker]
        identity = self.rng.choice(ids) if ids and self.chance(0.5) else None
        page = self.show_page(bucket, {"uploads": "", "prefix": prefix, "delimiter": delimiter or None, "max-uploads": limit, "key-marker": marker,
                                       "upload-id-marker": identity})
        want = model.list_uploads(prefix, delimiter, marker, identity, limit)
        self.check_page(page, page.uploads(), want, limit)

    def do_list_parts(self, bucket, model):
        key, identity = self.upload(model)
        marker, limit = self.rng.choice([0, 0, 1, 2, 9999, 10000]), self.rng.choice([0, 1, 2, 1000])
        upload = model.upload_of(key, identity)
        _, text = self.call("GET", bucket, key, {"uploadId": identity, "part-number-marker": marker, "max-parts": limit},
                            change=lambda m: None if upload else refusal("NoSuchUpload"))
        if upload:
            page, (parts, truncated) = Document(text), model.list_parts(key, identity, marker, limit)
            self.same((page.parts(), page.text("IsTruncated")), (parts, "true" if truncated else "false"), "parts of the page")

    def do_pages(self, bucket, model):
        """All pages, each from where the one before says."""
        prefix, delimiter, _, _ = self.page_parameters(model)
        limit, token, rows, common = self.rng.choice([1, 2, 5]), None, [], []
        while True:
            page = self.show_page(bucket, {"list-type": "2", "prefix": prefix, "delimiter": delimiter or None, "max-keys": limit,
                                           "continuation-token": token})
            rows, common, token = rows + page.keys(), common + page.prefixes(), page.text("NextContinuationToken")
            if token is None:
                break
            self.same(int(page.text("KeyCount")), limit, "entries of a page that is not the last")
        self.same((rows, common), model.list(prefix, delimiter)[:2], "all pages together")

    # ---- Buckets ----

    def do_versioning(self, bucket, model):
        state = self.rng.choice(["Enabled", "Enabled", "Suspended"])
        self.call("PUT", bucket, None, {"versioning": ""}, f"<VersioningConfiguration><Status>{state}</Status></VersioningConfiguration>".encode(),
                  None, lambda m: m.set_state(state))

    def do_empty(self, bucket, model):
        """Every version is deleted, then the bucket, which is made anew."""
        self.call("DELETE", bucket, None, change=lambda m: m.delete_bucket())
        entries = [(key, version.id, None) for key, versions in model.keys.items() for version in versions]
        if self.models[bucket].exists:
            if entries:
                self.delete_entries(bucket, entries)
            self.call("DELETE", bucket, None, change=lambda m: m.delete_bucket())

    def step(self):
        self.steps += 1
        bucket = self.bucket()
        model = self.models[bucket]
        operation = self.rng.choices([o for o, _ in self.operations], [w for _, w in self.operations])[0]
        try:
            if not all(m.exists for m in self.models.values()):
                absent = next(m.name for m in self.models.values() if not m.exists)
                self.call("PUT", absent, None, change=lambda m: m.create_bucket())
            else:
                operation(bucket, model)
        except Lost:
            pass # the model is settled already
        self.history = self.history[-40:]
