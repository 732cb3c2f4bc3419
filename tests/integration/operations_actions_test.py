#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The matrix of operations and actions. Every row of the program's table of operations is asked by a user to whom a bucket's policy allows one action
alone, by one to whom it denies that action out of all, for every action that policies know; by keys with one right alone, and with all
but one; and by keys with rights on some keys of the bucket alone. Exactly those rows are done that ask for no more than there is: all others are 403 AccessDenied.

Each row is one request, signed once and sent again and again. None gets in the way of the next: what is deleted is put again after it."""
import base64
import datetime
import hashlib
import hmac
import json
import os
import socket
import urllib.parse

import operations_rows
from operations_requests import DOCUMENTS
from operations_rows import ADMIN, LOCK, READ, WRITE
from signer import Signer
from sluicetest import Server, check, done, equal, error_code, scratch

BUCKET = "matrix"
ROWS, ACTIONS = operations_rows.read()
RIGHTS = {1: "read", 2: "write", 4: "list", 8: "admin", 16: "lock"}
KEYS = {"alice": ("ALICEKEY", "alice-secret"), "bob": ("BOBKEY", "bob-secret")}
for bit, right in RIGHTS.items():
    KEYS[f"{right} alone"] = (f"ONLY{bit}", "a-secret")
    KEYS[f"all but {right}"] = (f"BUT{bit}", "b-secret")

# Rights on keys, not on the bucket: on each that is asked about, on all others, on those that begin alike, and each right on all of them.
NAMED = ("made", "gone", "source", "parts", "key", "tagged", "noted", "posted")
ON_KEYS = {"all on ke*": f"{BUCKET}/ke*=all", "all on x*": f"{BUCKET}/x*=all"}
for name in NAMED:
    ON_KEYS[f"all on {name}"] = f"{BUCKET}/{name}=all"
    ON_KEYS[f"all but on {name}"] = " ".join(f"{BUCKET}/{other}=all" for other in NAMED if other != name)
for right in RIGHTS.values():
    ON_KEYS[f"{right} on all keys"] = f"{BUCKET}/*={right}"
KEYS |= {who: (f"PART{number}", "p-secret") for number, who in enumerate(ON_KEYS)}
LISTINGS = {"ListObjects": "", "ListObjectsV2": "list-type=2", "ListObjectVersions": "versions", "ListMultipartUploads": "uploads"}

# Rows that no policy speaks of, and why.
EXEMPT = {"ListBuckets": "shows one's own", "CreateBucket": "there is no bucket to have a policy", "CreateSession": "NotImplemented", "OPTIONS": "without a caller",
          "DeleteObjects": "key by key: see below", "PostObject": "by its form: see below",
          **{f"{what}BucketCache": "not S3's: by configuration alone" for what in ("Get", "Put", "Delete")},
          **{f"{what}BucketContentTypes": "not S3's: by configuration alone" for what in ("Get", "Put", "Delete")},
          "PublishObjects": "key by key: publish_test.py", "ListenNotification": "not S3's: for admin everywhere, listen_test.py",
          "ExpireObjects": "not S3's: by configuration alone", "GetExpiry": "not S3's: by configuration alone"}
# What a request asks for beside its row's own, for its source.
BESIDE = {"CopyObject": {"GetObject"}, "UploadPartCopy": {"GetObject"}, "RenameObject": {"GetObject", "DeleteObject"}}
BESIDE_RIGHTS = {"CopyObject": READ, "UploadPartCopy": READ, "RenameObject": READ}
# Answers of served rows that are no success, since another request has to find what this one would take away.
STATUS = {"PutBucketEncryption": 501, "GetBucketEncryption": 404, "DeleteBucket": 409, "AbortMultipartUpload": 404, "CompleteMultipartUpload": 400, "RenameObject": 412, "PutBucketPolicy": 405, "DeleteBucketPolicy": 405, "GetBucketPolicy": 405,
          "PutBucketReplication": 400, "GetBucketReplication": 404,  # nobody has named a target: replication_test.py
          "ListenBucketNotification": 400,  # an event that is none: the answer would not end
          **dict.fromkeys(("GetArchiveMember", "HeadArchiveMember", "ListArchiveMembers"), 400)}  # the object is no archive
# A setting whose removal has an action of its own: where it may be removed, but not put again, it is found no more.
MAY_BE_GONE = "GetBucketWebsite "
VALUES = {"events": "none", "list-type": "2", "partNumber": "1", "id": "one", "annotationName": "x", "select-type": "2"}
NAMES = {"PutObject": "made", "CopyObject": "made", "DeleteObject": "gone", "RenameObject": "source", "CompleteMultipartUpload": "parts", "UploadPart": "parts",
         "UploadPartCopy": "parts", "ListParts": "parts", "GetObjectAnnotation": "noted", "ListObjectAnnotations": "noted",
         "PutObjectAnnotation": "noted", "DeleteObjectAnnotation": "tagged"}
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
UNTIL = "2099-01-01T00:00:00Z"
ACL = "<AccessControlPolicy><Owner><ID>a11ce</ID></Owner><AccessControlList/></AccessControlPolicy>"
BODIES = {"PutObjectAnnotation": "text", "PutBucketTagging": TAGS, "PutBucketPolicy": "{}", "PutBucketAcl": ACL, "PutObjectAcl": ACL,
          "CompleteMultipartUpload": b"<CompleteMultipartUpload><Part><PartNumber>7</PartNumber><ETag>\"00000000000000000000000000000000\"</ETag></Part></CompleteMultipartUpload>"}


class Request:
    """One that is always the same. asks: the actions it needs; rights: those of a key."""

    def __init__(self, name, method, path, query, body, headers, asks, rights, status=None):
        self.name, self.method, self.path, self.query, self.asks, self.rights, self.status = name, method, path, query, asks, rights, status
        self.body, self.headers = body.encode() if isinstance(body, str) else body, headers

    def keys(self):
        """That it is about; none: it is about the bucket."""
        sources = [value for name, value in self.headers.items() if name in ("x-amz-copy-source", "x-amz-rename-source")]
        paths = [self.path, *(urllib.parse.unquote(source).split("?")[0] for source in sources)]
        named = {path.split("/", 2)[2] for path in paths if path.count("/") > 1}
        return named | ({"gone"} if self.name.startswith("DeleteObjects") else {"posted"} if self.name.startswith("PostObject") else set())

    def prefix(self):
        """Of the keys that it lists; None: it lists none."""
        listing = [query for name, query in LISTINGS.items() if self.name.startswith(f"{name} ")]
        return dict(urllib.parse.parse_qsl(self.query)).get("prefix", "") if listing else None

    def signed(self, who):
        """Its bytes."""
        headers = dict(self.headers)
        if "content-type" not in headers or not headers["content-type"].startswith("multipart/form-data"):
            payload = hashlib.sha256(self.body).hexdigest()
            headers = SIGNERS[who].headers(self.method, self.path, HOST, payload, headers, self.query)
        elif who is not None:
            headers["host"] = HOST
        head = f"{self.method} {self.path}{'?' + self.query if self.query else ''} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        body = self.body if not callable(getattr(self, "form", None)) else self.form(who)
        return head.encode() + (b"Content-Length: %d\r\n\r\n" % len(body)) + body


class Form(Request):
    """PostObject, whose signature lies in it."""

    def form(self, who):
        signer = SIGNERS[who]
        fields = {"key": "posted", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{signer.access}/{signer.scope}", "x-amz-date": signer.stamp, **self.fields}
        expires = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [{"bucket": BUCKET}, *({name: value} for name, value in fields.items())]
        policy = base64.b64encode(json.dumps({"expiration": expires, "conditions": conditions}).encode()).decode()
        fields |= {"policy": policy, "x-amz-signature": hmac.new(signer.key(), policy.encode(), hashlib.sha256).hexdigest()}
        body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
        return (body + '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbytes\r\n--x--\r\n').encode()


class Connection:
    """Sends requests one behind the other without waiting, and reads their answers."""

    def __init__(self):
        self.sock, self.buffer = None, b""

    def fill(self):
        block = self.sock.recv(1 << 18)
        if not block:
            raise ConnectionError("closed")
        self.buffer += block

    def answer(self, is_head):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, rest = self.buffer.split(b"\r\n\r\n", 1)
        lower = head.lower()
        length = int(lower.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0]) if b"\r\ncontent-length:" in lower and not is_head else 0
        while len(rest) < length:
            self.buffer = head + b"\r\n\r\n" + rest
            self.fill()
            rest = self.buffer.split(b"\r\n\r\n", 1)[1]
        self.buffer = rest[length:]
        status = int(head[9:12])
        closes = b"\r\nconnection: close" in lower
        return status, rest[:length], closes

    def exchange(self, requests):
        """requests: [(method, bytes)]. [(status, body)]"""
        answers = []
        while len(answers) < len(requests):
            if self.sock is None:
                self.sock, self.buffer = server.open_socket(), b""
            self.sock.sendall(b"".join(data for _, data in requests[len(answers):]))
            for method, _ in requests[len(answers):]:
                status, body, closes = self.answer(method == "HEAD")
                answers.append((status, body))
                if closes:
                    self.sock.close()
                    self.sock = None
                    break
        return answers


def is_denied(answer):
    """403, or, of many keys, a refusal of the one."""
    return answer[0] == 403 or b"<Code>AccessDenied</Code>" in answer[1]


# ---- What is asked ----


def request_of(row, version=None):
    """A row's own request. version: with that versionId."""
    on_object = row.resource == "objects"
    query = [(name, VALUES.get(name, "")) for name in (row.parameter, row.beside) if name]
    if row.parameter == "uploadId" or row.beside == "uploadId":
        query = [(name, ("f" * 32 if row.name == "AbortMultipartUpload" else upload) if name == "uploadId" else value) for name, value in query]
    if version is not None:
        query.append(("versionId", version))
    asks = {row.version_action if version is not None and row.version_action else row.action}
    if row.also:
        asks.add(row.version_also if version is not None else row.also)
    headers = {row.header: f"/{BUCKET}/source"} if row.header else {}
    if row.name == "RenameObject":
        headers = {"x-amz-rename-source": f"/{BUCKET}/tagged", "if-none-match": "*"}
    elif row.name == "GetObjectAttributes":
        headers = {"x-amz-object-attributes": "ETag"}
    body = BODIES.get(row.name, DOCUMENTS.get(row.name, "")) if row.method in ("PUT", "POST") else ""
    path = f"/{BUCKET}" + (f"/{NAMES.get(row.name, 'key')}" if on_object else "")
    name = f"{row.name} ({row.method}{' ?' + row.parameter if row.parameter else ''}{', a version' if version is not None else ''})"
    status = STATUS.get(row.name) if row.kind == "served" else 0
    return Request(name, row.method, path, "&".join(f"{k}={urllib.parse.quote(v)}" if v else k for k, v in query), body, headers, asks | BESIDE.get(row.name, set()),
                   row.rights | BESIDE_RIGHTS.get(row.name, 0), status)


