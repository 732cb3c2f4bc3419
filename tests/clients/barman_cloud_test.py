#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""barman-cloud keeps a PostgreSQL's backups and its log in a bucket: a backup is made, listed, restored, and the log is replayed from there."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from postgres import Postgres, reason_against
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, ok, s3_client, skip

QUESTION = "SELECT count(*), sum(n), md5(string_agg(word, ',' ORDER BY n)) FROM words"


def main():
    reason = reason_against() if have("barman-cloud-backup") else "it is not installed"
    if reason:
        skip("barman-cloud", reason)
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="barman")
    where = ["--endpoint-url", server.url, "s3://barman/backups", "main"]
    archive = " ".join(["barman-cloud-wal-archive", "--gzip", *where, "%p"])
    postgres = Postgres({"archive_mode": "on", "wal_level": "replica", "archive_command": archive},
                        {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"})
    ok("PostgreSQL starts", postgres.start())
    ok("which has a table", postgres.sql("CREATE TABLE words AS SELECT n, md5(n::text) AS word FROM generate_series(1, 100000) n"))
    ok("barman-cloud reaches the bucket", postgres.run("barman-cloud-check-wal-archive", *where))
    ok("barman-cloud makes a backup", postgres.run("barman-cloud-backup", "--immediate-checkpoint", "-n", "one-backup", *where))
    ok("the table changes after it", postgres.sql("UPDATE words SET word = 'changed' WHERE n % 7 = 0"))
    want = postgres.sql(QUESTION)[1]
    listed = postgres.run("barman-cloud-backup-list", *where)
    ok("barman-cloud lists it", listed, "one-backup")
    ok("PostgreSQL stops, and archives", postgres.stop())
    identifier = next(line.split()[0] for line in listed[1].splitlines() if "one-backup" in line)
    shutil.rmtree(postgres.data)
    ok("barman-cloud restores it", postgres.run("barman-cloud-restore", *where, identifier, postgres.data))
    os.chmod(postgres.data, 0o700)
    restore = " ".join(["barman-cloud-wal-restore", *where, "%f", "%p"])
    postgres.give(os.path.join(postgres.data, "recovery.signal"), "")
    with open(os.path.join(postgres.data, "postgresql.conf"), "a") as file:
        file.write(f"restore_command = '{restore}'\narchive_mode = 'off'\n")
    ok("PostgreSQL starts again, with the log from the bucket", postgres.start())
    equal(postgres.sql(QUESTION)[1], want, "the table is as it was, with what came after the backup")
    ok("PostgreSQL stops again", postgres.stop())
    ok("no page is damaged", postgres.run("pg_checksums", "-D", postgres.data), "Bad checksums:  0")
    ok("barman-cloud deletes the backup", postgres.run("barman-cloud-backup-delete", "--backup-id", identifier, *where))
    left = [entry["Key"] for entry in client.list_objects_v2(Bucket="barman", Prefix="backups/main/base/").get("Contents", [])]
    check(not left, "nothing of it is left", str(left))
    done()


main()
