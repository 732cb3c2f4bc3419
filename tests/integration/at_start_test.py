#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ready at start: --bucket and SLUICE_BUCKETS make buckets, public ones by a policy that never replaces another; MinIO's names of the one key and of
the server's health."""
import os

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, fresh, run, s3_client, scratch

BLOCKED = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}


def refused(name, contains, *args, env=None, data=None):
    folder = data or fresh("refused")
    status, output = run([SLUICE, "serve", "--data", folder, "--listen", "127.0.0.1:0", *args],
                         env={**{key: "" for key in os.environ if key.startswith(("SLUICE_", "MINIO_"))}, **(env or {})}, timeout=60)
    check(status == 2 and contains in output, name, f"status {status}: {output}")
    check(data or not os.path.exists(folder), f"{name}: nothing was made")


def buckets():
    server = Server(keys=True, args=["--bucket", "plain", "--bucket", "open:public", "--bucket", "one,two:public"])
    client = s3_client(server)
    equal([bucket["Name"] for bucket in client.list_buckets()["Buckets"]], ["one", "open", "plain", "two"], "all of them are there with the first request")
    client.put_object(Bucket="open", Key="a/b", Body=b"read me")
    client.put_object(Bucket="plain", Key="key", Body=b"not me")
    equal(server.request("GET", "/open/a/b")[::2], (200, b"read me"), "anyone reads a public bucket's objects")
    check(b"<Key>a/b</Key>" in server.request("GET", "/open?list-type=2")[2], "and lists it")
    equal(server.request("PUT", "/open/new", b"x")[0], 401, "but writes nothing")
    equal(server.request("DELETE", "/open/a/b")[0], 401, "and deletes nothing")
    equal([server.request("GET", path)[0] for path in ("/plain/key", "/plain", "/one")], [401, 401, 401], "the others are private")
    equal(client.get_bucket_policy_status(Bucket="two")["PolicyStatus"]["IsPublic"], True, "entries of one value are separate")
    equal(client.get_bucket_location(Bucket="plain")["LocationConstraint"], None, "they are in the server's region")
    client.delete_object(Bucket="plain", Key="key")
    check("bucket open: made" in server.log_text(), "the log tells what was made")

    # What is there stays as it is.
    own = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::one/*"}]}'
    client.put_bucket_policy(Bucket="one", Policy=own)
    client.put_public_access_block(Bucket="plain", PublicAccessBlockConfiguration=BLOCKED)
    server.stop()
    server = Server(data=server.data, keys=True, env={"SLUICE_BUCKETS": "one:public,plain:public,open:public,two"})
    client = s3_client(server)
    equal(client.get_bucket_policy(Bucket="one")["Policy"], own, "a bucket's own policy is not replaced")
    check("bucket one: it has a policy of its own" in server.log_text(), "and the log says so")
    equal(server.request("GET", "/plain")[0], 401, "a public access block is honoured")
    check("bucket plain: its public access block forbids" in server.log_text(), "and the log says so, too")
    equal(server.request("GET", "/open/a/b")[0], 200, "a second start changes nothing")
    check("bucket open" not in server.log_text() and "bucket two" not in server.log_text(), "and has nothing to tell of it")
    equal(server.request("GET", "/two")[0], 200, "what was made public stays so")
    server.stop()
    server = Server(keys=True, args=["--region", "eu-west-7", "--bucket", "far"])
    equal(s3_client(server).head_bucket(Bucket="far")["ResponseMetadata"]["HTTPStatusCode"], 200, "a region is no hindrance")
    server.stop()

    with open(fresh("buckets.conf"), "w") as file:
        file.write("bucket = from-file\nbucket = second\n")
    server = Server(args=["--config", scratch("buckets.conf")])
    equal([server.request("HEAD", path)[0] for path in ("/from-file", "/second")], [200, 200], "the configuration file names some, too")
    server.stop()


def refusals():
    refused("a name that cannot be", "Capital", "--bucket", "fine", "--bucket", "Capital")
    refused("a suffix that is none", "NAME:public", "--bucket", "name:private")
    refused("a public nothing", "NAME:public", "--bucket", ":public")
    refused("an empty entry", "empty entry", env={"SLUICE_BUCKETS": "a-name,,b-name"})
    refused("with --read-only", "read-only exclude each other", "--bucket", "name", "--read-only")
    refused("--check-config judges names", "Capital", "--bucket", "Capital", "--check-config")


def minio_names():
    server = Server(env={"MINIO_ROOT_USER": ACCESS, "MINIO_ROOT_PASSWORD": SECRET}, args=["--bucket", "name"])
    equal(server.request("GET", "/name")[0], 401, "MINIO_ROOT_USER and MINIO_ROOT_PASSWORD are a key")
    equal(s3_client(server).list_objects_v2(Bucket="name")["KeyCount"], 0, "with all rights")
    server.stop()
    server = Server(keys=True, env={"MINIO_ROOT_USER": ACCESS, "MINIO_ROOT_PASSWORD": SECRET})
    equal(server.request("GET", "/")[0], 401, "the same key by both names is fine")
    server.stop()
    both = {"SLUICE_ACCESS_KEY": ACCESS, "SLUICE_SECRET_KEY": SECRET}
    refused("two keys that differ", "MINIO_ROOT_USER and access-key", env={**both, "MINIO_ROOT_USER": "other", "MINIO_ROOT_PASSWORD": SECRET})
    refused("two secrets that differ", "MINIO_ROOT_PASSWORD and secret-key", env={**both, "MINIO_ROOT_USER": ACCESS, "MINIO_ROOT_PASSWORD": "other"})
    refused("half a key", "secret-key is not", env={"MINIO_ROOT_USER": "other"})
    secret = fresh("secret-file")
    with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(SECRET)
    refused("one from a file as well", "secret-key-file exclude", "--secret-key-file", secret,
            env={"MINIO_ROOT_USER": ACCESS, "MINIO_ROOT_PASSWORD": SECRET})


def health():
    server = Server(keys=True)
    for name in ("live", "ready", "cluster"):
        equal(server.request("GET", f"/minio/health/{name}")[::2], (200, b"ok\n"), f"/minio/health/{name} is the server's health")
        equal(server.request("HEAD", f"/minio/health/{name}")[0], 200, f"for HEAD of {name}, too")
    equal([server.request("GET", f"/minio/health/{name}")[0] for name in ("", "dead", "live/", "live?x", "cluster/x")], [404] * 5, "other paths are a bucket's")
    equal(server.request("PUT", "/minio/health/live", b"x")[0], 404, "so are other methods")
    client = s3_client(server)
    client.create_bucket(Bucket="minio")
    equal(server.request("GET", "/minio/health/live")[0], 401, "with a bucket called minio the names are its objects'")
    client.put_object(Bucket="minio", Key="health/live", Body=b"mine")
    equal(client.get_object(Bucket="minio", Key="health/live")["Body"].read(), b"mine", "which can be read")
    client.delete_object(Bucket="minio", Key="health/live")
    client.delete_bucket(Bucket="minio")
    equal(server.request("GET", "/minio/health/live")[0], 200, "without it they are the server's again")
    server.stop()
    server = Server(args=["--domain", "s3.test", "--bucket", "minio-data"])
    equal(server.request("GET", "/minio/health/live", headers={"Host": "minio-data.s3.test"})[0], 404, "below a bucket's own name they are keys")
    equal(server.request("GET", "/minio/health/live", headers={"Host": "rebound.example"})[0], 403, "a strange Host is refused there, too")
    server.stop()


buckets()
refusals()
minio_names()
health()
done()
