#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is served is what was judged: somebody without a key polls names whose objects are made private, replaced and deleted meanwhile."""
import json
import threading
import time

from sluicetest import Server, check, done, equal, error_code, s3_client, skip

try:
    from botocore.exceptions import ClientError
except ImportError:
    skip("judged race", "python3-boto3 is not installed")
    done()

BUCKET = "judged-race"
SECONDS = 4
ROUNDS = 50 # at least so many, on a machine that is busy with something else


class Poller(threading.Thread):
    """Reads the paths without a signature, over and over."""

    def __init__(self, server, paths):
        super().__init__()
        self.server, self.paths, self.stopped, self.leaks, self.statuses, self.requests = server, paths, False, 0, {}, 0

    def run(self):
        connection = self.server.connect()
        while not self.stopped:
            for path, headers in self.paths:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                body = answer.read()
                self.leaks += b"private" in body or b"secret" in body
                self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
                self.requests += 1
        connection.close()


def race(server, paths, step):
    pollers = [Poller(server, paths) for _ in range(2)]
    for poller in pollers:
        poller.start()
    end, rounds = time.monotonic() + SECONDS, 0
    while time.monotonic() < end or rounds <= ROUNDS:
        step()
        rounds += 1
    for poller in pollers:
        poller.stopped = True
    for poller in pollers:
        poller.join()
    return rounds, sum(poller.leaks for poller in pollers), [poller.statuses for poller in pollers]


def never_public(server, owner):
    owner.put_bucket_acl(Bucket=BUCKET, ACL="public-read")

    def step():
        owner.put_object(Bucket=BUCKET, Key="k", Body=b"private", Tagging="of=secret")
        owner.delete_object(Bucket=BUCKET, Key="k")

    rounds, leaks, statuses = race(server, [(f"/{BUCKET}/k", {})], step)
    check(rounds > ROUNDS and leaks == 0, "a private object of a bucket that anybody may list is never read", f"{leaks} leaks in {rounds}: {statuses}")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="private")


def alternating(server, owner):
    def step():
        owner.put_object(Bucket=BUCKET, Key="k", Body=b"open", ACL="public-read")
        owner.put_object(Bucket=BUCKET, Key="k", Body=b"private")

    rounds, leaks, statuses = race(server, [(f"/{BUCKET}/k", {})], step)
    check(rounds > ROUNDS and leaks == 0, "the private content of a key that was public is never read", f"{leaks} leaks in {rounds}: {statuses}")


def by_tag(server, owner):
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:GetObjectTagging"], "Resource": f"arn:aws:s3:::{BUCKET}/*",
                 "Condition": {"StringEquals": {"s3:ExistingObjectTag/of": "everybody"}}}
    owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def step():
        owner.put_object(Bucket=BUCKET, Key="k", Body=b"open", Tagging="of=everybody")
        owner.put_object(Bucket=BUCKET, Key="k", Body=b"private", Tagging="of=secret")

    rounds, leaks, statuses = race(server, [(f"/{BUCKET}/k", {}), (f"/{BUCKET}/k?tagging", {})], step)
    check(rounds > ROUNDS and leaks == 0, "what a policy allows by tag is judged on what is served", f"{leaks} leaks in {rounds}: {statuses}")


def deleting(server, owner):
    """Anybody may delete what is tagged so; the object that is not survives every attempt."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{BUCKET}/*",
                 "Condition": {"StringEquals": {"s3:ExistingObjectTag/of": "everybody"}}}
    owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    stopped, lost, rounds, refused = False, 0, 0, {}

    def attack():
        connection = server.connect()
        while not stopped:
            connection.request("DELETE", f"/{BUCKET}/d")
            answer = connection.getresponse()
            body = answer.read()
            code = error_code(body) if answer.status >= 400 else "ok"
            refused[code] = refused.get(code, 0) + 1
        connection.close()

    attackers = [threading.Thread(target=attack) for _ in range(2)]
    for attacker in attackers:
        attacker.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or rounds <= ROUNDS:
        owner.put_object(Bucket=BUCKET, Key="d", Body=b"open", Tagging="of=everybody")
        owner.put_object(Bucket=BUCKET, Key="d", Body=b"private", Tagging="of=secret")
        time.sleep(0.002)
        rounds += 1
        try:
            owner.head_object(Bucket=BUCKET, Key="d")
        except ClientError:
            lost += 1
    stopped = True
    for attacker in attackers:
        attacker.join()
    check(rounds > ROUNDS and lost == 0, "a delete that hangs on a tag deletes what has the tag", f"{lost} lost in {rounds}: {refused}")
    check(set(refused) <= {"ok", "AccessDenied", "ConditionalRequestConflict"}, "and is refused as it should be", str(refused))
    owner.delete_bucket_policy(Bucket=BUCKET)


def absence(server, owner):
    """Who may read but not list is not told what is missing; and every bucket's name is public."""
    get = lambda path: (lambda status, _headers, body: (status, error_code(body)))(*server.request("GET", path))
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    policy = lambda *statements: owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    policy(statement)
    owner.put_object(Bucket=BUCKET, Key="there", Body=b"open")
    equal(server.request("GET", f"/{BUCKET}/there")[0], 200, "a policy lets everybody read")
    equal(get(f"/{BUCKET}/missing"), (401, "AccessDenied"), "who may read but not list is not told what is missing")
    equal(server.request("HEAD", f"/{BUCKET}/missing")[0], 401, "nor by HEAD")
    policy(statement, {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"})
    equal(get(f"/{BUCKET}/missing"), (404, "NoSuchKey"), "who may list is told")
    policy(statement)
    owner.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    equal(get(f"/{BUCKET}/missing"), (404, "NoSuchKey"), "also who may list by the bucket's ACL")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="private")
    owner.delete_bucket_policy(Bucket=BUCKET)
    equal(get("/no-such-bucket-at-all/missing"), (404, "NoSuchBucket"), "a bucket that does not exist is told to everybody")
    equal(get(f"/{BUCKET}/missing"), (401, "AccessDenied"), "one that exists may not be entered")


def main():
    server = Server(keys=True, args=("--workers", "2"))
    owner = s3_client(server)
    owner.create_bucket(Bucket=BUCKET)
    absence(server, owner)
    never_public(server, owner)
    alternating(server, owner)
    by_tag(server, owner)
    deleting(server, owner)
    server.stop()
    done()


main()
