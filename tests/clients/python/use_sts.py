# SPDX-License-Identifier: MIT
"""The newest boto3 with a CI job's token in its environment, and no key: it asks STS by itself."""
import io
import json

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from checks import LARGE, MIB, equal, refused, round_trip, visit


def trip():
    s3 = boto3.client("s3", region_name="us-east-1", config=Config(retries={"max_attempts": 0}))
    s3.put_object(Bucket="artifacts", Key="main/a", Body=b"built")
    equal(s3.get_object(Bucket="artifacts", Key="main/a")["Body"].read(), b"built", "an object goes up and comes back")
    equal([each["Key"] for each in s3.list_objects_v2(Bucket="artifacts", Prefix="main/")["Contents"]], ["main/a"], "a listing of the role's keys")
    refused(lambda: s3.put_object(Bucket="artifacts", Key="other", Body=b""), "not beyond the role", "AccessDenied")
    s3.upload_fileobj(io.BytesIO(LARGE), "artifacts", "main/large", Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB))
    equal(s3.head_object(Bucket="artifacts", Key="main/large")["ContentLength"], len(LARGE), "an upload in parts, with sums in trailers")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "artifacts", "Key": "main/a"})
    equal(visit("GET", url), (200, b"built"), "a presigned URL")
    sts = boto3.client("sts")
    equal(sts.get_caller_identity()["Arn"].split(":")[-1], "assumed-role/main/job-7", "who it is")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::artifacts/main/a"}]})
    refused(lambda: sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/x", RoleSessionName="xx", Policy=policy), "a session makes no sessions", "AccessDenied")


round_trip("boto3, by STS", "boto3", trip)
