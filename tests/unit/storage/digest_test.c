/* SPDX-License-Identifier: MIT
 *
 * Digests: published check values, every way of splitting the input, joining CRCs, and files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/egress/blob_residency.h"
#include "storage/digest/crc64nvme_fold.h"
#include "storage/digest/digest.h"
#include "storage/limits.h"
#include "storage/ring/ring_fault.h"

#define ALL_KINDS (DIGEST_BIT(DIGEST_KIND_COUNT) - 1)

/* Bytes that repeat nowhere nearby. */
static unsigned char *noise(size_t length)
{
    unsigned char *bytes = malloc(length);
    uint32_t state = 12345;

    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
    return bytes;
}

static void assert_values_equal(const struct digest_values *a, const struct digest_values *b)
{
    assert_int_equal(a->mask, b->mask);
    for (int kind = 0; kind < DIGEST_KIND_COUNT; kind++)
        assert_memory_equal(a->value[kind], b->value[kind], digest_kind_bytes(kind));
}

static void assert_hex(const struct digest_values *values, enum digest_kind kind, const char *hex)
{
    char printed[2 * DIGEST_BYTES_MAX + 1];

    for (size_t i = 0; i < digest_kind_bytes(kind); i++)
        snprintf(printed + 2 * i, 3, "%02x", values->value[kind][i]);
    assert_string_equal(printed, hex);
}

