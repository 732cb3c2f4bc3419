#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands of README.md's first screen, and of each page of deploy/guides/, are run as they stand, in a folder of their own for each page: in it `build`, `deploy`
and `api` are this tree's, `sluice` is the program, and each port is a free one.

A block of a guide that begins with ```sh is run; with `needs=PROGRAM` behind it where that is there; `elsewhere: WHERE` is not run here, and says what does."""
import glob
import os
import re
import signal
import subprocess

from sluicetest import BUILD, ROOT, check, done, free_port, have, scratch, skip

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SLUICE_"))}
BEFORE = "set -euo pipefail\nexport HOME=$PWD\n"


def sandbox(name):
    folder = scratch(name)
    os.makedirs(os.path.join(folder, "bin"))
    os.symlink(os.path.join(BUILD, "sluice"), os.path.join(folder, "bin", "sluice"))
    os.symlink(BUILD, os.path.join(folder, "build"))
    for top in ("deploy", "api"):
        os.symlink(os.path.join(ROOT, top), os.path.join(folder, top))
    return folder


def run_page(name, script):
    """All of a page in one shell; what it has left running ends with it."""
    folder, ports = sandbox(name), {}
    script = re.sub(r"\b(9000|9001|9443)\b", lambda match: str(ports.setdefault(match[1], free_port())), script).replace("0.0.0.0:", "127.0.0.1:")
    # Without --listen it would be the port that pages name.
    environment = {**ENVIRONMENT, "PATH": os.path.join(folder, "bin") + ":" + ENVIRONMENT["PATH"]}
    if "9000" in ports:
        environment["SLUICE_LISTEN"] = f"127.0.0.1:{ports['9000']}"
    with open(os.path.join(folder, "output"), "w+", errors="replace") as output:
        process = subprocess.Popen(["bash", "-c", BEFORE + script], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(120)
        except subprocess.TimeoutExpired:
            status = "still running after two minutes"
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        process.wait(30)
        output.seek(0)
        said = output.read()
    return status, said


def guide(path):
    with open(path) as file:
        text = file.read()
    name, script, runs = os.path.basename(path), "", 0
    marks = re.findall(r"^```(\S.*)$", text, re.M)
    unknown = [mark for mark in marks if not re.fullmatch(r"sh|sh needs=[a-z]+|sh elsewhere: .+|c|text|python|js|yaml", mark)]
    check(not unknown, f"{name}: each block says what it is", str(unknown))
    loose = [line for line in re.sub(r"```.*?```", "", text, flags=re.S).splitlines() if re.match(r"    (\$ |sluice |curl |deploy/|aws )", line)]
    check(not loose, f"{name}: no command stands outside of a block", str(loose))
    for mark, block in re.findall(r"^```(sh[^\n]*)\n(.*?)^```", text, re.M | re.S):
        needs = re.fullmatch(r"sh needs=([a-z]+)", mark)
        if mark.startswith("sh elsewhere: "):
            skip(f"{name}: {block.splitlines()[0]}", mark[len("sh elsewhere: "):])
        elif needs and not have(needs[1]):
            skip(f"{name}: {block.splitlines()[0]}", f"{needs[1]} is not here")
        else:
            script += block
            runs += 1
    if runs == 0:
        return
    status, said = run_page(name, script)
    check(status == 0, f"{name}: all of its {runs} blocks run", f"{status}: {said[-1500:]}")


def readme():
    """The first screen: the quickstart builds, which other tests do; here it starts what was built."""
    with open(os.path.join(ROOT, "README.md")) as file:
        screen = file.read().split("## ")[0]
    blocks = [re.findall(r"^    \$ (.*)$", block, re.M) for block in re.split(r"\n\n(?=[^ ])", screen)]
    commands = [line for block in blocks for line in block]
    check(len(commands) >= 7 and any("cmp" in line for line in commands), "README.md's first screen has commands", str(commands))
    script = ("deploy/quickstart() {\n    [ -z \"${server:-}\" ] || { kill $server; wait $server || true; }\n    sluice serve \"$@\" & server=$!\n"
              "    until sluice ping --listen 127.0.0.1:9000 2>/dev/null; do sleep 0.1; done\n}\nhead -c 3000000 /dev/urandom >app.tar\n")
    left_out = [line for line in commands if re.search(r"\baws ", line) and not have("aws")]
    for line in left_out:
        skip(f"README.md: {line}", "aws is not here")
    script += "\n".join(re.sub(r"\bcurl ", "curl -f ", line) for line in commands if line not in left_out) + "\n"
    status, said = run_page("README.md", script)
    check(status == 0 and "same" in said, "README.md: the first screen runs as it stands", f"{status}: {said[-1500:]}")


readme()
pages = sorted(glob.glob(os.path.join(ROOT, "deploy", "guides", "*.md")))
check(len(pages) >= 8, "there are guides")
for page in pages:
    guide(page)
done()
