/* SPDX-License-Identifier: MIT
 *
 * The server's log, for all files of this folder. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "api/http/worker.h"

void server_log(const struct http_server *server, int level, const char *format, ...)
{
    char message[512];
    va_list arguments;

    if (server->options.log == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    server->options.log(server->options.log_ctx, level, message);
}
