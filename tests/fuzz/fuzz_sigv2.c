/* SPDX-License-Identifier: MIT
 *
 * Signature Version 2, the pure part. Lines: what stands in Authorization after "AWS ", bucket of the host, path, query, date, then headers
 * "name:value". The claim is read, and the string to sign made in all its forms. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/auth/s3_sigv2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_line(struct slice *text)
{
    struct slice line = {"", 0};

    (void)slice_next_part(text, '\n', &line);
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
        headers[count++].value = slice_from(line, (size_t)(colon + 1 - line.base));
    }
    return count;
}

/* Method, two headers and the time each have their line, in this order, whatever stands in them; then come headers of S3's own alone, and
 * at last what is asked for. */
static void check_lines(const struct s3_sigv2_input *input, struct slice string)
{
    struct slice rest = string;

    if (!slice_equals(next_line(&rest), input->method))
        abort();
    (void)next_line(&rest);
    (void)next_line(&rest);
    if (!slice_equals(next_line(&rest), input->date))
        abort();
    while (slice_has_prefix(rest, "x-amz-"))
        (void)next_line(&rest);
    if (input->bucket.len != 0 && (rest.len == 0 || rest.base[0] != '/'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    struct slice authorization = next_line(&text), key, string, part;
    struct s3_sigv4_header headers[32];
    struct s3_sigv2_input input = {.method = SLICE("PUT"), .headers = headers};
    unsigned char signature[S3_SIGV2_BYTES];
    struct arena arena;

    input.bucket = next_line(&text);
    input.path = next_line(&text);
    input.query = next_line(&text);
    input.date = next_line(&text);
    input.header_count = read_headers(text, headers, sizeof(headers) / sizeof(headers[0]));
    if (s3_sigv2_parse_authorization(authorization, &key, signature) && key.len == 0)
        abort();
    part = input.query;
    (void)s3_sigv2_is_ambiguous(part);
    (void)s3_sigv2_signs_parameter(part);
    arena_init(&arena, NULL);
    for (unsigned forms = 0; forms < S3_SIGV2_FORMS; forms++)
        if (s3_sigv2_string_to_sign(&arena, &input, forms, &string))
            check_lines(&input, string);
    arena_free(&arena);
    return 0;
}