static void test_check_values(void **state)
{
    struct digest_values values;

    assert_int_equal(digest_buffer(ALL_KINDS, "123456789", 9, &values), 0);
    assert_int_equal(values.mask, ALL_KINDS);
    assert_hex(&values, DIGEST_MD5, "25f9e794323b453885f5181f1b624d0b");
    assert_hex(&values, DIGEST_SHA1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    assert_hex(&values, DIGEST_SHA256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
    assert_hex(&values, DIGEST_CRC32, "cbf43926");
    assert_hex(&values, DIGEST_CRC32C, "e3069283");
    assert_hex(&values, DIGEST_CRC64NVME, "ae8b14860a799888");
    assert_hex(&values, DIGEST_SHA512,
               "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
               "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85");
    assert_hex(&values, DIGEST_XXH64, "8cb841db40e6ae83");
    assert_hex(&values, DIGEST_XXH3_64, "72dcb18b67a17dff");
    assert_hex(&values, DIGEST_XXH3_128, "33119477ede5dcd5e9716427681d5860");
}

static void test_empty_input(void **state)
{
    struct digest_values values;

    assert_int_equal(digest_buffer(ALL_KINDS, NULL, 0, &values), 0);
    assert_hex(&values, DIGEST_MD5, "d41d8cd98f00b204e9800998ecf8427e");
    assert_hex(&values, DIGEST_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_hex(&values, DIGEST_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hex(&values, DIGEST_CRC32, "00000000");
    assert_hex(&values, DIGEST_CRC32C, "00000000");
    assert_hex(&values, DIGEST_CRC64NVME, "0000000000000000");
    assert_hex(&values, DIGEST_SHA512,
               "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
               "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
    assert_hex(&values, DIGEST_XXH64, "ef46db3751d8e999");
    assert_hex(&values, DIGEST_XXH3_64, "2d06800538d394c2");
    assert_hex(&values, DIGEST_XXH3_128, "99aa06d3014798d86001c324468d497f");
}

static void test_only_what_was_asked_for(void **state)
{
    struct digest_values values, none = {0};

    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_CRC32C), "123456789", 9, &values), 0);
    assert_int_equal(values.mask, DIGEST_BIT(DIGEST_CRC32C));
    assert_memory_equal(values.value[DIGEST_MD5], none.value[DIGEST_MD5], 16);
    assert_hex(&values, DIGEST_CRC32C, "e3069283");
    assert_int_equal(digest_buffer(0, "123456789", 9, &values), 0);
    assert_int_equal(values.mask, 0);
}

static void test_every_split(void **state)
{
    enum { LENGTH = 1300 }; /* beyond the point where CRC64NVME begins to fold */
    unsigned char *bytes = noise(LENGTH);
    struct digest_values whole, split;
    struct digest_set *set;

    assert_int_equal(digest_buffer(ALL_KINDS, bytes, LENGTH, &whole), 0);
    for (size_t at = 0; at <= LENGTH; at++) {
        assert_int_equal(digest_set_create(&set, ALL_KINDS), 0);
        assert_int_equal(digest_set_update(set, bytes, at), 0);
        assert_int_equal(digest_set_update(set, bytes + at, LENGTH - at), 0);
        assert_int_equal(digest_set_final(set, &split), 0);
        digest_set_free(set);
        assert_values_equal(&whole, &split);
    }
    free(bytes);
}

/* A width of the multiplier's way, continued by the tables. */
static uint64_t crc64nvme_folded(crc64nvme_fold_fn fold, uint64_t crc, const unsigned char *bytes,
                                 size_t length)
{
    unsigned char folded[CRC64NVME_FOLDED_BYTES];
    size_t used = fold(~crc, bytes, length, folded);

    assert_true(used <= length);
    assert_true(length - used < 64);
    crc = crc64nvme_update_by_table(~0ull, folded, sizeof(folded)); /* from state 0 */
    return crc64nvme_update_by_table(crc, bytes + used, length - used);
}

static void test_crc64nvme_widths(void **state)
{
    unsigned char *bytes = noise(70000);

    for (int width = 0; width < CRC64NVME_WIDTH_COUNT; width++) {
        crc64nvme_fold_fn fold = crc64nvme_fold_of((enum crc64nvme_width)width);

        if (fold == NULL)
            continue; /* not on this CPU */
        for (size_t length = CRC64NVME_BYTES_MIN(width); length < 4 * CRC64NVME_BYTES_MIN(width); length++)
            assert_int_equal(crc64nvme_folded(fold, length, bytes + length % 3, length),
                             crc64nvme_update_by_table(length, bytes + length % 3, length));
        assert_int_equal(crc64nvme_folded(fold, 1, bytes, 70000), crc64nvme_update_by_table(1, bytes, 70000));
    }
    free(bytes);
}

/* The multiplier's way against the tables', with every length and alignment around the block sizes. */
static void test_crc64nvme_both_ways(void **state)
{
    unsigned char *bytes = noise(70000);

    for (size_t length = 0; length < 1200; length++)
        for (size_t from = 0; from < 3; from++)
            assert_int_equal(crc64nvme_update(length, bytes + from, length),
                             crc64nvme_update_by_table(length, bytes + from, length));
    assert_int_equal(crc64nvme_update(0, bytes, 70000), crc64nvme_update_by_table(0, bytes, 70000));
    assert_int_equal(crc64nvme_update_by_table(0, "123456789", 9), 0xae8b14860a799888);
    memset(bytes, 0, 4096); /* check value of the NVM Express specification */
    assert_int_equal(crc64nvme_update(0, bytes, 4096), 0x6482d367eb22b64e);
    free(bytes);
}

static void test_crc_combine(void **state)
{
    static const enum digest_kind kinds[] = {DIGEST_CRC32, DIGEST_CRC32C, DIGEST_CRC64NVME};
    static const size_t lengths[] = {0, 1, 2, 7, 8, 255, 4096, 65537, 150000};
    unsigned char *bytes = noise(300000);
    struct digest_values a, b, whole;

    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < 9; j++) {
            digest_buffer(ALL_KINDS, bytes, lengths[i], &a);
            digest_buffer(ALL_KINDS, bytes + lengths[i], lengths[j], &b);
            digest_buffer(ALL_KINDS, bytes, lengths[i] + lengths[j], &whole);
            for (int k = 0; k < 3; k++) {
                digest_crc_combine(kinds[k], a.value[kinds[k]], b.value[kinds[k]], lengths[j]);
                assert_memory_equal(a.value[kinds[k]], whole.value[kinds[k]], digest_kind_bytes(kinds[k]));
            }
        }
    free(bytes);
}

/* Lengths no test can hash: (A then B) then C must be A then (B then C). */
static void test_crc_combine_of_huge_lengths(void **state)
{
    const uint64_t length_b = (5ull << 40) + 3, length_c = (1ull << 50) + 12345;
    unsigned char left[8] = "leftleft", right[8] = "rightrig";
    const unsigned char b[8] = "bbbbbbbb", c[8] = "cdefghij";

    digest_crc_combine(DIGEST_CRC64NVME, left, b, length_b);
    digest_crc_combine(DIGEST_CRC64NVME, left, c, length_c);
    memcpy(right, b, 8);
    digest_crc_combine(DIGEST_CRC64NVME, right, c, length_c);
    unsigned char whole[8] = "leftleft";
    digest_crc_combine(DIGEST_CRC64NVME, whole, right, length_b + length_c);
    assert_memory_equal(left, whole, 8);
}

/* ---- Files ---- */

#define FILE_BYTES (2 * DIGEST_WINDOW_BYTES + 5000)

static unsigned char *file_bytes;
static int file_fd;
static int (*usual_cachestat)(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer);

static int file_setup(void **state)
{
    char path[] = "/tmp/sluice-digest-XXXXXX";

    usual_cachestat = sys.cachestat;
    file_fd = mkstemp(path);
    if (file_fd < 0)
        return -1;
    unlink(path);
    file_bytes = noise(FILE_BYTES);
    /* Synced: what is dirty is read in another way. */
    return write(file_fd, file_bytes, FILE_BYTES) == (ssize_t)FILE_BYTES && fdatasync(file_fd) == 0 ? 0 : -1;
}

static int file_teardown(void **state)
{
    sys.cachestat = usual_cachestat;
    sys.madvise = madvise;
    sys.pread = pread;
    free(file_bytes);
    return close(file_fd);
}

static int digest_file(uint64_t offset, uint64_t length, struct digest_values *values)
{
    struct digest_set *set;
    int err;

    assert_int_equal(digest_set_create(&set, ALL_KINDS), 0);
    err = digest_set_update_file(set, file_fd, offset, length);
    if (err == 0)
        err = digest_set_final(set, values);
    digest_set_free(set);
    return err;
}

static void check_ranges(void)
{
    static const uint64_t ranges[][2] = {{0, FILE_BYTES},
                                         {1, FILE_BYTES - 1},
                                         {4095, 2},
                                         {4096, 4096},
                                         {DIGEST_WINDOW_BYTES - 1, 2},
                                         {DIGEST_WINDOW_BYTES - 77, DIGEST_WINDOW_BYTES + 154},
                                         {FILE_BYTES - 1, 1},
                                         {FILE_BYTES, 0},
                                         {12345, 0}};
    struct digest_values from_file, from_memory;

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        assert_int_equal(digest_file(ranges[i][0], ranges[i][1], &from_file), 0);
        digest_buffer(ALL_KINDS, file_bytes + ranges[i][0], ranges[i][1], &from_memory);
        assert_values_equal(&from_file, &from_memory);
    }
}

