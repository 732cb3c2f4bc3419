#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hadoop's S3A as a file system, and a job whose files the magic committer commits, with keys on: Maven fetches what tests/clients/hadoop/pom.xml
pins, and javac builds the program beside it."""
import os

from registry import built, check, done, fetch, needs, program, sources
from sluicetest import Server, equal, s3_client

CLIENT, BUCKET = "Hadoop S3A", "hadoop"
maven, javac, java = needs(CLIENT, "mvn", "javac", "java")
folder, word = sources("hadoop")
jars, classes = os.path.join(folder, "jars"), os.path.join(folder, "classes")
path = os.pathsep.join((classes, os.path.join(jars, "*")))
fetch(CLIENT, folder, word, [maven, "-q", "-B", "-Dmaven.repo.local=" + os.path.join(folder, "repository"), "-DoutputDirectory=" + jars,
                             "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"], into=jars)
if built(CLIENT, folder, [javac, "-nowarn", "-encoding", "UTF-8", "-proc:none", "-d", classes, "-cp", path, os.path.join(folder, "S3A.java")]):
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket=BUCKET)
    program(CLIENT, [java, "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", path, "S3A", BUCKET], server)
    equal(client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []), [], f"{CLIENT}: no upload is left open")
    left = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", []) if not each["Key"].endswith("/")]
    equal(left, [], f"{CLIENT}: no file is left")
    check(server.stop(), "the server ends with status 0")
done()
