/* SPDX-License-Identifier: MIT
 *
 * Texts of versions' ids, see meta_version.h. Any thread. */
#include "metadata/meta_version.h"

#include <assert.h>
#include <errno.h>

#include "storage/base/text/hex.h"

/* "01234567-89ab-cdef-0123-456789abcdef": before which bytes a hyphen stands. */
static bool hyphen_comes_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static size_t uuid_format(const unsigned char *name, char *text)
{
    char *at = text;

    for (size_t i = 0; i < META_VERSION_NAME_BYTES; i++) {
        if (hyphen_comes_before(i))
            *at++ = '-';
        hex_encode(name + i, 1, at);
        at += 2;
    }
    *at = '\0';
    assert((size_t)(at - text) == META_VERSION_TEXT_BYTES);
    return META_VERSION_TEXT_BYTES;
}

static bool uuid_parse(const char *text, unsigned char *name)
{
    for (size_t i = 0; i < META_VERSION_NAME_BYTES; i++, text += 2) {
        if (hyphen_comes_before(i) && *text++ != '-')
            return false;
        if (!hex_decode(text, 2, name + i, 1))
            return false;
    }
    return true;
}

static size_t digits_format(const struct meta_version_id *version, char *text)
{
    struct slice bytes = meta_version_bytes(version);

    hex_encode((const unsigned char *)bytes.base, bytes.len, text);
    text[2 * bytes.len] = '\0';
    return 2 * bytes.len;
}

size_t meta_version_format(const struct meta_version_id *version, char text[META_VERSION_TEXT_BYTES + 1])
{
    if (meta_version_is_null(version)) {
        strcpy(text, "null");
        return strlen("null");
    }
    return version->is_given ? uuid_format((const unsigned char *)meta_version_name(version).base, text)
                             : digits_format(version, text);
}

size_t meta_version_format_whole(const struct meta_version_id *version,
                                 char text[META_VERSION_WHOLE_BYTES + 1])
{
    return version->is_given && !meta_version_is_placeless(version) ? digits_format(version, text)
                                                                    : meta_version_format(version, text);
}

static bool parse(struct slice text, struct meta_version_id *version)
{
    unsigned char name[META_VERSION_NAME_BYTES];

    if (text.len == 2 * META_VERSION_ID_BYTES)
        return hex_decode(text.base, text.len, version->bytes, META_VERSION_ID_BYTES);
    if (text.len == META_VERSION_TEXT_BYTES) {
        if (!uuid_parse(text.base, name))
            return false;
        *version = meta_version_named(name);
        return true;
    }
    version->is_given = text.len == META_VERSION_WHOLE_BYTES;
    if (version->is_given)
        return hex_decode(text.base, text.len, version->bytes, META_VERSION_GIVEN_BYTES);
    return true; /* "null", or what does not read back */
}

int meta_version_parse(struct slice text, struct meta_version_id *version)
{
    char again[META_VERSION_WHOLE_BYTES + 1];
    size_t length;

    memset(version, 0, sizeof(*version));
    if (!parse(text, version))
        return -EINVAL;
    length = text.len == META_VERSION_WHOLE_BYTES ? meta_version_format_whole(version, again)
                                                  : meta_version_format(version, again);
    return slice_equals(text, slice_of(again, length)) ? 0 : -EINVAL;
}
