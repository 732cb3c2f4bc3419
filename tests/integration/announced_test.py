#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Space ahead of the bytes. Who announces much and sends nothing does not fill a disk; a long upload gets its space a step ahead of its bytes;
and at each step --min-free counts, also for bodies of unknown length: what would take of it ends with 507, and nothing of it stays. Needs
root, loop devices and mkfs.ext4."""
import contextlib
import os
import socket
import subprocess
import time

from sluicetest import Server, TLS, check, done, equal, error_code, poll, run, scratch, skip, SLUICE

MIB, GIB = 1 << 20, 1 << 30
mounts = []


def mount(name, size):
    """A folder that is a file system of its own, in a sparse file; or why there is none."""
    image, folder = scratch(f"{name}.img"), scratch(name)
    os.mkdir(folder)
    with open(image, "wb") as file:
        file.truncate(size)
    try:
        made = subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-N", "4096", "-J", "size=16", image], capture_output=True, text=True)
        done_ = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True) if made.returncode == 0 else made
    except FileNotFoundError as error:
        return None, f"no {error.filename}"
    if done_.returncode != 0:
        return None, done_.stderr.strip()
    mounts.append(folder)
    return folder, None


def free(folder):
    fs = os.statvfs(folder)
    return fs.f_bavail * fs.f_frsize


def announce(server, key, size, body=b""):
    sock = socket.create_connection((server.host, server.port), 30)
    sock.sendall(b"PUT /raw/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (key, size) + body)
    return sock


def answer(sock):
    """Status and code; the socket is closed."""
    with sock:
        data = b""
        with contextlib.suppress(OSError):
            while piece := sock.recv(65536):
                data += piece
                if b"</Error>" in data or b"\r\n\r\n" in data and b"200 OK" in data:
                    break
        return data[9:12], error_code(data)


def send(sock, count, block=bytes(MIB)):
    """Up to so many MiB; False: the other side had enough."""
    try:
        for _ in range(count):
            sock.sendall(block)
    except OSError:
        return False
    return True


def settles(folder):
    """Free bytes, when they have not changed for a while."""
    last = free(folder)
    for _ in range(100):
        time.sleep(0.3)
        if (now := free(folder)) == last:
            break
        last = now
    return last


def announcements():
    folder, reason = mount("wide", 210 * GIB)
    if folder is None:
        skip("40 uploads that are announced", reason)
        return
    server = Server(data=os.path.join(folder, "data"))
    equal(server.request("PUT", "/raw")[0], 200, "a server on a disk of 210 GiB")
    before = settles(folder)
    socks = [announce(server, b"%d" % number, 5 * GIB) for number in range(40)]
    check(poll(lambda: free(folder) < before - GIB), "40 announcements of 5 GiB have some space set aside", f"{(before - free(folder)) / MIB:.0f} MiB")
    left = settles(folder)
    check(left > 0.7 * before, "but leave most of the disk", f"{left / GIB:.0f} of {before / GIB:.0f} GiB are free")
    body = os.urandom(3_000_000)
    equal((server.request("PUT", "/raw/other", body)[0], server.request("GET", "/raw/other")[2] == body), (200, True), "another client stores and reads")
    equal(server.request("DELETE", "/raw/other")[0], 204, "and deletes")
    for sock in socks:
        sock.close()
    check(poll(lambda: free(folder) > before - 64 * MIB), "what was set aside comes back", f"{free(folder) / MIB:.0f} of {before / MIB:.0f} MiB")

    def allocated():
        """MiB of the largest file that has no name."""
        found = [0]
        for fd in os.listdir(f"/proc/{server.pid}/fd"):
            with contextlib.suppress(OSError):
                path = f"/proc/{server.pid}/fd/{fd}"
                if "(deleted)" in os.readlink(path) or "/staging/" in os.readlink(path):
                    found.append(os.stat(path).st_blocks * 512 // MIB)
        return max(found)
    with announce(server, b"long", GIB) as sock:
        check(poll(lambda: allocated() >= 250), "of 1 GiB that is announced 256 MiB are reserved", f"{allocated()} MiB")
        time.sleep(0.3)
        check(allocated() <= 300, "no more", f"{allocated()} MiB")
        send(sock, 250)
        check(poll(lambda: allocated() >= 500), "the next step follows when that is nearly used", f"{allocated()} MiB")
        time.sleep(0.3)
        check(allocated() <= 560, "no more", f"{allocated()} MiB")
    check(server.stop(), "it ends with status 0")


def share():
    folder, reason = mount("small", GIB)
    if folder is None:
        skip("the share of a small disk, and --min-free", reason)
        return
    server = Server(data=os.path.join(folder, "data"))
    equal(server.request("PUT", "/raw")[0], 200, "a server on a disk of 1 GiB")
    before = settles(folder)
    socks = [announce(server, b"%d" % number, 300 * MIB) for number in range(40)]
    check(poll(lambda: free(folder) < before - 100 * MIB), "40 announcements of 300 MiB have some space set aside", f"{(before - free(folder)) / MIB:.0f} MiB")
    left = settles(folder)
    check(left > 0.7 * before, "but leave most of the disk", f"{left / MIB:.0f} of {before / MIB:.0f} MiB are free")
    equal(server.request("PUT", "/raw/whole", bytes(300 * MIB))[0], 200, "an upload without space set aside is stored")
    equal(server.request("HEAD", "/raw/whole")[1]["content-length"], str(300 * MIB), "whole")
    equal(server.request("DELETE", "/raw/whole")[0], 204, "and deleted")
    for sock in socks:
        sock.close()
    check(poll(lambda: free(folder) > before - 8 * MIB), "what was set aside comes back", f"{free(folder) / MIB:.0f} of {before / MIB:.0f} MiB")
    check(server.stop(), "it ends with status 0")

    server = Server(data=server.data, args=["--min-free", "300M"])
    before = settles(folder)
    sock = announce(server, b"known", 500 * MIB)
    send(sock, 40)
    check(poll(lambda: free(folder) < before - 40 * MIB), "an upload of 500 MiB has begun")
    with open(os.path.join(folder, "filler"), "wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, free(folder) - 320 * MIB)
    send(sock, 460)
    equal(answer(sock), (b"507", "InsufficientStorage"), "it ends with 507 when it would take of --min-free")
    check(poll(lambda: free(folder) > 350 * MIB), "and gives back what it had", f"{free(folder) / MIB:.0f} MiB")
    equal(server.request("HEAD", "/raw/known")[0], 404, "nothing of it is visible")
    os.unlink(os.path.join(folder, "filler"))
    time.sleep(1.1) # the server looks at the disk once in a second
    before, least = settles(folder), [1 << 60]

    def pieces():
        for _ in range(900):
            yield bytes(MIB)
            least[0] = min(least[0], free(folder))
    try:
        status, _, text = server.request("PUT", "/raw/chunked", pieces(), {"Transfer-Encoding": "chunked"})
        code = error_code(text)
    except OSError:
        status, code = 507, "InsufficientStorage" # cut off while sending: as good
    equal((status, code), (507, "InsufficientStorage"), "a body of unknown length ends so, too")
    check(least[0] > 250 * MIB, "in time", f"{least[0] / MIB:.0f} MiB were free at least")
    check(poll(lambda: free(folder) > before - 8 * MIB), "and gives back what it had")
    equal(server.request("PUT", "/raw/after", bytes(2 * MIB))[0], 200, "others are stored")
    check(server.stop(), "it ends with status 0")
    status, output = run([SLUICE, "check", "--data", server.data])
    check(status == 0, "sluice check finds nothing", output)


try:
    for part in (announcements, share):
        if TLS or os.geteuid() != 0:
            skip(part.__name__, "needs root, and raw sockets")
        else:
            part()
finally:
    for folder in mounts:
        subprocess.run(["umount", "-l", folder], check=False)
done()
