/* SPDX-License-Identifier: MIT
 *
 * The files in ~/.aws, and who one is by them and by the environment. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/client/access/aws_files.h"
#include "api/client/access/identity.h"

static const char config[] = "# a comment\n"
                             "[default]\n"
                             "region = eu-west-1\n"
                             "\n"
                             "[profile  ci ]\r\n"
                             "region=eu-central-1\r\n"
                             "services = local\n"
                             "s3 =\n"
                             "  max_concurrent_requests = 20\n"
                             "  region = wrong\n"
                             "; another\n"
                             "[services local]\n"
                             "dynamodb =\n"
                             "  endpoint_url = http://127.0.0.1:8000\n"
                             "s3 =\n"
                             "  endpoint_url = http://127.0.0.1:9000\n"
                             "[profile maker]\n"
                             "credential_process = /bin/true\n"
                             "[profile half]\n"
                             "aws_access_key_id = A\n";
static const char credentials[] = "[default]\n"
                                  "aws_access_key_id = AKIADEFAULT\n"
                                  "aws_secret_access_key = se/cr+et=\n"
                                  "[ci]\n"
                                  "aws_access_key_id=AKIACI\n"
                                  "aws_secret_access_key=other\n"
                                  "aws_session_token=token==\n"
                                  "[ci2]\n";

static void expect(const char *text, const char *section, const char *parent, const char *name,
                   const char *value)
{
    struct slice found = client_aws_find(slice_text(text), slice_text(section), parent, name);

    if (value == NULL)
        assert_null(found.base);
    else
        assert_true(slice_is(found, value));
}

static void test_find(void **state)
{
    expect(config, "default", NULL, "region", "eu-west-1");
    expect(config, "profile ci", NULL, "region", "eu-central-1"); /* and not the one that is indented */
    expect(config, "profile ci", "s3", "region", "wrong");
    expect(config, "services local", "s3", "endpoint_url", "http://127.0.0.1:9000");
    expect(config, "services local", NULL, "endpoint_url", NULL);
    expect(config, "ci", NULL, "region", NULL);
    expect(config, "profile c", NULL, "region", NULL);
    expect(credentials, "default", NULL, "aws_secret_access_key", "se/cr+et=");
    expect(credentials, "ci", NULL, "aws_session_token", "token==");
    expect(credentials, "ci2", NULL, "aws_session_token", NULL);
    expect("[a]\nx = 1\n[b]\n[a]\nx = 2", "a", NULL, "x", "2");
    expect("x = 1\n[a]\nno equals sign\n= 3\n[a", "a", NULL, "x", NULL);
    expect("", "a", NULL, "x", NULL);
    assert_true(client_aws_has_section(slice_text(credentials), SLICE("ci2")));
    assert_false(client_aws_has_section(slice_text(credentials), SLICE("ci3")));
    assert_false(client_aws_has_section(slice_of(NULL, 0), SLICE("ci3")));
}

static void write_file(const char *variable, char *path, const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    assert_int_equal(setenv(variable, path, 1), 0);
}

static void clear_environment(void)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",  "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",        "AWS_DEFAULT_PROFILE",   "AWS_REGION",
                                        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",      "AWS_ENDPOINT_URL_S3",
                                        "AWS_CA_BUNDLE",      "CURL_CA_BUNDLE",        "SSL_CERT_FILE"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]);
}

/* want: key, region, endpoint, token; NULL: none. */
static void expect_identity(const char *profile, const char *key, const char *region, const char *endpoint,
                            const char *token)
{
    struct client_identity identity;
    char why[256];

    assert_int_equal(client_identity_load(&identity, profile, NULL, why, sizeof(why)), 0);
    assert_string_equal(identity.access_key, key);
    assert_string_equal(identity.region, region);
    if (endpoint != NULL)
        assert_string_equal(identity.endpoint_url, endpoint);
    else
        assert_null(identity.endpoint_url);
    if (token != NULL)
        assert_string_equal(identity.session_token, token);
    else
        assert_null(identity.session_token);
    client_identity_free(&identity);
}

static void refuse_identity(const char *profile, const char *contains)
{
    struct client_identity identity;
    char why[256];

    assert_int_equal(client_identity_load(&identity, profile, NULL, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, contains));
    client_identity_free(&identity);
}

static void test_identity(void **state)
{
    char config_path[] = "/tmp/client_aws_files_test.XXXXXX",
         credentials_path[] = "/tmp/client_aws_files_test.XXXXXX";
    struct client_identity identity;
    char why[256];

    clear_environment();
    write_file("AWS_CONFIG_FILE", config_path, config);
    write_file("AWS_SHARED_CREDENTIALS_FILE", credentials_path, credentials);
    expect_identity(NULL, "AKIADEFAULT", "eu-west-1", NULL, NULL);
    expect_identity("ci", "AKIACI", "eu-central-1", "http://127.0.0.1:9000", "token==");
    refuse_identity("nobody", "no profile");
    refuse_identity("maker", "credential_process");
    refuse_identity("half", "half of a key");

    (void)setenv("AWS_PROFILE", "ci", 1);
    expect_identity(NULL, "AKIACI", "eu-central-1", "http://127.0.0.1:9000", "token==");
    (void)setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    (void)setenv("AWS_REGION", "us-west-2", 1);
    (void)setenv("AWS_ENDPOINT_URL", "http://env", 1);
    expect_identity(NULL, "AKIAENV", "us-west-2", "http://env",
                    NULL); /* keys of the environment, and not half of them */
    expect_identity("ci", "AKIACI", "us-west-2", "http://env", "token=="); /* a profile asked for by name */
    (void)setenv("AWS_ENDPOINT_URL_S3", "http://s3", 1);
    expect_identity(NULL, "AKIAENV", "us-west-2", "http://s3", NULL);

    clear_environment();
    (void)unlink(config_path);
    (void)unlink(credentials_path);
    assert_int_equal(client_identity_load(&identity, NULL, "flag-region", why, sizeof(why)), 0);
    assert_null(identity.access_key);
    assert_string_equal(identity.region, "flag-region");
    client_identity_free(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_identity)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
