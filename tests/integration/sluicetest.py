# SPDX-License-Identifier: MIT
"""What the integration tests share: a server on a free port, checks that are counted, small HTTP over raw sockets.

Every check prints one line, `ok - NAME`, `not ok - NAME` or `skip - NAME: REASON`; tests/run counts them. A test program
ends with done(), whose exit status is 0 when nothing failed, 77 when everything was skipped, else 1.

With TEST_TLS=1 in the environment every server speaks HTTPS, and every client trusts the throw-away authority of its certificate.
"""
import atexit
import base64
import contextlib
import faulthandler
import filecmp
import hashlib
import http.client
import os
import random
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD_DIR", os.path.join(ROOT, "build"))
SLUICE = os.path.join(BUILD, "sluice")
ACCESS, SECRET = "TESTKEY", "test/secret+key"
START_SECONDS = 180 # with the slowest sanitizer, on the slowest machine

# tests/run ends a test after 15 minutes. One that hangs says where, before.
faulthandler.dump_traceback_later(870, exit=False)

counts = {"ok": 0, "not ok": 0, "skip": 0}


def check(condition, name, detail=""):
    word = "ok" if condition else "not ok"
    counts[word] += 1
    print(f"{word} - {name}" + (f"   [{detail}]" if detail and not condition else ""), flush=True)
    return bool(condition)


def equal(got, want, name):
    return check(got == want, name, f"got {got!r:.300}, want {want!r:.300}")


def skip(name, reason):
    counts["skip"] += 1
    print(f"skip - {name}: {reason}", flush=True)


def done():
    if counts["not ok"]:
        sys.exit(1)
    sys.exit(77 if counts["ok"] == 0 else 0)


_scratch = None


def scratch(name=""):
    """A folder that is removed at exit; below TEST_TMP, else the system's."""
    global _scratch
    if _scratch is None:
        _scratch = tempfile.mkdtemp(prefix="sluice-test-", dir=os.environ.get("TEST_TMP"))
        atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
    return os.path.join(_scratch, name) if name else _scratch


def pattern_file(name, size, seed=1):
    """A file of that many reproducible bytes that do not compress or repeat."""
    path = scratch(name)
    rng = random.Random(seed)
    with open(path, "wb") as out:
        left = size
        block = rng.randbytes(1 << 20)
        index = 0
        while left > 0:
            piece = index.to_bytes(8, "little") + block[8:]
            out.write(piece[:left])
            left -= min(left, len(piece))
            index += 1
    return path


def sha256_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_segment(path):
    """Whether a file below blobs/ is a segment, in which small objects lie."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(16) == b"Sluice segment 1"
    return False


def blob_files(data):
    """The paths of the blobs that are files of their own, and of the segments."""
    paths = [os.path.join(folder, name) for folder, _, files in os.walk(os.path.join(data, "blobs"))
             for name in files if name != "SEQUENCE" and os.path.basename(folder) != "chronicle"]
    segments = [path for path in paths if is_segment(path)]
    return [path for path in paths if path not in segments], segments


def payload_bytes(path):
    """The bytes of a blob's file without the record at its end, in which it says whose it is."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 24))
        foot = file.read(24)
    return size - int.from_bytes(foot[4:8], "little") if foot[16:] == b"SlRecrd1" else size


# ---- TLS --------------------------------------------------------------------------------------------------------------------

TLS = os.environ.get("TEST_TLS") == "1"
trusting = {}  # environment of clients, once there is an authority to trust


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scratch())