def requests_of_rows():
    listed = []
    for row in ROWS:
        if not row.action or row.name == "CreateBucket":
            check(row.name in EXEMPT, f"{row.name}, which no policy speaks of, is known to this test")
            continue
        listed.append(request_of(row))
        if "VERSION" in row.flags and row.version_action:
            listed.append(request_of(row, "null" if row.name == "DeleteObject" else versions.get(NAMES.get(row.name), versions["key"])))
    return listed


def with_headers():
    """What a request says that takes rights of its own."""
    rows = {row.name: request_of(row) for row in ROWS if row.kind == "served" and row.action and row.name != "CreateBucket"}
    listed = []

    def add(row, what, headers, *asks, rights=0, body=None, query=None, status=None):
        base = rows[row]
        listed.append(Request(f"{row} with {what}", base.method, base.path, base.query if query is None else query, base.body if body is None else body, {**base.headers, **headers},
                              base.asks | set(asks), base.rights | rights, status))

    lock = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": UNTIL}
    for row in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        add(row, "an ACL", {"x-amz-acl": "bucket-owner-full-control"}, "PutObjectAcl")
        add(row, "a grant", {"x-amz-grant-read": 'id="a11ce"'}, "PutObjectAcl")
        add(row, "tags", {"x-amz-tagging": "a=b", "x-amz-tagging-directive": "REPLACE"}, "PutObjectTagging")
        add(row, "a retention", lock, "PutObjectRetention")
        add(row, "a legal hold", {"x-amz-object-lock-legal-hold": "ON"}, "PutObjectLegalHold")
        add(row, "tags, an ACL and a lock", {"x-amz-acl": "bucket-owner-full-control", "x-amz-tagging": "a=b", "x-amz-tagging-directive": "REPLACE", **lock},
            "PutObjectAcl", "PutObjectTagging", "PutObjectRetention")
    add("CopyObject", "tags of its source", {"x-amz-copy-source": f"/{BUCKET}/tagged"}, "GetObjectTagging", "PutObjectTagging")
    add("CopyObject", "annotations of its source", {"x-amz-copy-source": f"/{BUCKET}/noted"}, "GetObjectAnnotation", "PutObjectAnnotation")
    add("CopyObject", "no annotations of its source", {"x-amz-copy-source": f"/{BUCKET}/noted", "x-amz-object-annotation-directive": "EXCLUDE"})
    add("CopyObject", "a version of its source", {"x-amz-copy-source": f"/{BUCKET}/source?versionId={versions['source']}"})
    listed[-1].asks = {"PutObject", "GetObjectVersion"}
    add("UploadPartCopy", "a version of its source", {"x-amz-copy-source": f"/{BUCKET}/source?versionId={versions['source']}"})
    listed[-1].asks = {"PutObject", "GetObjectVersion"}
    for listing, query in LISTINGS.items():
        for prefix in ("k", "ke", "key", "x"):
            add(listing, f"the prefix {prefix}", {}, query=f"{query}&prefix={prefix}".strip("&"))
    for row in ("UploadPart", "CompleteMultipartUpload"):  # what they do nothing with
        add(row, "an ACL and tags", {"x-amz-acl": "public-read", "x-amz-tagging": "a=b", "x-amz-object-lock-legal-hold": "ON"}, status=STATUS.get(row))
    bypass = {"x-amz-bypass-governance-retention": "true"}
    add("DeleteObject", "a bypass", bypass, "BypassGovernanceRetention", rights=LOCK)
    add("PutObjectRetention", "a bypass", bypass, "BypassGovernanceRetention", rights=LOCK)
    for row in ("PutObjectAnnotation", "DeleteObjectAnnotation"):
        add(row, "a bypass", bypass, "BypassGovernanceRetention", rights=LOCK)
    delete = b"<Delete><Object><Key>gone</Key>%s</Object></Delete>"
    many = rows["DeleteObject"]
    listed.append(Request("DeleteObjects", "POST", f"/{BUCKET}", "delete", delete % b"", {}, many.asks, WRITE))
    listed.append(Request("DeleteObjects of a version", "POST", f"/{BUCKET}", "delete", delete % b"<VersionId>null</VersionId>", {}, {"DeleteObjectVersion"}, WRITE))
    listed.append(Request("DeleteObjects with a bypass", "POST", f"/{BUCKET}", "delete", delete % b"", bypass, {"DeleteObject", "BypassGovernanceRetention"}, WRITE | LOCK))
    for what, fields, asks in (("", {}, set()), (" with tags", {"tagging": TAGS.decode()}, {"PutObjectTagging"}), (" with an ACL", {"acl": "bucket-owner-full-control"}, {"PutObjectAcl"}),
                               (" with a legal hold", {"x-amz-object-lock-legal-hold": "ON"}, {"PutObjectLegalHold"})):
        form = Form("PostObject" + what, "POST", f"/{BUCKET}", "", b"", {"content-type": "multipart/form-data; boundary=x"}, {"PutObject"} | asks, WRITE)
        form.fields = fields
        listed.append(form)
    return listed


