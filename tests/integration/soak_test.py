#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A soak of 40 seconds: mixed load on a store whose settings, credentials, master keys and disk change under it, and on one that is killed again
and again. Every byte is compared, and what the server takes of the machine does not grow. `tests/soak/run` is the long form."""
import os
import signal
import sys

from sluicetest import BUILD, ROOT, check, done, skip

sys.path.insert(0, os.path.join(ROOT, "tests", "soak"))
from soak import Soak, summary  # noqa: E402

SEED = int(os.environ.get("SOAK_SEED", "1"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)) # what was mounted is unmounted
soak = Soak(0.6, SEED, folder=os.environ.get("TEST_TMP"), cycle=10, megabytes=768)
try:
    soak.run()
    for name, holds, figures in soak.verdicts():
        if "memory" in name and "asan" in BUILD: # whose quarantine grows until it is full
            skip(name, "a sanitizer keeps what was freed")
        else:
            check(holds, name, str(figures))
    check(soak.kills > 0 and soak.tally.counts.get("put", 0) > 0, "and there was something to do", f"{soak.kills} {soak.tally.counts}")
    if not soak.steady.is_mounted:
        skip("a full disk", "no file system may be mounted here")
    for line in summary(soak):
        print("#", line)
finally:
    soak.close()
done()
