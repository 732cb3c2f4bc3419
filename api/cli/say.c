/* SPDX-License-Identifier: MIT
 *
 * What the program says on stderr. Any thread. */
#include <stdarg.h>

#include "api/cli/cli.h"

void cli_log(void *ctx, enum sluice_log_level level, const char *message)
{
    const char *label = level == SLUICE_LOG_ERROR     ? "error: "
                        : level == SLUICE_LOG_WARNING ? "warning: "
                                                      : "";

    (void)ctx;
    fprintf(stderr, "sluice: %s%s\n", label, message); /* one call, one line, whichever threads speak */
}

void cli_say(enum sluice_log_level level, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments); /* a cut message is still a message */
    va_end(arguments);
    cli_log(NULL, level, message);
}
