/* SPDX-License-Identifier: MIT
 *
 * A change for a thread that may wait for it. */
#include <assert.h>
#include <pthread.h>

#include "api/core/core_internal.h"

/* A change on its way through the committer while a thread waits. */
struct change_wait {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool is_finished;
};

/* On the committer thread. */
static void change_on_waited(struct meta_op *op)
{
    struct change_wait *wait = op->ctx;

    pthread_mutex_lock(&wait->lock);
    assert(!wait->is_finished);
    wait->is_finished = true;
    pthread_cond_signal(&wait->finished);
    pthread_mutex_unlock(&wait->lock);
}

int core_change_wait(struct core *core, struct meta_op *op, enum meta_op_kind kind)
{
    struct change_wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};

    assert(kind < META_OP_KIND_COUNT);
    op->kind = kind;
    op->done = change_on_waited;
    op->ctx = &wait;
    op->rests_on = NULL;
    meta_submit(core->meta, op);
    pthread_mutex_lock(&wait.lock);
    while (!wait.is_finished)
        pthread_cond_wait(&wait.finished, &wait.lock);
    pthread_mutex_unlock(&wait.lock);
    pthread_cond_destroy(&wait.finished);
    pthread_mutex_destroy(&wait.lock);
    assert(op->result <= 0);
    return op->result;
}
