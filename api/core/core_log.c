/* SPDX-License-Identifier: MIT
 *
 * The core's log, and those of storage and metadata, which are said through it. Any thread. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/core/core_internal.h"

void core_log(const struct core *core, enum core_log_level level, const char *format, ...)
{
    char message[512];
    va_list args;

    if (core->options.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    core->options.log(core->options.log_ctx, level, message);
}

void core_log_storage(void *ctx, enum log_level level, const char *message)
{
    static const enum core_log_level levels[] = {
        [LOG_LEVEL_INFO] = CORE_LOG_INFO,
        [LOG_LEVEL_WARNING] = CORE_LOG_WARNING,
        [LOG_LEVEL_ERROR] = CORE_LOG_ERROR,
    };

    assert(level < sizeof(levels) / sizeof(levels[0]));
    core_log(ctx, levels[level], "%s", message);
}

void core_log_meta(void *ctx, int level, const char *message)
{
    core_log(ctx, level <= 0 ? CORE_LOG_INFO : level == 1 ? CORE_LOG_WARNING : CORE_LOG_ERROR, "%s", message);
}
