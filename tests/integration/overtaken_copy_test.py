#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copies of an object that is overwritten all the time, faster than a copy can digest it. Such a copy is tried again, and in the end it
is a conflict, which its client may try again. It is no condition that failed, for the client set none; where one was set and fails,
that is said however busy the source is."""
import re
import threading

from sluicetest import Server, check, done, equal, error_code

SIZE = 24 << 20
COPIES = 6
server = Server(args=["--durability", "relaxed"])
equal(server.request("PUT", "/busy")[0], 200, "the bucket is created")
equal(server.request("PUT", "/busy/there", b"x")[0], 200, "and an object")


def begin_upload(key, headers=None):
    return re.search(rb"<UploadId>(.*)</UploadId>", server.request("POST", f"/busy/{key}?uploads", headers=headers)[2])[1].decode()


# A copy of an object of parts is one part, with an ETag that no other has.
upload = begin_upload("parts")
tags = [server.request("PUT", f"/busy/parts?partNumber={i}&uploadId={upload}", b"x" * (SIZE // 2))[1]["etag"] for i in (1, 2)]
document = "".join(f"<Part><PartNumber>{i}</PartNumber><ETag>{tag}</ETag></Part>" for i, tag in enumerate(tags, 1))
equal(server.request("POST", f"/busy/parts?uploadId={upload}", f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>")[0], 200,
      "an object of parts is stored")

ended = threading.Event()
rounds = [0, 0]
overwritten = threading.Event()


def overwrite(number):
    connection = server.connect()
    while not ended.is_set():
        connection.request("PUT", "/busy/source", headers={"x-amz-copy-source": "/busy/parts"})
        connection.getresponse().read()
        rounds[number] += 1
        if all(rounds):
            overwritten.set()
    connection.close()


def code_of(answer):
    return answer[0] if answer[0] == 200 else (answer[0], error_code(answer[2]))


ALLOWED = {200, (409, "ConditionalRequestConflict")}
threads = [threading.Thread(target=overwrite, args=(number,)) for number in range(2)]
for thread in threads:
    thread.start()
check(overwritten.wait(60), "the source is overwritten")

# No part of what is there has a SHA-256, so each copy is digested.
source = {"x-amz-copy-source": "/busy/source", "x-amz-checksum-algorithm": "SHA256"}
seen = [code_of(server.request("PUT", f"/busy/copy-{i}", headers=source)) for i in range(COPIES)]
equal(set(seen) - ALLOWED, set(), "copies are made, or in conflict")
met = (409, "ConditionalRequestConflict") in seen

upload = begin_upload("copy", {"x-amz-checksum-algorithm": "SHA256"})
seen = [code_of(server.request("PUT", f"/busy/copy?partNumber={i + 1}&uploadId={upload}", headers={
    "x-amz-copy-source": "/busy/source", "x-amz-copy-source-range": f"bytes=0-{SIZE - 2}"})) for i in range(COPIES)]
equal(set(seen) - ALLOWED, set(), "copies of parts are made, or in conflict")
check(met or (409, "ConditionalRequestConflict") in seen, "and some were overtaken to the last")

seen = {code_of(server.request("PUT", "/busy/there", headers={**source, "If-None-Match": "*"})) for _ in range(3)}
equal(seen - {(409, "ConditionalRequestConflict")}, {(412, "PreconditionFailed")} & seen, "a condition on what is replaced fails as one")
equal({code_of(server.request("PUT", "/busy/copy", headers={**source, "x-amz-copy-source-if-match": '"other"'}))},
      {(412, "PreconditionFailed")}, "and so does one on the source")
ended.set()
for thread in threads:
    thread.join()
equal(code_of(server.request("PUT", "/busy/there", headers={**source, "If-None-Match": "*"})), (412, "PreconditionFailed"),
      "when it is left alone, too")
equal(code_of(server.request("PUT", "/busy/copy", headers=source)), 200, "a copy of what is left alone is made")
check(server.stop(), "the server ends with status 0")
done()
