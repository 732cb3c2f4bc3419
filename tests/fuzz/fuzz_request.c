/* SPDX-License-Identifier: MIT
 *
 * The S3 front over a faked HTTP side (tests/unit/s3/s3_fixture.h): path, host, query, authentication, up to the point where an
 * operation would begin. The first byte chooses the server (open, or with a key) and whether the request is signed properly
 * after all; then come the method, the target and headers, a line each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/text/names.h"
#include "storage/base/slice.h"
#include "storage/base/text/utf8.h"
#include "tests/unit/s3/s3_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode { MODE_KEYED = 1, MODE_SIGN = 2, MODE_EXPECT = 4 };

#define LINES_MAX 16
#define TOKEN     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!"

static void add_headers(char *text)
{
    char *line, *value;

    while ((line = strsep(&text, "\n")) != NULL) {
        value = strchr(line, ':');
        if (value == NULL || value == line)
            continue;
        *value++ = '\0';
        if (line[strspn(line, TOKEN)] != '\0')
            continue; /* never comes out of a head */
        for (char *at = line; *at != '\0'; at++)
            *at = slice_lower(*at);
        fixture_header(line, value);
    }
}

/* What an operation may rely on. */
static void check_dispatched(const struct s3_request *request, unsigned mode)
{
    if (request->key.len > META_KEY_BYTES_MAX || !utf8_is_valid(request->key.base, request->key.len) ||
        memchr(request->key.base, '\0', request->key.len) != NULL ||
        request->parameter_count > S3_QUERY_PARAMETERS_MAX)
        abort();
    if (request->bucket_name.len != 0 &&
        !bucket_name_is_valid(request->bucket_name.base, request->bucket_name.len))
        abort();
    if (request->bucket_name.len == 0 && request->key.len != 0)
        abort();
    /* Nobody but fixture_sign knows the secret. */
    if ((mode & (MODE_KEYED | MODE_SIGN)) == MODE_KEYED && request->identity != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const domains[] = {"s3.example.com", "localhost", NULL};
    struct s3_service_options options = {.region = "us-east-1", .domains = domains};
    char *text = malloc(size + 1), *rest = text, *method, *target;
    unsigned mode = size > 0 ? data[0] : 0;

    if (text == NULL)
        abort();
    memcpy(text, data + (size > 0), size - (size > 0));
    text[size - (size > 0)] = '\0';
    if (mode & MODE_KEYED) {
        options.access_key = "KEY";
        options.secret_key = "secret";
    }
    method = strsep(&rest, "\n");
    target = strsep(&rest, "\n");
    if (target != NULL && strlen(text) + size < 1024) {
        fixture_begin(&options);
        fixture_request(method, target);
        fixture.is_expected = mode & MODE_EXPECT;
        if (rest != NULL)
            add_headers(rest);
        if ((mode & MODE_KEYED) != 0 && (mode & MODE_SIGN) != 0 && fixture.req->headers.size < LINES_MAX &&
            target[0] == '/' && strstr(target, "%") == NULL)
            fixture_sign("KEY", "secret", "us-east-1", "UNSIGNED-PAYLOAD", 0);
        fixture_serve();
        if (fixture.dispatched != NULL)
            check_dispatched(fixture.dispatched, mode);
        fixture_end();
    }
    free(text);
    return 0;
}
