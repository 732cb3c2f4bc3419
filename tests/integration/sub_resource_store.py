# SPDX-License-Identifier: MIT
"""A store with something of everything, all of which can be compared and put back."""
import http.client
import re
import shutil

from operations_requests import DOCUMENTS
from sluicetest import Server, fresh, key_line, make_keys

SETTINGS = ("acl", "versioning", "policy", "cors", "lifecycle", "tagging", "object-lock", "ownershipControls", "publicAccessBlock", "requestPayment",
            "accelerate", "logging", "notification", "website", "encryption", "replication", "location")
OF_VERSIONS = ("", "acl", "tagging", "retention", "legal-hold")
VOLATILE = re.compile(rb"<(RequestId|HostId)>[^<]*</\1>")
VOLATILE_HEADERS = {"date", "x-amz-request-id", "x-amz-id-2", "connection", "keep-alive"}

ARGUMENTS = ["--domain", "s3.test", "--encryption-keys", make_keys("keys", key_line("first", 1))]


class Store:
    def __init__(self):
        self.connection, self.sent = None, 0
        self.server = Server(args=ARGUMENTS)
        self.fill()
        self.server.stop()
        self.pristine = self.server.data
        self.reset()

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) over a connection that is kept."""
        self.sent += 1
        for last in (False, True):
            if self.connection is None:
                self.connection = self.server.connect()
            try:
                self.connection.request(method, path, body=body, headers=headers or {})
                answer = self.connection.getresponse()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                self.connection = None
                if last:
                    raise

    def must(self, method, path, body=None, headers=None):
        answer = self.ask(method, path, body, headers)
        if answer[0] not in (200, 204):
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    def fill(self):
        tagged = {"x-amz-tagging": "a=b", "x-amz-meta-name": "value", "content-type": "text/plain"}
        self.must("PUT", "/empty")
        self.must("PUT", "/full")
        self.must("PUT", "/full/key", b"content of the key", tagged)
        self.must("PUT", "/full/other", b"o" * 100_000)
        self.must("PUT", "/full/folder/page.html", b"<html/>")
        for name, document in (("PutBucketCors", "cors"), ("PutBucketOwnershipControls", "ownershipControls"), ("PutPublicAccessBlock", "publicAccessBlock")):
            self.must("PUT", f"/full?{document}", DOCUMENTS[name])
        self.must("PUT", "/full?lifecycle", DOCUMENTS["PutBucketLifecycleConfiguration"].replace("<Days>1<", "<Days>3650<"))
        self.must("PUT", "/full?tagging", "<Tagging><TagSet><Tag><Key>t</Key><Value>u</Value></Tag></TagSet></Tagging>")
        self.must("PUT", "/full?policy", '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::full/*"}]}')
        upload = self.must("POST", "/full/large?uploads")[2].decode().split("<UploadId>")[1].split("<")[0]
        self.must("PUT", f"/full/large?uploadId={upload}&partNumber=1", b"p" * 1000)
        self.must("PUT", "/versioned", headers={"x-amz-bucket-object-lock-enabled": "true"})
        for content in (b"one", b"two", b"three"):
            version = self.must("PUT", "/versioned/key", content, tagged)[1]["x-amz-version-id"]
        self.must("PUT", f"/versioned/key?legal-hold&versionId={version}", DOCUMENTS["PutObjectLegalHold"])
        self.must("PUT", "/versioned/gone", b"gone")
        self.must("DELETE", "/versioned/gone")

    def reset(self):
        """The store as it was filled."""
        self.server.kill()
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        data = fresh("changed")
        shutil.copytree(self.pristine, data)
        self.server = Server(data, args=ARGUMENTS)

    # ---- What is there ----

    def state(self, path):
        status, headers, body = self.ask("GET", path)
        return status, sorted((k, v) for k, v in headers.items() if k not in VOLATILE_HEADERS), VOLATILE.sub(b"", body)

    def glance(self):
        """Buckets, keys, versions, ETags, uploads: what little it takes to see which request it was."""
        return [self.state(path) for path in ("/", "/empty?versions", "/full?versions", "/versioned?versions", "/full?uploads", "/full/key?tagging")]

    def everything(self):
        """Path -> what is there, of all that can be read."""
        paths = ["/"]
        for bucket in re.findall(rb"<Name>([^<]*)</Name>", self.state("/")[2]):
            bucket = "/" + bucket.decode()
            paths += [f"{bucket}?{name}" for name in (*SETTINGS, "versions", "uploads")]
            for key, version in re.findall(rb"<Key>([^<]*)</Key><VersionId>([^<]*)</VersionId>", self.state(bucket + "?versions")[2]):
                paths += [f"{bucket}/{key.decode()}?{name}&versionId={version.decode()}" for name in OF_VERSIONS]
            for key, upload in re.findall(rb"<Key>([^<]*)</Key><UploadId>([^<]*)</UploadId>", self.state(bucket + "?uploads")[2]):
                paths.append(f"{bucket}/{key.decode()}?uploadId={upload.decode()}")
        return {path: self.state(path) for path in paths}
