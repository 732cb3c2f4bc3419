#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build tools with their own clients, at the doors of /-/cache/: Nx, Turborepo, Go, ccache, Gradle. Each builds in two fresh places; the
second time everything comes from the server. Main and a pull request have tokens with scopes: the pull request finds what main has built,
and main builds anew what only the pull request has. With a token that may only read builds pass and nothing is stored, and a wrong one
is not taken."""
import json
import os
import re
import shutil
import subprocess
import sys

from registry import BUILD, HERE, check, done, tool
from sluicetest import Server, fresh, scratch, skip

SECRETS = {"main": "main-secret-0123456789", "pull": "pull-secret-0123456789", "reader": "reader-secret-0123456789"}
CACHES = ["nx bucket=nxs", "turbo bucket=turbo-cache", "go bucket=go-cache", "ccache bucket=cc-cache", "gradle bucket=gradle-cache"]
FILE, LOG = scratch("caches.credentials"), scratch("caches.access")


def serve():
    with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"token main {SECRETS['main']} scope=main\ntoken pull {SECRETS['pull']} scope=pr/1 read=main\n"
                   f"token reader {SECRETS['reader']} read=main\nkey ADMIN admin-secret *=all\n")
    return Server(args=["--credentials", FILE, "--access-log", LOG, *[word for cache in CACHES for word in ("--cache", cache)]])


def run(command, cwd, environment, timeout=240):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "NX_", "TURBO_", "GO", "CCACHE_")) and k != "CI"}
    inherited.update(HOME=scratch(), **environment)
    try:
        result = subprocess.run(command, cwd=cwd, env=inherited, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return 124, str(late.stdout)
    return result.returncode, result.stdout


def fetched(client, folder, command, environment=None, timeout=300):
    """Whether the command got what the client is made of; once for each content of the folder in the tree."""
    status, output = run(command, folder, environment or {}, timeout)
    if status != 0:
        skip(client, "it cannot be fetched: " + " ".join(output.split())[-300:])
    return status == 0


def own_copy(name):
    folder = os.path.join(BUILD, "clients", "caches", name)
    shutil.copytree(os.path.join(HERE, "caches", name), folder, dirs_exist_ok=True)
    return folder


def write(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    return folder


def answers(name):
    """What the door has answered, from the access log."""
    with open(LOG) as file:
        return [line for line in file if f"/-/cache/{name}/" in line]


def story(client, build):
    """build(who, content): (status, whether it came from the server, output), in a fresh place each time. who: one of SECRETS, or None
    for a wrong token."""
    status, hit, output = build("main", "a")
    check(status == 0 and not hit, f"{client}: main builds, and stores", output[-1500:])
    status, hit, output = build("main", "a")
    check(status == 0 and hit, f"{client}: the second time it comes from the server", output[-1500:])
    status, hit, output = build("pull", "a")
    check(status == 0 and hit, f"{client}: a pull request finds what main has built", output[-1500:])
    status, hit, output = build("reader", "b")
    check(status == 0 and not hit, f"{client}: with a token that only reads a build passes", output[-1500:])
    status, hit, output = build("pull", "b")
    check(status == 0 and not hit, f"{client}: of which nothing was stored", output[-1500:])
    status, hit, output = build("pull", "b")
    check(status == 0 and hit, f"{client}: a pull request finds its own", output[-1500:])
    status, hit, output = build("main", "b")
    check(status == 0 and not hit, f"{client}: main does not", output[-1500:])
    status, hit, output = build(None, "a")
    check(not hit, f"{client}: a wrong token finds nothing", output[-1500:])


def secret_of(who):
    return SECRETS.get(who, "wrong-secret-0123456789")


# ---- Nx and Turborepo ----

def node():
    npm = tool("npm")
    if npm is None or tool("node") is None:
        return skip("Nx, Turborepo", "node and npm are not installed")
    folder = own_copy("node")
    if not fetched("Nx, Turborepo", folder, [npm, "ci", "--no-audit", "--no-fund", "--cache", os.path.join(BUILD, "clients", "npm")]):
        return None
    binaries = os.path.join(folder, "node_modules", ".bin")

    def nx(who, content):
        place = write(fresh("nx"), {
            "package.json": '{"name": "app", "version": "1.0.0", "private": true}', "nx.json": '{"neverConnectToCloud": true, "analytics": false}',
            "app/project.json": json.dumps({"name": "app", "root": "app", "targets": {"build": {
                "executor": "nx:run-commands", "cache": True, "inputs": ["{projectRoot}/source.txt"], "outputs": ["{projectRoot}/dist"],
                "options": {"command": "mkdir -p dist && cp source.txt dist/out.txt", "cwd": "app"}}}}),
            "app/source.txt": content})
        os.symlink(os.path.join(folder, "node_modules"), os.path.join(place, "node_modules"))
        status, output = run([os.path.join(binaries, "nx"), "run", "app:build", "--outputStyle=static"], place, {
            "NX_SELF_HOSTED_REMOTE_CACHE_SERVER": f"{server.url}/-/cache/nx", "NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN": secret_of(who),
            "NX_DAEMON": "false", "NX_CACHE_DIRECTORY": fresh("nx-cache"), "NX_WORKSPACE_DATA_DIRECTORY": fresh("nx-data"), "NX_TUI": "false",
            "NX_NO_CLOUD": "true"})
        built = os.path.join(place, "app", "dist", "out.txt")
        whole = os.path.exists(built) and open(built).read() == content
        return (status if whole or status else 1), "[remote cache]" in output, output

    def turbo(who, content):
        place = write(fresh("turbo"), {
            "package.json": json.dumps({"name": "app", "version": "1.0.0", "private": True, "packageManager": "npm@10.0.0",
                                        "scripts": {"build": "mkdir -p dist && cp source.txt dist/out.txt"}}),
            "package-lock.json": '{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "app", "version": "1.0.0"}}}',
            "turbo.json": json.dumps({"remoteCache": {"enabled": True, "signature": True}, "tasks": {"build": {"outputs": ["dist/**"], "inputs": ["source.txt"]}}}),
            "source.txt": content})
        status, output = run([os.path.join(binaries, "turbo"), "run", "build", "--cache=remote:rw", "--no-update-notifier"], place, {
            "TURBO_API": f"{server.url}/-/cache/turbo", "TURBO_TOKEN": secret_of(who), "TURBO_TEAM": "web", "TURBO_TELEMETRY_DISABLED": "1",
            "TURBO_REMOTE_CACHE_SIGNATURE_KEY": "of-the-client"})
        built = os.path.join(place, "dist", "out.txt")
        whole = os.path.exists(built) and open(built).read() == content
        return (status if whole or status else 1), "cache hit" in output, output

    story("Nx", nx)
    story("Turborepo", turbo)
    return None


# ---- Go ----

def golang():
    go = tool("go")
    if go is None:
        return skip("go-cacher", "go is not installed")
    status, version = run([go, "version"], scratch(), {})
    if status != 0 or tuple(map(int, re.search(r"go(\d+)\.(\d+)", version).groups())) < (1, 24):
        return skip("go-cacher", "GOCACHEPROG takes Go 1.24")
    folder = own_copy("go")
    common = {"GOPATH": os.path.join(BUILD, "clients", "go-path"), "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    cacher = os.path.join(folder, "go-cacher")
    if not fetched("go-cacher", folder, [go, "build", "-mod=readonly", "-o", cacher, "github.com/bradfitz/go-tool-cache/cmd/go-cacher"],
                   {**common, "GOCACHE": os.path.join(BUILD, "clients", "go-cache")}, 600):
        return None

    def build(who, content):
        place = write(fresh("go"), {"go.mod": "module sluice.example/app\n\ngo 1.24\n",
                                    "lib/lib.go": f"package lib\n\nfunc Word() string {{ return {content!r} }}\n".replace("'", '"')})
        seen = len(answers("go"))
        status, output = run([go, "build", "-trimpath", "./lib"], place, {**common, "GOCACHE": fresh("go-own"), "GOCACHEPROG":
                             f"{cacher} --cache-dir {fresh('go-disk')} --cache-server {server.url}/-/cache/go --access-token {secret_of(who)}"})
        mine = answers("go")[seen:]
        hits = [line for line in mine if '"GET' in line and '" 200 ' in line]
        misses = [line for line in mine if '"GET' in line and '" 404 ' in line]
        return status, bool(hits) and not misses, output + "".join(mine[-10:])

    return story("go-cacher", build)


# ---- ccache ----

def ccache():
    if tool("ccache") is None or tool("cc") is None:
        return skip("ccache", "it is not installed")

    def build(who, content):
        place = write(fresh("ccache"), {"unit.c": f"const char *word(void) {{ return \"{content}\"; }}\n"})
        environment = {"CCACHE_REMOTE_STORAGE": f"{server.url}/-/cache/ccache|bearer-token={secret_of(who)}", "CCACHE_DIR": fresh("ccache-own"),
                       "CCACHE_CONFIGPATH": scratch("no-ccache.conf"), "CCACHE_NOHASHDIR": "1"}
        status, output = run(["ccache", "cc", "-O2", "-c", "unit.c", "-o", "unit.o"], place, environment)
        _, counts = run(["ccache", "--print-stats"], place, environment)
        found = dict(re.findall(r"^(\S+)\t(\d+)$", counts, re.M))
        return status, found.get("remote_storage_hit", "0") != "0" and found.get("remote_storage_miss", "0") == "0", output + counts

    return story("ccache", build)


# ---- Gradle ----

def gradle():
    if tool("gradle") is None:
        return skip("Gradle", "it is not installed")
    name = {**{who: who for who in SECRETS}, None: "main"}

    def build(who, content):
        place = write(fresh("gradle"), {
            "settings.gradle": f"""buildCache {{ local {{ enabled = false }}
                remote(HttpBuildCache) {{ url = '{server.url}/-/cache/gradle/'; push = true; allowInsecureProtocol = true
                    credentials {{ username = '{name[who]}'; password = '{secret_of(who)}' }} }} }}\n""".replace("; allowInsecureProtocol = true", ""),
            "build.gradle": """apply plugin: 'base'
                class Copied extends DefaultTask {
                    @InputFile File from = project.file('source.txt')
                    @OutputFile File to = project.file('build/out.txt')
                    @TaskAction void run() { to.text = from.text }
                }
                tasks.create('copied', Copied) { outputs.cacheIf { true } }\n""",
            "source.txt": content})
        status, output = run(["gradle", "--no-daemon", "--build-cache", "--console=plain", "-g", scratch("gradle-home"), "copied", "--info"], place,
                             {"GRADLE_OPTS": "-Xmx256m"})
        return status, "FROM-CACHE" in output, output

    return story("Gradle", build)


server = serve()
only = sys.argv[1:]
for name, part in (("node", node), ("go", golang), ("ccache", ccache), ("gradle", gradle)):
    if not only or name in only:
        part()
check(server.stop(), "the server ends with status 0")
done()
