#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What browsers may ask of a server without keys: requests in the shape in which they come from other pages change and tell nothing."""
import base64
import hashlib
import json
import os

from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code, scratch

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
DELETION = b"<Delete><Object><Key>page</Key></Object></Delete>"
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
FORM = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\npage\r\n--{BOUNDARY}\r\n'
        f'Content-Disposition: form-data; name="file"; filename="x.html"\r\nContent-Type: text/html\r\n\r\n<script>evil()</script>\r\n--{BOUNDARY}--\r\n').encode()
RULE = (b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
        b"<AllowedOrigin>https://app.example</AllowedOrigin></CORSRule></CORSConfiguration>")


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def other_pages(server):
    """(what, method, path, headers, body): none of it may do anything."""
    table = [
        ("a form with a file", "POST", "/bucket", {**EVIL, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, FORM),
        ("a deletion as text", "POST", "/bucket?delete", {**EVIL, "Content-Type": "text/plain"}, DELETION),
        ("an upload begun", "POST", "/bucket/x?uploads", EVIL, b""),
        ("a picture", "GET", "/bucket/page", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, b""),
        ("a listing by fetch", "GET", "/bucket", EVIL, b""),
        ("the list of buckets", "GET", "/", EVIL, b""),
        ("the figures", "GET", "/-/metrics", EVIL, b""),
        ("an old browser's form", "POST", "/bucket", {"Origin": "https://evil.example", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, FORM),
        ("a file or a sandboxed frame", "POST", "/bucket?delete", {"Origin": "null", "Content-Type": "text/plain"}, DELETION),
        ("another port of this machine", "PUT", "/bucket/page", {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, b"evil"),
        ("a PUT that no preflight allowed", "PUT", "/bucket/page", EVIL, b"evil"),
        ("a DELETE", "DELETE", "/bucket/page", EVIL, b""),
        ("a bucket made", "PUT", "/evil", EVIL, b""),
        ("an empty origin", "PUT", "/bucket/page", {"Origin": ""}, b"evil"),
    ]
    for host in ("attacker.example", "attacker.example:80", f"localhost.attacker.example:{server.port}", f"127.0.0.1.attacker.example:{server.port}",
                 f"0.0.0.0:{server.port}", f"[::]:{server.port}", f"10.0.0.1:{server.port}", f"notlocalhost:{server.port}", "[::ffff:10.0.0.1]"):
        table += [(f"{method} {path} as {host}", method, path, {"Host": host}, b"")
                  for method, path in (("GET", "/"), ("GET", "/bucket/page"), ("PUT", "/evil"), ("GET", "/-/metrics"), ("OPTIONS", "/bucket/page"))]
    for what, method, path, headers, body in table:
        status, _, answer = server.request(method, path, body, headers)
        equal((status, error_code(answer)), (403, "AccessDenied"), f"{what}: refused")
    equal(server.request("GET", "/bucket/page")[2], b"mine", "the object is as it was")
    equal(server.request("HEAD", "/evil")[0], 404, "no bucket was made")
    check(b"<Upload>" not in server.request("GET", "/bucket?uploads")[2], "and no upload begun")


def own_pages(server):
    own = f"http://127.0.0.1:{server.port}"
    for what, headers in (("its own page", {"Origin": own, "Sec-Fetch-Site": "same-origin"}), ("the same behind TLS", {"Origin": own.replace("http:", "https:")}),
                          ("an address that was typed", {"Sec-Fetch-Site": "none"}), ("no browser", {}),
                          ("localhost", {"Host": f"localhost:{server.port}", "Origin": f"http://localhost:{server.port}"}),
                          ("a name below localhost", {"Host": f"sluice.localhost:{server.port}"}), ("LOCALHOST with a dot", {"Host": "LOCALHOST."}),
                          ("IPv6", {"Host": f"[::1]:{server.port}"}), ("127.1.2.3", {"Host": "127.1.2.3"}), ("mapped", {"Host": "[::ffff:127.0.0.1]"}),
                          ("a domain", {"Host": "s3.example.org"}), ("a domain with a port", {"Host": "S3.example.org:80"})):
        equal(server.request("PUT", "/bucket/own", what.encode(), headers)[0], 200, f"{what}: stored")
        equal(server.request("GET", "/bucket/own", headers=headers)[::2], (200, what.encode()), "and read")
    equal(server.request("GET", "/own", headers={"Host": "bucket.s3.example.org"})[0], 200, "a bucket's own name")


def with_rules(server):
    app = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    equal(server.request("PUT", "/bucket/page", b"app", app)[0], 403, "a page without a rule")
    equal(server.request("PUT", "/bucket?cors", RULE)[0], 200, "a rule of the bucket")
    equal(server.request("PUT", "/bucket/page", b"app", app)[0], 200, "lets it store")
    equal(server.request("GET", "/bucket/page", headers=app)[::2], (200, b"app"), "and read")
    equal(server.request("DELETE", "/bucket/page", headers=app)[0], 403, "but do nothing else")
    equal(server.request("OPTIONS", "/bucket/page", headers={**app, "Access-Control-Request-Method": "PUT"})[0], 200, "a preflight is answered by the rule")
    equal(server.request("PUT", "/bucket/page", b"mine", EVIL)[0], 403, "nor anybody else")


def bodies(server):
    server.request("PUT", "/bucket/page", b"mine")
    status, _, body = server.request("POST", "/bucket?delete", DELETION)
    equal((status, error_code(body)), (400, "InvalidRequest"), "a deletion of many needs a digest")
    equal(server.request("POST", "/bucket?delete", DELETION, {"Content-MD5": md5(b"other")})[0], 400, "a right one")
    equal(server.request("GET", "/bucket/page")[0], 200, "nothing is deleted before")
    equal(server.request("POST", "/bucket?delete", DELETION, {"Content-MD5": md5(DELETION)})[0], 200, "with it, it is done")
    server.request("PUT", "/bucket/page", b"<script>evil()</script>", {"Content-Type": "text/html"})
    headers = server.request("GET", "/bucket/page")[1]
    equal((headers.get("x-content-type-options"), headers.get("content-security-policy")), ("nosniff", "sandbox"), "a stored page cannot act")


def beyond_loopback():
    server = Server(args=["--allow-anonymous"])
    server.request("PUT", "/bucket")
    equal(server.request("GET", "/bucket", headers={"Host": "store.example"})[0], 200, "a server that is open on purpose has any name")
    equal(server.request("PUT", "/bucket/page", b"x", EVIL)[0], 403, "but pages of other origins need a rule there too")
    check(server.stop(), "it ends cleanly")


def with_keys():
    """Whoever configures what anonymous clients may do has said what pages may do."""
    credentials = scratch("credentials")
    with open(credentials, "w") as file:
        file.write(f"key {ACCESS} {SECRET} *=all\nanonymous bucket=all\n")
    os.chmod(credentials, 0o600)
    server = Server(args=["--credentials", credentials])
    server.request("PUT", "/bucket")
    equal(server.request("PUT", "/bucket/page", b"x", EVIL)[0], 200, "a server with keys asks for rights")
    equal(server.request("GET", "/bucket/page", headers={"Host": "store.example"})[0], 200, "whatever it is called")
    equal(server.request("POST", "/bucket?delete", DELETION.replace(b"page", b"none"))[0], 200, "and takes deletions as it did")
    headers = server.request("GET", "/bucket/page")[1]
    equal((headers.get("x-content-type-options"), headers.get("content-security-policy")), (None, None), "and adds nothing to objects")
    check(server.stop(), "it ends cleanly")


def logged(log):
    """What was refused has its operation in the log, but for the server's own pages."""
    refused = {}
    with open(log) as file:
        for line in map(json.loads, file):
            if line["status"] == 403:
                refused.setdefault((line["method"], line["path"] + line["query"]), set()).add(line.get("operation"))
    for (method, path), name in {("POST", "/bucket"): "PostObject", ("POST", "/bucket?delete"): "DeleteObjects", ("POST", "/bucket/x?uploads"): "CreateMultipartUpload",
                                 ("GET", "/bucket/page"): "GetObject", ("PUT", "/bucket/page"): "PutObject", ("PUT", "/evil"): "CreateBucket", ("GET", "/"): "ListBuckets",
                                 ("GET", "/-/metrics"): None, ("OPTIONS", "/bucket/page"): "OPTIONS"}.items():
        equal(refused.get((method, path)), {name}, f"the log calls a refused {method} {path} {name}")


def main():
    log = scratch("access.log")
    server = Server(args=["--domain", "s3.example.org", "--access-log", log, "--access-log-format", "json"])
    server.request("PUT", "/bucket")
    server.request("PUT", "/bucket/page", b"mine")
    other_pages(server)
    own_pages(server)
    with_rules(server)
    bodies(server)
    check(server.stop(), "the server ends cleanly")
    logged(log)
    beyond_loopback()
    with_keys()
    done()


main()