static void test_file_too_short(void **state)
{
    struct digest_values values;

    assert_int_equal(digest_file(0, FILE_BYTES + 1, &values), -ENODATA);
    assert_int_equal(digest_file(FILE_BYTES + 100000, 1, &values), -ENODATA);
}

static unsigned madvise_calls;

static int madvise_unknown(void *address, size_t length, int advice)
{
    madvise_calls++;
    errno = EINVAL;
    return -1;
}

static int madvise_unreadable(void *address, size_t length, int advice)
{
    errno = EFAULT;
    return -1;
}

static int madvise_file_cut(void *address, size_t length, int advice)
{
    assert_int_equal(ftruncate(file_fd, 10), 0);
    return madvise(address, length, advice);
}

static ssize_t pread_broken(int fd, void *buffer, size_t count, off_t offset)
{
    errno = EIO;
    return -1;
}

static void test_file_ranges(void **state)
{
    void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file_fd, 0);

    assert_true(map != MAP_FAILED);
    if (madvise(map, 4096, MADV_POPULATE_READ) == 0)
        sys.pread = pread_broken; /* all of it must go through the mapping */
    munmap(map, 4096);
    check_ranges();
}

static void test_file_on_an_older_kernel(void **state)
{
    struct digest_values values;

    sys.madvise = madvise_unknown;
    check_ranges();
    assert_true(madvise_calls > 0);
    assert_int_equal(digest_file(0, FILE_BYTES + 1, &values), -ENODATA);
    sys.pread = pread_broken;
    assert_int_equal(digest_file(0, 10, &values), -EIO);
}

