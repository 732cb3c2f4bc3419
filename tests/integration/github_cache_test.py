#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GitHub's cache service, version 2, as its clients speak it: calls in JSON and protobuf, blocks in any order, look-ups by key and restore
keys, signed URLs that are forged, old or of something else, rights, and scopes of the token's own claim."""
import base64
import json
import os
import urllib.parse

from issuer import Issuer, Key
from protobuf import field, read_wire
from sluicetest import SLUICE, Server, check, done, equal, fresh, run

SERVICE = "/-/cache/github/twirp/github.actions.results.api.v1.CacheService/"
VERSION, OTHER = "ab" * 32, "cd" * 32
ISSUER = "https://token.actions.githubusercontent.com"
SECRETS = {name: f"{name}-secret-0123456789" for name in ("main", "pull", "reader", "plain")}
FILE = fresh("github") + ".credentials"
LOG = fresh("github") + ".access"
key = Key("one", "ES256")
issuer = Issuer(key)
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write(f"oidc {ISSUER} audience=sluice jwks={issuer.url}\nrole acme issuer={ISSUER} claim:repository=acme/*\n"
               f"token main {SECRETS['main']} scope=main\ntoken pull {SECRETS['pull']} scope=pr/1 read=main\ntoken reader {SECRETS['reader']} read=main\n"
               f"token plain {SECRETS['plain']} acts=read,write\nkey ADMIN admin-secret *=all\n")
server = Server(args=["--credentials", FILE, "--cache", "github bucket=acts prefix=gh/ repository=123 repository=456", "--cache", "github name=other bucket=others",
                      "--access-log", LOG])


def token_of(who):
    return SECRETS.get(who, who)


