#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A clock that jumps ahead does not make lifecycle rules delete everything: a pass that would is only counted, and waits until the clock is right again
or somebody confirms it, also over restarts. What would delete little goes on. It gets later at once, by a preloaded library."""
import base64
import hashlib
import os
import re
import struct
import time

from preload import build
from sluicetest import Server, check, done, equal, poll, scratch

DAY = 10 # seconds, of the rules
RULE = b"<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>"
data = scratch("data")
built = build("later", "LATER_CONTROL", 8, "a clock that is later")
if not built:
    done()
environment, control = built


def later(seconds):
    control[:8] = struct.pack("q", seconds)


def start(*args):
    return Server(data=data, args=["--lifecycle-day", str(DAY), *args], env=environment)


def there(server, bucket):
    return len(re.findall(b"<Key>", server.request("GET", f"/{bucket}?list-type=2")[2]))


def waits(server):
    return re.search(rb"^sluice_lifecycle_waiting (\d)", server.request("GET", "/-/metrics")[2], re.M)[1] == b"1"


def passes(server):
    """Lets some passes go by: the time that was believed is written after each, or it is counted again."""
    time.sleep(3 * DAY / 24 + 0.5)


def bucket(server, name, count):
    equal(server.request("PUT", f"/{name}")[0], 200, f"bucket {name} is made")
    statuses = {server.request("PUT", f"/{name}/{number}", body=b"x")[0] for number in range(count)}
    equal(statuses, {200}, f"and gets {count} objects")
    equal(server.request("PUT", f"/{name}?lifecycle", body=RULE, headers={"Content-MD5": base64.b64encode(hashlib.md5(RULE).digest()).decode()})[0], 200, "and a rule")


server = start()
bucket(server, "many", 150)
check(poll(lambda: os.path.exists(os.path.join(data, "clock"))), "after a pass the time is kept")
equal((there(server, "many"), waits(server)), (150, False), "nothing is old yet")

later(100 * DAY)
check(poll(lambda: waits(server)), "the clock jumps by a hundred days: the rules wait")
passes(server)
equal(there(server, "many"), 150, "and nothing is removed")
equal(server.log_text().count("--accept-clock"), 1, "which the log tells once")

later(0)
check(poll(lambda: not waits(server)), "the clock is right again: they do not wait any more")
passes(server)
equal(there(server, "many"), 150, "and nothing is removed either")

later(100 * DAY)
check(poll(lambda: waits(server)), "it jumps again")
check(server.stop(), "the server ends")
server = start()
check(poll(lambda: waits(server)), "the rules of the next one wait, too")
equal(there(server, "many"), 150, "nothing is removed")
check(server.stop(), "it ends")

server = start("--accept-clock")
check(poll(lambda: there(server, "many") == 0), "with --accept-clock all that is old by that clock goes")
check(not waits(server), "and nothing waits")
bucket(server, "few", 50)
later(200 * DAY)
check(poll(lambda: there(server, "few") == 0), "few objects go all the same, for it is not much that could be wrong")
check(not waits(server), "and nothing waits")
check(server.stop(), "it ends")
server = start()
passes(server)
check(not waits(server), "the clock is believed from then on")
check(server.stop(), "it ends")
done()
