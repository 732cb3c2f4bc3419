#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The door for Git LFS: batches and the objects that they lead to, whose bytes must hash to their name; folders, rights, scopes, and what is no
batch."""
import hashlib
import json
import os

from sluicetest import Server, check, done, equal, fresh

SECRETS = {name: f"{name}-secret-0123456789" for name in ("main", "pr", "reader", "narrow")}
FILE = fresh("lfs") + ".credentials"
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write("".join(f"token {name} {SECRETS[name]} {rights}\n" for name, rights in (
        ("main", "scope=main"), ("pr", "scope=pr/1 read=main"), ("reader", "read=main"), ("narrow", "plain/mine/*=read,write"))))
TYPE = "application/vnd.git-lfs+json"


def ask(method, path, body=None, who=None, headers=None, door="lfs"):
    credentials = {"Authorization": f"Bearer {SECRETS[who]}"} if who else {}
    return server.request(method, f"/-/cache/{door}/{path}", body, {**credentials, **(headers or {})})


def name_of(body):
    return hashlib.sha256(body).hexdigest()


def batch(operation, hashes, who=None, folder="", door="lfs", **more):
    """(status, the answer) of a batch."""
    document = {"operation": operation, "transfers": ["ssh", "basic"], "objects": [{"oid": hash, "size": 5} for hash in hashes], **more}
    answer = ask("POST", folder + "objects/batch", json.dumps(document).encode(), who, {"Content-Type": TYPE}, door)
    check(answer[1]["content-type"] == TYPE, "", answer) if answer[1].get("content-type") != TYPE else None
    return answer[0], json.loads(answer[2])


def kinds(answer):
    """What each object's entry has: upload, download, a code, or None."""
    return [next(iter(entry["actions"])) if "actions" in entry else entry["error"]["code"] if "error" in entry else None for entry in answer[1]["objects"]]


def put(href, body, who):
    check(href.startswith(server.url + "/"), "a URL begins with the server's address", href) if not href.startswith(server.url + "/") else None
    return server.request("PUT", href.removeprefix(server.url), body, {"Authorization": f"Bearer {SECRETS[who]}", "Content-Type": "application/octet-stream"})[0]


server = Server(args=["--credentials", FILE, "--cache", "lfs bucket=ci-lfs", "--cache", "lfs name=plain bucket=plain", "--cache", "lfs name=once bucket=ci-once write-once"])
one, two, large = b"one", b"two", os.urandom(300_000)

# ---- A round ----
answer = batch("upload", [name_of(one), name_of(large)], "main")
equal((answer[0], answer[1]["transfer"], answer[1]["hash_algo"], kinds(answer)), (200, "basic", "sha256", ["upload", "upload"]), "what is not there is put")
hrefs = [entry["actions"]["upload"]["href"] for entry in answer[1]["objects"]]
equal(hrefs[0], f"{server.url}/-/cache/lfs/objects/{name_of(one)}", "at this door")
equal([put(hrefs[0], two, "main"), ask("GET", f"objects/{name_of(one)}", who="main")[0]], [400, 404], "bytes that are others are refused")
equal([put(hrefs[0], one, "main"), put(hrefs[1], large, "main"), put(hrefs[0], one, "main")], [200] * 3, "and the right ones stored, also twice")
equal(kinds(batch("upload", [name_of(one), name_of(two)], "main")), [None, "upload"], "what is there is not put again")
answer = batch("download", [name_of(large), name_of(two)], "main")
equal((answer[0], kinds(answer)), (200, ["download", 404]), "what is there can be got")
equal(ask("GET", f"objects/{name_of(large)}", who="main")[2] == large, True, "and is what was put")
equal(ask("GET", f"objects/{name_of(large)}", who="main", headers={"Range": "bytes=100-199"})[2] == large[100:200], True, "a part of it, too")
equal(batch("download", [], "main"), (200, {"transfer": "basic", "hash_algo": "sha256", "objects": []}), "nothing asked for is nothing")
many = [name_of(b"%d" % i) for i in range(1000)]
answer = batch("download", [*many[:999], name_of(one)], "main")
equal((answer[0], kinds(answer)), (200, [404] * 999 + ["download"]), "a thousand at a time")

