#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The judged object is the served object, one moment after the other. The server is one whose requests pass through a hand between judgement and
operation (swap.c): at each of these moments, for every row of the table of operations that judges an object, the object is tagged otherwise, made
private, replaced, or deleted. Afterwards the caller, who may do everything with the object as it was and nothing with what it is now, has read
the old one or was refused, and has changed nothing.

A row that this test does not know makes it fail."""
import base64
import datetime
import hashlib
import hmac
import http.client
import io
import json
import os
import re
import tarfile

import operations_rows
from signer import Signer
from sluicetest import BUILD, Server, check, done, equal, error_code, scratch

SWAPPING = os.path.join(BUILD, "tests", "sluice_swapping")
POINTS_MAX = 40  # a request that passes more moments than that is told
OPEN = "of=everybody"
TAGS = "<Tagging><TagSet><Tag><Key>by</Key><Value>bob</Value></Tag></TagSet></Tagging>"
ACL = ('<AccessControlPolicy><Owner><ID>a11ce</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
       'xsi:type="CanonicalUser"><ID>b0b</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>')
RETENTION = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>"
HOLD = "<LegalHold><Status>ON</Status></LegalHold>"


class Case:
    """A request about the object `key`, by bob; free is a key whose object is nobody's concern. makes: where there is none, too. changes_key: what it
    changes is the object of the key. modes: of those below; holds: the object's version cannot be deleted then; may_be_gone: what is read may go with
    its object."""

    def __init__(self, method, query="", headers=None, body="", path="{key}", prepare=None, makes=False, only_locked=False, versions=False, changes_key=True, modes=None, holds=False, may_be_gone=False):
        self.method, self.query, self.headers, self.body, self.path = method, query, headers or {}, body, path
        self.prepare, self.makes, self.only_locked, self.versions, self.changes_key = prepare, makes, only_locked, versions, changes_key
        self.modes, self.holds, self.may_be_gone = modes or ("tag", "denial", "acl", "own"), holds, may_be_gone


def begin_upload(key, who):
    text = must(who, "POST", f"/{bucket}/{key}", "uploads")[2].decode()
    return {"upload": text.split("<UploadId>")[1].split("<")[0]}


def upload_of(key, who):
    words = begin_upload(key, who)
    answer = must(who, "PUT", f"/{bucket}/{key}", f"partNumber=1&uploadId={words['upload']}", b"by bob")
    return {**words, "etag": answer[1]["etag"]}


def with_lock(name, document):
    return lambda key, who: must("alice", "PUT", f"/{bucket}/{key}", name, document.encode()) and {}


def annotated(key, who):
    must("alice", "PUT", f"/{bucket}/{key}", "annotation&annotationName=x", b"open")
    return {}


def tar_of(body, *names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def archive(key):
    """Of which one member is to be the object."""
    return tar_of(b"by bob", f"f{key}/first", key, f"f{key}/last")


# What the objects hold: archives, for the rows that look into such.
OPEN_BODY, PRIVATE_BODY = tar_of(b"open", "member"), tar_of(b"private", "member")
SECRETS = (b"private", b"secret", hashlib.md5(PRIVATE_BODY).hexdigest().encode())


# Row -> what is asked. Rows of two objects are asked twice, for each of them.
PART = "uploadId={upload}&partNumber=1"
CASES = {
    "GetObject": [Case("GET", versions=True)], "HeadObject": [Case("HEAD", versions=True)],
    "GetObjectAttributes": [Case("GET", "attributes", {"x-amz-object-attributes": "ETag,ObjectSize"}, versions=True)],
    "GetArchiveMember": [Case("GET", "sluice-member=member", versions=True)], "HeadArchiveMember": [Case("HEAD", "sluice-member=member", versions=True)],
    "ListArchiveMembers": [Case("GET", "sluice-members", versions=True)],
    "GetObjectAcl": [Case("GET", "acl", versions=True)], "GetObjectTagging": [Case("GET", "tagging", versions=True)],
    "GetObjectLegalHold": [Case("GET", "legal-hold", only_locked=True, versions=True, prepare=with_lock("legal-hold", HOLD.replace("ON", "OFF")))],
    "GetObjectRetention": [Case("GET", "retention", only_locked=True, versions=True, prepare=with_lock("retention", RETENTION), holds=True)],
    "PutObject": [Case("PUT", body="by bob", makes=True), Case("PUT", body="by bob" * 20_000, makes=True), Case("PUT", "", {"x-amz-tagging": "by=bob"}, "by bob", makes=True, modes=("tag", "denial")),
                  Case("PUT", "", {"x-amz-meta-snowball-auto-extract": "true"}, archive, path="{free}", makes=True, modes=("tag", "denial"))],
    "CopyObject": [Case("PUT", "", {"x-amz-copy-source": "{bucket}/{key}"}, path="{free}", modes=("tag", "denial")),
                   Case("PUT", "", {"x-amz-copy-source": "{bucket}/{key}", "x-amz-tagging-directive": "REPLACE"}, path="{free}"), Case("PUT", "", {"x-amz-copy-source": "{bucket}/free"}, makes=True),
                   Case("PUT", "", {"x-amz-copy-source": "{bucket}/{key}", "x-amz-checksum-algorithm": "SHA256"}, path="{free}", modes=("tag", "denial"))],
    "RenameObject": [Case("PUT", "renameObject", {"x-amz-rename-source": "/{bucket}/{key}"}, path="{free}"),
                     Case("PUT", "renameObject", {"x-amz-rename-source": "/{bucket}/{free}"}, prepare=lambda key, who: must("alice", "PUT", f"/{bucket}/f{key}", body=b"by bob") and {}, makes=True)],
    "DeleteObject": [Case("DELETE", versions=True)],
    "PutObjectAcl": [Case("PUT", "acl", {"x-amz-acl": "bucket-owner-full-control"}, versions=True), Case("PUT", "acl", body=ACL)],
    "PutObjectTagging": [Case("PUT", "tagging", body=TAGS, versions=True)], "DeleteObjectTagging": [Case("DELETE", "tagging", versions=True)],
    "GetObjectAnnotation": [Case("GET", "annotation&annotationName=x", versions=True, prepare=annotated, may_be_gone=True)],
    "ListObjectAnnotations": [Case("GET", "annotation", versions=True, prepare=annotated)],
    "PutObjectAnnotation": [Case("PUT", "annotation&annotationName=x", body="by bob", versions=True, prepare=annotated),
                            Case("PUT", "annotation&annotationName=y", body="by bob" * 20_000)],
    "DeleteObjectAnnotation": [Case("DELETE", "annotation&annotationName=x", versions=True, prepare=annotated)],
    "PutObjectRetention": [Case("PUT", "retention", body=RETENTION, only_locked=True, versions=True)],
    "PutObjectLegalHold": [Case("PUT", "legal-hold", body=HOLD, only_locked=True, versions=True)],
    "CreateMultipartUpload": [Case("POST", "uploads", changes_key=False)],
    "UploadPart": [Case("PUT", PART, body="by bob", prepare=begin_upload, changes_key=False)],
    "UploadPartCopy": [Case("PUT", PART, {"x-amz-copy-source": "{bucket}/{key}"}, prepare=lambda key, who: begin_upload("f" + key, who), path="{free}"),
                       Case("PUT", PART, {"x-amz-copy-source": "{bucket}/free"}, prepare=begin_upload, changes_key=False)],
    "ListParts": [Case("GET", "uploadId={upload}", prepare=begin_upload, changes_key=False)],
    "AbortMultipartUpload": [Case("DELETE", "uploadId={upload}", prepare=begin_upload, changes_key=False)],
    "CompleteMultipartUpload": [Case("POST", "uploadId={upload}", body="<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>",
                                     prepare=upload_of, makes=True)],
    # By a list, and by a form.
    "DeleteObjects": [Case("POST", "delete", body="<Delete><Object><Key>{key}</Key></Object><Object><Key>{free}</Key></Object></Delete>", path="")],
    "PostObject": [Case("POST", path="", makes=True)],
}
READS = {"GET", "HEAD"}

# ---- The way there ----

FILE = scratch("credentials")
with open(FILE, "w") as out:
    out.write("user alice a11ce\nuser bob b0b\nkey ALICEKEY alice-secret owner:alice @own=all\nkey BOBKEY bob-secret owner:bob @own=all\n")
os.chmod(FILE, 0o600)
server = Server(args=["--credentials", FILE, "--workers", "1", "--durability", "relaxed"], program=SWAPPING)
HOST = server.url.split("//")[1]
SIGNERS = {"alice": Signer("ALICEKEY", "alice-secret"), "bob": Signer("BOBKEY", "bob-secret")}
connection, asked, bucket, log = server.connect(), 0, "", open(server.log)


def ask(who, method, path, query="", body=b"", headers=None, unsigned=None):
    """(status, headers, body)"""
    global connection, asked
    asked += 1
    signed = SIGNERS[who].headers(method, path, HOST, hashlib.sha256(body).hexdigest(), headers, query) if who else dict(headers or {})
    for last in (False, True):
        try:
            connection.request(method, path + ("?" + query if query else ""), body=body, headers={**signed, **(unsigned or {})})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except (http.client.HTTPException, ConnectionError):
            connection.close()
            connection = server.connect()
            if last:
                raise
    return None


def must(who, method, path, query="", body=b"", headers=None):
    answer = ask(who, method, path, query, body, headers)
    if answer[0] not in (200, 204):
        raise RuntimeError(f"{who}: {method} {path}?{query}: {answer}")
    return answer


def form(key):
    """(headers, body) of one that bob signed."""
    signer = SIGNERS["bob"]
    fields = {"key": key, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{signer.access}/{signer.scope}", "x-amz-date": signer.stamp}
    expires = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [{"bucket": bucket}, *({name: value} for name, value in fields.items())]
    policy = base64.b64encode(json.dumps({"expiration": expires, "conditions": conditions}).encode()).decode()
    fields |= {"policy": policy, "x-amz-signature": hmac.new(signer.key(), policy.encode(), hashlib.sha256).hexdigest()}
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    return {"content-type": "multipart/form-data; boundary=x"}, (body + '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nby bob\r\n--x--\r\n').encode()


def swaps_done():
    """How often the hand did something since the last call."""
    lines = [line for line in log.read().splitlines() if line.startswith("swap:")]
    check(all(line == "swap: done" for line in lines), "the hand can do it", str(lines)) if any(line != "swap: done" for line in lines) else None
    return len(lines)


VOLATILE = re.compile(rb"<(RequestId|HostId|LastModified|VersionId|Initiated|UploadId)>[^<]*</\1>")


def state(key, version=None):
    """All that there is of the key, or of that version."""
    of = f"&versionId={version}" if version else ""
    found = [ask("alice", "GET", f"/{bucket}/{key}", of[1:])]
    if found[0][0] == 200:
        found += [ask("alice", "GET", f"/{bucket}/{key}", name + of) for name in (("acl", "tagging", "annotation", "retention", "legal-hold") if bucket == "locked" else ("acl", "tagging", "annotation"))]
    listed = ask("alice", "GET", f"/{bucket}", f"prefix={key}&versions") if bucket == "locked" else (0, {}, b"")
    return [(status, VOLATILE.sub(b"", body.replace(key.encode(), b"KEY")), headers.get("etag")) for status, headers, body in found] + [
        (listed[2].count(b"<Version>"), listed[2].count(b"<DeleteMarker>"))]


# ---- One case ----

number = 0


def fresh(mode, is_there):
    """A key, with the object that is judged. (key, its version)"""
    global number
    number += 1
    key = f"k{number:05}"
    if not is_there:
        return key, None
    if mode == "own":
        answer = must("bob", "PUT", f"/{bucket}/{key}", body=OPEN_BODY)
    else:
        headers = {"x-amz-tagging": OPEN, **({"x-amz-grant-full-control": 'id="b0b"'} if mode == "acl" else {})}
        answer = must("alice", "PUT", f"/{bucket}/{key}", body=OPEN_BODY, headers=headers)
    return key, answer[1].get("x-amz-version-id")


def swap_header(point, what, key, version):
    return {"x-test-swap": f"{point} {what} {bucket} {key} {version or ''}"}


def send(case, key, version, words, unsigned):
    places = {"key": key, "free": "f" + key, "bucket": bucket, **words}
    path = f"/{bucket}" + (f"/{case.path.format(**places)}" if case.path else "")
    query = case.query.format(**places)
    if version:
        query += ("&" if query else "") + f"versionId={version}"
    if case is CASES["PostObject"][0]:
        headers, body = form(key)
        return ask(None, case.method, path, query, body, headers, unsigned)
    body = case.body(key) if callable(case.body) else case.body.format(**places).encode()
    return ask("bob", case.method, path, query, body, {name: value.format(**places) for name, value in case.headers.items()}, unsigned)


def prepare(case, mode, key):
    return (case.prepare(key, "bob" if mode == "own" else "alice") if case.prepare else None) or {}


def swapped_alone(mode, case, is_there, what, of_version):
    """What is there when nobody but the hand did something."""
    key, version = fresh(mode, is_there)
    prepare(case, mode, key)
    version = version if of_version else None
    ask("alice", "GET", f"/{bucket}/free", unsigned=swap_header(1, what, key, version))
    equal(swaps_done(), 1, f"{bucket}: an object is swapped: {what}{', a version' if of_version else ''}{'' if is_there else ', where there was none'}")
    return state(key, version)


def judge(case, answer, key, version, wanted):
    """What is wrong with the answer, and with what is there after it."""
    status, headers, body = answer
    denied = status == 403 or (case is CASES["DeleteObjects"][0] and f"<Key>{key}</Key><Code>AccessDenied</Code>".encode() in body)
    wrong = []
    if any(secret in body or secret in repr(headers).encode() for secret in SECRETS):
        wrong.append("told what it is now")
    if case.method in READS:
        if status >= 300 and not denied and not (case.may_be_gone and status == 404):
            wrong.append(f"{status} {error_code(body)}")
    elif case.changes_key and not denied:
        wrong.append(f"{status} {error_code(body) if status >= 400 else ''}")
    elif not denied and status >= 300:
        wrong.append(f"{status} {error_code(body)}")
    now = state(key, version)
    if now != wanted:
        wrong.append(f"there is {now}, not {wanted}")
    return wrong


def run(name, mode, case, what, is_there=True, of_version=False):
    """At each moment that the request passes. How often something was swapped."""
    place = bucket, mode, case.prepare, what, is_there, of_version
    if place not in WANTED:
        WANTED[place] = swapped_alone(mode, case, is_there, what, of_version)
    struck, wrong = 0, []
    for point in range(1, POINTS_MAX):
        key, version = fresh(mode, is_there)
        words = prepare(case, mode, key)
        version = version if of_version else None
        answer = send(case, key, version, words, swap_header(point, what, key, version))
        if swaps_done() == 0:
            if answer[0] >= 300:
                wrong.append(f"unswapped: {answer[0]} {error_code(answer[2])}")
            break
        struck += 1
        wrong += [f"at moment {point}: {fault}" for fault in judge(case, answer, key, version, WANTED[place])]
    else:
        wrong.append("too many moments")
    check(not wrong and struck > 0, f"{bucket}, {mode}: {name}{', a version' if of_version else ''} while the object is swapped: {what}, {struck} moments", "; ".join(wrong))


# ---- All cases ----

WANTED = {}
BY_OBJECT_ACL = {"GetObject", "HeadObject", "GetArchiveMember", "HeadArchiveMember", "ListArchiveMembers", "GetObjectAttributes", "GetObjectAcl", "PutObjectAcl"}
BY_BUCKET_ACL = {"PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects"}


def allow(*statements):
    free = {"Effect": "Allow", "Principal": {"CanonicalUser": "b0b"}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/f*"}
    document = {"Version": "2012-10-17", "Statement": [free, *({"Principal": {"CanonicalUser": "b0b"}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/k*", **statement}
                                                               for statement in statements)]}
    must("alice", "PUT", f"/{bucket}", "policy", json.dumps(document).encode())


def has(tag):
    return {"StringEquals": {"s3:ExistingObjectTag/of": tag}}


def all_cases(mode):
    for name, cases in CASES.items():
        for case in cases:
            if mode in case.modes and (bucket == "locked" or not case.only_locked):
                yield name, case


def by_tag():
    """Bob may do everything with what is tagged so."""
    allow({"Effect": "Allow", "Condition": has("everybody")})
    for name, case in all_cases("tag"):
        for what in ("tags", "delete", "replace"):
            run(name, "tag", case, what)
        if bucket == "locked" and case.versions:
            for what in ("tags",) if case.holds else ("tags", "delete"):
                run(name, "tag", case, what, of_version=True)


def by_denial():
    """Bob may do everything, but with what is tagged secret."""
    allow({"Effect": "Allow"}, {"Effect": "Deny", "Condition": has("secret")})
    for name, case in all_cases("denial"):
        for what in ("tags", "replace"):
            run(name, "denial", case, what)
        if case.makes:
            run(name, "denial", case, "replace", is_there=False)


def by_acl():
    """The object's grants him everything."""
    allow()
    for name, case in all_cases("acl"):
        if name in BY_OBJECT_ACL or (name in ("CopyObject", "UploadPartCopy") and case.path == "{free}"):
            for what in ("acl", "delete", "replace"):
                run(name, "acl", case, what)
            if bucket == "locked" and case.versions:
                run(name, "acl", case, "acl", of_version=True)