def call(who, name, body, kind="application/json", service=SERVICE):
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token_of(who)}"} if who else {})}
    return server.request("POST", service + name, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


def ask(who, name, **body):
    status, _, text = call(who, name, {"version": VERSION, **body})
    return (status, json.loads(text)) if status == 200 else (status, json.loads(text)["code"])


def create(who, name, **more):
    answer = ask(who, "CreateCacheEntry", key=name, **more)
    return answer[1].get("signed_upload_url") if answer[0] == 200 and answer[1]["ok"] else answer


def finalize(who, name, size, **more):
    return ask(who, "FinalizeCacheEntryUpload", key=name, size_bytes=str(size), **more)


def find(who, *keys, **more):
    """What is found: the key, and the bytes; None: a miss."""
    status, answer = ask(who, "GetCacheEntryDownloadURL", key=keys[0], restore_keys=list(keys[1:]), **more)
    if status != 200:
        return status, answer
    return (answer["matched_key"], at("GET", answer["signed_download_url"])[2]) if answer["ok"] else None


def at(method, url, body=None, headers=None, extra=""):
    parts = urllib.parse.urlsplit(url)
    return server.request(method, f"{parts.path}?{parts.query}{extra}", body, headers)


def put_blob(url, data):
    return at("PUT", url, data, {"x-ms-blob-type": "BlockBlob"})


def block_name(text):
    return base64.b64encode(text.encode()).decode()


def put_block(url, name, data):
    return at("PUT", url, data, extra="&comp=block&blockid=" + urllib.parse.quote(name, safe=""))


def put_list(url, names, kind="Latest"):
    text = "".join(f"<{kind}>{name}</{kind}>" for name in names)
    return at("PUT", url, f'<?xml version="1.0" encoding="utf-8"?><BlockList>{text}</BlockList>'.encode(), extra="&comp=blocklist")


def store(who, name, data, **more):
    url = create(who, name, **more)
    return url if not isinstance(url, str) else (put_blob(url, data)[0], finalize(who, name, len(data), **more)[0])


# ---- One entry ----
equal(find("main", "linux-1"), None, "a miss")
url = create("main", "linux-1")
check(isinstance(url, str) and url.startswith(f"{server.url}/-/cache/github/upload/") and "?" in url, "an upload gets a URL of the server", url)
equal(ask("main", "CreateCacheEntry", key="linux-1"), (200, {"ok": False}), "a key is given once while it is being uploaded")
answer = put_blob(url, b"x" * 1000)
check(answer[0] == 201 and answer[1]["etag"] and answer[1]["last-modified"] and answer[1]["x-ms-request-id"], "a blob is put", repr(answer))
equal(find("main", "linux-1"), None, "it is no entry before it is finalized")
equal(finalize("main", "linux-1", 999), (400, "failed_precondition"), "nor of another size than the client says")
status, answer = finalize("main", "linux-1", 1000)
check(status == 200 and answer["ok"] and int(answer["entry_id"]) > 0, "then it is", repr(answer))
equal(find("main", "linux-1"), ("linux-1", b"x" * 1000), "and found")
equal(finalize("main", "linux-1", 1000)[0], 200, "an answer that was lost comes again")
equal(ask("main", "CreateCacheEntry", key="linux-1"), (200, {"ok": False}), "what is there is not replaced")
equal(put_blob(url, b"y")[0], 404, "nor by the URL that made it")
equal(find("main", "linux-1", version=OTHER), None, "another version is another entry")
equal(store("main", "empty", b""), (201, 200), "an entry of no bytes")
equal(find("main", "empty"), ("empty", b""), "is one")

# ---- Blocks ----
url = create("main", "blocks")
names = [block_name(f"block-{i}-{'z' * (i % 3)}") for i in range(7)]
pieces = {name: bytes([65 + i]) * (i * 1000 + 1) for i, name in enumerate(names)}
for name in (names[3], names[0], names[6], names[1], names[5], names[2], names[4]):
    equal(put_block(url, name, b"old" if name == names[2] else pieces[name])[0], 201, f"block {name} is put")
equal(put_block(url, names[2], pieces[names[2]])[0], 201, "one is put again")
equal(finalize("main", "blocks", 1)[0], 404, "without their list they are nothing")
equal(put_list(url, names + [block_name("none")])[0], 400, "a list names blocks that are there")
equal(put_list(url, names + [names[0]])[0], 400, "and each once")
equal(put_list(url, [])[0], 400, "and some")
equal(at("PUT", url, b"<BlockList><Latest>", extra="&comp=blocklist")[0], 400, "and is XML")
order = [names[i] for i in (6, 0, 5, 2, 3, 1)]
answer = put_list(url, order)
check(answer[0] == 201 and answer[1]["x-ms-request-id"] and answer[1]["etag"], "the list is put", repr(answer))
whole = b"".join(pieces[name] for name in order)
equal(finalize("main", "blocks", len(whole))[0], 200, "and the entry is whole")
equal(find("main", "blocks"), ("blocks", whole), "its bytes are in the order of the list, and of it alone")
equal(server.request("GET", f"/acts/gh/main/-/{VERSION}/blocks", None, {"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret").decode()})[2], whole,
      "S3 reads the same")
download = ask("main", "GetCacheEntryDownloadURL", key="blocks")[1]["signed_download_url"]
answer = at("GET", download, None, {"x-ms-range": "bytes=10-19"})
equal((answer[0], answer[2], answer[1]["content-range"]), (206, whole[10:20], f"bytes 10-19/{len(whole)}"), "x-ms-range is a range")
equal(at("GET", download, None, {"Range": "bytes=0-1", "x-ms-range": "bytes=5-"})[2], whole[5:], "and goes before Range")
equal((at("HEAD", download)[0], at("GET", download)[1]["x-ms-request-id"] != ""), (200, True), "HEAD is answered, too")

# ---- Look-ups ----
for name in ("npm-a", "npm-c", "npm-b", "yarn-1"):
    store("main", name, name.encode())
