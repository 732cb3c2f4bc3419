/* SPDX-License-Identifier: MIT
 *
 * Signature Version 4, the pure part. Lines: what stands in Authorization behind the algorithm, path, query, signed headers,
 * then headers "name:value". The claim is read, and the canonical request made in all its forms. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static h2o_iovec_t next_line(h2o_iovec_t *text)
{
    const char *end = text->len != 0 ? memchr(text->base, '\n', text->len) : NULL;
    h2o_iovec_t line = h2o_iovec_init(text->base, end != NULL ? (size_t)(end - text->base) : text->len);
    size_t used = line.len + (end != NULL);

    *text = h2o_iovec_init(text->base + used, text->len - used);
    return line;
}

static size_t read_headers(h2o_iovec_t text, struct s3_sigv4_header *headers, size_t max)
{
    size_t count = 0;

    while (text.len != 0 && count < max) {
        h2o_iovec_t line = next_line(&text);
        const char *colon = line.len != 0 ? memchr(line.base, ':', line.len) : NULL;

        if (colon == NULL)
            continue;
        headers[count].name = h2o_iovec_init(line.base, (size_t)(colon - line.base));
        headers[count].value = h2o_iovec_init(colon + 1, line.len - headers[count].name.len - 1);
        count++;
    }
    return count;
}

/* The canonical form of what is canonical already is itself. */
static void check_stable(h2o_mem_pool_t *pool, const struct s3_sigv4_input *input, h2o_iovec_t signed_headers,
                         h2o_iovec_t canonical)
{
    struct s3_sigv4_input again = *input;
    h2o_iovec_t rest = canonical, second;

    (void)next_line(&rest); /* the method */
    again.path = next_line(&rest);
    again.query = next_line(&rest);
    if (!s3_sigv4_canonical_request(pool, &again, signed_headers, 0, &second) ||
        second.len != canonical.len || memcmp(second.base, canonical.base, second.len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    h2o_iovec_t text = h2o_iovec_init((char *)data, size);
    h2o_iovec_t authorization = next_line(&text), signed_headers, canonical, to_sign;
    struct s3_sigv4_header headers[32];
    struct s3_sigv4_input input = {.method = h2o_iovec_init(H2O_STRLIT("PUT")), .headers = headers};
    struct s3_sigv4_claim claim;
    const char *problem = NULL;
    h2o_mem_pool_t pool;
    int64_t seconds;

    input.path = next_line(&text);
    input.query = next_line(&text);
    signed_headers = next_line(&text);
    input.header_count = read_headers(text, headers, sizeof(headers) / sizeof(headers[0]));
    input.payload_hash = h2o_iovec_init(H2O_STRLIT("UNSIGNED-PAYLOAD"));
    h2o_mem_init_pool(&pool);
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
        if (!s3_sigv4_canonical_request(&pool, &input, signed_headers, forms, &canonical))
            continue;
        to_sign = s3_sigv4_string_to_sign(&pool, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request",
                                          canonical);
        if (to_sign.len == 0)
            abort();
        if (forms == 0)
            check_stable(&pool, &input, signed_headers, canonical);
    }
    h2o_mem_clear_pool(&pool);
    return 0;
}
