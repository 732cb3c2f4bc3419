#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BuildKit's cache of type s3: a daemon of its own builds a Dockerfile with a RUN, keeps what it made in a bucket, forgets it, and builds once
more. buildkitd and buildctl are built from the Go proxy; it needs root and Debian's runc."""
import os
import subprocess

from caches import fetched, own_copy, recipe, run, s3_story, serve, write
from registry import BUILD, check, done, needs
from sluicetest import fresh, poll, scratch, skip

CLIENT = "BuildKit"
go, compiler, _ = needs(CLIENT, "go", "cc", "runc")
if os.geteuid() != 0:
    skip(CLIENT, "it needs root: its containers are mounts and namespaces")
    done()
folder = own_copy("buildkit")
if not fetched(CLIENT, folder, [go, "build", "-mod=readonly", "-o", folder + os.sep, "github.com/moby/buildkit/cmd/buildkitd", "github.com/moby/buildkit/cmd/buildctl"],
               {"GOPATH": os.path.join(BUILD, "clients", "go-path"), "GOCACHE": os.path.join(BUILD, "clients", "go-cache"), "GOFLAGS": "-modcacherw",
                "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}, 600):
    done()

place = write(fresh("buildkit"), {"Dockerfile": "FROM scratch\nCOPY program /program\nCOPY source.txt /source.txt\nRUN [\"/program\"]\n", "program.c": """#include <stdio.h>
int main(void)
{
    char text[64];
    FILE *in = fopen("/source.txt", "r"), *out = fopen("/built.txt", "w");

    puts("this step was taken");
    return in == NULL || out == NULL || fgets(text, sizeof(text), in) == NULL || fputs(text, out) < 0 || fclose(out) != 0;
}
"""})
status, output = run([compiler, "-static", "-O2", "-o", "program", "program.c"], place, {})
check(status == 0, "a program without libraries", output)
# Not in the memory that scratch folders may be, and with a short path for its socket.
root, socket = fresh("buildkit-root"), "unix://" + scratch("bk.sock")
log = open(scratch("buildkitd.log"), "w")
daemon = subprocess.Popen([os.path.join(folder, "buildkitd"), "--root", root, "--addr", socket, "--oci-worker-snapshotter=native", "--containerd-worker=false"],
                          stdout=log, stderr=log, stdin=subprocess.DEVNULL)
control = [os.path.join(folder, "buildctl"), "--addr", socket]
if not poll(lambda: daemon.poll() is not None or run([*control, "debug", "workers"], place, {}, 20)[0] == 0, 30) or daemon.poll() is not None:
    daemon.kill()
    skip(CLIENT, "its daemon does not start: " + " ".join(open(log.name).read().split())[-300:])
    done()


def build(who, content):
    write(place, {"source.txt": content})
    run([*control, "prune", "--all"], place, {})
    secret = {"main": "s3-main-secret-0123456789", "reader": "s3-reader-secret-0123456789"}.get(who, "another-secret-0123456789")
    options = recipe("buildkit", who, AWS_ACCESS_KEY_ID="S3READER" if who == "reader" else "S3MAIN", AWS_SECRET_ACCESS_KEY=secret,
                     **({"SLUICE_READ_ONLY": "1"} if who == "reader" else {})).split()
    out = fresh("buildkit-out")
    status, output = run([*control, "build", "--progress=plain", "--frontend=dockerfile.v0", "--local=context=.", "--local=dockerfile=.", f"--output=type=local,dest={out}", *options],
                         place, {}, 120)
    built = os.path.join(out, "built.txt")
    whole = os.path.exists(built) and open(built).read() == content
    return (status if whole or status else 1), "this step was taken" not in output, output


server = serve([], "--bucket", "ci-s3", more="key S3MAIN s3-main-secret-0123456789 ci-s3=read,write,list\nkey S3READER s3-reader-secret-0123456789 ci-s3=read,list\n")
try:
    status, output = run([*control, "build", "--progress=plain", "--frontend=dockerfile.v0", "--local=context=.", "--local=dockerfile=.", "--output=type=local,dest=" + fresh("none")],
                         write(place, {"source.txt": "first"}), {}, 120)
    if status != 0:
        skip(CLIENT, "its containers do not run here: " + " ".join(output.split())[-300:])
    else:
        s3_story(CLIENT, build)
finally:
    run([*control, "prune", "--all"], place, {})
    daemon.terminate()
    daemon.wait(30)
check(server.stop(), "the server ends with status 0")
done()
