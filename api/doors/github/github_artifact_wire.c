/* SPDX-License-Identifier: MIT
 *
 * Messages of the service for artifacts in protobuf: a wrapped text or number is a message whose field 1 it is, a time one of seconds and
 * nanoseconds. Fields that are not known are passed over. Pure functions; any thread. */
#include <errno.h>
#include <string.h>

#include "api/doors/github/github_artifact.h"
#include "api/doors/github/github_proto.h"

#define SECONDS_MAX INT64_C(253402300799) /* the end of the year 9999 */
/* Of an entry, beside its texts: less than ten numbers. */
#define ENTRY_BYTES 128u

/* ---- Reading ---- */

/* The text or number in a wrapper; absent, it is empty or zero. False: it is none. */
static bool unwrap(struct slice bytes, struct slice *text, uint64_t *number)
{
    struct github_field field;

    if (text != NULL)
        *text = slice_of("", 0);
    else
        *number = 0;
    while (bytes.len > 0) {
        if (!github_proto_take(&bytes, &field))
            return false;
        if (text != NULL && field.number == 1 && field.wire == GITHUB_WIRE_LENGTH)
            *text = field.bytes;
        if (text == NULL && field.number == 1 && field.wire == GITHUB_WIRE_NUMBER)
            *number = field.value;
    }
    return true;
}

/* What lies beyond times that there are never comes, or is over. */
static bool take_time(struct slice bytes, int64_t *ms)
{
    uint64_t seconds;

    if (!unwrap(bytes, NULL, &seconds))
        return false;
    *ms = (int64_t)seconds < 0             ? 0
          : (int64_t)seconds > SECONDS_MAX ? SECONDS_MAX * 1000
                                           : (int64_t)seconds * 1000;
    return true;
}

static bool take_text(enum github_artifact_call call, const struct github_field *field,
                      struct github_artifact_message *message)
{
    switch (field->number) {
    case 1:
        message->run = field->bytes;
        return true;
    case 2:
        message->job = field->bytes;
        return true;
    case 3:
        if (call == GITHUB_ARTIFACT_LIST)
            return unwrap(field->bytes, &message->name, NULL);
        message->name = field->bytes;
        return true;
    case 4:
        message->has_id = call == GITHUB_ARTIFACT_LIST;
        return call == GITHUB_ARTIFACT_LIST     ? unwrap(field->bytes, NULL, &message->id)
               : call == GITHUB_ARTIFACT_CREATE ? take_time(field->bytes, &message->expires_ms)
                                                : true;
    case 5:
        return call != GITHUB_ARTIFACT_FINALIZE || unwrap(field->bytes, &message->hash, NULL);
    case 6:
        return call != GITHUB_ARTIFACT_CREATE || unwrap(field->bytes, &message->type, NULL);
    default:
        return true;
    }
}

int github_artifact_read_wire(enum github_artifact_call call, struct slice bytes,
                              struct github_artifact_message *message)
{
    struct github_field field;

    *message = (struct github_artifact_message){.expires_ms = INT64_MAX};
    while (bytes.len > 0) {
        if (!github_proto_take(&bytes, &field))
            return -EBADMSG;
        if (field.wire == GITHUB_WIRE_LENGTH && !take_text(call, &field, message))
            return -EBADMSG;
        if (field.wire == GITHUB_WIRE_NUMBER && field.number == 4 && call == GITHUB_ARTIFACT_FINALIZE)
            message->size = field.value;
    }
    return 0;
}

/* ---- Writing: what is zero or empty is left out ---- */

/* text: "sha256:" and 64 digits. */
static char *put_digest(char *at, unsigned number, struct slice text)
{
    char wrapped[ENTRY_BYTES];

    return github_proto_put_text(
        at, number, slice_of(wrapped, (size_t)(github_proto_put_text(wrapped, 1, text) - wrapped)));
}

static char *put_time(char *at, unsigned number, int64_t ms)
{
    char time[4 * GITHUB_PROTO_NUMBER_BYTES], *end = time;

    end = github_proto_put_field(end, 1, (uint64_t)(ms / 1000));
    if (ms % 1000 > 0)
        end = github_proto_put_field(end, 2, (uint64_t)(ms % 1000) * 1000000);
    return github_proto_put_text(at, number, slice_of(time, (size_t)(end - time)));
}

static struct slice write_entry(char *bytes, const struct github_artifact_entry *entry)
{
    char *at = bytes;

    at = github_proto_put_text(at, 1, entry->run);
    at = github_proto_put_text(at, 2, entry->job);
    at = github_proto_put_field(at, 3, entry->id);
    at = github_proto_put_text(at, 4, entry->name);
    if (entry->size != 0)
        at = github_proto_put_field(at, 5, entry->size);
    at = put_time(at, 6, entry->created_ms);
    if (entry->digest.base != NULL)
        at = put_digest(at, 7, entry->digest);
    return slice_of(bytes, (size_t)(at - bytes));
}

static size_t entry_room(const struct github_artifact_entry *entry)
{
    return entry->run.len + entry->job.len + entry->name.len + entry->digest.len + ENTRY_BYTES;
}

static struct slice write_list(struct arena *arena, const struct github_artifact_answer *answer)
{
    size_t room = 1, largest = 0;
    char *bytes, *entry, *at;

    for (unsigned i = 0; i < answer->count; i++) {
        size_t needed = entry_room(&answer->list[i]);

        room += needed + 2 * GITHUB_PROTO_NUMBER_BYTES;
        largest = needed > largest ? needed : largest;
    }
    at = bytes = arena_alloc(arena, room);
    entry = arena_alloc(arena, largest + 1);
    for (unsigned i = 0; i < answer->count; i++)
        at = github_proto_put_text(at, 1, write_entry(entry, &answer->list[i]));
    return slice_of(bytes, (size_t)(at - bytes));
}

struct slice github_artifact_wire(struct arena *arena, enum github_artifact_call call,
                                  const struct github_artifact_answer *answer)
{
    char *bytes, *at;

    if (call == GITHUB_ARTIFACT_LIST)
        return write_list(arena, answer);
    at = bytes = arena_alloc(arena, answer->url.len + 4 * GITHUB_PROTO_NUMBER_BYTES);
    if (answer->ok)
        at = github_proto_put_field(at, 1, 1);
    if (answer->url.len > 0)
        at = github_proto_put_text(at, call == GITHUB_ARTIFACT_URL ? 1 : 2, answer->url);
    if (answer->id != 0 && call != GITHUB_ARTIFACT_CREATE)
        at = github_proto_put_field(at, 2, answer->id);
    return slice_of(bytes, (size_t)(at - bytes));
}
