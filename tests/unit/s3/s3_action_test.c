/* SPDX-License-Identifier: MIT
 *
 * Which operation a request reaches: whatever selects one reaches its rows or none. Actions: every operation
 * that policies can speak of has one, and headers add what they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/access/s3_action.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/s3_request.h"
#include "api/s3/s3_selector.h"

static struct arena arena;
static struct http_request http;

static struct s3_request make_request(enum s3_method method, const char *key)
{
    memset(&http, 0, sizeof(http));
    return (struct s3_request){
        .http = &http,
        .method = method,
        .bucket_name = SLICE("bucket"),
        .key = slice_text(key),
    };
}

static void add_header(const char *name, const char *value)
{
    http_headers_add(&arena, &http.headers, slice_text(name), slice_text(value));
}

/* Rows that no policy speaks of: refused whatever their rights, or judged elsewhere. */
static bool is_exempt(const struct s3_dispatch_row *row)
{
    static const char *const parameters[] = {"session", "delete"};

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
    struct s3_parameter version = {SLICE("versionId"), SLICE("null"), true};

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

/* ---- Routing ---- */

static struct s3_parameter parameters[4];

/* names: up to four, the list ends with NULL. Each has the value "x". */
static struct s3_request make_query(enum s3_method method, enum s3_resource resource,
                                    const char *const *names)
{
    struct s3_request request = make_request(method, resource == S3_RESOURCE_OBJECT ? "key" : "");

    if (resource == S3_RESOURCE_SERVICE)
        request.bucket_name = slice_of(NULL, 0);
    request.parameters = parameters;
    for (; names[request.parameter_count] != NULL; request.parameter_count++) {
        const char *name = names[request.parameter_count];

        assert_true(request.parameter_count < sizeof(parameters) / sizeof(parameters[0]));
        parameters[request.parameter_count] = (struct s3_parameter){slice_text(name), SLICE("x"), true};
    }
    return request;
}

static bool reaches(enum s3_method method, enum s3_resource resource, const char *const *names,
                    struct s3_dispatch_row *row)
{
    struct s3_request request = make_query(method, resource, names);

    return s3_dispatch_find(&request, row);
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A row whose parameter s3_selector.c did not know could not be reached; nor one after another that takes its requests. */
static void test_every_row_can_be_reached(void **state)
{
    struct s3_dispatch_row row, found;

    for (size_t i = 0; s3_dispatch_row(i, &row); i++) {
        const char *const names[] = {row.parameter != NULL ? row.parameter : row.beside,
                                     row.parameter != NULL ? row.beside : NULL, NULL};
        enum s3_resource resource = row.is_service  ? S3_RESOURCE_SERVICE
                                    : row.is_object ? S3_RESOURCE_OBJECT
                                                    : S3_RESOURCE_BUCKET;
        struct s3_request request = make_query(row.method, resource, names);

        if (row.header != NULL)
            add_header(row.header, "x");
        assert_true(s3_dispatch_find(&request, &found));
        assert_int_equal(found.method, row.method);
        assert_int_equal(found.is_object, row.is_object);
        assert_int_equal(found.is_service, row.is_service);
        assert_true(same(found.parameter, row.parameter));
        assert_true(same(found.beside, row.beside));
        assert_true(same(found.header, row.header));
    }
}

/* Where S3 ignores the parameter: reading an object, and only with what is for buckets, or for a GET of its own. */
static bool is_ignored(const struct s3_selector *selector, enum s3_method method, enum s3_resource resource)
{
    bool is_read = method == S3_GET || method == S3_HEAD;

    if (method == S3_OPTIONS)
        return true;
    if (strcmp(selector->name, "id") == 0)
        return is_read || resource == S3_RESOURCE_OBJECT;
    return ((is_read ? selector->reads : selector->writes) >> resource & 1) == 0;
}

static void test_what_selects_reaches_nothing_else(void **state)
{
    const struct s3_selector *selector;
    size_t refused = 0;

    for (size_t i = 0; (selector = s3_selector_row(i)) != NULL; i++) {
        const char *const names[] = {"x-id", "versionId", selector->name, NULL};

        if (!selector->yields) { /* no exception for what changes something */
            assert_int_equal(selector->writes, 7);
            assert_int_equal(selector->reads & 3, 3);
        }
        for (int method = S3_GET; method <= S3_METHOD_OTHER; method++) {
            for (int resource = S3_RESOURCE_SERVICE; resource <= S3_RESOURCE_OBJECT; resource++) {
                struct s3_dispatch_row row;

                if (!reaches((enum s3_method)method, (enum s3_resource)resource, names, &row))
                    refused++;
                else if (is_ignored(selector, (enum s3_method)method, (enum s3_resource)resource))
                    assert_null(row.parameter);
                else
                    assert_true(same(row.parameter, selector->name));
            }
        }
    }
    assert_true(refused > 500);
}

static void test_reading_objects(void **state)
{
    static const char *const ignored[] = {"location", "policy", "list-type", "delete",
                                          "website",  "id",     "ACL"};
    static const char *const refused[] = {"uploads", "versions", "logging"};
    static const char *const nothing[] = {"restore", "select", "renameObject", "encryption"};
    struct s3_dispatch_row row;

    for (enum s3_method method = S3_GET; method <= S3_HEAD; method++) {
        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
            assert_true(reaches(method, S3_RESOURCE_OBJECT, (const char *[]){ignored[i], NULL}, &row));
            assert_null(row.parameter);
        }
        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
            assert_true(reaches(method, S3_RESOURCE_OBJECT, (const char *[]){refused[i], NULL}, &row));
            assert_int_equal(s3_error_status(row.refusal), 400);
        }
        for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
            assert_false(reaches(method, S3_RESOURCE_OBJECT, (const char *[]){nothing[i], NULL}, &row));
    }
    assert_false(reaches(S3_HEAD, S3_RESOURCE_OBJECT, (const char *[]){"acl", NULL}, &row));
}

