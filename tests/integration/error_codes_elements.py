# SPDX-License-Identifier: MIT
"""What an error document says beside its code. FORMS has, for each code, the elements that S3 sends, in its order, as answers recorded from S3
have them; every error that error_codes_test.py provokes is held against it. The rows further down have values and messages."""
import base64
import datetime
import hashlib
import xml.etree.ElementTree

from sluicetest import ACCESS, SECRET, check, content_md5, equal

BUCKET = [("BucketName",)]

# code -> the forms that its document may have. A code that is not here has none of its own elements.
FORMS = {
    "AccessDenied": [(), ("HeadersNotSigned",), ("X-Amz-Expires", "Expires", "ServerTime"), ("Expires", "ServerTime"), ("ServerTime",)],
    "AccessForbidden": [("Method", "ResourceType")],
    "AuthorizationHeaderMalformed": [(), ("Region",)],
    "AuthorizationQueryParametersError": [(), ("Region",)],
    "BadDigest": [(), ("CalculatedDigest", "ExpectedDigest")], # a checksum; Content-MD5
    "BucketAlreadyExists": BUCKET, "BucketAlreadyOwnedByYou": BUCKET, "BucketNotEmpty": BUCKET,
    "ConditionalRequestConflict": [("Condition", "Key"), ("Key",), ()],
    "EntityTooLarge": [("ProposedSize", "MaxSizeAllowed"), ("MaxSizeAllowed",)],
    "EntityTooSmall": [("ProposedSize", "MinSizeAllowed"), ("ProposedSize", "MinSizeAllowed", "PartNumber", "ETag")], # of a form; of a part
    "InvalidAccessKeyId": [("AWSAccessKeyId",)],
    "InvalidArgument": [("ArgumentName", "ArgumentValue"), ("ArgumentName",)],
    "InvalidBucketName": BUCKET,
    "InvalidDigest": [("Content-MD5",)],
    "InvalidLocationConstraint": [("LocationConstraint",)],
    "InvalidPart": [("UploadId", "PartNumber", "ETag")],
    "InvalidPartNumber": [("PartNumberRequested", "ActualPartCount")],
    "InvalidPartOrder": [("UploadId",)],
    "InvalidRange": [("RangeRequested", "ActualObjectSize")],
    "InvalidStorageClass": [("StorageClassRequested",)],
    "InvalidTag": [("TagKey",), ("TagKey", "TagValue"), ()],
    "InvalidToken": [("Token-0",)],
    "KeyTooLongError": [("Size", "MaxSizeAllowed")],
    "MaxMessageLengthExceeded": [("MaxMessageLengthBytes",)],
    "MetadataTooLarge": [("Size", "MaxSizeAllowed")],
    "MethodNotAllowed": [("Method", "ResourceType")],
    "MissingSecurityHeader": [("MissingHeaderName",)],
    "NoSuchBucket": BUCKET, "NoSuchBucketPolicy": BUCKET, "NoSuchCORSConfiguration": BUCKET, "NoSuchLifecycleConfiguration": BUCKET,
    "NoSuchPublicAccessBlockConfiguration": BUCKET, "NoSuchTagSet": BUCKET, "NoSuchWebsiteConfiguration": BUCKET,
    "ObjectLockConfigurationNotFoundError": BUCKET, "OwnershipControlsNotFoundError": BUCKET, "ReplicationConfigurationNotFoundError": BUCKET,
    "ServerSideEncryptionConfigurationNotFoundError": BUCKET,
    "NoSuchKey": [("Key",)],
    "NoSuchUpload": [("UploadId",)],
    "NoSuchVersion": [("Key", "VersionId")],
    "NotImplemented": [(), ("Header",), ("Header", "additionalMessage")],
    "PreconditionFailed": [("Condition",)],
    "RequestTimeTooSkewed": [("RequestTime", "ServerTime", "MaxAllowedSkewMilliseconds")],
    "SignatureDoesNotMatch": [("AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes"),
                              ("AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"), ()], # V4; V2 and forms; a chunk
    "XAmzContentSHA256Mismatch": [("ClientComputedContentSHA256", "S3ComputedContentSHA256")],
}


