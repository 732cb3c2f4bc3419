/* SPDX-License-Identifier: MIT
 *
 * The table of system calls as production uses it. */
#include "storage/base/sys.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library and the headers of this distribution are older than the call; the number is the same
 * everywhere. */
#define CACHESTAT_NUMBER 451

static int cachestat(int fd, uint64_t offset, uint64_t length, struct sys_cached *answer)
{
    struct {
        uint64_t offset, length;
    } range = {offset, length};

    return (int)syscall(CACHESTAT_NUMBER, fd, &range, answer, 0u);
}

struct sys_calls sys = {
    .splice = splice,
    .vmsplice = vmsplice,
    .sendfile = sendfile,
    .pread = pread,
    .pwrite = pwrite,
    .pwritev = pwritev,
    .fallocate = fallocate,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .syncfs = syncfs,
    .openat = openat,
    .fstatfs = fstatfs,
    .fstatvfs = fstatvfs,
    .flock = flock,
    .pipe2 = pipe2,
    .madvise = madvise,
    .cachestat = cachestat,
};
