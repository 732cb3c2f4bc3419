#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the pictures of deploy/pages anew: PAGES_MINUTES=3 BUILD_DIR=build tests/integration/pages_pictures.py. No test: what is seen is for people to judge.
The minutes are waited for, with some requests, so that the charts of the status page have something to show."""
import base64
import os
import random
import time
import urllib.parse

from chromium import Browser
from sluicetest import ACCESS, SECRET, ROOT, Server, scratch

FOLDER = os.path.join(ROOT, "deploy", "pages")
WHO = {"Authorization": "Basic " + base64.b64encode(f"{ACCESS}:{SECRET}".encode()).decode()}
LOG = b"""\x1b[36m$\x1b[0m \x1b[1mcmake --build build\x1b[0m
\x1b[32m[1/6]\x1b[0m Building C object storage/base/slice.c.o
\x1b[32m[2/6]\x1b[0m Building C object api/http/response.c.o
\x1b[33mwarning:\x1b[0m unused variable \xe2\x80\x98\x1b[1mlength\x1b[0m\xe2\x80\x99 [\x1b[35m-Wunused-variable\x1b[0m]
\x1b[32m[6/6]\x1b[0m Linking C executable sluice
\x1b[36m$\x1b[0m \x1b[1mctest\x1b[0m
 1/4 Test #1: unit/slice_test ..........   \x1b[32mPassed\x1b[0m    0.01 sec
 2/4 Test #2: unit/http_head_test ......   \x1b[32mPassed\x1b[0m    0.42 sec
 3/4 Test #3: unit/metadata_test .......\x1b[1;31m***Failed\x1b[0m    0.08 sec
 4/4 Test #4: unit/ring_test ...........   \x1b[32mPassed\x1b[0m    0.11 sec

\x1b[1;31m75% tests passed\x1b[0m, 1 tests failed out of 4
"""


def fill(server):
    def put(path, body, kind="application/octet-stream"):
        server.request("PUT", urllib.parse.quote(path), body, {**WHO, "Content-Type": kind})

    for bucket in ("artifacts", "backups", "reports", "websites"):
        server.request("PUT", f"/{bucket}", headers=WHO)
    for build in range(95, 103):
        put(f"/artifacts/build-{build}/sluice.deb", os.urandom(1000))
    rng = random.Random(4)
    for name, size in (("sluice-1.4.0-linux-amd64.tar.gz", 2_904_113), ("sluice-1.4.0-linux-arm64.tar.gz", 2_711_870), ("sluice-1.4.0.sha256", 198), ("CHANGELOG.md", 18_211), ("coverage.html", 48_120)):
        put(f"/artifacts/{name}", rng.randbytes(size))
    put("/artifacts/test.log", LOG, "text/plain")


def main():
    credentials = scratch("credentials")
    with open(credentials, "w") as file:
        file.write(f"key {ACCESS} {SECRET} owner:ada *=all\n")
    os.chmod(credentials, 0o600)
    server = Server(args=["--credentials", credentials])
    fill(server)
    end = time.monotonic() + 60 * float(os.environ.get("PAGES_MINUTES", "0")) + 5
    while time.monotonic() < end and "PAGES_MINUTES" in os.environ:
        server.request("GET", "/artifacts/test.log", headers=WHO)
        time.sleep(random.random() / 2)
    with Browser() as browser:
        for name, path, width, height, dark in (("folder", "b/artifacts/", 1100, 720, False), ("folder-dark", "b/artifacts/", 1100, 720, True), ("folder-narrow", "b/artifacts/", 390, 760, False),
                                                ("log", "o/artifacts/test.log", 1100, 720, False), ("log-narrow-dark", "o/artifacts/test.log", 390, 760, True), ("status", "status", 1100, 760, False)):
            page = browser.page(width=width, height=height, dark=dark)
            page.go(f"{server.url}/-/ui/{path}")
            if page.run("!!document.getElementById('key')"):
                if name == "folder":
                    page.picture(os.path.join(FOLDER, "sign-in.png"), clip={"x": 250, "y": 0, "width": 600, "height": 520, "scale": 1})
                page.fill("#key", ACCESS)
                page.fill("#secret", SECRET)
                page.after("document.querySelector('.sign-in form').requestSubmit()")
            page.picture(os.path.join(FOLDER, f"{name}.png"))
            print(name, os.path.getsize(os.path.join(FOLDER, f"{name}.png")))
    server.stop()


main()
