/* SPDX-License-Identifier: MIT
 *
 * The elements of error documents: the table, and what an answer makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/s3_resource_type.h"
#include "storage/base/slice.h"
#include "tests/unit/s3/s3_fixture.h"

/* ---- The table ---- */

static void table_is_sound(void **state)
{
    unsigned users[S3_ELEMENT_COUNT] = {0};

    for (int error = S3_ERROR_NONE + 1; error < S3_ERROR_COUNT; error++) {
        const struct s3_element_use *row = s3_error_elements((enum s3_error)error);
        bool seen[S3_ELEMENT_COUNT] = {false};
        int length = 0;

        for (; row->element != S3_ELEMENT_NONE; row++, length++) {
            assert_true(row->element < S3_ELEMENT_COUNT);
            assert_false(seen[row->element]);
            seen[row->element] = true;
            users[row->element]++;
        }
        assert_true(length <= S3_ERROR_ELEMENTS_MAX);
    }
    for (int element = S3_ELEMENT_NONE + 1; element < S3_ELEMENT_COUNT; element++) {
        assert_true(users[element] > 0);
        for (int other = S3_ELEMENT_NONE + 1; other < element; other++)
            assert_string_not_equal(s3_element_name((enum s3_element)element),
                                    s3_element_name((enum s3_element)other));
    }
}

/* ---- Answers ---- */

/* Between </Message> and <RequestId>. */
static void check_elements(const char *expected)
{
    const char *begin = strstr(fixture.body, "</Message>"), *end = strstr(fixture.body, "<RequestId>");

    assert_non_null(begin);
    assert_non_null(end);
    begin += strlen("</Message>");
    if ((size_t)(end - begin) != strlen(expected) || strncmp(begin, expected, strlen(expected)) != 0)
        fail_msg("%.*s instead of %s", (int)(end - begin), begin, expected);
}

static struct s3_request *dispatched(const char *method, const char *path)
{
    fixture_request(method, path);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    return fixture.dispatched;
}

static void request_is_known(void **state)
{
    static const struct {
        const char *method, *path;
        enum s3_error error;
        const char *elements;
    } cases[] = {
        {"GET", "/bucket/a%20b", S3_ERROR_NO_SUCH_KEY, "<Key>a b</Key>"},
        {"GET", "/bucket/a?versionId=null", S3_ERROR_NO_SUCH_VERSION,
         "<Key>a</Key><VersionId>null</VersionId>"},
        {"GET", "/bucket?tagging", S3_ERROR_NO_SUCH_TAG_SET, "<BucketName>bucket</BucketName>"},
        {"GET", "/bucket/a?uploadId=%3Cx%3E", S3_ERROR_NO_SUCH_UPLOAD, "<UploadId>&lt;x&gt;</UploadId>"},
        {"PUT", "/bucket/a?acl", S3_ERROR_METHOD_NOT_ALLOWED,
         "<Method>PUT</Method><ResourceType>ACL</ResourceType>"},
        {"GET", "/bucket/a", S3_ERROR_INVALID_REQUEST, ""},
        {"GET", "/bucket/a", S3_ERROR_NOT_IMPLEMENTED, ""},
    };

    fixture_begin(NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s3_answer_error(dispatched(cases[i].method, cases[i].path), cases[i].error);
        check_elements(cases[i].elements);
    }
    assert_string_equal(fixture.log, "");
    fixture_end();
}

