# SPDX-License-Identifier: MIT
"""What an operation costs in counts rather than in time: system calls by name and thread, wake-ups, bytes written to files. Counts do
not depend on what else a machine does, so that they can have limits: those are the lines of counts.limits.

Each path is measured twice, with as many operations: once in peace, for what the kernel counts of itself, and once under strace. Some
counts depend a little on who of client and server is faster at the moment (how many PUTs share a commit, say): what breaks a limit is
measured again, and only what breaks it each time is over it."""
import copy
import os
import sys
import time

from bench_others import CorkedNginx, Lighttpd, Nginx
from bench_report import number
from bench_servers import Failure, SignedSluice, Sluice
from bench_system import GIB, KIB, MIB, ROOT
from bench_trace import BACKGROUND, Moment, Trace, sleeps_of

LIMITS = os.path.join(ROOT, "tests", "bench", "counts.limits")
ATTEMPTS = 3
OTHERS = {"nginx": Nginx, "nginx-corked": CorkedNginx, "lighttpd": Lighttpd} # beside which one may count: of them nothing is judged
SERVER_OF = {"": "sluice", "relaxed": "relaxed", "presigned": "signed", "header-signed": "signed", "threads": "threads", "door": "door"}


class CountedPath:
    """name: as in the table of limits. kind, path, size, connections: the client's. operations: counted; as many, but no more than 200,
    go before. there: that many objects are there before, which are read or deleted. per: what counts are divided by."""

    def __init__(self, kind, words, size, connections, operations, mode="", there=0, bucket_query=None, per=None, source=None):
        self.kind, self.size, self.connections, self.operations, self.mode, self.there = kind, size, connections, operations, mode, there
        self.query, self.source, self.server = bucket_query, source, SERVER_OF[mode]
        self.per_gib = per == GIB
        self.name = f"{words} x{connections}" + (f", {mode}" if mode else "") + (", per GiB" if self.per_gib else "")
        self.warm = min(operations, 200)

    def on(self, server):
        """The same path on another server; None where that knows no such thing."""
        if self.server != "sluice" or self.query is not None or self.source:
            return None
        other = copy.copy(self)
        other.server, other.name = server, f"{self.name}, {server}"
        return other

    def object_path(self, turn):
        """PUTs make new names each time, and DELETEs take them away."""
        if self.query is not None:
            return "/list"
        if self.kind == "put" or self.kind == "delete":
            return f"/bench/{self.kind}-{self.size}-{self.connections}-{self.mode[:3]}-{'c' if self.source else ''}{turn}-%d"
        return f"{'/-/cache/http' if self.mode == 'door' else '/bench'}/get-{self.size}-%d"

    def prepare(self, server):
        if self.kind == "delete":
            for turn in (0, 1):
                server.need(self.object_path(turn), self.size, self.warm + self.operations)
        elif self.query is not None:
            server.request("PUT", "/list")
            server.need("/list/k-%d", 100, self.there)
        elif self.there:
            server.need(self.object_path(0), self.size, self.there)
        if self.source:
            server.need(self.source, self.size)

    def start(self, server, turn):
        options = {"blocking": 1, "spin": 0, "hold": 1, "warm": self.warm}
        if self.source:
            options["source"] = self.source
        if self.kind in ("get", "head"):
            options["keys"] = self.there or 1
        if self.mode == "header-signed":
            options["by_header"] = True
        size = 0 if self.source else self.size
        return server.load_start(self.kind, self.object_path(turn), size, self.connections, f"{self.operations}x", query=self.query or "", **options)


