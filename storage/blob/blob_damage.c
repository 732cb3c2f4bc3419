/* SPDX-License-Identifier: MIT
 *
 * Damage that readers meet. A client may ask for a damaged object a thousand times a second: each time counts, for the metrics, and the
 * log is told of a unit once, and of few units a minute.
 *
 * Any thread. */
#include <assert.h>

#include "storage/blob/blob_internal.h"

void blob_damages_init(struct blob_damages *damages)
{
    pthread_mutex_init(&damages->lock, NULL);
}

void blob_damages_free(struct blob_damages *damages)
{
    pthread_mutex_destroy(&damages->lock);
}

uint64_t blob_store_damage_met(struct blob_store *store, enum blob_damage damage)
{
    return atomic_load_explicit(&store->damages.met[damage], memory_order_relaxed);
}

static bool is_told(const struct blob_damages *damages, struct blob_unit unit)
{
    for (unsigned i = 0; i < DAMAGE_TOLD_MAX; i++)
        if (damages->told[i].blob == unit.blob && damages->told[i].offset == unit.offset)
            return true;
    return false;
}

/* Under the lock. *untold: units of an earlier time that the log knows nothing of, to be told now. */
static bool may_tell(struct blob_damages *damages, struct blob_unit unit, unsigned *untold)
{
    if (is_told(damages, unit) ||
        !log_limit_admit(&damages->limit, DAMAGE_LINES_MAX, DAMAGE_LINES_MILLISECONDS, untold))
        return false;
    damages->told[damages->told_next] = unit;
    damages->told_next = (damages->told_next + 1) % DAMAGE_TOLD_MAX;
    return true;
}

bool blob_damage_note(struct blob_store *store, struct blob_unit unit, enum blob_damage damage,
                      const char *what)
{
    struct blob_damages *damages = &store->damages;
    unsigned untold = 0;
    bool tells;

    assert(damage < BLOB_DAMAGE_COUNT);
    atomic_fetch_add_explicit(&damages->met[damage], 1, memory_order_relaxed);
    pthread_mutex_lock(&damages->lock);
    tells = may_tell(damages, unit, &untold);
    pthread_mutex_unlock(&damages->lock);
    if (!tells)
        return false;
    if (untold > 0)
        blob_store_log(store, LOG_LEVEL_ERROR,
                       "readers met damage %u more times before, which was not logged", untold);
    if (unit.offset > 0)
        blob_store_log(store, LOG_LEVEL_ERROR, "blob %016llx, unit at %llu, %s",
                       (unsigned long long)unit.blob, (unsigned long long)unit.offset, what);
    else
        blob_store_log(store, LOG_LEVEL_ERROR, "blob %016llx %s", (unsigned long long)unit.blob, what);
    return true;
}
