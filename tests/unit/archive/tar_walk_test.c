/* SPDX-License-Identifier: MIT
 *
 * Walks through archives made here, header by header: which members there are, where their bytes lie, and what is no archive. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/archive/tar_walk.h"
#include "tests/unit/archive/tar_make.h"

#define ARCHIVE_BYTES (512u * 1024u)

static unsigned char archive[ARCHIVE_BYTES];
static size_t length; /* of what was written */

/* A header alone. size: what it says follows. */
static unsigned char *header_add(char type, const char *name, size_t size)
{
    unsigned char *block = archive + length;

    tar_make_header(block, type, name, size);
    length += 512;
    return block;
}

static void bytes_add(const char *bytes, size_t size)
{
    memset(archive + length, 0, tar_padded(size));
    memcpy(archive + length, bytes, size);
    length += tar_padded(size);
}

static void member_add(char type, const char *name, const char *text)
{
    header_add(type, name, strlen(text));
    bytes_add(text, strlen(text));
}

static void zeros_add(void)
{
    memset(archive + length, 0, 1024);
    length += 1024;
}

static int reset(void **state)
{
    length = 0;
    return 0;
}

/* Walks to the next member, or to what is not one. */
static int next(struct tar_walk *walk, struct tar_member *member)
{
    int step = tar_walk_step(walk, NULL, member);

    while (step == TAR_WALK_WANTS) {
        assert_true(walk->want_length > 0 && walk->want_offset + walk->want_length <= length);
        step = tar_walk_step(walk, archive + walk->want_offset, member);
    }
    return step;
}

#define assert_member(walk, wanted_kind, wanted_name, wanted_bytes)                                          \
    do {                                                                                                     \
        struct tar_member member_;                                                                           \
        assert_int_equal(next(walk, &member_), TAR_WALK_MEMBER);                                             \
        assert_int_equal(member_.kind, wanted_kind);                                                         \
        assert_true(slice_is(member_.name, wanted_name));                                                    \
        assert_true(slice_is(slice_of(archive + member_.offset, member_.size), wanted_bytes));               \
    } while (0)

/* Walks all of it: what ends the walk. */
static int walk_all(void)
{
    struct tar_walk walk;
    struct tar_member member;
    int step;

    tar_walk_begin(&walk, length);
    while ((step = next(&walk, &member)) == TAR_WALK_MEMBER)
        assert_true(member.offset + member.size <= length);
    tar_walk_free(&walk);
    return step;
}

static void test_members_follow_each_other(void **state)
{
    struct tar_walk walk;
    struct tar_member member;

    member_add('0', "a", "hello");
    member_add('5', "folder/", "");
    member_add('0', "folder/empty", "");
    member_add('\0', "old", "V7 wrote no type");
    member_add('7', "contiguous", "c");
    member_add('1', "hard", "");
    member_add('2', "symbolic", "");
    member_add('3', "device", "");
    member_add('6', "fifo", "");
    member_add('V', "volume", "what other types have is passed over");
    zeros_add();
    tar_walk_begin(&walk, length);
    assert_member(&walk, TAR_FILE, "a", "hello");
    assert_member(&walk, TAR_FOLDER, "folder/", "");
    assert_member(&walk, TAR_FILE, "folder/empty", "");
    assert_member(&walk, TAR_FILE, "old", "V7 wrote no type");
    assert_member(&walk, TAR_FILE, "contiguous", "c");
    assert_member(&walk, TAR_HARD_LINK, "hard", "");
    assert_member(&walk, TAR_SYMBOLIC_LINK, "symbolic", "");
    assert_member(&walk, TAR_DEVICE, "device", "");
    assert_member(&walk, TAR_DEVICE, "fifo", "");
    assert_member(&walk, TAR_OTHER, "volume", "what other types have is passed over");
    assert_int_equal(next(&walk, &member), TAR_WALK_END);
    tar_walk_free(&walk);
}