def make_certificate(name="server", kind=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), days="2", names="DNS:localhost,DNS:*.localhost,IP:127.0.0.1"):
    """Certificate and key for this machine by a throw-away authority: paths of (certificate, key, the authority's)."""
    authority, authority_key = scratch("authority.crt"), scratch("authority.key")
    if not os.path.exists(authority):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", authority_key, "-out", authority,
                "-days", "2", "-subj", "/CN=Throw-away authority", "-addext", "keyUsage=critical,keyCertSign")
    certificate, key, request, extensions = (scratch(f"{name}.{suffix}") for suffix in ("crt", "key", "csr", "ext"))
    openssl("req", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    with open(extensions, "w") as out:
        out.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", days, "-extfile", extensions,
            "-out", certificate)
    with open(authority) as file, open(certificate, "a") as out:
        out.write(file.read())  # the chain
    os.chmod(key, 0o600)
    return certificate, key, authority


def make_keys(name, *lines):
    """A file of master keys for --encryption-keys."""
    path = scratch(name)
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600), encoding="ascii") as file:
        file.write("# keys of a test\n" + "".join(line + "\n" for line in lines))
    return path


def key_line(name, byte):
    return f"{name} {base64.b64encode(bytes([byte]) * 32).decode()}"


def trust(authority):
    """For clients started from here on, and boto3 in this process."""
    trusting.update(dict.fromkeys(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), authority))
    os.environ.update(trusting)


def tls_arguments():
    """Makes certificates at the first call; what a server needs to speak HTTPS."""
    certificate, key, authority = scratch("server.crt"), scratch("server.key"), scratch("authority.crt")
    if not os.path.exists(certificate):
        make_certificate()
        trust(authority)
    return ["--tls-certificate", certificate, "--tls-key", key]


def content_md5(body):
    """What a server without keys wants with a deletion of many objects."""
    data = body if isinstance(body, bytes) else (body or "").encode()
    return {"Content-MD5": base64.b64encode(hashlib.md5(data).digest()).decode()}


def exchange(connection, method, path, body=None, headers=None):
    """One request on a connection, which is closed then: (status, headers with lower-case names, body)."""
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


