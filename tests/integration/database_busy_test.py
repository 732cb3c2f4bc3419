#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Somebody else has a lock of the database, by SQLite's own library: a start waits for a moment, and then ends with a sentence that says so. Of a server
that runs, nobody gets a lock, and a change is answered whatever he tries."""
import os
import sqlite3
import subprocess
import threading

from sluicetest import SLUICE, Server, check, done, equal, run

server = Server()
equal([server.request("PUT", "/busy")[0], server.request("PUT", "/busy/key", b"x")[0]], [200, 200], "a store")
check(server.stop(), "it stops")
database = os.path.join(server.data, "sluice.db")


def lock(statement):
    connection = sqlite3.connect(database, timeout=0.2, isolation_level=None, check_same_thread=False)
    connection.execute(statement)
    return connection


for statement in ("BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"):
    threading.Timer(1, lock(statement).close).start()
    server = Server(data=server.data)
    equal(server.request("GET", "/busy/key")[2], b"x", f"{statement}: a start waits until it is over")
    check(server.stop(), f"{statement}: it stops")

holder = lock("BEGIN EXCLUSIVE")
made = subprocess.run([SLUICE, "serve", "--data", server.data, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=60)
equal(made.returncode, 1, "not for ever")
check("database is locked" in made.stderr and "in use by another process" in made.stderr, "and says why", made.stderr)
holder.close()

server = Server(data=server.data)
equal(server.request("PUT", "/busy/key", b"y")[0], 200, "with the lock given up it starts")
got = []
for statement in ("BEGIN EXCLUSIVE", "BEGIN IMMEDIATE", "SELECT count(*) FROM sqlite_master"):
    try:
        holder = lock(statement)
        got.append((statement, server.request("PUT", "/busy/key", b"z", timeout=60)[0]))
        holder.close()
    except sqlite3.OperationalError as error:
        got.append((statement, str(error)))
check(all(answer == "database is locked" for _, answer in got), "while it serves nobody gets a lock", f"{got}")
equal(server.request("PUT", "/busy/key", b"last")[0], 200, "and changes go well")
equal(server.request("GET", "/busy/key")[2], b"last", "and are there")
check(server.stop(), "it stops")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "sluice check finds nothing", output)
done()
