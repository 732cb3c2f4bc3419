#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The names of answers' headers, byte for byte: as S3 spells them, for clients that search the head for `ETag: "`. Every kind of answer that
has a header of its own is asked for, and no name may be spelled otherwise."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import Server, check, done, equal

CAPITALS = {"ETag", "Content-Type", "Content-Length", "Content-Range", "Content-Disposition", "Content-Encoding", "Content-Language", "Cache-Control",
            "Last-Modified", "Accept-Ranges", "Expires", "Location", "Allow", "Vary", "Date", "Server", "Connection", "Access-Control-Allow-Origin",
            "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers",
            "Access-Control-Max-Age"}
OWN = {"x-content-type-options", "content-security-policy"} # not S3's
CORS = (b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example</AllowedOrigin>"
        b"<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>")
STORED = {"Content-Type": "text/plain", "CONTENT-DISPOSITION": "attachment", "content-encoding": "gzip", "Content-Language": "de", "Cache-Control": "no-store",
          "Expires": "Thu, 01 Jan 2099 00:00:00 GMT", "X-Amz-Meta-Color": "blue"}
FORM = (b"--edge\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nposted\r\n--edge\r\n"
        b"Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncontent\r\n--edge--\r\n")


def main():
    server = Server()
    seen = set()

    def ask(what, method, path, want, headers=None, body=None, has=()):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {server.host}:{server.port}", "Connection: close", *(f"{k}: {v}" for k, v in (headers or {}).items())]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = server.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")).partition(b"\r\n\r\n")[0].decode()
        status, *fields = head.split("\r\n")
        names = [field.partition(": ")[0] for field in fields]
        equal(status.split()[1], str(want), f"{what}: its status")
        wrong = [name for name in names if name not in CAPITALS and not (name == name.lower() and (name.startswith("x-amz-") or name in OWN))]
        equal(wrong, [], f"{what}: S3's spelling")
        check(set(has) <= set(names), f"{what}: has {', '.join(has)}", head)
        seen.update(names)

    ask("a bucket is made", "PUT", "/names", 200, body=b"", has=["Location"])
    ask("it has CORS rules", "PUT", "/names?cors", 200, body=CORS)
    ask("an upload", "PUT", "/names/key", 200, STORED, b"content", ["ETag", "Content-Length", "Date", "x-amz-request-id", "x-amz-id-2"])
    everything = ["ETag", "Last-Modified", "Accept-Ranges", "Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language", "Cache-Control",
                  "Expires", "x-amz-meta-color"]
    ask("GET", "GET", "/names/key", 200, has=everything)
    ask("HEAD", "HEAD", "/names/key", 200, has=everything)
    ask("overrides", "GET", "/names/key?response-content-type=a/b&response-expires=never&response-cache-control=private", 200, has=everything)
    ask("a range", "GET", "/names/key", 206, {"Range": "bytes=0-1"}, has=["Content-Range"])
    ask("no range", "GET", "/names/key", 416, {"Range": "bytes=99-"}, has=["Content-Range", "Content-Type"])
    ask("nothing new", "GET", "/names/key", 304, {"If-Modified-Since": "Thu, 01 Jan 2032 00:00:00 GMT", "If-None-Match": "*"},
        has=["ETag", "Last-Modified", "Cache-Control", "Expires"])
    ask("an error", "GET", "/names/missing", 404, has=["Content-Type"])
    ask("a method that there is not", "POST", "/names?policyStatus", 405, body=b"", has=["Allow"])
    ask("no HTTP", "GET", "/names/key", 400, {"Content-Length": "1, 2"}, has=["Content-Type", "Connection"])
    ask("a listing", "GET", "/names", 200, has=["Content-Type"])
    ask("a form", "POST", "/names", 204, {"Content-Type": "multipart/form-data; boundary=edge"}, FORM, ["ETag", "Location"])
    ask("a preflight", "OPTIONS", "/names/key", 200, {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT",
                                                      "Access-Control-Request-Headers": "content-type"},
        has=[name for name in CAPITALS if name.startswith("Access-Control-")] + ["Vary"])
    ask("versioning", "PUT", "/names?versioning", 200, body=b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    ask("a deletion", "DELETE", "/names/key", 204, has=["x-amz-delete-marker", "x-amz-version-id"])
    ask("the server's own names", "GET", "/-/healthy", 200, has=["Content-Type", "Cache-Control"])
    equal(CAPITALS - seen, set(), "all of them were seen")
    done()


main()
