#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""MinIO's client for Go, with keys on: builds tests/integration/minio-go with Debian's packages alone, and runs it. Skipped where they
are not installed, which tests/run leaves to others: a Go compiler is half a gigabyte, and restic sits on the same client."""
import os
import subprocess

from sluicetest import ACCESS, BUILD, ROOT, SECRET, Server, check, counts, done, have, scratch, skip

PACKAGE = "/usr/share/gocode/src/github.com/minio/minio-go/v7"
PROGRAM = os.path.join(BUILD, "minio-go-test")

if not have("go") or not os.path.isdir(PACKAGE):
    skip("minio-go", "golang-go and golang-github-minio-minio-go-v7-dev are not installed")
    done()
# Debian's way: sources below /usr/share/gocode, no modules, nothing from a network.
environment = {"PATH": os.environ["PATH"], "HOME": scratch(), "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
               "GOCACHE": os.path.join(BUILD, "go-cache"), "GOPROXY": "off"}
result = subprocess.run(["go", "build", "-o", PROGRAM, "./tests/integration/minio-go"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
if check(result.returncode == 0, "minio-go: builds", result.stdout[-600:]):
    server = Server(keys=True)
    process = subprocess.Popen([PROGRAM], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env={"SLUICE_ADDRESS": f"{server.host}:{server.port}", "SLUICE_KEY": ACCESS, "SLUICE_SECRET": SECRET})
    for line in process.stdout:
        print(line, end="", flush=True)
        for word in counts:
            if line.startswith(word + " - "):
                counts[word] += 1
    check(process.wait() == 0, "minio-go: the program runs to its end", f"status {process.returncode}")
    check(server.stop(), "the server ends with status 0")
done()
