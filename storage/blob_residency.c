/* SPDX-License-Identifier: MIT
 *
 * Three ways to ask whether file pages are in memory, best first. mincore(2) is not among them: it needs a
 * mapping, and costs thirty times as much. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage/blob_residency.h"

/* The C library and the headers of this distribution are older than the call; the number is the same
 * everywhere. */
#define CACHESTAT_NUMBER 451

struct cachestat_range {
    uint64_t offset, length;
};

struct cachestat_answer {
    uint64_t cached, dirty, writeback, evicted, recently_evicted; /* pages */
};

static int cachestat_call(int fd, uint64_t offset, uint64_t length, struct cachestat_answer *answer)
{
    struct cachestat_range range = {.offset = offset, .length = length};

    return (int)syscall(CACHESTAT_NUMBER, fd, &range, answer, 0u);
}

/* 1 resident (or at the end of the file), 0 not, -1 the file system cannot say. */
static int nowait_probe(int fd, uint64_t offset)
{
    unsigned char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    ssize_t n = preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT);

    if (n >= 0)
        return 1;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

enum blob_residency blob_residency_choose(int fd)
{
    struct cachestat_answer answer;

    if (cachestat_call(fd, 0, 1, &answer) == 0)
        return BLOB_RESIDENCY_CACHESTAT;
    return nowait_probe(fd, 0) >= 0 ? BLOB_RESIDENCY_NOWAIT : BLOB_RESIDENCY_UNKNOWN;
}

static uint64_t pages_of(uint64_t offset, uint64_t length)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    return (offset + length - 1) / page - offset / page + 1;
}

bool blob_residency_is_dirty(int fd, uint64_t offset, uint64_t length)
{
    struct cachestat_answer answer;

    return cachestat_call(fd, offset, length, &answer) == 0 && answer.dirty >= pages_of(offset, length);
}

bool blob_residency_check(enum blob_residency how, int fd, uint64_t offset, uint64_t length)
{
    struct cachestat_answer answer;

    switch (how) {
    case BLOB_RESIDENCY_CACHESTAT:
        if (cachestat_call(fd, offset, length, &answer) != 0)
            return false;
        return answer.cached >= pages_of(offset, length);
    case BLOB_RESIDENCY_NOWAIT:
        return nowait_probe(fd, offset) == 1 && nowait_probe(fd, offset + length - 1) == 1;
    case BLOB_RESIDENCY_UNKNOWN:
        break;
    }
    return false;
}
