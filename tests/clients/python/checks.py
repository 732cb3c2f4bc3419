# SPDX-License-Identifier: MIT
"""What the scripts share: checks that print one line each, as the other tests do; reproducible bytes; the server's address."""
import importlib.metadata
import os
import random
import traceback
import urllib.error
import urllib.request

URL, ADDRESS, KEY, SECRET = (os.environ["SLUICE_" + name] for name in ("URL", "ADDRESS", "KEY", "SECRET"))
MIB = 1 << 20
LARGE = random.Random(7).randbytes(17 * MIB + 5)
_label = ""


def check(good, name, detail=""):
    print(f"ok - {_label}: {name}" if good else f"not ok - {_label}: {name}   [{str(detail):.300}]", flush=True)


def equal(got, want, name):
    check(got == want, name, f"got {got!r:.140}, want {want!r:.140}")


def refused(call, name, *words):
    """The call raises an error that says one of the words."""
    try:
        call()
    except Exception as error:
        said = f"{type(error).__name__} {error}"
        check(any(word in said for word in words), name, said)
    else:
        check(False, name, "it succeeded")


def visit(method, url, body=None, headers=()):
    """A plain request without keys, as who was given a URL sends it: status and body."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers))
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def round_trip(label, package, call):
    global _label
    _label = label
    print(f"# {package} {importlib.metadata.version(package)}", flush=True)
    try:
        call()
    except Exception:
        check(False, "the round trip runs to its end", traceback.format_exc()[-300:])
