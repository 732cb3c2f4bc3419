#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""AWS's SDK for Java, version 2 and version 1, with keys on: Maven fetches what tests/clients/java/pom.xml pins, javac builds, and each does one
round trip."""
import glob
import os

from registry import built, check, done, fetch, needs, program, sources
from sluicetest import Server

CLIENTS = "AWS SDK for Java"
maven, javac, java = needs(CLIENTS, "mvn", "javac", "java")
folder, word = sources("java")
jars, classes = os.path.join(folder, "jars"), os.path.join(folder, "classes")
path = os.pathsep.join((classes, os.path.join(jars, "*")))
fetch(CLIENTS, folder, word, [maven, "-q", "-B", "-Dmaven.repo.local=" + os.path.join(folder, "repository"), "-DoutputDirectory=" + jars,
                              "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"], into=jars)
# Some of what they depend on has annotations of others that are not there: no warnings.
if built(CLIENTS, folder, [javac, "-nowarn", "-encoding", "UTF-8", "-proc:none", "-d", classes, "-cp", path, *sorted(glob.glob(os.path.join(folder, "*.java")))]):
    server = Server(keys=True)
    program("Java", [java, "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Daws.java.v1.disableDeprecationAnnouncement=true", "-cp", path, "RoundTrips"], server)
    check(server.stop(), "the server ends with status 0")
done()
