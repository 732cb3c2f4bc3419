# SPDX-License-Identifier: MIT
"""PostgreSQL for tests, from Debian's package, in a folder of its own and on ports of 127.0.0.1: a primary and its synchronous standby, or one
node alone. Nothing of the system's own is touched. As root it runs as the package's user, for PostgreSQL refuses to be root's."""
import atexit
import contextlib
import ctypes
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
# Processes are killed here, not machines: what the kernel has is kept, so nothing is to be synced.
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "full_page_writes": "off", "max_connections": "200", "wal_level": "replica",
            "max_wal_senders": "8", "hot_standby": "on", "synchronous_commit": "on", "idle_in_transaction_session_timeout": "3s", "wal_keep_size": "256MB",
            "shared_buffers": "64MB"}


def folder_of_programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


def account():
    """Whose the processes are to be: nothing, where nobody has to change."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def unusable():
    """Why there is no database here, or None."""
    if folder_of_programs() is None:
        return "PostgreSQL is not installed"
    try:
        account()
    except KeyError:
        return "root may not run PostgreSQL, and there is no user postgres"
    return None


def free_port():
    """Below those that the kernel gives to whoever asks for any: a node that is away finds it free when it comes back."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", random.SystemRandom().randrange(12000, 32000)))
            return sock.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT) # PostgreSQL's immediate end


class Node:
    def __init__(self, folder, port):
        self.folder, self.port, self.process = folder, port, None

    def program(self, name, *words):
        made = subprocess.run([os.path.join(folder_of_programs(), name), *words], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              **account())
        if made.returncode != 0:
            raise RuntimeError(f"{name}: {made.stdout} {made.stderr}")
        return made.stdout

    def make(self):
        self.program("initdb", "-D", self.folder, "-U", "postgres", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
        return self

    def make_of(self, primary):
        """A copy that follows the other node."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.program("pg_basebackup", "-D", self.folder, "-R", "-N", "-X", "stream", "-c", "fast", "-d",
                     f"host=127.0.0.1 port={primary.port} user=postgres application_name=standby")
        return self

    def start(self):
        words = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen([os.path.join(folder_of_programs(), "postgres"), "-D", self.folder, "-p", str(self.port), *words], cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent, **account())
        atexit.register(self.kill)
        ready = [os.path.join(folder_of_programs(), "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        ends = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode != 0:
            if time.monotonic() > ends or self.process.poll() is not None:
                raise RuntimeError("PostgreSQL does not start: " + self.log()[-2000:])
            time.sleep(0.02)
        return self

    def log(self):
        with open(self.folder + ".log", errors="replace") as file:
            return file.read()

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL to all of it, as when its machine fails."""
        if not self.runs():
            return
        self.process.send_signal(signal.SIGSTOP) # so that it makes no more children
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False).stdout.split()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def ask(self, statement):
        """What psql prints: a line for each row."""
        return self.program("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement).strip()


class Database:
    """Two nodes, of which one is the primary; or one, with standby=False."""

    def __init__(self, standby=True):
        self.folder = tempfile.mkdtemp(prefix="sluice-database-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        if who := account():
            os.chown(self.folder, who["user"], who["group"])
        self.nodes = [Node(os.path.join(self.folder, name), free_port()) for name in ("one", "two")[:2 if standby else 1]]
        self.primary = self.nodes[0].make().start()
        if standby:
            self.follow()

    @property
    def standby(self):
        return self.nodes[1 - self.nodes.index(self.primary)] if len(self.nodes) > 1 else None

    def follow(self):
        """Makes a standby, and has commits wait for it from then on."""
        self.standby.make_of(self.primary).start()
        self.wait("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1")
        self.waits_for("*")
        self.wait("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1")

    def waits_for(self, names):
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.ask("SELECT pg_reload_conf()")

    def wait(self, question, answer, seconds=60):
        ends = time.monotonic() + seconds
        while (told := self.primary.ask(question)) != answer:
            if time.monotonic() > ends:
                raise RuntimeError(f"the database answers {told} to {question}")
            time.sleep(0.02)

    def fail_over(self):
        """The primary is killed, and the standby is the primary: by then it has all that was answered. It waits for no standby until follow()."""
        self.primary.kill()
        self.promote()

    def promote(self):
        self.primary = self.standby
        self.primary.ask("SELECT pg_promote()")
        self.waits_for("")

    def wait_idle(self):
        """Until nothing of what clients that are gone had sent is under way any more: it was committed, or it will never be."""
        self.wait("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()", "0")

    def url(self, ports=None, connect_s=2):
        """ports: of proxies before the nodes."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or [node.port for node in self.nodes])
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write&connect_timeout={connect_s}&sslmode=disable&gssencmode=disable"
