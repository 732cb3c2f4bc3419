#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Round trips with the clients people use, from Debian's packages: curl, aws cli, boto3, s3cmd, rclone. With keys, and where the
client can do it, anonymously against a server without keys; with both disk engines.

With TEST_BRIEF=1 only what may differ with TLS, another engine or a sanitizer: bodies up and down, whole and in parts."""
import os
import shutil

from sluicetest import (ACCESS, SECRET, Server, check, done, equal, fresh, have, odd_tree, ok, pattern_file, run, same_tree, scratch,
                        sha256_file, skip)

MIB = 1 << 20
BRIEF = os.environ.get("TEST_BRIEF") == "1"
small = pattern_file("small.txt", 1234)
middle = pattern_file("middle.bin", 9 * MIB, seed=2)
large = pattern_file("large.bin", 40 * MIB, seed=3)
AWS_ENV = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}


def curl_anonymous(server, label):
    name = f"curl, {label}"
    back = fresh("curl-back")
    url = f"{server.url}/curl"
    curl = ["curl", "-sS", "-f", "--path-as-is"]
    ok(f"{name}: make a bucket", run([*curl, "-X", "PUT", url]))
    for path in (small, middle, large):
        ok(f"{name}: -T {os.path.basename(path)}", run([*curl, "-T", path, f"{url}/dir/{os.path.basename(path)}"]))
        ok(f"{name}: get it back", run([*curl, "-o", back, f"{url}/dir/{os.path.basename(path)}"]))
        equal(sha256_file(back), sha256_file(path), f"{name}: identical")
    empty = scratch("empty")
    open(empty, "w").close()
    ok(f"{name}: -T of nothing", run([*curl, "-T", empty, f"{url}/dir/empty"]))
    for method, path in (("PUT", "dir/forgotten"), ("POST", "dir/empty?uploadId=" + "0" * 32)):
        status, output = run(["curl", "-sS", "-X", method, f"{url}/{path}"])
        check("<Code>MissingContentLength</Code>" in output, f"{name}: -X {method} of an object needs a body, or --data ''", output)
    ok(f"{name}: --data ''", run([*curl, "-X", "PUT", "--data", "", f"{url}/dir/empty"]))
    ok(f"{name}: a copy", run([*curl, "-X", "PUT", "-H", "x-amz-copy-source: curl/dir/small.txt", f"{url}/dir/empty"]))
    ok(f"{name}: an upload is begun", run([*curl, "-X", "POST", f"{url}/dir/upload?uploads"]), "<UploadId>")
    ok(f"{name}: delete the copy", run([*curl, "-X", "DELETE", f"{url}/dir/empty"]))
    ok(f"{name}: range", run([*curl, "-r", "100-199", "-o", back, f"{url}/dir/large.bin"]))
    with open(large, "rb") as file:
        file.seek(100)
        want = file.read(100)
    with open(back, "rb") as file:
        equal(file.read(), want, f"{name}: the range's bytes")
    ok(f"{name}: listing", run([*curl, f"{url}?list-type=2&prefix=dir/"]), "dir/middle.bin")
    status, output = run([*curl, "-T", small, f"{url}/a/../b//c"])
    ok(f"{name}: a key with .. and //", (status, output))
    ok(f"{name}: is kept as it is", run([*curl, f"{url}?list-type=2"]), "<Key>a/../b//c</Key>")
    ok(f"{name}: head", run([*curl, "-I", f"{url}/dir/small.txt"]), "1234")
    for key in ("dir/small.txt", "dir/middle.bin", "dir/large.bin", "a/../b//c"):
        ok(f"{name}: delete {key}", run([*curl, "-X", "DELETE", f"{url}/{key}"]))
    ok(f"{name}: delete the bucket", run([*curl, "-X", "DELETE", url]))


def curl_signed(server):
    status, help_text = run(["curl", "--help", "all"])
    if "--aws-sigv4" not in help_text:
        return skip("curl --aws-sigv4", "this curl cannot sign")
    back = fresh("curl-back")
    sign = ["curl", "-sS", "-f", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{ACCESS}:{SECRET}",
            "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    ok("curl --aws-sigv4: make a bucket", run([*sign, "-X", "PUT", f"{server.url}/signed"]))
    ok("curl --aws-sigv4: -T", run([*sign, "-T", middle, f"{server.url}/signed/object"]))
    ok("curl --aws-sigv4: get", run([*sign, "-o", back, f"{server.url}/signed/object"]))
    equal(sha256_file(back), sha256_file(middle), "curl --aws-sigv4: identical")
    ok("curl --aws-sigv4: a listing", run([*sign, f"{server.url}/signed?list-type=2"]), "<Key>object</Key>")
    ok("curl --aws-sigv4: a range", run([*sign, "-r", "-100", "-o", back, f"{server.url}/signed/object"]))
    equal(os.path.getsize(back), 100, "curl --aws-sigv4: has its length")
    # Without that header curl signs the body's own SHA-256, and the server verifies it.
    hashed = ["curl", "-sS", "-f", *sign[3:7], "-H", "x-amz-content-sha256: " + sha256_file(small)]
    ok("curl --aws-sigv4: the body's hash", run([*hashed, "-T", small, f"{server.url}/signed/hashed"]))
    for name, wrong, code in (("another body than was signed", [*hashed, "-T", middle], "XAmzContentSHA256Mismatch"),
                              ("a wrong secret", [*sign[:6], f"{ACCESS}:wrong", *sign[7:]], "SignatureDoesNotMatch"),
                              ("an unknown key", [*sign[:6], "NOBODY:wrong", *sign[7:]], "InvalidAccessKeyId")):
        status, output = run([argument for argument in wrong if argument != "-f"] + [f"{server.url}/signed/hashed"])
        check(f"<Code>{code}</Code>" in output, f"curl --aws-sigv4: {name} is refused", output)
    ok("curl --aws-sigv4: delete", run([*sign, "-X", "DELETE", f"{server.url}/signed/hashed"]))
    status, output = run(["curl", "-sS", "-o", back, "-w", "%{http_code}", f"{server.url}/signed/object"])
    equal(output, "401", "curl without a key is refused")


def aws(server, extra, label):
    name = f"aws cli, {label}"
    base = ["aws", *extra, "--endpoint-url", server.url]
    s3 = [*base, "s3"]
    back, folder = fresh("aws-back"), odd_tree(middle)
    ok(f"{name}: mb", run([*s3, "mb", "s3://aws-bucket"], AWS_ENV))
    ok(f"{name}: ls shows the bucket", run([*s3, "ls"], AWS_ENV), "aws-bucket")
    for path in (small, middle, large):
        ok(f"{name}: cp up {os.path.basename(path)}", run([*s3, "cp", "--quiet", path, "s3://aws-bucket/files/"], AWS_ENV))
        ok(f"{name}: cp down", run([*s3, "cp", "--quiet", f"s3://aws-bucket/files/{os.path.basename(path)}", back], AWS_ENV))
        equal(sha256_file(back), sha256_file(path), f"{name}: identical")
    if not extra:
        status, url = run([*s3, "presign", "s3://aws-bucket/files/small.txt"], AWS_ENV)
        ok(f"{name}: presign, fetched by curl", run(["curl", "-sS", "-f", "-o", back, url.strip()]))
        equal(sha256_file(back), sha256_file(small), f"{name}: the presigned body is identical")
    if BRIEF:
        return
    ok(f"{name}: copy inside", run([*s3, "cp", "--quiet", "s3://aws-bucket/files/large.bin", "s3://aws-bucket/copy.bin"], AWS_ENV))
    ok(f"{name}: get the copy", run([*s3, "cp", "--quiet", "s3://aws-bucket/copy.bin", back], AWS_ENV))
    equal(sha256_file(back), sha256_file(large), f"{name}: the copy is identical")
    ok(f"{name}: mv", run([*s3, "mv", "--quiet", "s3://aws-bucket/copy.bin", "s3://aws-bucket/moved.bin"], AWS_ENV))
    ok(f"{name}: sync up", run([*s3, "sync", "--quiet", folder, "s3://aws-bucket/tree"], AWS_ENV))
    ok(f"{name}: ls --recursive", run([*s3, "ls", "--recursive", "s3://aws-bucket/tree/"], AWS_ENV), "c with space.txt")
    down = fresh("aws-tree")
    ok(f"{name}: sync down", run([*s3, "sync", "--quiet", "s3://aws-bucket/tree", down], AWS_ENV))
    check(same_tree(folder, down), f"{name}: the trees are the same")
    status, output = run([*s3, "sync", folder, "s3://aws-bucket/tree"], AWS_ENV)
    check(status == 0 and "upload" not in output, f"{name}: a second sync moves nothing", output)
    api = [*base, "s3api"]
    ok(f"{name}: s3api head-object", run([*api, "head-object", "--bucket", "aws-bucket", "--key", "files/small.txt"], AWS_ENV), "1234")
    ok(f"{name}: s3api get-bucket-location", run([*api, "get-bucket-location", "--bucket", "aws-bucket"], AWS_ENV))
    ok(f"{name}: s3api put-object with metadata", run([*api, "put-object", "--bucket", "aws-bucket", "--key", "meta", "--body", small,
       "--metadata", "colour=blue", "--content-type", "text/x-test"], AWS_ENV))
    ok(f"{name}: metadata comes back", run([*api, "head-object", "--bucket", "aws-bucket", "--key", "meta"], AWS_ENV), "blue")
    ok(f"{name}: s3api list-multipart-uploads", run([*api, "list-multipart-uploads", "--bucket", "aws-bucket"], AWS_ENV))
    ok(f"{name}: rm --recursive", run([*s3, "rm", "--quiet", "--recursive", "s3://aws-bucket"], AWS_ENV))
    ok(f"{name}: rb", run([*s3, "rb", "s3://aws-bucket"], AWS_ENV))


def s3cmd(server):
    config = scratch("s3cfg")
    with open(config, "w") as file:
        file.write(f"[default]\naccess_key = {ACCESS}\nsecret_key = {SECRET}\nhost_base = {server.host}:{server.port}\n"
                   f"host_bucket = {server.host}:{server.port}\nuse_https = {bool(server.context)}\nmultipart_chunk_size_mb = 5\n")
    s3 = ["s3cmd", "-c", config, "--no-progress"]
    back, folder = fresh("s3cmd-back"), odd_tree(middle)
    ok("s3cmd: mb", run([*s3, "mb", "s3://s3cmd-bucket"]))
    ok("s3cmd: put", run([*s3, "put", small, "s3://s3cmd-bucket/small.txt"]))
    ok("s3cmd: put in parts", run([*s3, "put", large, "s3://s3cmd-bucket/large.bin"]))
    ok("s3cmd: get", run([*s3, "get", "--force", "s3://s3cmd-bucket/large.bin", back]))
    equal(sha256_file(back), sha256_file(large), "s3cmd: identical")
    if BRIEF:
        return
    ok("s3cmd: info", run([*s3, "info", "s3://s3cmd-bucket/small.txt"]), "1234")
    ok("s3cmd: sync", run([*s3, "sync", folder + "/", "s3://s3cmd-bucket/tree/"]))
    ok("s3cmd: ls", run([*s3, "ls", "--recursive", "s3://s3cmd-bucket/"]), "plus+percent%41.txt")
    ok("s3cmd: cp", run([*s3, "cp", "s3://s3cmd-bucket/large.bin", "s3://s3cmd-bucket/copy.bin"]))
    objects = 3 + sum(len(files) for _, _, files in os.walk(folder))
    size = 1234 + 80 * MIB + sum(os.path.getsize(os.path.join(where, name)) for where, _, files in os.walk(folder) for name in files)
    status, output = run([*s3, "du", "s3://s3cmd-bucket/"])
    equal((status, output.split()[:2]), (0, [str(size), str(objects)]), "s3cmd: du tells bytes and objects")
    os.remove(os.path.join(folder, "a.txt"))
    ok("s3cmd: sync --delete-removed", run([*s3, "sync", "--delete-removed", folder + "/", "s3://s3cmd-bucket/tree/"]), "delete: 's3://s3cmd-bucket/tree/a.txt'")
    synced = fresh("s3cmd-tree")
    os.makedirs(synced)
    ok("s3cmd: sync down", run([*s3, "sync", "s3://s3cmd-bucket/tree/", synced + "/"]))
    check(same_tree(folder, synced), "s3cmd: the trees are the same")
    plain = ["curl", "-sS", "-o", back, "-w", "%{http_code}", f"{server.url}/s3cmd-bucket/small.txt"]
    equal(run(plain)[1], "401", "s3cmd: what it put is private")
    ok("s3cmd: setacl --acl-public", run([*s3, "setacl", "--acl-public", "s3://s3cmd-bucket/small.txt"]))
    ok("s3cmd: info tells the grant", run([*s3, "info", "s3://s3cmd-bucket/small.txt"]), "*anon*: READ")
    equal((run(plain)[1], sha256_file(back)), ("200", sha256_file(small)), "s3cmd: now everybody reads it")
    ok("s3cmd: setacl --acl-private", run([*s3, "setacl", "--acl-private", "s3://s3cmd-bucket/small.txt"]))
    equal(run(plain)[1], "401", "s3cmd: and nobody any more")
    ok("s3cmd: put from standard input, in parts", run(["sh", "-c", '"$@" < "$0"', large, *s3, "put", "-", "s3://s3cmd-bucket/stream"]))
    ok("s3cmd: multipart lists no upload", run([*s3, "multipart", "s3://s3cmd-bucket/"]), "s3://s3cmd-bucket/")
    ok("s3cmd: mv", run([*s3, "mv", "s3://s3cmd-bucket/stream", "s3://s3cmd-bucket/moved"]))
    ok("s3cmd: get the moved", run([*s3, "get", "--force", "s3://s3cmd-bucket/moved", back]))
    equal(sha256_file(back), sha256_file(large), "s3cmd: the stream is identical")
    ok("s3cmd: modify", run([*s3, "modify", "--add-header=x-amz-meta-colour: blue", "s3://s3cmd-bucket/small.txt"]))
    ok("s3cmd: modified", run([*s3, "info", "s3://s3cmd-bucket/small.txt"]), "blue")
    ok("s3cmd: del", run([*s3, "del", "--recursive", "--force", "s3://s3cmd-bucket/"]))
    ok("s3cmd: rb", run([*s3, "rb", "s3://s3cmd-bucket"]))


def rclone(server, keys):
    label = "with keys" if keys else "anonymous"
    name = f"rclone, {label}"
    env = {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_S_TYPE": "s3", "RCLONE_CONFIG_S_PROVIDER": "Other",
           "RCLONE_CONFIG_S_ENDPOINT": server.url, "RCLONE_CONFIG_S_REGION": "us-east-1", "AWS_CA_BUNDLE": ""}  # it takes SSL_CERT_FILE
    if keys:
        env.update(RCLONE_CONFIG_S_ACCESS_KEY_ID=ACCESS, RCLONE_CONFIG_S_SECRET_ACCESS_KEY=SECRET)
    back, folder = fresh("rclone-back"), odd_tree(middle)
    shutil.copy(large, folder)
    part = ["--s3-upload-cutoff", "16M", "--s3-chunk-size", "5M"]
    ok(f"{name}: mkdir", run(["rclone", "mkdir", "s:rclone-bucket"], env))
    ok(f"{name}: copy up, large files in parts", run(["rclone", "copy", *part, folder, "s:rclone-bucket/tree"], env))
    ok(f"{name}: check", run(["rclone", "check", folder, "s:rclone-bucket/tree"], env))
    ok(f"{name}: check --download", run(["rclone", "check", "--download", folder, "s:rclone-bucket/tree"], env))
    ok(f"{name}: sync down", run(["rclone", "sync", "s:rclone-bucket/tree", back], env))
    check(same_tree(folder, back), f"{name}: the trees are the same")
    with open(small) as stdin:
        ok(f"{name}: rcat", run(["rclone", "rcat", "s:rclone-bucket/streamed"], env, stdin=stdin))
    with open(large, "rb") as stdin:
        ok(f"{name}: rcat of what does not fit one part", run(["rclone", "rcat", *part, "s:rclone-bucket/tree/streamed.bin"], env, stdin=stdin))
    equal(run(["rclone", "hashsum", "sha256", "--download", "s:rclone-bucket/tree/streamed.bin"], env)[1].split()[0], sha256_file(large), f"{name}: it is whole")
    if BRIEF:
        return
    ok(f"{name}: copyto within, in parts", run(["rclone", "copyto", *part, "--s3-copy-cutoff", "16M", "s:rclone-bucket/tree/streamed.bin", "s:rclone-bucket/copied"], env))
    ok(f"{name}: moveto", run(["rclone", "moveto", "s:rclone-bucket/copied", "s:rclone-bucket/moved"], env))
    os.remove(os.path.join(folder, "a.txt"))
    ok(f"{name}: sync up removes what is gone", run(["rclone", "sync", *part, folder, "s:rclone-bucket/tree"], env))
    listed = run(["rclone", "lsf", "-R", "--files-only", "s:rclone-bucket"], env)[1].splitlines()
    check("tree/a.txt" not in listed and "tree/streamed.bin" not in listed and "moved" in listed and "copied" not in listed,
          f"{name}: what is gone is gone", listed)
    status, output = run(["rclone", "size", "--json", "s:rclone-bucket/moved"], env)
    check(status == 0 and f'"bytes":{40 * MIB}' in output, f"{name}: size", output)
    if keys:
        status, output = run(["rclone", "link", "--expire", "60s", "s:rclone-bucket/moved"], env)
        ok(f"{name}: link, fetched by curl", run(["curl", "-sS", "-f", "-o", scratch("linked"), output.strip()]))
        equal(sha256_file(scratch("linked")), sha256_file(large), f"{name}: by the link the same")
    ok(f"{name}: lsf", run(["rclone", "lsf", "s:rclone-bucket"], env), "streamed")
    ok(f"{name}: purge", run(["rclone", "purge", "s:rclone-bucket"], env))


for engine in () if BRIEF else ("uring", "threads"):
    try:
        server = Server(engine=engine)
    except RuntimeError:
        skip(f"curl with {engine}", "the engine is not permitted here")
        continue
    curl_anonymous(server, f"anonymous, {engine}")
    check(server.stop(), f"{engine}: the server ends with status 0")

opened = Server()
keyed = Server(keys=True)
standard = Server(args=["--copy-mode", "standard"])
curl_anonymous(opened if BRIEF else standard, "anonymous" if BRIEF else "standard copy mode")
curl_signed(keyed)
if have("aws"):
    aws(keyed, [], "with keys")
    if not BRIEF:
        aws(opened, ["--no-sign-request"], "anonymous")
else:
    skip("aws cli", "not installed")
if have("s3cmd"):
    s3cmd(keyed)
else:
    skip("s3cmd", "not installed")
if have("rclone"):
    rclone(keyed, True)
    if not BRIEF:
        rclone(opened, False)
else:
    skip("rclone", "not installed")
for server in (opened, keyed, standard):
    check(server.stop(), "the server ends with status 0")
done()
