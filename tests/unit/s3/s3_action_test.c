/* SPDX-License-Identifier: MIT
 *
 * The table of operations: its rows say what S3 says. Which of them a request reaches: whatever selects one reaches its rows or
 * none. Actions: every operation that policies can speak of has the one that S3 has for it, and headers add what they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/access/s3_action.h"
#include "api/s3/operations.h"
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

/* As the front does before anybody is asked for leave. */
static void read_effective(struct s3_request *request)
{
    struct slice repeated;

    assert_true(s3_effective_collect(&arena, &http.headers, &request->effective, &repeated));
}

/* The first row of that name. */
static const struct s3_operation *operation_named(const char *name)
{
    for (size_t i = 0; i < S3_OPERATION_ROWS; i++)
        if (strcmp(s3_operations[i].name, name) == 0)
            return &s3_operations[i];
    fail_msg("there is no operation %s", name);
    return NULL;
}

/* Rows that no policy speaks of: refused whatever their rights, or judged elsewhere. */
static bool is_exempt(const struct s3_operation *row)
{
    return row->resource == S3_RESOURCE_SERVICE || row->rights == 0 ||
           /* not S3's, and like nothing of S3's; reading members of an archive is reading the archive */
           (row->parameter != NULL && strncmp(row->parameter, "sluice-", 7) == 0 &&
            row->resource != S3_RESOURCE_OBJECT) ||
           strcmp(row->name, "CreateSession") == 0 || strcmp(row->name, "DeleteObjects") == 0;
}

static void test_every_operation_has_an_action(void **state)
{
    for (size_t i = 0; i < S3_OPERATION_ROWS; i++) {
        const struct s3_operation *row = &s3_operations[i];
        struct s3_request request =
            make_request(row->method, row->resource == S3_RESOURCE_OBJECT ? "key" : "");
        enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
        size_t found = s3_action_of_request(&request, row, actions);

        if (is_exempt(row)) {
            assert_int_equal(found, 0);
            continue;
        }
        if (found == 0)
            print_error("%s, ?%s\n", row->name, row->parameter != NULL ? row->parameter : "");
        assert_int_not_equal(found, 0);
        assert_int_equal(s3_action_is_on_object(actions[0]), row->resource == S3_RESOURCE_OBJECT);
    }
    assert_true(S3_OPERATION_ROWS > 100);
}

