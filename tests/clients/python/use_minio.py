# SPDX-License-Identifier: MIT
"""MinIO's client for Python."""
import datetime
import io

from checks import ADDRESS, KEY, LARGE, MIB, SECRET, check, equal, refused, round_trip, visit
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource, Tags
from minio.deleteobjects import DeleteObject

B = "python-minio"


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
    refused(lambda: client.stat_object(B, "nowhere"), "a key that is not there", "NoSuchKey")
    refused(lambda: client.remove_bucket(B), "a bucket that is not empty stays", "BucketNotEmpty")
    gone = [DeleteObject(each.object_name) for each in client.list_objects(B, recursive=True)]
    equal((len(gone), list(client.remove_objects(B, gone))), (5, []), "all are deleted")
    client.remove_bucket(B)
    check(not client.bucket_exists(B), "the bucket is gone")


round_trip("minio-py", "minio", trip)
