/* SPDX-License-Identifier: MIT
 *
 * Three ways to ask whether file pages are in memory, best first. mincore(2) is not among them: it needs a
 * mapping, and costs thirty times as much. */
#include <assert.h>
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage/egress/blob_residency.h"
#include "storage/base/sys.h"

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
    struct sys_cached answer;

    if (sys.cachestat(fd, 0, 1, &answer) == 0)
        return BLOB_RESIDENCY_CACHESTAT;
    return nowait_probe(fd, 0) >= 0 ? BLOB_RESIDENCY_NOWAIT : BLOB_RESIDENCY_UNKNOWN;
}

static uint64_t pages_of(uint64_t offset, uint64_t length)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    assert(length > 0);
    return (offset + length - 1) / page - offset / page + 1;
}

bool blob_residency_is_dirty(int fd, uint64_t offset, uint64_t length)
{
    struct sys_cached answer;

    return sys.cachestat(fd, offset, length, &answer) == 0 && answer.dirty >= pages_of(offset, length);
}

bool blob_residency_check(enum blob_residency how, int fd, uint64_t offset, uint64_t length)
{
    struct sys_cached answer;

    switch (how) {
    case BLOB_RESIDENCY_CACHESTAT:
        if (sys.cachestat(fd, offset, length, &answer) != 0 || answer.cached < pages_of(offset, length))
            return false;
        /* Pages that are being read already count as there. Reads end in their order, nearly always. */
        return nowait_probe(fd, offset + length - 1) != 0;
    case BLOB_RESIDENCY_NOWAIT:
        return nowait_probe(fd, offset) == 1 && nowait_probe(fd, offset + length - 1) == 1;
    case BLOB_RESIDENCY_UNKNOWN:
        break;
    }
    return false;
}
