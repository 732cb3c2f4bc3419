/* SPDX-License-Identifier: MIT
 *
 * MessagePack and xl.meta, written: for the tests of what reads them. */
#ifndef XL_BUILDER_H
#define XL_BUILDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/slice.h"

struct build {
    unsigned char bytes[1 << 16];
    size_t length;
};

static inline void build_bytes(struct build *build, const void *bytes, size_t length)
{
    if (build->length + length > sizeof(build->bytes))
        abort();
    memcpy(build->bytes + build->length, bytes, length);
    build->length += length;
}

static inline void build_byte(struct build *build, unsigned byte)
{
    unsigned char one = (unsigned char)byte;

    build_bytes(build, &one, 1);
}

static inline void build_number(struct build *build, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        build_byte(build, (unsigned)(value >> (8 * i)) & 0xff);
}

static inline void build_int(struct build *build, int64_t value)
{
    build_byte(build, 0xd3);
    build_number(build, (uint64_t)value, 8);
}

static inline void build_text(struct build *build, const char *text)
{
    build_byte(build, 0xd9);
    build_byte(build, (unsigned)strlen(text));
    build_bytes(build, text, strlen(text));
}

static inline void build_bin(struct build *build, const void *bytes, size_t length)
{
    build_byte(build, 0xc6);
    build_number(build, length, 4);
    build_bytes(build, bytes, length);
}

static inline void build_map(struct build *build, unsigned count)
{
    build_byte(build, 0xde);
    build_number(build, count, 2);
}

static inline void build_array(struct build *build, unsigned count)
{
    build_byte(build, 0xdc);
    build_number(build, count, 2);
}

/* A version of an object, of one part, whose id begins with that byte. */
static inline void build_object(struct build *build, unsigned char id, int64_t ns, uint64_t size)
{
    unsigned char bytes[16] = {id};

    build_map(build, 2);
    build_text(build, "Type");
    build_int(build, 1);
    build_text(build, "V2Obj");
    build_map(build, 12);
    build_text(build, "ID");
    build_bin(build, bytes, 16);
    build_text(build, "DDir");
    build_bin(build, bytes, 16);
    build_text(build, "EcAlgo");
    build_int(build, 1);
    build_text(build, "EcM");
    build_int(build, 1);
    build_text(build, "EcN");
    build_int(build, 0);
    build_text(build, "EcBSize");
    build_int(build, 1 << 20);
    build_text(build, "CSumAlgo");
    build_int(build, 1);
    build_text(build, "PartNums");
    build_array(build, 1);
    build_int(build, 1);
    build_text(build, "PartSizes");
    build_array(build, 1);
    build_int(build, (int64_t)size);
    build_text(build, "Size");
    build_int(build, (int64_t)size);
    build_text(build, "MTime");
    build_int(build, ns);
    build_text(build, "MetaUsr");
    build_map(build, 1);
    build_text(build, "etag");
    build_text(build, "abc");
}

static inline void build_marker(struct build *build, unsigned char id, int64_t ns)
{
    unsigned char bytes[16] = {id};

    build_map(build, 2);
    build_text(build, "Type");
    build_int(build, 2);
    build_text(build, "DelObj");
    build_map(build, 2);
    build_text(build, "ID");
    build_bin(build, bytes, 16);
    build_text(build, "MTime");
    build_int(build, ns);
}

/* minor: 0 or 1. inline_data: a map, or empty. */
static inline void build_file(struct build *file, unsigned minor, const struct build *versions,
                              unsigned count, const struct build *inline_data)
{
    static struct build body;

    body.length = file->length = 0;
    build_map(&body, 1);
    build_text(&body, "Versions");
    build_array(&body, count);
    build_bytes(&body, versions->bytes, versions->length);
    build_bytes(file, minor == 0 ? "XL2 1   " : "XL2 \1\0\1\0", 8);
    if (minor == 0) {
        build_bytes(file, body.bytes, body.length);
        return;
    }
    build_bin(file, body.bytes, body.length);
    if (inline_data->length > 0) {
        build_byte(file, 1);
        build_bytes(file, inline_data->bytes, inline_data->length);
    }
}

static inline struct slice build_slice(const struct build *build)
{
    return slice_of(build->bytes, build->length);
}

#endif
