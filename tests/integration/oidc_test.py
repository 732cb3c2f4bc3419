#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bearer tokens that an issuer has signed: which role they get, what scope that makes, keys that come and go, and every way to be refused."""
import json
import os
import time

from issuer import Issuer, Key, encode
from sluicetest import SLUICE, Server, check, done, equal, error_code, fresh, poll, run, scratch

GITHUB = "https://token.actions.githubusercontent.com"
OWN = "https://ci.example"
rsa, p256, ed = Key("one", "RS256"), Key("two", "ES256"), Key("three", "EdDSA")
issuer = Issuer(rsa)
KEYS = scratch(f"keys-{os.getpid()}.json")
FILE = fresh("oidc") + ".credentials"


def write_keys(*keys):
    with open(KEYS + ".new", "w") as file:
        json.dump({"keys": [key.jwk() for key in keys]}, file)
    os.rename(KEYS + ".new", KEYS)


def write_credentials(text, path=FILE):
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


write_keys(p256, ed)
LINES = f"""oidc {GITHUB} audience=sluice,other jwks={issuer.url}
oidc {OWN} audience=sluice jwks={KEYS}
role main issuer={GITHUB} claim:repository=acme/* claim:ref=refs/heads/main artifacts/*=read,write,list scope=main
role pulls issuer={GITHUB} claim:repository=acme/* claim:ref=refs/pull/* scope=pr/{{ref}} read=main
role own issuer={OWN} claim:project=7 artifacts=read
key ADMIN admin-secret *=all
token dotted dots.in.a-secret-of-ours *=read,list
"""
write_credentials(LINES)
server = Server(args=["--credentials", FILE, "--bucket", "artifacts", "--cache", "nx bucket=nxs", "--cache", "http bucket=files"])


def ask(token, method, path, body=None):
    return server.request(method, path, body, {"Authorization": f"Bearer {token}"})


def github(key=rsa, header=None, **claims):
    return key.token(issuer.claims(GITHUB, **{"repository": "acme/app", "ref": "refs/heads/main", **claims}), header)


def own(key=p256, header=None, **claims):
    return key.token(issuer.claims(OWN, **{"project": 7, **claims}), header)


def code(answer):
    return answer[0], error_code(answer[2]) if answer[0] >= 400 and answer[2] else ""


# ---- Roles ----
main = github()
check(poll(lambda: ask(main, "GET", "/artifacts/none")[0] == 404), "an issuer's keys are fetched")
equal(ask(main, "PUT", "/artifacts/app.tar", b"built")[0], 200, "a token of main may write what its role may")
equal(ask(main, "GET", "/artifacts/app.tar")[2], b"built", "and read it")
equal(ask(github(repository="acme/other"), "GET", "/artifacts/app.tar")[0], 200, "a pattern has a star")
equal(code(ask(github(repository="acmeevil/app"), "GET", "/artifacts/app.tar")), (403, "AccessDenied"), "another owner's token gets no role")
equal(ask(github(repository="acmeevil/app"), "GET", "/-/cache/http/x")[0], 403, "at a door neither: it is known, and has no right")
equal(code(ask(github(ref="refs/heads/mainly"), "GET", "/artifacts/app.tar")), (403, "AccessDenied"), "nor does another branch")
equal((ask(own(), "GET", "/artifacts/app.tar")[0], ask(own(ed), "GET", "/artifacts/app.tar")[0], ask(own(), "PUT", "/artifacts/x", b"")[0]), (200, 200, 403),
      "P-256 and Ed25519, numbers as claims, and a role that only reads")
equal(ask(own(project=8), "GET", "/artifacts/app.tar")[0], 403, "another project")
equal(ask("dots.in.a-secret-of-ours", "GET", "/artifacts/app.tar")[0], 200, "a token of ours may have dots, too")

# ---- Scopes ----
pull = github(ref="refs/pull/17/merge")
equal(ask(main, "PUT", "/-/cache/http/lib.o", b"of main")[0], 200, "main stores an entry")
equal(ask(pull, "GET", "/-/cache/http/lib.o")[2], b"of main", "a pull request finds it")
equal(ask(pull, "PUT", "/-/cache/http/lib.o", b"of 17")[0], 200, "and stores its own")
equal((ask(main, "GET", "/-/cache/http/lib.o")[2], ask(pull, "GET", "/-/cache/http/lib.o")[2]), (b"of main", b"of 17"), "which main never finds")
equal(ask(github(ref="refs/pull/18/merge"), "GET", "/-/cache/http/lib.o")[2], b"of main", "nor does another pull request")
equal(ask(pull, "GET", "/files/main/-/lib.o")[0], 403, "by S3 the scope opens nothing")
for ref in ("refs/pull/../../main", "refs/pull/%2e%2e/main", "refs/pull/" + "x" * 300):
    ask(github(ref=ref), "PUT", "/-/cache/http/lib.o", b"poison")
equal(ask(main, "GET", "/-/cache/http/lib.o")[2], b"of main", "a claim is one segment, whatever stands in it")