# ---- Who ----
equal(kinds(batch("download", [name_of(one)], "pr")), ["download"], "scopes: a pull request gets main's")
equal((kinds(batch("upload", [name_of(one)], "pr")), kinds(batch("upload", [name_of(two)], "pr"))), ([None], ["upload"]), "scopes: and puts what main has not")
equal(put(f"{server.url}/-/cache/lfs/objects/{name_of(two)}", two, "pr"), 200, "scopes: for itself")
equal((kinds(batch("download", [name_of(two)], "pr")), kinds(batch("download", [name_of(two)], "main"))), (["download"], [404]), "scopes: main does not see it")
equal((batch("upload", [name_of(two)], "reader")[0], kinds(batch("download", [name_of(one)], "reader")), put(f"{server.url}/-/cache/lfs/objects/{name_of(two)}", two, "reader")), (403, ["download"], 403),
      "who only reads puts nothing")
answer = ask("POST", "objects/batch", b'{"operation":"download","objects":[]}')
equal((answer[0], answer[1].get("lfs-authenticate"), "message" in json.loads(answer[2])), (401, 'Basic realm="sluice"', True), "a stranger is asked who he is")
equal(batch("download", [name_of(one)], folder="", door="plain", who="narrow")[0], 403, "rights are those on the folder's keys: not all")
equal((kinds(batch("upload", [name_of(one)], "narrow", "mine/app/", "plain")), put(f"{server.url}/-/cache/plain/mine/app/objects/{name_of(one)}", one, "narrow"),
       kinds(batch("download", [name_of(one)], "narrow", "mine/app/", "plain")), kinds(batch("download", [name_of(one)], "narrow", "mine/other/", "plain"))),
      (["upload"], 200, ["download"], [404]), "but those of one, and a folder is a store of its own")
equal([put(f"{server.url}/-/cache/once/objects/{name_of(one)}", one, "main") for i in range(2)], [200, 200], "written once, it is there")

# ---- What is none ----
one_object = {"objects": [{"oid": name_of(one), "size": 3}]}
wrong = [b"{", b"[]", b"{}", {"operation": "delete", **one_object}, {"operation": "upload"}, {"operation": "upload", "objects": {}}, {"operation": "upload", "objects": [3]},
         {"operation": "upload", "objects": [{"oid": "x", "size": 3}]}, {"operation": "upload", "objects": [{"oid": name_of(one).upper(), "size": 3}]},
         {"operation": "upload", "objects": [{"oid": name_of(one), "size": -3}]}, {"operation": "upload", "transfers": ["ssh"], **one_object}, b"[" * 100_000, b"\xff"]
equal([ask("POST", "objects/batch", body if isinstance(body, bytes) else json.dumps(body).encode(), "main")[0] for body in wrong], [422] * len(wrong), "what is no batch is refused")
equal((batch("upload", [name_of(one)], "main", hash_algo="sha512")[0], batch("download", [*many, name_of(one)], "main")[0], ask("POST", "objects/batch", b" " * 300_000, "main")[0]), (409, 413, 400),
      "other hashes, too many objects, and a document that is too large, too")
equal([ask("GET", path, who="main")[0] for path in ("", "objects", "objects/", "objects/x", f"objects/{name_of(one).upper()}", f"{name_of(one)}", f"xobjects/{name_of(one)}", f"objects/../objects/{name_of(one)}",
                                                   "locks", "locks/verify", f"{'f' * 200}/objects/{name_of(one)}")], [404] * 11, "paths that are none")
equal([ask(method, path, b"{}" if method == "POST" else None, "main")[0] for method, path in (("GET", "objects/batch"), ("DELETE", f"objects/{name_of(one)}"), ("POST", f"objects/{name_of(one)}"),
                                                                                    ("POST", "locks/verify"))], [405, 405, 405, 404], "methods that do nothing, and locks")
check(server.stop(), "the server ends with status 0")

# ---- What the server is called ----
server = Server(args=["--cache", "lfs bucket=ci-lfs", "--public-url", "https://cache.example/"])
answer = server.request("POST", "/-/cache/lfs/a%20b/objects/batch", json.dumps({"operation": "upload", **one_object}).encode(), {"Host": "localhost"})
equal(json.loads(answer[2])["objects"][0]["actions"]["upload"]["href"], f"https://cache.example/-/cache/lfs/a%20b/objects/{name_of(one)}", "URLs begin as --public-url says, whatever Host does")
check(server.stop(), "the server ends with status 0")
done()