def document(text):
    """(message, [(element, text) ...]) between Code and RequestId; None where it is no such document."""
    try:
        root = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError:
        return None
    names = [child.tag for child in root]
    if root.tag != "Error" or names[:2] != ["Code", "Message"] or names[-2:] != ["RequestId", "HostId"]:
        return None
    return root.findtext("Message"), [(child.tag, child.text or "") for child in root[2:-2]]


seen_forms = set() # (code, elements)


def check_form(code, text, name):
    parsed = document(text)
    names = tuple(element for element, _ in parsed[1]) if parsed else None
    seen_forms.add((code, names))
    check(names in FORMS.get(code, [()]), f"{name}: the elements of {code}", text.decode("utf-8", "replace")[:600])


def told_in(text, what, code, message, *elements):
    """message: its text, or None where S3 has none that is worth keeping."""
    got = document(text) or ("", [])
    seen_forms.add((code, tuple(element for element, _ in got[1])))
    equal((text.split(b"<Code>")[-1].split(b"<")[0].decode(), got[0] if message else None, got[1]), (code, message, list(elements)), f"elements: {what}")


def told(server, what, method, path, headers, body, code, message, *elements):
    told_in(server.request(method, path, body, headers or {})[2], what, code, message, *elements)


def argument(name, value=None):
    return (("ArgumentName", name),) if value is None else (("ArgumentName", name), ("ArgumentValue", value))


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


# ---- Values ----

NOT_HELD = "At least one of the pre-conditions you specified did not hold"
NO_UPLOAD = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
NO_PART = ("One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not "
           "match the part's entity tag.")
TAGGING_HEADER = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
COPY_RANGE = ("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first "
              "and last bytes to copy")
NOT_ALLOWED = "The specified method is not allowed against this resource."
LOCK_PAIR = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
OLD, NEW = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


