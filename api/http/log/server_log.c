/* SPDX-License-Identifier: MIT
 *
 * The server's log, for all files of this folder. Any thread. */
#include <stdarg.h>

#include "api/http/worker.h"

void server_log(const struct http_server *server, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(server->options.log, server->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

void server_log_line(void *ctx, enum log_level level, const char *message)
{
    server_log(ctx, level, "%s", message);
}