equal(find("main", "npm-c", "npm-"), ("npm-c", b"npm-c"), "the key itself goes first")
equal(find("main", "npm-x", "npm-"), ("npm-b", b"npm-b"), "then the newest that begins as a restore key does")
equal(find("main", "npm"), ("npm-b", b"npm-b"), "or as the key")
equal(find("main", "none", "yarn-", "npm-"), ("yarn-1", b"yarn-1"), "restore keys in their order")
equal(find("main", "none", "npm-a", "npm-"), ("npm-a", b"npm-a"), "each itself first")
equal(find("main", "none", "nothing-"), None, "and none may fit")
wrong = [dict(key="a,b"), dict(key=""), dict(key="x" * 513), dict(key="a\nb"), dict(key="a", version="ab"), dict(key="a", version="AB" * 32), dict(),
         dict(key="a", restore_keys=["b"] * 10), dict(key="a", restore_keys=["c,d"])]
equal([ask("main", "GetCacheEntryDownloadURL", **body) for body in wrong], [(400, "invalid_argument")] * len(wrong), "keys and versions that are none")
equal(find("main", "q", *["qq"] * 9), None, "ten keys are")
equal([call("main", "GetCacheEntryDownloadURL", body)[0] for body in (b"{", b"[]", b'{"key":1}', b'{"key":"a","key":"b"}', b'{"key":"a","restore_keys":"b"}')], [400] * 5,
      "bodies that are no messages")
equal([call("main", name, {}, kind)[0] for name, kind in (("Nothing", "application/json"), ("CreateCacheEntry", "text/plain"), ("../x", "application/json"))], [404] * 3,
      "calls that there are not")
equal(server.request("GET", SERVICE + "CreateCacheEntry")[0], 404, "and methods")
equal(call("main", "GetCacheEntryDownloadURL", b"{" + b" " * 100_000 + b"}")[0] // 100, 4, "a body of too many bytes is not read")


ROOT = "/twirp/github.actions.results.api.v1.CacheService/"
equal(call("main", "GetCacheEntryDownloadURL", {"key": "yarn-1", "version": VERSION}, service=ROOT)[0], 200, "a client that leaves out the path is heard, too")
equal(call(None, "GetCacheEntryDownloadURL", {"key": "yarn-1", "version": VERSION}, service=ROOT)[0], 401, "for whoever he is")
equal(call("main", "CreateLog", {}, service="/twirp/github.actions.results.api.v1.LogService/")[0], 404, "other services are not kept")

# ---- Protobuf ----


def wire(who, name, *fields):
    status, headers, body = call(who, name, b"".join(fields), "application/protobuf")
    texts = {number: value if isinstance(value, int) else value.decode() for number, value in read_wire(body)} if status == 200 else None
    return texts if status == 200 and headers["content-type"] == "application/protobuf" else (status, json.loads(body)["code"])


equal(wire("main", "GetCacheEntryDownloadURL", field(2, "wire"), field(4, VERSION)), {}, "protobuf: a miss")
answer = wire("main", "CreateCacheEntry", field(1, field(1, 5)), field(2, "wire"), field(3, VERSION), field(99, "more"))
equal(sorted(answer), [1, 2], "protobuf: an upload begins")
equal(put_blob(answer[2], b"wired")[0], 201, "its blob is put")
equal(wire("main", "CreateCacheEntry", field(2, "wire"), field(3, VERSION)), (409, "already_exists"), "protobuf: once, and what is said then sccache does not take for a failure")
equal(sorted(wire("main", "FinalizeCacheEntryUpload", field(2, "wire"), field(3, 5), field(4, VERSION))), [1, 2], "protobuf: it is finalized")
answer = wire("main", "GetCacheEntryDownloadURL", field(2, "none"), field(3, "x"), field(3, "wi"), field(4, VERSION))
equal((answer[1], answer[3], at("GET", answer[2])[2]), (1, "wire", b"wired"), "protobuf: and found by a restore key")
equal([wire("main", "GetCacheEntryDownloadURL", body) for body in (b"\x12\xff\x01a", b"\x80", b"\x0b", b"\x07", b"\x12" + b"\xff" * 10 + b"a", b"\x00")],
      [(400, "malformed")] * 6, "protobuf: what is none")
equal(wire("main", "GetCacheEntryDownloadURL", field(2, "a"), *[field(3, "b")] * 10, field(4, VERSION)), (400, "invalid_argument"), "protobuf: too many keys")

# ---- URLs ----
upload = create("main", "forged")


def changed(url, **parameters):
    parts = urllib.parse.urlsplit(url)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), **parameters}
    return parts._replace(query=urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})).geturl()


