#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pages for people in a real browser: looked at, signed in to, uploaded to and deleted from, by mouse and by keyboard, light, dark and narrow; and a stored
report that tries what it can. pages_test.py has the requests one by one."""
import base64
import json
import os
import urllib.parse

from chromium import PROGRAM, Browser
from sluicetest import ACCESS, SECRET, Server, check, done, equal, pattern_file, poll, scratch, sha256_file, skip

EVIL = '<img src=x onerror="window.pwned=1">"\'.txt'

# Contrast of each text with what is behind it, by WCAG 2's formula; the texts that have less than 4.5 (3 where they are large).
CONTRAST = """(() => {
    const parse = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const light = (c) => { const f = c.slice(0, 3).map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
    const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
    const behind = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            layers.push(c);
            if (c[3] === 1) break;
        }
        return layers.reduceRight((below, c) => over(c, below), [255, 255, 255, 1]);
    };
    const poor = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walk.nextNode());) {
        const element = node.parentElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
        if (!node.data.trim() || !box.width || style.visibility === "hidden" || element.closest("script, [hidden]") || element.disabled) continue;
        const paper = behind(element), ink = over(parse(style.color), paper), [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
        const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if ((a + .05) / (b + .05) < (large ? 3 : 4.5)) poor.push(`${node.data.trim().slice(0, 30)}: ${((a + .05) / (b + .05)).toFixed(2)}`);
    }
    return poor;
})()"""

# What can be used and has no name, or is not to be reached.
NAMELESS = """(() => [...document.querySelectorAll("a, button, input:not([type=hidden]), summary, iframe, img, progress, dialog, select")]
    .filter((e) => e.checkVisibility() && !(e.tagName === "IMG" && e.alt === "") && !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.title || e.alt || e.innerText?.trim() || e.labels?.length))
    .map((e) => e.outerHTML.slice(0, 100)))()"""
FOCUSABLE = """[...document.querySelectorAll("a[href], button:not(:disabled), input:not([type=hidden]):not(:disabled), summary, iframe, [tabindex='0']")].filter((e) => e.checkVisibility()).length"""
WIDE = "document.documentElement.scrollWidth > innerWidth"

REPORT = """<!DOCTYPE html><title>report</title><link rel=stylesheet href=report.css><h1>Report</h1><script>
const tell = (what) => { new Image().src = "/open/told-" + encodeURIComponent(what); };
(async () => {
    tell("ran");
    try { tell("parent-" + parent.document.title); } catch (error) { tell("parent-" + error.name); }
    try { tell("cookie-" + document.cookie); } catch (error) { tell("cookie-" + error.name); }
    try { tell("read-" + (await (await fetch("/-/ui/", {credentials: "include"})).text()).length); } catch (error) { tell("read-" + error.name); }
    try { tell("delete-" + (await fetch("/-/ui/s3/docs/notes.txt", {method: "DELETE", credentials: "include", headers: {"x-sluice-csrf": "0".repeat(32)}})).status); } catch (error) { tell("delete-" + error.name); }
    try { tell("put-" + (await fetch("/docs/notes.txt", {method: "PUT", body: "evil"})).status); } catch (error) { tell("put-" + error.name); }
    try { top.location = "/open/away"; tell("top-moved"); } catch (error) { tell("top-" + error.name); }
    tell("end");
})();
</script>"""


def look(page, name, allowed=()):
    """What holds for every page."""
    equal([problem for problem in page.problems if not any(word in problem for word in allowed)], [], f"{name}: nothing is wrong in the console")
    page.problems.clear()
    equal(page.run(CONTRAST), [], f"{name}: every text can be read")
    equal(page.run(NAMELESS), [], f"{name}: everything that can be used has a name")
    check(not page.run(WIDE), f"{name}: nothing is wider than the window")


def names(page):
    return page.run("[...document.querySelectorAll('td.name a')].map((e) => e.textContent)")


def sign_in(page, server):
    page.fill("#key", ACCESS)
    page.fill("#secret", SECRET)
    page.after("document.querySelector('.sign-in form').requestSubmit()")


def by_keyboard(page, name):
    """Tab leads to everything, in the order in which it stands there."""
    page.run("document.activeElement.blur(); window.seen = []; document.addEventListener('focusin', (e) => seen.push(e.target))")
    count = page.run(FOCUSABLE)
    for _ in range(count + 2):
        page.key("Tab")
    order = page.run("seen.map((e, i) => i ? Math.sign(seen[i - 1].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING) : 1)")
    distinct = page.run("new Set(seen).size")
    check(distinct >= count and 0 not in order[:count], f"{name}: the keyboard reaches everything, in order", f"{distinct} of {count}: {order}")


def main():
    if PROGRAM is None:
        skip("pages in a browser", "chromium is not installed")
        return done()
    credentials, log = scratch("credentials"), scratch("access.log")
    with open(credentials, "w") as file:
        file.write(f"key {ACCESS} {SECRET} *=all\nanonymous open=read\n")
    os.chmod(credentials, 0o600)
    server = Server(args=["--credentials", credentials, "--access-log", log, "--access-log-format", "json"])

    who = {"Authorization": "Basic " + base64.b64encode(f"{ACCESS}:{SECRET}".encode()).decode()}

    def put(path, body, kind="text/plain"):
        server.request("PUT", urllib.parse.quote(path), body, {**who, "Content-Type": kind})

    for bucket in ("docs", "open"):
        server.request("PUT", f"/{bucket}", headers=who)
    put("/docs/notes.txt", b"some notes\n")
    put("/docs/folder/inner.txt", b"inner")
    put("/docs/" + EVIL, b"evil")
    put("/docs/build.log", b"\x1b[32mok\x1b[0m \x1b[1;31mfailed\x1b[0m \x1b[33;44mboth\x1b[0m \x1b[90mgrey\x1b[0m \x1b[30mblack\x1b[0m <script>window.pwned=1</script>\n" * 20)
    put("/docs/site/report.html", REPORT.encode(), "text/html")
    put("/docs/site/report.css", b"h1 { color: green }", "text/css")
    put("/docs/picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="200" height="100" fill="teal"/><script>window.pwned=1</script></svg>', "image/svg+xml")

    def asked():
        with open(log) as file:
            return [(line["method"], line["path"], line["status"]) for line in map(json.loads, file)]

    with Browser() as browser:
        page = browser.page()
        page.go(server.url + "/docs/")
        look(page, "the form", ["403"])
        check(page.run("location.pathname") == "/-/ui/b/docs/" and page.run("document.activeElement.id") == "key", "a browser that asks for a bucket is led to its page, and asked to sign in")
        page.fill("#key", ACCESS)
        page.fill("#secret", "wrong")
        page.after("document.querySelector('.sign-in form').requestSubmit()")
        check("do not go together" in page.text("[role=alert]"), "a wrong secret is told")
        look(page, "the form once more", ["403"])
        sign_in(page, server)
        equal(page.run("location.pathname"), "/-/ui/b/docs/", "signed in, one is where one wanted to be")
        check({"folder/", "site/", "notes.txt", EVIL} <= set(names(page)), "with what is there", str(names(page)))
        look(page, "a folder")
        by_keyboard(page, "a folder")
        page.key("/")
        equal(page.run("document.activeElement.type"), "search", "a slash leads to the search")
        equal(page.run("document.cookie"), "", "no script sees the cookie")

        # Folders, and what stands in names.
        page.after("[...document.querySelectorAll('td.name a')].find((e) => e.textContent === 'folder/').click()")
        equal((names(page), page.run("document.querySelector('.way li:last-child').textContent")), (["inner.txt"], "folder"), "a folder is opened")
        page.go(server.url + "/-/ui/b/docs/")
        page.after(f"[...document.querySelectorAll('td.name a')].find((e) => e.textContent === {json.dumps(EVIL)}).click()")
        check(page.text("h1") == EVIL and page.text("pre") == "evil" and page.run("window.pwned") is None, "a hostile name is a name")
        look(page, "a hostile name")
        page.go(server.url + "/-/ui/b/docs/?sort=size&down=1&q=b")
        equal(names(page), ["build.log"], "a search")

        # Making a folder, uploads.
        page.go(server.url + "/-/ui/b/docs/")
        page.click("#mkdir")
        page.wait("!!document.getElementById('asked')")
        look(page, "a dialogue")
        page.key("Escape")
        check(page.wait("!document.querySelector('dialog')"), "Escape closes it")
        page.click("#mkdir")
        page.fill("#asked", "new & <b>")
        page.after("document.querySelector('dialog form').requestSubmit()")
        equal(page.run("location.pathname"), "/-/ui/b/docs/new%20%26%20%3Cb%3E/", "a folder is made, and opened")
        look(page, "an empty folder")
        small, large = pattern_file("small.bin", 300_000), pattern_file("large file.bin", 40 << 20, 2)
        page.run("window.old = true")
        page.choose_files("#files", small, large)
        check(page.wait("document.querySelectorAll('#uploads progress').length === 2 || window.old === undefined"), "two uploads show how far they are")
        if page.run("window.old === true"):
            page.problems.clear()
        check(page.wait("window.old === undefined && document.readyState === 'complete'", 90) and names(page) == ["large file.bin", "small.bin"], "what was chosen is there", str(page.text()))
        for path in (small, large):
            with open(scratch("back"), "wb") as file:
                file.write(server.request("GET", "/docs/" + urllib.parse.quote("new & <b>/" + os.path.basename(path)), headers=who)[2])
            equal(sha256_file(scratch("back")), sha256_file(path), f"{os.path.basename(path)} as it was")
        parts = [line for line in asked() if line[0] == "PUT" and "large" in line[1]]
        equal(len(parts), 3, "the large one came in parts")
        os.makedirs(scratch("dropped/inside"))
        for name in ("dropped/one.txt", "dropped/inside/two.txt"):
            with open(scratch(name), "w") as file:
                file.write(name)
        page.run("window.old = true")
        page.drop(scratch("dropped"))
        check(page.wait("window.old === undefined && document.readyState === 'complete'", 60) and "dropped/" in names(page), "a folder is dropped", str(page.text()))
        equal(server.request("GET", "/docs/" + urllib.parse.quote("new & <b>/dropped/inside/two.txt"), headers=who)[2], b"dropped/inside/two.txt", "with what is in it")
        page.choose_files("#files", small)
        check(page.wait("document.querySelector('dialog')?.innerText.includes('is there already')"), "what is there is not replaced unasked")
        page.run("[...document.querySelectorAll('dialog button')].find((e) => e.textContent === 'Cancel').click()")
        look(page, "after uploads")

        # Deleting.
        page.run("document.querySelectorAll('td.pick input').forEach((e) => { if (e.value !== 'small.bin') e.click(); })")
        equal(page.text("#delete"), "Delete 2", "two are chosen")
        page.click("#delete")
        page.wait("!!document.querySelector('dialog')")
        page.run("window.old = true; document.querySelector('dialog form').requestSubmit()")
        check(page.wait("document.querySelector('dialog h2')?.textContent === 'Delete 3 objects?'"), "that there is more in a folder is asked once more")
        page.after("document.querySelector('dialog form').requestSubmit()")
        equal(names(page), ["small.bin"], "the others are gone")
        equal(server.request("GET", "/docs/" + urllib.parse.quote("new & <b>/dropped/inside/two.txt"), headers=who)[0], 404, "with all that was in them")

        # An object.
        page.go(server.url + "/-/ui/o/docs/build.log")
        check("ok failed both grey black <script>" in page.text("pre") and page.run("window.pwned") is None, "a log is text")
        equal(page.run("getComputedStyle(document.querySelector('pre .f2')).color"), "rgb(127, 216, 143)", "in its colours")
        look(page, "a log")
        by_keyboard(page, "a log")
        page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        page.click("#copy")
        equal(page.wait("window.copied"), server.url + "/docs/build.log", "its link is copied")
        page.run("window.copied = undefined; document.querySelector('#share summary').click()")
        look(page, "a menu")
        page.click("#share [data-seconds='3600']")
        shared = page.wait("window.copied")
        equal(server.request("GET", shared[len(server.url):])[0], 200, "a link to share is good")
        page.go(server.url + "/-/ui/o/docs/picture.svg")
        check(page.wait("document.querySelector('figure img').naturalWidth === 200") and page.run("window.pwned") is None, "a picture is shown")
        look(page, "a picture")

        # A report may run, and do nothing.
        page.go(server.url + "/-/ui/o/docs/site/report.html")
        check(poll(lambda: any("told-end" in path for _, path, _ in asked()), 30), "a report's script runs in its frame")
        poll(lambda: sum("told-" in path for _, path, _ in asked()) >= 8, 30)
        told = [urllib.parse.unquote(path).split("told-")[1] for _, path, _ in asked() if "told-" in path]
        equal(sorted(told), ["cookie-SecurityError", "delete-TypeError", "end", "parent-SecurityError", "put-TypeError", "ran", "read-TypeError", "top-SecurityError"], "and all that it tries comes to nothing")
        check(any(path.endswith("report.css") and status == 200 for _, path, status in asked()), "its style sheet comes with it")
        equal(server.request("GET", "/docs/notes.txt", headers=who)[2], b"some notes\n", "the object is as it was")
        equal(page.run("location.pathname"), "/-/ui/o/docs/site/report.html", "and so is the page")
        page.go(server.url + "/-/ui/raw/docs/site/report.html")
        check(poll(lambda: sum("told-end" in path for _, path, _ in asked()) == 2, 30), "in a window of its own, too")
        before = len(told)

        def told_since():
            return [urllib.parse.unquote(path).split("told-")[1] for _, path, _ in asked() if "told-" in path][before:]

        poll(lambda: {"delete-TypeError", "read-TypeError", "put-TypeError"} <= set(told_since()), 30) # they come in any order
        told = told_since()
        check("delete-TypeError" in told and "read-TypeError" in told and "put-TypeError" in told and not any("Buckets" in word for word in told), "with the same success", str(told))
        page.problems.clear()

        # Buckets; other lights and widths.
        page.go(server.url + "/-/ui/")
        page.click("#mkbucket")
        page.fill("#asked", "UPPER")
        page.run("document.querySelector('dialog form').requestSubmit()")
        check(page.wait("!!document.querySelector('dialog .problem:not([hidden])')"), "a name that no bucket may have is told")
        page.fill("#asked", "made-here")
        page.after("document.querySelector('dialog form').requestSubmit()")
        equal(page.run("location.pathname"), "/-/ui/b/made-here/", "a bucket is made")
        page.problems.clear()
        for width, dark in ((1200, True), (360, False), (360, True)):
            other = browser.page(width=width, height=700, dark=dark)
            for path in ("", "status", "b/docs/", "b/docs/?versions=", "b/made-here/", "o/docs/build.log", "o/docs/notes.txt", "b/none/"):
                other.go(f"{server.url}/-/ui/{path}")
                look(other, f"/-/ui/{path}, {width} wide{', dark' if dark else ''}", ["404"])

        # Without JavaScript.
        page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.go(server.url + "/-/ui/b/docs/")
        check("notes.txt" in page.text() and not page.run("document.getElementById('upload').checkVisibility()"), "without scripts one reads, and is shown nothing that does not work")
        page.call("Emulation.setScriptExecutionDisabled", value=False)
        page.after("document.querySelector('.who form').requestSubmit()")
        check("Sign in" in page.text(), "who signs out has")
        page.go(server.url + "/-/ui/b/docs/")
        check("notes.txt" not in page.text(), "and sees nothing any more")
    check(server.stop(), "the server ends cleanly")
    done()


main()
