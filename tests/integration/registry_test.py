#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Docker registry that keeps its images in the server by its S3 driver, with keys on: pushes in one piece and in chunks, pulls by
tag and digest, by the registry and by the presigned URLs it redirects to, tags, a mount, deletion and garbage collection, with
restarts of both in between. The registry is driven by its HTTP API, as docker does, so that no docker is needed."""
import atexit
import contextlib
import hashlib
import http.client
import json
import os
import subprocess
import time
import urllib.parse

from sluicetest import ACCESS, SECRET, Server, check, done, equal, exchange, free_port, have, ok, pattern_file, run, s3_client, scratch, skip

MIB = 1 << 20
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
BUCKET = "images"


class Registry:
    """A docker-registry process with the S3 driver on that server."""

    def __init__(self, server, redirect):
        self.port = free_port()
        self.config = scratch("registry.yml")
        with open(self.config, "w") as file:
            file.write(f"""version: 0.1
log: {{level: warn}}
storage:
  s3: {{accesskey: "{ACCESS}", secretkey: "{SECRET}", region: us-east-1, regionendpoint: "{server.url}", bucket: {BUCKET}, secure: false,
       v4auth: true, chunksize: 5242880, rootdirectory: /registry}}
  delete: {{enabled: true}}
  redirect: {{disable: {"false" if redirect else "true"}}}
http: {{addr: "127.0.0.1:{self.port}", secret: only-for-tests}}
""")
        self.log = scratch("registry.log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={"PATH": os.environ["PATH"], "HOME": scratch(), "OTEL_TRACES_EXPORTER": "none"})
        atexit.register(self.stop)
        deadline = time.monotonic() + 120
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.request("GET", "/v2/")[0] == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError("the registry did not start: " + self.log_text()[-600:])

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def request(self, method, path, body=None, headers=None):
        return exchange(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), method, path, body, headers)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=20)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def local(location):
    """Path and query of the URL that the registry said to go on with."""
    url = urllib.parse.urlsplit(location)
    return url.path + ("?" + url.query if url.query else "")


def push_blob(registry, name, data, chunk=None):
    """Pushes a layer, in chunks of that size if one is given; the statuses of the answers."""
    status, headers, _ = registry.request("POST", f"/v2/{name}/blobs/uploads/")
    statuses = [status]
    for at in range(0, len(data), chunk) if chunk else ():
        piece = data[at:at + chunk]
        status, headers, _ = registry.request("PATCH", local(headers["location"]), piece,
                                              {"Content-Type": "application/octet-stream", "Content-Range": f"{at}-{at + len(piece) - 1}"})
        statuses.append(status)
        equal(headers.get("range"), f"0-{at + len(piece) - 1}", f"registry: the chunk at {at} is kept")
    path = local(headers["location"])
    path += ("&" if "?" in path else "?") + "digest=" + digest_of(data)
    status, headers, _ = registry.request("PUT", path, None if chunk else data, {"Content-Type": "application/octet-stream"})
    return statuses + [status]


def push_image(registry, name, tag, config, layers):
    """Pushes the manifest; its digest."""
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": digest_of(config)},
                "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(layer), "digest": digest_of(layer)}
                           for layer in layers]}
    body = json.dumps(manifest).encode()
    status, headers, text = registry.request("PUT", f"/v2/{name}/manifests/{tag}", body, {"Content-Type": MANIFEST})
    check(status == 201 and headers.get("docker-content-digest") == digest_of(body), f"registry: {name}:{tag} is pushed", f"{status} {text}")
    return digest_of(body)


def pull_image(registry, name, reference, label):
    """Everything that a pull fetches: the manifest, and the blobs it names."""
    status, headers, body = registry.request("GET", f"/v2/{name}/manifests/{reference}", headers={"Accept": MANIFEST})
    if not check(status == 200 and headers.get("docker-content-digest") == digest_of(body), f"registry: {label}: the manifest", f"{status} {body}"):
        return
    manifest = json.loads(body)
    for blob in [manifest["config"], *manifest["layers"]]:
        status, headers, body = registry.request("GET", f"/v2/{name}/blobs/{blob['digest']}")
        equal((status, len(body), digest_of(body)), (200, blob["size"], blob["digest"]), f"registry: {label}: a blob of {blob['size']} bytes")


def pushes(registry):
    equal(push_blob(registry, "app", config), [202, 201], "registry: a small blob in one piece")
    equal(push_blob(registry, "app", layers[0]), [202, 201], "registry: a layer in one piece")
    equal(push_blob(registry, "app", layers[1], 6 * MIB), [202, 202, 202, 202, 202, 201], "registry: a layer in chunks")
    equal(push_blob(registry, "app", layers[2], 700_000), [202, 202, 202, 202, 202, 201], "registry: a layer in chunks smaller than a part")
    status, _, body = registry.request("HEAD", f"/v2/app/blobs/{digest_of(layers[1])}")
    equal(status, 200, "registry: the layer is there")
    status, headers, _ = registry.request("POST", "/v2/app/blobs/uploads/")
    path = local(headers["location"])
    status, _, body = registry.request("PUT", path + ("&" if "?" in path else "?") + "digest=" + digest_of(b"other"), b"bytes")
    check(status == 400 and b"DIGEST_INVALID" in body, "registry: a body of another digest is refused", f"{status} {body}")
    digest = push_image(registry, "app", "1.0", config, layers)
    equal(push_image(registry, "app", "latest", config, layers), digest, "registry: the same image by another tag")
    status, _, body = registry.request("POST", f"/v2/copy/blobs/uploads/?mount={digest_of(layers[1])}&from=app")
    equal(status, 201, "registry: a layer is mounted into another image")
    return digest


def pulls(registry, digest, label):
    pull_image(registry, "app", "1.0", f"{label}, by tag")
    pull_image(registry, "app", digest, f"{label}, by digest")
    equal(sorted(json.loads(registry.request("GET", "/v2/app/tags/list")[2])["tags"]), ["1.0", "latest"], f"registry: {label}: the tags")
    equal(json.loads(registry.request("GET", "/v2/_catalog")[2])["repositories"], ["app", "copy"], f"registry: {label}: the catalogue")
    status, headers, body = registry.request("GET", f"/v2/app/blobs/{digest_of(layers[0])}", headers={"Range": "bytes=1000-1999"})
    equal((status, body), (206, layers[0][1000:2000]), f"registry: {label}: a range of a layer")
    equal(registry.request("GET", f"/v2/app/blobs/{digest_of(b'never')}")[0], 404, f"registry: {label}: a layer that is not there")


def redirected(registry, server):
    """Docker follows the registry's redirections to presigned URLs of the server."""
    for number, layer in enumerate(layers):
        status, headers, _ = registry.request("GET", f"/v2/app/blobs/{digest_of(layer)}")
        check(status == 307 and headers.get("location", "").startswith(server.url + "/" + BUCKET + "/"), "registry: sends a client to the server", headers)
        status, _, body = server.request("GET", local(headers["location"]))
        equal((status, digest_of(body)), (200, digest_of(layer)), f"registry: layer {number} by its presigned URL")


