#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Listings as S3 was recorded to give them: markers, times, arguments."""
import datetime
import email.utils
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recorded import Client, Server, check, equal, refused, text, texts
from sluicetest import done


def markers_of_uploads(client):
    client.put("/uploads")
    body = client.get("/uploads?uploads")[2]
    equal((text(body, "NextKeyMarker"), text(body, "NextUploadIdMarker"), text(body, "Prefix")), ("", "", None),
          "uploads, of which there are none: next markers that are empty, and no prefix, as nobody asked for one")
    ids = {key: client.create_upload("/uploads/" + key) for key in ("f/a/1", "f/a/2", "f/b", "z")}
    body = client.get("/uploads?uploads&prefix=")[2]
    equal((text(body, "NextKeyMarker"), text(body, "NextUploadIdMarker"), text(body, "IsTruncated"), text(body, "Prefix")),
          ("z", ids["z"], "false", ""), "the whole list: the last upload is the next marker")
    body = client.get("/uploads?uploads&max-uploads=2")[2]
    equal((text(body, "NextKeyMarker"), text(body, "NextUploadIdMarker"), text(body, "IsTruncated")), ("f/a/2", ids["f/a/2"], "true"), "a page")
    body = client.get("/uploads?uploads&delimiter=/&prefix=f")[2]
    equal((texts(body, "Prefix"), text(body, "NextKeyMarker"), text(body, "NextUploadIdMarker")), (["f", "f/"], "", ""),
          "a list that ends with a common prefix: empty next markers")
    body = client.get("/uploads?uploads&delimiter=/&max-uploads=1")[2]
    equal((text(body, "NextKeyMarker"), text(body, "NextUploadIdMarker"), text(body, "IsTruncated")), ("f/", "", "true"),
          "a page that ends with one: the prefix, for more follows")
    body = client.get("/uploads?uploads&prefix=f/&delimiter=/&key-marker=f/a/1")[2]
    equal((texts(body, "Key"), body.count(b"<CommonPrefixes>")), (["f/b"], 0), "a marker inside a common prefix stands for all of it")
    body = client.get(f"/uploads?uploads&prefix=f/&delimiter=/&key-marker=f/a/1&upload-id-marker={ids['f/a/1']}")[2]
    equal((texts(body, "Key"), body.count(b"<CommonPrefixes>")), (["f/b"], 0), "also with an upload's id")
    body = client.get(f"/uploads?uploads&prefix=f/&key-marker=f/a/1&upload-id-marker={ids['f/a/1']}")[2]
    equal(texts(body, "Key"), ["f/a/2", "f/b"], "and not without a delimiter")


def markers_of_parts(client):
    upload = client.create_upload("/uploads/parts")
    path = f"/uploads/parts?uploadId={upload}"

    def told(query="", **headers):
        body = client.get(path + query, **headers)[2]
        return texts(body, "PartNumber"), text(body, "NextPartNumberMarker"), text(body, "IsTruncated")
    equal(told(), ([], "0", "false"), "no parts: the next marker is 0")
    for number in (1, 2, 7):
        client.put_part("/uploads/parts", upload, number, b"x")
    equal(told(), (["1", "2", "7"], "7", "false"), "all parts: the last one is the next marker")
    equal(told("&max-parts=2"), (["1", "2"], "2", "true"), "a page of parts")
    equal(told("&part-number-marker=7"), ([], "0", "false"), "nothing behind the last part: 0")
    javascript = {"user_agent": "aws-sdk-js/3.1057.0 ua/2.1 os/linux lang/js"}
    equal(told(**javascript), (["1", "2", "7"], None, "false"), "none at the end for AWS's SDK for JavaScript, which would begin anew")
    equal(told("&max-parts=2", **javascript), (["1", "2"], "2", "true"), "but on a page")
    equal(told(x_amz_user_agent="aws-sdk-js/3.1057.0")[1], None, "nor where it runs in a page")


