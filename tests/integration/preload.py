# SPDX-License-Identifier: MIT
"""Libraries that are preloaded into a server, and the few bytes by which a test and such a library talk."""
import mmap
import os

from sluicetest import check, have, run, scratch, skip


def build(name, variable, length, what):
    """(environment for the server, the bytes mapped), or None, and then it was said why: no compiler, or it does not compile."""
    compiler = next((program for program in ("cc", "gcc", "clang") if have(program)), None)
    if compiler is None:
        return skip(what, "no compiler")
    library, control = scratch(f"{name}.so"), scratch(f"{name}-control")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.c")
    status, output = run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"])
    if not check(status == 0, f"{what}: the library is built", output):
        return None
    with open(control, "wb") as file:
        file.write(bytes(length))
    with open(control, "r+b") as file:
        return {"LD_PRELOAD": library, variable: control}, mmap.mmap(file.fileno(), length)
