/* SPDX-License-Identifier: MIT
 *
 * Points: a store that is not durable syncs nothing when it answers, but now and then, off everybody's way, all that has come up
 * to a moment. What lies before that moment a power failure cannot take any more.
 *
 * A point is more than a number, for ids are not settled in order: one segment that takes small bodies stays open for minutes while
 * thousands of blobs with higher ids come and go. So a point names the few blobs that were not complete at its moment. */
#include <assert.h>
#include <errno.h>

#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

void blob_point_take(struct blob_store *store, struct blob_point *point)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    point->settled = ids->settled;
    point->settles = ids->settles;
    point->open_count = 0;
    for (point->next = ids->settled; point->next < ids->next; point->next++) {
        if (blob_ids_is_settled(ids, point->next))
            continue;
        if (point->open_count == BLOB_POINT_OPEN_MAX)
            break;
        point->open[point->open_count++] = point->next;
    }
    assert(point->settled <= point->next && point->next <= ids->next);
    assert(point->open_count == 0 || point->open[0] >= point->settled);
    pthread_mutex_unlock(&ids->lock);
}

uint64_t blob_point_settles(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    uint64_t settles;

    pthread_mutex_lock(&ids->lock);
    settles = ids->settles;
    pthread_mutex_unlock(&ids->lock);
    return settles;
}

int blob_point_sync(struct blob_store *store)
{
    return sys.syncfs(store->blobs_fd) == 0 ? 0 : -errno;
}

int blob_point_keep(struct blob_store *store, const struct blob_point *point)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    assert(point == NULL || point->settled <= ids->settled);
    ids->mark = point != NULL ? point->settled : BLOB_ID_MAX;
    pthread_mutex_unlock(&ids->lock);
    return point != NULL ? blob_ids_write_wait(store) : 0;
}