static void test_file_unreadable(void **state)
{
    struct digest_values values;

    sys.madvise = madvise_unreadable;
    assert_int_equal(digest_file(0, FILE_BYTES, &values), -EIO);
}

/* The real call, on pages that would raise SIGBUS. */
static void test_file_cut_short_meanwhile(void **state)
{
    struct digest_values values;

    sys.madvise = madvise_file_cut;
    assert_int_equal(digest_file(0, FILE_BYTES, &values), -ENODATA);
}

static int madvise_counted(void *address, size_t length, int advice)
{
    madvise_calls++;
    return madvise(address, length, advice);
}

/* What the kernel would say of a file whose first bytes are dirty: it writes pages whenever it likes, and another program's sync() does. */
static uint64_t dirty_bytes;

static int cachestat_told(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer)
{
    const uint64_t page = 4096;
    uint64_t first = offset / page, end = (offset + length + page - 1) / page, dirty_end = dirty_bytes / page;

    *answer = (struct sys_cached){
        .cached = end - first, .dirty = first < dirty_end ? (dirty_end < end ? dirty_end : end) - first : 0};
    return 0;
}

/* What was just written needs nobody to look at its pages, unless some of them may be gone. */
static void test_file_just_written(void **state)
{
    sys.cachestat = cachestat_told;
    sys.madvise = madvise_counted;
    sys.pread = pread_broken;
    dirty_bytes = FILE_BYTES + 4096;
    madvise_calls = 0;
    check_ranges();
    assert_int_equal(madvise_calls, 0);
    dirty_bytes = 4096;
    assert_true(blob_residency_is_dirty(file_fd, 0, 4096));
    assert_false(blob_residency_is_dirty(file_fd, 0, FILE_BYTES));
    sys.pread = pread; /* an older kernel does not know how to be asked for pages */
    check_ranges();
    assert_true(madvise_calls > 0);
}

/* As the real kernel tells it. */
static void test_file_is_clean_when_synced(void **state)
{
    assert_int_equal(fdatasync(file_fd), 0);
    assert_false(blob_residency_is_dirty(file_fd, 0, FILE_BYTES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_values),
        cmocka_unit_test(test_empty_input),
        cmocka_unit_test(test_only_what_was_asked_for),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_crc64nvme_widths),
        cmocka_unit_test(test_crc64nvme_both_ways),
        cmocka_unit_test(test_crc_combine),
        cmocka_unit_test(test_crc_combine_of_huge_lengths),
        cmocka_unit_test_setup_teardown(test_file_ranges, file_setup, file_teardown),
        cmocka_unit_test_setup_teardown(test_file_too_short, file_setup, file_teardown),
        cmocka_unit_test_setup_teardown(test_file_on_an_older_kernel, file_setup, file_teardown),
        cmocka_unit_test_setup_teardown(test_file_unreadable, file_setup, file_teardown),
        cmocka_unit_test_setup_teardown(test_file_cut_short_meanwhile, file_setup, file_teardown),
        cmocka_unit_test_setup_teardown(test_file_just_written, file_setup, file_teardown),
        cmocka_unit_test_setup_teardown(test_file_is_clean_when_synced, file_setup, file_teardown),
    };

    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
