/* SPDX-License-Identifier: MIT
 *
 * Archives written here field by field, so that each field can be wrong: what is found in them, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "api/archive/zip_directory.h"
#include "api/archive/zip_end.h"

struct bytes {
    unsigned char at[8192];
    size_t length;
};

static struct archive_budget budget = {.most = 1u << 20};

static void put(struct bytes *bytes, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        bytes->at[bytes->length++] = (unsigned char)(value >> 8 * i);
}

static void put_text(struct bytes *bytes, struct slice text)
{
    memcpy(bytes->at + bytes->length, text.base, text.len);
    bytes->length += text.len;
}

/* One member. Fields of 0 follow from the others; where a header says something else than the directory has fields of its own. */
struct entry {
    struct slice name, data, extra, comment, local_name;
    unsigned flags, method, local_method, local_flags, version, disk;
    uint64_t size, stored, offset;
    uint32_t crc;
    bool is_elsewhere; /* its offset is given */
    size_t begin;      /* of its data */
};

static uint32_t crc_of(const struct entry *entry)
{
    return entry->crc != 0
               ? entry->crc
               : (uint32_t)crc32(0, (const unsigned char *)entry->data.base, (uInt)entry->data.len);
}

static uint64_t stored_of(const struct entry *entry)
{
    return entry->stored != 0 ? entry->stored : entry->data.len;
}

static uint64_t size_of(const struct entry *entry)
{
    return entry->size != 0 ? entry->size : entry->data.len;
}

static void put_local(struct bytes *bytes, struct entry *entry)
{
    struct slice name = entry->local_name.base != NULL ? entry->local_name : entry->name;

    if (!entry->is_elsewhere)
        entry->offset = bytes->length;
    put(bytes, 0x04034b50, 4);
    put(bytes, 20, 2);
    put(bytes, entry->flags ^ entry->local_flags, 2);
    put(bytes, entry->method ^ entry->local_method, 2);
    put(bytes, 0, 4);
    put(bytes, crc_of(entry), 4);
    put(bytes, stored_of(entry), 4);
    put(bytes, size_of(entry), 4);
    put(bytes, name.len, 2);
    put(bytes, 7, 2);
    put_text(bytes, name);
    put_text(bytes, SLICE("\xfe\xca\x03\0abc"));
    entry->begin = bytes->length;
    put_text(bytes, entry->data);
}

static void put_entry(struct bytes *bytes, const struct entry *entry)
{
    put(bytes, 0x02014b50, 4);
    put(bytes, 20, 2);
    put(bytes, 20, 2);
    put(bytes, entry->flags, 2);
    put(bytes, entry->method, 2);
    put(bytes, 0, 4);
    put(bytes, crc_of(entry), 4);
    put(bytes, stored_of(entry), 4);
    put(bytes, size_of(entry), 4);
    put(bytes, entry->name.len, 2);
    put(bytes, entry->extra.len, 2);
    put(bytes, entry->comment.len, 2);
    put(bytes, entry->disk, 2);
    put(bytes, 0, 6);
    put(bytes, entry->offset, 4);
    put_text(bytes, entry->name);
    put_text(bytes, entry->extra);
    put_text(bytes, entry->comment);
}

static void put_end(struct bytes *bytes, uint64_t offset, uint64_t length, unsigned count,
                    struct slice comment)
{
    put(bytes, 0x06054b50, 4);
    put(bytes, 0, 4);
    put(bytes, count, 2);
    put(bytes, count, 2);
    put(bytes, length, 4);
    put(bytes, offset, 4);
    put(bytes, comment.len, 2);
    put_text(bytes, comment);
}

/* bytes may hold what precedes the archive. */
static void put_archive(struct bytes *bytes, struct entry *entries, unsigned count, size_t shift)
{
    size_t directory;

    for (unsigned i = 0; i < count; i++) {
        put_local(bytes, &entries[i]);
        entries[i].offset -= entries[i].is_elsewhere ? 0 : shift;
    }
    directory = bytes->length;
    for (unsigned i = 0; i < count; i++)
        put_entry(bytes, &entries[i]);
    put_end(bytes, directory - shift, bytes->length - directory, count, SLICE(""));
}

static int read_directory(const struct bytes *bytes, struct member_index **index)
{
    struct zip_end end;
    int err = zip_end_find(bytes->at, bytes->length, bytes->length, &end);

    *index = NULL;
    if (err != 0)
        return err;
    assert_true(end.offset <= bytes->length && end.length <= bytes->length - end.offset);
    assert_int_equal(member_index_create(index, ARCHIVE_ZIP, &budget), 0);
    return zip_directory_read(bytes->at + end.offset, &end, *index);
}

static void drop(struct member_index *index)
{
    member_index_unref(index);
    assert_int_equal(atomic_load(&budget.used), 0);
}

/* Where the member's bytes are, or an error of its header. */
static int64_t locate(const struct bytes *bytes, const struct member_index *index, const char *name)
{
    const struct member *member = member_index_find(index, slice_text(name));
    uint64_t offset;
    int err;

    assert_non_null(member);
    err = zip_local_check(bytes->at + member->offset, member, &offset);
    return err != 0 ? err : (int64_t)offset;
}

static int refusal(const struct member_index *index, const char *name)
{
    const struct member *member = member_index_find(index, slice_text(name));

    return member != NULL ? member->refusal : -1;
}

/* ---- What is found ---- */

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

/* ---- What is refused ---- */

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
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_prefix_and_comment),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_zip64),
        cmocka_unit_test(test_no_archive),
        cmocka_unit_test(test_end_that_lies),
        cmocka_unit_test(test_disks),
        cmocka_unit_test(test_directories_that_lie),
        cmocka_unit_test(test_members_that_are_refused),
        cmocka_unit_test(test_local_headers_that_lie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
