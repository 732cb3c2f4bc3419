#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""/-/metrics as a page of Prometheus': promtool finds nothing to say about it; requests are timed by group of operations and class of
status, once each; and bytes are told by the way they took: spliced, by sendfile, through memory."""
import re
import shutil
import subprocess

from sluicetest import TLS, Server, check, done, equal, poll, skip

HISTOGRAM = "sluice_request_duration_seconds"
CACHE = b'<CacheConfiguration><MaxSize>1M</MaxSize></CacheConfiguration>'


def page_of(server):
    status, headers, body = server.request("GET", "/-/metrics")
    assert status == 200, status
    return body.decode()


def samples(page, name):
    """{labels: value}, labels as a sorted tuple of pairs."""
    found = {}
    for labels, value in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", page, re.M):
        found[tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels)))] = float(value)
    return found


def judged(page, name):
    promtool = shutil.which("promtool")
    if promtool is None:
        skip(f"promtool check metrics, {name}", "no promtool")
        return
    result = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True)
    equal((result.returncode, result.stdout + result.stderr), (0, ""), f"promtool check metrics, {name}")


def counts_of(page):
    return {(dict(labels)["group"], dict(labels)["class"]): int(value) for labels, value in samples(page, HISTOGRAM + "_count").items()}


def timed(server):
    before = counts_of(page_of(server))
    upload = "/timed/large?uploads"
    for method, path, body, headers in (
            ("PUT", "/timed", b"", {}), ("PUT", "/timed/key", b"content", {}), ("GET", "/timed/key", b"", {}), ("HEAD", "/timed/key", b"", {}),
            ("GET", "/timed/none", b"", {}), ("GET", "/timed?list-type=2", b"", {}), ("GET", "/", b"", {}),
            ("PUT", "/timed/copy", b"", {"x-amz-copy-source": "/timed/key"}), ("POST", upload, b"", {}), ("GET", "/timed?uploads", b"", {}),
            ("GET", "/timed/key?tagging", b"", {}), ("GET", "/timed?versioning", b"", {}), ("DELETE", "/timed/key", b"", {})):
        server.request(method, path, body, headers=headers)
    page = page_of(server)
    after = counts_of(page)
    grown = {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}
    equal(grown, {("settings", "2xx"): 3, ("write", "2xx"): 1, ("read", "2xx"): 2, ("read", "4xx"): 1, ("list", "2xx"): 3,
                  ("copy", "2xx"): 1, ("multipart", "2xx"): 1, ("delete", "2xx"): 1, ("other", "2xx"): 1},
          "each request is in one group and one class; the page before is one of the others")
    buckets = samples(page, HISTOGRAM + "_bucket")
    for (group, kind), count in after.items():
        own = {dict(labels)["le"]: value for labels, value in buckets.items() if dict(labels)["group"] == group and dict(labels)["class"] == kind}
        values = [own[bound] for bound in sorted(own, key=float)]
        check(values == sorted(values) and own["+Inf"] == count, f"buckets of {group} {kind} add up", own)
    totals = sum(samples(page, "sluice_http_responses_total").values())
    equal(sum(after.values()), totals, "as many were timed as were answered")


def ways(server):
    """How many bytes went which way since the last call."""
    now = {(dict(labels)["direction"], dict(labels)["path"]): value
           for labels, value in samples(page_of(server), "sluice_http_moved_bytes_total").items()}
    grown = {key: value - ways.before.get(key, 0) for key, value in now.items()}
    ways.before = now
    return grown


ways.before = {}


def moved(server):
    large, small = bytes(3 << 20), bytes(20000)
    server.request("PUT", "/moved")
    ways(server)
    server.request("PUT", "/moved/large", large)
    got = ways(server)
    if TLS:
        equal(got["received", "splice"], 0, "TLS: nothing is spliced")
        check(got["received", "tls"] >= len(large), "a large body is decrypted", got)
    else:
        equal(got["received", "splice"] + min(got["received", "memory"], 65536) >= len(large), True, f"a large body is spliced {got}")
        check(got["received", "memory"] < 65536, "but for what came with its head", got)
        equal(got["received", "tls"], 0, "nothing is decrypted")
    server.request("PUT", "/moved/small", small)
    got = ways(server)
    equal(got["received", "splice"], 0, "a small body is copied")
    check(got["received", "tls" if TLS else "memory"] >= len(small), "and counted so", got)
    server.request("GET", "/moved/large")
    got = ways(server)
    if TLS:
        check(got["sent", "tls"] + got["sent", "sendfile"] >= len(large), "a large answer is encrypted", got)
    else:
        equal(got["sent", "sendfile"], len(large), "a large answer goes by sendfile, each byte of it")
    server.request("GET", "/moved/small")
    got = ways(server)
    check(got["sent", "tls" if TLS else "memory"] >= len(small) or got["sent", "sendfile"] >= len(small), "a small one is counted", got)
    page = page_of(server)
    total = sum(value for labels, value in samples(page, "sluice_http_moved_bytes_total").items() if ("direction", "received") in labels)
    equal(total, samples(page, "sluice_http_received_bytes_total")[()], "the ways received by add up to all bytes received")


def committed(server):
    before, size = (samples(page_of(server), f"sluice_commit_batch_{name}_sum")[()] for name in ("changes", "seconds"))
    log = samples(page_of(server), "sluice_database_log_bytes")[()]
    server.request("PUT", "/committed")
    for i in range(40):
        server.request("PUT", f"/committed/{i}", b"content")
    poll(lambda: samples(page_of(server), "sluice_commit_batch_changes_sum")[()] - before >= 41) # a batch is counted after it is answered
    page = page_of(server)
    grown = samples(page, "sluice_commit_batch_changes_sum")[()] - before
    check(grown >= 41, "each change was in a batch", grown)
    counts = [samples(page, f"sluice_commit_batch_{name}_count")[()] for name in ("changes", "seconds")]
    check(counts[0] == counts[1] > 0, "batches are counted by size and by time alike", counts)
    check(samples(page, "sluice_commit_batch_seconds_sum")[()] > size, "they took their time")
    equal(samples(page, "sluice_commit_waiting_changes")[()], 0, "nothing waits now")
    check(samples(page, "sluice_database_log_bytes")[()] >= log > 0, "the log has its size")
    equal(samples(page, "sluice_publications_pending")[()], 0, "no publication is under way")
    equal(samples(page, "sluice_archive_memory_bytes")[()], 0, "no archive is looked into")


def main():
    server = Server()
    judged(page_of(server), "a server that has just started")
    timed(server)
    moved(server)
    committed(server)
    server.request("PUT", "/cache")
    equal(server.request("PUT", "/cache?sluice-cache", CACHE)[0], 200, "a bucket becomes a cache")
    judged(page_of(server), "one that was used")
    check(server.stop(), "the server ends cleanly")
    done()


main()
