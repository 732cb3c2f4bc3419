/* SPDX-License-Identifier: MIT
 *
 * xl.meta as a whole: which form it is, its checksum, its versions in their order, and whose inline data is what. */
#include "api/import/xl_meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core.h"
#include "api/import/limits.h"
#include "api/import/msgpack.h"

#define HEAD_BYTES         8u
#define HEADER_VERSION_MAX 3
#define META_VERSION_MAX   3
#define INLINE_VERSION     1

static int refuse(int err, const char **why, const char *text)
{
    *why = text;
    return err;
}

/* ---- Ids and pairs ---- */

void xl_id_format(const unsigned char id[XL_ID_BYTES], char text[XL_UUID_BYTES + 1])
{
    struct meta_version_id named = meta_version_named(id);

    _Static_assert(XL_UUID_BYTES == META_VERSION_TEXT_BYTES && XL_ID_BYTES == META_VERSION_NAME_BYTES,
                   "both are UUIDs");
    (void)meta_version_format(&named, text);
}

struct slice xl_pairs_find(const struct xl_pairs *pairs, const char *name)
{
    for (uint32_t i = 0; i < pairs->count; i++)
        if (slice_is_nocase(pairs->list[i].name, name))
            return pairs->list[i].value;
    return (struct slice){NULL, 0};
}

/* ---- Versions ---- */

static bool versions_make(struct arena *arena, struct xl_meta *meta, uint32_t count, const char **why,
                          int *err)
{
    *err = 0;
    if (count > XL_VERSIONS_MAX)
        *err = refuse(-ENOTSUP, why, "it has more versions than are read");
    else if ((meta->versions = arena_alloc(arena, (count + 1) * sizeof(*meta->versions))) == NULL)
        *err = -ENOMEM;
    if (*err == 0)
        memset(meta->versions, 0, (count + 1) * sizeof(*meta->versions));
    return *err == 0;
}

/* 1.3. */
static int indexed_read(struct arena *arena, struct slice body, struct xl_meta *meta, const char **why)
{
    struct msgpack cursor = msgpack_of(body);
    int64_t header_version = msgpack_int(&cursor), meta_version = msgpack_int(&cursor);
    int64_t count = msgpack_int(&cursor);
    int err;

    if (header_version > HEADER_VERSION_MAX || meta_version > META_VERSION_MAX)
        return refuse(-ENOTSUP, why, "a later MinIO wrote it, in a form that is not known");
    if (cursor.is_bad || count < 0 || count > cursor.end - cursor.at)
        return refuse(-EBADMSG, why, "its index of versions is damaged");
    if (!versions_make(arena, meta, (uint32_t)count, why, &err))
        return err;
    for (int64_t i = 0; i < count; i++) {
        (void)msgpack_bytes(&cursor); /* the header */
        struct msgpack inner = msgpack_of(msgpack_bytes(&cursor));
        if (cursor.is_bad)
            return refuse(-EBADMSG, why, "its index of versions is damaged");
        if ((err = xl_version_read(arena, &inner, &meta->versions[meta->count++], why)) != 0)
            return err;
    }
    return 0;
}

/* 1.0 to 1.2. */
static int listed_read(struct arena *arena, struct slice body, struct xl_meta *meta, const char **why)
{
    struct msgpack cursor = msgpack_of(body);
    int err;

    for (uint32_t fields = msgpack_map(&cursor); fields > 0 && !cursor.is_bad; fields--) {
        if (!slice_is(msgpack_bytes(&cursor), "Versions") || meta->versions != NULL) {
            msgpack_skip(&cursor);
            continue;
        }
        uint32_t count = msgpack_array(&cursor);
        if (!versions_make(arena, meta, count, why, &err))
            return err;
        for (uint32_t i = 0; i < count; i++)
            if ((err = xl_version_read(arena, &cursor, &meta->versions[meta->count++], why)) != 0)
                return err;
    }
    return cursor.is_bad || meta->versions == NULL ? refuse(-EBADMSG, why, "its list of versions is damaged")
                                                   : 0;
}

/* Newest first, and otherwise as they stand. */
struct ordered {
    struct xl_version version;
    uint32_t at;
};

