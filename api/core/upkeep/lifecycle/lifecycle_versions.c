/* SPDX-License-Identifier: MIT
 *
 * The sweep along versions: what a rule says of objects, noncurrent versions and delete markers.
 *
 * A page of versions is read, what is due is collected, looked up for tags where the rule asks for some, and deleted in small
 * batches. What was seen as due is looked at again inside the transaction (meta_delete_guard): an object that was overwritten or
 * tagged meanwhile stays. On the lifecycle thread. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/expires.h"
#include "api/core/upkeep/lifecycle/lifecycle_internal.h"
#include "storage/base/clock.h"
#include "metadata/meta_outbox.h"

#define LIFECYCLE_PAGE META_LIST_ENTRIES_MAX

/* Something that seems to be due. */
struct candidate {
    struct slice key; /* in the page's memory */
    struct meta_version_id version;
    bool by_version; /* else the current object, in whose place a delete marker may come */
    struct meta_delete_guard guard;
    struct slice tags; /* guard.tags points here */
};

/* One walk along the versions that a rule may concern. */
struct walk {
    struct lifecycle_task *task;

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
};

/* ---- Deleting ---- */

static int walk_delete(struct walk *walk, struct candidate *candidates, uint32_t count)
{
    struct meta_delete_entry entries[LIFECYCLE_BATCH] = {0};
    static const struct meta_origin origin = {.kind = META_EVENT_EXPIRED};
    struct meta_object_delete change = {
        .op.origin = &origin,
        .bucket = walk->task->bucket->id,
        .entries = entries,
        .count = count,
        .owner = {walk->task->bucket->owner, strlen(walk->task->bucket->owner)},
    };
    int err;

    assert(count > 0 && count <= LIFECYCLE_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        entries[i].key = candidates[i].key;
        entries[i].version = candidates[i].by_version ? &candidates[i].version : NULL;
        entries[i].guard = &candidates[i].guard;
    }
    if ((err = lifecycle_submit(walk->task->lifecycle, &change.op, META_OP_OBJECT_DELETE)) != 0)
        return err;
    for (uint32_t i = 0; i < count; i++)
        walk->task->removed += entries[i].result == 0 && entries[i].existed;
    return 0;
}

/* ---- Collecting ---- */

static struct candidate *walk_add(struct walk *walk, struct slice key, const struct meta_version_id *version)
{
    struct candidate *candidate = &walk->candidates[walk->count];
    char *copy = malloc(key.len + 1);

    assert(walk->count < LIFECYCLE_PAGE + 2);
    if (copy == NULL)
        return NULL;
    (void)slice_copy(copy, key);
    *candidate = (struct candidate){.key = {copy, key.len}, .version = *version};
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

    assert(entry->is_current && !entry->is_marker);
    if (!size_fits(walk->task->rule, entry->size) ||
        core_lifecycle_expiry(walk->task->rule, entry->modified_ms, walk->task->day_s) > walk->task->now_ms)
        return 0;
    if ((candidate = walk_add(walk, entry->key, &entry->version)) == NULL)
        return -ENOMEM;
    candidate->guard.modified_ms = entry->modified_ms;
    return 0;
}

static int walk_noncurrent(struct walk *walk, const struct meta_version_entry *entry)
{
    const struct core_lifecycle_rule *rule = walk->task->rule;
    struct candidate *candidate;

    assert(!entry->is_current);
    if (walk->noncurrent++ < rule->noncurrent_newer || rule->noncurrent_days == 0 ||
        core_lifecycle_due(entry->noncurrent_ms, rule->noncurrent_days, walk->task->day_s) >
            walk->task->now_ms)
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
    const struct core_lifecycle_rule *rule = walk->task->rule;

    assert(entry->is_marker && entry->is_current);
    return rule->tags.len == 0 &&
           (rule->expire_marker ||
            (rule->expire_days > 0 && core_lifecycle_due(entry->modified_ms, rule->expire_days,
                                                         walk->task->day_s) <= walk->task->now_ms));
}

static int walk_settle_marker(struct walk *walk)
{
    struct candidate *candidate;

    if (!walk->pending_marker)
        return 0;
    walk->pending_marker = false;
    candidate = walk_add(walk, slice_of(walk->key, walk->key_length), &walk->version);
    if (candidate == NULL)
        return -ENOMEM;
    candidate->by_version = true;
    candidate->guard.alone = true;
    return 0;
}

static int walk_visit(void *ctx, const struct meta_version_entry *entry)
{
    struct walk *walk = ctx;
    bool same_key = walk->any && entry->key.len == walk->key_length &&
                    memcmp(entry->key.base, walk->key, walk->key_length) == 0;
    int err = 0;

    walk->seen++;
    walk->task->seen++;
    if (same_key)
        walk->pending_marker = false; /* it hides something */
    else if ((err = walk_settle_marker(walk)) == 0)
        walk->noncurrent = 0;
    if (err != 0)
        return err;
    if (entry->key.len > sizeof(walk->key))
        return META_E_CORRUPT;
    (void)slice_copy(walk->key, entry->key);
    walk->key_length = entry->key.len;
    walk->version = entry->version;
    walk->any = true;
    if (!entry->is_current)
        return walk_noncurrent(walk, entry);
    if (!entry->is_marker)
        return walk_current(walk, entry);
    walk->pending_marker = marker_is_due(walk, entry);
    return 0;
}

