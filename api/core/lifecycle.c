/* SPDX-License-Identifier: MIT
 *
 * The lifecycle sweep: one thread that carries out what buckets' lifecycle rules say.
 *
 * A pass walks the buckets that have rules, rule by rule: a page of versions (or uploads) is read, what is due
 * is collected, and then deleted in small batches through the committer, one at a time. Between pages the
 * thread rests for as long as the page took, so it takes half a core at most and the committer's queue never
 * holds more than one small batch of it. Readers and workers are not involved.
 *
 * Nothing is remembered between passes: what is due follows from the rows. So a restart loses nothing, and a
 * pass that is cut off is simply begun anew. What was seen as due is looked at again inside the transaction
 * (meta_delete_guard): an object that was overwritten or tagged meanwhile stays. */
#include "api/core/core_internal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/core/lifecycle_rules.h"

/* Deletes that share one change: together a millisecond or two of the committer. */
#define LIFECYCLE_BATCH 64u
#define LIFECYCLE_PAGE  META_LIST_ENTRIES_MAX

/* Passes a day, and how long the first one waits after the start. */
#define LIFECYCLE_PASSES_PER_DAY 24
#define LIFECYCLE_PAUSE_MS_MIN   200
#define LIFECYCLE_FIRST_MS_MAX   10000

struct lifecycle {
    struct core *core;
    struct meta_reader *reader; /* during a pass */
    bool idle;                  /* the last pass found no bucket with rules, */
    uint64_t idle_generation;   /* and that is so until settings change */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool stopping;
    int last_error; /* the thread's: to log a trouble once */
};

/* Something that seems to be due. */
struct candidate {
    struct meta_bytes key; /* in the page's memory */
    struct meta_version_id version;
    bool by_version; /* else the current object, in whose place a delete marker may come */
    struct meta_delete_guard guard;
    struct meta_bytes tags; /* guard.tags points here */
};

/* One walk along the versions that a rule may concern. */
struct walk {
    struct lifecycle *lifecycle;
    const struct meta_bucket *bucket;
    const struct core_lifecycle_rule *rule;
    int64_t now_ms;
    uint32_t day_s;

    struct candidate *candidates;
    uint32_t count;
    uint32_t seen; /* entries of the page */

