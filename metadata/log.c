/* SPDX-License-Identifier: MIT
 *
 * The module's log, which is its owner's. */
#include "metadata/db.h"

#include <stdarg.h>

void meta_log(const struct meta *meta, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(meta->options.log, meta->options.log_ctx, level, format, arguments);
    va_end(arguments);
}