def paths(small):
    """small: the same paths with fewer operations, for a test."""
    few, many, keys = (4, 200, 8000) if small else (8, 1000, 60000)
    yield CountedPath("get", "GET 4 KiB", 4 * KIB, 1, many, there=100)
    yield CountedPath("get", "GET 4 KiB", 4 * KIB, 32, 4 * many, there=100)
    yield CountedPath("get", "GET 4 KiB", 4 * KIB, 1, many, "presigned", there=100)
    yield CountedPath("get", "GET 4 KiB", 4 * KIB, 1, many, "door", there=100)
    yield CountedPath("get", "GET 64 KiB", 64 * KIB, 1, many, there=100)
    yield CountedPath("get", "GET 64 KiB", 64 * KIB, 32, 4 * many, there=100)
    yield CountedPath("get", "GET 1 MiB", MIB, 1, many // 2, there=10)
    yield CountedPath("get", "GET 64 MiB", 64 * MIB, 1, few, there=1)
    yield CountedPath("get", "GET 64 MiB", 64 * MIB, 1, few, "threads", there=1)
    if not small:
        yield CountedPath("get", "GET 1 GiB", GIB, 1, 4, there=1, per=GIB)
        yield CountedPath("get", "GET 1 GiB", GIB, 4, 8, there=1, per=GIB)
    yield CountedPath("head", "HEAD 4 KiB", 4 * KIB, 1, many, there=100)
    yield CountedPath("put", "PUT 4 KiB", 4 * KIB, 1, many)
    yield CountedPath("put", "PUT 4 KiB", 4 * KIB, 32, 4 * many)
    yield CountedPath("put", "PUT 4 KiB", 4 * KIB, 1, many, "relaxed")
    yield CountedPath("put", "PUT 4 KiB", 4 * KIB, 32, 4 * many, "relaxed")
    yield CountedPath("put", "PUT 4 KiB", 4 * KIB, 1, many, "header-signed")
    yield CountedPath("put", "PUT 4 KiB", 4 * KIB, 1, many, "threads")
    yield CountedPath("put", "PUT 64 KiB", 64 * KIB, 1, many)
    yield CountedPath("put", "PUT 1 MiB", MIB, 1, many // 5)
    yield CountedPath("put", "PUT 64 MiB", 64 * MIB, 1, few)
    yield CountedPath("put", "PUT 64 MiB", 64 * MIB, 1, few, "threads")
    yield CountedPath("delete", "DELETE 4 KiB", 4 * KIB, 1, many)
    yield CountedPath("put", "COPY 4 KiB", 4 * KIB, 1, many, source="/bench/source")
    yield CountedPath("get", "LIST 1000", 0, 1, 50, there=keys, bucket_query="list-type=2&start-after=k-2%d")
    yield CountedPath("get", "LIST 1000", 0, 1, 50, "presigned", there=keys, bucket_query="list-type=2&start-after=k-2%d")
    yield CountedPath("get", "LIST 1000", 0, 1, 50, "relaxed", there=keys, bucket_query="list-type=2&start-after=k-2%d")


# ---- Counting ---------------------------------------------------------------------------------------------------------------

def operate(path, server, turn, begin, end):
    """Runs the client; what begin() and end() return, between which the counted operations were, and how often the client slept."""
    client = path.start(server, turn)
    try:
        if client.stdout.readline() != "warm\n":
            raise Failure(f"{path.name}: {client.communicate()[1].strip()}")
        time.sleep(0.05) # what the warm-up has left to do
        first, asleep = begin(), sleeps_of(client.pid)
        client.stdin.write("\n")
        client.stdin.flush()
        if not client.stdout.readline().startswith("{"):
            raise Failure(f"{path.name}: {client.communicate()[1].strip()}")
        time.sleep(0.05)
        return first, end(), sleeps_of(client.pid) - asleep
    finally:
        out, error = client.communicate() # the connections are held until here
        server.suite.clients.remove(client)
        if client.returncode != 0:
            raise Failure(f"{path.name}: {(error or out).strip()}")


def per_operation(counts, path):
    operations = path.operations * path.size / GIB if path.per_gib else path.operations
    return {name: value / operations for name, value in counts.items() if value}


def counts_of(moments, calls, path):
    """All that limits can be about, by the names of the table."""
    before, after, client_sleeps = moments
    sleeps = after.by_name(before, "sleeps")
    counts = {"calls": sum(calls.by_name.values()), "background calls": sum(calls.background.values()), **calls.by_name,
              "switches": sum(value for name, value in sleeps.items() if name not in BACKGROUND),
              **{f"switches of {name}": value for name, value in sleeps.items()},
              **{f"calls of {name}": value for name, value in calls.by_thread.items()},
              "preempted": sum(after.by_name(before, "preempted").values()), "wakes": calls.wakes, "sends": calls.sends,
              "receives": calls.receives, "file bytes": sum(calls.file_bytes.values()),
              **{f"{kind} bytes": value for kind, value in calls.file_bytes.items()},
              "dirtied bytes": after.dirtied - before.dirtied, "page faults": after.faults - before.faults,
              "client switches": client_sleeps, "CPU us": (after.cpu - before.cpu) * 1e6}
    return {"calls": 0.0, **per_operation(counts, path)}, set(calls.by_name)


def measure(server, wanted):
    """Yields (path, counts, the names of calls) of one server."""
    for path in wanted:
        path.prepare(server)
    moments = {path: operate(path, server, 0, lambda: Moment(server.pid), lambda: Moment(server.pid)) for path in wanted}
    trace = Trace(server.pid, os.path.join(server.suite.folder, f"trace-{server.name}"))
    try:
        for path in wanted:
            yield path, *counts_of(moments[path], operate(path, server, 1, trace.begin, trace.end)[1], path)
    finally:
        trace.stop()


def start(suite, name, folder):
    uring = ("--engine", "uring")
    if name == "signed":
        return SignedSluice(suite, folder, *uring)
    if name in OTHERS:
        return OTHERS[name](suite, folder)
    flags = {"sluice": uring, "relaxed": (*uring, "--durability", "relaxed"), "threads": ("--engine", "threads"),
             "door": (*uring, "--cache", "http bucket=door")}[name]
    return Sluice(suite, folder, *flags)


def measure_all(suite, wanted, attempt=0):
    """Yields (path, counts, the names of calls); of a server that cannot be had (path, None, why)."""
    for name in dict.fromkeys(path.server for path in wanted):
        mine, server = [path for path in wanted if path.server == name], None
        try:
            server = start(suite, name, f"{name}-{attempt}") # in a store of its own
            yield from measure(server, mine)
        except Failure as error:
            yield mine[0], None, str(error)
        finally:
            if server:
                server.stop()


# ---- Limits -----------------------------------------------------------------------------------------------------------------

class Limit:
    def __init__(self, path, name, most, why):
        self.path, self.name, self.most, self.why = path, name, most, why


def limits_read(name=LIMITS):
    """{path: [Limit]}"""
    found = {}
    with open(name) as lines:
        for number_of_line, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                words = [word.strip() for word in line.split("|")]
                if len(words) != 4 or not words[3]:
                    raise ValueError(f"{name}:{number_of_line}: PATH | COUNT | LIMIT | WHY")
                found.setdefault(words[0], []).append(Limit(words[0], words[1], float(words[2].replace(",", "")), words[3]))
    return found


def judge(counts, calls, limits):
    """Yields (limit, count, whether it is kept). "other calls": those by names that have no line of their own."""
    named = {limit.name for limit in limits}
    for limit in limits:
        count = sum(counts[name] for name in calls - named) if limit.name == "other calls" else counts.get(limit.name, 0)
        yield limit, count, count <= limit.most


# ---- The report -------------------------------------------------------------------------------------------------------------

def words_of(counts, names):
    return "  ".join(f"{name} {number(counts[name])}" for name in names if name in counts)


def by_size(counts, names):
    return sorted(names, key=lambda name: -counts.get(name, 0))


def report_one(path, counts, calls, out):
    threads = [name for name in counts if name.startswith("calls of ")]
    switches = [name for name in counts if name.startswith("switches of ")]
    print(f"\n{path.name}   ({path.operations} operations)", file=out)
    print(f"  calls     {number(counts['calls'])}:  {words_of(counts, by_size(counts, calls))}", file=out)
    print(f"  threads   {words_of(counts, by_size(counts, threads)).replace('calls of ', '')}", file=out)
    print(f"  switches  {number(counts.get('switches', 0))}:  {words_of(counts, by_size(counts, switches)).replace('switches of ', '')}  "
          f"{words_of(counts, ['preempted', 'wakes', 'client switches'])}", file=out)
    print(f"  moved     {words_of(counts, ['sends', 'receives', 'file bytes', 'log bytes', 'blobs bytes', 'database bytes', 'dirtied bytes'])}", file=out)
    print(f"  costs     {words_of(counts, ['CPU us', 'page faults', 'background calls'])}", file=out)


def report_limits(judged, out):
    for limit, count, kept in judged:
        print(f"  {'ok  ' if kept else 'OVER'}      {limit.name} {number(count)} <= {limit.most:g}   {limit.why}", file=out)


def is_in(word, name):
    """Whether the word is in the name; of several that + joins, whether all are."""
    return all(part.strip().lower() in name.lower() for part in word.split("+"))


def selection(words, small, others):
    """The paths in whose names a word is, and beside them the same of other servers."""
    wanted = [path for path in paths(small) if not words or any(is_in(word, path.name) for word in words)]
    if not wanted:
        raise SystemExit(f"--counts: there is no such path; there are {', '.join(path.name for path in paths(small))}")
    if set(others) - set(OTHERS):
        raise SystemExit(f"--counts: --servers may name {', '.join(OTHERS)}, beside Sluice")
    beside = [path.on(server) for server in others for path in wanted]
    return wanted + [path for path in beside if path]


def report(suite, words, small, others=(), out=sys.stdout):
    """Counts, prints, judges; how many limits are not kept and paths could not be counted."""
    limits, wanted, missing = limits_read(), selection(words, small, others), 0
    for attempt in range(ATTEMPTS):
        over, broken = [], 0
        for path, counts, calls in measure_all(suite, wanted, attempt):
            if counts is None:
                suite.note(skipped=path.name, reason=calls)
                print(f"\nleft out: {path.name} and what else needs its server: {calls}", file=out)
                missing += 1
                continue
            suite.note(counted=path.name, operations=path.operations, attempt=attempt, counts=counts, calls=sorted(calls))
            judged = list(judge(counts, calls, limits.get(path.name, [])))
            report_one(path, counts, calls, out)
            report_limits(judged, out)
            if not all(kept for _, _, kept in judged):
                over.append(path)
                broken += sum(not kept for _, _, kept in judged)
        if not over:
            break
        if attempt < ATTEMPTS - 1:
            print(f"\nonce more: {'; '.join(path.name for path in over)}", file=out)
        wanted = over
    print(f"\n{broken} limits are not kept" if broken else "\nall limits are kept", file=out)
    return broken + missing
