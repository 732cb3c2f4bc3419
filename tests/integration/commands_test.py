#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands for work, against a server with a key, and against a store that no server has open: what they list, move and remove, what they end with, and
what stays when they are killed, refused, or run out of room."""
import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time

from sluicetest import (ACCESS, SECRET, SLUICE, TLS, Server, check, done, equal, fresh, odd_tree, pattern_file, poll, same_tree, scratch, sha256_file, skip,
                        trusting)

server = Server(keys=True)
environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}
environment.update(trusting, AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_ENDPOINT_URL=server.url, HOME=scratch(), LC_ALL="C.UTF-8")


def sluice(*words, env=None, stdin=subprocess.DEVNULL, text=True, **extra):
    """(status, standard output, standard error)."""
    result = subprocess.run([SLUICE, *words], env={**environment, **(env or {})}, capture_output=True, text=text, timeout=120,
                            **({"input": stdin} if isinstance(stdin, (bytes, str)) else {"stdin": stdin}), **extra)
    return result.returncode, result.stdout, result.stderr


def status(*words, **extra):
    return sluice(*words, **extra)[0]


def rows(*words, **extra):
    """The objects that --json prints."""
    return [json.loads(line) for line in sluice(*words, "--json", **extra)[1].splitlines()]


def keys(url, **extra):
    return [row["key"] for row in rows("ls", "-r", url, **extra)]


# ---- Buckets and single objects -----------------------------------------------------------------------------------------

equal(sluice("mb", "s3://work")[:2], (0, "made s3://work\n"), "mb makes a bucket")
equal(status("mb", "s3://No"), 2, "a name that cannot be is a wrong command line")
small = pattern_file("small.txt", 5000)
large = pattern_file("large.bin", 21 << 20)
equal(status("put", small, "s3://work/a/"), 0, "put into a folder")
equal(status("put", large, f"{server.url}/work/a/renamed%20large"), 0, "put under a name, by a URL, in parts")
equal([row["bucket"] for row in rows("ls")], ["work"], "ls names the buckets")
listed = rows("ls", "work/a/")
equal([(row["key"], row["size"]) for row in listed], [("a/renamed large", 21 << 20), ("a/small.txt", 5000)], "ls has keys and sizes, also of a URL without a scheme")
check(listed[0]["etag"].endswith("-3"), "21 MiB came as parts of 8", listed[0]["etag"])
equal(rows("ls", "work"), [{"bucket": "work", "folder": True, "key": "a/"}], "a folder is one entry")
equal([row["key"] for row in rows("ls", "s3://work/a")], ["a/"], "a folder without its slash is named")
equal(status("ls", "s3://work/zzz"), 3, "what is not there is 3")
equal(status("ls", "s3://nobody"), 3, "and so is a bucket")
back = fresh("back")
equal(status("get", "s3://work/a/renamed large", back), 0, "get under a name")
equal(sha256_file(back), sha256_file(large), "with the same bytes, in ranges")
equal(int(os.stat(back).st_mtime * 1000), listed[0]["modified_ms"], "and with the time of the object")
equal(os.stat(back).st_mode & 0o777, 0o666 & ~os.umask(os.umask(0o22)), "and with the modes of the user, not the server's")
equal(sluice("cat", "s3://work/a/small.txt", text=False)[1], open(small, "rb").read(), "cat writes it")
equal(sluice("get", "s3://work/a/small.txt", "-", text=False)[1], open(small, "rb").read(), "get does so with -")
equal(status("put", "-", "s3://work/stream/small", stdin="piped"), 0, "put takes standard input")
equal(sluice("cat", "work/stream/small")[1], "piped", "as it came")
with open(large, "rb") as file:
    equal(status("put", "-", "s3://work/stream/large", stdin=file), 0, "and of any length")
equal(rows("stat", "work/stream/large")[0]["size"], 21 << 20, "stat knows the size")
equal(status("put", "-", "s3://work/stream/", stdin="piped"), 2, "standard input has no name")
status("put", small, "s3://work/meta", "--metadata", "Colour=red, or blue", "--content-type", "text/x-test")
headers = rows("stat", "work/meta")[0]["headers"]
equal((headers.get("x-amz-meta-colour"), headers["content-type"]), ("red, or blue", "text/x-test"), "metadata and type are kept")
equal(status("stat", "work/nothing"), 3, "stat of what is not there")
equal(status("put", fresh("none"), "s3://work/x"), 3, "a file that is not there")
equal(status("put", scratch(), "s3://work/x"), 2, "a folder needs -r")
equal(status("cat"), 2, "words are needed")
equal(status("ls", "--nonsense"), 2, "an option that is none")
for checksum in ("sha256", "md5"):
    equal(status("put", large, f"s3://work/sums/{checksum}", "--checksum", checksum), 0, f"uploads with {checksum}")
    equal(status("get", f"s3://work/sums/{checksum}", fresh("back")), 0, "come back with it")
    equal(sha256_file(scratch("back")), sha256_file(large), f"and are right ({checksum})")

# ---- Folders, patterns, odd names ----------------------------------------------------------------------------------------

tree = odd_tree()
for name in ("new\nline", "tab\there", "quote\"'", "back\\slash", "star*?[x]", "-dash", "semi;colon&and=is", "\x1b[31mred", "..dots", "trailing ", "#hash?query",
             "k" * 200):
    with open(os.path.join(tree, "sub", name), "w", encoding="utf-8") as file:
        file.write(name)
equal(status("put", "-r", tree, "s3://work/tree"), 0, "put -r of a folder with odd names")
wanted = sorted(os.path.relpath(os.path.join(folder, name), tree) for folder, _, files in os.walk(tree) for name in files)
equal(sorted(keys("s3://work/tree/")), sorted("tree/" + name for name in wanted), "all of them are there, and called so")
target = fresh("fetched")
equal(status("get", "-r", "s3://work/tree", target), 0, "get -r of it")
check(same_tree(tree, target), "is the same tree")
for name in ("star*?[x]", "back\\slash", "#hash?query"):
    target = fresh("one")
    equal((status("get", "--literal", f"s3://work/tree/sub/{name}", target), open(target).read() if os.path.exists(target) else None), (0, name),
          f"--literal takes {name} as it stands")
equal(keys("s3://work/tree/*.txt"), ["tree/a.txt", "tree/sub/b.txt", "tree/sub/deep/c with space.txt", "tree/sub/plus+percent%41.txt", "tree/sub/ünïcode-日本.txt"],
      "with -r, * is for slashes, too")
equal([row["key"] for row in rows("ls", "s3://work/tree/*.txt")], ["tree/a.txt"], "without it is not")
equal(status("ls", "s3://work/tree/*.nothing"), 3, "a pattern that matches nothing")
target = fresh("some")
equal(status("get", "-r", "s3://work/tree", target, "--include", "*.txt", "--exclude", "sub/deep/*"), 0, "get with --include and --exclude")
equal(sorted(os.path.relpath(os.path.join(folder, name), target) for folder, _, files in os.walk(target) for name in files),
      ["a.txt", "sub/b.txt", "sub/plus+percent%41.txt", "sub/ünïcode-日本.txt"], "has what they want")
target = fresh("dry")
code, said, _ = sluice("get", "-n", "-r", "s3://work/tree", target)
check(code == 0 and "would be got" in said and not os.path.exists(target), "--dry-run says and does nothing", said[:300])
import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402

s3 = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                  config=Config(retries={"max_attempts": 0}))
for key in ("evil/../../../escaped", "evil/./dot", "evil//empty", "evil/fine", "evil/folder/"):
    s3.put_object(Bucket="work", Key=key, Body=b"" if key.endswith("/") else b"x")
target = fresh("evil/inner/target")
code, _, said = sluice("get", "-r", "s3://work/evil", target)
check(code == 1 and said.count("cannot be the name") == 3, "keys that would leave the folder are refused", said)
equal(sorted(os.listdir(target)), ["fine"], "and the others come")
check(not os.path.exists(os.path.join(scratch(), "escaped")), "nothing lies above")

# ---- What is removed -----------------------------------------------------------------------------------------------------

equal(status("rm", "s3://work/meta"), 0, "rm of one")
equal(status("stat", "work/meta"), 3, "it is gone")
equal(status("rm", "s3://work"), 2, "a bucket is not removed so")
code, said, _ = sluice("rm", "-n", "-r", "s3://work/tree")
check(code == 0 and said.count("would be deleted") == len(wanted) and keys("s3://work/tree/"), "--dry-run of rm", said[:300])
equal(status("rm", "-r", "s3://work/tree", "--exclude", "sub/*"), 0, "rm -r with --exclude")
equal(len(keys("s3://work/tree/")), len(wanted) - 2, "leaves those")
equal((status("rm", "-r", "s3://work/tree"), keys("s3://work/tree/")), (0, []), "rm -r of the rest, whatever is in their names")
status("mb", "s3://versions")
s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
for text in ("one", "two"):
    status("put", "-", "s3://versions/k", stdin=text)
status("rm", "s3://versions/k")
found = rows("ls", "-r", "--versions", "versions")
equal([row["delete_marker"] for row in found], [True, False, False], "ls --versions has the delete marker and both versions")
equal(sluice("cat", "versions/k", "--version-id", found[2]["version"])[1], "one", "cat of a version")
equal(status("rb", "s3://versions"), 1, "a bucket that is not empty stays")
s3.create_multipart_upload(Bucket="versions", Key="unfinished")
equal(status("rb", "--force", "s3://versions"), 0, "rb --force empties it: versions, markers, unfinished uploads")
equal([row["bucket"] for row in rows("ls")], ["work"], "and removes it")

# ---- What goes wrong -----------------------------------------------------------------------------------------------------

equal(status("ls", "work", env={"AWS_SECRET_ACCESS_KEY": "wrong"}), 4, "a wrong secret is 4")
equal(status("rm", "s3://work/a/small.txt", env={"AWS_ACCESS_KEY_ID": "NOBODY"}), 4, "a wrong key is 4")
equal(status("ls", "work", env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}), 4, "and so is none")
with socket.socket() as unused:
    unused.bind(("127.0.0.1", 0))
    equal(status("ls", "--endpoint", f"http://127.0.0.1:{unused.getsockname()[1]}", "work"), 5, "a server that is not there is 5")
equal(status("ls", "--endpoint", "nonsense", "work"), 2, "an endpoint that is none")
code, _, said = sluice("ls", f"{server.url.replace('://', '://user:secret@')}/work")
check(code == 2 and "secret" not in said.replace("user:secret@", ""), "no secret in a URL", said)
os.makedirs(scratch(".aws"), exist_ok=True)
with open(scratch(".aws/credentials"), "w") as file:
    file.write(f"[default]\naws_access_key_id = NOBODY\naws_secret_access_key = x\n[mine]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
with open(scratch(".aws/config"), "w") as file:
    file.write(f"[profile mine]\nregion = us-east-1\nendpoint_url = {server.url}\n")
bare = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": ""}
equal(status("ls", "--profile", "mine", "work", env=bare), 0, "a profile has key and endpoint")
equal(status("ls", "work", env={**bare, "AWS_PROFILE": "mine"}), 0, "so has one that AWS_PROFILE names")
equal(status("ls", "--profile", "nobody", "work", env=bare), 2, "a profile that is not there")
code, _, said = sluice("cat", "work/a/small.txt", preexec_fn=lambda: os.close(1))
check(code == 1, "standard output that is closed is an error", f"{code} {said}")

# ---- Where it goes ---------------------------------------------------------------------------------------------------------

link, linked = fresh("link"), fresh("linked")
with open(linked, "w") as file:
    file.write("before")
os.symlink(linked, link)
equal((status("get", "s3://work/a/small.txt", link), os.path.islink(link), sha256_file(linked)), (0, True, sha256_file(small)), "a link leads to what is written")
fifo = fresh("fifo")
os.mkfifo(fifo)
code, _, said = sluice("get", "s3://work/a/small.txt", fifo)
check(code == 1 and "no regular file" in said and not os.path.isfile(fifo), "what is no regular file is not replaced, be it /dev/null", f"{code} {said}")
for number in range(3):
    s3.put_object(Bucket="work", Key=f"pipe/{number}" + "x" * 900, Body=b"x")
listing = subprocess.Popen([SLUICE, "ls", "-r", "s3://work/pipe/", "s3://work/pipe/", "s3://work/pipe/"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
listing.stdout.close()
equal((listing.stderr.read(), listing.wait(120)), (b"", 1), "where nobody reads, it ends without a word")

# ---- Damage on the way ---------------------------------------------------------------------------------------------------


def lying_server(answer):
    """Answers every request so; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    block = connection.recv(65536)
                    if not block:
                        break
                    head += block
                if head:
                    connection.sendall(answer(head))

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def object_answer(head, body=b"damaged", claim=b"\"5d41402abc4b2a76b9719d911017c592\"", extra=b""):
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nETag: " + claim + b"\r\n" + extra + length + b"\r\n" + (b"" if head.startswith(b"HEAD") else body)


