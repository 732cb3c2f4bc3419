#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Downloads that go on: `sluice get`, `cp` and `sync` of a large object that was cut off, killed, changed, or whose part file somebody has tampered with."""
import json
import os
import shutil
import signal
import socket
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, fresh, pattern_file, poll, scratch, sha256_file

PART = 5 << 20
server = Server(args=["--fault-knobs"])
server.request("PUT", "/work")
source = pattern_file("large.bin", 8 * PART - 12345)
SIZE, WANT = os.path.getsize(source), sha256_file(source)
environment = {**{key: value for key, value in os.environ.items() if not key.startswith("AWS_")}, "HOME": scratch()}
URL = f"{server.url}/work/large"
HEAD, RECORD = 16 + 16 + 80, 16  # behind the bytes: whose it is, then a record for each part


def fault(**members):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(server.data, "control"))
        sock.sendall(json.dumps({"call": "faults", **members}).encode() + b"\n")
        answer = json.loads(sock.makefile().readline())
    assert answer["ok"], answer
    return answer


def words(*command, connections=1):
    return [SLUICE, *command, "--part-size", "5M", "--connections", str(connections)]


def sluice(*command, **more):
    result = subprocess.run([*words(*command, **more), "--json"], env=environment, capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return result.returncode, next((line for line in lines if "done" in line), {}), result.stderr


def parts_there(path):
    """How many parts the file says that it has."""
    try:
        with open(path, "rb") as file:
            file.seek(SIZE + HEAD)
            records = file.read()
        return sum(records[at + 8:at + 16] == (1).to_bytes(8, "little") for at in range(0, len(records), RECORD))
    except FileNotFoundError:
        return 0


def interrupted(target, number=signal.SIGKILL, least=3, command="get"):
    """A download that is ended when some parts are there: the part file."""
    part = os.path.join(os.path.dirname(target), ".sluice.part." + os.path.basename(target))
    fault(slow=1000, slow_ms=150)
    process = subprocess.Popen(words(command, URL, target), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check(poll(lambda: parts_there(part) >= least or process.poll() is not None), "some parts are there")
    process.send_signal(number)
    process.wait(30)
    fault(fail=0)
    there = parts_there(part)
    check(least <= there < 8 and not os.path.exists(target), f"it is ended in between, and only the part file is there ({signal.Signals(number).name})", f"{there} parts")
    return part, there


def goes_on(target, part, least, *command):
    code, row, said = sluice(*(command or ("get", URL, target)))
    equal((code, row.get("resumed_bytes", 0) >= least * PART), (0, True), f"the next run goes on with {least} parts: {row} {said}")
    equal((sha256_file(target), os.path.getsize(target), os.path.exists(part)), (WANT, SIZE, False), "the file is right, and no part file is left")
    equal(oct(os.stat(target).st_mode & 0o777), oct(0o666 & ~umask()), "its mode is a file's")


def umask():
    before = os.umask(0o22)
    os.umask(before)
    return before


equal(sluice("put", source, URL, connections=8)[0], 0, "the object is there")
folder = fresh("here")
os.makedirs(folder)
target = os.path.join(folder, "large")
for number in (signal.SIGKILL, signal.SIGINT):
    part, there = interrupted(target, number)
    goes_on(target, part, there)
    os.remove(target)
part, there = interrupted(target)
goes_on(target, part, there, "cp", URL, target)
os.remove(target)
part, there = interrupted(target)
goes_on(target, part, there, "sync", f"{server.url}/work/", folder)
equal(sluice("sync", folder, f"{server.url}/back/")[0] != 2, True, "sync of a folder")
os.remove(target)

# What a server breaks off.
fault(cut=1000, cut_after=3 << 20)
code, row, said = sluice("get", URL, target)
check(code != 0 and not os.path.exists(target) and not os.path.exists(part), "nothing is left where not one part came", f"{code} {os.listdir(folder)}")
fault(cut=2, cut_after=3 << 20)
code, row, said = sluice("get", URL, target)
equal((code, sha256_file(target)), (0, WANT), "a connection that is cut now and then is no matter")
os.remove(target)

# What is there is not what it was.
part, there = interrupted(target)
with open(part, "r+b") as file:
    file.seek(100)
    file.write(b"another run wrote nothing like that")
code, row, said = sluice("get", URL, target)
equal((code, row.get("resumed_bytes"), sha256_file(target)), (0, (there - 1) * PART, WANT), "a part whose bytes are others comes again")
os.remove(target)
part, there = interrupted(target)
with open(part, "r+b") as file:
    file.seek(SIZE)
    file.write(b"nonsense" * 4)
code, row, said = sluice("get", URL, target)
equal((code, row.get("resumed_bytes", 0), sha256_file(target)), (0, 0, WANT), "a file that says nothing right is begun anew")
os.remove(target)
part, there = interrupted(target)
code, row, said = sluice("get", "--no-resume", URL, target)
equal((code, row.get("resumed_bytes", 0), sha256_file(target), os.path.exists(part)), (0, 0, WANT, True), "--no-resume leaves it alone")
os.remove(target)
os.remove(part)
victim = scratch("victim")
shutil.copy(source, victim)
os.symlink(victim, part)
code, row, said = sluice("get", URL, target)
equal((code, sha256_file(target), sha256_file(victim), os.path.islink(part)), (0, WANT, WANT, True), "a link in its place is not followed")
os.remove(target)
os.remove(part)
os.link(victim, part)
code, row, said = sluice("get", URL, target)
equal((code, sha256_file(target), os.path.getsize(victim)), (0, WANT, SIZE), "nor is a file written that has another name, too")
os.remove(target)
os.remove(part)

# Two at once.
fault(slow=1000, slow_ms=100)
both = [subprocess.Popen(words("get", URL, target), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
equal([process.wait(120) for process in both], [0, 0], "two at once do not meet")
fault(fail=0)
equal((sha256_file(target), [name for name in os.listdir(folder) if name.startswith(".sluice")]), (WANT, []), "and the file is right")
os.remove(target)

# The object is another one now, of the same size.
part, there = interrupted(target)
other = pattern_file("other.bin", SIZE, seed=2)
equal(sluice("put", other, URL, connections=8)[0], 0, "the object is replaced")
code, row, said = sluice("get", URL, target)
equal((code, row.get("resumed_bytes", 0), sha256_file(target), os.path.exists(part)), (0, 0, sha256_file(other), False), "parts of another object do not count")
long = os.path.join(folder, "x" * 250)
code, row, said = sluice("get", URL, long)
equal((code, sha256_file(long)), (0, sha256_file(other)), "a name that leaves no room for that of a part file")
check(server.stop(), "it stops in good order")
done()
