/* SPDX-License-Identifier: MIT
 *
 * Which hosts are for websites, and of which buckets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/website/s3_websites.h"

static struct s3_websites *websites;
static const void *by_name, *fixed;

static int set_up(void **state)
{
    static const char *const domains[] = {"web.example", "deep.s3.example", NULL};
    static const char *const bucket_domains[] = {"s3.example", "api.web.example", NULL};

    (void)state;
    assert_int_equal(s3_websites_create(&websites, domains, bucket_domains), 0);
    assert_int_equal(s3_websites_add_place(websites, "", &by_name), 0);
    assert_int_equal(s3_websites_add_place(websites, "site", &fixed), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    s3_websites_destroy(websites);
    return 0;
}

/* NULL: it is none. */
static const char *bucket_of(const void *mark, const char *host)
{
    static char text[64];
    struct slice bucket;
    bool is_fixed;

    if (!s3_websites_find(websites, mark, slice_text(host), &bucket, &is_fixed))
        return NULL;
    assert_int_equal(is_fixed, mark == fixed);
    memcpy(text, bucket.base, bucket.len);
    text[bucket.len] = '\0';
    return text;
}

static void finds_names(void **state)
{
    static const struct {
        const char *host, *elsewhere, *by_name;
    } cases[] = {
        {"a.web.example", "a", "a"},
        {"A.WEB.example", "A", "A"},
        {"a.web.example.", "a", "a"},
        {"a.b.web.example", "a.b", "a.b"},
        {"web.example", "web.example", "web.example"},
        {"a.deep.s3.example", "a", "a"},
        {"a.s3.example", NULL, "a.s3.example"},
        {"s3.example", NULL, "s3.example"},
        {"api.web.example", NULL, "api"},
        {"a.api.web.example", NULL, "a.api"},
        {"aweb.example", NULL, "aweb.example"},
        {".web.example", NULL, ".web.example"},
        {"www.example.com", NULL, "www.example.com"},
        {"", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *bucket = bucket_of(NULL, cases[i].host);

        if (cases[i].elsewhere == NULL)
            assert_null(bucket);
        else
            assert_string_equal(bucket, cases[i].elsewhere);
        assert_string_equal(bucket_of(by_name, cases[i].host), cases[i].by_name);
        assert_string_equal(bucket_of(fixed, cases[i].host), "site");
    }
}

static void refuses_what_is_ambiguous(void **state)
{
    static const char *const one[] = {"a.example", "s3.Example", NULL}, *const other[] = {"S3.example", NULL};
    struct s3_websites *none = NULL;
    const void *mark;

    (void)state;
    assert_int_equal(s3_websites_create(&none, one, other), -EINVAL);
    assert_null(none);
    assert_int_equal(s3_websites_add_place(websites, "NO", &mark), -EINVAL);
    assert_int_equal(s3_websites_create(&none, NULL, NULL), 0);
    s3_websites_destroy(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_ambiguous, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
