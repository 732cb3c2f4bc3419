/* SPDX-License-Identifier: MIT
 *
 * Signature Version 4, the pure part. Lines: what stands in Authorization after the algorithm, path, query, signed headers,
 * then headers "name:value". The claim is read, and the canonical request made in all its forms. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_line(struct slice *text)
{
    const char *end = text->len != 0 ? memchr(text->base, '\n', text->len) : NULL;
    struct slice line = slice_of(text->base, end != NULL ? (size_t)(end - text->base) : text->len);
    size_t used = line.len + (end != NULL);

    *text = slice_of(text->base + used, text->len - used);
    return line;
}

static size_t read_headers(struct slice text, struct s3_sigv4_header *headers, size_t max)
{
    size_t count = 0;

    while (text.len != 0 && count < max) {
        struct slice line = next_line(&text);
        const char *colon = line.len != 0 ? memchr(line.base, ':', line.len) : NULL;

        if (colon == NULL)
            continue;
        headers[count].name = slice_of(line.base, (size_t)(colon - line.base));
        headers[count].value = slice_of(colon + 1, line.len - headers[count].name.len - 1);
        count++;
    }
    return count;
}

/* The canonical form of what is canonical already is itself. */
static void check_stable(struct arena *arena, const struct s3_sigv4_input *input, struct slice signed_headers,
                         struct slice canonical)
{
    struct s3_sigv4_input again = *input;
    struct slice rest = canonical, second;

    (void)next_line(&rest); /* the method */
    again.path = next_line(&rest);
    again.query = next_line(&rest);
    if (!s3_sigv4_canonical_request(arena, &again, signed_headers, 0, &second) ||
        second.len != canonical.len || memcmp(second.base, canonical.base, second.len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((char *)data, size);
    struct slice authorization = next_line(&text), signed_headers, canonical, to_sign;
    struct s3_sigv4_header headers[32];
    struct s3_sigv4_input input = {.method = SLICE("PUT"), .headers = headers};
    struct s3_sigv4_claim claim;
    const char *problem = NULL;
    struct arena arena;
    int64_t seconds;

    input.path = next_line(&text);
    input.query = next_line(&text);
    signed_headers = next_line(&text);
    input.header_count = read_headers(text, headers, sizeof(headers) / sizeof(headers[0]));
    input.payload_hash = SLICE("UNSIGNED-PAYLOAD");
    arena_init(&arena, NULL);
    if (s3_sigv4_parse_authorization(authorization, &claim, &problem) == S3_ERROR_NONE) {
        if (problem != NULL || claim.date.len != 8 || claim.access_key.len == 0 ||
            claim.region.len > S3_SIGV4_REGION_BYTES_MAX)
            abort();
        (void)s3_sigv4_parse_time(claim.date, &seconds);
    } else if (problem == NULL) {
        abort();
    }
    (void)s3_sigv4_parse_time(authorization, &seconds);
    (void)s3_sigv4_parse_credential(authorization, &claim);
    for (unsigned forms = 0; forms <= (S3_SIGV4_RAW_PATH | S3_SIGV4_RAW_QUERY); forms++) {
        if (!s3_sigv4_canonical_request(&arena, &input, signed_headers, forms, &canonical))
            continue;
        to_sign = s3_sigv4_string_to_sign(&arena, NULL, "20130524T000000Z",
                                          "20130524/us-east-1/s3/aws4_request", canonical);
        if (to_sign.len == 0)
            abort();
        if (forms == 0)
            check_stable(&arena, &input, signed_headers, canonical);
    }
    arena_free(&arena);
    return 0;
}