    /* Where the walk is: the last entry. */
    char key[META_KEY_BYTES_MAX];
    size_t key_length;
    struct meta_version_id version;
    bool any;
    uint32_t noncurrent; /* of that key, so far */
    bool pending_marker; /* the last entry is a current delete marker that is due if nothing follows */
    uint64_t removed;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* cannot fail for these clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits; true: the thread is to end. */
static bool lifecycle_rest(struct lifecycle *lifecycle, int64_t ms)
{
    int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool stopping;
    int err = 0;

    pthread_mutex_lock(&lifecycle->lock);
    while (!lifecycle->stopping && err == 0)
        err = pthread_cond_timedwait(&lifecycle->changed, &lifecycle->lock, &until);
    stopping = lifecycle->stopping;
    pthread_mutex_unlock(&lifecycle->lock);
    return stopping;
}

/* ---- Changes ---- */

static void on_change_done(struct meta_op *op)
{
    sem_post(op->ctx);
}

static int lifecycle_submit(struct lifecycle *lifecycle, struct meta_op *op, enum meta_op_kind kind)
{
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

static int walk_delete(struct walk *walk, struct candidate *candidates, uint32_t count)
{
    struct meta_delete_entry entries[LIFECYCLE_BATCH] = {0};
    struct meta_object_delete change = {
        .bucket = walk->bucket->id,
        .entries = entries,
        .count = count,
        .owner = {walk->bucket->owner, strlen(walk->bucket->owner)},
    };
    int err;

    for (uint32_t i = 0; i < count; i++) {
        entries[i].key = candidates[i].key;
        entries[i].version = candidates[i].by_version ? &candidates[i].version : NULL;
        entries[i].guard = &candidates[i].guard;
    }
    if ((err = lifecycle_submit(walk->lifecycle, &change.op, META_OP_OBJECT_DELETE)) != 0)
        return err;
    for (uint32_t i = 0; i < count; i++)
        walk->removed += entries[i].result == 0 && entries[i].existed;
    return 0;
}

/* ---- Collecting ---- */

static struct candidate *walk_add(struct walk *walk, struct meta_bytes key,
                                  const struct meta_version_id *version)
{
    struct candidate *candidate = &walk->candidates[walk->count];
    char *copy = malloc(key.length + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, key.data, key.length);
    *candidate = (struct candidate){.key = {copy, key.length}, .version = *version};
    walk->count++;
    return candidate;
}

static bool size_fits(const struct core_lifecycle_rule *rule, uint64_t size)
{
    return !(rule->has_size_greater && size <= rule->size_greater) &&
           !(rule->has_size_less && size >= rule->size_less);
}

static int walk_current(struct walk *walk, const struct meta_version_entry *entry)
{
    struct candidate *candidate;

    if (!size_fits(walk->rule, entry->size) ||
        core_lifecycle_expiry(walk->rule, entry->modified_ms, walk->day_s) > walk->now_ms)
        return 0;
    if ((candidate = walk_add(walk, entry->key, &entry->version)) == NULL)
        return -ENOMEM;
    candidate->guard.modified_ms = entry->modified_ms;
    return 0;
}

static int walk_noncurrent(struct walk *walk, const struct meta_version_entry *entry)
{
    const struct core_lifecycle_rule *rule = walk->rule;
    struct candidate *candidate;

    if (walk->noncurrent++ < rule->noncurrent_newer || rule->noncurrent_days == 0 ||
        core_lifecycle_due(entry->noncurrent_ms, rule->noncurrent_days, walk->day_s) > walk->now_ms)
        return 0;
    if (!entry->is_marker && !size_fits(rule, entry->size))
        return 0;
    if ((candidate = walk_add(walk, entry->key, &entry->version)) == NULL)
        return -ENOMEM;
    candidate->by_version = true;
    candidate->guard.noncurrent = true;
    return 0;
}

/* A current delete marker is in the way of nothing when it is the key's only version. */
static bool marker_is_due(const struct walk *walk, const struct meta_version_entry *entry)
{
    const struct core_lifecycle_rule *rule = walk->rule;

    return rule->tags.length == 0 &&
           (rule->expire_marker ||
            (rule->expire_days > 0 &&
             core_lifecycle_due(entry->modified_ms, rule->expire_days, walk->day_s) <= walk->now_ms));
}

static int walk_settle_marker(struct walk *walk)
{
    struct candidate *candidate;

    if (!walk->pending_marker)
        return 0;
    walk->pending_marker = false;
    candidate = walk_add(walk, (struct meta_bytes){walk->key, walk->key_length}, &walk->version);
    if (candidate == NULL)
        return -ENOMEM;
    candidate->by_version = true;
    candidate->guard.alone = true;
    return 0;
}

static int walk_visit(void *ctx, const struct meta_version_entry *entry)
{
    struct walk *walk = ctx;
    bool same_key = walk->any && entry->key.length == walk->key_length &&
                    memcmp(entry->key.data, walk->key, walk->key_length) == 0;
    int err = 0;

    walk->seen++;
    if (same_key)
        walk->pending_marker = false; /* it hides something */
    else if ((err = walk_settle_marker(walk)) == 0)
        walk->noncurrent = 0;
    if (err != 0)
        return err;
    memcpy(walk->key, entry->key.data, entry->key.length);
    walk->key_length = entry->key.length;
    walk->version = entry->version;
    walk->any = true;
    if (!entry->is_current)
        return walk_noncurrent(walk, entry);
    if (!entry->is_marker)
        return walk_current(walk, entry);
    walk->pending_marker = marker_is_due(walk, entry);
    return 0;
}

/* ---- Tags: looked up for the few that are due otherwise ---- */

/* 1: the tags fit, and the guard holds on to them; 0: they do not, or the object is gone. */
static int candidate_check_tags(struct walk *walk, struct candidate *candidate)
{
    struct meta_object object;
    int err = meta_version_get(walk->lifecycle->reader, walk->bucket->id, candidate->key,
                               candidate->by_version ? &candidate->version : NULL, &object);
    struct meta_bytes tags = {0};
    int fits = 0;

    if (err == META_E_NO_KEY || err == META_E_NO_VERSION || err == META_E_DELETE_MARKER)
        return 0;
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < object.attributes.count; i++) {
        if (meta_attribute_is(object.attributes.list[i].name, META_ATTRIBUTE_TAGS))
            tags = object.attributes.list[i].value;
    }
    if (core_lifecycle_tags_match(walk->rule->tags, tags)) {
        char *copy = malloc(tags.length + 1);
        if (copy != NULL && tags.length > 0)
            memcpy(copy, tags.data, tags.length);
        candidate->tags = (struct meta_bytes){copy, tags.length};
        candidate->guard.tags = &candidate->tags;
        fits = copy != NULL ? 1 : -ENOMEM;
    }
    meta_object_release(&object);
    return fits;
}

static void candidate_free(struct candidate *candidate)
{
    free((void *)candidate->key.data);
    free((void *)candidate->tags.data);
    *candidate = (struct candidate){0};
}

/* Keeps those whose tags fit, in order. */
static int walk_filter_tags(struct walk *walk)
{
    uint32_t kept = 0;
    int fits = 0;

    if (walk->rule->tags.length == 0)
        return 0;
    for (uint32_t i = 0; i < walk->count; i++) {
        fits = fits < 0 ? fits : candidate_check_tags(walk, &walk->candidates[i]);
        if (fits <= 0) {
            candidate_free(&walk->candidates[i]);
            continue;
        }
        walk->candidates[kept] = walk->candidates[i];
        walk->candidates[kept].guard.tags = &walk->candidates[kept].tags;
        kept++;
    }
    walk->count = kept;
    return fits < 0 ? fits : 0;
}

/* ---- Passes ---- */

/* A listing that goes on behind a null version which is gone begins its key anew, and the key's versions would
 * be counted twice: such a one is deleted with the next page. */
static bool walk_stands_on_last(const struct walk *walk)
{
    const struct candidate *last = &walk->candidates[walk->count - 1];

    return last->by_version && meta_version_is_null(&last->version) && last->key.length == walk->key_length &&
           memcmp(last->key.data, walk->key, walk->key_length) == 0 && meta_version_is_null(&walk->version);
}

/* Deletes what was collected; more: another page follows. */
static int walk_delete_all(struct walk *walk, bool more)
{
    int err = walk_filter_tags(walk);
    uint32_t held = err == 0 && more && walk->count > 0 && walk_stands_on_last(walk);
    uint32_t total = walk->count - held;

    for (uint32_t at = 0; at < total && err == 0; at += LIFECYCLE_BATCH) {
        uint32_t count = total - at < LIFECYCLE_BATCH ? total - at : LIFECYCLE_BATCH;
        err = walk_delete(walk, &walk->candidates[at], count);
    }
    for (uint32_t i = 0; i < total; i++)
        candidate_free(&walk->candidates[i]);
    if (held > 0) {
        walk->candidates[0] = walk->candidates[total];
        walk->candidates[0].tags = (struct meta_bytes){0}; /* looked up again */
        free((void *)walk->candidates[total].tags.data);
        walk->candidates[0].guard.tags = NULL;
    }
    walk->count = held;
    return err;
}

/* 0, -ECANCELED when the store closes, or an error. */
static int walk_versions(struct walk *walk)
{
    struct lifecycle *lifecycle = walk->lifecycle;
    bool truncated = true;
    int err = 0;

    while (truncated && err == 0) {
        int64_t begun_ms = clock_ms(CLOCK_MONOTONIC);
        char key[META_KEY_BYTES_MAX];
        const struct meta_version_id version = walk->version;
        struct meta_version_query query = {
            .bucket = walk->bucket->id,
            .prefix = walk->rule->prefix,
            .key_marker = {key, walk->key_length},
            .version_marker = walk->any ? &version : NULL,
            .limit = LIFECYCLE_PAGE,
        };
        memcpy(key, walk->key, walk->key_length);
        err = meta_version_list(lifecycle->reader, &query, walk_visit, walk, &truncated);
        if (err == 0 && !truncated)
            err = walk_settle_marker(walk);
        if (err == 0)
            err = walk_delete_all(walk, truncated);
        if (err == 0 && truncated && lifecycle_rest(lifecycle, clock_ms(CLOCK_MONOTONIC) - begun_ms + 1))
            err = -ECANCELED;
    }
    for (uint32_t i = 0; i < walk->count; i++)
        candidate_free(&walk->candidates[i]);
    walk->count = 0;
    return err;
}

/* Uploads that a page found to be stale. */
struct stale_uploads {
    struct walk *walk;
    struct meta_upload_abort list[LIFECYCLE_BATCH];
    uint32_t count;
    char key[META_KEY_BYTES_MAX]; /* of the last one seen */
    size_t key_length;
    unsigned char id[META_UPLOAD_ID_BYTES];
    bool any;
};

static int upload_visit(void *ctx, const struct meta_upload *upload, struct meta_bytes common_prefix)
{
    struct stale_uploads *stale = ctx;
    struct walk *walk = stale->walk;

    memcpy(stale->key, upload->key.data, upload->key.length);
    stale->key_length = upload->key.length;
    memcpy(stale->id, upload->id, sizeof(stale->id));
    stale->any = true;
    if (core_lifecycle_due(upload->initiated_ms, walk->rule->abort_days, walk->day_s) > walk->now_ms)
        return 0;
    char *key = malloc(upload->key.length + 1);
    if (key == NULL)
        return -ENOMEM;
    memcpy(key, upload->key.data, upload->key.length);
    struct meta_upload_abort *change = &stale->list[stale->count++];
    *change = (struct meta_upload_abort){.bucket = walk->bucket->id, .key = {key, upload->key.length}};
    memcpy(change->upload_id, upload->id, sizeof(change->upload_id));
    return 0;
}

static int stale_abort(struct stale_uploads *stale)
{
    int err = 0;

    for (uint32_t i = 0; i < stale->count; i++) {
        if (err == 0)
            err = lifecycle_submit(stale->walk->lifecycle, &stale->list[i].op, META_OP_UPLOAD_ABORT);
        if (err == 0)
            stale->walk->removed++;
        else if (err == META_E_NO_UPLOAD) /* completed or aborted meanwhile */
            err = 0;
        free((void *)stale->list[i].key.data);
    }
    stale->count = 0;
    return err;
}

static int walk_uploads(struct walk *walk)
{
    struct stale_uploads stale = {.walk = walk};
    bool truncated = true;
    int err = 0;

    while (truncated && err == 0) {
        int64_t begun_ms = clock_ms(CLOCK_MONOTONIC);
        char key[META_KEY_BYTES_MAX];
        unsigned char id[META_UPLOAD_ID_BYTES];
        struct meta_upload_query query = {
            .bucket = walk->bucket->id,
            .prefix = walk->rule->prefix,
            .key_marker = {key, stale.key_length},
            .id_marker = stale.any ? id : NULL,
            .limit = LIFECYCLE_BATCH,
        };
        memcpy(key, stale.key, stale.key_length);
        memcpy(id, stale.id, sizeof(id));
        err = meta_upload_list(walk->lifecycle->reader, &query, upload_visit, &stale, &truncated);
        int aborted = stale_abort(&stale);
        err = err != 0 ? err : aborted;
        if (err == 0 && truncated &&
            lifecycle_rest(walk->lifecycle, clock_ms(CLOCK_MONOTONIC) - begun_ms + 1))
            err = -ECANCELED;
    }
    return err;
}

static int rule_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket,
                    const struct core_lifecycle_rule *rule, uint64_t *removed)
{
    struct walk walk = {
        .lifecycle = lifecycle,
        .bucket = bucket,
        .rule = rule,
        .now_ms = clock_ms(CLOCK_REALTIME),
        .day_s = core_lifecycle_day(lifecycle->core),
    };
    bool concerns_versions = rule->expire_days > 0 || rule->expire_marker || rule->noncurrent_days > 0 ||
                             (rule->has_expire_date && rule->expire_date_ms <= walk.now_ms);
    int err = 0;

    if (!rule->enabled)
        return 0;
    /* Two more than a page: what was held, and a delete marker of the page before. */
    walk.candidates = calloc(LIFECYCLE_PAGE + 2, sizeof(*walk.candidates));
    if (walk.candidates == NULL)
        return -ENOMEM;
    if (concerns_versions)
        err = walk_versions(&walk);
    if (err == 0 && rule->abort_days > 0)
        err = walk_uploads(&walk);
    free(walk.candidates);
    *removed += walk.removed;
    return err;
}

