#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""api/s3/OPERATIONS.md against the server: every operation of the S3 API's model has its row, and is answered as the row says."""
import glob
import gzip
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from operations_table import table
from sluicetest import Server, check, done, equal, error_code, skip

# Names that the model keeps for old programs, and operations of other services.
OLD = {"GetBucketLifecycle": "GetBucketLifecycleConfiguration", "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
       "GetBucketNotification": "GetBucketNotificationConfiguration", "PutBucketNotification": "PutBucketNotificationConfiguration"}
ELSEWHERE = {"WriteGetObjectResponse", "ListDirectoryBuckets"}
# What older models lack.
NEWER = {
    "PostObject": ("POST", "/{Bucket}"), "OPTIONS": ("OPTIONS", "/{Bucket}/{Key+}"),
    "RenameObject": ("PUT", "/{Bucket}/{Key+}?renameObject"), "UpdateObjectEncryption": ("PUT", "/{Bucket}/{Key+}?encryption"),
    "GetBucketAbac": ("GET", "/{Bucket}?abac"), "PutBucketAbac": ("PUT", "/{Bucket}?abac"), "CreateSession": ("GET", "/{Bucket}?session"),
    "CreateBucketMetadataConfiguration": ("POST", "/{Bucket}?metadataConfiguration"),
    "GetBucketMetadataConfiguration": ("GET", "/{Bucket}?metadataConfiguration"),
    "DeleteBucketMetadataConfiguration": ("DELETE", "/{Bucket}?metadataConfiguration"),
    "CreateBucketMetadataTableConfiguration": ("POST", "/{Bucket}?metadataTable"),
    "GetBucketMetadataTableConfiguration": ("GET", "/{Bucket}?metadataTable"),
    "DeleteBucketMetadataTableConfiguration": ("DELETE", "/{Bucket}?metadataTable"),
    "UpdateBucketMetadataInventoryTableConfiguration": ("PUT", "/{Bucket}?metadataInventoryTable"),
    "UpdateBucketMetadataJournalTableConfiguration": ("PUT", "/{Bucket}?metadataJournalTable"),
}
UPLOAD = "uploadId=" + "0" * 32
MORE_QUERY = {"AbortMultipartUpload": UPLOAD, "CompleteMultipartUpload": UPLOAD, "ListParts": UPLOAD,
              "UploadPart": UPLOAD + "&partNumber=1", "UploadPartCopy": UPLOAD + "&partNumber=1"}
MORE_HEADERS = {"CopyObject": {"x-amz-copy-source": "/operations/source"}, "UploadPartCopy": {"x-amz-copy-source": "/operations/source"},
                "RenameObject": {"x-amz-rename-source": "/operations/source"}, "GetObjectAttributes": {"x-amz-object-attributes": "ETag"}}


def model():
    """Name -> (method, path template) of the newest model that is installed."""
    try:
        import botocore
    except ImportError:
        return None
    base = os.path.join(os.path.dirname(botocore.__file__), "data", "s3", "*", "service-2.json")
    path = sorted(glob.glob(base) + glob.glob(base + ".gz"))[-1]
    with (gzip.open if path.endswith(".gz") else open)(path) as file:
        operations = json.load(file)["operations"]
    return {name: (o["http"]["method"], o["http"]["requestUri"]) for name, o in operations.items()}


def ask(server, name, method, template):
    path = template.replace("{Bucket}", "operations").replace("{Key+}", "key")
    path, _, query = path.partition("?")
    query = "&".join(part for part in (query, MORE_QUERY.get(name, "")) if part)
    if re.match(r"(Get|Delete)Bucket(Analytics|IntelligentTiering|Inventory|Metrics)Configuration$", name):
        query += "&id=one"
    server.request("PUT", "/operations")
    server.request("PUT", "/operations/key", b"content")
    server.request("PUT", "/operations/source", b"content")
    return server.request(method, path + ("?" + query if query else ""), headers=MORE_HEADERS.get(name, {}),
                          body=b"" if method in ("PUT", "POST") else None)


def judge(name, state, remark, status, body):
    code = error_code(body) if status >= 400 and body else ""
    if state == "501":
        equal((status, code), (501, "NotImplemented"), f"{name} is refused")
    elif state == "served":
        check(status not in (405, 501) and status < 500, f"{name} is served", f"{status} {code}")
    elif status >= 400:
        check(f"`{code}`" in remark, f"{name} tells what is absent", f"{status} {code}, but: {remark}")
    else:
        check(status in (200, 204), f"{name} is answered as for a bucket without it", str(status))


def main():
    rows, operations = table(), model()
    if operations is None:
        skip("the operations of the model", "python3-botocore is not installed")
        done()
    server = Server()
    for name, row in sorted({**operations, **NEWER}.items()):
        if name in ELSEWHERE or name in OLD:
            continue
        if not check(name in rows, f"{name} has its row"):
            continue
        status, _, body = ask(server, name, *row)
        judge(name, *rows[name], status, body)
    for name in rows:
        check(name in operations or name in NEWER, f"{name} is an operation that can be asked for")
    server.request("PUT", "/operations")
    server.request("PUT", "/operations/key", b"content")
    equal(server.request("GET", "/operations/key")[2], b"content", "and still the server stores and fetches")
    check(server.stop(), "the server ends cleanly")
    done()


main()
