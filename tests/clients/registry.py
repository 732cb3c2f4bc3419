# SPDX-License-Identifier: MIT
"""What the clients from their languages' registries share: finding a tool, fetching what is pinned beside the sources into a folder
below the build, and running a program that prints checks of its own."""
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from sluicetest import ACCESS, BUILD, SECRET, check, counts, done, scratch, skip  # noqa: E402

PLACES = ("/usr/local/go/bin", "/usr/local/cargo/bin", os.path.expanduser("~/.cargo/bin"))  # where people put what Debian has too old


def tool(name):
    """The path of a program, on the PATH or where its makers install it, or None."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(PLACES))


def needs(client, *names):
    """The paths of these programs; ends the test as skipped when one is not there."""
    paths = [tool(name) for name in names]
    for name, path in zip(names, paths):
        if path is None:
            skip(client, f"{name} is not installed")
            done()
    return paths


def sources(language):
    """A folder below the build with a copy of tests/clients/LANGUAGE, and a word that changes when one of its files does."""
    folder = os.path.join(BUILD, "clients", language)
    shutil.copytree(os.path.join(HERE, language), folder, dirs_exist_ok=True)
    digest = hashlib.sha256()
    for root, folders, files in os.walk(os.path.join(HERE, language)):
        folders.sort()
        for name in sorted(files):
            with open(os.path.join(root, name), "rb") as file:
                digest.update(name.encode() + b"\0" + file.read())
    return folder, digest.hexdigest()


def fetch(client, folder, word, command, environment=None, timeout=300, into=None):
    """Runs the command that fetches packages, once for each word, into a folder that is emptied first. Ends the test as skipped when it
    fails: there is no registry."""
    stamp = os.path.join(folder, ".sluice-fetched")
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == word:
                return
    if into is not None:
        shutil.rmtree(into, ignore_errors=True)  # older versions would be found beside the newer ones
    try:
        result = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired:
        skip(client, f"fetching it took longer than {timeout} seconds")
        done()
    if result.returncode != 0:
        skip(client, "it cannot be fetched: " + " ".join(result.stdout.split())[:300])
        done()
    with open(stamp, "w") as file:
        file.write(word)


def built(client, folder, command, environment=None, timeout=600):
    """Whether the command builds what was fetched."""
    result = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout)
    return check(result.returncode == 0, f"{client}: builds", result.stdout[-1500:])


def program(client, command, server, environment=None, cwd=None, timeout=240):
    """Runs a client's program, whose lines count as this test's own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MINIO_"))}
    inherited.update(SLUICE_URL=server.url, SLUICE_ADDRESS=f"{server.host}:{server.port}", SLUICE_KEY=ACCESS, SLUICE_SECRET=SECRET,
                     HOME=scratch(), AWS_EC2_METADATA_DISABLED="true")
    inherited.update(environment or {})
    try:
        result = subprocess.run(command, cwd=cwd, env=inherited, text=True, errors="replace", stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return check(False, f"{client}: runs to its end", f"not within {timeout} seconds: {(late.stdout or b'')[-600:]}")
    for line in result.stdout.splitlines():
        print(line, flush=True)
        for word in counts:
            if line.startswith(word + " - "):
                counts[word] += 1
    return check(result.returncode == 0, f"{client}: runs to its end", f"status {result.returncode}")
