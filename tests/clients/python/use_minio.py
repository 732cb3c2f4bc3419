# SPDX-License-Identifier: MIT
"""MinIO's client for Python."""
import datetime
import io
import os
import tempfile
import zipfile

from checks import ADDRESS, KEY, LARGE, MIB, SECRET, check, equal, refused, round_trip, visit
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource, SnowballObject, Tags
from minio.deleteobjects import DeleteObject

B = "python-minio"


def members(client):
    """Of a ZIP, as MinIO's server has it."""
    packed, extract = io.BytesIO(), {"x-minio-extract": "true"}
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("dir/deflated", b"deflated " * 20000, zipfile.ZIP_DEFLATED)
        archive.writestr("dir/stored ü", LARGE)
        archive.writestr("top", b"top")
    client.put_object(B, "a.zip", io.BytesIO(packed.getvalue()), len(packed.getvalue()))
    check(client.get_object(B, "a.zip/dir/stored ü", request_headers=extract).data == LARGE, "a member of a ZIP, by MinIO's header")
    equal(client.get_object(B, "a.zip/dir/deflated", request_headers=extract).data, b"deflated " * 20000, "one that is deflated")
    equal(client.get_object(B, "a.zip/dir/deflated", offset=100000, length=9, request_headers=extract).data, (b"deflated " * 2)[1:10], "and a range of it")
    equal(client.stat_object(B, "a.zip/top", extra_headers=extract).size, 3, "stat_object of a member")
    equal(sorted(each.object_name for each in client.list_objects(B, "a.zip/", extra_headers=extract)), ["a.zip/dir/", "a.zip/top"], "a listing of members with a delimiter")
    equal([each.object_name for each in client.list_objects(B, "a.zip/", recursive=True, extra_headers=extract)], ["a.zip/dir/deflated", "a.zip/dir/stored ü", "a.zip/top"],
          "a listing without")
    refused(lambda: client.stat_object(B, "a.zip/nowhere", extra_headers=extract), "a member that is not there", "NoSuchKey")
    client.remove_object(B, "a.zip")


def snowball(client, folder):
    """Many objects in one upload."""
    file = os.path.join(folder, "file")
    with open(file, "wb") as out:
        out.write(LARGE)
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    client.upload_snowball_objects(B, [SnowballObject("ball/small ü", data=io.BytesIO(b"small"), length=5, mod_time=when), SnowballObject("ball/large", filename=file),
                                       SnowballObject("ball/" + "deep/" * 40 + "empty", data=io.BytesIO(b""), length=0)])
    equal(client.get_object(B, "ball/small ü").data, b"small", "an object of a snowball")
    check(client.get_object(B, "ball/large").data == LARGE, "a large one")
    equal(client.stat_object(B, "ball/" + "deep/" * 40 + "empty").size, 0, "one with a long name and no bytes")
    equal(client.stat_object(B, "ball/small ü").metadata["x-amz-meta-mtime"], "1767323045", "its time is told")
    client.upload_snowball_objects(B, [SnowballObject("name", data=io.BytesIO(b"1"), length=1)], metadata={"minio-snowball-prefix": "ball/in"}, staging_filename=os.path.join(folder, "staging"))
    equal(client.get_object(B, "ball/in/name").data, b"1", "with a prefix, from a file")
    refused(lambda: client.upload_snowball_objects(B, [SnowballObject("ball/x", data=io.BytesIO(b"1"), length=1)], compression=True), "a compressed snowball", "NotImplemented")
    equal(list(client.remove_objects(B, [DeleteObject(each.object_name) for each in client.list_objects(B, "ball/", recursive=True)])), [], "they are deleted")


def trip():
    client = Minio(ADDRESS, access_key=KEY, secret_key=SECRET, secure=False)
    client.make_bucket(B)
    check(client.bucket_exists(B) and B in [bucket.name for bucket in client.list_buckets()], "the bucket is listed")
    put = client.put_object(B, "dir/small", io.BytesIO(b"small"), 5, metadata={"colour": "blue"})
    answer = client.get_object(B, "dir/small")
    equal((answer.data, answer.headers["x-amz-meta-colour"]), (b"small", "blue"), "an object comes back")
    equal(client.stat_object(B, "dir/small").etag, put.etag, "with the ETag that was told")
    client.put_object(B, "large", io.BytesIO(LARGE), -1, part_size=5 * MIB)
    check(client.get_object(B, "large").data == LARGE, "a stream of unknown length goes up in parts and comes back as one")
    equal(client.get_object(B, "large", offset=5242870, length=20).data, LARGE[5242870:5242890], "a range over the end of a part")
    equal(sorted(each.object_name for each in client.list_objects(B)), ["dir/", "large"], "a listing with a delimiter")
    equal([each.object_name for each in client.list_objects(B, recursive=True)], ["dir/small", "large"], "a listing without")
    client.copy_object(B, "copy + ü", CopySource(B, "dir/small", match_etag=put.etag))
    equal(client.get_object(B, "copy + ü").data, b"small", "a copy, if the source has that ETag")
    refused(lambda: client.copy_object(B, "copy 2", CopySource(B, "dir/small", not_match_etag=put.etag)), "a copy, if it has not", "PreconditionFailed")
    client.compose_object(B, "composed", [ComposeSource(B, "large"), ComposeSource(B, "dir/small")])
    check(client.get_object(B, "composed").data == LARGE + b"small", "two objects copied into one")
    tags = Tags.new_object_tags()
    tags["k"] = "v ü"
    client.set_object_tags(B, "large", tags)
    equal(dict(client.get_object_tags(B, "large")), {"k": "v ü"}, "tags come back")
    minute = datetime.timedelta(minutes=1)
    equal(visit("PUT", client.presigned_put_object(B, "by url", expires=minute), b"by url", {"Content-Type": "x/y"})[0], 200, "a presigned PUT")
    url = client.presigned_get_object(B, "by url", expires=minute)
    equal(visit("GET", url), (200, b"by url"), "a presigned GET")
    equal(visit("GET", url.replace("by%20url", "large"))[0], 403, "for another key")
    members(client)
    with tempfile.TemporaryDirectory() as folder:
        snowball(client, folder)
    refused(lambda: client.stat_object(B, "nowhere"), "a key that is not there", "NoSuchKey")
    refused(lambda: client.remove_bucket(B), "a bucket that is not empty stays", "BucketNotEmpty")
    gone = [DeleteObject(each.object_name) for each in client.list_objects(B, recursive=True)]
    equal((len(gone), list(client.remove_objects(B, gone))), (5, []), "all are deleted")
    client.remove_bucket(B)
    check(not client.bucket_exists(B), "the bucket is gone")


round_trip("minio-py", "minio", trip)
