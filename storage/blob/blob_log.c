/* SPDX-License-Identifier: MIT
 *
 * What the store tells its owner: messages for the operator, and that it has grown. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "storage/blob/blob_internal.h"

void blob_store_log(struct blob_store *store, enum storage_log_level level, const char *format, ...)
{
    char message[BLOB_LOG_BYTES];
    va_list args;

    if (store->options.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    store->options.log(store->options.log_ctx, level, message);
}

void blob_store_log_once(struct blob_store *store, atomic_bool *said, const char *message)
{
    if (!atomic_exchange(said, true))
        blob_store_log(store, STORAGE_LOG_WARNING, "%s", message);
}

void blob_store_grown(struct blob_store *store)
{
    if (store->options.on_grown != NULL)
        store->options.on_grown(store->options.grown_ctx);
}
