#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What operators ask: sluice config (settings and where they come from), sluice status URL, and sluice bucket for settings of buckets."""
import json
import os
import signal
import socket
import subprocess

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, fresh, scratch, trusting

bare = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}
bare.update(trusting, HOME=scratch())


def sluice(*words, env=None, stdin=""):
    result = subprocess.run([SLUICE, *words], env={**bare, **(env or {})}, capture_output=True, text=True, timeout=60, input=stdin)
    return result.returncode, result.stdout, result.stderr


# ---- config -----------------------------------------------------------------------------------------------------------------

conf = fresh("sluice.conf")
with open(conf, "w") as file:
    file.write("durability = relaxed\ngrace = 7\nworkers = 3\n")
code, said, _ = sluice("config", "--config", conf, "--workers", "2", env={"SLUICE_GRACE": "9", "SLUICE_ACCESS_KEY": "K", "SLUICE_SECRET_KEY": "very-secret"})
lines = said.splitlines()
check(code == 0 and all(line in lines for line in ("durability = relaxed   # file", "grace = 9   # environment", "workers = 2   # command line",
                                                    "engine = auto   # default")), "each setting has its value and where it comes from", said[:800])
check("very-secret" not in said and "# secret-key: set, and not shown   # environment" in lines, "a secret is not shown")
with open(conf, "w") as file:
    file.write(said)
code, again, told = sluice("config", "--config", conf)
check(code == 0 and "workers = 2   # file" in again.splitlines(), "what it prints is a file that --config takes", told)
equal(sluice("config", "--nonsense")[0], 2, "an option that is none")
equal(sluice("config", "--config", fresh("none"))[0], 2, "a file that is not there")

# ---- status URL ---------------------------------------------------------------------------------------------------------------

server = Server(keys=True)
keys = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
code, said, _ = sluice("status", server.url, env=keys)
check(code == 0 and server.url in said and "health       ok" in said and "connections" in said, "status of a URL is a screen", said)
figures = json.loads(sluice("status", server.url, "--json", env=keys)[1])
check(figures["health"] == "ok" and figures["requests"] >= 2 and figures["free_bytes"] > 0, "or an object", str(figures))
equal(sluice("status", server.url)[0], 4, "the metrics want a key")
with socket.socket() as unused:
    unused.bind(("127.0.0.1", 0))
    equal(sluice("status", f"http://127.0.0.1:{unused.getsockname()[1]}")[0], 5, "nobody is there")
equal(sluice("status", server.url + "/bucket", env=keys)[0], 2, "a bucket is no server")
process = subprocess.Popen([SLUICE, "status", server.url, "--watch", "--json"], env={**bare, **keys}, stdout=subprocess.PIPE, text=True)
process.stdout.readline()
check(json.loads(process.stdout.readline())["health"] == "ok", "--watch shows it again")
process.send_signal(signal.SIGINT)
equal(process.wait(120), 130, "until it is interrupted")

# ---- bucket -------------------------------------------------------------------------------------------------------------------

