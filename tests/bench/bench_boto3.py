#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""boto3 as a client that is measured with: one thread, one request after the other, bodies read by 64 KiB. Prints what load.c prints.

    bench_boto3.py URL ACCESS_KEY SECRET_KEY REGION get|put BUCKET KEY SIZE SECONDS|COUNTx KEYS

A %d in KEY counts from 0 to KEYS - 1 and begins again. Without keys nothing is signed."""
import json
import sys
import time

import boto3
from botocore import UNSIGNED
from botocore.config import Config

PIECE = 64 << 10


def client(url, access_key, secret_key, region):
    config = {"retries": {"max_attempts": 0}, "s3": {"addressing_style": "path"}}
    if not access_key:
        return boto3.client("s3", endpoint_url=url, region_name=region, config=Config(signature_version=UNSIGNED, **config))
    return boto3.client("s3", endpoint_url=url, region_name=region, aws_access_key_id=access_key, aws_secret_access_key=secret_key, config=Config(**config))


def operate(s3, kind, where, body):
    """Returns the bytes that were moved."""
    if kind == "put":
        s3.put_object(**where, Body=body)
        return len(body)
    moved, stream = 0, s3.get_object(**where)["Body"]
    while piece := stream.read(PIECE):
        moved += len(piece)
    return moved


def main(url, access_key, secret_key, region, kind, bucket, key, size, amount, keys):
    s3, body, moved, took = client(url, access_key, secret_key, region), bytes(int(size) if kind == "put" else 0), 0, []
    most, end = (int(amount[:-1]), float("inf")) if amount.endswith("x") else (1 << 60, time.monotonic() + float(amount))
    began = time.monotonic()
    while len(took) < most and time.monotonic() < end:
        before = time.monotonic()
        moved += operate(s3, kind, {"Bucket": bucket, "Key": key.replace("%d", str(len(took) % int(keys)))}, body)
        took.append((time.monotonic() - before) * 1e6)
    seconds = time.monotonic() - began
    took.sort()
    print(json.dumps({"ops": len(took), "errors": 0, "seconds": seconds, "bytes": moved,
                      **{name: took[int((len(took) - 1) * share)] for name, share in (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999))}}))


main(*sys.argv[1:])
