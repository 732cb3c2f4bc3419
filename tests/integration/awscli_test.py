#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The aws cli with keys on, beyond the plain round trips of clients_test.py: transfers in parts by small thresholds, filters, streams,
and the low-level commands: multipart by hand, copies, tags, versions, settings, errors."""
import json
import os
import signal
import subprocess
import sys

from sluicetest import (ACCESS, SECRET, Server, check, done, equal, fails, fresh, have, odd_tree, ok, pattern_file, run, same_tree, scratch,
                        sha256_file, skip)

try:
    from awscli import clidriver
    import awscli.customizations.s3.subcommands  # loaded once, here, instead of in each child
except ImportError: # another source's cli
    clidriver = None

MIB = 1 << 20
BUCKET = "cli"


def config_file():
    """The cli's configuration: keys, and thresholds so small that a few MiB go in parts."""
    path = scratch("aws-config")
    with open(path, "w") as file:
        file.write(f"[default]\nregion = us-east-1\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\nmax_attempts = 1\n"
                   "s3 =\n    multipart_threshold = 6MB\n    multipart_chunksize = 5MB\n    max_concurrent_requests = 4\n"
                   "    addressing_style = path\n    signature_version = s3v4\n") # version 1 would presign as S3 did before 2014
    return path


ENV = {"AWS_CONFIG_FILE": config_file(), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}


def aws(*arguments, stdin=subprocess.DEVNULL, output=None):
    """One run of the cli: its entry point in a child of this process, which has loaded it already, because starting it anew takes most
    of the time of a command. output: a path that gets what it prints, instead of the caller."""
    arguments = ["--endpoint-url", server.url, *arguments]
    path = output or scratch("aws-output")
    with open(path, "wb") as out:
        if clidriver is None:
            return subprocess.run(["aws", *arguments], env={**os.environ, **ENV}, stdin=stdin, stdout=out, stderr=subprocess.STDOUT).returncode, text(path)
        child = os.fork()
        if child == 0:
            run_cli(arguments, stdin, out.fileno())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "" if output else text(path)


def run_cli(arguments, stdin, out):
    """In the child; does not return."""
    status = 255
    try:
        signal.alarm(120)
        os.environ.update(ENV)
        os.dup2(os.open(os.devnull, os.O_RDONLY) if stdin == subprocess.DEVNULL else stdin.fileno(), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        status = clidriver.create_clidriver().main(arguments)
    except SystemExit as error:
        status = error.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)


def text(path):
    with open(path, errors="replace") as file:
        return file.read()


def s3(*arguments, **more):
    return aws("s3", *arguments, **more)


def api(command, *arguments):
    """A low-level command on the bucket: what it printed, as JSON, or its error as a text."""
    status, output = aws("s3api", command, "--bucket", BUCKET, *arguments)
    if status != 0:
        return output
    return json.loads(output) if output.strip() else {}


def refused(name, code, command, *arguments):
    answer = api(command, *arguments)
    check(isinstance(answer, str) and f"({code})" in answer, name, answer)


