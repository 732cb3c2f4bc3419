/* SPDX-License-Identifier: MIT
 *
 * Which headers of a request are stored with an object. Pure functions over header lists, any thread. */
#include "api/s3/object/s3_attributes.h"

#include <assert.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/text/s3_encoded_word.h"
#include "storage/base/slice.h"

/* The row's encoding adds a few bytes to each attribute and to the list (metadata/rows/codec.h). */
#define ATTRIBUTE_OVERHEAD_BYTES 10u

#define LABELS_MAX 5u /* s3_attribute_add: tags, an ACL, a lock, a seal, that it is a copy */

static const struct {
    const char *name;
    bool is_list; /* RFC 9110 5.3: several fields of the name are one, with commas between them */
} plain[] = {
    {"cache-control", true},    {"content-disposition", false}, {"content-encoding", true},
    {"content-language", true}, {"content-type", false},        {"expires", false},
};

/* Classes whose objects can be read at once. GLACIER and its like are refused: clients that see them do not
 * even try to download before a restore, which there is not. */
static const char *const storage_classes[] = {"STANDARD",   "REDUCED_REDUNDANCY",  "STANDARD_IA",
                                              "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_one_of(struct slice text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is_nocase(text, list[i]))
            return true;
    }
    return false;
}

/* ---- Content-Encoding ---- */

struct slice s3_content_encoding_strip(struct arena *arena, struct slice value)
{
    struct slice list = value, item;
    bool found = false;
    char *kept, *at;

    while (slice_next_item(&list, &item))
        found = found || slice_is_nocase(item, "aws-chunked");
    if (!found)
        return value;
    kept = at = arena_alloc(arena, value.len + 1);
    list = value;
    while (slice_next_item(&list, &item)) {
        if (slice_is_nocase(item, "aws-chunked"))
            continue;
        if (at != kept)
            *at++ = ',';
        at = (char *)memcpy(at, item.base, item.len) + item.len;
    }
    return slice_of(kept, (size_t)(at - kept));
}

/* ---- Collecting ---- */

struct collection {
    struct arena *arena;
    struct meta_attributes *attributes;
    size_t user_bytes, stored_bytes;
};

static enum s3_error collection_add(struct collection *collection, struct slice name, struct slice value)
{
    struct meta_attributes *attributes = collection->attributes;

    collection->stored_bytes += name.len + value.len + ATTRIBUTE_OVERHEAD_BYTES;
    if (collection->stored_bytes > META_ATTRIBUTES_BYTES_MAX)
        return S3_ERROR_METADATA_TOO_LARGE;
    attributes->list[attributes->count++] = (struct meta_attribute){
        .name = {name.base, name.len},
        .value = {value.base, value.len},
    };
    return S3_ERROR_NONE;
}

static enum s3_error append_value(struct collection *collection, struct meta_attribute *have,
                                  struct slice separator, struct slice value)
{
    struct slice joined = arena_concat(collection->arena, have->value, separator, value);

    have->value = joined;
    collection->stored_bytes += separator.len + value.len;
    return collection->stored_bytes > META_ATTRIBUTES_BYTES_MAX ? S3_ERROR_METADATA_TOO_LARGE : S3_ERROR_NONE;
}

/* NULL: there is none of that name yet. */
static struct meta_attribute *find_attribute(struct meta_attributes *attributes, struct slice name)
{
    for (uint32_t i = 0; i < attributes->count; i++) {
        struct meta_attribute *have = &attributes->list[i];

        if (slice_equals(have->name, name))
            return have;
    }
    return NULL;
}

/* Repeated metadata of one name is joined with commas, as S3 does. */
static enum s3_error collect_user(struct collection *collection, struct slice name, struct slice value)
{
    struct meta_attribute *have;

