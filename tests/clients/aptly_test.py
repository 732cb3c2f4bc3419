#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""aptly publishes a Debian repository into a bucket, anew after a change, and takes it away again."""
import gzip
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, ok, pattern_file, run, s3_client, scratch, skip


def make_package(name, version, size):
    """A Debian package with one file of that size: the path."""
    root = scratch(f"{name}-root")
    os.makedirs(os.path.join(root, "DEBIAN"))
    with open(os.path.join(root, "DEBIAN", "control"), "w") as out:
        out.write(f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Test <test@example.org>\nDescription: test\n")
    os.rename(pattern_file("content", size), os.path.join(root, "content"))
    path = scratch(f"{name}_{version}_all.deb")
    ok(f"a package {name}", run(["dpkg-deb", "-Znone", "--build", root, path]))
    return path


def main():
    for program in "aptly", "dpkg-deb":
        if not have(program):
            skip("aptly", f"{program} is not installed")
            done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="debian")
    endpoint = {"region": "us-east-1", "bucket": "debian", "endpoint": server.url, "prefix": "mirror", "acl": "private", "awsAccessKeyID": ACCESS,
                "awsSecretAccessKey": SECRET}
    with open(scratch("aptly.conf"), "w") as out:
        json.dump({"rootDir": scratch("aptly"), "gpgDisableSign": True, "gpgDisableVerify": True, "architectures": ["amd64"],
                   "S3PublishEndpoints": {"here": endpoint}}, out)

    def aptly(*words):
        return run(["aptly", f"-config={scratch('aptly.conf')}", *words], {"HOME": scratch()}, timeout=60)

    def keys():
        return [entry["Key"] for entry in client.list_objects_v2(Bucket="debian").get("Contents", [])]

    def published_is(want, name):
        """The index names those files, and they are there, byte for byte."""
        index = gzip.decompress(client.get_object(Bucket="debian", Key="mirror/apt/dists/stable/main/binary-amd64/Packages.gz")["Body"].read()).decode()
        found = [line.split(": ")[1] for line in index.splitlines() if line.startswith("Filename: ")]
        equal(sorted(os.path.basename(path) for path in found), sorted(os.path.basename(path) for path in want), name)
        for path in found:
            body = client.get_object(Bucket="debian", Key=f"mirror/apt/{path}")["Body"].read()
            with open(scratch(os.path.basename(path)), "rb") as file:
                check(body == file.read(), "which has its bytes")
            check(hashlib.sha256(body).hexdigest() in index, "and the digest of the index")

    first, second = make_package("first", "1.0", 300001), make_package("second", "2.0+b1", 12 << 20)
    ok("aptly has a repository", aptly("repo", "create", "-distribution=stable", "mine"))
    ok("aptly adds a package", aptly("repo", "add", "mine", first))
    ok("aptly publishes it", aptly("publish", "repo", "mine", "s3:here:apt"))
    published_is([first], "the package is published")
    ok("aptly adds another", aptly("repo", "add", "mine", second))
    ok("aptly publishes the change", aptly("publish", "update", "stable", "s3:here:apt"))
    published_is([first, second], "both are published")
    ok("aptly removes the first", aptly("repo", "remove", "mine", "first"))
    ok("aptly publishes that", aptly("publish", "update", "stable", "s3:here:apt"))
    published_is([second], "the other one is left")
    check(not [key for key in keys() if key.endswith("first_1.0_all.deb")], "and the first one's file is gone", str(keys()))
    ok("aptly drops what it published", aptly("publish", "drop", "stable", "s3:here:apt"))
    equal(keys(), [], "nothing is left")
    done()


main()
