/* SPDX-License-Identifier: MIT
 *
 * The lifecycle sweep: one thread that carries out what buckets' lifecycle rules say.
 *
 * A pass walks the buckets that have rules, rule by rule: a page of versions (or uploads) is read, what is due
 * is collected, and then deleted in small batches through the committer, one at a time. Between pages the
 * thread rests for as long as the page took, so it takes half a core at most and the committer's queue never
 * holds more than one small batch of it. Readers and workers are not involved.
 *
 * The same thread keeps lost/ within its bounds, at the start and with each pass.
 *
 * Of a clock that has jumped far ahead (lifecycle_clock.c), a pass is only counted first. If it would remove much of what some rule is
 * about, it waits, and a line in the log says for what.
 *
 * Nothing else is remembered between passes: what is due follows from the rows. So a restart loses nothing, and a
 * pass that is cut off is simply begun anew. What was seen as due is looked at again inside the transaction
 * (meta_delete_guard): an object that was overwritten or tagged meanwhile stays. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/core/upkeep/lifecycle/lifecycle_internal.h"
#include "storage/base/thread.h"
#include "storage/base/clock.h"

/* Passes a day, and how long the first one waits after the start. */
#define LIFECYCLE_PASSES_PER_DAY 24
#define LIFECYCLE_PAUSE_MS_MIN   200
#define LIFECYCLE_FIRST_MS_MAX   10000

static bool wait_for(struct lifecycle *lifecycle, int64_t ms, bool until_woken)
{
    int64_t until_ms = (int64_t)clock_monotonic_ms() + ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool stopping;
    int err = 0;

    assert(ms >= 0);
    pthread_mutex_lock(&lifecycle->lock);
    while (!lifecycle->stopping && !(until_woken && lifecycle->woken) && err == 0)
        err = pthread_cond_timedwait(&lifecycle->changed, &lifecycle->lock, &until);
    stopping = lifecycle->stopping;
    pthread_mutex_unlock(&lifecycle->lock);
    expiry_store_orders(lifecycle);
    return stopping;
}

bool lifecycle_rest(struct lifecycle *lifecycle, int64_t ms)
{
    return wait_for(lifecycle, ms, false);
}

/* ---- Changes ---- */

static void on_change_done(struct meta_op *op)
{
    sem_post(op->ctx);
}

int lifecycle_submit(struct lifecycle *lifecycle, struct meta_op *op, enum meta_op_kind kind)
{
    assert(op != NULL && kind < META_OP_KIND_COUNT);
    sem_t done;

    sem_init(&done, 0, 0);
    op->kind = kind;
    op->done = on_change_done;
    op->ctx = &done;
    meta_submit(lifecycle->core->meta, op);
    while (sem_wait(&done) != 0)
        ; /* interrupted */
    sem_destroy(&done);
    if (op->result == 0)
        reclaim_wake(lifecycle->core->reclaim);
    return op->result;
}

/* ---- Passes ---- */

/* A rule that would remove so many, and more than so many percent of what it is about, is one that a wrong clock may be behind. */
#define LIFECYCLE_DOUBT_MIN     100u
#define LIFECYCLE_DOUBT_PERCENT 10u

static void task_end(const struct lifecycle_task *task)
{
    struct lifecycle *lifecycle = task->lifecycle;

    if (lifecycle->mode != LIFECYCLE_COUNTS)
        return;
    lifecycle->would_remove += task->due;
    lifecycle->is_dangerous |=
        task->due > LIFECYCLE_DOUBT_MIN && task->due * 100 > task->seen * LIFECYCLE_DOUBT_PERCENT;
}

static int rule_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket,
                    const struct core_lifecycle_rule *rule, uint64_t *removed)
{
    struct lifecycle_task task = {
        .lifecycle = lifecycle,
        .bucket = bucket,
        .rule = rule,
        .now_ms = clock_real_ms(),
        .day_s = core_lifecycle_day(lifecycle->core),
    };
    bool concerns_versions = rule->expire_days > 0 || rule->expire_marker || rule->noncurrent_days > 0 ||
                             (rule->has_expire_date && rule->expire_date_ms <= task.now_ms);
    int err = 0;

    assert(task.day_s > 0);
    if (!rule->enabled)
        return 0;
    if (concerns_versions)
        err = lifecycle_sweep_versions(&task);
    if (err == 0 && rule->abort_days > 0)
        err = lifecycle_sweep_uploads(&task);
    task_end(&task);
    *removed += task.removed;
    return err;
}

