# SPDX-License-Identifier: MIT
"""AWS Signature Version 4, in the query of a URL or in fields of the head: enough to let an unsigning client measure a server that wants
signatures."""
import datetime
import functools
import hashlib
import hmac
import urllib.parse

UNSIGNED = "UNSIGNED-PAYLOAD"


@functools.lru_cache
def signing_key(secret_key, day, region):
    key = f"AWS4{secret_key}".encode()
    for piece in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, piece.encode(), "sha256")
    return key


def signature(canonical, now, secret_key, region):
    text = f"AWS4-HMAC-SHA256\n{now}\n{now[:8]}/{region}/s3/aws4_request\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.digest(signing_key(secret_key, now[:8], region), text.encode(), "sha256").hex()


def encoded_query(fields):
    return "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(fields[name], safe='-_.~')}" for name in sorted(fields))


def fields_of(query):
    return dict(pair.partition("=")[::2] for pair in query.split("&") if pair)


def time_now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def presign(method, host, path, query, access_key, secret_key, region):
    """The path and query to request. path: not yet encoded; query: "a=b&c=d", not yet encoded."""
    now, fields = time_now(), fields_of(query)
    fields.update({"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{access_key}/{now[:8]}/{region}/s3/aws4_request", "X-Amz-Date": now,
                   "X-Amz-Expires": "86400", "X-Amz-SignedHeaders": "host"})
    encoded, uri = encoded_query(fields), urllib.parse.quote(path, safe="/-_.~")
    canonical = f"{method}\n{uri}\n{encoded}\nhost:{host}\n\nhost\n{UNSIGNED}"
    return f"{uri}?{encoded}&X-Amz-Signature={signature(canonical, now, secret_key, region)}"


def sign_by_header(method, host, path, query, payload, access_key, secret_key, region):
    """The path and query to request, and the fields that sign it, which are good for a quarter of an hour. payload: its SHA-256 as hex,
    or UNSIGNED."""
    now, encoded, uri = time_now(), encoded_query(fields_of(query)), urllib.parse.quote(path, safe="/-_.~")
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = f"{method}\n{uri}\n{encoded}\nhost:{host}\nx-amz-content-sha256:{payload}\nx-amz-date:{now}\n\n{names}\n{payload}"
    credential = f"{access_key}/{now[:8]}/{region}/s3/aws4_request"
    return uri + ("?" + encoded if encoded else ""), [
        f"x-amz-date: {now}", f"x-amz-content-sha256: {payload}",
        f"Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature(canonical, now, secret_key, region)}"]


def client_body(size):
    """What load.c sends (body_make)."""
    block = bytes((i * 2654435761 >> 13) & 0xff for i in range(min(size, 1 << 20)))
    return (block * (size // (1 << 20) + 1))[:size]


@functools.lru_cache
def client_body_sha256(size):
    return hashlib.sha256(client_body(size)).hexdigest()
