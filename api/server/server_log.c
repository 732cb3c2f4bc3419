/* SPDX-License-Identifier: MIT
 *
 * One log for the store and the server. Any thread. */
#include "api/core/core.h"
#include "api/server/server_internal.h"

/* The store's log takes the server's lines too. */
void server_log_to_core(void *ctx, enum log_level level, const char *message)
{
    const struct core_options *options = core_get_options(ctx);

    if (options->log != NULL)
        options->log(options->log_ctx, level, message);
}
