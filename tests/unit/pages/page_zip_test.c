/* SPDX-License-Identifier: MIT
 *
 * Heads, entries and ends of ZIP, byte by byte where they are large; pages_test.py unpacks small ones with other programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/archive/zip_bytes.h"
#include "api/pages/archive/page_tar.h"
#include "api/pages/archive/page_zip.h"

static const struct page_zip_member small = {
    .name = {LITERAL("b/x")}, .size = 5, .crc = 0x12345678, .modified_ms = 1796020919000};

static void a_member_is_told_twice(void **state)
{
    unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX], end[PAGE_ZIP_END_BYTES_MAX];
    struct page_zip zip = {0};
    size_t length = page_zip_head(&zip, &small, head);

    assert_int_equal(length, 30 + 3 + 9);
    assert_int_equal(zip_u32(head), 0x04034b50);
    assert_int_equal(zip_u16(head + 4), 20);
    assert_int_equal(zip_u16(head + 8), 0);
    assert_int_equal(zip_u32(head + 14), 0x12345678);
    assert_int_equal(zip_u32(head + 18), 5);
    assert_int_equal(zip_u32(head + 22), 5);
    assert_memory_equal(head + 30, "b/x", 3);
    assert_int_equal(zip_u32(head + 30 + 3 + 5), 1796020919);
    assert_int_equal(zip.at, length + 5);
    assert_int_equal(zip_u32(zip.directory), 0x02014b50);
    assert_int_equal(zip_u32(zip.directory + 42), 0);
    assert_int_equal(zip_u32(zip.directory + 38) >> 16, 0100644);
    assert_int_equal(page_zip_end(&zip, end), 22);
    assert_int_equal(zip_u32(end), 0x06054b50);
    assert_int_equal(zip_u16(end + 10), 1);
    assert_int_equal(zip_u32(end + 12), zip.length);
    assert_int_equal(zip_u32(end + 16), zip.at);
    page_zip_free(&zip);
}

static void the_time_is_dos_time(void **state)
{
    unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX];
    struct page_zip zip = {0};
    struct page_zip_member old = small;

    (void)page_zip_head(&zip, &small, head); /* 2026-11-30 06:41:59 */
    assert_int_equal(zip_u16(head + 12), (46 << 9) | (11 << 5) | 30);
    assert_int_equal(zip_u16(head + 10), (6 << 11) | (41 << 5) | 29);
    old.modified_ms = 0; /* 1970: before what it can tell */
    (void)page_zip_head(&zip, &old, head);
    assert_int_equal(zip_u16(head + 12), (1 << 5) | 1);
    page_zip_free(&zip);
}

static void large_members_are_told_by_zip64(void **state)
{
    unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX], end[PAGE_ZIP_END_BYTES_MAX], *field;
    struct page_zip zip = {0};
    struct page_zip_member large = small;
    size_t first;

    large.size = 5ull << 30;
    assert_int_equal(page_zip_head(&zip, &large, head), 30 + 3 + 9 + 20);
    assert_int_equal(zip_u16(head + 4), 45);
    assert_int_equal(zip_u32(head + 18), 0xffffffff);
    assert_int_equal(zip_u64(head + 30 + 3 + 9 + 4), 5ull << 30);
    first = zip.length;
    field = zip.directory + 46 + 3 + 9;
    assert_int_equal(zip_u16(field), 1);
    assert_int_equal(zip_u16(field + 2), 16);
    assert_int_equal(zip_u64(field + 4), 5ull << 30);

    assert_int_equal(page_zip_head(&zip, &small, head), 30 + 3 + 9); /* small, but far away */
    field = zip.directory + first;
    assert_int_equal(zip_u32(field + 42), 0xffffffff);
    assert_int_equal(zip_u32(field + 20), 5);
    assert_int_equal(zip_u16(field + 46 + 3 + 9 + 2), 8);
    assert_int_equal(zip_u64(field + 46 + 3 + 9 + 4), (5ull << 30) + 62);

    assert_int_equal(page_zip_end(&zip, end), 56 + 20 + 22);
    assert_int_equal(zip_u64(end + 32), 2);
    assert_int_equal(zip_u64(end + 40), zip.length);
    assert_int_equal(zip_u64(end + 48), zip.at);
    assert_int_equal(zip_u64(end + 56 + 8), zip.at + zip.length);
    assert_int_equal(zip_u32(end + 76 + 16), 0xffffffff);
    page_zip_free(&zip);
}

static void many_members_are_told_by_zip64(void **state)
{
    unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX], end[PAGE_ZIP_END_BYTES_MAX];
    struct page_zip zip = {0};

    for (unsigned i = 0; i < 65535; i++)
        assert_true(page_zip_head(&zip, &small, head) > 0);
    assert_int_equal(page_zip_end(&zip, end), 98);
    assert_int_equal(zip_u64(end + 24), 65535);
    assert_int_equal(zip_u16(end + 76 + 8), 65535);
    page_zip_free(&zip);
}

static void the_longest_name_fits(void **state)
{
    unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX];
    static char name[PAGE_MEMBER_BYTES_MAX];
    struct page_zip_member member = {
        .name = {name, sizeof(name)}, .size = UINT64_MAX / 2, .modified_ms = 1796020919000};
    struct page_zip zip = {.at = 1ull << 40};

    memset(name, 'n', sizeof(name));
    assert_true(page_zip_head(&zip, &member, head) <= sizeof(head));
    page_zip_free(&zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_told_twice),          cmocka_unit_test(the_time_is_dos_time),
        cmocka_unit_test(large_members_are_told_by_zip64), cmocka_unit_test(many_members_are_told_by_zip64),
        cmocka_unit_test(the_longest_name_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
