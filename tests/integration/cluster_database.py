# SPDX-License-Identifier: MIT
"""A PostgreSQL for a test of a cluster: whoever imports it has one, or is started again with one of its own; where there is none, or no libpq, it is
skipped."""
import os
import shutil
import subprocess
import sys

from sluicetest import ROOT, SLUICE, done, scratch, skip

if "SLUICE_TEST_POSTGRES" not in os.environ:
    starter = os.path.join(ROOT, "tests/unit/metadata/postgres_server")
    os.execv(starter, [starter, sys.executable, os.path.abspath(sys.argv[0])])
DATABASE = os.environ["SLUICE_TEST_POSTGRES"]
PSQL = shutil.which("psql")

probe = subprocess.run([SLUICE, "serve", "--cluster", "postgresql://127.0.0.1:1/none", "--data", scratch("probe"), "--listen", "127.0.0.1:0"],
                       capture_output=True, text=True, timeout=60, check=False)
if "without libpq" in probe.stderr or "libpq.so.5" in probe.stderr:
    skip("a cluster", "the program was built without libpq, or it is not here")
    done()


def psql(text):
    return subprocess.run([PSQL, DATABASE, "-qAtc", text], check=True, capture_output=True, text=True).stdout.strip()
