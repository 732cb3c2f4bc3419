/* SPDX-License-Identifier: MIT
 *
 * See courier.h. In order: items and lanes; taking rows; deliveries; striking off; the courier. */
#include "api/events/courier.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/events/event_json.h"
#include "metadata/meta_outbox.h"
#include "storage/base/clock.h"

#define SEND_BEGIN "{\"Records\":["
#define SEND_END   "]}"

/* An event on its way. */
struct item {
    struct item *next;
    uint64_t seq;
    int64_t at_ms;
    bool is_test; /* a message of its own */
    char *json;
    size_t length;
};

/* Of some keys, one delivery after the other. */
struct lane {
    struct courier *courier;
    struct webhook *webhook;
    struct item *first, **end;
    unsigned sent; /* of the first, that are in the delivery under way; 0: there is none */
    unsigned failures;
    uint64_t due_ms; /* not before; on the monotonic clock */
};

struct courier {
    struct courier_options options;
    unsigned char name[META_OUTBOX_TARGET_BYTES_MAX]; /* as rows have it */
    size_t name_length;
    struct lane lanes[EVENTS_CONNECTIONS_MAX];
    unsigned lane_count;
    unsigned held;     /* items in memory, until they are struck off */
    uint64_t last_seq; /* that was taken */
    bool has_more, is_failing, is_stopping;
    uint64_t counted_ms, looked_ms;
    /* Seqs to be struck off; those that are being so. */
    uint64_t done[EVENTS_WINDOW_ROWS], striking[META_OUTBOX_DONE_MAX];
    unsigned done_count;
    bool is_striking;
    uint64_t strike_after_ms;
    struct meta_outbox_done op;
    struct core_change change;
};

