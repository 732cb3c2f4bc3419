#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pairs of certificate and key: several by name (SNI); changed while the server runs, also where symbolic links lead to it and by the replacement of folders on the
way, and refused when it is none."""
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, exchange, make_certificate, poll, run, scratch, trust

certificate, key, authority = make_certificate()
trust(authority)
LIVE = [scratch("live.crt"), scratch("live.key")]  # the pair that the server has, and that changes
PAIR = ["--tls-certificate", LIVE[0], "--tls-key", LIVE[1]]
context = ssl.create_default_context(cafile=authority)


def put_pair(new_certificate, new_key):
    for new, live in ((new_certificate, LIVE[0]), (new_key, LIVE[1])):
        shutil.copy(new, live + ".new")
        os.rename(live + ".new", live)


def serial():
    with server.open_socket() as sock:
        return sock.getpeercert()["serialNumber"]


def reload():
    before = serial()
    old = server.connect()
    old.connect()
    other = make_certificate("other", kind=("-newkey", "rsa:2048"))
    put_pair(*other[:2])
    check(poll(lambda: serial() != before), "a changed pair is taken without a signal (ECDSA to RSA)")
    equal(exchange(old, "GET", "/-/healthy")[0], 200, "connections of the old pair go on")
    taken = serial()
    put_pair(certificate, other[1])  # not a pair
    check(poll(lambda: "is not the key of the certificate" in server.log_text()), "a pair that does not match is refused, and the log says so")
    equal(serial(), taken, "and the old one stays")
    with open(LIVE[0], "w") as file:
        file.write("rubbish\n")
    check(poll(lambda: "cannot be used as TLS certificate" in server.log_text()), "rubbish is refused, with the file in the log")
    equal(serial(), taken, "and the old one stays again")
    put_pair(certificate, key)
    os.kill(server.pid, signal.SIGHUP)
    check(poll(lambda: serial() == before), "SIGHUP reads the pair")
    put_pair(*other[:2])
    check(poll(lambda: serial() != before), "the other pair is there again")
    taken = serial()
    exposed = shutil.copy(key, scratch("exposed.key"))
    os.chmod(exposed, 0o644)
    put_pair(certificate, exposed)
    check(poll(lambda: "others than its owner may read the key" in server.log_text()), "a key that others can read is refused")
    equal(serial(), taken, "and the old pair stays")
    os.chmod(LIVE[1], 0o600)
    check(poll(lambda: serial() == before), "until nobody else can, which is seen by itself")


def is_served(port, pair):
    with socket.create_connection(("127.0.0.1", port), 20) as sock, context.wrap_socket(sock, server_hostname="127.0.0.1") as shaken:
        with open(pair[0]) as file:
            return ssl.PEM_cert_to_DER_cert(file.read().split("-----END")[0] + "-----END CERTIFICATE-----\n") == shaken.getpeercert(True)


def links():
    """The pair behind symbolic links into other folders, as ACME clients and administrators lay it out."""
    pairs = [make_certificate(f"linked{number}")[:2] for number in range(4)]
    top = scratch("links")

    def lay(folder, pair, number=""):
        os.makedirs(os.path.join(top, folder), exist_ok=True)
        for source, name in zip(pair, ("fullchain", "privkey")):
            shutil.copy(source, os.path.join(top, folder, f"{name}{number}.pem"))

    def point(link, target, atomic=False):
        name = os.path.join(top, link)
        if atomic:  # ln -sfn, and a Kubernetes secret
            os.symlink(target, name + ".new")
            os.rename(name + ".new", name)
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        os.symlink(target, name)

    for number in (1, 2):
        lay("archive/site", pairs[number - 1], number)
    os.makedirs(os.path.join(top, "live/site"))
    for name in ("privkey", "fullchain"):
        point(f"live/site/{name}.pem", f"../../archive/site/{name}1.pem")
    point("current", "live/site")
    linked = Server(args=["--tls-certificate", os.path.join(top, "current/fullchain.pem"), "--tls-key", os.path.join(top, "current/privkey.pem"),
                          "--tls-listen", "127.0.0.1:0"])
    port = int(linked.tls_url.rsplit(":", 1)[1])

    def serves(pair):
        return is_served(port, pair)

    check(serves(pairs[0]), "a pair behind links is served")
    for name in ("privkey", "fullchain"):
        point(f"live/site/{name}.pem", f"../../archive/site/{name}2.pem")
    check(poll(lambda: serves(pairs[1])), "links that are made anew, as certbot does, are followed without a signal")
    for source, name in zip(pairs[2], ("fullchain", "privkey")):
        shutil.copy(source, os.path.join(top, "archive/site/new"))
        os.rename(os.path.join(top, "archive/site/new"), os.path.join(top, f"archive/site/{name}2.pem"))
    check(poll(lambda: serves(pairs[2])), "so is a pair that takes the old one's place behind the links")
    lay("elsewhere", pairs[3])
    point("current", "elsewhere", atomic=True)
    check(poll(lambda: serves(pairs[3])), "and a link on the way that leads to another folder now")
    lay("elsewhere", pairs[0])
    check(poll(lambda: serves(pairs[0])), "where the pair is watched, too")
    check(linked.stop(), "it stops in good order")


def folders():
    """The pair in plain folders, which are replaced with all that is in them."""
    pairs = [make_certificate(f"plain{number}")[:2] for number in range(6)]
    top = scratch("folders")

    def lay(folder, pair):
        os.makedirs(os.path.join(top, folder), exist_ok=True)
        for source, name in zip(pair, ("fullchain.pem", "privkey.pem")):
            shutil.copy(source, os.path.join(top, folder, name))

    def move(old, new):
        os.rename(os.path.join(top, old), os.path.join(top, new))

    lay("etc/tls/site", pairs[0])
    plain = Server(args=["--tls-certificate", os.path.join(top, "etc/tls/site/fullchain.pem"), "--tls-key", os.path.join(top, "etc/tls/site/privkey.pem"),
                         "--tls-listen", "127.0.0.1:0"])
    port = int(plain.tls_url.rsplit(":", 1)[1])

    def becomes(pair, name):
        check(poll(lambda: is_served(port, pair)), name, plain.log_text()[-500:])

    check(is_served(port, pairs[0]), "a pair in plain folders is served")
    lay("etc/tls/next", pairs[1])
    move("etc/tls/site", "etc/tls/old")
    move("etc/tls/next", "etc/tls/site")
    becomes(pairs[1], "another folder in the place of the pair's is seen")
    lay("next/tls/site", pairs[2])
    move("etc", "old")
    move("next", "etc")
    becomes(pairs[2], "and one further up")
    lay("etc/tls/site", pairs[3])
    becomes(pairs[3], "where the pair is watched, too")
    shutil.rmtree(os.path.join(top, "etc/tls"))
    lay("etc/tls/site", pairs[4])
    becomes(pairs[4], "folders that are deleted and made anew are seen")
    move("etc/tls", "tls")
    check(is_served(port, pairs[4]), "while there is no pair, the old one stays")
    lay("tls/site", pairs[5])
    move("tls", "etc/tls")
    becomes(pairs[5], "until one comes back")
    lay("etc/tls/site", pairs[0])
    becomes(pairs[0], "a change in the folder that is there now is taken")
    check(plain.stop(), "it stops in good order")


def names():
    """Several pairs: each client gets the one for the name that it asks for."""
    pairs = [make_certificate(f"named{number}", names=text)[:2] for number, text in enumerate(
        ("DNS:localhost,IP:127.0.0.1", "DNS:cache.example,DNS:also.example", "DNS:*.wild.example", "DNS:cache.example"))]
    live = [shutil.copy(path, scratch(f"second.{suffix}")) for path, suffix in zip(pairs[1], ("crt", "key"))]
    given = [pairs[0], live, pairs[2]]
    named = Server(args=[word for pair in given for word in ("--tls-certificate", pair[0], "--tls-key", pair[1])])
    port = int(named.url.rsplit(":", 1)[1])

    def gets(name, pair):
        asking = ssl.create_default_context(cafile=authority)
        asking.check_hostname = False
        with socket.create_connection(("127.0.0.1", port), 20) as sock, asking.wrap_socket(sock, server_hostname=name) as shaken:
            with open(pair[0]) as file:
                return ssl.PEM_cert_to_DER_cert(file.read().split("-----END")[0] + "-----END CERTIFICATE-----\n") == shaken.getpeercert(True)

    for name, number in (("localhost", 0), ("127.0.0.1", 0), ("cache.example", 1), ("also.example", 1), ("a.wild.example", 2), ("b.a.wild.example", 0), ("elsewhere.example", 0)):
        check(gets(name, pairs[number]), f"the certificate for {name}")
    for new, old in zip(pairs[3], live):
        shutil.copy(new, old + ".new")
        os.rename(old + ".new", old)
    check(poll(lambda: gets("cache.example", pairs[3])), "a further pair that changes is taken without a signal", named.log_text()[-500:])
    check(gets("also.example", pairs[0]), "its old names are gone with it")
    check(named.stop(), "it stops in good order")
    listed = scratch("listed.conf")
    with open(listed, "w") as out:
        out.write(f"tls-certificate = {pairs[0][0]}\ntls-key = {pairs[0][1]}\ntls-certificate = {pairs[2][0]}\ntls-key = {pairs[2][1]}\n")
    status, output = run([SLUICE, "serve", "--check-config", "--config", listed])
    equal((status, "is fine" in output), (0, True), "pairs from a file")


def options():
    def refused(name, says, *words):
        status, output = run([SLUICE, "serve", "--check-config", "--data", scratch("unused"), *words])
        check(status == 2 and says in output, name, f"{status}: {output}")

    status, output = run([SLUICE, "serve", "--check-config", *PAIR])
    equal((status, "is fine" in output), (0, True), "--check-config takes the pair")
    refused("a certificate without key", "TLS needs both", "--tls-certificate", certificate)
    refused("a TLS port without certificate", "tls-listen needs", "--tls-listen", "127.0.0.1:0")
    refused("a missing certificate", "No such file", "--tls-certificate", "/nonexistent", "--tls-key", key)
    refused("a missing key", "No such file", "--tls-certificate", certificate, "--tls-key", "/nonexistent")
    other = make_certificate("third")
    refused("more certificates than keys", "each needs its own", *PAIR, "--tls-certificate", other[0])
    refused("a further pair that is none", "is not the key of", *PAIR, "--tls-certificate", other[0], "--tls-key", key)
    refused("another's key", "is not the key of", "--tls-certificate", certificate, "--tls-key", other[1])
    locked = scratch("locked.key")
    subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:word", "-out", locked], check=True)
    refused("a key with a passphrase", "passphrase", "--tls-certificate", certificate, "--tls-key", locked)
    refused("HTTPS for everybody without a key", "refusing to listen on 0.0.0.0", *PAIR, "--tls-listen", "0.0.0.0:0")
    refused("and on --listen", "refusing to listen on 0.0.0.0", *PAIR, "--listen", "0.0.0.0:0")
    old = make_certificate("old", days="-1")
    status, output = run([SLUICE, "serve", "--check-config", "--tls-certificate", old[0], "--tls-key", old[1]])
    check(status == 0 and "has expired" in output, "an expired certificate is warned of", output)


put_pair(certificate, key)
server = Server(args=PAIR)
reload()
links()
folders()
names()
options()
check(server.stop(), "it stops in good order")
done()