class Server:
    """A sluice process: Server(keys=True, args=[...]).  strace=PATH runs it under strace -f,
    with strace_args."""

    def __init__(self, data=None, keys=False, args=(), env=None, strace=None, strace_calls=None, strace_args=(), engine=None,
                 log=None, descriptors=None, program=SLUICE):
        self.data = data or tempfile.mkdtemp(prefix="data-", dir=scratch())
        command = [program, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *args]
        if TLS:
            command += tls_arguments()
        engine = engine or os.environ.get("TEST_ENGINE")
        if engine:
            command += ["--engine", engine]
        if descriptors: # that many it may have
            command = ["prlimit", f"--nofile={descriptors}", *command]
        if strace:
            calls = ["-e", "trace=" + strace_calls] if strace_calls else []
            command = ["strace", "-f", "-qq", "-s", "0", "-o", strace, *calls, *strace_args, *command]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}
        if keys:
            environment.update(SLUICE_ACCESS_KEY=ACCESS, SLUICE_SECRET_KEY=SECRET)
        environment.update(env or {})
        self.log = log or scratch(f"server-{random.randrange(1 << 30)}.log")
        started = time.monotonic()
        with open(self.log, "ab") as stderr:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL,
                                            env=environment, text=True)
        atexit.register(self.kill)
        begins = select.select([self.process.stdout], [], [], START_SECONDS)[0]
        line = self.process.stdout.readline() if begins else ""
        self.start_seconds = time.monotonic() - started
        if "://" not in line:
            with open(self.log, errors="replace") as log_file:
                raise RuntimeError(f"the server did not start within {self.start_seconds:.0f} s: {line!r} {log_file.read()[-2000:]}")
        urls = [word.rstrip("/") for word in line.split() if "://" in word]
        self.urls = urls # of all places
        self.url, self.tls_url = urls[0], urls[-1] if urls[-1].startswith("https:") else None
        self.host, port = self.url.split("://")[1].rsplit(":", 1)
        self.port = int(port)
        self.context = ssl.create_default_context(cafile=scratch("authority.crt")) if self.url.startswith("https:") else None

    @property
    def pid(self):
        """The sluice process itself, also below strace."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return int(children[0]) if children else self.process.pid

    def stop(self, expect=0, timeout=120):
        """SIGTERM; returns whether it ended with that status."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            status = "none"
        if status != expect:
            print(f"# the server ended with status {status}; its log ends:\n{self.log_text()[-4000:]}", flush=True)
        return status == expect

    def kill(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def connect(self, timeout=30):
        if self.context:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def open_socket(self, timeout=30):
        """A connected socket, with TLS if the server has it."""
        sock = socket.create_connection((self.host, self.port), timeout)
        return self.context.wrap_socket(sock, server_hostname=self.host) if self.context else sock

    def request(self, method, path, body=None, headers=None, timeout=60):
        """One request on a connection of its own: (status, headers with lower-case names, body)."""
        return exchange(self.connect(timeout), method, path, body, headers)

    def raw(self, data, timeout=60, half_close=False):
        """Sends bytes as they are; returns everything that comes back until the server closes or is silent."""
        with self.open_socket(timeout) as sock:
            sock.sendall(data)
            if half_close: # below TLS, for Python's own would give up reading
                with socket.socket(fileno=os.dup(sock.fileno())) as below:
                    below.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(socket.timeout, ConnectionResetError, ssl.SSLEOFError):
                while block := sock.recv(65536):
                    received += block
            return received


def error_code(body):
    """The Code of an S3 error document."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return text.split("<Code>")[1].split("</Code>")[0] if "<Code>" in text else text[:200]


def free_port():
    """A port that nobody listens on, for a program that cannot be told to choose one itself. It lies below those that the kernel gives to
    whoever asks for any, so that nobody else has it until the program comes."""
    chance = random.SystemRandom()
    while True:
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", chance.randrange(12000, 32000)))
            return sock.getsockname()[1]


def poll(condition, seconds=60):
    """Whether the condition comes true; the time is for the slowest machine."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def have(program):
    return shutil.which(program) is not None


def run(command, env=None, timeout=300, stdin=subprocess.DEVNULL):
    """A client as a person would run it: (status, output with errors)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment.update(trusting)
    environment.update(env or {})
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                            text=True, errors="replace", stdin=stdin)
    return result.returncode, result.stdout


def s3_client(server, access=ACCESS, secret=SECRET, **config):
    """boto3's client of this server, which tries each request once."""
    import boto3  # only where it is used: most tests need no package
    from botocore.config import Config
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret,
                        config=Config(**{"retries": {"max_attempts": 0}, **config}))


def ok(name, result, contains=None):
    """A client's run ended with status 0, and said that."""
    status, output = result
    return check(status == 0 and (contains is None or contains in output), name, f"status {status}: {output[-600:]}")


def fails(name, result, contains=None):
    """A client's run ended with another status than 0, and said that."""
    status, output = result
    return check(status != 0 and (contains is None or contains in output), name, f"status {status}: {output[-600:]}")


def fresh(name):
    """A path in the scratch folder where nothing is."""
    path = scratch(name)
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)
    return path


def odd_tree(*large):
    """A folder with names that trip clients, and those files in its folder `sub`."""
    folder = fresh("tree")
    for name in ("a.txt", "sub/b.txt", "sub/deep/c with space.txt", "sub/plus+percent%41.txt", "sub/ünïcode-日本.txt", "empty"):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("" if name == "empty" else name * 100)
    for path in large:
        shutil.copy(path, os.path.join(folder, "sub"))
    return folder


def same_tree(left, right):
    """Whether two folders hold the same names and bytes."""
    if not os.path.isdir(left) or not os.path.isdir(right):
        return False
    compared = filecmp.dircmp(left, right)
    if compared.left_only or compared.right_only or compared.common_funny:
        return False
    if filecmp.cmpfiles(left, right, compared.common_files, shallow=False)[0] != compared.common_files:
        return False
    return all(same_tree(os.path.join(left, name), os.path.join(right, name)) for name in compared.common_dirs)