# ---- The matrix ----


def set_policy(*statements):
    document = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Principal": {"CanonicalUser": "b0b"}, "Action": [f"s3:{action}" for action in actions], "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
        for effect, actions in statements]})
    must("PUT", f"/{BUCKET}", "policy", document.encode())


def must(method, path, query="", body=b"", headers=None):
    sent = Request("", method, path, query, body, headers or {}, set(), 0)
    status, answer = owner.exchange([(method, sent.signed("alice"))])[0]
    if status not in (200, 204):
        raise RuntimeError(f"{method} {path}?{query}: {status} {error_code(answer)}")
    return answer.decode("utf-8", "replace")


def wrong(requests, who, may):
    """What was not answered as it should be: a denial where it may not be done, else what is answered to who may do everything."""
    listed = []
    answers = callers.exchange([(request.method, request.signed_by[who]) for request in requests])
    for request, answer in zip(requests, answers):
        gone = request.name.startswith(MAY_BE_GONE) and answer[0] == 404
        if is_denied(answer) == may(request) or (may(request) and answer[0] != request.status and not gone):
            listed.append(f"{request.name}: {answer[0]} {error_code(answer[1]) if answer[0] >= 400 else ''}")
    return listed


def baseline(requests):
    """To whom everything is allowed is denied nothing, and what he does succeeds."""
    set_policy(("Allow", ["*"]))
    for request in requests:
        request.signed_by = {who: request.signed(who) for who in KEYS}
    everything = [(request.method, request.signed_by["bob"]) for request in requests]
    callers.exchange(everything)  # what is put is there from now on
    for request, answer in zip(requests, callers.exchange(everything)):
        detail = f"{answer[0]} {answer[1][:200]}"
        if request.status is None:
            check(answer[0] in (200, 204) and not is_denied(answer), f"{request.name} is done", detail)
        else:
            check(answer[0] == request.status or (request.status == 0 and answer[0] != 403), f"{request.name} is not denied", detail)
        request.status = answer[0]


