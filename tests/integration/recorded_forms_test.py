#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Posted forms as S3 was recorded to judge them."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from post_object_test import form, post, signed
from recorded import Client, Server, check, equal, refused
from sluicetest import done

server = Server(keys=True)
client = Client(server)
client.put("/bucket")


def posted(conditions, fields):
    return post(server, signed([{"bucket": "bucket"}, *conditions], fields))


refused(post(server, signed([{"bucket": "bucket", "key": "one"}], {"key": "one"})), 400, "InvalidPolicyDocument", "a condition with two properties")
refused(posted([{}, {"key": "one"}], {"key": "one"}), 400, "InvalidPolicyDocument", "or with none")
equal(posted([{"key": "one"}], {"key": "one"})[0], 204, "each in one of its own is right")
for operation in ("eq", "starts-with"):
    refused(posted([[operation, "key", "two"]], {"key": "two"}), 403, "AccessDenied", f"{operation} of a field without its $ does not hold")
equal(posted([["eq", "$key", "two"]], {"key": "two"})[0], 204, "with it, it does")

for filename, key in (("photo.png", "x-photo.png"), ("", "x-"), (None, "x-${filename}")):
    body, headers = form(signed([{"bucket": "bucket"}, ["starts-with", "$key", "x-"]], {"key": "x-${filename}"}), filename=filename or "")
    if filename is None:
        body = body.replace(b'; filename=""', b"")
    equal(server.request("POST", "/bucket", body, headers)[0], 204, f"a file with the name {filename!r}")
    equal(client.get("/bucket/" + key.replace("$", "%24").replace("{", "%7B").replace("}", "%7D"))[0], 200, f"its key is {key}")
    client.delete("/bucket/" + key.replace("$", "%24").replace("{", "%7B").replace("}", "%7D"))
check(server.stop(), "the server ends cleanly")
done()
