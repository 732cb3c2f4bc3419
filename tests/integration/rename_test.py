#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""RenameObject, and the conditions that DeleteObject and DeleteObjects know beside the ETag."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import SLUICE, Server, check, content_md5, done, equal, error_code, run

PAST, FUTURE = "Wed, 01 Jan 2020 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


def rename(server, source, key, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    status, _, body = server.request("PUT", f"/bucket/{key}?renameObject", headers={"x-amz-rename-source": source, **headers})
    return status, error_code(body) if status >= 300 else ""


def renaming(server):
    server.request("PUT", "/bucket/a", b"content", {"x-amz-meta-colour": "red"})
    before = server.request("HEAD", "/bucket/a")[1]
    equal(rename(server, "/bucket/a", "dir/b%20c"), (200, ""), "a rename")
    status, after, body = server.request("GET", "/bucket/dir/b%20c")
    equal((body, after.get("x-amz-meta-colour"), after["etag"], after["last-modified"]),
          (b"content", "red", before["etag"], before["last-modified"]), "takes all of it along")
    equal(server.request("HEAD", "/bucket/a")[0], 404, "and leaves nothing")
    equal(rename(server, "bucket/dir/b%20c", "a"), (200, ""), "back, by an encoded key without slash")
    server.request("PUT", "/bucket/other", b"replaced")
    equal(rename(server, "/bucket/a", "other"), (200, ""), "over an object")
    equal(server.request("GET", "/bucket/other")[2], b"content", "which it replaces")
    equal(rename(server, "/bucket/none", "x"), (404, "NoSuchKey"), "of nothing")
    for headers, key in (({}, b"none"), ({"if-match": '"x"'}, b"x")):
        text = server.request("PUT", "/bucket/x?renameObject", headers={"x-amz-rename-source": "/bucket/" + ("other" if headers else "none"), **headers})[2]
        check(b"<Key>" + key + b"</Key>" in text, f"the answer names what is not there: {key.decode()}", text)
    equal(rename(server, "/bucket/other", "other"), (400, "InvalidRequest"), "to itself")
    server.request("PUT", "/elsewhere")
    server.request("PUT", "/elsewhere/a", b"x")
    equal(rename(server, "/elsewhere/a", "x"), (400, "InvalidRequest"), "from another bucket")
    equal(rename(server, "", "x"), (400, "InvalidArgument"), "without a source")
    equal(rename(server, "/bucket/other?versionId=null", "x"), (400, "InvalidRequest"), "of a version")


def conditions(server):
    etag = server.request("PUT", "/bucket/source", b"source")[1]["etag"]
    there = server.request("PUT", "/bucket/there", b"there")[1]["etag"]
    failed = (412, "PreconditionFailed")
    for name, key, headers, want in (
            ("If-None-Match: * over something", "there", {"if_none_match": "*"}, failed),
            ("If-Match of something else", "there", {"if_match": etag}, failed),
            ("If-Match where there is nothing", "absent", {"if_match": etag}, (404, "NoSuchKey")),
            ("If-Unmodified-Since, but modified", "there", {"if_unmodified_since": PAST}, failed),
            ("If-Modified-Since, but not modified", "there", {"if_modified_since": FUTURE}, failed),
            ("If-Modified-Since where there is nothing", "absent", {"if_modified_since": PAST}, failed),
            ("a date that is none", "there", {"if_modified_since": "yesterday"}, (400, "InvalidArgument")),
            ("the source's If-Match", "absent", {"x_amz_rename_source_if_match": there}, failed),
            ("the source's If-None-Match", "absent", {"x_amz_rename_source_if_none_match": etag}, failed),
            ("the source's If-Modified-Since", "absent", {"x_amz_rename_source_if_modified_since": FUTURE}, failed),
            ("the source's If-Unmodified-Since", "absent", {"x_amz_rename_source_if_unmodified_since": PAST}, failed)):
        equal(rename(server, "/bucket/source", key, **headers), want, name)
    equal((server.request("GET", "/bucket/source")[2], server.request("GET", "/bucket/there")[2], server.request("HEAD", "/bucket/absent")[0]),
          (b"source", b"there", 404), "what was refused changed nothing")
    equal(rename(server, "/bucket/source", "there", if_match=there, if_modified_since=PAST, x_amz_rename_source_if_match=etag,
                 x_amz_rename_source_if_unmodified_since=FUTURE), (200, ""), "all of them at once, and true")
    server.request("PUT", "/bucket/source", b"source")
    equal(rename(server, "/bucket/source", "absent", if_none_match="*"), (200, ""), "If-None-Match: * over nothing")


def tokens(server):
    token = {"x_amz_client_token": "4f1b0c6e-0d2b-4cf1-9f0f-6f6b1f2d8a11"}
    head = server.request("PUT", "/bucket/draft", b"draft", {"x-amz-meta-colour": "blue"})[1]
    equal(rename(server, "/bucket/draft", "final", if_none_match="*", **token), (200, ""), "a rename with a token")
    equal(rename(server, "/bucket/draft", "final", if_none_match="*", **token), (200, ""), "may be repeated, though its source is gone")
    server.request("PUT", "/bucket/draft", b"the next")
    equal(rename(server, "bucket/draft", "final", if_none_match="*", **token), (200, ""), "and does nothing further")
    equal((server.request("GET", "/bucket/draft")[2], server.request("GET", "/bucket/final")[2]), (b"the next", b"draft"), "the new source stays")
    told = server.request("GET", "/bucket/final")[1]
    check(not any("token" in name or "rename" in name for name in told) and told["x-amz-meta-colour"] == "blue", "nobody is told the token", str(told))
    mismatch = (400, "IdempotencyParameterMismatch")
    equal(rename(server, "/bucket/draft", "final", **token), mismatch, "the same token without the condition")
    equal(rename(server, "/bucket/draft", "final", if_none_match="*", x_amz_rename_source_if_match=head["etag"], **token), mismatch, "with another condition")
    equal(rename(server, "/bucket/other", "final", if_none_match="*", **token), mismatch, "from another source")
    equal(rename(server, "/bucket/draft", "final", if_none_match="*", x_amz_client_token="another"), (412, "PreconditionFailed"), "another token is another rename")
    server.request("PUT", "/bucket/final?tagging", "<Tagging><TagSet/></Tagging>")
    equal(rename(server, "/bucket/draft", "final", if_none_match="*", **token), (200, ""), "tags do not make it forget")
    server.request("PUT", "/bucket/copied", headers={"x-amz-copy-source": "/bucket/final"})
    equal(rename(server, "/bucket/gone", "copied", **token), (404, "NoSuchKey"), "a copy does not know it")
    server.request("DELETE", "/bucket/final")
    equal(rename(server, "/bucket/draft", "final", if_none_match="*", **token), (200, ""), "with its object the token is forgotten")
    equal(server.request("GET", "/bucket/final")[2], b"the next", "and the rename is one")
    for name, value in (("none", ""), ("of 65 characters", "x" * 65), ("with a blank", "a b"), ("beyond ASCII", "\xe9")):
        equal(rename(server, "/bucket/final", "x", x_amz_client_token=value), (400, "InvalidArgument"), f"a token: {name}")


def deletes(server):
    def fresh():
        server.request("PUT", "/bucket/doomed", b"12345")
        return server.request("HEAD", "/bucket/doomed")[1]

    head = fresh()
    failed = (412, "PreconditionFailed")
    for name, headers, want in (
            ("another size", {"x-amz-if-match-size": "6"}, failed), ("another date", {"x-amz-if-match-last-modified-time": PAST}, failed),
            ("another ETag, but the size", {"if-match": '"x"', "x-amz-if-match-size": "5"}, failed),
            ("a size that is none", {"x-amz-if-match-size": "five"}, (400, "InvalidArgument")),
            ("a date that is none", {"x-amz-if-match-last-modified-time": "once"}, (400, "InvalidArgument"))):
        status, _, body = server.request("DELETE", "/bucket/doomed", headers=headers)
        equal((status, error_code(body)), want, f"DeleteObject: {name}")
    equal(server.request("DELETE", "/bucket/doomed", headers={"x-amz-if-match-size": "5", "if-match": head["etag"],
                                                               "x-amz-if-match-last-modified-time": head["last-modified"]})[0], 204, "DeleteObject: all true")
    status, _, body = server.request("DELETE", "/bucket/doomed", headers={"x-amz-if-match-size": "5"})
    equal(status, 204, "DeleteObject: a size where there is nothing")

    head = fresh()
    for name, inner, gone in (("another size", "<Size>6</Size>", False), ("another date", f"<LastModifiedTime>{PAST}</LastModifiedTime>", False),
                              ("another ETag", "<ETag>x</ETag><Size>5</Size>", False), ("a size that is none", "<Size>-5</Size>", False),
                              ("all true", f"<ETag>{head['etag'].strip(chr(34))}</ETag><Size>5</Size><LastModifiedTime>{head['last-modified']}</LastModifiedTime>", True)):
        document = f"<Delete><Object><Key>doomed</Key>{inner}</Object></Delete>"
        status, _, body = server.request("POST", "/bucket?delete", document, content_md5(document))
        equal((status, b"<Deleted>" in body, server.request("HEAD", "/bucket/doomed")[0]), (200, gone, 404 if gone else 200), f"DeleteObjects: {name}")


def main():
    server = Server()
    server.request("PUT", "/bucket")
    renaming(server)
    conditions(server)
    tokens(server)
    deletes(server)
    check(server.stop(), "the server ends cleanly")
    status, output = run([SLUICE, "check", "--data", server.data])
    check(status == 0, "and the store is sound", output)
    done()


main()
