#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What one server of a cluster does for all: copies to another server, events, and giving up what caches have too much of. Three servers change things, and
the one that leads is killed in between: nothing is missing in the end."""
import os
import tempfile
import threading
import time

from cluster_database import DATABASE
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, poll, run, s3_client, scratch
from webhook import Webhook

hook, far = Webhook(), Server(keys=True)
there = s3_client(far)
there.create_bucket(Bucket="copy")
targets, hooks = scratch("targets"), scratch("hooks")
with open(targets, "w") as out:
    out.write(f"[far]\nendpoint = http://{far.host}:{far.port}\naccess-key = {ACCESS}\nsecret-key = {SECRET}\nbuckets = *\nusers = *\n")
with open(hooks, "w") as out:
    out.write(f"[hook]\nurl = {hook.url}\nbuckets = *\nusers = *\n")
for path in (targets, hooks):
    os.chmod(path, 0o600)
data = tempfile.mkdtemp(prefix="shared-", dir=scratch())
servers = [Server(data=data, keys=True, args=["--cluster", DATABASE, "--reclaim-delay", "1", "--replication", targets, "--notifications", hooks],
                  log=scratch(f"server-{number}.log")) for number in range(3)]
clients = [s3_client(server) for server in servers]
clients[0].create_bucket(Bucket="bucket")
clients[1].put_object(Bucket="bucket", Key="before", Body=b"before the rule")
clients[1].put_bucket_replication(Bucket="bucket", ReplicationConfiguration={"Role": "arn:aws:iam::123456789012:role/copy", "Rules": [
    {"ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Enabled"},
     "Destination": {"Bucket": "arn:sluice:replication::far:copy"}}]})
clients[2].put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration={"QueueConfigurations": [
    {"QueueArn": "arn:sluice:sqs:us-east-1:hook:webhook", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})


def listed(client, bucket):
    return {one["Key"]: one["ETag"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", [])}


def folder(number):
    """Where the server has its control socket."""
    own = next(line.split()[-1] for line in servers[number].log_text().splitlines() if "this is server" in line)
    return os.path.join(data, "staging", f"{int(own):016x}")


def leads(server):
    return server.process.poll() is None and "does what one does for all" in server.log_text()


# ---- Three servers change, and the one that works for all is killed meanwhile ----
made, removed, failures = set(), set(), []


def change(number):
    """Each its own keys, until the rest of them is asked for; a server that was killed is left."""
    for turn in range(40):
        key = f"{number}/{turn:03}"
        try:
            clients[number].put_object(Bucket="bucket", Key=key, Body=os.urandom(100 if turn % 4 else 70000))
            made.add(key)
            if turn % 5 == 4:
                clients[number].delete_object(Bucket="bucket", Key=key)
                removed.add(key)
        except Exception as error: # of a server that was killed
            failures.append((number, error))
            return
        if turn == 20:
            halfway.wait(60)


check(poll(lambda: any(leads(server) for server in servers), 60), "one leads")
victim = next(number for number, server in enumerate(servers) if leads(server))
halfway = threading.Barrier(4)
threads = [threading.Thread(target=change, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
halfway.wait(60)
servers[victim].kill()
for thread in threads:
    thread.join()
rest = [number for number in range(3) if number != victim]
check(all(number == victim for number, _ in failures), "only who asked the one that was killed noticed", failures)
check(poll(lambda: any(leads(servers[number]) for number in rest), 60), "another leads")
near = clients[rest[0]]
wanted = listed(near, "bucket")
check(made - removed <= set(wanted) and "before" in wanted, "what was answered is there")
wanted.pop("before")
check(poll(lambda: listed(there, "copy") == wanted, 60), "the copy has the same", f"{len(listed(there, 'copy'))} keys, wanted {len(wanted)}")
key = f"{rest[0]}/000"
check(poll(lambda: near.head_object(Bucket="bucket", Key=key).get("ReplicationStatus") == "COMPLETED", 60), "with its state kept")

told = lambda: {(one["eventName"].split(":")[0], one["s3"]["object"]["key"].replace("%2F", "/")) for one in hook.records()}
events = {("ObjectCreated", key) for key in made} | {("ObjectRemoved", key) for key in removed}
check(poll(lambda: events <= told(), 60), "each event was told", sorted(events - told())[:5])

# ---- What was there before the rule ----
leader = next(number for number in rest if leads(servers[number]))
equal(run([SLUICE, "replicate", "--resync", "bucket", "--data", folder(leader)])[0], 0, "all of it is compared")
check(poll(lambda: "before" in listed(there, "copy"), 60), "and what was missing is copied")

# ---- A target that is away: rows wait, whoever wrote them ----
far.kill()
for number in rest:
    clients[number].put_object(Bucket="bucket", Key=f"away/{number}", Body=b"away")
check(near.head_object(Bucket="bucket", Key=f"away/{rest[0]}").get("ReplicationStatus") in ("PENDING", "FAILED"), "nothing is copied to what is away")
far = Server(data=far.data, keys=True, args=["--listen", f"127.0.0.1:{far.port}"])
check(poll(lambda: {f"away/{number}" for number in rest} <= set(listed(there, "copy")), 90), "it comes when the target is back")

# ---- A cache: whoever leads gives up what is used least ----
clients[rest[1]].create_bucket(Bucket="cache")
code, text = run([SLUICE, "bucket", "cache", "cache", "max-size=1M", "use-step=1s", "--data", folder(rest[1])])
equal(code, 0, f"a bucket becomes a cache {text}")
for turn in range(30):
    clients[rest[turn % 2]].put_object(Bucket="cache", Key=f"{turn:02}", Body=bytes(60000))
check(poll(lambda: len(listed(near, "cache")) <= 17, 60), "a cache that holds too much gives something up", f"{len(listed(near, 'cache'))} objects, {servers[leader].log_text()[-1500:]}")
check("29" in listed(near, "cache") and "00" not in listed(near, "cache"), "the oldest first", sorted(listed(near, "cache")))
check(all(servers[number].stop() for number in rest), "servers end cleanly")
code, text = run([SLUICE, "check", "--cluster", DATABASE, "--data", data])
check("0 damaged, 0 missing, 0 orphaned" in text, "and their rows are whole", text)
far.stop()
hook.stop()
done()
