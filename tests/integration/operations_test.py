#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""api/s3/OPERATIONS.md against the server: every operation of the S3 API's model has its row, and is answered as the row says. The
access log and the metrics call it by its name."""
import collections
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from operations_table import table
from s3_model import ELSEWHERE, OLD, stored
from sluicetest import Server, check, done, equal, error_code, scratch

# Operations that the model does not count as such.
MORE = {"PostObject": ("POST", "/{Bucket}"), "OPTIONS": ("OPTIONS", "/{Bucket}/{Key+}")}
# Not S3's.
MORE |= {"ListenBucketNotification": ("GET", "/{Bucket}?events=none"), "ListenNotification": ("GET", "/?events=none")} # which would not end
MORE |= {"PublishObjects": ("POST", "/{Bucket}?sluice-publish")}
MORE |= {"ExpireObjects": ("POST", "/{Bucket}?sluice-expire"), "GetExpiry": ("GET", "/{Bucket}?sluice-expire")}
MORE |= {f"{what}BucketCache": (what.upper(), "/{Bucket}?sluice-cache") for what in ("Get", "Put", "Delete")}
MORE |= {f"{what}BucketContentTypes": (what.upper(), "/{Bucket}?sluice-content-types") for what in ("Get", "Put", "Delete")}
MORE |= {f"{what}ArchiveMember": (what.upper(), "/{Bucket}/{Key+}?sluice-member=a") for what in ("Get", "Head")}
MORE |= {"ListArchiveMembers": ("GET", "/{Bucket}/{Key+}?sluice-members")}
UPLOAD = "uploadId=" + "0" * 32
MORE_QUERY = {"AbortMultipartUpload": UPLOAD, "CompleteMultipartUpload": UPLOAD, "ListParts": UPLOAD,
              "GetObjectAnnotation": "annotationName=one", "UploadPart": UPLOAD + "&partNumber=1", "UploadPartCopy": UPLOAD + "&partNumber=1"}
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


def names_of_log(path):
    with open(path) as file:
        return collections.Counter(json.loads(line)["operation"] for line in file)


def names_of_metrics(server):
    page = server.request("GET", "/-/metrics")[2].decode()
    return collections.Counter({name: int(count) for name, count in re.findall(r'^sluice_s3_requests_total\{operation="(\w+)"\} (\d+)$', page, re.M)})


def main():
    rows = table()
    operations = {line.operation: (line.method, line.template) for line in stored()[1]}
    log = scratch("operations.log")
    server = Server(args=["--access-log", log, "--access-log-format", "json"])
    asked = collections.Counter()
    for name, row in sorted({**operations, **MORE}.items()):
        if name in ELSEWHERE or name in OLD:
            continue
        if not check(name in rows, f"{name} has its row"):
            continue
        status, _, body = ask(server, name, *row)
        asked.update(["CreateBucket", "PutObject", "PutObject", name])
        judge(name, *rows[name], status, body)
    metrics = names_of_metrics(server)
    equal({name for name in metrics if metrics[name] == 0}, set(), "no operation of the table was left out")
    equal(metrics, asked, "the metrics count them by operation")
    for name in rows:
        check(name in operations or name in MORE, f"{name} is an operation that can be asked for")
    server.request("PUT", "/operations")
    server.request("PUT", "/operations/key", b"content")
    equal(server.request("GET", "/operations/key")[2], b"content", "and still the server stores and fetches")
    check(server.stop(), "the server ends cleanly")
    asked.update(["CreateBucket", "PutObject", "GetObject", None])
    equal(names_of_log(log), asked, "the access log has their names, and none for the server's own pages")
    done()


main()
