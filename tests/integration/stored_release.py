# SPDX-License-Identifier: MIT
"""What can be read of a store, as a list that can be kept in a file: stored_release_test.py compares a store that an earlier release
wrote with the list that the same release made of it (fixtures/make_store.py)."""
import hashlib
import http.client
import re
import xml.etree.ElementTree

from sluicetest import error_code

SETTINGS = ("acl", "versioning", "policy", "cors", "lifecycle", "tagging", "object-lock", "ownershipControls", "publicAccessBlock", "location")
OF_VERSIONS, OF_LOCKED = ("acl", "tagging"), ("retention", "legal-hold")
# What an answer says of an object, and not of the exchange. Headers that a later release adds are none of the list's business.
HEADERS = re.compile(r"etag|last-modified|content-(type|length|encoding|language|disposition)|cache-control|expires|x-amz-(meta-.*|version-id|"
                     r"delete-marker|tagging-count|mp-parts-count|storage-class|website-redirect-location|object-lock-.*|checksum-.*)")
PROLOG = re.compile(r'<\?xml[^>]*>\n| xmlns(:\w+)?="[^"]*"')
ATTRIBUTES = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"


def plain(status, body):
    """What a document says: the code of an error, whose wording and ids may differ, else the text without what all have in common."""
    text = body.decode("utf-8", "replace")
    return [status, error_code(text) if status >= 300 else PROLOG.sub("", text)]


class Reader:
    """Asks one server over one connection."""

    def __init__(self, server):
        self.connection = server.connect()

    def ask(self, path, headers=None):
        """(status, headers with lower-case names, body)"""
        for last in (False, True):
            try:
                self.connection.request("GET", path, headers={"x-amz-checksum-mode": "ENABLED", **(headers or {})})
                answer = self.connection.getresponse()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()  # the server cut it, as after a body that it found damaged
                if last:
                    return 0, {}, b"cut"

    def document(self, path, headers=None):
        status, _, body = self.ask(path, headers)
        return plain(status, body)

    def object(self, path):
        status, headers, body = self.ask(path)
        told = {name: value for name, value in sorted(headers.items()) if HEADERS.fullmatch(name)}
        if status not in (200, 206):
            told.pop("content-length", None)  # that of an error document
            return [*plain(status, body), told]
        return [status, f"{len(body)} bytes, SHA-256 {hashlib.sha256(body).hexdigest()}", told]


def everything(server):
    """Path -> what is there, of all that can be read: buckets, settings, versions with their bytes, delete markers, uploads, parts."""
    reader = Reader(server)
    found = {"/": reader.document("/")}
    for bucket in re.findall(r"<Name>([^<]*)</Name>", found["/"][1]):
        bucket = "/" + bucket
        for name in (*SETTINGS, "versions", "uploads", "list-type=2"):
            found[f"{bucket}?{name}"] = reader.document(f"{bucket}?{name}")
        for key, version in re.findall(r"<Key>([^<]*)</Key><VersionId>([^<]*)</VersionId>", found[f"{bucket}?versions"][1]):
            path, version = f"{bucket}/{key}", f"versionId={version}"
            found[f"{path}?{version}"] = reader.object(f"{path}?{version}")
            locks = found[f"{bucket}?object-lock"][0] == 200
            for name in OF_VERSIONS + OF_LOCKED if locks else OF_VERSIONS:
                found[f"{path}?{name}&{version}"] = reader.document(f"{path}?{name}&{version}")
            found[f"{path}?attributes&{version}"] = reader.document(f"{path}?attributes&{version}", {"x-amz-object-attributes": ATTRIBUTES})
            for part in range(2, 1 + int(found[f"{path}?{version}"][2].get("x-amz-mp-parts-count", 0))):
                found[f"{path}?partNumber={part}&{version}"] = reader.object(f"{path}?partNumber={part}&{version}")
        for key, upload in re.findall(r"<Key>([^<]*)</Key><UploadId>([^<]*)</UploadId>", found[f"{bucket}?uploads"][1]):
            found[f"{bucket}/{key}?uploadId={upload}"] = reader.document(f"{bucket}/{key}?uploadId={upload}")
    reader.connection.close()
    return found


# ---- What is told otherwise by now ----

MILLISECONDS = re.compile(r"(<(LastModified|Initiated|CreationDate)>[^<.]*\.)\d{3}Z<")
PARTS_OF_WHOLE = re.compile(r"(<ObjectParts><PartsCount>\d+</PartsCount>).*?(</ObjectParts>)")
COUNT_OF_PARTS = re.compile(r"(<Checksum>.*?<Checksum\w+>[^<]*)-\d+<")
PART_CHECKSUM = re.compile(r"<Checksum\w+>[^<]*</Checksum\w+>(?=</Part>)")
PART_COUNT = re.compile(r"-\d+(?=</Checksum\w+><ChecksumType>COMPOSITE<)")
NEXT = re.compile(r"<(NextPartNumberMarker|NextKeyMarker|NextUploadIdMarker|BucketArn)>[^<]*</\1>")


def ordered(element):
    """The same whatever the order in which different elements stand beside each other."""
    return element.tag, (element.text or "").strip(), [ordered(child) for child in sorted(element, key=lambda child: child.tag)]


def as_now(path, answer):
    """An answer of an earlier release, or of this one, without what S3 tells otherwise than that release did: times have whole seconds, there
    are more markers and ARNs, attributes tell a composite checksum without the number of parts, checksums of parts are told where that of the object is made of them, GetObjectAttributes tells none with the number of parts, and elements
    have another order."""
    answer = list(answer)
    if isinstance(answer[1], str) and answer[1].startswith("<"):
        answer[1] = NEXT.sub("", MILLISECONDS.sub(r"\g<1>000Z<", answer[1]))
        if path.endswith("?uploads"):
            answer[1] = answer[1].replace("<Prefix></Prefix>", "")
        answer[1] = COUNT_OF_PARTS.sub(r"\g<1><", answer[1])
        if "attributes" in path:
            answer[1] = PART_COUNT.sub("", answer[1])
        if "attributes" in path and "COMPOSITE" not in answer[1]:
            answer[1] = PARTS_OF_WHOLE.sub(r"\1\2", answer[1])
        if "uploadId" in path and "<ChecksumAlgorithm>" not in answer[1]:
            answer[1] = PART_CHECKSUM.sub("", answer[1])
        answer[1] = ordered(xml.etree.ElementTree.fromstring(answer[1].replace("xsi:type", "type")))
    if "partNumber" in path and isinstance(answer[-1], dict) and "x-amz-checksum-crc64nvme" in answer[-1]:
        answer[-1] = {name: value for name, value in answer[-1].items() if not name.startswith("x-amz-checksum-")}
    return answer
