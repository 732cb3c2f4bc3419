#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A page of a listing is made in memory that the server has, also when something was written since the last page. malloc gives back to the
kernel what lies free at the end of its heap: the page's own memory and SQLite's cache, which goes with each commit, were taken anew for
each page, 500 page faults and half of its time."""
from sluicetest import SLUICE, Server, check, done, run, skip

PAGES = 30
FAULTS_MAX = 50  # for each page; what other threads take by the way is far less


def page_faults(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[7])


def ask(connection, method, path, body=None):
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, (method, path, answer.status, text[:300])
    return text


def faults_of_pages(server, connection, query, writes):
    """How many each page took, in order."""
    pid, counts = server.pid, []
    for number in range(PAGES):
        if writes:
            ask(connection, "PUT", f"/bucket/written-{number % 3}", b"bytes")
        before = page_faults(pid)
        text = ask(connection, "GET", "/bucket?" + query)
        counts.append(page_faults(pid) - before)
        assert text.count(b"<Contents>") == 1000
    return sorted(counts)


def pages(durability):
    server = Server(args=["--workers", "1", "--durability", durability])
    connection = server.connect()
    ask(connection, "PUT", "/bucket")
    for length in (20, 200, 400):
        for number in range(1000):
            ask(connection, "PUT", f"/bucket/{length}/{number:04}-{'x' * length}", b"bytes")
    for query in ("list-type=2&prefix=20/", "prefix=200/", "list-type=2&prefix=400/", "prefix=400/"):
        faults_of_pages(server, connection, query, False)  # the first may take what it needs
        for writes in (False, True):
            counts = faults_of_pages(server, connection, query, writes)
            when = "after writes" if writes else "in peace"
            check(counts[PAGES // 2] <= FAULTS_MAX, f"{durability}, {query}, {when}: no fresh memory", counts)
    check(server.stop(), f"{durability}: the server stops")


if run(["grep", "-qE", "__(asan|tsan)_init", SLUICE])[0] == 0:
    skip("memory of listings", "sanitizers keep what is freed")
else:
    pages("full")
    pages("relaxed")
done()
