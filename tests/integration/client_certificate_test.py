#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutual TLS: clients that are known by their certificates. Which certificate opens a connection, whose its requests are, what a browser may not do
with it, and what ends it."""
import http.client
import json
import os
import shutil
import socket
import ssl
import urllib.parse

from signer import Signer
from sluicetest import SLUICE, Server, check, done, equal, error_code, make_certificate, openssl, poll, run, scratch, trust

certificate, key, authority = make_certificate()
trust(authority)
ADMIN = ("ADMINKEY", "admin-secret")
FILE = scratch("credentials")
LINES = [f"key {ADMIN[0]} {ADMIN[1]} owner:operator *=all",
         "key BUILDKEY build-secret-of-its-key owner:build certificate:dns:Build.example certificate:cn:Old%20build%20machine builds=read,write,list",
         "token robot token-of-a-robot-0123 certificate:uri:spiffe://acme/robot builds=read", "anonymous public=read"]


def write(lines):
    with open(FILE + ".new", "w") as out:
        out.write("\n".join(lines) + "\n")
    os.chmod(FILE + ".new", 0o600)
    os.rename(FILE + ".new", FILE)


def make_client(name, subject, names=None, usage=None, days="2"):
    """Certificate and key of a client by the authority of clients, which is not the server's."""
    top, top_key = scratch("clients.crt"), scratch("clients.key")
    if not os.path.exists(top):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", top_key, "-out", top, "-days", "2",
                "-subj", "/CN=Authority of clients", "-addext", "keyUsage=critical,keyCertSign")
    made, made_key, request, extensions = (scratch(f"client-{name}.{suffix}") for suffix in ("crt", "key", "csr", "ext"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made_key, "-out", request, "-subj", subject)
    with open(extensions, "w") as out:
        out.write("basicConstraints=CA:FALSE\n" + (f"subjectAltName={names}\n" if names else "") + (f"extendedKeyUsage={usage}\n" if usage else ""))
    openssl("x509", "-req", "-in", request, "-CA", top, "-CAkey", top_key, "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", made)
    return made, made_key


BUILD = make_client("build", "/CN=whoever", "DNS:other.example,DNS:BUILD.example")
OLD = make_client("old", "/CN=Old build machine")
ROBOT = make_client("robot", "/CN=robot", "URI:spiffe://acme/robot", "clientAuth")
STRANGER = make_client("stranger", "/CN=stranger", "DNS:stranger.example")
EXPIRED = make_client("expired", "/CN=whoever", "DNS:build.example", days="-1")
SERVERS = make_client("servers", "/CN=whoever", "DNS:build.example", "serverAuth")
FOREIGN = make_certificate("foreign", names="DNS:build.example")[:2]
CLIENTS = scratch("live-clients.crt")
shutil.copy(scratch("clients.crt"), CLIENTS)


def context_of(pair, version=None):
    context = ssl.create_default_context(cafile=authority)
    if pair is not None:
        context.load_cert_chain(*pair)
    if version is not None:
        context.maximum_version = version
    return context


def ask(pair, method, path, headers=None, body=None, version=None, server=None):
    """(status, headers, body), or the name of what ended the connection."""
    where = urllib.parse.urlsplit((server or SERVER).url)
    connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=30, context=context_of(pair, version))
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    except (ssl.SSLError, OSError, http.client.HTTPException) as problem:
        return type(problem).__name__, {}, b""
    finally:
        connection.close()


def signed(method, path):
    return Signer(*ADMIN).headers(method, path, urllib.parse.urlsplit(SERVER.url).netloc, "UNSIGNED-PAYLOAD")


def status(*words, **more):
    return ask(*words, **more)[0]


