/* SPDX-License-Identifier: MIT
 *
 * The small parsers of header values and URIs: percent-encoding, UTF-8, ranges, dates. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_range.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/percent.h"
#include "storage/base/text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is decoded and encoded again decodes to the same. */
static void check_uri(const char *text, size_t size)
{
    char *decoded = malloc(size + 1), *encoded = malloc(3 * size + 1), *again = malloc(3 * size + 1);
    if (decoded == NULL || encoded == NULL || again == NULL)
        abort();
    ssize_t length = percent_decode(text, size, false, decoded);
    if (length >= 0) {
        size_t encoded_length = percent_encode(decoded, (size_t)length, true, encoded);
        if (percent_decode(encoded, encoded_length, false, again) != length ||
            memcmp(again, decoded, (size_t)length) != 0)
            abort();
        (void)utf8_is_valid(decoded, (size_t)length);
    }
    free(decoded);
    free(encoded);
    free(again);
}

static void check_range(const char *text, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 100, UINT64_MAX / 2};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct s3_range range;
        char formatted[64];
        if (s3_range_parse(text, size, sizes[i], &range) == S3_RANGE_PARTIAL) {
            if (range.length == 0 || range.first >= sizes[i] || range.length > sizes[i] - range.first)
                abort();
            (void)s3_range_format(&range, sizes[i], formatted);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    int64_t when;
    check_uri(text, size);
    check_range(text, size);
    (void)s3_time_parse(text, size, &when);
    (void)s3_time_parse_signed(text, size, &when);
    return 0;
}
