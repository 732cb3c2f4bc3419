/* SPDX-License-Identifier: MIT
 *
 * One version of an xl.meta: a map with its type, and beside it the map that belongs to the type. Fields that are not known are passed over: MinIO adds
 * such without a new version of the form, where older servers may do so, too. */
#include <errno.h>
#include <string.h>

#include "api/core/core.h"
#include "api/import/limits.h"
#include "api/import/msgpack.h"
#include "api/import/xl_meta.h"

static int refuse(int err, const char **why, const char *text)
{
    *why = text;
    return err;
}

static void read_id(struct msgpack *cursor, unsigned char id[XL_ID_BYTES])
{
    struct slice bytes = msgpack_bytes(cursor);

    if (bytes.len == XL_ID_BYTES)
        (void)slice_copy(id, bytes);
    else
        cursor->is_bad = true;
}

static int read_pairs(struct arena *arena, struct msgpack *cursor, struct xl_pairs *pairs)
{
    uint32_t count = msgpack_map(cursor);

    if (count > XL_PAIRS_MAX) {
        cursor->is_bad = true;
        return 0;
    }
    if ((pairs->list = arena_alloc(arena, (count + 1) * sizeof(*pairs->list))) == NULL)
        return -ENOMEM;
    pairs->count = count;
    for (uint32_t i = 0; i < count; i++) {
        pairs->list[i].name = msgpack_bytes(cursor);
        pairs->list[i].value = msgpack_bytes(cursor);
    }
    return 0;
}

/* A list of numbers, as many as there are parts: whichever list comes first says how many. */
static int read_parts(struct arena *arena, struct msgpack *cursor, struct xl_version *version, bool are_sizes)
{
    uint32_t count = msgpack_array(cursor);

    if (count > META_PART_NUMBER_MAX || (version->parts != NULL && count != version->part_count)) {
        cursor->is_bad = true;
        return 0;
    }
    if (version->parts == NULL) {
        version->parts = arena_alloc(arena, (count + 1) * sizeof(*version->parts));
        if (version->parts == NULL)
            return -ENOMEM;
        memset(version->parts, 0, (count + 1) * sizeof(*version->parts));
        version->part_count = count;
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = msgpack_int(cursor);

        if (value < 0 || (!are_sizes && value > META_PART_NUMBER_MAX))
            cursor->is_bad = true;
        else if (are_sizes)
            version->parts[i].size = (uint64_t)value;
        else
            version->parts[i].number = (uint32_t)value;
    }
    return 0;
}

static uint64_t read_count(struct msgpack *cursor)
{
    int64_t value = msgpack_int(cursor);

    cursor->is_bad = cursor->is_bad || value < 0;
    return value < 0 ? 0 : (uint64_t)value;
}

static int read_object_field(struct arena *arena, struct msgpack *cursor, struct slice name,
                             struct xl_version *version)
{
    if (slice_is(name, "ID"))
        read_id(cursor, version->id);
    else if (slice_is(name, "DDir"))
        read_id(cursor, version->folder);
    else if (slice_is(name, "EcAlgo"))
        version->coding = msgpack_int(cursor);
    else if (slice_is(name, "EcM"))
        version->data_drives = msgpack_int(cursor);
    else if (slice_is(name, "EcN"))
        version->parity_drives = msgpack_int(cursor);
    else if (slice_is(name, "EcBSize"))
        version->frame_bytes = read_count(cursor);
    else if (slice_is(name, "CSumAlgo"))
        version->checksum = msgpack_int(cursor);
    else if (slice_is(name, "PartNums"))
        return read_parts(arena, cursor, version, false);
    else if (slice_is(name, "PartSizes"))
        return read_parts(arena, cursor, version, true);
    else if (slice_is(name, "Size"))
        version->size = read_count(cursor);
    else if (slice_is(name, "MTime"))
        version->modified_ns = msgpack_int(cursor);
    else if (slice_is(name, "MetaSys"))
        return read_pairs(arena, cursor, &version->system);
    else if (slice_is(name, "MetaUsr"))
        return read_pairs(arena, cursor, &version->user);
    else
        msgpack_skip(cursor);
    return 0;
}

static int read_body(struct arena *arena, struct msgpack *cursor, struct xl_version *version)
{
    uint32_t fields = msgpack_map(cursor);
    int err = 0;

    for (; fields > 0 && !cursor->is_bad && err == 0; fields--) {
        struct slice name = msgpack_bytes(cursor);

        err = read_object_field(arena, cursor, name, version);
    }
    return err;
}

int xl_version_read(struct arena *arena, struct msgpack *cursor, struct xl_version *version, const char **why)
{
    struct msgpack object = {0}, marker = {0}, *body;
    uint32_t fields = msgpack_map(cursor);
    int64_t type = 0;
    int err;

    for (; fields > 0 && !cursor->is_bad; fields--) {
        struct slice name = msgpack_bytes(cursor);
        const unsigned char *start = cursor->at;

        if (slice_is(name, "Type")) {
            type = msgpack_int(cursor);
            continue;
        }
        msgpack_skip(cursor);
        if (slice_is(name, "V2Obj"))
            object = msgpack_of(msgpack_since(cursor, start));
        else if (slice_is(name, "DelObj"))
            marker = msgpack_of(msgpack_since(cursor, start));
    }
    if (cursor->is_bad)
        return refuse(-EBADMSG, why, "a version of it is damaged");
    if (type == XL_LEGACY)
        return refuse(-ENOTSUP, why, "a version of it is of the form that MinIO had before 2020");
    body = type == XL_OBJECT ? &object : type == XL_MARKER ? &marker : NULL;
    if (body == NULL)
        return refuse(-ENOTSUP, why, "a version of it is of a type that is not known");
    version->type = (enum xl_type)type;
    if (body->at == body->end || (err = read_body(arena, body, version)) == 0)
        return body->at == NULL || body->is_bad ? refuse(-EBADMSG, why, "a version of it is damaged") : 0;
    return err;
}
