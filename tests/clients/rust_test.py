#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The clients for Rust, object_store and OpenDAL, with keys on: fetches what tests/clients/rust/Cargo.lock pins, and runs one round trip with
each."""
import os
import subprocess

from registry import BUILD, built, check, done, fetch, needs, program, skip, sources
from sluicetest import Server, s3_client

CLIENTS = "object_store, OpenDAL for Rust"
OLDEST = (1, 91)  # what Cargo.lock's packages ask for
cargo, _ = needs(CLIENTS, "cargo", "cc")
said = subprocess.run([cargo, "--version"], capture_output=True, text=True).stdout.split()
if len(said) < 2 or tuple(map(int, said[1].split(".")[:2])) < OLDEST:
    skip(CLIENTS, f"cargo is {' '.join(said[1:2]) or 'broken'}, and the clients need {'.'.join(map(str, OLDEST))}")
    done()
folder, word = sources("rust")
environment = {"CARGO_HOME": os.path.join(BUILD, "clients", "cargo-home"), "CARGO_TARGET_DIR": os.path.join(folder, "target"),
               "PATH": os.path.dirname(cargo) + os.pathsep + os.environ["PATH"]}  # where rustc is, too
fetch(CLIENTS, folder, word, [cargo, "fetch", "--locked"], environment)
if built(CLIENTS, folder, [cargo, "build", "--quiet", "--locked", "--offline", "-j", "1"], environment, timeout=900):
    server = Server(keys=True)
    for bucket in ("rust-object-store", "rust-opendal"):
        s3_client(server).create_bucket(Bucket=bucket)  # neither of them makes any
    program("Rust", [os.path.join(folder, "target", "debug", "sluice-clients")], server)
    check(server.stop(), "the server ends with status 0")
done()
