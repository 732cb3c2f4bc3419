/* SPDX-License-Identifier: MIT
 *
 * Tags: in from header and XML, checked; out as XML; to and from the stored form. Pure functions, any thread. */
#include "api/s3/object/s3_tags.h"

#include <string.h>

#include "storage/base/text/percent.h"
#include "storage/base/slice.h"
#include "storage/base/text/utf8.h"

#define HEADER_MESSAGE                                                                                       \
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag " \
    "name duplicates."

/* ---- Checking ---- */

/* Letters, digits and spaces of any script, and + - = . _ : / @. What is a letter beyond ASCII is not looked
 * up: there, only control characters are refused. */
static bool character_is_allowed(uint32_t code)
{
    if (code >= 0x80)
        return code >= 0xa0;
    return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code != 0 && strchr(" +-=._:/@", (int)code) != NULL);
}

static bool text_is_valid(struct slice text, size_t characters_max)
{
    size_t characters = 0, at = 0;

    while (at < text.len) {
        uint32_t code;
        size_t length = utf8_next(text.base + at, text.len - at, &code);

        if (length == 0 || !character_is_allowed(code) || ++characters > characters_max)
            return false;
        at += length;
    }
    return true;
}

static enum s3_error refuse_tag(struct s3_refusal *refusal, const char *message, struct slice key,
                                struct slice value)
{
    *refusal = (struct s3_refusal){message, key, value};
    return S3_ERROR_INVALID_TAG;
}

#define NOTHING slice_of(NULL, 0)

/* S3's words for tags of its own, which differ by what is tagged. */
#define RESERVED_OF_BUCKET "System tags cannot be added/updated by requester"
#define RESERVED_OF_OBJECT "Your TagKey cannot be prefixed with aws:"
#define RESERVED_AT_CREATION                                                                                 \
    "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove "      \
    "\"aws:\" from your tag keys and try again."

static enum s3_error tag_check(const struct s3_tag *tag, const char *reserved, struct s3_refusal *refusal)
{
    if (tag->key.len == 0 || !text_is_valid(tag->key, S3_TAG_KEY_CHARACTERS_MAX))
        return refuse_tag(refusal, "The TagKey you have provided is invalid", tag->key, NOTHING);
    if (!text_is_valid(tag->value, S3_TAG_VALUE_CHARACTERS_MAX))
        return refuse_tag(refusal, "The TagValue you have provided is invalid", tag->key, tag->value);
    if (slice_has_prefix_nocase(tag->key, "aws:"))
        return refuse_tag(refusal, reserved, strcmp(reserved, RESERVED_AT_CREATION) != 0 ? tag->key : NOTHING,
                          NOTHING);
    return S3_ERROR_NONE;
}

enum s3_error s3_tags_check(const struct s3_tags *tags, struct s3_refusal *refusal)
{
    enum s3_error error = S3_ERROR_NONE;

    for (uint32_t i = 0; i < tags->count && error == S3_ERROR_NONE; i++)
        error = tag_check(&tags->list[i], RESERVED_OF_OBJECT, refusal);
    return error;
}

static bool has_key(const struct s3_tags *tags, struct slice key)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        if (slice_equals(tags->list[i].key, key))
            return true;
    }
    return false;
}

static enum s3_error too_many(uint32_t count_max, struct s3_refusal *refusal)
{
    refusal->message = count_max == S3_OBJECT_TAGS_MAX ? "Object tags cannot be greater than 10"
                                                       : "Bucket tag count cannot be greater than 50";
    return S3_ERROR_BAD_REQUEST;
}

/* ---- Header and stored form: items separated by '&' ---- */

static bool decode(struct arena *arena, struct slice text, bool plus_is_space, struct slice *decoded)
{
    *decoded = percent_decode_in(arena, text, plus_is_space);
    return decoded->base != NULL;
}