def transfers():
    back, folder = fresh("back"), odd_tree(large)
    ok("aws s3: mb", s3("mb", f"s3://{BUCKET}"))
    ok("aws s3: cp in parts", s3("cp", "--quiet", large, f"s3://{BUCKET}/large.bin"))
    check(api("head-object", "--key", "large.bin")["ETag"].endswith('-4"'), "aws s3: four parts")
    ok("aws s3: cp back in ranges", s3("cp", "--quiet", f"s3://{BUCKET}/large.bin", back))
    equal(sha256_file(back), sha256_file(large), "aws s3: identical")
    ok("aws s3: cp within, in parts", s3("cp", "--quiet", f"s3://{BUCKET}/large.bin", f"s3://{BUCKET}/second.bin"))
    ok("aws s3: mv within", s3("mv", "--quiet", f"s3://{BUCKET}/second.bin", f"s3://{BUCKET}/third.bin"))
    with open(large, "rb") as stdin:
        ok("aws s3: cp from standard input", s3("cp", "--quiet", "-", f"s3://{BUCKET}/stream", stdin=stdin))
    ok("aws s3: cp to standard output", s3("cp", f"s3://{BUCKET}/stream", "-", output=back))
    equal(sha256_file(back), sha256_file(large), "aws s3: the streams are identical")
    equal(sum(key in str(api("list-objects-v2")) for key in ("large.bin", "second.bin", "third.bin", "stream")), 3, "aws s3: mv leaves one")
    ok("aws s3: cp --recursive with filters", s3("cp", "--quiet", "--recursive", "--exclude", "*", "--include", "*.txt", folder, f"s3://{BUCKET}/texts"))
    equal(len(api("list-objects-v2", "--prefix", "texts/")["Contents"]), 5, "aws s3: the filters hold")
    ok("aws s3: sync", s3("sync", "--quiet", folder, f"s3://{BUCKET}/tree"))
    os.remove(os.path.join(folder, "a.txt"))
    with open(os.path.join(folder, "new file"), "w") as file:
        file.write("new")
    ok("aws s3: sync --delete deletes", s3("sync", "--delete", folder, f"s3://{BUCKET}/tree"), "delete: s3://cli/tree/a.txt")
    target = fresh("synced")
    ok("aws s3: sync down", s3("sync", "--quiet", f"s3://{BUCKET}/tree", target))
    check(same_tree(folder, target), "aws s3: the trees are the same")
    ok("aws s3: ls --summarize", s3("ls", "--recursive", "--human-readable", "--summarize", f"s3://{BUCKET}/tree/"), "Total Objects: 7")
    ok("aws s3: ls of folders", s3("ls", f"s3://{BUCKET}/"), "PRE tree/")
    ok("aws s3: cp with attributes", s3("cp", "--quiet", small, f"s3://{BUCKET}/typed", "--content-type", "x/y", "--cache-control", "no-cache",
                                     "--metadata", "colour=blue", "--storage-class", "STANDARD_IA"))
    head = api("head-object", "--key", "typed")
    equal([head.get(name) for name in ("ContentType", "CacheControl", "Metadata", "StorageClass")],
          ["x/y", "no-cache", {"colour": "blue"}, "STANDARD_IA"], "aws s3: attributes come back")
    status, url = s3("presign", "--expires-in", "60", f"s3://{BUCKET}/typed")
    ok("aws s3: presign, fetched by curl", run(["curl", "-sS", "-f", "-o", back, url.strip()]))
    equal(sha256_file(back), sha256_file(small), "aws s3: by the URL the same")
    fails("aws s3: cp of what is not there", s3("cp", f"s3://{BUCKET}/nothing", back), "404")
    fails("aws s3: rb of a bucket with objects", s3("rb", f"s3://{BUCKET}"), "BucketNotEmpty")
    ok("aws s3: rm with a filter", s3("rm", "--recursive", "--exclude", "*", "--include", "*.txt", f"s3://{BUCKET}/"), "delete:")
    check("texts/" not in str(api("list-objects-v2")) and "large.bin" in str(api("list-objects-v2")), "aws s3: the filter holds")


