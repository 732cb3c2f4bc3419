/* SPDX-License-Identifier: MIT
 *
 * See xl_object.h. In MetaUsr stand the headers that clients see, and the ETag; in MetaSys what MinIO knows of the bytes. */
#include "api/import/xl_object.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/import/limits.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/text/s3_encoded_word.h"
#include "api/s3/text/s3_time.h"

#define CODING_REED_SOLOMON   1 /* MinIO's numbers; of one drive it does nothing */
#define CHECKSUM_HIGHWAY_HASH 1

#define SYSTEM_PREFIX "X-Minio-Internal-"

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -EBADMSG;
}

/* ---- What is refused ---- */

static bool has_system(const struct xl_version *version, const char *prefix)
{
    for (uint32_t i = 0; i < version->system.count; i++)
        if (slice_has_prefix_nocase(version->system.list[i].name, prefix))
            return true;
    return false;
}

bool xl_version_is_hidden(const struct xl_version *version)
{
    return version->type == XL_MARKER && has_system(version, SYSTEM_PREFIX "tier-free-");
}

static bool sizes_fit(const struct xl_version *version)
{
    uint64_t left = version->size;

    for (uint32_t i = 0; i < version->part_count; i++) {
        if (version->parts[i].number == 0 || version->parts[i].size > left ||
            (i > 0 && version->parts[i].number <= version->parts[i - 1].number))
            return false;
        left -= version->parts[i].size;
    }
    return left == 0;
}

const char *xl_object_refusal(const struct xl_version *version)
{
    if (version->modified_ns <= 0)
        return "it has no time";
    if (xl_pairs_find(&version->system, "purgestatus").base != NULL)
        return "it is being deleted, and waits for the other side of a replication";
    if (version->type == XL_MARKER)
        return NULL;
    if (has_system(version, SYSTEM_PREFIX "Server-Side-Encryption") ||
        has_system(version, SYSTEM_PREFIX "Encrypted"))
        return "it is encrypted";
    if (has_system(version, SYSTEM_PREFIX "compression"))
        return "it is compressed";
    if (has_system(version, SYSTEM_PREFIX "transition"))
        return "its bytes were moved to another place, a tier";
    if (version->data_drives != 1 || version->parity_drives != 0)
        return "its bytes lie on several drives";
    if (version->coding != CODING_REED_SOLOMON || version->checksum != CHECKSUM_HIGHWAY_HASH)
        return "its bytes lie in a form that is not known";
    if (version->frame_bytes == 0 || version->frame_bytes > XL_FRAME_BYTES_MAX)
        return "its bytes lie in frames of a size that is not read";
    if (!sizes_fit(version))
        return "the sizes of its parts do not fit its own";
    return NULL;
}

/* ---- Headers ---- */

enum header_is {
    HEADER_KEPT,
    HEADER_USER, /* x-amz-meta- */
    HEADER_ETAG,
    HEADER_CLASS,
    HEADER_TAGS,
    HEADER_LOCK_MODE,
    HEADER_LOCK_UNTIL,
    HEADER_LOCK_HOLD,
    HEADER_OWN, /* of MinIO, or of a replication */
    HEADER_NONE,
};

static const struct {
    const char *name; /* with a hyphen at its end: what begins so */
    enum header_is is;
} headers[] = {
    {"cache-control", HEADER_KEPT},
    {"content-disposition", HEADER_KEPT},
    {"content-encoding", HEADER_KEPT},
    {"content-language", HEADER_KEPT},
    {"content-type", HEADER_KEPT},
    {"expires", HEADER_KEPT},
    {S3_ATTRIBUTE_WEBSITE_REDIRECT, HEADER_KEPT},
    {S3_USER_METADATA_PREFIX, HEADER_USER},
    {"etag", HEADER_ETAG},
    {S3_ATTRIBUTE_STORAGE_CLASS, HEADER_CLASS},
    {"x-amz-tagging", HEADER_TAGS},
    {"x-amz-object-lock-mode", HEADER_LOCK_MODE},
    {"x-amz-object-lock-retain-until-date", HEADER_LOCK_UNTIL},
    {"x-amz-object-lock-legal-hold", HEADER_LOCK_HOLD},
    {"x-amz-bucket-replication-status", HEADER_OWN},
    {"x-amz-replication-status", HEADER_OWN},
    {"x-amz-tagging-directive", HEADER_OWN},
    {"x-minio-", HEADER_OWN},
};

static enum header_is header_of(struct slice name, const char **plain)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        size_t length = strlen(headers[i].name);

        *plain = headers[i].name;
        if (headers[i].name[length - 1] == '-' ? slice_has_prefix_nocase(name, headers[i].name)
                                               : slice_is_nocase(name, headers[i].name))
            return headers[i].is;
    }
    return HEADER_NONE;
}

struct filling {
    struct arena *arena;
    struct meta_object *object;
    struct meta_lock lock;
    size_t bytes;
    const char **why;
};

/* Names and values become HTTP headers again: nothing that could break one may be in them. */
static bool is_header_text(struct slice text, bool is_name)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.base[i];

        if ((byte < 0x20 && byte != '\t') || byte == 0x7f ||
            (is_name && (byte >= 0x7f || strchr(" \t\"(),/:;<=>?@[\\]{}", byte) != NULL)))
            return false;
    }
    return !is_name || text.len > 0;
}

static int add(struct filling *filling, struct slice name, struct slice value)
{
    struct meta_attributes *attributes = &filling->object->attributes;

    if (!is_header_text(name, true) || !is_header_text(value, false))
        return refuse(filling->why, "a header of it has bytes that no header may have");
    for (uint32_t i = 0; i < attributes->count; i++)
        if (slice_equals(attributes->list[i].name, name))
            return refuse(filling->why, "it has a header twice");
    filling->bytes += name.len + value.len;
    if (filling->bytes > META_ATTRIBUTES_BYTES_MAX)
        return -E2BIG;
    attributes->list[attributes->count++] = (struct meta_attribute){name, value};
    return 0;
}

