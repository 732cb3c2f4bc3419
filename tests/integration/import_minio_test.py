#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sluice import --from-minio`: a folder that a MinIO server wrote, and everything that it answered for it, compared through our own S3 API; what else
such folders may hold; what is refused; imports that are killed, done again, or meet what is there already."""
import base64
import contextlib
import datetime
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import minio_folder as minio
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, have, run, scratch, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("import_minio", "python3-boto3 is not installed")
    done()

with open(os.path.join(minio.FIXTURE, "expected.json"), encoding="utf-8") as file:
    EXPECTED = json.load(file)

MS = 1000000
DAY_NS = 86400 * 1000 * MS


def sluice_import(folder, data, *words):
    return subprocess.run([SLUICE, "import", "--from-minio", folder, "--data", data, *words], capture_output=True, text=True,
                          timeout=200, check=False)


def imported(folder, data, status=0):
    """The findings and the report."""
    result = sluice_import(folder, data, "--json")
    equal(result.returncode, status, f"the import of {os.path.basename(folder)} ends with {status}")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    if not lines:
        print("#", result.stderr)
    return lines[:-1], lines[-1]


def sound(data, name):
    result = subprocess.run([SLUICE, "check", "--data", data], capture_output=True, text=True, timeout=200, check=False)
    check(result.returncode == 0 and result.stdout.startswith("clean"), f"{name}: the check is clean", result.stdout)


@contextlib.contextmanager
def serving(data):
    server = Server(data=data, keys=True)
    yield server
    server.stop()


def client_of(server):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}))


def failure(call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def listed(s3, bucket, **kwargs):
    """All versions and delete markers, as pages bring them."""
    lines, markers = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, **kwargs, **markers)
        both = [(v, False) for v in page.get("Versions", [])] + [(m, True) for m in page.get("DeleteMarkers", [])]
        lines += [(v["Key"], v["VersionId"], v["IsLatest"], is_marker, v["LastModified"]) for v, is_marker in both]
        if not page["IsTruncated"]:
            return lines
        markers = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}


def whole_state(data):
    """All that clients can see, as one value."""
    state = {}
    with serving(data) as server:
        s3 = client_of(server)
        for bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
            for key, version, latest, is_marker, modified in listed(s3, bucket):
                head = {} if is_marker else s3.head_object(Bucket=bucket, Key=key, VersionId=version, ChecksumMode="ENABLED")
                head.pop("ResponseMetadata", None)
                state[bucket, key, version] = (latest, is_marker, str(modified), str(sorted(head.items(), key=str)))
    return state


# ---- The recorded folder ----

CHECKSUMS = ("ChecksumCRC32", "ChecksumCRC32C", "ChecksumSHA1", "ChecksumSHA256", "ChecksumCRC64NVME", "ChecksumType")


def compare_object(s3, want, name):
    named = {"Bucket": want["bucket"], "Key": want["key"], "VersionId": want["version"]}
    got = s3.get_object(**named, ChecksumMode="ENABLED")
    equal(hashlib.sha256(got["Body"].read()).hexdigest(), want["sha256"], f"{name}: bytes")
    equal((got["ETag"], got["ContentLength"]), (want["etag"], want["size"]), f"{name}: ETag and size")
    equal(got["LastModified"], datetime.datetime.fromisoformat(want["modified"]).replace(microsecond=0), f"{name}: Last-Modified")
    equal((got["Metadata"], got["ContentType"]), (want["metadata"], want["contentType"]), f"{name}: metadata")
    equal(got.get("CacheControl"), want.get("CacheControl"), f"{name}: Cache-Control")
    headers = got["ResponseMetadata"]["HTTPHeaders"]
    for field in CHECKSUMS:
        header = "x-amz-checksum-" + field[len("Checksum"):].lower()
        equal(headers.get(header), want.get(field), f"{name}: {header}")
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**named)["TagSet"]}
    equal(tags, want.get("tags", {}), f"{name}: tags")
    equal(headers.get("x-amz-object-lock-legal-hold"), want.get("ObjectLockLegalHoldStatus"), f"{name}: legal hold")
    if want["bucket"] != "plain":
        equal(headers.get("x-amz-version-id"), want["version"], f"{name}: x-amz-version-id")


def compare_recorded(s3):
    """Each version, and the order in listings."""
    for bucket in ("plain", "versioned", "locked", "empty"):
        wanted = [e for e in EXPECTED if e["bucket"] == bucket]
        got = listed(s3, bucket)
        equal(sorted((k, v, latest, m) for k, v, latest, m, _ in got),
              sorted((e["key"], e["version"], e["latest"], e.get("deleteMarker", False)) for e in wanted), f"{bucket}: what is there")
        times = {(k, v): modified for k, v, _, _, modified in got}
        for want in wanted:
            name = f"{bucket}/{want['key']} {want['version']}"
            equal(times[want["key"], want["version"]], datetime.datetime.fromisoformat(want["modified"]).replace(microsecond=0),
                  f"{name}: time in listings")
            if not want.get("deleteMarker"):
                compare_object(s3, want, name)
            else:
                equal(failure(s3.get_object, Bucket=bucket, Key=want["key"], VersionId=want["version"]), ("MethodNotAllowed", 405),
                      f"{name}: is a delete marker")


def compare_milliseconds(data):
    """S3 tells seconds, as Amazon does; rows have more."""
    with contextlib.closing(sqlite3.connect(f"file:{data}/sluice.db?mode=ro", uri=True)) as database:
        got = database.execute("SELECT modified_ms FROM object UNION ALL SELECT modified_ms FROM version").fetchall()
    want = [round(datetime.datetime.fromisoformat(e["modified"]).timestamp() * 1000) for e in EXPECTED]
    equal(sorted(ms for ms, in got), sorted(want), "times are kept to the millisecond")


def compare_settings(s3):
    policy = json.loads(s3.get_bucket_policy(Bucket="plain")["Policy"])
    equal(policy["Statement"][0]["Resource"], ["arn:aws:s3:::plain/dir/*"], "the policy is there")
    equal(s3.get_bucket_tagging(Bucket="plain")["TagSet"], [{"Key": "team", "Value": "x"}], "the bucket's tags are there")
    equal(s3.get_bucket_versioning(Bucket="versioned").get("Status"), "Enabled", "versioning is on")
    equal(s3.get_bucket_versioning(Bucket="plain").get("Status"), None, "and was never on elsewhere")
    rule = s3.get_bucket_lifecycle_configuration(Bucket="versioned")["Rules"][0]
    equal((rule["ID"], rule["Filter"], rule["Expiration"]), ("r", {"Prefix": "tmp/"}, {"Days": 7}), "the lifecycle rule is there")
    equal(s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"], {"ObjectLockEnabled": "Enabled"},
          "object lock is on")
    created = {b["Name"]: b["CreationDate"] for b in s3.list_buckets()["Buckets"]}
    equal(created["locked"].replace(microsecond=0), datetime.datetime(2026, 11, 29, 10, 56, 1, tzinfo=datetime.timezone.utc),
          "buckets have the time when they were made")


def version_ids(server):
    """Where an imported id is understood."""
    s3 = client_of(server)
    ids = [e["version"] for e in EXPECTED if e["bucket"] == "versioned" and e["key"] == "k"]  # the newest is the marker
    equal([v for _, v, _, _, _ in listed(s3, "versioned", Prefix="k")], ids[1:] + ids[:1],
          "versions are listed newest first, and delete markers behind them")
    # Page by page, also when what was listed is deleted before the next page.
    s3.create_bucket(Bucket="copies")
    s3.put_bucket_versioning(Bucket="copies", VersioningConfiguration={"Status": "Enabled"})
    equal([v for _, v, _, _, _ in listed(s3, "versioned", Prefix="k", MaxKeys=1)], ids, "page by page they come in their order")
    copied = s3.copy_object(Bucket="copies", Key="k", CopySource={"Bucket": "versioned", "Key": "k", "VersionId": ids[2]})
    equal(copied["CopySourceVersionId"], ids[2], "a copy says of which version it is")
    check(copied["VersionId"] != ids[2] and len(copied["VersionId"]) == 32, "and has an id of our own")
    s3.put_object_tagging(Bucket="versioned", Key="k", VersionId=ids[3], Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    equal(s3.get_object_tagging(Bucket="versioned", Key="k", VersionId=ids[3])["TagSet"], [{"Key": "a", "Value": "b"}],
          "an older version is tagged by its id")
    equal(failure(s3.get_object, Bucket="versioned", Key="k", VersionId=ids[2].upper()), ("InvalidArgument", 400), "in capitals it is no id")
    equal(failure(s3.get_object, Bucket="versioned", Key="k", VersionId="00000000-0000-4000-8000-000000000000"), ("NoSuchVersion", 404),
          "an id that nobody has is not found")
    page = s3.list_object_versions(Bucket="versioned", Prefix="k", MaxKeys=2)
    whole = page["NextVersionIdMarker"]
    equal((len(whole), whole[16:]), (48, ids[1].replace("-", "")), "the marker of the next page holds the id and its place")
    equal(s3.head_object(Bucket="versioned", Key="k", VersionId=whole)["VersionId"], ids[1], "and is understood as an id")
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObjectVersion", "Resource": "arn:aws:s3:::versioned/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObjectVersion", "Resource": "arn:aws:s3:::versioned/*",
         "Condition": {"StringEquals": {"s3:VersionId": ids[1]}}}]}
    s3.put_bucket_policy(Bucket="versioned", Policy=json.dumps(policy))
    got = [server.request("GET", f"/versioned/k?versionId={v}")[0] for v in (ids[2], ids[1], whole, whole[:15] + "0" + whole[16:])]
    equal(got, [200, 401, 401, 401], "what a policy says of an id is said of all its forms")
    s3.delete_bucket_policy(Bucket="versioned")
    new = s3.put_object(Bucket="versioned", Key="k", Body=b"new")["VersionId"]
    equal([v for _, v, latest, _, _ in listed(s3, "versioned", Prefix="k") if latest], [new], "a new version is the newest")
    s3.delete_object(Bucket="versioned", Key="k", VersionId=new)
    gone = s3.delete_object(Bucket="versioned", Key="k", VersionId=ids[0])
    equal((gone.get("DeleteMarker"), gone["VersionId"]), (True, ids[0]), "a delete marker is deleted by its id")
    equal(s3.head_object(Bucket="versioned", Key="k")["VersionId"], ids[1], "what is below it comes back under its own")
    s3.delete_object(Bucket="versioned", Key="k", VersionId=ids[1])
    rest = s3.list_object_versions(Bucket="versioned", Prefix="k", KeyMarker="k", VersionIdMarker=whole)
    equal([v["VersionId"] for v in rest["Versions"]], ids[2:], "the marker of a version that is gone still says where it was")
    answer = s3.delete_objects(Bucket="versioned", Delete={"Objects": [{"Key": "k", "VersionId": v} for v in ids[2:]]})
    equal(sorted(d["VersionId"] for d in answer["Deleted"]), sorted(ids[2:]), "many are deleted by their ids")
    hold = next(e for e in EXPECTED if e["bucket"] == "locked")
    equal(failure(s3.delete_object, Bucket="locked", Key="hold", VersionId=hold["version"]), ("AccessDenied", 403),
          "what is locked stays")


def recorded(root):
    folder, data = minio.unpack(root + "/recorded"), root + "/store"
    findings, report = imported(folder, data)
    equal([f["finding"] for f in findings], ["left out"], "all that is left out is named")
    check("unfinished upload" in findings[0]["why"] and "12edf288-9e48-467f-a067-90feb7ba0f95" in findings[0]["why"],
          "it is the unfinished upload", findings[0]["why"])
    equal((report["buckets"], report["keys"], report["versions"], report["delete_markers"], report["present"], report["settings"]),
          (4, 14, 17, 2, 0, 4), "the report counts what was imported")
    equal(report["bytes"], sum(e.get("size", 0) for e in EXPECTED), "and its bytes")
    sound(data, "after the import")
    compare_milliseconds(data)
    before = whole_state(data)
    again = imported(folder, data)[1]
    equal((again["versions"], again["delete_markers"], again["bytes"], again["present"]), (0, 0, 0, 19), "done again it stores nothing")
    equal(whole_state(data), before, "and changes nothing")
    equal(sluice_import(folder, data, "-q").stdout, "", "quietly it says nothing")
    text = sluice_import(folder, data).stdout
    check("19 were there already" in text and "left out: an unfinished upload" in text, "people are told the same", text)
    with serving(data) as server:
        result = sluice_import(folder, data)
        check(result.returncode == 1 and "stop the server first" in result.stderr, "a store that is served is not imported into",
              result.stderr)
        s3 = client_of(server)
        compare_recorded(s3)
        compare_settings(s3)
    with serving(data) as server:
        version_ids(server)
    sound(data, "after all of that")
    return folder


# ---- What else there may be ----

def synthetic(root, source):
    """Forms, orders and metadata that the recorded folder has none of; of bodies those that are there."""
    folder, data = root + "/synthetic", root + "/synthetic-store"
    shutil.copytree(source, folder)
    (crc,), crc_inline = minio.read(folder, "plain/crc")
    (multi,), _ = minio.read(folder, "plain/multi")
    body = crc_inline["null"]
    ids = [bytes([i]) * 16 for i in range(1, 9)]
    ns = crc["V2Obj"]["MTime"]

    # A null version between others, all within one millisecond; the order is MinIO's.
    mixed = [minio.marker(ids[3], ns + 3), minio.changed(crc, ID=ids[2], MTime=ns + 2, user={"x-amz-meta-n": "2"}),
             minio.changed(crc, MTime=ns + 1, user={"x-amz-meta-n": "1"}), minio.changed(crc, ID=ids[0], MTime=ns, user={"x-amz-meta-n": "0"})]
    minio.write(folder, "versioned/mixed", mixed, {"null": body, minio.uuid_text(ids[0]): body, minio.uuid_text(ids[2]): body})
    # Not sorted; and what MinIO keeps for itself.
    free = minio.changed(minio.marker(ids[5], ns + 9), system={"x-minio-internal-tier-free-versionID": b"x"})
    minio.write(folder, "versioned/unsorted", [minio.changed(crc, ID=ids[0], MTime=ns), free, minio.changed(crc, ID=ids[1], MTime=ns + MS)],
                {minio.uuid_text(ids[0]): body, minio.uuid_text(ids[1]): body})
    # The oldest form, whose bodies never are inline.
    minio.write(folder, "plain/old", [multi], form=0)
    shutil.copytree(folder + "/plain/multi/" + minio.uuid_text(multi["V2Obj"]["DDir"]),
                    folder + "/plain/old/" + minio.uuid_text(multi["V2Obj"]["DDir"]))
    # A composite checksum with those of its parts.
    parts = [bytes([n]) * 4 for n in (1, 2, 3)]
    composite = bytes([0xc8, 0x01]) + b"\xaa\xbb\xcc\xdd" + b"\x03" + b"".join(parts)  # CRC32, multipart, with parts
    minio.write(folder, "plain/composite", [minio.changed(multi, system={"x-minio-internal-crc": composite})])
    shutil.copytree(folder + "/plain/multi/" + minio.uuid_text(multi["V2Obj"]["DDir"]),
                    folder + "/plain/composite/" + minio.uuid_text(multi["V2Obj"]["DDir"]))
    # Locks, tags and headers.
    until = "2099-01-02T03:04:05Z"
    lock = {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": until, "X-Amz-Tagging": "b=2&a=x%20y",
            "x-amz-storage-class": "REDUCED_REDUNDANCY", "content-language": "de", "X-Amz-Meta-Name": "=?UTF-8?Q?caf=C3=A9?=",
            "x-amz-bucket-replication-status": "REPLICA", "x-something-else": "1"}
    minio.write(folder, "locked/kept", [minio.changed(crc, ID=ids[0], user=lock)], {minio.uuid_text(ids[0]): body})
    # A key and a folder of that name; odd keys.
    minio.write(folder, "plain/crc/below", [crc], {"null": body})
    minio.write(folder, "plain/a__XLDIR__/b__XLDIR__", [crc], {"null": body})
    minio.write(folder, "plain/" + "d/" * 200 + "deep", [crc], {"null": body})

    findings, report = imported(folder, data)
    equal([f["why"] for f in findings if f["bucket"]], ["its header x-something-else is not kept here"], "a header that is not kept is named")
    equal(report["keys"], 22, "all keys are there")
    sound(data, "of forms and orders")
    equal(imported(folder, data)[1]["versions"], 0, "and nothing is done twice")
    with serving(data) as server:
        s3 = client_of(server)
        named = ["null" if v == minio.NULL_ID else minio.uuid_text(v) for v in (ids[3], ids[2], minio.NULL_ID, ids[0])]
        page = [(v, latest) for _, v, latest, _, _ in listed(s3, "versioned", Prefix="mixed", MaxKeys=1)]
        equal(page, [(v, i == 0) for i, v in enumerate(named)], "versions of one millisecond keep their order")
        for i, version in ((0, ids[0]), (1, minio.NULL_ID), (2, ids[2])):
            version = "null" if version == minio.NULL_ID else minio.uuid_text(version)
            equal(s3.head_object(Bucket="versioned", Key="mixed", VersionId=version)["Metadata"], {"n": str(i)}, f"version {version} is the one")
        equal([v for _, v, _, _, _ in listed(s3, "versioned", Prefix="unsorted")], [minio.uuid_text(ids[1]), minio.uuid_text(ids[0])],
              "versions are sorted by time, and MinIO's own are not there")
        want = next(e for e in EXPECTED if e["key"] == "multi")
        got = s3.get_object(Bucket="plain", Key="old")
        equal((hashlib.sha256(got["Body"].read()).hexdigest(), got["ETag"]), (want["sha256"], want["etag"]), "the oldest form is read")
        got = s3.head_object(Bucket="plain", Key="composite", ChecksumMode="ENABLED")
        headers = got["ResponseMetadata"]["HTTPHeaders"]
        equal((headers.get("x-amz-checksum-crc32"), headers.get("x-amz-checksum-type")),
              (base64.b64encode(b"\xaa\xbb\xcc\xdd").decode() + "-3", "COMPOSITE"), "a composite checksum is there")
        part = s3.head_object(Bucket="plain", Key="composite", PartNumber=2, ChecksumMode="ENABLED")
        equal((part["ContentLength"], part["PartsCount"]), (5242880, 3), "and its parts")
        equal(part["ResponseMetadata"]["HTTPHeaders"].get("x-amz-checksum-crc32"), base64.b64encode(parts[1]).decode(), "with their checksums")
        got = s3.head_object(Bucket="locked", Key="kept")
        equal((got["ObjectLockMode"], got["ObjectLockRetainUntilDate"].isoformat()), ("COMPLIANCE", "2099-01-02T03:04:05+00:00"), "a retention is there")
        equal((got["StorageClass"], got["ContentLanguage"]), ("REDUCED_REDUNDANCY", "de"), "and headers")
        equal(got["ResponseMetadata"]["HTTPHeaders"]["x-amz-meta-name"], "=?UTF-8?Q?caf=C3=A9?=", "and metadata beyond ASCII")
        tags = {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket="locked", Key="kept")["TagSet"]}
        equal(tags, {"a": "x y", "b": "2"}, "and tags")
        equal(failure(s3.delete_object, Bucket="locked", Key="kept", VersionId=minio.uuid_text(ids[0])), ("AccessDenied", 403), "it holds")
        for key in ("crc", "crc/below", "a__XLDIR__/b/", "d/" * 200 + "deep"):
            equal(s3.head_object(Bucket="plain", Key=key)["ETag"], '"8bdf0f6e157927c0efc22eb3ee6dfba6"', f"the key {key[:20]} is there")


# ---- What is refused ----

def refusals(root, source):
    folder, data = root + "/refused", root + "/refused-store"
    shutil.copytree(source, folder)
    crc, inline = minio.read(folder, "plain/crc")
    body = inline["null"]
    ids = [bytes([i]) * 16 for i in range(1, 9)]
    ns = crc[0]["V2Obj"]["MTime"]
    wanted = {}

    def refuse(key, why, *versions, of="plain"):
        wanted[of, key] = why
        minio.write(folder, of + "/" + key, list(versions), {"null": body, **{minio.uuid_text(v): body for v in ids}})

    refuse("encrypted", "it is encrypted", minio.changed(crc[0], system={"X-Minio-Internal-Server-Side-Encryption-Iv": b"x"}))
    refuse("compressed", "it is compressed", minio.changed(crc[0], system={"X-Minio-Internal-compression": b"klauspost/compress/s2"}))
    refuse("tiered", "its bytes were moved to another place, a tier", minio.changed(crc[0], system={"x-minio-internal-transition-status": b"complete"}))
    refuse("erased", "its bytes lie on several drives", minio.changed(crc[0], EcM=2, EcN=2))
    refuse("legacy", "a version of it is of the form that MinIO had before 2020", {"Type": 3, "V1Obj": {}, "v": 0})
    refuse("sizes", "the sizes of its parts do not fit its own", minio.changed(crc[0], Size=4999))
    refuse("frames", "its bytes lie in frames of a size that is not read", minio.changed(crc[0], EcBSize=0))
    refuse("twice", "two of its versions have one id", minio.changed(crc[0], MTime=ns + MS), crc[0])
    refuse("timeless", "it has no time", minio.changed(crc[0], MTime=0))
    refuse("etag", "it has no ETag", {**crc[0], "V2Obj": {**crc[0]["V2Obj"], "MetaUsr": {}}})
    refuse("tags", "its tags cannot be read", minio.changed(crc[0], user={"X-Amz-Tagging": "a=1&a=2"}))
    refuse("header", "a header of it has bytes that no header may have", minio.changed(crc[0], user={"content-type": "a\r\nb: c"}))
    refuse("checksum", "its checksum is damaged", minio.changed(crc[0], system={"x-minio-internal-crc": b"\x08\x01"}))
    # The newest of them alone: the older one would be taken for it.
    refuse("newest", "it is encrypted", minio.changed(crc[0], ID=ids[1], MTime=ns + MS, system={"X-Minio-Internal-Encrypted-Multipart": b""}),
           minio.changed(crc[0], ID=ids[0]), of="versioned")
    # A version that has a name, in a bucket that never had versions.
    refuse("named", "the bucket here has no versions, or is a cache", minio.changed(crc[0], ID=ids[0]))

    def damage(path, offset, key, why, of="plain"):
        wanted[of, key] = why
        with open(f"{folder}/{of}/{path}", "r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]))

    hashes = "its bytes are not those that its hashes were made of"
    damage(_part(folder, "plain/medium"), 1200000, "medium", hashes)
    damage("small.txt/xl.meta", 1000, "small.txt", hashes)
    damage("sha/xl.meta", 60, "sha", "its checksum does not fit")
    latest = next(e for e in EXPECTED if e["key"] == "big" and e["latest"])  # the older one is whole
    damage(_part(folder, "versioned/big", latest["size"] + 32), 5000, "big", hashes, of="versioned")
    os.truncate(f"{folder}/plain/{_part(folder, 'plain/just-not')}", 1000)
    wanted["plain", "just-not"] = "a file of its bytes is not as long as it is said to be"
    os.unlink(f"{folder}/plain/{_part(folder, 'plain/multi')}")
    wanted["plain", "multi"] = "a file of its bytes is missing"
    with open(folder + "/plain/zero/xl.meta", "wb") as file:
        file.write(b"XL2 \1\0\4\0" + bytes(20))
    wanted["plain", "zero"] = "a later MinIO wrote it, in a form that is not known"
    os.symlink("/etc", folder + "/plain/link")
    wanted["plain", "link"] = "it is neither a file nor a folder"
    os.makedirs(folder + "/plain/old-form")
    with open(folder + "/plain/old-form/xl.json", "w", encoding="utf-8") as file:
        file.write("{}")
    wanted["plain", "old-form/"] = "it is of the form that MinIO had before 2020"
    bad_name = os.fsencode(folder) + b"/plain/\xff\xfe"
    shutil.copytree(os.fsencode(folder) + b"/plain/crc", bad_name)
    os.makedirs(folder + "/No_Bucket")
    # Settings that cannot be read: whether it has versions is not known.
    shutil.copytree(folder + "/versioned", folder + "/unknown")
    shutil.copytree(folder + "/.minio.sys/buckets/versioned", folder + "/.minio.sys/buckets/unknown")
    os.truncate(folder + "/.minio.sys/buckets/unknown/.metadata.bin/xl.meta", 700)

    findings, report = imported(folder, data, status=1)
    got = {(f["bucket"], f["key"]): f["why"] for f in findings if f["finding"] == "refused" and f["key"]}
    equal(got.pop(("plain", "??"), None), "it is no key: keys are 1 to 1,024 bytes of UTF-8", "a name that is no text is refused")
    for where, why in wanted.items():
        equal(got.pop(where, None), why, f"{where[1]} is refused")
    equal(got, {}, "and nothing else")
    whole = {f["bucket"]: f["why"] for f in findings if f["finding"] == "refused" and not f["key"]}
    equal(sorted(whole), ["No_Bucket", "unknown"], "buckets that cannot be are refused by name")
    equal(report["refused"], len(wanted) + 3, "the report counts them")
    newest = next(f for f in findings if f["key"] == "newest")
    equal(newest["version"], minio.uuid_text(ids[1]), "the version that it is about is named")
    sound(data, "with refusals")
    with serving(data) as server:
        s3 = client_of(server)
        there = {k for b in ("plain", "versioned") for k, _, _, _, _ in listed(s3, b)}
        equal(there & {k for _, k in wanted}, set(), "of what was refused nothing is there, be it of several versions")
        check({"crc", "dir/folder/", "just-inline", "k", "gone"} <= there, "what is beside it is", str(there))


def _part(folder, key, size=None):
    """The path of a key's first part, from the bucket on; of several versions that of the one so long."""
    for name in sorted(os.listdir(f"{folder}/{key}")):
        path = f"{folder}/{key}/{name}/part.1"
        if os.path.exists(path) and size in (None, os.path.getsize(path)):
            return f"{key.split('/', 1)[1]}/{name}/part.1"
    raise AssertionError(key)


