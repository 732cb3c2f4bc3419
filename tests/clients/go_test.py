#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The clients for Go, AWS's SDK version 2 and MinIO's, with keys on: fetches what tests/clients/go/go.sum pins, and runs one round trip
with each."""
import os

from registry import BUILD, built, check, done, fetch, needs, program, sources
from sluicetest import Server, scratch

CLIENTS = "AWS SDK for Go, minio-go"
go, = needs(CLIENTS, "go")
folder, word = sources("go")
environment = {"GOPATH": os.path.join(BUILD, "clients", "go-path"), "GOCACHE": os.path.join(BUILD, "clients", "go-cache"), "HOME": scratch(),
               "GOFLAGS": "-modcacherw -mod=readonly", "GOTOOLCHAIN": "local", "GO111MODULE": "on", "CGO_ENABLED": "0"}
fetch(CLIENTS, folder, word, [go, "mod", "download"], environment)
if built(CLIENTS, folder, [go, "build", "-p", "2", "-o", "round-trips", "."], environment):
    server = Server(keys=True)
    program("Go", [os.path.join(folder, "round-trips")], server)
    check(server.stop(), "the server ends with status 0")
done()
