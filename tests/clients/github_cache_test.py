#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GitHub's cache service by its own clients: @actions/cache (version 2 in JSON with blocks of 64 MiB, version 1) and OpenDAL's ghac (protobuf). 1 byte, 1 KiB and 140 MB go
there and come back by restore keys; main does not find a pull request's, a token that only reads stores nothing, a wrong one finds nothing."""
import json
import os
import shutil

from caches import RECIPES, run
from registry import BUILD, HERE, check, done, tool
from sluicetest import Server, equal, fresh, scratch, skip

SECRETS = {"main": "main-secret-0123456789", "pull": "pull-secret-0123456789", "reader": "reader-secret-0123456789", "wrong": "wrong-secret-0123456789"}
FILE = scratch("github.credentials")
SIZES = (1, 1024, 140_000_000)
RECIPE = os.path.join(RECIPES, "actions.sh")


def serve():
    with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"token main {SECRETS['main']} scope=main\ntoken pull {SECRETS['pull']} scope=pr/1 read=main\n"
                   f"token reader {SECRETS['reader']} read=main\nkey ADMIN admin-secret *=all\n")
    return Server(args=["--credentials", FILE, "--cache", "github bucket=acts"])


def client(program, who, size, name, host="https://github.localhost"):
    """What the program says, or None; and its output."""
    places = {"RUNNER_TEMP": fresh("github-temp"), "GITHUB_WORKSPACE": fresh("github-work")}
    for place in places.values():
        os.makedirs(place)
    told = run([RECIPE], folder, {"SLUICE_URL": server.url, "SLUICE_TOKEN": SECRETS[who]})[1]
    status, output = run([node, os.path.join(folder, program), str(size), name], folder, {
        **dict(line.split("=", 1) for line in told.splitlines()), "GITHUB_SERVER_URL": host, **places})
    found = [line[7:] for line in output.splitlines() if line.startswith("RESULT ")]
    return (json.loads(found[0]) if found and status == 0 else None), output[-2000:]


def actions():
    for size in SIZES:
        result, output = client("actions.js", "main", size, f"a{size}")
        check(result == {"stored": True, "again": False, "key": f"a{size}-1", "isSame": True}, f"@actions/cache: {size} bytes go there once, and come back by a restore key", output)
    result, output = client("actions.js", "pull", 1024, "mine")
    check(result == {"stored": True, "again": False, "key": "mine-1", "isSame": True}, "@actions/cache: a pull request stores its own", output)
    result, output = client("actions.js", "reader", 1024, "mine")
    check(result is not None and not result["stored"] and result["key"] is None, "@actions/cache: who only reads stores nothing, and does not find it", output)
    result, output = client("actions.js", "reader", 1024, "a1024")
    check(result is not None and not result["stored"] and result["key"] == "a1024-1", "@actions/cache: and finds main's", output)
    result, output = client("actions.js", "wrong", 1024, "a1024")
    check(result is not None and not result["stored"] and result["key"] is None, "@actions/cache: a wrong token finds nothing, and no build fails of it", output)


def actions_v1():
    for size in SIZES:
        result, output = client("actions.js", "main", size, f"v{size}", "http://gitea.example")
        check(result == {"stored": True, "again": False, "key": f"v{size}-1", "isSame": True}, f"@actions/cache, version 1: {size} bytes, by a restore key", output)
    result, output = client("actions.js", "reader", 1024, "v1024", "http://gitea.example")
    check(result is not None and not result["stored"] and result["key"] == "v1024-1", "@actions/cache, version 1: who only reads finds main's", output)
    result, output = client("actions.js", "wrong", 1024, "v1024", "http://gitea.example")
    check(result is not None and not result["stored"] and result["key"] is None, "@actions/cache, version 1: a wrong token finds nothing", output)


def opendal():
    for size in SIZES:
        result, output = client("opendal.js", "main", size, f"o{size}")
        equal(result, {"isSame": True}, f"OpenDAL: {size} bytes go there and come back" if result else f"OpenDAL: {size} bytes: {output}")
    result, output = client("opendal.js", "reader", 1, "read")
    check(result is None, "OpenDAL: who only reads hears that nothing was stored", output)


npm, node = tool("npm"), tool("node")
if npm is None or node is None:
    skip("@actions/cache, OpenDAL", "node and npm are not installed")
    done()
folder = os.path.join(BUILD, "clients", "caches", "github")
shutil.copytree(os.path.join(HERE, "caches", "github"), folder, dirs_exist_ok=True)
# Not by `npm ci`: opendal names packages of other systems as optional that are not there, and that fails of it.
status, output = run([npm, "install", "--no-save", "--no-audit", "--no-fund", "--cache", os.path.join(BUILD, "clients", "npm")], folder, {}, 300)
if status != 0:
    skip("@actions/cache, OpenDAL", "they cannot be fetched: " + " ".join(output.split())[-300:])
    done()
server = serve()
actions()
actions_v1()
opendal()
check(server.stop(), "the server ends with status 0")
done()
