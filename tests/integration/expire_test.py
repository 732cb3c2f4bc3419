#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""?sluice-expire: all that a run has stored goes by one request, in the background, and nothing else does; what comes later stays; an order
survives kill -9; rights."""
import os
import re
import time

from sluicetest import Server, check, done, equal, error_code, fresh, poll

RUNS, KEYS = 3, 300
FILE = fresh("expire") + ".credentials"
with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write("token ci ci-secret-0123456789 runs/ci/*=read,write\ntoken lists lists-secret-0123456789 runs=list,read\nkey ADMIN admin-secret *=all\n")
server = Server(args=["--durability", "relaxed"])
equal(server.request("PUT", "/runs")[0], 200, "the bucket is made")


def put(key, run, body=b"x"):
    return server.request("PUT", f"/runs/{key}", body, {"x-amz-tagging": f"run={run}&os=linux"} if run else None)[0]


def listed(prefix=""):
    found, token = [], ""
    while token is not None:
        answer = server.request("GET", f"/runs?list-type=2&prefix={prefix}{token}")[2].decode()
        found += re.findall("<Key>(.*?)</Key>", answer)
        more = re.search("<NextContinuationToken>(.*?)<", answer)
        token = f"&continuation-token={more[1]}" if more else None
    return found


def pending():
    return int(re.search(rb"<Pending>(\d+)</Pending>", server.request("GET", "/runs?sluice-expire")[2])[1])


connection = server.connect()
for run in range(RUNS):
    for i in range(KEYS):
        connection.request("PUT", f"/runs/ci/{run}/{i}", b"x" * (i * 50), {"x-amz-tagging": f"run={run}&os=linux"})
        connection.getresponse().read()
put("ci/untagged", None)
put("other/tagged", 1)
equal(len(listed()), RUNS * KEYS + 2, "three runs are stored")

for query in ("", "&prefix=", "&sluice-older-than=soon", "&sluice-older-than=-1", "&sluice-tags=a=b%26a=c", "&prefix=" + "k" * 1025):
    answer = server.request("POST", f"/runs?sluice-expire{query}")
    check(answer[0] == 400, f"{query[:30]!r}: nothing that says what is to expire", repr(answer))
equal(server.request("POST", "/none?sluice-expire&prefix=a")[0], 404, "a bucket that is not there")
equal(len(listed()), RUNS * KEYS + 2, "nothing is gone")

equal(server.request("POST", "/runs?sluice-expire&prefix=ci/&sluice-tags=run%3D1")[0], 202, "a run is expired by its tag, below a prefix")
check(poll(lambda: pending() == 0), "in the background")
equal((len(listed("ci/1/")), len(listed("ci/0/")), len(listed("ci/2/")), listed("ci/u"), listed("other/")), (0, KEYS, KEYS, ["ci/untagged"], ["other/tagged"]),
      "all of it is gone, and nothing else")
equal(put("ci/1/again", 1), 200, "what comes later")
time.sleep(0.3)
equal(listed("ci/1/"), ["ci/1/again"], "stays")
equal(server.request("POST", "/runs?sluice-expire&sluice-older-than=3600")[0], 202, "what is older than an hour")
check(poll(lambda: pending() == 0) and len(listed()) == 2 * KEYS + 3, "is nothing yet")
equal(server.request("POST", "/runs?sluice-expire&sluice-tags=run%3D0%26os%3Dwindows")[0], 202, "two tags")
check(poll(lambda: pending() == 0) and len(listed("ci/0/")) == KEYS, "have to be there both")

# ---- kill -9 ----
data = server.data
equal(server.request("POST", "/runs?sluice-expire&prefix=ci/0/")[0], 202, "an order")
server.kill()
server = Server(data=data, args=["--durability", "relaxed", "--lifecycle-day", "1"])
check(poll(lambda: pending() == 0), "is carried out by the next life")
equal((len(listed("ci/0/")), len(listed("ci/2/"))), (0, KEYS), "as it was given")
answers = [server.request("POST", f"/runs?sluice-expire&prefix=none-{i}/")[0] for i in range(200)]
check(set(answers) <= {202, 503} and 202 in answers, "orders have a bound", repr(set(answers)))
check(poll(lambda: pending() == 0), "and are carried out")
check(server.stop(), "the server ends with status 0")

# ---- Rights ----
server = Server(data=data, args=["--credentials", FILE])


def order(who, query):
    return server.request("POST", f"/runs?sluice-expire{query}", headers={"Authorization": f"Bearer {who}-secret-0123456789"})


equal([order("ci", query)[0] for query in ("&prefix=ci/2/", "&prefix=ci", "&prefix=", "&sluice-tags=run%3D1", "&prefix=other/")], [202, 403, 403, 403, 403],
      "who may write some keys expires those alone")
equal(order("lists", "&prefix=ci/")[0], 403, "who may not write expires nothing")
check(server.request("POST", "/runs?sluice-expire&prefix=a")[0] in (401, 403), "nor does a stranger")
check(server.stop(), "that server ends with status 0, too")
done()