def by_policy(requests):
    asked = 0
    for action in ACTIONS:
        set_policy(("Allow", [action]))
        equal(wrong(requests, "bob", lambda request: request.asks == {action}), [], f"{action} alone allows what asks for it alone")
        set_policy(("Allow", ["*"]), ("Deny", [action]))
        equal(wrong(requests, "bob", lambda request: action not in request.asks), [], f"{action} denied out of all denies what asks for it")
        asked += 2 * len(requests)
    for asks in sorted({tuple(sorted(request.asks)) for request in requests if len(request.asks) > 1}):
        set_policy(("Allow", asks))
        equal(wrong(requests, "bob", lambda request: request.asks <= set(asks)), [], f"{' and '.join(asks)} together allow what asks for no more")
        asked += len(requests)
    return asked


def by_rights(requests):
    """What a key has by configuration, without any policy; for its policy is the owner's own matter then."""
    must("DELETE", f"/{BUCKET}", "policy")
    own = [request for request in requests if "BucketPolicy" not in request.name]
    for bit, right in RIGHTS.items():
        for who, has in ((f"{right} alone", bit), (f"all but {right}", sum(RIGHTS) - bit)):
            has |= LOCK if has & ADMIN else 0
            equal(wrong(own, who, lambda request: request.rights & ~has == 0), [], f"a key with {who} does what asks for no more")
    return len(RIGHTS) * 2 * len(own)


