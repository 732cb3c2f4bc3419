# SPDX-License-Identifier: MIT
"""What error documents say of posted forms. A part of error_codes_test.py."""
import base64
import datetime
import hashlib
import hmac
import json

from error_codes_elements import NOT_HELD, argument, md5, told_in
from forms import post
from sluicetest import ACCESS, SECRET

MISSING = "Bucket POST must contain a field named '{}'.  If it is specified, please check the order of the fields."


def policy_of(*conditions, expires=600):
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=expires)
    return base64.b64encode(json.dumps({"expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": [{"bucket": "errors"}, *conditions]}).encode()).decode()


def opened(server):
    def told(what, fields, code, message, *elements, **options):
        told_in(post(server, fields, path="/errors", **options)[2], f"a form, {what}", code, message, *elements)

    told("no key", {"acl": "private"}, "InvalidArgument", MISSING.format("key"), *argument("key", ""))
    told("no file", {"key": "no"}, "InvalidArgument", "POST requires exactly one file upload per request.", *argument("file", "0"), data=None)
    told("a key too long", {"key": "k" * 1025}, "KeyTooLongError", "Your key is too long", ("Size", "1025"), ("MaxSizeAllowed", "1024"))
    told("a storage class", {"key": "no", "x-amz-storage-class": "FakeClass"}, "InvalidStorageClass", "The storage class you specified is not valid",
         ("StorageClassRequested", "FakeClass"))
    told("another MD5", {"key": "no", "Content-MD5": md5(b"other")}, "BadDigest", "The Content-MD5 you specified did not match what we received.",
         ("CalculatedDigest", md5(b"file content")), ("ExpectedDigest", md5(b"other")))
    limited = {"key": "no", "policy": policy_of(["starts-with", "$key", ""], ["content-length-range", 5, 10])}
    told("a file too small", limited, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", ("ProposedSize", "1"), ("MinSizeAllowed", "5"),
         data=b"x")
    told("a file too large", limited, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", ("ProposedSize", "12"), ("MaxSizeAllowed", "10"),
         data=b"x" * 12)
    told("fields too large", {"key": "no", "x-ignore-a": "x" * 70000}, "MaxPostPreDataLengthExceeded", None)
    told("a policy that is none", {"key": "no", "policy": "e30="}, "InvalidPolicyDocument", None)
    text = server.request("POST", "/errors", b"x", {"content-type": "application/x-www-form-urlencoded"})[2]
    told_in(text, "no form", "PreconditionFailed", NOT_HELD, ("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"))


def keyed(server, signer):
    who = signer(ACCESS, SECRET)
    about = {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{ACCESS}/{who.scope}", "x-amz-date": who.stamp}
    policy = policy_of(["starts-with", "$key", ""], *({name: value} for name, value in about.items()))
    fields = {"key": "no", **about, "policy": policy, "x-amz-signature": hmac.new(who.key(), policy.encode(), hashlib.sha256).hexdigest()}

    def told(what, changed, code, message, *elements):
        sent = {name: value for name, value in {**fields, **changed}.items() if value is not None}
        told_in(post(server, sent, path="/errors")[2], f"a signed form, {what}", code, message, *elements)

    for field, name in (("x-amz-algorithm", "X-Amz-Algorithm"), ("x-amz-signature", "X-Amz-Signature"), ("x-amz-date", "X-Amz-Date"), ("policy", "policy")):
        told(f"without {field}", {field: None}, "InvalidArgument", MISSING.format(name), *argument(name, ""))
    told("of a key that is none", {"x-amz-credential": f"NOSUCHKEY/{who.scope}"}, "InvalidAccessKeyId",
         "The AWS Access Key Id you provided does not exist in our records.", ("AWSAccessKeyId", "NOSUCHKEY"))
    told("another signature", {"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch",
         "The request signature we calculated does not match the signature you provided. Check your key and signing method.", ("AWSAccessKeyId", ACCESS),
         ("StringToSign", policy), ("SignatureProvided", "0" * 64), ("StringToSignBytes", " ".join(f"{byte:02x}" for byte in policy.encode())))
