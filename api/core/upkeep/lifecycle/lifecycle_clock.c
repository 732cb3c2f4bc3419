/* SPDX-License-Identifier: MIT
 *
 * A clock that jumps ahead, because a battery is empty or a time server lies, must not make lifecycle rules delete what is not old. So
 * the time at which the last pass was carried out is kept, in DATA/clock; while the process lives, it goes on by CLOCK_BOOTTIME, which nobody
 * sets. Where the clock is more than LIFECYCLE_CLOCK_DAYS ahead of that, it is in doubt: the server was off for long, or the clock jumped, and
 * nobody here can tell which.
 *
 * A clock that goes back makes nothing old.
 *
 * On the lifecycle thread. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/core/figures.h"
#include "api/core/upkeep/lifecycle/lifecycle_internal.h"
#include "storage/base/clock.h"
#include "storage/base/io.h"

#define CLOCK_FILE     "clock"
#define CLOCK_FILE_NEW "clock.new"

/* Days, as long as they are for rules: a server that was off for a long weekend is no reason to ask. */
#define LIFECYCLE_CLOCK_DAYS 7

static uint64_t boot_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void believe(struct lifecycle_clock *clock, int64_t now_ms)
{
    clock->believed_ms = now_ms;
    clock->believed_boot = boot_ms();
}

/* What the file says, or now: a store that has none yet believes its clock. */
static int64_t file_read(const struct lifecycle *lifecycle)
{
    int fd =
        io_open(blob_store_folder_fd(lifecycle->core->blobs), CLOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[32] = "", *end = text;
    int64_t ms = 0;

    if (fd >= 0) {
        ssize_t length = read_up_to(fd, text, sizeof(text) - 1, 0);

        close(fd); /* was only read from */
        if (length > 0)
            ms = strtoll(text, &end, 10);
    }
    return end != text && *end == '\n' && ms > 0 ? ms : clock_real_ms();
}

static int file_write(const struct lifecycle *lifecycle, int64_t ms)
{
    int folder = blob_store_folder_fd(lifecycle->core->blobs), err = 0;
    int fd = io_open(folder, CLOCK_FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    char text[32];
    int length = snprintf(text, sizeof(text), "%" PRId64 "\n", ms);

    if (fd < 0)
        return -errno;
    err = write_whole(fd, text, (size_t)length, 0);
    if (err == 0 && fdatasync(fd) != 0)
        err = -errno;
    close(fd); /* synced, or failed */
    if (err == 0 && renameat(folder, CLOCK_FILE_NEW, folder, CLOCK_FILE) != 0)
        err = -errno;
    return err;
}

/* Where the clock should stand. */
static int64_t expected_ms(const struct lifecycle_clock *clock)
{
    return clock->believed_ms + (int64_t)(boot_ms() - clock->believed_boot);
}

bool lifecycle_clock_is_doubtful(struct lifecycle *lifecycle, uint32_t day_s)
{
    struct lifecycle_clock *clock = &lifecycle->clock;
    int64_t far_ms = (int64_t)LIFECYCLE_CLOCK_DAYS * day_s * 1000;

    if (!clock->is_known) {
        believe(clock, lifecycle->core->options.accept_clock ? clock_real_ms() : file_read(lifecycle));
        clock->is_known = true;
    }
    return clock_real_ms() - expected_ms(clock) > far_ms;
}

void lifecycle_clock_believe(struct lifecycle *lifecycle)
{
    struct lifecycle_clock *clock = &lifecycle->clock;
    int64_t now_ms = clock_real_ms(), expected = expected_ms(clock);

    assert(clock->is_known);
    believe(clock, now_ms > expected ? now_ms : expected);
    /* Unwritten, an earlier time is believed at the next start. */
    (void)file_write(lifecycle, clock->believed_ms);
}

bool core_lifecycle_is_held(struct core *core)
{
    return core->lifecycle != NULL && atomic_load(&core->lifecycle->is_held);
}
