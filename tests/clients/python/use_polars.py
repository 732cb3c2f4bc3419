# SPDX-License-Identifier: MIT
"""polars, which reads and writes tables in the store by object_store's client: footers by ranges, sinks in parts."""
import boto3
import polars as pl
from checks import KEY, SECRET, URL, check, equal, refused, round_trip

B = "python-polars"
OPTIONS = {"aws_endpoint_url": URL, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": "us-east-1", "aws_allow_http": "true"}


def trip():
    s3 = boto3.client("s3", endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    s3.create_bucket(Bucket=B)
    rows = 1_000_000
    table = pl.DataFrame({"n": pl.arange(0, rows, eager=True), "text": [f"row {i * 2654435761 % rows}" for i in range(rows)]})
    for part in range(3):
        table[part * 1000:(part + 1) * 1000].write_parquet(f"s3://{B}/set/part={part}/rows.parquet", storage_options=OPTIONS)
    table.lazy().sink_parquet(f"s3://{B}/large.parquet", storage_options=OPTIONS, compression="uncompressed")
    size = s3.head_object(Bucket=B, Key="large.parquet")["ContentLength"]
    check(size > 10 << 20, "a large table is written", size)
    check(pl.read_parquet(f"s3://{B}/large.parquet", storage_options=OPTIONS).equals(table), "and comes back the same")
    few = pl.scan_parquet(f"s3://{B}/large.parquet", storage_options=OPTIONS).filter(pl.col("n") == rows - 7).select("text").collect()
    equal(few["text"].to_list(), [table["text"][rows - 7]], "a scan for one row reads a part of it")
    whole = pl.scan_parquet(f"s3://{B}/set/**/*.parquet", storage_options=OPTIONS, hive_partitioning=True).sort("n").collect()
    equal((whole.height, whole["part"].unique().sort().to_list()), (3000, [0, 1, 2]), "a set of files by a pattern")
    table[:100].write_csv(f"s3://{B}/rows.csv", storage_options=OPTIONS)
    equal(pl.scan_csv(f"s3://{B}/rows.csv", storage_options=OPTIONS).collect().height, 100, "CSV")
    refused(lambda: pl.scan_parquet(f"s3://{B}/nowhere.parquet", storage_options=OPTIONS).collect(), "a file that is not there", "NotFound", "not found", "404", "expanded paths were empty")


round_trip("polars", "polars", trip)
