/* SPDX-License-Identifier: MIT
 *
 * See check_ahead.h. */
#include "api/core/upkeep/check_ahead.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/core/core_internal.h"
#include "storage/base/io.h"
#include "storage/base/thread.h"

/* A thread reads so much at a time: what disks give at full speed. */
#define AHEAD_BYTES (1u << 20)
/* What it reads at most, as a share of the memory that there is: more would drive out its own beginning. */
#define AHEAD_MEMORY_SHARE 4

struct check_ahead {
    pthread_t thread;
    atomic_bool is_over;
    int fd;
    unsigned char bytes[AHEAD_BYTES]; /* nobody looks at them */
};

static off_t memory_for_it(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);

    return pages > 0 && page_bytes > 0 ? (off_t)pages * page_bytes / AHEAD_MEMORY_SHARE : 0;
}

static void *ahead_main(void *ctx)
{
    struct check_ahead *ahead = ctx;
    off_t end = memory_for_it(), at = 0;

    while (!atomic_load(&ahead->is_over) && at < end) {
        ssize_t taken = pread(ahead->fd, ahead->bytes, sizeof(ahead->bytes), at);

        if (taken <= 0)
            break; /* the end, or what a reader of rows will meet */
        at += taken;
    }
    return NULL;
}

struct check_ahead *check_ahead_begin(const char *data_dir)
{
    struct check_ahead *ahead = malloc(sizeof(*ahead));
    char *path = core_database_path(data_dir);

    if (ahead == NULL || path == NULL) {
        free(ahead);
        free(path);
        return NULL;
    }
    atomic_init(&ahead->is_over, false);
    ahead->fd = io_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(path);
    if (ahead->fd < 0) {
        free(ahead);
        return NULL;
    }
    if (thread_start(&ahead->thread, "sluice-ahead", ahead_main, ahead) == 0)
        return ahead;
    close(ahead->fd); /* was not even read from */
    free(ahead);
    return NULL;
}

void check_ahead_end(struct check_ahead *ahead)
{
    if (ahead == NULL)
        return;
    atomic_store(&ahead->is_over, true);
    thread_join(ahead->thread);
    close(ahead->fd); /* was only read from */
    free(ahead);
}