def multipart():
    key = ("--key", "by hand")
    upload = ("--upload-id", api("create-multipart-upload", *key, "--content-type", "x/y", "--checksum-algorithm", "SHA256")["UploadId"])
    piece = pattern_file("piece.bin", 5 * MIB, seed=72)
    first = api("upload-part", *key, *upload, "--part-number", "1", "--body", piece, "--checksum-algorithm", "SHA256")
    check("ETag" in first and "ChecksumSHA256" in first, "aws s3api: upload-part with a checksum", first)
    second = api("upload-part-copy", *key, *upload, "--part-number", "2", "--copy-source", f"{BUCKET}/large.bin",
                 "--copy-source-range", "bytes=1048576-7340031")
    check("CopyPartResult" in second, "aws s3api: upload-part-copy with a range", second)
    listed = api("list-parts", *key, *upload, "--page-size", "1")
    equal([(p["PartNumber"], p["Size"]) for p in listed["Parts"]], [(1, 5 * MIB), (2, 6 * MIB)], "aws s3api: list-parts, page by page")
    equal(len(api("list-multipart-uploads")["Uploads"]), 1, "aws s3api: list-multipart-uploads")
    parts = [{"PartNumber": n, "ETag": p["ETag"], "ChecksumSHA256": p["ChecksumSHA256"]}
             for n, p in ((1, first), (2, second["CopyPartResult"]))]
    refused("aws s3api: parts in the wrong order", "InvalidPartOrder", "complete-multipart-upload", *key, *upload, "--multipart-upload",
            json.dumps({"Parts": parts[::-1]}))
    done_answer = api("complete-multipart-upload", *key, *upload, "--multipart-upload", json.dumps({"Parts": parts}))
    check(isinstance(done_answer, dict) and done_answer["ETag"].endswith('-2"') and done_answer["ChecksumSHA256"].endswith("-2"),
          "aws s3api: complete-multipart-upload", done_answer)
    back, want = fresh("back"), scratch("want")
    api("get-object", *key, back)
    with open(want, "wb") as out, open(piece, "rb") as one, open(large, "rb") as two:
        out.write(one.read())
        two.seek(MIB)
        out.write(two.read(6 * MIB))
    equal(sha256_file(back), sha256_file(want), "aws s3api: get-object gives the parts, one after the other")
    equal(api("head-object", *key, "--part-number", "2")["PartsCount"], 2, "aws s3api: head-object of a part")
    attributes = api("get-object-attributes", *key, "--object-attributes", "ObjectSize", "ObjectParts")
    equal((attributes["ObjectSize"], attributes["ObjectParts"]["TotalPartsCount"]), (11 * MIB, 2), "aws s3api: get-object-attributes")
    upload = ("--upload-id", api("create-multipart-upload", *key)["UploadId"])
    equal(api("abort-multipart-upload", *key, *upload), {}, "aws s3api: abort-multipart-upload")
    refused("aws s3api: an upload that is no more", "NoSuchUpload", "list-parts", *key, *upload)


def low_level():
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256"):
        put = api("put-object", "--key", "sum", "--body", small, "--checksum-algorithm", algorithm)
        if isinstance(put, str) and "ependency" in put:
            skip(f"aws s3api: {algorithm}", "this cli cannot compute it")
            continue
        got = api("get-object", "--key", "sum", "--checksum-mode", "ENABLED", fresh("back"))
        check("Checksum" + algorithm in put and got.get("Checksum" + algorithm) == put["Checksum" + algorithm], f"aws s3api: {algorithm}", (put, got))
    refused("aws s3api: a wrong Content-MD5", "BadDigest", "put-object", "--key", "x", "--body", small, "--content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")
    etag = api("put-object", "--key", "c", "--body", small)["ETag"]
    check("304" in api("get-object", "--key", "c", "--if-none-match", etag, fresh("back")), "aws s3api: --if-none-match")
    refused("aws s3api: --if-match of another", "PreconditionFailed", "get-object", "--key", "c", "--if-match", '"x"', fresh("back"))
    equal(api("get-object", "--key", "c", "--range", "bytes=10-19", fresh("back"))["ContentRange"], "bytes 10-19/1234", "aws s3api: --range")
    check("CopyObjectResult" in api("copy-object", "--key", "copied", "--copy-source", f"{BUCKET}/c", "--metadata-directive", "REPLACE", "--metadata",
                                    "a=b", "--tagging-directive", "REPLACE", "--tagging", "t=1"), "aws s3api: copy-object")
    equal(api("get-object-tagging", "--key", "copied")["TagSet"], [{"Key": "t", "Value": "1"}], "aws s3api: the copy's tags")
    api("put-object-tagging", "--key", "c", "--tagging", "TagSet=[{Key=stage,Value=test}]")
    equal(api("get-object-tagging", "--key", "c")["TagSet"], [{"Key": "stage", "Value": "test"}], "aws s3api: put-object-tagging")
    equal(api("put-object-acl", "--key", "c", "--acl", "private"), {}, "aws s3api: put-object-acl")
    equal(api("get-object-acl", "--key", "c")["Grants"][0]["Permission"], "FULL_CONTROL", "aws s3api: get-object-acl")
    refused("aws s3api: a key that is not there", "NoSuchKey", "get-object", "--key", "nope", fresh("back"))
    gone = api("delete-objects", "--delete", "Objects=[{Key=c},{Key=copied},{Key=never}]")
    equal(len(gone["Deleted"]), 3, "aws s3api: delete-objects")
    equal(aws("s3api", "wait", "object-not-exists", "--bucket", BUCKET, "--key", "c")[0], 0, "aws s3api: wait")


