# SPDX-License-Identifier: MIT
"""An issuer of tokens, as CI systems have one: keys, tokens signed with them, and its JWK set by HTTP. Signed by the openssl program, so that
what Sluice verifies was not made by its own code."""
import base64
import http.server
import json
import os
import subprocess
import threading
import time

from sluicetest import Server, poll, scratch


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


class Key:
    """kind: RS256, ES256 or EdDSA."""
    made = 0

    def __init__(self, kid, kind="RS256"):
        Key.made += 1
        self.kid, self.kind = kid, kind
        self.path = scratch(f"issuer-{Key.made}-{os.getpid()}.pem")
        algorithm = {"RS256": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "EdDSA": ["ED25519"]}[kind]
        openssl("genpkey", "-algorithm", *algorithm, "-out", self.path)

    def public(self):
        der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        if self.kind == "EdDSA":
            return {"kty": "OKP", "crv": "Ed25519", "x": encode(der[-32:])}
        if self.kind == "ES256":
            return {"kty": "EC", "crv": "P-256", "x": encode(der[-64:-32]), "y": encode(der[-32:])}
        modulus = openssl("pkey", "-in", self.path, "-noout", "-text").decode().split("modulus:")[1].split("publicExponent")[0]
        return {"kty": "RSA", "e": "AQAB", "n": encode(bytes.fromhex("".join(modulus.split()).replace(":", "")).lstrip(b"\0"))}

    def jwk(self):
        return {"kid": self.kid, "use": "sig", "alg": self.kind, **self.public()}

    def sign(self, text):
        if self.kind == "EdDSA":
            path = scratch(f"issuer-{os.getpid()}.text") # it reads the length first
            with open(path, "wb") as file:
                file.write(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", path)
        signature = openssl("dgst", "-sha256", "-sign", self.path, data=text)
        if self.kind == "RS256":
            return signature
        numbers, at = b"", 2 # DER: a sequence of two integers
        for _ in range(2):
            length = signature[at + 1]
            numbers += signature[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + length
        return numbers

    def token(self, claims, header=None):
        head = {"alg": self.kind, "typ": "JWT", "kid": self.kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        text = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
        return f"{text}.{encode(self.sign(text.encode()))}"


class Issuer:
    """Serves its keys on a free port of loopback, and counts how often it is asked."""

    def __init__(self, *keys):
        self.keys, self.asked, self.status = list(keys), 0, 200
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                body = json.dumps({"keys": [key.jwk() for key in issuer.keys]}).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self, name, audience="sluice", **more):
        now = int(time.time())
        return {"iss": name, "aud": audience, "iat": now, "nbf": now, "exp": now + 600, **more}


def web_identity_server():
    """A server whose role `main` a CI job's token gets, for artifacts/main/* alone, and the environment by which SDKs get its keys for that token."""
    key = Key("ci", "ES256")
    issuer = Issuer(key)
    name, path, token = "https://ci.example", scratch(f"web-identity-{os.getpid()}.credentials"), scratch(f"web-identity-{os.getpid()}.jwt")
    with open(path, "w", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
        file.write(f"oidc {name} audience=sluice jwks={issuer.url}\nrole main claim:ref=refs/heads/main artifacts/main/*=read,write,list\n")
    with open(token, "w") as file:
        file.write(key.token({**issuer.claims(name, ref="refs/heads/main"), "sub": "repo:acme/app"}))
    server = Server(args=["--credentials", path, "--bucket", "artifacts"])
    poll(lambda: server.request("GET", "/artifacts/main/none", headers={"Authorization": "Bearer " + open(token).read()})[0] == 404)
    return server, {"AWS_ENDPOINT_URL": server.url, "AWS_ENDPOINT_URL_STS": server.url, "AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/main",
                    "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_SESSION_NAME": "job-7", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
                    "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
