#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sluice run: a store for as long as a command runs. What the command finds, what becomes of its exit status and of signals, and that nothing is left:
no server, no folder, however it ends."""
import contextlib
import glob
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from sluicetest import SLUICE, check, done, equal, fresh, have, poll, scratch, skip

FOLDER = scratch("run-tmp")
os.mkdir(FOLDER)
ENVIRONMENT = {**{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}, "TMPDIR": FOLDER}


def run(*words, env=None, **more):
    """(status, standard output, standard error)"""
    result = subprocess.run([SLUICE, "run", *words], env={**ENVIRONMENT, **(env or {})}, capture_output=True, text=True, timeout=60, **more)
    return result.returncode, result.stdout, result.stderr


def folders():
    return glob.glob(f"{FOLDER}/sluice-run.*")


def start(code, *options, words=(), **more):
    """A command in Python that says a line when it is ready: the process, and that line."""
    process = subprocess.Popen([*words, SLUICE, "run", *options, "--", sys.executable, "-uc", code], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True, **more)
    return process, process.stdout.readline().strip()


def is_served(url):
    with contextlib.suppress(OSError):
        socket.create_connection(url.split("//")[1].split(":"), 5).close()
        return True
    return False


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def is_gone(url):
    return poll(lambda: not is_served(url)) and poll(lambda: not folders())


WAIT = """
import os, signal, sys, time
def end(number, frame):
    print("got", number, flush=True)
    sys.exit(40 + number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, end)
print(os.environ["AWS_ENDPOINT_URL"], os.getpid(), flush=True)
time.sleep(60)
"""


# ---- What the command finds -------------------------------------------------------------------------------------------------


def environment():
    dirty = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "x", "AWS_ACCESS_KEY_ID": "mine", "SLUICE_DATA": "/nowhere", "SLUICE_LISTEN": "bad",
             "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "NO_PROXY": "a.example"}
    status, output, errors = run("--bucket", "first:public", "--bucket", "second", "--", "env", env=dirty)
    found = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    equal((status, errors), (0, ""), "it runs, and says nothing itself")
    check(found["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:"), "AWS_ENDPOINT_URL names the server", found.get("AWS_ENDPOINT_URL"))
    equal([found.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "SLUICE_BUCKET")],
          [found["AWS_ENDPOINT_URL"], "us-east-1", "us-east-1", "first"], "so do the others")
    check(found["AWS_ACCESS_KEY_ID"] != "mine" and len(found["AWS_SECRET_ACCESS_KEY"]) >= 40, "there is a fresh key")
    equal([name for name in dirty if name in found and name not in ("AWS_ACCESS_KEY_ID", "NO_PROXY")], [], "what would lead elsewhere is taken out")
    equal(found["NO_PROXY"], "a.example,127.0.0.1,localhost,::1", "loopback is not asked for by a proxy")
    again = dict(line.split("=", 1) for line in run("--", "env")[1].splitlines() if "=" in line)
    check(again["AWS_SECRET_ACCESS_KEY"] != found["AWS_SECRET_ACCESS_KEY"], "each run has its own key")
    check("SLUICE_BUCKET" not in again, "without a bucket there is no SLUICE_BUCKET")
    status, output, _ = run("--", "sh", "-c", "umask; ulimit -Sn; cat; stat -c %a $TMPDIR/sluice-run.*; curl -s -o /dev/null -w '%{http_code}' $AWS_ENDPOINT_URL/",
                            input="typed\n", preexec_fn=lambda: os.umask(0o027))
    limit = subprocess.run(["sh", "-c", "ulimit -Sn"], capture_output=True, text=True).stdout.strip()
    equal(output.split(), ["0027", limit, "typed", "700", "401"], "umask, limits and input are its own, the folder is private, the store wants the key")
    equal(folders(), [], "the folder is gone")
    status, output, _ = run("--", sys.executable, "-c", "import os; print(*sorted(os.listdir('/proc/self/fd'))[:-1])")  # the last lists them
    equal(output.split(), ["0", "1", "2"], "nothing of the server's is open in the command")


def clients():
    if not have("aws"):
        skip("aws cli", "not installed")
    else:
        script = 'aws --endpoint-url $AWS_ENDPOINT_URL s3 cp "$0" s3://$SLUICE_BUCKET/key --no-progress && aws --endpoint-url $AWS_ENDPOINT_URL s3 cp s3://$SLUICE_BUCKET/key - | cmp - "$0" && echo same'
        status, output, errors = run("--bucket", "artifacts", "--durability", "relaxed", "--", "sh", "-c", script, SLUICE)
        check(status == 0 and "same" in output, "the aws cli works inside", f"{status} {output} {errors}")
    # Releases before 1.28 do not know AWS_ENDPOINT_URL, and are told.
    script = """
