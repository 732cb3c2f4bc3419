#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build tools with their own clients, at the doors of /-/cache/: Nx, Turborepo, Go, ccache, Gradle, Bazel, moon. Each builds in two fresh places; the
second time everything comes from the server. Main and a pull request have tokens with scopes: the pull request finds what main has built,
and main builds anew what only the pull request has. With a token that may only read builds pass and nothing is stored, and a wrong one
is not taken."""
import json
import os
import re
import sys

from caches import ADMIN, RECIPES, SECRETS, answers, fetched, object_of, own_copy, recipe, run, secret_of, serve, stored, story, write
from registry import BUILD, check, done, tool
from sluicetest import SLUICE, fresh, scratch, skip

CACHES = ["nx bucket=nxs", "turbo bucket=turbo-cache", "go bucket=go-cache", "ccache bucket=cc-cache", "gradle bucket=gradle-cache",
          "bazel bucket=bazel-cache prefix=bazel/", "bazel name=bazel-debian bucket=bazel-cache prefix=bazel-debian/", "bazel name=ccache-bazel bucket=bazel-cache prefix=c/ no-validation"]


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
            **recipe("nx", who), "NX_DAEMON": "false", "NX_CACHE_DIRECTORY": fresh("nx-cache"), "NX_WORKSPACE_DATA_DIRECTORY": fresh("nx-data"), "NX_TUI": "false",
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
            **recipe("turbo", who), "TURBO_TELEMETRY_DISABLED": "1",
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
        status, output = run([go, "build", "-trimpath", "./lib"], place, {
            **common, **recipe("go", who, GO_CACHER=cacher, GO_CACHER_DIR=fresh("go-disk")), "GOCACHE": fresh("go-own")})
        mine = answers("go")[seen:]
        hits = [line for line in mine if '"GET' in line and '" 200 ' in line]
        misses = [line for line in mine if '"GET' in line and '" 404 ' in line]
        return status, bool(hits) and not misses, output + "".join(mine[-10:])

    return story("go-cacher", build)


# ---- ccache ----

def ccache():
    if tool("ccache") is None or tool("cc") is None:
        return skip("ccache", "it is not installed")

    def build(who, content, storage=None):
        place = write(fresh("ccache"), {"unit.c": f"const char *word(void) {{ return \"{content}\"; }}\n"})
        environment = {**(storage or recipe("ccache", who)), "CCACHE_DIR": fresh("ccache-own"),
                       "CCACHE_CONFIGPATH": scratch("no-ccache.conf"), "CCACHE_NOHASHDIR": "1"}
        status, output = run(["ccache", "cc", "-O2", "-c", "unit.c", "-o", "unit.o"], place, environment)
        _, counts = run(["ccache", "--print-stats"], place, environment)
        found = dict(re.findall(r"^(\S+)\t(\d+)$", counts, re.M))
        return status, found.get("remote_storage_hit", "0") != "0" and found.get("remote_storage_miss", "0") == "0", output + counts

    story("ccache", build)
    return story("ccache|layout=bazel", lambda who, content: build(who, content, {
        "CCACHE_REMOTE_STORAGE": f"{server.url}/-/cache/ccache-bazel|layout=bazel|bearer-token={secret_of(who)}"}))


# ---- Gradle ----

def gradle():
    if tool("gradle") is None:
        return skip("Gradle", "it is not installed")
    name = {**{who: who for who in SECRETS}, None: "main"}

    def build(who, content):
        place = write(fresh("gradle"), {
            "settings.gradle": "buildCache { local { enabled = false } }\n",
            "build.gradle": """apply plugin: 'base'
                class Copied extends DefaultTask {
                    @InputFile File from = project.file('source.txt')
                    @OutputFile File to = project.file('build/out.txt')
                    @TaskAction void run() { to.text = from.text }
                }
                tasks.create('copied', Copied) { outputs.cacheIf { true } }\n""",
            "source.txt": content})
        status, output = run(["gradle", "--no-daemon", "--build-cache", "-I", os.path.join(RECIPES, "gradle.init.gradle"), "--console=plain", "-g", scratch("gradle-home"), "copied", "--info"], place,
                             {"GRADLE_OPTS": "-Xmx256m", "SLUICE_URL": server.url, "SLUICE_TOKEN": secret_of(who), "SLUICE_TOKEN_NAME": name[who]})
        return status, "FROM-CACHE" in output, output

    return story("Gradle", build)


# ---- Bazel and moon ----

def bazel_and_moon():
    npm = tool("npm")
    if npm is None or tool("node") is None or tool("git") is None:
        return skip("Bazel, moon", "node, npm and git are not installed")
    folder = own_copy("bazel")
    if not fetched("Bazel, moon", folder, [npm, "ci", "--no-audit", "--no-fund", "--cache", os.path.join(BUILD, "clients", "npm")]):
        return None
    bazel("Bazel", os.path.join(folder, "node_modules", "@bazel", "bazel-linux_x64", "bazel-2.1.0-linux-x86_64"), "bazel")
    moon(os.path.join(folder, "node_modules", ".bin", "moon"))
    return None


def debians_bazel():
    program = tool("bazel-bootstrap") or tool("bazel")
    if program is None:
        return skip("Debian's Bazel", "bazel-bootstrap is not installed")
    bazel("Debian's Bazel", program, "bazel-debian", ())
    # With a store for one command, whose flags it finds in a file.
    place = write(fresh("bazel-run"), {"WORKSPACE": "", "BUILD": 'genrule(name = "file", outs = ["out.txt"], cmd = "echo said > $@")\n'})
    command = f"{program} --output_user_root={os.path.join(BUILD, 'clients', 'bazel')} --output_base={fresh('bazel-run-base')} --nohome_rc --max_idle_secs=5 --host_jvm_args=-Xmx512m"
    script = f"""for i in 1 2; do {command} --bazelrc=$SLUICE_BAZELRC build --spawn_strategy=local --noshow_progress //:file || exit; {command} clean || exit; done; {command} shutdown"""
    status, output = run([SLUICE, "run", "--cache", "bazel bucket=ci-bazel", "--", "sh", "-c", script], place, {})
    return check(status == 0 and output.count("1 remote cache hit") == 1, "Debian's Bazel: inside sluice run, the second build is a hit", output[-1500:])


