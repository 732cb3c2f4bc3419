/* SPDX-License-Identifier: MIT
 *
 * See clock.h. */
#include "storage/base/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec clock_read(clockid_t clock)
{
    struct timespec now;
    int err = clock_gettime(clock, &now);

    assert(err == 0); /* it fails for clocks that do not exist */
    return now;
}

int64_t clock_real_ms(void)
{
    struct timespec now = clock_read(CLOCK_REALTIME);

    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec now = clock_read(CLOCK_MONOTONIC);

    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct timespec clock_monotonic_in(uint64_t milliseconds)
{
    uint64_t ns = clock_monotonic_ns() + milliseconds * 1000000;

    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}
