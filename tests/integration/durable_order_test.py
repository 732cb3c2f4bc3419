#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The order of a durable PUT, seen from outside: named, then file and folder synced, at the same time, then the row written and
the database synced, and only then 200; of a small one: written to a segment, with an entry that says what is to become of the rows, that synced, 200; but of the first one, for which
the database is synced. With the thread engine every step is a system call, so strace
shows the order. And small PUTs that come together share their syncs."""
import re
import subprocess
import threading

from sluicetest import Server, check, done, equal, have, scratch, skip

if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
    skip("order of a durable PUT", "strace may not trace here")
    done()


def trace_of_put(durability, size=300_000, first=False, slow=False):
    """The calls of a second put, or with `first` those of the one before it. slow: syncs of files take long."""
    trace = scratch(f"order-{durability}-{size}")
    server = Server(engine="threads", strace=trace, args=["--durability", durability], strace_calls=
                    "openat,linkat,renameat,renameat2,fsync,fdatasync,sync_file_range,sendto,sendmsg,writev,write,sendfile,splice,pwritev,pwrite64",
                    strace_args=["-e", "inject=fdatasync:delay_enter=50000"] if slow else [])
    equal(server.request("PUT", "/order")[0], 200, f"{durability}: the bucket is created")
    with open(trace) as file:
        warm = len(file.readlines())
    equal(server.request("PUT", "/order/warm", body=b"w" * size)[0], 200, f"{durability}: a first object")
    with open(trace) as file:
        before = len(file.readlines())
    equal(server.request("PUT", "/order/object", body=b"x" * size)[0], 200, f"{durability}: the object is stored")
    server.stop()
    with open(trace) as file:
        lines = file.readlines()
    return lines[warm:before] if first else lines[before:]


def completed(lines):
    """Completed calls in the order in which they returned."""
    return [line for line in lines if re.search(r"\) += \d+", line)]


def position(lines, pattern, start=0):
    for index in range(start, len(lines)):
        if re.search(pattern, lines[index]):
            return index
    return None


SYNC = r"\bf(data)?sync(\(| resumed)"


class Call:
    """A system call: who made it, on which descriptor, and between which lines of the trace it ran."""

    def __init__(self, thread, name, descriptor, begin):
        self.thread, self.name, self.descriptor = thread, name, descriptor
        self.begin, self.end = begin, None


def calls_of(lines):
    calls, under_way = [], {}
    for index, line in enumerate(lines):
        match = re.match(r"(\d+) +(?:(\w+)\((\d*)|<\.\.\. \w+ resumed>)", line)
        if not match:
            continue
        thread, name, descriptor = match.groups()
        if name:
            under_way[thread] = Call(thread, name, descriptor, index)
            calls.append(under_way[thread])
        if "<unfinished" not in line and thread in under_way:
            under_way.pop(thread).end = index
    return calls


def after(calls, name, index, wanted):
    return next((call for call in calls if call.name in name and call.begin > index and wanted(call)), None)


def end_of(call):
    return call.end if call and call.end is not None else 1 << 60


calls = calls_of(trace_of_put("full", slow=True))
named = after(calls, ["linkat", "renameat", "renameat2"], -1, lambda call: True)
if check(named is not None, "a body of its own gets a name"):
    folder = after(calls, ["fsync"], -1, lambda call: True)
    data = after(calls, ["fdatasync"], -1, lambda call: True)
    check(data is not None and data.begin > end_of(named), "then its bytes are synced")
    check(folder is not None and folder.begin > end_of(named), "and the folder, for the name")
    synced = max(end_of(data), end_of(folder))
    check(data.begin < end_of(folder) and folder.begin < end_of(data), "at the same time")
    database = after(calls, ["fdatasync"], synced, lambda call: True)
    check(database is not None, "when both are over, the database is synced")
    if database is not None:
        check(not any(call.thread == database.thread and call.begin < synced for call in calls), "with a row that was not written before")
        answered = after(calls, ["sendto", "sendmsg", "writev"], named.begin, lambda call: True)
        check(answered is not None and answered.begin > end_of(database), "and only then 200 is sent")


def until_answer(lines):
    """Behind the answer come syncs that nobody waits for: of what the latest seconds brought, and at the end."""
    return lines[:position(lines, r"\b(sendto|sendmsg|writev)\(")]


relaxed = completed(until_answer(trace_of_put("relaxed")))
check(len(relaxed) > 0 and position(relaxed, SYNC) is None, "--durability relaxed syncs nothing before the answer")


# ---- Small bodies ----

calls = calls_of(trace_of_put("full", size=4000, first=True))
written = after(calls, ["pwritev"], -1, lambda call: True)
if check(written is not None, "a small body is written to a segment"):
    synced = after(calls, ["fdatasync"], end_of(written), lambda call: call.descriptor == written.descriptor)
    check(synced is not None, "the segment is synced")
    committed = after(calls, ["fdatasync", "fsync"], end_of(synced),
                      lambda call: call.thread == written.thread and call.descriptor != written.descriptor)
    check(committed is not None, "then the database is synced")
    answered = after(calls, ["sendto", "sendmsg", "writev"], written.begin, lambda call: call.thread != written.thread)
    check(answered is not None and answered.begin > end_of(committed), "and only then 200 is sent")
calls = calls_of(trace_of_put("full", size=4000))
written = after(calls, ["pwritev"], -1, lambda call: True)
if check(written is not None, "the next small body is written to the segment"):
    entered = after(calls, ["pwritev", "pwrite64"], written.end, lambda call: call.descriptor == written.descriptor)
    check(entered is not None, "and the journal's entry behind it")
    synced = after(calls, ["fdatasync"], end_of(entered), lambda call: call.descriptor == written.descriptor)
    check(synced is not None, "the segment is synced")
    answered = after(calls, ["sendto", "sendmsg", "writev"], written.begin, lambda call: call.thread != written.thread)
    check(answered is not None and answered.begin > end_of(synced), "and only then 200 is sent")
    check(not any(call.name in ("fsync", "fdatasync") and call.descriptor != written.descriptor and call.begin < answered.begin
                  for call in calls), "with no other sync")
    logged = [call for call in calls if call.name == "pwrite64" and call.thread == written.thread
              and call.descriptor != written.descriptor and end_of(synced) < call.begin < answered.begin]
    equal(len(logged), 1, "the rows' commit reaches the log of the database with one write")
check(not any(call.name.startswith(("linkat", "renameat")) for call in calls), "a small body gets no name of its own")
calls = calls_of(until_answer(trace_of_put("relaxed", size=4000)))
check(len(calls) > 0 and not any(call.name in ("fsync", "fdatasync") for call in calls), "--durability relaxed syncs nothing for it before the answer")

# Each sync takes long, so that everybody waits for the same one.
CLIENTS, ROUNDS = 32, 8
trace = scratch("shared")
server = Server(engine="threads", strace=trace, strace_calls="fsync,fdatasync",
                strace_args=["-e", "inject=fdatasync:delay_exit=20000"])
equal(server.request("PUT", "/shared")[0], 200, "a bucket for many is created")
statuses = []


def put_some(number):
    connection = server.connect()
    for round_number in range(ROUNDS):
        connection.request("PUT", f"/shared/{number}-{round_number}", body=b"y" * 4096)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)


with open(trace) as file:
    before = len(file.readlines())
threads = [threading.Thread(target=put_some, args=(number,)) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with open(trace) as file:
    syncs = sum(1 for call in calls_of(file.readlines()[before:]))
equal(statuses, [200] * CLIENTS * ROUNDS, f"{CLIENTS} clients store {ROUNDS} small objects each")
check(0 < syncs < CLIENTS * ROUNDS, "which takes less than one sync for each of them, where a file takes three", f"{syncs} syncs")
server.stop()
done()