static void given_elements_stand_in_order(void **state)
{
    struct s3_request *request;

    fixture_begin(NULL);
    request = dispatched("GET", "/bucket/a");
    s3_request_element(request, S3_ELEMENT_ETAG, SLICE("not this error's"));
    s3_request_element_number(request, S3_ELEMENT_ACTUAL_OBJECT_SIZE, UINT64_MAX);
    s3_request_element(request, S3_ELEMENT_RANGE_REQUESTED, SLICE("bytes=<"));
    s3_answer_error(request, S3_ERROR_INVALID_RANGE);
    check_elements("<RangeRequested>bytes=&lt;</RangeRequested>"
                   "<ActualObjectSize>18446744073709551615</ActualObjectSize>");

    request = dispatched("GET", "/bucket/a");
    s3_answer_error(request, s3_request_argument(request, SLICE("name"), SLICE(""), "a message"));
    check_elements("<ArgumentName>name</ArgumentName><ArgumentValue></ArgumentValue>");
    assert_non_null(strstr(fixture.body, "<Message>a message</Message>"));

    request = dispatched("GET", "/bucket/a");
    s3_answer_error(request, s3_request_argument(request, SLICE("name"), slice_of(NULL, 0), NULL));
    check_elements("<ArgumentName>name</ArgumentName>");
    assert_non_null(strstr(fixture.body, "<Message>Invalid Argument</Message>"));

    request = dispatched("GET", "/bucket/a");
    s3_request_element(request, S3_ELEMENT_STRING_TO_SIGN, SLICE("A\n"));
    s3_request_element(request, S3_ELEMENT_ACCESS_KEY, SLICE("key"));
    s3_request_element(request, S3_ELEMENT_SIGNATURE_PROVIDED, SLICE("00"));
    s3_answer_error(request, S3_ERROR_SIGNATURE_DOES_NOT_MATCH);
    check_elements("<AWSAccessKeyId>key</AWSAccessKeyId><StringToSign>A\n</StringToSign>"
                   "<SignatureProvided>00</SignatureProvided><StringToSignBytes>41 0a</StringToSignBytes>");
    assert_string_equal(fixture.log, "");
    fixture_end();
}

static void what_readers_refuse(void **state)
{
    const struct s3_refusal refusal = {"why", SLICE("k"), SLICE("v")};
    struct s3_request *request;

    fixture_begin(NULL);
    request = dispatched("GET", "/bucket/a");
    assert_int_equal(s3_request_refused(request, S3_ERROR_NONE, &refusal), S3_ERROR_NONE);
    s3_answer_error(request, s3_request_refused(request, S3_ERROR_INVALID_TAG, &refusal));
    check_elements("<TagKey>k</TagKey><TagValue>v</TagValue>");
    request = dispatched("GET", "/bucket/a");
    s3_answer_error(request, s3_request_refused(request, S3_ERROR_INVALID_ARGUMENT, &refusal));
    check_elements("<ArgumentName>k</ArgumentName><ArgumentValue>v</ArgumentValue>");
    assert_non_null(strstr(fixture.body, "<Message>why</Message>"));
    fixture_end();
}

static void missing_elements_are_reported(void **state)
{
    fixture_begin(NULL);
    s3_answer_error(dispatched("GET", "/bucket/a"), S3_ERROR_INVALID_ARGUMENT);
    check_elements("");
    assert_non_null(strstr(fixture.log, "an answer of InvalidArgument lacks its ArgumentName"));
    fixture_end();
}

/* ---- Resources ---- */

static void resources_have_their_names(void **state)
{
    static const struct {
        const char *path, *type;
    } cases[] = {
        {"/", "SERVICE"},
        {"/bucket", "BUCKET"},
        {"/bucket/a", "OBJECT"},
        {"/bucket?policy", "BUCKETPOLICY"},
        {"/bucket?x-id=1&tagging", "TAGGING"},
        {"/bucket/a?tagging", "OBJECT_TAGGING"},
        {"/bucket/a?uploadId=1", "UPLOAD"},
        {"/bucket/a?partNumber=1&uploadId=1", "PART"},
        {"/bucket/a?partNumber=1", "OBJECT"},
        {"/bucket/a?location", "LOCATION"},
        {"/bucket?Policy", "BUCKET"},
    };

    fixture_begin(NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct s3_request *request;

        fixture_request("GET", cases[i].path);
        request = fixture_bare();
        assert_int_equal(s3_request_parse(request), S3_ERROR_NONE);
        assert_string_equal(s3_resource_type(request), cases[i].type);
    }
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(request_is_known),
        cmocka_unit_test(given_elements_stand_in_order),
        cmocka_unit_test(what_readers_refuse),
        cmocka_unit_test(missing_elements_are_reported),
        cmocka_unit_test(resources_have_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
