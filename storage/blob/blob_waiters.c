/* SPDX-License-Identifier: MIT
 *
 * Lists of who waits for something that another thread will finish: an id, or the sync of a folder. Under the lock of what is waited
 * for. */
#include <assert.h>

#include "storage/blob/blob_internal.h"

void blob_waiter_push(struct blob_waiter_list *list, struct blob_waiter *waiter)
{
    assert(!waiter->queued);
    assert(waiter->ring != NULL);
    waiter->queued = true;
    waiter->next = list->head;
    list->head = waiter;
}

bool blob_waiter_remove(struct blob_waiter_list *list, struct blob_waiter *waiter)
{
    if (!waiter->queued)
        return false;
    for (struct blob_waiter **at = &list->head; *at != NULL; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            waiter->queued = false;
            return true;
        }
    }
    return false;
}

void blob_waiter_move(struct blob_waiter_list *to, struct blob_waiter_list *from)
{
    struct blob_waiter **end = &to->head;

    while (*end != NULL)
        end = &(*end)->next;
    *end = from->head;
    from->head = NULL;
}

void blob_waiter_post(struct blob_waiter_list *list, int32_t result)
{
    while (list->head != NULL) {
        struct blob_waiter *waiter = list->head;
        list->head = waiter->next;
        waiter->queued = false;
        ring_post(waiter->ring, &waiter->op, result); /* from here on it is no longer ours to touch */
    }
}
