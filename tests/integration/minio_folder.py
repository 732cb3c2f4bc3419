# SPDX-License-Identifier: MIT
"""Data folders of MinIO for tests: the recorded one, unpacked; and its xl.meta files, read and written.

What is written is of the form 1.1, which has no checksum, or of 1.0, which has no inline data either; 1.3 stays as it was recorded."""
import os
import struct
import tarfile

FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "minio")
NULL_ID = bytes(16)


def unpack(folder):
    os.makedirs(folder)
    with tarfile.open(os.path.join(FIXTURE, "data.tar.xz")) as archive:
        archive.extractall(folder)
    return folder


# ---- MessagePack ----

def _take(data, at, form):
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def decode(data, at=0):
    """The value at that place, and where the next one is. Texts are str, bins are bytes."""
    kind, at = data[at], at + 1
    if kind < 0x80:
        return kind, at
    if kind >= 0xe0:
        return kind - 256, at
    if kind <= 0x8f or kind in (0xde, 0xdf):
        count, at = (kind & 15, at) if kind <= 0x8f else _take(data, at, ">H" if kind == 0xde else ">I")
        pairs = {}
        for _ in range(count):
            name, at = decode(data, at)
            pairs[name], at = decode(data, at)
        return pairs, at
    if kind <= 0x9f or kind in (0xdc, 0xdd):
        count, at = (kind & 15, at) if kind <= 0x9f else _take(data, at, ">H" if kind == 0xdc else ">I")
        items = []
        for _ in range(count):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    if kind <= 0xbf:
        return data[at:at + (kind & 31)].decode(), at + (kind & 31)
    if kind in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[kind], at
    if kind in (0xc4, 0xc5, 0xc6, 0xd9, 0xda, 0xdb):
        length, at = _take(data, at, (">B", ">H", ">I")[(kind - 0xc4) % 3 if kind < 0xd0 else kind - 0xd9])
        value = data[at:at + length]
        return (value.decode() if kind >= 0xd9 else bytes(value)), at + length
    return _take(data, at, {0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}[kind])


def encode(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(encode(item) for item in value)
    return b"\xdf" + struct.pack(">I", len(value)) + b"".join(encode(name) + encode(item) for name, item in value.items())


# ---- xl.meta ----

def read(folder, path):
    """The versions of a key, newest first, and its inline data by id."""
    with open(os.path.join(folder, path, "xl.meta"), "rb") as file:
        data = file.read()
    assert data[:8] == b"XL2 \1\0\3\0"
    meta, at = decode(data, 8)
    _, at = decode(data, at)
    inline = decode(data, at + 1)[0] if at < len(data) else {}
    versions, at = [], 0
    for _ in range(2):
        _, at = decode(meta, at)
    count, at = decode(meta, at)
    for _ in range(count):
        _, at = decode(meta, at)
        body, at = decode(meta, at)
        versions.append(decode(body)[0])
    return versions, inline


def write(folder, path, versions, inline=None, form=1):
    """form: the second number of the version, 0 or 1."""
    os.makedirs(os.path.join(folder, path), exist_ok=True)
    body = encode({"Versions": versions})
    with open(os.path.join(folder, path, "xl.meta"), "wb") as file:
        if form == 0:
            file.write(b"XL2 1   " + body)
        else:
            file.write(b"XL2 \1\0\1\0" + encode(body) + b"\1" + encode(inline or {}))


def changed(version, system=None, user=None, **fields):
    """A version like that one, but for some fields, and for metadata that is added."""
    version = {**version}
    inner = "V2Obj" if "V2Obj" in version else "DelObj"
    version[inner] = {**version[inner], **fields}
    if system:
        version[inner]["MetaSys"] = {**(version[inner].get("MetaSys") or {}), **system}
    if user:
        version[inner]["MetaUsr"] = {**version[inner]["MetaUsr"], **user}
    return version


def marker(version_id, ns):
    return {"Type": 2, "DelObj": {"ID": version_id, "MTime": ns, "MetaSys": {}}, "v": 0}


def uuid_text(version_id):
    digits = version_id.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