def folders(root, source):
    """Folders that are refused as a whole: before anything is made."""
    with open(source + "/.minio.sys/format.json", encoding="utf-8") as file:
        form = json.load(file)

    def refused(name, why, text):
        folder, data = f"{root}/folder-{name}", f"{root}/folder-{name}-store"
        os.makedirs(folder + "/.minio.sys")
        os.makedirs(folder + "/plain/key")
        if text is not None:
            with open(folder + "/.minio.sys/format.json", "w", encoding="utf-8") as file:
                file.write(text)
        result = sluice_import(folder, data)
        check(result.returncode in (1, 3) and why in result.stderr, f"{name} is refused by name", result.stderr)
        check(not os.path.exists(data), f"{name}: no store is made")

    drives = {**form, "format": "xl", "xl": {**form["xl"], "sets": [["a", "b"], ["c", "d"]]}}
    refused("several-drives", "one of 4 drives", json.dumps(drives))
    refused("file-system", "file system mode", json.dumps({"version": "1", "format": "fs", "fs": {"version": "2"}}))
    refused("later", "is of version 4", json.dumps({**form, "xl": {**form["xl"], "version": "4"}}))
    refused("other", "of a form that is not known", json.dumps({"format": "zfs"}))
    refused("damaged", "format.json is damaged", "{")
    refused("none", "no data folder of MinIO", None)
    result = subprocess.run([SLUICE, "import", "--data", root + "/none"], capture_output=True, text=True, timeout=60, check=False)
    equal(result.returncode, 2, "without a folder the command line is wrong")


