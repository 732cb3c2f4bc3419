# SPDX-License-Identifier: MIT
"""A headless Chromium, driven over the pipe of its DevTools protocol: no driver, no library. Browser() is the program, browser.page() a tab of its own
profile. Whatever a page writes to its console as an error, or throws, is in page.problems."""
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from sluicetest import scratch

PROGRAM = shutil.which("chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe"]


class Browser:
    def __init__(self, *flags):
        profile = tempfile.mkdtemp(dir=scratch())
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        # It reads descriptor 3 and writes 4, whatever these are called here.
        command = ["/bin/sh", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "sh", PROGRAM, *FLAGS, f"--user-data-dir={profile}", *flags]
        self.process = subprocess.Popen(command, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={"HOME": profile, "PATH": "/usr/bin:/bin"}, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.rest, self.count, self.events = b"", 0, []

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.input, 1 << 20)
            if not piece:
                raise EOFError("the browser has ended")
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.count += 1
        asked = self.count
        message = {"id": asked, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.output, json.dumps(message).encode() + b"\0")
        while True:
            said = self.read()
            if said.get("id") == asked:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']['message']}")
                return said["result"]
            self.events.append(said)

    def page(self, **how):
        return Page(self, **how)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.input)
        os.close(self.output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Page:
    def __init__(self, browser, width=1200, height=800, dark=False):
        self.browser, self.problems, self.dialogs = browser, [], []
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def call(self, method, **parameters):
        result = self.browser.call(method, self.session, **parameters)
        self.take_events()
        return result

    def take_events(self):
        mine = [event for event in self.browser.events if event.get("sessionId") == self.session]
        self.browser.events = [event for event in self.browser.events if event.get("sessionId") != self.session]
        for event in mine:
            what, how = event["method"], event["params"]
            if what == "Runtime.exceptionThrown":
                self.problems.append(str(how["exceptionDetails"].get("exception", how["exceptionDetails"])))
            elif what == "Log.entryAdded" and how["entry"]["level"] == "error":
                self.problems.append(how["entry"]["text"] + " " + how["entry"].get("url", ""))
            elif what == "Runtime.consoleAPICalled" and how["type"] == "error":
                self.problems.append(str(how["args"]))

    def run(self, script):
        """The value of an expression, a promise's when it has one."""
        said = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in said:
            raise RuntimeError(f"{script[:200]}: {said['exceptionDetails']['exception'].get('description', said['exceptionDetails'])}")
        return said["result"].get("value")

    def wait(self, script, seconds=20):
        """Until an expression is true, on whatever page there is by then; its last value."""
        end, value = time.monotonic() + seconds, None
        while time.monotonic() < end:
            with contextlib.suppress(RuntimeError):
                value = self.run(script)
                if value:
                    return value
            time.sleep(0.05)
        return value

    def go(self, url):
        self.call("Page.navigate", url=url)
        return self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def after(self, script):
        """Runs something that leads to another page, and waits for that."""
        self.run("window.old = true")
        with contextlib.suppress(RuntimeError):
            self.run(script)
        return self.wait("window.old === undefined && document.readyState === 'complete'")

    def click(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, selector, value):
        return self.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    def text(self, selector="main"):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText")

    def choose_files(self, selector, *paths):
        node = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=node, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=list(paths))

    def drop(self, *paths, x=300, y=300):
        data = {"items": [], "files": list(paths), "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def key(self, name, **more):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "/": 191, " ": 32}
        text = {"Enter": "\r", "/": "/", " ": " "}.get(name)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, windowsVirtualKeyCode=codes[name], **({"text": text} if text else {}), **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=codes[name], **more)

    def picture(self, path=None, **how):
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png", **how)["data"])
        if path:
            with open(path, "wb") as file:
                file.write(data)
        return data
