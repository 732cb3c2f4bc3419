/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as the token of a session, as changes to a good one, and as a form that is posted to STS. No token is good but the one that was
 * sealed, and no form gets a session: nobody has signed it, and no issuer is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/session/s3_session_token.h"
#include "tests/unit/s3/s3_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[S3_SESSION_KEY_BYTES] = "a key that no attacker knows ...";

static void require(int condition)
{
    if (!condition)
        abort();
}

static int open_token(struct slice token)
{
    struct s3_session_credentials credentials;
    struct s3_session session;
    struct arena arena;
    int result;

    arena_init(&arena, NULL);
    result = s3_session_open(key, token, &arena, &session, &credentials);
    arena_free(&arena);
    return result;
}

/* Pairs of bytes: where, and what is changed there. */
static void fuzz_changes(const uint8_t *data, size_t size)
{
    static char token[S3_SESSION_TOKEN_BYTES_MAX + 1];
    const struct s3_session session = {
        .expires_s = 1, .parent = S3_SESSION_OF_KEY, .parent_name = SLICE("KEY")};
    struct s3_session_credentials credentials;
    char changed[sizeof(token)];
    size_t length;

    if (token[0] == '\0')
        require(s3_session_seal(key, &session, token, &credentials) == 0);
    length = strlen(token);
    memcpy(changed, token, length + 1);
    for (size_t i = 0; i + 1 < size; i += 2)
        changed[data[i] % length] = (char)(changed[data[i] % length] ^ data[i + 1]);
    require((open_token(slice_of(changed, length)) == 0) == (memcmp(changed, token, length) == 0));
}

static void fuzz_form(const uint8_t *data, size_t size)
{
    static const struct s3_service_options options = {.access_key = "KEY", .secret_key = "secret"};

    fixture_begin(&options);
    fixture_request("POST", "/");
    fixture_header("content-type", "application/x-www-form-urlencoded");
    fixture.wire = (const char *)data;
    fixture.wire_length = fixture.body_length = size;
    fixture_serve();
    require(fixture.answers == 1 && fixture.status >= 400 && fixture.status < 500 &&
            fixture.dispatched == NULL && strstr(fixture.body, "<ErrorResponse") != NULL);
    fixture_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(open_token(slice_of((const char *)data, size)) != 0);
    fuzz_changes(data, size);
    fuzz_form(data, size);
    return 0;
}
