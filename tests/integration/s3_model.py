# SPDX-License-Identifier: MIT
"""The request lines of S3's API: operation, method, path with the parameters that select it. s3_model.tsv holds those of the newest model
that was looked at (the first line says which); `python3 s3_model.py` writes it anew from the newest botocore on PyPI."""
import glob
import gzip
import json
import os
import re
import subprocess
import sys
import zipfile

from sluicetest import scratch

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "s3_model.tsv")
# Names that the model keeps for old programs, with today's.
OLD = {"GetBucketLifecycle": "GetBucketLifecycleConfiguration", "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
       "GetBucketNotification": "GetBucketNotificationConfiguration", "PutBucketNotification": "PutBucketNotificationConfiguration"}
# Operations of other services, and of other kinds of buckets.
ELSEWHERE = {"WriteGetObjectResponse", "ListDirectoryBuckets"}


class Line:
    """required and optional: query parameters beside those in the template."""

    def __init__(self, operation, method, template, required=(), optional=()):
        self.operation, self.method, self.template = operation, method, template
        self.required, self.optional = tuple(required), tuple(optional)

    @property
    def resource(self):
        return "object" if "{Key+}" in self.template else "bucket" if "{Bucket}" in self.template else "service"

    @property
    def fixed(self):
        """Names of the parameters in the template."""
        return tuple(part.partition("=")[0] for part in self.template.partition("?")[2].split("&") if part)

    def row(self):
        return "\t".join((self.operation, self.method, self.template, ",".join(self.required) or "-", ",".join(self.optional) or "-"))


def stored():
    """(what the table was made from, its lines)."""
    with open(STORED) as file:
        title, *rows = file.read().splitlines()
    return title.lstrip("# "), [Line(*cells[:3], *([] if cell == "-" else cell.split(",") for cell in cells[3:]))
                                for cells in (row.split("\t") for row in rows)]


def newest_model():
    """("botocore VERSION", its model of S3) of PyPI's newest botocore, or (why it cannot be had, None)."""
    folder = scratch("botocore")
    try:
        result = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir",
                                 "--only-binary=:all:", "--timeout", "10", "--retries", "0", "--dest", folder, "botocore"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "PyPI takes too long", None
    wheels = glob.glob(os.path.join(folder, "botocore-*.whl"))
    if result.returncode != 0 or not wheels:
        return "pip cannot fetch botocore: " + (result.stdout.strip().splitlines() or ["it says nothing"])[-1][:200], None
    with zipfile.ZipFile(wheels[0]) as wheel:
        name = sorted(name for name in wheel.namelist() if re.match(r"botocore/data/s3/[^/]*/service-2\.json(\.gz)?$", name))[-1]
        data = wheel.read(name)
    return "botocore " + os.path.basename(wheels[0]).split("-")[1], json.loads(gzip.decompress(data) if name.endswith(".gz") else data)


def newest():
    """What stored() gives, of the newest model, or (why it cannot be had, None)."""
    source, model = newest_model()
    return source, model and [line_of(model, name) for name in sorted(model["operations"])]


def line_of(model, operation):
    about = model["operations"][operation]
    shape = model["shapes"].get(about.get("input", {}).get("shape"), {})
    names = {member["locationName"]: name in shape.get("required", ()) for name, member in shape.get("members", {}).items()
             if member.get("location") == "querystring"}
    return Line(operation, about["http"]["method"], about["http"]["requestUri"], sorted(name for name in names if names[name]),
                sorted(name for name in names if not names[name]))


if __name__ == "__main__":
    source, lines = newest()
    if lines is None:
        sys.exit(source)
    with open(STORED, "w") as out:
        out.write("".join(row + "\n" for row in [f"# {source}", *(line.row() for line in lines)]))
