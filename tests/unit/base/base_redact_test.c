/* SPDX-License-Identifier: MIT
 *
 * What a log must not hold is taken out, however it is written; what it may hold stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "storage/base/text/redact.h"

static const struct {
    const char *text, *redacted;
} rows[] = {
    {"", ""},
    {"/bucket/key", "/bucket/key"},
    {"/b/k?list-type=2&prefix=a%20b", "/b/k?list-type=2&prefix=a%20b"},
    {"/b/k?X-Amz-Signature=abc", "/b/k?X-Amz-Signature=REDACTED"},
    {"/b/k?x-amz-signature=abc&x=y", "/b/k?x-amz-signature=REDACTED&x=y"},
    {"/b/k?a=b&X-AMZ-Credential=a/b/c&X-Amz-Security-Token=t%26t&z",
     "/b/k?a=b&X-AMZ-Credential=REDACTED&X-Amz-Security-Token=REDACTED&z"},
    {"/b/k?X%2DAmz-Signature=abc", "/b/k?X%2DAmz-Signature=REDACTED"},
    {"/b/k?Signature=a%2Bb&AWSAccessKeyId=c&Expires=1",
     "/b/k?Signature=REDACTED&AWSAccessKeyId=REDACTED&Expires=1"},
    {"/?Action=AssumeRoleWithWebIdentity&WebIdentityToken=a.b.c&RoleArn=d",
     "/?Action=AssumeRoleWithWebIdentity&WebIdentityToken=REDACTED&RoleArn=d"},
    {"/b/k?X-Amz-Signature=", "/b/k?X-Amz-Signature=REDACTED"},
    {"/b/k?X-Amz-Signature", "/b/k?X-Amz-Signature"},
    {"/b/k?X-Amz-Signature=a&X-Amz-Signature=b", "/b/k?X-Amz-Signature=REDACTED&X-Amz-Signature=REDACTED"},
    {"/b/k?X-Amz-SignedHeaders=host&Xsignature=1", "/b/k?X-Amz-SignedHeaders=host&Xsignature=1"},
    /* Encoded once too often, it is in the path. */
    {"/b/k%3FX-Amz-Date%3D1%26X-Amz-Signature%3Dabc%26x-id%3DGet",
     "/b/k%3FX-Amz-Date%3D1%26X-Amz-Signature%3DREDACTED%26x-id%3DGet"},
    {"/b/k%3fX%2DAmz%2DSignature%3dabc&y", "/b/k%3fX%2DAmz%2DSignature%3dREDACTED&y"},
    {"/b/k%3FX-Amz-Signature=abc", "/b/k%3FX-Amz-Signature=REDACTED"},
    /* Users of URLs. */
    {"http://user:password@host/path?x", "http://REDACTED@host/path?x"},
    {"http://token@host", "http://REDACTED@host"},
    {"http://host/a@b", "http://host/a@b"},
    {"http://a:b@c@host/", "http://REDACTED@host/"},
    {"/mail@address", "/mail@address"},
    /* Lines. */
    {"request 1F met it: GET /b/k?X-Amz-Signature=abc for \"x\"",
     "request 1F met it: GET /b/k?X-Amz-Signature=REDACTED for \"x\""},
    {"\"http://h/?Signature=abc\" \"agent\"", "\"http://h/?Signature=REDACTED\" \"agent\""},
    {"AWS4-HMAC-SHA256 Credential=AKIA/1/s3, SignedHeaders=host, Signature=abc",
     "AWS4-HMAC-SHA256 Credential=REDACTED SignedHeaders=host, Signature=REDACTED"},
    {"a=b", "a=b"},
    {"%", "%"},
    {"=%3", "=%3"},
    {"?X-Amz-Signature%3", "?X-Amz-Signature%3"},
};

static void table(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t length = strlen(rows[i].text), room = redact_room(rows[i].text, length), wanted;
        char *to = malloc(room + 1);

        assert_non_null(to);
        if (room == 0) {
            assert_string_equal(rows[i].text, rows[i].redacted);
        } else {
            wanted = redact_text(rows[i].text, length, to);
            assert_true(wanted <= room);
            to[wanted] = '\0';
            assert_string_equal(to, rows[i].redacted);
        }
        free(to);
    }
}

/* Whatever the bytes: it keeps within its room, and reads no further than told. */
static void any_bytes(void **state)
{
    static const char *const pieces[] = {
        "?",   "&", "=", "%3D", "%26", "%3f", "Signature", "x-amz-credential",
        "://", "@", "a", " ",   "%",   "\"",  ",",         "%2"};
    uint64_t random = 1;

    for (unsigned round = 0; round < 200000; round++) {
        char text[256];
        size_t length = 0;

        for (unsigned i = 0; i < 12; i++) {
            const char *piece;

            random = random * 6364136223846793005u + 1442695040888963407u;
            piece = pieces[random >> 60];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        char *exact = malloc(length), *to = malloc(redact_room(text, length) + 1);

        assert_non_null(exact);
        assert_non_null(to);
        memcpy(exact, text, length);
        if (redact_room(exact, length) > 0)
            assert_true(redact_text(exact, length, to) <= redact_room(exact, length));
        free(exact);
        free(to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(any_bytes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
