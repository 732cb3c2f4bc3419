# SPDX-License-Identifier: MIT
"""What the tests of build tools at the doors of /-/cache/ share: a server with tokens for main, for a pull request and for one who only reads,
the recipes of deploy/ci, and the story that each tool goes through."""
import base64
import os
import re
import shutil
import subprocess

from registry import BUILD, HERE, check
from sluicetest import Server, fresh, scratch, skip

SECRETS = {"main": "main-secret-0123456789", "pull": "pull-secret-0123456789", "reader": "reader-secret-0123456789"}
RECIPES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "deploy", "ci")
FILE, LOG = scratch("caches.credentials"), scratch("caches.access")


server = None


def serve(caches, *arguments, more=""):
    """The one server of a test. more: lines of its credentials."""
    global server
    with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"token main {SECRETS['main']} scope=main\ntoken pull {SECRETS['pull']} scope=pr/1 read=main\n"
                   f"token reader {SECRETS['reader']} read=main\nkey ADMIN admin-secret *=all\n{more}")
    server = Server(args=["--credentials", FILE, "--access-log", LOG, *[word for cache in caches for word in ("--cache", cache)], *arguments])
    return server


def run(command, cwd, environment, timeout=240):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "NX_", "TURBO_", "GO", "CCACHE_", "GIT_", "NIX_", "RUSH_", "SCCACHE_", "MAVEN_", "ACTIONS_", "GITHUB_", "RUNNER_")) and k != "CI"}
    inherited.update({"HOME": scratch(), **environment})
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


def s3_story(client, build):
    """The same over S3, where scopes are rights on keys. who: main, who writes; reader; or None for a wrong secret."""
    status, hit, output = build("main", "a")
    check(status == 0 and not hit, f"{client}: main builds, and stores", output[-1500:])
    for who, name in (("main", "the second time it comes from the server"), ("reader", "who only reads finds it")):
        status, hit, output = build(who, "a")
        check(status == 0 and hit, f"{client}: {name}", output[-1500:])
    for who, name in (("reader", "with a key that only reads a build passes"), ("main", "of which nothing was stored")):
        status, hit, output = build(who, "b")
        check(status == 0 and not hit, f"{client}: {name}", output[-1500:])
    status, hit, output = build(None, "a")
    check(not hit, f"{client}: a wrong secret finds nothing", output[-1500:])


ADMIN = {"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret").decode()}


def stored(bucket, prefix):
    """The keys that begin so."""
    answer = server.request("GET", f"/{bucket}?list-type=2&prefix={prefix}", headers=ADMIN)
    return re.findall(r"<Key>([^<]+)</Key>", answer[2].decode())


def object_of(bucket, key):
    return server.request("GET", f"/{bucket}/{key}", headers=ADMIN)[2]


def secret_of(who):
    return SECRETS.get(who, "wrong-secret-0123456789")


def recipe(name, who, **more):
    """What deploy/ci/NAME.sh sets when it is sourced, or prints when it is run."""
    path = os.path.join(RECIPES, name + ".sh")
    command = [path] if os.access(path, os.X_OK) else ["sh", "-c", '. "$1" && env -0', "sh", path]
    before = {"PATH": "/usr/bin:/bin", "HOME": scratch(), "SLUICE_URL": server.url, "SLUICE_TOKEN": secret_of(who), **more}
    output = subprocess.run(command, env=before, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    if command[0] == path:
        return output
    return {key: value for key, value in (entry.split("=", 1) for entry in output.split("\0") if entry) if key not in {**before, "PWD": "", "OLDPWD": "", "SHLVL": "", "_": ""}}
