#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A hostile page on another port, in a real browser on the machine of a server without keys: what it sends arrives, and changes
nothing. browser_test.py has the same requests one by one."""
import base64
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.parse

from sluicetest import ACCESS, SECRET, Server, check, done, equal, poll, scratch, skip

CHROMIUM = shutil.which("chromium")

PAGE = """<!DOCTYPE html><title>hostile</title><p id=said>nothing</p><iframe name=frame></iframe>
<form id=form method=post enctype=multipart/form-data target=frame action="TARGET/bucket"><input name=key value=page><input name=file value=evil></form>
<img src="TARGET/bucket/page">
<script>
const form = new FormData();
form.append("key", "page"); form.append("file", new Blob(["<script>evil()<" + "/script>"], {type: "text/html"}), "page.html");
const sent = [
    fetch("TARGET/bucket", {method: "POST", mode: "no-cors", body: form}),
    fetch("TARGET/bucket?delete", {method: "POST", mode: "no-cors", body: "<Delete><Object><Key>page</Key></Object></Delete>"}),
    fetch("TARGET/bucket/x?uploads", {method: "POST", mode: "no-cors"}),
    fetch("TARGET/bucket/page", {method: "PUT", body: "evil"}),
    fetch("TARGET/bucket/page", {method: "DELETE"}),
    fetch("TARGET/bucket").then(answer => answer.text()).then(text => { throw text; }),
];
document.getElementById("form").submit();
Promise.allSettled(sent).then(all => { document.getElementById("said").textContent = all.map(one => one.status + ":" + (one.reason || "")).join(" "); });
</script>"""


# Stored where anybody may store: it has the origin of what its reader may see. The credentials of its address are asked for by the frame, and lent from then on.
STORED = b"""<!DOCTYPE html><title>stored</title><p id=said>nothing</p><iframe id=one src="/private?list-type=2"></iframe><iframe name=two></iframe>
<form id=form method=post enctype=text/plain target=two action="/private?delete"><input name="<Delete><Object><Key>secret</Key></Object></Delete><!--" value="-->"></form>
<script>
document.getElementById("one").onload = async () => {
    const said = [];
    try { said.push("frame:" + document.getElementById("one").contentDocument.documentElement.outerHTML); } catch (error) { said.push("frame:" + error.name); }
    for (const how of [{}, {method: "DELETE"}, {method: "PUT", body: "evil"}]) {
        const answer = await fetch(location.protocol + "//" + location.host + "/private/secret", how);
        said.push("fetch:" + answer.status + (await answer.text()));
    }
    document.getElementById("form").submit();
    document.getElementById("said").textContent = said.join(" ");
};
</script>"""


class Hostile(http.server.BaseHTTPRequestHandler):
    page = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_):
        pass


def show(url, *flags):
    """What the browser made of the page: its DOM, once nothing is under way any more."""
    profile = tempfile.mkdtemp(dir=scratch())
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
               f"--user-data-dir={profile}", "--virtual-time-budget=8000", *flags, "--dump-dom", url]
    browser = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={"HOME": profile, "PATH": "/usr/bin:/bin"},
                               start_new_session=True)
    try:
        return browser.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        return "" # it takes a download for something that never ends
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def asked(log):
    """(method, path with query, status) of each line of the access log."""
    with open(log) as file:
        lines = [json.loads(line) for line in file]
    return [(line["method"], line["path"] + line["query"], line["status"]) for line in lines]


def lent():
    """What was typed into the browser is not for every page that is stored here."""
    credentials, log = scratch("lent"), scratch("lent.log")
    with open(credentials, "w") as file:
        file.write(f"key {ACCESS} {SECRET} owner:reader *=all\nanonymous bucket=all\n")
    os.chmod(credentials, 0o600)
    server = Server(args=["--credentials", credentials, "--access-log", log, "--access-log-format", "json", "--pages", "off"]) # whose objects would have no origin
    who = {"Authorization": "Basic " + base64.b64encode(f"{ACCESS}:{SECRET}".encode()).decode()}
    for bucket in ("bucket", "private"):
        server.request("PUT", f"/{bucket}", headers=who)
    server.request("PUT", "/private/secret", b"what is private", who)
    server.request("PUT", "/bucket/stored.html", STORED, {"Content-Type": "text/html"})
    told = show(f"http://{ACCESS}:{urllib.parse.quote(SECRET, safe='')}@127.0.0.1:{server.port}/bucket/stored.html")
    poll(lambda: ("POST", "/private?delete", 403) in asked(log))
    lines = asked(log)
    check(("GET", "/private?list-type=2", 401) in lines and ("GET", "/private?list-type=2", 200) in lines, "the browser is invited, and shows what it was told", str(lines))
    said = re.search("<p id=\"said\">(.*?)</p>", told, re.S)
    check(said is not None and said.group(1).count("fetch:403") == 3 and "frame:" in said.group(1), "a stored page that its reader looks at asks in vain", told[-900:])
    check("what is private" not in told and "ListBucketResult" not in told, "and reads nothing, not what it has in a frame either")
    check(("POST", "/private?delete", 403) in lines, "its form is refused", str(lines))
    equal(server.request("GET", "/private/secret", headers=who)[2], b"what is private", "the object is as it was")
    check(server.stop(), "the server ends cleanly")


def main():
    if CHROMIUM is None:
        skip("a hostile page in a browser", "chromium is not installed")
        return done()
    log = scratch("access.log")
    server = Server(args=["--access-log", log, "--access-log-format", "json"])
    server.request("PUT", "/bucket")
    server.request("PUT", "/bucket/page", b"mine")
    evil = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    origin = f"http://localhost:{evil.server_address[1]}" # for a browser another site than 127.0.0.1
    Hostile.page = PAGE.replace("TARGET", f"http://127.0.0.1:{server.port}").encode()

    told = show(origin)
    if "hostile" not in told:
        skip("a hostile page in a browser", "chromium shows no page here")
        return done()
    check(re.search("fulfilled: fulfilled: fulfilled: rejected:.*rejected:.*rejected:", told), "three requests went out unasked, three needed leave", told[-600:])
    check("evil" not in re.search("<p id=\"said\">(.*?)</p>", told).group(1) and "<Name>" not in told, "the page read nothing")
    wanted = {("POST", "/bucket"), ("POST", "/bucket?delete"), ("POST", "/bucket/x?uploads"), ("GET", "/bucket/page"), ("GET", "/bucket")}
    poll(lambda: wanted <= {line[:2] for line in asked(log)})
    lines = [line for line in asked(log) if line[0] in ("GET", "POST") and line[:2] in wanted]
    equal(({line[:2] for line in lines}, {line[2] for line in lines}), (wanted, {403}), "all of it arrived and was refused")
    equal([line for line in asked(log)[2:] if line[0] in ("PUT", "DELETE")], [], "what needs leave was not even sent")
    equal(server.request("GET", "/bucket/page")[2], b"mine", "the object is as it was")
    check(b"<Upload>" not in server.request("GET", "/bucket?uploads")[2], "and no upload was begun")

    told = show(f"http://rebound.example:{server.port}/bucket/page", "--host-resolver-rules=MAP rebound.example 127.0.0.1")
    check("AccessDenied" in told and "mine" not in told, "a name that comes to mean this machine is refused", told[-600:])

    script = b"<!DOCTYPE html><p id=p>as stored</p><script>document.getElementById('p').textContent = 'it ' + 'ran'</script>"
    server.request("PUT", "/bucket/page.html", script, {"Content-Type": "text/html"})
    told = show(f"http://127.0.0.1:{server.port}/bucket/page.html")
    check("as stored" in told and "it ran" not in told, "a stored page is shown, and its script does not run", told[-600:])

    server.request("PUT", "/bucket?cors", f"<CORSConfiguration><CORSRule><AllowedMethod>POST</AllowedMethod><AllowedOrigin>{origin}</AllowedOrigin></CORSRule></CORSConfiguration>".encode())
    show(origin)
    check(server.request("GET", "/bucket/page")[2] != b"mine", "with a rule of the bucket, the same form is taken")
    check(server.stop(), "the server ends cleanly")

    credentials = scratch("credentials")
    with open(credentials, "w") as file:
        file.write(f"key {ACCESS} {SECRET} *=all\nanonymous bucket=all\n")
    os.chmod(credentials, 0o600)
    server = Server(data=server.data, args=["--credentials", credentials])
    check("it ran" in show(f"http://127.0.0.1:{server.port}/bucket/page.html"), "with keys, the same page runs: what is public is its owner's matter")
    check(server.stop(), "the server ends cleanly")
    lent()
    done()


main()
