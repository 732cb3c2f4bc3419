/* SPDX-License-Identifier: MIT
 *
 * The database's log, as a start looks at it before it is used. The first byte is even: any bytes. Else a log whose checksums are right is made of
 * the data, three bytes a page: what is wrong with it, which page it is, whether it ends a commit; and what is told of it has to go with that. */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata/sqlite/wal/wal_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE_BYTES = 512, FRAME_BYTES = 24 + PAGE_BYTES, HEAD_BYTES = 32, PAGES_MAX = 200, JOURNAL_PAGE = 3 };

static unsigned char file[HEAD_BYTES + PAGES_MAX * FRAME_BYTES];
static uint32_t sum[2];

static void require(int condition)
{
    if (!condition)
        abort();
}

static void put32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* Numbers are summed in the order of little-endian machines: the magic number's lowest bit is 0. */
static void sum_add(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 4) {
        uint32_t number = bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 |
                          (uint32_t)bytes[i + 3] << 24;
        unsigned half = i / 4 % 2;
        sum[half] += number + sum[1 - half];
    }
}

struct made {
    size_t length;
    uint64_t pages;
    uint64_t first_wrong; /* from 1 on; 0: none is */
};

static struct made log_make(const uint8_t *data, size_t size)
{
    struct made made = {.length = HEAD_BYTES};

    memset(file, 0, sizeof(file));
    put32(file, 0x377f0682);
    put32(file + 4, 3007000);
    put32(file + 8, PAGE_BYTES);
    memcpy(file + 16, "saltSALT", 8);
    sum[0] = sum[1] = 0;
    sum_add(file, 24);
    put32(file + 24, sum[0]);
    put32(file + 28, sum[1]);
    for (; size >= 3 && made.pages < PAGES_MAX; data += 3, size -= 3) {
        unsigned char *page = file + made.length;
        put32(page, 1u + data[1] % 6);
        put32(page + 4, data[2] & 1 ? 10 : 0);
        memcpy(page + 8, "saltSALT", 8);
        memset(page + 24, data[1], PAGE_BYTES);
        sum_add(page, 8);
        sum_add(page + 24, PAGE_BYTES);
        put32(page + 16, sum[0]);
        put32(page + 20, sum[1]);
        made.length += FRAME_BYTES;
        made.pages++;
        if (data[0] % 8 == 1)
            page[24 + data[1]] ^= 0x10; /* a bit of its data */
        else if (data[0] % 8 == 2)
            page[8] ^= 1; /* an earlier life's */
        else if (data[0] % 8 == 3)
            put32(page, 0);
        else if (data[0] % 8 == 4)
            memset(page, 0, FRAME_BYTES); /* it never reached the disk */
        else
            continue;
        if (made.first_wrong == 0)
            made.first_wrong = made.pages;
    }
    return made;
}

static char path[] =
    "/tmp/sluice-fuzz-wal-XXXXXX"; /* wal_scan follows no link, so a file without a name is none for it */

static void path_remove(void)
{
    (void)unlink(path);
}

static struct wal_scan scan(const void *bytes, size_t length, bool is_synced)
{
    static int fd = -1;
    struct wal_scan found;

    if (fd < 0) {
        require((fd = mkstemp(path)) >= 0);
        require(atexit(path_remove) == 0);
    }
    require(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, length, 0) == (ssize_t)length);
    require(wal_scan(path, JOURNAL_PAGE, is_synced, &found) == 0);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if ((data[0] & 1) == 0) {
        struct wal_scan found = scan(data + 1, size - 1, (data[0] & 2) != 0);
        require(found.tail == META_TAIL_WHOLE || found.gap <= found.pages + 1);
        return 0;
    }
    struct made made = log_make(data + 1, size - 1);
    struct wal_scan found = scan(file, made.length, (data[0] & 2) != 0);
    require(found.pages == made.pages);
    if (made.first_wrong == 0)
        require(found.tail == META_TAIL_WHOLE);
    else if (found.tail != META_TAIL_WHOLE)
        require(found.gap == made.first_wrong);
    if ((data[0] & 2) == 0) /* where no commit was synced, nothing can be damage */
        require(found.tail != META_TAIL_DAMAGED);
    return 0;
}
