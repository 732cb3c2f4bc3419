/* SPDX-License-Identifier: MIT
 *
 * Encoding and decoding of journal entries; journal_entry.h draws the form. */
#include "metadata/write/journal_entry.h"

#include <assert.h>
#include <string.h>

#define ENTRY_VERSION 1u

enum put_flag {
    PUT_IF_NONE_MATCH_ANY = 1,
    PUT_IF_MATCH_ANY = 2,
    PUT_IF_MATCH = 4,
    PUT_IF_NONE_MATCH = 8,
    PUT_ORIGIN = 16,
    PUT_FLAGS_ALL = 31,
};

bool journal_result_is_lasting(int result)
{
    switch (result) {
    case 0:
    case META_E_NO_BUCKET:
    case META_E_NO_KEY:
    case META_E_PRECONDITION:
    case META_E_CHANGED:
    case META_E_CORRUPT:
    case META_E_WRITE_ONCE:
    case META_E_OBJECT_SIZE:
        return true;
    default:
        return false;
    }
}

/* ---- Encoding ---- */

/* The whole of one unit, at its place in the file. */
static bool extent_is_plain(const struct meta_object *object, uint64_t file)
{
    const struct meta_extent *extent = object->extents.list;

    return object->extents.count == 1 && extent->file == file && meta_extent_size(extent) == object->size &&
           extent->unit_length == extent->length && extent->offset == extent->unit_offset &&
           extent->length > 0 && extent->unit_offset <= (uint64_t)INT64_MAX - extent->length;
}

/* As long as an ETag may be; what a client sent may be longer, and then matches nothing. */
static bool etag_fits(const char *etag)
{
    return etag == NULL || strlen(etag) <= META_ETAG_BYTES_MAX;
}

static size_t origin_bound(const struct meta_origin *origin)
{
    return origin != NULL ? 2 * CODEC_NUMBER_BYTES_MAX + origin->who.len : 0;
}

size_t journal_put_bound(const struct meta_object_put *put, uint64_t file)
{
    const struct meta_object *object = &put->object;
    size_t attributes = codec_attributes_bound(&object->attributes);

    if (put->append != NULL || put->condition.owner != NULL || put->condition.judged != NULL ||
        object->part_count != 0 || meta_object_has_upload(object) || !extent_is_plain(object, file) ||
        put->key.len == 0 || put->key.len > META_KEY_BYTES_MAX || attributes > META_ATTRIBUTES_BYTES_MAX ||
        !etag_fits(put->condition.if_match) || !etag_fits(put->condition.if_none_match))
        return 0;
    return origin_bound(put->op.origin) + 1 + 12 * CODEC_NUMBER_BYTES_MAX + put->key.len + object->owner.len +
           CODEC_CHECKSUM_BYTES_MAX + 3 * CODEC_ETAG_BYTES_MAX + codec_extents_bound(1) + attributes;
}

static unsigned char *etag_put(unsigned char *out, const char *etag)
{
    unsigned char bytes[CODEC_ETAG_BYTES_MAX];

    return codec_bytes_put(out, slice_of(bytes, codec_etag_encode(bytes, etag)));
}

static unsigned char *checksum_put(unsigned char *out, const struct meta_checksum *checksum)
{
    unsigned char bytes[CODEC_CHECKSUM_BYTES_MAX];

    return codec_bytes_put(out, slice_of(bytes, codec_checksum_encode(bytes, checksum)));
}

static unsigned char *attributes_put(unsigned char *out, const struct meta_attributes *attributes)
{
    size_t bound = codec_attributes_bound(attributes);
    /* Encoded after room for the widest length there could be, then moved to where it belongs. */
    unsigned char *at = out + CODEC_NUMBER_BYTES_MAX;
    size_t length = codec_attributes_encode(at, attributes);

    assert(attributes->list != NULL || attributes->count == 0);
    assert(length <= bound);
    out = codec_number_put(out, length);
    memmove(out, at, length);
    return out + length;
}

unsigned char *journal_put_encode(unsigned char *out, const struct meta_object_put *put)
{
    const struct meta_condition *condition = &put->condition;
    unsigned char extents[CODEC_LIST_HEAD_BYTES_MAX + 64];

    assert(put->append == NULL && put->object.extents.count == 1);
    assert(put->key.len > 0 && put->key.len <= META_KEY_BYTES_MAX);
    assert(codec_extents_bound(1) <= sizeof(extents));
    *out++ = (unsigned char)((condition->if_none_match_any ? PUT_IF_NONE_MATCH_ANY : 0) |
                             (condition->if_match_any ? PUT_IF_MATCH_ANY : 0) |
                             (condition->if_match != NULL ? PUT_IF_MATCH : 0) |
                             (condition->if_none_match != NULL ? PUT_IF_NONE_MATCH : 0) |
                             (put->op.origin != NULL ? PUT_ORIGIN : 0));
    out = codec_number_put(out, (uint64_t)put->bucket);
    out = codec_bytes_put(out, put->key);
    out = codec_number_put(out, put->object.size);
    out = codec_number_put(out, (uint64_t)put->object.modified_ms);
    out = etag_put(out, put->object.etag);
    out = checksum_put(out, &put->object.checksum);
    out = codec_bytes_put(out, put->object.owner);
    out = codec_bytes_put(out, slice_of(extents, codec_extents_encode(extents, put->object.extents.list, 1)));
    out = attributes_put(out, &put->object.attributes);
    if (condition->if_match != NULL)
        out = etag_put(out, condition->if_match);
    if (condition->if_none_match != NULL)
        out = etag_put(out, condition->if_none_match);
    if (put->op.origin != NULL) {
        out = codec_number_put(out, put->op.origin->kind);
        out = codec_bytes_put(out, put->op.origin->who);
    }
    return out;
}