static void test_names_come_from_where_they_fit(void **state)
{
    struct tar_walk walk;
    struct tar_member member;
    unsigned char *block;

    block = header_add('0', "name", 0);
    memcpy(block + 345, "the/prefix", 10);
    tar_make_sum(block);
    block = header_add('0', "gnu", 0); /* its headers have times there */
    memcpy(block + 257, "ustar  ", 8);
    memcpy(block + 345, "12345", 5);
    tar_make_sum(block);
    member_add('L', "././@LongLink", "a name that would not fit");
    member_add('0', "a name that", "1");
    member_add('x', "PaxHeaders/x", "18 path=by/record\n30 mtime=1700000000.123456789\n");
    member_add('0', "cut", "2");
    member_add('0', "next", "3"); /* nothing is left of the records */
    tar_walk_begin(&walk, length);
    assert_member(&walk, TAR_FILE, "the/prefix/name", "");
    assert_member(&walk, TAR_FILE, "gnu", "");
    assert_member(&walk, TAR_FILE, "a name that would not fit", "1");
    assert_int_equal(next(&walk, &member), TAR_WALK_MEMBER);
    assert_true(slice_is(member.name, "by/record"));
    assert_int_equal(member.modified_ms, 1700000000123);
    assert_int_equal(next(&walk, &member), TAR_WALK_MEMBER);
    assert_true(slice_is(member.name, "next"));
    assert_int_equal(member.modified_ms, 1000000);
    assert_int_equal(member.records.len, 0);
    /* No zeros: minio-go's archives end so. */
    assert_int_equal(next(&walk, &member), TAR_WALK_END);
    tar_walk_free(&walk);
}

static void test_sizes_in_records_and_in_binary(void **state)
{
    struct tar_walk walk;
    struct tar_member member;
    unsigned char *block;

    member_add('x', "x", "10 size=5\n");
    header_add('0', "a", 0);
    bytes_add("12345", 5);
    block = header_add('0', "b", 0);
    memset(block + 124, 0, 12);
    block[124] = 0x80;
    block[135] = 3;
    memset(block + 136, 0xff, 12); /* -1 s */
    tar_make_sum(block);
    bytes_add("abc", 3);
    zeros_add();
    tar_walk_begin(&walk, length);
    assert_member(&walk, TAR_FILE, "a", "12345");
    assert_int_equal(next(&walk, &member), TAR_WALK_MEMBER);
    assert_int_equal(member.size, 3);
    assert_int_equal(member.modified_ms, -1000);
    assert_int_equal(next(&walk, &member), TAR_WALK_END);
    tar_walk_free(&walk);
}

static void test_sparse_files_are_told_and_passed_over(void **state)
{
    struct tar_walk walk;
    unsigned char *block, map[512] = {0};

    block = header_add('S', "gnu", 4);
    memcpy(block + 257, "ustar  ", 8);
    block[482] = 1;
    tar_make_sum(block);
    map[504] = 1;
    bytes_add((const char *)map, 512);
    map[504] = 0;
    bytes_add((const char *)map, 512);
    bytes_add("data", 4);
    member_add('x', "x", "22 GNU.sparse.major=1\n");
    member_add('0', "pax", "more");
    member_add('0', "a", "plain");
    zeros_add();
    tar_walk_begin(&walk, length);
    assert_member(&walk, TAR_SPARSE, "gnu", "data");
    assert_member(&walk, TAR_SPARSE, "pax", "more");
    assert_member(&walk, TAR_FILE, "a", "plain");
    tar_walk_free(&walk);
}

