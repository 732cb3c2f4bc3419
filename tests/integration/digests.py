# SPDX-License-Identifier: MIT
"""The checksums of S3, computed apart from the server: ALGORITHMS maps S3's names to functions from bytes to a digest's bytes. The
XXHASH ones are missing where python3-xxhash is."""
import binascii
import hashlib

try:
    import xxhash
except ImportError:
    xxhash = None


def crc_reflected(bits, polynomial):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    ones = (1 << bits) - 1

    def compute(data):
        crc = ones
        for byte in data:
            crc = crc >> 8 ^ table[(crc ^ byte) & 255]
        return (crc ^ ones).to_bytes(bits // 8, "big")
    return compute


ALGORITHMS = {
    "CRC32": lambda data: binascii.crc32(data).to_bytes(4, "big"),
    "CRC32C": crc_reflected(32, 0x82f63b78),
    "CRC64NVME": crc_reflected(64, 0x9a6c9329ac4bc9b5),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "MD5": lambda data: hashlib.md5(data).digest(),
}
if xxhash:
    ALGORITHMS.update(XXHASH64=lambda data: xxhash.xxh64(data).digest(), XXHASH3=lambda data: xxhash.xxh3_64(data).digest(),
                      XXHASH128=lambda data: xxhash.xxh3_128(data).digest())
