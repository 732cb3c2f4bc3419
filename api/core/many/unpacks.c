/* SPDX-License-Identifier: MIT
 *
 * See unpacks.h. */
#include "api/core/many/unpacks.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/core/limits.h"
#include "storage/base/work_pool.h"

struct unpacks {
    struct work_pool *pool;
    pthread_mutex_t lock;
    struct queue waiting; /* for room */
    unsigned count;       /* that have it */
};

static bool unpacks_run(void *ctx, struct queue_link *link, void *own)
{
    struct unpacks_work *work = OWNER_OF(link, struct unpacks_work, link);

    return work->run(work);
}

int unpacks_enter(struct unpacks *unpacks, struct unpacks_work *work)
{
    int err = work_pool_begin(unpacks->pool);
    bool has_room;

    if (err != 0)
        return err;
    pthread_mutex_lock(&unpacks->lock);
    has_room = unpacks->count < CORE_UNPACKS_MAX;
    if (has_room)
        unpacks->count++;
    else
        queue_push(&unpacks->waiting, &work->link);
    pthread_mutex_unlock(&unpacks->lock);
    if (has_room)
        work_pool_add(unpacks->pool, &work->link);
    return 0;
}

/* The first that waits has the room of the one that goes. */
void unpacks_leave(struct unpacks *unpacks)
{
    struct queue_link *next;

    pthread_mutex_lock(&unpacks->lock);
    assert(unpacks->count > 0);
    if ((next = queue_pop(&unpacks->waiting)) == NULL)
        unpacks->count--;
    pthread_mutex_unlock(&unpacks->lock);
    if (next != NULL)
        work_pool_add(unpacks->pool, next);
}

int unpacks_create(struct unpacks **out)
{
    struct unpacks *unpacks = calloc(1, sizeof(*unpacks));
    const struct work_pool_options options = {
        .name = "sluice-unpack", .thread_max = CORE_UNPACK_THREADS_MAX, .run = unpacks_run};
    int err;

    if (unpacks == NULL)
        return -ENOMEM;
    if ((err = work_pool_create(&unpacks->pool, &options)) != 0) {
        free(unpacks);
        return err;
    }
    pthread_mutex_init(&unpacks->lock, NULL);
    *out = unpacks;
    return 0;
}

void unpacks_destroy(struct unpacks *unpacks)
{
    if (unpacks == NULL)
        return;
    assert(unpacks->count == 0);
    work_pool_destroy(unpacks->pool);
    pthread_mutex_destroy(&unpacks->lock);
    free(unpacks);
}
