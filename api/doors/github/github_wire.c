/* SPDX-License-Identifier: MIT
 *
 * Calls and answers in protobuf's wire format, as far as these messages need it: numbers, and fields with a length, of one level. Fields that
 * are not known are passed over. Pure functions; any thread. */
#include <errno.h>
#include <string.h>

#include "api/doors/github/github.h"

enum wire { WIRE_NUMBER = 0, WIRE_EIGHT = 1, WIRE_LENGTH = 2, WIRE_FOUR = 5 };

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

struct field {
    uint64_t number, value;
    enum wire wire;
    struct slice bytes;
};

static bool take_field(struct slice *bytes, struct field *field)
{
    uint64_t key, length;

    if (!take_number(bytes, &key) || key > UINT32_MAX || key >> 3 == 0)
        return false;
    *field = (struct field){.number = key >> 3, .wire = (enum wire)(key & 7)};
    switch (key & 7) {
    case WIRE_NUMBER:
        return take_number(bytes, &field->value);
    case WIRE_LENGTH:
        return take_number(bytes, &length) && take_bytes(bytes, length, &field->bytes);
    case WIRE_EIGHT:
        return take_bytes(bytes, 8, &field->bytes);
    case WIRE_FOUR:
        return take_bytes(bytes, 4, &field->bytes);
    default:
        return false; /* groups, which nobody sends any more */
    }
}

static int take_into(enum github_call call, const struct field *field, struct github_message *message)
{
    uint64_t number_of_version = call == GITHUB_CREATE ? 3 : 4;

    if (field->wire == WIRE_LENGTH && field->number == 2) {
        message->key = field->bytes;
    } else if (field->wire == WIRE_LENGTH && field->number == number_of_version) {
        message->version = field->bytes;
    } else if (field->wire == WIRE_LENGTH && field->number == 3 && call == GITHUB_GET) {
        if (message->key_count == GITHUB_KEYS_MAX)
            return -E2BIG;
        message->keys[message->key_count++] = field->bytes;
    } else if (field->wire == WIRE_NUMBER && field->number == 3 && call == GITHUB_FINALIZE) {
        message->size = field->value;
        message->has_size = true;
    }
    return 0;
}

int github_message_read_wire(enum github_call call, struct slice bytes, struct github_message *message)
{
    struct field field;
    int err = 0;

    *message = (struct github_message){.key_count = 1}; /* the key's place, which may come late */
    while (err == 0 && bytes.len > 0)
        err = take_field(&bytes, &field) ? take_into(call, &field, message) : -EBADMSG;
    message->keys[0] = message->key;
    return err;
}

/* ---- Writing ---- */

static char *put_number(char *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    return at;
}

static char *put_text(char *at, unsigned number, struct slice text)
{
    at = put_number(put_number(at, number << 3 | WIRE_LENGTH), text.len);
    memcpy(at, text.base, text.len);
    return at + text.len;
}

struct slice github_answer_wire(struct arena *arena, enum github_call call,
                                const struct github_answer *answer)
{
    char *bytes = arena_alloc(arena, answer->url.len + answer->matched.len + 64), *at = bytes;

    /* What is zero or empty is left out. */
    if (answer->ok)
        at = put_number(put_number(at, 1 << 3 | WIRE_NUMBER), 1);
    if (call == GITHUB_FINALIZE && answer->entry != 0)
        at = put_number(put_number(at, 2 << 3 | WIRE_NUMBER), answer->entry);
    if (answer->url.len > 0)
        at = put_text(at, 2, answer->url);
    if (answer->matched.len > 0)
        at = put_text(at, 3, answer->matched);
    return slice_of(bytes, (size_t)(at - bytes));
}
