#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What time does at GitHub's door: signed URLs end, a key whose upload nobody goes on with is free again, and uploads that came to nothing are cleared away, of this
process and of one before. It gets later at once, by a preloaded library."""
import base64
import json
import os
import re
import struct
import urllib.parse

from preload import build
from sluicetest import Server, check, done, equal, fresh

HOUR = 3600
CACHE, ARTIFACTS = ("/-/cache/github/twirp/github.actions.results.api.v1." + name for name in ("CacheService/", "ArtifactService/"))
FILE = fresh("later") + ".credentials"
TOKEN = {"Authorization": "Bearer main-secret-0123456789"}
ADMIN = {"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret").decode()}
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write("token main main-secret-0123456789 scope=main\nkey ADMIN admin-secret *=all\n")


def call(service, method, **body):
    status, _, text = server.request("POST", service + method, json.dumps(body).encode(), {"Content-Type": "application/json", **TOKEN})
    return json.loads(text) if status == 200 else status


def create(name):
    answer = call(CACHE, "CreateCacheEntry", key=name, version="ab" * 32)
    return answer.get("signed_upload_url") if isinstance(answer, dict) else answer


def at(method, url, body=None, extra=""):
    parts = urllib.parse.urlsplit(url)
    return server.request(method, f"{parts.path}?{parts.query}{extra}", body)[0]


def put_block(url, name):
    return at("PUT", url, b"x" * 1000, "&comp=block&blockid=" + urllib.parse.quote(base64.b64encode(name).decode(), safe=""))


def uploads():
    """The keys of those that S3 knows of."""
    text = server.request("GET", "/acts?uploads", None, ADMIN)[2].decode()
    return sorted(key.rsplit("/", 1)[1] for key in re.findall("<Key>([^<]*)</Key>", text))


def later(seconds):
    control[:8] = struct.pack("q", seconds)


def start(data=None):
    return Server(data=data, args=["--credentials", FILE, "--cache", "github bucket=acts prefix=gh/"], env=environment)


built = build("later", "LATER_CONTROL", 8, "a clock that is later")
if built is None:
    done()
environment, control = built
server = start()

# ---- URLs ----
url = create("slow")
later(6 * HOUR - 60)
equal(put_block(url, b"one"), 201, "an upload's URL is good for six hours")
later(6 * HOUR + 60)
equal(put_block(url, b"two"), 403, "and no longer")
later(0)
equal(put_block(url, b"two"), 201, "the same URL is good again when it is not so late")
url = create("entry")
equal((at("PUT", url, b"bytes"), call(CACHE, "FinalizeCacheEntryUpload", key="entry", version="ab" * 32, size_bytes="5")["ok"]), (201, True), "an entry")
download = call(CACHE, "GetCacheEntryDownloadURL", key="entry", version="ab" * 32)["signed_download_url"]
later(HOUR - 60)
equal(at("GET", download), 200, "a download's URL is good for an hour")
later(HOUR + 60)
equal(at("GET", download), 403, "and no longer")
equal(at("GET", call(CACHE, "GetCacheEntryDownloadURL", key="entry", version="ab" * 32)["signed_download_url"]), 200, "but another one is told")
later(0)

# ---- A key whose upload nobody goes on with ----
first = create("idle")
later(14 * 60)
equal(create("idle"), None, "a key is taken while its upload goes on")
equal(put_block(first, b"one"), 201, "which it does")
later(28 * 60)
equal(create("idle"), None, "so it is still taken")
later(30 * 60)
second = create("idle")
check(isinstance(second, str), "until nothing has come for a quarter of an hour")
equal((put_block(first, b"two"), put_block(second, b"two")), (404, 201), "then it is the second one's alone")
later(0)

# ---- What came to nothing ----
names = [f"dead-{i}" for i in range(7)]
for name in names:
    equal(put_block(create(name), b"one"), 201, f"{name} begins")
artifact = call(ARTIFACTS, "CreateArtifact", workflow_run_backend_id="r", workflow_job_run_backend_id="j", name="dead-artifact", version=7)["signed_upload_url"]
equal(put_block(artifact, b"one"), 201, "an artifact's, too")
equal(uploads(), sorted([*names, "dead-artifact", "idle", "idle", "slow"]), "S3 knows them all")
check(server.stop(), "the server ends with status 0")
server = start(server.data)
create("fresh")
equal(uploads(), sorted([*names, "dead-artifact", "fresh", "idle", "idle", "slow"]), "a restart leaves them: their time is not over")
later(6 * HOUR + 14 * 60)
create("not-yet")
equal(len(uploads()), 13, "nor is it just before")
later(6 * HOUR + 50 * 60)
counts = []
for i in range(4):
    create(f"later-{i}")
    counts.append(len([key for key in uploads() if not key.startswith(("later-", "not-yet"))]))
equal(counts, [8, 4, 0, 0], "then each upload that begins clears some of them away, until none is left")
equal(uploads(), ["later-0", "later-1", "later-2", "later-3", "not-yet"], "but none that is going on")
equal(at("GET", call(CACHE, "GetCacheEntryDownloadURL", key="entry", version="ab" * 32)["signed_download_url"]), 200, "entries stay")
check(server.stop(), "the server ends with status 0")
done()
