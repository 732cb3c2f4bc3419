#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pages for people, as a browser and as somebody hostile asks for them: who gets them, what they show to whom, sessions, and what keeps them apart from
S3 and from what is stored. chromium_pages_test.py looks at them in a browser."""
import base64
import hashlib
import html
import io
import json
import os
import re
import tarfile
import urllib.parse
import zipfile
import zlib

from sluicetest import ACCESS, SECRET, TLS, Server, check, done, equal, error_code, poll, scratch

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
READER, READER_SECRET = "READER", "reader/secret"
EVIL = '<svg onload=alert(1)>"\'&.txt'
PUBLIC = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::public"},
    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::public/*"}]}

credentials = scratch("credentials")


def write_credentials(*lines):
    with open(credentials + ".new", "w") as file:
        file.write("".join(line + "\n" for line in lines))
    os.chmod(credentials + ".new", 0o600)
    os.rename(credentials + ".new", credentials)


ADMIN = f"key {ACCESS} {SECRET} owner:ada *=all"
READS = f"key {READER} {READER_SECRET} docs=read,list"
write_credentials(ADMIN, READS, "anonymous")
audit = scratch("audit.log")
access_log = scratch("access.log")
server = Server(args=["--credentials", credentials, "--audit-log", audit, "--access-log", access_log, "--access-log-format", "json"])
own_origin = server.url


def basic(user=ACCESS, secret=SECRET):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def get(path, session=None, **headers):
    return server.request("GET", path, headers={**BROWSER, **({"Cookie": session} if session else {}), **headers})


def page(path, session=None, status=200):
    answer = get(path, session)
    equal(answer[0], status, f"GET {path} is {status}")
    return answer[2].decode()


def sign_in(user=ACCESS, secret=SECRET, to="/-/ui/", **headers):
    body = urllib.parse.urlencode({"key": user, "secret": secret, "next": to})
    return server.request("POST", "/-/ui/sign-in", body, {"Content-Type": "application/x-www-form-urlencoded", "Origin": own_origin, **headers})


def session_of(answer):
    return answer[1].get("set-cookie", "").split(";")[0]


def csrf_of(text):
    return re.search('data-csrf="([0-9a-f]{32})"', text).group(1)


def call(method, path, session, csrf, body=b"", **headers):
    return server.request(method, f"/-/ui/s3{path}", body, {"Cookie": session, "x-sluice-csrf": csrf, "Origin": own_origin, **headers})


for bucket in ("docs", "public", "private"):
    server.request("PUT", f"/{bucket}", headers=basic())
server.request("PUT", "/public?policy", json.dumps(PUBLIC).encode(), basic())
for key, body in (("a/one.txt", b"one"), ("a/two.txt", b"zwei" * 1000), ("notes.txt", b"some text"), (EVIL, b"evil"), ("build-10.tar", b"x"), ("build-9.tar", b"xx")):
    server.request("PUT", "/docs/" + urllib.parse.quote(key), body, {**basic(), "Content-Type": "text/plain"})
server.request("PUT", "/public/page.html", b"<script>evil()</script>", {**basic(), "Content-Type": "text/html"})
server.request("PUT", "/private/secret.txt", b"secret", basic())

# ---- Who gets pages: browsers that look at a place; nobody else sees a difference.
for path, to in (("/", "/-/ui/"), ("/docs", "/-/ui/b/docs/"), ("/docs/", "/-/ui/b/docs/"), ("/docs/a/", "/-/ui/b/docs/a/"), ("/-/ui", "/-/ui/")):
    answer = get(path)
    equal((answer[0], answer[1].get("location")), (302, to), f"a browser that asks for {path} is shown its page")
for name, headers in (("nothing", {}), ("anything", {"Accept": "*/*"}), ("XML first", {"Accept": "application/xml,text/html"}),
                      ("a fetch by a script", {**BROWSER, "Sec-Fetch-Mode": "cors"}), ("a signature or Basic", {**BROWSER, **basic()})):
    status, told, body = server.request("GET", "/docs", headers=headers)
    check(status in (200, 401, 403) and told["content-type"] == "application/xml" and "location" not in told, f"who accepts {name} gets XML", f"{status} {told}")
for path in ("/docs?list-type=2", "/docs?acl", "/docs/?versions"):
    equal(get(path)[1]["content-type"], "application/xml", f"{path} is a request of S3's, whoever asks")
equal(server.request("HEAD", "/docs", headers=BROWSER)[0], 401, "so is HEAD")
equal(get("/public/page.html")[2], b"<script>evil()</script>", "an object is the object")

# ---- What a stored page may do on a host that serves pages.
told = get("/public/page.html")[1]
equal((told.get("content-security-policy"), told.get("x-content-type-options")), ("sandbox allow-scripts", "nosniff"), "a browser gets objects without an origin")
told = get("/public/page.html", **{"Accept": "*/*", "Sec-Fetch-Dest": "iframe"})[1]
equal(told.get("content-security-policy"), "sandbox allow-scripts", "also in a frame")
told = server.request("GET", "/public/page.html")[1]
check("content-security-policy" not in told and "x-content-type-options" not in told, "a program gets what it always got", str(told))

# ---- Signed in by nobody.
told = get("/-/ui/")
check(told[0] == 200 and ">public</a>" in told[2].decode() and "docs" not in told[2].decode(), "everybody is shown the bucket that everybody may list, and no other", told[2].decode()[-600:])
text = page("/-/ui/b/public/")
check("page.html" in text and "id=upload" not in text and "data-csrf" not in text, "and what is in it, without what changes it")
text = page("/-/ui/b/docs/", status=403)
check("action=\"/-/ui/sign-in\"" in text and 'value="/-/ui/b/docs/"' in text and "notes.txt" not in text, "another asks to sign in, and leads back")
page("/-/ui/b/nothing/", status=404)
page("/-/ui/o/private/secret.txt", status=403)
equal(get("/-/ui/raw/private/secret.txt")[0], 403, "no bytes either")
for path in ("/-/ui/x", "/-/ui/b/UPPER/", "/-/ui/b/docs/notes.txt", "/-/ui/o/docs/", "/-/ui/raw/docs/", "/-/ui/file/none", "/-/ui/peek/1-2-3-4/docs/x", "/-/ui/b/docs/" + "k" * 1100 + "/"):
    equal(get(path)[0], 404, f"there is no {path[:40]}")
for kind in ("b/docs/", "o/docs/notes.txt", "raw/docs/notes.txt", ""):
    equal(server.request("DELETE", f"/-/ui/{kind}", headers=BROWSER)[0], 405, f"/-/ui/{kind} is looked at and nothing else")

# ---- Headers of pages.
told = get("/-/ui/")[1]
policy = told["content-security-policy"]
check("default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy and "base-uri 'none'" in policy, "the policy of pages is strict", policy)
equal((told["x-content-type-options"], told["referrer-policy"], told["cache-control"]), ("nosniff", "same-origin", "no-store"), "and the rest of what a page says of itself")
text = page("/-/ui/b/public/")
files = re.findall('(?:href|src)="(/-/ui/file/[^"]+)"', text)
weight = len(text) + sum(len(get(path)[2]) for path in set(files))
check(len(set(files)) == 3 and weight < 40 << 10, "a page with all that belongs to it weighs less than 40 KiB", str(weight))
told = get(files[0])[1]
check("immutable" in told["cache-control"] and told["x-content-type-options"] == "nosniff", "which browsers keep")
check("<script>" not in text and " on" not in re.sub("<(p|section|main|h1|title)[^>]*>[^<]*", "", text) and "style=" not in text, "no script and no style stands in a page")

# ---- Signing in.
for user, secret in ((ACCESS, "wrong"), ("NOBODY", SECRET), ("", ""), (READER, SECRET)):
    answer = sign_in(user, secret)
    check(answer[0] == 403 and "set-cookie" not in answer[1] and b"do not go together" in answer[2], f"{user or 'nobody'} with a wrong secret stays out", str(answer[:2]))
answer = sign_in(Origin="https://evil.example")
equal((answer[0], "set-cookie" in answer[1]), (403, False), "another site's form signs nobody in")
answer = sign_in(Origin="null")
equal((answer[0], "set-cookie" in answer[1]), (403, False), "nor does a stored page's")
answer = server.request("POST", "/-/ui/sign-in", "key=" + "x" * 5000, {"Origin": own_origin})
equal(answer[0], 400, "a form that is too long is refused")
answer = sign_in(to="//evil.example/")
equal((answer[0], answer[1].get("location")), (303, "/-/ui/"), "who has signed in goes on here, wherever the form leads")
cookie = answer[1]["set-cookie"]
check(all(word in cookie for word in ("; HttpOnly", "; SameSite=Strict", "; Path=/-/ui/", "Max-Age=")) and ("; Secure" in cookie) == TLS, "the cookie is the pages' alone", cookie)
check(SECRET not in cookie and ACCESS not in cookie, "and tells nothing")
check("; Secure" in sign_in(Origin=own_origin.replace("http:", "https:"))[1]["set-cookie"], "behind a proxy with HTTPS it is for HTTPS alone")
admin = session_of(answer)
reader = session_of(sign_in(READER, READER_SECRET))
check(reader != admin and len(admin) > 60, "each has a session of his own")

# ---- What each may see.
text = page("/-/ui/", admin)
check(all(f">{bucket}</a>" in text for bucket in ("docs", "private", "public")) and "id=mkbucket" in text and ACCESS in text, "who may all sees all buckets")
text = page("/-/ui/", reader)
check(">docs</a>" in text and ">private</a>" not in text and "id=mkbucket" not in text, "who reads one sees one, and what everybody sees")
text = page("/-/ui/b/docs/", reader)
check("notes.txt" in text and "id=upload" not in text and "id=delete" not in text, "without what he may not do")
page("/-/ui/b/private/", reader, 403)
page("/-/ui/o/private/secret.txt", reader, 403)
text = page("/-/ui/b/docs/", admin)
check("id=upload" in text and "id=delete" in text and csrf_of(text), "who may write can")
equal(get("/-/ui/raw/docs/notes.txt", reader)[2], b"some text", "bytes come by the session, too")
told = get("/-/ui/raw/docs/notes.txt", reader)[1]
check(told["content-security-policy"].startswith("sandbox allow-scripts;") and told["cache-control"] == "private, no-cache" and told["x-content-type-options"] == "nosniff", "without an origin, and for nobody else", str(told))
equal(get("/-/ui/raw/docs/notes.txt", reader, Range="bytes=5-")[2], b"text", "in ranges")

# ---- The status page.
text = page("/-/ui/status", admin)
check(all(word in text for word in ("Health", "Good", "Connections open", "Free on the disk", "Signed in here", "Latest warnings")), "who may read the metrics sees how the server is")
check(re.search('>docs</a></td><td class=size>[1-9][0-9]*</td><td class=size>[^<]+B</td>', text), "what each bucket holds")
check('href="/-/ui/status"' in page("/-/ui/", admin) and 'href="/-/ui/status"' not in page("/-/ui/", reader), "and is led there")
page("/-/ui/status", reader, 403)
page("/-/ui/status", status=403)
equal(server.request("POST", "/-/ui/status", b"", {"Cookie": admin})[0], 405, "it changes nothing")

# ---- Where another site leads here, the cookie stays at home: the browser asks once more by itself.
cross = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
answer = get("/-/ui/b/docs/?q='%22%3E%3Cscript%3E", **cross)
check(answer[0] == 200 and b"http-equiv=refresh" in answer[2] and b"<script>" not in answer[2] and b"url=/-/ui/b/docs/?q=&#39;" in answer[2], "a link from elsewhere is asked for again from here", str(answer[2]))
equal(get("/-/ui/b/docs/", **{**cross, "Sec-Fetch-Site": "same-origin"})[0], 403, "once")
check(b"refresh" not in get("/-/ui/b/docs/", reader, **cross)[2], "not where the cookie came along")

# ---- The session is the pages' alone.
for method, path in (("GET", "/docs/notes.txt"), ("GET", "/docs?list-type=2"), ("PUT", "/docs/new"), ("DELETE", "/docs/notes.txt"), ("GET", "/-/metrics"), ("POST", "/docs?delete")):
    status = server.request(method, path, b"" if method != "GET" else None, {"Cookie": admin, "x-sluice-csrf": csrf_of(text)})[0]
    equal(status, 401, f"to S3 a session is nothing: {method} {path}")
equal(get("/-/ui/b/docs/", None, **basic())[0], 403, "and to the pages Basic is nothing")

# ---- What changes something shows the token.
csrf, reader_csrf = csrf_of(text), csrf_of(page("/-/ui/b/docs/", reader))
check(csrf != reader_csrf, "each session has its own")
for name, headers in (("no token", {"Cookie": admin}), ("another's token", {"Cookie": admin, "x-sluice-csrf": reader_csrf}), ("no session", {"x-sluice-csrf": csrf}),
                      ("a page of another origin", {"Cookie": admin, "x-sluice-csrf": csrf, "Origin": "https://evil.example"}),
                      ("a stored page", {"Cookie": admin, "x-sluice-csrf": csrf, "Origin": "null"}), ("two cookies", {"Cookie": f"{admin}; {reader}", "x-sluice-csrf": csrf})):
    equal(server.request("PUT", "/-/ui/s3/docs/new", b"new", headers)[0], 403, f"{name} changes nothing")
    equal(server.request("GET", "/-/ui/s3/docs/notes.txt", headers=headers)[0], 403, f"{name} reads nothing there either")
equal(server.request("GET", "/docs/new", headers=basic())[0], 404, "nothing was stored")
equal(call("PUT", "/docs/new", reader, reader_csrf, b"x")[0], 403, "who only reads does not write by a page")
answer = call("PUT", "/docs/new.txt", admin, csrf, b"new", **{"Content-Type": "text/plain"})
equal((answer[0], server.request("GET", "/docs/new.txt", headers=basic())[2]), (200, b"new"), "who may write does")
equal(call("PUT", "/docs/?at=" + urllib.parse.quote("../up", safe=""), admin, csrf, b"dots")[0], 200, "a key that browsers would change comes as a parameter")
equal(server.request("GET", "/docs/%2E%2E/up", headers=basic())[2], b"dots", "and is stored as it is")
check('href="/-/ui/b/docs/?at=..%2F"' in page("/-/ui/b/docs/", admin) and 'href="/-/ui/o/docs/?at=..%2Fup"' in page("/-/ui/b/docs/?at=..%2F", admin), "and so are its links")
answer = call("GET", "/docs/missing", admin, csrf)
equal((answer[0], answer[1]["content-type"].split(";")[0], "www-authenticate" in answer[1]), (404, "text/plain", False), "what goes wrong is told as text")
answer = call("POST", "/docs/big?uploads", admin, csrf)
upload = re.search(b"<UploadId>(.*?)</UploadId>", answer[2]).group(1).decode()
etag = call("PUT", f"/docs/big?partNumber=1&uploadId={upload}", admin, csrf, b"part")[1]["etag"]
answer = call("POST", f"/docs/big?uploadId={upload}", admin, csrf, f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{html.escape(etag)}</ETag></Part></CompleteMultipartUpload>")
equal((answer[0], server.request("GET", "/docs/big", headers=basic())[2]), (200, b"part"), "an upload in parts")
equal(call("DELETE", "/docs/big", admin, csrf)[0], 204, "a deletion")
equal(call("PUT", "/made", admin, csrf)[0], 200, "a bucket")
told = get("/-/ui/s3/docs/notes.txt", admin)
equal(told[0], 403, "a link to a call leads nowhere")
poll(lambda: "new.txt" in open(audit).read())
lines = [json.loads(line) for line in open(audit)]
check(any(line.get("key") == "new.txt" and line.get("user") == "ada" and line.get("status") == 200 for line in lines), "the audit log has it as the key's", str(lines[-3:]))
names = {json.loads(line).get("operation") for line in open(access_log)}
check({"ListObjectsV2", "GetObject", "PutObject", "ListBuckets"} <= names, "and the access log as S3's operations", str(names))

# ---- What stands in a page.
text = page("/-/ui/b/docs/", admin)
check("<svg" not in text and html.escape(EVIL).replace("&#x27;", "&#39;") in text, "a key is text")
link = re.search('<a class=file href="([^"]*svg[^"]*)"', text).group(1)
check("<" not in link and "'" not in link, "and a link encoded", link)
text = page(html.unescape(link), admin)
check("<svg" not in text and "evil" in text, "on its own page, too")
text = page("/-/ui/b/docs/?q=" + urllib.parse.quote('"><script>alert(1)</script>'), admin)
check("<script>alert" not in text and "No name here begins" in text, "what is looked for is text")
answer = get("/-/ui/b/docs/?sort=%22%3E%3Cscript%3E&after=%3Cscript%3E&page=%3C&down=%3C", admin)
check(answer[0] == 200 and b"<script>" not in answer[2], "no parameter becomes markup")
equal(get("/-/ui/sign-in?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")[2].count(b"<script>"), 0, "nor does where to go on")

# ---- Order, search, pages.
def names_of(path):
    return [html.unescape(name) for name in re.findall('<a class=(?:file|folder) href="[^"]*">([^<]*)</a>', page(path, admin))]

equal([name for name in names_of("/-/ui/b/docs/") if name.startswith("build")], ["build-9.tar", "build-10.tar"], "numbers in names count")
equal(names_of("/-/ui/b/docs/a/?sort=size&down=1"), ["two.txt", "one.txt"], "by size, the largest first")
equal(names_of("/-/ui/b/docs/?q=build"), ["build-9.tar", "build-10.tar"], "names that begin so")
equal(names_of("/-/ui/b/docs/")[:2], ["../", "a/"], "folders come first")
call("PUT", "/many", admin, csrf)
for i in range(450):
    server.request("PUT", f"/many/object-{i}", b"x", basic())
seen, path, count = [], "/-/ui/b/many/", 0
while path and count < 10:
    text = page(path, admin)
    seen += re.findall('<a class=file href="[^"]*">([^<]*)</a>', text)
    following = re.search('rel=next href="([^"]*)"', text)
    path, count = html.unescape(following.group(1)) if following else None, count + 1
equal((seen, count), ([f"object-{i}" for i in range(450)], 3), "a large folder is shown in pages, in order")

# ---- An object's page.
text = page("/-/ui/o/docs/notes.txt", admin)
check("some text</pre>" in text and "id=share" in text and "id=delete" in text, "a text is shown")
check("id=delete" not in page("/-/ui/o/docs/notes.txt", reader), "without what its reader may not do")
server.request("PUT", "/docs/log", b"\x1b[31mred\x1b[0m <b>" + b"x" * 300000 + b"\nthe end\n", basic())
text = page("/-/ui/o/docs/log", admin)
check('<span class="f1 ">red</span> &lt;b&gt;' in text and "The first 256 KiB of 293 KiB" in text and "the end\n" not in text, "a log is shown with its colours, as far as one reads")
check("the end\n</pre>" in page("/-/ui/o/docs/log?end=", admin), "and its end")
server.request("PUT", "/docs/bin", bytes(range(256)) * 10, basic())
check("no preview" in page("/-/ui/o/docs/bin", admin), "bytes that are no text are not shown")
server.request("PUT", "/docs/report/index.html", b"<link rel=stylesheet href=style.css>", {**basic(), "Content-Type": "text/html"})
server.request("PUT", "/docs/report/style.css", b"p{}", {**basic(), "Content-Type": "text/css"})
text = page("/-/ui/o/docs/report/index.html", admin)
check("<iframe class=look sandbox=allow-scripts" in text, "a report is shown in a frame without an origin")
frame = html.unescape(re.search('<iframe[^>]* src="([^"]*)"', text).group(1))
answer = get(frame)
equal((answer[0], answer[1]["content-security-policy"]), (200, "sandbox allow-scripts; frame-ancestors 'self'"), "which needs no session")
beside = frame.rsplit("/", 1)[0]
equal(get(beside + "/style.css")[2], b"p{}", "nor does what lies beside it")
for path in (beside.rsplit("/", 1)[0] + "/notes.txt", frame.replace("/docs/", "/private/"), re.sub("-[0-9a-f]{60}", "-" + "0" * 60, frame), frame.replace("/peek/", "/peek/1"), beside.replace("report", "")):
    equal(get(path)[0], 404, f"its ticket opens nothing else: {path[-40:]}")
equal(server.request("PUT", frame, b"x", BROWSER)[0], 405, "and writes nothing")

# ---- Links to share.
body = urllib.parse.urlencode({"bucket": "docs", "key": "a/one.txt", "seconds": "3600"})
answer = server.request("POST", "/-/ui/share", body, {"Cookie": reader, "x-sluice-csrf": reader_csrf, "Origin": own_origin})
equal(answer[0], 200, "a link is made")
equal(server.request("GET", answer[2].decode())[2], b"one", "whoever has it reads the object")
equal(server.request("GET", answer[2].decode().replace("one.txt", "two.txt"))[0], 403, "and no other")
equal(server.request("POST", "/-/ui/share", body, {"Cookie": reader, "Origin": own_origin})[0], 403, "without the token there is none")
equal(server.request("POST", "/-/ui/share", body.replace("3600", "999999"), {"Cookie": reader, "x-sluice-csrf": reader_csrf})[0], 400, "for a week at most")

# ---- Folders as archives.
def archive_of(kind, path, session):
    answer = get(f"/-/ui/{kind}/{path}", session)
    equal((answer[0], answer[1].get("transfer-encoding")), (200, "chunked"), f"{path} comes as a {kind}, whose length nobody knows")
    return answer[1], answer[2]


def members_of(kind, body):
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            equal(archive.testzip(), None, "its checksums are right")
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


folder = {"one.txt": b"one", "empty": b"", "deep/er/two": b"zwei", "deep/" + "n" * 220: b"long", "\u00e9\u4e2d": b"unicode", "../../etc/passwd": b"out", "/abs": b"abs", "large": os.urandom(3 << 20), "block": b"b" * 512}
for key, body in folder.items():
    equal(call("PUT", "/docs/?at=" + urllib.parse.quote("pack/" + key, safe=""), admin, csrf, body, **{"Content-Type": "text/plain"})[0], 200, f"{key[:20]} is there")
server.request("PUT", "/docs/pack/checked", b"kept", {**basic(), "x-amz-checksum-crc32": base64.b64encode(zlib.crc32(b"kept").to_bytes(4, "big")).decode()})
names = {"../../etc/passwd": "%2E%2E/%2E%2E/etc/passwd", "/abs": "%2F/abs"}
want = {"pack/" + names.get(key, key): body for key, body in {**folder, "checked": b"kept"}.items()}
for kind in ("tar", "zip"):
    told, body = archive_of(kind, "docs/pack/", admin)
    equal(members_of(kind, body), want, "with all that is in it, under names that lead nowhere else")
    check(f'filename="pack.{kind}"' in told["content-disposition"] and told["x-content-type-options"] == "nosniff", "to be kept", str(told))
    check(set(members_of(kind, archive_of(kind, "docs/nothing/", admin)[1])) == set(), "an empty one is empty")
    equal(get(f"/-/ui/{kind}/private/", reader)[0], 403, "who may not list gets none")
    equal(get(f"/-/ui/{kind}/docs/pack", admin)[0], 404, "an object is no folder")
    old = server.raw(f"GET /-/ui/{kind}/docs/pack/ HTTP/1.0\r\nCookie: {admin}\r\n\r\n".encode()).split(b"\r\n\r\n", 1)
    check(b"chunked" not in old[0] and members_of(kind, old[1]) == want, "an HTTP/1.0 client gets it plain")
deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::docs/pack/deep/*"}]}
equal(server.request("PUT", "/docs?policy", json.dumps(deny).encode(), basic())[0], 204, "a policy denies some")
for kind in ("tar", "zip"):
    found = members_of(kind, archive_of(kind, "docs/pack/", admin)[1])
    note = found.pop("pack/LEFT-OUT.txt").decode()
    check(found == {name: body for name, body in want.items() if "/deep/" not in name} and "may not be read: pack/deep/er/two" in note, "what may not be read is left out, and that is told", note)
server.request("DELETE", "/docs?policy", headers=basic())
for i in range(4): # a client that goes away
    sock = server.open_socket()
    sock.sendall(f"GET /-/ui/{('tar', 'zip')[i % 2]}/docs/ HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nCookie: {admin}\r\n\r\n".encode())
    sock.recv(100)
    sock.close()
equal(members_of("tar", archive_of("tar", "docs/pack/", admin)[1]), want, "others are served")

# ---- Versions.
server.request("PUT", "/docs?versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", basic())
server.request("PUT", "/docs/v.txt", b"first", basic())
server.request("PUT", "/docs/v.txt", b"second", basic())
server.request("DELETE", "/docs/v.txt", headers=basic())
text = page("/-/ui/b/docs/?versions=&q=v.txt", admin)
links = [html.unescape(link) for link in re.findall('<a class=file href="([^"]*)"', text)]
check(len(links) == 2 and "deleted</span>" in text, "all versions are shown, and what deleted the last")
check("second</pre>" in page(links[0], admin) and "first</pre>" in page(links[1], admin), "each can be looked at")
equal(get(links[1].replace("/o/", "/raw/"), admin)[2], b"first", "and fetched")
page("/-/ui/o/docs/v.txt", admin, 404)

# ---- Sessions end.
answer = server.request("POST", "/-/ui/sign-out", "csrf=" + reader_csrf, {"Cookie": admin, "Origin": own_origin})
check(answer[0] == 403 and "mkbucket" in page("/-/ui/", admin), "another's form signs nobody out")
other = session_of(sign_in())
answer = server.request("POST", "/-/ui/sign-out", "csrf=" + csrf_of(page("/-/ui/", other)), {"Cookie": other, "Origin": own_origin})
check(answer[0] == 303 and "Max-Age=0" in answer[1]["set-cookie"] and "mkbucket" not in page("/-/ui/", other) and "mkbucket" in page("/-/ui/", admin), "who signs out has: with the one session")
write_credentials(ADMIN, "anonymous")
check(poll(lambda: get("/-/ui/b/docs/", reader)[0] == 403), "a session ends with its key")
equal(call("GET", "/docs/notes.txt", reader, reader_csrf)[0], 403, "its calls, too")
write_credentials(ADMIN.replace(SECRET, "other/secret"), READS, "anonymous")
check(poll(lambda: "mkbucket" not in page("/-/ui/", admin)), "and with the secret of its key")
equal((get(frame)[0], get("/-/ui/b/docs/", reader)[0]), (404, 403), "so do its tickets; and a key that comes back brings none back")

# ---- As many wrong ones as elsewhere.
answers = [sign_in("SOMEBODY", f"guess-{i}")[0] for i in range(60)]
check(answers[0] == 403 and answers[-1] == 429, "who guesses is held off", str(answers))
check(server.stop(), "the server ends cleanly")
log = server.log_text() + open(access_log).read() + open(audit).read()
check(SECRET not in log and READER_SECRET not in log and admin.split("=")[1] not in log, "no secret and no session is in a log")

# ---- Keys are shown where nobody reads them on the way.
write_credentials(ADMIN)
if not TLS:
    server = Server(args=["--credentials", credentials, "--trusted-proxy", "127.0.0.1"])
    own_origin = "https://sluice.example"
    away = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http", "Host": "sluice.example", "Origin": "http://sluice.example"}
    answer = sign_in(**away)
    check(answer[0] == 403 and "set-cookie" not in answer[1] and b"over HTTPS alone" in answer[2], "by plain HTTP from elsewhere nobody signs in", str(answer[:2]))
    check(b"id=secret" not in server.request("GET", "/-/ui/sign-in", headers=away)[2], "and nobody is asked to")
    answer = sign_in(**{**away, "X-Forwarded-Proto": "https", "Origin": own_origin})
    check(answer[0] == 303 and "; Secure" in answer[1]["set-cookie"], "by a proxy with HTTPS one does", str(answer[:2]))
    session = session_of(answer)
    https = {**away, "X-Forwarded-Proto": "https", "Cookie": session}
    check(b"Sign out" in server.request("GET", "/-/ui/", headers=https)[2] and b"Sign out" not in server.request("GET", "/-/ui/", headers={**https, "X-Forwarded-Proto": "http"})[2], "a session that came by plain HTTP does not count")
    check(server.stop(), "it ends")
server = Server(args=["--credentials", credentials, "--web-auth", "off"])
own_origin = server.url
answer = sign_in()
check(answer[0] == 403 and b"--web-auth off" in answer[2] and "set-cookie" not in answer[1], "--web-auth off: nobody signs in")
check(server.stop(), "it ends, too")

# ---- What is encrypted.
keys = scratch("encryption-keys")
with open(keys, "w") as file:
    file.write("first " + base64.b64encode(b"1" * 32).decode() + "\n")
os.chmod(keys, 0o600)
server = Server(args=["--encryption-keys", keys])
server.request("PUT", "/sealed")
sealed = {f"sealed/{name}": os.urandom(size) for name, size in (("small", 100), ("large", 700_001))}
for name, body in sealed.items():
    equal(server.request("PUT", "/" + name, body, {"x-amz-server-side-encryption": "AES256"})[0], 200, f"{name} is encrypted")
customer = {"x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-server-side-encryption-customer-key": base64.b64encode(b"k" * 32).decode(),
            "x-amz-server-side-encryption-customer-key-md5": base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode()}
server.request("PUT", "/sealed/theirs", b"theirs", customer)
server.request("PUT", "/sealed/text", b"plain to its reader", {"x-amz-server-side-encryption": "AES256", "Content-Type": "text/plain"})
check("plain to its reader</pre>" in page("/-/ui/o/sealed/text"), "what the server can read is shown")
check("no preview" in page("/-/ui/o/sealed/theirs") and get("/-/ui/raw/sealed/theirs")[0] == 400, "what it cannot is not")
for kind in ("tar", "zip"):
    found = members_of(kind, archive_of(kind, "sealed/", None)[1])
    check({name: found.get(name) for name in sealed} == sealed and "sealed/theirs" not in found and b"its key is not at hand: theirs" in found["sealed/LEFT-OUT.txt"], f"so it is in a {kind}", str(found.keys()))
check(server.stop(), "this ends cleanly")

# ---- A server without keys.
server = Server()
own_origin = server.url
server.request("PUT", "/bucket")
text = page("/-/ui/")
check(">bucket</a>" in text and "sign-in" not in text and "id=mkbucket" in text, "without keys everybody sees and may do everything")
csrf = csrf_of(text)
equal(server.request("PUT", "/-/ui/s3/bucket/x", b"x", {"x-sluice-csrf": csrf, "Origin": own_origin})[0], 200, "by its own pages")
equal(server.request("PUT", "/-/ui/s3/bucket/x", b"x", {"x-sluice-csrf": "0" * 32, "Origin": own_origin})[0], 403, "which show what only they know")
equal(server.request("PUT", "/-/ui/s3/bucket/x", b"x", {"x-sluice-csrf": csrf, "Origin": "null"})[0], 403, "and no stored page")
check("Health" in page("/-/ui/status"), "and see how it is")
equal(get("/-/ui/", Host="rebound.example")[0], 403, "under a name of its own nobody gets a page")
equal(get("/bucket/x")[1]["content-security-policy"], "sandbox", "objects stay without scripts")
check(server.stop(), "it ends cleanly")

# ---- Turned off.
server = Server(data=server.data, args=["--pages", "off"])
equal((get("/")[1]["content-type"], get("/-/ui/")[0], get("/bucket/")[1]["content-type"]), ("application/xml", 404, "application/xml"), "--pages off: none")
check(server.stop(), "that ends cleanly, too")
done()
