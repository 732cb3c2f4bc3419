#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A full disk: uploads are refused with 507, before their body where the length is known; nothing half-written stays; reads and
deletes go on working, also by a server that was started a moment before, and after a delete uploads work again."""
import contextlib
import os
import socket
import subprocess

from sluicetest import Server, check, done, equal, error_code, poll, run, scratch, skip

mount = scratch("small")
os.mkdir(mount)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "sluice-test", mount], capture_output=True).returncode != 0:
    skip("disk full", "no file system may be mounted here")
    done()
try:
    server = Server(data=os.path.join(mount, "data"))
    equal(server.request("PUT", "/full")[0], 200, "the bucket is created")
    first = os.urandom(20 << 20)
    equal(server.request("PUT", "/full/first", body=first)[0], 200, "20 MiB fit into 48")

    with socket.create_connection((server.host, server.port), 10) as sock:
        sock.sendall(b"PUT /full/big HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\nExpect: 100-continue\r\n\r\n")
        answer = sock.recv(65536)
        check(b" 507 " in answer.split(b"\r\n")[0], "a body that cannot fit is refused before 100 Continue", repr(answer[:80]))

    def pieces():
        for _ in range(60):
            yield b"z" * (1 << 20)
    status = 0
    try:
        connection = server.connect()
        connection.request("PUT", "/full/chunked", body=pieces(), headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
        response = connection.getresponse()
        status, text = response.status, response.read()
    except OSError:
        status, text = 507, b"<Code>InsufficientStorage</Code>" # cut off while sending: as good
    equal((status, error_code(text)), (507, "InsufficientStorage"), "a chunked body that fills the disk is refused")
    equal(server.request("GET", "/full/first")[2], first, "reads go on")
    equal(server.request("HEAD", "/full/chunked")[0], 404, "nothing half-written is visible")
    filled = 0
    while server.request("PUT", f"/full/fill{filled}", body=os.urandom(1 << 20))[0] == 200 and filled < 64:
        filled += 1
    check(5 < filled < 40, "small objects fill the rest, then are refused", f"{filled} MiB")
    equal(server.request("GET", "/full/first")[2], first, "reads go on when nothing is left")
    statuses = {server.request("DELETE", f"/full/fill{number}")[0] for number in range(filled)}
    equal(statuses, {204}, "deletes work on a full disk")
    statuses = []
    for _ in range(100): # the reclaimer gives space back beside the requests
        statuses.append(server.request("PUT", "/full/again", body=os.urandom(1 << 20))[0])
        if statuses[-1] == 200:
            break
    equal(statuses[-1], 200, "and then uploads work again")

    # Without a log that has grown before: what it needs is set aside. Tags give no room back.
    check(server.stop(), "the server ends with status 0")
    server = Server(data=server.data)
    with contextlib.suppress(OSError), open(os.path.join(mount, "filler"), "wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while filler.write(bytes(size)) == size:
                    pass
    tags = b"<Tagging><TagSet><Tag><Key>k</Key><Value>%d</Value></Tag></TagSet></Tagging>"

    def is_tagged(number):
        return poll(lambda: server.request("PUT", "/full/first?tagging", body=tags % number)[0] == 200)
    equal(next((number for number in range(1000) if not is_tagged(number)), None), None, "a disk that is full from the start on takes a thousand small changes")
    equal(server.request("PUT", "/full/more", body=bytes(1 << 20))[0], 507, "but no upload")
    check(poll(lambda: server.request("DELETE", "/full/first")[0] == 204), "and a delete")
    check(poll(lambda: server.request("PUT", "/full/more", body=bytes(1 << 20))[0] == 200), "after which an upload works")
    check(server.stop(), "the server ends with status 0")
    status, output = run([os.environ.get("SLUICE", server.process.args[0]), "check", "--data", server.data])
    check(status == 0, "sluice check finds nothing", output)
finally:
    server.kill()
    subprocess.run(["umount", "-l", mount])
done()
