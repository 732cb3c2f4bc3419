# SPDX-License-Identifier: MIT
"""Protobuf's wire format, as far as messages of caches need it: numbers, texts and messages."""


def varint(number):
    out = b""
    while number > 0x7f:
        out, number = out + bytes([number & 0x7f | 0x80]), number >> 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_wire(data):
    """(number, value) of each field: a number, or bytes."""
    fields, i = [], 0

    def number():
        nonlocal i
        value = shift = 0
        while True:
            value, shift, i = value | (data[i] & 0x7f) << shift, shift + 7, i + 1
            if data[i - 1] < 0x80:
                return value
    while i < len(data):
        head = number()
        if head & 7 == 0:
            fields.append((head >> 3, number()))
        else:
            length = number()
            fields.append((head >> 3, data[i:i + length]))
            i += length
    return fields
