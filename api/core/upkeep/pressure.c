/* SPDX-License-Identifier: MIT
 *
 * See pressure.h. The wait is in proportion to what is above the bound: so writers come to the pace of the reclaimer, and none stands
 * still. */
#include "api/core/upkeep/pressure.h"

#include <assert.h>
#include <errno.h>

#include "api/core/figures.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

/* Of one batch at the most, at twice the bound and above. Batches take more bodies the longer they wait. */
#define PRESSURE_WAIT_MS_MAX 200u

void pressure_init(struct core *core)
{
    struct core_pressure *pressure = &core->pressure;

    pthread_mutex_init(&pressure->lock, NULL);
    thread_condition_init(&pressure->changed);
}

void pressure_free(struct core *core)
{
    pthread_cond_destroy(&core->pressure.changed);
    pthread_mutex_destroy(&core->pressure.lock);
}

int pressure_begin(struct core *core, struct meta_reader *reader, int64_t *row_first)
{
    int64_t last;
    int err = meta_garbage_last(reader, &last);

    if (err != 0)
        return err;
    atomic_store(&core->pressure.given, meta_garbage_made(core->meta));
    *row_first = last + 1;
    return 0;
}

uint64_t pressure_backlog(const struct core *core)
{
    const struct core_pressure *pressure = &core->pressure;
    uint64_t less = atomic_load(&pressure->given) + atomic_load(&pressure->held);
    uint64_t made = meta_garbage_made(core->meta);

    return made > less ? made - less : 0;
}

void core_garbage(struct core *core, struct core_garbage *garbage)
{
    garbage->bytes = pressure_backlog(core);
    garbage->waits = atomic_load(&core->pressure.waits);
}

static void pressure_tell(struct core_pressure *pressure)
{
    pthread_mutex_lock(&pressure->lock);
    pthread_cond_signal(&pressure->changed);
    pthread_mutex_unlock(&pressure->lock);
}

void pressure_gave_back(struct core *core, uint64_t bytes)
{
    (void)atomic_fetch_add(&core->pressure.given, bytes);
    pressure_tell(&core->pressure);
}

void pressure_cannot(struct core *core, uint64_t bytes)
{
    atomic_store(&core->pressure.held, bytes);
    pressure_tell(&core->pressure);
}

void pressure_hurry(struct core *core, bool hurries)
{
    (void)(hurries ? atomic_fetch_add(&core->pressure.hurries, 1u)
                   : atomic_fetch_sub(&core->pressure.hurries, 1u));
    if (hurries)
        pressure_tell(&core->pressure);
}

static bool is_pressed(const struct core *core, uint64_t *backlog)
{
    *backlog = pressure_backlog(core);
    return *backlog > core->options.garbage_max && atomic_load(&core->pressure.hurries) == 0 &&
           !atomic_load(&core->pressure.is_off);
}

/* How long the batch may wait. */
static uint32_t wait_ms(const struct core *core, uint64_t backlog)
{
    uint64_t max = core->options.garbage_max, above = backlog - max;

    assert(max > 0 && backlog > max);
    return above >= max ? PRESSURE_WAIT_MS_MAX
                        : 1 + (uint32_t)((double)above / (double)max * (PRESSURE_WAIT_MS_MAX - 1));
}

void pressure_wait(struct core *core)
{
    struct core_pressure *pressure = &core->pressure;
    uint64_t backlog;

    if (core->reclaim == NULL || !is_pressed(core, &backlog))
        return;
    if (core->options.relaxed && (core->settle == NULL || !settle_hurry(core->settle)))
        return; /* it will not become less, however long anybody waits */
    struct timespec end = clock_monotonic_in(wait_ms(core, backlog));

    pthread_mutex_lock(&pressure->lock);
    while (is_pressed(core, &backlog) &&
           pthread_cond_timedwait(&pressure->changed, &pressure->lock, &end) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&pressure->lock);
    (void)atomic_fetch_add(&pressure->waits, 1);
}