static int rules_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket, uint64_t *removed)
{
    struct core_lifecycle *rules;
    struct slice document;
    int err = meta_setting_get(lifecycle->reader, bucket->id, META_SETTING_LIFECYCLE, &document);

    assert(lifecycle->reader != NULL);
    if (err != 0)
        return err == META_E_NO_SETTING ? 0 : err;
    err = core_lifecycle_decode(document, &rules);
    free((void *)document.base);
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < rules->count && err == 0; i++)
        err = rule_run(lifecycle, bucket, &rules->rules[i], removed);
    free(rules);
    return err;
}

/* What was ordered goes first: somebody waits for it. */
static int bucket_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket)
{
    uint64_t removed = 0;
    int err = lifecycle->mode == LIFECYCLE_COUNTS ? 0 : expiry_run(lifecycle, bucket, &removed);

    if (err == 0 && lifecycle->mode != LIFECYCLE_ORDERS)
        err = rules_run(lifecycle, bucket, &removed);
    if (removed > 0)
        core_log(lifecycle->core, LOG_LEVEL_INFO,
                 "lifecycle: removed %llu objects, versions or uploads from %s", (unsigned long long)removed,
                 bucket->name);
    return err == META_E_NO_BUCKET ? 0 : err; /* it was deleted meanwhile */
}

/* Buckets are taken one at a time: what a visitor of the listing does may not use the reader. */
static int bucket_take(void *ctx, const struct meta_bucket *bucket)
{
    *(struct meta_bucket *)ctx = *bucket;
    return 1;
}

/* All objects there seem due: what each says of itself is looked up. */
static int watched_run(struct lifecycle *lifecycle, const struct expires_watched *watched)
{
    const struct core_lifecycle_rule rule = {.enabled = true,
                                             .form = CORE_LIFECYCLE_FILTER,
                                             .has_prefix = true,
                                             .prefix = slice_text(watched->prefix),
                                             .has_expire_date = true,
                                             .by_attribute = true};
    struct meta_bucket bucket;
    struct lifecycle_task task = {
        .lifecycle = lifecycle,
        .bucket = &bucket,
        .rule = &rule,
        .now_ms = clock_real_ms(),
        .day_s = core_lifecycle_day(lifecycle->core),
    };
    int err = meta_bucket_get(lifecycle->reader, slice_text(watched->bucket), &bucket);

    if (err == 0)
        err = lifecycle_sweep_versions(&task);
    task_end(&task);
    if (task.removed > 0)
        core_log(lifecycle->core, LOG_LEVEL_INFO, "removed %llu objects from %s whose time was over",
                 (unsigned long long)task.removed, watched->bucket);
    return err == META_E_NO_BUCKET ? 0 : err;
}

static int all_watched_run(struct lifecycle *lifecycle)
{
    const struct expires_watched *at = expires_watched_first(lifecycle);
    int err = 0;

    for (; at != NULL && err == 0; at = at->next)
        err = watched_run(lifecycle, at);
    return err;
}

static int pass_run(struct lifecycle *lifecycle)
{
    struct meta_bucket bucket = {.name = ""};
    int64_t any;
    int err = lifecycle->mode == LIFECYCLE_ORDERS ? 0 : all_watched_run(lifecycle);

    assert(lifecycle->reader != NULL);
    if (err != 0)
        return err;
    err = meta_setting_buckets(lifecycle->reader, META_SETTING_LIFECYCLE, 0, &any, 1);
    if (err == 0)
        err = meta_setting_buckets(lifecycle->reader, META_SETTING_EXPIRY, 0, &any, 1);
    lifecycle->idle = err == 0; /* the usual case: no bucket has rules */
    if (err <= 0)
        return err;
    for (;;) {
        struct slice after = slice_text(bucket.name);
        struct meta_bucket next;
        int found = meta_bucket_list(lifecycle->reader, after, 1, bucket_take, &next);
        if (found <= 0)
            return found;
        bucket = next;
        if ((err = bucket_run(lifecycle, &bucket)) != 0)
            return err;
        if (lifecycle_rest(lifecycle, 0))
            return -ECANCELED;
    }
}

/* What is ordered from here on wants another pass. */
static void take_wake(struct lifecycle *lifecycle)
{
    pthread_mutex_lock(&lifecycle->lock);
    lifecycle->woken = false;
    pthread_mutex_unlock(&lifecycle->lock);
}

/* Says it once, and when it is over. */
static void pass_hold(struct lifecycle *lifecycle, bool holds)
{
    if (atomic_exchange(&lifecycle->is_held, holds) == holds)
        return;
    if (holds)
        core_log(lifecycle->core, LOG_LEVEL_WARNING,
                 "lifecycle: the clock is days ahead of where it was, and rules would remove %llu objects, "
                 "versions "
                 "or uploads: nothing is removed until the clock is right, or the server was started with "
                 "--accept-clock",
                 (unsigned long long)lifecycle->would_remove);
    else
        core_log(lifecycle->core, LOG_LEVEL_INFO, "lifecycle: the clock is believed again");
}

