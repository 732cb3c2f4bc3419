# SPDX-License-Identifier: MIT
"""A PostgreSQL of Debian's for the clients that keep its backups: a cluster in a folder of its own, without a port, run by a user who is not root
(PostgreSQL refuses root; as root, the package's user postgres)."""
import atexit
import glob
import os
import pwd
import subprocess
import tempfile

from sluicetest import have, run, trusting

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))


def reason_against():
    """Why no PostgreSQL can run here, or None."""
    if not PROGRAMS:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0:
        if not have("setpriv"):
            return "setpriv is not installed"
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "there is no user postgres"
    return None


class Postgres:
    """A folder for one test, of the user that PostgreSQL runs as; `data` is the cluster's, `folder` is everything's."""

    def __init__(self, settings, environment=None):
        # Not the test's scratch folder, which is its user's alone.
        self.folder = tempfile.mkdtemp(prefix="sluice-pg-", dir=os.environ.get("TEST_TMP"))
        atexit.register(subprocess.run, ["rm", "-rf", self.folder])
        self.data = os.path.join(self.folder, "data")
        self.environment = {"PGHOST": self.folder, "PGUSER": "test", "PGDATABASE": "postgres", "HOME": self.folder, "LC_ALL": "C.UTF-8", **(environment or {})}
        self.become = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.run("initdb", "-D", self.data, "-U", "test", "-A", "trust", "--no-sync", "-k")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as file:
            for name, value in {"listen_addresses": "", "unix_socket_directories": self.folder, "shared_buffers": "16MB", "fsync": "off", **settings}.items():
                quoted = value.replace("'", "''")
                file.write(f"{name} = '{quoted}'\n")
        atexit.register(self.stop)

    def run(self, program, *words, timeout=100):
        """One of PostgreSQL's programs, or another, as its user: (status, output)."""
        own = os.path.join(PROGRAMS[-1], program)
        return run([*self.become, own if os.path.exists(own) else program, *words], {**trusting, **self.environment}, timeout=timeout)

    def start(self):
        return self.run("pg_ctl", "-D", self.data, "-l", os.path.join(self.folder, "log"), "-w", "-t", "60", "start")

    def stop(self):
        return self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop") if os.path.exists(os.path.join(self.data, "postmaster.pid")) else (0, "")

    def sql(self, text):
        """What psql prints of it."""
        return self.run("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text)

    def give(self, path, text, mode=0o600):
        """A file of PostgreSQL's user; its path."""
        path = os.path.join(self.folder, path)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        os.chown(path, os.stat(self.folder).st_uid, os.stat(self.folder).st_gid)
        return path

    def log_text(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as file:
            return file.read()
