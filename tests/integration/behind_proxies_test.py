#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Behind nginx, HAProxy and Caddy, set up as deploy/proxies has it: what S3 clients do arrives unchanged, signatures hold, the client's address is its
own and cannot be forged, and a secret that is shown counts as private where the proxy took it by TLS."""
import json
import os
import socket
import subprocess

from sluicetest import (ACCESS, ROOT, SECRET, Server, check, done, equal, free_port, fresh, have, make_certificate, pattern_file, poll, run, s3_client, scratch, sha256_file,
                        skip, trust)

RECIPES = os.path.join(ROOT, "deploy", "proxies")
CLIENT = "127.0.0.7"  # an address that is no proxy's
certificate, key, authority = make_certificate(names="DNS:localhost,DNS:*.localhost,IP:127.0.0.1")
trust(authority)


def recipe(name, changes):
    """The recipe with what is this machine's in its place; each change has to be there."""
    with open(os.path.join(RECIPES, name)) as file:
        text = file.read()
    for old, new in changes:
        check(old in text, f"{name} has {old!r}")
        text = text.replace(old, new)
    return text


def write(path, text):
    with open(path, "w") as out:
        out.write(text)
    return path


def start(command, port):
    """The proxy; None when it does not come up."""
    log = fresh("proxy.log")
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def answers():
        with socket.socket() as sock:
            return process.poll() is not None or sock.connect_ex(("127.0.0.1", port)) == 0

    with open(log, errors="replace") as out:
        check(poll(answers) and process.poll() is None, f"{os.path.basename(command[0])} takes the recipe and serves", out.read()[-800:])
    return process


class Proxied:
    """A server with a proxy before it, at url."""

    def __init__(self, server, process, url):
        self.server, self.process, self.url = server, process, url


def serve(*words):
    log = fresh("access.log")
    server = Server(keys=True, args=["--trusted-proxy", "127.0.0.1", "--workers", "1", "--access-log", log, "--access-log-format", "json", *words])
    server.access_log = log
    return server


def nginx():
    server, port = serve(), free_port()
    folder = fresh("nginx")
    os.mkdir(folder)
    site = recipe("nginx.conf", [("127.0.0.1:9000", f"127.0.0.1:{server.port}"), ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
                                 ("s3.example.com *.s3.example.com", "localhost *.localhost 127.0.0.1"), ("/etc/nginx/fullchain.pem", certificate),
                                 ("/etc/nginx/privkey.pem", key)])
    user = "user root;\n" if os.getuid() == 0 else ""
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf = write(os.path.join(folder, "nginx.conf"), f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
                 f"http {{\naccess_log off;\n{temporary}{site}\n}}\n")
    return Proxied(server, start(["nginx", "-p", folder, "-c", conf], port), f"https://localhost:{port}")


def joined_pair():
    path = write(scratch("joined.pem"), open(certificate).read() + open(key).read())
    os.chmod(path, 0o600)
    return path


def haproxy(server, url_port, tls_port, server_tls_port=None):
    text = recipe("haproxy.cfg", [("127.0.0.1:9000", f"127.0.0.1:{server.port}"), ("bind :443 ssl crt /etc/haproxy/s3.pem", f"bind 127.0.0.1:{url_port} ssl crt {joined_pair()}"),
                                  ("bind :9444", f"bind 127.0.0.1:{tls_port}"), ("127.0.0.1:9443", f"127.0.0.1:{server_tls_port or server.port}")])
    conf = write(fresh("haproxy.cfg"), text)
    return start(["haproxy", "-db", "-f", conf], url_port)


def haproxy_http():
    server, port = serve(), free_port()
    return Proxied(server, haproxy(server, port, free_port()), f"https://localhost:{port}")


def haproxy_tcp():
    server = serve("--tls-certificate", certificate, "--tls-key", key, "--tls-listen", "127.0.0.1:0", "--proxy-protocol", "tls-listen")
    port = free_port()
    process = haproxy(server, free_port(), port, server.tls_url.rsplit(":", 1)[1])
    return Proxied(server, process, f"https://localhost:{port}")


