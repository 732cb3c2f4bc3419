#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Users: `sluice user` beside a running server, who owns what, and what others see of it."""
import os
import stat
import subprocess
import threading
import time

from sluicetest import SLUICE, Server, check, done, equal, run, scratch, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("users", "python3-boto3 is not installed")
    done()

FILE = scratch("credentials")


def user(*words, stdout_only=True):
    """(exit status, stdout, stderr)"""
    result = subprocess.run([SLUICE, "user", *words, "--credentials", FILE], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, timeout=60, env={k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")})
    return result.returncode, result.stdout, result.stderr


def key_of(output):
    fields = dict(line.split(" = ", 1) for line in output.splitlines())
    return fields["access-key"], fields["secret-key"]


def client(key):
    return boto3.client("s3", endpoint_url=server.url, aws_access_key_id=key[0], aws_secret_access_key=key[1],
                        region_name="us-east-1", config=Config(signature_version="s3v4", retries={"max_attempts": 0},
                                                               s3={"addressing_style": "path"}))


def code_of(call, **arguments):
    try:
        call(**arguments)
        return ""
    except ClientError as error:
        return error.response["Error"]["Code"]


def becomes(code, call, **arguments):
    """Whether the call answers so within seconds: the server notices a changed file by itself, but a moment later."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if code_of(call, **arguments) == code:
            return True
        time.sleep(0.02)
    return False


# ---- The file ----

status, output, errors = user("add", "alice")
equal((status, errors), (0, ""), "a first user makes the file")
alice_key = key_of(output)
check(len(alice_key[0]) == 20 and len(alice_key[1]) == 40, "keys have the lengths of AWS's")
equal(stat.S_IMODE(os.stat(FILE).st_mode), 0o600, "the file is its owner's alone")
equal(user("add", "alice")[0], 1, "a name is given once")
equal(user("add", "no blanks")[0], 2, "names are checked")
equal(user("add", "carl", "--rights", "everything")[0], 2, "so are rights")
equal(user("remove", "nobody")[0], 1, "nobody who is not there is removed")
equal(user("rotate", "nobody")[0], 1, "or rotated")
equal(user("dance", "alice")[0], 2, "unknown actions are refused")
equal(user("add")[0], 2, "a user needs a name")
with open(FILE, "a") as out:
    out.write("# a comment that stays\nkey BOSSKEY boss-secret owner:boss *=all # with one of its own")
status, output, _ = user("add", "bob", "--id", "b0b", "--rights", "@own=all shared-*=read,list")
status_2, _, errors = user("add", "mallory", "--id", "b0b")
check(status_2 == 1 and "in use" in errors, "an id is given once", errors)
bob_key = key_of(output)
text = open(FILE).read()
check("# a comment that stays\n" in text and "# with one of its own\n" in text, "comments stay")
check(os.listdir(os.path.dirname(FILE)).count("credentials") == 1 and
      not [name for name in os.listdir(os.path.dirname(FILE)) if name.startswith("credentials.")], "nothing is left beside the file")
rows = [line.split("\t") for line in user("list")[1].splitlines()]
equal(rows[0], ["NAME", "ACCOUNT", "CANONICAL-ID", "ACCESS-KEY", "RIGHTS"], "the list has a head")
listed = {row[0]: row[1:] for row in rows[1:]}
equal(sorted(listed), ["alice", "bob", "boss"], "users are listed")
check(len(listed["alice"][0]) == 12 and listed["alice"][0].isdigit(), "with an account number")
check(len(listed["alice"][1]) == 64, "and a canonical id of 64 digits")
equal(listed["bob"][1:], ["b0b", bob_key[0], "@own=all shared-*=read,list"], "or the one that was given, key and rights")
check(bob_key[1] not in user("list")[1] and "boss-secret" not in user("list")[1], "secrets are not")
os.chmod(FILE, 0o640)
user("add", "dora")
equal(stat.S_IMODE(os.stat(FILE).st_mode), 0o640, "a group that may read the file keeps the right")
os.chmod(FILE, 0o600)
user("remove", "dora")
before = open(FILE).read()
with open(FILE, "a") as out:
    out.write("\nnonsense\n")
equal(user("add", "eve")[0], 1, "a file with a mistake is not touched")
check("eve" not in open(FILE).read(), "and stays as it was")
with open(FILE, "w") as out:
    out.write(before)

# ---- Beside a running server ----

server = Server(args=["--credentials", FILE])
alice, bob = client(alice_key), client(bob_key)
alice.create_bucket(Bucket="alices")
alice.put_object(Bucket="alices", Key="key", Body=b"hers")
bob.create_bucket(Bucket="bobs")
equal([bucket["Name"] for bucket in alice.list_buckets()["Buckets"]], ["alices"], "ListBuckets shows one's own")
equal(alice.list_buckets()["Owner"], {"ID": listed["alice"][1], "DisplayName": "alice"}, "with one's canonical id and name")
equal([bucket["Name"] for bucket in client(("BOSSKEY", "boss-secret")).list_buckets()["Buckets"]], ["alices", "bobs"],
      "whoever may list all by configuration sees all")
owner = alice.list_objects_v2(Bucket="alices", FetchOwner=True)["Contents"][0]["Owner"]
equal(owner, {"ID": listed["alice"][1], "DisplayName": "alice"}, "objects are their maker's")
for call, arguments in [("list_objects_v2", {}), ("head_bucket", {}), ("get_object", {"Key": "key"}), ("delete_bucket", {}),
                        ("put_object", {"Key": "x", "Body": b""}), ("delete_object", {"Key": "key"}), ("get_bucket_policy", {})]:
    check(code_of(getattr(bob, call), Bucket="alices", **arguments) in ("AccessDenied", "403"), f"others are denied {call}")
equal(code_of(bob.create_bucket, Bucket="alices"), "BucketAlreadyExists", "a name belongs to who has it")
equal(code_of(alice.create_bucket, Bucket="alices"), "", "creating one's own again is no error")
equal(code_of(bob.head_bucket, Bucket="not-there"), "404", "a bucket that is not there")
equal(code_of(alice.head_bucket, Bucket="alices", ExpectedBucketOwner=listed["alice"][0]), "", "ExpectedBucketOwner: the account number")
equal(code_of(alice.head_bucket, Bucket="alices", ExpectedBucketOwner=listed["bob"][0]), "403", "ExpectedBucketOwner: another's")
equal(code_of(bob.list_buckets), "", "bob is there")
carol_key = key_of(user("add", "carol")[1])
carol = client(carol_key)
check(becomes("", carol.list_buckets), "a new user gets in without a restart")
carol.create_bucket(Bucket="carols")
equal([bucket["Name"] for bucket in carol.list_buckets()["Buckets"]], ["carols"], "and makes buckets of his own")

kept = key_of(user("rotate", "carol", "--keep-old")[1])
check(becomes("", client(kept).list_buckets), "a rotated key works")
equal(code_of(carol.list_buckets), "", "the old one too, with --keep-old")
equal([bucket["Name"] for bucket in client(kept).list_buckets()["Buckets"]], ["carols"], "and is the same user's")
fresh = key_of(user("rotate", "carol")[1])
check(becomes("InvalidAccessKeyId", carol.list_buckets), "the next rotation ends the oldest key")
equal(code_of(client(kept).list_buckets), "InvalidAccessKeyId", "and the one between")
equal(code_of(client(fresh).list_buckets), "", "the newest works")
equal([line.split("\t")[4] for line in user("list")[1].splitlines() if line.startswith("carol\t")], ["@own=all"],
      "rights survive a rotation")
carol_id = [line.split("\t")[2] for line in user("list")[1].splitlines() if line.startswith("carol\t")][0]
equal(user("remove", "carol")[0], 0, "a user is removed")
check(becomes("InvalidAccessKeyId", client(fresh).list_buckets), "and gets in no more")
other = key_of(user("add", "carol")[1])
check(becomes("", client(other).list_buckets), "another user of the same name")
equal(client(other).list_buckets()["Buckets"], [], "does not get the buckets of the first")
user("remove", "carol")
again = key_of(user("add", "carol", "--id", carol_id)[1])
check(becomes("", client(again).head_bucket, Bucket="carols"), "but one with the same id does")

# ---- Edits at the same time, and broken files ----

names = [f"user{number}" for number in range(12)]
threads = [threading.Thread(target=user, args=("add", name)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
listed = {line.split("\t")[0] for line in user("list")[1].splitlines()}
check(listed.issuperset(names), "edits at the same time lose nothing", sorted(set(names) - listed))
lines = len(server.log_text().splitlines())
with open(FILE, "a") as out:
    out.write("nonsense\n")
deadline = time.monotonic() + 120
while "old settings stay" not in server.log_text() and time.monotonic() < deadline:
    time.sleep(0.02)
check("old settings stay" in server.log_text(), "a broken file is named in the log")
equal(code_of(alice.list_buckets), "", "and the users that were there stay")
log = server.log_text()
check(not any(key[1] in log for key in (alice_key, bob_key, carol_key, again)) and "boss-secret" not in log, "no secret in the log")
check(server.stop(), "the server ends")
done()
