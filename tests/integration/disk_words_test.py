#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A disk that fails says so in many words: EBADMSG for a bad checksum, ENODATA for a bad sector, ETIMEDOUT, EROFS, EUCLEAN, EACCES. None
of them is the client's fault: whatever call of the server fails with them, and with whatever request, the answer is 5xx, if it is not what
was asked for; and when the disk works again, so does the server."""
import errno
import http.client
import os
import struct

import preload
from sluicetest import Server, check, done, equal, error_code, poll, run, scratch, SLUICE

NONE, SYNC, WRITE, LINK, UNLINK, OPEN, SPLICE, READ, STAT = range(9)
CALLS = {SYNC: "syncs", WRITE: "writes", LINK: "names", UNLINK: "removals", OPEN: "opens", SPLICE: "splices", READ: "reads", STAT: "looks"}
WORDS = [errno.EBADMSG, errno.ENODATA, errno.ETIMEDOUT, errno.EROFS, errno.EUCLEAN, errno.EACCES]
SMALL, MIDDLE, LARGE = os.urandom(4096), os.urandom(100_000), os.urandom(3 << 20)

built = preload.build("fault", "FAULT_CONTROL", 16, "disks that fail in many words")
if built is None:
    done()
environment, numbers = built


def faults(call, error=0):
    numbers[0:16] = struct.pack("=4i", NONE, 0, 1 << 30, error)
    numbers[0:4] = struct.pack("=i", call)


def request(method, path, body=None, headers=None):
    """(status, code of the error, body), or (0, why, b"") for an answer that breaks off."""
    try:
        status, _, answer = server.request(method, path, body, headers)
        return status, error_code(answer) if status >= 300 and answer else "", answer
    except (http.client.HTTPException, OSError) as error:
        return 0, repr(error), b""


def put(key, body, headers=None):
    return request("PUT", f"/words/{key}", body, headers)


data = scratch("words-data")
server = Server(data=data, engine="threads", env=environment)
equal(server.request("PUT", "/words")[0], 200, "a bucket")
equal(put("source", LARGE)[0], 200, "and an object")
upload = server.request("POST", "/words/parts?uploads")[2].split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()
refused = 0
for call, what in CALLS.items():
    odd, unread, number = [], [], 0
    for word in WORDS:
        name, number = errno.errorcode[word], number + 1
        for key, body in (("small", SMALL), ("middle", MIDDLE), ("large", LARGE), ("gone", SMALL)):
            if put(f"{what}-{name}-{key}", body)[0] != 200:
                odd.append(f"{name}: {key} cannot be stored")
        faults(call, word)
        # (what is asked for; the bytes that it is, of a GET)
        for asked, wanted in (
                (("GET", f"/words/{what}-{name}-small"), SMALL), (("GET", f"/words/{what}-{name}-middle"), MIDDLE),
                (("GET", f"/words/{what}-{name}-large"), LARGE),
                (("GET", f"/words/{what}-{name}-large", None, {"Range": "bytes=5-100000"}), LARGE[5:100001]),
                (("HEAD", f"/words/{what}-{name}-large"), None), (("GET", "/words?list-type=2"), None),
                (("PUT", "/words/a", SMALL), None), (("PUT", "/words/b", MIDDLE), None), (("PUT", "/words/c", LARGE), None),
                (("PUT", "/words/d", b"5\r\nhello\r\n0\r\n\r\n", {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                                                              "Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}), None),
                (("PUT", "/words/e", b"", {"x-amz-copy-source": "/words/source", "x-amz-checksum-algorithm": "SHA256"}), None),
                (("PUT", f"/words/parts?partNumber={number}&uploadId={upload}", LARGE), None),
                (("POST", "/words/other?uploads"), None), (("DELETE", f"/words/{what}-{name}-gone"), None),
                (("PUT", f"/words-{what.lower()}-{number}"), None)):
            status, code, answer = request(*asked)
            if status == 0 and (asked[0] == "GET" and wanted is not None or asked[0] == "PUT" and len(asked[2] or b"") == len(LARGE)):
                refused += 1 # an answer that had begun; a body that was not waited for
            elif status >= 500:
                refused += 1
            elif status not in (200, 204, 206):
                odd.append(f"{name}: {asked[0]} {asked[1]}: {status} {code}")
            elif wanted is not None and answer != wanted:
                odd.append(f"{name}: {asked[0]} {asked[1]}: other bytes")
        faults(NONE)
        if not poll(lambda: put(f"{what}-{name}-after", SMALL)[0] == 200):
            odd.append(f"{name}: afterwards nothing is stored: {put(f'{what}-{name}-after', SMALL)}")
        if request("GET", f"/words/{what}-{name}-large")[2] != LARGE:
            odd.append(f"{name}: afterwards the large object cannot be read")
    equal(odd, [], f"{what} fail in {len(WORDS)} words: answers are 5xx, and all is well afterwards")
check(refused > 100, "requests met the failures", f"{refused}")
check(server.stop(), "the server ends with status 0")
server = Server(data=data, engine="threads", env=environment)
check(server.stop(), "and another one")
status, output = run([SLUICE, "check", "--data", data])
check(status == 0, "sluice check finds nothing", output)
done()
