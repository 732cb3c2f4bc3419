#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""DATA/control, on which a running server takes calls: who may, what they answer, what hostile lines do; and that `sluice check`, `lost`,
`status` and `user` say the same of a store whether a server has it open or not."""
import contextlib
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading

from signer import Signer
from sluicetest import BUILD, SLUICE, Server, blob_files, check, done, equal, error_code, fresh, poll, run, s3_client, scratch, skip

NOBODY = 65534
EACCES, EBADMSG, EINVAL, EMSGSIZE, ENOSYS, EAGAIN, EEXIST, ENOENT, EOPNOTSUPP = -13, -74, -22, -90, -38, -11, -17, -2, -95


class Control:
    """A connection; by a descriptor of the folder, for its path may be long."""

    def __init__(self, data):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        folder = os.open(data, os.O_PATH)
        try:
            self.socket.connect(f"/proc/self/fd/{folder}/control")
        finally:
            os.close(folder)
        self.lines = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """(items, the answer); (items, None) when the server hung up."""
        items = []
        with contextlib.suppress(ConnectionResetError):
            for line in self.lines:
                value = json.loads(line)
                if "ok" in value:
                    return items, value
                items.append(value)
        return items, None

    def call(self, name, **members):
        self.send(json.dumps({"call": name, **members}).encode() + b"\n")
        return self.answer()

    def close(self):
        self.lines.close()
        self.socket.close()


def opened(data):
    """A connection that was answered once: places of earlier ones may become free a moment after their end."""
    found = []

    def tried():
        control = Control(data)
        with contextlib.suppress(BrokenPipeError):
            answer = control.call("status")[1]
            if answer is not None and answer["ok"]:
                found.append(control)
                return True
        control.close()
        return False
    assert poll(tried), "no connection is to be had"
    return found[0]


def call(data, name, **members):
    control = opened(data)
    try:
        return control.call(name, **members)
    finally:
        control.close()


def sluice(*words, env=None):
    """(status, what it printed on stdout, and on stderr)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    environment.update(env or {})
    result = subprocess.run([SLUICE, *words], env=environment, capture_output=True, text=True, timeout=120)
    return result.returncode, result.stdout, result.stderr


def alive(server, name):
    items, answer = call(server.data, "status")
    check(items == [] and answer["ok"] and server.request("GET", "/-/healthy")[0] == 200, f"{name}: the server goes on", str(answer))


# ---- The calls ----

