#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""api/s3/OPERATIONS.md against the server: every operation of the S3 API's model has its row, and is answered as the row says."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from operations_table import table
from s3_model import ELSEWHERE, OLD, stored
from sluicetest import Server, check, done, equal, error_code

# Operations that the model does not count as such.
MORE = {"PostObject": ("POST", "/{Bucket}"), "OPTIONS": ("OPTIONS", "/{Bucket}/{Key+}")}
UPLOAD = "uploadId=" + "0" * 32
MORE_QUERY = {"AbortMultipartUpload": UPLOAD, "CompleteMultipartUpload": UPLOAD, "ListParts": UPLOAD,
              "UploadPart": UPLOAD + "&partNumber=1", "UploadPartCopy": UPLOAD + "&partNumber=1"}
MORE_HEADERS = {"CopyObject": {"x-amz-copy-source": "/operations/source"}, "UploadPartCopy": {"x-amz-copy-source": "/operations/source"},
                "RenameObject": {"x-amz-rename-source": "/operations/source"}, "GetObjectAttributes": {"x-amz-object-attributes": "ETag"}}


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
    rows = table()
    operations = {line.operation: (line.method, line.template) for line in stored()[1]}
    server = Server()
    for name, row in sorted({**operations, **MORE}.items()):
        if name in ELSEWHERE or name in OLD:
            continue
        if not check(name in rows, f"{name} has its row"):
            continue
        status, _, body = ask(server, name, *row)
        judge(name, *rows[name], status, body)
    for name in rows:
        check(name in operations or name in MORE, f"{name} is an operation that can be asked for")
    server.request("PUT", "/operations")
    server.request("PUT", "/operations/key", b"content")
    equal(server.request("GET", "/operations/key")[2], b"content", "and still the server stores and fetches")
    check(server.stop(), "the server ends cleanly")
    done()


main()