# ---- What is there already ----

def beside_others(root, source):
    data = root + "/others-store"
    versions = {}
    with serving(data) as server:
        s3 = client_of(server)
        for bucket in ("plain", "versioned"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="plain", Key="medium", Body=b"mine")
        s3.put_object(Bucket="plain", Key="other", Body=b"mine, too")
        versions["k"] = s3.put_object(Bucket="versioned", Key="k", Body=b"mine")["VersionId"]
    findings, report = imported(source, data, status=1)
    got = {(f["bucket"], f["key"]) for f in findings if f["finding"] == "refused"}
    # What was put there now is newer, unless this machine lives before the fixture was made.
    is_later = time.time() > 1795950000
    check(("plain", "medium") in got, "another object of that key stays", str(findings))
    equal(("versioned", "k") in got, is_later, "versions are not put below newer ones")
    equal(report["keys"], 14, "all others come")
    with serving(data) as server:
        s3 = client_of(server)
        for key, body in (("medium", b"mine"), ("other", b"mine, too")):
            equal(s3.get_object(Bucket="plain", Key=key)["Body"].read(), body, f"{key} is as it was")
        equal(s3.get_object(Bucket="versioned", Key="k", VersionId=versions["k"])["Body"].read(), b"mine", "and so is a version")
    sound(data, "beside other objects")