/* "key=value", or "key" for an empty value. */
static bool decode_tag(struct arena *arena, struct slice item, bool plus_is_space, struct s3_tag *tag)
{
    const char *equals = memchr(item.base, '=', item.len);
    size_t key_length = equals != NULL ? (size_t)(equals - item.base) : item.len;
    size_t value_at = equals != NULL ? key_length + 1 : key_length;

    return decode(arena, slice_of(item.base, key_length), plus_is_space, &tag->key) &&
           decode(arena, slice_of(item.base + value_at, item.len - value_at), plus_is_space, &tag->value);
}

enum s3_error s3_tags_read_header(struct arena *arena, struct slice text, struct s3_tags *tags,
                                  struct s3_refusal *refusal)
{
    struct slice item;
    enum s3_error error;

    tags->count = 0;
    while (slice_next_part(&text, '&', &item)) {
        struct s3_tag tag;

        if (item.len == 0)
            continue;
        /* A comma that is not encoded: the tags of a client that writes them as a list. */
        if (!decode_tag(arena, item, true, &tag) || has_key(tags, tag.key) ||
            memchr(item.base, ',', item.len) != NULL) {
            *refusal = (struct s3_refusal){HEADER_MESSAGE, NOTHING, NOTHING};
            return S3_ERROR_INVALID_ARGUMENT;
        }
        if ((error = tag_check(&tag, RESERVED_OF_OBJECT, refusal)) != S3_ERROR_NONE)
            return error;
        if (tags->count == S3_OBJECT_TAGS_MAX)
            return too_many(S3_OBJECT_TAGS_MAX, refusal);
        tags->list[tags->count++] = tag;
    }
    return S3_ERROR_NONE;
}

static size_t pack_text(char *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *at = out;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];

        if (c <= ' ' || c == 0x7f || c == '%' || c == '&' || c == '=' || c == '+') {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        } else {
            *at++ = (char)c;
        }
    }
    return (size_t)(at - out);
}

struct slice s3_tags_pack(struct arena *arena, const struct s3_tags *tags)
{
    size_t bound = 1, length = 0;
    char *out;

    for (uint32_t i = 0; i < tags->count; i++)
        bound += 3 * (tags->list[i].key.len + tags->list[i].value.len) + 2;
    out = arena_alloc(arena, bound);
    for (uint32_t i = 0; i < tags->count; i++) {
        if (i > 0)
            out[length++] = '&';
        length += pack_text(out + length, tags->list[i].key);
        out[length++] = '=';
        length += pack_text(out + length, tags->list[i].value);
    }
    return slice_of(out, length);
}

bool s3_tags_unpack(struct arena *arena, struct slice packed, struct s3_tags *tags)
{
    struct slice item;

    tags->count = 0;
    while (slice_next_part(&packed, '&', &item)) {
        if (tags->count == S3_TAGS_MAX || !decode_tag(arena, item, false, &tags->list[tags->count]))
            return false;
        tags->count++;
    }
    return true;
}

uint32_t s3_tags_count(struct slice packed)
{
    struct slice item;
    uint32_t count = 0;

    while (slice_next_part(&packed, '&', &item))
        count++;
    return count;
}

struct slice s3_tags_find(struct arena *arena, struct slice packed, struct slice key)
{
    struct slice item;
    struct s3_tag tag;

    while (slice_next_part(&packed, '&', &item)) {
        if (decode_tag(arena, item, false, &tag) && slice_equals(tag.key, key))
            return tag.value;
    }
    return slice_of(NULL, 0);
}

/* ---- XML ---- */

struct tagging {
    struct arena *arena;
    struct s3_tags *tags;
    struct s3_tag tag;
    uint32_t count_max;
    const char *reserved;
    enum s3_error error;
    struct s3_refusal refusal;
};

/* Remembers why, and stops the parser. */
static int refuse(struct tagging *tagging, enum s3_error error)
{
    tagging->error = error;
    return -1;
}

