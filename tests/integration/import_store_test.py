#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sluice import --from`: a store becomes another one, with its version ids, times, order, metadata, tags, locks and settings, compared by what both
answer. It is cut off and goes on; what is newer there, damaged, encrypted or has no place there is named, and nothing is replaced."""
import json
import os
import signal
import subprocess
import sys
import time

from sluicetest import ROOT, SLUICE, Server, blob_files, check, done, equal, fresh, make_keys, key_line, poll, run, s3_client, skip

MARKER = b"damage me: " * 20000


def sluice_import(source, target, *words):
    result = subprocess.run([SLUICE, "import", "--from", source, "--data", target, "--json", *words], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.returncode, [line for line in lines if "finding" in line], next((line for line in lines if "keys" in line), {}), result.stderr


def fill(server):
    client = s3_client(server)
    for name in ("plain", "versions", "suspended"):
        client.create_bucket(Bucket=name)
    for number in range(60):
        client.put_object(Bucket="plain", Key=f"folder/{number:03} ü%", Body=bytes([number]) * (number * number * 11), ContentType="text/x-own",
                          Metadata={"number": str(number)}, Tagging=f"number={number}", **({"ChecksumAlgorithm": "SHA256"} if number % 2 else {}))
    client.put_object(Bucket="plain", Key="large", Body=os.urandom(3 << 20))
    upload = client.create_multipart_upload(Bucket="plain", Key="parts")["UploadId"]
    parts = [{"PartNumber": number, "ETag": client.upload_part(Bucket="plain", Key="parts", UploadId=upload, PartNumber=number, Body=bytes([number]) * size)["ETag"]}
             for number, size in ((2, 5 << 20), (7, 1000))]
    client.complete_multipart_upload(Bucket="plain", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    client.create_multipart_upload(Bucket="plain", Key="unfinished")
    client.put_bucket_tagging(Bucket="plain", Tagging={"TagSet": [{"Key": "of", "Value": "the bucket"}]})
    client.put_bucket_cors(Bucket="plain", CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]})
    client.put_object(Bucket="versions", Key="key", Body=b"from before there were versions")
    client.put_object(Bucket="suspended", Key="key", Body=b"from before")
    for name in ("versions", "suspended"):
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for number in range(4):
            client.put_object(Bucket=name, Key="key", Body=b"version" * number * 5000)
            client.delete_object(Bucket=name, Key="key")
        client.put_object(Bucket=name, Key="key", Body=b"the last one")
        client.put_object(Bucket=name, Key="gone", Body=b"under a marker")
        client.delete_object(Bucket=name, Key="gone")
    client.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": "Suspended"})
    client.put_object(Bucket="suspended", Key="key", Body=b"null again")
    client.delete_object(Bucket="suspended", Key="gone")
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    client.put_object(Bucket="locked", Key="key", Body=b"held", ObjectLockLegalHoldStatus="ON")


def without(answer, *names):
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", *names)}


def told(server):
    """All that the store answers for itself."""
    client, all_of_it = s3_client(server), {}
    all_of_it["buckets"] = without(client.list_buckets())
    for bucket in all_of_it["buckets"]["Buckets"]:
        name = bucket["Name"]
        listed = client.list_object_versions(Bucket=name)
        all_of_it[name] = [without(listed), without(client.get_bucket_versioning(Bucket=name))]
        for version in listed.get("Versions", []):
            which = {"Bucket": name, "Key": version["Key"], "VersionId": version["VersionId"]}
            got = client.get_object(**which, ChecksumMode="ENABLED")
            all_of_it[name, version["Key"], version["VersionId"]] = [got.pop("Body").read(), without(got), without(client.get_object_tagging(**which))]
    all_of_it["part"] = without(client.head_object(Bucket="plain", Key="parts", PartNumber=2))
    all_of_it["tags"] = client.get_bucket_tagging(Bucket="plain")["TagSet"]
    all_of_it["cors"] = client.get_bucket_cors(Bucket="plain")["CORSRules"]
    all_of_it["lock"] = without(client.get_object_lock_configuration(Bucket="locked"))
    return all_of_it


def versions_of(target):
    return subprocess.run([SLUICE, "check", "--data", target], capture_output=True, text=True, check=False)


server = Server(keys=True)
fill(server)
wanted, source = told(server), server.data
check(server.stop(), "the source is stopped")

target = fresh("target")
status, findings, report, said = sluice_import(source, target)
equal(status, 0, "it is imported")
equal([(finding["finding"], finding["bucket"], finding["why"].split(",")[0]) for finding in findings], [("left out", "plain", "1 unfinished uploads")], "what is left out is named")
equal((report["buckets"], report["present"], report["refused"]), (4, 0, 0), "buckets are counted")
server = Server(data=target, keys=True)
got = told(server)
for name in wanted:
    equal(got.get(name), wanted[name], f"it is there as it was: {name}")
equal(set(got) - set(wanted), set(), "and nothing else")
client = s3_client(server)
newer = client.put_object(Bucket="versions", Key="key", Body=b"newer, here")["VersionId"]
newest = client.list_object_versions(Bucket="versions", Prefix="key")["Versions"][0]
check(newest["VersionId"] == newer and newest["IsLatest"], "a version that is put now is the newest")
check(server.stop(), "the new store's server ends")
equal(versions_of(target).returncode, 0, "the check finds nothing")

status, findings, again, said = sluice_import(source, target)
equal((status, again["versions"], again["delete_markers"], again["present"]), (0, 0, 0, report["versions"] + report["delete_markers"]), "once more: all of it is there, below what is newer")

# Cut off at several moments, and done again.
target = fresh("cut-off")
for moment in (0.02, 0.05, 0.1, 0.15):
    process = subprocess.Popen([SLUICE, "import", "--from", source, "--data", target, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
status, findings, last, said = sluice_import(source, target)
equal((status, last["versions"] + last["delete_markers"] + last["present"]), (0, report["versions"] + report["delete_markers"]), "an import that was killed goes on")
server = Server(data=target, keys=True)
check(told(server) == wanted, "and comes to the same end")

# What is there otherwise stays.
client = s3_client(server)
client.put_object(Bucket="plain", Key="large", Body=b"another one")
check(server.stop(), "it ends")
status, findings, report, said = sluice_import(source, target)
equal((status, [(finding["finding"], finding["key"]) for finding in findings if finding["key"]]), (1, [("refused", "large")]), "a key that is another one here is refused, by name")
server = Server(data=target, keys=True)
equal(s3_client(server).get_object(Bucket="plain", Key="large")["Body"].read(), b"another one", "and stays")
check(server.stop(), "it ends again")

# Damage, encryption, caches.
server = Server(keys=True, args=["--encryption-keys", make_keys("keys", key_line("one", 1)), "--cache-bucket", "fills max-size=10M"])
client = s3_client(server)
client.create_bucket(Bucket="mixed")
client.put_object(Bucket="mixed", Key="whole", Body=b"whole")
client.put_object(Bucket="mixed", Key="damaged", Body=MARKER)
client.put_object(Bucket="mixed", Key="sealed", Body=b"secret", ServerSideEncryption="AES256")
client.put_object(Bucket="fills", Key="key", Body=b"cached")
client.close()
odd = server.data
check(server.stop(), "a store with odd things ends")
for path in blob_files(odd)[0]:
    with open(path, "r+b") as file:
        if file.read(11) == MARKER[:11]:
            file.seek(100_000)
            file.write(b"?")
status, findings, report, said = sluice_import(odd, fresh("odd"))
equal((status, sorted((finding["finding"], finding["bucket"], finding["key"]) for finding in findings)),
      (1, [("left out", "fills", None), ("refused", "mixed", "damaged"), ("refused", "mixed", "sealed")]), "what is damaged or encrypted is refused, a cache left out")
equal(report["versions"], 1, "the rest is taken")

# Into a cluster, beside servers that run.
sys.path.insert(0, os.path.join(ROOT, "tests", "cluster"))
from servers import Servers, unusable  # noqa: E402 (found by the line before)

if unusable() or "--cluster" not in run([SLUICE, "help", "import"])[1]:
    skip("a store becomes part of a cluster", unusable() or "this program was built without clusters")
else:
    cluster = Servers(keys=True, count=2)
    s3_client(cluster.servers[0]).create_bucket(Bucket="of-the-cluster")
    for expected in (("versions", 0), ("present", 1)):
        status, findings, report, said = sluice_import(source, cluster.data, "--cluster", cluster.database.url())
        equal((status, report["refused"]), (0, 0), "a store becomes part of a cluster that is served" if expected[1] == 0 else "again")
        equal(report["present"] > 0, bool(expected[1]), "all of it was there already" if expected[1] else "none of it was there")
    for number, server in enumerate(cluster.servers):
        got = told(server)
        equal([name for name in wanted if name != "buckets" and got.get(name) != wanted[name]], [], f"server {number} has it as it was")
    check(cluster.stop(), "its servers end")

# What cannot be done is said.
for words, status, expected in ((["--from", fresh("nowhere")], 3, "no store"), ([], 2, "--from"), (["--from", source, "--from-minio", source], 2, "one of")):
    got, output = run([SLUICE, "import", *words, "--data", fresh("none")])
    check(got == status and expected in output, f"{words[:1] + words[2:3]}: {expected}", f"{got}: {output}")
server = Server(data=source)
got, output = run([SLUICE, "import", "--from", source, "--data", fresh("none")])
check(got != 0 and "stop the server first" in output, "a store that is served is not read from", f"{got}: {output}")
check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200) and server.stop(), "its server goes on")
done()