static int add_tags(struct filling *filling, struct slice text)
{
    struct s3_refusal refusal = {0};
    struct s3_tags tags;

    if (text.len == 0)
        return 0;
    if (s3_tags_read_header(filling->arena, text, &tags, &refusal) != S3_ERROR_NONE)
        return refuse(filling->why, "its tags cannot be read");
    s3_attribute_add(&filling->object->attributes, META_ATTRIBUTE_TAGS, s3_tags_pack(filling->arena, &tags));
    return 0;
}

static int take_lock(struct filling *filling, enum header_is is, struct slice value)
{
    struct meta_lock *lock = &filling->lock;

    if (value.len == 0) /* taken away again */
        return 0;
    if (is == HEADER_LOCK_MODE && (lock->mode = s3_lock_mode_parse(value)) == META_LOCK_NONE)
        return refuse(filling->why, "the mode of its retention is not known");
    if (is == HEADER_LOCK_HOLD && (lock->hold = s3_lock_hold_parse(value)) == META_HOLD_NEVER)
        return refuse(filling->why, "its legal hold is neither ON nor OFF");
    if (is == HEADER_LOCK_UNTIL && s3_time_parse(value.base, value.len, &lock->until_ms) != 0)
        return refuse(filling->why, "the end of its retention is no time");
    return 0;
}

static int take_etag(struct filling *filling, struct slice value)
{
    if (value.len >= 2 && value.base[0] == '"' && value.base[value.len - 1] == '"')
        value = slice_of(value.base + 1, value.len - 2);
    if (value.len == 0 || value.len > META_ETAG_BYTES_MAX || !is_header_text(value, true))
        return refuse(filling->why, "its ETag is none");
    (void)slice_copy(filling->object->etag, value);
    filling->object->etag[value.len] = '\0';
    return 0;
}

static int take_header(struct filling *filling, const struct xl_pair *pair,
                       void (*note)(void *ctx, struct slice header), void *ctx)
{
    const char *plain;
    enum header_is is = header_of(pair->name, &plain);

    switch (is) {
    case HEADER_KEPT:
        return pair->value.len == 0 ? 0 : add(filling, slice_text(plain), pair->value);
    case HEADER_USER:
        return add(filling, arena_dup_lower(filling->arena, pair->name),
                   s3_encoded_words_read(filling->arena, pair->value));
    case HEADER_ETAG:
        return take_etag(filling, pair->value);
    case HEADER_CLASS:
        return pair->value.len == 0 || slice_is(pair->value, "STANDARD")
                   ? 0
                   : add(filling, SLICE(S3_ATTRIBUTE_STORAGE_CLASS), pair->value);
    case HEADER_TAGS:
        return add_tags(filling, pair->value);
    case HEADER_LOCK_MODE:
    case HEADER_LOCK_UNTIL:
    case HEADER_LOCK_HOLD:
        return take_lock(filling, is, pair->value);
    case HEADER_OWN:
        return 0;
    case HEADER_NONE:
        break;
    }
    note(ctx, pair->name);
    return 0;
}

/* A retention needs both its mode and its end. */
static int add_lock(struct filling *filling)
{
    struct meta_lock *lock = &filling->lock;
    unsigned char *packed = arena_alloc(filling->arena, META_LOCK_BYTES);
    size_t length;

    if (packed == NULL)
        return -ENOMEM;
    if ((lock->mode == META_LOCK_NONE) != (lock->until_ms == 0))
        return refuse(filling->why, "its retention has no mode, or no end");
    if ((length = meta_lock_pack(lock, packed)) > 0)
        s3_attribute_add(&filling->object->attributes, META_ATTRIBUTE_LOCK, slice_of(packed, length));
    return 0;
}

/* Of an object that was put in one piece there is nothing to say. */
static int fill_parts(struct arena *arena, const struct xl_version *version, struct meta_object *object)
{
    struct meta_part_size *parts;

    if (version->part_count == 0 || (version->part_count == 1 && strchr(object->etag, '-') == NULL))
        return 0;
    if ((parts = arena_alloc(arena, version->part_count * sizeof(*parts))) == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < version->part_count; i++)
        parts[i] = (struct meta_part_size){version->parts[i].number, version->parts[i].size};
    object->parts = parts;
    object->part_count = version->part_count;
    return 0;
}

int xl_object_fill(struct arena *arena, const struct xl_version *version, struct meta_object *object,
                   void (*note)(void *ctx, struct slice header), void *ctx, const char **why)
{
    struct filling filling = {.arena = arena, .object = object, .why = why};
    struct slice checksum = xl_pairs_find(&version->system, SYSTEM_PREFIX "crc");
    int err;

    *object = (struct meta_object){.modified_ms = version->modified_ns / 1000000, .size = version->size};
    *why = "no memory";
    if (version->type == XL_MARKER)
        return 0;
    /* Room for tags and a lock, too. */
    object->attributes.list =
        arena_alloc(arena, (version->user.count + 2) * sizeof(*object->attributes.list));
    if (object->attributes.list == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < version->user.count; i++)
        if ((err = take_header(&filling, &version->user.list[i], note, ctx)) != 0)
            return err;
    if (object->etag[0] == '\0')
        return refuse(why, "it has no ETag");
    if ((err = add_lock(&filling)) != 0 || (err = fill_parts(arena, version, object)) != 0)
        return err;
    return checksum.len == 0 || xl_checksum_read(checksum, object) ? 0
                                                                   : refuse(why, "its checksum is damaged");
}
