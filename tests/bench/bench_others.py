# SPDX-License-Identifier: MIT
"""The servers that Sluice is compared with: the floor, nginx, lighttpd, and any S3 server by its URL."""
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse

from bench_servers import Failure, Server, Signing, SignedRelaxedSluice, SignedSluice, Sluice, TlsSluice, certificate
from bench_system import MIB, cpu_seconds

NGINX, LIGHTTPD, WEBDAV = "/usr/sbin/nginx", "/usr/sbin/lighttpd", "/usr/lib/lighttpd/mod_webdav.so"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Static(Server):
    """A server of static files, with a configuration written for the run."""

    def __init__(self, suite, name):
        super().__init__(suite, name)
        self.port, self.documents = free_port(), os.path.join(self.folder, "www")
        os.makedirs(os.path.join(self.documents, "bench"))
        self.conf = os.path.join(self.folder, "conf")
        with open(self.conf, "w") as out:
            out.write(self.configuration())
        began = time.monotonic()
        self.process = suite.cores.server_process(self.command(), stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.answers()
        self.start_ms = (time.monotonic() - began) * 1e3

    def fresh(self):
        return type(self)(self.suite, f"{self.name}-{time.monotonic_ns()}")

    def need_large(self, path, size):
        if (path, size) in self.there or not self.link_stored(path, size, self.documents + path):
            self.need(path, size)
        self.there.add((path, size))


class Nginx(Static):
    """With tcp_nopush for the smallest bodies only: it saves them a segment, but makes it stall for 40 ms now and then where a body takes
    several, and costs it half its throughput on large ones."""
    offers = frozenset({"get", "put", "fresh", "names", "files", "own", "put-own"})
    nopush = "off"

    def tls(self):
        return "backlog=4096;"

    def command(self):
        return [NGINX, "-p", self.folder, "-c", self.conf]

    def configuration(self):
        return f"""
            daemon off; {"user root;" if os.geteuid() == 0 else ""} worker_processes {len(self.suite.cores.server)};
            pid {self.folder}/pid; error_log {self.folder}/error.log crit; worker_rlimit_nofile {self.suite.descriptors};
            events {{ worker_connections 16384; }}
            http {{
                access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 600;
                open_file_cache max=10000; client_max_body_size 0; client_body_temp_path {self.folder}/body;
                client_body_buffer_size 64k; default_type application/octet-stream;
                server {{ listen 127.0.0.1:{self.port} {self.tls()} root {self.documents};
                    dav_methods PUT DELETE; create_full_put_path on;
                    location / {{ tcp_nopush {self.nopush}; }}
                    location /bench/get-4096- {{ tcp_nopush on; }} }}
            }}"""


class CorkedNginx(Nginx):
    """With tcp_nopush for all bodies: then the segments of large ones are full, and clients that sleep are woken less often."""
    offers, nopush = frozenset({"own", "put-own"}), "on"


class TlsNginx(Nginx):
    """HTTPS."""
    offers, is_tls, put_floor = frozenset({"tls"}), True, "nginx-tls"

    def tls(self):
        pair = certificate(self.suite)
        return f"ssl backlog=4096; ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]}; ssl_protocols TLSv1.2 TLSv1.3;"


class Lighttpd(Static):
    """Puts, where Debian's WebDAV module for it is there."""

    def __init__(self, suite, name="lighttpd"):
        self.dav = os.path.exists(WEBDAV)
        self.offers = frozenset({"get", "fresh", "names", "files"} | ({"put", "own", "put-own"} if self.dav else set()))
        super().__init__(suite, name)

    def command(self):
        return [LIGHTTPD, "-D", "-f", self.conf]

    def configuration(self):
        cores = len(self.suite.cores.server)
        dav = 'server.modules = ( "mod_webdav" )\nwebdav.activate = "enable"' if self.dav else ""
        return f"""
            server.document-root = "{self.documents}"
            server.upload-dirs = ( "{self.folder}" )
            server.bind = "127.0.0.1"
            server.port = {self.port}
            server.event-handler = "linux-sysepoll"
            server.network-backend = "sendfile"
            server.max-worker = {cores if cores > 1 else 0}
            server.max-fds = {self.suite.descriptors}
            server.max-connections = 16384
            server.listen-backlog = 4096
            server.max-keep-alive-requests = 65535
            server.max-keep-alive-idle = 600
            mimetype.assign = ( "" => "application/octet-stream" )
            {dav}
            """

    def need(self, path, size, count=1):
        if self.dav:
            super().need(path, size, count)
        elif (path, size) not in self.there:
            for number in range(count):
                with open(self.documents + path.replace("%d", str(number)), "wb") as out:
                    for at in range(0, size, MIB):
                        out.write(os.urandom(min(size - at, MIB)))
            self.there.add((path, size))


class Floor(Server):
    """The kernel calls alone. Another process for each measurement, since it knows one file. With sync, only PUTs: of large bodies
    as files with one fdatasync each, of small ones as records of one file with one fdatasync for all that wait."""
    SMALL = MIB

    def __init__(self, suite, sync):
        super().__init__(suite, "floor+sync" if sync else "floor")
        self.sync, self.offers = sync, frozenset({"put"} if sync else {"get", "put", "files", "disk"})
        self.files = os.path.join(self.folder, "files")
        os.makedirs(self.folder)

    def need(self, path, size, count=1):
        name = os.path.join(self.folder, f"get-{size}")
        if not os.path.exists(name):
            with open(name, "wb") as out:
                for _ in range(0, size, MIB):
                    out.write(os.urandom(min(size, MIB)))

    def need_large(self, path, size):
        name = os.path.join(self.folder, f"get-{size}")
        if os.path.exists(name) or not self.link_stored(path, size, name):
            self.need(path, size)

    def remove(self, path, size, count):
        shutil.rmtree(self.files, ignore_errors=True)

    def load_start(self, kind, path, size, connections, amount, **options):
        self.stop() # the one before
        self.remove(path, size, 0) # names are new for every run, as those of the others are
        os.makedirs(self.files)
        if kind == "get":
            command = ["get", os.path.join(self.folder, f"get-{size}"), "0"]
        elif self.sync and size <= self.SMALL:
            command = ["append", os.path.join(self.folder, "segment"), "0"]
        else:
            command = ["put", self.files, "0"] + (["sync"] if self.sync else [])
        self.process = self.suite.cores.server_process([self.suite.tool("floor"), *command], stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.port = int(self.process.stdout.readline())
        self.before = cpu_seconds(self.pid)
        return super().load_start(kind, path, size, connections, amount, **options)

    def load(self, kind, path, size, connections, amount, **options):
        figures = self.load_end(self.load_start(kind, path, size, connections, amount, **options))
        figures["cpu"] = cpu_seconds(self.pid) - self.before
        return figures

    def disk(self, seconds):
        folder = os.path.join(self.folder, f"disk-{time.monotonic_ns()}")
        os.makedirs(folder)
        program = self.suite.cores.server_process([self.suite.tool("floor_disk"), folder, str(seconds)], stdout=subprocess.PIPE, text=True)
        self.suite.clients.append(program)
        out = program.communicate()[0]
        self.suite.clients.remove(program)
        if program.returncode != 0:
            raise Failure("floor_disk failed")
        return json.loads(out)


class Endpoint(Signing, Server):
    """Some S3 server that runs already."""
    offers = frozenset({"get", "put", "s3", "names", "own", "put-own", "own-s3"})

    def __init__(self, suite, options):
        super().__init__(suite, options.name)
        url = urllib.parse.urlsplit(options.endpoint)
        if url.scheme != "http" or not url.hostname:
            raise SystemExit("--endpoint: http://HOST:PORT, without TLS, is what can be measured")
        self.port, self.host_field, self.signed = url.port or 80, url.netloc, {}
        self.host = socket.getaddrinfo(url.hostname, self.port, socket.AF_INET)[0][4][0]
        self.keys, self.pid = (options.access_key, options.secret_key, options.region), options.endpoint_pid
        try:
            self.request("PUT", "/bench")
        except Failure as error:
            if "BucketAlready" not in str(error):
                raise SystemExit(str(error)) from None


def before(suite, binary):
    """Columns of another build of Sluice, in the same rounds."""
    def of(kind):
        return type(f"Before{kind.__name__}", (kind,), {"program": binary})
    return {"before": lambda: of(Sluice)(suite, "before"), "before-relaxed": lambda: of(Sluice)(suite, "before-relaxed", "--durability", "relaxed"),
            "before-signed": lambda: of(SignedSluice)(suite, "before-signed"),
            "before-signed-relaxed": lambda: of(SignedRelaxedSluice)(suite, "before-signed-relaxed")}


def servers(suite, options):
    """Starts what is wanted and there, and notes what is not."""
    makers = {"floor": lambda: Floor(suite, False), "floor+sync": lambda: Floor(suite, True), "sluice": lambda: Sluice(suite, "sluice"),
              "relaxed": lambda: Sluice(suite, "relaxed", "--durability", "relaxed"),
              "standard": lambda: Sluice(suite, "standard", "--copy-mode", "standard"), "signed": lambda: SignedSluice(suite, "signed"),
              "signed-relaxed": lambda: SignedRelaxedSluice(suite, "signed-relaxed"), "nginx": lambda: Nginx(suite, "nginx"),
              "nginx-corked": lambda: CorkedNginx(suite, "nginx-corked"), "lighttpd": lambda: Lighttpd(suite),
              "tls": lambda: TlsSluice(suite, "tls"), "nginx-tls": lambda: TlsNginx(suite, "nginx-tls")}
    if options.before_binary:
        makers.update(before(suite, options.before_binary))
    if options.endpoint:
        makers[options.name] = lambda: Endpoint(suite, options)
    wanted = options.servers.split(",") if options.servers else list(makers)
    unknown = set(wanted) - set(makers)
    if unknown:
        raise SystemExit(f"--servers: there is no {', '.join(sorted(unknown))}; there are {', '.join(makers)}")
    found = []
    for name, make in makers.items():
        program = {"nginx": NGINX, "nginx-corked": NGINX, "nginx-tls": NGINX, "lighttpd": LIGHTTPD}.get(name)
        if name not in wanted:
            continue
        if program and not os.path.exists(program):
            suite.skip(name, f"{program} is not installed (deploy/packages.bench)")
            continue
        try:
            found.append(make())
        except Failure as error:
            suite.skip(name, str(error))
            continue
        if name == "lighttpd" and not found[-1].dav:
            suite.skip("lighttpd, PUT", f"{WEBDAV} is not installed (deploy/packages.bench)")
    return found
