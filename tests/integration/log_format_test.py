#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Messages on stderr as text, as JSON, and with the journal's priorities, which come by themselves where stderr is the journal's stream."""
import json
import os

from sluicetest import Server, check, done, equal, scratch


def said(*args, name="log", env=None):
    """The lines of a server that was started and stopped."""
    server = Server(args=args, env=env, log=scratch(name))
    check(server.stop(), f"{name}: the server ends cleanly")
    return [line for line in server.log_text().splitlines() if line]


def main():
    stopping = "stopping when what is in flight is done; a second signal ends at once"
    check(f"sluice: {stopping}" in said(name="plain"), "text, where nothing is said")
    lines = [json.loads(line) for line in said("--log-format", "json", name="json")]
    own = [line for line in lines if line["message"] == stopping]
    equal([(line["level"], sorted(line)) for line in own], [("info", ["level", "message", "time"])], "JSON: an object a line")
    check(f"<6>sluice: {stopping}" in said("--log-format", "journal", name="journal"), "priorities, where they are asked for")
    with open(scratch("stream"), "a", encoding="utf-8"):
        stream = os.stat(scratch("stream"))
    named = {"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"}
    check(f"<6>sluice: {stopping}" in said(name="stream", env=named), "and where stderr is the journal's stream")
    check(f"sluice: {stopping}" in said(name="other", env=named), "but not where another file is")
    check(f"sluice: {stopping}" in said("--log-format", "text", name="text", env=named), "nor where text is asked for")
    done()


main()
