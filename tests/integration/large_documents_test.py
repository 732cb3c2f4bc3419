#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The largest documents that are legal, written in the longest way that clients have: a completion of 10,000 parts with SHA-512, and 1,000 keys of 1,024
bytes as references. They are read as they come: however many come at once, the server does not hold them. And what is wrong with one is
told as of a small one."""
import base64
import concurrent.futures
import hashlib
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, content_md5, done, equal, error_code, poll, run

SANITIZED = run(["grep", "-qE", "__(asan|tsan)_init", SLUICE])[0] == 0 # then memory figures say nothing


def rss_kib(server, line="VmRSS:"):
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(row.split()[1]) for row in status if row.startswith(line))


# ---- Documents ----

def completion(parts):
    """As pretty printers write it, with quotation marks as references."""
    rows = "".join(f"    <Part>\n        <ChecksumSHA512>{sum_}</ChecksumSHA512>\n        <ETag>&quot;{etag}&quot;</ETag>\n        <PartNumber>{number}</PartNumber>\n    </Part>\n"
                   for number, etag, sum_ in parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n{rows}</CompleteMultipartUpload>\n'.encode()


def deletion(keys, more=""):
    rows = "".join(f"<Object><Key>{''.join(f'&#x{ord(c):x};' for c in key)}</Key>{more}</Object>\n" for key in keys)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n{rows}</Delete>'.encode()


KEYS = [f"<&\"'{number:04}".ljust(1024, "&") for number in range(1000)]

server = Server(keys=True)
host = f"{server.host}:{server.port}"


def signed(method, path, body=b"", query="", extra=None):
    headers = Signer(ACCESS, SECRET).headers(method, path, host, hashlib.sha256(body).hexdigest(), extra, query)
    return server.request(method, path + (f"?{query}" if query else ""), body, headers, timeout=120)


def pieces(body, size):
    """Signed chunks, as SDKs send what they stream."""
    signer = Signer(ACCESS, SECRET)
    return signer, [body[at:at + size] for at in range(0, len(body), size)]


signed("PUT", "/large")

# ---- 10,000 parts ----

upload = re.search(b"<UploadId>(.*?)<", signed("POST", "/large/parts", query="uploads=", extra={"x-amz-checksum-algorithm": "SHA512"})[2])[1].decode()
data = b"x"
sum_, etag = base64.b64encode(hashlib.sha512(data).digest()).decode(), hashlib.md5(data).hexdigest()
equal(signed("PUT", "/large/parts", data, f"partNumber=1&uploadId={upload}", {"x-amz-checksum-sha512": sum_})[0], 200, "a part with SHA-512")
document = completion((number, etag, sum_) for number in range(1, 10001))
check(len(document) > 2 << 20, "a completion of 10,000 parts is large", f"{len(document)} bytes")
status, _, body = signed("POST", "/large/parts", document, f"uploadId={upload}")
equal((status, error_code(body)), (400, "InvalidPart"), "it is read to its end, where parts are found to be missing")
status, _, body = signed("POST", "/large/parts", completion((number, etag, sum_) for number in range(1, 10002)), f"uploadId={upload}")
equal((status, error_code(body)), (400, "MalformedXML"), "10,001 parts are too many")
status, _, body = signed("POST", "/large/parts", document.replace(b"<PartNumber>9000<", b"<PartNumber>8999<"), f"uploadId={upload}")
equal((status, error_code(body)), (400, "InvalidPartOrder"), "what is wrong with a part near the end is told")
status, _, body = signed("POST", "/large/parts", document[:-30], f"uploadId={upload}")
equal((status, error_code(body)), (400, "MalformedXML"), "one that is cut off")
status, _, body = signed("POST", "/large/parts", document, f"uploadId={upload}", {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
equal((status, error_code(body)), (400, "BadDigest"), "another MD5")
wrong = Signer(ACCESS, SECRET).headers("POST", "/large/parts", host, hashlib.sha256(document).hexdigest(), None, f"uploadId={upload}")
status, _, body = server.request("POST", f"/large/parts?uploadId={upload}", document.replace(b"<PartNumber>9<", b"<PartNumber>8<"), wrong)
equal((status, error_code(body)), (400, "XAmzContentSHA256Mismatch"), "another document than was signed")
status, _, body = signed("POST", "/large/parts", completion([(1, etag, sum_)]), f"uploadId={upload}")
equal((status, b"<ChecksumSHA512>" in body), (200, True), "and a small one is completed")
too_large = b"<CompleteMultipartUpload>" + b" " * 4_000_000
status, _, body = signed("POST", "/large/parts", too_large, f"uploadId={upload}")
equal((status, error_code(body) in ("EntityTooLarge", "MaxMessageLengthExceeded")), (400, True), "more than any legal one is refused by its length")

# ---- 1,000 keys ----

for key in (KEYS[0], KEYS[999]):
    path = "/large/" + "".join(f"%{byte:02X}" for byte in key.encode())
    equal(signed("PUT", path, b"x")[0], 200, "an object with a key of 1,024 bytes")
document = deletion(KEYS)
check(len(document) > 5 << 20, "1,000 keys as references are large", f"{len(document)} bytes")
changed = document.replace(b"<Key>&#x3c;", b"<Key>&#x3e;", 1)
for name, body, headers, want in (
        ("another document than was signed", changed, {}, "XAmzContentSHA256Mismatch"), ("another MD5", document, {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest"),
        ("another checksum", document, {"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"), ("a checksum that is none", document, {"x-amz-checksum-crc32": "A"}, "InvalidRequest")):
    headers = Signer(ACCESS, SECRET).headers("POST", "/large", host, hashlib.sha256(document).hexdigest(), headers, "delete=")
    status, _, answer = server.request("POST", "/large?delete=", body, headers)
    equal((status, error_code(answer)), (400, want), f"a deletion: {name}")
for name, body, want in (("1,001 keys", deletion(KEYS + ["x"]), "MalformedXML"), ("cut off", document[:-9], "MalformedXML"), ("text beside elements", document.replace(b"</Object>", b"</Object>x"), "MalformedXML"),
                         ("a key twice", deletion(KEYS[:2]).replace(b"</Key>", b"</Key><Key>a</Key>"), "MalformedXML"), ("keys of no end", deletion(["k" * 5000] * 30), "MalformedXML"),
                         ("a tag of no end", b"<Delete><Object " + b"a" * 3_000_000 + b"/></Delete>", "MalformedXML"), ("a text of no end", b"<Delete><Quiet>" + b"a" * 3_000_000 + b"</Quiet></Delete>", "MalformedXML"),
                         ("blanks of no end", b"<Delete>" + b" " * 3_000_000 + b"</Delete>", "MalformedXML"), ("a NUL at the end", document[:-20] + b"\0" * 20, "MalformedXML")):
    status, _, answer = signed("POST", "/large", body, "delete=")
    equal((status, error_code(answer)), (400, want), f"a deletion: {name}")
status, _, answer = signed("POST", "/large", deletion(["k" * 1025, "k"]), "delete=")
equal((status, answer.count(b"KeyTooLongError"), answer.count(b"<Deleted>")), (200, 1, 1), "a key that is too long is refused by itself")
comments = deletion(KEYS[:1]).replace(b"<Object>", b"<!-- " + b"c" * 60_000 + b" -->" + b"<?what ever?>\n" * 2 + b"<Object>")
equal(signed("POST", "/large", comments, "delete=")[2].count(b"<Deleted>"), 1, "comments and instructions mean nothing")

equal(signed("HEAD", path)[0], 200, "nothing of all that was done")
for name, size in (("as one", 0), ("in signed chunks of 8 KiB", 8192), ("in signed chunks of 100,000 bytes", 100_000), ("in one signed chunk", len(document))):
    signed("PUT", path, b"x")
    if size == 0:
        status, _, body = signed("POST", "/large", document, "delete=", content_md5(document))
    else:
        signer, chunks = pieces(document, size)
        headers = signer.headers("POST", "/large", host, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                 {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(document))}, "delete=")
        spoilt = server.request("POST", "/large?delete=", signer.signed_chunks(chunks, spoil=len(chunks) // 2), headers)
        equal((spoilt[0], error_code(spoilt[2]), signed("HEAD", path)[0]), (403, "SignatureDoesNotMatch", 200), f"1,000 keys {name}, one of which is not signed")
        status, _, body = server.request("POST", "/large?delete=", signer.signed_chunks(chunks), headers)
    equal((status, body.count(b"<Deleted>"), body.count(b"<Error>")), (200, 1000, 0), f"1,000 keys {name}")
    equal(signed("HEAD", path)[0], 404, "are deleted")
with server.open_socket(60) as sock: # Transfer-Encoding: chunked: nobody knows how long it will be
    head = "".join(f"{name}: {value}\r\n" for name, value in Signer(ACCESS, SECRET).headers("POST", "/large", host, hashlib.sha256(document).hexdigest(), None, "delete=").items())
    sock.sendall(f"POST /large?delete= HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
    for at in range(0, len(document), 300_000):
        piece = document[at:at + 300_000]
        sock.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
    sock.sendall(b"0\r\n\r\n")
    answer = b""
    while block := sock.recv(1 << 20):
        answer += block
equal((answer[:15], answer.count(b"<Deleted>")), (b"HTTP/1.1 200 OK", 1000), "and with a length that is not told")

# ---- What they cost ----

MANY = 7 # of 8 that one client may have under way
head = (f"POST /large?delete= HTTP/1.1\r\nContent-Length: {len(document)}\r\n" +
        "".join(f"{name}: {value}\r\n" for name, value in Signer(ACCESS, SECRET).headers("POST", "/large", host, hashlib.sha256(document).hexdigest(), None, "delete=").items()) + "\r\n").encode()
before = rss_kib(server)
socks = []
for _ in range(MANY):
    socks.append(server.open_socket(60))
    socks[-1].sendall(head)
for at in range(0, len(document) - 1, 1 << 20):
    for sock in socks:
        sock.sendall(document[at:min(at + (1 << 20), len(document) - 1)])
time.sleep(1)
grown = rss_kib(server) - before
print(f"# {MANY} deletions of {len(document) >> 10} KiB under way: {grown:+d} KiB")
check(SANITIZED or grown < MANY * 2048 + 8192, "each document costs less than 2 MiB while it comes", f"{grown} KiB")
began = time.monotonic()
equal(signed("PUT", "/large/beside", b"x")[0], 200, "others are served beside them")
for sock in socks:
    sock.sendall(document[-1:])
for sock in socks:
    sock.settimeout(60)
    equal(sock.recv(15), b"HTTP/1.1 200 OK", "one is answered")
    sock.close()
equal(signed("POST", "/large", deletion(["beside"]), "delete=")[0], 200, "what they took is given back")
# What is refused early costs no more than what was read of it.
socks = []
for _ in range(30):
    socks.append(server.open_socket(60))
    socks[-1].sendall(head + b"<Other/>" + document[:100_000])
time.sleep(1)
equal(signed("POST", "/large", document, "delete=")[0], 200, "a large one is taken beside 30 that are refused, and go on")
for sock in socks:
    sock.close()
for ending in ("reset", "close"): # in the middle of one, while its turn is awaited
    for _ in range(20):
        sock = server.open_socket(60)
        sock.sendall(head + document[:900_000])
        if ending == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()


def all_are_taken():
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        return set(pool.map(lambda _: signed("POST", "/large", document, "delete=")[0], range(12))) == {200}


check(poll(all_are_taken, 20), "after others went away in the middle of theirs, all are taken")
check(server.stop(), "it ends with status 0")
done()