for name, answer in (("an MD5 in the ETag", object_answer), ("a CRC-64", lambda head: object_answer(head, extra=b"x-amz-checksum-crc64nvme: AAAAAAAAAAA=\r\n"))):
    target = fresh("damaged")
    code, _, said = sluice("get", "--endpoint", lying_server(answer), "s3://work/x", target)
    check(code == 1 and "damaged" in said and not os.path.exists(target), f"what came wrong is found by {name}, and no file is there", f"{code} {said}")
    equal([name for name in os.listdir(scratch()) if name.startswith(".sluice.")], [], "nor a part of one")
code, _, said = sluice("cat", "--endpoint", lying_server(lambda head: object_answer(head, extra=b"x-amz-checksum-crc64nvme: AAAAAAAAAAA=\r\n")), "s3://work/x")
check(code == 1 and "damaged" in said, "cat tells of it after the bytes", said)
page = (b"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>100%% plus+ %%41</Key><Size>1</Size></Contents>%s</ListBucketResult>")
for name, extra, key in (("says nothing of a coding", b"", "100% plus+ %41"), ("says that they are encoded", b"<EncodingType>url</EncodingType>", None)):
    document = page % extra
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(document), document)
    code, said, _ = sluice("ls", "-r", "--json", "--endpoint", lying_server(lambda head, answer=answer: answer), "s3://work/")
    equal((code, [json.loads(line)["key"] for line in said.splitlines()]), (1, [key] if key else []),
          f"keys of a server that {name}; a listing that goes on without saying where has failed")
