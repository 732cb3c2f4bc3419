#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GitHub's artifacts by their own client, @actions/artifact: 1 byte, 1 KiB and 140 MB, in an archive and without, are uploaded by one job and found, downloaded and
compared by another; names are given once; a token of another run, one that only reads and a wrong one get what they should."""
import json
import os
import shutil

from caches import RECIPES, run
from registry import BUILD, HERE, check, done, tool
from issuer import Issuer, Key  # of tests/integration, which registry finds
from sluicetest import Server, equal, fresh, poll, scratch, skip

CI = "https://ci.example"
FILE = scratch("artifacts.credentials")
SIZES = (1, 1024, 140_000_000)
key, stranger = Key("one", "ES256"), Key("one", "ES256")
issuer = Issuer(key)


def token(job="job-1", run="run-1", kind="writer", signer=key):
    return signer.token(issuer.claims(CI, kind=kind, scp=f"Actions.Example Actions.Results:{run}:{job}"))


def serve():
    with open(FILE, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"token main main-secret-0123456789 scope=main\noidc {CI} audience=sluice jwks={issuer.url}\nrole writers claim:kind=writer scope=acme\nrole readers claim:kind=reader read=acme\n")
    return Server(args=["--credentials", FILE, "--cache", "github bucket=acts"])


def client(who, *words):
    """What the program says, or None; and its output."""
    place = fresh("artifacts")
    os.makedirs(place)
    status, output = run([node, *options, "artifacts.js", *map(str, words)], folder, {
        "GITHUB_SERVER_URL": "https://github.localhost", "ACTIONS_RESULTS_URL": f"{server.url}/", "ACTIONS_RUNTIME_TOKEN": who, "GITHUB_WORKSPACE": place,
        "RUNNER_TEMP": place, "KEPT": os.path.join(place, "kept")})
    shutil.rmtree(place, ignore_errors=True)
    found = [line[7:] for line in output.splitlines() if line.startswith("RESULT ")]
    return (json.loads(found[0]) if found and status == 0 else None), output[-2000:]


def round_trip(way, size):
    name, what = f"{way}-{size}" + (".bin" if way == "plain" else ""), f"@actions/artifact: {size} bytes, " + ("in an archive" if way == "upload" else "as they are")
    stored, output = client(token(), way, name, size)
    if not check(stored is not None and "error" not in stored and stored["uploaded"] >= size, f"{what}: uploaded", output):
        return
    found, output = client(token("job-2"), "download", name)
    check(found is not None and "error" not in found and not found["digestMismatch"] and found["age"] < 600_000 and
          (found["id"], found["size"], found["digest"], found["file"], found["files"]) ==
          (stored["id"], stored["uploaded"], "sha256:" + stored["told"], stored["file"], ["file" if way == "upload" else name]), f"{what}: another job downloads and compares", output)


def recipe():
    """The token that deploy/ci makes, of a secret of the server's own."""
    told = run([os.path.join(RECIPES, "actions.sh")], folder,
               {"SLUICE_URL": server.url, "SLUICE_TOKEN": "main-secret-0123456789", "GITHUB_RUN_ID": "17", "GITHUB_JOB": "compile"})[1]
    return dict(line.split("=", 1) for line in told.splitlines())["ACTIONS_RUNTIME_TOKEN"]


npm, node = tool("npm"), tool("node")
if npm is None or node is None:
    skip("@actions/artifact", "node and npm are not installed")
    done()
version = run([node, "--version"], scratch(), {})[1].strip()
major = int(version.lstrip("v").split(".")[0])
if major < 18:
    skip("@actions/artifact", f"it needs Node.js 18, here is {version}")
    done()
options = ["--experimental-global-webcrypto"] if major == 18 else []  # its makers test it with later ones
folder = os.path.join(BUILD, "clients", "caches", "artifacts")
shutil.copytree(os.path.join(HERE, "caches", "artifacts"), folder, dirs_exist_ok=True)
status, output = run([npm, "ci", "--no-audit", "--no-fund", "--cache", os.path.join(BUILD, "clients", "npm")], folder, {}, 300)
if status != 0:
    skip("@actions/artifact", "it cannot be fetched: " + " ".join(output.split())[-300:])
    done()
server = serve()
poll(lambda: server.request("POST", "/twirp/github.actions.results.api.v1.ArtifactService/ListArtifacts",
                            json.dumps({"workflow_run_backend_id": "run-1", "workflow_job_run_backend_id": "job-1"}).encode(),
                            {"Content-Type": "application/json", "Authorization": "Bearer " + token()})[0] == 200)
equal(client(token(), "list")[0], [], "@actions/artifact: a run has nothing at first")
for size in SIZES:
    round_trip("upload", size)
    round_trip("plain", size)
names = sorted([f"upload-{size}" for size in SIZES] + [f"plain-{size}.bin" for size in SIZES])
equal(client(token("job-3"), "list")[0], names, "@actions/artifact: a run has what its jobs have stored")
result, output = client(token("job-2"), "upload", "upload-1", 1)
check("(409) Conflict: an artifact with this name already exists on the workflow run" in (result or {}).get("error", ""), "@actions/artifact: a name is given once in a run", output)
result, output = client(token(kind="reader"), "download", "upload-1")
check(result is not None and "error" not in result, "@actions/artifact: who only reads downloads", output)
result, output = client(token(kind="reader"), "upload", "read", 1)
check("(403)" in (result or {}).get("error", ""), "@actions/artifact: and stores nothing", output)
result, output = client(token(kind="reader"), "delete", "upload-1")
check("(403)" in (result or {}).get("error", ""), "@actions/artifact: nor removes anything", output)
equal(client(token(run="run-2"), "list")[0], [], "@actions/artifact: another run has its own")
result, output = client(token(run="run-2"), "download", "upload-1")
check("Artifact not found" in (result or {}).get("error", ""), "@actions/artifact: and does not find the first one's", output)
for act in ("list", "upload"):
    result, output = client(token(signer=stranger), act, "wrong", 1)
    check("(401)" in (result or {} if isinstance(result, dict) else {}).get("error", ""), f"@actions/artifact: a wrong token: {act}", output)
result, output = client(token("job-2"), "delete", "upload-1024")
check(result is not None and result.get("id", 0) > 0, "@actions/artifact: another job removes one", output)
equal(client(token(), "list")[0], [name for name in names if name != "upload-1024"], "@actions/artifact: which is gone")
stored, output = client(recipe(), "upload", "built", 1000)
found, more = client(recipe(), "download", "built")
check(stored is not None and found is not None and "error" not in stored and found.get("file") == stored["file"], "@actions/artifact: by the recipe of deploy/ci", output + more)
check(server.stop(), "the server ends with status 0")
done()
