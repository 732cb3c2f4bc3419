/* SPDX-License-Identifier: MIT
 *
 * The module's log, which is its owner's. */
#include "metadata/db.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void meta_log(const struct meta *meta, enum meta_log_level level, const char *format, ...)
{
    char message[512];
    va_list arguments;

    assert(level <= META_LOG_ERROR);
    if (meta->options.log == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    meta->options.log(meta->options.log_ctx, (int)level, message);
}
