/* SPDX-License-Identifier: MIT
 *
 * Messages of GitHub's service for artifacts, in both forms: what each field becomes, and answers of the largest texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/doors/github/github_artifact.h"
#include "api/doors/github/github_proto.h"

static struct arena arena;

static void test_read(void **state)
{
    struct github_artifact_message message;

    assert_int_equal(
        github_artifact_read_json(
            &arena,
            SLICE("{\"workflow_run_backend_id\":\"r\",\"workflowJobRunBackendId\":\"j\",\"name\":\"n\","
                  "\"size\":\"7\",\"hash\":\"h\",\"mime_type\":null,\"expires_at\":\"1970-01-01T00:00:02."
                  "5Z\"}"),
            &message),
        0);
    assert_true(slice_is(message.run, "r") && slice_is(message.job, "j") && slice_is(message.name, "n"));
    assert_true(slice_is(message.hash, "h") && message.type.base == NULL);
    assert_true(message.has_size && message.size == 7 && !message.has_id);
    assert_int_equal(message.expires_ms, 2500);
    assert_int_equal(
        github_artifact_read_json(&arena, SLICE("{\"name_filter\":\"f\",\"id_filter\":9}"), &message), 0);
    assert_true(slice_is(message.name, "f") && message.has_id && message.id == 9);
    assert_int_equal(message.expires_ms, INT64_MAX);
    assert_int_not_equal(github_artifact_read_json(&arena, SLICE("{\"size\":-1}"), &message), 0);
}

/* Times before 1970 and beyond the year 9999 are no numbers that run over. */
static void test_times(void **state)
{
    static const struct {
        uint64_t seconds;
        int64_t ms;
    } times[] = {
        {5, 5000}, {(uint64_t)-5, 0}, {INT64_MAX, INT64_C(253402300799000)}, {(uint64_t)INT64_MIN, 0}};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct github_artifact_message message;
        char time[16], bytes[32];
        size_t length = (size_t)(github_proto_put_field(time, 1, times[i].seconds) - time);

        length = (size_t)(github_proto_put_text(bytes, 4, slice_of(time, length)) - bytes);
        assert_int_equal(github_artifact_read_wire(GITHUB_ARTIFACT_CREATE, slice_of(bytes, length), &message),
                         0);
        assert_int_equal(message.expires_ms, times[i].ms);
    }
}

static void test_large_list(void **state)
{
    static const char digest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static struct github_artifact_entry list[GITHUB_ARTIFACTS_LISTED_MAX];
    const struct github_artifact_answer answer = {.list = list, .count = GITHUB_ARTIFACTS_LISTED_MAX};
    char text[GITHUB_ARTIFACT_NAME_BYTES_MAX];
    struct github_field field, inner;
    unsigned count = 0;

    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < GITHUB_ARTIFACTS_LISTED_MAX; i++)
        list[i] = (struct github_artifact_entry){slice_of(text, GITHUB_ARTIFACT_ID_BYTES_MAX),
                                                 slice_of(text, GITHUB_ARTIFACT_ID_BYTES_MAX),
                                                 slice_of(text, sizeof(text)),
                                                 slice_text(digest),
                                                 UINT64_MAX,
                                                 UINT64_MAX,
                                                 INT64_C(253402300799999)};
    for (struct slice rest = github_artifact_wire(&arena, GITHUB_ARTIFACT_LIST, &answer); rest.len > 0;
         count++) {
        struct slice entry;

        assert_true(github_proto_take(&rest, &field) && field.number == 1 &&
                    field.wire == GITHUB_WIRE_LENGTH);
        for (entry = field.bytes; entry.len > 0;)
            assert_true(github_proto_take(&entry, &inner));
        assert_int_equal(inner.number, 7);
    }
    assert_int_equal(count, GITHUB_ARTIFACTS_LISTED_MAX);
    assert_non_null(github_artifact_json(&arena, GITHUB_ARTIFACT_LIST, &answer).base);
    assert_int_equal(
        github_artifact_wire(&arena, GITHUB_ARTIFACT_LIST, &(struct github_artifact_answer){0}).len, 0);
    assert_true(
        slice_is(github_artifact_json(&arena, GITHUB_ARTIFACT_LIST, &(struct github_artifact_answer){0}),
                 "{\"artifacts\":[]}"));
}

/* By the time of the upload, so that later ones are more; and never more than doubles hold. */
static void test_numbers(void **state)
{
    unsigned char id[GITHUB_UPLOAD_ID_BYTES] = {0, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff},
                  later[GITHUB_UPLOAD_ID_BYTES];

    memcpy(later, id, sizeof(id));
    later[7] = 1;
    later[8] = later[9] = 0;
    assert_true(github_artifact_id(id) < github_artifact_id(later));
    memset(id, 0xff, sizeof(id));
    assert_true(github_artifact_id(id) == (UINT64_C(1) << 53) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_large_list),
        cmocka_unit_test(test_numbers),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(&arena);
    return failed;
}
