#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Messages of errors that somebody has to find the cause with: they name the condition, the trailer, the header."""
import base64
import hashlib
import hmac
import html
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from signer import Signer
from sluicetest import ACCESS, SECRET, Server, content_md5, done, equal, error_code

TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def message(body):
    return html.unescape(re.search(r"<Message>(.*?)</Message>", body.decode())[1])


def form(server, conditions, fields):
    signer = Signer(ACCESS, SECRET)
    own = {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{ACCESS}/{signer.scope}", "x-amz-date": signer.stamp}
    policy = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": "messages"}, *conditions, *({name: value} for name, value in own.items())]}
    fields = {**fields, **own, "policy": base64.b64encode(json.dumps(policy).encode()).decode()}
    fields["x-amz-signature"] = hmac.new(signer.key(), fields["policy"].encode(), hashlib.sha256).hexdigest()
    body = "".join(f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    body += '--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ncontent\r\n--edge--\r\n'
    status, _, body = server.request("POST", "/messages", body.encode(), {"Content-Type": "multipart/form-data; boundary=edge"})
    return status, error_code(body), message(body)


def forms(server):
    for name, condition, quoted in (("eq", ["eq", "$key", 'user/"a"'], '["eq", "$key", "user/\\"a\\""]'), ("an object", {"Key": "mine"}, '["eq", "$key", "mine"]'),
                                    ("starts-with", ["starts-with", "$key", "user/"], '["starts-with", "$key", "user/"]'),
                                    ("beyond ASCII", ["eq", "$key", "é"], r'["eq", "$key", "\u00E9"]')):
        equal(form(server, [condition], {"key": "other"}), (403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {quoted}"), f"a form's policy: {name}")


def trailers(server):
    def put(announced, lines):
        body = b"5\r\nhello\r\n0\r\n" + lines + b"\r\n"
        headers = {"x-amz-content-sha256": TRAILER, "x-amz-decoded-content-length": "5", "x-amz-trailer": announced, "content-encoding": "aws-chunked"}
        headers.update(Signer(ACCESS, SECRET).headers("PUT", "/messages/key", f"{server.host}:{server.port}", TRAILER, headers))
        status, _, body = server.request("PUT", "/messages/key", body, headers)
        return status, error_code(body), message(body)
    for algorithm, value in (("crc32", b"no base64"), ("sha256", b"NhCmhg==")):
        name = f"x-amz-checksum-{algorithm}"
        equal(put(name, name.encode() + b":" + value + b"\r\n"), (400, "InvalidRequest", f"Value for {name} trailing header is invalid."), f"a trailer of {algorithm} that is none")
    equal(put("x-amz-checksum-crc32", b"x-amz-checksum-crc32c:mnG7TA==\r\n")[:2], (400, "MalformedTrailerError"), "another trailer than was announced")
    equal(put("x-amz-checksum-crc32", b"")[:2], (400, "MalformedTrailerError"), "no trailer where one was announced")


def others(server):
    def ask(method, path, body, headers):
        signed = Signer(ACCESS, SECRET).headers(method, path.partition("?")[0], f"{server.host}:{server.port}", hashlib.sha256(body).hexdigest(), headers,
                                                path.partition("?")[2])
        status, _, answer = server.request(method, path, body, signed)
        return status, error_code(answer), message(answer), answer
    equal(ask("PUT", "/messages/key", b"x", {"x-amz-checksum-crc32": "no"})[:3], (400, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."), "a checksum that is none")
    for path in ("/messages?cors=", "/messages?tagging="):
        large = b"<A>" + b" " * (20 << 20) + b"</A>"
        status, code, text, answer = ask("PUT", path, large, content_md5(large))
        equal((status, code, text, b"<MaxMessageLengthBytes>" in answer), (400, "MaxMessageLengthExceeded", "Your request was too big.", True), f"{path}: a document that is too long")


server = Server(keys=True)
client = Signer(ACCESS, SECRET).headers("PUT", "/messages", f"{server.host}:{server.port}")
equal(server.request("PUT", "/messages", b"", client)[0], 200, "a bucket is made")
forms(server)
trailers(server)
others(server)
done()
