/* SPDX-License-Identifier: MIT
 *
 * See names.h. */
#include "storage/base/text/names.h"

#include <string.h>

#include "storage/base/text/utf8.h"

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Four numbers with dots between them, whatever the numbers: 1.2.3.999 as well. */
static bool name_is_address(const char *name, size_t length)
{
    unsigned dots = 0;

    for (size_t i = 0; i < length; i++) {
        if (name[i] == '.')
            dots++;
        else if (name[i] < '0' || name[i] > '9')
            return false;
    }
    return dots == 3;
}

static bool name_is_reserved(const char *name, size_t length)
{
    static const char *const prefixes[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const suffixes[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t prefix = strlen(prefixes[i]);

        if (length >= prefix && memcmp(name, prefixes[i], prefix) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t suffix = strlen(suffixes[i]);

        if (length >= suffix && memcmp(name + length - suffix, suffixes[i], suffix) == 0)
            return true;
    }
    return false;
}

bool bucket_name_is_valid(const char *name, size_t length)
{
    if (length < BUCKET_NAME_BYTES_MIN || length > BUCKET_NAME_BYTES_MAX)
        return false;
    if (!is_alphanumeric(name[0]) || !is_alphanumeric(name[length - 1]))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_alphanumeric(name[i]) && name[i] != '-' && !(name[i] == '.' && name[i - 1] != '.'))
            return false;
    return !name_is_address(name, length) && !name_is_reserved(name, length);
}

bool key_is_valid(const char *key, size_t length)
{
    return length > 0 && length <= KEY_BYTES_MAX && memchr(key, '\0', length) == NULL &&
           utf8_is_valid(key, length);
}
