/* SPDX-License-Identifier: MIT
 *
 * Lines of the log, and their bound. */
#include "storage/base/log.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>

#include "storage/base/clock.h"

void log_say(log_fn log, void *ctx, enum log_level level, const char *format, va_list arguments)
{
    char message[LOG_SAY_BYTES];

    if (log == NULL)
        return;
    (void)vsnprintf(message, sizeof(message), format, arguments); /* fails for a bad format only */
    log(ctx, level, message);
}

bool log_limit_admit(struct log_limit *limit, unsigned lines_max, uint64_t milliseconds, unsigned *left_out)
{
    uint64_t now = clock_monotonic_ms();

    assert(lines_max > 0);
    if (now - limit->since_ms >= milliseconds) {
        limit->since_ms = now;
        limit->lines = 0;
    }
    if (limit->lines == lines_max) {
        if (limit->left_out < UINT_MAX)
            limit->left_out++;
        return false;
    }
    limit->lines++;
    *left_out = limit->left_out;
    limit->left_out = 0;
    return true;
}
