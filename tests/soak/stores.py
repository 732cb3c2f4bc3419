# SPDX-License-Identifier: MIT
"""The two stores of a soak: one that is served for hours while everything about it changes, and one that is killed every few seconds."""
import base64
import contextlib
import hashlib
import http.client
import os
import random
import re
import signal
import ssl
import subprocess
import tempfile
import time

from clients import BUCKETS, DAYS, KEPT, PLAIN
from sluicetest import SLUICE, Server, make_certificate, poll, run, scratch

MIB = 1 << 20
RULE = b"<LifecycleConfiguration><Rule><ID>soon</ID><Status>Enabled</Status><Filter></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
VERSIONS = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


def write(path, text):
    """As an operator does it: whole, and private."""
    with open(path + ".new", "w", opener=lambda name, flags: os.open(name, flags, 0o600), encoding="ascii") as out:
        out.write(text)
    os.rename(path + ".new", path)


def disk_bytes(folder):
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(where, name)).st_blocks * 512
    return total


def memory_of(pid):
    """(bytes of memory without, bytes of the small units that are kept for GETs): those alone lie in what large pages are asked for ("hg"), and they
    fill up to their bound in hours."""
    memory = hot = resident = 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            if line.startswith("Rss:"):
                resident = int(line.split()[1]) << 10
            elif line.startswith("VmFlags:"):
                if " hg" in line:
                    hot += resident
                else:
                    memory += resident
    return memory, hot


class Store:
    encrypts = False
    EMPTY = ("staging", "lost")

    def __init__(self, name, folder):
        self.name, self.data, self.server = name, os.path.join(folder, "data"), None

    def headers(self):
        return {}

    def connect(self, rng):
        return self.server.connect(60)

    def ask(self, method, path, body=None, headers=None):
        return self.server.request(method, path, body=body, headers={**self.headers(), **(headers or {})})

    def prepare(self):
        answers = [self.ask("PUT", f"/{bucket}")[0] for bucket in BUCKETS]
        answers.append(self.ask("PUT", f"/{KEPT}?versioning", VERSIONS)[0])
        answers.append(self.ask("PUT", f"/{DAYS}?lifecycle", RULE, {"Content-MD5": base64.b64encode(hashlib.md5(RULE).digest()).decode()})[0])
        assert set(answers) == {200}, answers

    def metric(self, name):
        return int(float(re.search(rf"^{name} (\S+)$", self.ask("GET", "/-/metrics")[2].decode(), re.M)[1]))

    def sample(self):
        """What the process and its store take of the machine."""
        pid, size = self.server.pid, lambda name: os.stat(os.path.join(self.data, name)).st_size if os.path.exists(os.path.join(self.data, name)) else 0
        memory, hot = memory_of(pid)
        return {"memory": memory, "hot units": hot, "threads": len(os.listdir(f"/proc/{pid}/task")), "descriptors": self._descriptors(pid),
                "log": size("sluice.db-wal"), "database": size("sluice.db"), "disk": disk_bytes(os.path.join(self.data, "blobs"))}

    def _descriptors(self, pid):
        """Without files of blobs, which are kept open for reading: as many as were asked for, up to a bound."""
        found = 0
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found += "/blobs/" not in os.readlink(f"/proc/{pid}/fd/{number}")
        return found

    def left_behind(self):
        """What lies where nothing should."""
        return [os.path.join(folder, name) for folder in self.EMPTY if os.path.isdir(os.path.join(self.data, folder))
                for name in os.listdir(os.path.join(self.data, folder))]

    def check(self):
        return run([SLUICE, "check", "--data", self.data])


