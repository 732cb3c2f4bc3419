#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The npm packages: made of this tree, installed from the files into a fresh folder without a registry, and passing their own tests there."""
import glob
import json
import os
import shutil
import subprocess

from sluicetest import ROOT, SLUICE, check, done, equal, have, run, scratch, skip

if not have("npm") or not have("node"):
    skip("the packages", "node and npm are not here")
    done()
if int(run(["node", "--version"])[1].lstrip("v").split(".")[0]) < 18:
    skip("the packages", "node is older than 18")
    done()
FOLDER, PLACE, HOME = scratch("npm"), scratch("place"), scratch("home")
os.makedirs(PLACE)
environment = {**os.environ, "HOME": HOME, "npm_config_cache": scratch("cache"), "TMPDIR": scratch("tmp")}
os.makedirs(environment["TMPDIR"])
status, output = run([os.path.join(ROOT, "deploy", "npm", "make"), FOLDER, SLUICE], env=environment)
check(status == 0, "the packages are made", output)
files = sorted(glob.glob(os.path.join(FOLDER, "*.tgz")))
equal(len(files), 2, "one with the JavaScript, one with the program")
with open(os.path.join(PLACE, "package.json"), "w") as file:
    json.dump({"name": "user", "private": True}, file)
result = subprocess.run(["npm", "install", "--offline", "--omit=optional", "--no-audit", "--no-fund", *files], cwd=PLACE, env=environment, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, text=True, timeout=200)
check(result.returncode == 0, "they are installed from the files, with no registry", result.stdout[-2000:])
modules = os.path.join(PLACE, "node_modules", "@sluice-store")
with open(os.path.join(modules, "sluice", "package.json")) as file:
    package = json.load(file)
check(any(name.startswith("@sluice-store/sluice-linux-") and version == package["version"] for name, version in package["optionalDependencies"].items()),
      "the program is an optional dependency of the same version", str(package))
shutil.copy(os.path.join(ROOT, "deploy", "npm", "test", "sluice.test.js"), PLACE)
result = subprocess.run(["node", "--test", "sluice.test.js"], cwd=PLACE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=250)
check(result.returncode == 0, "their own tests pass there", result.stdout[-9000:])
program = glob.glob(os.path.join(modules, "sluice-linux-*"))
shutil.rmtree(program[0])
status, output = run(["node", "-e", "require(process.argv[1]).start().catch((error) => console.log(error.message))", os.path.join(modules, "sluice")], env=environment)
check("is not installed, and SLUICE_PROGRAM names none" in output, "without its platform's package it says what is missing", output)
status, output = run(["node", "-e", "require(process.argv[1]).start().then(async (s) => { console.log((await fetch(s.url + '/-/healthy')).status); await s.stop(); })", os.path.join(modules, "sluice")],
                     env={**environment, "SLUICE_PROGRAM": SLUICE})
check(output.strip() == "200", "or takes the program that SLUICE_PROGRAM names", output)
done()