def whole_seconds(client):
    """Of all that S3 tells in XML, as Last-Modified does."""
    stamps = {}

    def take(name, body, *elements):
        for element in elements:
            stamps.update({f"{name}: {element} {i}": stamp for i, stamp in enumerate(texts(body, element))})
    client.put("/times")
    client.put("/times?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    for i in range(5):
        client.put(f"/times/k{i}", b"x")
    client.delete("/times/k0")
    upload = client.create_upload("/times/upload")
    client.put_part("/times/upload", upload, 1, b"x")
    take("buckets", client.get("/")[2], "CreationDate")
    take("V1", client.get("/times")[2], "LastModified")
    take("V2", client.get("/times?list-type=2")[2], "LastModified")
    take("versions", client.get("/times?versions")[2], "LastModified")
    take("uploads", client.get("/times?uploads")[2], "Initiated")
    take("parts", client.get(f"/times/upload?uploadId={upload}")[2], "LastModified")
    take("a copy", client.put("/times/copy", x_amz_copy_source="/times/k1")[2], "LastModified")
    take("a copied part", client.put(f"/times/upload?partNumber=2&uploadId={upload}", x_amz_copy_source="/times/k1")[2], "LastModified")
    broken = {name: stamp for name, stamp in stamps.items() if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", stamp)}
    check(len(stamps) > 18 and not broken, f"{len(stamps)} times in XML have whole seconds", str(broken))
    told = dict(zip(texts(client.get("/times?list-type=2")[2], "Key"), texts(client.get("/times?list-type=2")[2], "LastModified")))
    heads = {key: email.utils.parsedate_to_datetime(client.ask("HEAD", f"/times/{key}")[1]["last-modified"]) for key in told}
    listed = {key: datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")) for key, stamp in told.items()}
    equal(listed, heads, "and a listing tells the time that HEAD tells")


def arguments(client):
    for name, path in (("V1", "/times?encoding-type"), ("V2", "/times?list-type=2&encoding-type"), ("versions", "/times?versions&encoding-type"),
                       ("uploads", "/times?uploads&encoding-type")):
        for value in ("", "="):
            refused(client.get(path + value), 400, "InvalidArgument", f"{name}: encoding-type{value} is none", ArgumentName="encoding-type")
        equal(client.get(path + "=url")[0], 200, f"{name}: but url is one")
    body = client.get("/times?list-type=2&start-after=a&max-keys=1")[2]
    token = text(body, "NextContinuationToken")
    equal(text(body, "StartAfter"), "a", "V2: start-after is told")
    body = client.get(f"/times?list-type=2&start-after=k2&max-keys=1&continuation-token={token}")[2]
    equal((text(body, "StartAfter"), text(body, "ContinuationToken")), (None, token), "V2: but not beside the token, which counts")


def buckets(client):
    for query, name in (("max-buckets=10001", "max-buckets"), ("max-buckets=0", "max-buckets"), ("bucket-region=nowhere", "bucket-region"),
                        ("bucket-region=", "bucket-region"), ("bucket-region=us-east", "bucket-region")):
        refused(client.get("/?" + query), 400, "InvalidArgument", f"ListBuckets: {query}", ArgumentName=name)
    equal(client.get("/?max-buckets=10000")[0], 200, "ListBuckets: max-buckets=10000")
    equal(texts(client.get("/?bucket-region=us-east-1")[2], "Name"), ["times", "uploads"], "ListBuckets of the region")
    equal((client.get("/?bucket-region=us-gov-west-1")[0], texts(client.get("/?bucket-region=us-gov-west-1")[2], "Name")), (200, []),
          "ListBuckets of another region")
    equal(texts(client.get("/")[2], "BucketArn"), ["arn:aws:s3:::times", "arn:aws:s3:::uploads"], "ListBuckets tells ARNs")


server = Server(keys=True)
client = Client(server)
markers_of_uploads(client)
markers_of_parts(client)
whole_seconds(client)
arguments(client)
buckets(client)
check(server.stop(), "the server ends cleanly")
done()