class Steady(Store):
    """Served without an end, over HTTP and HTTPS; settings, credentials and master keys change, and the disk is full now and then."""

    encrypts = True

    def __init__(self, folder, megabytes):
        super().__init__("steady", folder)
        self.is_mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "sluice-soak", folder], capture_output=True, check=False).returncode == 0
        self.folder, self.ballast = folder, os.path.join(folder, "ballast")
        self.tokens, self.masters, self.changes = 0, 0, 0
        self.credentials, self.keys, self.config = scratch("soak.credentials"), scratch("soak.keys"), scratch("soak.conf")
        self.token = self._new_token()
        self._write_tokens(self.token)
        self.master_lines = [self._new_master()]
        write(self.keys, self.master_lines[0])
        certificate, key, authority = make_certificate()
        self.context = ssl.create_default_context(cafile=authority)
        self.settings = {"credentials": self.credentials, "encryption-keys": self.keys, "tls-certificate": certificate, "tls-key": key, "tls-listen": "127.0.0.1:0",
                         "lifecycle-day": "3", "min-free": "0", "workers": "2"}
        self._write_settings()
        self.start()

    def _write_settings(self, **changed):
        self.settings.update({name.replace("_", "-"): value for name, value in changed.items()})
        write(self.config, "".join(f"{name} = {value}\n" for name, value in self.settings.items()))

    def start(self):
        self.server = Server(data=self.data, args=["--config", self.config])

    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def connect(self, rng):
        if rng.random() < 0.5:
            return super().connect(rng)
        return http.client.HTTPSConnection("127.0.0.1", int(self.server.tls_url.rsplit(":", 1)[1]), timeout=60, context=self.context)

    # ---- What changes ----

    def _new_token(self):
        self.tokens += 1
        return f"token-number-{self.tokens:06}"

    def _write_tokens(self, *tokens):
        write(self.credentials, "".join(f"token operator {token} *=all\n" for token in tokens))

    def _new_master(self):
        self.masters += 1
        return f"master{self.masters} {base64.b64encode(random.Random(self.masters).randbytes(32)).decode()}\n"

    def reload(self):
        """SIGHUP, and what the log says of it."""
        before = len(self.server.log_text())
        os.kill(self.server.pid, signal.SIGHUP)
        poll(lambda: "opened the logs anew" in self.server.log_text()[before:] or "reload failed" in self.server.log_text()[before:], 60)
        assert "reload failed" not in self.server.log_text()[before:], self.server.log_text()[before:]

    def event_reload(self, load):
        self.changes += 1
        self._write_settings(grace=str(20 + self.changes % 2))
        self.reload()

    def event_credentials(self, load):
        """Both tokens are good while clients go over to the new one."""
        old, new = self.token, self._new_token()
        self._write_tokens(old, new)
        self.reload()
        self.token = new
        time.sleep(2)
        self._write_tokens(new)
        self.reload()

    def event_masters(self, load):
        """Objects under all earlier master keys stay readable."""
        self.master_lines.insert(0, self._new_master())
        write(self.keys, "".join(self.master_lines))
        self.reload()

    def event_min_free(self, load):
        load.is_full = True
        self._write_settings(min_free="100%")
        self.reload()
        time.sleep(1)
        self._write_settings(min_free="0")
        self.reload()
        self.end_full(load)

    def event_full(self, load):
        """The disk is full: nothing is left of it."""
        if not self.is_mounted:
            return
        load.is_full = True
        with contextlib.suppress(OSError), open(self.ballast, "wb", buffering=0) as ballast:
            for size in (16 * MIB, 64 << 10, 4096):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)) == size:
                        pass
        time.sleep(1.5)
        os.remove(self.ballast)
        self.end_full(load)

    def end_full(self, load):
        body = b"room again" * 10_000
        if not poll(lambda: self.ask("PUT", f"/{PLAIN}/probe", body)[0] == 200, 30) or self.ask("GET", f"/{PLAIN}/probe")[2] != body:
            load.tally.problem("the disk has room again, and uploads do not work")
        self.ask("DELETE", f"/{PLAIN}/probe")
        time.sleep(1) # who is told so late that the disk was full
        load.is_full = False

    EVENTS = ("reload", "credentials", "masters", "min_free", "full")

    def close(self):
        if self.server is not None:
            self.server.kill()
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.folder], check=False)


class Killed(Store):
    """Killed again and again: durable and relaxed, with either engine, by turns."""

    EMPTY = ("staging",) # what a relaxed process left without a row moves to lost/

    def __init__(self, folder, rng):
        super().__init__("killed", folder)
        self.rng, self.starts = rng, []

    def start(self):
        relaxed, engine = self.rng.random() < 0.4, self.rng.choice(("auto", "threads"))
        args = ["--lifecycle-day", "2", *(["--durability", "relaxed"] if relaxed else [])]
        self.server = Server(data=self.data, args=args, engine=engine)
        self.starts.append(self.server.start_seconds)

    def close(self):
        if self.server is not None:
            self.server.kill()


def make_folder(base):
    return tempfile.mkdtemp(prefix="sluice-soak-", dir=base)