/* ---- Tags, and an object's own time: looked up for those that are due otherwise ---- */

/* 1: the tags fit, and the guard holds on to them; 0: they do not, or the object is gone. */
static int candidate_check(struct walk *walk, struct candidate *candidate)
{
    struct meta_object object;
    int err = meta_version_get(walk->task->lifecycle->reader, walk->task->bucket->id, candidate->key,
                               candidate->by_version ? &candidate->version : NULL, &object);
    struct slice tags = {0};
    int fits = 0;

    assert(candidate->key.base != NULL);
    if (err == META_E_NO_KEY || err == META_E_NO_VERSION || err == META_E_DELETE_MARKER)
        return 0;
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < object.attributes.count; i++) {
        if (slice_is(object.attributes.list[i].name, META_ATTRIBUTE_TAGS))
            tags = object.attributes.list[i].value;
    }
    if (walk->task->rule->by_attribute) {
        fits = core_expires_of(&object.attributes) <= walk->task->now_ms;
    } else if (core_lifecycle_tags_match(walk->task->rule->tags, tags)) {
        char *copy = malloc(tags.len + 1);
        if (copy != NULL && tags.len > 0)
            (void)slice_copy(copy, tags);
        candidate->tags = slice_of(copy, tags.len);
        candidate->guard.tags = &candidate->tags;
        fits = copy != NULL ? 1 : -ENOMEM;
    }
    meta_object_release(&object);
    return fits;
}

static void candidate_free(struct candidate *candidate)
{
    free((void *)candidate->key.base);
    free((void *)candidate->tags.base);
    *candidate = (struct candidate){0};
}

/* Keeps those that fit, in order. */
static int walk_filter(struct walk *walk)
{
    uint32_t kept = 0;
    int fits = 0;

    if (walk->task->rule->tags.len == 0 && !walk->task->rule->by_attribute)
        return 0;
    for (uint32_t i = 0; i < walk->count; i++) {
        fits = fits < 0 ? fits : candidate_check(walk, &walk->candidates[i]);
        if (fits <= 0) {
            candidate_free(&walk->candidates[i]);
            continue;
        }
        walk->candidates[kept] = walk->candidates[i];
        if (!walk->task->rule->by_attribute)
            walk->candidates[kept].guard.tags = &walk->candidates[kept].tags;
        kept++;
    }
    assert(kept <= walk->count);
    walk->count = kept;
    return fits < 0 ? fits : 0;
}

/* ---- Walking ---- */

/* A listing that is to go on after a null version which is gone begins the key anew, and would count the key's
 * versions twice. So such a version is deleted with the next page. */
static bool walk_stands_on_last(const struct walk *walk)
{
    const struct candidate *last = &walk->candidates[walk->count - 1];

    assert(walk->count > 0);
    return last->by_version && meta_version_is_null(&last->version) && last->key.len == walk->key_length &&
           memcmp(last->key.base, walk->key, walk->key_length) == 0 && meta_version_is_null(&walk->version);
}

/* Deletes what was collected; more: another page follows. */
static int walk_delete_all(struct walk *walk, bool more)
{
    int err = walk_filter(walk);
    uint32_t held = err == 0 && more && walk->count > 0 && walk_stands_on_last(walk);
    uint32_t total = walk->count - held;

    walk->task->due += total;
    for (uint32_t at = 0; at < total && err == 0 && walk->task->lifecycle->mode == LIFECYCLE_REMOVES;
         at += LIFECYCLE_BATCH) {
        uint32_t count = total - at < LIFECYCLE_BATCH ? total - at : LIFECYCLE_BATCH;
        err = walk_delete(walk, &walk->candidates[at], count);
    }
    for (uint32_t i = 0; i < total; i++)
        candidate_free(&walk->candidates[i]);
    if (held > 0) {
        walk->candidates[0] = walk->candidates[total];
        walk->candidates[0].tags = (struct slice){0}; /* looked up again */
        free((void *)walk->candidates[total].tags.base);
        walk->candidates[0].guard.tags = NULL;
    }
    walk->count = held;
    return err;
}

static int walk_versions(struct walk *walk)
{
    struct lifecycle *lifecycle = walk->task->lifecycle;
    bool truncated = true;
    int err = 0;

    assert(walk->candidates != NULL);
    while (truncated && err == 0) {
        int64_t begun_ms = (int64_t)clock_monotonic_ms();
        char key[META_KEY_BYTES_MAX];
        const struct meta_version_id version = walk->version;
        struct meta_version_query query = {
            .bucket = walk->task->bucket->id,
            .prefix = walk->task->rule->prefix,
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
        if (err == 0 && truncated && lifecycle_rest(lifecycle, (int64_t)clock_monotonic_ms() - begun_ms + 1))
            err = -ECANCELED;
    }
    for (uint32_t i = 0; i < walk->count; i++)
        candidate_free(&walk->candidates[i]);
    walk->count = 0;
    return err;
}

int lifecycle_sweep_versions(struct lifecycle_task *task)
{
    struct walk walk = {.task = task};
    int err;

    /* Two more than a page: what was held, and a delete marker of the page before. */
    walk.candidates = calloc(LIFECYCLE_PAGE + 2, sizeof(*walk.candidates));
    if (walk.candidates == NULL)
        return -ENOMEM;
    err = walk_versions(&walk);
    free(walk.candidates);
    return err;
}