def whose():
    for pair, name in ((BUILD, "a name of its subjectAltName"), (OLD, "the name of its subject, with blanks")):
        equal(status(pair, "PUT", "/builds/one", body=b"1"), 200, f"{name}: a key's, which may write")
    equal(status(BUILD, "PUT", "/builds/two", body=b"2", version=ssl.TLSVersion.TLSv1_2), 200, "the same with TLS 1.2")
    equal(ask(BUILD, "GET", "/builds/one")[::2], (200, b"1"), "and read")
    equal(ask(ROBOT, "GET", "/builds/one")[::2], (200, b"1"), "a token's, by a URI")
    equal(status(ROBOT, "PUT", "/builds/one", body=b"x"), 403, "which may not write")
    equal(status(BUILD, "GET", "/other/one"), 403, "what the key may not, its certificate may not")
    equal(status(STRANGER, "GET", "/builds/one"), 401, "one that nobody has named is anybody's")
    equal(status(STRANGER, "GET", "/public/one"), 200, "who may what anybody may")
    equal(status(None, "GET", "/public/one"), 200, "and so is a client without")
    equal(status(None, "GET", "/builds/one"), 401, "and no more")
    equal(status(ROBOT, "GET", "/other/one", headers=signed("GET", "/other/one")), 200, "a signature counts more than the certificate")
    equal(status(BUILD, "GET", "/builds/one", headers={"Authorization": "Bearer wrong-token-of-nobody"}), 401, "and so does a secret, also a wrong one")
    log = [json.loads(line) for line in open(ACCESS_LOG) if line.startswith("{")]
    check(any(entry.get("user") == "build" for entry in log) and any(entry.get("user") == "robot" for entry in log), "the access log says who it was")


