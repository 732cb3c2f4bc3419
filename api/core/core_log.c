/* SPDX-License-Identifier: MIT
 *
 * The core's log, which storage and metadata write to as well. Any thread. */
#include <stdarg.h>

#include "api/core/core_internal.h"

void core_log(const struct core *core, enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_say(core->options.log, core->options.log_ctx, level, format, args);
    va_end(args);
}
