#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rate:N of the credentials file: who makes more requests in a second is told to slow down, by every way in, and nobody else is."""
import concurrent.futures
import os
import time

from signer import Signer
from sluicetest import Server, check, done, equal, error_code, poll, s3_client, scratch

FILE = scratch("credentials")
LIMIT = 5


def write(*lines):
    with open(FILE + ".new", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write("\n".join(lines) + "\n")
    os.rename(FILE + ".new", FILE)


write("key ADMIN admin-secret *=all", f"key SLOW slow-secret rate:{LIMIT} *=all", f"token slow token-that-is-slow-0123 rate:{LIMIT} *=read",
      f"anonymous rate:{LIMIT} public=read,write")
SERVER = Server(args=["--credentials", FILE, "--workers", "2"])
admin = s3_client(SERVER, "ADMIN", "admin-secret")
admin.create_bucket(Bucket="public")
admin.put_object(Bucket="public", Key="one", Body=b"1")


def burst(headers, path="/public/one", method="GET", body=None):
    """What is answered to a second's requests, and then to 40 at once, and again until some are refused: however slow each is, they are too many."""
    def ask(_):
        return SERVER.request(method, path, body, headers() if callable(headers) else headers)
    answers, refused, end = [ask(0) for _ in range(LIMIT)], [], time.monotonic() + 60
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        while not refused and time.monotonic() < end:
            answers += pool.map(ask, range(40))
            refused = [answer for answer in answers if answer[0] == 503]
    return answers, refused


def signed():
    return Signer("SLOW", "slow-secret").headers("GET", "/public/one", f"{SERVER.host}:{SERVER.port}")


FORM = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nform\r\n--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
for name, headers in (("a signature", signed), ("a token that is shown", {"Authorization": "Bearer token-that-is-slow-0123"}), ("nobody", {})):
    answers, refused = burst(headers)
    equal({answer[0] for answer in answers[:LIMIT]}, {200}, f"{name}: as many as may come at once")
    check(len(refused) > 0, f"{name}: more are refused", str([answer[0] for answer in answers]))
    equal({(error_code(body), told.get("retry-after")) for _, told, body in refused}, {("SlowDown", "1")}, f"{name}: in S3's words, and when to try again")
    check(poll(lambda: SERVER.request("GET", "/public/one", None, headers() if callable(headers) else headers)[0] == 200), f"{name}: and let in again later")
answers, refused = burst({"Content-Type": "multipart/form-data; boundary=b"}, "/public", "POST", body=FORM)
check(len(refused) > 0, "a form is counted, too", str([answer[0] for answer in answers]))
equal({admin.get_object(Bucket="public", Key="one")["ResponseMetadata"]["HTTPStatusCode"] for _ in range(60)}, {200}, "others are not held up")
equal(SERVER.request("GET", "/-/healthy")[0], 200, "nor is who asks for the server's health")
write("key ADMIN admin-secret *=all", "anonymous public=read,write")
check(poll(lambda: all(SERVER.request("GET", "/public/one")[0] == 200 for _ in range(3 * LIMIT))), "a bound that is taken away is gone with the next reload")
check(SERVER.stop(), "it stops in good order")
done()