def browsers():
    """A browser shows its certificate for every page that asks."""
    page = {"Origin": "https://evil.example", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site"}
    equal(status(BUILD, "PUT", "/builds/evil", headers=page, body=b"x"), 403, "another site's page may not write with it")
    equal(status(BUILD, "GET", "/builds/one", headers=page), 403, "nor read")
    own = {"Origin": SERVER.url, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    equal(status(BUILD, "PUT", "/builds/evil", headers=own, body=b"x"), 403, "nor a page that is stored here")
    answer = ask(BUILD, "GET", "/builds/one", headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"})
    equal((answer[0], answer[1].get("content-security-policy")), (200, "sandbox"), "what a person opens is confined")
    form = (b"--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nform\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n")
    answer = ask(BUILD, "POST", "/builds", headers={"Content-Type": "multipart/form-data; boundary=b"}, body=form)
    equal((answer[0], error_code(answer[2])), (403, "AccessDenied"), "a form is anybody's")
    equal(status(BUILD, "GET", "/builds/evil"), 404, "none of them was stored")
    answer = ask(BUILD, "GET", "/-/ui/b/builds/", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"})
    check(answer[0] == 403 and b"Secret key" in answer[2] and b"one" not in answer[2].split(b"<main")[1].split(b"<form")[0], "to the pages it is nobody's: one signs in", str(answer[:2]))
    equal(ask(BUILD, "GET", "/-/ui/file/none", headers={"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"})[0], 404, "which may load what belongs to them all the same")


def refused():
    before = SERVER.log_text()
    for pair, name in ((EXPIRED, "one that has expired"), (FOREIGN, "one of another authority"), (SERVERS, "one that is for servers")):
        check(isinstance(status(pair, "GET", "/public/one"), str), f"{name} ends the connection")
        check(isinstance(status(pair, "GET", "/public/one", version=ssl.TLSVersion.TLSv1_2), str), f"{name}, with TLS 1.2")
    check(poll(lambda: "certificate" in SERVER.log_text()[len(before):]), "the log says why")
    equal(status(BUILD, "GET", "/builds/one"), 200, "the others are served on")


def resumed():
    """A session that is taken up again is the same client's."""
    where = urllib.parse.urlsplit(SERVER.url)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context, session, got = context_of(BUILD, version), None, []
        for _ in range(2):
            with socket.create_connection((where.hostname, where.port), 20) as plain, \
                    context.wrap_socket(plain, server_hostname=where.hostname, session=session) as sock:
                sock.sendall(b"GET /builds/one HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
                data = b""
                while piece := sock.recv(65536):
                    data += piece
                got.append((sock.session_reused, data[:12]))
                session = sock.session
        equal(got, [(False, b"HTTP/1.1 200"), (True, b"HTTP/1.1 200")], f"a session of {version.name} that is resumed")


def changes():
    write(LINES[:1] + LINES[2:])
    check(poll(lambda: status(BUILD, "GET", "/builds/one") == 401), "a certificate whose line is gone is anybody's")
    write(LINES + ["key SECONDKEY second-secret-of-build owner:build certificate:dns:build.example builds=read"])
    check(poll(lambda: status(BUILD, "PUT", "/builds/one", body=b"1") == 403), "of two lines of one user the last counts")
    write(LINES + ["key OTHERKEY other-secret-of-another owner:other certificate:dns:build.example builds=read"])
    check(poll(lambda: "dns:build.example is of two users" in SERVER.log_text()), "of two users it is refused")
    write(LINES)
    check(poll(lambda: status(BUILD, "PUT", "/builds/one", body=b"1") == 200), "and back")
    shutil.copy(FOREIGN[0], CLIENTS + ".new")
    os.rename(CLIENTS + ".new", CLIENTS)
    check(poll(lambda: isinstance(status(BUILD, "GET", "/builds/one"), str)), "another authority is taken without a signal")
    with open(CLIENTS, "w") as out:
        out.write("rubbish\n")
    check(poll(lambda: "cannot be used as TLS authority of clients" in SERVER.log_text()), "rubbish is refused, with the file in the log")
    shutil.copy(scratch("clients.crt"), CLIENTS)
    check(poll(lambda: status(BUILD, "GET", "/builds/one") == 200), "and the first is back")


def required():
    server = Server(args=["--tls-certificate", certificate, "--tls-key", key, "--tls-client-authority", CLIENTS, "--tls-client-required", "--credentials", FILE])
    check(isinstance(status(None, "GET", "/-/healthy", server=server), str), "where one is required, a client without is refused")
    equal(status(STRANGER, "GET", "/-/healthy", server=server), 200, "and one with any of the authority's is not")
    check(server.stop(), "it stops in good order")

    def wrong(says, *words):
        code, output = run([SLUICE, "serve", "--check-config", "--data", scratch("unused"), *words])
        check(code == 2 and says in output, says, f"{code}: {output}")

    pair = ["--tls-certificate", certificate, "--tls-key", key]
    wrong("tls-client-authority needs tls-certificate", "--tls-client-authority", CLIENTS)
    wrong("tls-client-required needs tls-client-authority", *pair, "--tls-client-required")
    wrong("cannot be used as TLS authority of clients", *pair, "--tls-client-authority", "/nonexistent")
    for word in ("certificate:build.example", "certificate:dns:", "certificate:ip:10.0.0.1", "certificate:dns:a%2"):
        bad = scratch("bad")
        with open(bad, "w") as out:
            out.write(f"key K secret-of-nobody {word} b=read\n")
        os.chmod(bad, 0o600)
        wrong("expected: certificate:KIND:NAME", "--credentials", bad)


write(LINES)
ACCESS_LOG = scratch("access.log")
SERVER = Server(args=["--tls-certificate", certificate, "--tls-key", key, "--tls-client-authority", CLIENTS, "--credentials", FILE,
                      "--access-log", ACCESS_LOG, "--access-log-format", "json"])
for bucket in ("builds", "other", "public"):
    equal(status(None, "PUT", f"/{bucket}", headers=signed("PUT", f"/{bucket}")), 200, f"the bucket {bucket}")
    equal(status(None, "PUT", f"/{bucket}/one", body=b"1", headers=signed("PUT", f"/{bucket}/one")), 200, "and an object")
whose()
browsers()
refused()
resumed()
changes()
required()
check(SERVER.stop(), "it stops in good order")
done()
