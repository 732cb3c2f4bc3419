/* SPDX-License-Identifier: MIT
 *
 * Puts whose object is another by now than the one that they were judged on: the bytes are kept until they are committed after all, or given
 * up. Small bodies, which lie in segments, and large ones, which are files. */
#include "tests/unit/core/core_support.h"

static const size_t sizes[] = {0, 1, 4096, 64u << 10, (64u << 10) + 1, (1u << 20) + 5};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static const struct meta_judged absent = {.absent = true}, there = {.absent = false};

static void seal(struct rig *rig, struct test_put *put, const unsigned char *body, size_t length)
{
    assert_int_equal(put_begin(rig, put, length), 0);
    assert_int_equal(put_fill(put, body, length), 0);
    assert_int_equal(put_seal(put), 0);
}

static int commit(struct test_put *put, const struct meta_judged *judged)
{
    put->committed = false;
    return put_commit(put, "key", (struct meta_condition){.judged = judged});
}

static void again(struct test_put *put, const struct meta_judged *judged, int expected)
{
    assert_int_equal(core_put_retry(put->put), 0);
    assert_int_equal(commit(put, judged), expected);
}

static void expect_only(struct rig *rig, const unsigned char *body, size_t length)
{
    await_blob_files(rig, length > 64u << 10 ? 1 : 0);
    rig_expect(rig, "key", body, length);
    rig_close(rig);
    expect_clean(rig->dir, 1);
    assert_int_equal(rig_open_again(rig), 0);
    rig_expect(rig, "key", body, length);
}

static void committed_after_all(void **state)
{
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *body = body_make(sizes[i], i);
        struct test_put put;
        struct rig rig;

        rig_begin(&rig, NULL);
        seal(&rig, &put, body, sizes[i]);
        assert_int_equal(commit(&put, &there), META_E_JUDGED);
        for (int attempt = 0; attempt < 5; attempt++)
            again(&put, &there, META_E_JUDGED);
        again(&put, &absent, 0);
        core_put_end(put.put);
        expect_only(&rig, body, sizes[i]);
        rig_end(&rig);
        free(body);
    }
}

/* Also when the last attempt fails for another reason. */
static void given_up(void **state)
{
    for (size_t i = 0; i < SIZES; i++) {
        for (int end = 0; end < 3; end++) {
            unsigned char *body = body_make(sizes[i], i);
            struct test_put put;
            struct rig rig;

            rig_begin(&rig, NULL);
            assert_int_equal(rig_put(&rig, "key", (const unsigned char *)"old", 3, NO_CONDITION), 0);
            seal(&rig, &put, body, sizes[i]);
            assert_int_equal(commit(&put, &absent), META_E_JUDGED);
            if (end > 0)
                again(&put, &absent, META_E_JUDGED);
            if (end > 1) {
                put.committed = false;
                assert_int_equal(core_put_retry(put.put), 0);
                assert_int_equal(put_commit(&put, "key", (struct meta_condition){.if_none_match_any = true}),
                                 META_E_PRECONDITION);
            }
            core_put_end(put.put);
            expect_only(&rig, (const unsigned char *)"old", 3);
            rig_end(&rig);
            free(body);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_after_all),
        cmocka_unit_test(given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
