#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cache buckets: their document, keys that are written once, a largest object, eviction by size and by age in the order of use, what is
being read stays, and figures that are what a listing adds up to."""
import re
import subprocess
import time

from sluicetest import SLUICE, Server, check, done, equal, error_code, poll


def document(**elements):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items())
    return f"<CacheConfiguration>{inner}</CacheConfiguration>".encode()


def set_cache(server, bucket, **elements):
    status, _, body = server.request("PUT", f"/{bucket}?sluice-cache", body=document(**elements))
    return equal(status, 200, f"{bucket} is made a cache: {elements}") or print(body)


def keys_and_sizes(server, bucket):
    found, after = {}, ""
    while True:
        body = server.request("GET", f"/{bucket}?list-type=2&start-after={after}")[2].decode()
        page = dict(zip(re.findall(r"<Key>(.*?)</Key>", body), map(int, re.findall(r"<Size>(\d+)</Size>", body))))
        found.update(page)
        if "<IsTruncated>true" not in body:
            return found
        after = max(page)


def figures(server, bucket):
    text = server.request("GET", "/-/metrics")[2].decode()
    return {name: int(value) for name, value in re.findall(rf'^sluice_cache_(\w+?){{bucket="{bucket}"}} (\d+)$', text, re.M)}


def counts_right(server, bucket, name):
    """The listing and the figures are of one moment where nothing happens between."""

    def same():
        before = figures(server, bucket)
        there = keys_and_sizes(server, bucket)
        now = figures(server, bucket)
        return now == before and (now.get("entries"), now.get("bytes")) == (len(there), sum(there.values()))

    check(poll(same), name, f"{figures(server, bucket)} {len(keys_and_sizes(server, bucket))}")


def documents(server):
    equal(server.request("PUT", "/doc")[0], 200, "a bucket is made")
    status, _, body = server.request("GET", "/doc?sluice-cache")
    equal((status, error_code(body)), (404, "NoSuchConfiguration"), "a plain bucket has no rules")
    set_cache(server, "doc", MaxSize="10M", MaxAge="7d", MaxObjectSize=4096, WriteOnce="true")
    body = server.request("GET", "/doc?sluice-cache")[2].decode()
    for element in ("<MaxSize>10485760</MaxSize>", "<MaxAge>604800</MaxAge>", "<MaxObjectSize>4096</MaxObjectSize>", "<UseStep>600</UseStep>",
                    "<WriteOnce>true</WriteOnce>"):
        check(element in body, f"the document says {element}", body)
    for wrong in (b"<CacheConfiguration><MaxSize>0</MaxSize></CacheConfiguration>", b"<CacheConfiguration><MaxSize>-1</MaxSize></CacheConfiguration>",
                  b"<CacheConfiguration><MaxSize>99999999999999T</MaxSize></CacheConfiguration>", b"<CacheConfiguration><MaxAge>1y</MaxAge></CacheConfiguration>",
                  b"<CacheConfiguration><UseStep>2d</UseStep></CacheConfiguration>", b"<CacheConfiguration><WriteOnce>maybe</WriteOnce></CacheConfiguration>",
                  b"<CacheConfiguration><MaxSize>1 write-once</MaxSize></CacheConfiguration>", b"<CacheConfiguration><Other/></CacheConfiguration>",
                  b"<Other/>", b"<CacheConfiguration>"):
        status, _, body = server.request("PUT", "/doc?sluice-cache", body=wrong)
        equal((status, error_code(body)), (400, "MalformedXML"), f"refused: {wrong.decode()}")
    equal(server.request("PUT", "/none?sluice-cache", body=document())[0], 404, "a bucket that is not there")
    status, headers, body = server.request("POST", "/doc?sluice-cache")
    equal((status, headers.get("allow")), (405, "GET, PUT, DELETE, OPTIONS"), "no other method")
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    status, _, body = server.request("PUT", "/doc?versioning", body=enabled)
    equal((status, error_code(body)), (409, "InvalidBucketState"), "a cache gets no versions")
    equal(server.request("DELETE", "/doc?sluice-cache")[0], 204, "the rules are removed")
    equal(server.request("GET", "/doc?sluice-cache")[0], 404, "and gone")
    equal(server.request("PUT", "/doc?versioning", body=enabled)[0], 200, "then it gets versions")
    status, _, body = server.request("PUT", "/doc?sluice-cache", body=document())
    equal((status, error_code(body)), (409, "InvalidBucketState"), "and becomes no cache any more")


def upload(server, bucket, key, *parts):
    """The answer to its completion."""
    body = server.request("POST", f"/{bucket}/{key}?uploads")[2].decode()
    upload_id = re.search("<UploadId>(.*?)</UploadId>", body).group(1)
    listed = ""
    for number, part in enumerate(parts, 1):
        status, headers, body = server.request("PUT", f"/{bucket}/{key}?partNumber={number}&uploadId={upload_id}", body=part)
        if status != 200:
            return status, error_code(body)
        listed += f"<Part><PartNumber>{number}</PartNumber><ETag>{headers['etag']}</ETag></Part>"
    status, _, body = server.request("POST", f"/{bucket}/{key}?uploadId={upload_id}",
                                     body=f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode())
    return status, error_code(body) if status != 200 else ""


def form(key, body):
    lines = [b"--sep", b'Content-Disposition: form-data; name="key"', b"", key.encode(), b"--sep",
             b'Content-Disposition: form-data; name="file"; filename="f"', b"", body, b"--sep--", b""]
    return b"\r\n".join(lines), {"content-type": "multipart/form-data; boundary=sep"}


def write_once(server):
    equal(server.request("PUT", "/once")[0], 200, "a bucket is made")
    set_cache(server, "once", WriteOnce="true")
    first, refused = b"f" * 1000, (412, "PreconditionFailed")
    status, headers, _ = server.request("PUT", "/once/key", body=first)
    equal(status, 200, "a key is written")
    equal(server.request("PUT", "/once/other", body=b"other")[0], 200, "and another")

    def answer(method, path, body=None, headers=None):
        status, _, body = server.request(method, path, body=body, headers=headers)
        return status, error_code(body)

    equal(answer("PUT", "/once/key", b"s" * 1000), refused, "a small PUT of a key that is taken")
    equal(answer("PUT", "/once/key", b"s" * 300_000), refused, "a large one")
    equal(answer("PUT", "/once/key", b"s", {"if-match": headers["etag"]}), refused, "one that wants it to be there")
    equal(answer("PUT", "/once/key", None, {"x-amz-copy-source": "/once/other"}), refused, "a copy onto it")
    equal(answer("PUT", "/once/key?renameObject", None, {"x-amz-rename-source": "/once/other"}), refused, "a rename to it")
    equal(answer("PUT", "/once/key", b"more", {"x-amz-write-offset-bytes": "1000"}), refused, "an append")
    body, headers = form("key", b"posted")
    equal(answer("POST", "/once", body, headers), refused, "a posted form")
    equal(upload(server, "once", "key", b"part"), refused, "an upload of parts")
    equal(server.request("GET", "/once/key")[2], first, "the key has what was written first")
    equal(server.request("GET", "/once/other")[2], b"other", "nothing was renamed")
    equal(server.request("PUT", "/once/key?tagging", body=b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")[0], 200,
          "its tags may change")
    equal(server.request("DELETE", "/once/key")[0], 204, "whoever may delete does")
    equal(server.request("PUT", "/once/key", body=b"new")[0], 200, "and then the key is free")
    counts_right(server, "once", "figures are what is listed, after refusals too")


def largest_object(server):
    equal(server.request("PUT", "/limited")[0], 200, "a bucket is made")
    equal(server.request("PUT", "/plain")[0], 200, "and a plain one")
    set_cache(server, "limited", MaxObjectSize=100_000)
    too_large = (413, "EntityTooLarge")

    def answer(method, path, body=None, headers=None):
        status, _, body = server.request(method, path, body=body, headers=headers)
        return status, error_code(body) if status >= 300 else ""

    equal(answer("PUT", "/limited/fits", b"x" * 100_000), (200, ""), "an object of the largest size")
    equal(answer("PUT", "/limited/large", b"x" * 100_001), too_large, "a byte more")
    reply = server.raw(b"PUT /limited/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    check(reply.startswith(b"HTTP/1.1 413 "), "refused before the body is sent", repr(reply[:200]))
    chunk = b"10000\r\n" + b"y" * 65536 + b"\r\n"
    reply = server.raw(b"PUT /limited/large HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + 2 * chunk + b"0\r\n\r\n")
    check(reply.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 411 ")), "a body of unknown length is refused, too", repr(reply[:200]))
    equal(upload(server, "limited", "parts", b"p" * 100_001), too_large, "a part that is too large")
    equal(server.request("PUT", "/plain/source", body=b"z" * 200_000)[0], 200, "a larger object elsewhere")
    equal(answer("PUT", "/limited/copy", None, {"x-amz-copy-source": "/plain/source"}), too_large, "a copy of it")
    body, headers = form("large", b"q" * 100_001)
    equal(answer("POST", "/limited", body, headers), too_large, "a posted form")
    head = f"POST /limited HTTP/1.1\r\nHost: localhost\r\nContent-Type: {headers['content-type']}\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n"
    reply = server.raw(head.encode() + body[:body.index(b"q" * 100_001)] + b"q" * 300_000)
    check(reply.startswith(b"HTTP/1.1 413 "), "which is refused before the rest of it comes", repr(reply[:200]))
    body, headers = form("fits", b"q" * 100_000)
    equal(server.request("POST", "/limited", body, headers)[0], 204, "a form with an object of the largest size")
    equal(answer("PUT", "/limited/fits", b"x", {"x-amz-write-offset-bytes": "100000"}), too_large, "an append that makes it too large")
    equal(list(keys_and_sizes(server, "limited")), ["fits"], "nothing of these was stored")


def annotations(server):
    """Their bytes are not counted, so a cache gets none; it may have had some."""
    for path in ("/noted", "/noted/key", "/plain/annotated"):
        equal(server.request("PUT", path, body=b"x" * (path.count("/") - 1))[0], 200, f"{path} is made")
    for path in ("/noted/key", "/plain/annotated"):
        equal(server.request("PUT", f"{path}?annotation&annotationName=before", body=b"text")[0], 200, f"{path} has an annotation")
    set_cache(server, "noted", MaxSize=1_000_000)
    status, _, body = server.request("PUT", "/noted/key?annotation&annotationName=after", body=b"text")
    equal((status, error_code(body)), (409, "InvalidBucketState"), "a cache gets no annotation")
    equal(server.request("PUT", "/noted/copy", headers={"x-amz-copy-source": "/plain/annotated"})[0], 200, "a copy into the cache")
    equal(server.request("GET", "/noted/copy?annotation&annotationName=before")[0], 404, "has none")
    equal(server.request("GET", "/plain/annotated?annotation&annotationName=before")[2], b"text", "which its source keeps")
    equal(server.request("GET", "/noted/key?annotation&annotationName=before")[2], b"text", "what was there before is")
    equal(server.request("DELETE", "/noted/key?annotation&annotationName=before")[0], 204, "until it is deleted")


def by_size(server):
    equal(server.request("PUT", "/sized")[0], 200, "a bucket is made")
    set_cache(server, "sized", MaxSize=1_000_000, UseStep=1)
    for i in range(15):
        equal(server.request("PUT", f"/sized/old-{i:02}", body=b"o" * 50_000)[0], 200, f"object {i}")
    time.sleep(1.2)  # a use counts when it is a step later than the one before
    read = [f"old-{i:02}" for i in (2, 5, 11)]
    for key in read:
        equal(server.request("GET", f"/sized/{key}")[0], 200, f"{key} is read")
    equal(server.request("HEAD", "/sized/old-00")[0], 200, "old-00 is looked at, which is a use, too")
    equal(server.request("GET", "/sized/missing")[0], 404, "what is not there is a miss")
    now = figures(server, "sized")
    equal((now["bytes"], now["entries"], now["max_bytes"], now["hits_total"], now["misses_total"], now["evictions_total"]),
          (750_000, 15, 1_000_000, 4, 1, 0), "the figures say so")
    for i in range(10):
        equal(server.request("PUT", f"/sized/new-{i}", body=b"n" * 50_000)[0], 200, f"more than fits: {i}")
    check(poll(lambda: figures(server, "sized")["bytes"] <= 900_000, 30), "it is evicted down to the low water", str(figures(server, "sized")))
    left = keys_and_sizes(server, "sized")
    gone = [f"old-{i:02}" for i in range(15) if f"old-{i:02}" not in left]
    equal(gone, ["old-01", "old-03", "old-04", "old-06", "old-07", "old-08", "old-09"], "the least recently used are gone, and no more than is needed")
    check(all(f"new-{i}" in left for i in range(10)), "what was stored last is there", str(sorted(left)))
    equal(figures(server, "sized")["evictions_total"], 7, "evictions are counted")
    counts_right(server, "sized", "figures are what is listed")
    for key in read:
        equal(server.request("GET", f"/sized/{key}")[2], b"o" * 50_000, f"{key} is whole")


def by_age(server):
    equal(server.request("PUT", "/aged")[0], 200, "a bucket is made")
    set_cache(server, "aged", MaxAge=3)
    for key in ("used", "unused"):
        equal(server.request("PUT", f"/aged/{key}", body=key.encode())[0], 200, f"{key} is stored")
    deadline, used, longest = time.monotonic() + 120, time.monotonic(), 0
    while "unused" in keys_and_sizes(server, "aged") and time.monotonic() < deadline:
        server.request("GET", "/aged/used")
        longest, used = max(longest, time.monotonic() - used), time.monotonic()
        time.sleep(0.3)
    left = list(keys_and_sizes(server, "aged"))
    check(left == ["used"] or left == [] and longest > 1, "what is not used for so long goes, what is used stays", f"{left}, used every {longest:.1f} s at least")
    check(poll(lambda: not keys_and_sizes(server, "aged"), 30), "until nobody uses it any more")


def while_it_is_read(server):
    """A reader that takes its time holds the oldest object, and the next ones go."""
    equal(server.request("PUT", "/read")[0], 200, "a bucket is made")
    body = b"0123456789" * 1_000_000
    equal(server.request("PUT", "/read/held", body=body)[0], 200, "a large object")
    for i in range(4):
        equal(server.request("PUT", f"/read/idle-{i}", body=b"i" * 500_000)[0], 200, f"and others: {i}")
    with server.open_socket() as reader:
        reader.sendall(b"GET /read/held HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = reader.recv(65536)
        set_cache(server, "read", MaxSize=10_000_000)
        check(poll(lambda: len(keys_and_sizes(server, "read")) == 1, 40), "the others go", str(keys_and_sizes(server, "read")))
        equal(list(keys_and_sizes(server, "read")), ["held"], "the one that is being read is there")
        while piece := reader.recv(1 << 20):
            got += piece
    equal(got[got.index(b"\r\n\r\n") + 4:], body, "and its reader gets all of it")


def of_what_is_there(server):
    equal(server.request("PUT", "/full")[0], 200, "a bucket is made")
    for i in range(600):
        server.request("PUT", f"/full/{i:04}", body=b"x" * i)
    set_cache(server, "full", MaxSize="1G")
    check(poll(lambda: figures(server, "full").get("entries") == 600), "what is there already is counted", str(figures(server, "full")))
    counts_right(server, "full", "with its bytes")
    equal(server.request("DELETE", "/full?sluice-cache")[0], 204, "it is a cache no more")
    equal(figures(server, "full"), {}, "and tells no figures")
    equal(len(keys_and_sizes(server, "full")), 600, "its objects stay")


def check_is_clean(data, name):
    result = subprocess.run([SLUICE, "check", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    equal(result.returncode, 0, f"{name}: sluice check recounts the same" + ("" if result.returncode == 0 else result.stdout))


def main():
    server = Server()
    documents(server)
    write_once(server)
    largest_object(server)
    annotations(server)
    by_size(server)
    by_age(server)
    while_it_is_read(server)
    of_what_is_there(server)
    check_is_clean(server.data, "while it is served")
    server.stop()
    check_is_clean(server.data, "stopped")
    done()


main()
