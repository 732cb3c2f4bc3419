#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The door for WebDAV: litmus' suites `basic` and `copymove`, what OpenDAL (sccache's storage) sends, listings, rights, scopes, and paths that
lead nowhere."""
import os
import re
import xml.etree.ElementTree

from sluicetest import Server, check, done, equal, fresh, have, run, skip

SECRETS = {"main": "main-secret-0123456789", "pull": "pull-secret-0123456789", "narrow": "narrow-secret-0123456789"}
FILE = fresh("webdav") + ".credentials"
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write(f"token main {SECRETS['main']} scope=main\ntoken pull {SECRETS['pull']} scope=pr/1 read=main\n"
               f"token narrow {SECRETS['narrow']} files/d/mine/*=read,write,list\nkey ADMIN admin-secret *=all\n")
DOOR = "/-/cache/webdav/"
server = Server(args=["--cache", "webdav bucket=files prefix=d/"])


def ask(method, path, body=None, headers=None, who=None, at=None):
    credentials = {"Authorization": f"Bearer {SECRETS[who]}"} if who else {}
    return (at or server).request(method, DOOR + path, body, {**credentials, **(headers or {})})


def names(answer):
    """href -> (is a collection, size) of a multistatus document."""
    tree = xml.etree.ElementTree.fromstring(answer[2])
    found = {}
    for response in tree.findall("{DAV:}response"):
        size = response.find(".//{DAV:}getcontentlength")
        found[response.find("{DAV:}href").text.removeprefix(DOOR)] = (response.find(".//{DAV:}collection") is not None, int(size.text) if size is not None else None)
    return found


# ---- litmus ----
if have("litmus"):
    place = fresh("litmus") # it writes its log where it stands
    os.makedirs(place, exist_ok=True)
    status, output = run(["sh", "-c", f"cd {place} && TESTS='basic copymove' HTDOCS=/usr/share/litmus/htdocs exec litmus {server.url}{DOOR}"], timeout=120)
    summaries = re.findall(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed", output)
    equal([(name, ran == passed) for name, ran, passed in summaries], [("basic", True), ("copymove", True)], "litmus: basic and copymove")
    check(status == 0, "litmus ends with status 0", output[-1500:])
else:
    skip("litmus", "it is not installed")

# ---- What OpenDAL sends ----
equal(ask("GET", "sccache/.sccache_check")[0], 404, "what is not there is 404")
equal(ask("PROPFIND", "sccache/", headers={"Depth": "1"})[0], 404, "nor is its collection")
equal((ask("PROPFIND", "", headers={"Depth": "0"})[0], ask("MKCOL", "sccache/")[0], ask("MKCOL", "sccache/")[0]), (207, 201, 405), "the root is there, and a collection is made once")
equal((ask("PUT", "sccache/a/b", b"x")[0], ask("MKCOL", "sccache/a/")[0], ask("PUT", "sccache/a/b", b"entry")[0], ask("PUT", "sccache/a/b", b"newer")[0]),
      (409, 201, 201, 204), "a file takes a collection; 201 when it is new, 204 when not")
answer = ask("HEAD", "sccache/a/b")
equal((answer[0], answer[1]["content-length"], ask("GET", "sccache/a/b")[2]), (200, "5", b"newer"), "and is there")

# ---- Listings ----
ask("PUT", "sccache/a/z%20e%26r%3Co%25", b"12")
found = names(ask("PROPFIND", "sccache/a/", headers={"Depth": "1"}))
equal(found, {"sccache/a/": (True, None), "sccache/a/b": (False, 5), "sccache/a/z%20e%26r%3Co%25": (False, 2)}, "a collection's members, and itself first")
answer = ask("PROPFIND", "sccache/a/", headers={"Depth": "1"})[2]
equal([answer.count(b"<D:getlastmodified>"), answer.count(b"<D:response>")], [3, 3], "each of them has a time, without which OpenDAL reads none of it")
equal(names(ask("PROPFIND", "sccache", headers={"Depth": "1"})), {"sccache/": (True, None), "sccache/a/": (True, None)}, "without its '/', too")
equal(names(ask("PROPFIND", "sccache/a/b", headers={"Depth": "0"})), {"sccache/a/b": (False, 5)}, "a file")
equal([ask("PROPFIND", "", headers=headers)[0] for headers in ({}, {"Depth": "infinity"})], [403, 403], "all that is below is too much")
answer = ask("OPTIONS", "")
check(answer[0] == 200 and answer[1]["dav"] == "1" and "PROPFIND" in answer[1]["allow"], "OPTIONS tells what there is", repr(answer))

# ---- Trees ----
equal((ask("COPY", "sccache/", headers={"Destination": f"{server.url}{DOOR}copy/"})[0], names(ask("PROPFIND", "copy/a/", headers={"Depth": "1"})).keys()),
      (201, {"copy/a/", "copy/a/b", "copy/a/z%20e%26r%3Co%25"}), "a collection is copied with all that is in it")
equal((ask("MOVE", "copy/", headers={"Destination": f"{DOOR}moved/"})[0], ask("GET", "copy/a/b")[0], ask("GET", "moved/a/b")[2]), (201, 404, b"newer"), "and moved")
equal((ask("MOVE", "moved/a/b", headers={"Destination": f"{DOOR}moved/c"})[0], ask("GET", "moved/c")[2]), (201, b"newer"), "a file is moved")
equal([ask("COPY", "moved/", headers={"Destination": f"{DOOR}{to}"})[0] for to in ("moved/inside/", "moved/")], [403, 403], "nothing is copied into itself")
equal((ask("DELETE", "moved/")[0], ask("PROPFIND", "moved/", headers={"Depth": "0"})[0], ask("DELETE", "moved/")[0]), (204, 404, 404), "a collection is deleted with all that is in it")
for to in ("/-/cache/other/x", "http://h/elsewhere", "/files/d/x", "", f"{DOOR}a/../../x", f"{DOOR}%2e%2e/x", f"{DOOR}a//x"):
    equal(ask("COPY", "sccache/a/b", headers={"Destination": to})[0], 400, f"Destination {to!r} leads to no place here")
equal([ask(method, "sccache/a/b")[0] for method in ("LOCK", "PROPPATCH", "POST", "PATCH")], [405] * 4, "what is not served is refused")
equal([ask("PUT", path, b"x")[0] for path in ("../x", "%2e%2e/x", "sccache//x", "sccache/./x")], [404] * 4, "as are paths that get rewritten")
check(server.stop(), "the server ends with status 0")

# ---- Rights and scopes ----
server = Server(args=["--credentials", FILE, "--cache", "webdav bucket=files prefix=d/"])
equal([ask(method, "x/", headers={"Depth": "1", "Destination": f"{DOOR}y"})[0] for method in ("PROPFIND", "MKCOL", "DELETE", "COPY", "MOVE")][:2], [401, 401], "a stranger is asked who he is")
equal((ask("MKCOL", "lib/", who="main")[0], ask("PUT", "lib/o", b"main", who="main")[0], ask("GET", "lib/o", who="pull")[2]), (201, 201, b"main"), "scopes: main's is read")
equal((ask("DELETE", "lib/o", who="pull")[0], ask("DELETE", "lib/", who="pull")[0], ask("GET", "lib/o", who="main")[2]), (404, 404, b"main"), "and not deleted by others")
equal((ask("MKCOL", "main/", who="pull")[0], ask("PUT", "main/lib", b"x", who="pull")[0], ask("COPY", "main/", headers={"Destination": f"{DOOR}lib/"}, who="pull")[0]),
      (201, 201, 201), "a pull request does as it likes in its own")
equal((ask("GET", "lib/o", who="main")[2], sorted(names(ask("PROPFIND", "", headers={"Depth": "1"}, who="main")))), (b"main", ["", "lib/"]), "which main does not see")
equal((ask("PROPFIND", "", headers={"Depth": "1"}, who="narrow")[0], ask("PROPFIND", "main/", headers={"Depth": "1"}, who="narrow")[0],
       ask("DELETE", "main/", who="narrow")[0], ask("GET", "lib/o", who="main")[2]), (403, 403, 403, b"main"), "rights on some keys are no more than that")
check(server.stop(), "that server ends with status 0, too")
done()
