#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What websites are for: a Python index for pip, a flat repository for apt, and pages for a browser, each by its real client; put there by `sluice put`, as
deploy/README.md has it. And that a large file leaves by sendfile."""
import base64
import contextlib
import hashlib
import html
import os
import re
import signal
import subprocess
import tempfile
import urllib.parse
import zipfile

from sluicetest import SLUICE, Server, check, done, equal, fresh, have, ok, pattern_file, poll, run, scratch, sha256_file, skip

SITE, LOG = "site", scratch("access.log")
server = Server(args=["--access-log", LOG, "--bucket", SITE, "--website-domain", "localhost", "--website-listen", f"127.0.0.1:0={SITE}"])
WEB = server.urls[1]
PORT = int(WEB.rsplit(":", 1)[1])


def put_folder(folder, prefix=""):
    status, output = run([SLUICE, "put", "-q", "-r", folder, f"{server.url}/{SITE}/{prefix}"])
    check(status == 0, f"sluice put {os.path.basename(folder)}", output)


def write(path, text, mode="w"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as out:
        out.write(text)


def index(folder):
    """A page of links, with the digests that pip compares."""
    links = []
    for name in sorted(os.listdir(folder)):
        is_folder = os.path.isdir(os.path.join(folder, name))
        end = "/" if is_folder else "#sha256=" + sha256_file(os.path.join(folder, name))
        links.append(f'<a href="{html.escape(name)}{end}">{html.escape(name)}</a><br>')
    write(os.path.join(folder, "index.html"), "<!DOCTYPE html><html><body>\n" + "\n".join(links) + "\n</body></html>\n")


# ---- pip ----


def wheel(folder, name, version, needs=""):
    """A package of one module, built by hand: a wheel is a ZIP with a list of what is in it."""
    info = f"{name}-{version}.dist-info"
    files = {f"{name}.py": f"version = {version!r}\n", f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"}
    record = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n" for path, text in files.items())
    os.makedirs(folder, exist_ok=True)
    with zipfile.ZipFile(os.path.join(folder, f"{name}-{version}-py3-none-any.whl"), "w") as out:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            out.writestr(path, text)


def pip():
    if subprocess.run(["/usr/bin/python3", "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        skip("pip", "it is not installed")
        return
    root = fresh("python")
    for name, version, needs in (("sluicehello", "1.0", ""), ("sluicehello", "1.1", "Requires-Dist: sluiceworld\n"), ("sluiceworld", "2.0", "")):
        wheel(f"{root}/simple/{name}", name, version, needs)
        wheel(f"{root}/wheels", name, version, needs)
    for folder in ("simple/sluicehello", "simple/sluiceworld", "simple", "wheels"):
        index(f"{root}/{folder}")
    put_folder(root, "python/")
    base = ["/usr/bin/python3", "-m", "pip", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "install", "--no-compile"]

    def installed(what, *words):
        target = fresh("installed")
        ok(what, run([*base, "--target", target, *words], env={"PIP_CONFIG_FILE": "/dev/null", "HOME": scratch()}))
        return sorted(name for name in os.listdir(target) if name.endswith(".py")) if os.path.isdir(target) else [], target

    names, target = installed("pip install --index-url", "--index-url", f"{WEB}/python/simple/", "sluicehello")
    equal(names, ["sluicehello.py", "sluiceworld.py"], "it found the newest one, and what that needs")
    with open(os.path.join(target, "sluicehello.py")) as file:
        equal(file.read(), "version = '1.1'\n", "with its bytes")
    equal(installed("pip install --find-links", "--no-index", "--find-links", f"{WEB}/python/wheels/", "sluicehello==1.0")[0], ["sluicehello.py"], "an older one by --find-links")
    equal(installed("pip install, by an index whose URL lacks the slash", "--index-url", f"{WEB}/python/simple", "sluiceworld")[0], ["sluiceworld.py"], "it is led there")
    status, output = run([*base, "--target", fresh("installed"), "--index-url", f"{WEB}/python/simple/", "sluicenone"])
    check(status != 0 and "No matching distribution" in output, "what is not there is not found", output[-300:])


# ---- apt ----


def package(folder, name, version):
    root = fresh("package")
    write(f"{root}/usr/share/{name}/hello", f"{name} {version}\n")
    write(f"{root}/DEBIAN/control", f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: hello\n")
    os.makedirs(folder, exist_ok=True)
    return run(["dpkg-deb", "--root-owner-group", "-b", root, f"{folder}/{name}_{version}_all.deb"])[0] == 0


def apt():
    if not all(map(have, ("apt-get", "dpkg-deb", "dpkg-scanpackages"))):
        skip("apt", "apt or dpkg-dev is not installed")
        return
    repository = fresh("repository")
    check(package(repository, "sluice-hello", "1.0") and package(repository, "sluice-hello", "1.1+b~1"), "packages are built")
    packages = subprocess.run(["dpkg-scanpackages", "-m", "."], cwd=repository, capture_output=True, text=True, check=True).stdout
    write(f"{repository}/Packages", packages)
    subprocess.run(["gzip", "-nk", f"{repository}/Packages"], check=True)
    put_folder(repository, "debian/")
    root = fresh("apt")
    for folder in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "state/lists/partial", "cache/archives/partial", "down"):
        os.makedirs(f"{root}/{folder}")
    write(f"{root}/status", "")
    write(f"{root}/sources.list", f"deb [trusted=yes] {WEB}/debian ./\n")
    write(f"{root}/apt.conf", f'Dir::Etc "{root}/etc/apt"; Dir::Etc::sourcelist "{root}/sources.list"; Dir::Etc::sourceparts "-"; Dir::State "{root}/state"; Dir::Cache "{root}/cache";\n'
          f'Dir::State::status "{root}/status"; APT::Sandbox::User "root"; Acquire::http::Proxy "false"; Acquire::Languages "none";\n')
    environment = {"APT_CONFIG": f"{root}/apt.conf", "HOME": scratch(), "LC_ALL": "C.UTF-8"}
    status, output = run(["apt-get", "-q", "update"], env=environment)
    check(status == 0 and re.search(r"^Get:.* Packages", output, re.M), "apt-get update", output[-800:])
    result = subprocess.run(["apt-get", "-q", "download", "sluice-hello"], cwd=f"{root}/down", env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    names = os.listdir(f"{root}/down")
    check(result.returncode == 0 and len(names) == 1 and "1.1+b~1" in names[0].replace("%2b", "+").replace("%7e", "~"), "apt-get download takes the newest", f"{names} {result.stdout}{result.stderr}")
    if names:
        equal(sha256_file(f"{root}/down/{names[0]}"), sha256_file(f"{repository}/sluice-hello_1.1+b~1_all.deb"), "with its bytes")
    status, output = run(["apt-get", "-q", "update"], env=environment)
    check(status == 0 and not re.search(r"^Get:", output, re.M), "a second update fetches nothing again", output[-500:])
    status, output = run(["apt-cache", "policy", "sluice-hello"], env=environment)
    check("Candidate: 1.1+b~1" in output and WEB in output, "apt-cache knows where it is from", output)


# ---- A browser ----

HOME = """<!DOCTYPE html><title>home</title><link rel=stylesheet href="style.css"><p>home</p><script src="say.js"></script>"""
# What it found it says by asking for it, which the access log has.
SAY = """addEventListener("load", async () => {
    const lost = await fetch("lost"), folder = await fetch("sub"), put = await fetch("say.js", {method: "PUT", body: "x"});
    document.cookie = "a=b";
    fetch("said?" + encodeURIComponent([getComputedStyle(document.body).color, lost.status, (await lost.text()).trim(), folder.status,
                                        new URL(folder.url).pathname, put.status, document.cookie].join("|")));
});"""


def said():
    with open(LOG) as file:
        return [urllib.parse.unquote(text) for text in re.findall(r'"GET [^ ]*/said\?([^ ]*) ', file.read())]


def show(url, until):
    """Has a browser show the page until that is so."""
    profile = tempfile.mkdtemp(dir=scratch())
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
               f"--user-data-dir={profile}", "--remote-debugging-port=0", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"HOME": profile, "PATH": "/usr/bin:/bin"}, start_new_session=True)
    try:
        return poll(until, 90)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def browser():
    root = fresh("pages")
    write(f"{root}/index.html", HOME)
    write(f"{root}/say.js", SAY)
    write(f"{root}/style.css", "body { color: rgb(1, 2, 3) }")
    write(f"{root}/404.html", "lost page\n")
    write(f"{root}/sub/index.html", "<p>sub")
    put_folder(root)
    status, output = run([SLUICE, "bucket", "website", f"{server.url}/{SITE}", "--error", "404.html"])
    check(status == 0, "sluice bucket website", output)
    if not have("chromium"):
        skip("a browser", "chromium is not installed")
        return
    found = "rgb(1, 2, 3)|404|lost page|200|/sub/|405|a=b"
    for times, url in ((1, WEB + "/"), (2, f"http://{SITE}.localhost:{server.port}/")):
        show(url, lambda times=times: len(said()) == times)
        equal(said(), [found] * times, f"a page with style and script, at a {'place' if times == 1 else 'name'} of its own")
    with open(LOG) as file:
        before = len(file.read())

    def asked():
        with open(LOG) as file:
            return file.read()[before:]

    check(show(f"{server.url}/{SITE}/index.html", lambda: "/favicon.ico " in asked()), "the same page where S3 is served")
    equal((said(), f'"GET /{SITE}/lost ' in asked()), ([found] * 2, False), "its script does not run there")


# ---- Zero copy ----


def zero_copy():
    if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        skip("zero copy", "strace may not trace here")
        return
    trace = scratch("trace")
    traced = Server(args=["--bucket", SITE, "--website-listen", f"127.0.0.1:0={SITE}"], strace=trace, strace_calls="sendfile,read,pread64,preadv,readv,write,writev,sendto,sendmsg", engine="threads")
    large = pattern_file("large", 16 << 20)
    run(["curl", "-sS", "-T", large, f"{traced.url}/{SITE}/large.bin"])
    run(["curl", "-sS", "-T", "-", f"{traced.url}/{SITE}?website"], stdin=open(document_file(), "rb"))
    before = os.path.getsize(trace)
    status, output = run(["curl", "-sS", "-o", fresh("back"), f"{traced.urls[1]}/large.bin"])
    check(status == 0 and sha256_file(scratch("back")) == sha256_file(large), "a large file comes by the website", output)
    traced.stop()
    with open(trace, errors="replace") as file:
        file.seek(before)
        calls = re.findall(r"(\w+)(?:\(| resumed>).*\)\s+= (\d+)", file.read())
    by_sendfile = sum(int(count) for name, count in calls if name == "sendfile")
    otherwise = sum(int(count) for name, count in calls if name != "sendfile")
    check(by_sendfile == 16 << 20 and otherwise < 1 << 20, "by sendfile", f"{by_sendfile} by sendfile, {otherwise} otherwise")


def document_file():
    path = scratch("website.xml")
    write(path, "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>")
    return path


def main():
    browser()
    pip()
    apt()
    check(server.stop(), "the server ends with status 0")
    zero_copy()
    done()


main()
