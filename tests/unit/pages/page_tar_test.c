/* SPDX-License-Identifier: MIT
 *
 * Heads of tar as this server's own reader understands them, and names that lead nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/archive/tar_header.h"
#include "api/pages/archive/page_tar.h"

static void expect_name(struct slice root, struct slice key, const char *wanted)
{
    char name[PAGE_MEMBER_BYTES_MAX];
    size_t length = page_member_name(root, key, name);

    assert_int_equal(length, strlen(wanted));
    assert_memory_equal(name, wanted, length);
}

static void names_lead_nowhere_else(void **state)
{
    expect_name(SLICE("bucket"), SLICE("a/b.txt"), "bucket/a/b.txt");
    expect_name(SLICE(".."), SLICE("../../etc/passwd"), "%2E%2E/%2E%2E/%2E%2E/etc/passwd");
    expect_name(SLICE("b"), SLICE("/etc/passwd"), "b/%2F/etc/passwd");
    expect_name(SLICE("b"), SLICE("a//b"), "b/a/%2F/b");
    expect_name(SLICE("b"), SLICE("./.a/..b"), "b/%2E/.a/..b");
    expect_name(SLICE("b"), SLICE("C:\\x\n\x7f"), "b/C%3A%5Cx%0A%7F");
    expect_name(SLICE("b"), SLICE("\xc3\xa9"), "b/\xc3\xa9");
}

static void the_longest_name_fits(void **state)
{
    char key[1024], root[63], name[PAGE_MEMBER_BYTES_MAX];

    memset(key, '\\', sizeof(key));
    memset(root, 'r', sizeof(root));
    assert_int_equal(page_member_name(slice_of(root, 63), slice_of(key, 1024), name), 63 + 1 + 3072);
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = i % 2 == 0 ? '/' : '\\';
    assert_true(page_member_name(slice_of(root, 63), slice_of(key, 1024), name) <= sizeof(name));
}

static void a_plain_head_is_one_block(void **state)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX];
    struct tar_header header;

    assert_int_equal(page_tar_head(SLICE("b/name"), 12345, 1796020919000, head), 512);
    assert_int_equal(tar_header_parse(head, &header), 0);
    assert_int_equal(header.kind, TAR_FILE);
    assert_int_equal(header.size, 12345);
    assert_int_equal(header.modified_ms, 1796020919000);
    assert_int_equal(header.name_length, 6);
    assert_memory_equal(header.name, "b/name", 6);
}

static void long_names_have_records(void **state)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX];
    struct tar_header header;
    char name[120];

    memset(name, 'n', sizeof(name));
    assert_int_equal(page_tar_head(slice_of(name, sizeof(name)), 1, 0, head), 3 * 512);
    assert_int_equal(tar_header_parse(head, &header), 0);
    assert_int_equal(header.kind, TAR_RECORDS);
    assert_int_equal(header.size, 130);
    assert_memory_equal(head + 512, "130 path=nnn", 12);
    assert_int_equal(head[512 + 129], '\n');
    assert_int_equal(tar_header_parse(head + 1024, &header), 0);
    assert_int_equal(header.kind, TAR_FILE);
    assert_int_equal(header.size, 1);
}

/* The length of a record counts its own digits: "99 path=..." would be 100 bytes. */
static void records_count_themselves(void **state)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX];
    char name[PAGE_MEMBER_BYTES_MAX];

    memset(name, '\xc3', sizeof(name));
    for (size_t length = 1; length < sizeof(name); length++) {
        char *end;
        unsigned long told;

        (void)page_tar_head(slice_of(name, length), 1, 0, head);
        told = strtoul((char *)head + 512, &end, 10);
        assert_int_equal(told, (size_t)(end - (char *)head - 512) + strlen(" path=") + length + 1);
        assert_int_equal(head[512 + told - 1], '\n');
    }
}

static void large_sizes_have_records(void **state)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX];
    struct tar_header header;

    assert_int_equal(page_tar_head(SLICE("b/x"), 8ull << 30, 0, head), 3 * 512);
    assert_memory_equal(head + 512, "19 size=8589934592\n", 19);
    assert_int_equal(tar_header_parse(head + 1024, &header), 0);
    assert_int_equal(header.size, 0);
}

static void padding_fills_blocks(void **state)
{
    assert_int_equal(page_tar_padding(0), 0);
    assert_int_equal(page_tar_padding(1), 511);
    assert_int_equal(page_tar_padding(512), 0);
    assert_int_equal(page_tar_padding((5ull << 40) + 513), 511);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_nowhere_else),   cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(a_plain_head_is_one_block), cmocka_unit_test(long_names_have_records),
        cmocka_unit_test(records_count_themselves),  cmocka_unit_test(large_sizes_have_records),
        cmocka_unit_test(padding_fills_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
