#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Signature Version 2: boto3's and the aws cli's presigned URLs, which they make for other servers than AWS's, boto3 and s3cmd with it in the header, posted
forms; what becomes of a URL to which somebody adds something; policies that tell the versions apart; and the switch."""
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forms import post
from signer import Signer
from sluicetest import ACCESS, SECRET, TLS, Server, check, done, equal, error_code, fresh, have, ok, pattern_file, run, s3_client, scratch, sha256_file, skip

try:
    import botocore.auth
except ImportError:
    botocore = None

CREDENTIALS = scratch("credentials")
with open(CREDENTIALS, "w") as out:
    out.write(f"user alice a11ce\nuser bob b0b\nkey {ACCESS} {SECRET} owner:alice *=all\nkey BOBKEY bob/secret owner:bob\n")
os.chmod(CREDENTIALS, 0o600)
LOG = scratch("access.log")
server = Server(args=["--credentials", CREDENTIALS, "--access-log", LOG])
host = f"{server.host}:{server.port}"
SOON = str(int(time.time()) + 3600)


def mac(text, secret=SECRET):
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def v4(method, path, body=b"", query=""):
    headers = Signer(ACCESS, SECRET).headers(method, path, host, hashlib.sha256(body).hexdigest(), query=query)
    return server.request(method, path + (f"?{query}" if query else ""), body, headers)


def url(method, path, resource=None, query="", headers="", md5="", kind="", expires=SOON, access=ACCESS, secret=SECRET):
    """A presigned URL by hand: path with its query. resource, headers: as in the string to sign."""
    text = f"{method}\n{md5}\n{kind}\n{expires}\n{headers}{resource or path}"
    more = urllib.parse.urlencode({"AWSAccessKeyId": access, "Expires": expires, "Signature": mac(text, secret)})
    return f"{path}?{query}{'&' if query else ''}{more}"


def ask(method, target, body=None, headers=None):
    status, _, answer = server.request(method, target, body, headers)
    return status, error_code(answer) if status >= 300 else ""


# ---- By hand ----

v4("PUT", "/v2b")
equal(ask("PUT", url("PUT", "/v2b/hand"), b"bytes"), (200, ""), "a presigned PUT")
equal(server.request("GET", url("GET", "/v2b/hand"))[2], b"bytes", "a presigned GET")
equal(ask("HEAD", url("HEAD", "/v2b/hand"))[0], 200, "a presigned HEAD")
equal(ask("GET", url("GET", "/v2b/hand", expires=str(int(time.time()) - 5))), (403, "AccessDenied"), "one that has expired")
equal(ask("GET", url("GET", "/v2b/hand", expires="4102444800")), (200, ""), "one that is good for decades")
equal(ask("GET", url("GET", "/v2b/hand", secret="other")), (403, "SignatureDoesNotMatch"), "another secret")
equal(ask("GET", url("GET", "/v2b/hand", access="BOBKEY", secret="bob/secret")), (403, "AccessDenied"), "a key without the right")
equal(ask("PUT", url("GET", "/v2b/hand"), b"over"), (403, "SignatureDoesNotMatch"), "another method")
equal(ask("PUT", url("PUT", "/v2b/hand"), b"over", {"x-amz-acl": "public-read"}), (403, "SignatureDoesNotMatch"), "a header of S3's that was not signed")

# Who has the URL of an upload adds something to it.
put = url("PUT", "/v2b/hand")
for more in ("annotation", "annotation&annotationName=a", "renameObject", "encryption", "acl", "tagging", "retention", "legal-hold", "x-amz-acl=public-read",
             "X-Amz-Acl=public-read", "x-amz-copy-source=%2Fv2%2Fother", "x-amz-meta-a=b", "x-amz-tagging=a%3Db", "partNumber=1", "uploadId=x", "versionId=null",
             "If-None-Match=*", "if-match=x", "x-amz-storage-class=STANDARD", "x-amz-object-lock-legal-hold=ON", "content-type=text%2Fhtml",
             "%61nnotation", "x-amz-bypass-governance-retention=true"):
    status, code = ask("PUT", f"{put}&{more}", b"over")
    check(status in (400, 403) and code in ("AccessDenied", "SignatureDoesNotMatch", "InvalidArgument"), f"a presigned PUT and &{more}", f"{status} {code}")
    status, code = ask("PUT", f"/v2b/hand?{more}&{put.partition('?')[2]}", b"over")
    check(status in (400, 403), f"and before the others: {more}", f"{status} {code}")
get = url("GET", "/v2b/hand")
for more in ("attributes", "acl", "response-content-type=text%2Fhtml", "Response-Content-Type=a", "response-other=a", "versionId=null", "torrent", "select&select-type=2"):
    status, code = ask("GET", f"{get}&{more}")
    check(status == 403, f"a presigned GET and &{more}", f"{status} {code}")
for bucket, more in (("PUT", "acl"), ("PUT", "policy"), ("PUT", "publicAccessBlock"), ("DELETE", "policy"), ("DELETE", "cors"), ("GET", "policyStatus"), ("GET", "versions"), ("GET", "uploads")):
    status, code = ask(bucket, f"{url(bucket, '/v2b')}&{more}")
    check(status == 403, f"a presigned {bucket} of a bucket and &{more}", f"{status} {code}")
equal(server.request("GET", url("GET", "/v2b/hand"))[2], b"bytes", "nothing of that was done")
listing = server.request("GET", url("GET", "/v2b") + "&list-type=2&prefix=h")
check(listing[0] == 200 and b"<KeyCount>1</KeyCount>" in listing[2], "a listing in its second form is a listing", listing[2])
deletion = url("GET", "/v2b/hand", "/v2b/hand?response-content-type=x&versionId=null", "response-content-type=x&versionId=null")
equal(ask("GET", deletion), (200, ""), "two parameters that are signed")
equal(ask("GET", deletion.replace("=x&versionId=null", "=x%26versionId%3Dnull")), (403, "AccessDenied"), "are not one that looks like both")

status, headers, _ = server.request("GET", url("GET", "/v2b/hand", "/v2b/hand?response-content-disposition=attachment; filename=\"a b.txt\"&response-content-type=text/x",
                                               "response-content-disposition=attachment%3B%20filename%3D%22a+b.txt%22&response-content-type=text%2Fx"))
equal((status, headers.get("content-type"), headers.get("content-disposition")), (200, "text/x", 'attachment; filename="a b.txt"'), "response-* of a presigned GET")
equal(ask("PUT", url("PUT", "/v2b/hoisted", "/v2b/hoisted", "x-amz-meta-colour=blue&x-amz-acl=public-read&content-type=text%2Fx",
                     "x-amz-acl:public-read\nx-amz-meta-colour:blue\n", kind="text/x"), b"x"), (200, ""), "headers that were hoisted into the query")
head = v4("HEAD", "/v2b/hoisted")[1]
equal((head.get("x-amz-meta-colour"), head.get("content-type"), ask("GET", "/v2b/hoisted")), ("blue", "text/x", (200, "")), "are what they were")
equal(ask("PUT", url("PUT", "/v2b/md5", md5="1B2M2Y8AsgTpgAmY7PhCfg=="), b"x", {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}), (400, "BadDigest"), "a Content-MD5 that is signed holds")
equal(ask("PUT", url("PUT", "/v2b/md5"), b"x", {"Content-MD5": "nd8LTjPDHB5GHCuSBIphAg=="}), (403, "SignatureDoesNotMatch"), "one that is not does not fit")
equal(ask("GET", url("GET", "/v2b/hand") + "&X-Amz-Algorithm=AWS4-HMAC-SHA256"), (400, "InvalidArgument"), "two signatures at once")

# ---- In a form ----


def signed_form(conditions, fields, secret=SECRET, access=ACCESS):
    policy = base64.b64encode(json.dumps({"expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600)), "conditions": conditions}).encode()).decode()
    return {**fields, "AWSAccessKeyId": access, "policy": policy, "signature": mac(policy, secret)}


def posts(name, want, fields):
    status, _, body = post(server, fields, path="/v2b")
    equal((status, error_code(body)), want, f"a form, {name}")


everything = [{"bucket": "v2b"}, ["starts-with", "$key", "form/"], {"acl": "private"}]
about = {"key": "form/a", "acl": "private"}
posts("signed", (204, ""), signed_form(everything, about))
posts("with another secret", (403, "SignatureDoesNotMatch"), signed_form(everything, about, "other"))
posts("with a key that nobody has", (403, "InvalidAccessKeyId"), signed_form(everything, about, access="NOBODY"))
posts("of a key without the right", (403, "AccessDenied"), signed_form(everything, about, "bob/secret", "BOBKEY"))
posts("with another field", (403, "AccessDenied"), {**signed_form(everything, about), "x-amz-meta-a": "b"})
posts("with another key", (403, "AccessDenied"), {**signed_form(everything, about), "key": "other"})
posts("with another policy", (403, "SignatureDoesNotMatch"), {**signed_form(everything, about), "policy": signed_form([], about)["policy"]})
posts("without its policy", (400, "InvalidArgument"), {k: v for k, v in signed_form(everything, about).items() if k != "policy"})
posts("without the key's name", (400, "InvalidArgument"), {k: v for k, v in signed_form(everything, about).items() if k != "AWSAccessKeyId"})
posts("with a signature of each version", (400, "InvalidArgument"), {**signed_form(everything, about), "x-amz-signature": "0" * 64})
posts("with a signature that is none", (400, "InvalidArgument"), {**signed_form(everything, about), "signature": "x"})
posts("with a token", (400, "InvalidToken"), {**signed_form(everything + [{"x-amz-security-token": "t"}], about), "x-amz-security-token": "t"})

# ---- Policies ----


def policy(effect, condition):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Principal": "*", "Action": "s3:*Object", "Resource": "arn:aws:s3:::v2b/*", "Condition": condition}]}
    equal(v4("PUT", "/v2b", json.dumps(document).encode(), "policy=")[0], 204, f"a policy: {effect} {condition}")


def seen():
    """What becomes of a request signed by version 4, and by version 2 in header, query and form."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    header = {"Date": date, "Authorization": f"AWS {ACCESS}:{mac(f'PUT{chr(10) * 3}{date}{chr(10)}/v2b/seen')}"}
    return [v4("PUT", "/v2b/seen", b"x")[0], ask("PUT", "/v2b/seen", b"x", header)[0], ask("PUT", url("PUT", "/v2b/seen"), b"x")[0],
            post(server, signed_form(everything, about), path="/v2b")[0]]