url = f"{server.url}/settings"
equal(sluice("bucket", "create", url, env=keys)[0], 0, "bucket create")
equal(sluice("bucket", "create", url, env=keys)[0] in (0, 1), True, "a second time it is there")
equal(sluice("bucket", "versions", url, env=keys)[1], "never\n", "it keeps no versions")
equal((sluice("bucket", "versions", url, "on", env=keys)[0], sluice("bucket", "versions", url, env=keys)[1]), (0, "on\n"), "and then does")
equal((sluice("bucket", "versions", url, "off", env=keys)[0], sluice("bucket", "versions", url, env=keys)[1]), (0, "off\n"), "and no more")
equal(sluice("bucket", "versions", url, "maybe", env=keys)[0], 2, "neither on nor off")
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::settings/*"}]}
equal(sluice("bucket", "set", url, "policy", "-", env=keys, stdin=json.dumps(policy))[0], 0, "a policy from standard input")
equal(json.loads(sluice("bucket", "show", url, "policy", env=keys)[1]), policy, "is shown")
equal(sluice("bucket", "unset", url, "policy", env=keys)[0], 0, "and taken away")
equal(sluice("bucket", "show", url, "policy", env=keys)[0], 3, "then there is none")
equal(sluice("bucket", "set", url, "policy", "-", env=keys, stdin="{}")[0], 1, "one that is none is refused")
equal(sluice("bucket", "set", url, "policy", "-", env=keys)[0], 1, "and so is an empty one")
equal(sluice("bucket", "show", url, "website", env=keys)[0], 3, "a bucket is no website at first")
equal(sluice("bucket", "website", url, env=keys)[0], 0, "bucket website")
check("<Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>" in sluice("bucket", "show", url, "website", env=keys)[1], "its index is index.html")
equal(sluice("bucket", "website", url, "--index", "a&b", "--error", "404.html", env=keys)[0], 0, "with other pages")
said = sluice("bucket", "show", url, "website", env=keys)[1]
check("<Suffix>a&amp;b</Suffix>" in said and "<Key>404.html</Key>" in said, "show prints them", said)
equal(sluice("bucket", "website", url, "--index", "a/b", env=keys)[0], 1, "what cannot be an index is refused")
equal([sluice("bucket", *words, env=keys)[0] for words in (("website", url, "--off", "--index", "x"), ("versions", url, "--off"), ("list", "--off"), ("website", url, "more"), ("website",))],
      [2] * 5, "flags and words that do not fit are refused")
equal((sluice("bucket", "website", url, "--off", env=keys)[0], sluice("bucket", "show", url, "website", env=keys)[0]), (0, 3), "it is none any more")
equal(sluice("bucket", "types", url, env=keys)[1], "off\n", "types are not told by names")
equal((sluice("bucket", "types", url, "on", env=keys)[0], sluice("bucket", "types", url, env=keys)[1]), (0, "on\n"), "and then they are")
equal((sluice("bucket", "types", url, "off", env=keys)[0], sluice("bucket", "types", url, env=keys)[1]), (0, "off\n"), "and no more")
equal((sluice("bucket", "types", url, "maybe", env=keys)[0], sluice("bucket", "types", url + "none", env=keys)[0]), (2, 3), "neither on nor off; no bucket")
equal(sluice("bucket", "show", url, "nonsense", env=keys)[0], 2, "a setting that is none")
equal(sluice("bucket", "unset", url, env=keys)[0], 2, "words are missing")
cache = "<CacheConfiguration><MaxSize>1000000</MaxSize></CacheConfiguration>"
equal([sluice("bucket", *words, env=keys)[0] for words in (("create", url + "-shown"), ("website", url + "-shown"), ("types", url + "-shown", "on"))], [0] * 3, "a bucket is told this and that")
equal(sluice("bucket", "set", url + "-shown", "cache", "-", env=keys, stdin=cache)[0], 0, "that it is a cache, too")
status, said = sluice("bucket", "show", url + "-shown", env=keys)[:2]
equal((status, [line.split(" = ")[0] for line in said.splitlines()][:2], said.splitlines()[:2]), (0, ["versions", "types"], ["versions = never", "types = on"]), "show says all of it")
check("\nwebsite = <WebsiteConfiguration" in said and "<MaxSize>1000000</MaxSize>" in said and "policy = " not in said, "and nothing that it was not told", said)
equal(sluice("bucket", "show", url + "-none", env=keys)[0], 3, "of a bucket that is not there it says that")
data = fresh("closed")
equal(sluice("bucket", "create", "local", "--data", data)[0], 0, "a name is a bucket in the store of --data")
equal((sluice("bucket", "versions", "local", "on", "--data", data)[0], sluice("bucket", "versions", "local", "--data", data)[1]), (0, "on\n"), "with its settings")
equal(sluice("bucket", "list", "--data", data)[0], 0, "and bucket list is as it was")
done()
