/* SPDX-License-Identifier: MIT
 *
 * Archives whose fields are wrong, one at a time: what is refused, and that the rest is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/archive/zip_writer.h"

static void test_no_archive(void **state)
{
    struct bytes bytes = {.length = 0};
    struct member_index *index;

    assert_int_equal(read_directory(&bytes, &index), -ENOENT);
    put_text(&bytes, SLICE("PK\5\6"));
    assert_int_equal(read_directory(&bytes, &index), -ENOENT);
    bytes.length = 100;
    assert_int_equal(read_directory(&bytes, &index), -ENOENT);
}

static void test_end_that_lies(void **state)
{
    static const struct {
        uint64_t offset, length;
        unsigned count;
        int result;
    } lies[] = {{0, 1, 0, -EBADMSG},
                {1, 0, 0, -EBADMSG},
                {0, UINT32_MAX, 0, -EBADMSG},
                {UINT32_MAX, 0, 0, -EBADMSG},
                {UINT32_MAX - 1, 2, 0, -EBADMSG},
                {0, 0, 1, -EBADMSG},
                {0, 0, UINT16_MAX, -EBADMSG}};

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct bytes bytes = {.length = 0};
        struct member_index *index;

        put_end(&bytes, lies[i].offset, lies[i].length, lies[i].count, SLICE(""));
        assert_int_equal(read_directory(&bytes, &index), lies[i].result);
        drop(index);
    }
}

static void test_disks(void **state)
{
    struct bytes bytes = {.length = 0};
    struct entry entry = {.name = SLICE("a"), .disk = 1};
    struct member_index *index;

    put_archive(&bytes, &entry, 1, 0);
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
    bytes.length = 0;
    put_end(&bytes, 0, 0, 0, SLICE(""));
    bytes.at[4] = 1;
    assert_int_equal(read_directory(&bytes, &index), -ENOTSUP);
}

static void test_directories_that_lie(void **state)
{
    struct entry entries[] = {{.name = SLICE("a"), .data = SLICE("hello")},
                              {.name = SLICE("b"), .data = SLICE("hello")}};
    struct bytes good = {.length = 0}, bytes;
    struct member_index *index;
    size_t directory;

    put_archive(&good, entries, 2, 0);
    directory = entries[1].begin + 5;
    bytes = good;
    bytes.at[directory + 1] ^= 1; /* no entry */
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
    bytes = good;
    bytes.at[directory + 28] = 200; /* a name that is longer than the directory */
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
    bytes = good;
    bytes.at[directory + 44] = 1; /* an offset beyond the archive */
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
    bytes = good;
    bytes.at[bytes.length - 12] = bytes.at[bytes.length - 14] = 1; /* fewer entries than there are */
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
    bytes = good;
    bytes.at[bytes.length - 12] = bytes.at[bytes.length - 14] = 3;
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
}

static void test_members_that_are_refused(void **state)
{
    struct bytes bytes = {.length = 0};
    struct entry entries[] = {
        {.name = SLICE("encrypted"), .data = SLICE("x"), .flags = 1},
        {.name = SLICE("strongly"), .data = SLICE("x"), .flags = 0x41},
        {.name = SLICE("masked"), .data = SLICE("x"), .flags = 0x2000},
        {.name = SLICE("lzma"), .data = SLICE("x"), .method = 14},
        {.name = SLICE("patched"), .data = SLICE("x"), .flags = 0x20},
        {.name = SLICE("stored, but smaller"), .data = SLICE("xy"), .size = 1},
        {.name = SLICE("bomb"), .data = SLICE("x"), .size = 3000, .method = MEMBER_DEFLATED},
        {.name = SLICE("too long"), .data = SLICE("x"), .stored = 100000, .size = 100000},
        {.name = SLICE("twin"), .is_elsewhere = true, .data = SLICE("x")},
        {.name = SLICE("fine"), .data = SLICE("x")},
    };
    struct member_index *index;

    put_archive(&bytes, entries, 10, 0);
    assert_int_equal(read_directory(&bytes, &index), 0);
    assert_int_equal(refusal(index, "encrypted"), MEMBER_ENCRYPTED);
    assert_int_equal(refusal(index, "strongly"), MEMBER_ENCRYPTED);
    assert_int_equal(refusal(index, "masked"), MEMBER_ENCRYPTED);
    assert_int_equal(refusal(index, "lzma"), MEMBER_METHOD);
    assert_int_equal(refusal(index, "patched"), MEMBER_METHOD);
    assert_int_equal(refusal(index, "stored, but smaller"), MEMBER_DAMAGED);
    assert_int_equal(refusal(index, "bomb"), MEMBER_DAMAGED);
    assert_int_equal(refusal(index, "too long"), MEMBER_DAMAGED);
    assert_int_equal(refusal(index, "twin"), MEMBER_OVERLAPS);
    assert_int_equal(refusal(index, "fine"), MEMBER_FINE);
    drop(index);
}

static void test_local_headers_that_lie(void **state)
{
    static const struct {
        size_t at; /* in the header */
        unsigned char change;
        int64_t result;
    } lies[] = {{0, 1, -EBADMSG},    {6, 1, -EBADMSG},  {8, 1, -EBADMSG},  {14, 1, -EBADMSG},
                {18, 1, -EBADMSG},   {22, 1, -EBADMSG}, {26, 1, -EBADMSG}, {30, 1, -EBADMSG},
                {28, 128, -EBADMSG}, {10, 1, 0}};
    struct entry entries[] = {{.name = SLICE("a"), .data = SLICE("hello")},
                              {.name = SLICE("b"), .data = SLICE("hello")}};
    struct bytes good = {.length = 0};
    struct member_index *index;

    put_archive(&good, entries, 2, 0);
    assert_int_equal(read_directory(&good, &index), 0);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct bytes bytes = good;

        bytes.at[lies[i].at] ^= lies[i].change;
        assert_int_equal(locate(&bytes, index, "a"),
                         lies[i].result != 0 ? lies[i].result : (int64_t)entries[0].begin);
    }
    /* the header's own field is longer than the directory's: the bytes would reach into the next member */
    good.at[28]++;
    assert_int_equal(locate(&good, index, "a"), -EBADMSG);
    /* what follows the bytes is said by the directory alone */
    good.at[28]--;
    good.at[6] |= 8;
    good.at[14] ^= 1;
    assert_int_equal(locate(&good, index, "a"), entries[0].begin);
    drop(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_archive),
        cmocka_unit_test(test_end_that_lies),
        cmocka_unit_test(test_disks),
        cmocka_unit_test(test_directories_that_lie),
        cmocka_unit_test(test_members_that_are_refused),
        cmocka_unit_test(test_local_headers_that_lie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
