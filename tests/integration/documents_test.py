#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Man pages and completions, which are made from --help: every command and option is in each, their languages are right, and the units and the RPM's specification are."""
import glob
import os
import re
import shutil
import subprocess

from sluicetest import ROOT, SLUICE, check, done, equal, scratch, skip

FOLDER = scratch("documents")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def said(*words):
    return run(SLUICE, *words).stdout


def read(path):
    with open(os.path.join(FOLDER, path), encoding="utf-8") as file:
        return file.read()


made = run(os.path.join(ROOT, "deploy/package/documents.py"), SLUICE, ROOT, FOLDER)
check(made.returncode == 0, "man pages and completions are written", made.stderr)
commands = [name for name in re.findall(r"^  ([a-z]+)  +[a-z]", said("help"), re.M) if name not in ("help", "sluice", "curl")]
check(len(commands) >= 8, "the program tells its commands", str(commands))
flags = {name: re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", said("help", name), re.M) for name in commands}
manual = read("man/sluice.1").replace("\\-", "-")
completions = {name: read(f"completions/{name}") for name in ("sluice.bash", "_sluice", "sluice.fish")}

for command in commands:
    section = re.search(rf"^\.SH SLUICE {command.upper()}$(.*?)^\.SH ", manual, re.S | re.M)
    equal([flag for flag in flags[command] if section is None or not re.search(rf"^\.B .*{flag}\b", section.group(1), re.M)], [], f"sluice(1) has each option of {command}")
    equal([flag for flag in flags[command] if f"-l {flag[2:]}" not in completions["sluice.fish"]], [], f"fish completes each option of {command}")
    equal([flag for flag in flags[command] if f"{flag}[" not in completions["_sluice"]], [], f"zsh completes each option of {command}")
settings = set(re.findall(r"^#([a-z-]+) = ", open(os.path.join(ROOT, "deploy/sluice.conf.sample"), encoding="utf-8").read(), re.M))
equal(sorted(name for name in settings if f".B {name} = " not in read("man/sluice.conf.5").replace("\\-", "-")), [], "sluice.conf(5) has each setting of the sample")
functions = re.findall(r"^SLUICE_API .*?\b(sluice_\w+)\(", open(os.path.join(ROOT, "api/sluice.h"), encoding="utf-8").read(), re.M)
equal([name for name in functions if name + "(" not in read("man/libsluice.3")], [], "libsluice(3) has each function")


def complete(*words):
    """What bash offers after these words, the last of which is being typed."""
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; printf "%s\\n" "${COMPREPLY[@]}"'
    return run("bash", "-c", script, os.path.join(FOLDER, "completions/sluice.bash"), *words).stdout.split()


equal(complete("sluice", "se"), ["serve"], "bash completes a command")
for command in commands:
    equal(sorted(complete("sluice", command, "--")), sorted(set(flags[command])), f"bash completes each option of {command}")
equal(complete("sluice", "serve", "--durability", "r"), ["relaxed"], "bash completes a choice")
for shell, name in (("zsh", "_sluice"), ("fish", "sluice.fish")):
    if shutil.which(shell):
        equal(run(shell, "-n", os.path.join(FOLDER, "completions", name)).stderr, "", f"{shell} reads its completion")
    else:
        skip(f"{shell} reads its completion", "it is not here")
if shutil.which("man"):
    for path in sorted(glob.glob(os.path.join(FOLDER, "man/*"))):
        equal(run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path).stderr, "", f"man reads {os.path.basename(path)} without a warning")
else:
    skip("man reads the pages", "it is not here")

# ---- The RPM's specification ----
spec = open(os.path.join(ROOT, "deploy/package/sluice.spec"), encoding="utf-8").read()
check(f"\nVersion:        {said('--version').split()[1]}\n" in spec, "sluice.spec has the version of sluice.h")
if shutil.which("rpmspec"):
    equal(run("rpmspec", "-P", os.path.join(ROOT, "deploy/package/sluice.spec")).stderr, "", "rpmspec reads it")
else:
    skip("rpmspec reads it", "it is not here")

# ---- Units ----
if shutil.which("systemd-analyze"):
    for name in ("sluice.service", "sluice.socket", "sluice-backup.service", "sluice-backup.timer"):
        with open(os.path.join(ROOT, "deploy", name), encoding="utf-8") as file, open(scratch(name), "w", encoding="utf-8") as unit:
            unit.write(file.read().replace("/usr/local/bin/sluice", SLUICE))
    for name in ("sluice.service", "sluice.socket", "sluice-backup.service", "sluice-backup.timer"):
        told = run("systemd-analyze", "verify", "--man=no", scratch(name))
        equal([line for line in (told.stdout + told.stderr).splitlines() if "sluice" in line], [], f"systemd-analyze has nothing to say of {name}")
else:
    skip("systemd-analyze reads the units", "it is not here")
done()
