# SPDX-License-Identifier: MIT
"""The servers that are measured, behind one interface: start, load, request, stop.

`offers` says what a server can do: "get", "put", "s3" (lists, multi-object deletes, multipart), "fresh" (a second instance can be
started, to see its memory and its start), "names" (objects side by side, several clients), "files" (the files are in its
`folder`, so that they can be made cold). `put_floor` names the column that its PUTs are to be compared with."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from bench_presign import presign
from bench_system import MIB, cpu_seconds


class Server:
    offers = frozenset()
    put_floor = "floor"
    host, port, pid, process, host_field = "127.0.0.1", 0, None, None, "bench"

    def __init__(self, suite, name):
        self.suite, self.name = suite, name
        self.folder = os.path.join(suite.folder, name)
        self.there = set()

    def load_start(self, kind, path, size, connections, amount, query="", **options):
        """Starts the client; load_end gives its figures. options: those of load.c."""
        options.setdefault("spin", int(kind == "get" and self.suite.cores.pinned and not options.get("shared", False)))
        options.pop("shared", None)
        if self.suite.cores.pinned:
            options["cpu"] = self.suite.cores.client
        path = self.target(kind, path, query, options)
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [self.suite.tool("load"), *words, "--host", self.host_field, kind, self.host, str(self.port), path, str(size), str(connections), str(amount)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True)

    def target(self, kind, path, query, options):
        return path + ("?" + query if query else "")

    def load_end(self, client):
        out, error = client.communicate(timeout=600)
        if client.returncode != 0:
            raise RuntimeError(f"{self.name}: {error or out}")
        return json.loads(out)

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

    def need(self, path, size, count=1):
        """Makes sure the object is there; count > 1: that many, the path holding a %d."""
        if (path, size) not in self.there:
            self.load("put", path, size, min(count, 8), f"{count}x")
            self.there.add((path, size))

    def request(self, method, path, query="", body=b"", headers=()):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=600)
        try:
            connection.request(method, self.request_target(method, path, query), body, {"Host": self.host_field, **dict(headers)})
            answer = connection.getresponse()
            data = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{self.name}: {method} {path}: {answer.status} {data[:300]}")
            return data
        finally:
            connection.close()

    def request_target(self, method, path, query):
        return path + ("?" + query if query else "")

    def answers(self, path="/"):
        """Waits for the first answer of any status."""
        for _ in range(20000):
            try:
                with socket.create_connection((self.host, self.port), timeout=5) as connection:
                    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.host_field}\r\nConnection: close\r\n\r\n".encode())
                    if connection.recv(1):
                        return
            except ConnectionRefusedError:
                pass
            time.sleep(0.001)
        raise RuntimeError(f"{self.name} does not answer")

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = self.pid = None


class Sluice(Server):
    offers = frozenset({"get", "put", "s3", "fresh", "names", "files"})

    def __init__(self, suite, name, *flags, data=None):
        super().__init__(suite, name)
        self.flags, self.put_floor = flags, "floor" if "relaxed" in flags else "floor+sync"
        self.folder = data or self.folder
        self.start()
        if not data:
            self.request("PUT", "/bench")

    def start(self):
        began = time.monotonic()
        self.process = self.suite.cores.server_process(
            [self.suite.binary, "serve", "--data", self.folder, "--listen", "127.0.0.1:0", *self.flags],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if "http://" not in line:
            raise RuntimeError(f"{self.name} did not start")
        self.pid = self.process.pid
        self.port = int(line.split("http://")[1].split()[0].rsplit(":", 1)[1])
        self.answers("/-/healthy")
        self.start_ms = (time.monotonic() - began) * 1e3

    def fresh(self):
        return Sluice(self.suite, f"{self.name}-{time.monotonic_ns()}", *self.flags)


class Static(Server):
    """A server of static files, with a configuration written for the run."""

    def launch(self, command, **options):
        began = time.monotonic()
        self.process = self.suite.cores.server_process(command, stderr=subprocess.DEVNULL, **options)
        self.pid = self.process.pid
        self.answers()
        self.start_ms = (time.monotonic() - began) * 1e3


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx(Static):
    offers = frozenset({"get", "put", "fresh", "names", "files"})

    def __init__(self, suite, name="nginx"):
        super().__init__(suite, name)
        root, self.port = self.folder, free_port()
        self.documents = os.path.join(root, "www")
        os.makedirs(os.path.join(self.documents, "bench"))
        with open(os.path.join(root, "nginx.conf"), "w") as conf:
            conf.write(f"""
                daemon off; user root; worker_processes {len(suite.cores.server)}; pid {root}/pid; error_log {root}/error.log crit;
                worker_rlimit_nofile 40000;
                events {{ worker_connections 16384; }}
                http {{
                    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;
                    open_file_cache max=10000; client_max_body_size 0; client_body_temp_path {root}/body;
                    client_body_buffer_size 64k; default_type application/octet-stream;
                    server {{ listen 127.0.0.1:{self.port} backlog=4096; root {self.documents};
                        location / {{ dav_methods PUT DELETE; create_full_put_path on; }} }}
                }}""")
        self.launch(["/usr/sbin/nginx", "-p", root, "-c", os.path.join(root, "nginx.conf")])

    def fresh(self):
        return Nginx(self.suite, f"nginx-{time.monotonic_ns()}")


class Lighttpd(Static):
    """Serves the files that nginx has."""
    offers = frozenset({"get", "fresh", "names", "files"})

    def __init__(self, suite, nginx, name="lighttpd"):
        super().__init__(suite, name)
        self.nginx, self.port, self.folder = nginx, free_port(), nginx.folder
        conf = os.path.join(suite.folder, f"{name}.conf")
        with open(conf, "w") as out:
            out.write(f"""
                server.document-root = "{nginx.documents}"
                server.bind = "127.0.0.1"
                server.port = {self.port}
                server.event-handler = "linux-sysepoll"
                server.network-backend = "sendfile"
                server.max-fds = 40000
                server.max-connections = 16384
                server.listen-backlog = 4096
                server.max-keep-alive-requests = 65535
                server.max-keep-alive-idle = 600
                mimetype.assign = ( "" => "application/octet-stream" )
                """)
        self.launch(["/usr/sbin/lighttpd", "-D", "-f", conf])

    def need(self, path, size, count=1):
        self.nginx.need(path, size, count)

    def fresh(self):
        return Lighttpd(self.suite, self.nginx, f"lighttpd-{time.monotonic_ns()}")


class Floor(Server):
    """The kernel calls alone. Another process for each measurement, since it knows one file. With sync, only PUTs: of large bodies
    as files with one fdatasync each, of small ones as records of one file with one fdatasync for all that wait."""
    SMALL = MIB

    def __init__(self, suite, sync):
        super().__init__(suite, "floor+sync" if sync else "floor")
        self.sync, self.offers = sync, frozenset({"put"} if sync else {"get", "put", "files"})
        os.makedirs(self.folder)

    def need(self, path, size, count=1):
        name = os.path.join(self.folder, f"get-{size}")
        if not os.path.exists(name):
            with open(name, "wb") as out:
                for _ in range(0, size, MIB):
                    out.write(os.urandom(min(size, MIB)))

    def load_start(self, kind, path, size, connections, amount, **options):
        self.stop() # the one before
        if kind == "get":
            command = ["get", os.path.join(self.folder, f"get-{size}"), "0"]
        elif self.sync and size <= self.SMALL:
            command = ["append", os.path.join(self.folder, "segment"), "0"]
        else:
            command = ["put", self.folder, "0"] + (["sync"] if self.sync else [])
        self.process = self.suite.cores.server_process([self.suite.tool("floor"), *command], stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.port = int(self.process.stdout.readline())
        self.before = cpu_seconds(self.pid)
        return super().load_start(kind, path, size, connections, amount, **options)

    def load(self, kind, path, size, connections, amount, **options):
        figures = self.load_end(self.load_start(kind, path, size, connections, amount, **options))
        figures["cpu"] = cpu_seconds(self.pid) - self.before
        return figures


class Endpoint(Server):
    """Some S3 server that runs already. Requests are signed beforehand, so the client costs what it costs elsewhere."""
    offers = frozenset({"get", "put", "s3", "names"})
    KEYS_MAX = 1000

    def __init__(self, suite, options):
        super().__init__(suite, options.name)
        url = urllib.parse.urlsplit(options.endpoint)
        if url.scheme != "http":
            raise SystemExit("--endpoint: only http:// can be measured")
        self.port = url.port or 80
        self.host_field = url.netloc
        self.host = socket.getaddrinfo(url.hostname, self.port, socket.AF_INET)[0][4][0]
        self.keys, self.pid = (options.access_key, options.secret_key, options.region), options.endpoint_pid
        os.makedirs(self.folder)
        try:
            self.request("PUT", "/bench")
        except RuntimeError as error:
            if "BucketAlready" not in str(error):
                raise

    def request_target(self, method, path, query):
        if not self.keys[0]:
            return super().request_target(method, path, query)
        return presign(method, self.host_field, path, query, *self.keys)

    def target(self, kind, path, query, options):
        if not self.keys[0]:
            return super().target(kind, path, query, options)
        numbered = "%d" in path + query
        first = options.pop("first", 0)
        count = min(options.get("keys", self.KEYS_MAX), self.KEYS_MAX) if numbered else 1
        descriptor, name = tempfile.mkstemp(dir=self.folder)
        with open(descriptor, "w") as out:
            for number in range(first, first + count):
                print(self.request_target(kind.upper(), path.replace("%d", str(number)), query.replace("%d", str(number))), file=out)
        options["paths"] = name
        return "/"


def servers(suite, options):
    found = [Floor(suite, False), Floor(suite, True), Sluice(suite, "sluice"), Sluice(suite, "relaxed", "--durability", "relaxed"),
             Sluice(suite, "standard", "--copy-mode", "standard")]
    if shutil.which("nginx", path="/usr/sbin"):
        found.append(Nginx(suite))
        if shutil.which("lighttpd", path="/usr/sbin"):
            found.append(Lighttpd(suite, found[-1]))
    if options.endpoint:
        found.append(Endpoint(suite, options))
    wanted = options.servers.split(",") if options.servers else [server.name for server in found]
    for server in found:
        if server.name not in wanted and not (server.name == "nginx" and "lighttpd" in wanted): # whose files the other serves
            server.stop()
    return [server for server in found if server.name in wanted]
