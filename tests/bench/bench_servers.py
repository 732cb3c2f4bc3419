# SPDX-License-Identifier: MIT
"""The servers that are measured, behind one interface: start, load, request, stop. Here is what they share, and Sluice itself;
bench_others.py has the rest.

`offers` says what a server can do: "get", "put", "s3" (lists, multi-object deletes, multipart), "fresh" (a second instance can be
started, to see its memory and its start), "names" (objects side by side, several clients), "files" (the files are in its
`folder`, so that they can be made cold), "signed" (only the cases that are meant for signed requests), "disk" (the disk itself); and for
what users meet (bench_users.py) "own" (GETs of what was uploaded to it), "put-own", "own-s3", "keys" (what a signature costs).
`put_floor` names the column that its PUTs are to be compared with."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from bench_presign import UNSIGNED, client_body_sha256, presign, sign_by_header
from bench_system import cpu_seconds


HEADERS_LAST = 600 # seconds: signed fields are good for 900


class Failure(RuntimeError):
    """A server did not do what it was to do; the case is left out for it."""


class Server:
    offers = frozenset()
    put_floor = "floor"
    host, port, pid, process, host_field = "127.0.0.1", 0, None, None, "localhost"
    is_tls = False

    def __init__(self, suite, name):
        self.suite, self.name = suite, name
        self.folder = os.path.join(suite.folder, name)
        self.there = set()
        self.linked = {} # bytes of objects that are Sluice's own files under a second name: see link_stored

    # ---- The client ----

    def load_start(self, kind, path, size, connections, amount, query="", **options):
        """Starts the client; load_end gives its figures. options: those of load.c, shared=True: it is not alone on its core, and idle=True:
        it is to leave that core to the others."""
        idle, shared = options.pop("idle", False), options.pop("shared", False)
        served = self.linked.get(path, size) if kind == "get" else size
        options.setdefault("spin", int(self.suite.cores.pinned and not shared and (kind == "get" or size <= 1 << 20)))
        path = self.target(kind, path, size, query, options)
        if self.is_tls:
            options["tls"] = 1
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [self.suite.tool("load"), *words, "--host", self.host_field, kind, self.host, str(self.port), path, str(size), str(connections), str(amount)]
        client = self.suite.cores.client_process(command, idle=idle, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        self.suite.clients.append(client)
        client.expected_bytes = served if kind in ("get", "put") and "range" not in options and size > 0 else None
        return client

    def target(self, kind, path, size, query, options):
        for name in ("by_header", "exactly"):
            options.pop(name, None)
        return path + ("?" + query if query else "")

    def load_end(self, client):
        try:
            out, error = client.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            client.kill()
            raise Failure(f"{self.name}: the client was not done after ten minutes") from None
        self.suite.clients.remove(client)
        if client.returncode != 0:
            raise Failure(f"{self.name}: {(error or out).strip()}")
        figures = json.loads(out)
        if figures["ops"] == 0:
            raise Failure(f"{self.name}: no answer within the time")
        if client.expected_bytes is not None and figures["bytes"] != figures["ops"] * client.expected_bytes:
            raise Failure(f"{self.name}: {figures['ops']} bodies of {client.expected_bytes} bytes were {figures['bytes']} bytes")
        return figures

    def load(self, kind, path, size, connections, amount, **options):
        """Runs the client once; its figures, with the server's CPU seconds."""
        before = self.cpu()
        figures = self.load_end(self.load_start(kind, path, size, connections, amount, **options))
        if self.pid:
            time.sleep(0.05) # io_uring and writeback finish a moment later, on the server's account
            figures["cpu"] = self.cpu() - before
        return figures

    def cpu(self):
        return cpu_seconds(self.pid) if self.pid else 0

    # ---- Single requests ----

    def need(self, path, size, count=1):
        """Makes sure the object is there; count > 1: that many, the path holding a %d."""
        if (path, size) not in self.there:
            self.load("put", path, size, min(count, 8), f"{count}x", exactly=count)
            self.there.add((path, size))

    def need_large(self, path, size):
        """As need, for one object that the servers of files share: see link_stored."""
        self.need(path, size)

    def link_stored(self, path, size, name):
        """Whether the file is now a second name of the one in which Sluice keeps that object. Where in memory a file's pages lie makes
        more of a difference to a copy out of them than the servers do, so that all are to serve the same pages. The record that follows the
        object in the file, some hundred bytes, is served with it."""
        stored = self.suite.stored_file(path, size)
        if stored is None:
            return False
        os.link(stored, name)
        os.chmod(name, 0o644) # servers that drop their rights
        self.linked[path] = os.path.getsize(name)
        return True

    def remove(self, path, size, count):
        """Deletes objects 0 .. count - 1, those that are there, and gives the file system time to take the space back."""
        for number in range(count):
            try:
                self.request("DELETE", path.replace("%d", str(number)))
            except Failure as error:
                if ": 404 " not in str(error):
                    raise

    def request(self, method, path, query="", body=b"", headers=()):
        connection = self.connection()
        try:
            connection.request(method, self.request_target(method, path, query), body, {"Host": self.host_field, **dict(headers)})
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{self.name}: {method} {path}: {error}") from None
        finally:
            connection.close()
        if answer.status >= 300:
            raise Failure(f"{self.name}: {method} {path}: {answer.status} {data[:300]}")
        return data

    def connection(self):
        if self.is_tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=600, context=ssl._create_unverified_context())
        return http.client.HTTPConnection(self.host, self.port, timeout=600)

    def request_target(self, method, path, query):
        return path + ("?" + query if query else "")

    def answers(self, path="/"):
        """Waits for the first answer of any status."""
        for _ in range(60000):
            try:
                with socket.create_connection((self.host, self.port), timeout=5) as connection:
                    if self.is_tls:
                        connection = ssl._create_unverified_context().wrap_socket(connection)
                    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.host_field}\r\nConnection: close\r\n\r\n".encode())
                    if connection.recv(1):
                        return
            except ConnectionRefusedError:
                pass
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with status {self.process.returncode}")
            time.sleep(0.0005)
        raise Failure(f"{self.name} does not answer")

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = self.pid = None


