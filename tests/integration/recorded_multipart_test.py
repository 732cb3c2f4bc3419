#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Multipart uploads as S3 was recorded to serve them: completions, their checksums, copied parts."""
import base64
import functools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from digests import ALGORITHMS
from recorded import Client, Server, check, equal, refused, text, texts
from sluicetest import done

PART = 5 << 20
FIRST, LAST = b"a" * PART, b"the end"
PATH = "/bucket/key"


@functools.lru_cache
def encoded(algorithm, data):
    return base64.b64encode(ALGORITHMS[algorithm](data)).decode()


def element_of(algorithm, data):
    return f"<Checksum{algorithm}>{encoded(algorithm, data)}</Checksum{algorithm}>"


def part_checksums(client):
    headers = {"x_amz_checksum_algorithm": "SHA256"}
    upload = client.create_upload(PATH, **headers)
    parts = [client.put_part(PATH, upload, 1, LAST, x_amz_checksum_sha256=encoded("SHA256", LAST))]
    refused(client.complete(PATH, upload, parts, {1: element_of("SHA256", FIRST)}), 400, "BadDigest", "a part's checksum is another",
            Message="The sha256 you specified for part 1 did not match what we received.")
    refused(client.complete(PATH, upload, parts, {1: element_of("CRC32", LAST)}), 400, "InvalidPart", "a checksum that the upload did not ask for")
    equal(client.complete(PATH, upload, parts, {1: element_of("SHA256", LAST)})[0], 200, "the right one is taken")


def without_algorithm(client):
    """The upload asks for no checksum: it becomes an object with a CRC-64, and its parts show none."""
    upload = client.create_upload(PATH)
    status, headers, _ = client.put(f"{PATH}?partNumber=1&uploadId={upload}", FIRST, x_amz_checksum_crc32=encoded("CRC32", FIRST))
    equal((status, headers.get("x-amz-checksum-crc32"), headers.get("x-amz-checksum-crc64nvme")), (200, encoded("CRC32", FIRST), None),
          "UploadPart confirms what was claimed, and only that")
    parts = [(1, headers["etag"])]
    status, headers, _ = client.put(f"{PATH}?partNumber=2&uploadId={upload}", LAST)
    check(status == 200 and not any(name.startswith("x-amz-checksum") for name in headers), "or nothing", str(headers))
    parts.append((2, headers["etag"]))
    refused(client.put(f"{PATH}?partNumber=3&uploadId={upload}", LAST, x_amz_checksum_crc32=encoded("CRC32", FIRST)), 400, "BadDigest",
            "a claim that is wrong is refused")
    _, _, copied = client.put(f"{PATH}?partNumber=3&uploadId={upload}", x_amz_copy_source="/bucket/source")
    check(b"Checksum" not in copied, "a copied part has none", str(copied))
    body = client.get(f"{PATH}?uploadId={upload}")[2]
    check(body.count(b"<Part>") == 3 and b"Checksum" not in body, "ListParts shows none", str(body))

    refused(client.complete(PATH, upload, parts, {1: element_of("CRC32", FIRST)}), 400, "InvalidPart", "nor may a completion list them")
    for kind in ("FULL_OBJECT", "COMPOSITE"):
        refused(client.complete(PATH, upload, parts, x_amz_checksum_type=kind), 400, "InvalidRequest", f"x-amz-checksum-type: {kind} does not fit",
                Message="The upload was created using the null checksum mode. The complete request must use the same checksum mode.")
    status, _, body = client.complete(PATH, upload, parts)
    equal((status, text(body, "ChecksumCRC64NVME"), text(body, "ChecksumType")), (200, encoded("CRC64NVME", FIRST + LAST), "FULL_OBJECT"),
          "the object has a CRC-64 of the whole")
    mode = {"x_amz_checksum_mode": "ENABLED"}
    headers = client.get(PATH, **mode)[1]
    equal((headers.get("x-amz-checksum-crc64nvme"), headers.get("x-amz-checksum-type")), (encoded("CRC64NVME", FIRST + LAST), "FULL_OBJECT"), "as GET tells")
    status, headers, body = client.get(PATH + "?partNumber=2", **mode)
    check((status, body) == (206, LAST) and not any(name.startswith("x-amz-checksum") for name in headers), "its parts have none", str(headers))
    told_of_parts(client, "2")


def told_of_parts(client, count):
    body = client.get(PATH + "?attributes", x_amz_object_attributes="ObjectParts")[2]
    inner = body.decode().split("<ObjectParts>")[1].split("</ObjectParts>")[0]
    equal(inner, f"<PartsCount>{count}</PartsCount>", "GetObjectAttributes tells their number alone")