/* In doubt about the clock, a pass is only counted first. */
static int pass_choose(struct lifecycle *lifecycle)
{
    int err;

    lifecycle->mode = LIFECYCLE_REMOVES;
    if (!lifecycle_clock_is_doubtful(lifecycle, core_lifecycle_day(lifecycle->core))) {
        pass_hold(lifecycle, false);
        return 0;
    }
    lifecycle->mode = LIFECYCLE_COUNTS;
    lifecycle->is_dangerous = false;
    lifecycle->would_remove = 0;
    if ((err = pass_run(lifecycle)) != 0)
        return err;
    lifecycle->mode = lifecycle->is_dangerous ? LIFECYCLE_ORDERS : LIFECYCLE_REMOVES;
    pass_hold(lifecycle, lifecycle->is_dangerous);
    return 0;
}

/* A store without rules pays nothing but this look at a number: the reader is there during a pass only. */
static int lifecycle_pass(struct lifecycle *lifecycle)
{
    struct meta *meta = lifecycle->core->meta;
    uint64_t generation = meta_settings_generation(meta);
    int err;

    if (lifecycle->idle && lifecycle->idle_generation == generation &&
        expires_watched_first(lifecycle) == NULL)
        return 0;
    lifecycle->idle_generation = generation;
    if ((err = meta_reader_open(meta, &lifecycle->reader)) != 0)
        return err;
    err = pass_choose(lifecycle);
    if (err == 0)
        err = pass_run(lifecycle);
    if (err == 0 && lifecycle->mode == LIFECYCLE_REMOVES &&
        !(lifecycle->idle && expires_watched_first(lifecycle) == NULL))
        lifecycle_clock_believe(lifecycle);
    meta_reader_close(lifecycle->reader);
    lifecycle->reader = NULL;
    return err;
}

static void *lifecycle_main(void *argument)
{
    struct lifecycle *lifecycle = argument;
    int64_t pause_ms = (int64_t)core_lifecycle_day(lifecycle->core) * 1000 / LIFECYCLE_PASSES_PER_DAY;
    int64_t rest_ms;

    if (pause_ms < LIFECYCLE_PAUSE_MS_MIN)
        pause_ms = LIFECYCLE_PAUSE_MS_MIN;
    rest_ms = pause_ms < LIFECYCLE_FIRST_MS_MAX ? pause_ms : LIFECYCLE_FIRST_MS_MAX;
    lost_bound(lifecycle->core);
    while (!wait_for(lifecycle, rest_ms, true)) {
        int err;

        take_wake(lifecycle);
        err = core_leads(lifecycle->core) ? lifecycle_pass(lifecycle) : 0;

        lost_bound(lifecycle->core);
        if (err != 0 && err != -ECANCELED && err != META_E_CLOSING && err != lifecycle->last_error)
            core_log(lifecycle->core, LOG_LEVEL_ERROR,
                     "lifecycle: a pass was cut off, and will be tried again: %s", meta_strerror(err));
        lifecycle->last_error = err;
        rest_ms = pause_ms;
    }
    return NULL;
}

/* ---- Start and stop ---- */

uint32_t core_lifecycle_day(const struct core *core)
{
    return core->options.lifecycle_day_s != 0 ? core->options.lifecycle_day_s : CORE_LIFECYCLE_DAY_SECONDS;
}

static void lifecycle_free(struct lifecycle *lifecycle)
{
    pthread_cond_destroy(&lifecycle->changed);
    pthread_mutex_destroy(&lifecycle->lock);
    expires_forget(lifecycle);
    free(lifecycle);
}

int lifecycle_start(struct core *core, struct lifecycle **out)
{
    struct lifecycle *lifecycle = calloc(1, sizeof(*lifecycle));
    int err;

    if (lifecycle == NULL)
        return -ENOMEM;
    lifecycle->core = core;
    pthread_mutex_init(&lifecycle->lock, NULL);
    thread_condition_init(&lifecycle->changed);
    err = thread_start(&lifecycle->thread, "sluice-expire", lifecycle_main, lifecycle);
    if (err != 0) {
        lifecycle_free(lifecycle);
        return err;
    }
    *out = lifecycle;
    return 0;
}

void lifecycle_stop(struct lifecycle *lifecycle)
{
    if (lifecycle == NULL)
        return;
    pthread_mutex_lock(&lifecycle->lock);
    lifecycle->stopping = true;
    pthread_cond_signal(&lifecycle->changed);
    pthread_mutex_unlock(&lifecycle->lock);
    thread_join(lifecycle->thread);
    lifecycle_free(lifecycle);
}
