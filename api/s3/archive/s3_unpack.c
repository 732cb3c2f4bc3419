/* SPDX-License-Identifier: MIT
 *
 * Which key a member of a tar becomes, and with which headers. A name is taken as it stands or refused: two names never become one, and
 * none leads out of its prefix. */
#include "api/s3/archive/s3_unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/text/s3_content_type.h"
#include "storage/base/text/names.h"
#include "storage/base/text/utf8.h"

#define CONTENT_TYPE_DEFAULT "application/octet-stream"
#define MTIME                S3_USER_METADATA_PREFIX "mtime" /* as rclone and s3fs have it: seconds */
#define OWN_METADATA         "minio.metadata."

/* As s3_attributes.c counts them. */
#define ATTRIBUTE_OVERHEAD_BYTES 10u

/* ---- Names ---- */

/* Whether a text is made of components, none of them empty, "." or "..", with a slash between them. */
static bool path_is_plain(struct slice path)
{
    struct slice part;

    if (path.len == 0 || path.base[path.len - 1] == '/')
        return false;
    while (slice_next_part(&path, '/', &part)) {
        if (part.len == 0 || slice_is(part, ".") || slice_is(part, ".."))
            return false;
    }
    return true;
}

static struct slice trim_slashes(struct slice text)
{
    return slice_trim_any(text, "/");
}

enum s3_error s3_unpack_read(struct arena *arena, const struct http_headers *headers,
                             struct s3_unpack *unpack, const char **message)
{
    struct slice prefix = trim_slashes(http_headers_find(headers, S3_UNPACK_PREFIX));

    *unpack = (struct s3_unpack){
        .ignores_folders = slice_is_nocase(http_headers_find(headers, S3_UNPACK_IGNORE_DIRS), "true"),
        .ignores_errors = slice_is_nocase(http_headers_find(headers, S3_UNPACK_IGNORE_ERRORS), "true"),
    };
    if (prefix.len == 0)
        return S3_ERROR_NONE;
    if (!path_is_plain(prefix) || !key_is_valid(prefix.base, prefix.len)) {
        *message = S3_UNPACK_PREFIX " is no prefix of keys.";
        return S3_ERROR_INVALID_ARGUMENT;
    }
    unpack->prefix = arena_concat(arena, prefix, SLICE("/"));
    return S3_ERROR_NONE;
}

/* Notes the first refusal. */
static int refuse(struct s3_unpack *unpack, const struct tar_member *member, enum s3_error error,
                  const char *why)
{
    size_t length = member->name.len < sizeof(unpack->name) ? member->name.len : sizeof(unpack->name) - 1;

    if (unpack->ignores_errors)
        return 0;
    unpack->error = error;
    unpack->why = why;
    if (member->name.len >= sizeof(unpack->name) || !key_is_valid(member->name.base, length))
        length = 0; /* told without it */
    if (length > 0)
        memcpy(unpack->name, member->name.base, length);
    unpack->name[length] = '\0';
    return -ECANCELED;
}

static bool is_header_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = slice_lower(name.base[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return name.len > 0;
}

/* Headers of its own must be such as can be answered. */
static bool records_are_safe(struct slice records)
{
    struct slice key, value;

    while (tar_record_next(&records, &key, &value) > 0) {
        if (slice_has_prefix(key, OWN_METADATA) &&
            (!is_header_name(slice_from(key, strlen(OWN_METADATA))) || !http_value_is_safe(value) ||
             !utf8_is_valid(value.base, value.len)))
            return false;
    }
    return true;
}

int s3_unpack_take(struct s3_unpack *unpack, const struct tar_member *member, struct arena *arena,
                   struct slice *key)
{
    struct slice name = member->name;
    bool is_folder = member->kind == TAR_FOLDER;

    if (is_folder && unpack->ignores_folders)
        return 0;
    if (!is_folder && member->kind != TAR_FILE)
        return refuse(unpack, member, S3_ERROR_INVALID_REQUEST,
                      "is no file and no folder; links, devices and sparse files are not unpacked");
    while (slice_has_prefix(name, "./"))
        name = slice_from(name, 2);
    if (is_folder && (name.len == 0 || slice_is(name, ".")))
        return 0; /* the one that the archive was made of */
    while (is_folder && name.len > 0 && name.base[name.len - 1] == '/')
        name.len--;
    if (!path_is_plain(name))
        return refuse(unpack, member, S3_ERROR_INVALID_REQUEST,
                      "has a name that is empty, absolute, or has an empty part, \".\" or \"..\" in it");
    if (unpack->prefix.len + name.len + is_folder > S3_KEY_BYTES_MAX)
        return refuse(unpack, member, S3_ERROR_KEY_TOO_LONG, "has a name that is too long for a key");
    if (!key_is_valid(name.base, name.len))
        return refuse(unpack, member, S3_ERROR_INVALID_REQUEST, "has a name that is not UTF-8");
    if (!records_are_safe(member->records))
        return refuse(unpack, member, S3_ERROR_INVALID_REQUEST, "has metadata that cannot be a header");
    *key = arena_concat(arena, unpack->prefix, name, is_folder ? SLICE("/") : SLICE(""));
    return key->base != NULL ? 1 : -ENOMEM;
}

/* ---- Stored headers ---- */

static bool is_about_archive(struct slice name)
{
    static const char *const names[] = {"content-type",         "content-encoding", "content-disposition",
                                        S3_UNPACK_HEADER,       S3_UNPACK_PREFIX,   S3_UNPACK_IGNORE_DIRS,
                                        S3_UNPACK_IGNORE_ERRORS};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is(name, names[i]))
            return true;
    }
    return false;
}