code, _, said = sluice("ls", "--endpoint", lying_server(lambda head: b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"), "s3://work/")
check(code == 1 and "is it one of S3" in said, "an answer that is no S3 is told of", said)
code, _, said = sluice("ls", "--endpoint", lying_server(lambda head: b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: " + b"x" * 70000 + b"\r\n\r\n"), "s3://work/")
check(code == 1, "a head without an end is not kept", said)

# ---- Killed, and gone on with ----------------------------------------------------------------------------------------------

huge = pattern_file("huge.bin", 96 << 20)
process = subprocess.Popen([SLUICE, "put", huge, "s3://work/huge", "--connections", "1", "--part-size", "5M"], env=environment, stdout=subprocess.DEVNULL)


def stored_parts():
    uploads = s3.list_multipart_uploads(Bucket="work", Prefix="huge").get("Uploads", [])
    return len(s3.list_parts(Bucket="work", Key="huge", UploadId=uploads[0]["UploadId"]).get("Parts", [])) if uploads else 0


check(poll(lambda: stored_parts() >= 3 or process.poll() is not None), "some parts are there")
process.send_signal(signal.SIGKILL)
process.wait()
kept = stored_parts()
check(3 <= kept < 20 and status("stat", "work/huge") == 3, "killed in between", f"{kept} parts")
before = server.log_text()
resumed = rows("put", huge, "s3://work/huge", "--part-size", "5M")[0]
check(resumed.get("resumed_bytes", 0) >= 3 * (5 << 20), "the next run goes on with what is there", str(resumed))
equal(status("get", "s3://work/huge", fresh("back")), 0, "the object is whole")
equal(sha256_file(scratch("back")), sha256_file(huge), "and right")
equal(s3.list_multipart_uploads(Bucket="work").get("Uploads", []), [], "and no upload is left")
upload = s3.create_multipart_upload(Bucket="work", Key="huge")["UploadId"]
s3.upload_part(Bucket="work", Key="huge", UploadId=upload, PartNumber=1, Body=b"y" * (5 << 20))
check("resumed_bytes" not in rows("put", huge, "s3://work/huge", "--part-size", "5M")[0], "an upload of other bytes is left alone")
equal([u["UploadId"] for u in s3.list_multipart_uploads(Bucket="work")["Uploads"]], [upload], "it is there still")
process = subprocess.Popen([SLUICE, "get", "-r", "s3://work/", fresh("interrupted")], env=environment, stdout=subprocess.DEVNULL)
poll(lambda: os.path.isdir(scratch("interrupted")))
process.send_signal(signal.SIGINT)
check(process.wait(30) in (130, 0), "SIGINT ends it", str(process.returncode))
left = [name for folder, _, files in os.walk(scratch("interrupted")) for name in files if name.startswith(".sluice.") and name not in (".sluice.part.huge", ".sluice.part.renamed large")]
equal(left, [], "and leaves no unfinished file but the large ones', for the next run")

# ---- On a terminal -----------------------------------------------------------------------------------------------------------


def slow_way():
    """A URL of the server by way of a relay that takes 30 MB/s."""
    listening = socket.create_server(("127.0.0.1", 0))

    def pass_on(one, other, pause):
        with contextlib.suppress(OSError):
            while block := one.recv(65536):
                other.sendall(block)
                time.sleep(pause)
            other.shutdown(socket.SHUT_WR)

    def accept():
        while True:
            near = listening.accept()[0]
            far = socket.create_connection((server.host, server.port))
            threading.Thread(target=pass_on, args=(near, far, 0.002), daemon=True).start()
            threading.Thread(target=pass_on, args=(far, near, 0), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"{server.url.split('://')[0]}://127.0.0.1:{listening.getsockname()[1]}"


def on_terminal(*words, env=None):
    """What standard error has when it is a terminal."""
    main, end = pty.openpty()
    process = subprocess.Popen([SLUICE, *words], env={**environment, **(env or {})}, stdout=subprocess.DEVNULL, stderr=end, stdin=subprocess.DEVNULL)
    os.close(end)
    said = b""
    with contextlib.suppress(OSError): # the end of a terminal
        while block := os.read(main, 65536):
            said += block
    os.close(main)
    return process.wait(60), said.decode()


code, said = on_terminal("put", huge, "s3://work/progress", "--part-size", "5M", "--no-resume", "--connections", "1", env={"AWS_ENDPOINT_URL": slow_way()})
check(code == 0 and re.search(r"\d+ %  [\d.]+ (B|KiB|MiB) of 96.0 MiB  \d of 1  [\d.]+ (B|KiB|MiB|GiB)/s", said), "progress has share, amount, items and rate", repr(said[-300:]))
check(said.endswith("\r\x1b[K"), "and is wiped away at the end", repr(said[-100:]))
equal(on_terminal("put", "-q", huge, "s3://work/progress"), (0, ""), "--quiet has none")
equal(sluice("put", huge, "s3://work/progress")[2], "", "nor has a pipe")
s3.put_object(Bucket="work", Key="esc\x1b[2Jape", Body=b"x")
code, said = on_terminal("get", "s3://work/esc\x1b[2Jape/nothing", scratch("nothing"))
check(code == 3 and "\x1b[2J" not in said, "a name does not move the cursor", repr(said))

# ---- A target without room -------------------------------------------------------------------------------------------------

mount = scratch("full")
os.mkdir(mount)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "sluice-test", mount], capture_output=True).returncode != 0:
    skip("a target without room", "no file system may be mounted here")
else:
    try:
        code, _, said = sluice("get", "s3://work/huge", mount + "/")
        check(code == 1 and "No space left" in said, "a disk that is full says so", f"{code} {said}")
        equal(os.listdir(mount), [], "and nothing of it stays")
    finally:
        subprocess.run(["umount", "-l", mount], check=False)

# ---- A server that goes away -------------------------------------------------------------------------------------------------

process = subprocess.Popen([SLUICE, "put", huge, "s3://work/gone", "--connections", "2", "--part-size", "5M"], env=environment, stderr=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, text=True)
time.sleep(0.1)
server.kill()
said = process.communicate(timeout=60)[1]
check(process.returncode in (5, 0) and ("connect" in said or process.returncode == 0), "a server that goes away is 5", f"{process.returncode} {said}")

# ---- A store without a server ------------------------------------------------------------------------------------------------

data = fresh("store")
equal(status("ls", "--data", data, env=bare), 3, "there is no store yet")
equal(status("put", "--data", data, small, "s3://local/"), 3, "and none is made by mistake")
equal(status("mb", "--data", data, "s3://local", env=bare), 0, "mb makes one")
equal(status("put", "--data", data, small, large, "s3://local/in/", env=bare), 0, "put into it")
equal([row["key"] for row in rows("ls", "-r", "--data", data, "local", env=bare)], ["in/large.bin", "in/small.txt"],
      "ls of it")
equal(status("get", "--data", data, "-r", "s3://local/in", fresh("local"), env=bare), 0, "get from it")
equal(sha256_file(scratch("local/large.bin")), sha256_file(large), "the same bytes")
equal(status("rm", "--data", data, "-r", "s3://local/in", env=bare), 0, "rm in it")
second = Server(data=data)
code, said, told = sluice("ls", "--data", data, env=bare)
check(code == 0 and "local" in said and "that server is asked" in told, "of one that is served, the server is asked, and that is said", told)
equal(sluice("ls", "-q", "--data", data, env=bare)[2], "", "unless --quiet")
second.stop()
code, said, _ = sluice("check", "--data", data)
check(code == 0 and "clean" in said, "the store is clean afterwards", said)
if TLS:
    print("# by HTTPS")
done()
