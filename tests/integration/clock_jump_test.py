#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A clock that jumps ahead does not make lifecycle rules delete everything: a pass that would is only counted, and waits until the clock is right again
or somebody confirms it, also over restarts. What would delete little goes on. It gets later at once, by a preloaded library."""
import base64
import datetime
import email.utils
import hashlib
import os
import re
import struct
import subprocess
import time

from preload import build
from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, error_code, poll, scratch

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


def back_and_forth():
    """The clock is set back by an hour and forth by two, beside a client whose clock is right: what was stored later is later, whatever the clock said."""
    def ask(server, method, path, body=b"", clock=0, query=""):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=clock)
        signed = Signer(ACCESS, SECRET, now=now).headers(method, path, f"{server.host}:{server.port}", hashlib.sha256(body).hexdigest(), None, query)
        return server.request(method, path + (f"?{query}" if query else ""), body or None, signed)

    def modified(answer):
        return email.utils.parsedate_to_datetime(answer[1]["last-modified"]).timestamp() - time.time()

    later(0)
    server = Server(keys=True, env=environment)
    equal(ask(server, "PUT", "/turned")[0], 200, "a bucket")
    equal(ask(server, "PUT", "/turned", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", query="versioning=")[0], 200, "of versions")
    made = []
    for clock in (0, -3600, 7200, 0):
        later(clock)
        name = f"clock at {clock:+} s"
        for skew, status in ((0, 200), (800, 200), (-800, 200), (1000, 403), (-1000, 403)): # of the client, by the server's clock
            answer = ask(server, "GET", "/turned", clock=clock + skew)
            equal((answer[0], error_code(answer[2]) if answer[0] != 200 else ""), (status, "RequestTimeTooSkewed" if status == 403 else ""), f"{name}: a signature {skew:+} s off")
        body = b"%d" % len(made)
        answer = ask(server, "PUT", "/turned/key", body, clock=clock)
        equal(answer[0], 200, f"{name}: a version is stored")
        made.append((answer[1]["x-amz-version-id"], body))
        equal(ask(server, "PUT", f"/turned/other{len(made)}", os.urandom(100_000), clock=clock)[0], 200, f"{name}: and a large object")
        answer = ask(server, "GET", "/turned/key", clock=clock)
        check(answer[2] == body and abs(modified(answer) - clock) < 600, f"{name}: it is the current one, and has the clock's time", f"{answer[2]} {modified(answer)}")
        if clock == -3600:
            check(server.stop(), f"{name}: the server ends")
            server = Server(data=server.data, keys=True, env=environment)
    page = ask(server, "GET", "/turned", query="prefix=key&versions=")[2].decode()
    equal(re.findall("<VersionId>(.*?)<", page), [version for version, _ in reversed(made)], "versions are listed in the order in which they were stored")
    for version, body in made:
        equal(ask(server, "GET", "/turned/key", query=f"versionId={version}")[2], body, f"version {body.decode()} is there")
    for version, body in reversed(made[1:]):
        equal(ask(server, "DELETE", "/turned/key", query=f"versionId={version}")[0], 204, f"the last is deleted, {body.decode()}")
        equal(ask(server, "GET", "/turned/key")[2], b"%d" % (int(body) - 1), "and the one before it is current")
    check(server.stop(), "the server ends")
    made = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True)
    equal(made.returncode, 0, "sluice check finds nothing")


back_and_forth()
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
