#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Zero copy, proven: the server runs under strace while real clients move large bodies. Payload may pass through splice and
sendfile only; what read, recv, write and send carry must stay far below the payload.

With io_uring the hop from pipe to file is not visible as a system call, nor would a read or write in the ring be: so the same
is run with the thread engine too, whose every call is seen."""
import io
import os
import subprocess
import sys
import tarfile

from moved import CALLS, READS, WRITES, Moved
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, pattern_file, run, scratch, sha256_file, skip

MIB = 1 << 20
if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
    skip("zero copy", "strace may not trace here")
    done()


def traced(engine, keys, action, args=()):
    """Runs action(server) against a traced server; returns what moved."""
    trace = scratch(f"trace-{engine}-{len(os.listdir(scratch()))}")
    server = Server(keys=keys, engine=engine, strace=trace, strace_calls=",".join(CALLS), args=["--durability", "relaxed", "--scrub-days", "0", *args])
    try:
        action(server)
        check(server.stop(), f"{engine}: the traced server ends with status 0")
    finally:
        server.kill()
    return Moved(trace)


def judge(name, engine, moved, put_bytes, get_bytes, limit=MIB):
    """put_bytes came in and get_bytes went out: by splice and sendfile, hardly anything through memory."""
    read, written = moved.total(READS), moved.total(WRITES)
    hops = 1 if engine == "uring" else 2 # socket -> pipe is a call; pipe -> file is one with the thread engine
    spliced = moved.bytes.get("splice", 0)
    check(spliced >= hops * (put_bytes - limit), f"{name}: splice moved the body in", f"{spliced} of {hops} x {put_bytes}")
    check(moved.bytes.get("sendfile", 0) >= get_bytes, f"{name}: sendfile moved the body out",
          f"{moved.bytes.get('sendfile', 0)} of {get_bytes}")
    check(read < limit, f"{name}: under 1 MiB through read and recv", f"{read} bytes")
    check(written < limit, f"{name}: no body through write and send", f"{written} bytes")
    if engine == "uring":
        check(moved.calls.get("io_uring_enter", 0) > 0, f"{name}: io_uring does the disk work")


def socket_file_round_trip(path, file):
    def action(server):
        back, curl = scratch("back"), ["curl", "-sS", "-f", "--unix-socket", file]
        equal([run([*curl, *words])[0] for words in (("-X", "PUT", "http://localhost/zero"), ("-T", path, "http://localhost/zero/object"),
                                                    ("-o", back, "http://localhost/zero/object"))], [0, 0, 0], "curl goes by a socket file")
        equal(sha256_file(back), sha256_file(path), "and it is identical")
        os.unlink(back)
    return action


def curl_round_trip(path, upload):
    def action(server):
        back = scratch("back")
        run(["curl", "-sS", "-f", "-X", "PUT", f"{server.url}/zero"])
        with open(path, "rb") as stdin:
            status = subprocess.run(["curl", "-sS", "-f", *upload(path), f"{server.url}/zero/object"], stdin=stdin).returncode
        equal(status, 0, "curl -T succeeds")
        equal(run(["curl", "-sS", "-f", "-o", back, f"{server.url}/zero/object"])[0], 0, "curl gets it back")
        equal(sha256_file(back), sha256_file(path), "and it is identical")
        os.unlink(back)
    return action


def unpack_round_trip(path):
    """A tar of one large file and some small ones, which becomes objects: digests look at the bytes through mmap."""
    tar = scratch("zero.tar")
    with tarfile.open(tar, "w") as archive:
        archive.add(path, "large")
        for index in range(100):
            info = tarfile.TarInfo(f"small/{index}")
            info.size = 1000
            archive.addfile(info, io.BytesIO(bytes(1000)))

    def action(server):
        back = scratch("back")
        equal([run(["curl", "-sS", "-f", *words])[0] for words in (("-X", "PUT", f"{server.url}/zero"), ("-H", "x-amz-meta-snowball-auto-extract: true", "-T", tar, f"{server.url}/zero/up.tar"),
                                                                ("-o", back, f"{server.url}/zero/large"))], [0, 0, 0], "curl puts an archive and gets a member")
        equal(sha256_file(back), sha256_file(path), "which is identical")
        os.unlink(back)
    return action


def aws_round_trip(path):
    def action(server):
        env = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
               "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
        back = scratch("back")
        aws = ["aws", "--endpoint-url", server.url, "s3"]
        equal(run([*aws, "mb", "s3://zero"], env)[0], 0, "aws s3 mb")
        status, output = run([*aws, "cp", "--quiet", path, "s3://zero/object"], env)
        check(status == 0, "aws s3 cp up, with default settings", output)
        status, output = run([*aws, "cp", "--quiet", "s3://zero/object", back], env)
        check(status == 0, "aws s3 cp down", output)
        equal(sha256_file(back), sha256_file(path), "and it is identical")
        os.unlink(back)
    return action


quick = "--quick" in sys.argv
large = pattern_file("large", 1024 * MIB if not quick else 64 * MIB)
chunked = pattern_file("chunked", 256 * MIB if not quick else 64 * MIB, seed=3)
middle = pattern_file("middle", 64 * MIB, seed=2)
for engine in ("uring", "threads"):
    try:
        Server(engine=engine).stop()
    except RuntimeError:
        skip(f"zero copy with {engine}", "the engine is not permitted here")
        continue
    size, chunked_size = os.path.getsize(large), os.path.getsize(chunked)
    judge(f"curl -T, {size // MIB} MiB, {engine}", engine,
          traced(engine, False, curl_round_trip(large, lambda path: ["-T", path])), size, size)
    judge(f"curl -T -, chunked, {chunked_size // MIB} MiB, {engine}", engine,
          traced(engine, False, curl_round_trip(chunked, lambda path: ["-T", "-"])), chunked_size, chunked_size)
    file = scratch(f"{engine}.sock")
    judge(f"a socket file, 64 MiB, {engine}", engine, traced(engine, False, socket_file_round_trip(middle, file), ("--listen", f"unix:{file}")), 64 * MIB, 64 * MIB)
    judge(f"a tar of 64 MiB that is unpacked, {engine}", engine, traced(engine, False, unpack_round_trip(middle)), 64 * MIB, 64 * MIB)
    if have("aws"):
        judge(f"aws s3 cp, 64 MiB, {engine}", engine, traced(engine, True, aws_round_trip(middle)), 64 * MIB, 64 * MIB)
    else:
        skip(f"aws s3 cp with {engine}", "no aws cli")
done()
