/* SPDX-License-Identifier: MIT
 *
 * MessagePack, as far as MinIO writes it: values are taken one after the other from bytes that stay where they are. Nothing is allocated, and nothing
 * is believed: a count may not exceed the bytes that are left, for each element takes at least one. The first value that is not what was asked for
 * makes the cursor bad, and all that follow empty; so a reader asks for everything and looks once. Pure; any thread.
 *
 * A library would build a tree of objects of what is a walk along a file, and leave the bounds to its caller. */
#ifndef API_IMPORT_MSGPACK_H
#define API_IMPORT_MSGPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct msgpack {
    const unsigned char *at, *end;
    bool is_bad;
};

static inline struct msgpack msgpack_of(struct slice bytes)
{
    const unsigned char *base = (const unsigned char *)bytes.base;

    return (struct msgpack){.at = base, .end = bytes.len > 0 ? base + bytes.len : base};
}

/* How many pairs, or elements, follow; 0 also for nil. */
uint32_t msgpack_map(struct msgpack *cursor);
uint32_t msgpack_array(struct msgpack *cursor);
/* A text or bytes; empty for nil. Borrowed from what is read. */
struct slice msgpack_bytes(struct msgpack *cursor);
/* Any integer that fits. */
int64_t msgpack_int(struct msgpack *cursor);
bool msgpack_bool(struct msgpack *cursor);
/* MinIO's time, an extension: ms since 1970. */
int64_t msgpack_time_ms(struct msgpack *cursor);
/* Whatever it is. */
void msgpack_skip(struct msgpack *cursor);
/* From where the cursor stood to where it stands: for a value that was skipped. */
static inline struct slice msgpack_since(const struct msgpack *cursor, const unsigned char *start)
{
    return slice_of(start, (size_t)(cursor->at - start));
}

#endif
