#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GitHub's service for artifacts, version 4, as its client speaks it: calls in JSON and protobuf, blocks in any order, the hash that is compared before
anything is there, what a run has, whose runs a token is for, scopes, removal and expiry."""
import base64
import concurrent.futures
import hashlib
import json
import os
import subprocess
import time
import urllib.parse

from issuer import Issuer, Key
from protobuf import field, read_wire
from sluicetest import ROOT, Server, check, done, equal, fresh, poll

SERVICE = "/twirp/github.actions.results.api.v1.ArtifactService/"
ISSUER = "https://token.actions.githubusercontent.com"
SECRETS = {name: f"{name}-secret-0123456789" for name in ("main", "pull", "reader", "plain", "none")}
RUN, JOB, OTHER = "ce7f54c7-61c7-4aae-887f-30da475f5f1a", "ca395085-040a-526b-2ce8-bdc85f692774", "0f0f0f0f-040a-526b-2ce8-bdc85f692774"
FILE = fresh("artifacts") + ".credentials"
key = Key("one", "ES256")
issuer = Issuer(key)
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write(f"oidc {ISSUER} audience=sluice jwks={issuer.url}\nrole acme issuer={ISSUER} claim:repository=acme/* scope=acme\n"
               f"token main {SECRETS['main']} scope=main\ntoken pull {SECRETS['pull']} scope=pr/1 read=main\ntoken reader {SECRETS['reader']} read=main\n"
               f"token plain {SECRETS['plain']} acts=read,write,list\ntoken none {SECRETS['none']} other=read\nkey ADMIN admin-secret *=all\n")
server = Server(args=["--credentials", FILE, "--cache", "github bucket=acts prefix=gh/ repository=123", "--lifecycle-day", "5"])
ADMIN = {"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret").decode()}


def call(who, name, body, kind="application/json"):
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {SECRETS.get(who, who)}"} if who else {})}
    return server.request("POST", SERVICE + name, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


def ask(who, call_name, run=RUN, job=JOB, **body):
    status, _, text = call(who, call_name, {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job, **body})
    return (status, json.loads(text)) if status == 200 else (status, json.loads(text)["code"])


def create(who, name, **more):
    status, answer = ask(who, "CreateArtifact", name=name, version=7, **more)
    return answer["signed_upload_url"] if status == 200 else (status, answer)


def finalize(who, name, data, **more):
    return ask(who, "FinalizeArtifact", name=name, size=str(len(data)), hash="sha256:" + hashlib.sha256(data).hexdigest(), **more)


def listed(who, **more):
    status, answer = ask(who, "ListArtifacts", **more)
    return {entry["name"]: entry for entry in answer["artifacts"]} if status == 200 else (status, answer)


def at(method, url, body=None, headers=None, extra=""):
    parts = urllib.parse.urlsplit(url)
    return server.request(method, f"{parts.path}?{parts.query}{extra}", body, headers)


def block_name(text):
    return base64.b64encode(text.encode()).decode()


def upload(url, pieces, order=None):
    """Blocks, and their list, as the client sends them: in any order, with ids of 48 bytes."""
    names = [block_name(f"block-{i:042}") for i in range(len(pieces))]
    for i in order or range(len(pieces)):
        status = at("PUT", url, pieces[i], extra="&comp=block&blockid=" + urllib.parse.quote(names[i], safe=""))[0]
        if status != 201:
            return status
    text = "".join(f"<Latest>{name}</Latest>" for name in names)
    return at("PUT", url, f'<?xml version="1.0"?><BlockList>{text}</BlockList>'.encode(), {"x-ms-blob-content-type": "application/zip"}, "&comp=blocklist")[0]


def store(who, name, data, **more):
    url = create(who, name, **more)
    if not isinstance(url, str):
        return url
    upload(url, [data])
    return finalize(who, name, data, **{word: more[word] for word in more if word in ("run", "job")})


def read(who, name, **more):
    status, answer = ask(who, "GetSignedArtifactURL", name=name, **more)
    return at("GET", answer["signed_url"])[2] if status == 200 else (status, answer)


# ---- One artifact ----
equal(listed("main"), {}, "a run has nothing at first")
equal(read("main", "build"), (404, "not_found"), "and no URL is told of nothing")
url = create("main", "build", mime_type="application/zip")
check(isinstance(url, str) and url.startswith(f"{server.url}/-/cache/github/upload/"), "an upload gets a URL", url)
equal(create("main", "build"), (409, "already_exists"), "a name is given once while it is being uploaded")
pieces = [b"a" * 100_000, b"b" * 5, b"c" * 70_000]
whole = b"".join(pieces)
equal(upload(url, pieces, (2, 0, 1)), 201, "blocks come in any order, then their list")
equal(listed("main"), {}, "it is no artifact before it is finalized")
equal(ask("main", "FinalizeArtifact", name="build", size="7"), (400, "failed_precondition"), "nor of another size than is told")
before = time.time()
status, answer = finalize("main", "build", whole)
check(status == 200 and answer["ok"] is True and 0 < int(answer["artifact_id"]) < 2 ** 53, "then it is", repr(answer))
number = answer["artifact_id"]
entry = listed("main")["build"]
equal({name: entry[name] for name in entry if name != "created_at"},
      {"workflow_run_backend_id": RUN, "workflow_job_run_backend_id": JOB, "database_id": number, "name": "build", "size": str(len(whole)),
       "digest": "sha256:" + hashlib.sha256(whole).hexdigest()}, "it is listed with all that is known of it")
check(entry["created_at"].endswith("Z") and entry["created_at"][:4] == time.strftime("%Y", time.gmtime(before)), "and when it was made", entry["created_at"])
equal(read("main", "build"), whole, "its bytes come back in the order of the list")
equal(read("main", "build", job=OTHER), whole, "to another job of the run, too")
status, headers, _ = at("HEAD", ask("main", "GetSignedArtifactURL", name="build")[1]["signed_url"])
equal((status, headers["content-type"], headers["content-disposition"]), (200, "application/zip", "attachment; filename*=UTF-8''build.zip"), "as an archive of its name")
equal(finalize("main", "build", whole), (200, {"ok": True, "artifact_id": number}), "an answer that was lost comes again, with the same number")
equal(finalize("main", "build", b"x" * len(whole))[0], 404, "but not for other bytes")
status, _, text = call("main", "CreateArtifact", {"workflow_run_backend_id": RUN, "workflow_job_run_backend_id": OTHER, "name": "build", "version": 7})
equal((status, json.loads(text)["msg"]), (409, "an artifact with this name already exists on the workflow run"), "a name is given once in a run, in GitHub's words")
equal(server.request("GET", f"/acts/gh/-/artifacts/main/-/{RUN}/build", headers=ADMIN)[2], whole, "S3 reads the same")
equal(server.request("HEAD", f"/acts/gh/-/artifacts/main/-/{RUN}/build", headers={**ADMIN, "x-amz-checksum-mode": "ENABLED"})[1]["x-amz-checksum-sha256"],
      base64.b64encode(hashlib.sha256(whole).digest()).decode(), "and tells the hash as its checksum")
equal(server.request("PUT", f"/acts/gh/-/artifacts/main/-/{RUN}/x", b"x", ADMIN)[0], 403, "and does not write there")

# ---- The hash ----
url = create("main", "spoilt")
equal(upload(url, [b"x" * 200_000, b"y"]), 201, "bytes come")
equal(ask("main", "FinalizeArtifact", name="spoilt", size="200001", hash="sha256:" + "0" * 64), (400, "failed_precondition"), "that do not have the hash that is told")
equal((listed("main").get("spoilt"), read("main", "spoilt")), (None, (404, "not_found")), "so nothing is there")
equal(server.request("GET", f"/acts/gh/-/artifacts/main/-/{RUN}/spoilt", headers=ADMIN)[0], 404, "for nobody")
equal(at("PUT", url, b"x")[0], 404, "and the upload is over")
equal(store("main", "spoilt", b"now right")[0], 200, "so that another may begin at once")
many = [bytes([i % 251]) * (i % 7) for i in range(600)]
url = create("main", "many")
equal((upload(url, many, list(range(599, -1, -1))), finalize("main", "many", b"".join(many))[0], read("main", "many")), (201, 200, b"".join(many)), "many blocks, some of them empty")
large = os.urandom(1 << 20) * 24
equal(upload(create("main", "large", run="race"), [large[i:i + (8 << 20)] for i in range(0, len(large), 8 << 20)]), 201, "a large one")
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    answers = [answer[0] for answer in pool.map(lambda _: finalize("main", "large", large, run="race"), range(8))]
check(200 in answers and set(answers) <= {200, 503}, "finished eight times at once: its bytes are read once at a time, and who comes meanwhile tries again", repr(answers))
equal((finalize("main", "large", large, run="race")[0], list(listed("main", run="race"))), (200, ["large"]), "and then hears that it is there")
equal([ask("main", "FinalizeArtifact", name="build", size="1", hash=text) for text in ("", "md5:00", "sha256:", "sha256:" + "0" * 63, "sha256:" + "g" * 64)],
      [(400, "invalid_argument")] * 5, "hashes that are none")
url = create("main", "unhashed", mime_type="text/plain; charset=utf-8")
equal((at("PUT", url, b"in one piece", {"x-ms-blob-type": "BlockBlob"})[0], ask("main", "FinalizeArtifact", name="unhashed", size=12)[0]), (201, 200), "a client may tell none, and send one piece")
equal(listed("main")["unhashed"].get("digest"), None, "then none is told")
headers = at("GET", ask("main", "GetSignedArtifactURL", name="unhashed")[1]["signed_url"])[1]
equal((headers["content-type"], headers["content-disposition"]), ("text/plain; charset=utf-8", "attachment; filename*=UTF-8''unhashed"), "a file keeps its kind and its name")
equal((store("main", "empty", b"")[0], read("main", "empty")), (200, b""), "an artifact of no bytes")

# ---- Lists, and what is wrong ----
equal(sorted(listed("main")), ["build", "empty", "many", "spoilt", "unhashed"], "a run has all of them")
equal((list(listed("main", name_filter="build")), list(listed("main", name_filter="buil")), list(listed("main", id_filter=number)), list(listed("main", id_filter=int(number))),
       list(listed("main", id_filter="1"))), (["build"], [], ["build"], ["build"], []), "or those of a name or a number")
equal(listed("main", run="another"), {}, "another run has its own")
numbers = [int(entry["database_id"]) for entry in sorted(listed("main").values(), key=lambda entry: entry["created_at"])]
check(len(set(numbers)) == 5, "each has its own number", repr(numbers))
for i in range(120):
    url = create("main", f"part-{i:03}", run="long")
    at("PUT", url, b"x")
    ask("main", "FinalizeArtifact", name=f"part-{i:03}", size="1", run="long")
equal(sorted(listed("main", run="long")), [f"part-{i:03}" for i in range(120)], "a list of more than a page")
wrong = [dict(name=""), dict(name="a/b"), dict(name="a\\b"), dict(name='a"'), dict(name="a:b"), dict(name="a\nb"), dict(name=".."), dict(name="x" * 257), dict(), dict(name="a", run="a/b"),
         dict(name="a", run=""), dict(name="a", job="x" * 65), dict(name="a", job=".."), dict(name="a", mime_type="x" * 129), dict(name="a", mime_type="a\r\nb: c"),
         dict(name="a", expires_at="2020-01-01T00:00:00Z")]
equal([ask("main", "CreateArtifact", **body) for body in wrong], [(400, "invalid_argument")] * len(wrong), "names, ids, kinds and times that are none")
equal([call("main", "CreateArtifact", body)[0] for body in (b"{", b"[]", b'{"name":1}', b'{"expires_at":"soon"}', b'{"name":"a","name":"b"}')], [400] * 5, "bodies that are no messages")
equal(call("main", "ListArtifacts", b"{" + b" " * 100_000 + b"}")[0] // 100, 4, "a body of too many bytes is not read")
equal([ask("main", name, name="x") for name in ("MigrateArtifact", "FinalizeMigratedArtifact")], [(501, "unimplemented")] * 2, "artifacts of other stores are not taken over")
equal((ask("main", "Nothing", name="x"), call("main", "CreateArtifact", {}, "text/plain")[0], server.request("GET", SERVICE + "ListArtifacts", headers=ADMIN)[0]),
      ((404, "bad_route"), 404, 404), "calls that there are not")
names = ("Größe 100%.txt", "a b+c&d", "x" * 256)
equal([store("main", name, name.encode(), run="names")[0] for name in names], [200] * 3, "names that are")
equal(sorted(listed("main", run="names")), sorted(names), "are listed as they are")
headers = at("GET", ask("main", "GetSignedArtifactURL", name=names[0], run="names")[1]["signed_url"])[1]
equal(headers["content-disposition"], "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20100%25.txt.zip", "and encoded where they are told")

# ---- Protobuf ----


def wire(who, name, *fields):
    status, headers, body = call(who, name, b"".join((field(1, RUN), field(2, JOB), *fields)), "application/protobuf")
    return read_wire(body) if status == 200 and headers["content-type"] == "application/protobuf" else (status, json.loads(body)["code"])


answer = dict(wire("main", "CreateArtifact", field(3, "wire"), field(4, field(1, int(time.time()) + 86400)), field(5, 7), field(6, field(1, "text/html")), field(99, "more")))
equal(sorted(answer), [1, 2], "protobuf: an upload begins")
equal(upload(answer[2].decode(), [b"wired"]), 201, "its bytes come")
equal(wire("main", "FinalizeArtifact", field(3, "wire"), field(4, 5), field(5, field(1, "sha256:" + "1" * 64))), (400, "failed_precondition"), "protobuf: another hash")
answer = dict(wire("main", "CreateArtifact", field(3, "wire"), field(6, field(1, "text/html"))))
upload(answer[2].decode(), [b"wired"])
answer = dict(wire("main", "FinalizeArtifact", field(3, "wire"), field(4, 5), field(5, field(1, "sha256:" + hashlib.sha256(b"wired").hexdigest()))))
check(answer[1] == 1 and answer[2] > 0, "protobuf: it is finalized", repr(answer))
found = wire("main", "ListArtifacts", field(3, field(1, "wire")))
entry = dict(read_wire(found[0][1]))
equal((len(found), entry[1], entry[2], entry[3], entry[4], entry[5], dict(read_wire(entry[7]))[1]),
      (1, RUN.encode(), JOB.encode(), answer[2], b"wire", 5, b"sha256:" + hashlib.sha256(b"wired").hexdigest().encode()), "protobuf: it is listed")
check(abs(dict(read_wire(entry[6]))[1] - time.time()) < 600, "protobuf: and when it was made")
equal((len(wire("main", "ListArtifacts", field(4, field(1, answer[2])))), wire("main", "ListArtifacts", field(4, field(1, 1)))), (1, []), "protobuf: by its number")
equal(at("GET", dict(wire("main", "GetSignedArtifactURL", field(3, "wire")))[1].decode())[2], b"wired", "protobuf: and read")
equal([wire("main", "ListArtifacts", body) for body in (b"\x12\xff\x01a", b"\x80", b"\x0b", b"\x22\x02\x08\x80", b"\x1a\x01\x0a")], [(400, "malformed")] * 5, "protobuf: what is none")
equal(dict(wire("main", "DeleteArtifact", field(3, "wire"))), {1: 1, 2: answer[2]}, "protobuf: and removed")

# ---- Removing ----
equal(ask("main", "DeleteArtifact", name="none"), (404, "not_found"), "what is not there is not removed")
equal(ask("main", "DeleteArtifact", name="build", job=OTHER), (200, {"ok": True, "artifact_id": number}), "another job of the run removes one")
equal((listed("main").get("build"), read("main", "build")), (None, (404, "not_found")), "which is gone")
equal(store("main", "build", b"again")[0], 200, "and its name is free")
check(int(listed("main")["build"]["database_id"]) > int(number), "later ones have higher numbers")

# ---- Rights and scopes ----
equal((read("pull", "build"), sorted(listed("pull"))), (b"again", sorted(listed("main"))), "who reads main's finds its artifacts")
equal((store("pull", "build", b"pull's")[0], read("pull", "build"), read("main", "build")), (200, b"pull's", b"again"), "and stores his own beside them")
equal(ask("pull", "DeleteArtifact", name="unhashed"), (404, "not_found"), "nobody removes another's")
equal((read("reader", "build"), create("reader", "x"), finalize("reader", "build", b"again")[0], ask("reader", "DeleteArtifact", name="build")),
      (b"again", (403, "permission_denied"), 403, (403, "permission_denied")), "who only reads changes nothing")
for who, want in ((None, (401, "unauthenticated")), ("wrong-token-0123456789", (401, "unauthenticated")), ("none", (403, "permission_denied"))):
    equal((listed(who), create(who, "x"), read(who, "build"), read(who, "absent"), ask(who, "DeleteArtifact", name="build")), (want,) * 5, f"{who} gets nothing")
equal((store("plain", "build", b"plain")[0], read("plain", "build"), sorted(listed("plain"))), (200, b"plain", ["build"]), "rights without scopes are of the whole bucket")


def runner(scp=f"Actions.Example Actions.Results:{RUN}:{JOB}", **more):
    return key.token(issuer.claims(ISSUER, **{"repository": "acme/app", "repository_id": "123", **({"scp": scp} if scp is not None else {}), **more}))


check(poll(lambda: listed(runner()) == {}), "a token of an issuer is for its run")
equal((store(runner(), "out", b"of a job")[0], read(runner(), "out"), listed(runner())["out"]["workflow_job_run_backend_id"]), (200, b"of a job", JOB), "and makes artifacts of it")
equal((listed(runner(), run="another"), create(runner(), "x", run="another"), read(runner(), "out", run="another"), ask(runner(), "DeleteArtifact", name="out", run="another")),
      ((403, "permission_denied"),) * 4, "of no other run")
second = runner(f"Actions.Results:{RUN}:{OTHER}")
equal((read(second, "out"), listed(second)["out"]["size"], create(second, "mine", job=JOB), finalize(second, "out", b"of a job")), (b"of a job", "8", (403, "permission_denied"), (403, "permission_denied")),
      "another job of it reads, and makes none of the first one's")
equal([listed(runner(scp)) for scp in (None, "", "Actions.Results", f"Actions.Results:{RUN}", f"Actions.Results:{RUN}x:{JOB}", f"x:Actions.Results:{RUN}:{JOB}", f"Actions.Results::{JOB}")][:3]
      + [listed(runner(f"Actions.Results:{RUN}x:{JOB}"))], [(403, "permission_denied")] * 4, "tokens that name no run, or another")
MAIN = json.dumps([{"Scope": "refs/heads/main", "Permission": 3}])
equal((store(runner(ac=MAIN), "out", b"of main")[0], read(runner(ac=MAIN), "out"), read(runner(), "out")), (200, b"of main", b"of a job"), "scopes of a runner's own token")
equal(server.request("GET", f"/acts/gh/-/artifacts/123/refs%252Fheads%252Fmain/-/{RUN}/out", headers=ADMIN)[2], b"of main", "lie below the repository")
equal(create(runner(repository="other/app"), "x")[0], 403, "without a role a good token has no right")

# ---- The recipe of deploy/ci ----


def recipe(secret, **environment):
    lines = subprocess.run([os.path.join(ROOT, "deploy", "ci", "actions.sh")], env={"PATH": os.environ["PATH"], "SLUICE_URL": server.url, "SLUICE_TOKEN": secret, **environment},
                           capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


variables = recipe(SECRETS["main"], GITHUB_RUN_ID="17", GITHUB_JOB="compile")
equal((variables["ACTIONS_RESULTS_URL"], variables["ACTIONS_CACHE_URL"], variables["ACTIONS_CACHE_SERVICE_V2"]), (f"{server.url}/-/cache/github/",) * 2 + ("true",), "the recipe leads to the door")
who = variables["ACTIONS_RUNTIME_TOKEN"]
claims = who.split(".")[1]
equal(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))), {"scp": "Actions.Results:17:compile"}, "and tells the client its run and job")
equal((store(who, "out", b"of the recipe", run="17", job="compile")[0], read("main", "out", run="17")), (200, b"of the recipe"), "its token is that of the secret")
equal(listed(recipe("wrong-token-0123456789")["ACTIONS_RUNTIME_TOKEN"]), (401, "unauthenticated"), "and no other secret's")
equal(json.loads(base64.urlsafe_b64decode(recipe("x", SLUICE_RUN="mine", GITHUB_RUN_ID="17")["ACTIONS_RUNTIME_TOKEN"].split(".")[1] + "=="))["scp"], "Actions.Results:mine:job", "a run may be named")

# ---- Expiry ----


def soon(seconds):
    now = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"


equal((store("main", "brief", b"short-lived", expires_at=soon(2))[0], store("main", "lasting", b"for a day", expires_at=soon(86400))[0]), (200, 200), "artifacts say when they go")
check(poll(lambda: "brief" not in listed("main")), "what is over is not told any more")
equal(read("main", "brief"), (404, "not_found"), "nor given")
check(poll(lambda: server.request("GET", f"/acts/gh/-/artifacts/main/-/{RUN}/brief", headers=ADMIN)[0] == 404), "and it is removed, by itself")
equal((read("main", "lasting"), read("main", "build")), (b"for a day", b"again"), "others stay")
check("removed 1 objects from acts whose time was over" in server.log_text(), "the log tells")
guesses = [call(f"e30.e30.guess-number-{i:05}", "ListArtifacts", {})[0] for i in range(40)]
check(guesses[0] == 401 and guesses[-1] == 429, "secrets in such a form are not guessed at either", repr(guesses))
check(server.stop(), "the server ends with status 0")

# ---- Without keys ----
server = Server(args=["--cache", "github bucket=acts"])
equal((store(None, "open", b"to all")[0], read(None, "open"), list(listed(None))), (200, b"to all", ["open"]), "a server without keys serves all")
check(server.stop(), "and ends with status 0")
done()
