#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A large upload is completed without anybody else waiting for its parts: the worker reads them and puts them together beforehand, and
the change, for which all others wait in the queue, reads none. A preloaded library counts the rows that the database hands out."""
import re
import struct

import preload
from sluicetest import Server, check, done, equal, poll

PARTS = 3000
PART = 5 << 20

built = preload.build("rows", "ROWS_COUNTED", 8, "rows are counted")
if built is None:
    done()
environment, numbers = built


def rows():
    """(those of the committer, those of everybody else)"""
    return struct.unpack("=2I", numbers[0:8])


server = Server(env=environment)
equal(server.request("PUT", "/assembly")[0], 200, "a bucket is made")
equal(server.request("PUT", "/assembly/block", body=b"z" * PART)[0], 200, "and a block to copy")
identity = re.search(b"<UploadId>(.*?)<", server.request("POST", "/assembly/whole?uploads")[2]).group(1).decode()
connection, statuses = server.connect(), set()
for number in range(1, PARTS + 1):
    connection.request("PUT", f"/assembly/whole?partNumber={number}&uploadId={identity}", headers={"x-amz-copy-source": "/assembly/block"})
    response = connection.getresponse()
    text = response.read()
    statuses.add(response.status)
connection.close()
equal(statuses, {200}, f"an upload of {PARTS} parts")
tag = re.search(b'ETag>(?:&quot;|")?([0-9a-f]+)', text).group(1).decode()
listed = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number in range(1, PARTS + 1))

numbers[0:8] = bytes(8)
body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
equal(server.request("POST", f"/assembly/whole?uploadId={identity}", body)[0], 200, "it is completed")
equal(server.request("HEAD", "/assembly/whole")[1].get("content-length"), str(PARTS * PART), "as one object of all parts")
check(poll(lambda: rows()[0] >= PARTS), "its parts are cleared away in the background: the committer's rows are seen", f"{rows()}")
check(server.stop(), "the server ends with status 0") # what is left of the clearing is over then
committer, others = rows()
check(others >= PARTS, "all parts were read beforehand", f"{others}")
check(committer < PARTS + PARTS // 2, "and by the committer only once, to clear them away", f"{committer}")
done()