/* Where S3's action does not have the operation's name, as S3's list of actions says. */
static const char *const other_actions[][2] = {
    {"HeadBucket", "ListBucket"},
    {"ListObjects", "ListBucket"},
    {"ListObjectsV2", "ListBucket"},
    {"ListObjectVersions", "ListBucketVersions"},
    {"ListMultipartUploads", "ListBucketMultipartUploads"},
    {"GetBucketCors", "GetBucketCORS"},
    {"PutBucketCors", "PutBucketCORS"},
    {"DeleteBucketCors", "PutBucketCORS"},
    {"GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"},
    {"PutBucketLifecycleConfiguration", "PutLifecycleConfiguration"},
    {"DeleteBucketLifecycle", "PutLifecycleConfiguration"},
    {"DeleteBucketTagging", "PutBucketTagging"},
    {"GetBucketEncryption", "GetEncryptionConfiguration"},
    {"PutBucketEncryption", "PutEncryptionConfiguration"},
    {"DeleteBucketEncryption", "PutEncryptionConfiguration"},
    {"GetBucketReplication", "GetReplicationConfiguration"},
    {"PutBucketReplication", "PutReplicationConfiguration"},
    {"DeleteBucketReplication", "PutReplicationConfiguration"},
    {"GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"},
    {"PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"},
    {"GetPublicAccessBlock", "GetBucketPublicAccessBlock"},
    {"PutPublicAccessBlock", "PutBucketPublicAccessBlock"},
    {"DeletePublicAccessBlock", "PutBucketPublicAccessBlock"},
    {"DeleteBucketOwnershipControls", "PutBucketOwnershipControls"},
    {"GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"},
    {"PutBucketAccelerateConfiguration", "PutAccelerateConfiguration"},
    {"GetBucketNotificationConfiguration", "GetBucketNotification"},
    {"PutBucketNotificationConfiguration", "PutBucketNotification"},
    {"GetBucketAnalyticsConfiguration", "GetAnalyticsConfiguration"},
    {"ListBucketAnalyticsConfigurations", "GetAnalyticsConfiguration"},
    {"PutBucketAnalyticsConfiguration", "PutAnalyticsConfiguration"},
    {"DeleteBucketAnalyticsConfiguration", "PutAnalyticsConfiguration"},
    {"GetBucketIntelligentTieringConfiguration", "GetIntelligentTieringConfiguration"},
    {"ListBucketIntelligentTieringConfigurations", "GetIntelligentTieringConfiguration"},
    {"PutBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration"},
    {"DeleteBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration"},
    {"GetBucketInventoryConfiguration", "GetInventoryConfiguration"},
    {"ListBucketInventoryConfigurations", "GetInventoryConfiguration"},
    {"PutBucketInventoryConfiguration", "PutInventoryConfiguration"},
    {"DeleteBucketInventoryConfiguration", "PutInventoryConfiguration"},
    {"GetBucketMetricsConfiguration", "GetMetricsConfiguration"},
    {"ListBucketMetricsConfigurations", "GetMetricsConfiguration"},
    {"PutBucketMetricsConfiguration", "PutMetricsConfiguration"},
    {"DeleteBucketMetricsConfiguration", "PutMetricsConfiguration"},
    {"CreateBucketMetadataConfiguration", "CreateBucketMetadataTableConfiguration"},
    {"GetBucketMetadataConfiguration", "GetBucketMetadataTableConfiguration"},
    {"DeleteBucketMetadataConfiguration", "DeleteBucketMetadataTableConfiguration"},
    {"HeadObject", "GetObject"},
    {"GetArchiveMember", "GetObject"},
    {"HeadArchiveMember", "GetObject"},
    {"ListArchiveMembers", "GetObject"},
    {"CopyObject", "PutObject"},
    {"RenameObject", "PutObject"},
    {"GetObjectAttributes", "GetObject"},
    {"SelectObjectContent", "GetObject"},
    {"CreateMultipartUpload", "PutObject"},
    {"UploadPart", "PutObject"},
    {"UploadPartCopy", "PutObject"},
    {"CompleteMultipartUpload", "PutObject"},
    {"ListParts", "ListMultipartUploadParts"},
};

static const char *action_of_name(const char *operation)
{
    for (size_t i = 0; i < sizeof(other_actions) / sizeof(other_actions[0]); i++)
        if (strcmp(other_actions[i][0], operation) == 0)
            return other_actions[i][1];
    return operation;
}

/* "GetObjectAcl" -> "GetObjectVersionAcl". */
static enum s3_action version_of(enum s3_action action)
{
    const char *name = s3_action_name(action), *object = strstr(name, "Object");
    char text[64];

    if (object == NULL)
        return S3_ACTION_NONE;
    snprintf(text, sizeof(text), "%.*sVersion%s", (int)(object + 6 - name), name, object + 6);
    return s3_action_find(text);
}

