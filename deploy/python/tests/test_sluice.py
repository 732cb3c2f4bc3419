# SPDX-License-Identifier: MIT
"""The package as its users have it: installed, with boto3 beside it."""
import logging
import os
import subprocess
import sys
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

import pytest_sluice

ONCE = Config(retries={"max_attempts": 0}, read_timeout=10)


def test_bytes_come_back(s3_bucket):
    s3 = s3_bucket.client()
    body = os.urandom(3_000_000)
    s3.put_object(Bucket=s3_bucket.name, Key="a/b", Body=body)
    assert s3.get_object(Bucket=s3_bucket.name, Key="a/b")["Body"].read() == body


def test_each_test_has_a_bucket_of_its_own(s3_bucket):
    assert s3_bucket.client().list_objects_v2(Bucket=str(s3_bucket))["KeyCount"] == 0


def test_requests_fail(sluice, s3_bucket):
    s3 = s3_bucket.client(config=ONCE)
    sluice.fail(2)
    for _ in range(2):
        with pytest.raises(ClientError) as failed:
            s3.list_objects_v2(Bucket=s3_bucket.name)
        assert failed.value.response["Error"]["Code"] == "SlowDown"
    s3.list_objects_v2(Bucket=s3_bucket.name)
    sluice.fail(1, status=500)
    with pytest.raises(ClientError) as failed:
        s3.list_objects_v2(Bucket=s3_bucket.name)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    sluice.fail(5)


def test_faults_end_with_their_test(sluice):
    assert sluice.faults_left() == {"fail": 0, "slow": 0, "cut": 0}


def test_a_client_tries_again(sluice, s3_bucket):
    sluice.fail(2)
    s3_bucket.client(config=Config(retries={"max_attempts": 4, "mode": "standard"})).put_object(Bucket=s3_bucket.name, Key="a", Body=b"1")
    assert sluice.faults_left()["fail"] == 0


def test_requests_are_slow(sluice, s3_bucket):
    sluice.slow(1, seconds=0.5)
    began = time.monotonic()
    s3_bucket.client().list_objects_v2(Bucket=s3_bucket.name)
    assert time.monotonic() - began >= 0.5
    sluice.slow(1, seconds=30)
    with pytest.raises(ReadTimeoutError):
        s3_bucket.client(config=Config(retries={"max_attempts": 0}, read_timeout=0.3)).list_objects_v2(Bucket=s3_bucket.name)


def test_bodies_are_cut(sluice, s3_bucket):
    s3 = s3_bucket.client(config=ONCE)
    s3.put_object(Bucket=s3_bucket.name, Key="large", Body=b"x" * 3_000_000)
    sluice.cut(1, after=1_000_000)
    with pytest.raises((IncompleteReadError, ResponseStreamingError, ConnectionError, OSError)):
        s3.get_object(Bucket=s3_bucket.name, Key="large")["Body"].read()
    sluice.cut(1, after=1000)
    with pytest.raises((ConnectionError, HTTPClientError)):
        s3.put_object(Bucket=s3_bucket.name, Key="cut", Body=b"x" * 3_000_000)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=s3_bucket.name)["Contents"]] == ["large"]


def test_values_are_checked(sluice):
    for wrong in (lambda: sluice.fail(-1), lambda: sluice.cut(1 << 40)):
        with pytest.raises(ValueError):
            wrong()
    for wrong in (lambda: sluice.fail(1, status=200), lambda: sluice.slow(1, seconds=100), lambda: sluice.cut(1, after=0)):
        with pytest.raises(pytest_sluice.SluiceError):
            wrong()


def test_the_environment_leads_to_it(sluice_environment, s3_bucket):
    code = "import boto3; boto3.client('s3').put_object(Bucket='%s', Key='from/elsewhere', Body=b'1')" % s3_bucket
    subprocess.run([sys.executable, "-c", code], check=True)
    assert s3_bucket.client().head_object(Bucket=s3_bucket.name, Key="from/elsewhere")["ContentLength"] == 1


def test_without_pytest():
    with pytest_sluice.Server(buckets=["one", "two"]) as server:
        assert [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]] == ["one", "two"]
        folder = server._folder
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)
    with pytest.raises(pytest_sluice.SluiceError):
        pytest_sluice.Server(buckets=["NOT_A_BUCKET"])


def test_messages_go_to_the_log(caplog):
    with caplog.at_level(logging.INFO, "sluice"), pytest_sluice.Server():
        pass
    assert any("for tests" in record.message for record in caplog.records)