unsigned char *journal_head_encode(unsigned char *out, const struct journal_batch *batch, uint32_t count)
{
    assert(count > 0);
    *out++ = ENTRY_VERSION;
    out = codec_number_put(out, (uint64_t)batch->now_ms);
    out = codec_number_put(out, batch->version_sequence);
    out = codec_number_put(out, batch->version_seed);
    return codec_number_put(out, count);
}

/* ---- Decoding ---- */

int journal_head_decode(struct codec_list *list, struct slice entry, struct journal_batch *batch)
{
    uint64_t now_ms, count;

    assert(entry.len == 0 || entry.base != NULL);
    memset(list, 0, sizeof(*list));
    if (entry.len == 0)
        return META_E_CORRUPT;
    list->at = (const unsigned char *)entry.base;
    list->end = list->at + entry.len;
    if (*list->at++ != ENTRY_VERSION || !codec_number_get(list, &now_ms) ||
        !codec_number_get(list, &batch->version_sequence) || !codec_number_get(list, &batch->version_seed) ||
        !codec_number_get(list, &count) || count > (size_t)(list->end - list->at))
        return META_E_CORRUPT;
    batch->now_ms = (int64_t)now_ms;
    list->count = list->left = (uint32_t)count;
    return 0;
}

static bool etag_get(struct codec_list *list, char etag[META_ETAG_BYTES_MAX + 1])
{
    struct slice bytes;

    return codec_bytes_get(list, &bytes) && codec_etag_decode(bytes, etag) == 0;
}

static bool checksum_get(struct codec_list *list, struct meta_checksum *checksum)
{
    struct slice bytes;

    return codec_bytes_get(list, &bytes) && codec_checksum_decode(bytes, checksum) == 0;
}

static bool condition_get(struct codec_list *list, unsigned flags, struct journal_put *put)
{
    put->condition = (struct meta_condition){
        .if_none_match_any = (flags & PUT_IF_NONE_MATCH_ANY) != 0,
        .if_match_any = (flags & PUT_IF_MATCH_ANY) != 0,
        .if_match = (flags & PUT_IF_MATCH) != 0 ? put->if_match : NULL,
        .if_none_match = (flags & PUT_IF_NONE_MATCH) != 0 ? put->if_none_match : NULL,
    };
    return (put->condition.if_match == NULL || etag_get(list, put->if_match)) &&
           (put->condition.if_none_match == NULL || etag_get(list, put->if_none_match));
}

static bool origin_get(struct codec_list *list, unsigned flags, struct journal_put *put)
{
    uint64_t kind = META_EVENT_NONE;

    put->origin = (struct meta_origin){0};
    if ((flags & PUT_ORIGIN) != 0 &&
        (!codec_number_get(list, &kind) || !codec_bytes_get(list, &put->origin.who)))
        return false;
    put->origin.kind = (enum meta_event_kind)kind;
    return kind < META_EVENT_KIND_END;
}

int journal_put_decode(struct codec_list *list, struct journal_put *put)
{
    uint64_t bucket, modified_ms;
    unsigned flags;

    assert(list->at <= list->end);
    if (list->left == 0)
        return list->at == list->end ? 0 : META_E_CORRUPT;
    if (list->at == list->end || (flags = *list->at++) > PUT_FLAGS_ALL)
        return META_E_CORRUPT;
    if (!codec_number_get(list, &bucket) || !codec_bytes_get(list, &put->key) ||
        !codec_number_get(list, &put->size) || !codec_number_get(list, &modified_ms) ||
        !etag_get(list, put->etag) || !checksum_get(list, &put->checksum) ||
        !codec_bytes_get(list, &put->owner) || !codec_bytes_get(list, &put->extents) ||
        !codec_bytes_get(list, &put->attributes) || !condition_get(list, flags, put) ||
        !origin_get(list, flags, put))
        return META_E_CORRUPT;
    if (put->key.len == 0 || put->key.len > META_KEY_BYTES_MAX || put->size > INT64_MAX)
        return META_E_CORRUPT;
    put->bucket = (int64_t)bucket;
    put->modified_ms = (int64_t)modified_ms;
    list->left--;
    return 1;
}
