#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No log holds what signs a request: presigned requests that succeed and that fail in all ways, forms, signed headers, URLs that were encoded
once too often, referrers, damaged objects; in the access log of both forms and in the messages of the server."""
import base64
import datetime
import hashlib
import hmac
import json
import re
import urllib.parse

from signer import Signer
from sluicetest import ACCESS, SECRET, Server, blob_files, check, done, equal, scratch

TOKEN = "FwoGZXIvYXdzEJr+token/with+odd=="


def presign(server, method, path, signer, expires=600, **more):
    return signer.presign(method, path, f"{server.host}:{server.port}", expires, **more)


def form(server, signer, signature_of=lambda value: value):
    policy = base64.b64encode(json.dumps({"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": "bucket"}]}).encode()).decode()
    signature = signature_of(hmac.new(signer.key(), policy.encode(), hashlib.sha256).hexdigest())
    fields = {"key": "posted", "policy": policy, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{signer.access}/{signer.scope}",
              "x-amz-date": signer.stamp, "x-amz-signature": signature, "x-amz-security-token": TOKEN}
    body = "".join(f'--B\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    body += '--B\r\nContent-Disposition: form-data; name="file"\r\n\r\nbytes\r\n--B--\r\n'
    server.request("POST", "/bucket", body=body.encode(), headers={"Content-Type": "multipart/form-data; boundary=B"})
    return signature


def requests(server):
    """Makes them all; returns the secrets that were sent."""
    secrets = {SECRET, TOKEN, urllib.parse.quote(TOKEN, safe="-_.~"), "referring-secret"}
    signer, host = Signer(ACCESS, SECRET), f"{server.host}:{server.port}"
    answers = []

    def send(method, target, body=None, headers=None):
        status, _, text = server.request(method, target, body=body, headers=headers)
        answers.append(status)
        return status, text

    def presigned(method, path, signer=signer, spoil=lambda query: query, body=None, headers=None, **more):
        query, signature = presign(server, method, path, signer, **more)
        secrets.add(signature)
        return send(method, f"{path}?{spoil(query)}", body, headers)

    send("PUT", "/bucket", headers=signer.headers("PUT", "/bucket", host))
    equal(presigned("PUT", "/bucket/key", body=b"x" * 200_000)[0], 200, "a presigned upload")
    equal(presigned("GET", "/bucket/key")[0], 200, "a presigned download")
    old = Signer(ACCESS, SECRET, now=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2))
    early = Signer(ACCESS, SECRET, now=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2))
    stranger, wrong = Signer("STRANGER", SECRET), Signer(ACCESS, "wrong-secret")
    for other in (old, early, stranger, wrong, Signer(ACCESS, SECRET, region="eu-west-9")):
        presigned("GET", "/bucket/key", signer=other)
    presigned("GET", "/bucket/missing")
    presigned("GET", "/nowhere/key")
    presigned("PUT", "/bucket/key", body=b"x", headers={"Content-MD5": base64.b64encode(b"0" * 16).decode()})
    presigned("PUT", "/bucket/" + "k" * 1025, body=b"x")
    presigned("GET", "/bucket/key", headers={"Range": "bytes=999999999-"})
    presigned("PATCH", "/bucket/key")
    presigned("POST", "/bucket/key", body=b"<nonsense")
    presigned("GET", "/bucket/%ff%fe")
    presigned("GET", "/bucket/key", expires=999_999_999)
    presigned("GET", "/bucket/key", **{"X-Amz-Security-Token": TOKEN})
    presigned("GET", "/bucket/key", **{"versionId": "nonsense"})
    presigned("GET", "/-/metrics")
    for spoil in (lambda query: query.replace("X-Amz-Signature", "x-amz-signature"), lambda query: query.replace("X-Amz-Signature", "X%2DAmz%2DSignature"),
                  lambda query: query.replace("=", "%3D").replace("&", "%26"), lambda query: query + "&" + query, lambda query: query + "&x=%zz",
                  lambda query: query.replace("X-Amz-Date", "Date"), lambda query: query.replace("X-Amz-Algorithm=AWS4", "X-Amz-Algorithm=AWS5"),
                  lambda query: "uploads&" + query, lambda query: query[:-1], lambda query: query + "%00"):
        presigned("GET", "/bucket/key", spoil=spoil)
    # In the path, where somebody has encoded the whole URL.
    query, signature = presign(server, "GET", "/bucket/key", signer)
    secrets.add(signature)
    send("GET", "/bucket/" + urllib.parse.quote("key?" + query, safe=""))
    # Version 2.
    secrets.add("v2signature%2Babc")
    send("GET", f"/bucket/key?AWSAccessKeyId={ACCESS}&Expires=1999999999&Signature=v2signature%2Babc")
    # From a page.
    send("GET", "/bucket/key", headers={"Referer": f"http://{host}/bucket/key?X-Amz-Signature=referring-secret"})
    send("GET", "/bucket/key", headers={"Referer": f"http://me:referring-secret@{host}/"})
    # Signed headers, right and wrong.
    for one in (signer, wrong, stranger, old):
        headers = one.headers("GET", "/bucket/key", host)
        secrets.add(headers["authorization"].rsplit("Signature=", 1)[1])
        send("GET", "/bucket/key", headers=headers)
    # Forms.
    secrets.update((form(server, signer), form(server, wrong), form(server, signer, lambda value: value[:-1] + "!")))
    # Bytes that are no request, or half of one.
    query, signature = presign(server, "GET", "/bucket/key", signer)
    secrets.add(signature)
    for raw in (f"GET /bucket/key?{query} HTTP/9.9\r\n\r\n", f"GET /bucket/key?{query}\r\n\r\n", f"GET http://u:referring-secret@{host}/bucket/key?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
                f"GET /bucket/key?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: x\r\n\r\n", f"GET /bucket/key?{query} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
                f"PUT /bucket/key?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nx", f"\x16\x03\x01{query}\r\n\r\n"):
        server.raw(raw.encode("latin-1"), timeout=3)
    # An object that is damaged, of which the log tells; it is called by a URL that was encoded whole.
    secrets.add("5ec2e7" * 10)
    small = "/bucket/" + urllib.parse.quote("small?X-Amz-Signature=" + "5ec2e7" * 10, safe="")
    equal(presigned("PUT", small, body=b"y" * 1000)[0], 200, "an object with an odd key")
    for path in blob_files(server.data)[1]:
        with open(path, "r+b") as file:
            data = file.read()
            at = data.find(b"y" * 1000)
            if at >= 0:
                file.seek(at + 10)
                file.write(b"!")
    presigned("GET", small)
    check(set(answers) >= {200, 400, 403, 404, 416}, "requests of all kinds", str(sorted(set(answers))))
    return secrets


for form_of_log in ("apache", "json"):
    log = scratch(f"access-{form_of_log}.log")
    server = Server(keys=True, args=["--access-log", log, "--access-log-format", form_of_log])
    secrets = requests(server)
    check(server.stop(), f"{form_of_log}: the server stops")
    with open(log, encoding="latin-1") as file:
        access = file.read()
    check(access.count("\n") > 40 and "REDACTED" in access, f"{form_of_log}: there is a log", f"{access.count(chr(10))} lines")
    for name, text in (("the access log", access), ("the messages", server.log_text())):
        found = sorted(secret for secret in secrets if secret in text)
        equal(found, [], f"{form_of_log}: no secret is in {name}")
    signatures = re.findall(r"[0-9a-f]{64}", access + server.log_text())
    equal(signatures, [], f"{form_of_log}: nor anything that looks like one")
    check("met it: GET" in server.log_text(), f"{form_of_log}: a damaged object was told of", server.log_text()[-1000:])
done()
