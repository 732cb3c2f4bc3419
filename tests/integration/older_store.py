# SPDX-License-Identifier: MIT
"""What files of a store were before they said of themselves what they are, for tests of older stores."""
import os

from sluicetest import blob_files, payload_bytes

HEAD_LINE = 18  # of a segment, which was all that its head had
SLOTS = (0, 4096)  # of blobs/SEQUENCE


def crc32c(data):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
        table.append(byte)
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def blank_heads(data):
    for path in blob_files(data)[1]:
        with open(path, "r+b") as file:
            file.seek(HEAD_LINE)
            file.write(bytes(4096 - HEAD_LINE))


def age_records(data):
    """No file says what it is, and SEQUENCE knows that. The files of blobs, and the segments, in the order of their ids."""
    blobs, segments = (sorted(paths, key=os.path.basename) for paths in blob_files(data))
    for path in blobs:
        os.truncate(path, payload_bytes(path))
    blank_heads(data)
    with open(os.path.join(data, "blobs", "SEQUENCE"), "r+b") as file:
        for slot in SLOTS:
            file.seek(slot)
            record = file.read(80)
            if record[:8] == b"SLUICSEQ":
                aged = record[:68] + record[32:40]  # records from where ids are promised
                file.seek(slot)
                file.write(aged + crc32c(aged).to_bytes(4, "little"))
    return blobs, segments