# ---- How bytes move ----

def zero_copy(root, source):
    """Bodies of files go by splice, and are read for their hashes alone."""
    if not have("strace"):
        skip("zero_copy", "strace is not installed")
        return
    trace = root + "/trace"
    # A tracer and the search for leaks exclude each other.
    run(["strace", "-f", "-qq", "-e", "trace=splice,write,pwrite64,writev,pwritev,pwritev2", "-o", trace, SLUICE, "import", "--from-minio", source,
         "--data", root + "/traced-store"], env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})
    spliced, written = 0, 0
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.search(r" (splice|write|pwrite64|writev|pwritev2?)(?:\(| resumed).* = (\d+)$", line)
            if match and match[1] == "splice":
                spliced += int(match[2])
            elif match:
                written += int(match[2])
    large = sum(e["size"] for e in EXPECTED if e.get("size", 0) > 131072)
    # Into a pipe, and out of it. Engines that are no ring show both, the ring only the first.
    check(spliced >= large, "bodies of files are spliced", f"{spliced} of {large}")
    check(written < large, "and not written", f"{written} of {large}")


# ---- Killed ----

def large(root, source):
    """Many keys, and some with bodies of a few MB."""
    folder = root + "/large"
    shutil.copytree(source, folder)
    for i in range(1500):
        shutil.copytree(folder + "/plain/crc", f"{folder}/plain/many/{i % 30}/{i}")
    for i in range(60):
        shutil.copytree(folder + "/versioned/big", f"{folder}/versioned/many/big{i}")
    for i in range(6):
        shutil.copytree(folder + "/plain/multi", f"{folder}/plain/many/multi{i}")
    return folder


