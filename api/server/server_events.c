/* SPDX-License-Identifier: MIT
 *
 * A server's events: what becomes of its file of targets. */
#include "api/events/events.h"

#include <errno.h>

#include "api/core/core.h"
#include "api/server/server_internal.h"

static int result_of(int err)
{
    return err == -EBADMSG ? SLUICE_E_NOTIFICATIONS : err;
}

int server_events_create(struct sluice_server *server, const struct sluice_server_options *options)
{
    const struct events_options events_options = {
        .core = server->core,
        .targets_path = options->notifications,
        .log = server_log_to_core,
        .log_ctx = server->core,
    };

    return result_of(events_create(&server->events, &events_options));
}

int server_events_start(struct sluice_server *server)
{
    return events_start(server->events, s3_service_region(server->service),
                        s3_service_host_id(server->service));
}

int server_events_check(const struct sluice_server_options *options, log_fn log, void *log_ctx)
{
    const struct target_source source = {.path = options->notifications, .log = log, .log_ctx = log_ctx};
    struct events_targets *targets = NULL;
    int err = source.path != NULL ? events_targets_read(&targets, &source) : 0;

    events_targets_unref(targets);
    return result_of(err);
}

int server_events_prepare(struct sluice_server *server, struct events_targets **targets)
{
    return result_of(events_prepare(server->events, targets));
}
