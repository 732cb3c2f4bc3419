/* SPDX-License-Identifier: MIT
 *
 * Range headers as S3 takes them: one range of bytes; whatever it does not understand it ignores (RFC
 * 9110 14.2 allows that), and only a well-formed range that lies outside the object is refused. Pure
 * functions, any thread. */
#include "api/s3/object/s3_range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/slice.h"

int s3_number_parse(const char *text, size_t length, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;

    if (length == 0)
        return -EINVAL;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (number > (max - digit) / 10 || digit > max)
            return -ERANGE;
        number = number * 10 + digit;
    }
    *value = number;
    return 0;
}

/* A position in a range: numbers that do not fit lie after the end of everything. */
static bool parse_position(const char *text, size_t length, uint64_t *value)
{
    int err = s3_number_parse(text, length, UINT64_MAX - 1, value);

    if (err == -ERANGE)
        *value = UINT64_MAX - 1;
    return err == 0 || err == -ERANGE;
}

static bool has_bytes_unit(struct slice value)
{
    return value.len > 6 && slice_has_prefix_nocase(value, "bytes=");
}

enum s3_range_result s3_range_parse(const char *text, size_t length, uint64_t size, struct s3_range *range)
{
    const char *dash;
    uint64_t first, last;
    size_t tail;
    struct slice value = slice_of(text, length);

    *range = (struct s3_range){0, size};
    if (!has_bytes_unit(value))
        return S3_RANGE_WHOLE;
    value = slice_from(value, 6);
    text = value.base;
    length = value.len;
    if ((dash = memchr(text, '-', length)) == NULL)
        return S3_RANGE_WHOLE;
    tail = length - (size_t)(dash - text) - 1;

    if (dash == text) { /* the last bytes */
        if (!parse_position(dash + 1, tail, &last))
            return S3_RANGE_WHOLE;
        if (last == 0)
            return S3_RANGE_UNSATISFIABLE;
        if (size == 0) /* readers of a file's end ask so, and S3 gives them all that there is */
            return S3_RANGE_WHOLE;
        if (last < size)
            *range = (struct s3_range){size - last, last};
        return S3_RANGE_PARTIAL;
    }
    if (!parse_position(text, (size_t)(dash - text), &first))
        return S3_RANGE_WHOLE;
    last = UINT64_MAX - 1;
    if (tail > 0 && !parse_position(dash + 1, tail, &last))
        return S3_RANGE_WHOLE;
    if (last < first)
        return S3_RANGE_WHOLE;
    if (first >= size)
        return S3_RANGE_UNSATISFIABLE;
    if (last >= size)
        last = size - 1;
    *range = (struct s3_range){first, last - first + 1};
    return S3_RANGE_PARTIAL;
}

int s3_range_parse_copy(const char *text, size_t length, struct s3_range *range)
{
    const char *dash;
    uint64_t first, last;

    if (!has_bytes_unit(slice_of(text, length)))
        return -EINVAL;
    text += 6;
    length -= 6;
    if ((dash = memchr(text, '-', length)) == NULL)
        return -EINVAL;
    if (s3_number_parse(text, (size_t)(dash - text), INT64_MAX, &first) != 0 ||
        s3_number_parse(dash + 1, length - (size_t)(dash - text) - 1, INT64_MAX, &last) != 0 || last < first)
        return -EINVAL;
    *range = (struct s3_range){first, last - first + 1};
    return 0;
}

size_t s3_range_format(const struct s3_range *range, uint64_t size, char text[64])
{
    return (size_t)snprintf(text, 64, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
                            range->first + range->length - 1, size);
}
