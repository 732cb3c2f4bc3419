/* SPDX-License-Identifier: MIT
 *
 * What the store tells its owner: messages for the operator, and that it has grown. Any thread. */
#include <stdarg.h>

#include "storage/blob/blob_internal.h"

void blob_store_log(struct blob_store *store, enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_say(store->options.log, store->options.log_ctx, level, format, args);
    va_end(args);
}

void blob_store_log_once(struct blob_store *store, atomic_bool *said, const char *message)
{
    if (!atomic_exchange(said, true))
        blob_store_log(store, LOG_LEVEL_WARNING, "%s", message);
}

void blob_store_grown(struct blob_store *store)
{
    if (store->options.on_grown != NULL)
        store->options.on_grown(store->options.grown_ctx);
}
