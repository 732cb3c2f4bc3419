#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CORS: the configuration by boto3, preflights and requests of other origins as a browser sends them."""
from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("cors", "python3-boto3 is not installed")
    done()

BUCKET = "cors-bucket"
RULES = [{"ID": "writers", "AllowedMethods": ["PUT", "POST"], "AllowedOrigins": ["https://app.example", "https://*.dev.example"],
          "AllowedHeaders": ["content-*", "x-amz-*"], "ExposeHeaders": ["ETag", "x-amz-version-id"], "MaxAgeSeconds": 600},
         {"AllowedMethods": ["GET", "HEAD"], "AllowedOrigins": ["*"]}]


def refused(name, code, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ClientError as error:
        return equal(error.response["Error"]["Code"], code, name)
    return check(False, name, "it succeeded")


def cors_headers(headers):
    return {name[len("access-control-"):]: value for name, value in headers.items() if name.startswith("access-control-")}


def preflight(server, path, origin=None, method=None, headers=None):
    sent = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return server.request("OPTIONS", path, headers={k: v for k, v in sent.items() if v is not None})


def configuration(s3):
    refused("a bucket without CORS", "NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=BUCKET)
    put = lambda rules: s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": rules})
    equal(put(RULES)["ResponseMetadata"]["HTTPStatusCode"], 200, "rules are put")
    got = s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    for rule in got:
        rule["AllowedMethods"].sort()
    want = [dict(rule, AllowedMethods=sorted(rule["AllowedMethods"])) for rule in RULES]
    equal(got, want, "and come back")
    refused("an unknown method", "InvalidRequest", put, [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}])
    refused("two stars in an origin", "InvalidRequest", put, [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*.*"]}])
    refused("no rules", "MalformedXML", put, [])
    refused("101 rules", "InvalidRequest", put, RULES[1:] * 101)
    equal(len(s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]), 2, "what is refused changes nothing")


def preflights(server):
    path = f"/{BUCKET}/some/key"
    status, headers, body = preflight(server, path, "https://app.example", "PUT", "Content-Type, X-Amz-Date")
    equal((status, body), (200, b""), "a preflight is answered without a signature")
    equal(cors_headers(headers), {"allow-origin": "https://app.example", "allow-credentials": "true", "allow-methods": "PUT, POST",
                                  "allow-headers": "content-type, x-amz-date", "expose-headers": "ETag, x-amz-version-id",
                                  "max-age": "600"}, "with all that the rule says")
    equal(headers.get("vary"), "Origin, Access-Control-Request-Headers, Access-Control-Request-Method", "and what it depends on")
    status, headers, _ = preflight(server, path + "?X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256", "https://a.dev.example", "POST")
    equal((status, headers.get("access-control-allow-origin")), (200, "https://a.dev.example"),
          "the signature of a presigned URL does not matter")
    status, headers, _ = preflight(server, f"/{BUCKET}?list-type=2", "http://anybody.example", "GET")
    equal((status, cors_headers(headers)), (200, {"allow-origin": "*", "allow-methods": "GET, HEAD"}), "everybody may read")
    for name, arguments, want in (
            ("another origin", ("https://evil.example", "PUT"), (403, "AccessForbidden")),
            ("an origin that only begins so", ("https://app.example.evil", "PUT"), (403, "AccessForbidden")),
            ("a method that no rule has", ("https://app.example", "DELETE"), (403, "AccessForbidden")),
            ("a header that no rule has", ("https://app.example", "PUT", "authorization"), (403, "AccessForbidden")),
            ("no origin", (None, "PUT"), (400, "BadRequest")),
            ("no method", ("https://app.example",), (400, "BadRequest")),
            ("a method that is none", ("https://app.example", "PATCH"), (400, "BadRequest"))):
        status, headers, body = preflight(server, path, *arguments)
        equal((status, error_code(body), cors_headers(headers)), (*want, {}), f"a preflight with {name}")
    status, _, body = preflight(server, "/missing-bucket/key", "https://app.example", "PUT")
    equal((status, error_code(body)), (403, "AccessForbidden"), "a preflight for a bucket that is not there")


def requests(server, s3):
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"data")
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"})
    path = url[len(server.url):]
    status, headers, body = server.request("GET", path, headers={"Origin": "http://anybody.example"})
    equal((status, body, cors_headers(headers)), (200, b"data", {"allow-origin": "*", "allow-methods": "GET, HEAD"}),
          "a GET of another origin")
    equal(cors_headers(server.request("GET", path)[1]), {}, "a GET of no origin")
    status, headers, body = server.request("GET", f"/{BUCKET}/k", headers={"Origin": "http://anybody.example"})
    equal((status, error_code(body), headers.get("access-control-allow-origin")), (401, "AccessDenied", "*"),
          "a page can read the error as well")
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "k"})
    for origin, want in (("https://app.example", "https://app.example"), ("https://evil.example", None)):
        status, headers, _ = server.request("PUT", url[len(server.url):], body=b"new", headers={"Origin": origin})
        equal((status, headers.get("access-control-allow-origin")), (200, want), f"a PUT from {origin}")
    status, headers, body = server.request("GET", path, headers={"Origin": "http://a.example", "Range": "bytes=0-0"})
    equal((status, body, headers.get("access-control-allow-origin")), (206, b"n", "*"), "a range for another origin")


def main():
    server = Server(keys=True)
    s3 = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                      config=Config(retries={"max_attempts": 0}, signature_version="s3v4"))
    s3.create_bucket(Bucket=BUCKET)
    status, headers, body = preflight(server, f"/{BUCKET}/k", "https://app.example", "PUT")
    equal((status, error_code(body), cors_headers(headers)), (403, "AccessForbidden", {}), "without rules nothing is allowed")
    configuration(s3)
    preflights(server)
    requests(server, s3)
    equal(s3.delete_bucket_cors(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"], 204, "the rules are deleted")
    equal(preflight(server, f"/{BUCKET}/k", "https://app.example", "PUT")[0], 403, "then nothing is allowed again")
    refused("and there is no configuration", "NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=BUCKET)
    check(server.stop(), "the server stops")


main()
done()
