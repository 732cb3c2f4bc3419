/* SPDX-License-Identifier: MIT
 *
 * See github_proto.h. */
#include "api/doors/github/github_proto.h"

#include <string.h>

/* ---- Reading ---- */

/* Seven bits a byte, the lowest first. */
static bool take_number(struct slice *bytes, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && bytes->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)bytes->base[0];

        *bytes = slice_from(*bytes, 1);
        if (shift == 63 && byte > 1)
            return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

static bool take_bytes(struct slice *bytes, uint64_t length, struct slice *value)
{
    if (length > bytes->len)
        return false;
    *value = slice_of(bytes->base, (size_t)length);
    *bytes = slice_from(*bytes, (size_t)length);
    return true;
}

bool github_proto_take(struct slice *bytes, struct github_field *field)
{
    uint64_t key, length;

    if (!take_number(bytes, &key) || key > UINT32_MAX || key >> 3 == 0)
        return false;
    *field = (struct github_field){.number = key >> 3, .wire = (enum github_wire)(key & 7)};
    switch (key & 7) {
    case GITHUB_WIRE_NUMBER:
        return take_number(bytes, &field->value);
    case GITHUB_WIRE_LENGTH:
        return take_number(bytes, &length) && take_bytes(bytes, length, &field->bytes);
    case GITHUB_WIRE_EIGHT:
        return take_bytes(bytes, 8, &field->bytes);
    case GITHUB_WIRE_FOUR:
        return take_bytes(bytes, 4, &field->bytes);
    default:
        return false; /* groups, which nobody sends any more */
    }
}

/* ---- Writing ---- */

char *github_proto_put(char *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    return at;
}

char *github_proto_put_text(char *at, unsigned number, struct slice text)
{
    at = github_proto_put(github_proto_put(at, number << 3 | GITHUB_WIRE_LENGTH), text.len);
    if (text.len > 0)
        (void)slice_copy(at, text);
    return at + text.len;
}

char *github_proto_put_field(char *at, unsigned number, uint64_t value)
{
    return github_proto_put(github_proto_put(at, (uint64_t)number << 3 | GITHUB_WIRE_NUMBER), value);
}
