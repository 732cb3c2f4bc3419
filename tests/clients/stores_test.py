#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tools that keep what they made at the doors `http` and `lfs` of /-/cache/, or in a bucket by S3: Maven, Nix, Rush and Git LFS. Each works in fresh places, with the
tokens of main, of a pull request, of one who only reads, and a wrong one."""
import json
import os
import shutil
import sys

from caches import RECIPES, answers, fetched, own_copy, recipe, run, s3_story, secret_of, serve, stored, story, write
from registry import BUILD, check, done, tool
from sluicetest import equal, fresh, scratch, skip

LINES = "key S3MAIN s3-main-secret-0123456789 ci-s3=read,write,list\nkey S3READER s3-reader-secret-0123456789 ci-s3=read,list\n"


def named(who):
    """The name and the secret of a token, as recipes want them. A wrong token is main's with another secret."""
    return {"SLUICE_URL": server.url, "SLUICE_TOKEN_NAME": who or "main", "SLUICE_TOKEN": secret_of(who)}


# ---- Maven ----

def maven():
    """Deploys a file, and has another machine, whose own repository knows nothing of it, get it. Plugins are fetched once."""
    program = tool("mvn")
    if program is None:
        return skip("Maven", "it is not installed")
    own = os.path.join(BUILD, "clients", "maven")
    command = [program, "-B", "-ntp", "-s", os.path.join(RECIPES, "maven.settings.xml"), "-Dmaven.repo.local=" + own]
    jar = write(fresh("maven"), {"word.jar": "what main has made"})

    def deploy(who, version, snapshot=""):
        return run([*command, "org.apache.maven.plugins:maven-deploy-plugin:3.0.0:deploy-file", "-DgroupId=com.example.sluice", "-DartifactId=word", f"-Dversion={version}{snapshot}",
                    "-Dpackaging=jar", "-Dfile=" + os.path.join(jar, "word.jar"), "-DrepositoryId=sluice", f"-Durl={server.url}/-/cache/http"], jar, named(who))

    def get(who, version):
        shutil.rmtree(os.path.join(own, "com", "example"), ignore_errors=True)
        status, output = run([*command, "org.apache.maven.plugins:maven-dependency-plugin:2.8:get", f"-Dartifact=com.example.sluice:word:{version}", "-Dtransitive=false"], jar, named(who))
        found = os.path.join(own, "com", "example", "sluice", "word", version, f"word-{version}.jar")
        return status == 0 and os.path.exists(found) and open(found).read() == "what main has made", output

    status, output = deploy("main", "1.0")
    if status != 0 and "could not be resolved" in output:
        return skip("Maven", "its plugins cannot be fetched: " + " ".join(output.split())[-300:])
    check(status == 0, "Maven: main deploys", output[-1500:])
    for who, name in (("main", "main"), ("pull", "a pull request"), ("reader", "who only reads")):
        got, output = get(who, "1.0")
        check(got, f"Maven: {name} gets what main has deployed", output[-1500:])
    got, output = get(None, "1.0")
    check(not got, "Maven: with a wrong token nobody does", output[-1500:])
    for who, code, name in (("reader", "403", "who only reads"), (None, "401", "with a wrong token nobody")):
        before = stored("http-cache", "")
        status, output = deploy(who, "1.1")
        check(status != 0 and code in output, f"Maven: {name} deploys nothing, and hears {code}", output[-1500:])
        equal(stored("http-cache", ""), before, "Maven: and nothing is stored")
    status, output = deploy("pull", "2.0")
    check(status == 0 and get("pull", "2.0")[0], "Maven: a pull request deploys, and gets its own", output[-1500:])
    got, output = get("main", "2.0")
    check(not got, "Maven: main does not find it", output[-1500:])
    for round in range(2):
        status, output = deploy("main", "3.0", "-SNAPSHOT")
        check(status == 0, f"Maven: a snapshot, deployed {'again' if round else 'once'}", output[-1500:])
    metadata = [key for key in stored("http-cache", "main/-/com/example/sluice/word/") if key.endswith("3.0-SNAPSHOT/maven-metadata.xml")]
    equal(len(metadata), 1, "Maven: whose metadata is replaced")
    return None


# ---- Nix ----

