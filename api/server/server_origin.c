/* SPDX-License-Identifier: MIT
 *
 * A server's origins: what becomes of their file. */
#include "api/origin/origin.h"

#include <errno.h>

#include "api/server/server_internal.h"

static int result_of(int err)
{
    return err == -EBADMSG ? SLUICE_E_ORIGINS : err;
}

int server_origin_create(struct sluice_server *server, const struct sluice_server_options *options)
{
    const struct origin_options origin_options = {
        .core = server->core,
        .path = options->origins,
        .log = server_log_to_core,
        .log_ctx = server->core,
    };

    return result_of(origin_create(&server->origin, &origin_options));
}

int server_origin_check(const struct sluice_server_options *options, log_fn log, void *log_ctx)
{
    const struct target_source source = {.path = options->origins, .log = log, .log_ctx = log_ctx};
    struct origins *origins = NULL;
    int err = source.path != NULL ? origins_read(&origins, &source) : 0;

    origins_unref(origins);
    return result_of(err);
}

int server_origin_prepare(struct sluice_server *server, struct origins **origins)
{
    return result_of(origin_prepare(server->origin, origins));
}

/* A server that has no file asks nobody, which costs a read nothing. */
void server_origin_offer(struct s3_service_options *options, struct origin *origin, bool has_file)
{
    if (origin != NULL && has_file)
        options->fetcher = origin_fetcher(origin);
}
