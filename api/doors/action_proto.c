/* SPDX-License-Identifier: MIT
 *
 * Protobuf's wire format, read byte by byte: as much memory as messages are nested, however long they are. A table says which fields lead to
 * blobs; others are passed over by their wire type. See action_result.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/doors/action_result.h"
#include "storage/base/text/hex.h"

enum message {
    RESULT,
    OUTPUT_FILE,
    OUTPUT_DIRECTORY,
    TREE,
    DIRECTORY_OF_TREE, /* its directories are in the tree, too */
    DIRECTORY,
    FILE_NODE,
    DIRECTORY_NODE,
    DIGEST,
};

enum use {
    MESSAGE, /* of the kind in `what` */
    NAME,    /* a digest: it names a blob of the kind in `what` */
    BYTES,   /* of the blob that the digest of the same number names */
    HASH,
};

static const struct field {
    uint8_t message, number, use, what, name;
} fields[] = {
    {RESULT, 2, MESSAGE, OUTPUT_FILE, 0},
    {RESULT, 3, MESSAGE, OUTPUT_DIRECTORY, 0},
    {RESULT, 5, BYTES, 0, 0}, /* of the standard output */
    {RESULT, 6, NAME, ACTION_BLOB, 0},
    {RESULT, 7, BYTES, 0, 1}, /* of standard error */
    {RESULT, 8, NAME, ACTION_BLOB, 1},
    {OUTPUT_FILE, 2, NAME, ACTION_BLOB, 0},
    {OUTPUT_FILE, 5, BYTES, 0, 0},
    {OUTPUT_DIRECTORY, 3, NAME, ACTION_TREE, 0},
    {OUTPUT_DIRECTORY, 5, NAME, ACTION_DIRECTORY, 1},
    {TREE, 1, MESSAGE, DIRECTORY_OF_TREE, 0},
    {TREE, 2, MESSAGE, DIRECTORY_OF_TREE, 0},
    {DIRECTORY_OF_TREE, 1, MESSAGE, FILE_NODE, 0},
    {DIRECTORY, 1, MESSAGE, FILE_NODE, 0},
    {DIRECTORY, 2, MESSAGE, DIRECTORY_NODE, 0},
    {FILE_NODE, 2, NAME, ACTION_BLOB, 0},
    {DIRECTORY_NODE, 2, NAME, ACTION_DIRECTORY, 0},
    {DIGEST, 1, HASH, 0, 0},
};

enum state { IN_KEY, IN_NUMBER, IN_LENGTH, IN_SKIPPED, IN_HASH };
enum wire { WIRE_NUMBER = 0, WIRE_EIGHT = 1, WIRE_LENGTH = 2, WIRE_FOUR = 5 };

static struct action_frame *top(struct action_proto *proto)
{
    return &proto->frames[proto->depth];
}

static const struct field *find_field(uint8_t message, uint32_t number)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].message == message && fields[i].number == number)
            return &fields[i];
    }
    return NULL;
}

void action_proto_begin(struct action_proto *proto, enum action_kind kind, action_named_fn named, void *ctx)
{
    static const uint8_t messages[] = {
        [ACTION_TREE] = TREE, [ACTION_DIRECTORY] = DIRECTORY, [ACTION_RESULT] = RESULT};

    assert(kind != ACTION_BLOB);
    memset(proto, 0, sizeof(*proto));
    proto->named = named;
    proto->ctx = ctx;
    proto->frames[0].message = messages[kind];
    proto->frames[0].end = UINT64_MAX;
}

/* ---- Messages ---- */

static int tell_names(struct action_proto *proto, const struct action_frame *frame)
{
    for (size_t i = 0; i < 2; i++) {
        const struct action_name *name = &frame->names[i];
        int err;

        if (!name->is_there || name->is_inline ||
            memcmp(name->hash, ACTION_HASH_EMPTY, ACTION_HASH_BYTES) == 0)
            continue;
        if ((err = proto->named(proto->ctx, name->kind, name->hash)) != 0)
            return err;
    }
    return 0;
}

/* A field is over, and with it the messages that end there. */
static int settle(struct action_proto *proto)
{
    int err;

    proto->state = IN_KEY;
    proto->value = 0;
    proto->shift = 0;
    while (proto->depth > 0 && proto->at == top(proto)->end) {
        if ((err = tell_names(proto, top(proto))) != 0)
            return err;
        proto->depth--;
    }
    return 0;
}

