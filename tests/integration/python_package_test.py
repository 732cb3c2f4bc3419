#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pytest-sluice: the wheel is made of this tree, installed from the file into a fresh environment, and passes its own tests there."""
import glob
import os
import subprocess
import sys

from sluicetest import BUILD, ROOT, check, done, equal, have, run, scratch, skip

missing = [program for program in ("patchelf", "cc", "ldd") if not have(program)]
if missing:
    skip("the wheel", f"{missing[0]} is not here")
    done()
if "asan" in os.path.basename(BUILD) or "tsan" in os.path.basename(BUILD):
    skip("the wheel", "an instrumented library cannot be loaded by a program that is not")
    done()
FOLDER, VENV = scratch("wheel"), scratch("venv")
status, output = run([os.path.join(ROOT, "deploy", "python", "make"), BUILD, FOLDER])
check(status == 0, "the wheel is made", output)
wheels = glob.glob(os.path.join(FOLDER, "*.whl"))
equal(len(wheels), 1, "as one file")
with open(wheels[0], "rb") as file:
    first = file.read()
run([os.path.join(ROOT, "deploy", "python", "make"), BUILD, FOLDER])
with open(wheels[0], "rb") as file:
    equal(file.read() == first, True, "the same tree makes the same wheel")

status, output = run([sys.executable, "-m", "venv", VENV])
if status != 0:
    skip("a fresh environment", "python3-venv is not here")
    done()
PYTHON = os.path.join(VENV, "bin", "python")
status, output = run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheels[0], "boto3"], timeout=240)
if status != 0 and ("Could not find a version" in output or "onnection" in output or "imed out" in output):
    skip("it is installed with pytest and boto3", "no package index can be reached")
    done()
check(status == 0, "it is installed from the file", output)
environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTEST", "PYTHON"))}
result = subprocess.run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", os.path.join(ROOT, "deploy", "python", "tests")], cwd=scratch(), env=environment, text=True,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200)
check(result.returncode == 0, "its own tests pass there", result.stdout[-3000:])
FROM = "import pytest_sluice, re; print(sorted({l.split()[-1] for l in open('/proc/self/maps') if '.so' in l and re.search(r'h2o|isal|uring|jansson|libsluice', l)}))"
status, output = run([PYTHON, "-c", FROM])
check(status == 0 and "/lib/x86_64" not in output and "/lib/aarch64" not in output and output.count("pytest_sluice/lib/") >= 5, "it brings the libraries that it needs", output)
status, output = run([PYTHON, "-m", "pip", "uninstall", "--yes", "--quiet", "pytest-sluice"])
check(status == 0 and not glob.glob(os.path.join(VENV, "lib", "*", "site-packages", "pytest_sluice", "lib", "*")), "and is gone when it is uninstalled", output)
done()
