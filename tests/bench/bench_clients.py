# SPDX-License-Identifier: MIT
"""Clients of others as the bench's own load.c: wrk, a well-known one that asks for small objects over many connections, and boto3, the SDK that
most programs in Python use (bench_boto3.py runs it). Both sleep while they wait."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from bench_servers import Failure

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3" # Debian's, which has Debian's boto3

WRK_SCRIPT = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function() at = at %% #paths + 1; return wrk.format("GET", paths[at]) end
done = function(summary, latency, requests)
    local wrong = summary.errors
    io.write(string.format('{"ops": %%d, "seconds": %%.6f, "bytes": %%d, "errors": %%d, "p50_us": %%d, "p99_us": %%d, "p999_us": %%d}\\n', summary.requests,
        summary.duration / 1e6, summary.bytes, wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout, latency:percentile(50),
        latency:percentile(99), latency:percentile(99.9)))
end
"""


def missing(program):
    """Why that client cannot be had; None when it can."""
    if program == "wrk":
        return None if shutil.which("wrk") else "wrk is not installed (deploy/packages.bench)"
    if program == "boto3":
        found = os.path.exists(PYTHON) and subprocess.run([PYTHON, "-c", "import boto3"], stderr=subprocess.DEVNULL, check=False).returncode == 0
        return None if found else "boto3 is not installed (deploy/packages.bench)"
    return None


def run(server, command):
    """One client on the clients' core; its figures, with the server's CPU seconds."""
    before, suite = server.cpu(), server.suite
    client = suite.cores.client_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    suite.clients.append(client)
    out, error = client.communicate(timeout=600)
    suite.clients.remove(client)
    line = next((line for line in out.splitlines() if line.startswith("{")), None)
    if client.returncode != 0 or line is None:
        raise Failure(f"{server.name}: {(error or out).strip()[-500:]}")
    figures = json.loads(line)
    if figures["errors"]:
        raise Failure(f"{server.name}: {figures['errors']} errors in {figures['ops']} operations")
    if server.pid:
        time.sleep(0.05)
        figures["cpu"] = server.cpu() - before
    return figures


def address(server):
    """As signatures have it."""
    return server.host_field if re.search(r":\d+$", server.host_field) else f"{server.host}:{server.port}"


def wrk_get(server, path, count, connections, seconds):
    """GETs of path with its %d from 0 to count - 1."""
    descriptor, paths = tempfile.mkstemp(dir=server.suite.folder)
    with open(descriptor, "w") as out:
        out.writelines(server.request_target("GET", path.replace("%d", str(number)), "") + "\n" for number in range(count))
    with open(f"{paths}.lua", "w") as out:
        out.write(WRK_SCRIPT % paths)
    command = ["wrk", "-t", "1", "-c", str(connections), "-s", f"{paths}.lua", f"http://{address(server)}"]
    for duration in (max(1, round(seconds)), 4, 16): # a busy machine may need longer for the first answer
        figures = run(server, [*command, "-d", f"{duration}s"])
        if figures["ops"]:
            return figures
    raise Failure(f"{server.name}: wrk had no answer")


def boto3(server, kind, key, size, amount, keys=1):
    """get or put of the keys in turn, so many seconds, or COUNTx."""
    access_key, secret_key, region = getattr(server, "keys", ("", "", ""))
    return run(server, [PYTHON, os.path.join(HERE, "bench_boto3.py"), f"http://{address(server)}", access_key, secret_key, region or "us-east-1",
                        kind, "bench", key, str(size), str(amount), str(keys)])
