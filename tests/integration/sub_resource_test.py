#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A request for a sub-resource never touches the object: every request line of S3's API, and every parameter that selects an operation
with every method, at objects, buckets and the service, are answered by a row of their own, or refused and change nothing."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from operations_requests import DOCUMENTS, ON_BUCKETS, ON_OBJECTS, body_of
from s3_model import ELSEWHERE, newest, stored
from signer import Signer
from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code, skip
from sub_resource_rule import ABSENT, HALVES, IGNORED, LINES, METHODS, NOT_ALLOWED, NOT_IMPLEMENTED, PREFLIGHT, ROW, SELECTORS, STATES, expect, selectors_of
from sub_resource_store import Store

TARGETS = (("the service", "service", "/"), ("an object", "object", "/full/key"), ("a versioned object", "object", "/versioned/key"),
           ("a missing key", "object", "/full/none"), ("an empty bucket", "bucket", "/empty"), ("a full bucket", "bucket", "/full"),
           ("a missing bucket", "bucket", "/missing"), ("a key of a missing bucket", "object", "/missing/key"))
COPY = {"x-amz-copy-source": "/full/other", "x-amz-rename-source": "/full/other"}
FORM_TYPE = {"content-type": "multipart/form-data; boundary=edge"}
FORM = (b'--edge\r\nContent-Disposition: form-data; name="key"\r\n\r\nposted\r\n--edge\r\n'
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\ncontent\r\n--edge--\r\n')
ASKING = {"origin": "http://page.example", "access-control-request-method": "PUT"}


def document(resource, name):
    """A body that a PUT or POST for the parameter would take."""
    for operation, (method, query) in (ON_BUCKETS if resource == "bucket" else ON_OBJECTS).items():
        if method in ("PUT", "POST") and query.partition("=")[0] == name:
            return body_of(operation)
    return DOCUMENTS["DeleteObjects"] if name == "delete" else "<Document><Status>Enabled</Status></Document>"


def variants(resource, method, name):
    """(body, headers) to send it with."""
    text = document(resource, name)
    if method == "PUT":
        return [(b"", {}), (text, {}), *([(b"", COPY)] if resource == "object" else [])]
    if method == "POST":
        return [(b"", {}), (text, {}), (FORM, FORM_TYPE)]
    if method == "OPTIONS":
        return [(None, {}), (None, ASKING)]
    return [(text, {})] if method == "PATCH" else [(None, {})]


class Watch:
    """Sends requests and keeps account of which of them changed the store."""

    def __init__(self, store):
        self.store, self.requests, self.changes = store, 0, 0
        self.before, self.glanced = store.everything(), store.glance()
        self.complaints = []

    def send(self, method, path, body=None, headers=None):
        """(status, code), whether or not it changed something; complains if it did."""
        self.requests += 1
        status, _, text = self.store.ask(method, path, body, headers)
        if self.store.glance() != self.glanced:
            self.changed(f"{method} {path} changed the store ({status})")
        return status, error_code(text) if status >= 400 and text else ""

    def changed(self, complaint):
        self.changes += 1
        self.complaints.append(complaint)
        self.store.reset()

    def want(self, got, wanted, what):
        """wanted: (status, code); HEAD has no code."""
        if got[0] != wanted[0] or not what.startswith("HEAD ") and got[1] != wanted[1]:
            self.complaints.append(f"{what}: {got}, not {wanted}")

    def judge(self, name):
        """One check for all that was sent since the last, after a look at the whole store."""
        after = self.store.everything()
        if after != self.before:
            self.changed("changed: " + ", ".join(path for path in {**after, **self.before} if after.get(path) != self.before.get(path)))
        check(not self.complaints, name, "; ".join(self.complaints))
        self.complaints = []


def ask_all(watch, target, resource, path, name):
    missing = path.startswith("/missing")
    for method in METHODS:
        wanted = expect(resource, method, name)
        if wanted == ROW and method not in ("GET", "HEAD"):
            continue  # may change what it is for
        for body, headers in variants(resource, method, name):
            got = watch.send(method, f"{path}?{name}", body, headers)
            what = f"{method} {path}?{name}"
            if wanted == ROW and got[0] in (405, 501) or got[0] >= 500 and wanted != NOT_IMPLEMENTED:
                watch.complaints.append(f"{what}: {got}, though {wanted}")
            elif wanted == IGNORED:
                watch.want(got, watch.send(method, path, body, headers), what)
            elif wanted == PREFLIGHT:
                if got[0] not in (200, 400, 403):
                    watch.complaints.append(f"{what}: {got}")
            elif wanted == ABSENT:
                if got[0] == 405 or got[0] < 300 and method == "PUT":
                    watch.complaints.append(f"{what}: {got}, though {wanted}")
            elif wanted != ROW:
                watch.want(got, (404, "NoSuchBucket") if missing and wanted != NOT_ALLOWED else wanted, what)
    watch.judge(f"{target}: ?{name} is nothing but itself")


def spellings(watch, name):
    encoded = f"%{ord(name[0]):02x}{name[1:]}"
    version = "&versionId=null"
    for resource, path, virtual in (("object", "/full/key", "/key"), ("bucket", "/empty", "/")):
        host = path.split("/")[1] + ".s3.test"
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            wanted = expect(resource, method, name)
            if wanted in (ROW, ABSENT):
                continue
            for query in (f"{name}=", f"{name}=x", f"{name}&{name}=2", encoded, f"x-id=PutObject&{name}", f"response-content-type=a&&{name}&b=c"):
                watch.want(watch.send(method, f"{path}?{query}", b""), wanted, f"{method} {path}?{query}")
                watch.want(watch.send(method, f"{virtual}?{query}", b"", {"host": host}), wanted, f"{method} {host}{virtual}?{query}")
            got = watch.send(method, f"{path}?{name}{version}", b"")
            watch.want(got, (400, "InvalidArgument") if wanted != NOT_ALLOWED and got[0] == 400 else wanted, f"{method} {path}?{name}{version}")
            if name != "acl":
                watch.want(watch.send(method, f"{path}?acl&{name}", b""), (400, "InvalidArgument"), f"{method} {path}?acl&{name}")
    watch.judge(f"?{name} selects however it is written")


# ---- Every request line ----

VALUES = {"annotationName": "x", "id": "one", "partNumber": "1", "uploadId": "f" * 32}


def request_lines(watch):
    served = 0
    for line in LINES:
        path = line.template.replace("{Bucket}", "full").replace("{Key+}", "key")
        more = "&".join(f"{name}={VALUES[name]}" for name in line.required)
        path += ("&" if "?" in path else "?") + more if more else ""
        headers = {"GetObjectAttributes": {"x-amz-object-attributes": "ETag"}, "CopyObject": COPY, "UploadPartCopy": COPY,
                   "RenameObject": {"x-amz-rename-source": "/full/other"}}.get(line.operation, {})
        changes = line.method not in ("GET", "HEAD")
        known = line.operation in ON_BUCKETS or line.operation in ON_OBJECTS
        body = (body_of(line.operation) if known else document(line.resource, (*selectors_of(line), "")[0])) if line.method in ("PUT", "POST") else None
        if STATES.get(line.operation) == "served" and changes:
            status, _, text = watch.store.ask(line.method, path, body, headers)
            check(status not in (405, 501) and status < 500, f"{line.operation} is served", f"{status} {error_code(text)}")
            watch.store.reset()
            served += 1
            continue
        got = watch.send(line.method, path, body, headers)
        if line.operation not in ELSEWHERE and STATES[line.operation] == "501":
            watch.want(got, NOT_IMPLEMENTED, f"{line.method} {path}")
        watch.judge(f"{line.operation} changes nothing")
    check(served > 35, "and those that are served were asked, too", str(served))


def newest_model():
    (source, lines), (new_source, new) = stored(), newest()
    if new is None:
        skip("the stored request lines are those of the newest model", new_source)
        return
    rows, new_rows = {line.row() for line in lines}, {line.row() for line in new}
    check(rows == new_rows, f"the stored request lines ({source}) are those of the newest model ({new_source})",
          f"missing: {sorted(new_rows - rows)}, gone: {sorted(rows - new_rows)}; python3 tests/integration/s3_model.py writes them anew")


# ---- What is no selector, and who may ask ----

def others(store):
    for query in ("ACL", "Tagging", "x-id=PutObject", "foo=bar", "acls", "=acl", "id=1"):
        equal(store.ask("PUT", f"/full/plain?{query}", query.encode())[0], 200, f"?{query} selects nothing")
        equal(store.ask("GET", f"/full/plain?{query.replace('Put', 'Get')}")[2], query.encode(), f"a PUT and a GET with ?{query} are a PUT and a GET")
        equal(store.ask("DELETE", f"/full/plain?{query}")[0], 204, f"and a DELETE with ?{query}")
    for query in ("location=paris", "policy", "website=1", "lifecycle&versioning", "delete=1", "list-type=2", "cors&location"):
        equal(store.ask("GET", f"/full/folder/page.html?{query}")[2], b"<html/>", f"a page is there with ?{query}")
        equal(store.ask("HEAD", f"/full/folder/page.html?{query}")[0], 200, f"and its head with ?{query}")
    told = store.ask("GET", "/full/key?response-content-type=a/b&partNumber=1&x-id=GetObject")
    equal((told[0], told[2]), (206, b"content of the key"), "what belongs to GetObject belongs to it still")


def permissions():
    """Who may not enter is told of a bucket that it is there or not, and nothing else."""
    server = Server(keys=True)
    host = f"{server.host}:{server.port}"
    server.request("PUT", "/closed", headers=Signer(ACCESS, SECRET).headers("PUT", "/closed", host))
    for method, query, wanted in (("DELETE", "acl", 405), ("PUT", "location", 405), ("PUT", "acl&cors", 401), ("PUT", "location&acl", 400), ("PUT", "metadataAnnotationTable", 401),
                                  ("POST", "metadataTable", 401)):
        for bucket in ("closed", "missing"):
            equal(server.request(method, f"/{bucket}?{query}", b"")[0], 404 if (bucket, wanted) == ("missing", 401) else wanted, f"without a key: {method} /{bucket}?{query}")
    for method, query, wanted in (("PUT", "annotation&annotationName=x", 401), ("DELETE", "attributes", 405), ("GET", "versions", 401)):
        for bucket in ("closed", "missing"):
            equal(server.request(method, f"/{bucket}/key?{query}", b"")[0], 404 if (bucket, wanted) == ("missing", 401) else wanted, f"without a key: {method} /{bucket}/key?{query}")
    wrong = Signer(ACCESS, "another secret").headers("DELETE", "/closed", host, query="acl")
    equal(server.request("DELETE", "/closed?acl", headers=wrong)[0], 403, "a wrong signature comes first")
    check(server.stop(), "the server with keys ends cleanly")


def main():
    newest_model()
    store = Store()
    watch = Watch(store)
    for target, resource, path in TARGETS:
        for name in (*SELECTORS, *HALVES):
            ask_all(watch, target, resource, path, name)
    for name in SELECTORS:
        spellings(watch, name)
    request_lines(watch)
    print(f"# {watch.requests} requests, {watch.changes} changed something; {store.sent} with what looked")
    equal(watch.changes, 0, "no request without a row changed anything")
    check(watch.requests > 5000, "and many were asked", str(watch.requests))
    others(store)
    check(store.server.stop(), "the server ends cleanly")
    permissions()
    done()


main()