static void test_no_archives(void **state)
{
    assert_int_equal(walk_all(), -EBADMSG); /* of no bytes */
    member_add('0', "a", "hello");
    archive[0] ^= 1;
    assert_int_equal(walk_all(), -EBADMSG); /* the sum */
    archive[0] ^= 1;
    length -= 1;
    assert_int_equal(walk_all(), TAR_WALK_END); /* the padding is not needed */
    length = 512 + 4;
    assert_int_equal(walk_all(), -EBADMSG); /* the bytes are */
    length = 511;
    assert_int_equal(walk_all(), -EBADMSG);
    length = 1024 + 100; /* half a header */
    memset(archive + 1024, 0, 100);
    assert_int_equal(walk_all(), -EBADMSG);
}

static void test_what_readers_differ_about(void **state)
{
    static const char types[] = {'1', '2', '3', '4', '5', '6'};
    unsigned char *block;

    for (size_t i = 0; i < sizeof(types); i++) {
        length = 0;
        member_add(types[i], "a", "bytes of what has none");
        assert_int_equal(walk_all(), -EBADMSG);
        length = 0;
        member_add('x', "x", "12 size=512\n");
        header_add(types[i], "a", 0);
        zeros_add();
        assert_int_equal(walk_all(), -EBADMSG);
    }
    length = 0;
    member_add('L', "x", "one");
    member_add('L', "x", "two");
    member_add('0', "a", "");
    assert_int_equal(walk_all(), -EBADMSG);
    length = 0;
    member_add('g', "x", "11 path=..\n");
    member_add('0', "a", "");
    assert_int_equal(walk_all(), -ENOTSUP);
    length = 0;
    member_add('g', "x", "16 comment=text\n");
    member_add('0', "a", "");
    assert_int_equal(walk_all(), TAR_WALK_END);
    length = 0;
    block = header_add('0', "negative", 0);
    memset(block + 124, 0xff, 12);
    tar_make_sum(block);
    assert_int_equal(walk_all(), -EBADMSG);
}

static void test_records_that_are_none(void **state)
{
    static const char *const texts[] = {
        "path=a\n",
        " path=a\n",
        "0 path=a\n",
        "8 path=a\n",
        "11 path=a\n",
        "9 path=a\t",
        "9 path=a\n ",
        "5 =a\n",
        "7 path\n",
        "10 size=a\n",
        "8 size=\n",
        "11 size=-1\n",
        "28 size=9223372036854775808\n",
        "10 mtime=\n",
        "13 mtime=1.a\n",
        "99999999999999999999 a=b\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        length = 0;
        member_add('x', "x", texts[i]);
        member_add('0', "a", "");
        assert_int_equal(walk_all(), -EBADMSG);
    }
}

static void test_bounds(void **state)
{
    static char text[TAR_EXTENSION_BYTES_MAX + 2];

    memset(text, 'n', sizeof(text) - 1);
    member_add('L', "x", text);
    member_add('0', "a", "");
    assert_int_equal(walk_all(), -E2BIG);
    length = 0;
    text[TAR_EXTENSION_BYTES_MAX] = '\0';
    member_add('L', "x", text);
    member_add('0', "a", "");
    assert_int_equal(walk_all(), TAR_WALK_END);
    length = 0;
    for (unsigned i = 0; i <= TAR_EXTENSIONS_MAX; i++)
        member_add('K', "x", "target");
    member_add('2', "a", "");
    assert_int_equal(walk_all(), -E2BIG);
    length = 0;
    member_add('K', "x", "about nobody");
    zeros_add();
    assert_int_equal(walk_all(), -EBADMSG);
    length -= 1024;
    assert_int_equal(walk_all(), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_members_follow_each_other, reset),
        cmocka_unit_test_setup(test_names_come_from_where_they_fit, reset),
        cmocka_unit_test_setup(test_sizes_in_records_and_in_binary, reset),
        cmocka_unit_test_setup(test_sparse_files_are_told_and_passed_over, reset),
        cmocka_unit_test_setup(test_no_archives, reset),
        cmocka_unit_test_setup(test_what_readers_differ_about, reset),
        cmocka_unit_test_setup(test_records_that_are_none, reset),
        cmocka_unit_test_setup(test_bounds, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
