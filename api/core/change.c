/* SPDX-License-Identifier: MIT
 *
 * Changes of rows that move no bytes. The committer thread finishes them; the result travels home through the
 * ring of the worker that asked, so that callers see one thread only. */
#include "api/core/core_internal.h"
#include "storage/base/io.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

static void change_on_posted(struct ring_op *op, int32_t result)
{
    struct core_change *change = OWNER_OF(op, struct core_change, posted);
    struct core_worker *worker = change->worker;

    assert(change->op->result <= 0);
    assert(worker->changes > 0);
    worker->changes--;
    if (change->op->result == 0 && meta_op_makes_garbage(change->op->kind))
        reclaim_wake(worker->core->reclaim);
    change->done(change); /* may free change */
}

/* On the committer thread. */
static void change_on_committed(struct meta_op *op)
{
    struct core_change *change = op->ctx;

    assert(change->op == op);
    ring_post(change->worker->ring, &change->posted, 0);
}

void core_change_submit(struct core_worker *worker, struct core_change *change)
{
    assert(change->op != NULL && change->done != NULL);
    assert(change->op->kind != META_OP_OBJECT_PUT && change->op->kind != META_OP_PART_PUT);
    change->worker = worker;
    change->posted.done = change_on_posted;
    change->op->done = change_on_committed;
    change->op->ctx = change;
    change->op->rests_on = NULL;
    change->op->body = NULL;
    worker->changes++;
    if (core_is_read_only(worker->core)) {
        change->op->result = -EROFS;
        ring_post(worker->ring, &change->posted, 0);
        return;
    }
    if (meta_is_stalled(worker->core->meta)) {
        change->op->result = META_E_STALLED;
        ring_post(worker->ring, &change->posted, 0);
        return;
    }
    meta_submit(worker->core->meta, change->op);
}

/* ---- Waiting ---- */

void core_upload_id_make(unsigned char id[META_UPLOAD_ID_BYTES])
{
    enum { TIME_BYTES = 8 };
    uint64_t milliseconds;
    ssize_t n;

    milliseconds = (uint64_t)clock_real_ms();
    for (int i = 0; i < TIME_BYTES; i++)
        id[i] = (unsigned char)(milliseconds >> (8 * (TIME_BYTES - 1 - i)));
    n = IO_RETRY(getrandom(id + TIME_BYTES, META_UPLOAD_ID_BYTES - TIME_BYTES, 0));
    assert(n == META_UPLOAD_ID_BYTES - TIME_BYTES); /* so few bytes never come short, getrandom(2) */
}
