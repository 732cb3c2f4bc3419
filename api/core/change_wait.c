/* SPDX-License-Identifier: MIT
 *
 * Changes for a thread that may wait for them. */
#include <assert.h>
#include <pthread.h>

#include "api/core/core_internal.h"
#include "metadata/meta_usage.h"

/* Changes on their way through the committer while a thread waits. */
struct change_wait {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    uint32_t left;
};

/* On the committer thread. */
static void change_on_waited(struct meta_op *op)
{
    struct change_wait *wait = op->ctx;

    pthread_mutex_lock(&wait->lock);
    assert(wait->left > 0);
    if (--wait->left == 0)
        pthread_cond_signal(&wait->finished);
    pthread_mutex_unlock(&wait->lock);
}

int core_changes_wait(struct core *core, struct meta_op *const *ops, uint32_t count, enum meta_op_kind kind)
{
    struct change_wait wait = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER, .left = count};
    int result = 0;

    assert(kind < META_OP_KIND_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        ops[i]->kind = kind;
        ops[i]->done = change_on_waited;
        ops[i]->ctx = &wait;
        ops[i]->rests_on = NULL;
        ops[i]->body = NULL;
        meta_submit(core->meta, ops[i]);
    }
    pthread_mutex_lock(&wait.lock);
    while (wait.left > 0)
        pthread_cond_wait(&wait.finished, &wait.lock);
    pthread_mutex_unlock(&wait.lock);
    pthread_cond_destroy(&wait.finished);
    pthread_mutex_destroy(&wait.lock);
    for (uint32_t i = 0; i < count && result == 0; i++) {
        assert(ops[i]->result <= 0);
        result = ops[i]->result;
    }
    return result;
}

int core_change_wait(struct core *core, struct meta_op *op, enum meta_op_kind kind)
{
    return core_changes_wait(core, &op, 1, kind);
}

int core_batches_end(struct core *core)
{
    struct meta_usage_step nothing = {.rows = 0}; /* what is counted already is not counted anew */

    if (core->options.read_only || core->options.refuses_changes)
        return 0; /* there are none */
    return core_change_wait(core, &nothing.op, META_OP_USAGE_STEP);
}
