# SPDX-License-Identifier: MIT
"""What must become of a request that carries a parameter of S3's API, said anew from the API's request lines and OPERATIONS.md."""
from operations_table import table
from s3_model import OLD, stored

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
# Parameters that only belong to one that selects, or that S3 does not look at: see half().
HALVES = ("annotationName", "id", "list-type", "partNumber", "select-type", "session")
# Of a key, where reading ignores what else is for buckets.
OF_KEYS = {"logging": "NoLoggingStatusForKey", "uploads": "InvalidRequest", "versions": "InvalidRequest"}

LINES = [line for line in stored()[1] if line.operation not in OLD]
STATES = {name: state for name, (state, _) in table().items()}


def selectors_of(line):
    return [name for name in (*line.fixed, *line.required) if name not in HALVES]


SELECTORS = sorted({name for line in LINES for name in selectors_of(line)})
OBJECT_SELECTORS = {name for line in LINES if line.resource == "object" for name in selectors_of(line)}

ROW, ABSENT, IGNORED, PREFLIGHT = "there is a row for it", "the setting cannot be there", "it is ignored", "it is a preflight"
NOT_ALLOWED, NOT_IMPLEMENTED = (405, "MethodNotAllowed"), (501, "NotImplemented")


def half(resource, method, name):
    """A half alone."""
    reads = method in ("GET", "HEAD")
    if name == "id":
        return IGNORED if reads else ROW if resource == "object" else NOT_ALLOWED
    if name == "partNumber" and resource == "object":
        return ROW if reads else (400, "InvalidArgument") if method == "PUT" else NOT_ALLOWED
    if name in ("partNumber", "select-type"):
        return IGNORED if reads else NOT_ALLOWED
    if name in ("list-type", "session"):
        if resource == "object" and reads:
            return IGNORED
        if resource == "bucket" and method == "GET":
            return ROW if name == "list-type" else NOT_IMPLEMENTED
    return NOT_ALLOWED


def expect(resource, method, name):
    """ROW (of the server's own, which others test), ABSENT, IGNORED, PREFLIGHT, or (status, code) of a refusal."""
    if method == "OPTIONS":
        return PREFLIGHT
    if name in HALVES:
        return half(resource, method, name)
    if (resource, method, name) == ("object", "PUT", "uploadId"):
        return 400, "InvalidArgument"  # a part without its number
    reads = method in ("GET", "HEAD") and resource == "object"
    if reads and name in OF_KEYS:
        return 400, OF_KEYS[name]
    if reads and name not in OBJECT_SELECTORS:
        return IGNORED
    lines = [line for line in LINES if (line.resource, line.method) == (resource, method) and name in selectors_of(line)]
    if not lines:
        return NOT_ALLOWED
    states = {STATES[line.operation] for line in lines if "id" not in line.required} or {"501"}  # ?metrics without the id of one
    return NOT_IMPLEMENTED if states == {"501"} else ABSENT if states == {"absent"} else ROW
