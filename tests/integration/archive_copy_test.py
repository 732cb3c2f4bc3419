#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Members of archives leave without a copy: the server runs under strace, and what a client gets of a stored member, of one wrapped as gzip, or of a tar's,
went through sendfile. What is read into memory is the archive's directory and headers; what send carries is heads of answers and the two ends of gzip."""
import gzip
import hashlib
import io
import random
import re
import subprocess
import tarfile
import zipfile

from sluicetest import TLS, Server, check, done, equal, have, scratch, skip

MIB = 1 << 20
if TLS:
    skip("zero copy of members", "records of TLS are made in memory")
    done()
if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
    skip("zero copy of members", "strace may not trace here")
    done()

READS = ("read", "pread64", "readv", "preadv", "preadv2", "recvfrom", "recvmsg")
WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg")
LINE = re.compile(r"^\d+\s+(?:<\.\.\. )?(\w+)(?:\(| resumed>).*\)\s+= (-?\d+)")
noise = random.Random(5).randbytes(32 * MIB)


def moved(path, begin):
    """Bytes by system call, in the lines of a trace after the first `begin`; and how many lines there are."""
    sums, count = {}, 0
    with open(path, errors="replace") as trace:
        for count, line in enumerate(trace, 1):
            match = LINE.match(line) if count > begin else None
            if match:
                sums[match[1]] = sums.get(match[1], 0) + max(int(match[2]), 0)
    return sums, count


out = io.BytesIO()
with zipfile.ZipFile(out, "w") as archive:
    archive.writestr("stored", noise)
    archive.writestr("deflated", noise, zipfile.ZIP_DEFLATED)
zipped = out.getvalue()
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w") as archive:
    for name in ("first", "second"):
        info = tarfile.TarInfo(name)
        info.size = len(noise)
        archive.addfile(info, io.BytesIO(noise))
wanted = hashlib.sha256(noise).hexdigest()

# With the thread engine every read of a file is a call that is seen; with io_uring they are not.
for engine in ("threads", "uring"):
    try:
        Server(engine=engine).stop()
    except RuntimeError:
        skip(f"zero copy of members with {engine}", "the engine is not permitted here")
        continue
    trace = scratch(f"trace-{engine}")
    server = Server(engine=engine, strace=trace, strace_calls=",".join((*READS, *WRITES, "sendfile", "splice")), args=["--durability", "relaxed"])
    server.request("PUT", "/box")
    server.request("PUT", "/box/a.zip", zipped)
    server.request("PUT", "/box/a.tar", out.getvalue())
    for name, path, headers, length in (("a stored member", "/box/a.zip?sluice-member=stored", {}, len(noise)),
                                        ("a deflated one as gzip", "/box/a.zip?sluice-member=deflated", {"Accept-Encoding": "gzip"}, None),
                                        ("a range of a stored one", "/box/a.zip?sluice-member=stored", {"Range": f"bytes=5-{20 * MIB + 4}"}, 20 * MIB),
                                        ("a tar's member", "/box/a.tar?sluice-member=second", {}, len(noise))):
        begin = moved(trace, 1 << 60)[1]
        status, told, body = server.request("GET", path, headers=headers)
        if "Accept-Encoding" in headers:
            equal((status, told["content-encoding"]), (200, "gzip"), f"{engine}: {name} is served")
            stored, body = len(body) - 18, gzip.decompress(body)
        else:
            equal(status, 206 if "Range" in headers else 200, f"{engine}: {name} is served")
            stored = length
        check(hashlib.sha256(body).hexdigest() == wanted if len(body) == len(noise) else body == noise[5:20 * MIB + 5], f"{engine}: {name}: whole and right")
        sums, _ = moved(trace, begin)
        equal(sums.get("sendfile"), stored, f"{engine}: {name}: sendfile moved all of its stored bytes, and nothing else")
        read, written = sum(sums.get(call, 0) for call in READS), sum(sums.get(call, 0) for call in WRITES)
        check(read < 256 << 10, f"{engine}: {name}: nothing of it was read into memory but directory and headers", f"{read} bytes")
        check(written < 8192, f"{engine}: {name}: nothing of it was written out of memory but heads", f"{written} bytes")
    check(server.stop(), f"{engine}: the traced server ends with status 0")
done()
