#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may put, read, list, delete and copy annotations, and what Object Lock says: retention and legal holds keep them as they keep their version; a
copy takes them over for those alone who may; a presigned URL says the directive of a copy in its query."""
import datetime
import json
import os
import re

from signer import Signer
from sluicetest import Server, check, done, equal, error_code, scratch

FILE = scratch("credentials")
with open(FILE, "w") as out:
    out.write("user alice a11ce\nuser bob b0b\nkey ALICEKEY alice-secret owner:alice @own=all\nkey BOBKEY bob-secret owner:bob @own=all\n"
              "key WRITEKEY write-secret owner:bob locked=read,write\nkey READKEY read-secret owner:bob locked=read\n")
os.chmod(FILE, 0o600)
server = Server(args=["--credentials", FILE])
HOST = server.url.split("//")[1]
KEYS = {"alice": Signer("ALICEKEY", "alice-secret"), "bob": Signer("BOBKEY", "bob-secret"), "writer": Signer("WRITEKEY", "write-secret"),
        "reader": Signer("READKEY", "read-secret")}
UNTIL = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
NOTE = "annotation&annotationName=a"


def ask(who, method, path, query="", body=b"", headers=None):
    """(status, code), and the answer itself."""
    signed = KEYS[who].headers(method, path, HOST, "UNSIGNED-PAYLOAD", headers, query) if who else headers or {}
    answer = server.request(method, path + ("?" + query if query else ""), body, signed)
    return (answer[0], error_code(answer[2]) if answer[0] >= 400 else ""), answer


def is_so(name, wanted, who, method, path, query="", body=b"", headers=None):
    got, answer = ask(who, method, path, query, body, headers)
    equal(got, wanted, name)
    return answer


OK, GONE, DENIED = (200, ""), (204, ""), (403, "AccessDenied")
BYPASS = {"x-amz-bypass-governance-retention": "true"}

# ---- Object Lock ----
is_so("a bucket with object lock is made", OK, "alice", "PUT", "/locked", headers={"x-amz-bucket-object-lock-enabled": "true"})
is_so("an object that is not locked", OK, "alice", "PUT", "/locked/free", body=b"x")
is_so("takes annotations", OK, "alice", "PUT", "/locked/free", NOTE, b"text")
is_so("and gives them up", GONE, "alice", "DELETE", "/locked/free", NOTE)
for mode in ("GOVERNANCE", "COMPLIANCE", "hold"):
    key = f"/locked/{mode}"
    lock = {"x-amz-object-lock-legal-hold": "ON"} if mode == "hold" else {"x-amz-object-lock-mode": mode, "x-amz-object-lock-retain-until-date": UNTIL}
    is_so(f"{mode}: an object is put", OK, "alice", "PUT", key, body=b"x")
    is_so(f"{mode}: with an annotation", OK, "alice", "PUT", key, NOTE, b"text")
    sub, document = ("legal-hold", "<LegalHold><Status>ON</Status></LegalHold>") if mode == "hold" else (
        "retention", f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{UNTIL}</RetainUntilDate></Retention>")
    is_so(f"{mode}: it is locked", OK, "alice", "PUT", key, sub, document.encode())
    for what, method in (("put", "PUT"), ("deleted", "DELETE")):
        is_so(f"{mode}: no annotation is {what}", DENIED, "alice", method, key, NOTE, b"other" if method == "PUT" else b"")
    is_so(f"{mode}: nor one more put", DENIED, "alice", "PUT", key, NOTE + "b", b"other")
    may = mode == "GOVERNANCE"
    is_so(f"{mode}: nor by a bypass" if not may else f"{mode}: a bypass puts", OK if may else DENIED, "alice", "PUT", key, NOTE, b"other", BYPASS)
    is_so(f"{mode}: a bypass of who may write alone", DENIED, "writer", "PUT", key, NOTE, b"another", BYPASS)
    equal(ask("alice", "GET", key, NOTE)[1][2], b"other" if may else b"text", f"{mode}: it is as it was put")
    is_so(f"{mode}: and deletes" if may else f"{mode}: nor deleted", GONE if may else DENIED, "alice", "DELETE", key, NOTE, headers=BYPASS)
    is_so(f"{mode}: a new version", OK, "alice", "PUT", key, body=b"y")
    is_so(f"{mode}: takes annotations", OK, "alice", "PUT", key, NOTE, b"new")

# ---- Keys with rights ----
is_so("who may read reads", OK, "reader", "GET", "/locked/hold", NOTE)
is_so("and lists", OK, "reader", "GET", "/locked/hold", "annotation")
is_so("and puts none", DENIED, "reader", "PUT", "/locked/hold", NOTE, b"x")
is_so("nor deletes", DENIED, "reader", "DELETE", "/locked/hold", NOTE)
is_so("who may write puts", OK, "writer", "PUT", "/locked/hold", NOTE, b"x")
is_so("and deletes", GONE, "writer", "DELETE", "/locked/hold", NOTE)
for method in ("GET", "PUT", "DELETE"):
    is_so(f"{method} by nobody", (401, "AccessDenied"), None, method, "/locked/hold", NOTE, b"x" if method == "PUT" else None)

# ---- Copies by policy ----
is_so("a bucket is made", OK, "alice", "PUT", "/rules")
for key in ("noted", "bare"):
    is_so(f"{key} is put", OK, "alice", "PUT", f"/rules/{key}", body=key.encode())
is_so("with an annotation", OK, "alice", "PUT", "/rules/noted", NOTE, b"text")
is_so("that had one", OK, "alice", "PUT", "/rules/bare", NOTE, b"text")
is_so("and has none", GONE, "alice", "DELETE", "/rules/bare", NOTE)


def policy(*actions, condition=None):
    statements = [{"Effect": "Allow", "Principal": {"CanonicalUser": "b0b"}, "Action": [f"s3:{action}" for action in actions], "Resource": "arn:aws:s3:::rules/*",
                   **({"Condition": condition} if condition else {})}]
    is_so(f"a policy allows {', '.join(actions)}", GONE, "alice", "PUT", "/rules", "policy", json.dumps({"Version": "2012-10-17", "Statement": statements}).encode())


def copied(name, wanted, source, has=None, **headers):
    is_so(name, wanted, "bob", "PUT", "/rules/copy", headers={"x-amz-copy-source": f"/rules/{source}", **headers})
    if has is not None:
        names = re.findall(b"<AnnotationName>(.*?)<", ask("alice", "GET", "/rules/copy", "annotation")[1][2])
        equal(names, has, f"{name}: what it has")
    ask("alice", "DELETE", "/rules/copy")


policy("GetObject", "PutObject")
copied("an object without annotations is copied by who may not get them", OK, "bare", [])
copied("one with annotations is not", DENIED, "noted")
copied("but where they are left out", OK, "noted", [], **{"x-amz-object-annotation-directive": "EXCLUDE"})
policy("GetObject", "PutObject", "GetObjectAnnotation")
copied("nor by who may get them, but not put", DENIED, "noted")
policy("GetObject", "PutObject", "PutObjectAnnotation")
copied("nor by who may put them, but not get", DENIED, "noted")
policy("GetObject", "PutObject", "GetObjectAnnotation", "PutObjectAnnotation")
copied("who may both does", OK, "noted", [b"a"])
copied("and if he says so", OK, "noted", [b"a"], **{"x-amz-object-annotation-directive": "COPY"})
query, _ = KEYS["bob"].presign("PUT", "/rules/copy", HOST, **{"x-amz-copy-source": "/rules/noted", "x-amz-object-annotation-directive": "EXCLUDE"})
equal(server.request("PUT", f"/rules/copy?{query}", b"")[0], 200, "a presigned copy that excludes them")
equal(re.findall(b"<AnnotationName>", ask("alice", "GET", "/rules/copy", "annotation")[1][2]), [], "has none")
policy("GetObject", "PutObject", "GetObjectAnnotation", "PutObjectAnnotation", condition={"StringEquals": {"s3:ExistingObjectTag/open": "yes"}})
copied("a condition on the source's tags counts", DENIED, "noted")
policy("ListObjectAnnotations")
is_so("who may list lists", OK, "bob", "GET", "/rules/noted", "annotation")
is_so("and gets none", DENIED, "bob", "GET", "/rules/noted", NOTE)
policy("GetObjectAnnotation")
is_so("who may get gets", OK, "bob", "GET", "/rules/noted", NOTE)
is_so("and does not learn of what is not there", DENIED, "bob", "GET", "/rules/none", NOTE)
is_so("but of an annotation", (404, "NoSuchAnnotation"), "bob", "GET", "/rules/noted", NOTE + "b")
is_so("and lists none", DENIED, "bob", "GET", "/rules/noted", "annotation")

# ---- Expected owners, presigned URLs ----
is_so("another owner is expected", DENIED, "alice", "PUT", "/rules/noted", NOTE, b"x", {"x-amz-expected-bucket-owner": "123456789012"})
for method, body in (("PUT", b"presigned"), ("GET", None), ("DELETE", None)):
    query, _ = KEYS["alice"].presign(method, "/rules/noted", HOST, annotation="", annotationName="p")
    got = server.request(method, f"/rules/noted?{query}", body)
    equal(got[0], 204 if method == "DELETE" else 200, f"a presigned {method}")
    check(method != "GET" or got[2] == b"presigned", "has its bytes")
check(server.stop(), "the server stops")
done()
