/* SPDX-License-Identifier: MIT
 *
 * What goes into the log: its levels, a line by printf, and a bound for lines that somebody else can cause. */
#ifndef STORAGE_BASE_LOG_H
#define STORAGE_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Whoever keeps the log. message: without a newline, valid during the call. Called from any thread; must not block for long. */
typedef void (*log_fn)(void *ctx, enum log_level level, const char *message);

/* One line; what is longer is cut. */
#define LOG_SAY_BYTES 512u

/* log NULL: nobody wants to hear it. Any thread. */
void log_say(log_fn log, void *ctx, enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 4, 0)));

/* At most so many lines in so long a time, and afterwards how many were left out. Zeros are one that has seen nothing. Under the lock of
 * its owner. */
struct log_limit {
    uint64_t since_ms; /* of the count; on the monotonic clock */
    unsigned lines, left_out;
};

/* Whether one more may be written. *left_out: lines of an earlier time that were not, and that nobody was told of yet; valid with true. */
bool log_limit_admit(struct log_limit *limit, unsigned lines_max, uint64_t milliseconds, unsigned *left_out);

#endif