def forgeries(url):
    sig = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["sig"]
    return [changed(url, sig=None), changed(url, se=None), changed(url, sig=""), changed(url, sig=sig[:-2] + "AA"), changed(url, sig="A" + sig[1:] if sig[0] != "A" else "B" + sig[1:]),
            changed(url, se="99999999999"), changed(url, se="1"), changed(url, se="-1"), url.replace("/github/", "/other/"),
            url.replace("/upload/", "/download/") if "/upload/" in url else url.replace("/download/", "/upload/")]


# A signed one is cut off by its name; all forgeries are refused before anything is looked up.
equal([at("PUT", url, b"x")[0] for url in forgeries(upload)], [403] * 10, "forged upload URLs")
equal([at("GET", url)[0] for url in forgeries(download)], [403] * 10, "forged download URLs")
yarn = ask("main", "GetCacheEntryDownloadURL", key="yarn-1")[1]["signed_download_url"]
swapped = urllib.parse.urlsplit(yarn)._replace(query=urllib.parse.urlsplit(download).query).geturl()
equal(at("GET", swapped)[0], 403, "the signature of another entry's")
equal((at("PUT", download, b"x")[0], at("DELETE", download)[0], at("GET", upload)[0], at("DELETE", upload)[0]), (405,) * 4, "a URL is for one thing")
equal([at("PUT", upload, b"x", {name: value})[0] for name, value in (("x-amz-copy-source", "/acts/gh/main"), ("x-amz-acl", "public-read"))], [400] * 2, "headers of S3's mean nothing at it")
equal([at("PUT", upload, b"x", extra=extra)[0] for extra in ("&comp=block", "&comp=block&blockid=", "&comp=block&blockid=" + "a" * 129, "&comp=lease", "&uploadId=x&partNumber=1&comp=x")],
      [400] * 5, "nor do other parameters")
equal(at("PUT", upload, b"x", {"x-ms-blob-type": "PageBlob"})[0], 400, "nor other blobs")
check(at("GET", yarn, None, {"Host": "evil.example"})[0] == 200, "the URL is what counts")
status, _, text = server.request("POST", SERVICE + "CreateCacheEntry", json.dumps({"key": "host", "version": VERSION}).encode(),
                                 {"Content-Type": "application/json", "Authorization": f"Bearer {SECRETS['main']}", "Host": "127.0.0.1:1"})
check(status == 200 and json.loads(text)["signed_upload_url"].startswith(server.url + "/"), "Host has no say in it", text)

# ---- Version 1 ----
V1 = "/-/cache/github/_apis/artifactcache/"


def old(who, method, path, body=None, headers=None):
    status, _, text = server.request(method, V1 + path, json.dumps(body).encode() if isinstance(body, dict) else body,
                                     {"Authorization": f"Bearer {token_of(who)}", **({"Content-Type": "application/json"} if isinstance(body, dict) else {}), **(headers or {})})
    return status, json.loads(text) if text and status < 300 else None


def piece(who, number, first, data):
    return old(who, "PATCH", f"caches/{number}", data, {"Content-Type": "application/octet-stream", "Content-Range": f"bytes {first}-{first + len(data) - 1}/*"})[0]


def old_find(who, *keys):
    status, answer = old(who, "GET", f"cache?keys={urllib.parse.quote(','.join(keys), safe='')}&version={VERSION}")
    return (answer["cacheKey"], at("GET", answer["archiveLocation"])[2]) if status == 200 else status