static void test_two_parameters(void **state)
{
    struct s3_dispatch_row row;

    assert_false(reaches(S3_PUT, S3_RESOURCE_OBJECT, (const char *[]){"acl", "tagging", NULL}, &row));
    assert_false(reaches(S3_PUT, S3_RESOURCE_OBJECT, (const char *[]){"acl", "location", NULL}, &row));
    assert_false(
        reaches(S3_DELETE, S3_RESOURCE_OBJECT, (const char *[]){"annotation", "uploadId", NULL}, &row));
    assert_true(reaches(S3_GET, S3_RESOURCE_OBJECT, (const char *[]){"acl", "location", NULL}, &row));
    assert_true(same(row.parameter, "acl"));
    assert_true(reaches(S3_PUT, S3_RESOURCE_OBJECT, (const char *[]){"acl", "acl", "x-id", NULL}, &row));
    assert_true(same(row.parameter, "acl"));
    /* The halves. */
    assert_true(reaches(S3_PUT, S3_RESOURCE_OBJECT, (const char *[]){"partNumber", "uploadId", NULL}, &row));
    assert_true(same(row.parameter, "uploadId"));
    assert_true(reaches(S3_PUT, S3_RESOURCE_OBJECT, (const char *[]){"partNumber", NULL}, &row));
    assert_int_equal(row.refusal, S3_ERROR_INVALID_ARGUMENT);
    assert_false(reaches(S3_DELETE, S3_RESOURCE_OBJECT, (const char *[]){"partNumber", NULL}, &row));
    assert_false(reaches(S3_DELETE, S3_RESOURCE_OBJECT, (const char *[]){"annotationName", NULL}, &row));
    assert_true(
        reaches(S3_DELETE, S3_RESOURCE_OBJECT, (const char *[]){"annotationName", "annotation", NULL}, &row));
    assert_int_equal(row.refusal, S3_ERROR_NOT_IMPLEMENTED);
    assert_false(reaches(S3_DELETE, S3_RESOURCE_BUCKET, (const char *[]){"id", NULL}, &row));
    assert_true(reaches(S3_DELETE, S3_RESOURCE_BUCKET, (const char *[]){"id", "metrics", NULL}, &row));
    assert_int_equal(row.refusal, S3_ERROR_NO_SUCH_CONFIGURATION);
    assert_true(reaches(S3_GET, S3_RESOURCE_BUCKET, (const char *[]){"list-type", "versions", NULL}, &row));
    assert_true(same(row.parameter, "versions"));
    assert_true(reaches(S3_GET, S3_RESOURCE_OBJECT, (const char *[]){"partNumber", NULL}, &row));
    assert_null(row.parameter);
}

static int setup(void **state)
{
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_operation_has_an_action, setup, teardown),
        cmocka_unit_test_setup_teardown(test_additions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_row_can_be_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_selects_reaches_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reading_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_parameters, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