def full_object(client):
    upload = client.create_upload(PATH, x_amz_checksum_algorithm="CRC32C", x_amz_checksum_type="FULL_OBJECT")
    parts = [client.put_part(PATH, upload, 1, FIRST), client.put_part(PATH, upload, 2, LAST)]
    whole = {"x_amz_checksum_crc32c": encoded("CRC32C", FIRST + LAST)}
    refused(client.complete(PATH, upload, parts, **whole), 400, "BadDigest", "FULL_OBJECT: a checksum without its type is not understood")
    refused(client.complete(PATH, upload, parts, x_amz_checksum_crc32c=encoded("CRC32C", LAST), x_amz_checksum_type="FULL_OBJECT"), 400, "BadDigest",
            "a wrong one with it is refused")
    status, _, body = client.complete(PATH, upload, parts, **whole, x_amz_checksum_type="FULL_OBJECT")
    equal((status, text(body, "ChecksumCRC32C")), (200, encoded("CRC32C", FIRST + LAST)), "the right one with it is taken")
    told_of_parts(client, "2")
    upload = client.create_upload(PATH, x_amz_checksum_algorithm="CRC64NVME")
    parts = [client.put_part(PATH, upload, 1, LAST)]
    equal(client.complete(PATH, upload, parts, x_amz_checksum_crc64nvme=encoded("CRC64NVME", LAST))[0], 200, "a CRC-64 has no other type, and needs none")


def composite(client):
    upload = client.create_upload(PATH, x_amz_checksum_algorithm="CRC32")
    parts = [client.put_part(PATH, upload, 1, FIRST, x_amz_checksum_crc32=encoded("CRC32", FIRST)),
             client.put_part(PATH, upload, 4, LAST, x_amz_checksum_crc32=encoded("CRC32", LAST))]
    more = {1: element_of("CRC32", FIRST), 4: element_of("CRC32", LAST)}
    equal(client.complete(PATH, upload, parts, more)[0], 200, "a composite upload is completed")

    def told(**headers):
        body = client.get(PATH + "?attributes", x_amz_object_attributes="ObjectParts", **headers)[2]
        return texts(body, "PartNumber"), text(body, "NextPartNumberMarker"), text(body, "IsTruncated")
    equal(told(), (["1", "4"], "4", "false"), "its parts are told, and the last one is the next marker")
    equal(told(x_amz_max_parts="1"), (["1"], "1", "true"), "on a page, too")
    equal(told(x_amz_part_number_marker="4"), ([], "0", "false"), "behind the last part it is 0")


def completions(client):
    upload = client.create_upload(PATH)
    parts = [client.put_part(PATH, upload, 1, LAST)]
    refused(client.post(f"{PATH}?uploadId={upload}"), 400, "InvalidRequest", "a completion without a body", Message="You must specify at least one part")
    refused(client.complete(PATH, upload, []), 400, "MalformedXML", "one without a part")
    equal(client.complete(PATH, upload, parts)[0], 200, "and a good one")


def copied_ranges(client):
    upload = client.create_upload(PATH)
    path = f"{PATH}?partNumber=1&uploadId={upload}"

    def copy(first, last):
        return client.put(path, x_amz_copy_source="/bucket/source", x_amz_copy_source_range=f"bytes={first}-{last}")
    refused(copy(10, 20), 400, "InvalidRequest", "a range that begins behind the source's end")
    refused(copy(0, 10), 400, "InvalidArgument", "one that ends there")
    refused(copy(9, 10), 400, "InvalidArgument", "one that begins with the last byte and ends there")
    equal(copy(9, 9)[0], 200, "the last byte")


def suspended(client):
    """While versioning is suspended, uploads tell no version."""
    client.put("/versions")
    for state, tells in (("Enabled", True), ("Suspended", False)):
        client.put("/versions?versioning", f"<VersioningConfiguration><Status>{state}</Status></VersioningConfiguration>")
        equal("x-amz-version-id" in client.put("/versions/k", b"x")[1], tells, f"PutObject, versioning {state}: a version is told or not")
        upload = client.create_upload("/versions/k")
        parts = [client.put_part("/versions/k", upload, 1, b"x")]
        equal("x-amz-version-id" in client.complete("/versions/k", upload, parts)[1], tells, f"CompleteMultipartUpload, versioning {state}: too")
    equal(client.get("/versions/k")[1]["x-amz-version-id"], "null", "GET tells that it is null")


server = Server(keys=True)
client = Client(server)
client.put("/bucket")
client.put("/bucket/source", b"0123456789")
for family in (part_checksums, without_algorithm, full_object, composite, completions, copied_ranges, suspended):
    family(client)
check(server.stop(), "the server ends cleanly")
done()