    name = arena_dup_lower(collection->arena, name);
    value = s3_encoded_words_read(collection->arena, value);
    collection->user_bytes += name.len - strlen(S3_USER_METADATA_PREFIX) + value.len;
    if (collection->user_bytes > S3_USER_METADATA_BYTES_MAX)
        return S3_ERROR_METADATA_TOO_LARGE;
    if ((have = find_attribute(collection->attributes, name)) == NULL)
        return collection_add(collection, name, value);
    collection->user_bytes++;
    return append_value(collection, have, SLICE(","), value);
}

static enum s3_error collect_plain(struct collection *collection, size_t index, struct slice value)
{
    struct slice name = slice_text(plain[index].name);
    struct meta_attribute *have;

    if (slice_is(name, "content-encoding"))
        value = s3_content_encoding_strip(collection->arena, value);
    if (value.len == 0)
        return S3_ERROR_NONE;
    if ((have = find_attribute(collection->attributes, name)) == NULL)
        return collection_add(collection, name, value);
    /* Of what is no list, s3_effective_collect let one pass. */
    return plain[index].is_list ? append_value(collection, have, SLICE(", "), value) : S3_ERROR_NONE;
}

static enum s3_error collect_class(struct collection *collection, struct slice value)
{
    if (value.base == NULL)
        return S3_ERROR_NONE;
    if (!is_one_of(value, storage_classes, COUNT_OF(storage_classes)))
        return S3_ERROR_INVALID_STORAGE_CLASS;
    return slice_is_nocase(value, "STANDARD")
               ? S3_ERROR_NONE
               : collection_add(collection, SLICE(S3_ATTRIBUTE_STORAGE_CLASS), value);
}

static enum s3_error collect_redirect(struct collection *collection, struct slice value)
{
    if (value.base == NULL)
        return S3_ERROR_NONE;
    if (value.len == 0 || (value.base[0] != '/' && !slice_has_prefix_nocase(value, "http://") &&
                           !slice_has_prefix_nocase(value, "https://")))
        return S3_ERROR_INVALID_REDIRECT_LOCATION;
    return collection_add(collection, SLICE(S3_ATTRIBUTE_WEBSITE_REDIRECT), value);
}

enum s3_error s3_attributes_collect(struct arena *arena, const struct http_headers *headers,
                                    const struct s3_effective *effective, struct meta_attributes *attributes)
{
    struct collection collection = {.arena = arena, .attributes = attributes};
    enum s3_error error = S3_ERROR_NONE;

    attributes->count = 0;
    attributes->list = arena_alloc(arena, (headers->size + LABELS_MAX) * sizeof(*attributes->list));
    for (size_t i = 0; i < headers->size && error == S3_ERROR_NONE; i++) {
        struct slice name = headers->entries[i].name, value = headers->entries[i].value;

        if (slice_has_prefix_nocase(name, S3_USER_METADATA_PREFIX)) {
            error = collect_user(&collection, name, value);
            continue;
        }
        for (size_t n = 0; n < COUNT_OF(plain); n++) {
            if (slice_is_nocase(name, plain[n].name))
                error = collect_plain(&collection, n, value);
        }
    }
    if (error == S3_ERROR_NONE)
        error = collect_class(&collection, effective->values[S3_EFFECTIVE_STORAGE_CLASS]);
    if (error == S3_ERROR_NONE)
        error = collect_redirect(&collection, effective->values[S3_EFFECTIVE_WEBSITE_REDIRECT]);
    return error;
}

void s3_attribute_add(struct meta_attributes *attributes, const char *name, struct slice value)
{
    attributes->list[attributes->count++] =
        (struct meta_attribute){.name = {name, strlen(name)}, .value = value};
}

struct slice s3_attribute_get(const struct meta_attributes *attributes, const char *name)
{
    size_t length = strlen(name);

    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct meta_attribute *attribute = &attributes->list[i];

        if (attribute->name.len == length && memcmp(attribute->name.base, name, length) == 0)
            return attribute->value;
    }
    return (struct slice){NULL, 0};
}