def on_keys(requests):
    """What a key has on some of the keys, without any policy."""
    own = [request for request in requests if "BucketPolicy" not in request.name]

    def may(request, on, on_prefix, right=None):
        has = sum(RIGHTS) if right is None else right | (LOCK if right == ADMIN else 0)
        if request.rights & ~has != 0:
            return False
        return on_prefix(request.prefix()) if request.prefix() is not None else request.keys() != set() and all(map(on, request.keys()))

    def never(prefix):
        return False

    for name in NAMED:
        equal(wrong(own, f"all on {name}", lambda request: may(request, lambda key: key == name, never)), [], f"rights on {name} are on that key alone")
        equal(wrong(own, f"all but on {name}", lambda request: may(request, lambda key: key != name, never)), [], f"rights on all keys but {name} are not on that key")
    for start in ("ke", "x"):
        equal(wrong(own, f"all on {start}*", lambda request: may(request, lambda key: key.startswith(start), lambda prefix: prefix.startswith(start))), [],
              f"rights on {start}* are on what begins so, and on its listings")
    for bit, right in RIGHTS.items():
        equal(wrong(own, f"{right} on all keys", lambda request: may(request, lambda key: True, lambda prefix: True, bit)), [], f"{right} on all keys is none on the bucket")
    return len(ON_KEYS) * len(own)