equal(old_find("main", "old-1"), 204, "v1: a miss")
number = old("main", "POST", "caches", {"key": "old-1", "version": VERSION, "cacheSize": 25})[1]["cacheId"]
equal(old("main", "POST", "caches", {"key": "old-1", "version": VERSION})[0], 409, "v1: a key is given once")
equal([piece("main", number, first, data) for first, data in ((20, b"c" * 5), (0, b"a" * 10), (10, b"b" * 10))], [200] * 3, "v1: pieces come in any order")
equal([piece(who, number, 0, b"poison") for who in ("pull", "reader")], [403] * 2, "v1: nobody else's come")
equal((old("pull", "POST", f"caches/{number}", {"size": 25})[0], old("main", "POST", f"caches/{number}", {"size": 24})[0]), (403, 400), "v1: nor does he end it, nor does another size")
equal(old_find("main", "old-1"), 204, "v1: it is no entry before the end")
equal(old("main", "POST", f"caches/{number}", {"size": 25})[0], 200, "v1: it ends")
equal((old_find("main", "old-2", "old-"), old_find("pull", "old-1")), (("old-1", b"a" * 10 + b"b" * 10 + b"c" * 5),) * 2, "v1: and is found by a restore key, and by who reads main")
equal(find("main", "old-1"), ("old-1", b"a" * 10 + b"b" * 10 + b"c" * 5), "v1: version 2 finds the same")
equal([old("main", *request)[0] for request in (("POST", "caches/1", {"size": 1}), ("POST", "caches/x", {"size": 1}), ("GET", "caches"), ("GET", "other"), ("DELETE", "caches/1"))],
      [404] * 5, "v1: what there is not")
number = old("main", "POST", "caches", {"key": "old-3", "version": VERSION})[1]["cacheId"]
equal((old("main", "POST", f"caches/{number}", {"size": 0})[0], old("main", "PATCH", f"caches/{number}", b"x")[0], old("main", "PUT", f"caches/{number}", b"x")[0]), (400, 400, 405),
      "v1: an upload of nothing, and bytes without a place")
number = old("main", "POST", "caches", {"key": "old-4", "version": VERSION})[1]["cacheId"]
equal([piece("main", number, first, data) for first, data in ((0, b"a" * 10), (12, b"c" * 10), (8, b"b" * 4))], [200] * 3, "v1: pieces with a gap, and bytes twice")
equal(old("main", "POST", f"caches/{number}", {"size": 24})[0], 400, "v1: are no entry")
equal([old("main", "PATCH", f"caches/{number}", b"x", {"Content-Range": text})[0] for text in ("bytes", "bytes x-1/*", "bytes 2-1/*", "bytes 1/*", "0-1/*", "bytes 1-/*")], [400] * 6,
      "v1: places that are none")
equal([old("main", "GET", f"cache?{query}")[0] for query in ("", "keys=a", f"version={VERSION}", f"keys=&version={VERSION}", f"keys={'a,' * 10}a&version={VERSION}")], [400] * 5,
      "v1: look-ups that are none")

# ---- Rights and scopes ----
equal(find("pull", "linux-1"), ("linux-1", b"x" * 1000), "a pull request finds main's")
equal(store("pull", "linux-1", b"of the pull request"), (201, 200), "and stores its own beside it")
equal((find("pull", "linux-1")[1], find("main", "linux-1")[1]), (b"of the pull request", b"x" * 1000), "each finds its own first")
equal(store("pull", "npm-z", b"poison"), (201, 200), "what is newer")
equal((find("main", "npm-x", "npm-"), find("pull", "npm-x", "npm-")), (("npm-b", b"npm-b"), ("npm-z", b"poison")), "main does not find")
equal(finalize("pull", "forged", 1)[0], 404, "nobody finishes another's upload")
equal((find("reader", "linux-1")[0], create("reader", "read")), ("linux-1", (403, "permission_denied")), "who only reads stores nothing")
equal((find(None, "linux-1"), create(None, "x"), find("wrong-token-0123456789", "linux-1")), ((401, "unauthenticated"),) * 3, "a stranger gets nothing")
equal((store("plain", "linux-1", b"plain"), find("plain", "linux-1")), ((201, 200), ("linux-1", b"plain")), "rights without scopes are of the whole bucket")
equal(server.request("PUT", "/acts/gh/x", b"x", {"Authorization": f"Bearer {SECRETS['plain']}"})[0], 403, "which S3 does not write")


