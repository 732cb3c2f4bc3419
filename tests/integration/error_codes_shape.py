# SPDX-License-Identifier: MIT
"""What is wrong with a request before anybody looks at its body: no length, a version where there is none, two operations at once. A
part of error_codes_test.py."""
from error_codes_rows import ask, rows, seen
from operations_requests import DOCUMENTS, HEADERS, OF_OBJECTS, ON_BUCKETS, UNKNOWN, address, body_of
from sluicetest import check, equal, error_code

LOCKED = ("PutObjectRetention", "PutObjectLegalHold", "PutObjectLockConfiguration") # in the bucket with object lock


def lengths(server):
    """Requests without Content-Length and Transfer-Encoding. What takes a body refuses them, and the connection serves on; the rest
    does not mind. curl -X PUT sends them, and clients that leave the length out where nothing follows."""
    def bare(method, path, headers=None):
        head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **(headers or {})}.items())
        received = server.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\nGET /errors/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        heads = received.split(b"HTTP/1.1 ")[1:]
        check(len(heads) == 2 and heads[1].startswith(b"200") and heads[1].endswith(b"0123456789"), f"{method} {path:.60}: the connection serves on")
        status = int(heads[0][:3])
        code = error_code(heads[0]) if status >= 300 else ""
        seen.add(code)
        return status, code

    upload_id = server.request("POST", "/errors/nothing?uploads")[2].split(b"<UploadId>")[1].split(b"<")[0].decode()
    for operation in [*DOCUMENTS, "PutBucketPolicy", "PutObject", "UploadPart"]:
        method, path = address(operation, "errlocked" if operation in LOCKED else "errors", "key" if operation in OF_OBJECTS else "nothing")
        path = path.replace(UNKNOWN, upload_id)
        equal(bare(method, path), (411, "MissingContentLength"), f"{operation}: no length")
    equal(ask(server, "GET", "/errors/nothing"), (404, "NoSuchKey"), "nothing was stored")
    equal(bare("PUT", "/errors/chunked", {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "0"}),
          (411, "MissingContentLength"), "PutObject: chunks of no length")
    source = HEADERS["CopyObject"]
    for operation, method, path, headers in (
            ("CreateBucket", "PUT", "/errors-bare", None), ("CopyObject", "PUT", "/errors-bare/copy", source),
            ("PutObjectAcl", "PUT", "/errors-bare/copy?acl", {"x-amz-acl": "private"}), ("PutBucketAcl", "PUT", "/errors-bare?acl", {"x-amz-acl": "private"}),
            ("RenameObject", "PUT", "/errors-bare/new?renameObject", {"x-amz-rename-source": "/errors-bare/copy"}),
            ("CreateMultipartUpload", "POST", "/errors/nothing?uploads", None),
            ("UploadPartCopy", "PUT", f"/errors/nothing?partNumber=1&uploadId={upload_id}", source), ("PutObject", "PUT", "/errors-bare/empty", {"Content-Length": "0"}),
            ("DeleteObject", "DELETE", "/errors-bare/new", None)):
        got = bare(method, path, headers)
        check(got[0] in (200, 204), f"{operation}: needs no length" if "Content-Length" not in (headers or {}) else f"{operation}: a length of 0", str(got))
    for key, chunks in (("empty", b"0\r\n\r\n"), ("chunked", b"3\r\nabc\r\n0\r\n\r\n")):
        answer = server.raw(f"PUT /errors-bare/{key} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks)
        equal(answer[9:12], b"200", "PutObject: Transfer-Encoding says enough")


def versions_nowhere(server):
    """A version id where there is no version to name: a bucket, or an object that is yet to be made."""
    making = ["PutObject", "CopyObject", "RenameObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload",
              "ListParts"]
    for operation in [*ON_BUCKETS, *making]:
        method, path = address(operation, "errors")
        for version in ("null", UNKNOWN, ""):
            rows(server, operation, (f"versionId={version:.4}", method, f"{path}{'&' if '?' in path else '?'}versionId={version}", HEADERS.get(operation),
                                     body_of(operation), 400, "InvalidArgument"))
    equal(ask(server, "DELETE", "/errors-new?versionId=null"), (404, "NoSuchBucket"), "DeleteBucket: what is not there comes first")


def conflicts(server):
    """Two operations at once, and parameters that only look like it."""
    for operation, method, path in (
            ("PutObjectAcl", "PUT", "/errors/key?acl&tagging"), ("DeleteObjectTagging", "DELETE", f"/errors/key?tagging&uploadId={UNKNOWN}"),
            ("GetObjectAcl", "GET", "/errors/key?retention&acl="), ("GetBucketAcl", "GET", "/errors?versioning&acl"), ("DeleteBucketPolicy", "DELETE", "/errors?policy&cors"),
            ("DeleteObjects", "POST", "/errors?delete&acl"), ("HeadObject", "HEAD", "/errors/key?acl&tagging"), ("ListMultipartUploads", "GET", "/errors?uploads&versions")):
        rows(server, operation, ("two operations", method, path, HEADERS.get(operation), body_of(operation), 400, "InvalidArgument"))
    text = server.request("GET", "/errors?versioning&acl")[2]
    check(b"Conflicting query string parameters: acl, versioning<" in text, "which are named", text)
    for path in ("/errors?acl&acl", "/errors?acl&x-id=GetBucketAcl&foo=bar", "/errors?list-type=2&versions", "/errors/key?acl&versionId=null", "/errors/key?x-id=GetObject&id=1",
                 "/errors/key?tag=tagging&Tagging"):
        equal(ask(server, "GET", path), (200, ""), f"one operation: {path}")
