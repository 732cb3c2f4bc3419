# SPDX-License-Identifier: MIT
"""AWS Signature Version 4 as a client makes it, with everything open to be got wrong on purpose: for tests of what real clients
never send."""
import datetime
import hashlib
import hmac
import urllib.parse

EMPTY = hashlib.sha256(b"").hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Signer:
    def __init__(self, access, secret, region="us-east-1", now=None):
        self.access, self.secret, self.region = access, secret, region
        self.now = now or datetime.datetime.now(datetime.timezone.utc)
        self.stamp = self.now.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.stamp[:8]}/{region}/s3/aws4_request"

    def key(self):
        key = mac(("AWS4" + self.secret).encode(), self.stamp[:8])
        for part in (self.region, "s3", "aws4_request"):
            key = mac(key, part)
        return key

    def headers(self, method, path, host, payload=EMPTY, extra=None, query="", leave_out=()):
        """Headers for the request, with Authorization; self.seed is its signature. path and query: as sent, encoded. leave_out: names of
        headers that would be there, but are neither sent nor signed."""
        headers = {"host": host, "x-amz-date": self.stamp, "x-amz-content-sha256": payload}
        headers.update({k.lower(): v for k, v in (extra or {}).items()})
        headers = {name: value for name, value in headers.items() if name not in leave_out}
        names = sorted(headers)
        pairs = sorted((urllib.parse.quote(k, "-_.~"), urllib.parse.quote(v, "-_.~")) for k, v in urllib.parse.parse_qsl(query, True))
        canonical = "\n".join([method, path, "&".join(f"{k}={v}" for k, v in pairs),
                               "".join(f"{n}:{headers[n].strip()}\n" for n in names), ";".join(names), payload])
        text = "\n".join(["AWS4-HMAC-SHA256", self.stamp, self.scope, hashlib.sha256(canonical.encode()).hexdigest()])
        self.seed = hmac.new(self.key(), text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access}/{self.scope}, "
                                    f"SignedHeaders={';'.join(names)}, Signature={self.seed}")
        return headers

    def presign(self, method, path, host, expires=600, **more):
        """(the query of a presigned URL, its signature). more: further parameters, signed."""
        parameters = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.access}/{self.scope}", "X-Amz-Date": self.stamp,
                      "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": "host", **more}
        query = "&".join(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for k, v in sorted(parameters.items()))
        canonical = "\n".join([method, path, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"])
        text = "\n".join(["AWS4-HMAC-SHA256", self.stamp, self.scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self.key(), text.encode(), hashlib.sha256).hexdigest()
        return f"{query}&X-Amz-Signature={signature}", signature

    def chunk_signature(self, previous, data):
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", self.stamp, self.scope, previous, EMPTY, hashlib.sha256(data).hexdigest()])
        return hmac.new(self.key(), text.encode(), hashlib.sha256).hexdigest()

    def trailer_signature(self, previous, trailer):
        text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", self.stamp, self.scope, previous, hashlib.sha256(trailer).hexdigest()])
        return hmac.new(self.key(), text.encode(), hashlib.sha256).hexdigest()

    def signed_chunks(self, chunks, trailers=None, spoil=None):
        """The aws-chunked body with signed chunks. spoil: index of a chunk whose signature is made wrong (-1: the trailer's)."""
        previous, body = self.seed, b""
        for index, data in enumerate([*chunks, b""]):
            signature = self.chunk_signature(previous, data)
            previous = signature
            if spoil == index:
                signature = ("0" if signature[0] != "0" else "1") + signature[1:]
            body += f"{len(data):x};chunk-signature={signature}\r\n".encode()
            if data:
                body += data + b"\r\n"
        if trailers is not None:
            canonical = "".join(f"{name}:{value}\n" for name, value in trailers).encode()
            signature = self.trailer_signature(previous, canonical)
            if spoil == -1:
                signature = ("0" if signature[0] != "0" else "1") + signature[1:]
            body += "".join(f"{name}:{value}\r\n" for name, value in trailers).encode()
            body += f"x-amz-trailer-signature:{signature}\r\n".encode()
        return body + b"\r\n"


def unsigned_chunks(chunks, trailers=()):
    """The body of STREAMING-UNSIGNED-PAYLOAD-TRAILER."""
    body = b"".join(f"{len(data):x}\r\n".encode() + data + b"\r\n" for data in chunks)
    return body + b"0\r\n" + "".join(f"{name}:{value}\r\n" for name, value in trailers).encode() + b"\r\n"
