/* SPDX-License-Identifier: MIT
 *
 * Actions: every operation that policies can speak of has one, and headers add what they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/s3_action.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/s3_request.h"

static h2o_mem_pool_t pool;
static h2o_req_t http;

static struct s3_request make_request(enum s3_method method, const char *key)
{
    memset(&http, 0, sizeof(http));
    return (struct s3_request){
        .http = &http,
        .method = method,
        .bucket_name = h2o_iovec_init(H2O_STRLIT("bucket")),
        .key = h2o_iovec_init(key, strlen(key)),
    };
}

static void add_header(const char *name, const char *value)
{
    h2o_add_header_by_str(&pool, &http.headers, name, strlen(name), 1, NULL, value, strlen(value));
}

/* Rows that no policy speaks of: refused whatever their rights, or judged elsewhere. */
static bool is_exempt(const struct s3_dispatch_row *row)
{
    static const char *const parameters[] = {"id", "session", "annotation", "delete"};

    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if (row->parameter != NULL && strcmp(row->parameter, parameters[i]) == 0)
            return true;
    return row->is_service || row->rights == 0;
}

static void test_every_operation_has_an_action(void **state)
{
    struct s3_dispatch_row row;
    size_t count = 0;

    for (; s3_dispatch_row(count, &row); count++) {
        struct s3_request request = make_request(row.method, row.is_object ? "key" : "");
        enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
        size_t found = s3_action_of_request(&request, row.parameter, actions);

        if (is_exempt(&row))
            continue;
        if (found == 0)
            print_error("method %d, %s, ?%s\n", row.method, row.is_object ? "object" : "bucket",
                        row.parameter != NULL ? row.parameter : "");
        assert_int_not_equal(found, 0);
        assert_int_equal(s3_action_is_on_object(actions[0]), row.is_object);
    }
    assert_true(count > 100);
}

static void test_additions(void **state)
{
    struct s3_request request = make_request(S3_PUT, "key");
    enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
    struct s3_parameter version = {h2o_iovec_init(H2O_STRLIT("versionId")),
                                   h2o_iovec_init(H2O_STRLIT("null")), true};

    assert_int_equal(s3_action_of_request(&request, NULL, actions), 1);
    assert_int_equal(actions[0], S3_ACTION_PUT_OBJECT);
    add_header("x-amz-tagging", "a=b");
    add_header("x-amz-acl", "public-read");
    add_header("x-amz-grant-read", "id=x");
    add_header("x-amz-object-lock-mode", "GOVERNANCE");
    add_header("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z");
    add_header("x-amz-object-lock-legal-hold", "ON");
    assert_int_equal(s3_action_of_request(&request, NULL, actions), 5);
    request.parameters = &version;
    request.parameter_count = 1;
    request.method = S3_GET;
    assert_int_equal(s3_action_of_request(&request, NULL, actions), 1);
    assert_int_equal(actions[0], S3_ACTION_GET_OBJECT_VERSION);
    assert_int_equal(s3_action_of_request(&request, "attributes", actions), 2);
    assert_int_equal(actions[1], S3_ACTION_GET_OBJECT_VERSION_ATTRIBUTES);
    request.method = S3_DELETE;
    add_header("x-amz-bypass-governance-retention", "true");
    assert_int_equal(s3_action_of_request(&request, NULL, actions), 2);
    assert_int_equal(actions[0], S3_ACTION_DELETE_OBJECT_VERSION);
    assert_int_equal(actions[1], S3_ACTION_BYPASS_GOVERNANCE_RETENTION);
    assert_int_equal(s3_action_of_request(&request, "nothing-known", actions), 0);
}

static int setup(void **state)
{
    h2o_mem_init_pool(&pool);
    return 0;
}

static int teardown(void **state)
{
    h2o_mem_clear_pool(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_operation_has_an_action, setup, teardown),
        cmocka_unit_test_setup_teardown(test_additions, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
