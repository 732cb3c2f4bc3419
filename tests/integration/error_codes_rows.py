# SPDX-License-Identifier: MIT
"""What the parts of error_codes_test.py share: requests that are wrong in one way each, and the account of what was asked and told."""
from error_codes_elements import check_form
from sluicetest import check, content_md5, equal, error_code

covered, seen = set(), set() # operations; codes


def ask(server, method, path, body=None, headers=None):
    status, told, text = server.request(method, path, body, headers or {}, timeout=60)
    code = error_code(text) if status >= 300 and text else ""
    if status >= 400 and method != "HEAD":
        check_form(code, text, f"{method} {path:.60}")
        root = text.decode("utf-8", "replace")
        check("<Message>" in root and f"<RequestId>{told.get('x-amz-request-id')}</RequestId>" in root, f"{method} {path:.60}: a whole error document", root[:300])
    seen.add(code)
    return status, code


def rows(server, operation, *cases):
    """cases: (what is wrong, method, path, headers, body, status, code)."""
    covered.add(operation)
    for what, method, path, headers, body, status, code in cases:
        if operation == "DeleteObjects" and not any(name.lower().startswith(("content-md5", "x-amz-checksum-")) for name in headers or {}):
            headers = {**(headers or {}), **content_md5(body)}
        equal(ask(server, method, path, body, headers), (status, code if method != "HEAD" else ""), f"{operation}: {what}")
