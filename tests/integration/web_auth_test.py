#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that show a secret instead of signing: curl -u and --oauth2-bearer, and requests as Gradle, ccache and Nix send them. What they may do,
what is answered to wrong ones, who is invited to try, what becomes of who guesses, and where such a secret is taken at all."""
import base64
import hashlib
import json
import os
import re

import boto3
import botocore
import botocore.config
import botocore.exceptions

from signer import Signer
from sluicetest import SLUICE, TLS, Server, check, done, equal, error_code, fresh, have, ok, poll, run, s3_client, scratch, skip

ADMIN = ("ADMINKEY", "admin-secret")
PULLS = ("pulls", "sluice-token-of-pull-requests")
READER = ("reader", "sluice-token-that-only-reads")
LINES = [f"user operator 0pe7a707", f"key {ADMIN[0]} {ADMIN[1]} owner:operator *=all", f"token {PULLS[0]} {PULLS[1]} cache=read cache/pr-*=read,write,list",
         f"token {READER[0]} {READER[1]} cache=read,list *=metrics", "anonymous public=read"]
FILE = scratch("credentials")


def write(lines):
    with open(FILE + ".new", "w") as out:
        out.write("\n".join(lines) + "\n")
    os.chmod(FILE + ".new", 0o600)
    os.rename(FILE + ".new", FILE)


def basic(name, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def ask(method, path, headers=None, body=None, server=None):
    status, told, text = (server or SERVER).request(method, path, body, headers or {})
    return status, told, text


def curl(*words):
    """(status of HTTP, output) of curl with these words."""
    output = fresh("curl.out")
    status, code = run(["curl", "-sS", "-q", "--cacert", scratch("authority.crt"), "-o", output, "-w", "%{http_code}", *words] if TLS else
                       ["curl", "-sS", "-q", "-o", output, "-w", "%{http_code}", *words])
    with open(output, "rb") as file:
        return (int(code) if status == 0 else code), file.read()


def invites(headers):
    return 'realm="sluice"' in headers.get("www-authenticate", "")


write(LINES)
LOG = fresh("access.log")
SERVER = Server(args=["--credentials", FILE, "--access-log", LOG, "--workers", "2", "--pages", "off"])
for bucket in ("cache", "public"):
    equal(ask("PUT", f"/{bucket}", basic(*ADMIN))[0], 200, f"a key makes {bucket}, by Basic")
SECRETS_SHOWN = [ADMIN[1], PULLS[1], READER[1]]
SECRETS_SHOWN += [base64.b64encode(":".join(pair).encode()).decode() for pair in (ADMIN, PULLS, READER)]

# ---- Who may do what ----

data = os.urandom(3 << 20)
with open(scratch("file"), "wb") as out:
    out.write(data)
url = f"{SERVER.url}/cache/main/file"
equal(curl("-u", ":".join(ADMIN), "-T", scratch("file"), url)[0], 200, "curl -u KEY:SECRET -T file URL")
equal(curl("-u", ":".join(ADMIN), url), (200, data), "and back")
equal(curl("--oauth2-bearer", READER[1], url), (200, data), "curl --oauth2-bearer TOKEN")
equal(curl("-u", ":".join(READER), url), (200, data), "a token by Basic, for tools that know no other way")
netrc = scratch("netrc")
with open(netrc, "w") as out:
    out.write(f"machine {SERVER.host} login {PULLS[0]} password {PULLS[1]}\n")
equal(curl("--netrc-file", netrc, "-T", scratch("file"), f"{SERVER.url}/cache/pr-1/file")[0], 200, "by a netrc, below the token's own prefix")
equal(curl("--anyauth", "-u", ":".join(PULLS), url), (200, data), "curl --anyauth takes the invitation")
scheme, rest = SERVER.url.split("://")
equal(curl(f"{scheme}://{READER[0]}:{READER[1]}@{rest}/cache/main/file"), (200, data), "in a URL")

for what, who in (("Basic", basic(*PULLS)), ("Bearer", bearer(PULLS[1]))):
    for method, path, body, want in (("GET", "/cache/main/file", None, 200), ("HEAD", "/cache/main/file", None, 200), ("PUT", "/cache/main/file", b"poison", 403), ("DELETE", "/cache/main/file", None, 403),
                                     ("PUT", "/cache/pr-2/x", b"x", 200), ("PUT", "/cache/pr/x", b"x", 403), ("GET", "/cache/pr-2/x", None, 200), ("DELETE", "/cache/pr-2/x", None, 204),
                                     ("GET", "/cache?list-type=2", None, 403), ("GET", "/cache?list-type=2&prefix=pr-", None, 200), ("GET", "/cache?list-type=2&prefix=p", None, 403),
                                     ("GET", "/cache?versions&prefix=pr-1", None, 200), ("GET", "/cache?uploads&prefix=main/", None, 403), ("HEAD", "/cache", None, 403), ("PUT", "/more", None, 403),
                                     ("GET", "/other", None, 404), ("GET", "/cache/main/none", None, 404), ("PUT", "/cache?policy", b"{}", 403), ("GET", "/-/metrics", None, 403)):
        status, told, text = ask(method, path, who, body)
        equal((status, invites(told)), (want, False), f"{method} {path} by {what}")
delete = b"<Delete><Object><Key>main/file</Key></Object><Object><Key>pr-1/file</Key></Object></Delete>"
status, told, text = ask("POST", "/cache?delete", bearer(PULLS[1]), delete)
check(status == 200 and b"<Deleted><Key>pr-1/file</Key></Deleted>" in text and b"<Key>main/file</Key><Code>AccessDenied" in text.replace(b"\n", b""), "DeleteObjects key by key", text.decode())
copy = {"x-amz-copy-source": "/cache/main/file"}
equal([ask("PUT", f"/cache/{key}", {**bearer(PULLS[1]), **copy})[0] for key in ("pr-3/copy", "main/copy")], [200, 403], "copies into the prefix and elsewhere")
equal([ask("PUT", "/cache/pr-3/copy", {**bearer(READER[1]), **copy})[0]], [403], "who only reads copies nothing")
equal(ask("GET", "/cache/pr-3/copy?response-content-type=text/x-a", bearer(READER[1]))[1].get("content-type"), "text/x-a", "response-* are for whoever is known")
equal([ask("GET", "/-/metrics", who)[0] for who in (basic(*READER), bearer(READER[1]), basic(*ADMIN))], [200, 200, 200], "metrics, as Prometheus asks for them")
equal(curl("-u", ":".join(ADMIN), "-F", "key=formed", "-F", "file=@" + scratch("file"), f"{SERVER.url}/cache")[0], 400, "a form says in its fields who asks")

# ---- Wrong ones, and none ----

for what, who in (("a wrong secret", basic(ADMIN[0], "admin-secreT")), ("nobody's name", basic("NOBODY", ADMIN[1])), ("another's name", basic(READER[0], PULLS[1])),
                  ("a key's secret as a token", bearer(ADMIN[1])), ("nobody's token", bearer("sluice-token-that-only-readS")), ("garbage", {"Authorization": "Basic !!"}),
                  ("no colon", {"Authorization": "Basic " + base64.b64encode(b"ADMINKEY").decode()})):
    for method in ("GET", "PUT", "HEAD"):
        status, told, text = ask(method, "/cache/main/file", who, b"x" if method == "PUT" else None)
        equal((status, invites(told), method == "HEAD" or error_code(text) == "AccessDenied"), (401, True, True), f"{what}: {method}")
        check(not any(secret.encode() in text for secret in [*SECRETS_SHOWN, who["Authorization"].split()[-1]]), f"{what}: the answer does not repeat it")
equal(curl("-u", f"{ADMIN[0]}:wrong", "-H", "Expect: 100-continue", "-T", scratch("file"), url)[0], 401, "wrong ones are told before the body is sent")
equal(ask("GET", "/public/none", basic(ADMIN[0], "wrong"))[0], 401, "also where none are needed")
twice = "".join(f"Authorization: {who['Authorization']}\r\n" for who in (basic(*ADMIN), bearer(READER[1])))
check(SERVER.raw(f"GET /cache HTTP/1.1\r\nHost: localhost\r\n{twice}Connection: close\r\n\r\n".encode()).startswith(b"HTTP/1.1 400 "), "two of them are none")
status, told, text = ask("GET", "/cache/main/file?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", basic(*ADMIN))
equal((status, error_code(text), base64.b64encode(":".join(ADMIN).encode()) in text), (400, "InvalidArgument", False), "beside a presigned URL")
for headers, want in (({}, 401), ({"Accept": "text/html"}, 401), ({"x-amz-date": "20260101T000000Z"}, 403), ({"amz-sdk-invocation-id": "1"}, 403)):
    for method, path in (("GET", "/cache/main/file"), ("PUT", "/cache/x"), ("PUT", "/public/x"), ("GET", "/public"), ("GET", "/"), ("DELETE", "/cache")):
        status, told, text = ask(method, path, headers, b"x" if method == "PUT" else None)
        equal((status, error_code(text), invites(told)), (want, "AccessDenied", want == 401), f"{method} {path} by nobody, {headers}")
equal(ask("GET", "/public/none")[0], 404, "what anybody may read and is not there")
fields = [line for line in SERVER.raw(b"GET /cache HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").split(b"\r\n") if line.startswith(b"WWW-Authenticate: ")]
equal(fields, [b'WWW-Authenticate: Basic realm="sluice", charset="UTF-8"', b'WWW-Authenticate: Bearer realm="sluice"'], "both ways are offered")
unsigned = boto3.client("s3", endpoint_url=SERVER.url, region_name="us-east-1", verify=scratch("authority.crt") if TLS else None,
                        config=botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"max_attempts": 1}))
try:
    unsigned.get_object(Bucket="cache", Key="main/file")
    check(False, "boto3 without a signature is denied")
except botocore.exceptions.ClientError as error:
    equal((error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]), (403, "AccessDenied"), "boto3 without a signature is denied as by S3")

# ---- As build tools send it ----

for tool, method, path, headers, body, want in (
        ("Gradle", "GET", "/cache/pr-9/0123456789abcdef0123456789abcdef", {"X-Gradle-Version": "8.0", "Accept": "application/vnd.gradle.build-cache-artifact.v2, */*"}, None, 404),
        ("Gradle", "PUT", "/cache/pr-9/0123456789abcdef0123456789abcdef", {"X-Gradle-Version": "8.0", "Content-Type": "application/vnd.gradle.build-cache-artifact.v2"}, data, 200),
        ("ccache", "PUT", "/cache/pr-9/f3/f1b6", {"Content-Type": "application/octet-stream"}, b"object", 200), ("ccache", "HEAD", "/cache/pr-9/f3/f1b6", {}, None, 200),
        ("Nix", "PUT", "/cache/pr-9/nix-cache-info", {"Content-Type": "text/x-nix-cache-info", "Expect": "100-continue"}, b"StoreDir: /nix/store\n", 200),
        ("Nix", "GET", "/cache/pr-9/none.narinfo", {}, None, 404), ("Maven", "PUT", "/cache/pr-9/g/a/1/a-1.jar", {"Expect": "100-continue", "User-Agent": "Apache-Maven/3.8.7"}, data, 200)):
    equal(ask(method, path, {**headers, **basic(*PULLS)}, body)[0], want, f"{tool}: {method}")
if have("ccache") and have("cc") and not TLS:
    source = fresh("unit.c")
    with open(source, "w") as out:
        out.write("int unit(void) { return 42; }\n")
    for name, storage, writes in (("Basic", f"{scheme}://{PULLS[0]}:{PULLS[1]}@{rest}/cache/pr-cc", True), ("Bearer", f"{SERVER.url}/cache/pr-bearer|bearer-token={PULLS[1]}", True),
                                  ("a token that only reads", f"{SERVER.url}/cache/pr-none|bearer-token={READER[1]}", False)):
        env = {**os.environ, "CCACHE_REMOTE_STORAGE": storage, "CCACHE_SECONDARY_STORAGE": storage, "CCACHE_DIR": fresh("ccache"), "CCACHE_CONFIGPATH": scratch("none.conf"), "CCACHE_REMOTE_ONLY": "1"}
        status, output = run(["ccache", "cc", "-c", source, "-o", fresh("unit.o")], env)
        check(status == 0, f"ccache compiles with {name}", output)
        folder = storage.split("/cache/")[1].split("|")[0]
        equal(len(s3_client(SERVER, *ADMIN).list_objects_v2(Bucket="cache", Prefix=folder + "/").get("Contents", [])) > 0, writes, f"ccache with {name}: what it stores")
else:
    skip("ccache", "it is not installed, or speaks no HTTPS")

# ---- Policies see what they are ----

owner = s3_client(SERVER, *ADMIN)
owner.put_object(Bucket="public", Key="for-pulls", Body=b"x")


def policy(*statements):
    owner.put_bucket_policy(Bucket="public", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::public/*", **({"Condition": condition} if condition else {})}
        for effect, principal, action, condition in statements]}))


token_user = {"AWS": "arn:aws:iam:::user/pulls"}
policy(("Allow", token_user, "s3:PutObject", None))
equal([ask("PUT", "/public/x", who, b"x")[0] for who in (bearer(PULLS[1]), bearer(READER[1]))], [200, 403], "a token is the user of its name")
for name, condition, want in (("s3:authType", {"StringEquals": {"s3:authType": "REST-HEADER"}}, 200), ("no signature", {"Null": {"s3:signatureversion": "true"}}, 200),
                              ("a signature", {"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, 403), ("a signature's age", {"NumericLessThan": {"s3:signatureAge": "600000"}}, 403),
                              ("its transport", {"Bool": {"aws:SecureTransport": "true"}}, 200 if TLS else 403), ("a payload that is signed", {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, 200)):
    policy(("Allow", token_user, "s3:PutObject", condition))
    equal(ask("PUT", "/public/x", bearer(PULLS[1]), b"x")[0], want, f"conditions: {name}")
policy(("Deny", "*", "s3:*", {"Null": {"s3:signatureversion": "true"}}))
equal([ask("GET", "/public/for-pulls", basic(*ADMIN))[0], owner.get_object(Bucket="public", Key="for-pulls")["ResponseMetadata"]["HTTPStatusCode"]], [403, 200], "a policy can ask for signatures")
owner.delete_bucket_policy(Bucket="public")

# ---- Doors ----

DOORS_LOG = fresh("doors.log")
doors = Server(args=["--access-log", DOORS_LOG, "--access-log-format", "json", "--credentials", FILE, "--cache", "nx bucket=cache prefix=pr-nx", "--cache", "gradle bucket=cache prefix=main/gradle"])
doors.request("PUT", "/cache", headers=basic(*ADMIN))
HASH = "0123456789abcdef0123456789abcdef"
for method, path, who, want in (("PUT", f"nx/v1/cache/{HASH}", bearer(PULLS[1]), 200), ("GET", f"nx/v1/cache/{HASH}", bearer(READER[1]), 200), ("PUT", f"nx/v1/cache/{HASH[1:]}", bearer(READER[1]), 403),
                                ("GET", f"nx/v1/cache/{HASH}", bearer("sluice-token-of-nobody"), 401), ("GET", f"nx/v1/cache/{HASH}", {}, 401), ("GET", f"nx/v1/cache/{HASH[1:]}", bearer(READER[1]), 404),
                                ("PUT", f"gradle/{HASH}", basic(*PULLS), 403), ("GET", f"gradle/{HASH}", basic(*PULLS), 404), ("PUT", f"gradle/{HASH}", basic(*ADMIN), 200), ("GET", f"gradle/{HASH}", basic(ADMIN[0], "wrong"), 401)):
    status, told, text = doors.request(method, f"/-/cache/{path}", b"artifact" if method == "PUT" else None, who)
    equal((status, "www-authenticate" in told), (want, want == 401), f"{method} through a door: {path.split('/')[0]} {want}")
doors.stop()
with open(DOORS_LOG) as file:
    equal({json.loads(line)["user"] for line in file}, {"operator", PULLS[0], READER[0], None}, "their access log in JSON")

# ---- Administration takes a signature ----

admin = Server(args=["--credentials", FILE, "--admin-http"])
body = b'{"call":"status"}'
host = f"{admin.host}:{admin.port}"
signed = Signer(*ADMIN).headers("POST", "/-/admin/", host, hashlib.sha256(body).hexdigest())
equal([admin.request("POST", "/-/admin/", body, headers)[0] for headers in ({**basic(*ADMIN), "x-amz-content-sha256": hashlib.sha256(body).hexdigest()}, signed)], [403, 200], "administration takes a signature")
admin.stop()

# ---- Browsers ----

for headers, want in (({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200), ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403), ({"Origin": "https://evil.example"}, 403),
                      ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 403)):
    status, told, text = ask("GET", "/cache/main/file", {**basic(*ADMIN), **headers})
    equal((status, told.get("content-security-policy")), (want, "sandbox" if want == 200 else None), f"Basic with {headers}")
    equal(ask("GET", "/cache/main/file", {**bearer(READER[1]), **headers})[0], 200, f"Bearer with {headers}, which a page has to know")
equal(ask("DELETE", "/cache/main/file", {**basic(*ADMIN), "Origin": "null", "Sec-Fetch-Site": "cross-site"})[0], 403, "a page deletes nothing")
equal(ask("POST", "/cache?delete", {**basic(*ADMIN), "Origin": SERVER.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Content-Type": "text/plain"}, delete)[0], 403,
      "nor does a form of one that is stored here")
equal([ask("GET", path, basic(*ADMIN))[1].get("content-security-policy") for path in ("/", "/cache?list-type=2", "/-/metrics", "/cache/none")], ["sandbox"] * 4, "and none sees into what it opens")

# ---- The file changes ----

LATER = ("later", "sluice-token-that-comes-later")
equal(ask("GET", "/cache/main/file", bearer(LATER[1]))[0], 401, "a token that is not there yet")
write([*LINES, f"token {LATER[0]} {LATER[1]} cache=read", f"token {READER[0]} {READER[1]}-second cache=read,list"])
check(poll(lambda: ask("GET", "/cache/main/file", bearer(LATER[1]))[0] == 200), "is good once it is")
equal([ask("GET", "/cache/main/file", basic(READER[0], secret))[0] for secret in (READER[1], READER[1] + "-second")], [200, 200], "two tokens of one name, while one replaces the other")
write(LINES)
check(poll(lambda: ask("GET", "/cache/main/file", bearer(LATER[1]))[0] == 401), "and is none any more once it is gone")

# ---- sluice user ----


def tool(*words):
    """(status, what it printed as a dictionary, all of it)"""
    status, output = run([SLUICE, "user", *words], {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")})
    return status, dict(line.split(" = ", 1) for line in output.splitlines() if " = " in line), output


for how in (("--data", SERVER.data), ("--credentials", FILE)):
    status, made, output = tool("add", "deploys", "--token", "--rights", "cache=read cache/pr-*=read,write", *how)
    equal((status, made.get("token"), sorted(made)), (0, "deploys", ["secret", "token"]), f"sluice user add --token, {how[0]}")
    check(made["secret"].startswith("sluice_") and len(made["secret"]) == 47, "a token that can be told from other words")
    check(poll(lambda: ask("GET", "/cache/main/file", bearer(made["secret"]))[0] == 200), "it is good at once")
    equal([ask("PUT", f"/cache/{key}", basic("deploys", made["secret"]), b"x")[0] for key in ("pr-5/x", "main/x")], [200, 403], "for what it was given")
    equal((tool("add", "deploys", "--token", "--rights", "*=read", *how)[0], tool("add", "deploys", *how)[0], tool("add", "more", "--token", *how)[0],
           tool("add", "more", "--token", "--rights", "*=read", "--id", "x", *how)[0]), (1, 1, 2, 2), "a name is given once, and a token has rights and no id")
    check("deploys\t" in tool("list", *how)[2] and "(token)\tcache=read cache/pr-*=read,write" in tool("list", *how)[2] and made["secret"] not in tool("list", *how)[2], "it is listed, and not shown again")
    second = tool("rotate", "deploys", "--keep-old", *how)[1]["secret"]
    check(poll(lambda: ask("GET", "/cache/main/file", bearer(second))[0] == 200) and ask("GET", "/cache/main/file", bearer(made["secret"]))[0] == 200, "two of a name, with --keep-old")
    third = tool("rotate", "deploys", *how)[1]["secret"]
    check(poll(lambda: ask("GET", "/cache/main/file", bearer(third))[0] == 200), "the next one")
    equal([ask("GET", "/cache/main/file", bearer(secret))[0] for secret in (made["secret"], second)], [401, 401], "ends both")
    equal(tool("remove", "deploys", *how)[0], 0, "and it goes")
    check(poll(lambda: ask("GET", "/cache/main/file", bearer(third))[0] == 401), "for good")
    SECRETS_SHOWN += [made["secret"], second, third]
write(LINES)

# ---- Who guesses ----

GUESSES = 20  # S3_ATTEMPTS_MAX, of which some were made above
quiet = Server(args=["--credentials", FILE, "--workers", "2"])
quiet.request("PUT", "/cache", headers=basic(*ADMIN))
equal([quiet.request("GET", "/cache", headers=basic("OLD", "wrong-one"))[0] for _ in range(3 * GUESSES)], [401] * 3 * GUESSES, "the same wrong ones again and again are no guesses")
statuses = [quiet.request("GET", "/cache", headers=basic("ROOT", f"guess {i}"))[0] for i in range(2 * GUESSES)]
check(statuses[:10] == [401] * 10 and statuses[-1] == 429, "guesses are", str(statuses))
status, told, text = quiet.request("GET", "/cache", headers=bearer(READER[1]))
check((status, error_code(text)) == (429, "TooManyRequests") and 1 <= int(told.get("retry-after", 0)) <= 3, "then nobody new is heard there", f"{status} {told}")
equal(quiet.request("GET", "/cache", headers=basic(*ADMIN))[0], 200, "but who was right there before")
signed = Signer(*ADMIN).headers("GET", "/cache", f"{quiet.host}:{quiet.port}")
equal(quiet.request("GET", "/cache", headers=signed)[0], 200, "and whoever signs")
status, output = run(["curl", "-sS", "-q", "--retry", "5", "--fail", "-o", fresh("retried"), *(["--cacert", scratch("authority.crt")] if TLS else []), "-u", ":".join(READER), f"{quiet.url}/cache"])
check(status == 0, "curl --retry waits as it is told, and gets in", output)
counted = dict(re.findall(r'^sluice_credentials_refused_total\{reason="(\w+)"\} (\d+)$', quiet.request("GET", "/-/metrics", headers=basic(*ADMIN))[2].decode(), re.M))
check(int(counted["wrong"]) >= 3 * GUESSES + 10 and int(counted["too_many"]) >= 1, "the metrics count them", str(counted))
quiet.stop()

# ---- Where such a secret is taken ----


def trusting(*args):
    made = Server(args=["--credentials", FILE, *args])
    made.request("PUT", "/cache", headers=Signer(*ADMIN).headers("PUT", "/cache", f"{made.host}:{made.port}"))
    return made


FORWARDED = {"X-Forwarded-For": "198.51.100.7"}
if not TLS:
    proxied = trusting("--trusted-proxy", "127.0.0.1", "--cache", "nx bucket=cache")
    for headers, want in (({}, 200), ({**FORWARDED, "X-Forwarded-Proto": "https"}, 200), ({**FORWARDED, "X-Forwarded-Proto": "https, http"}, 400), ({**FORWARDED, "X-Forwarded-Proto": "http"}, 400), (FORWARDED, 400)):
        status, told, text = proxied.request("GET", "/cache", headers={**basic(*ADMIN), **headers})
        equal((status, want == 200 or error_code(text) == "InvalidRequest"), (want, True), f"through a trusted proxy that says {headers}")
        check(ADMIN[1].encode() not in text and "www-authenticate" not in told, "which is told without it, and asks for none")
    equal([proxied.request("GET", "/cache", headers=headers)[0] for headers in ({**FORWARDED, "X-Forwarded-Proto": "https"}, FORWARDED)], [401, 403], "nobody is invited to send one where it can be read")
    equal([proxied.request("GET", f"/-/cache/nx/v1/cache/{HASH}", headers=headers)[0] for headers in ({**FORWARDED, "X-Forwarded-Proto": "https"}, FORWARDED)], [401, 403], "at a door neither")
    # Each client of a proxy counts by itself.
    for i in range(2 * GUESSES):
        proxied.request("GET", "/cache", headers={**bearer(f"guess-{i}-of-somebody"), **FORWARDED, "X-Forwarded-Proto": "https"})
    equal([proxied.request("GET", "/cache", headers={**bearer(READER[1]), "X-Forwarded-For": client, "X-Forwarded-Proto": "https"})[0] for client in ("198.51.100.7", "198.51.100.8")], [429, 200],
          "behind a proxy each client counts by itself")
    proxied.stop()
    for args, want in ((("--web-auth-plain-http",), 200), (("--web-auth", "off"), 400)):
        other = trusting("--trusted-proxy", "127.0.0.1", *args)
        equal([other.request("GET", "/cache", headers={**basic(*ADMIN), **headers})[0] for headers in (FORWARDED, {})], [want, want], " ".join(args))
        equal("www-authenticate" in other.request("GET", "/cache")[1], want == 200, f"{args[0]}: who is invited")
        other.stop()
    open_server = Server()
    equal([open_server.request("PUT", "/cache", headers=who)[0] for who in (basic("any", "thing"), bearer("x"))], [200, 200], "a server without keys does not look at them")
    open_server.stop()

# ---- Nothing of it is kept ----

check(SERVER.stop(), "the server ends cleanly")
with open(LOG) as file:
    logs = SERVER.log_text() + file.read()
users = {line.split()[2] for line in logs.splitlines() if '"GET /cache/main/file' in line and '" 200 ' in line}
check(users >= {"operator", PULLS[0], READER[0], "deploys"}, "the access log says whose requests they were", str(users))
check(" - - [" in logs, "and where nobody knows")
check(len(logs) > 10000 and not any(secret in logs for secret in SECRETS_SHOWN), "no log has a secret")
done()
