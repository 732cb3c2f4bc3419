/* SPDX-License-Identifier: MIT
 *
 * What is found in archives: members and where their bytes are, names in all their forms, zip64. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/archive/zip_writer.h"

static void test_members(void **state)
{
    struct bytes bytes = {.length = 0};
    struct entry entries[] = {
        {.name = SLICE("b.txt"), .data = SLICE("hello"), .comment = SLICE("of it")},
        {.name = SLICE("a/"), .method = MEMBER_DEFLATED},
        {.name = SLICE("a/c"), .data = SLICE("xxx"), .size = 900, .method = MEMBER_DEFLATED}};
    struct member_index *index;
    const struct member *member;

    put_archive(&bytes, entries, 3, 0);
    assert_int_equal(read_directory(&bytes, &index), 0);
    assert_int_equal(member_index_count(index), 3);
    member = member_index_find(index, SLICE("b.txt"));
    assert_int_equal(member->size, 5);
    assert_int_equal(member->crc, crc_of(&entries[0]));
    assert_int_equal(locate(&bytes, index, "b.txt"), entries[0].begin);
    assert_int_equal(refusal(index, "a/"), MEMBER_FINE);
    assert_int_equal(locate(&bytes, index, "a/c"), entries[2].begin);
    assert_int_equal(member_index_find(index, SLICE("a/c"))->method, MEMBER_DEFLATED);
    drop(index);
}

static void test_nothing_in_it(void **state)
{
    struct bytes bytes = {.length = 0};
    struct member_index *index;

    put_archive(&bytes, NULL, 0, 0);
    assert_int_equal(read_directory(&bytes, &index), 0);
    assert_int_equal(member_index_count(index), 0);
    drop(index);
}

static void test_prefix_and_comment(void **state)
{
    struct bytes bytes = {.length = 0};
    struct entry entry = {.name = SLICE("a"), .data = SLICE("hello")};
    struct member_index *index;
    size_t directory;

    put_text(&bytes, SLICE("#!/bin/sh\nexit\n"));
    put_local(&bytes, &entry);
    entry.offset -= 15;
    directory = bytes.length;
    put_entry(&bytes, &entry);
    /* a comment that looks like an end record does not end where the archive does */
    put_end(&bytes, directory - 15, bytes.length - directory, 1,
            SLICE("PK\5\6 and so on, for more than 22 bytes"));
    assert_int_equal(read_directory(&bytes, &index), 0);
    assert_int_equal(locate(&bytes, index, "a"), entry.begin);
    drop(index);
}

static void test_names(void **state)
{
    struct bytes bytes = {.length = 0};
    char field[32] = "\x75\x70\x07\0\1....\xc3\xb6", wrong[32];
    uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)"o", 1);
    struct entry entries[] = {
        {.name = SLICE("\x84")}, {.name = SLICE("\xc3\xa4")}, {.name = SLICE("\xc3\xbc"), .flags = 0x800},
        {.name = SLICE("o")},    {.name = SLICE("p")},        {.name = SLICE("\x84"), .flags = 0x800},
        {.name = SLICE("../x")}, {.name = SLICE("./y")}};
    struct member_index *index;

    for (int i = 0; i < 4; i++)
        field[5 + i] = (char)(crc >> 8 * i);
    memcpy(wrong, field, sizeof(field));
    entries[3].extra = slice_of(field, 11);
    entries[4].extra = slice_of(wrong, 11); /* the CRC of another name */
    put_archive(&bytes, entries, 8, 0);
    assert_int_equal(read_directory(&bytes, &index), 0);
    assert_int_equal(locate(&bytes, index, "\xc3\xa4"), entries[1].begin); /* the later one */
    assert_int_equal(locate(&bytes, index, "\xc3\xbc"), entries[2].begin);
    assert_int_equal(locate(&bytes, index, "\xc3\xb6"), entries[3].begin);
    assert_int_equal(locate(&bytes, index, "p"), entries[4].begin);
    assert_int_equal(refusal(index, "../x"), MEMBER_UNSAFE);
    assert_int_equal(locate(&bytes, index, "y"), entries[7].begin);
    assert_int_equal(member_index_count(index), 6); /* what is not UTF-8, but says so, is not there */
    drop(index);
}

static void test_zip64(void **state)
{
    struct bytes bytes = {.length = 0};
    char extra[28] = "\1\0\x18\0\5";
    struct entry entry = {
        .name = SLICE("a"), .data = SLICE("hello"), .size = UINT32_MAX, .stored = UINT32_MAX};
    struct member_index *index;
    size_t directory, length;

    put_text(&bytes, SLICE("before"));
    put_local(&bytes, &entry);
    extra[12] = 5;
    extra[20] = 0; /* its offset, without what precedes the archive */
    entry.extra = slice_of(extra, sizeof(extra));
    entry.offset = UINT32_MAX;
    directory = bytes.length;
    put_entry(&bytes, &entry);
    length = bytes.length - directory;
    put(&bytes, 0x06064b50, 4);
    put(&bytes, 44, 8);
    put(&bytes, 45, 2);
    put(&bytes, 45, 2);
    put(&bytes, 0, 8);
    put(&bytes, 1, 8);
    put(&bytes, 1, 8);
    put(&bytes, length, 8);
    put(&bytes, directory - 6, 8);
    put(&bytes, 0x07064b50, 4);
    put(&bytes, 0, 4);
    put(&bytes, directory - 6 + length, 8);
    put(&bytes, 1, 4);
    put_end(&bytes, UINT32_MAX, UINT32_MAX, UINT16_MAX, SLICE(""));
    assert_int_equal(read_directory(&bytes, &index), 0);
    assert_int_equal(member_index_find(index, SLICE("a"))->size, 5);
    assert_int_equal(locate(&bytes, index, "a"), entry.begin);
    drop(index);
    bytes.at[directory + length + 4]++; /* the record's own length */
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    bytes.at[directory + length + 4]--;
    extra[2] = 16; /* the field lacks the offset */
    memcpy(bytes.at + directory + 47, extra, sizeof(extra));
    assert_int_equal(read_directory(&bytes, &index), -EBADMSG);
    drop(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_prefix_and_comment),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_zip64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
