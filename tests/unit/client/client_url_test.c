/* SPDX-License-Identifier: MIT
 *
 * Where words of a command line point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/client/access/url.h"

static void expect(const char *text, enum client_place place, const char *origin, const char *bucket,
                   const char *key)
{
    struct client_url url;

    assert_null(client_url_parse(&url, text));
    assert_int_equal(url.place, place);
    if (origin != NULL)
        assert_string_equal(url.origin, origin);
    else
        assert_null(url.origin);
    if (bucket != NULL)
        assert_string_equal(url.bucket, bucket);
    else
        assert_null(url.bucket);
    assert_string_equal(url.key, key);
    client_url_free(&url);
}

static void refuse(const char *text)
{
    struct client_url url;

    assert_non_null(client_url_parse(&url, text));
    client_url_free(&url);
}

static void test_files(void **state)
{
    expect("a", CLIENT_PLACE_FILE, NULL, NULL, "a");
    expect("-", CLIENT_PLACE_FILE, NULL, NULL, "-");
    expect("./s3:/x", CLIENT_PLACE_FILE, NULL, NULL, "./s3:/x");
    refuse("");
}

static void test_s3(void **state)
{
    expect("s3://", CLIENT_PLACE_S3, NULL, NULL, "");
    expect("s3://b", CLIENT_PLACE_S3, NULL, "b", "");
    expect("s3://b/", CLIENT_PLACE_S3, NULL, "b", "");
    expect("s3://b/k", CLIENT_PLACE_S3, NULL, "b", "k");
    expect("s3://b//k//", CLIENT_PLACE_S3, NULL, "b", "/k//");
    expect("s3://b/a b%20?#&+", CLIENT_PLACE_S3, NULL, "b", "a b%20?#&+"); /* as it stands */
    refuse("s3:///k");
}

static void test_http(void **state)
{
    expect("http://h:9000", CLIENT_PLACE_HTTP, "http://h:9000", NULL, "");
    expect("https://h/", CLIENT_PLACE_HTTP, "https://h", NULL, "");
    expect("http://[::1]:9000/b/k/l", CLIENT_PLACE_HTTP, "http://[::1]:9000", "b", "k/l");
    expect("http://h/b/a%20b%3F%25%23+", CLIENT_PLACE_HTTP, "http://h", "b",
           "a b?%#+"); /* a plus is a plus in a path */
    refuse("http://h/b/k?versionId=1");
    refuse("http://h/b/k#x");
    refuse("http://h/b/100%");
    refuse("http://h/b/%00");
    refuse("http://user:secret@h/b");
    refuse("http:///b");
    refuse("http://h h/b");
    refuse("http://h//k");
}

static void test_long(void **state)
{
    static char text[20000];

    memset(text, 'k', sizeof(text) - 1);
    memcpy(text, "s3://b/", 7);
    refuse(text);
}

static void expect_host(const char *origin, const char *host)
{
    unsigned length;
    const char *found = client_url_host(origin, &length);

    assert_int_equal(length, strlen(host));
    assert_memory_equal(found, host, length);
}

static void test_host(void **state)
{
    expect_host("http://h:9000", "h:9000");
    expect_host("http://h:80", "h");
    expect_host("https://h:443", "h");
    expect_host("https://h:80", "h:80");
    expect_host("http://h:443", "h:443");
    expect_host("http://[::1]:80", "[::1]");
}

static void test_origin(void **state)
{
    char with_slash[] = "http://h:1/", plain[] = "https://h", path[] = "http://h/b", none[] = "h:9000",
         query[] = "http://h?x";

    assert_true(client_url_is_origin(with_slash));
    assert_string_equal(with_slash, "http://h:1");
    assert_true(client_url_is_origin(plain));
    assert_false(client_url_is_origin(path));
    assert_false(client_url_is_origin(none));
    assert_false(client_url_is_origin(query));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files), cmocka_unit_test(test_s3),   cmocka_unit_test(test_http),
        cmocka_unit_test(test_long),  cmocka_unit_test(test_host), cmocka_unit_test(test_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
