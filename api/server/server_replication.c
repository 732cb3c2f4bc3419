/* SPDX-License-Identifier: MIT
 *
 * A server's replication: what becomes of its file of targets, and the calls of the control socket about it. */
#include "api/replication/replication.h"

#include <errno.h>

#include "api/server/control/control_calls.h"
#include "api/server/server_internal.h"

static int result_of(int err)
{
    return err == -EBADMSG ? SLUICE_E_REPLICATION : err;
}

int server_replication_create(struct sluice_server *server, const struct sluice_server_options *options)
{
    const struct replication_options replication_options = {
        .core = server->core,
        .targets_path = options->replication,
        .log = server_log_to_core,
        .log_ctx = server->core,
    };

    return result_of(replication_create(&server->replication, &replication_options));
}

int server_replication_check(const struct sluice_server_options *options, log_fn log, void *log_ctx)
{
    const struct target_source source = {.path = options->replication, .log = log, .log_ctx = log_ctx};
    struct replication_targets *targets = NULL;
    int err = source.path != NULL ? replication_targets_read(&targets, &source) : 0;

    replication_targets_unref(targets);
    return result_of(err);
}

int server_replication_prepare(struct sluice_server *server, struct replication_targets **targets)
{
    return result_of(replication_prepare(server->replication, targets));
}

void server_replication_offer(struct s3_service_options *options, struct replication *replication)
{
    if (replication == NULL)
        return;
    options->may_replicate = replication_may_use;
    options->replication_metrics = replication_add_metrics;
    options->replication_ctx = replication;
}

/* ---- Calls ---- */

/* Collected first: the committer waits for who looks at figures, and nobody knows how long an asker takes to read. */
static void on_figures(void *ctx, const struct replication_figures *figures)
{
    /* Without memory one is missing, which its asker sees. */
    (void)json_array_append_new(ctx, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                                               "target", figures->name, "waiting",
                                               (json_int_t)atomic_load(&figures->waiting), "waiting_bytes",
                                               (json_int_t)atomic_load(&figures->waiting_bytes), "oldest_ms",
                                               (json_int_t)atomic_load(&figures->oldest_ms), "copied",
                                               (json_int_t)atomic_load(&figures->copied), "equal",
                                               (json_int_t)atomic_load(&figures->equal), "deleted",
                                               (json_int_t)atomic_load(&figures->deleted), "failed",
                                               (json_int_t)atomic_load(&figures->failed), "refused",
                                               (json_int_t)atomic_load(&figures->refused), "dropped",
                                               (json_int_t)atomic_load(&figures->dropped), "sent_bytes",
                                               (json_int_t)atomic_load(&figures->bytes)));
}

json_t *control_call_replication(const struct control_subject *subject, json_t *request,
                                 const struct control_asker *asker)
{
    json_t *list = json_array();
    int err = list != NULL ? replication_count(subject->replication) : -ENOMEM;

    (void)request;
    if (err == 0)
        replication_visit(subject->replication, on_figures, list);
    for (size_t i = 0; err == 0 && i < json_array_size(list); i++)
        err = asker->item(asker->ctx, json_incref(json_array_get(list, i)));
    json_decref(list);
    return err != 0 ? control_refusal(err, NULL) : control_success(json_object());
}

json_t *control_call_resync(const struct control_subject *subject, json_t *request,
                            const struct control_asker *asker)
{
    const char *bucket;
    unsigned targets;
    int err;

    if (json_unpack(request, "{s:s, s:s !}", "call", &bucket, "bucket", &bucket) != 0)
        return control_refusal(-EINVAL, "expected: call and bucket, both of them texts");
    err = replication_resync(subject->replication, slice_text(bucket), &targets);
    if (err == META_E_NO_SETTING)
        return control_refusal(err, "the bucket has no rule of replication that is enabled");
    if (err != 0)
        return control_refusal(err, NULL);
    control_log(subject, asker, "all of %s is compared with %u targets of replication", bucket, targets);
    return control_success(json_pack("{s:I}", "targets", (json_int_t)targets));
}