def by_ownership():
    """The bucket's ACL lets him write, over what is his own."""
    allow()
    must("alice", "PUT", f"/{bucket}", "acl", headers={"x-amz-grant-write": 'id="b0b"'})
    for name, case in all_cases("own"):
        if name in BY_BUCKET_ACL and case.path != "{free}":
            run(name, "own", case, "replace")
            if case.makes:
                run(name, "own", case, "replace", is_there=False)
    must("alice", "PUT", f"/{bucket}", "acl", headers={"x-amz-acl": "private"})


def spent():
    """An object that is another at every attempt: it is judged anew eight times, and then told."""
    allow({"Effect": "Allow", "Condition": has("everybody")})
    for name, case in all_cases("tag"):
        if not case.changes_key or case.method in READS or case.path == "{free}" and name == "UploadPartCopy":
            continue
        key, _ = fresh("tag", True)
        words = prepare(case, "tag", key)
        status, _, body = send(case, key, None, words, swap_header("*", "wobble", key, None))
        if name == "DeleteObjects":
            told = status, f"<Key>{key}</Key><Code>ConditionalRequestConflict</Code>".encode() in body
            equal((told, swaps_done()), ((200, True), 8), f"{bucket}: {name} of a restless object is tried 8 times")
        else:
            equal((status, error_code(body), swaps_done()), (409, "ConditionalRequestConflict", 8), f"{bucket}: {name} of a restless object is tried 8 times")


