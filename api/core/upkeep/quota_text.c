/* SPDX-License-Identifier: MIT
 *
 * Quotas as text. See quota.h; pure functions. */
#include "api/core/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int core_quota_number(struct slice text, uint64_t unit, uint64_t *number)
{
    static const char letters[] = "KMGT";
    uint64_t value = 0, times = 1;
    size_t at = 0;

    for (; at < text.len && text.base[at] >= '0' && text.base[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(text.base[at] - '0');
        if (value > (INT64_MAX - digit) / 10)
            return -EINVAL;
        value = 10 * value + digit;
    }
    if (at == 0 || at + 1 < text.len)
        return -EINVAL;
    if (at < text.len) {
        const char *letter = memchr(letters, text.base[at], sizeof(letters) - 1);
        if (letter == NULL)
            return -EINVAL;
        for (const char *step = letters; step <= letter; step++)
            times *= unit;
    }
    if (value > INT64_MAX / times)
        return -EINVAL;
    *number = value * times;
    return 0;
}

static const char *word_take(struct slice word, struct meta_quota *quota)
{
    if (slice_has_prefix(word, "bytes="))
        return core_quota_number(slice_from(word, strlen("bytes=")), 1024, &quota->bytes_max) == 0
                   ? NULL
                   : "bytes= must be bytes, such as 10G";
    if (slice_has_prefix(word, "objects="))
        return core_quota_number(slice_from(word, strlen("objects=")), 1000, &quota->objects_max) == 0
                   ? NULL
                   : "objects= must be a number, such as 1000000 or 1M";
    return "expected: bytes=, objects=, or off";
}

int core_quota_parse(struct slice text, char between, struct meta_quota *quota, const char **why)
{
    *quota = (struct meta_quota){META_QUOTA_NONE, META_QUOTA_NONE};
    if (slice_equals(text, SLICE("off")))
        return 0;
    *why = "expected: bytes=, objects=, or off";
    if (text.len == 0)
        return -EINVAL;
    for (size_t at = 0; at < text.len;) {
        size_t end = at;

        while (end < text.len && text.base[end] != between)
            end++;
        if ((*why = word_take(slice_of(text.base + at, end - at), quota)) != NULL)
            return -EINVAL;
        at = end + 1;
    }
    return 0;
}

void core_quota_format(const struct meta_quota *quota, char text[CORE_QUOTA_BYTES_MAX])
{
    size_t length = 0;

    strcpy(text, "off");
    if (quota->bytes_max != META_QUOTA_NONE)
        length = (size_t)snprintf(text, CORE_QUOTA_BYTES_MAX, "bytes=%" PRIu64, quota->bytes_max);
    if (quota->objects_max != META_QUOTA_NONE)
        (void)snprintf(text + length, CORE_QUOTA_BYTES_MAX - length, "%sobjects=%" PRIu64,
                       length > 0 ? " " : "", quota->objects_max);
}
