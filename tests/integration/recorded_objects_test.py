#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Objects as S3 was recorded to serve them: conditions, ranges, delete markers, deletions, sources where there is no copy."""
import base64
import email.utils
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recorded import Client, Server, check, equal, refused
from sluicetest import done

KEY = "/bucket/key"
FUTURE = email.utils.formatdate(time.time() + 86400, usegmt=True)


def conditions(client):
    client.put(KEY, b"0123456789")
    modified = client.ask("HEAD", KEY)[1]["last-modified"]
    equal(client.get(KEY, if_modified_since=modified)[0], 304, "If-Modified-Since its own time: not modified")
    for method in ("GET", "HEAD"):
        equal(client.ask(method, KEY, headers={"if-modified-since": FUTURE})[0], 200, f"{method} with one that is yet to come: it is ignored")
    equal(client.put("/bucket/copy", x_amz_copy_source=KEY, x_amz_copy_source_if_modified_since=modified)[0], 412, "a copy's source with its own time")
    equal(client.put("/bucket/copy", x_amz_copy_source=KEY, x_amz_copy_source_if_modified_since=FUTURE)[0], 200, "with one that is yet to come")
    for value in ("bytes= -1", "bytes= 0-1", "bytes=0 -1"):
        equal(client.get(KEY, range=value)[::2], (200, b"0123456789"), f"Range: {value!r} is ignored")
    equal(client.get(KEY, range="bytes=-1")[::2], (206, b"9"), "the last byte")


def markers(client):
    client.put("/versions")
    client.put("/versions?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    client.put("/versions/k", b"x")
    marker = client.delete("/versions/k")[1]["x-amz-version-id"]
    tagging = "<Tagging><TagSet/></Tagging>"
    for query in ("", f"&versionId={marker}"):
        for method, body in (("GET", ""), ("PUT", tagging), ("DELETE", "")):
            answer = client.ask(method, "/versions/k?tagging" + query, body)
            refused(answer, 405, "MethodNotAllowed", f"{method} of a delete marker's tags{', which is named' if query else ''}", Method=method,
                    ResourceType="DeleteMarker")
            equal((answer[1].get("x-amz-delete-marker"), answer[1].get("x-amz-version-id")), ("true", marker), "tells which one it is")
    refused(client.get("/versions/k"), 404, "NoSuchKey", "GET of it is 404 all the same")


def deletions(client):
    client.put(KEY, b"x")
    document = "<Delete><Object><Key>key</Key></Object></Delete>"
    digest = base64.b64encode(hashlib.md5(document.encode()).digest()).decode()
    for value in ("true", "false"):
        refused(client.delete(KEY, x_amz_bypass_governance_retention=value), 400, "InvalidArgument", f"DELETE with a bypass that is {value}, without Object Lock")
        refused(client.post("/bucket?delete", document, x_amz_bypass_governance_retention=value, content_md5=digest), 400, "InvalidArgument",
                "and DeleteObjects")
    equal(client.get(KEY)[0], 200, "delete nothing")
    client.put("/locked", x_amz_bucket_object_lock_enabled="true")
    client.put("/locked/k", b"x")
    equal(client.delete("/locked/k", x_amz_bypass_governance_retention="true")[0], 204, "with Object Lock it may be said")
    for name, headers in (("a size", {"x_amz_if_match_size": "5"}), ("a time", {"x_amz_if_match_last_modified_time": FUTURE})):
        equal(client.delete("/bucket/missing", **headers)[0], 204, f"the deletion of a missing key on condition of {name}")
    refused(client.delete("/bucket/missing", if_match='"x"'), 404, "NoSuchKey", "on condition of an ETag")


def sources(client):
    source = {"x-amz-copy-source": KEY}
    for method, path in (("GET", KEY), ("DELETE", KEY), ("POST", "/bucket/new?uploads"), ("GET", "/bucket"), ("GET", KEY + "?tagging")):
        refused(client.ask(method, path, headers=source), 400, "InvalidArgument", f"x-amz-copy-source on {method} {path}", ArgumentName="x-amz-copy-source")
    equal(client.ask("HEAD", KEY, headers=source)[0], 400, "and on HEAD")
    equal(client.get(KEY)[0], 200, "nothing is deleted")


def sub_resources(client):
    for parameter, message in (("uploads", "Key is not expected for the GET method ?uploads subresource"),
                               ("versions", "There is no such thing as the ?versions sub-resource for a key")):
        refused(client.get(f"{KEY}?{parameter}"), 400, "InvalidRequest", f"GET of a key with ?{parameter}", Message=message)


server = Server(keys=True)
client = Client(server)
client.put("/bucket")
for family in (conditions, markers, deletions, sources, sub_resources):
    family(client)
check(server.stop(), "the server ends cleanly")
done()