def stored(server, data):
    """The keys under which a blob's bytes lie in the bucket."""
    pages = s3_client(server).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="registry/docker/registry/v2/blobs/")
    return [entry["Key"] for page in pages for entry in page.get("Contents", []) if digest_of(data)[7:] in entry["Key"]]


def deletion(registry, server, digest):
    equal(len(stored(server, layers[0])), 1, "registry: a layer is one object")
    equal(registry.request("DELETE", f"/v2/app/manifests/{digest}")[0], 202, "registry: an image is deleted")
    equal(registry.request("GET", "/v2/app/manifests/1.0", headers={"Accept": MANIFEST})[0], 404, "registry: and no tag finds it")
    registry.stop()
    ok("registry: garbage-collect", run(["docker-registry", "garbage-collect", registry.config], {"HOME": scratch()}), "eligible for deletion")
    equal(stored(server, layers[0]), [], "registry: the layers of the image are gone")
    equal(s3_client(server).list_multipart_uploads(Bucket=BUCKET).get("Uploads", []), [], "registry: no upload is left")


if not have("docker-registry"):
    skip("Docker registry", "docker-registry is not installed")
    done()
config = b'{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
layers = []
for seed, size in enumerate((3 * MIB + 1, 24 * MIB, 2_500_000)):
    with open(pattern_file(f"layer{seed}", size, seed=60 + seed), "rb") as file:
        layers.append(file.read())
server = Server(keys=True)
s3_client(server).create_bucket(Bucket=BUCKET)
registry = Registry(server, redirect=False)
digest = pushes(registry)
pulls(registry, digest, "just pushed")
registry.stop()
check(server.stop(), "the server ends with status 0")
server = Server(data=server.data, keys=True)
registry = Registry(server, redirect=False)
pulls(registry, digest, "after restarts")
registry.stop()
registry = Registry(server, redirect=True)
redirected(registry, server)
deletion(registry, server, digest)
check(server.stop(), "the server ends with status 0")
done()
