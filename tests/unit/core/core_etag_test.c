/* SPDX-License-Identifier: MIT
 *
 * ETags: when a body gets its MD5 and when an opaque one, and what multipart objects get. */
#include "tests/unit/core/core_support.h"

#define HELLO_MD5 "5d41402abc4b2a76b9719d911017c592"

static void expect_opaque(const char *etag)
{
    assert_int_equal(strlen(etag), 34);
    assert_int_equal(strspn(etag, "0123456789abcdef"), 32);
    assert_string_equal(etag + 32, "-1");
}

static void md5_and_opaque(void **state)
{
    char first[META_ETAG_BYTES_MAX + 1], second[META_ETAG_BYTES_MAX + 1];
    struct digest_values values;

    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_MD5), "hello", 5, &values), 0);
    core_etag_make(&values, first);
    assert_string_equal(first, HELLO_MD5);
    values.mask = DIGEST_BIT(DIGEST_CRC32C);
    core_etag_make(&values, first);
    core_etag_make(&values, second);
    expect_opaque(first);
    expect_opaque(second);
    assert_string_not_equal(first, second);
}

static void multipart(void **state)
{
    /* printf '%s%s' MD5_A MD5_B | xxd -r -p | md5sum, with the MD5s of "hello" and of "world" */
    struct meta_complete_part parts[] = {
        {1, HELLO_MD5},
        {2, "7d793037a0760186574b0282f2f435e7"},
    };
    char etag[META_ETAG_BYTES_MAX + 1], again[META_ETAG_BYTES_MAX + 1];

    core_etag_make_multipart(parts, 2, etag);
    assert_string_equal(etag, "065947336a2f2a95ba8899f3675c3be6-2");
    strcpy(parts[1].etag, "00112233445566778899aabbccddeeff-1");
    core_etag_make_multipart(parts, 2, etag);
    core_etag_make_multipart(parts, 2, again);
    assert_string_equal(etag, again); /* repeatable all the same */
    assert_int_equal(strspn(etag, "0123456789abcdef"), 32);
    assert_string_equal(etag + 32, "-2");
}

/* The ETag of a body of `length` bytes; announced: whether its length is told beforehand. */
static void etag_of(struct rig *rig, bool client_compares, uint64_t length, bool announced, char *etag)
{
    struct core_put_options options = {.length = announced ? length : UINT64_MAX, .events = &put_events};
    unsigned char *body = body_make(length, 1);
    struct test_put put = {.rig = rig};

    options.ctx = &put;
    core_etag_choose(rig->core, client_compares, &options);
    assert_int_equal(put_begin_with(rig, &put, &options), 0);
    assert_int_equal(put_fill(&put, body, length), 0);
    assert_int_equal(put_seal(&put), 0);
    core_etag_make(&put.values, etag);
    core_put_end(put.put);
    free(body);
}

static void chosen_by_length(void **state)
{
    char etag[META_ETAG_BYTES_MAX + 1];
    struct rig rig;

    rig_begin(&rig, NULL);
    for (int announced = 0; announced < 2; announced++) {
        etag_of(&rig, false, 0, announced, etag);
        assert_string_equal(etag, "d41d8cd98f00b204e9800998ecf8427e");
        etag_of(&rig, false, CORE_ETAG_MD5_BYTES_MAX, announced, etag);
        assert_int_equal(strlen(etag), 32);
        etag_of(&rig, false, CORE_ETAG_MD5_BYTES_MAX + 1, announced, etag);
        expect_opaque(etag);
        etag_of(&rig, true, CORE_ETAG_MD5_BYTES_MAX + 1, announced, etag);
        assert_int_equal(strlen(etag), 32);
    }
    rig_end(&rig);
}

static void forced(void **state)
{
    const struct core_options options = {.etag_md5 = true, .relaxed = true};
    char etag[META_ETAG_BYTES_MAX + 1];
    struct rig rig;

    rig_begin(&rig, &options);
    etag_of(&rig, false, CORE_ETAG_MD5_BYTES_MAX + 1, false, etag);
    assert_int_equal(strlen(etag), 32);
    rig_end(&rig);
}

static void upload_ids_sort_by_time(void **state)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    unsigned char first[META_UPLOAD_ID_BYTES], second[META_UPLOAD_ID_BYTES];

    core_upload_id_make(first);
    nanosleep(&pause, NULL);
    core_upload_id_make(second);
    assert_true(memcmp(first, second, sizeof(first)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md5_and_opaque),          cmocka_unit_test(multipart),
        cmocka_unit_test(chosen_by_length),        cmocka_unit_test(forced),
        cmocka_unit_test(upload_ids_sort_by_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
