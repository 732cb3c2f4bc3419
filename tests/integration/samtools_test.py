#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""samtools writes and reads an alignment: htslib searches the answers' heads for `ETag: "`, and gives its upload up without a word when the name
is spelled otherwise."""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import ACCESS, SECRET, Server, done, equal, have, ok, run, s3_client, scratch, sha256_file, skip

READS = 70000 # the upload then has two parts


def alignment(path):
    rng = random.Random(1)
    with open(path, "w") as out:
        out.write("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:100000000\n")
        for number in range(READS):
            quality = bytes(33 + byte % 90 for byte in rng.randbytes(100)).decode()
            out.write(f"read{number}\t0\tchr1\t{number + 1}\t60\t100M\t*\t0\t0\t{'ACGT' * 25}\t{quality}\n")


def main():
    if not have("samtools"):
        skip("samtools", "it is not installed")
        done()
    server = Server(keys=True)
    server_name = f"{server.host}:{server.port}"
    environment = {"HTS_S3_HOST": server_name, "HTS_S3_ADDRESS_STYLE": "path", "HTS_S3_PART_SIZE": "5", "AWS_ACCESS_KEY_ID": ACCESS,
                   "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "HOME": scratch()}
    url = "s3+https://reads/folder/a.bam" if server.context else "s3+http://reads/folder/a.bam"
    client = s3_client(server)
    client.create_bucket(Bucket="reads")
    text, back = scratch("a.sam"), scratch("back.bam")
    alignment(text)
    ok("samtools writes into a bucket", run(["samtools", "view", "-b", "-o", url, text], environment))
    parts = client.get_object_attributes(Bucket="reads", Key="folder/a.bam", ObjectAttributes=["ObjectParts"])["ObjectParts"]["TotalPartsCount"]
    equal(parts, 2, "in parts")
    ok("samtools counts what is there", run(["samtools", "view", "-c", url], environment), str(READS))
    client.download_file("reads", "folder/a.bam", back)
    ok("samtools reads it whole", run(["samtools", "view", "-o", back + ".sam", "--no-PG", url], environment))
    ok("and as a file", run(["samtools", "view", "-o", text + ".sam", "--no-PG", back], environment))
    equal(sha256_file(back + ".sam"), sha256_file(text + ".sam"), "both are the same")
    done()


main()