def killed_after(folder, data, keys):
    """Starts the import on a terminal, and kills it when its line of progress says that so many keys are done. False: it was over before."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([SLUICE, "import", "--from-minio", folder, "--data", data], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 4096)
        except OSError:
            break  # it has ended
        lines = [line for line in seen.replace(b"\x1b[K", b"\r").split(b"\r") if b" keys " in line]
        if lines and int(lines[-1].split()[0]) >= keys:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    os.close(ours)
    return process.returncode == -signal.SIGKILL, seen


def killed(root, source):
    folder, whole, data = large(root, source), root + "/whole-store", root + "/killed-store"
    findings, report = imported(folder, whole)
    want = whole_state(whole)
    kills, seen = 0, b""
    for keys in (1, 300, 900, 1400):
        was_killed, shown = killed_after(folder, data, keys)
        kills += was_killed
        seen += shown
    check(kills > 0, "imports were killed while they were at it", f"{kills} of 4")
    check(b" of 1580 keys" in seen and b"/s" in seen, "the terminal shows how far it is", repr(seen[-300:]))
    findings, again = imported(folder, data)
    equal([f for f in findings if f["finding"] == "refused"], [], "started again it goes on, and refuses nothing")
    check(again["present"] > 0, "what was there is told", str(again))
    equal(again["present"] + again["versions"] + again["delete_markers"], report["versions"] + report["delete_markers"], "all of it is there")
    equal(whole_state(data) == want, True, "and the same as of an import that nobody killed")
    sound(data, "after kills")
    # And interrupted: it ends by itself.
    data = root + "/interrupted-store"
    process = subprocess.Popen([SLUICE, "import", "--from-minio", folder, "--data", data], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not os.path.exists(data + "/sluice.db") and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=100)
    check(process.returncode in (130, -signal.SIGINT, 0), "an interrupt ends it", str(process.returncode))
    imported(folder, data)
    equal(whole_state(data) == want, True, "and it goes on after that")


def main():
    root = scratch()
    source = recorded(root)
    synthetic(root, source)
    refusals(root, source)
    folders(root, source)
    beside_others(root, source)
    zero_copy(root, source)
    killed(root, source)
    done()


main()