static int bucket_run(struct lifecycle *lifecycle, const struct meta_bucket *bucket)
{
    struct core_lifecycle *rules;
    struct meta_bytes document;
    uint64_t removed = 0;
    int err = meta_setting_get(lifecycle->reader, bucket->id, META_SETTING_LIFECYCLE, &document);

    if (err != 0)
        return err == META_E_NO_SETTING ? 0 : err;
    err = core_lifecycle_decode(document, &rules);
    free((void *)document.data);
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < rules->count && err == 0; i++)
        err = rule_run(lifecycle, bucket, &rules->rules[i], &removed);
    free(rules);
    if (removed > 0)
        core_log(lifecycle->core, CORE_LOG_INFO,
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

static int pass_run(struct lifecycle *lifecycle)
{
    struct meta_bucket bucket = {.name = ""};
    int64_t any;
    int err = meta_setting_buckets(lifecycle->reader, META_SETTING_LIFECYCLE, 0, &any, 1);

    lifecycle->idle = err == 0; /* the usual case: no bucket has rules */
    if (err <= 0)
        return err;
    for (;;) {
        struct meta_bytes after = {bucket.name, strlen(bucket.name)};
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

/* A store without rules pays nothing but this look at a number: the reader is there during a pass only. */
static int lifecycle_pass(struct lifecycle *lifecycle)
{
    struct meta *meta = lifecycle->core->meta;
    uint64_t generation = meta_settings_generation(meta);
    int err;

    if (lifecycle->idle && lifecycle->idle_generation == generation)
        return 0;
    lifecycle->idle_generation = generation;
    if ((err = meta_reader_open(meta, &lifecycle->reader)) != 0)
        return err;
    err = pass_run(lifecycle);
    meta_reader_close(lifecycle->reader);
    return err;
}

static void *lifecycle_main(void *argument)
{
    struct lifecycle *lifecycle = argument;
    int64_t pause_ms = (int64_t)core_lifecycle_day(lifecycle->core) * 1000 / LIFECYCLE_PASSES_PER_DAY;
    int64_t rest_ms;

    (void)pthread_setname_np(pthread_self(), "sluice-expire"); /* only for people who look */
    if (pause_ms < LIFECYCLE_PAUSE_MS_MIN)
        pause_ms = LIFECYCLE_PAUSE_MS_MIN;
    rest_ms = pause_ms < LIFECYCLE_FIRST_MS_MAX ? pause_ms : LIFECYCLE_FIRST_MS_MAX;
    while (!lifecycle_rest(lifecycle, rest_ms)) {
        int err = lifecycle_pass(lifecycle);

        if (err != 0 && err != -ECANCELED && err != META_E_CLOSING && err != lifecycle->last_error)
            core_log(lifecycle->core, CORE_LOG_ERROR,
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
    free(lifecycle);
}

int lifecycle_start(struct core *core, struct lifecycle **out)
{
    struct lifecycle *lifecycle = calloc(1, sizeof(*lifecycle));
    pthread_condattr_t attributes;
    sigset_t all, before;
    int err;

    if (lifecycle == NULL)
        return -ENOMEM;
    lifecycle->core = core;
    pthread_mutex_init(&lifecycle->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lifecycle->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    /* Signals are the host program's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    err = -pthread_create(&lifecycle->thread, NULL, lifecycle_main, lifecycle);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    pthread_join(lifecycle->thread, NULL);
    lifecycle_free(lifecycle);
}