static void say(const struct courier *courier, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct courier *courier, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(courier->options.log, courier->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

static struct slice name_of(const struct courier *courier)
{
    return slice_of(courier->name, courier->name_length);
}

/* In a cluster the rows are all servers', and whoever leads delivers them. */
static bool is_shared(const struct courier *courier)
{
    return core_get_options(core_worker_core(courier->options.worker))->cluster != NULL;
}

/* ---- Items and lanes ---- */

static void lane_push(struct lane *lane, struct item *item)
{
    item->next = NULL;
    *lane->end = item;
    lane->end = &item->next;
}

/* The first is over, well or not: its row is to be struck off. */
static void lane_finish_first(struct lane *lane)
{
    struct courier *courier = lane->courier;
    struct item *item = lane->first;

    assert(courier->done_count < EVENTS_WINDOW_ROWS);
    courier->done[courier->done_count++] = item->seq;
    if ((lane->first = item->next) == NULL)
        lane->end = &lane->first;
    free(item->json);
    free(item);
}

/* FNV-1a: which lane has a key is nobody's secret. */
static uint32_t key_hash(int64_t bucket, struct slice key)
{
    uint32_t hash = 2166136261u ^ (uint32_t)bucket;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.base[i]) * 16777619u;
    return hash ^ hash >> 16;
}

static int64_t oldest_ms(const struct courier *courier)
{
    int64_t oldest = 0;

    for (unsigned i = 0; i < courier->lane_count; i++) {
        const struct item *first = courier->lanes[i].first;
        if (first != NULL && (oldest == 0 || first->at_ms < oldest))
            oldest = first->at_ms;
    }
    return oldest;
}

/* ---- Taking rows ---- */

static void last_seq_move(struct courier *courier, uint64_t seq)
{
    if (seq > courier->last_seq)
        courier->last_seq = seq;
}

/* A row that is not to be delivered. */
static void give_up(struct courier *courier, uint64_t seq)
{
    courier->done[courier->done_count++] = seq;
    courier->held++;
    (void)atomic_fetch_add(&courier->options.figures->given_up, 1);
}

static bool has_row(const struct courier *courier, uint64_t seq)
{
    for (unsigned i = 0; i < courier->lane_count; i++)
        for (const struct item *item = courier->lanes[i].first; item != NULL; item = item->next)
            if (item->seq == seq)
                return true;
    for (unsigned i = 0; i < courier->done_count; i++)
        if (courier->done[i] == seq)
            return true;
    for (unsigned i = 0; courier->is_striking && i < courier->op.count; i++)
        if (courier->striking[i] == seq)
            return true;
    return false;
}

static int on_row(void *ctx, const struct meta_event *event)
{
    struct courier *courier = ctx;
    struct lane *lane = &courier->lanes[key_hash(event->bucket, event->key) % courier->lane_count];
    struct item *item;

    if (event->seq <= courier->last_seq && has_row(courier, event->seq))
        return 0; /* a cluster's rows are listed more than once */
    if (courier->held == EVENTS_WINDOW_ROWS)
        return 1;
    if (event->kind == META_EVENT_NONE ||
        !events_patterns_match(&courier->options.target->buckets, event->bucket_name)) {
        last_seq_move(courier, event->seq);
        give_up(courier, event->seq);
        return 0;
    }
    if ((item = calloc(1, sizeof(*item))) == NULL)
        return -ENOMEM;
    item->json = events_json(event, courier->options.region, courier->options.host_id, EVENTS_FORM_S3);
    if (item->json == NULL) {
        free(item);
        return -ENOMEM;
    }
    item->length = strlen(item->json);
    item->seq = event->seq;
    item->at_ms = event->at_ms;
    item->is_test = event->kind == META_EVENT_TEST;
    last_seq_move(courier, event->seq);
    courier->held++;
    lane_push(lane, item);
    (void)atomic_fetch_add(&courier->options.figures->queued, 1);
    return 0;
}

static void rows_take(struct courier *courier)
{
    struct meta_reader *reader = core_worker_reader(courier->options.worker);
    uint32_t room = EVENTS_WINDOW_ROWS - courier->held;
    unsigned before = courier->held;

    if (!courier->has_more || room < EVENTS_WINDOW_ROWS / 4) /* some at a time */
        return;
    uint64_t from =
        is_shared(courier) ? core_outbox_from(courier->last_seq, courier->held == 0) : courier->last_seq;
    uint32_t limit = is_shared(courier) ? room + courier->held : room;
    int err = meta_outbox_list(reader, name_of(courier), from, limit, on_row, courier);
    if (err == 0 && courier->held - before < room)
        courier->has_more = false; /* until courier_wake */
}

/* For the figures. */
static void rows_count(struct courier *courier, uint64_t now_ms)
{
    struct events_figures *figures = courier->options.figures;
    uint64_t count;

    atomic_store(&figures->oldest_ms, oldest_ms(courier));
    if (now_ms < courier->counted_ms + EVENTS_COUNT_MS)
        return;
    courier->counted_ms = now_ms;
    if (courier->held == 0 && !courier->has_more)
        atomic_store(&figures->waiting, 0);
    else if (meta_outbox_count(core_worker_reader(courier->options.worker), name_of(courier), &count) == 0)
        atomic_store(&figures->waiting, count);
}

/* ---- Deliveries ---- */

unsigned courier_retry_ms(unsigned failures, uint32_t random)
{
    unsigned pause = EVENTS_RETRY_MS_MIN;

    assert(failures > 0);
    while (--failures > 0 && pause < EVENTS_RETRY_MS_MAX)
        pause *= 2;
    if (pause > EVENTS_RETRY_MS_MAX)
        pause = EVENTS_RETRY_MS_MAX;
    return pause / 2 + random % (pause / 2 + 1);
}

static uint32_t random_number(void)
{
    uint32_t number = 0;

    (void)!getrandom(&number, sizeof(number), GRND_NONBLOCK); /* else all come back at once: no harm */
    return number;
}

/* Those that were tried for too long go. */
static void lane_expire(struct lane *lane, int64_t now_ms)
{
    struct courier *courier = lane->courier;
    int64_t limit_ms = now_ms - (int64_t)courier->options.target->keep_hours * 3600 * 1000;
    unsigned count = 0;

    for (; lane->first != NULL && lane->first->at_ms < limit_ms; count++)
        lane_finish_first(lane);
    if (count == 0)
        return;
    (void)atomic_fetch_add(&courier->options.figures->given_up, count);
    say(courier, LOG_LEVEL_ERROR, "events: %u for target %s were tried for %u hours and are given up", count,
        courier->options.target->name, courier->options.target->keep_hours);
}

/* How many of the first go together, and what they take. */
static unsigned lane_batch(const struct lane *lane, size_t *length)
{
    unsigned count = 0;

    *length = sizeof(SEND_BEGIN) + sizeof(SEND_END);
    for (const struct item *item = lane->first;
         item != NULL && count < lane->courier->options.target->batch && (count == 0 || !item->is_test);
         item = item->next) {
        *length += item->length + 1;
        count++;
        if (item->is_test)
            break;
    }
    return count;
}

static char *body_make(const struct lane *lane, unsigned count, size_t bound, size_t *length)
{
    char *body = malloc(bound), *at = body;
    const struct item *item = lane->first;

    if (body == NULL)
        return NULL;
    if (item->is_test) {
        memcpy(body, item->json, item->length);
        *length = item->length;
        return body;
    }
    at = mempcpy(at, SEND_BEGIN, sizeof(SEND_BEGIN) - 1);
    for (unsigned i = 0; i < count; i++, item = item->next) {
        if (i > 0)
            *at++ = ',';
        at = mempcpy(at, item->json, item->length);
    }
    at = mempcpy(at, SEND_END, sizeof(SEND_END) - 1);
    *length = (size_t)(at - body);
    assert(*length <= bound);
    return body;
}

static void lane_failed(struct lane *lane, const char *reason)
{
    struct courier *courier = lane->courier;

    lane->failures++;
    lane->due_ms = clock_monotonic_ms() + courier_retry_ms(lane->failures, random_number());
    (void)atomic_fetch_add(&courier->options.figures->failed, 1);
    if (!courier->is_failing)
        say(courier, LOG_LEVEL_WARNING, "events: target %s cannot be reached, and is tried again: %s",
            courier->options.target->name, reason);
    courier->is_failing = true;
}

static bool lanes_fail(const struct courier *courier)
{
    for (unsigned i = 0; i < courier->lane_count; i++)
        if (courier->lanes[i].failures > 0)
            return true;
    return false;
}

static void on_delivered(void *ctx, const char *reason)
{
    struct lane *lane = ctx;
    struct courier *courier = lane->courier;
    unsigned sent = lane->sent;

    assert(sent > 0);
    lane->sent = 0;
    if (reason != NULL) {
        lane_failed(lane, reason);
        return;
    }
    lane->failures = 0;
    for (unsigned i = 0; i < sent; i++)
        lane_finish_first(lane);
    (void)atomic_fetch_add(&courier->options.figures->delivered, sent);
    if (!courier->is_failing || lanes_fail(courier))
        return;
    say(courier, LOG_LEVEL_INFO, "events: target %s takes deliveries again", courier->options.target->name);
    courier->is_failing = false;
}

static void lane_begin(struct lane *lane)
{
    size_t bound, length;
    unsigned count = lane_batch(lane, &bound);
    char *body = body_make(lane, count, bound, &length);

    assert(count > 0 && lane->sent == 0);
    if (body == NULL) {
        lane_failed(lane, "there is no memory");
        return;
    }
    lane->sent = count;
    if (webhook_post(lane->webhook, body, length) != 0) {
        lane->sent = 0;
        lane_failed(lane, "it cannot be sent");
    }
}

/* In how many milliseconds it is due. */
static unsigned lane_run(struct lane *lane, uint64_t now_ms)
{
    if (lane->sent > 0)
        return EVENTS_RETRY_MS_MAX;
    lane_expire(lane, clock_real_ms());
    if (lane->first == NULL)
        return EVENTS_RETRY_MS_MAX;
    if (lane->failures == 0 || lane->due_ms <= now_ms)
        lane_begin(lane);
    if (lane->sent > 0)
        return 0; /* it wants to be driven once more, then it waits by itself */
    return lane->due_ms > now_ms ? (unsigned)(lane->due_ms - now_ms) : 1;
}

/* ---- Striking off ---- */

static void on_struck(struct core_change *change)
{
    struct courier *courier = change->ctx;

    courier->is_striking = false;
    if (change->op->result == 0) {
        courier->held -= courier->op.count;
    } else if (courier->is_stopping) {
        courier->done_count = 0; /* it is delivered again by the next start */
    } else {                     /* the disk is full, say: again, with what comes */
        memmove(&courier->done[courier->op.count], courier->done,
                courier->done_count * sizeof(courier->done[0]));
        memcpy(courier->done, courier->striking, courier->op.count * sizeof(courier->done[0]));
        courier->done_count += courier->op.count;
        courier->strike_after_ms = clock_monotonic_ms() + EVENTS_RETRY_MS_MIN;
    }
}

static void strike(struct courier *courier)
{
    unsigned count = courier->done_count < META_OUTBOX_DONE_MAX ? courier->done_count : META_OUTBOX_DONE_MAX;

    if (count == 0 || courier->is_striking || clock_monotonic_ms() < courier->strike_after_ms)
        return;
    memcpy(courier->striking, courier->done, count * sizeof(courier->done[0]));
    courier->done_count -= count;
    memmove(courier->done, &courier->done[count], courier->done_count * sizeof(courier->done[0]));
    courier->op = (struct meta_outbox_done){.op.kind = META_OP_OUTBOX_DONE,
                                            .target = name_of(courier),
                                            .seqs = courier->striking,
                                            .count = count};
    courier->change = (struct core_change){.op = &courier->op.op, .done = on_struck, .ctx = courier};
    courier->is_striking = true;
    core_change_submit(courier->options.worker, &courier->change);
}

/* ---- The courier ---- */

int courier_open(struct courier **out, const struct courier_options *options)
{
    struct courier *courier = calloc(1, sizeof(*courier));
    size_t length = strlen(options->target->name);
    int err = courier != NULL ? 0 : -ENOMEM;

    if (err != 0)
        return err;
    courier->options = *options;
    (void)events_targets_ref(options->targets);
    courier->name[0] = META_OUTBOX_WEBHOOK;
    memcpy(courier->name + 1, options->target->name, length);
    courier->name_length = 1 + length;
    courier->has_more = true;
    for (unsigned i = 0; i < options->target->connections && err == 0; i++) {
        struct lane *lane = &courier->lanes[i];
        lane->courier = courier;
        lane->end = &lane->first;
        courier->lane_count++;
        err = webhook_open(&lane->webhook, options->webhooks, options->target, on_delivered, lane);
    }
    if (err != 0) {
        courier_close(courier);
        return err;
    }
    *out = courier;
    return 0;
}

void courier_close(struct courier *courier)
{
    if (courier == NULL)
        return;
    assert(!courier->is_striking);
    for (unsigned i = 0; i < courier->lane_count; i++) {
        struct lane *lane = &courier->lanes[i];
        webhook_close(lane->webhook);
        for (struct item *item = lane->first, *next; item != NULL; item = next) {
            next = item->next;
            free(item->json);
            free(item);
        }
    }
    events_targets_unref(courier->options.targets);
    free(courier);
}

void courier_wake(struct courier *courier)
{
    courier->has_more = true;
}

/* What is not under way is another server's. */
static void rest(struct courier *courier)
{
    for (unsigned i = 0; i < courier->lane_count; i++) {
        struct lane *lane = &courier->lanes[i];
        struct item **at = &lane->first, *item;

        for (unsigned kept = 0; kept < lane->sent; kept++)
            at = &(*at)->next;
        while ((item = *at) != NULL) {
            *at = item->next;
            courier->held--;
            free(item->json);
            free(item);
        }
        lane->end = at;
    }
    courier->last_seq = 0;
    atomic_store(&courier->options.figures->waiting, 0);
    atomic_store(&courier->options.figures->oldest_ms, 0);
}

/* In a cluster: nobody tells of rows that others write. */
static bool look_for_rows(struct courier *courier, uint64_t now_ms)
{
    if (!core_leads(core_worker_core(courier->options.worker))) {
        rest(courier);
        return false;
    }
    if (now_ms >= courier->looked_ms + EVENTS_LOOK_MS) {
        courier->looked_ms = now_ms;
        courier->has_more = true;
    }
    return true;
}

unsigned courier_run(struct courier *courier)
{
    uint64_t now_ms = clock_monotonic_ms();
    unsigned wait_ms = is_shared(courier) ? EVENTS_LOOK_MS : EVENTS_RETRY_MS_MAX;

    if (is_shared(courier) && !look_for_rows(courier, now_ms)) {
        strike(courier);
        return wait_ms;
    }
    rows_take(courier);
    for (unsigned i = 0; i < courier->lane_count; i++) {
        unsigned lane_ms = lane_run(&courier->lanes[i], now_ms);
        if (lane_ms < wait_ms)
            wait_ms = lane_ms;
    }
    strike(courier);
    rows_count(courier, now_ms);
    if ((courier->held > 0 || atomic_load(&courier->options.figures->waiting) > 0) &&
        wait_ms > EVENTS_COUNT_MS)
        wait_ms = EVENTS_COUNT_MS;
    return wait_ms;
}

void courier_stop(struct courier *courier)
{
    courier->is_stopping = true;
    courier->strike_after_ms = 0;
    for (unsigned i = 0; i < courier->lane_count; i++) {
        webhook_close(courier->lanes[i].webhook);
        courier->lanes[i].webhook = NULL;
    }
}

bool courier_finish(struct courier *courier)
{
    assert(courier->is_stopping);
    strike(courier);
    return !courier->is_striking;
}
