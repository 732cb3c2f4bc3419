#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pgBackRest keeps a PostgreSQL's backups and its log in a bucket, over TLS: a full and an incremental backup, verified, and restored into a database
that is asked again."""
import os
import shutil
import sys

# pgBackRest speaks no plain HTTP.
os.environ["TEST_TLS"] = "1"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from postgres import Postgres, reason_against
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, ok, s3_client, scratch, skip

QUESTION = "SELECT count(*), sum(n), md5(string_agg(word, ',' ORDER BY n)) FROM words"


def main():
    reason = reason_against() if have("pgbackrest") else "it is not installed"
    if reason:
        skip("pgBackRest", reason)
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="backup")
    postgres = Postgres({"archive_mode": "on", "wal_level": "replica"})
    folder = postgres.folder
    with open(scratch("authority.crt")) as file:
        authority = postgres.give("authority.crt", file.read())
    settings = {"repo1-type": "s3", "repo1-path": "/repo", "repo1-s3-bucket": "backup", "repo1-s3-endpoint": "localhost", "repo1-s3-uri-style": "path",
                "repo1-storage-port": str(server.port), "repo1-s3-region": "us-east-1", "repo1-s3-key": ACCESS, "repo1-s3-key-secret": SECRET,
                "repo1-storage-ca-file": authority, "repo1-bundle": "y", "log-path": folder, "lock-path": folder, "spool-path": folder,
                "log-level-console": "info", "start-fast": "y", "repo1-retention-full": "1", "io-timeout": "30", "archive-timeout": "30", "process-max": "2"}
    configuration = postgres.give("pgbackrest.conf", "[global]\n" + "".join(f"{name}={value}\n" for name, value in settings.items()) +
                                  f"[main]\npg1-path={postgres.data}\npg1-socket-path={folder}\npg1-user=test\n")

    def pgbackrest(*words):
        return postgres.run("pgbackrest", f"--config={configuration}", "--stanza=main", *words)

    with open(os.path.join(postgres.data, "postgresql.conf"), "a") as file:
        file.write(f"archive_command = 'pgbackrest --config={configuration} --stanza=main archive-push %p'\n")
    ok("PostgreSQL starts", postgres.start())
    ok("which has a table", postgres.sql("CREATE TABLE words AS SELECT n, md5(n::text) AS word FROM generate_series(1, 100000) n"))
    ok("pgBackRest makes its stanza", pgbackrest("stanza-create"))
    ok("pgBackRest checks that the log arrives", pgbackrest("check"))
    ok("pgBackRest makes a full backup", pgbackrest("--type=full", "backup"))
    ok("the table changes", postgres.sql("UPDATE words SET word = 'changed' WHERE n % 7 = 0"))
    ok("pgBackRest makes an incremental backup", pgbackrest("--type=incr", "backup"))
    ok("the table changes after the backup", postgres.sql("INSERT INTO words VALUES (100001, 'after')"))
    ok("which is in the log", postgres.sql("SELECT pg_switch_wal()"))
    want = postgres.sql(QUESTION)[1]
    ok("pgBackRest verifies", pgbackrest("verify"))
    ok("pgBackRest lists both", pgbackrest("info"), "incr backup")
    ok("PostgreSQL stops", postgres.stop())
    shutil.rmtree(postgres.data)
    os.mkdir(postgres.data, 0o700)
    os.chown(postgres.data, os.stat(folder).st_uid, os.stat(folder).st_gid)
    ok("pgBackRest restores", pgbackrest("restore"))
    ok("PostgreSQL starts again", postgres.start())
    equal(postgres.sql(QUESTION)[1], want, "the table is as it was, with what came after the backup")
    ok("PostgreSQL stops again", postgres.stop())
    sums = postgres.run("pg_checksums", "-D", postgres.data)
    ok("no page is damaged", sums, "Bad checksums:  0")
    ok("pgBackRest stops", pgbackrest("stop"))
    ok("pgBackRest deletes the stanza", pgbackrest("stanza-delete", "--force"))
    check(not client.list_objects_v2(Bucket="backup").get("Contents"), "nothing is left")
    done()


main()
