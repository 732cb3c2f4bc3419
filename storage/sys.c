/* SPDX-License-Identifier: MIT
 *
 * The table of system calls as production uses it. */
#include "storage/sys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

struct sys_calls sys = {
    .splice = splice,
    .sendfile = sendfile,
    .pread = pread,
    .pwrite = pwrite,
    .pwritev = pwritev,
    .fallocate = fallocate,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .openat = openat,
    .pipe2 = pipe2,
    .madvise = madvise,
};

int (*sys_fault)(enum ring_op_kind kind, int fd, uint64_t length);
