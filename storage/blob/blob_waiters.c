/* SPDX-License-Identifier: MIT
 *
 * Who waits for something that another thread will finish: an id, or the sync of a folder. */
#include <assert.h>

#include "storage/blob/blob_internal.h"

void blob_waiters_post(struct queue *waiters, int32_t result)
{
    struct queue_link *link;

    while ((link = queue_pop(waiters)) != NULL) {
        struct blob_waiter *waiter = OWNER_OF(link, struct blob_waiter, link);

        assert(waiter->ring != NULL && waiter->op.done != NULL);
        ring_post(waiter->ring, &waiter->op, result); /* from here on it is no longer ours to touch */
    }
}
