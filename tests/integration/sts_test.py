#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""STS: sessions for an issuer's tokens and for keys, by the clients' own calls; what a session may do, how it is used, and when it ends."""
import base64
import hashlib
import json
import os
import re
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from issuer import Issuer, Key
from signer import Signer
from sluicetest import Server, check, done, equal, error_code, exchange, fails, fresh, have, ok, poll, run, scratch, skip

CI = "https://ci.example"
key = Key("one", "ES256")
issuer = Issuer(key)
FILE = fresh("sts") + ".credentials"
LINES = f"""oidc {CI} audience=sluice jwks={issuer.url}
role main issuer={CI} claim:ref=refs/heads/main artifacts=read,write,list scope=main
role pulls issuer={CI} claim:ref=refs/pull/* artifacts=read,list scope=pr/{{ref}} read=main
key ADMIN admin-secret-of-ours *=all
key WRITER writer-secret-of-ours artifacts=read,write,list
"""
NAMESPACE = {"": "https://sts.amazonaws.com/doc/2011-06-15/"}
ROLE = "arn:aws:iam::123456789012:role/"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "kms:Decrypt"], "Resource": "arn:aws:s3:::artifacts/narrow/*"},
    {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListAllMyBuckets"], "Resource": "*", "Condition": {"StringLike": {"s3:prefix": "narrow/*"}}}]})


def write_credentials(text):
    with open(FILE + ".new", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    os.rename(FILE + ".new", FILE)


def token(ref="refs/heads/main", **claims):
    return key.token({**issuer.claims(CI, ref=ref), "sub": f"repo:acme:{ref}", **claims})


def form(action="AssumeRoleWithWebIdentity", headers=None, **parameters):
    """(status, headers, XML) of an unsigned call."""
    body = urllib.parse.urlencode({"Action": action, "Version": "2011-06-15", **parameters}).encode()
    return server.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})


def assume(role="main", jwt=None, name="build-1", **parameters):
    return form(RoleArn=ROLE + role, RoleSessionName=name, WebIdentityToken=jwt or token(), **parameters)


def refusal(answer):
    root = ElementTree.fromstring(answer[2])
    return answer[0], root.findtext("Error/Code", namespaces=NAMESPACE)


def client(service="s3", access="WRITER", secret="writer-secret-of-ours", session=None, **config):
    return boto3.client(service, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret,
                        aws_session_token=session, config=Config(retries={"max_attempts": 0}, **config))


def of(credentials, service="s3", **config):
    return client(service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], **config)


def code(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return 200, ""


def from_xml(answer):
    root = ElementTree.fromstring(answer[2])
    found = root.find(".//Credentials", NAMESPACE)
    return {element.tag.split("}")[1]: element.text for element in found}


write_credentials(LINES)
DATA = fresh("sts-data")
ARGUMENTS = ["--credentials", FILE, "--bucket", "artifacts", "--bucket", "other", "--bucket", "files", "--cache", "http bucket=files"]
server = Server(DATA, args=ARGUMENTS)
check(poll(lambda: assume()[0] == 200), "a token gets a session of its role")
status = os.stat(os.path.join(DATA, "session.key"))
equal((stat.S_IMODE(status.st_mode), status.st_size), (0o600, 32), "the server's key is its account's alone")

# ---- With a token ----
answer = assume(DurationSeconds="900")
root = ElementTree.fromstring(answer[2])
equal((root.tag, root.findtext(".//SubjectFromWebIdentityToken", namespaces=NAMESPACE), root.findtext(".//Provider", namespaces=NAMESPACE),
       root.findtext(".//Arn", namespaces=NAMESPACE).split(":")[-1]),
      ("{%s}AssumeRoleWithWebIdentityResponse" % NAMESPACE[""], "repo:acme:refs/heads/main", CI, "assumed-role/main/build-1"), "the answer is STS's")
equal(answer[1].get("cache-control") or answer[1].get("Cache-Control"), "no-store", "no cache keeps it")
main = from_xml(answer)
check(main["AccessKeyId"].startswith("ASIA") and len(main["AccessKeyId"]) == 20 and len(main["SecretAccessKey"]) == 40, "keys look as AWS's do", repr(main))
s3 = of(main)
s3.put_object(Bucket="artifacts", Key="narrow/a", Body=b"built")
equal(s3.get_object(Bucket="artifacts", Key="narrow/a")["Body"].read(), b"built", "the session reads and writes as its role may")
equal(code(s3.get_object, Bucket="other", Key="a"), (403, "AccessDenied"), "and no more")
pulls = of(from_xml(assume("pulls", token("refs/pull/7/merge"))))
equal((code(pulls.get_object, Bucket="artifacts", Key="narrow/a")[0], code(pulls.put_object, Bucket="artifacts", Key="x", Body=b"")[0]), (200, 403),
      "another role reads only")
equal(refusal(assume("main", token("refs/pull/7/merge"))), (403, "AccessDenied"), "a token gets the role that is asked for, or none")
equal(refusal(assume("none")), (403, "AccessDenied"), "a role that is not there")
now = int(time.time())
for name, want, answer in (
        ("an expired token", (400, "ExpiredTokenException"), assume(jwt=token(exp=now - 100))),
        ("a token for others", (400, "InvalidIdentityToken"), assume(jwt=token(aud="else"))),
        ("no token at all", (400, "InvalidIdentityToken"), assume(jwt="a.b.c")),
        ("too short", (400, "ValidationError"), assume(DurationSeconds="899")), ("too long", (400, "ValidationError"), assume(DurationSeconds="43201")),
        ("no number", (400, "ValidationError"), assume(DurationSeconds="9x00")), ("a huge number", (400, "ValidationError"), assume(DurationSeconds="9" * 40)),
        ("a bad name", (400, "ValidationError"), assume(name="a b")), ("managed policies", (400, "ValidationError"), assume(**{"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/x"})),
        ("a policy with a principal", (400, "MalformedPolicyDocument"),
         assume(Policy='{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}')),
        ("an empty policy", (400, "MalformedPolicyDocument"), assume(Policy="")), ("a long policy", (400, "PackedPolicyTooLarge"), assume(Policy="x" * 2049)),
        ("another version", (400, "InvalidAction"), form("AssumeRole", Version="2010-01-01")), ("another action", (400, "InvalidAction"), form("Fly")),
        ("unsigned", (403, "MissingAuthenticationToken"), form("GetCallerIdentity")),
        ("a secret that is shown", (403, "MissingAuthenticationToken"),
         form("GetSessionToken", {"Authorization": "Basic " + base64.b64encode(b"WRITER:writer-secret-of-ours").decode()}))):
    equal(refusal(answer), want, f"refused: {name}")
equal(form(filler="x" * 70_000)[0] // 100, 4, "a form is bounded")
equal(server.request("POST", "/", b"%zz=1", {"Content-Type": "application/x-www-form-urlencoded"})[0], 400, "and readable")

# ---- Of a key ----
sts = client("sts")
user = sts.get_caller_identity()
check(user["Arn"].startswith("arn:aws:iam::" + user["Account"] + ":user/"), "a key is told who it is", repr(user))
equal(code(client("sts", secret="wrong").get_caller_identity), (403, "SignatureDoesNotMatch"), "a wrong secret")
equal(code(client("sts", access="NOBODY").get_caller_identity), (403, "InvalidClientTokenId"), "a wrong key")
equal(of(main, "sts").get_caller_identity()["Arn"].split(":")[-1], "assumed-role/main/build-1", "and so is a session")
url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
equal(exchange(server.connect(), "GET", url[len(server.url):])[0], 200, "by a presigned URL, too")
narrow = sts.assume_role(RoleArn=ROLE + "mine", RoleSessionName="narrow", Policy=POLICY, DurationSeconds=3600)["Credentials"]
session = of(narrow)
equal(session.get_object(Bucket="artifacts", Key="narrow/a")["Body"].read(), b"built", "a policy allows something")
session.put_object(Bucket="artifacts", Key="narrow/b", Body=b"b")
equal(session.list_objects_v2(Bucket="artifacts", Prefix="narrow/")["KeyCount"], 2, "and a listing of it")
client("s3", "ADMIN", "admin-secret-of-ours").put_object(Bucket="artifacts", Key="wide", Body=b"w")
OUT_OF_BOUNDS = {
    "another key": (session.get_object, dict(Bucket="artifacts", Key="wide")), "deleting": (session.delete_object, dict(Bucket="artifacts", Key="narrow/a")),
    "a listing of all": (session.list_objects_v2, dict(Bucket="artifacts")), "tags beside": (session.put_object, dict(Bucket="artifacts", Key="narrow/t", Body=b"", Tagging="a=b")),
    "copying from outside": (session.copy_object, dict(Bucket="artifacts", Key="narrow/c", CopySource="artifacts/wide")),
    "copying to outside": (session.copy_object, dict(Bucket="artifacts", Key="d", CopySource="artifacts/narrow/a")),
    "an upload elsewhere": (session.create_multipart_upload, dict(Bucket="artifacts", Key="m")),
    "settings": (session.get_bucket_versioning, dict(Bucket="artifacts")), "its bucket": (session.head_bucket, dict(Bucket="artifacts")),
}
for name, (call, arguments) in OUT_OF_BOUNDS.items():
    equal(code(call, **arguments)[0], 403, f"the policy does not allow {name}")
equal([error["Code"] for error in session.delete_objects(Bucket="artifacts", Delete={"Objects": [{"Key": "narrow/a"}]}).get("Errors", [])], ["AccessDenied"],
      "nor to delete many")
wide = of(sts.assume_role(RoleArn=ROLE + "mine", RoleSessionName="wide", Policy='{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')["Credentials"])
equal((code(wide.get_object, Bucket="artifacts", Key="wide")[0], code(wide.get_object, Bucket="other", Key="x")[0], code(wide.create_bucket, Bucket="mine-too")[0]),
      (200, 403, 403), "a policy never widens")
ruler = client("sts", "ADMIN", "admin-secret-of-ours")
creator = of(ruler.assume_role(RoleArn=ROLE + "x", RoleSessionName="cr", Policy=json.dumps({"Statement": [
    {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "arn:aws:s3:::tmp-*"}, {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::tmp-*"}]}))["Credentials"])
equal((code(creator.create_bucket, Bucket="tmp-1")[0], code(creator.create_bucket, Bucket="else-1")[0], code(creator.create_bucket, Bucket="tmp-2", ObjectLockEnabledForBucket=True)[0]),
      (200, 403, 403), "CreateBucket is narrowed, too")
equal([bucket["Name"] for bucket in creator.list_buckets()["Buckets"]], ["tmp-1"], "the list of buckets has those that the policy lists")
equal(exchange(server.connect(), "GET", creator.generate_presigned_url("get_object", Params=dict(Bucket="-", Key="metrics"))[len(server.url):])[0], 403,
      "a narrowed session of an administrator has no figures")
plain = sts.get_session_token()["Credentials"]
equal(code(of(plain).get_object, Bucket="artifacts", Key="wide"), (200, ""), "GetSessionToken gives what the key has")
equal((code(of(plain, "sts").get_session_token), code(of(plain, "sts").assume_role, RoleArn=ROLE + "xx", RoleSessionName="xx")), ((403, "AccessDenied"),) * 2,
      "a session makes no sessions")
equal(code(sts.assume_role, RoleArn=ROLE + "main", RoleSessionName="xx"), (403, "AccessDenied"), "a key gets no role of tokens")

# ---- How it is used ----
for version in ("s3v4", "s3"):
    s3 = of(main, signature_version=version)
    url = s3.generate_presigned_url("get_object", Params=dict(Bucket="artifacts", Key="narrow/a"))
    with urllib.request.urlopen(url) as answer:
        equal(answer.read(), b"built", f"a presigned URL ({version})")
    post = s3.generate_presigned_post("artifacts", f"narrow/post-{version}")
    boundary = "b0undary"
    body = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in post["fields"].items())
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted\r\n--{boundary}--\r\n'
    answer = server.request("POST", "/artifacts", body.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    equal((answer[0], s3.get_object(Bucket="artifacts", Key=f"narrow/post-{version}")["Body"].read()), (204, b"posted"), f"a posted form ({version})")
    without = urllib.parse.urlsplit(url)
    query = [pair for pair in urllib.parse.parse_qsl(without.query) if pair[0].lower() != "x-amz-security-token"]
    try:
        urllib.request.urlopen(without._replace(query=urllib.parse.urlencode(query)).geturl())
    except urllib.error.HTTPError as error:
        equal((error.code, error_code(error.read())), (403, "InvalidAccessKeyId"), f"a URL without its token ({version})")
s3 = of(main)
upload = s3.create_multipart_upload(Bucket="artifacts", Key="big")["UploadId"]
part = s3.upload_part(Bucket="artifacts", Key="big", UploadId=upload, PartNumber=1, Body=b"p" * 100_000)
s3.complete_multipart_upload(Bucket="artifacts", Key="big", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
equal(s3.head_object(Bucket="artifacts", Key="big")["ContentLength"], 100_000, "multipart")



def signed(credentials, method, path, body=b"", chunks=False, left_out=()):
    """By hand: in signed chunks, or with the token beside what is signed."""
    signer = Signer(credentials["AccessKeyId"], credentials["SecretAccessKey"])
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if chunks else hashlib.sha256(body).hexdigest()
    more = {"x-amz-security-token": credentials["SessionToken"], **({"x-amz-decoded-content-length": str(len(body)), "content-encoding": "aws-chunked"} if chunks else {})}
    headers = signer.headers(method, path, f"{server.host}:{server.port}", kind, more, leave_out=left_out)
    headers.update((name, more[name]) for name in left_out)
    if chunks:
        body = signer.signed_chunks([body])
    return exchange(server.connect(), method, path, body, headers)


equal((signed(main, "PUT", "/artifacts/chunked", b"in a chunk", chunks=True)[0], of(main).get_object(Bucket="artifacts", Key="chunked")["Body"].read()),
      (200, b"in a chunk"), "signed chunks")
answer = signed(main, "GET", "/artifacts/chunked", left_out=("x-amz-security-token",))
equal((answer[0], error_code(answer[2])), (403, "AccessDenied"), "a token that is not signed")
pull = from_xml(assume("pulls", token("refs/pull/7/merge")))
equal([signed(main, "PUT", "/-/cache/http/lib.o", b"of main")[0], signed(pull, "GET", "/-/cache/http/lib.o")[2], signed(pull, "PUT", "/-/cache/http/lib.o", b"of 7")[0],
       signed(main, "GET", "/-/cache/http/lib.o")[2]], [200, b"of main", 200, b"of main"], "scopes of a role are its sessions', too")

# ---- What is refused ----
other = from_xml(assume(name="build-2"))


def with_session(access, secret, session):
    return code(client("s3", access, secret, session).get_object, Bucket="artifacts", Key="narrow/a")


text = main["SessionToken"]
swap = {"A": "B"}
for name, want, credentials in (
        ("a session's key without its token", "InvalidAccessKeyId", (main["AccessKeyId"], main["SecretAccessKey"], None)),
        ("another session's token", "InvalidToken", (main["AccessKeyId"], main["SecretAccessKey"], other["SessionToken"])),
        ("a permanent key with a token", "InvalidToken", ("WRITER", "writer-secret-of-ours", text)),
        ("another secret", "SignatureDoesNotMatch", (main["AccessKeyId"], other["SecretAccessKey"], text)),
        ("a changed token", "InvalidToken", (main["AccessKeyId"], main["SecretAccessKey"], text[:60] + swap.get(text[60], "A") + text[61:])),
        ("half of a token", "InvalidToken", (main["AccessKeyId"], main["SecretAccessKey"], text[:len(text) // 2])),
        ("no token of ours", "InvalidToken", (main["AccessKeyId"], main["SecretAccessKey"], "FwoGZXIvYXdzEA=="))):
    equal(with_session(*credentials), (403 if want != "InvalidToken" else 400, want), f"refused: {name}")

# ---- The aws cli; what does all of it by itself is newer than Debian's: tests/clients/python ----
if have("aws"):
    ok("aws cli: who am I", run(["aws", "--endpoint-url", server.url, "sts", "get-caller-identity"],
                               {"AWS_ACCESS_KEY_ID": main["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": main["SecretAccessKey"], "AWS_SESSION_TOKEN": text,
                                "AWS_DEFAULT_REGION": "eu-central-1"}), "assumed-role/main/build-1")
    ok("aws cli: a session for a token", run(["aws", "--endpoint-url", server.url, "sts", "assume-role-with-web-identity", "--role-arn", ROLE + "main",
                                              "--role-session-name", "ci", "--web-identity-token", token()], {"AWS_DEFAULT_REGION": "eu-central-1"}), "SessionToken")
    ok("aws cli: a file by a session", run(["aws", "--endpoint-url", server.url, "--region", "us-east-1", "s3", "cp", "s3://artifacts/narrow/a", "-"],
                                           {"AWS_ACCESS_KEY_ID": main["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": main["SecretAccessKey"], "AWS_SESSION_TOKEN": text}), "built")
else:
    skip("aws cli", "not installed")

# ---- Figures ----
def counted():
    page = server.request("GET", "/-/metrics", headers={"Authorization": "Basic " + base64.b64encode(b"ADMIN:admin-secret-of-ours").decode()})[2].decode()
    requests = {name: int(count) for name, count in re.findall(r'^sluice_sts_requests_total\{action="(\w+)"\} (\d+)$', page, re.M)}
    return {**requests, "refused": int(re.search(r"^sluice_sts_refused_total (\d+)$", page, re.M).group(1))}


before = counted()
equal(sorted(before), ["AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken", "none", "refused"], "the metrics have each action")
for answer, want in ((assume(), 200), (assume("none"), 403), (form("GetCallerIdentity"), 403), (form("Fly"), 400), (form(filler="x" * 70_000), 400)):
    equal(answer[0], want, "a call that is counted")
sts.get_session_token()
after = counted()
equal({name: after[name] - before[name] for name in after if after[name] != before[name]},
      {"AssumeRoleWithWebIdentity": 2, "GetCallerIdentity": 1, "GetSessionToken": 1, "none": 2, "refused": 4}, "calls count by action, and those that were refused")

# ---- When it ends ----
check(server.stop(), "the server ends with status 0")
server = Server(DATA, args=ARGUMENTS)
equal(with_session(main["AccessKeyId"], main["SecretAccessKey"], text), (200, ""), "sessions outlive a restart")
log = server.log_text()
check(text[:40] not in log and main["SecretAccessKey"] not in log, "nothing of it is in the log")
write_credentials(LINES.replace("claim:ref=refs/heads/main artifacts=read,write,list", "claim:ref=refs/heads/main artifacts=read,list"))
check(poll(lambda: with_session(main["AccessKeyId"], main["SecretAccessKey"], text) == (400, "InvalidToken")), "a session ends when its role's line changes")
write_credentials(LINES.replace("writer-secret-of-ours", "another-secret"))
check(poll(lambda: code(of(plain).get_object, Bucket="artifacts", Key="wide") == (400, "InvalidToken")), "and when its key has a new secret")
write_credentials(LINES)
check(poll(lambda: code(of(plain).get_object, Bucket="artifacts", Key="wide") == (200, "")), "with the old one it is good again")
write_credentials("\n".join(line for line in LINES.splitlines() if not line.startswith("key WRITER")) + "\n")
check(poll(lambda: code(of(plain).get_object, Bucket="artifacts", Key="wide") == (400, "InvalidToken")), "and it ends with its key")
check(server.stop(), "the server ends with status 0, again")
os.rename(os.path.join(DATA, "session.key"), os.path.join(DATA, "session.key.old"))
write_credentials(LINES)
server = Server(DATA, args=["--credentials", FILE, "--read-only"])
check(not os.path.exists(os.path.join(DATA, "session.key")), "a store that is only read gets no key")
check(poll(lambda: assume()[0] == 200), "but has sessions of this process")
equal(with_session(main["AccessKeyId"], main["SecretAccessKey"], text), (400, "InvalidToken"), "and none of another key")
equal(code(of(from_xml(assume())).get_object, Bucket="artifacts", Key="narrow/a"), (200, ""), "which are good")
server.stop()
open_server = server = Server()
equal(refusal(form("GetCallerIdentity")), (403, "MissingAuthenticationToken"), "without keys there is nobody")
check(not os.path.exists(os.path.join(server.data, "session.key")), "and no file for it")
server.stop()
done()
