#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands for work against servers of others: moto's (`moto_server`) and MinIO's (`minio`), as far as they are installed. One round trip each, with
names that trip clients, and a mirror from there to Sluice."""
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import SLUICE, Server, check, done, equal, free_port, fresh, odd_tree, pattern_file, poll, same_tree, scratch, sha256_file, skip  # noqa: E402

KEY, SECRET = "OTHERSKEY", "others-secret-key"


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def round_trip(name, command, port):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}
    environment.update(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", HOME=scratch(), LC_ALL="C.UTF-8")
    environment.update(MINIO_ROOT_USER=KEY, MINIO_ROOT_PASSWORD=SECRET)

    def sluice(*words, **more):
        result = subprocess.run([SLUICE, *words], env={**environment, **more}, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        if result.returncode:
            print("#", name, *words[:3], result.returncode, result.stderr[:400], flush=True)
        return result.returncode

    with open(scratch(f"{name}.log"), "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        check(poll(lambda: is_listening(port), 60), f"{name} starts")
        tree, large = odd_tree(), pattern_file("large", 20 << 20)
        equal(sluice("mb", "s3://others"), 0, f"{name}: mb")
        equal(sluice("cp", "-r", tree, "s3://others/tree", "--connections", "4"), 0, f"{name}: cp -r of odd names")
        equal(sluice("cp", large, "s3://others/large"), 0, f"{name}: cp in parts")
        equal(sluice("cp", "-r", "s3://others/tree", fresh("tree-back")), 0, f"{name}: and back")
        check(same_tree(tree, scratch("tree-back")), f"{name}: the same tree")
        equal((sluice("get", "s3://others/large", fresh("large-back")), sha256_file(scratch("large-back"))), (0, sha256_file(large)), f"{name}: the same bytes")
        equal(sluice("sync", "--delete", tree, "s3://others/tree"), 0, f"{name}: sync")
        target = Server(env={"SLUICE_ACCESS_KEY": KEY, "SLUICE_SECRET_KEY": SECRET})
        equal(sluice("mirror", f"http://127.0.0.1:{port}/others", target.url), 0, f"{name}: mirror to Sluice")
        equal(sluice("cp", "-r", f"{target.url}/others/tree", fresh("tree-mirrored")), 0, f"{name}: which has it")
        check(same_tree(tree, scratch("tree-mirrored")), f"{name}: all of it")
        target.stop()
        equal(sluice("rb", "--force", "s3://others"), 0, f"{name}: rb --force")
    finally:
        server.terminate()
        server.wait(30)


for program, arguments in (("moto_server", lambda port: ["-H", "127.0.0.1", "-p", str(port)]),
                           ("minio", lambda port: ["server", "--address", f"127.0.0.1:{port}", fresh("minio-data")])):
    path = shutil.which(program)
    if path is None:
        skip(program, "it is not installed")
        continue
    place = free_port()
    round_trip(program, [path, *arguments(place)], place)
done()