static void open_message(struct action_proto *proto, uint8_t message, uint8_t name, uint64_t length)
{
    assert(proto->depth + 1 < ACTION_DEPTH_MAX); /* the table goes no deeper */
    proto->depth++;
    memset(top(proto), 0, sizeof(*top(proto)));
    top(proto)->message = message;
    top(proto)->name = name;
    top(proto)->end = proto->at + length;
}

static struct action_name *name_of_digest(struct action_proto *proto)
{
    return &proto->frames[proto->depth - 1].names[top(proto)->name];
}

/* A digest without a hash names nothing: so is one that is not there. */
static int open_hash(struct action_proto *proto, uint64_t length)
{
    if (length != ACTION_HASH_BYTES)
        return length == 0 ? settle(proto) : -EBADMSG;
    proto->state = IN_HASH;
    proto->left = length;
    proto->hash_length = 0;
    return 0;
}

static int skip(struct action_proto *proto, uint64_t length)
{
    if (length > top(proto)->end - proto->at)
        return -EBADMSG;
    proto->state = IN_SKIPPED;
    proto->left = length;
    return length == 0 ? settle(proto) : 0;
}

static int open_field(struct action_proto *proto, uint64_t length)
{
    const struct field *field = find_field(top(proto)->message, proto->key >> 3);

    if (length > top(proto)->end - proto->at)
        return -EBADMSG;
    if (field == NULL)
        return skip(proto, length);
    switch ((enum use)field->use) {
    case MESSAGE:
        open_message(proto, field->what, 0, length);
        return settle(proto);
    case NAME:
        top(proto)->names[field->name].kind = field->what;
        open_message(proto, DIGEST, field->name, length);
        return settle(proto);
    case HASH:
        return open_hash(proto, length);
    case BYTES:
        top(proto)->names[field->name].is_inline |= length > 0;
        break;
    }
    return skip(proto, length);
}

/* ---- Bytes ---- */

static int take_key(struct action_proto *proto)
{
    if (proto->value > UINT32_MAX || proto->value >> 3 == 0)
        return -EBADMSG;
    proto->key = (uint32_t)proto->value;
    proto->value = 0;
    proto->shift = 0;
    switch (proto->key & 7) {
    case WIRE_NUMBER:
        proto->state = IN_NUMBER;
        return 0;
    case WIRE_LENGTH:
        proto->state = IN_LENGTH;
        return 0;
    case WIRE_EIGHT:
        return skip(proto, 8);
    case WIRE_FOUR:
        return skip(proto, 4);
    default:
        return -EBADMSG;
    }
}

/* Seven bits a byte, the lowest first. */
static int take_number(struct action_proto *proto, unsigned char byte)
{
    if (proto->at >= top(proto)->end || (proto->shift == 63 && byte > 1))
        return -EBADMSG;
    proto->value |= (uint64_t)(byte & 0x7f) << proto->shift;
    proto->shift += 7;
    proto->at++;
    if ((byte & 0x80) != 0)
        return 0;
    switch ((enum state)proto->state) {
    case IN_KEY:
        return take_key(proto);
    case IN_LENGTH:
        return open_field(proto, proto->value);
    default:
        return settle(proto);
    }
}

static int take_hash(struct action_proto *proto, const char *bytes, size_t length)
{
    struct action_name *name = name_of_digest(proto);

    for (size_t i = 0; i < length; i++) {
        if (hex_value_lower(bytes[i]) < 0)
            return -EBADMSG;
    }
    memcpy(name->hash + proto->hash_length, bytes, length);
    proto->hash_length += length;
    name->is_there = true;
    return 0;
}

int action_proto_feed(struct action_proto *proto, const void *data, size_t length)
{
    const char *bytes = data;
    int err = 0;

    while (err == 0 && length > 0) {
        size_t step = 1;

        if (proto->state == IN_SKIPPED || proto->state == IN_HASH) {
            step = length < proto->left ? length : (size_t)proto->left;
            err = proto->state == IN_HASH ? take_hash(proto, bytes, step) : 0;
            proto->at += step;
            proto->left -= step;
            if (err == 0 && proto->left == 0)
                err = settle(proto);
        } else {
            err = take_number(proto, (unsigned char)*bytes);
        }
        bytes += step;
        length -= step;
    }
    return err;
}

int action_proto_end(struct action_proto *proto)
{
    if (proto->depth != 0 || proto->state != IN_KEY || proto->shift != 0)
        return -EBADMSG;
    return tell_names(proto, &proto->frames[0]);
}