def rows_are_known():
    for row in operations_rows.read()[0]:
        judges = row.resource == "objects" and row.kind == "served" and row.action or row.name in ("DeleteObjects", "PostObject")
        if judges:
            check(row.name in CASES, f"{row.name}, which judges an object, is known to this test")
            check(all(case.method == row.method for case in CASES.get(row.name, [])), f"{row.name} is asked by its method")
            if "VERSION" in row.flags:
                check(any(case.versions for case in CASES.get(row.name, [])), f"{row.name} is asked of a version, too")
            if "MAKES" in row.flags:
                check(any(case.makes for case in CASES.get(row.name, [])), f"{row.name} is asked where there is no object, too")


rows_are_known()
for bucket in ("plain", "locked"):
    must("alice", "PUT", f"/{bucket}", headers={"x-amz-bucket-object-lock-enabled": "true"} if bucket == "locked" else {})
    must("alice", "PUT", f"/{bucket}/private", body=PRIVATE_BODY, headers={"x-amz-tagging": "of=secret"})
    must("alice", "PUT", f"/{bucket}/private", "annotation&annotationName=x", b"private")
    must("alice", "PUT", f"/{bucket}/free", body=b"by bob")
    by_tag()
    by_denial()
    by_acl()
    by_ownership()
    spent()
print(f"# {number} objects were swapped, {asked} requests")
log.close()
check(server.stop(), "the server ends cleanly")
done()
