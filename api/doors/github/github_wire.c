/* SPDX-License-Identifier: MIT
 *
 * Calls and answers of the cache in protobuf. Fields that are not known are passed over. Pure functions; any thread. */
#include <errno.h>
#include <string.h>

#include "api/doors/github/github.h"
#include "api/doors/github/github_proto.h"

/* ---- Reading ---- */

static int take_into(enum github_call call, const struct github_field *field, struct github_message *message)
{
    uint64_t number_of_version = call == GITHUB_CREATE ? 3 : 4;

    if (field->wire == GITHUB_WIRE_LENGTH && field->number == 2) {
        message->key = field->bytes;
    } else if (field->wire == GITHUB_WIRE_LENGTH && field->number == number_of_version) {
        message->version = field->bytes;
    } else if (field->wire == GITHUB_WIRE_LENGTH && field->number == 3 && call == GITHUB_GET) {
        if (message->key_count == GITHUB_KEYS_MAX)
            return -E2BIG;
        message->keys[message->key_count++] = field->bytes;
    } else if (field->wire == GITHUB_WIRE_NUMBER && field->number == 3 && call == GITHUB_FINALIZE) {
        message->size = field->value;
        message->has_size = true;
    }
    return 0;
}

int github_message_read_wire(enum github_call call, struct slice bytes, struct github_message *message)
{
    struct github_field field;
    int err = 0;

    *message = (struct github_message){.key_count = 1}; /* the key's place, which may come late */
    while (err == 0 && bytes.len > 0)
        err = github_proto_take(&bytes, &field) ? take_into(call, &field, message) : -EBADMSG;
    message->keys[0] = message->key;
    return err;
}

/* ---- Writing ---- */

struct slice github_answer_wire(struct arena *arena, enum github_call call,
                                const struct github_answer *answer)
{
    char *bytes = arena_alloc(arena, answer->url.len + answer->matched.len + 64), *at = bytes;

    /* What is zero or empty is left out. */
    if (answer->ok)
        at = github_proto_put_field(at, 1, 1);
    if (call == GITHUB_FINALIZE && answer->entry != 0)
        at = github_proto_put_field(at, 2, answer->entry);
    if (answer->url.len > 0)
        at = github_proto_put_text(at, 2, answer->url);
    if (answer->matched.len > 0)
        at = github_proto_put_text(at, 3, answer->matched);
    return slice_of(bytes, (size_t)(at - bytes));
}
