# SPDX-License-Identifier: MIT
"""OpenDAL's binding for Python: Rust below."""
import opendal
from checks import KEY, LARGE, MIB, SECRET, URL, check, equal, refused, round_trip

B = "python-opendal"


def trip():
    settings = dict(bucket=B, endpoint=URL, region="us-east-1", access_key_id=KEY, secret_access_key=SECRET, disable_config_load="true",
                    disable_ec2_metadata="true")
    store = opendal.Operator("s3", root="/", **settings)
    store.write("dir/small", b"small", content_type="x/y", user_metadata={"colour": "blue"})
    equal(bytes(store.read("dir/small")), b"small", "an object comes back")
    stat = store.stat("dir/small")
    equal((stat.content_length, stat.content_type), (5, "x/y"), "with its type")
    with store.open("large", "wb", chunk=5 * MIB) as file:  # an upload in parts
        for at in range(0, len(LARGE), MIB):
            file.write(LARGE[at:at + MIB])
    check(bytes(store.read("large")) == LARGE, "an upload in parts comes back as one")
    check(store.stat("large").etag.endswith('-4"'), "of four parts", store.stat("large").etag)
    with store.open("large", "rb") as file:
        file.seek(5242870)
        piece = b""
        while len(piece) < 20 and (more := file.read(20 - len(piece))):  # a read may be short
            piece += more
        equal(piece, LARGE[5242870:5242890], "a range over the end of a part")
    equal(sorted(each.path for each in store.list("/") if each.path != "/"), ["dir/", "large"], "a listing with a delimiter")
    equal(sorted(each.path for each in store.list("/", recursive=True) if not each.path.endswith("/")), ["dir/small", "large"], "a listing without")
    refused(lambda: store.write("dir/small", b"", if_not_exists=True), "a write of what must not exist", "ConditionNotMatch")
    equal(bytes(store.read("dir/small")), b"small", "leaves what is there")
    store.copy("dir/small", "copy + ü")
    equal(bytes(store.read("copy + ü")), b"small", "a copy has the same bytes")
    refused(lambda: store.read("nowhere"), "a key that is not there", "NotFound")
    store.create_dir("folder/")
    check(store.exists("folder/"), "a folder is made")
    store.remove_all("/")
    equal([each.path for each in store.list("/", recursive=True) if each.path != "/"], [], "all are deleted")


def made():
    import boto3  # OpenDAL makes no buckets
    boto3.client("s3", endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET).create_bucket(Bucket=B)
    trip()


round_trip("OpenDAL for Python", "opendal", made)