def the_calls():
    server = Server()
    path = os.path.join(server.data, "control")
    mode = os.stat(path).st_mode
    check(stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, "the socket is for its owner alone", oct(mode))
    server.request("PUT", "/bucket")
    server.request("PUT", "/bucket/small", body=b"x" * 1000)
    server.request("PUT", "/bucket/large", body=os.urandom(300_000))
    items, answer = call(server.data, "status")
    equal((items, answer["ok"], answer["healthy"], answer["health"], answer["pid"], answer["address"], answer["durability"]),
          ([], True, True, "ok", server.pid, f"{server.host}:{server.port}", "full"), "status")
    equal((answer["buckets"], answer["objects"], answer["bytes"]), (1, 2, 301_000), "status: what is in it")
    check(answer["free_bytes"] > 0 and answer["uptime_seconds"] >= 0 and "version" in answer, "status: figures", str(answer))

    items, answer = call(server.data, "check")
    equal((items, answer["ok"], answer["objects"], answer["bytes"], answer["findings"]), ([], True, 2, 301_000, 0), "check: a sound store")
    check(len(answer["left_out"]) > 0, "check: it says what it leaves out")
    equal(call(server.data, "check", verify=False)[1]["findings"], 0, "check without verifying")
    equal(call(server.data, "lost-list"), ([], {"ok": True}), "lost-list: nothing")
    lost = os.path.join(server.data, "lost")
    os.mkdir(lost)
    with open(os.path.join(lost, "20200101T000000Z-00000000000000aa"), "wb") as file:
        file.write(b"y" * 5000)
    items, answer = call(server.data, "lost-list")
    check(len(items) == 1 and items[0]["file"].endswith("aa") and items[0]["age_seconds"] > 86400 and answer["ok"], "lost-list: a file", str(items))
    equal(call(server.data, "check")[1]["lost_files"], 1, "check counts it")
    answer = call(server.data, "lost-empty")[1]
    equal((answer["ok"], answer["files"], os.listdir(lost)), (True, 1, []), "lost-empty removes it")
    check("control, uid" in server.log_text() and "removed 1 files from lost/" in server.log_text(), "and the log says who did")
    equal(call(server.data, "user-list")[1]["code"], EOPNOTSUPP, "users: a server without a credentials file has none")

    with open(blob_files(server.data)[0][0], "r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    items, answer = call(server.data, "check")
    check(len(items) == 1 and "object bucket/large" in items[0]["finding"], "check: a damaged object is found", str(items))
    equal((answer["ok"], answer["findings"], answer["damaged"]), (True, 1, 1), "check: and counted")
    equal(call(server.data, "check", verify=False)[1]["findings"], 0, "check: only where bytes are read")
    check(server.stop(), "the server stops")
    check(not os.path.exists(path), "and takes the socket away")


def life_and_death():
    """What a killed server left is replaced; something else is not, and the server goes on without."""
    server = Server()
    server.kill()
    path = os.path.join(server.data, "control")
    check(os.path.exists(path), "a killed server leaves its socket")
    status, _, error = sluice("check", "--data", server.data)
    check(status == 0 and "checked by its server" not in error, "the store of a killed server is checked as a closed one", error)
    server = Server(data=server.data)
    alive(server, "the next one replaces it")
    server.stop()

    os.mkdir(path)
    server = Server(data=server.data)
    check("something else called control" in server.log_text(), "something else in its place is told", server.log_text())
    equal(server.request("GET", "/-/healthy")[0], 200, "and the server serves")
    equal(sluice("check", "--data", server.data)[0], 2, "a check can then not be made")
    server.stop()
    check(os.path.isdir(path), "nor is it touched")


def deep_path():
    data = scratch("deep")
    for i in range(6):
        data = os.path.join(data, "d" * 60)
    os.makedirs(data)
    server = Server(data=data)
    check(len(os.path.join(data, "control")) > 300, "a path longer than a socket's address")
    status, output, _ = sluice("status", "--data", data)
    check(status == 0 and "served = yes" in output, "its server is asked all the same", output)
    moved = scratch("moved")
    os.rename(data, moved)
    status, output, _ = sluice("status", "--data", moved)
    check(status == 0 and "served = yes" in output, "also after the directory was renamed", output)
    server.stop()
    check(not os.path.exists(os.path.join(moved, "control")), "and the socket goes with the server")


LIBRARY = """
import ctypes, os, sys
library, data = ctypes.CDLL(sys.argv[1]), sys.argv[2].encode()
store, server, report = ctypes.c_void_p(), ctypes.c_void_p(), (ctypes.c_uint64 * 32)()
assert library.sluice_store_open(ctypes.byref(store), data, None) == 0
assert library.sluice_server_start(ctypes.byref(server), store, None) == 0
print(os.path.exists(data + b"/control"), library.sluice_check(data, False, None, None, report), library.sluice_status(data, (ctypes.c_uint64 * 256)()))
"""


def library():
    """A server in a library has no such socket, unless it is asked for."""
    path = os.path.join(BUILD, "libsluice.so")
    if not os.path.exists(path):
        skip("a server in a library", "there is no shared library in this build")
        return
    result = subprocess.run([sys.executable, "-c", LIBRARY, path, fresh("library")], capture_output=True,
                            text=True, timeout=60)
    if "ASan runtime" in result.stderr:
        skip("a server in a library", "the sanitizer's library must be loaded first")
        return
    equal(result.stdout.split(), ["False", "-16", "-16"], "a server in a library has none, and others are told that the store is in use")


# ---- Who may ----

def as_nobody(action):
    """What the action returned in a process of user nobody."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            result = action()
        except OSError as error:
            result = error.errno
        os.write(write, json.dumps(result).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def foreign_user():
    if os.geteuid() != 0:
        skip("a foreign user is refused", "only root can become another user")
        return
    server = Server()
    above = server.data
    while above != "/tmp" and above != "/":
        os.chmod(above, 0o755)
        above = os.path.dirname(above)

    def attempt():  # by its path: /proc/self is closed to a process that has changed its user
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(os.path.join(server.data, "control"))
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(b'{"call":"lost-empty"}\n')
            return json.loads(sock.makefile().readline())

    equal(as_nobody(attempt), 13, "another user cannot connect")
    os.chmod(os.path.join(server.data, "control"), 0o666)
    answer = as_nobody(attempt)
    equal((answer["ok"], answer["code"]), (False, EACCES), "and is refused where the mode was widened")
    alive(server, "after that")
    server.stop()


# ---- Hostile lines ----

def hostile():
    server = Server()
    control = Control(server.data)
    for name, line, code in (("garbage", b"GET / HTTP/1.1\r", EBADMSG), ("an empty line", b"", EBADMSG), ("a list", b"[1]", EBADMSG),
                             ("a NUL", b'{"call":"status\0"}', EBADMSG), ("no UTF-8", b'{"call":"\xff"}', EBADMSG),
                             ("a name twice", b'{"call":"status","call":"check"}', EBADMSG), ("two objects", b'{"call":"status"}{}', EBADMSG),
                             ("deep nesting", b"[" * 16000, EBADMSG), ("no call", b"{}", EINVAL), ("a call that is a number", b'{"call":1}', EINVAL),
                             ("an unknown call", b'{"call":"shutdown"}', ENOSYS), ("too many members", b'{"call":"status","x":1}', EINVAL),
                             ("a member of the wrong type", b'{"call":"check","verify":"yes"}', EINVAL),
                             ("an unknown member", b'{"call":"check","verify":true,"fast":true}', EINVAL)):
        control.send(line + b"\n")
        answer = control.answer()[1]
        equal((answer["ok"], answer["code"]), (False, code), f"{name} is refused")
    check(control.call("status")[1]["ok"], "and the connection goes on")
    control.send(b'{"call":"status"}\n' * 50)
    check(all(control.answer()[1]["ok"] for _ in range(50)), "fifty lines at once are answered one after the other")
    line = b'{"call":"status"}'
    control.send(line + b" " * (16384 - len(line)) + b"\n")
    check(control.answer()[1]["ok"], "the longest line")
    control.send(line + b" " * (16385 - len(line)) + b"\n")
    equal(control.answer()[1]["code"], EMSGSIZE, "one byte more is too many")
    equal(control.answer()[1], None, "and ends the connection")
    control.close()

    for name, data in (("half a line", b'{"call":'), ("nothing", b""), ("a long half", b"x" * 16384)):
        control = Control(server.data)
        control.send(data)
        control.socket.shutdown(socket.SHUT_WR)
        equal(control.answer()[1], None, f"{name} and the end: no answer")
        control.close()
    control = Control(server.data)
    control.send(b'{"call":"check"}\n')
    control.socket.shutdown(socket.SHUT_WR)
    check(control.answer()[1]["ok"], "who says that nothing more comes is answered")
    control.close()

    many = [opened(server.data) for _ in range(16)]
    check(all(control.call("status")[1]["ok"] for control in many), "sixteen connections at once")
    extra = Control(server.data)
    equal(extra.answer()[1]["code"], EAGAIN, "the next one is refused")
    extra.close()
    many.pop().close()
    check(call(server.data, "status")[1]["ok"], "until one of them goes")
    for control in many:
        control.close()

    slow = [opened(server.data) for _ in range(5)]
    for control in slow:
        control.send(b'{"call":')
    alive(server, "beside slow ones")
    ends = [control.answer()[1] for control in slow]
    check(ends == [None] * 5, "a line that does not come to its end is given up", str(ends))
    for control in slow:
        control.close()
    check(server.stop(), "the server stops")


# ---- Beside the work ----

def beside_the_work():
    """Checks while objects come and go find nothing; a second check waits for none; a stop ends one."""
    server = Server(args=["--durability", "relaxed"])
    server.request("PUT", "/bucket")
    over, failures = threading.Event(), []

    def work(name):
        connection = server.connect()
        for i in range(1 << 30):
            if over.is_set():
                break
            body = os.urandom(1000 if i % 3 else 200_000)
            for method, data in (("PUT", body), ("GET", None)) if i % 5 else (("DELETE", None),):
                connection.request(method, f"/bucket/{name}-{i % 40}", body=data)
                response = connection.getresponse()
                got = response.read()
                if response.status >= 300 or (method == "GET" and got != body):
                    failures.append((method, i, response.status))
        connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    found = []
    for _ in range(15):
        items, answer = call(server.data, "check")
        found += items + ([answer] if not answer["ok"] or answer["findings"] else [])
    over.set()
    for thread in threads:
        thread.join()
    equal(found, [], "checks beside uploads and deletes find nothing")
    equal(failures, [], "which are not disturbed")

    for i in range(4):
        server.request("PUT", f"/bucket/big{i}", body=bytes(64 << 20))
    control = Control(server.data)
    control.send(b'{"call":"check"}\n' * 100)
    check(server.stop(), "a stop does not wait for checks")
    control.close()


# ---- The program: live or not ----

def alike():
    """The same words, whether the store is served or not."""
    def say(data):
        return [sluice(*words, "--data", data)[:2] for words in (["check"], ["check", "--no-verify"], ["lost"], ["lost", "--list"])]

    server = Server()
    server.request("PUT", "/bucket")
    for i in range(30):
        server.request("PUT", f"/bucket/k%0a{i}", body=os.urandom(100 if i % 2 else 90_000))
    server.stop()
    with open(blob_files(server.data)[0][3], "r+b") as file:
        file.seek(77)
        file.write(b"damage")
    os.unlink(blob_files(server.data)[0][4])
    os.makedirs(os.path.join(server.data, "lost"))
    for name in ("20200101T000000Z-a", "20210101T000000Z-b"):
        with open(os.path.join(server.data, "lost", name), "wb") as file:
            file.write(b"z" * 9000)
    stopped = say(server.data)
    status, output, _ = sluice("status", "--data", server.data)
    check(status == 0 and "served = no" in output and "objects = 30" in output, "status of a store that no server has open", output)
    server = Server(data=server.data, args=["--lost-days", "36500", "--lost-share", "100"])
    live = say(server.data)
    check(stopped[0][0] == 1 and "NOT CLEAN" in stopped[0][1] and "2 files" in stopped[0][1], "a check of the closed store", str(stopped[0]))
    for name, one, other in zip(("check", "check --no-verify", "lost", "lost --list"), stopped, live):
        equal(other, one, f"{name}: the same of the served store")
    status, output, _ = sluice("status", "--data", server.data)
    check(status == 0 and "served = yes" in output and f"listen = {server.host}:{server.port}" in output and "objects = 30" in output,
          "status of the served store", output)
    equal(sluice("lost", "--empty", "--data", server.data)[:2], (0, "removed 2 files, 24576 bytes\n"), "lost --empty, served")
    equal(sluice("lost", "--empty", "--data", server.data)[:2], (0, "removed 0 files, 0 bytes\n"), "again")
    server.stop()
    equal(sluice("lost", "--empty", "--data", server.data)[:2], (0, "removed 0 files, 0 bytes\n"), "and of the closed store")
    equal(sluice("check", "--data", scratch("nowhere"))[0], 2, "no store, no check")
    equal(sluice("status", "--data", scratch("nowhere"))[0], 2, "nor a status")


def users():
    credentials, other = scratch("credentials"), scratch("other")
    for path in (credentials, other):
        with open(path, "w") as file:
            file.write("user first\n")
        os.chmod(path, 0o600)
    server = Server(args=["--credentials", credentials])
    data = server.data
    status, output, _ = sluice("user", "add", "alice", "--data", data)
    made = dict(line.split(" = ") for line in output.splitlines())
    check(status == 0 and made["user"] == "alice", "user add through the server", output)
    client = s3_client(server, made["access-key"], made["secret-key"])
    check(client.create_bucket(Bucket="alices") is not None, "the key is good at once")
    check(made["secret-key"] not in server.log_text(), "and its secret in no log")
    status, _, error = sluice("user", "add", "alice", "--data", data)
    check(status == 1 and "alice" in error, "user add: twice", error)
    status, _, error = sluice("user", "add", "../evil name", "--data", data)
    check(status == 2 and error != "", "user add: a name that cannot be", error)
    served = sluice("user", "list", "--data", data)
    equal(served, sluice("user", "list", "--credentials", credentials), "user list: the same from file and server")
    status, output, _ = sluice("user", "rotate", "alice", "--keep-old", "--data", data)
    rotated = dict(line.split(" = ") for line in output.splitlines())
    check(status == 0 and s3_client(server, rotated["access-key"], rotated["secret-key"]).list_buckets()["Buckets"], "user rotate")
    check(client.list_buckets()["Buckets"], "the old key is kept where that was said")
    equal(sluice("user", "rotate", "nobody", "--data", data)[0], 1, "user rotate: none of that name")
    # Which file is meant.
    equal(sluice("user", "add", "bob", "--data", data, "--credentials", other)[0], 0, "a file beside the action is meant")
    check("bob" in open(other).read() and "bob" not in open(credentials).read(), "and not the server's")
    equal(sluice("user", "add", "carol", "--data", data, env={"SLUICE_CREDENTIALS": other})[0], 0, "a directory beside the action goes before the environment's file")
    check("carol" in open(credentials).read() and "carol" not in open(other).read(), "for its server knows its own")
    equal(sluice("user", "add", "dan", env={"SLUICE_CREDENTIALS": other})[0], 0, "without a directory, that file")
    check("dan" in open(other).read(), "is changed")
    equal(sluice("user", "remove", "alice", "--data", data), (0, "", ""), "user remove")
    with contextlib.suppress(Exception):
        client.list_buckets()
        check(False, "a removed user's key")
    check("alice" not in open(credentials).read(), "is gone")
    server.stop()
    equal(sluice("user", "add", "eve", "--data", data, env={"SLUICE_CREDENTIALS": other})[0], 0, "when the server is gone, the file that is known")
    check("eve" in open(other).read(), "is changed again")
    status, _, error = sluice("user", "list", "--data", data)
    check(status == 2 and "--credentials" in error, "and without one it says what is missing", error)


# ---- By HTTP ----

def by_http():
    credentials = scratch("admins")
    with open(credentials, "w") as file:
        file.write("user first\nkey ADMINKEY admin/secret *=admin\nkey ALLKEY all/secret *=all\n"
                   "key SOMEKEY some/secret bucket*=all\nkey READKEY read/secret *=read,write,list\nkey OWNKEY own/secret owner:first @own=all\nanonymous *=all\n")
    os.chmod(credentials, 0o600)
    server = Server(args=["--credentials", credentials, "--admin-http"])
    host = f"{server.host}:{server.port}"

    def ask(access, secret, body, method="POST", path="/-/admin/", payload=None, spoil=lambda body: body):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = Signer(access, secret).headers(method, path, host, payload or hashlib.sha256(body).hexdigest()) if access else {}
        status, _, text = server.request(method, path, body=spoil(body), headers=headers)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, error_code(text)

    for access, secret in (("ADMINKEY", "admin/secret"), ("ALLKEY", "all/secret")):
        status, answer = ask(access, secret, {"call": "status"})
        equal((status, answer["ok"], answer["pid"]), (200, True, server.pid), f"status by HTTP for {access}")
    for access, secret in (("SOMEKEY", "some/secret"), ("READKEY", "read/secret"), ("OWNKEY", "own/secret"), (None, None)):
        equal(ask(access, secret, {"call": "status"}), (403 if access else 401, "AccessDenied"), f"not for {access or 'anybody'}")
    admin = ("ADMINKEY", "admin/secret")
    equal(ask("ADMINKEY", "wrong", {"call": "status"})[0], 403, "nor for a wrong signature")
    equal(ask(*admin, {"call": "status"}, payload="UNSIGNED-PAYLOAD"), (403, "AccessDenied"), "nor for a body that is not signed")
    equal(ask(*admin, {"call": "lost-list"}, spoil=lambda body: body.replace(b"list", b"lisp"))[0], 400, "nor for another body than the signed one")
    client = s3_client(server, *admin)
    query, _ = Signer(*admin).presign("POST", "/-/admin/", host)
    status, _, text = server.request("POST", "/-/admin/?" + query, body=b'{"call":"status"}')
    equal((status, error_code(text)), (403, "AccessDenied"), "nor for a URL that was passed on")
    equal(ask(*admin, b"", method="GET")[0], 405, "GET is no call")
    for body, status in ((b"garbage", 400), (b"[]", 400), ({"call": "nonsense"}, 400), ({"call": "status", "x": 1}, 400),
                         ({"call": "user-remove", "name": "nobody"}, 404), ({"call": "user-add", "name": "first"}, 409)):
        equal(ask(*admin, body)[0], status, f"{body} is {status}")
    equal(ask(*admin, b" " * 16385)[0], 400, "too large a body")
    status, answer = ask(*admin, {"call": "user-add", "name": "second"})
    check(status == 200 and s3_client(server, answer["access_key"], answer["secret_key"]).list_buckets() is not None, "user-add by HTTP", str(status))
    status, answer = ask(*admin, {"call": "user-list"})
    check("second" in [item["user"] for item in answer["items"]], "user-list by HTTP")
    client.create_bucket(Bucket="bucket")
    server.request("PUT", "/bucket/key", body=b"x" * 100_000)
    with open(blob_files(server.data)[0][0], "r+b") as file:
        file.write(b"damage")
    status, answer = ask(*admin, {"call": "check"})
    check(status == 200 and answer["damaged"] == 1 and "bucket/key" in answer["items"][0]["finding"], "check by HTTP", str(answer))
    # A stop does not wait for checks.
    for i in range(6):
        server.request("PUT", f"/bucket/big{i}", body=bytes(64 << 20))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(*admin, {"call": "check"})[0])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(set(answers) <= {200, 409, 503} and 200 in answers, "one check at a time, and no more calls than may be", str(answers))
    body = b'{"call":"check"}'
    connection = server.connect()
    connection.request("POST", "/-/admin/", body=body, headers=Signer(*admin).headers("POST", "/-/admin/", host, hashlib.sha256(body).hexdigest()))
    check(server.stop(), "a stop does not wait for a check by HTTP")
    connection.close()

    server = Server(keys=True)
    equal(server.request("POST", "/-/admin/", body=b'{"call":"status"}')[0], 404, "without --admin-http there is no such name")
    server.stop()
    server = Server(args=["--admin-http"])
    headers = Signer("any", "any").headers("POST", "/-/admin/", f"{server.host}:{server.port}", hashlib.sha256(body).hexdigest())
    equal([server.request("POST", "/-/admin/", body=body, headers=how)[0] for how in ({}, headers)], [403, 403], "an open server lets nobody in there")
    server.stop()


the_calls()
life_and_death()
deep_path()
library()
foreign_user()
hostile()
beside_the_work()
alike()
users()
by_http()
done()
