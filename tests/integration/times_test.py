#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times as clients write them: with the offset of where they are, without any zone, with fractions. One moment, whatever it is called."""
import base64
import datetime
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forms import post
from signer import Signer
from sluicetest import ACCESS, SECRET, Server, check, content_md5, done, equal, error_code

server = Server()
server.request("PUT", "/times", headers={"x-amz-bucket-object-lock-enabled": "true"})

MOMENT = datetime.datetime(2040, 6, 1, 10, 20, 30, tzinfo=datetime.timezone.utc)
TOLD = "2040-06-01T10:20:30.000Z"
WAYS = {"2040-06-01T10:20:30Z": TOLD, "2040-06-01T12:20:30+02:00": TOLD, "2040-06-01T07:20:30-0300": TOLD, "2040-06-01T15:50:30+05:30": TOLD,
        "2040-06-01T11:20:30+01": TOLD, "2040-06-01T10:20:30": TOLD, "20400601T102030Z": TOLD, "2040-06-01T12:20:30.123+02:00": "2040-06-01T10:20:30.123Z",
        "2040-06-01T10:20:30.1239999Z": "2040-06-01T10:20:30.124Z", "2040-06-01T10:20:29.9999999": TOLD}
BAD = ["2040-06-01", "2040-06-01T10:20:30+25:00", "2040-06-01T10:20:30+", "2040-06-01T10:20:30 UTC", "tomorrow"]


def until(key):
    return server.request("HEAD", f"/times/{key}")[1].get("x-amz-object-lock-retain-until-date")


def retain(key, text):
    body = f"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{text}</RetainUntilDate></Retention>"
    return server.request("PUT", f"/times/{key}?retention", body, content_md5(body))


for number, (text, told) in enumerate(WAYS.items()):
    headers = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": text}
    equal((server.request("PUT", f"/times/header-{number}", b"x", headers)[0], until(f"header-{number}")), (200, told), f"a lock until {text}, in a header")
    server.request("PUT", f"/times/body-{number}", b"x")
    equal((retain(f"body-{number}", text)[0], until(f"body-{number}")), (200, told), f"a lock until {text}, in a document")
for text in BAD:
    headers = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": text}
    equal((server.request("PUT", "/times/bad", b"x", headers)[0], retain("body-0", text)[0]), (400, 400), f"{text} is no time")

for text, status in (("2040-06-01T00:00:00+00:00", 200), ("2040-06-01T02:00:00+02:00", 200), ("2040-06-01T00:00:00", 200), ("2040-06-01T00:00:00+02:00", 400),
                     ("2040-06-01T00:00:00.001Z", 400)):
    body = f"<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter/><Expiration><Date>{text}</Date></Expiration></Rule></LifecycleConfiguration>"
    equal(server.request("PUT", "/times?lifecycle", body, content_md5(body))[0], status, f"a lifecycle rule's date {text}")
check(b"<Date>2040-06-01T00:00:00" in server.request("GET", "/times?lifecycle")[2], "which is midnight of that day")

now = datetime.datetime.now(datetime.timezone.utc)
for zone in (-11, -3, 1, 13):
    for minutes, want in ((5, (204, "")), (-5, (403, "AccessDenied"))):
        there = (now + datetime.timedelta(minutes=minutes)).astimezone(datetime.timezone(datetime.timedelta(hours=zone)))
        policy = {"expiration": there.isoformat(), "conditions": [{"bucket": "times"}, ["starts-with", "$key", ""]]}
        status, _, body = post(server, {"key": "form", "policy": base64.b64encode(json.dumps(policy).encode()).decode()}, path="/times")
        equal((status, error_code(body)), want, f"a form's policy until {there.isoformat()}")

for hours, off, want in ((None, 0, 204), (5, 0, 204), (-8, 0, 204), (None, 3600, 412), (5, 3600, 412)):
    server.request("PUT", "/times/form", b"x")
    modified = datetime.datetime.strptime(server.request("HEAD", "/times/form")[1]["last-modified"], "%a, %d %b %Y %H:%M:%S GMT")
    modified += datetime.timedelta(seconds=off)
    if hours is not None:
        modified = modified.replace(tzinfo=datetime.timezone.utc).astimezone(datetime.timezone(datetime.timedelta(hours=hours)))
    equal(server.request("DELETE", "/times/form", headers={"x-amz-if-match-last-modified-time": modified.isoformat()})[0], want,
          f"a deletion of what is of {modified.isoformat()}")
check(server.stop(), "it ends with status 0")

# What requests are signed with stays what it was.
server = Server(keys=True)
host = f"{server.host}:{server.port}"
signer = Signer(ACCESS, SECRET)
for text in (now.strftime("%Y-%m-%dT%H:%M:%SZ"), now.strftime("%Y%m%dT%H%M%S+0000"), now.strftime("%Y%m%dT%H%M%S")):
    signer.stamp = text
    got = server.request("GET", "/", headers=signer.headers("GET", "/", host))
    equal((got[0], error_code(got[2])), (403, "AccessDenied"), f"x-amz-date: {text}")
for zone in ("GMT", "-0000", "+0000"):
    signer = Signer(ACCESS, SECRET)
    date = signer.now.strftime(f"%a, %d %b %Y %H:%M:%S {zone}")
    headers = signer.headers("GET", "/", host, extra={"date": date}, leave_out=("x-amz-date",))
    # The string to sign has the moment in its basic form, whatever the header says.
    equal(server.request("GET", "/", headers=headers)[0], 200, f"a signed Date: {date}")
    headers = signer.headers("GET", "/", host, extra={"date": "Thu, 01 Jan 1970 00:00:00 GMT"})
    equal(server.request("GET", "/", headers=headers)[0], 200, "beside x-amz-date, the Date does not matter")
check(server.stop(), "it ends with status 0")
done()
