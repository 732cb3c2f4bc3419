#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""MariaDB's S3 engine: a table moves into a bucket, is asked there, by a second server too that finds it by its name, and moves back."""
import atexit
import os
import pwd
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, fails, have, ok, poll, run, s3_client, skip

PLUGINS = "/usr/lib/mysql/plugin"
QUESTION = "SELECT COUNT(*), SUM(n), MD5(GROUP_CONCAT(word ORDER BY n)) FROM test.words WHERE n % 1000 < 3"


class MariaDB:
    """A server in a folder of its own, without a port. It refuses to be root: as root it is the package's user, else whoever runs the test."""

    def __init__(self, server):
        self.folder = tempfile.mkdtemp(prefix="sluice-maria-", dir=os.environ.get("TEST_TMP"))
        atexit.register(subprocess.run, ["rm", "-rf", self.folder])
        self.user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        owner = pwd.getpwnam(self.user)
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.socket = os.path.join(self.folder, "socket")
        base = ["--no-defaults", f"--datadir={self.folder}/data", f"--user={self.user}"]
        self.made = run(["mariadb-install-db", *base, "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=4M"])
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["mariadbd", *base, f"--socket={self.socket}", "--skip-networking", f"--pid-file={self.folder}/pid", "--innodb-buffer-pool-size=16M",
                 "--innodb-flush-log-at-trx-commit=0", f"--plugin-dir={PLUGINS}", "--plugin-maturity=alpha", "--plugin-load-add=ha_s3", "--s3=ON",
                 f"--s3-host-name={server.host}", f"--s3-port={server.port}", "--s3-use-http=ON", "--s3-bucket=tables",
                 f"--s3-access-key={ACCESS}", f"--s3-secret-key={SECRET}", "--s3-region=us-east-1", "--s3-protocol-version=Path"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        atexit.register(self.end)
        poll(lambda: os.path.exists(self.socket) or self.process.poll() is not None, 60)

    def sql(self, text):
        return run(["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B", "-e", text], timeout=60)

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def reason_against():
    for program in "mariadbd", "mariadb", "mariadb-install-db":
        if not have(program):
            return f"{program} is not installed"
    return None if os.path.exists(os.path.join(PLUGINS, "ha_s3.so")) else "its S3 engine is not installed"


def main():
    reason = reason_against()
    if reason:
        skip("MariaDB's S3 engine", reason)
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="tables")
    first = MariaDB(server)
    ok("a database is made", first.made)
    if not check(os.path.exists(first.socket), "MariaDB starts with its S3 engine", first.log_text()[-1500:]):
        done()
    ok("it has a table", first.sql("CREATE DATABASE test; USE test; CREATE TABLE words (n INT PRIMARY KEY, word CHAR(32), KEY(word)) ENGINE=Aria "
                                   "SELECT seq AS n, MD5(seq) AS word FROM seq_1_to_250000"))
    want = first.sql(QUESTION)
    ok("which is asked", want)
    ok("it moves into the bucket", first.sql("ALTER TABLE test.words ENGINE=S3"))
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="tables")["Contents"]]
    check({"test/words/frm", "test/words/aria"} <= set(keys) and len([key for key in keys if "/data/" in key]) > 1, "in blocks", str(keys))
    equal(first.sql(QUESTION), want, "it is asked there")
    fails("it is not written there", first.sql("DELETE FROM test.words"), "read only")
    second = MariaDB(server)
    ok("another server has no table", second.sql("CREATE DATABASE test"))
    equal(second.sql(QUESTION), want, "but finds this one in the bucket")
    second.end()
    ok("it moves within the bucket", first.sql("ALTER TABLE test.words RENAME test.letters"))
    ok("and back", first.sql("ALTER TABLE test.letters RENAME test.words"))
    ok("it moves out of the bucket", first.sql("ALTER TABLE test.words ENGINE=Aria"))
    equal(first.sql(QUESTION), want, "it is as it was")
    left = [entry["Key"] for entry in client.list_objects_v2(Bucket="tables").get("Contents", [])]
    equal(left, [], "nothing is left in the bucket")
    done()


main()