static int visit_tag_end(struct tagging *tagging)
{
    struct s3_tag *tag = &tagging->tag;

    if (tag->key.base == NULL || tag->value.base == NULL)
        return -1;
    if (tagging->tags->count == tagging->count_max)
        return refuse(tagging, too_many(tagging->count_max, &tagging->refusal));
    if ((tagging->error = tag_check(tag, tagging->reserved, &tagging->refusal)) != S3_ERROR_NONE)
        return -1;
    if (has_key(tagging->tags, tag->key))
        return refuse(tagging, refuse_tag(&tagging->refusal, "Cannot provide multiple Tags with the same key",
                                          tag->key, NOTHING));
    tagging->tags->list[tagging->tags->count++] = *tag;
    *tag = (struct s3_tag){{NULL, 0}, {NULL, 0}};
    return 0;
}

/* name: within the element that holds the tags, "Tag", "Tag/Key" or "Tag/Value". */
static int visit_tag(struct tagging *tagging, const char *name, const char *text, size_t length)
{
    if (strcmp(name, "Tag/Key") == 0)
        tagging->tag.key = arena_dup(tagging->arena, text, length);
    else if (strcmp(name, "Tag/Value") == 0)
        tagging->tag.value = arena_dup(tagging->arena, text, length);
    else if (strcmp(name, "Tag") == 0)
        return visit_tag_end(tagging);
    else
        return -1;
    return 0;
}

static int visit_tagging(void *ctx, const char *path, const char *text, size_t length)
{
    static const char inside[] = "Tagging/TagSet/";
    struct tagging *tagging = ctx;

    if (strncmp(path, inside, sizeof(inside) - 1) == 0)
        return visit_tag(tagging, path + sizeof(inside) - 1, text, length);
    return strcmp(path, "Tagging/TagSet") == 0 || strcmp(path, "Tagging") == 0 ? 0 : -1;
}

static int visit_creation(void *ctx, const char *path, const char *text, size_t length)
{
    static const char inside[] = "CreateBucketConfiguration/Tags/";

    if (strncmp(path, inside, sizeof(inside) - 1) == 0)
        return visit_tag(ctx, path + sizeof(inside) - 1, text, length);
    return 0; /* the rest is its other reader's */
}

enum s3_error s3_tags_read_creation(struct arena *arena, struct slice xml, struct s3_tags *tags,
                                    struct s3_refusal *refusal)
{
    struct tagging tagging = {
        .arena = arena, .tags = tags, .count_max = S3_TAGS_MAX, .reserved = RESERVED_AT_CREATION};

    tags->count = 0;
    int result = s3_xml_parse(xml.base, xml.len, "CreateBucketConfiguration", visit_creation, &tagging);

    if (result == 0)
        return S3_ERROR_NONE;
    *refusal = tagging.refusal;
    return tagging.error != S3_ERROR_NONE ? tagging.error : s3_error_of_xml(result);
}

enum s3_error s3_tags_read_xml(struct arena *arena, struct slice xml, uint32_t count_max,
                               struct s3_tags *tags, struct s3_refusal *refusal)
{
    struct tagging tagging = {.arena = arena, .tags = tags, .count_max = count_max};

    tagging.reserved = count_max == S3_OBJECT_TAGS_MAX ? RESERVED_OF_OBJECT : RESERVED_OF_BUCKET;
    tags->count = 0;
    /* Without a TagSet it is an empty set, as in S3. */
    int result = s3_xml_parse(xml.base, xml.len, "Tagging", visit_tagging, &tagging);

    if (result == 0)
        return S3_ERROR_NONE;
    *refusal = tagging.refusal;
    return tagging.error != S3_ERROR_NONE ? tagging.error : s3_error_of_xml(result);
}

void s3_tags_write(struct s3_xml *xml, const struct s3_tags *tags)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        s3_xml_open(xml, "Tag");
        s3_xml_text(xml, "Key", tags->list[i].key.base, tags->list[i].key.len);
        s3_xml_text(xml, "Value", tags->list[i].value.base, tags->list[i].value.len);
        s3_xml_close(xml, "Tag");
    }
}
