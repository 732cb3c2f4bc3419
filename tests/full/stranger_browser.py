#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""stranger_browser.py URL FILE: the part of stranger_test.sh that people do in a browser. Signs in, opens the bucket, uploads the file, looks at the status."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from chromium import Browser  # noqa: E402
from sluicetest import check, done, equal  # noqa: E402


def names(page):
    return page.run("[...document.querySelectorAll('td.name a')].map((e) => e.textContent)")


url, file = sys.argv[1:]
with Browser() as browser:
    page = browser.page()
    page.go(url + "/")
    check(page.run("location.pathname") == "/-/ui/" and page.run("!!document.querySelector('.sign-in form')"), "a browser is asked to sign in", str(page.text("body")))
    page.fill("#key", "AKIAEXAMPLE")
    page.fill("#secret", "change-me")
    page.after("document.querySelector('.sign-in form').requestSubmit()")
    page.after("[...document.querySelectorAll('main a')].find((e) => e.textContent === 'artifacts').click()")
    equal(page.run("location.pathname"), "/-/ui/b/artifacts/", "signed in, the bucket is opened")
    page.run("window.old = true")
    page.choose_files("#files", file)
    there = page.wait("window.old === undefined && document.readyState === 'complete'", 60)
    check(there and names(page) == [os.path.basename(file)], "a file is uploaded by the page", str(page.text()))
    page.go(url + "/-/ui/status")
    check("Status" in (page.text("h1") or ""), "the page shows the status", str(page.text("body")))
done()
