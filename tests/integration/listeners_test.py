#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where a server serves: several addresses, socket files, and sockets that systemd hands over."""
import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, exchange, fresh, have, make_certificate, poll, run, s3_client, scratch, skip

FILE = os.path.join(os.path.realpath(scratch()), "s.sock")
UNIX = f"unix:{FILE}"


class Connection(http.client.HTTPConnection):
    """By a socket file."""

    def __init__(self, path=FILE, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(method, path, body=None, headers=None, file=FILE):
    return exchange(Connection(file), method, path, body, headers)


def conversation(sent, file=FILE):
    """Bytes as they are; all that comes back."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(file)
        sock.sendall(sent)
        received = b""
        with contextlib.suppress(socket.timeout, ConnectionError):
            while block := sock.recv(65536):
                received += block
    return received


def refused(name, contains, *args, status=2, env=None):
    got, output = run([SLUICE, "serve", "--data", fresh("refused"), *args], env=env, timeout=60)
    check(got == status and contains in output, name, f"status {got}: {output}")


def mode_of(path):
    return oct(stat.S_IMODE(os.lstat(path).st_mode))


# ---- Several of them ----------------------------------------------------------------------------------------------------------


def several():
    server = Server(args=["--listen", "[::1]:0", "--listen", UNIX, "--bucket", "bucket"])
    with socket.socket() as probe:  # what the test's server was started with first
        probe.connect((server.host, server.port))
    code, output = run([SLUICE, "status", "--data", server.data])
    places = re.search(r"^places = (.*)$", output, re.MULTILINE)[1].split()
    equal([re.sub(r":\d+$", ":PORT", place) for place in places], ["http://127.0.0.1:PORT", "http://[::1]:PORT", UNIX], "status lists all of them")
    port = int(places[1].rsplit(":", 1)[1])
    equal(exchange(http.client.HTTPConnection("::1", port), "GET", "/-/healthy")[0], 200, "the second address is served")
    equal((ask("GET", "/-/healthy")[::2], server.request("GET", "/-/healthy")[0]), ((200, b"ok\n"), 200), "so are the socket file and the first")
    equal(run([SLUICE, "ping", "--listen", UNIX]), (0, "healthy\n"), "ping asks by a socket file")
    equal(run(["curl", "-sS", "--unix-socket", FILE, "http://localhost/bucket", "-o", "/dev/null", "-w", "%{http_code}"]), (0, "200"), "so does curl")
    refused("an address in use is named", f"cannot listen on {server.host}:{server.port}: Address already in use", "--listen", "127.0.0.1:0", "--listen",
            f"{server.host}:{server.port}", status=1)
    refused("one of several that is not loopback", "refusing to listen on 0.0.0.0:0 without a key", "--listen", "127.0.0.1:0", "--listen", "0.0.0.0:0")
    refused("too many", "more than 30", *["--listen", "127.0.0.1:0"] * 31)
    check(server.stop() and not os.path.exists(FILE), "at the end the socket file is gone")
    for wrong, text in (("unix:", "must have a path"), ("unix:@abstract", "must have a path"), ("unix:" + "x" * 108, "longer than 107")):
        refused(f"refused: {wrong[:20]}", text, "--listen", wrong)
    refused("a mode that is none", "octal", "--listen", UNIX, "--socket-mode", "rw")
    with open(fresh("listen.conf"), "w") as file:
        file.write(f"listen = 127.0.0.1:0\nlisten = {UNIX}\n")
    process = subprocess.Popen([SLUICE, "serve", "--data", fresh("by-file"), "--config", scratch("listen.conf")], stdout=subprocess.PIPE, text=True)
    check(re.fullmatch(rf"sluice: serving http://127.0.0.1:\d+ and {UNIX} from .*\n", process.stdout.readline()), "the line at start names all, also from the file")
    equal(ask("GET", "/-/healthy")[0], 200, "and they are served")
    process.terminate()
    process.wait(30)
    process.stdout.close()


# ---- Socket files -------------------------------------------------------------------------------------------------------------


def files():
    server = Server(args=["--listen", UNIX])
    equal(mode_of(FILE), "0o600", "a socket file is its owner's alone")
    got, output = run([SLUICE, "serve", "--data", fresh("second"), "--listen", UNIX], timeout=60)
    check(got == 1 and f"cannot listen on {UNIX}: Address already in use" in output, "one that is served is not taken away", output)
    equal(ask("GET", "/-/healthy")[0], 200, "and goes on being served")
    server.kill()
    check(os.path.exists(FILE), "kill -9 leaves it")
    before = os.umask(0)
    server = Server(args=["--listen", UNIX, "--socket-mode", "660"])
    os.umask(before)
    equal((mode_of(FILE), ask("GET", "/-/healthy")[0]), ("0o660", 200), "the next server replaces it, with the mode that it is told")
    os.rename(FILE, FILE + ".old")
    other = Server(args=["--listen", UNIX])
    equal(ask("GET", "/-/healthy")[0], 200, "a name that was moved away is free for another server")
    check(server.stop() and os.path.exists(FILE) and ask("GET", "/-/healthy")[0] == 200, "which keeps its file when the first ends")
    other.stop()
    os.unlink(FILE + ".old")

    with open(FILE, "w") as file:
        file.write("precious")
    refused("a file that is no socket is left alone", f"cannot listen on {UNIX}: File exists", "--listen", UNIX, status=1)
    with open(FILE) as file:
        equal(file.read(), "precious", "with what is in it")
    os.unlink(FILE)
    os.symlink("elsewhere", FILE)
    refused("so is a link", "File exists", "--listen", UNIX, status=1)
    os.unlink(FILE)
    refused("a folder that there is not", "No such file", "--listen", f"unix:{scratch('none')}/s.sock", status=1)
    data = fresh("inside")
    server = Server(data=data, args=["--listen", f"unix:{data}/s3.sock"])
    equal(ask("GET", "/-/healthy", file=f"{data}/s3.sock")[0], 200, "it may be in the data folder, which the server has locked")
    server.stop()

    # Two that start at once: one of them serves, and is not robbed by the other. Both would find the file stale, and remove it late.
    if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        skip("two that start at once", "strace may not trace here")
        return
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(FILE)
    stale.close()
    starting = [subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", "trace=unlink", "-e", "inject=unlink:delay_enter=400000", SLUICE, "serve", "--data", fresh(f"race-{i}"),
                                  "--listen", UNIX], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                 env={**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}) for i in range(2)]
    lines = sorted(bool(process.stdout.readline()) for process in starting)
    equal((lines, ask("GET", "/-/healthy")[0]), ([False, True], 200), "of two that start at once one serves")
    for process in starting:
        for pid in subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split():
            os.kill(int(pid), signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def requests():
    server = Server(args=["--listen", UNIX, "--bucket", "bucket", "--access-log", fresh("access.log"), "--access-log-format", "json", "--max-connections-per-address", "2"])
    body = os.urandom(30 << 20)
    equal(ask("PUT", "/bucket/large", body)[0], 200, "a large upload comes by a socket file")
    status, headers, back = ask("GET", "/bucket/large")
    equal((status, hashlib.sha256(back).digest()), (200, hashlib.sha256(body).digest()), "and goes back the same")
    equal(server.request("GET", "/bucket/large")[2] == body, True, "also by TCP")
    equal(ask("GET", "/bucket/large", headers={"Range": "bytes=7000000-9999999"})[2] == body[7000000:10000000], True, "a range")
    chunked = b"PUT /bucket/chunked HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    check(b"HTTP/1.1 200" in conversation(chunked + b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), "chunks, and a request behind them")
    equal(ask("GET", "/bucket/chunked")[2], b"hello world", "are stored")
    many = [Connection() for _ in range(20)]
    for connection in many:
        connection.request("GET", "/bucket/large", headers={"Range": "bytes=0-99999"})
    check(all(connection.getresponse().read() == body[:100000] for connection in many), "no bound of an address holds for a socket file")
    with socket.socket(socket.AF_UNIX) as sock:  # goes away in the middle
        sock.connect(FILE)
        sock.sendall(b"GET /bucket/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.recv(1000)
    slow = socket.socket(socket.AF_UNIX)
    slow.connect(FILE)
    slow.sendall(b"GET /bucket/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    time.sleep(0.3)
    received = 0
    while block := slow.recv(1 << 16):
        received += len(block)
    slow.close()
    check(received > len(body), "who reads late gets all of it", received)
    equal(ask("GET", "/bucket/chunked", headers={"Host": "evil.example"})[0], 403, "without keys a strange Host is refused there, too")
    equal(ask("GET", "/bucket/chunked", headers={"Origin": "http://evil.example"})[0], 403, "so is a page of elsewhere")
    for connection in many:  # idle ones do not hold the end up
        connection.request("GET", "/-/healthy")
        connection.getresponse().read()
    began = time.monotonic()
    check(server.stop() and time.monotonic() - began < 20, "it ends while connections idle")
    for connection in many:
        connection.close()
    with open(scratch("access.log")) as log:
        lines = [json.loads(line) for line in log]
    equal({line["remote"] for line in lines if line["path"] == "/bucket/chunked" and line["method"] == "GET"}, {"localhost"}, "the log calls such a client localhost")


def policies():
    """A client of a socket file has no address; a proxy at its other end may tell one."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}

    def policy(operator, address):
        return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": {operator: {"aws:SourceIp": address}}}]})

    server = Server(keys=True, args=["--listen", UNIX, "--bucket", "bucket"])
    client = s3_client(server)
    client.put_object(Bucket="bucket", Key="key", Body=b"body")
    signed = Signer(ACCESS, SECRET).headers("GET", "/bucket/key", "localhost")
    equal((ask("GET", "/bucket/key")[0], ask("GET", "/bucket/key", headers=signed)[0]), (401, 200), "keys count on a socket file")
    client.put_bucket_policy(Bucket="bucket", Policy=policy("IpAddress", "127.0.0.0/8"))
    equal((server.request("GET", "/bucket/key")[0], ask("GET", "/bucket/key")[0]), (200, 401), "aws:SourceIp is not there: no address is its")
    equal(ask("GET", "/bucket/key", headers={"X-Forwarded-For": "127.0.0.1"})[0], 401, "and nobody is believed who tells one")
    client.put_bucket_policy(Bucket="bucket", Policy=policy("IpAddressIfExists", "127.0.0.0/8"))
    equal(ask("GET", "/bucket/key")[0], 200, "IfExists takes that into account")
    server.stop()
    server = Server(data=server.data, keys=True, args=["--listen", UNIX, "--trusted-proxy", "unix"])
    client = s3_client(server)
    client.put_bucket_policy(Bucket="bucket", Policy=policy("IpAddress", "192.0.2.7"))
    got = [ask("GET", "/bucket/key", headers={"X-Forwarded-For": hops})[0] for hops in ("192.0.2.7", "192.0.2.8", "192.0.2.7, 192.0.2.8", "192.0.2.8, 192.0.2.7")]
    equal(got, [200, 403, 403, 200], "with --trusted-proxy unix the last hop is the client")
    equal(server.request("GET", "/bucket/key", headers={"X-Forwarded-For": "192.0.2.7"})[0], 401, "by TCP it is not believed")
    server.stop()


def announced():
    """A header of the PROXY protocol, where the other end of the socket file is a proxy."""
    request = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    line = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n"
    server = Server(args=["--listen", UNIX, "--proxy-protocol", "listen", "--trusted-proxy", "127.0.0.1"])
    check(conversation(request).startswith(b"HTTP/1.1 200"), "without --trusted-proxy unix no header is expected on a socket file")
    check(server.raw(line + request).startswith(b"HTTP/1.1 200") and not server.raw(request), "while it is by TCP")
    server.stop()
    server = Server(args=["--listen", UNIX, "--proxy-protocol", "listen", "--trusted-proxy", "unix", "--access-log", fresh("proxy.log")])
    check(conversation(line + request).startswith(b"HTTP/1.1 200") and not conversation(request), "with it one is")
    check(not server.raw(line + request), "and by TCP nobody may connect who is no trusted proxy")
    server.stop()
    with open(scratch("proxy.log")) as log:
        check(log.read().startswith("192.0.2.7 "), "the log has whom it names")


def certificates():
    certificate, key, authority = make_certificate()
    pair = ["--tls-certificate", certificate, "--tls-key", key]
    server = Server(args=[*pair, "--listen", UNIX, "--listen", "127.0.0.1:0"])
    code, output = run([SLUICE, "status", "--data", server.data])
    places = re.search(r"^places = (.*)$", output, re.MULTILINE)[1].split()
    equal([place.split(":")[0] for place in places], ["https", "unix", "https"], "with a certificate addresses are for HTTPS, and socket files are not")
    equal(ask("GET", "/-/healthy")[0], 200, "which are plain")
    for place in (places[0], places[2]):
        equal(run(["curl", "-sS", "--cacert", authority, f"{place}/-/healthy"]), (0, "ok\n"), f"{'the first' if place == places[0] else 'the other'} address is HTTPS")
    equal(run([SLUICE, "ping", "--listen", UNIX, *pair])[0], 0, "ping speaks plain HTTP to a socket file")
    server.stop()
    refused("a certificate that nothing is served with", "socket files are for plain HTTP", *pair, "--listen", UNIX)
    refused("which a check leaves open: systemd may have a socket for it", "the configuration is fine", *pair, "--listen", UNIX, "--check-config", status=0)


# ---- Sockets of systemd ---------------------------------------------------------------------------------------------------------


class Activated:
    """A server that gets sockets as systemd gives them."""

    def __init__(self, sockets, *args, names=None, pid=None, env=None):
        self.out = os.pipe()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "LISTEN_"))}
        environment.update({"LISTEN_FDS": str(len(sockets)), **({"LISTEN_FDNAMES": names} if names else {}), **(env or {})})
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(self.out[1], 1)
            os.dup2(self.out[1], 2)
            high = [os.dup(sock.fileno()) for sock in sockets]
            moved = [os.dup2(fd, 100 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(moved):
                os.dup2(fd, 3 + i)
            os.closerange(3 + len(sockets), 200)
            environment["LISTEN_PID"] = str(pid or os.getpid())
            os.execve(SLUICE, [SLUICE, "serve", *args], environment)
        os.close(self.out[1])
        self.output = os.fdopen(self.out[0], "r")
        self.line = self.output.readline()

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        rest = self.output.read()
        self.output.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), rest


def open_file(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    return sock


def activated():
    tcp, file, data = socket.create_server(("127.0.0.1", 0)), open_file(FILE), fresh("activated")
    port = tcp.getsockname()[1]
    server = Activated([tcp, file], "--data", data)
    equal(server.line, f"sluice: serving http://127.0.0.1:{port} and {UNIX} from {data}\n", "sockets of systemd's are served, and they alone")
    equal((exchange(http.client.HTTPConnection("127.0.0.1", port), "GET", "/-/healthy")[0], ask("GET", "/-/healthy")[0]), (200, 200), "both answer")
    with open(f"/proc/{server.pid}/environ", "rb"):
        equal(server.stop()[0], 0, "the server ends")
    check(os.path.exists(FILE), "and leaves the file, which is not its own")
    waiting = Connection()
    waiting.request("GET", "/-/healthy")  # systemd would start the server for it
    server = Activated([tcp, file], "--data", data, "--listen", "127.0.0.1:0", names="web:local")
    equal(len(server.line.split(" and ")), 3, "with --listen both are served")
    equal(waiting.getresponse().status, 200, "who has connected meanwhile is answered")
    waiting.close()
    server.stop()
    server = Activated([tcp], "--data", data, "--listen", "127.0.0.1:0", pid=1)
    check(f":{port} " not in server.line, "sockets that are for another process are not taken")
    server.stop()

    certificate, key, authority = make_certificate()
    second = socket.create_server(("127.0.0.1", 0))
    server = Activated([tcp, second, file], "--data", data, "--tls-certificate", certificate, "--tls-key", key, names="http:https:other")
    equal(server.line.split()[2:7:2], [f"http://127.0.0.1:{port}", f"https://127.0.0.1:{second.getsockname()[1]}", UNIX], "a name may say what a socket is for")
    equal(run(["curl", "-sS", "--cacert", authority, f"https://127.0.0.1:{second.getsockname()[1]}/-/healthy"]), (0, "ok\n"), "and it is that")
    server.stop()
    server = Activated([tcp], "--data", data, names="website")
    places = server.line.split()[2:5:2]
    equal((places[1], [exchange(http.client.HTTPConnection("127.0.0.1", int(place.rsplit(":", 1)[1])), "GET", "/-/healthy")[0] for place in places]),
          (f"http://127.0.0.1:{port}", [200, 404]), "one for websites serves them alone, beside what is served anyway")
    server.stop()
    server = Activated([tcp], "--data", data, names="https")
    check(server.stop()[0] != 0, "HTTPS wants a certificate")
    everywhere = socket.create_server(("0.0.0.0", 0))
    server = Activated([everywhere], "--data", data)
    check("without a key" in server.line and server.stop()[0] == 2, "one that is not loopback wants a key", server.line)
    server = Activated([socket.socket()], "--data", data)
    check("inherited socket" in server.line + server.stop()[1], "one that does not listen is refused", server.line)
    status, output = run([SLUICE, "serve", "--data", data, "--listen", "127.0.0.1:0", "--check-config"], env={"LISTEN_FDS": "1", "LISTEN_PID": "nonsense"})
    equal(status, 0, "nonsense in the variables is nobody's socket")
    for sock in (tcp, second, everywhere, file):
        sock.close()
    os.unlink(FILE)


def by_systemd():
    """The same by systemd's own program."""
    if not have("systemd-socket-activate"):
        skip("systemd-socket-activate", "not installed")
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(FILE)
    process = subprocess.Popen(["systemd-socket-activate", "-l", FILE, SLUICE, "serve", "--data", fresh("by-systemd")], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    check(poll(lambda: os.path.exists(FILE)), "systemd listens")
    equal(ask("GET", "/-/healthy")[0], 200, "the first connection starts the server, which answers it")
    check(f"serving {UNIX} from" in process.stdout.readline(), "it serves what systemd has opened")
    process.terminate()
    equal(process.wait(30), 0, "and ends with status 0")
    process.stdout.close()
    os.unlink(FILE)


several()
files()
requests()
policies()
announced()
certificates()
activated()
by_systemd()
done()