static void test_actions_are_those_of_s3(void **state)
{
    for (size_t i = 0; i < S3_OPERATION_ROWS; i++) {
        const struct s3_operation *row = &s3_operations[i];
        bool takes_version = (row->flags & S3_OPERATION_VERSION) != 0;

        if (is_exempt(row))
            continue;
        assert_string_equal(s3_action_name(row->action), action_of_name(row->name));
        if (strcmp(row->name, "SelectObjectContent") == 0) /* whatever version it names */
            assert_int_equal(row->version_action, S3_ACTION_NONE);
        else if (takes_version)
            assert_int_equal(row->version_action, version_of(row->action));
        else if (row->version_action !=
                 S3_ACTION_NONE) /* it is refused, and needs no less than what it is taken for */
            assert_int_equal(row->kind, S3_OPERATION_REFUSED);
        assert_int_equal(row->version_also,
                         row->also != S3_ACTION_NONE ? version_of(row->also) : S3_ACTION_NONE);
        if (strcmp(row->name, "GetObjectAttributes") == 0)
            assert_int_equal(row->also, S3_ACTION_GET_OBJECT_ATTRIBUTES);
        else
            assert_int_equal(row->also, S3_ACTION_NONE);
    }
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* What tables beside this one used to say: the flags, and how rows lie. */
static void test_flags(void **state)
{
    static const char *const documents[] = {"CopyObject",         "DeleteObjects",      "PutObjectTagging",
                                            "PutObjectRetention", "PutObjectLegalHold", "PublishObjects"};
    static const char *const makers[] = {"PutObject", "CopyObject", "RenameObject", "PostObject",
                                         "CompleteMultipartUpload"};
    static const char *const storers[] = {"PutObject", "CopyObject", "PostObject", "CreateMultipartUpload"};
    unsigned found = 0;

    for (size_t i = 0; i < S3_OPERATION_ROWS; i++) {
        const struct s3_operation *row = &s3_operations[i];
        bool is_document = false;

        for (size_t j = 0; j < sizeof(documents) / sizeof(documents[0]); j++)
            is_document |= strcmp(row->name, documents[j]) == 0;
        assert_int_equal((row->flags & S3_OPERATION_DOCUMENT) != 0, is_document);
        found += is_document;
        assert_int_equal((row->flags & S3_OPERATION_MAKES) != 0, is_among(row->name, makers, 5));
        assert_int_equal((row->flags & S3_OPERATION_STORES) != 0, is_among(row->name, storers, 4));
        assert_int_equal((row->flags & S3_OPERATION_CREATES) != 0, strcmp(row->name, "CreateBucket") == 0);
        if (row->resource == S3_RESOURCE_BUCKET && row->method != S3_OPTIONS)
            assert_int_equal(row->flags & S3_OPERATION_VERSION, 0);
        assert_int_equal(row->refusal != S3_ERROR_NONE, row->kind == S3_OPERATION_REFUSED);
        for (size_t j = i + 1; j < S3_OPERATION_ROWS; j++) /* rows of one name stand together */
            if (strcmp(row->name, s3_operations[j].name) == 0)
                assert_string_equal(s3_operations[j - 1].name, row->name);
    }
    assert_int_equal(found, 6);
}

static void test_additions(void **state)
{
    const struct s3_operation *put = operation_named("PutObject"), *get = operation_named("GetObject");
    const struct s3_operation *attributes = operation_named("GetObjectAttributes");
    const struct s3_operation *delete = operation_named("DeleteObject");
    struct s3_request request = make_request(S3_PUT, "key");
    enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
    struct s3_parameter version = {SLICE("versionId"), SLICE("null"), true};

    assert_int_equal(s3_action_of_request(&request, put, actions), 1);
    assert_int_equal(actions[0], S3_ACTION_PUT_OBJECT);
    add_header("x-amz-tagging", "a=b");
    add_header("x-amz-acl", "public-read");
    add_header("x-amz-grant-read", "id=x");
    add_header("x-amz-object-lock-mode", "GOVERNANCE");
    add_header("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z");
    add_header("x-amz-object-lock-legal-hold", "ON");
    read_effective(&request);
    assert_int_equal(s3_action_of_request(&request, put, actions), 5);
    request.method = S3_GET;
    assert_int_equal(s3_action_of_request(&request, attributes, actions), 2);
    assert_int_equal(actions[0], S3_ACTION_GET_OBJECT);
    assert_int_equal(actions[1], S3_ACTION_GET_OBJECT_ATTRIBUTES);
    request.parameters = &version;
    request.parameter_count = 1;
    assert_int_equal(s3_action_of_request(&request, get, actions), 1);
    assert_int_equal(actions[0], S3_ACTION_GET_OBJECT_VERSION);
    assert_int_equal(s3_action_of_request(&request, attributes, actions), 2);
    assert_int_equal(actions[0], S3_ACTION_GET_OBJECT_VERSION);
    assert_int_equal(actions[1], S3_ACTION_GET_OBJECT_VERSION_ATTRIBUTES);
    request.method = S3_DELETE;
    add_header("x-amz-bypass-governance-retention", "true");
    read_effective(&request);
    assert_int_equal(s3_action_of_request(&request, delete, actions), 2);
    assert_int_equal(actions[0], S3_ACTION_DELETE_OBJECT_VERSION);
    assert_int_equal(actions[1], S3_ACTION_BYPASS_GOVERNANCE_RETENTION);
    assert_int_equal(s3_action_of_request(&request, operation_named("ListBuckets"), actions), 0);
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

/* The row that is served or refused; NULL: there is none, or two parameters select. */
static const struct s3_operation *find(struct s3_request request)
{
    s3_selector_apply(&request);
    return request.other_selector == NULL ? request.operation : NULL;
}

static bool reaches(enum s3_method method, enum s3_resource resource, const char *const *names,
                    struct s3_operation *row)
{
    const struct s3_operation *found = find(make_query(method, resource, names));

    *row = found != NULL ? *found : (struct s3_operation){.name = NULL};
    return found != NULL;
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* None stands after another that takes its requests. */
static void test_every_row_can_be_reached(void **state)
{
    for (size_t i = 0; i < S3_OPERATION_ROWS; i++) {
        const struct s3_operation *row = &s3_operations[i];
        const char *const names[] = {row->parameter != NULL ? row->parameter : row->beside,
                                     row->parameter != NULL ? row->beside : NULL, NULL};
        struct s3_request request = make_query(row->method, row->resource, names);

        if (row->header != NULL)
            add_header(row->header, "x");
        assert_ptr_equal(find(request), row);
        if ((row->flags & S3_OPERATION_MAY_MISS) != 0) {
            assert_non_null(row->beside);
            request.parameter_count--;
            assert_ptr_equal(find(request), row);
        }
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

    for (size_t i = 0; (selector = s3_selector_at(i)) != NULL; i++) {
        const char *const names[] = {"x-id", "versionId", selector->name, NULL};

        if (!selector->yields) { /* no exception for what changes something */
            assert_int_equal(selector->writes, 7);
            assert_int_equal(selector->reads & 3, 3);
        }
        for (int method = S3_GET; method <= S3_METHOD_OTHER; method++) {
            for (int resource = S3_RESOURCE_SERVICE; resource <= S3_RESOURCE_OBJECT; resource++) {
                struct s3_operation row;

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

/* The rule of s3_selector.h has every kind of parameter: what the rows say of these has been so since there are rows. */
static void test_what_selects_where(void **state)
{
    static const struct {
        const char *name;
        unsigned char reads, writes;
        bool yields;
    } expected[] = {
        {"location", 3, 7, false}, {"delete", 3, 7, false},        {"acl", 7, 7, false},
        {"logging", 7, 7, false},  {"renameObject", 7, 7, false},  {"uploadId", 7, 7, false},
        {"id", 0, 3, true},        {"annotationName", 7, 7, true}, {"partNumber", 0, 7, true},
        {"list-type", 3, 7, true}, {"select-type", 0, 7, true},    {"session", 3, 7, true},
    };
    const struct s3_selector *selector;
    size_t found = 0, halves = 0, own = 0, i;

    for (i = 0; (selector = s3_selector_at(i)) != NULL; i++) {
        halves += selector->yields;
        own += strncmp(selector->name, "sluice-", 7) == 0;
        for (size_t j = 0; j < sizeof(expected) / sizeof(expected[0]); j++) {
            if (strcmp(expected[j].name, selector->name) != 0)
                continue;
            found++;
            assert_int_equal(selector->reads, expected[j].reads);
            assert_int_equal(selector->writes, expected[j].writes);
            assert_int_equal(selector->yields, expected[j].yields);
        }
    }
    assert_int_equal(found, sizeof(expected) / sizeof(expected[0]));
    assert_int_equal(halves, 6);
    assert_int_equal(i - own, 47); /* one of them MinIO's: events */
}

static void test_reading_objects(void **state)
{
    static const char *const ignored[] = {"location", "policy", "list-type", "delete",
                                          "website",  "id",     "ACL"};
    static const char *const refused[] = {"uploads", "versions", "logging"};
    static const char *const nothing[] = {"restore", "select", "renameObject", "encryption"};
    struct s3_operation row;

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
    struct s3_operation row;

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
    assert_true(same(row.parameter, "annotation"));
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
        cmocka_unit_test_setup_teardown(test_actions_are_those_of_s3, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_additions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_row_can_be_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_selects_reaches_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_selects_where, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reading_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_parameters, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