def nix():
    if tool("nix") is None:
        return skip("Nix", "it is not installed")
    place, config = fresh("nix"), "experimental-features = nix-command\nsandbox = false\nbuild-users-group =\nsubstituters =\n"
    environment = {f"NIX_{name}_DIR": os.path.join(place, name.lower()) for name in ("STORE", "STATE", "LOG", "CONF", "DATA")}
    environment.update(NIX_REMOTE="local")

    def build(who, content):
        shutil.rmtree(place, ignore_errors=True)
        write(place, {"conf/nix.conf": config, "word.nix": """derivation { name = "word"; system = builtins.currentSystem; builder = "/bin/sh";
            args = [ "-c" "echo %s > $out" ]; }""" % content})
        environment.update(recipe("nix", who, **named(who), HOME=place), HOME=place)
        status, output = run(["nix", "build", "-f", "word.nix", "--json"], place, environment)
        result = os.path.join(place, "result")
        whole = status == 0 and open(result).read() == content + "\n"
        # A job of somebody who may not write does not try; whoever tries hears of it.
        copied, said = run(["nix", "copy", "--to", f"{server.url}/-/cache/http", "-f", "word.nix"], place, environment)
        check((copied == 0) == (who in ("main", "pull") or (who == "reader" and content == "a")), "Nix: who may write stores it, and nobody else", said[-1500:])
        return (0 if whole else 1), f"copying path" in output and "building" not in output, output + said

    story("Nix", build)
    status, output = run(["nix", "copy", "--to", f"s3://ci-s3?endpoint={server.host}:{server.port}&scheme=http&region=us-east-1", "-f", "word.nix"], place,
                         {**environment, "AWS_ACCESS_KEY_ID": "S3MAIN", "AWS_SECRET_ACCESS_KEY": "s3-main-secret-0123456789"})
    if "don't know how to open Nix store" in output:
        return skip("Nix over S3", "this one is built without S3, as Debian's is: its binary cache goes over HTTP")
    return check(status == 0, "Nix: a copy over S3", output[-1500:])


# ---- Rush ----

