#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The clients for JavaScript, AWS's SDK version 3 and MinIO's, with keys on: installs from the npm registry what
tests/integration/javascript/package-lock.json pins, and runs the scripts beside it, which print checks of their own."""
import hashlib
import os
import shutil
import subprocess

from issuer import web_identity_server
from sluicetest import ACCESS, BUILD, ROOT, SECRET, Server, check, counts, done, have, pattern_file, scratch, skip

SCRIPTS = os.path.join(ROOT, "tests", "integration", "javascript")
MIB = 1 << 20


def installed():
    """The folder in which the packages are, or None with the reason why they are not; kept until the pins change."""
    folder = os.path.join(BUILD, "javascript")
    for program in ("node", "npm"):
        if not have(program):
            return None, f"{program} is not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 18:
        return None, f"Node.js is {version}, and the clients need 18"
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(SCRIPTS, "package-lock.json"), "rb") as file:
        pins = hashlib.sha256(file.read()).hexdigest()
    for name in os.listdir(SCRIPTS):
        shutil.copy(os.path.join(SCRIPTS, name), folder)
    stamp = os.path.join(folder, "node_modules", ".sluice-pins")
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == pins:
                return folder, None
    try:
        result = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"], cwd=folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        return None, "npm ci took longer than 240 seconds"
    if result.returncode != 0:
        return None, "npm ci failed: " + " ".join(result.stdout.split())[:200]
    with open(stamp, "w") as file:
        file.write(pins)
    return folder, None


def script(folder, name, server, environment=None):
    """Runs one script, whose lines count as this program's own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env.update(SLUICE_URL=server.url, SLUICE_PORT=str(server.port), SLUICE_KEY=ACCESS, SLUICE_SECRET=SECRET, HOME=scratch(),
               LARGE_FILE=large, SCRATCH=scratch(), **(environment or {}))
    process = subprocess.Popen(["node", name], cwd=folder, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    for line in process.stdout:
        print(line, end="", flush=True)
        for word in counts:
            if line.startswith(word + " - "):
                counts[word] += 1
    check(process.wait() == 0, f"{name} runs to its end", f"status {process.returncode}")


folder, reason = installed()
if folder is None:
    skip("AWS SDK for JavaScript, minio-js", reason)
    done()
large = pattern_file("large.bin", 17 * MIB + 5, seed=41)
server = Server(keys=True)
for name in ("aws_sdk.mjs", "aws_transfers.mjs", "minio.mjs"):
    script(folder, name, server)
check(server.stop(), "the server ends with status 0")
server, environment = web_identity_server()
script(folder, "aws_web_identity.mjs", server, environment)
check(server.stop(), "and so does the one that gives sessions")
done()
