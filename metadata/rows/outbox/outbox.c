/* SPDX-License-Identifier: MIT
 *
 * Rules in memory, and rows of `outbox`. See outbox.h. Committer's thread. */
#include "metadata/rows/outbox/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/outbox/outbox_form.h"
#include "metadata/write/writer.h"

/* A seq is a time, so that it grows over starts whose rows are all struck off, too: ms above so many bits. */
#define SEQ_TIME_SHIFT META_OUTBOX_SEQ_SHIFT
/* Of several servers each has the numbers that end so with its own: two give none twice, also in one ms. */
#define SEQ_SERVER_BITS 10u
/* Of several servers none knows what the others have put and struck off: counted anew that often, where a target seems to have too many. */
#define RECOUNT_MS 10000

/* ---- Rules ---- */

/* The first of the bucket, or where it would be. */
static size_t rules_position(const struct outbox *outbox, int64_t bucket)
{
    size_t low = 0, high = outbox->rules_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (outbox->rules[middle].bucket < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void follow(struct meta_writer *writer)
{
    if (writer->outbox.rules_count > 0)
        (void)atomic_fetch_or(&writer->meta->followed, META_FOLLOWED_BY_RULES);
    else
        (void)atomic_fetch_and(&writer->meta->followed, ~META_FOLLOWED_BY_RULES);
}

static void rules_remove(struct outbox *outbox, size_t at)
{
    assert(at < outbox->rules_count);
    free(outbox->rules[at].bytes);
    free(outbox->rules[at].list);
    outbox->rules_count--;
    memmove(&outbox->rules[at], &outbox->rules[at + 1], (outbox->rules_count - at) * sizeof(*outbox->rules));
}

static int rules_make(struct outbox_rules *rules, int64_t bucket, int kind, struct slice bytes)
{
    struct meta_outbox_rule list[META_OUTBOX_RULES_MAX];
    int count;

    *rules = (struct outbox_rules){.bucket = bucket, .kind = kind, .bytes = malloc(bytes.len)};
    if (rules->bytes == NULL)
        return -ENOMEM;
    (void)slice_copy(rules->bytes, bytes);
    if ((count = outbox_rules_decode(slice_of(rules->bytes, bytes.len), list)) < 0) {
        free(rules->bytes);
        return count;
    }
    rules->count = (uint32_t)count;
    if (count > 0 && (rules->list = malloc((size_t)count * sizeof(*list))) == NULL) {
        free(rules->bytes);
        return -ENOMEM;
    }
    if (count > 0)
        memcpy(rules->list, list, (size_t)count * sizeof(*list));
    return 0;
}

static int rules_insert(struct outbox *outbox, size_t at, const struct outbox_rules *rules)
{
    if (outbox->rules_count == outbox->rules_capacity) {
        size_t capacity = outbox->rules_capacity == 0 ? 4 : 2 * outbox->rules_capacity;
        struct outbox_rules *grown = realloc(outbox->rules, capacity * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        outbox->rules = grown;
        outbox->rules_capacity = capacity;
    }
    memmove(&outbox->rules[at + 1], &outbox->rules[at], (outbox->rules_count - at) * sizeof(*rules));
    outbox->rules[at] = *rules;
    outbox->rules_count++;
    return 0;
}

int outbox_rules_set(struct meta_writer *writer, int64_t bucket, int kind, struct slice bytes)
{
    struct outbox *outbox = &writer->outbox;
    size_t at = rules_position(outbox, bucket);
    struct outbox_rules rules;
    int err = 0;

    for (size_t i = at; i < outbox->rules_count && outbox->rules[i].bucket == bucket; i++)
        if (outbox->rules[i].kind == kind) {
            rules_remove(outbox, i);
            break;
        }
    if (bytes.len > 0 && (err = rules_make(&rules, bucket, kind, bytes)) == 0 &&
        (err = rules_insert(outbox, at, &rules)) != 0) {
        free(rules.bytes);
        free(rules.list);
    }
    follow(writer);
    return err;
}

void outbox_rules_forget(struct meta_writer *writer, int64_t bucket)
{
    struct outbox *outbox = &writer->outbox;
    size_t at = rules_position(outbox, bucket);

    while (at < outbox->rules_count && outbox->rules[at].bucket == bucket)
        rules_remove(outbox, at);
    follow(writer);
}

/* ---- Targets ---- */

static struct outbox_target *target_find(struct outbox *outbox, struct slice name)
{
    for (size_t i = 0; i < outbox->target_count; i++)
        if (slice_equals(slice_of(outbox->targets[i].name, outbox->targets[i].length), name))
            return &outbox->targets[i];
    return NULL;
}

/* NULL: no memory. */
static struct outbox_target *target_get(struct outbox *outbox, struct slice name)
{
    struct outbox_target *target = target_find(outbox, name);

    assert(name.len > 0 && name.len <= META_OUTBOX_TARGET_BYTES_MAX);
    if (target != NULL)
        return target;
    if (outbox->target_count == outbox->target_capacity) {
        size_t capacity = outbox->target_capacity == 0 ? 4 : 2 * outbox->target_capacity;
        struct outbox_target *grown = realloc(outbox->targets, capacity * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        outbox->targets = grown;
        outbox->target_capacity = capacity;
    }
    target = &outbox->targets[outbox->target_count++];
    *target = (struct outbox_target){.length = name.len};
    (void)slice_copy(target->name, name);
    return target;
}

static int on_target(void *ctx, struct slice name, uint64_t waiting, uint64_t last)
{
    struct outbox *outbox = ctx;

    if (name.len == 0 || name.len > META_OUTBOX_TARGET_BYTES_MAX)
        return 0; /* damage: nobody asks for it */
    struct outbox_target *target = target_get(outbox, name);
    if (target == NULL)
        return -ENOMEM;
    target->waiting = waiting;
    if (last > outbox->seq)
        outbox->seq = last;
    return 0;
}

/* ---- Loading ---- */

/* Settings of rules, each with the name that people know it by. */
static const struct {
    enum meta_setting_kind kind;
    const char *name;
} rule_settings[] = {
    {META_SETTING_NOTIFICATION_RULES, "events"},
    {META_SETTING_REPLICATION_RULES, "replication"},
};

struct loading {
    struct meta_writer *writer;
    size_t setting; /* of the table */
};

static int on_rules(void *ctx, int64_t bucket, struct slice document)
{
    const struct loading *loading = ctx;
    int err = outbox_rules_set(loading->writer, bucket, (int)rule_settings[loading->setting].kind, document);

    if (err == META_E_CORRUPT)
        meta_log(loading->writer->meta, LOG_LEVEL_ERROR,
                 "the rules of %s of bucket %lld are damaged and count as none",
                 rule_settings[loading->setting].name, (long long)bucket);
    return err == META_E_CORRUPT ? 0 : err;
}

static int rules_load(struct meta_writer *writer)
{
    struct loading loading = {.writer = writer};
    int err = 0;

    for (; loading.setting < sizeof(rule_settings) / sizeof(rule_settings[0]) && err == 0; loading.setting++)
        err = row_setting_walk(writer->store, rule_settings[loading.setting].kind, on_rules, &loading);
    return err;
}

int outbox_load(struct meta_writer *writer)
{
    struct outbox *outbox = &writer->outbox;
    uint64_t given;
    int err;

    while (outbox->rules_count > 0)
        rules_remove(outbox, outbox->rules_count - 1);
    outbox->target_count = 0;
    if ((err = rules_load(writer)) != 0 ||
        (err = row_outbox_targets(writer->store, &given, on_target, outbox)) != 0)
        return err;
    if (given > outbox->seq)
        outbox->seq = given;
    outbox->is_stale = false;
    follow(writer);
    return 0;
}

void outbox_free(struct outbox *outbox)
{
    while (outbox->rules_count > 0)
        rules_remove(outbox, outbox->rules_count - 1);
    free(outbox->rules);
    free(outbox->targets);
    arena_free(&outbox->arena);
    *outbox = (struct outbox){0};
}

/* ---- Events ---- */

static bool is_listened(const struct meta_writer *writer)
{
    return (atomic_load_explicit(&writer->meta->followed, memory_order_relaxed) &
            META_FOLLOWED_BY_LISTENERS) != 0;
}

static bool rule_matches(const struct meta_outbox_rule *rule, enum meta_event_kind kind, struct slice key)
{
    return meta_outbox_matches(rule->events, rule->prefix, rule->suffix, kind, key);
}

bool outbox_wants(struct meta_writer *writer, int64_t bucket, enum meta_event_kind kind, struct slice key)
{
    const struct outbox *outbox = &writer->outbox;

    if (is_listened(writer))
        return true;
    for (size_t i = rules_position(outbox, bucket);
         i < outbox->rules_count && outbox->rules[i].bucket == bucket; i++)
        for (uint32_t j = 0; j < outbox->rules[i].count; j++)
            if (rule_matches(&outbox->rules[i].list[j], kind, key))
                return true;
    return false;
}

static uint64_t seq_next(struct outbox *outbox, int64_t now_ms)
{
    uint64_t now = (uint64_t)now_ms << SEQ_TIME_SHIFT, step = UINT64_C(1) << SEQ_SERVER_BITS;

    if (outbox->server == 0)
        outbox->seq = now > outbox->seq ? now : outbox->seq + 1;
    else
        outbox->seq = (now > outbox->seq ? now : (outbox->seq / step + 1) * step) + outbox->server % step;
    return outbox->seq;
}

/* Gives the event its seq and what is the same of all of its bucket. */
static int event_complete(struct meta_writer *writer, struct meta_event *event)
{
    struct outbox *outbox = &writer->outbox;
    int found = row_bucket_names(writer->store, &outbox->arena, event->bucket, &event->bucket_name,
                                 &event->bucket_owner);

    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    event->seq = seq_next(outbox, writer->now_ms);
    event->at_ms = writer->now_ms;
    if (event->who.len > META_ORIGIN_BYTES_MAX)
        event->who = (struct slice){0};
    assert(event->seq <= INT64_MAX);
    return 0;
}

static int on_recount(void *ctx, struct slice name, uint64_t waiting, uint64_t last)
{
    struct outbox_target *target = target_find(ctx, name);

    if (target != NULL)
        target->waiting = waiting;
    return 0;
}

/* What each server counts is what it has put itself: whoever strikes off may be another. */
static int targets_recount(struct meta_writer *writer)
{
    struct outbox *outbox = &writer->outbox;
    uint64_t given;

    if (outbox->server == 0 || (outbox->counted_ms != 0 && writer->now_ms - outbox->counted_ms < RECOUNT_MS &&
                                writer->now_ms >= outbox->counted_ms))
        return 0;
    outbox->counted_ms = writer->now_ms;
    for (size_t i = 0; i < outbox->target_count; i++)
        outbox->targets[i].waiting = 0; /* one without rows is not told of */
    return row_outbox_targets(writer->store, &given, on_recount, outbox);
}

/* Room for one more row of the target. */
static int target_make_room(struct meta_writer *writer, struct outbox_target *target)
{
    uint64_t max = writer->meta->options.outbox_rows_max != 0 ? writer->meta->options.outbox_rows_max
                   : target->name[0] == META_OUTBOX_REPLICA   ? META_OUTBOX_REPLICA_ROWS_MAX
                                                              : META_OUTBOX_ROWS_MAX;

    int err = target->waiting >= max ? targets_recount(writer) : 0;
    while (err == 0 && target->waiting >= max) {
        int dropped = row_outbox_drop(writer->store, slice_of(target->name, target->length));
        if (dropped == 0 && writer->outbox.server != 0)
            target->waiting = 0; /* others have struck them off */
        if (dropped <= 0)
            return dropped < 0 ? dropped : writer->outbox.server != 0 ? 0 : META_E_CORRUPT;
        target->waiting--;
        target->dropped++;
        writer->outbox.has_drops = true;
    }
    return err;
}

static int row_put(struct meta_writer *writer, struct meta_event *event, struct slice name, struct slice rule)
{
    struct outbox *outbox = &writer->outbox;
    struct outbox_target *target = target_get(outbox, name);
    int err;

    if (target == NULL)
        return -ENOMEM;
    event->rule = rule;
    unsigned char *detail = arena_alloc(&outbox->arena, outbox_event_bound(event));
    if (detail == NULL)
        return -ENOMEM;
    outbox->is_stale = true; /* until it is there */
    if ((err = target_make_room(writer, target)) != 0)
        return err;
    err = row_outbox_put(writer->store, name, event->seq, event->bucket, event->key,
                         slice_of(detail, outbox_event_encode(detail, event)));
    if (err != 0)
        return err;
    target->waiting++;
    outbox->is_stale = false;
    outbox->has_rows = true;
    return 0;
}

/* For listeners, who hear of it when it is committed. */
static int event_keep(struct outbox *outbox, const struct meta_event *event)
{
    struct meta_news_event *kept = arena_alloc(&outbox->arena, sizeof(*kept));

    if (kept == NULL)
        return -ENOMEM;
    kept->event = *event;
    kept->event.rule = (struct slice){0};
    kept->event.key = arena_dup(&outbox->arena, event->key.base, event->key.len);
    kept->event.who = arena_dup(&outbox->arena, event->who.base, event->who.len);
    kept->next = NULL;
    if (kept->event.key.base == NULL || kept->event.who.base == NULL)
        return -ENOMEM;
    *outbox->end = kept;
    outbox->end = &kept->next;
    return 0;
}

int outbox_put(struct meta_writer *writer, struct meta_event *event)
{
    struct outbox *outbox = &writer->outbox;
    int err = event_complete(writer, event);
    bool is_put = false;

    assert(event->kind > META_EVENT_NONE && event->kind < META_EVENT_KIND_END);
    for (size_t i = rules_position(outbox, event->bucket);
         err == 0 && i < outbox->rules_count && outbox->rules[i].bucket == event->bucket; i++)
        for (uint32_t j = 0; err == 0 && j < outbox->rules[i].count; j++) {
            const struct meta_outbox_rule *rule = &outbox->rules[i].list[j];
            if (!rule_matches(rule, event->kind, event->key))
                continue;
            /* Two rules of one target may be about it. A number that no row has would be forgotten by a crash, and given anew. */
            if (is_put)
                event->seq = seq_next(outbox, writer->now_ms);
            err = row_put(writer, event, rule->target, rule->id);
            is_put = true;
        }
    return err == 0 && is_listened(writer) ? event_keep(outbox, event) : err;
}

int outbox_put_for(struct meta_writer *writer, struct meta_event *event, struct slice target,
                   struct slice rule)
{
    int err = event_complete(writer, event);

    return err != 0 ? err : row_put(writer, event, target, rule);
}

int outbox_strike(struct meta_writer *writer, struct slice name, uint64_t seq)
{
    struct outbox_target *target = target_find(&writer->outbox, name);
    int struck = row_outbox_delete(writer->store, name, seq);

    if (struck > 0 && target != NULL && target->waiting > 0)
        target->waiting--;
    return struck < 0 ? struck : 0;
}

/* ---- A batch ---- */

void outbox_batch_begin(struct meta_writer *writer)
{
    struct outbox *outbox = &writer->outbox;

    arena_reset(&outbox->arena);
    outbox->first = NULL;
    outbox->end = &outbox->first;
    if (outbox->has_drops)
        for (size_t i = 0; i < outbox->target_count; i++)
            outbox->targets[i].dropped = 0;
    outbox->has_rows = outbox->has_drops = false;
}

static const struct meta_news_drop *drops_list(struct outbox *outbox)
{
    struct meta_news_drop *first = NULL;

    for (size_t i = 0; outbox->has_drops && i < outbox->target_count; i++) {
        struct outbox_target *target = &outbox->targets[i];
        struct meta_news_drop *drop = target->dropped > 0 ? arena_alloc(&outbox->arena, sizeof(*drop)) : NULL;
        if (drop == NULL)
            continue; /* without memory it is not told */
        *drop = (struct meta_news_drop){slice_of(target->name, target->length), target->dropped, first};
        first = drop;
    }
    return first;
}

void outbox_batch_tell(struct meta_writer *writer)
{
    const struct meta_batch_hooks *hooks = &writer->meta->options.hooks;
    struct outbox *outbox = &writer->outbox;

    if (hooks->news == NULL || (outbox->first == NULL && !outbox->has_rows && !outbox->has_drops))
        return;
    const struct meta_news news = {
        .events = outbox->first, .drops = drops_list(outbox), .has_rows = outbox->has_rows};
    hooks->news(hooks->ctx, &news);
}

void meta_listen(struct meta *meta, bool wanted)
{
    if (wanted)
        (void)atomic_fetch_or(&meta->followed, META_FOLLOWED_BY_LISTENERS);
    else
        (void)atomic_fetch_and(&meta->followed, ~META_FOLLOWED_BY_LISTENERS);
}

bool meta_is_followed(const struct meta *meta)
{
    return atomic_load_explicit(&meta->followed, memory_order_relaxed) != 0;
}
