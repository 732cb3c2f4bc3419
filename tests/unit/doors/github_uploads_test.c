/* SPDX-License-Identifier: MIT
 *
 * Uploads under way at GitHub's door: one of a key, blocks that keep their numbers, and none while the bytes are compared. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "api/doors/github/github.h"

static const unsigned char one[GITHUB_UPLOAD_ID_BYTES] = {1}, two[GITHUB_UPLOAD_ID_BYTES] = {2};

static void test_blocks(void **state)
{
    struct github_uploads *uploads = github_uploads_create();
    const struct slice list[] = {SLICE("b"), SLICE("a")}, twice[] = {SLICE("a"), SLICE("a")},
                       none[] = {SLICE("c")};
    struct arena arena = {0};
    unsigned char id[GITHUB_UPLOAD_ID_BYTES];
    uint16_t *numbers;

    assert_int_equal(github_uploads_begin(uploads, one, SLICE("key"), 1000), 0);
    assert_int_equal(github_uploads_begin(uploads, two, SLICE("key"), 1000), -EEXIST);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("a"), 1000), 1);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("b"), 1000), 2);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("a"), 1000), 1);
    assert_int_equal(github_uploads_block(uploads, two, SLICE("a"), 1000), -ENOENT);
    assert_int_equal(github_uploads_listed(uploads, SLICE("key"), &arena, id, &numbers), -ENOENT);
    assert_int_equal(github_uploads_list(uploads, one, twice, 2, 1000), -EINVAL);
    assert_int_equal(github_uploads_list(uploads, one, none, 1, 1000), -EINVAL);
    assert_int_equal(github_uploads_list(uploads, one, list, 2, 1000), 0);
    assert_int_equal(github_uploads_listed(uploads, SLICE("key"), &arena, id, &numbers), 2);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[1], 1);
    assert_memory_equal(id, one, sizeof(id));
    github_uploads_destroy(uploads);
    arena_free(&arena);
}

/* Whoever ends an upload again and again has its bytes read once at a time. */
static void test_verifying(void **state)
{
    struct github_uploads *uploads = github_uploads_create();

    assert_int_equal(github_uploads_verify(uploads, one), -ENOENT);
    assert_int_equal(github_uploads_begin(uploads, one, SLICE("key"), 1000), 0);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("a"), 1000), 1);
    assert_int_equal(github_uploads_verify(uploads, one), 0);
    assert_int_equal(github_uploads_verify(uploads, one), -EBUSY);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("a"), 1000), -EBUSY);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("b"), 1000), -EBUSY);
    github_uploads_verified(uploads, one);
    assert_int_equal(github_uploads_block(uploads, one, SLICE("b"), 1000), 2);
    assert_int_equal(github_uploads_verify(uploads, one), 0);
    github_uploads_end(uploads, one);
    github_uploads_verified(uploads, one);
    assert_int_equal(github_uploads_verify(uploads, one), -ENOENT);
    github_uploads_destroy(uploads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_verifying),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