def runner(repository, scopes, **more):
    claims = {"repository": "acme/app", "repository_id": repository, "ac": json.dumps(scopes) if not isinstance(scopes, str) else scopes}
    return key_token({**claims, **more})


def key_token(claims):
    return key.token(issuer.claims(ISSUER, **claims))


MAIN = {"Scope": "refs/heads/main", "Permission": 3}
main = runner("123", [MAIN])
pull = runner("123", [{"Scope": "refs/pull/7/merge", "Permission": 3}, {"Scope": "refs/heads/main", "Permission": 1}])
equal((store(main, "job", b"main's"), find(pull, "job")), ((201, 200), ("job", b"main's")), "scopes of a runner's own token")
equal((store(pull, "job", b"pull's"), find(pull, "job")[1], find(main, "job")[1]), ((201, 200), b"pull's", b"main's"), "are as trusted as they are")
keys = server.request("GET", "/acts?list-type=2&prefix=gh/123/", None, {"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret").decode()})[2].decode()
check(f"<Key>gh/123/refs%2Fheads%2Fmain/-/{VERSION}/job</Key>" in keys, "entries lie below the repository", keys)
equal(find(runner("456", [MAIN]), "job"), None, "another repository has its own")
equal(find(runner(456, [MAIN]), "job"), None, "its number may be one")
equal((find(runner("789", [MAIN]), "job"), create(runner("789", [MAIN]), "job")), ((403, "permission_denied"),) * 2, "one that is not listed has none")
equal([create(runner("123", scopes), "x") for scopes in ([], "x", [{"Scope": "a"}], [{"Scope": "a", "Permission": 4}], [{"Permission": 3}], [{"Scope": "", "Permission": 3}],
                                                          [{"Scope": "a" * 200, "Permission": 3}], [{"Scope": "a", "Permission": 1}])],
      [(403, "permission_denied")] * 8, "a claim that is none, or does not write")
equal(find(key_token({"repository": "other/app", "repository_id": "123", "ac": json.dumps([MAIN])}), "job")[0], 403, "without a role a good token has no right")
check(server.stop(), "the server ends with status 0")
with open(LOG) as file:
    text = file.read()
check("/upload/" in text and "&sig=REDACTED" in text and "sig=" not in text.replace("sig=REDACTED", ""), "no signature is logged")

# ---- Configuration ----
server = Server(args=["--cache", "github bucket=acts", "--public-url", "https://cache.example/below/"])
SECRETS.clear()
url = create(None, "a")
check(url.startswith("https://cache.example/below/-/cache/github/upload/"), "URLs begin as the configuration says", url)
old = changed(url)
check(server.stop(), "that server ends, too")
server = Server(data=server.data, args=["--cache", "github bucket=acts"])
equal(at("PUT", old.replace("/below", ""), b"x")[0], 403, "URLs end with the process")
check(server.stop(), "and it ends with status 0")
for words, reason in ((["--cache", "github bucket=abc repository=a"], "at most 32 of them"), (["--cache", "nx bucket=abc repository=1"], "is none of"),
                      (["--public-url", "ftp://x"], "must be a URL"), (["--public-url", "http://x?y"], "must be a URL"), (["--public-url", "http://"], "must be a URL")):
    code, text = run([SLUICE, "serve", "--data", fresh("github-none"), "--check-config", *words])
    check(code != 0 and reason in text, f"{words} are refused", text)
done()
