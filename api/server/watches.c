/* SPDX-License-Identifier: MIT
 *
 * A watch for each file: a thread that sleeps. */
#include "api/server/watches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/server/watch.h"

struct server_watches {
    struct server_watches_calls calls;
    size_t count;
    struct file_watch *files[];
};

static void watch(struct server_watches *watches, const char *path, void (*changed)(void *ctx))
{
    char message[512];

    if (path == NULL)
        return;
    if (file_watch_create(&watches->files[watches->count], path, changed, watches->calls.ctx) == 0) {
        watches->count++;
        return;
    }
    snprintf(message, sizeof(message), "%s cannot be watched: changes count after a reload only", path);
    watches->calls.log(watches->calls.log_ctx, LOG_LEVEL_WARNING, message);
}

int server_watches_create(struct server_watches **out, const struct sluice_server_options *options,
                          const struct server_watches_calls *calls)
{
    size_t most = 4 + 2 * options->tls_more_count;
    struct server_watches *watches = calloc(1, sizeof(*watches) + most * sizeof(watches->files[0]));

    if (watches == NULL)
        return -ENOMEM;
    watches->calls = *calls;
    watch(watches, options->credentials, calls->credentials_changed);
    watch(watches, options->tls_certificate, calls->tls_changed);
    watch(watches, options->tls_key, calls->tls_changed);
    watch(watches, options->tls_client_authority, calls->tls_changed);
    for (size_t i = 0; i < options->tls_more_count; i++) {
        watch(watches, options->tls_more[i].certificate, calls->tls_changed);
        watch(watches, options->tls_more[i].key, calls->tls_changed);
    }
    *out = watches;
    return 0;
}

int server_watches_start(struct server_watches *watches)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < watches->count; i++)
        err = file_watch_start(watches->files[i]);
    return err;
}

void server_watches_destroy(struct server_watches *watches)
{
    if (watches == NULL)
        return;
    for (size_t i = 0; i < watches->count; i++)
        file_watch_destroy(watches->files[i]);
    free(watches);
}