def absent(server):
    told(server, "a bucket", "GET", "/no-such-bucket/k", None, None, "NoSuchBucket", "The specified bucket does not exist", ("BucketName", "no-such-bucket"))
    told(server, "a key that needs escapes", "GET", "/errors/a%20%3Cb%3E", None, None, "NoSuchKey", "The specified key does not exist.", ("Key", "a <b>"))
    told(server, "a version", "GET", f"/errors/missing?versionId={'f' * 32}", None, None, "NoSuchVersion", "The specified version does not exist.",
         ("Key", "missing"), ("VersionId", "f" * 32))
    told(server, "an upload", "GET", "/errors/missing?uploadId=no%2Bid", None, None, "NoSuchUpload", NO_UPLOAD, ("UploadId", "no+id"))
    for query, code, message in (
            ("policy", "NoSuchBucketPolicy", "The bucket policy does not exist"), ("cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
            ("lifecycle", "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"), ("tagging", "NoSuchTagSet", "The TagSet does not exist"),
            ("object-lock", "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
            ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
            ("ownershipControls", "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
            ("website", "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
            ("replication", "ReplicationConfigurationNotFoundError", "The replication configuration was not found")):
        told(server, f"?{query}", "GET", f"/errors?{query}", None, None, code, message, ("BucketName", "errors"))
    told(server, "a copy's version", "PUT", "/errors/new", {"x-amz-copy-source": f"/errors/key?versionId={'f' * 32}"}, None, "NoSuchVersion", None, ("Key", "key"),
         ("VersionId", "f" * 32))
    told(server, "a copy's bucket", "PUT", "/errors/new", {"x-amz-copy-source": "/no-such-bucket/k"}, None, "NoSuchBucket", None, ("BucketName", "no-such-bucket"))
    told(server, "a copy's key", "PUT", "/errors/new", {"x-amz-copy-source": "/errors/missing"}, None, "NoSuchKey", None, ("Key", "missing"))


def conditions(server):
    for what, headers, condition in (
            ("If-Match", {"if-match": '"x"'}, "If-Match"), ("a date", {"if-unmodified-since": OLD}, "If-Unmodified-Since"),
            ("a date beside an ETag that is fine", {"if-unmodified-since": OLD, "if-none-match": '"x"'}, "If-Unmodified-Since")):
        told(server, f"a read, {what}", "GET", "/errors/key", headers, None, "PreconditionFailed", NOT_HELD, ("Condition", condition))
    for headers, condition in (({"if-match": '"x"'}, "If-Match"), ({"if-none-match": "*"}, "If-None-Match")):
        told(server, f"a write, {condition}", "PUT", "/errors/key", headers, b"x", "PreconditionFailed", NOT_HELD, ("Condition", condition))
    etag = server.request("HEAD", "/errors/key")[1]["etag"]
    for header, value, condition in (("if-match", '"x"', "If-Match"), ("if-none-match", etag, "If-None-Match"), ("if-modified-since", None, "If-Modified-Since"),
                                     ("if-unmodified-since", OLD, "If-Unmodified-Since")):
        value = value or server.request("HEAD", "/errors/key")[1]["last-modified"]
        headers = {"x-amz-copy-source": "/errors/key", f"x-amz-copy-source-{header}": value}
        told(server, f"a copy, {condition}", "PUT", "/errors/new", headers, None, "PreconditionFailed", NOT_HELD, ("Condition", f"x-amz-copy-source-{condition}"))
    told(server, "a copy, by where it goes", "PUT", "/errors/key", {"x-amz-copy-source": "/errlocked/key", "if-none-match": "*"}, None, "PreconditionFailed", NOT_HELD,
         ("Condition", "If-None-Match"))
    told(server, "no form", "POST", "/errors", {"content-type": "text/plain"}, "x", "PreconditionFailed", NOT_HELD,
         ("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"))


def arguments(server):
    for path, message, name, value in (
            ("/errors?max-keys=x", "Provided max-keys not an integer or within integer range", "max-keys", "x"),
            ("/errors?max-keys=2147483648", "Provided max-keys not an integer or within integer range", "max-keys", "2147483648"),
            ("/errors?max-keys=-1", "Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", "-1"),
            ("/errors?uploads&max-uploads=-1", "Argument max-uploads must be an integer between 0 and 2147483647", "max-uploads", "-1"),
            ("/errors?versions&max-keys=-1", "max-keys cannot be negative", "max-keys", None),
            ("/?max-buckets=0", "Argument max-buckets must be an integer between 1 and 10000", "max-buckets", "0"),
            ("/errors?encoding-type=value", "Invalid Encoding Method specified in Request", "encoding-type", "value"),
            ("/errors?list-type=2&continuation-token=!", "The continuation token provided is incorrect", "continuation-token", None),
            ("/errors?versions&version-id-marker=x", "A version-id marker cannot be specified without a key marker.", "version-id-marker", "x"),
            ("/errors?uploads&key-marker=a&upload-id-marker=x", "Invalid uploadId marker", "upload-id-marker", "x"),
            ("/errors/key?versionId=x", "Invalid version id specified", "versionId", "x"),
            ("/errors/key?versionId=", "Version id cannot be the empty string", "versionId", ""),
            ("/errors?versionId=null", "This operation does not accept a version-id.", "versionId", "null"),
            ("/errors?versioning&acl", "Conflicting query string parameters: acl, versioning", "ResourceType", "acl"),
            ("/errors/key?partNumber=0", "Part number must be an integer between 1 and 10000, inclusive", "partNumber", "0")):
        told(server, path, "GET", path, None, None, "InvalidArgument", message, *argument(name, value))
    told(server, "an attribute", "GET", "/errors/key?attributes", {"x-amz-object-attributes": "ETag,Colour"}, None, "InvalidArgument",
         "Invalid attribute name specified.", *argument("x-amz-object-attributes", "Colour"))
    copy = {"x-amz-copy-source": "/errors/key"}
    for what, headers, message, name, value in (
            ("an ACL", {"x-amz-acl": "fake-acl"}, None, "x-amz-acl", "fake-acl"),
            ("a grant", {"x-amz-grant-write": 'fakekey="1234"'}, "Argument format not recognized", "x-amz-grant-write", 'fakekey="1234"'),
            ("a group", {"x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/s3/FakeGroup"'}, "Invalid group uri", "uri", "http://acs.amazonaws.com/groups/s3/FakeGroup"),
            ("tags", {"x-amz-tagging": "key1=val1&key1=val2"}, TAGGING_HEADER, "x-amz-tagging", "key1=val1&key1=val2"),
            ("a source", {"x-amz-copy-source": "errors"}, "Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source"),
            ("a directive", {**copy, "x-amz-metadata-directive": "MOVE"}, "Unknown metadata directive.", "x-amz-metadata-directive", "MOVE"),
            ("a directive for tags", {**copy, "x-amz-tagging-directive": "MOVE"}, "Unknown tagging directive.", "x-amz-tagging-directive", "MOVE")):
        told(server, f"PUT, {what}", "PUT", "/errors/new", headers, None if "x-amz-copy-source" in headers else b"x", "InvalidArgument", message, *argument(name, value))
    for headers, message, name, value in (
            ({"x-amz-object-lock-mode": "GOVERNANCE"}, LOCK_PAIR, "x-amz-object-lock-retain-until-date", None),
            ({"x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"}, LOCK_PAIR, "x-amz-object-lock-mode", None),
            ({"x-amz-object-lock-mode": "BAD-VALUE", "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"}, "Unknown wormMode directive.",
             "x-amz-object-lock-mode", "BAD-VALUE")):
        told(server, f"a lock: {name} {value}", "PUT", "/errlocked/new", headers, b"x", "InvalidArgument", message, *argument(name, value))
    told(server, "ownership", "PUT", "/errors-new", {"x-amz-object-ownership": "RandomValue"}, None, "InvalidArgument", "Invalid x-amz-object-ownership header: RandomValue",
         *argument("x-amz-object-ownership"))
    for value, document_of in (("2000-01-01T00:00:00Z", "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2000-01-01T00:00:00Z</RetainUntilDate></Retention>"),):
        told(server, "a retention that is past", "PUT", "/errlocked/key?retention", content_md5(document_of), document_of, "InvalidArgument",
             "The retain until date must be in the future!", *argument("RetainUntilDate", value.replace("Z", ".000Z")))
    life = ("<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter/><Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration></Rule>"
            "</LifecycleConfiguration>")
    days = life.replace("<Date>2030-01-01T01:00:00Z</Date>", "<Days>0</Days>")
    told(server, "days of a rule", "PUT", "/errors?lifecycle", content_md5(days), days, "InvalidArgument", "'Days' for Expiration action must be a positive integer",
         *argument("Days", "0"))
    told(server, "a date of a rule", "PUT", "/errors?lifecycle", content_md5(life), life, "InvalidArgument", "'Date' must be at midnight GMT",
         *argument("Date", "2030-01-01T01:00:00Z"))


def buckets(server):
    told(server, "a bucket with objects", "DELETE", "/errors", None, None, "BucketNotEmpty", "The bucket you tried to delete is not empty", ("BucketName", "errors"))
    told(server, "a bucket with versions", "DELETE", "/errlocked", None, None, "BucketNotEmpty",
         "The bucket you tried to delete is not empty. You must delete all versions in the bucket.", ("BucketName", "errlocked"))
    told(server, "a name that is none", "PUT", "/Upper", None, None, "InvalidBucketName", "The specified bucket is not valid.", ("BucketName", "Upper"))
    life = "<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
    told(server, "a minimum size", "PUT", "/errors?lifecycle", {**content_md5(life), "x-amz-transition-default-minimum-object-size": "value"}, life, "InvalidRequest",
         "Invalid TransitionDefaultMinimumObjectSize found: value")


def access(server):
    told(server, "an ACL beside ownership", "PUT", "/errors-new", {"x-amz-object-ownership": "BucketOwnerEnforced", "x-amz-acl": "public-read"}, None,
         "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
    server.request("PUT", "/errors-owned", headers={"x-amz-object-ownership": "BucketOwnerEnforced"})
    told(server, "an ACL where there are none", "PUT", "/errors-owned?acl", {"x-amz-acl": "public-read"}, None, "AccessControlListNotSupported",
         "The bucket does not allow ACLs")
    told(server, "a path that is none", "GET", "/errors/%zz", None, None, "InvalidURI", "Couldn't parse the specified URI.")


def checksums(server, upload_id):
    for what, method, path, headers, message in (
            ("a checksum that is none", "PUT", "/errors/new", {"x-amz-checksum-sha256": "x"}, "Value for x-amz-checksum-sha256 header is invalid."),
            ("two", "PUT", "/errors/new", {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA=="},
             "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."),
            ("an upload without an algorithm", "POST", "/errors/new?uploads", {"x-amz-checksum-type": "COMPOSITE"},
             "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."),
            ("an algorithm", "POST", "/errors/new?uploads", {"x-amz-checksum-algorithm": "TEST"}, "Checksum algorithm provided is unsupported. Please try again with any "
             "of the valid types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"),
            ("a type", "POST", "/errors/new?uploads", {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "COMPOSITE"},
             "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."),
            ("another type", "POST", "/errors/new?uploads", {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT"},
             "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."),
            ("a part", "PUT", f"/errors/summed?partNumber=1&uploadId={upload_id}", {"x-amz-checksum-crc32": "AAAAAA=="},
             "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32")):
        told(server, what, method, path, headers, b"" if method == "POST" else b"x", "InvalidRequest", message)


def bodies(server, upload_id):
    wrong = md5(b"other")
    told(server, "an MD5 that is none", "PUT", "/errors/new", {"content-md5": "000"}, b"x", "InvalidDigest", "The Content-MD5 you specified was invalid.", ("Content-MD5", "000"))
    told(server, "another MD5", "PUT", "/errors/new", {"content-md5": wrong}, b"something", "BadDigest", "The Content-MD5 you specified did not match what we received.",
         ("CalculatedDigest", md5(b"something")), ("ExpectedDigest", hashlib.md5(b"other").hexdigest()))
    told(server, "another MD5 of a part", "PUT", f"/errors/upload?partNumber=9&uploadId={upload_id}", {"content-md5": wrong}, b"something", "BadDigest", None,
         ("CalculatedDigest", md5(b"something")), ("ExpectedDigest", wrong))
    tags = "<Tagging><TagSet/></Tagging>"
    told(server, "another MD5 of a document", "PUT", "/errors?tagging", {"content-md5": wrong}, tags, "BadDigest", None, ("CalculatedDigest", md5(tags.encode())),
         ("ExpectedDigest", wrong))
    told(server, "another checksum", "PUT", "/errors/new", {"x-amz-checksum-crc32": "AAAAAA=="}, b"x", "BadDigest",
         "The CRC32 you specified did not match the calculated checksum.")
    told(server, "a key too long", "PUT", "/errors/" + "k" * 1030, None, b"x", "KeyTooLongError", "Your key is too long", ("Size", "1030"), ("MaxSizeAllowed", "1024"))
    told(server, "too much metadata", "PUT", "/errors/new", {"x-amz-meta-ab": "v" * 2048}, b"x", "MetadataTooLarge",
         "Your metadata headers exceed the maximum allowed metadata size", ("Size", "2050"), ("MaxSizeAllowed", "2048"))
    told(server, "a storage class", "PUT", "/errors/new", {"x-amz-storage-class": "OUTPOSTS"}, b"x", "InvalidStorageClass", "The storage class you specified is not valid",
         ("StorageClassRequested", "OUTPOSTS"))
    told(server, "encryption", "PUT", "/errors/new", {"x-amz-server-side-encryption": "AES256"}, b"x", "NotImplemented", None, ("Header", "x-amz-server-side-encryption"))
    told(server, "a range", "GET", "/errors/key", {"range": "bytes=100-200"}, None, "InvalidRange", "The requested range is not satisfiable",
         ("RangeRequested", "bytes=100-200"), ("ActualObjectSize", "10"))
    told(server, "a part that is not there", "GET", "/errors/key?partNumber=10", None, None, "InvalidPartNumber", "The requested partnumber is not satisfiable",
         ("PartNumberRequested", "10"), ("ActualPartCount", "1"))
    told(server, "no XML", "PUT", "/errors?tagging", content_md5("x"), "x", "MalformedXML",
         "The XML you provided was not well-formed or did not validate against our published schema")


def tags(server):
    def put(what, path, pairs, code, message, *elements):
        text = "<Tagging><TagSet>" + "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in pairs) + "</TagSet></Tagging>"
        told(server, what, "PUT", path, content_md5(text), text, code, message, *elements)
    for path in ("/errors?tagging", "/errors/key?tagging"):
        put("a tag twice", path, [("Key1", "a"), ("Key1", "b")], "InvalidTag", "Cannot provide multiple Tags with the same key", ("TagKey", "Key1"))
        put("a tag's key", path, [("Key1,Key2", "a")], "InvalidTag", "The TagKey you have provided is invalid", ("TagKey", "Key1,Key2"))
        put("a tag's value", path, [("Key1", "Val1,Val2")], "InvalidTag", "The TagValue you have provided is invalid", ("TagKey", "Key1"), ("TagValue", "Val1,Val2"))
    put("a bucket's tag of the system's", "/errors?tagging", [("aws:prefixed", "a")], "InvalidTag", "System tags cannot be added/updated by requester", ("TagKey", "aws:prefixed"))
    put("an object's", "/errors/key?tagging", [("aws:prefixed", "a")], "InvalidTag", "Your TagKey cannot be prefixed with aws:", ("TagKey", "aws:prefixed"))
    creation = "<CreateBucketConfiguration><Tags><Tag><Key>aws:prefixed</Key><Value>a</Value></Tag></Tags></CreateBucketConfiguration>"
    told(server, "one of a bucket that is made", "PUT", "/errors-new", content_md5(creation), creation, "InvalidTag",
         'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.')


def parts(server, upload_id):
    etag = hashlib.md5(b"small").hexdigest()

    def complete(what, listed, code, message, *elements):
        text = "<CompleteMultipartUpload>" + "".join(f'<Part><PartNumber>{n}</PartNumber><ETag>"{e}"</ETag></Part>' for n, e in listed) + "</CompleteMultipartUpload>"
        told(server, what, "POST", f"/errors/upload?uploadId={upload_id}", None, text, code, message, *elements)
    complete("a part that is not there", [(1, etag), (3, etag)], "InvalidPart", NO_PART, ("UploadId", upload_id), ("PartNumber", "3"), ("ETag", etag))
    complete("another ETag", [(1, "0" * 32)], "InvalidPart", NO_PART, ("UploadId", upload_id), ("PartNumber", "1"), ("ETag", "0" * 32))
    complete("part 10,001", [(10001, etag)], "InvalidPart", NO_PART, ("UploadId", upload_id), ("PartNumber", "10001"), ("ETag", ""))
    complete("another order", [(2, etag), (1, etag)], "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.",
             ("UploadId", upload_id))
    complete("a part too small", [(1, etag), (2, etag)], "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", ("ProposedSize", "5"),
             ("MinSizeAllowed", "5242880"), ("PartNumber", "1"), ("ETag", etag))
    path, source = f"/errors/upload?partNumber=1&uploadId={upload_id}", {"x-amz-copy-source": "/errors/key"}
    for span, message in (("bytes=1-0", COPY_RANGE), ("bytes=0-100", "Range specified is not valid for source object of size: 10")):
        told(server, f"the range {span}", "PUT", path, {**source, "x-amz-copy-source-range": span}, None, "InvalidArgument", message,
             *argument("x-amz-copy-source-range", span))
    told(server, "part number -1", "PUT", f"/errors/upload?partNumber=-1&uploadId={upload_id}", None, b"x", "InvalidArgument",
         "Part number must be an integer between 1 and 10000, inclusive", *argument("partNumber", "-1"))


def methods(server):
    for method, path, resource in (
            ("POST", "/", "SERVICE"), ("PATCH", "/errors", "BUCKET"), ("POST", "/errors/key", "OBJECT"), ("PUT", "/errors?location", "LOCATION"),
            ("POST", "/errors?policy", "BUCKETPOLICY"), ("DELETE", "/errors?acl", "ACL"), ("POST", "/errors/key?tagging", "OBJECT_TAGGING"),
            ("POST", "/errors?tagging", "TAGGING"), ("DELETE", "/errors?versioning", "VERSIONING")):
        told(server, f"{method} {path}", method, path, None, b"" if method in ("POST", "PUT") else None, "MethodNotAllowed", NOT_ALLOWED, ("Method", method),
             ("ResourceType", resource))
    marker = server.request("DELETE", "/errlocked/marked")[1]["x-amz-version-id"]
    told(server, "a delete marker", "GET", f"/errlocked/marked?versionId={marker}", None, None, "MethodNotAllowed", NOT_ALLOWED, ("Method", "GET"),
         ("ResourceType", "DeleteMarker"))
    told(server, "a preflight of no bucket", "OPTIONS", "/no-such-bucket/key", origin := {"origin": "http://a", "access-control-request-method": "PUT"}, None, "AccessForbidden",
         "CORSResponse: Bucket not found", ("Method", "PUT"), ("ResourceType", "BUCKET"))
    told(server, "a preflight", "OPTIONS", "/errors/key", origin, None, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", ("Method", "PUT"),
         ("ResourceType", "BUCKET"))


def values(server, upload_id):
    for part in (absent, conditions, arguments, tags, methods, buckets, access):
        part(server)
    bodies(server, upload_id)
    parts(server, upload_id)
    summed = server.request("POST", "/errors/summed?uploads", headers={"x-amz-checksum-algorithm": "SHA256"})[2].split(b"<UploadId>")[1].split(b"<")[0].decode()
    checksums(server, summed)


# ---- What takes a key ----

def signed(server, signer):
    host = f"{server.host}:{server.port}"
    headers = signer("NOSUCHKEY", SECRET).headers("GET", "/errors/key", host)
    told(server, "a key that is none", "GET", "/errors/key", headers, None, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
         ("AWSAccessKeyId", "NOSUCHKEY"))
    headers = signer(ACCESS, SECRET).headers("PUT", "/errors/key", host, hashlib.sha256(b"other").hexdigest())
    told(server, "another payload", "PUT", "/errors/key", headers, b"body", "XAmzContentSHA256Mismatch",
         "The provided 'x-amz-content-sha256' header does not match what was computed.",
         ("ClientComputedContentSHA256", hashlib.sha256(b"other").hexdigest()), ("S3ComputedContentSHA256", hashlib.sha256(b"body").hexdigest()))
    headers = {**signer(ACCESS, SECRET).headers("GET", "/errors/key", host), "x-amz-meta-wrong": "x", "x-amz-copy-source": "/a/b"}
    told(server, "headers that were not signed", "GET", "/errors/key", headers, None, "AccessDenied", "There were headers present in the request which were not signed",
         ("HeadersNotSigned", "x-amz-meta-wrong, x-amz-copy-source"))
    right = signer(ACCESS, SECRET).headers("GET", "/errors/key", host)
    date = right["x-amz-date"][:8]
    for what, old, new, message, *elements in (
            ("a service", "/s3/", "/ec2/", 'incorrect service "ec2". This endpoint belongs to "s3".'),
            ("a terminal", "/aws4_request", "/aws4", 'incorrect terminal "aws4". This endpoint uses "aws4_request".'),
            ("a date", f"/{date}/", "/20130524/", f'Invalid credential date "20130524". This date is not the same as X-Amz-Date: "{right["x-amz-date"]}".'),
            ("a region", "/us-east-1/", "/aws-global/", "the region 'aws-global' is wrong; expecting 'us-east-1'", ("Region", "us-east-1")),
            ("a part", "SignedHeaders=", "Signed=", None), ("too few", ", Signature=", "; Signature=", None)):
        told(server, f"a scope with another {what}", "GET", "/errors/key", {**right, "authorization": right["authorization"].replace(old, new)}, None,
             "AuthorizationHeaderMalformed", message and f"The authorization header is malformed; {message}", *elements)
    headers = signer(ACCESS, SECRET).headers("GET", "/errors/key", host, extra={"x-amz-security-token": "some-token"})
    told(server, "a token", "GET", "/errors/key", headers, None, "InvalidToken", None, ("Token-0", "some-token"))
    moved = {hours: signer(ACCESS, SECRET, now=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)) for hours in (-1, 1)}
    for hours, clock in moved.items():
        message, elements = document(server.request("GET", "/errors/key", None, clock.headers("GET", "/errors/key", host))[2])
        elements = dict(elements)
        seen_forms.add(("RequestTimeTooSkewed", tuple(elements)))
        equal((message, list(elements), elements["RequestTime"], elements["MaxAllowedSkewMilliseconds"]),
              ("The difference between the request time and the current time is too large.", list(FORMS["RequestTimeTooSkewed"][0]), clock.stamp, "900000"),
              f"elements: a clock that is {hours} hour off")
    message, elements = document(server.request("GET", f"/errors/key?{moved[-1].presign('GET', '/errors/key', host, expires=60)[0]}")[2])
    elements = dict(elements)
    seen_forms.add(("AccessDenied", tuple(elements)))
    expires = (moved[-1].now + datetime.timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    equal((message, list(elements), elements["X-Amz-Expires"], elements["Expires"], len(elements["ServerTime"])),
          ("Request has expired", ["X-Amz-Expires", "Expires", "ServerTime"], "60", expires, len(expires)), "elements: a URL that has expired")
    text = server.request("GET", f"/errors/key?{moved[1].presign('GET', '/errors/key', host)[0]}")[2]
    seen_forms.add(("AccessDenied", tuple(element for element, _ in document(text)[1])))
    told(server, "a URL of another region", "GET", f"/errors/key?{signer(ACCESS, SECRET, 'eu-west-9').presign('GET', '/errors/key', host)[0]}", None, None,
         "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; the region 'eu-west-9' is wrong; expecting 'us-east-1'", ("Region", "us-east-1"))
    headers = signer(ACCESS, "wrong").headers("GET", "/errors/key", host)
    message, elements = document(server.request("GET", "/errors/key", None, headers)[2])
    equal(message, "The request signature we calculated does not match the signature you provided. Check your key and signing method.", "elements: another secret")
    elements = dict(elements)
    seen_forms.add(("SignatureDoesNotMatch", tuple(elements)))
    equal(list(elements), list(FORMS["SignatureDoesNotMatch"][0]), "elements: what was signed")
    for name in ("StringToSign", "CanonicalRequest"):
        equal(bytes.fromhex(elements[f"{name}Bytes"]), elements[name].encode(), f"elements: the bytes of {name}")


def logs_are_clean(*servers):
    """A row's element that nobody gave is reported."""
    for server in servers:
        check("lacks its" not in server.log_text(), "no answer lacked an element", "\n".join(line for line in server.log_text().splitlines() if "lacks its" in line)[:1000])


# Forms, or codes with all of theirs, that other tests provoke or none can.
NOT_HERE = {
    "BucketAlreadyExists": "users_test.py: it takes two users", "ConditionalRequestConflict": "judged_race_test.py: it takes a race",
    "IncompleteBody": "hostile_test.py: nobody is left to read it", "ExpiredToken": "a session of 15 minutes: s3_session_test", "InsufficientStorage": "disk_full_test.py", "InternalError": "a failing machine",
    "NotModified": "it has no document", "OperationAborted": "a publication that is being carried out: meta_publish_test", "QuotaExceeded": "quota_test.py", "RequestTimeout": "a minute of silence", "ServiceUnavailable": "a server that ends", "SlowDown": "a client too many",
    "TooManyParts": "append_test.py: 10,000 of them", "TooManyRequests": "web_auth_test.py: many wrong credentials", ("AccessDenied", ("Expires", "ServerTime")): "Signature Version 2",
    ("EntityTooLarge", ("MaxSizeAllowed",)): "a body whose length nobody told: hostile_test.py",
    ("SignatureDoesNotMatch", ()): "a signed chunk: hostile_test.py",
}


def completeness(codes):
    """Each form of each code was met, but for what is named here. codes: all that the server has."""
    for code in sorted(codes):
        for form in FORMS.get(code, [()]):
            if (code, form) not in seen_forms:
                check((code, form) in NOT_HERE or code in NOT_HERE, f"{code} {form} is provoked")
