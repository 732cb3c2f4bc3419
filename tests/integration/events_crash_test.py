#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Events under load and over crashes: eight writers, a target that is away, stalls or refuses now and then, and servers that are killed between commit
and delivery. Every change that was acknowledged is told at least once, those of each key in their order."""
import http.client
import random
import signal
import threading
import time

from sluicetest import Server, check, done, equal, free_port, poll, s3_client, scratch
from webhook import Webhook, key_of

WRITERS, KEYS = 8, 5
targets = scratch("targets")
dice = random.Random(7)


def write_targets(port):
    with open(targets, "w") as out:
        out.write(f"[hook]\nurl = http://127.0.0.1:{port}/\nbuckets = *\nusers = *\nbatch = 5\n")


def configure(server):
    s3_client(server).put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": "arn:sluice:sqs::hook:webhook", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})


class Writer(threading.Thread):
    """Puts and deletes its own keys; notes what was acknowledged, and the one request that nobody knows of when the server went."""

    def __init__(self, server, number, count):
        super().__init__(daemon=True)
        self.server, self.number, self.count = server, number, count
        self.acknowledged, self.failed = [], False

    def run(self):
        connection = self.server.connect()
        try:
            for i in range(self.count):
                key = f"w{self.number}/{i % KEYS}"
                if i % 11 == 10:
                    connection.request("DELETE", f"/bucket/{key}")
                    what = "Delete"
                else:
                    body = f"{self.number}-{i}-{time.time()}".encode()
                    connection.request("PUT", f"/bucket/{key}", body)
                    what = "Put"
                response = connection.getresponse()
                response.read()
                if response.status not in (200, 204):
                    self.failed = True
                    return
                self.acknowledged.append((key, what, (response.getheader("etag") or "").strip('"')))
        except (OSError, http.client.HTTPException):
            return


def told(records):
    """What was told of each key: in order, each once, by its sequencer; and whether a first telling came out of order."""
    seen, order, is_ordered = {}, {}, True
    for record in records:
        key, sequencer = key_of(record), record["s3"]["object"]["sequencer"]
        what = (key, record["eventName"].split(":")[1], record["s3"]["object"].get("eTag", ""))
        if sequencer in seen:
            check(seen[sequencer] == what, "what comes again is the same", f"{what} {seen[sequencer]}") if seen[sequencer] != what else None
            continue
        if key in order and order[key] and order[key][-1][0] > sequencer:
            is_ordered = False
        seen[sequencer] = what
        order.setdefault(key, []).append((sequencer, what))
    return order, is_ordered


def is_subsequence(wanted, given):
    rest = iter(given)
    return all(any(one == other for other in rest) for one in wanted)


def all_told(acknowledged, records):
    order, _ = told(records)
    return all(is_subsequence([what for what in acknowledged if what[0] == key], [what for _, what in sorted(order.get(key, []))])
               for key in {what[0] for what in acknowledged})


# ---- Order under load, with a target that is not always there ----

state = {"count": 0}


def moody(body):
    """Takes most, refuses some, closes on some."""
    with hook.lock:
        state["count"] += 1
        roll = dice.random()
    return None if roll < 0.05 else 503 if roll < 0.1 else 200


hook = Webhook(moody)
write_targets(hook.port)
server = Server(args=["--notifications", targets, "--bucket", "bucket"])
configure(server)
writers = [Writer(server, number, 150) for number in range(WRITERS)]
for writer in writers:
    writer.start()
for writer in writers:
    writer.join()
acknowledged = [what for writer in writers for what in writer.acknowledged]
equal(len(acknowledged), WRITERS * 150, "eight writers are acknowledged")
check(poll(lambda: all_told(acknowledged, hook.records()), 120), "all that they did is told, though the target refuses some")
order, is_ordered = told(hook.records())
check(is_ordered, "what is told of a key for the first time is later than all that was told before")
deletes = sum(1 for what in acknowledged if what[1] == "Delete")
equal(sum(len(of) for of in order.values()), len(acknowledged), "and nothing is told that was not done")
check(server.stop(), "the server stops")
hook.stop()

# ---- Crashes ----

port = free_port()
write_targets(port)
data, acknowledged, kept, rounds = server.data, [], [], 6
for number in range(rounds):
    server = Server(data=data, args=["--notifications", targets])
    hook = Webhook(port=port) if number % 2 else None # away every other time
    writers = [Writer(server, f"{number}-{writer}", 400) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    poll(lambda: all(writer.acknowledged for writer in writers))
    time.sleep(dice.random())
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    for writer in writers:
        writer.join()
    acknowledged += [what for writer in writers for what in writer.acknowledged]
    if hook:
        hook.stop()
        kept += hook.records()
check(len(acknowledged) >= WRITERS * rounds, f"{len(acknowledged)} changes were acknowledged over {rounds} crashes")
hook = Webhook(port=port)
server = Server(data=data, args=["--notifications", targets])
check(poll(lambda: all_told(acknowledged, kept + hook.records()), 120), "every one of them is told at least once, also over the crashes",
      f"{sum(len(of) for of in told(kept + hook.records())[0].values())} of {len(acknowledged)}")
check(told(kept + hook.records())[1], "each key's in their order")
check(server.stop(), "the server stops")
server = Server(data=data, args=["--notifications", targets])
time.sleep(1)
before = len(hook.records())
s3_client(server).put_object(Bucket="bucket", Key="last", Body=b"")
check(poll(lambda: "last" in hook.keys()), "a change after a clean stop is told")
equal(len(hook.records()), before + 1, "and nothing that was told before it")
check(server.stop(), "the server stops again")

# ---- A relaxed store ----

server = Server(args=["--notifications", targets, "--bucket", "bucket", "--durability", "relaxed"])
configure(server)
hook.clear()
writer = Writer(server, "r", 300)
writer.start()
poll(lambda: len(writer.acknowledged) > 50)
server.process.send_signal(signal.SIGKILL)
server.process.wait()
writer.join()
server = Server(data=server.data, args=["--notifications", targets, "--durability", "relaxed"])
check(poll(lambda: all_told(writer.acknowledged, hook.records()), 60), f"in a relaxed store a kill loses none of {len(writer.acknowledged)}, either")
check(server.stop(), "it stops, too")
done()