class Signing:
    """For servers that want signatures: requests are signed beforehand, so the client costs what it costs elsewhere."""
    keys = ("", "", "us-east-1")
    NUMBERS_MAX, MIX_MAX = 10000, 5000

    def request_target(self, method, path, query):
        if not self.keys[0]:
            return super().request_target(method, path, query)
        return presign(method, self.host_field, path, query, *self.keys)

    def target(self, kind, path, size, query, options):
        """by_header: signed in fields of the head, with the digest of what is sent; "unsigned": without. exactly: for so many numbers."""
        by_header, exactly = options.pop("by_header", False), options.pop("exactly", None)
        if not self.keys[0]:
            return super().target(kind, path, size, query, {})
        first = options.pop("first", 0)
        numbered = "%d" in path + query
        count = (exactly or min(options.get("keys", self.NUMBERS_MAX), self.NUMBERS_MAX)) if numbered else 1
        what = kind, path, size, query, first, count, by_header
        name, made = self.signed.get(what, (None, 0))
        if name is None or by_header and time.monotonic() - made > HEADERS_LAST:
            name = self.signed_paths(kind, range(first, first + count), path, size, query, by_header)
            self.signed[what] = name, time.monotonic()
        options["paths"] = name
        return "/"

    def signed_paths(self, kind, numbers, path, size, query, by_header):
        """A file for load.c's --paths. A mixed run asks for the numbers, and puts and deletes others."""
        methods = {kind.upper(): numbers}
        if kind == "mix":
            methods = {"GET": numbers, "HEAD": numbers, "PUT": range(self.MIX_MAX), "DELETE": range(self.MIX_MAX)}
        descriptor, name = tempfile.mkstemp(dir=self.suite.folder)
        with open(descriptor, "w") as out:
            for method, wanted in methods.items():
                for number in wanted:
                    words = path.replace("%d", str(number)), query.replace("%d", str(number))
                    print(method, self.signed_line(method, *words, size, by_header), file=out)
        return name

    def signed_line(self, method, path, query, size, by_header):
        """A line of load.c's --paths."""
        if not by_header:
            return self.request_target(method, path, query)
        payload = UNSIGNED if by_header == "unsigned" else client_body_sha256(size if method == "PUT" else 0)
        target, fields = sign_by_header(method, self.host_field, path, query, payload, *self.keys)
        return "\t".join([target, *fields])