def caddy():
    server, port = serve(), free_port()
    text = recipe("Caddyfile", [("127.0.0.1:9000", f"127.0.0.1:{server.port}"), ("s3.example.com {", f"https://localhost:{port} {{\n\ttls {certificate} {key}")])
    conf = write(fresh("Caddyfile"), "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    os.environ.update(XDG_DATA_HOME=scratch("caddy-data"), XDG_CONFIG_HOME=scratch("caddy-config"))
    return Proxied(server, start(["caddy", "run", "--adapter", "caddyfile", "--config", conf], port), f"https://localhost:{port}")


# ---- What is asked through each

ODD = ["plain.txt", "a b/c+d%25e//f?g=h&i#j", "ünïcode/☃ snow", "dots/a..b/~tilde", "quote'\"<>[]{}|\\^`", "sub/%2F/percent"]


def objects(name, proxied):
    client = s3_client(proxied, s3={"addressing_style": "path"})
    client.create_bucket(Bucket="behind")
    for odd in ODD:
        client.put_object(Bucket="behind", Key=odd, Body=odd.encode(), Metadata={"under_score": "one", "dash-ed": "two"}, ContentType="text/x-odd")
        got = client.get_object(Bucket="behind", Key=odd)
        told = {name.lower(): value for name, value in got["Metadata"].items()}  # Caddy writes names in its own way
        equal((got["Body"].read(), told, got["ContentType"]), (odd.encode(), {"under_score": "one", "dash-ed": "two"}, "text/x-odd"), f"{name}: {odd!r}")
    equal(sorted(row["Key"] for row in client.list_objects_v2(Bucket="behind")["Contents"]), sorted(ODD), f"{name}: they are listed")
    equal(client.get_object(Bucket="behind", Key="plain.txt", Range="bytes=2-4")["Body"].read(), b"ain", f"{name}: a range")
    equal(client.head_object(Bucket="behind", Key="plain.txt")["ContentLength"], 9, f"{name}: HEAD")
    large = pattern_file("large", 20_000_000)
    client.upload_file(large, "behind", "large")  # in parts, by several connections
    back = fresh("back")
    client.download_file("behind", "large", back)
    equal(sha256_file(back), sha256_file(large), f"{name}: 20 MB in parts, and back")
    client.delete_objects(Bucket="behind", Delete={"Objects": [{"Key": odd} for odd in ODD]})
    equal([row["Key"] for row in client.list_objects_v2(Bucket="behind")["Contents"]], ["large"], f"{name}: they are deleted")
    return client


def curl(*words):
    status, output = run(["curl", "-sS", "-q", "--interface", CLIENT, "--max-time", "30", *words])
    return output if status == 0 else f"curl: {status} {output}"


def by_curl(name, proxied, client):
    large = scratch("large")
    url = client.generate_presigned_url("put_object", {"Bucket": "behind", "Key": "presigned it"}, 600)
    equal(curl("-T", large, "-H", "Expect: 100-continue", "-H", "X-Forwarded-For: 6.6.6.6", "-o", os.devnull, "-w", "%{http_code}", url), "200",
          f"{name}: 20 MB to a presigned URL, with Expect")
    url = client.generate_presigned_url("get_object", {"Bucket": "behind", "Key": "presigned it"}, 600)
    back = fresh("back")
    equal(curl("-o", back, "-w", "%{http_code}", url), "200", f"{name}: and back")
    equal(sha256_file(back), sha256_file(large), f"{name}: the same bytes")
    pipe = subprocess.run(["bash", "-c", f"cat {large} | curl -sS -q --interface {CLIENT} -u {ACCESS}:{SECRET} -T - -o /dev/null -w '%{{http_code}}' {proxied.url}/behind/chunked"],
                          capture_output=True, text=True, timeout=60)
    equal(pipe.stdout, "200", f"{name}: of unknown length, with a secret that is shown by TLS")
    equal(client.head_object(Bucket="behind", Key="chunked")["ContentLength"], 20_000_000, f"{name}: it is there")
    codes = curl(*[word for _ in range(20) for word in ("-u", f"{ACCESS}:{SECRET}", "-o", os.devnull, "-w", "%{http_code} ", f"{proxied.url}/behind/none", "--next", "-sS", "-q",
                                                         "--interface", CLIENT)][:-5])
    equal(set(codes.split()), {"404"}, f"{name}: one request after the other on one connection")


def addresses(name, proxied):
    proxied.server.stop()
    with open(proxied.server.access_log) as file:
        remotes = {row["remote"] for row in map(json.loads, file) if "presigned" in json.dumps(row)}
    equal(remotes, {CLIENT}, f"{name}: the log has the client's address, whatever he says himself")


for name, program, make in (("nginx", "nginx", nginx), ("HAProxy", "haproxy", haproxy_http), ("HAProxy, TLS unread", "haproxy", haproxy_tcp), ("Caddy", "caddy", caddy)):
    if not have(program):
        skip(name, f"{program} is not installed")
        continue
    proxied = make()
    by_curl(name, proxied, objects(name, proxied))
    proxied.process.terminate()
    proxied.process.wait(120)
    addresses(name, proxied)
done()