void s3_unpack_attributes_common(struct meta_attributes *attributes)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < attributes->count; i++) {
        if (!is_about_archive(attributes->list[i].name))
            attributes->list[count++] = attributes->list[i];
    }
    attributes->count = count;
}

/* As headers: those that are no header of S3's are passed over by s3_attributes_collect. */
static void own_headers(struct arena *arena, const struct core_member *member, struct http_headers *headers)
{
    struct slice records = member->records, key, value;

    while (tar_record_next(&records, &key, &value) > 0) {
        if (slice_has_prefix(key, OWN_METADATA))
            http_headers_add(arena, headers, arena_dup_lower(arena, slice_from(key, strlen(OWN_METADATA))),
                             value);
    }
}

/* What is in neither list yet. */
static void add_missing(struct meta_attributes *attributes, const char *name, struct slice value)
{
    if (s3_attribute_get(attributes, name).base == NULL)
        s3_attribute_add(attributes, name, value);
}

static struct slice mtime_text(struct arena *arena, int64_t ms)
{
    char text[40];
    int length = ms % 1000 == 0
                     ? snprintf(text, sizeof(text), "%" PRId64, ms / 1000)
                     : snprintf(text, sizeof(text), "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));

    return arena_dup(arena, text, (size_t)length);
}

static bool fits_row(const struct meta_attributes *attributes)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < attributes->count; i++)
        bytes += attributes->list[i].name.len + attributes->list[i].value.len + ATTRIBUTE_OVERHEAD_BYTES;
    return bytes <= META_ATTRIBUTES_BYTES_MAX;
}

enum s3_error s3_unpack_attributes(struct arena *arena, const struct core_member *member,
                                   const struct meta_attributes *common, struct meta_attributes *attributes)
{
    static const struct s3_effective nothing;
    struct http_headers headers = {0};
    struct meta_attributes own = {0};
    enum s3_error error;
    const char *type = s3_content_type_of(member->key);

    own_headers(arena, member, &headers);
    if ((error = s3_attributes_collect(arena, &headers, &nothing, &own)) != S3_ERROR_NONE)
        return error;
    attributes->count = 0;
    attributes->list = arena_alloc(arena, (own.count + common->count + 4) * sizeof(*attributes->list));
    for (uint32_t i = 0; i < own.count; i++)
        attributes->list[attributes->count++] = own.list[i];
    for (uint32_t i = 0; i < common->count; i++) {
        bool is_own = false;

        for (uint32_t n = 0; n < own.count && !is_own; n++)
            is_own = slice_equals(own.list[n].name, common->list[i].name);
        if (!is_own)
            attributes->list[attributes->count++] = common->list[i];
    }
    add_missing(attributes, "content-type", slice_text(type != NULL ? type : CONTENT_TYPE_DEFAULT));
    if (member->modified_ms >= 0)
        add_missing(attributes, MTIME, mtime_text(arena, member->modified_ms));
    return fits_row(attributes) ? S3_ERROR_NONE : S3_ERROR_METADATA_TOO_LARGE;
}

/* ---- Compression ---- */

const char *s3_unpack_compression(const unsigned char *bytes, size_t length)
{
    static const struct {
        const char *name;
        size_t length;
        unsigned char bytes[6];
    } known[] = {
        {"gzip", 2, {0x1f, 0x8b}},
        {"zstd", 4, {0x28, 0xb5, 0x2f, 0xfd}},
        {"LZ4", 4, {0x04, 0x22, 0x4d, 0x18}},
        {"S2 or Snappy", 4, {0xff, 0x06, 0x00, 0x00}},
        {"bzip2", 3, {'B', 'Z', 'h'}},
        {"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0x00}},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (length >= known[i].length && memcmp(bytes, known[i].bytes, known[i].length) == 0)
            return known[i].name;
    }
    return NULL;
}