# ---- Refused ----
good = issuer.claims(GITHUB, repository="acme/app", ref="refs/heads/main")
now = int(time.time())
head, body, signature = main.split(".")
other = Key("one", "RS256")
REFUSED = {
    "alg none": f"{encode(json.dumps({'alg': 'none', 'kid': 'one'}).encode())}.{body}.",
    "alg none, with its signature": f"{encode(json.dumps({'alg': 'none', 'kid': 'one'}).encode())}.{body}.{signature}",
    "HS256 with the public key": f"{encode(json.dumps({'alg': 'HS256', 'kid': 'one'}).encode())}.{body}.{signature}",
    "another algorithm than the key's": github(header={"alg": "ES256"}),
    "another key of that name": github(other),
    "another body": f"{head}.{encode(json.dumps({**good, 'sub': 'x'}).encode())}.{signature}",
    "a wrong audience": github(aud="else"), "no audience": github(aud=None), "a wrong issuer": rsa.token({**good, "iss": "https://evil.example"}),
    "an issuer with another's key": rsa.token(issuer.claims(OWN, project=7), {"kid": "two"}),
    "expired": github(exp=now - 61), "without an end": github(exp=None), "from the future": github(nbf=now + 300), "issued in the future": github(iat=now + 300),
    "jku": github(header={"jku": issuer.url}), "x5u": github(header={"x5u": issuer.url}), "jwk": github(header={"jwk": rsa.jwk()}),
    "crit": github(header={"crit": ["exp"]}), "x5c": github(header={"x5c": []}), "no JSON": "a.b.c", "nothing": "..",
    "too long": github(filler="x" * 30_000),
}
for name, token in REFUSED.items():
    answer = ask(token, "GET", "/artifacts/app.tar")
    check(answer[0] in (400, 401, 431), f"{name}: refused", repr(answer[:1]) + repr(answer[2][:300]))
log = server.log_text()
check(signature not in log and body not in log, "no token is in the log")

# ---- Keys that come and go ----
asked = issuer.asked
for _ in range(20):
    ask(github(header={"kid": "unheard"}), "GET", "/artifacts/app.tar")
check(issuer.asked <= asked + 1, "unknown keys make it ask again, but seldom", f"{issuer.asked - asked}")
kept = own()
equal({ask(kept, "GET", "/artifacts/app.tar")[0] for _ in range(20)}, {200}, "a token is good again and again")
equal({ask(kept[:-10] + ("A" if kept[-10] != "A" else "B") + kept[-9:], "GET", "/artifacts/app.tar")[0] for _ in range(20)}, {401}, "which makes none good that is like it")
write_keys(ed, Key("four", "ES256"))
check(poll(lambda: ask(own(), "GET", "/artifacts/app.tar")[0] == 401), "a key that is gone is good no more")
equal({ask(kept, "GET", "/artifacts/app.tar")[0] for _ in range(20)}, {401}, "nor is what was good by it")
equal(ask(own(ed), "GET", "/artifacts/app.tar")[0], 200, "and the other still is")
os.unlink(KEYS)
time.sleep(0.1)
equal(ask(own(ed), "GET", "/artifacts/app.tar")[0], 200, "keys that cannot be read stay what they were")
issuer.status = 500
write_credentials(LINES.replace("scope=main\n", "scope=trunk\n")) # a reload keeps what was fetched
check(poll(lambda: ask(main, "GET", "/-/cache/http/lib.o")[0] == 404), "changed roles count")
check(server.stop(), "the server ends with status 0")

# ---- What a start refuses ----
WRONG = {
    f"role r issuer={GITHUB} claim:ref=refs/heads/main *=read": "claim:repository=OWNER/NAME",
    f"role r issuer={GITHUB} claim:repository=* *=read": "claim:repository=OWNER/NAME",
    f"role r issuer={GITHUB} claim:repository=*/app *=read": "claim:repository=OWNER/NAME",
    f"role r issuer={OWN} *=read": "claim:NAME=PATTERN", "role r claim:a=b *=read": "issuer=ISSUER",
    "role r issuer=https://none.example claim:a=b": "no oidc line", f"role r issuer={OWN} claim:a=b scope=../main": "a scope has names",
    f"role r issuer={OWN} claim:a=b scope=x/{{": "a scope has names", f"role r issuer={OWN} claim:a=b scope=a{{b}}%2": "a scope has names",
    f"role r issuer={OWN} claim:=b": "claim:NAME=PATTERN", f"role r issuer={OWN} claim:a=b fly": "", "role": "expected: role", "oidc": "expected: oidc",
    f"oidc {OWN} audience=a jwks={KEYS}": "that issuer already", "oidc https://x audience=a jwks=keys.json": "whole path",
    "oidc https://x audience=a jwks=http://issuer.example/keys": "whole path", "oidc https://x jwks=/x": "expected: oidc", "oidc https://x audience=, jwks=/x": "expected: oidc",
    f"role main issuer={OWN} claim:a=b *=read": "role of that name",
}
for line, reason in WRONG.items():
    write_credentials(LINES + line + "\n", FILE + ".wrong")
    status, text = run([SLUICE, "serve", "--data", fresh("oidc-none"), "--check-config", "--credentials", FILE + ".wrong"])
    check(status != 0 and reason in text and f":{LINES.count(chr(10)) + 1}:" in text, f"{line[:60]!r} is refused", text)
done()
