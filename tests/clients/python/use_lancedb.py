# SPDX-License-Identifier: MIT
"""LanceDB, whose commits are writes of what must not exist yet: processes that commit at the same time must all get through, and lose
nothing."""
import subprocess
import sys

import boto3
import lancedb
from checks import KEY, SECRET, URL, check, equal, round_trip

B = "python-lancedb"
OPTIONS = {"aws_endpoint": URL, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": "us-east-1", "allow_http": "true"}
WRITERS, COMMITS = 4, 5


def connected():
    return lancedb.connect(f"s3://{B}/db", storage_options=OPTIONS)


def rows(writer, commit):
    return [{"id": writer * 1000 + commit, "vector": [float(writer), float(commit)], "text": f"{writer}/{commit}"}]


def write(writer):
    table = connected().open_table("items")
    for commit in range(COMMITS):
        table.add(rows(writer, commit))


def trip():
    boto3.client("s3", endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET).create_bucket(Bucket=B)
    table = connected().create_table("items", rows(9, 9))
    equal(table.count_rows(), 1, "a table is made")
    writers = [subprocess.Popen([sys.executable, __file__, str(writer)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for writer in range(WRITERS)]
    for writer, process in enumerate(writers):
        said = process.communicate()[0]
        check(process.returncode == 0, f"writer {writer} of {WRITERS} commits", said[-300:])
    table = connected().open_table("items")
    want = sorted([9009] + [writer * 1000 + commit for writer in range(WRITERS) for commit in range(COMMITS)])
    equal(sorted(table.to_arrow()["id"].to_pylist()), want, "no row of a concurrent commit is lost or doubled")
    equal(table.version, 1 + WRITERS * COMMITS, "each commit is a version of its own")
    equal(table.search([2.0, 3.0]).limit(1).to_list()[0]["text"], "2/3", "a search by vector")
    table.update(where="id = 2003", values={"text": "changed"})
    table.delete("id >= 3000")
    equal((table.count_rows(), table.search().where("id = 2003").to_list()[0]["text"]), (1 + 3 * COMMITS - 1, "changed"), "an update and a deletion")
    table.checkout(1)
    equal(table.count_rows(), 1, "the first version is still there")


if len(sys.argv) > 1:
    write(int(sys.argv[1]))
else:
    round_trip("LanceDB", "lancedb", trip)
