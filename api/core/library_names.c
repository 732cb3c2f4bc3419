/* SPDX-License-Identifier: MIT
 *
 * What may be called a bucket and what may be a key. Pure functions; any thread. */
#include "api/core/library.h"

#include <arpa/inet.h>
#include <string.h>

static bool name_is_edge(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool name_has_reserved_affix(const char *name, size_t length)
{
    static const char *const prefixes[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const suffixes[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        size_t suffix = strlen(suffixes[i]);

        if (length > suffix && strcmp(name + length - suffix, suffixes[i]) == 0)
            return true;
    }
    return false;
}

bool library_bucket_name_is_valid(const char *name)
{
    enum { NAME_BYTES_MIN = 3 };
    struct in_addr address;
    size_t length = strnlen(name, META_BUCKET_NAME_BYTES_MAX + 1);

    if (length < NAME_BYTES_MIN || length > META_BUCKET_NAME_BYTES_MAX)
        return false;
    if (!name_is_edge(name[0]) || !name_is_edge(name[length - 1]))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!name_is_edge(name[i]) && name[i] != '-' && !(name[i] == '.' && name[i - 1] != '.'))
            return false;
    return inet_pton(AF_INET, name, &address) != 1 && !name_has_reserved_affix(name, length);
}

/* Length of the well-formed UTF-8 sequence at `at`, or 0. The text ends with a NUL, which no sequence
 * contains. */
static size_t utf8_sequence(const unsigned char *at)
{
    size_t length = at[0] < 0x80   ? 1
                    : at[0] < 0xc2 ? 0
                    : at[0] < 0xe0 ? 2
                    : at[0] < 0xf0 ? 3
                    : at[0] < 0xf5 ? 4
                                   : 0;

    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90))
        return 0; /* could be shorter */
    if ((at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf4 && at[1] >= 0x90))
        return 0; /* surrogates, and what lies behind U+10FFFF */
    return length;
}

bool library_key_is_valid(const char *key)
{
    const unsigned char *at = (const unsigned char *)key;
    size_t length = strnlen(key, META_KEY_BYTES_MAX + 1), sequence;

    if (length == 0 || length > META_KEY_BYTES_MAX)
        return false;
    for (; *at != '\0'; at += sequence) {
        sequence = utf8_sequence(at);
        if (sequence == 0)
            return false;
    }
    return true;
}
