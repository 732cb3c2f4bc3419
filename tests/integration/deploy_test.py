#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ways to run it in deploy/: the image that deploy/image makes, files for Compose, Kubernetes and Helm, and the step of a CI job. (tests/full runs
the image.)"""
import glob
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile

from sluicetest import ROOT, SLUICE, check, done, equal, fresh, scratch, skip

DEPLOY = os.path.join(ROOT, "deploy")
VERSION = subprocess.run([SLUICE, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def read(path):
    with open(os.path.join(DEPLOY, path), encoding="utf-8") as file:
        return file.read()


# ---- The image ----
def make(name):
    made = run(os.path.join(DEPLOY, "image"), "--program", SLUICE, "--output", scratch(name))
    check(made.returncode == 0, "an image is made", made.stderr)
    with open(scratch(name), "rb") as file:
        return file.read()


check(make("one.tar") == make("two.tar"), "the same program makes the same image")
with tarfile.open(scratch("one.tar")) as archive:
    parts = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
blobs = {name: data for name, data in parts.items() if name.startswith("blobs/")}
equal([name for name, data in blobs.items() if hashlib.sha256(data).hexdigest() != os.path.basename(name)], [], "each blob is what its name says")


def blob(described):
    data = blobs["blobs/" + described["digest"].replace(":", "/")]
    equal(len(data), described["size"], f"{described['mediaType']} is as long as it is said to be")
    return data


manifest = json.loads(blob(json.loads(parts["index.json"])["manifests"][0]))
settings = json.loads(blob(manifest["config"]))
raw = gzip.decompress(blob(manifest["layers"][0]))
equal(settings["rootfs"]["diff_ids"], ["sha256:" + hashlib.sha256(raw).hexdigest()], "the configuration names the layer")
equal(set(json.loads(parts["manifest.json"])[0]["Layers"] + [json.loads(parts["manifest.json"])[0]["Config"]]) - set(blobs), set(), "docker's manifest names the same blobs")
config = settings["config"]
check(re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"]), "its user is a number, and not root", config["User"])
equal((config["Entrypoint"], config["Cmd"], config["Healthcheck"]["Test"]), (["/usr/bin/sluice"], ["serve"], ["CMD", "/usr/bin/sluice", "ping"]), "it serves, and asks itself for its health")
with open(scratch("layer.tar"), "wb") as output:
    output.write(raw)
with tarfile.open(scratch("layer.tar")) as archive:
    members = {member.name: member for member in archive}
    with open(SLUICE, "rb") as program:
        check(archive.extractfile("usr/bin/sluice").read() == program.read(), "the program is in it")
equal((members["data"].uid, members["data"].mode, members["usr/bin/sluice"].uid), (int(config["User"].split(":")[0]), 0o700, 0), "/data is the user's, the program is not")
if shutil.which("buildah"):
    for kind in ("oci-archive", "docker-archive"):
        store = ["buildah", "--storage-driver", "vfs", "--root", scratch(kind), "--runroot", scratch(kind + "-run")]
        pulled = run(*store, "pull", f"{kind}:{scratch('one.tar')}")
        check(pulled.returncode == 0, f"buildah takes it as {kind}", pulled.stderr)
        run(*store, "rmi", "--all", "--force")
else:
    skip("buildah takes the image", "it is not here")

# ---- Files for others ----
for path, pattern in (("compose.yaml", rf"sluice:{re.escape(VERSION)}\}}"), ("kubernetes/sluice.yaml", rf"image: sluice:{re.escape(VERSION)}\n"),
                      ("kubernetes/helm/Chart.yaml", rf'appVersion: "{re.escape(VERSION)}"\n')):
    check(re.search(pattern, read(path)), f"{path} names this version")
for path in ("compose.yaml", "kubernetes/sluice.yaml", "kubernetes/helm/templates/statefulset.yaml", "ci/gitlab.yml", "ci/github/action.yml"):
    names = set(re.findall(r"\bSLUICE_[A-Z_]+", re.sub(r"\$\{?SLUICE_[A-Z_]+", "", read(path)))) - {"SLUICE_PROGRAM", "SLUICE_OPTIONS", "SLUICE_IMAGE", "SLUICE_"}
    told = run(SLUICE, "help", "serve").stdout
    equal(sorted(name for name in names if not re.search(rf"\b{name}\b", told)), [], f"{path} sets variables that there are")
equal({number for path in ("Containerfile", "kubernetes/sluice.yaml", "kubernetes/helm/templates/statefulset.yaml")
       for number in re.findall(r"(?:USER |runAsUser: |runAsGroup: |fsGroup: |chown=)(\d+)", read(path))}, {"10001"}, "the account is the same everywhere")
try:
    import yaml
except ImportError:
    skip("the files are YAML", "python3-yaml is not here")
else:
    documents = {path: list(yaml.safe_load_all(read(path))) for path in ("compose.yaml", "kubernetes/sluice.yaml", "kubernetes/helm/Chart.yaml", "kubernetes/helm/values.yaml",
                                                                         "ci/gitlab.yml", "ci/github/action.yml")}
    equal([len(some) for some in documents.values()], [1, 2, 1, 1, 1, 1], "the files are YAML")
    stateful = documents["kubernetes/sluice.yaml"][1]["spec"]
    equal((stateful["replicas"], stateful["volumeClaimTemplates"][0]["spec"]["accessModes"]), (1, ["ReadWriteOncePod"]), "on Kubernetes there is never a second one")
chart = os.path.join(DEPLOY, "kubernetes/helm")
if shutil.which("helm"):
    keys = ["--set", "auth.accessKey=AKIAEXAMPLE", "--set", "auth.secretKey=change-me"]
    linted = run("helm", "lint", "--strict", chart, *keys)
    check(linted.returncode == 0 and "[ERROR]" not in linted.stdout and "[WARNING]" not in linted.stdout, "helm lint --strict has nothing to say", linted.stdout + linted.stderr)
    shown = run("helm", "template", "one", chart, *keys, "--set", "settings.shared-fs=exclusive")
    check("name: SLUICE_SHARED_FS\n              value: \"exclusive\"" in shown.stdout and "name: one-sluice" in shown.stdout, "settings become variables", shown.stderr)
    check("auth.accessKey and auth.secretKey" in run("helm", "template", "one", chart).stderr, "without a key there is no chart")
else:
    skip("helm lints the chart", "it is not here")

# ---- The step of a CI job ----
folder = fresh("job")
os.makedirs(folder)
places = {"RUNNER_TEMP": folder, "GITHUB_ENV": os.path.join(folder, "env"), "GITHUB_OUTPUT": os.path.join(folder, "output")}
step = run(os.path.join(DEPLOY, "ci/github/start.sh"), env={**os.environ, **places, "SLUICE_PROGRAM": SLUICE, "SLUICE_BUCKETS": "artifacts", "SLUICE_OPTIONS": '--cache "nx bucket=ci-nx"'})
check(step.returncode == 0, "the step of a job starts a server", step.stdout + step.stderr)
with open(places["GITHUB_ENV"], encoding="utf-8") as file:
    told = dict(line.split("=", 1) for line in file.read().splitlines())
with open(places["GITHUB_OUTPUT"], encoding="utf-8") as file:
    equal(file.read(), f"endpoint={told['AWS_ENDPOINT_URL']}\n", "which it tells as its output")
user = ["-u", f"{told['AWS_ACCESS_KEY_ID']}:{told['AWS_SECRET_ACCESS_KEY']}"]
equal(run("curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", *user, "-T", __file__, f"{told['AWS_ENDPOINT_URL']}/artifacts/key").stdout, "200", "the steps that follow may use it")
check(run("curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", f"{told['AWS_ENDPOINT_URL']}/artifacts/key").stdout in ("401", "403"), "and others may not")
check(f"::add-mask::{told['AWS_SECRET_ACCESS_KEY']}\n" in step.stdout, "the secret is hidden in the job's log")
locks = glob.glob(os.path.join(folder, "sluice.*/data/LOCK"))
for process in glob.glob("/proc/[0-9]*/fd/*"):
    if locks and os.path.islink(process):
        try:
            if os.readlink(process) == locks[0]:
                os.kill(int(process.split("/")[2]), signal.SIGTERM)
                break
        except OSError:
            pass # it has ended
failing = run(os.path.join(DEPLOY, "ci/github/start.sh"), env={**os.environ, **places, "SLUICE_PROGRAM": SLUICE, "SLUICE_BUCKETS": "A_B"})
check(failing.returncode != 0 and "A_B" in failing.stdout, "a step that cannot start fails, and says why", failing.stdout)
done()
