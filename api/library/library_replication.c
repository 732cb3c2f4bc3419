/* SPDX-License-Identifier: MIT
 *
 * Replication, as the server that has a store open tells of it. Any thread; blocks. */
#include <errno.h>

#include "api/library/control_client.h"
#include "storage/base/clock.h"

struct visitor {
    int (*visit)(void *ctx, const struct sluice_replication *replication);
    void *ctx;
};

static int on_item(void *ctx, const json_t *item)
{
    const struct visitor *visitor = ctx;
    uint64_t oldest_ms = control_client_number(item, "oldest_ms"), now_ms = (uint64_t)clock_real_ms();
    const struct sluice_replication replication = {
        .target = control_client_text(item, "target"),
        .waiting = control_client_number(item, "waiting"),
        .waiting_bytes = control_client_number(item, "waiting_bytes"),
        .lag_s = oldest_ms != 0 && oldest_ms < now_ms ? (now_ms - oldest_ms) / 1000 : 0,
        .copied = control_client_number(item, "copied"),
        .equal = control_client_number(item, "equal"),
        .deleted = control_client_number(item, "deleted"),
        .failed = control_client_number(item, "failed"),
        .refused = control_client_number(item, "refused"),
        .dropped = control_client_number(item, "dropped"),
        .sent_bytes = control_client_number(item, "sent_bytes"),
    };

    return visitor->visit(visitor->ctx, &replication);
}

int sluice_replication_list(const char *directory,
                            int (*visit)(void *ctx, const struct sluice_replication *replication), void *ctx)
{
    struct visitor visitor = {visit, ctx};
    json_t *answer;
    int err =
        control_client_call(directory, json_pack("{s:s}", "call", "replication"), on_item, &visitor, &answer);

    json_decref(answer);
    return err;
}

int sluice_replication_resync(const char *directory, const char *bucket, unsigned *targets)
{
    json_t *request = json_pack("{s:s, s:s}", "call", "replication-resync", "bucket", bucket), *answer;
    int err = control_client_call(directory, request, NULL, NULL, &answer);

    *targets = err == 0 ? (unsigned)control_client_number(answer, "targets") : 0;
    json_decref(answer);
    return err;
}
