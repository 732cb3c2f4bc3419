#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keys from files, and from what systemd hands to a service: used where they are right, refused where others may read them."""
import os

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, fresh, make_certificate, run, s3_client, scratch


def write(path, text, mode=0o600):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def good(name, **how):
    server = Server(**how)
    client = s3_client(server)
    client.create_bucket(Bucket="bucket")
    equal([bucket["Name"] for bucket in client.list_buckets()["Buckets"]], ["bucket"], f"{name}: the key is good")
    equal(server.request("GET", "/bucket")[0], 401, f"{name}: and needed")
    check(SECRET not in server.log_text(), f"{name}: and in no log")
    check(server.stop(), f"{name}: the server stops")


def bad(name, says, env=None, args=()):
    clean = {k: "" for k in os.environ if k.startswith("SLUICE_")}
    for words in ((), ("--check-config",)):
        status, output = run(["timeout", "20", SLUICE, "serve", "--data", fresh("refused"), "--listen", "127.0.0.1:0", *args, *words],
                             env={**clean, **(env or {})})
        check(status == 2 and says in output and SECRET not in output, f"{name} is refused{' by --check-config' if words else ''}", f"{status}: {output}")


access = write(scratch("access"), ACCESS + "\n")
secret = write(scratch("secret"), SECRET + "\n")
good("by the environment", env={"SLUICE_ACCESS_KEY_FILE": access, "SLUICE_SECRET_KEY_FILE": secret})
good("by flags", args=["--access-key-file", access, "--secret-key-file", secret])
good("one of each", env={"SLUICE_ACCESS_KEY": ACCESS}, args=["--secret-key-file", secret])
good("without an end of line", env={"SLUICE_ACCESS_KEY_FILE": access, "SLUICE_SECRET_KEY_FILE": write(scratch("endless"), SECRET)})
group = write(scratch("group"), SECRET, 0o640)
if os.geteuid() == 0:
    good("given to a group by root", env={"SLUICE_ACCESS_KEY_FILE": access, "SLUICE_SECRET_KEY_FILE": group})
    os.chown(group, 1234, -1)
bad("readable by a group that root has not given it to", "others than its owner may read", {"SLUICE_ACCESS_KEY_FILE": access, "SLUICE_SECRET_KEY_FILE": group})
config = write(scratch("sluice.conf"), f"access-key-file = {access}\nsecret-key-file = {secret}\n")
good("by the configuration file", args=["--config", config])

public = write(scratch("public"), SECRET, 0o644)
both = {"SLUICE_ACCESS_KEY_FILE": access}
bad("a file that anybody may read", "others than its owner may read", {**both, "SLUICE_SECRET_KEY_FILE": public})
bad("a credentials file that others may read", "others than its owner may read", args=["--credentials", write(scratch("open-credentials"), f"key {ACCESS} {SECRET} *=all\n", 0o644)])
certificate, key, _ = make_certificate("exposed")
os.chmod(key, 0o644)
bad("a private key that others may read", "others than its owner may read", args=["--tls-certificate", certificate, "--tls-key", key])
bad("an empty file", "not one line", {**both, "SLUICE_SECRET_KEY_FILE": write(scratch("empty"), "")})
bad("two lines", "not one line", {**both, "SLUICE_SECRET_KEY_FILE": write(scratch("two"), SECRET + "\n" + SECRET + "\n")})
bad("too long a line", "longer than a key", {**both, "SLUICE_SECRET_KEY_FILE": write(scratch("long"), "x" * 1000)})
bad("a file that is not there", "No such file", {**both, "SLUICE_SECRET_KEY_FILE": scratch("nowhere")})
bad("a folder", "Is a directory", {**both, "SLUICE_SECRET_KEY_FILE": scratch()})
bad("a secret alone", "a key needs both", {"SLUICE_SECRET_KEY_FILE": secret})
bad("a secret said twice", "exclude each other", {**both, "SLUICE_SECRET_KEY": SECRET, "SLUICE_SECRET_KEY_FILE": secret})

# What LoadCredential= makes of files.
handed = scratch("handed")
os.mkdir(handed, 0o700)
write(os.path.join(handed, "access-key"), ACCESS, 0o400)
write(os.path.join(handed, "secret-key"), SECRET, 0o400)
good("by LoadCredential=", env={"CREDENTIALS_DIRECTORY": handed})
good("what is said otherwise goes before it", env={"CREDENTIALS_DIRECTORY": handed, "SLUICE_ACCESS_KEY": ACCESS, "SLUICE_SECRET_KEY_FILE": secret})
os.remove(os.path.join(handed, "access-key"))
bad("half a key by LoadCredential=", "a key needs both", {"CREDENTIALS_DIRECTORY": handed})
os.remove(os.path.join(handed, "secret-key"))
write(os.path.join(handed, "credentials"), f"key {ACCESS} {SECRET} *=all\n", 0o400)
good("a credentials file by LoadCredential=", env={"CREDENTIALS_DIRECTORY": handed})
other = write(scratch("credentials"), f"key {ACCESS} {SECRET} *=all\n")
write(os.path.join(handed, "credentials"), "key OTHER another/secret *=all\n", 0o400)
good("a credentials file that is named goes before it", env={"CREDENTIALS_DIRECTORY": handed}, args=["--credentials", other])
good("an empty folder of credentials", env={"CREDENTIALS_DIRECTORY": fresh("none")}, keys=True)
done()
