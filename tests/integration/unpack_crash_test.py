#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 while archives are unpacked over each other, their objects deleted and read. After each kill: of each archive all objects are
there or none, each is whole, the check finds nothing, and no file is left that no object needs."""
import http.client
import io
import os
import random
import re
import subprocess
import tarfile
import threading
import time

from sluicetest import SLUICE, Server, blob_files, check, done, equal, poll, scratch

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
WRITERS, MEMBERS = 3, 150 # more than fit into one change
rng = random.Random(int(os.environ.get("CRASH_SEED", "1")))


def body_of(stamp, member):
    """Says itself which archive it is of."""
    head = b"%012d.%04d." % (stamp, member)
    size = 20 + member * member * 97 % 20_000 + (300_000 if member == 7 else 0)
    return (head * (size // len(head) + 1))[:size]


def archive(stamp):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in range(MEMBERS):
            info = tarfile.TarInfo(f"{member:04}")
            info.size = len(body_of(stamp, member))
            tar.addfile(info, io.BytesIO(body_of(stamp, member)))
    return out.getvalue()


def upload(server, writer, stamp):
    return server.request("PUT", f"/tars/{writer}.tar", archive(stamp), {"x-amz-meta-snowball-auto-extract": "true",
                                                                        "x-amz-meta-minio-snowball-prefix": f"w{writer}"})[0]


def work(server, writer, seed, stored, stopping):
    choose = random.Random(seed)
    try:
        while not stopping.is_set():
            stamp = choose.randrange(1 << 36)
            if upload(server, writer, stamp) == 200:
                stored[writer] = stamp
            for _ in range(choose.randrange(4)): # what is punched, and copied from
                member = choose.randrange(MEMBERS)
                server.request("PUT", f"/tars/copies/{writer}", headers={"x-amz-copy-source": f"/tars/w{writer}/{member:04}"})
            server.request("GET", f"/tars/w{writer}/{choose.randrange(MEMBERS):04}")
    except (OSError, http.client.HTTPException):
        pass


def look(server, writer):
    """The stamps of what is there, and whether each object is whole."""
    stamps, whole = set(), True
    for member in range(MEMBERS):
        status, _, body = server.request("GET", f"/tars/w{writer}/{member:04}")
        if status == 404:
            stamps.add(None)
            continue
        match = re.match(rb"(\d{12})\.", body)
        whole &= status == 200 and match is not None and body == body_of(int(match[1]), member)
        stamps.add(int(match[1]) if match else -1)
    return stamps, whole


for durability in ("full", "relaxed"):
    data = scratch(f"data-{durability}")
    torn, damaged, findings, stored = [], 0, "", {}
    for round_number in range(ROUNDS):
        server = Server(data, args=["--durability", durability])
        server.request("PUT", "/tars")
        for writer in range(WRITERS):
            stamps, whole = look(server, writer)
            damaged += not whole
            if len(stamps) != 1 or (stored.get(writer) is not None and None in stamps):
                torn.append((round_number, writer, stamps))
        stopping = threading.Event()
        threads = [threading.Thread(target=work, args=(server, writer, rng.random(), stored, stopping)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        time.sleep(0.3 + rng.random() * 0.7)
        server.kill()
        stopping.set()
        for thread in threads:
            thread.join()
        result = subprocess.run([SLUICE, "check", "--data", data], capture_output=True, text=True, timeout=120)
        findings += "" if result.returncode == 0 else result.stdout[-500:]
    equal(torn, [], f"{durability}: of each archive all objects are there or none")
    equal(damaged, 0, f"{durability}: and each is whole")
    equal(findings, "", f"{durability}: the check finds nothing, after {ROUNDS} kills")
    server = Server(data, args=["--durability", durability])
    for key in [f"w{writer}/{member:04}" for writer in range(WRITERS) for member in range(MEMBERS)] + [f"copies/{writer}" for writer in range(WRITERS)]:
        server.request("DELETE", f"/tars/{key}")
    check(poll(lambda: blob_files(data)[0] == []), f"{durability}: without objects no file is left", repr(blob_files(data)))
    check(server.stop(), f"{durability}: the server stops")

# ---- The power fails while the store is relaxed: what is there of a file may be zeros, or short ----
server = Server(args=["--durability", "relaxed"])
server.request("PUT", "/tars")
equal([upload(server, writer, writer + 1) for writer in range(2)], [200, 200], "two archives")
server.kill()
zeroed, cut = sorted(blob_files(server.data)[0])
with open(zeroed, "r+b") as file:
    file.seek(file.read().index(body_of(1, 7)[:64]))
    file.write(bytes(len(body_of(1, 7))))
os.truncate(cut, os.path.getsize(cut) // 2)
server = Server(server.data, args=["--durability", "relaxed"])
equal([[member for member in range(MEMBERS) if server.request("GET", f"/tars/w{writer}/{member:04}")[0] != 200] for writer in range(2)], [[7], list(range(MEMBERS))],
      "the member without its bytes is gone, and all of what does not even say whose it is")
check(poll(lambda: blob_files(server.data)[0] == [zeroed]), "the file that nothing needs is gone", repr(blob_files(server.data)))
check(server.stop(), "the server stops")
result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True, timeout=120)
check(result.returncode == 0, "the check finds nothing", result.stdout)
done()