import os, boto3
s3 = boto3.client("s3", **({} if tuple(map(int, boto3.__version__.split(".")[:2])) >= (1, 28) else {"endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"]}))
s3.put_object(Bucket=os.environ["SLUICE_BUCKET"], Key="key", Body=b"body")
print(s3.get_object(Bucket=os.environ["SLUICE_BUCKET"], Key="key")["Body"].read(), [b["Name"] for b in s3.list_buckets()["Buckets"]])
"""
    status, output, errors = run("--bucket", "artifacts", "--", sys.executable, "-c", script)
    equal((status, output.strip()), (0, "b'body' ['artifacts']"), "boto3 does")
    status, output, _ = run("--bucket", "artifacts:public", "--", "sh", "-c", "curl -s $AWS_ENDPOINT_URL/artifacts?list-type=2")
    check("<KeyCount>0</KeyCount>" in output, "a public bucket is public inside", output)


def caches():
    """What build tools read from the environment leads them to the caches, and lets them in."""
    script = """
curl -s -o /dev/null -w '%{http_code} ' -H "Authorization: Bearer $NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN" -T /etc/hostname $NX_SELF_HOSTED_REMOTE_CACHE_SERVER/v1/cache/00ff
curl -s -H "Authorization: Bearer $NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN" $NX_SELF_HOSTED_REMOTE_CACHE_SERVER/v1/cache/00ff | cmp - /etc/hostname && printf 'same '
curl -s -o /dev/null -w '%{http_code} ' $NX_SELF_HOSTED_REMOTE_CACHE_SERVER/v1/cache/00ff
curl -s -H "Authorization: Bearer $TURBO_TOKEN" "$TURBO_API/v8/artifacts/status?slug=$TURBO_TEAM"
curl -s -o /dev/null -w ' %{http_code} ' -u $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY -T /etc/hostname ${SLUICE_CACHE_GRADLE}0123456789abcdef0123456789abcdef
curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $SLUICE_TOKEN" ${SLUICE_CACHE_HTTP}some/file
printf '%s' "$SLUICE_BAZELRC"
"""
    words = [word for spec in ("nx bucket=cis name=web prefix=nx/", "turbo bucket=cis prefix=turbo/", "gradle bucket=cis prefix=gradle/", "http bucket=cis prefix=http/")
             for word in ("--cache", spec)]
    status, output, errors = run(*words, "--", "sh", "-c", script)
    equal((status, output, errors), (0, '200 same 401 {"status":"enabled"} 200 404', ""), "the variables of caches lead to them, and let in")
    script = """
service() { curl -s -w ' %{http_code} ' -H "Authorization: Bearer $ACTIONS_RUNTIME_TOKEN" -H 'Content-Type: application/json' -d "$2" ${ACTIONS_RESULTS_URL}twirp/github.actions.results.api.v1.$1; }
service CacheService/GetCacheEntryDownloadURL '{"key":"k","version":"'$(printf %064d 0)'"}'
service ArtifactService/ListArtifacts '{"workflow_run_backend_id":"run","workflow_job_run_backend_id":"job"}'
curl -s -o /dev/null -w '%{http_code} ' -H "Authorization: Bearer $ACTIONS_RUNTIME_TOKEN" "${ACTIONS_CACHE_URL}_apis/artifactcache/cache?keys=k&version=$(printf %064d 0)"
curl -s -o /dev/null -w '%{http_code} ' "${ACTIONS_CACHE_URL}_apis/artifactcache/cache?keys=k&version=$(printf %064d 0)"
echo $ACTIONS_RUNTIME_TOKEN | cut -d. -f2 | base64 -d; echo " $ACTIONS_CACHE_SERVICE_V2"
"""
    status, output, errors = run("--cache", "github name=gh bucket=acts", "--", "sh", "-c", script)
    equal((status, output, errors), (0, '{"ok":false} 200 {"artifacts":[]} 200 204 401 {"scp":"Actions.Results:run:job"} true\n', ""), "so do those of GitHub's services")
    script = """
