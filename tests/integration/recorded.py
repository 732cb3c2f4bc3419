# SPDX-License-Identifier: MIT
"""For tests that hold answers against those that S3 itself was recorded to give: signed requests by hand, and a look into the documents."""
import html
import re

from signer import Signer
from sluicetest import ACCESS, SECRET, Server, check, equal, error_code
import hashlib


def texts(body, name):
    """The texts of all elements of that name."""
    return [html.unescape(text) for text in re.findall(f"<{name}(?: [^>]*)?>([^<]*)</{name}>", body.decode())]


def text(body, name):
    """The text of the first one; None: there is none."""
    found = texts(body, name)
    return found[0] if found else None


class Client:
    """Signs with one key. access None: does not sign at all."""

    def __init__(self, server, access=ACCESS, secret=SECRET, region="us-east-1"):
        self.server, self.access, self.secret, self.region = server, access, secret, region

    def ask(self, method, path, body=b"", headers=None):
        """(status, headers, body) of a request; path: encoded, with its query."""
        body = body.encode() if isinstance(body, str) else body
        headers = dict(headers or {})
        if self.access is not None:
            signer = Signer(self.access, self.secret, self.region)
            bare, _, query = path.partition("?")
            headers = signer.headers(method, bare, f"{self.server.host}:{self.server.port}", hashlib.sha256(body).hexdigest(), headers, query)
        return self.server.request(method, path, body if body or method in ("PUT", "POST") else None, headers)

    def get(self, path, **headers):
        return self.ask("GET", path, headers=spelled(headers))

    def put(self, path, body=b"", **headers):
        return self.ask("PUT", path, body, spelled(headers))

    def post(self, path, body=b"", **headers):
        return self.ask("POST", path, body, spelled(headers))

    def delete(self, path, **headers):
        return self.ask("DELETE", path, headers=spelled(headers))

    def create_upload(self, path, **headers):
        return text(self.post(path + "?uploads", **headers)[2], "UploadId")

    def put_part(self, path, upload, number, body, **headers):
        """(number, ETag) for a completion."""
        return number, self.put(f"{path}?partNumber={number}&uploadId={upload}", body, **headers)[1]["etag"]

    def complete(self, path, upload, parts, more=None, **headers):
        """more: elements beside the ETag, by part."""
        listed = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{html.escape(etag)}</ETag>{(more or {}).get(number, '')}</Part>"
                         for number, etag in parts)
        return self.post(f"{path}?uploadId={upload}", f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>", **headers)


def spelled(headers):
    """x_amz_acl -> x-amz-acl"""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def refused(answer, status, code, name, **elements):
    """An error with that code, and those elements."""
    got, _, body = answer
    equal((got, error_code(body), {element: text(body, element) for element in elements}), (status, code, elements), name)


__all__ = ["ACCESS", "SECRET", "Client", "Server", "check", "equal", "error_code", "refused", "text", "texts"]