static int compare_ordered(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;

    if (a->version.modified_ns != b->version.modified_ns)
        return a->version.modified_ns > b->version.modified_ns ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static int versions_sort(struct arena *arena, struct xl_meta *meta)
{
    struct ordered *list;
    bool is_sorted = true;

    for (uint32_t i = 1; i < meta->count; i++)
        is_sorted = is_sorted && meta->versions[i - 1].modified_ns >= meta->versions[i].modified_ns;
    if (is_sorted)
        return 0;
    if ((list = arena_alloc(arena, meta->count * sizeof(*list))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < meta->count; i++)
        list[i] = (struct ordered){meta->versions[i], i};
    qsort(list, meta->count, sizeof(*list), compare_ordered);
    for (uint32_t i = 0; i < meta->count; i++)
        meta->versions[i] = list[i].version;
    return 0;
}

/* ---- Inline data ---- */

static int compare_pairs(const void *left, const void *right)
{
    return slice_compare(((const struct xl_pair *)left)->name, ((const struct xl_pair *)right)->name);
}

static int inline_read(struct arena *arena, struct msgpack *cursor, struct xl_meta *meta, const char **why)
{
    struct xl_pair *entries;
    uint32_t count;

    if (cursor->at == cursor->end)
        return 0;
    if (*cursor->at++ != INLINE_VERSION)
        return refuse(-ENOTSUP, why, "its inline data is of a form that is not known");
    count = msgpack_map(cursor);
    if (count > XL_VERSIONS_MAX)
        return refuse(-ENOTSUP, why, "it has more inline data than is read");
    if ((entries = arena_alloc(arena, (count + 1) * sizeof(*entries))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        entries[i].name = msgpack_bytes(cursor);
        entries[i].value = msgpack_bytes(cursor);
    }
    if (cursor->is_bad)
        return refuse(-EBADMSG, why, "its inline data is damaged");
    qsort(entries, count, sizeof(*entries), compare_pairs);
    for (uint32_t i = 0; i < meta->count; i++) {
        struct xl_version *version = &meta->versions[i];
        char text[XL_UUID_BYTES + 1] = "null";

        if (!xl_id_is_null(version->id))
            xl_id_format(version->id, text);
        const struct xl_pair wanted = {.name = slice_text(text)};
        const struct xl_pair *found = bsearch(&wanted, entries, count, sizeof(*entries), compare_pairs);
        version->is_inline = found != NULL;
        if (found != NULL)
            version->inline_data = found->value;
    }
    return 0;
}

/* ---- The file ---- */

/* The low half of an XXH64. */
static bool checksum_is(struct slice body, int64_t wanted)
{
    struct digest_values values;
    uint32_t low = 0;

    if (digest_buffer(DIGEST_BIT(DIGEST_XXH64), body.base, body.len, &values) != 0)
        return false;
    for (int i = 4; i < 8; i++)
        low = low << 8 | values.value[DIGEST_XXH64][i];
    return low == wanted;
}

static unsigned little(const unsigned char *bytes)
{
    return bytes[0] | (unsigned)bytes[1] << 8;
}

int xl_meta_read(struct arena *arena, struct slice file, struct xl_meta *meta, const char **why)
{
    const unsigned char *head = (const unsigned char *)file.base;
    struct msgpack cursor;
    struct slice body;
    unsigned minor;
    int err;

    *meta = (struct xl_meta){0};
    *why = "no memory";
    if (file.len <= HEAD_BYTES || memcmp(head, "XL2 ", 4) != 0)
        return refuse(-EBADMSG, why, "it is no xl.meta");
    minor = memcmp(head + 4, "1   ", 4) == 0 ? 0 : little(head + 6);
    if ((minor != 0 && little(head + 4) != 1) || minor > 3)
        return refuse(-ENOTSUP, why, "a later MinIO wrote it, in a form that is not known");
    body = slice_of(file.base + HEAD_BYTES, file.len - HEAD_BYTES);
    cursor = msgpack_of(body);
    if (minor > 0)
        body = msgpack_bytes(&cursor);
    else
        cursor.at = cursor.end;
    if (minor > 1 && !checksum_is(body, msgpack_int(&cursor)))
        return refuse(-EBADMSG, why, "its checksum does not fit");
    if (cursor.is_bad)
        return refuse(-EBADMSG, why, "it is cut off");
    err = minor == 3 ? indexed_read(arena, body, meta, why) : listed_read(arena, body, meta, why);
    if (err != 0 || (err = inline_read(arena, &cursor, meta, why)) != 0)
        return err;
    return versions_sort(arena, meta);
}
