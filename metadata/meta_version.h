/* SPDX-License-Identifier: MIT
 *
 * How a version of a key is named. Part of meta.h, which is what others include.
 *
 *   ours    a place among the key's versions (8 bytes, newer ones compare lower), then 8 random bytes: 16 bytes in rows
 *   given   a place, then the 16 bytes of the name that the version had elsewhere (META_OP_OBJECT_IMPORT): 24 bytes
 *
 * Where a version comes in the order is said by its place alone; a given name says nothing of it. So it lies in the row beside the place, and
 * goes wherever the row goes. Who asks by a given name need not know the place: meta_version_named. */
#ifndef METADATA_META_VERSION_H
#define METADATA_META_VERSION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "metadata/limits.h"
#include "storage/base/slice.h"

/* Opaque but for the calls below, never used twice within a key; newer ones compare lower as bytes. All zero is S3's "null"
 * version, of which a key has at most one: what was stored while its bucket had no versioning or had it suspended. */
struct meta_version_id {
    unsigned char bytes[META_VERSION_GIVEN_BYTES]; /* the rest of an id of ours is zero */
    bool is_given;
};

static inline bool meta_version_is_null(const struct meta_version_id *version)
{
    static const struct meta_version_id null_version;

    return memcmp(version, &null_version, sizeof(null_version)) == 0;
}

/* As rows have it; not of the null version. Borrowed. */
static inline struct slice meta_version_bytes(const struct meta_version_id *version)
{
    return slice_of(version->bytes, version->is_given ? META_VERSION_GIVEN_BYTES : META_VERSION_ID_BYTES);
}

/* Back from a row. False: it has no length that it may have. */
static inline bool meta_version_of(struct slice stored, struct meta_version_id *version)
{
    memset(version, 0, sizeof(*version));
    if (stored.len != META_VERSION_ID_BYTES && stored.len != META_VERSION_GIVEN_BYTES)
        return false;
    (void)slice_copy(version->bytes, stored);
    version->is_given = stored.len == META_VERSION_GIVEN_BYTES;
    return true;
}

/* The version of that given name, wherever its place is. */
static inline struct meta_version_id meta_version_named(const unsigned char name[META_VERSION_NAME_BYTES])
{
    struct meta_version_id version = {.is_given = true};

    memcpy(version.bytes + META_VERSION_PLACE_BYTES, name, META_VERSION_NAME_BYTES);
    return version;
}

/* No version has this place, which would be that of the newest for ever. */
static inline bool meta_version_is_placeless(const struct meta_version_id *version)
{
    static const unsigned char none[META_VERSION_PLACE_BYTES];

    return version->is_given && memcmp(version->bytes, none, sizeof(none)) == 0;
}

/* The given name; of META_VERSION_NAME_BYTES. Borrowed. */
static inline struct slice meta_version_name(const struct meta_version_id *version)
{
    return slice_of(version->bytes + META_VERSION_PLACE_BYTES, META_VERSION_NAME_BYTES);
}

/* Whether a version is the one that somebody asks for. */
static inline bool meta_version_matches(const struct meta_version_id *version,
                                        const struct meta_version_id *wanted)
{
    if (!meta_version_is_placeless(wanted))
        return memcmp(version, wanted, sizeof(*version)) == 0;
    return version->is_given &&
           memcmp(version->bytes + META_VERSION_PLACE_BYTES, wanted->bytes + META_VERSION_PLACE_BYTES,
                  META_VERSION_NAME_BYTES) == 0;
}

/* ---- Texts ---- */

#define META_VERSION_TEXT_BYTES  36u /* at most */
#define META_VERSION_WHOLE_BYTES (2 * META_VERSION_GIVEN_BYTES)

/* "null", 32 digits, or of a given name its UUID; NUL-terminated. Returns the length. */
size_t meta_version_format(const struct meta_version_id *version, char text[META_VERSION_TEXT_BYTES + 1]);
/* The same, but of a version with a given name all there is to know of it, the place included: 48 digits. */
size_t meta_version_format_whole(const struct meta_version_id *version,
                                 char text[META_VERSION_WHOLE_BYTES + 1]);
/* Either form. Each id has one text of each: 0, or -EINVAL, for upper-case digits, too. */
int meta_version_parse(struct slice text, struct meta_version_id *version);

#endif
