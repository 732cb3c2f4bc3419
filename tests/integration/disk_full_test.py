#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A full disk: uploads are refused with 507, before their body where the length is known; nothing half-written stays; reads and
deletes go on working, and after a delete uploads work again."""
import os
import socket
import subprocess

from sluicetest import Server, check, done, equal, error_code, run, scratch, skip

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
        sock.sendall(b"PUT /full/big HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\nExpect: 100-continue\r\n\r\n")
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
    check(server.stop(), "the server ends with status 0")
    status, output = run([os.environ.get("SLUICE", server.process.args[0]), "check", "--data", server.data])
    check(status == 0, "sluice check finds nothing", output)
finally:
    server.kill()
    subprocess.run(["umount", "-l", mount])
done()