stat -c %a "$SLUICE_BAZELRC"
sed "s#$SLUICE_TOKEN#TOKEN#; s#$AWS_ENDPOINT_URL#URL#" "$SLUICE_BAZELRC"
"""
    status, output, errors = run("--cache", "bazel name=b bucket=cis", "--cache", "bazel bucket=more", "--", "sh", "-c", script)
    equal((status, output, errors), (0, '600\nbuild --remote_cache=URL/-/cache/b\nbuild --remote_header=Authorization="Bearer TOKEN"\n', ""), "Bazel gets its flags in a file, which nobody else reads")
    equal(folders(), [], "and which goes with the store")
    status, _, errors = run("--cache", "nix bucket=cis", "--", "true")
    check(status == 125 and "begins with a kind" in errors, "a cache of no kind is refused", f"{status} {errors}")
    if not have("ccache") or not have("cc"):
        skip("ccache", "not installed")
        return
    script = """
printf 'int main(void) { return 0; }' >$TMPDIR/m.c
for i in 1 2; do CCACHE_DIR=$TMPDIR/ccache-$i ccache cc -c $TMPDIR/m.c -o $TMPDIR/m$i.o || exit; done
CCACHE_DIR=$TMPDIR/ccache-2 ccache --print-stats | grep -E '^remote_storage_(hit|read_hit|error)'
"""
    status, output, errors = run("--cache", "ccache bucket=cis", "--", "sh", "-c", script)
    found = dict(line.split() for line in output.splitlines())
    check(status == 0 and found.get("remote_storage_hit", found.get("remote_storage_read_hit")) not in (None, "0") and found.get("remote_storage_error", "0") == "0",
          "ccache has a remote hit", f"{status} {output} {errors}")


def kept():
    status, _, errors = run("--bucket", "artifacts", "--keep", "--", "sh", "-c",
                            "curl -s --aws-sigv4 aws:amz:us-east-1:s3 --user $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY -T /etc/hostname $AWS_ENDPOINT_URL/artifacts/key")
    found = folders()
    equal((status, len(found)), (0, 1), "--keep keeps the folder")
    equal(errors, f"sluice: the store is kept in {found[0]}/data\n", "and says where it is")
    result = subprocess.run([SLUICE, "check", "--data", f"{found[0]}/data"], capture_output=True, text=True)
    check(result.returncode == 0 and "1 object" in result.stdout, "the store is whole", result.stdout + result.stderr)
    subprocess.run(["rm", "-rf", *found], check=True)


# ---- How it ends ------------------------------------------------------------------------------------------------------------


def statuses():
    equal([run("--", "sh", "-c", f"exit {status}")[0] for status in (0, 7, 255)], [0, 7, 255], "the command's exit status is handed on")
    equal([run("--", "sh", "-c", f"kill -{number} $$")[0] for number in (9, 15)], [137, 143], "so is the signal that ended it")
    equal([run("--", words)[0] for words in ("no-such-command", "/etc/passwd")], [127, 126], "what cannot be run has a status of its own")
    check("no-such-command: No such file" in run("--", "no-such-command")[2], "and a line that says why")
    for words, text in (((), "nothing to run"), (("--",), "nothing to run"), (("--bucket", "Bad", "--", "true"), "not a valid bucket name"), (("true",), "unexpected argument"),
                        (("--data", "x", "--", "true"), "not an option of sluice run"), (("--listen", "127.0.0.1:1", "--", "true"), "not an option")):
        status, _, errors = run(*words)
        check(status == 125 and text in errors, f"refused: run {' '.join(words)}", f"{status} {errors}")
    status, _, errors = run("--", "true", env={"TMPDIR": fresh("nowhere")})
    check(status == 125 and "cannot make a folder" in errors, "a folder that cannot be made", errors)
    equal(folders(), [], "nothing is left of any of them")


def signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        process, line = start(WAIT)
        process.send_signal(number)
        output = process.stdout.read()
        equal((process.wait(30), output), (40 + number, f"got {int(number)}\n"), f"{number.name} is handed on, once, and the command's answer counts")
        check(is_gone(line.split()[0]), f"and nothing is left after {number.name}")
    process, line = start("import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getppid(), flush=True); time.sleep(1); os._exit(3)")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(30), 3, "a command that ignores one goes on")
    process.stdout.close()
    process, line = start(WAIT.replace("signal.SIGHUP, ", ""), words=("nohup",), stderr=subprocess.DEVNULL)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    check(process.poll() is None and is_served(line.split()[0]), "under nohup a hang-up is ignored, as the command ignores it")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(30), 55, "another signal is not")
    process.stdout.close()


def read_until(master, pattern):
    """What the terminal shows that matches."""
    seen, end = b"", time.monotonic() + 120
    while not (found := re.search(pattern, seen)):
        if time.monotonic() > end or not select.select([master], [], [], 30)[0]:
            raise TimeoutError(f"{pattern} is not in {seen}")
        seen += os.read(master, 1000)
    return found.group()


def terminal():
    """^C comes to the whole group by itself: the command must see one, not two. ^Z stops both, and they go on."""
    waiting = """