def rush():
    """One workspace, whose own results are removed before each build: it takes long to install."""
    npm = tool("npm")
    if npm is None or tool("node") is None or tool("git") is None:
        return skip("Rush", "node, npm and git are not installed")
    folder = own_copy("rush")
    if not fetched("Rush", folder, [npm, "ci", "--no-audit", "--no-fund", "--cache", os.path.join(BUILD, "clients", "npm")]):
        return None
    program = os.path.join(folder, "node_modules", ".bin", "rush")
    place = write(fresh("rush"), {
        "rush.json": json.dumps({"rushVersion": "5.179.0", "pnpmVersion": "9.15.9", "nodeSupportedVersionRange": ">=18.0.0",
                                 "projects": [{"packageName": "app", "projectFolder": "app"}]}),
        "app/package.json": json.dumps({"name": "app", "version": "1.0.0", "scripts": {"build": "mkdir -p dist && cp source.txt dist/out.txt"}}),
        "app/config/rush-project.json": json.dumps({"operationSettings": [{"operationName": "build", "outputFolderNames": ["dist"]}]}),
        ".gitignore": "common/temp\nnode_modules\ndist\n.rush\nrush-logs\n", "app/source.txt": "a"})
    git = ["git", "-c", "user.name=someone", "-c", "user.email=someone@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        run([*git, *command], place, {})
    common = {"RUSH_ALLOW_WARNINGS_IN_SUCCESSFUL_BUILD": "1", "RUSH_GLOBAL_FOLDER": os.path.join(BUILD, "clients", "rush-global"), "npm_config_update_notifier": "false"}
    if not fetched("Rush", place, [program, "update"], common):
        return None

    def build(who, content, name="rush", credential=None):
        write(place, {"app/source.txt": content, "common/config/rush/build-cache.json": recipe(name, who, **named(who))})
        for own in ("common/temp/build-cache", "app/dist", "app/rush-logs"):
            shutil.rmtree(os.path.join(place, own), ignore_errors=True)
        status, output = run([program, "build", "--verbose"], place, {
            **common, "RUSH_BUILD_CACHE_CREDENTIAL": credential or f"Bearer {secret_of(who)}", "RUSH_BUILD_CACHE_WRITE_ALLOWED": "1"})
        built = os.path.join(place, "app", "dist", "out.txt")
        whole = os.path.exists(built) and open(built).read() == content
        return (0 if whole else 1), "was restored from the build cache" in output, output

    story("Rush", build)
    return s3_story("Rush over S3", lambda who, content: build(
        who, content, "rush-s3", {"main": "S3MAIN:s3-main-secret-0123456789", "reader": "S3READER:s3-reader-secret-0123456789"}.get(who, "S3MAIN:another-secret-012345")))


# ---- Git LFS ----

def git_lfs():
    if tool("git") is None or tool("git-lfs") is None:
        return skip("Git LFS", "git or git-lfs is not installed")
    common = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_AUTHOR_NAME": "someone", "GIT_AUTHOR_EMAIL": "someone@example.com",
              "GIT_COMMITTER_NAME": "someone", "GIT_COMMITTER_EMAIL": "someone@example.com", "HOME": fresh("lfs-home")}
    os.makedirs(common["HOME"])
    bare, work, recipes = fresh("lfs-bare"), fresh("lfs-work"), os.path.join(RECIPES, "git-lfs.sh")

    def git(place, who, *words):
        if os.path.exists(os.path.join(place, ".git")):
            run([recipes], place, {**common, **named(who), "SLUICE_FOLDER": "org/app"})
        return run(["git", *words], place, common, 60)

    def committed(who, content):
        write(work, {"large.bin": content * 50_000, "larger.bin": content * 70_000})
        git(work, who, "add", "-A")
        return git(work, who, "commit", "-q", "-m", content)[0] == 0

    def pulled(who, content):
        place = fresh("lfs-clone")
        status, output = git(scratch(), who, "clone", "-q", bare, place)
        status, more = git(place, who, "lfs", "pull")
        return status == 0 and open(os.path.join(place, "larger.bin")).read() == content * 70_000, output + more

    for command in (["lfs", "install"], ["init", "-q", "--bare", bare], ["init", "-q", work]):
        git(scratch(), "main", *command)
    git(work, "main", "lfs", "track", "*.bin")
    git(work, "main", "remote", "add", "origin", bare)
    check(committed("main", "a"), "Git LFS: two large files are committed")
    status, output = git(work, "main", "push", "-q", "origin", "HEAD:main")
    check(status == 0 and len(stored("lfs-cache", "main/-/org/app/objects/")) == 2, "Git LFS: main pushes them", output[-1500:])
    git(bare, "main", "symbolic-ref", "HEAD", "refs/heads/main")
    for who, name in (("main", "main"), ("pull", "a pull request"), ("reader", "who only reads")):
        whole, output = pulled(who, "a")
        check(whole, f"Git LFS: {name} pulls them in another place", output[-1500:])
    whole, output = pulled(None, "a")
    check(not whole, "Git LFS: with a wrong token nobody does", output[-1500:])
    seen = len(answers("lfs"))
    status, output = git(work, "main", "lfs", "push", "--all", "origin")
    check(status == 0 and not [line for line in answers("lfs")[seen:] if '"PUT' in line], "Git LFS: what is there is not sent once more", output[-1500:])
    committed("main", "b")
    for who, name in (("reader", "who only reads pushes nothing"), (None, "with a wrong token nobody does")):
        status, output = git(work, who, "push", "origin", "HEAD:refs/heads/other")
        check(status != 0 and len(stored("lfs-cache", "")) == 2, f"Git LFS: {name}", output[-1500:])
    status, output = git(work, "pull", "push", "-q", "origin", "HEAD:main")
    check(status == 0 and len(stored("lfs-cache", "pr/1/-/org/app/objects/")) == 2, "Git LFS: a pull request pushes", output[-1500:])
    check(pulled("pull", "b")[0], "Git LFS: and pulls its own")
    whole, output = pulled("main", "b")
    return check(not whole, "Git LFS: main does not find it", output[-1500:])


server = serve(["http bucket=http-cache", "lfs bucket=lfs-cache"], "--bucket", "ci-s3", more=LINES)
only = sys.argv[1:]
for name, part in (("maven", maven), ("nix", nix), ("rush", rush), ("lfs", git_lfs)):
    if not only or name in only:
        part()
check(server.stop(), "the server ends with status 0")
done()
