# SPDX-License-Identifier: MIT
"""AWS Signature Version 4 in the query of a URL: enough to let an unsigning client measure a server that wants signatures."""
import datetime
import hashlib
import hmac
import urllib.parse


def presign(method, host, path, query, access_key, secret_key, region):
    """The path and query to request. path: not yet encoded; query: "a=b&c=d", not yet encoded."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    fields = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    fields.update({"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{access_key}/{scope}", "X-Amz-Date": now,
                   "X-Amz-Expires": "86400", "X-Amz-SignedHeaders": "host"})
    encoded = "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(fields[name], safe='-_.~')}" for name in sorted(fields))
    uri = urllib.parse.quote(path, safe="/-_.~")
    canonical = f"{method}\n{uri}\n{encoded}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for piece in (now[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, piece.encode(), "sha256")
    return f"{uri}?{encoded}&X-Amz-Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"