def fill():
    must("PUT", f"/{BUCKET}", headers={"x-amz-bucket-object-lock-enabled": "true"})
    found = {}
    for key, headers in (("key", {}), ("source", {}), ("tagged", {"x-amz-tagging": "a=b"}), ("noted", {})):
        must("PUT", f"/{BUCKET}/{key}", body=key.encode(), headers=headers)
    must("PUT", f"/{BUCKET}/noted", "annotation&annotationName=x", b"text")
    for key in ("key", "source", "tagged", "noted"):
        found[key] = must("GET", f"/{BUCKET}", f"prefix={key}&versions").split("<VersionId>")[1].split("<")[0]
    return found, must("POST", f"/{BUCKET}/parts", "uploads").split("<UploadId>")[1].split("<")[0]


FILE = scratch("credentials")
with open(FILE, "w") as out:
    out.write("user alice a11ce\nuser bob b0b\nkey ALICEKEY alice-secret owner:alice @own=all\nkey BOBKEY bob-secret owner:bob @own=all\n")
    for bit, right in RIGHTS.items():
        others = ",".join(name for other, name in RIGHTS.items() if other != bit)
        out.write(f"key ONLY{bit} a-secret owner:bob {BUCKET}={right}\nkey BUT{bit} b-secret owner:bob {BUCKET}={others}\n")
    for who, patterns in ON_KEYS.items():
        out.write(f"key {KEYS[who][0]} p-secret owner:bob {patterns}\n")
os.chmod(FILE, 0o600)
server = Server(args=["--credentials", FILE, "--workers", "1", "--durability", "relaxed"])
HOST = server.url.split("//")[1]
SIGNERS = {who: Signer(*key) for who, key in KEYS.items()}
owner, callers = Connection(), Connection()
versions, upload = fill()
requests = sorted(requests_of_rows() + with_headers(), key=lambda request: ("DELETE", "PUT").index(request.method) if request.method in ("DELETE", "PUT") else 2)
baseline(requests)
count = by_policy(requests) + by_rights(requests) + on_keys(requests)
print(f"# {len(requests)} requests, {len(ACTIONS)} actions, {count} asked")
check(len(requests) > 120 and len(ACTIONS) > 80, "the matrix is as large as the table", f"{len(requests)} requests, {len(ACTIONS)} actions")
equal(must("GET", f"/{BUCKET}/key"), "key", "what everybody asked for is there as it was")
check(server.stop(), "the server ends cleanly")
done()