def settings():
    rules = {"Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 3}}]}
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://web.test"]}]}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                      "Resource": f"arn:aws:s3:::{BUCKET}/typed"}]}
    api("put-bucket-lifecycle-configuration", "--lifecycle-configuration", json.dumps(rules))
    equal(api("get-bucket-lifecycle-configuration").get("Rules"), rules["Rules"], "aws s3api: lifecycle rules")
    api("put-bucket-cors", "--cors-configuration", json.dumps(cors))
    equal(api("get-bucket-cors").get("CORSRules"), cors["CORSRules"], "aws s3api: CORS rules")
    api("put-bucket-tagging", "--tagging", "TagSet=[{Key=team,Value=build}]")
    equal(api("get-bucket-tagging").get("TagSet"), [{"Key": "team", "Value": "build"}], "aws s3api: bucket tags")
    api("put-bucket-policy", "--policy", json.dumps(policy))
    equal(json.loads(api("get-bucket-policy")["Policy"]), policy, "aws s3api: the policy")
    equal((server.request("GET", f"/{BUCKET}/typed")[0], server.request("GET", f"/{BUCKET}/large.bin")[0]), (200, 401), "aws s3api: and what it opens")
    api("delete-bucket-policy")
    refused("aws s3api: no website", "NoSuchWebsiteConfiguration", "get-bucket-website")
    equal(api("get-bucket-location").get("LocationConstraint"), None, "aws s3api: the location")


def versions():
    api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")
    old = api("put-object", "--key", "v", "--body", small)["VersionId"]
    api("put-object", "--key", "v", "--body", large)
    api("get-object", "--key", "v", "--version-id", old, fresh("back"))
    equal(sha256_file(scratch("back")), sha256_file(small), "aws s3api: an older version")
    check(api("delete-object", "--key", "v").get("DeleteMarker"), "aws s3api: a delete marker")
    listed = api("list-object-versions", "--prefix", "v")
    equal((len(listed["Versions"]), len(listed["DeleteMarkers"])), (2, 1), "aws s3api: list-object-versions")
    every = api("list-object-versions")
    doomed = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for kind in ("Versions", "DeleteMarkers") for entry in every.get(kind, [])]
    equal(len(api("delete-objects", "--delete", json.dumps({"Objects": doomed}))["Deleted"]), len(doomed), "aws s3api: all versions are deleted")
    ok("aws s3: rb", s3("rb", f"s3://{BUCKET}"))


if not have("aws"):
    skip("aws cli", "not installed")
    done()
small = pattern_file("small.bin", 1234)
large = pattern_file("large.bin", 17 * MIB, seed=71)
server = Server(keys=True)
for part in (transfers, multipart, low_level, settings, versions):
    try:
        part()
    except Exception as error: # one failure; the other parts still run
        check(False, f"aws cli: {part.__name__} runs to its end", repr(error))
check(server.stop(), "the server ends with status 0")
done()