import os, signal, sys, time
if sys.argv[1] == "apart":
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
came = []
signal.signal(signal.SIGINT, lambda *_: came.append(1))
print("ready", flush=True)
while not came:
    time.sleep(0.02)
print("end", flush=True)
"""
    if not have("strace"): # which counts what is sent: two that come at once are one to the command
        skip("^C at a terminal", "no strace")
    else:
        for place, wanted, name in (("here", 0, "^C at a terminal reaches the command by itself"), ("apart", 1, "a command in a group of its own is told of it")):
            trace = fresh("kill.trace")
            pid, master = pty.fork()
            if pid == 0:
                os.execve(shutil.which("strace"), ["strace", "-qq", "-e", "trace=kill", "-o", trace, SLUICE, "run", "--", sys.executable, "-c", waiting, place],
                          {**ENVIRONMENT, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})  # which a tracer prevents
            read_until(master, b"ready")
            os.write(master, b"\x03")
            read_until(master, b"end")
            os.waitpid(pid, 0)
            os.close(master)
            with open(trace) as file:
                equal(sum(", SIGINT)" in line for line in file), wanted, name)

    # A shell with job control, as a person has it.
    pid, master = pty.fork()
    if pid == 0:
        os.execve("/bin/bash", ["bash", "--norc", "-i"], {**ENVIRONMENT, "PS1": "$ ", "TERM": "dumb"})
    read_until(master, rb"\$ ")
    os.write(master, f"{SLUICE} run -- sh -c 'echo rea\"\"dy; sleep 1; curl -s -o /dev/null -w \"[%{{http_code}}]\" $AWS_ENDPOINT_URL'\n".encode())
    read_until(master, b"ready")
    os.write(master, b"\x1a")
    equal(read_until(master, b"Stopped"), b"Stopped", "^Z stops it")
    os.write(master, b"fg\n")
    equal(read_until(master, rb"\[\d{3}\]"), b"[401]", "and fg lets it go on")
    os.write(master, b"exit\n")
    os.waitpid(pid, 0)
    os.close(master)


def killed():
    process, line = start(WAIT)
    url, pid = line.split()
    equal((is_served(url), len(folders())), (True, 1), "it is served")
    process.kill()
    process.wait()
    check(is_gone(url), "kill -9 leaves no server and no folder")
    check(poll(lambda: not is_alive(pid)), "the command gets SIGTERM")
    equal(process.stdout.read(), f"got {int(signal.SIGTERM)}\n", "and may clean up")

    process, line = start(WAIT, start_new_session=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    check(is_gone(line.split()[0]), "kill -9 of all of the group leaves none either")
    process.stdout.close()


    # At whatever moment: while it starts, too.
    for i in range(12):
        processes = [subprocess.Popen([SLUICE, "run", "--bucket", "artifacts", "--", "sleep", "20"], env=ENVIRONMENT, stderr=subprocess.DEVNULL) for _ in range(4)]
        time.sleep(i * 0.006)
        for process in processes:
            process.kill()
            process.wait()
    check(poll(lambda: not folders()), "kill -9 at any moment leaves no folder", folders())


def orphaned():
    stubborn = WAIT.replace("sys.exit", "print")  # is told, and goes on
    parent = "import subprocess, sys\nprocess = subprocess.Popen(sys.argv[1:])\nprocess.wait()"
    for code, name in ((WAIT, "the command gets SIGTERM, and it ends"), (stubborn, "a command that goes on is killed after a while")):
        process = subprocess.Popen([sys.executable, "-c", parent, SLUICE, "run", "--", sys.executable, "-uc", code], env=ENVIRONMENT,
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        url, pid = process.stdout.readline().split()
        process.kill()
        process.wait()
        check(poll(lambda: not is_alive(pid), 30), f"when its parent dies {name}")
        check(is_gone(url), "and nothing is left")
        process.stdout.close()

    # The end of the thread that started it is not the end of the parent.
    started = []
    thread = threading.Thread(target=lambda: started.append(start(WAIT)))
    thread.start()
    thread.join()
    process, line = started[0]
    time.sleep(0.5)
    check(process.poll() is None and is_served(line.split()[0]), "it outlives a thread of its parent's")
    process.terminate()
    equal(process.wait(30), 55, "and ends as usual")
    process.stdout.close()


environment()
clients()
caches()
kept()
statuses()
signals()
terminal()
killed()
orphaned()
done()
