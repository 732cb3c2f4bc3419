#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The clients for Python from PyPI, with keys on: newest boto3, MinIO's, OpenDAL, polars and LanceDB. Fetches what
tests/clients/python/requirements.txt pins into a folder of its own, so that Debian's boto3 stays what other tests use, and runs the scripts
beside it."""
import os
import sys

from registry import check, done, fetch, needs, program, sources
from issuer import web_identity_server
from sluicetest import Server

CLIENTS = "boto3, minio-py, OpenDAL, polars, LanceDB from PyPI"
needs(CLIENTS, "python3")
folder, word = sources("python")
packages = os.path.join(folder, "packages")
# Wheels only: nothing is compiled, and no package runs code of its own while it is fetched.
fetch(CLIENTS, folder, word, [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--only-binary=:all:", "--upgrade", "--target", packages,
                              "--no-compile", "--retries", "1", "-r", "requirements.txt"], into=packages)
server = Server(keys=True)
for name in ("boto3", "minio", "opendal", "polars", "lancedb"):
    program(name, [sys.executable, "-u", os.path.join(folder, f"use_{name}.py")], server, {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"})
check(server.stop(), "the server ends with status 0")
server, environment = web_identity_server()
program("boto3, by STS", [sys.executable, "-u", os.path.join(folder, "use_sts.py")], server,
        {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1", **environment})
check(server.stop(), "and so does the one that gives sessions")
done()
