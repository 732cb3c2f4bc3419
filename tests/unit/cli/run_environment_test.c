/* SPDX-License-Identifier: MIT
 *
 * The environment of a command of `sluice run`: what is given, what is taken, and what each proxy variable goes on to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/cli/run/run.h"

static const struct run_value all[] = {
    {"url", "http://127.0.0.1:1"},
    {"address", "127.0.0.1:1"},
    {"access-key", "ID"},
    {"secret-key", "SECRET"},
    {"region", "far-1"},
    {"bucket", "first"},
    {"token", "TOKEN"},
    {"nx", "web"},
    {"ccache", "ccache"},
    {NULL, NULL},
};

static const char *find(char *const *environment, const char *name)
{
    size_t length = strlen(name), count = 0;
    const char *value = NULL;

    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
            value = *environment + length + 1;
            count++;
        }
    assert_true(count <= 1);
    return value;
}

#define MAKE(values, ...) run_environment_make((char *[]){__VA_ARGS__ NULL}, values)

static void test_given(void **state)
{
    char **environment = MAKE(all, "PATH=/bin", "AWS_REGION=other", "AWS_ACCESS_KEY_ID=mine", "AWSX=kept", );

    assert_string_equal(find(environment, "PATH"), "/bin");
    assert_string_equal(find(environment, "AWSX"), "kept");
    assert_string_equal(find(environment, "AWS_ENDPOINT_URL"), "http://127.0.0.1:1");
    assert_string_equal(find(environment, "AWS_ENDPOINT_URL_S3"), "http://127.0.0.1:1");
    assert_string_equal(find(environment, "AWS_ACCESS_KEY_ID"), "ID");
    assert_string_equal(find(environment, "AWS_SECRET_ACCESS_KEY"), "SECRET");
    assert_string_equal(find(environment, "AWS_REGION"), "far-1");
    assert_string_equal(find(environment, "AWS_DEFAULT_REGION"), "far-1");
    assert_string_equal(find(environment, "SLUICE_BUCKET"), "first");
    run_environment_free(environment);
}

/* A row whose value there is not leaves nothing, not even what was there before. */
static void test_absent(void **state)
{
    struct run_value values[sizeof(all) / sizeof(all[0])];
    char **environment;

    memcpy(values, all, sizeof(values));
    assert_string_equal(values[5].name, "bucket");
    values[5].value = NULL;
    environment = MAKE(values, "SLUICE_BUCKET=before", );
    assert_null(find(environment, "SLUICE_BUCKET"));
    assert_string_equal(find(environment, "AWS_REGION"), "far-1");
    run_environment_free(environment);
}

/* Where there is no such cache, the caller's own goes on to count. */
static void test_caches(void **state)
{
    char **environment = MAKE(all, "TURBO_API=https://turbo.example", "TURBO_TOKEN=mine",
                              "CCACHE_REMOTE_STORAGE=http://other", );

    assert_string_equal(find(environment, "NX_SELF_HOSTED_REMOTE_CACHE_SERVER"),
                        "http://127.0.0.1:1/-/cache/web");
    assert_string_equal(find(environment, "NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN"), "TOKEN");
    assert_string_equal(find(environment, "CCACHE_REMOTE_STORAGE"),
                        "http://ID:SECRET@127.0.0.1:1/-/cache/ccache");
    assert_string_equal(find(environment, "SLUICE_TOKEN"), "TOKEN");
    assert_string_equal(find(environment, "TURBO_API"), "https://turbo.example");
    assert_string_equal(find(environment, "TURBO_TOKEN"), "mine");
    assert_null(find(environment, "TURBO_TEAM"));
    assert_null(find(environment, "SLUICE_CACHE_GRADLE"));
    run_environment_free(environment);
}

static void test_taken(void **state)
{
    char **environment =
        MAKE(all, "AWS_SESSION_TOKEN=x", "AWS_PROFILE=x", "AWS_ROLE_ARN=x", "AWS_WEB_IDENTITY_TOKEN_FILE=x",
             "AWS_CONTAINER_CREDENTIALS_FULL_URI=x", "AWS_CONTAINER_AUTHORIZATION_TOKEN=x",
             "SLUICE_CREDENTIALS=x", "SLUICE_DATA=x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=x",
             "AWS_PROFILES=kept", "AWS_CONTAINER=kept", "SLUICE=kept", "AWS_MAX_ATTEMPTS=kept", );
    size_t kept = 0;

    for (size_t i = 0; environment[i] != NULL; i++) {
        assert_null(strstr(environment[i], "=x"));
        kept += strstr(environment[i], "=kept") != NULL;
    }
    assert_int_equal(kept, 4);
    run_environment_free(environment);
}

static void test_proxies(void **state)
{
    char **environment = MAKE(all, );

    assert_string_equal(find(environment, "NO_PROXY"), "127.0.0.1,localhost,::1");
    assert_string_equal(find(environment, "no_proxy"), "127.0.0.1,localhost,::1");
    run_environment_free(environment);

    /* A program that prefers the other one would miss what only one has said. */
    environment = MAKE(all, "no_proxy=a.example", );
    assert_string_equal(find(environment, "NO_PROXY"), "a.example,127.0.0.1,localhost,::1");
    assert_string_equal(find(environment, "no_proxy"), "a.example,127.0.0.1,localhost,::1");
    run_environment_free(environment);

    environment = MAKE(all, "no_proxy=a.example", "NO_PROXY=b.example", );
    assert_string_equal(find(environment, "NO_PROXY"), "b.example,127.0.0.1,localhost,::1");
    assert_string_equal(find(environment, "no_proxy"), "a.example,127.0.0.1,localhost,::1");
    run_environment_free(environment);

    environment = MAKE(all, "NO_PROXY=*", "no_proxy=", );
    assert_string_equal(find(environment, "NO_PROXY"), "*");
    assert_string_equal(find(environment, "no_proxy"), "127.0.0.1,localhost,::1");
    run_environment_free(environment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given), cmocka_unit_test(test_absent),  cmocka_unit_test(test_caches),
        cmocka_unit_test(test_taken), cmocka_unit_test(test_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