class Sluice(Server):
    offers = frozenset({"get", "put", "s3", "fresh", "names", "files", "own", "put-own", "own-s3"})
    program = None # else the suite's

    def __init__(self, suite, name, *flags, data=None):
        super().__init__(suite, name)
        self.flags, self.put_floor = flags, "floor" if "relaxed" in flags else "floor+sync"
        self.folder = data or self.folder
        self.start()
        if not data:
            self.request("PUT", "/bench")

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}

    def start(self):
        began = time.monotonic()
        self.process = self.suite.cores.server_process(
            [self.program or self.suite.binary, "serve", "--data", self.folder, "--listen", "127.0.0.1:0", *self.flags],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment())
        line = self.process.stdout.readline()
        if "://" not in line:
            raise Failure(f"{self.name} did not start")
        self.pid = self.process.pid
        self.port = int(line.split("://")[1].split()[0].rsplit(":", 1)[1])
        self.host_field = f"{self.host}:{self.port}"
        self.answers("/-/healthy")
        self.start_ms = (time.monotonic() - began) * 1e3

    def fresh(self):
        return type(self)(self.suite, f"{self.name}-{time.monotonic_ns()}", *self.flags)

    def blob_file(self, size):
        """The file of the large object of that size, the latest one. A record of less than 128 bytes follows the object's."""
        names = [os.path.join(where, name) for where, _, files in os.walk(os.path.join(self.folder, "blobs")) for name in files]
        return max((name for name in names if size <= os.path.getsize(name) < size + 128), key=os.path.getmtime)


def certificate(suite):
    """A certificate that it has signed itself, and its key: ECDSA, as most are today."""
    paths = os.path.join(suite.folder, "tls.crt"), os.path.join(suite.folder, "tls.key")
    if not os.path.exists(paths[0]):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-out", paths[0], "-keyout", paths[1]], check=True, stderr=subprocess.DEVNULL)
    return paths


class TlsSluice(Sluice):
    """HTTPS. Relaxed, for what it is compared with never syncs."""
    offers, is_tls = frozenset({"tls"}), True

    def __init__(self, suite, name):
        pair = certificate(suite)
        super().__init__(suite, name, "--durability", "relaxed", "--tls-certificate", pair[0], "--tls-key", pair[1])
        self.put_floor = "nginx-tls"


class SignedSluice(Signing, Sluice):
    """With a key, and every request signed, in its query if not told otherwise."""
    offers = frozenset({"signed", "own", "put-own", "own-s3"})
    keys = ("AKIDBENCHMARK", "a-secret-of-the-benchmark", "us-east-1")

    def __init__(self, suite, name, *flags):
        self.signed = {}
        super().__init__(suite, name, *flags)

    def environment(self):
        return {**super().environment(), "SLUICE_ACCESS_KEY": self.keys[0], "SLUICE_SECRET_KEY": self.keys[1]}


class SignedRelaxedSluice(SignedSluice):
    """Relaxed too: for what users meet, and for what a signature costs, which syncs would hide."""
    offers = frozenset({"own", "put-own", "own-s3", "keys"})

    def __init__(self, suite, name):
        super().__init__(suite, name, "--durability", "relaxed")
