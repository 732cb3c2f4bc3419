/* SPDX-License-Identifier: MIT
 *
 * Deflated members become files again, whole and in ranges, and nothing else does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/archive/member_gzip.h"
#include "api/archive/member_inflate.h"

#define FILE_BYTES (300u << 10)

struct made {
    unsigned char *file, *stored;
    struct member member;
};

/* level: zlib's; the bytes repeat as far as `pattern` is short. */
static struct made make(size_t size, size_t pattern, int level)
{
    struct made made = {malloc(size + 1), malloc(size + 4096), {.size = size, .method = MEMBER_DEFLATED}};
    z_stream stream = {0};

    for (size_t i = 0; i < size; i++)
        made.file[i] = (unsigned char)(i % pattern * 2654435761u >> 13);
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = made.file;
    stream.avail_in = (uInt)size;
    stream.next_out = made.stored;
    stream.avail_out = (uInt)size + 4096;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    made.member.stored = stream.total_out;
    made.member.crc = (uint32_t)crc32(0, made.file, (uInt)size);
    deflateEnd(&stream);
    return made;
}

static void drop(struct made *made)
{
    free(made->file);
    free(made->stored);
}

/* Feeds what is stored in such pieces. How many bytes came out, which are compared; or the error. */
static int64_t run(const struct made *made, uint64_t first, uint64_t length, size_t piece)
{
    struct member_inflate *work = malloc(sizeof(*work));
    uint64_t fed = 0, got = 0;
    int64_t result = 0;

    member_inflate_begin(work, &made->member, first, length);
    while (result == 0) {
        int step = member_inflate_step(work);
        size_t left = made->member.stored - fed < piece ? (size_t)(made->member.stored - fed) : piece;

        if (step == INFLATE_OVER)
            break;
        if (step < 0) {
            result = step;
        } else if (step == INFLATE_WANTS) {
            if (left == 0)
                result = -ENODATA;
            memcpy(work->in, made->stored + fed, left);
            work->in_length = left;
            fed += left;
        } else if (step == INFLATE_GIVES) {
            size_t count = work->out_end - work->out_begin;

            assert_true(count > 0 && count <= ARCHIVE_STEP_BYTES && count <= length - got);
            assert_memory_equal(work->out + work->out_begin, made->file + first + got, count);
            got += count;
        }
    }
    member_inflate_end(work);
    free(work);
    return result != 0 ? result : (int64_t)got;
}

static void test_whole(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   1000,
                                   ARCHIVE_STEP_BYTES - 1,
                                   ARCHIVE_STEP_BYTES,
                                   ARCHIVE_STEP_BYTES + 1,
                                   4 * ARCHIVE_STEP_BYTES,
                                   FILE_BYTES};
    static const size_t patterns[] = {1, 1000, SIZE_MAX};
    static const size_t pieces[] = {1, 777, ARCHIVE_STEP_BYTES};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t j = 0; j < 3; j++) {
            struct made made = make(sizes[i], patterns[j], j == 2 ? 0 : 6);

            for (size_t k = 0; k < 3; k++)
                assert_int_equal(run(&made, 0, sizes[i], pieces[k]), sizes[i]);
            drop(&made);
        }
}

static void test_ranges(void **state)
{
    struct made made = make(FILE_BYTES, 4093, 6);
    static const uint64_t ranges[][2] = {{0, 1},
                                         {1, 1},
                                         {ARCHIVE_STEP_BYTES - 1, 2},
                                         {ARCHIVE_STEP_BYTES, 1},
                                         {200000, 100000},
                                         {FILE_BYTES - 1, 1},
                                         {FILE_BYTES, 0},
                                         {0, 0},
                                         {5, FILE_BYTES - 5}};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        assert_int_equal(run(&made, ranges[i][0], ranges[i][1], 1000), ranges[i][1]);
    drop(&made);
}

static void test_lies(void **state)
{
    struct made made = make(1000, 7, 6);

    made.member.crc ^= 1;
    assert_int_equal(run(&made, 0, 1000, 1000), -EBADMSG);
    assert_int_equal(run(&made, 999, 1, 1000), -EBADMSG);
    made.member.crc ^= 1;
    made.member.size = 999; /* more comes than it says */
    assert_int_equal(run(&made, 0, 999, 1000), -EBADMSG);
    made.member.size = 1001;
    assert_int_equal(run(&made, 0, 1001, 1000), -EBADMSG);
    made.member.size = 1000;
    made.member.stored -= 1; /* cut short */
    assert_int_equal(run(&made, 0, 1000, 1000), -ENODATA);
    made.member.stored += 1;
    memset(made.stored, 0xff, 8);
    assert_int_equal(run(&made, 0, 1000, 1000), -EBADMSG);
    drop(&made);
}

/* The last byte is not given out before the stream has ended, also where it fills a step to the brim. */
static void test_held_back(void **state)
{
    struct made made = make(2 * ARCHIVE_STEP_BYTES, 7, 6);

    made.member.stored -= 1;
    assert_int_equal(run(&made, 0, made.member.size, 1), -ENODATA);
    made.member.stored += 1;
    made.member.size = ARCHIVE_STEP_BYTES;
    made.member.crc = (uint32_t)crc32(0, made.file, ARCHIVE_STEP_BYTES);
    assert_int_equal(run(&made, 0, ARCHIVE_STEP_BYTES, ARCHIVE_STEP_BYTES), -EBADMSG);
    drop(&made);
}

static void test_gzip(void **state)
{
    struct made made = make(100000, 4093, 9);
    size_t stored = (size_t)made.member.stored,
           length = stored + MEMBER_GZIP_HEAD_BYTES + MEMBER_GZIP_TAIL_BYTES;
    unsigned char *gzip = malloc(length), *back = malloc(100001);
    z_stream stream = {.next_in = gzip, .avail_in = (uInt)length, .next_out = back, .avail_out = 100001};

    memcpy(gzip, member_gzip_head, MEMBER_GZIP_HEAD_BYTES);
    memcpy(gzip + MEMBER_GZIP_HEAD_BYTES, made.stored, stored);
    member_gzip_tail(&made.member, gzip + MEMBER_GZIP_HEAD_BYTES + stored);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, 100000);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(back, made.file, 100000);
    inflateEnd(&stream);
    free(gzip);
    free(back);
    drop(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),     cmocka_unit_test(test_ranges), cmocka_unit_test(test_lies),
        cmocka_unit_test(test_held_back), cmocka_unit_test(test_gzip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
