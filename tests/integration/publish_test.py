#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""?sluice-publish: a staged build is there in one moment, and what it does not name below its prefix goes in the same; what is refused changes
nothing, and says which key it is about; each key is judged as by a request of its own; versions, locks and rules of caches hold."""
import json
import os
import re

from sluicetest import Server, check, content_md5, done, equal, error_code, fresh, run, SLUICE


def document(objects, prefix=None, condition=None, rest=""):
    text = "<Publish>"
    if prefix is not None:
        text += f"<Prefix>{prefix}</Prefix>"
    if condition is not None:
        text += f"<Condition><Key>{condition[0]}</Key><{condition[1]}>{condition[2]}</{condition[1]}></Condition>"
    for key, staged, *more in objects:
        text += f"<Object><Key>{key}</Key><Staged>{staged}</Staged>{''.join(more)}</Object>"
    return (text + rest + "</Publish>").encode()


def publish(server, body, bucket="web", headers=None):
    return server.request("POST", f"/{bucket}?sluice-publish", body, {**content_md5(body), **(headers or {})})


def get(server, key, bucket="web", headers=None):
    status, _, body = server.request("GET", f"/{bucket}/{key}", headers=headers)
    return body.decode() if status == 200 else status


def listed(server, prefix="", bucket="web", headers=None):
    return re.findall("<Key>(.*?)</Key>", server.request("GET", f"/{bucket}?list-type=2&prefix={prefix}", headers=headers)[2].decode())


def counts(answer):
    return tuple(int(number) for number in re.findall(rb"<(?:Published|Removed)>(\d+)<", answer[2]))


def put(server, key, body, bucket="web", headers=None):
    status, answered, _ = server.request("PUT", f"/{bucket}/{key}", body.encode(), headers)
    assert status == 200, (key, status)
    return {name.lower(): value for name, value in answered.items()}


# ---- What it does

server = Server()
equal(server.request("PUT", "/web")[0], 200, "the bucket is made")
for key in ("a", "b", "gone"):
    put(server, f"site/{key}", f"old {key}")
put(server, "sitemap", "beside the prefix")
for key in ("a", "c", "latest"):
    put(server, f"stage/1/{key}", f"new {key}", headers={"Content-Type": "text/x-page", "x-amz-meta-build": "1", "x-amz-tagging": "run=1"})
BUILD = [(f"site/{key}", f"stage/1/{key}") for key in ("a", "c", "latest")]
answer = publish(server, document(BUILD, "site/", ("site/latest", "IfNoneMatch", "*")))
equal(answer[0], 200, "a build is published")
equal(counts(answer), (3, 2), "the answer counts what came and what went")
equal(listed(server, "site/"), ["site/a", "site/c", "site/latest"], "what the build does not name is gone")
equal([get(server, f"site/{key}") for key in ("a", "b", "c", "gone")], ["new a", 404, "new c", 404], "each key has what was staged, or nothing")
equal(get(server, "sitemap"), "beside the prefix", "a key beside the prefix stays")
equal(get(server, "stage/1/a"), "new a", "the staged object stays")
headers = {name.lower(): value for name, value in server.request("HEAD", "/web/site/a")[1].items()}
equal([headers.get(name) for name in ("content-type", "x-amz-meta-build", "x-amz-tagging-count")], ["text/x-page", "1", "1"],
      "headers, metadata and tags come along")
for key in ("a", "c"):
    put(server, f"stage/2/{key}", f"newer {key}")
answer = publish(server, document([("site/a", "stage/2/a"), ("site/c", "stage/2/c")], rest="<RemoveStaged>true</RemoveStaged>"))
equal(counts(answer), (2, 2), "staged objects go where that is asked for")
equal([get(server, key) for key in ("site/a", "stage/2/a", "site/latest")], ["newer a", 404, "new latest"], "and nothing else does without a prefix")
equal(counts(publish(server, document([], "site/"))), (0, 3), "a prefix is emptied")
equal(listed(server, "site/"), [], "so it has no keys")

# ---- What it refuses

for key in ("a", "b"):
    put(server, f"site/{key}", f"old {key}")
etag = put(server, "stage/3/a", "newest a")["etag"].strip('"')
GOOD = ("site/a", "stage/3/a")


def refused(name, body, status, code, tells=None, **more):
    answer = publish(server, body, **more)
    equal((answer[0], error_code(answer[2])), (status, code), name)
    if tells is not None:
        check(tells.encode() in answer[2], f"{name}: the answer tells which", answer[2].decode())
    equal([get(server, f"site/{key}") for key in ("a", "b")], ["old a", "old b"], f"{name}: nothing is changed")


refused("a staged key that is not there", document([GOOD, ("site/c", "stage/3/none")], "site/"), 404, "NoSuchKey", "<Key>stage/3/none</Key>")
refused("a staged object with another ETag", document([(*GOOD, "<ETag>&quot;" + "0" * 32 + "&quot;</ETag>")]), 412, "PreconditionFailed", "stage/3/a")
refused("a pointer that is there", document([GOOD], None, ("site/b", "IfNoneMatch", "*")), 412, "PreconditionFailed", "IfNoneMatch")
refused("a pointer that is another", document([GOOD], None, ("site/b", "IfMatch", etag)), 412, "PreconditionFailed", "IfMatch")
refused("a pointer that is not there", document([GOOD], None, ("site/none", "IfMatch", etag)), 412, "PreconditionFailed", "IfMatch")
refused("a key that is named twice", document([GOOD, GOOD]), 400, "InvalidArgument", "twice")
refused("a key that is too long", document([("k" * 1025, "stage/3/a")]), 400, "KeyTooLongError")
refused("an element that is not known", document([GOOD], rest="<Sudo>true</Sudo>"), 400, "MalformedXML")
refused("an object without a staged key", document([GOOD], rest="<Object><Key>x</Key></Object>"), 400, "MalformedXML")
refused("a condition that is two", document([GOOD], rest="<Condition><Key>x</Key><IfMatch>a</IfMatch><IfNoneMatch>*</IfNoneMatch></Condition>"), 400, "MalformedXML")
refused("a condition without a key", document([GOOD], rest="<Condition><IfNoneMatch>*</IfNoneMatch></Condition>"), 400, "MalformedXML")
refused("If-None-Match of an ETag", document([GOOD], None, ("site/b", "IfNoneMatch", etag)), 400, "InvalidArgument")
refused("nothing to publish", document([]), 400, "MalformedXML")
refused("another document", b"<Delete></Delete>", 400, "MalformedXML")
refused("no XML", b"hello", 400, "MalformedXML")
refused("a bucket that is not there", document([GOOD]), 404, "NoSuchBucket", bucket="none")
MANY = [(f"many/{i}", "stage/3/a") for i in range(10001)]
refused("more keys than it takes", document(MANY), 400, "InvalidArgument", "10000")
body = document([GOOD])
equal(error_code(server.request("POST", "/web?sluice-publish", body)[2]), "InvalidRequest", "no page of a browser can ask for it: a digest is due")
equal(error_code(publish(server, body, headers=content_md5(b"other"))[2]), "BadDigest", "the document's digest is compared")
answer = publish(server, document(MANY[:10000]))
equal((answer[0], *counts(answer)), (200, 10000, 0), "ten thousand keys are published")
equal(get(server, "many/9999"), "newest a", "the last of them is there")
answer = publish(server, document([("many/1", "stage/3/a", f"<ETag>{etag}</ETag>")], "many/", ("many/2", "IfMatch", etag)))
equal((answer[0], *counts(answer)), (200, 1, 9999), "and gone, but for one")
equal(listed(server, "many/"), ["many/1"], "which is listed alone")

# ---- Uploads

PART = b"p" * (5 << 20)


def upload(key, *bodies):
    """(its id, its parts as the document lists them)"""
    number = re.search(rb"<UploadId>(.*?)<", server.request("POST", f"/web/{key}?uploads", headers={"Content-Type": "text/x-part"})[2])[1].decode()
    parts = ""
    for i, body in enumerate(bodies, 1):
        answered = {name.lower(): value for name, value in server.request("PUT", f"/web/{key}?partNumber={i}&uploadId={number}", body)[1].items()}
        parts += f"<Part><PartNumber>{i}</PartNumber><ETag>{answered['etag']}</ETag></Part>".replace('"', "&quot;")
    return number, parts


def uploaded(key, number, parts):
    return f"<Object><Key>{key}</Key><UploadId>{number}</UploadId>{parts}</Object>"


def uploads():
    return re.findall(rb"<UploadId>(.*?)<", server.request("GET", "/web?uploads")[2])


large, small = upload("up/large", PART, b"end"), upload("up/small", b"all")
refused("an upload with a part that is another", document([], rest=uploaded("up/large", large[0], large[1].replace("<PartNumber>2", "<PartNumber>3"))), 400, "InvalidPart")
refused("an upload that is not there", document([], rest=uploaded("up/none", *small)), 404, "NoSuchUpload")
refused("an upload and a staged key", document([("up/small", "stage/3/a", f"<UploadId>{small[0]}</UploadId>{small[1]}")]), 400, "MalformedXML")
refused("an upload without parts", document([], rest=uploaded("up/small", small[0], "")), 400, "MalformedXML")
refused("an upload with parts in disorder", document([], rest=uploaded("up/large", large[0], "".join(reversed(re.findall("<Part>.*?</Part>", large[1]))))), 400, "InvalidPartOrder")
refused("an upload beside a key that is not there", document([("site/c", "stage/3/none")], rest=uploaded("up/large", *large)), 404, "NoSuchKey")
equal(len(uploads()), 2, "uploads stay as they are where nothing was published")
answer = publish(server, document([("up/copy", "stage/3/a")], "up/", rest=uploaded("up/large", *large) + uploaded("up/small", *small)))
equal((answer[0], *counts(answer)), (200, 3, 0), "uploads are published beside a staged key")
status, headers, body = server.request("GET", "/web/up/large")
headers = {name.lower(): value for name, value in headers.items()}
equal((status, body == PART + b"end", headers["content-type"], headers["etag"][-3:]), (200, True, "text/x-part", '-2"'), "the object is what its upload would have become")
equal([get(server, f"up/{key}") for key in ("copy", "small")], ["newest a", "all"], "so are the others")
equal(uploads(), [], "and the uploads are no more")
refused("more parts than it takes", document([], rest=uploaded("up/many", small[0], "".join(
    f"<Part><PartNumber>{i}</PartNumber><ETag>e</ETag></Part>" for i in range(1, 1003)))), 400, "InvalidArgument", "1000")

# ---- Versions and locks

equal(server.request("PUT", "/versions", headers={"x-amz-bucket-object-lock-enabled": "true"})[0], 200, "a bucket with object lock")
first = put(server, "site/a", "first", "versions")["x-amz-version-id"]
kept = put(server, "site/b", "kept", "versions", {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"})["x-amz-version-id"]
old = put(server, "stage/a", "second", "versions")["x-amz-version-id"]
put(server, "stage/a", "third", "versions")
answer = publish(server, document([("site/a", "stage/a", f"<VersionId>{old}</VersionId>")], "site/"), "versions")
equal((answer[0], *counts(answer)), (200, 1, 1), "a version is published, in a bucket with versions")
status, headers, body = server.request("GET", "/versions/site/a")
equal((status, body), (200, b"second"), "it is current")
seen = dict((name.lower(), value) for name, value in headers.items())["x-amz-version-id"]
VERSIONS = "/versions?versions&prefix=site/"
before = server.request("GET", VERSIONS)[2]
equal(get(server, f"site/a?versionId={seen}", "versions"), "second", "it is found by its id")
equal(get(server, f"site/a?versionId={first}", "versions"), "first", "what it replaced is a version")
equal(get(server, "site/b", "versions"), 404, "what it does not name has a delete marker")
equal(get(server, f"site/b?versionId={kept}", "versions"), "kept", "and the locked version is there")
equal(server.request("DELETE", f"/versions/site/b?versionId={kept}")[0], 403, "and locked")
equal(len(re.findall(b"<DeleteMarker>", before)), 1, "there is one delete marker")
equal(server.request("GET", VERSIONS)[2], before, "a listing of versions says the same later")

# ---- Caches

equal(server.request("PUT", "/cache")[0], 200, "a bucket for a cache")
equal(server.request("PUT", "/cache?sluice-cache", b"<CacheConfiguration><MaxObjectSize>10</MaxObjectSize><WriteOnce>true</WriteOnce></CacheConfiguration>")[0], 200, "with rules")
put(server, "taken", "x", "cache")
put(server, "staged", "y", "cache")
answer = publish(server, document([("new", "staged"), ("taken", "staged")]), "cache")
equal((answer[0], get(server, "taken", "cache"), get(server, "new", "cache")), (412, "x", 404), "a key that is taken is not written twice")
equal(counts(publish(server, document([("new", "staged")], rest="<RemoveStaged>true</RemoveStaged>"), "cache")), (1, 1), "another is, and the staged one goes")
equal(listed(server, bucket="cache"), ["new", "taken"], "both are listed")
server.stop()
checked = run([SLUICE, "check", "--data", server.data])
equal(checked[0], 0, "the store is sound")

# ---- Each key's right

FILE = fresh("publish") + ".credentials"
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write("key ADMIN admin-secret *=all\n"
               "token ci ci-secret-0123456789 web/stage/*=read,write web/site/*=write,list web/other/*=list\n"
               "token blind blind-secret-0123456789 web/stage/*=read web/site/*=write\n"
               "token reads reads-secret-0123456789 web=read,list\n")
CONFIG = FILE.replace(".credentials", ".conf")
with open(CONFIG, "w") as file:
    file.write("cache = nx bucket=web prefix=nx/\n")
server = Server(args=["--credentials", FILE, "--config", CONFIG], data=server.data)


def by(who):
    return {"Authorization": f"Bearer {who}-secret-0123456789"} if who != "ADMIN" else {"Authorization": "Basic QURNSU46YWRtaW4tc2VjcmV0"}


def judged(name, who, body, status, code=None, tells=""):
    answer = publish(server, body, headers=by(who))
    equal((answer[0], error_code(answer[2]) if answer[0] != 200 else None), (status, code), name)
    check(tells.encode() in answer[2], f"{name}: {tells or 'no key is told'}", answer[2].decode())


put(server, "stage/4/a", "four", headers=by("ci"))
put(server, "other/x", "mine", headers=by("ADMIN"))
FOUR = ("site/a", "stage/4/a")
judged("a token publishes where it may write", "ci", document([FOUR]), 200)
judged("and replaces a prefix there", "ci", document([FOUR], "site/"), 200)
judged("a target that it may not write", "ci", document([FOUR, ("other/y", "stage/4/a")]), 403, "AccessDenied", "other/y")
judged("a staged key that it may not read", "ci", document([("site/x", "other/x")]), 403, "AccessDenied", "other/x")
judged("a prefix that it may not list", "ci", document([FOUR], ""), 403, "AccessDenied")
judged("a prefix with a key that it may not remove", "ci", document([FOUR], "other/"), 403, "AccessDenied", "other/x")
judged("who may not list is told no key", "blind", document([FOUR], "site/"), 403, "AccessDenied")
judged("who may not remove the staged one", "blind", document([FOUR], rest="<RemoveStaged>true</RemoveStaged>"), 403, "AccessDenied", "stage/4/a")
judged("who may not remove it, but publish", "blind", document([FOUR]), 200)
judged("a pointer that it may not read", "ci", document([FOUR], None, ("other/x", "IfNoneMatch", "*")), 403, "AccessDenied", "other/x")
judged("a pointer that it writes", "ci", document([FOUR], None, ("site/a", "IfNoneMatch", "*")), 412, "PreconditionFailed")
judged("who may only read", "reads", document([FOUR]), 403, "AccessDenied")
judged("a key that a door keeps", "ADMIN", document([("nx/1234", "stage/4/a")]), 403, "AccessDenied", "nx/1234")
answer = publish(server, document([FOUR]))
check(answer[0] in (401, 403), "a stranger publishes nothing", str(answer))


def policy(*statements):
    text = json.dumps({"Version": "2012-10-17", "Statement": [dict(Effect="Deny", Principal="*", Action=action, Resource=f"arn:aws:s3:::web/{resource}", **more)
                                                              for action, resource, more in statements]})
    status = server.request("PUT", "/web?policy", text.encode(), {**by("ADMIN"), **content_md5(text.encode())})[0]
    equal(status, 204, f"a policy: {statements}")


for key in ("site/keep", "site/pinned", "site/z"):
    put(server, key, key, headers=by("ci"))
policy(("s3:DeleteObject", "site/keep", {}))
judged("a policy keeps one key from being removed", "ci", document([FOUR], "site/"), 403, "AccessDenied", "site/keep")
judged("which can be replaced all the same", "ci", document([FOUR, ("site/keep", "stage/4/a"), ("site/pinned", "stage/4/a"), ("site/z", "stage/4/a")], "site/"), 200)
policy(("s3:PutObject", "site/pinned", {}), ("s3:GetObject", "stage/secret", {}))
judged("a policy keeps one key from being written", "ci", document([FOUR, ("site/pinned", "stage/4/a")]), 403, "AccessDenied", "site/pinned")
put(server, "stage/secret", "s", headers=by("ci"))
judged("a policy keeps a staged key from being read", "ci", document([("site/y", "stage/secret")]), 403, "AccessDenied", "stage/secret")
policy(("s3:PutObjectTagging", "site/*", {}))
put(server, "stage/tagged", "t", headers={**by("ci"), "x-amz-tagging": "run=1"})
judged("tags come along for those who may put them", "ci", document([("site/y", "stage/tagged")]), 403, "AccessDenied", "site/y")
judged("and without tags nobody is asked", "ci", document([FOUR]), 200)
policy(("s3:GetObject", "*", {"Condition": {"StringEquals": {"s3:ExistingObjectTag/run": "1"}}}))
judged("a policy that asks for the staged object's tags", "ci", document([("site/y", "stage/tagged")]), 403, "AccessDenied", "stage/tagged")
judged("an object that it lets pass", "ci", document([FOUR], "site/"), 200)
text = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::web/site/*"},
    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::web/stage/*"}]})
equal(server.request("PUT", "/web?policy", text.encode(), {**by("ADMIN"), **content_md5(text.encode())})[0], 204, "a policy that lets everybody do it")
answer = publish(server, document([FOUR]))
equal((answer[0], *counts(answer)), (200, 1, 0), "then a stranger publishes")
answer = publish(server, document([("other/y", "stage/4/a")]))
check(answer[0] in (401, 403), "but what it lets him", str(answer))
server.stop()
checked = run([SLUICE, "check", "--data", server.data])
equal(checked[0], 0, "the store is sound after all that")
done()