def bazel(client, program, cache, options=("--nosystem_rc",)):
    """One workspace, whose own results are removed before each build: its server takes long to start. cache: its name in URLs, and the prefix of its keys.
    options: to start with; the rc file of Debian's says where the rest of it is."""
    if not os.access(program, os.X_OK):
        os.chmod(program, 0o755)
    place = write(fresh(cache), {
        "WORKSPACE": "", "BUILD": """load(":folder.bzl", "folder")
genrule(name = "file", srcs = ["source.txt"], outs = ["out.txt"], cmd = "cp $< $@ && echo said")
folder(name = "folder", source = "source.txt")
""", "folder.bzl": """def _folder(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(outputs = [out], inputs = [ctx.file.source], command = "mkdir -p $1/sub && cp $2 $1/sub/out.txt && echo more > $1/more.txt",
                          arguments = [out.path, ctx.file.source.path])
    return [DefaultInfo(files = depset([out]))]

folder = rule(implementation = _folder, attrs = {"source": attr.label(allow_single_file = True)})
"""})
    command = [program, "--output_user_root=" + os.path.join(BUILD, "clients", "bazel"), "--output_base=" + fresh(cache + "-base"), "--nohome_rc",
               *options, "--max_idle_secs=120", "--host_jvm_args=-Xmx512m"]

    def build(who, content):
        write(place, {"source.txt": content, ".bazelrc": recipe("bazel", who).replace("/-/cache/bazel", f"/-/cache/{cache}")})
        run([*command, "clean"], place, {})
        status, output = run([*command, "build", "--spawn_strategy=local", "--noshow_progress", "--color=no", "--curses=no", "//:file", "//:folder"], place, {})
        built = [os.path.join(place, "bazel-bin", *path) for path in (("out.txt",), ("folder", "sub", "out.txt"))]
        whole = all(os.path.exists(path) and open(path).read() == content for path in built)
        return (status if whole or status else 1), "2 remote cache hit" in output, output

    status, output = run([*command, "info", "release"], place, {})
    if status != 0:
        return skip(client, "it does not start: " + " ".join(output.split())[-300:])
    try:
        story(client, build)
        # A result without one of its blobs: Bazel must not hear of it.
        entries = [key for key in stored("bazel-cache", f"{cache}/main/-/cas/") if object_of("bazel-cache", key) == b"more\n"]
        check(len(entries) == 1 and server.request("DELETE", f"/bazel-cache/{entries[0]}", headers=ADMIN)[0] == 204, f"{client}: a blob of main's goes", entries)
        status, hit, output = build("main", "a")
        check(status == 0 and not hit and "1 remote cache hit" in output, f"{client}: what had it is built anew, all else is a hit", output[-1500:])
    finally:
        run([*command, "shutdown"], place, {})
    return None


def moon(program):
    def build(who, content):
        place = write(fresh("moon"), {
            ".moon/workspace.yml": "projects: ['app']\nvcs: {defaultBranch: 'main'}\ntelemetry: false\n"
                                   + recipe("moon", who),
            "app/moon.yml": "language: 'bash'\ntasks:\n  build:\n    command: 'bash build.sh'\n    inputs: ['source.txt', 'build.sh']\n    outputs: ['dist']\n",
            "app/build.sh": "mkdir -p dist && cp source.txt dist/out.txt && echo built\n", "app/source.txt": content})
        git = ["git", "-c", "user.name=someone", "-c", "user.email=someone@example.com"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
            run([*git, *command], place, {})
        status, output = run([program, "run", "app:build"], place, {"SLUICE_TOKEN": secret_of(who), "MOON_HOME": fresh("moon-home"),
                                                                                     "MOON_TOOLCHAIN_FORCE_GLOBALS": "true"})
        built = os.path.join(place, "app", "dist", "out.txt")
        whole = os.path.exists(built) and open(built).read() == content
        return (status if whole or status else 1), "cached from remote" in output, output

    return story("moon", build)


server = serve(CACHES)
only = sys.argv[1:]
for name, part in (("node", node), ("go", golang), ("ccache", ccache), ("gradle", gradle), ("bazel", bazel_and_moon), ("debian", debians_bazel)):
    if not only or name in only:
        part()
check(server.stop(), "the server ends with status 0")
done()