for condition, want in (({"StringEquals": {"s3:signatureversion": "AWS"}}, [200, 403, 403, 403]), ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, [403, 200, 200, 204]),
                        ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, [200, 200, 403, 204]), ({"StringEquals": {"s3:authType": "REST-HEADER"}}, [403, 403, 200, 204]),
                        ({"StringEquals": {"s3:authType": "POST"}}, [200, 200, 200, 403]), ({"NumericGreaterThan": {"s3:signatureAge": "600000"}}, [200, 200, 403, 403]),
                        ({"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, [200, 403, 403, 204])):
    policy("Deny", condition)
    equal(seen(), want, f"Deny {condition}: version 4, then 2 in header, query and form")
equal(v4("DELETE", "/v2b", query="policy=")[0], 204, "no policy")

# ---- Clients ----


def repeats_sub_resources():
    """Some releases of botocore sign "/bucket?acl?acl", which nobody takes."""
    signed, original = [], botocore.auth.HmacV1Auth.canonical_string
    botocore.auth.HmacV1Auth.canonical_string = lambda *a, **k: signed.append(original(*a, **k)) or signed[-1]
    s3_client(server, signature_version="s3").generate_presigned_url("get_bucket_acl", Params={"Bucket": "v2b"})
    botocore.auth.HmacV1Auth.canonical_string = original
    return "?acl?" in signed[0]


file = pattern_file("file", 6 << 20)
if botocore is None:
    skip("boto3", "python3-boto3 is not installed")
else:
    import boto3.s3.transfer
    import requests
    broken = repeats_sub_resources()
    if broken:
        skip("boto3: sub-resources", f"botocore {botocore.__version__} signs them twice")
    for version in ("s3", "s3-query", None):
        s3, name = s3_client(server, **({"signature_version": version} if version else {})), version or "its default"
        presigned = s3.generate_presigned_url("put_object", Params={"Bucket": "v2b", "Key": "boto ünï/+~", "ContentType": "text/x", "Metadata": {"colour": "blue"}, "ACL": "public-read"})
        check("AWSAccessKeyId=" in presigned, f"boto3, {name}: presigns with version 2", presigned)
        # It moves headers into the query, and the sender may send them or not.
        for headers in ({"Content-Type": "text/x"}, {"Content-Type": "text/x", "x-amz-meta-colour": "blue", "x-amz-acl": "public-read"}):
            equal(requests.put(presigned, data=b"boto", headers=headers).status_code, 200, f"boto3, {name}: a presigned put_object, sent with {sorted(headers)}")
            head = v4("HEAD", "/v2b/boto%20%C3%BCn%C3%AF/%2B~")[1]
            equal((head.get("x-amz-meta-colour"), head.get("content-type")), ("blue", "text/x"), "with what was signed")
            equal(requests.get(server.url + "/v2b/boto%20%C3%BCn%C3%AF/%2B~").status_code, 200, "for everybody")
        equal(requests.put(presigned, data=b"boto", headers={"Content-Type": "text/y"}).status_code, 403, f"boto3, {name}: not with another type")
        got = requests.get(s3.generate_presigned_url("get_object", Params={"Bucket": "v2b", "Key": "boto ünï/+~", "ResponseContentDisposition": 'attachment; filename="a&b + ü.txt"'.encode().decode("latin-1"),
                                                                             "ResponseContentType": "text/z"}))
        equal((got.status_code, got.content, got.headers.get("content-type")), (200, b"boto", "text/z"), f"boto3, {name}: a presigned get_object with response-*")
        others = [] if broken else [("list_objects_v2", {"Bucket": "v2b", "Prefix": "boto"}), ("list_object_versions", {"Bucket": "v2b"}), ("get_bucket_acl", {"Bucket": "v2b"})]
        for operation, parameters in [("list_objects", {"Bucket": "v2b"}), ("head_object", {"Bucket": "v2b", "Key": "boto ünï/+~", "VersionId": "null"}), ("list_buckets", {}), *others]:
            got = requests.request("HEAD" if operation == "head_object" else "GET", s3.generate_presigned_url(operation, Params=parameters))
            equal(got.status_code, 200, f"boto3, {name}: a presigned {operation}")
        if version == "s3-query":
            continue  # which has no posts
        got = s3.generate_presigned_post("v2b", "posted/${filename}", Fields={"acl": "private"}, Conditions=[{"acl": "private"}])
        equal(requests.post(got["url"], data=got["fields"], files={"file": ("f.txt", b"posted")}).status_code, 204, f"boto3, {name}: a presigned post")
        equal(requests.delete(s3.generate_presigned_url("delete_object", Params={"Bucket": "v2b", "Key": "boto ünï/+~"})).status_code, 204, f"boto3, {name}: a presigned delete_object")
    s3 = s3_client(server, signature_version="s3")
    with open(file, "rb") as content:
        s3.put_object(Bucket="v2b", Key="large", Body=content)
    s3.download_file("v2b", "large", fresh("back"))
    equal(sha256_file(scratch("back")), sha256_file(file), "boto3, signing with version 2: a file up and down")
    s3.copy_object(Bucket="v2b", Key="copy of it", CopySource={"Bucket": "v2b", "Key": "large"})
    keys = [entry["Key"] for entry in s3.list_objects(Bucket="v2b")["Contents"]]
    check("copy of it" in keys and "large" in keys, "a copy, and a listing", str(keys))
    upload = v4("POST", "/v2b/parts", query="uploads=")[2].split(b"<UploadId>")[1].split(b"<")[0].decode()
    s3.upload_part(Bucket="v2b", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    equal([p["Size"] for p in s3.list_parts(Bucket="v2b", Key="parts", UploadId=upload)["Parts"]], [4], "a part")
    if not broken:
        s3.upload_file(file, "v2b", "in parts", Config=boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20))
        s3.put_object_tagging(Bucket="v2b", Key="large", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        equal(s3.get_object_tagging(Bucket="v2b", Key="large")["TagSet"], [{"Key": "a", "Value": "b"}], "tags")
        equal(len(s3.delete_objects(Bucket="v2b", Delete={"Objects": [{"Key": "large"}, {"Key": "copy of it"}]})["Deleted"]), 2, "and delete_objects")

AWS = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "HOME": scratch()}
if not have("aws"):
    skip("aws s3 presign", "the aws cli is not installed")
else:
    status, presigned = run(["aws", "--endpoint-url", server.url, "s3", "presign", "s3://v2b/hand"], AWS)
    # The first version of the cli presigns with version 2, the second no more.
    equal(ask("GET", presigned.strip()[len(server.url):]), (200, ""), f"aws s3 presign, by version {2 if 'AWSAccessKeyId=' in presigned else 4}")
if not have("s3cmd"):
    skip("s3cmd --signature-v2", "s3cmd is not installed")
else:
    config = scratch("s3cfg")
    with open(config, "w") as out:
        out.write(f"[default]\naccess_key={ACCESS}\nsecret_key={SECRET}\nhost_base={host}\nhost_bucket={host}\nuse_https={TLS}\nsignature_v2=True\n"
                  + (f"ca_certs_file={scratch('authority.crt')}\n" if TLS else ""))
    s3cmd = ["s3cmd", "-c", config, "--signature-v2"]
    ok("s3cmd --signature-v2: put", run([*s3cmd, "put", "--multipart-chunk-size-mb=5", file, "s3://v2b/s3cmd/a file+ü"]))
    ok("s3cmd --signature-v2: ls", run([*s3cmd, "ls", "s3://v2b/s3cmd/"]), "a file+ü")
    ok("s3cmd --signature-v2: get", run([*s3cmd, "get", "--force", "s3://v2b/s3cmd/a file+ü", fresh("back")]))
    equal(sha256_file(scratch("back")), sha256_file(file), "the same bytes")
    ok("s3cmd --signature-v2: setacl", run([*s3cmd, "setacl", "--acl-public", "s3://v2b/s3cmd/a file+ü"]))
    status, presigned = run([*s3cmd, "signurl", "s3://v2b/s3cmd/a file+ü", "+600"])
    address = urllib.parse.urlsplit(presigned.strip().splitlines()[-1])
    check("AWSAccessKeyId=" in address.query, "s3cmd signurl", presigned)
    equal(ask("GET", f"{address.path}?{address.query}"), (200, ""), "which is taken")
    ok("s3cmd --signature-v2: del", run([*s3cmd, "del", "--recursive", "--force", "s3://v2b/s3cmd/"]))

check(server.stop(), "it ends with status 0")
with open(LOG) as file:
    text = file.read()
check(text.count("Signature=REDACTED") > 50 and text.count("AWSAccessKeyId=REDACTED") > 50 and ACCESS + "&" not in text, "the access log tells no signature")

# ---- Switched off, and without keys ----

server = Server(args=["--credentials", CREDENTIALS, "--signature-v2", "off"])
host = f"{server.host}:{server.port}"
v4("PUT", "/v2b")
date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
nothing = (400, "InvalidRequest")
equal((ask("PUT", url("PUT", "/v2b/off"), b"x"), ask("GET", "/v2b", headers={"Date": date, "Authorization": f"AWS {ACCESS}:{mac(f'GET{chr(10) * 3}{date}{chr(10)}/v2b')}"})), (nothing, nothing),
      "--signature-v2 off")
equal(post(server, signed_form(everything, about), path="/v2b")[0], 400, "also of forms")
equal(v4("PUT", "/v2b/on", b"x")[0], 200, "version 4 goes on")
check(server.stop(), "it ends with status 0")
server = Server()
server.request("PUT", "/v2b")
equal(ask("PUT", "/v2b/open?AWSAccessKeyId=a&Expires=1&Signature=b&x-amz-meta-colour=blue", b"x"), (200, ""), "a server without keys looks at no signature")
equal(server.request("HEAD", "/v2b/open")[1].get("x-amz-meta-colour"), "blue", "but at what was hoisted into the query")
check(server.stop(), "it ends with status 0")
done()
