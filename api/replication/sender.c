/* SPDX-License-Identifier: MIT
 *
 * See sender.h. In order: taking rows; counting; threads; life. */
#include "api/replication/sender.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api/replication/sender_internal.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

void replication_say(const struct replication_sender *sender, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(sender->options.log, sender->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

/* ---- Taking rows ---- */

static int on_row(void *ctx, const struct meta_event *event)
{
    struct replication_sender *sender = ctx;

    if (event->kind == META_EVENT_NONE) { /* damaged: it stays, and nobody is held up by it */
        if (event->seq > sender->queue.last_seq)
            sender->queue.last_seq = event->seq;
        return 0;
    }
    return replication_queue_add(&sender->queue, event);
}

static void rows_take(struct replication_sender *sender, struct meta_reader *reader)
{
    unsigned before = sender->queue.count, room = REPLICATION_WINDOW_KEYS - before;

    if (!sender->has_more || room < REPLICATION_WINDOW_KEYS / 4) /* some at a time */
        return;
    uint64_t last = sender->queue.last_seq, from = last;
    if (core_get_options(sender->options.core)->cluster != NULL) {
        from = core_outbox_from(last, before == 0);
        room += replication_queue_rows(&sender->queue);
    }
    int err = meta_outbox_list(reader, replication_row_name(sender), from, room, on_row, sender);
    if (err == 0 && sender->queue.last_seq == last)
        sender->has_more = false;
    if (sender->queue.count > before)
        pthread_cond_broadcast(&sender->work);
}

/* ---- Counting ---- */

struct counting {
    uint64_t rows, bytes, last;
};

static int on_counted(void *ctx, const struct meta_event *event)
{
    struct counting *counting = ctx;

    counting->rows++;
    counting->last = event->seq;
    if (event->has_object)
        counting->bytes += event->size;
    return 0;
}

/* Looks at each row: so it does it the more rarely, the longer it takes. */
static void rows_count(struct replication_sender *sender, struct meta_reader *reader, bool is_empty)
{
    struct replication_figures *figures = sender->options.figures;
    struct counting counting = {0};
    uint64_t begun_ms = clock_monotonic_ms(), rows = 0;
    int err = 0;

    if (!is_empty && begun_ms < sender->counted_ms + sender->count_pause_ms)
        return;
    do {
        rows = counting.rows;
        if (!is_empty)
            err = meta_outbox_list(reader, replication_row_name(sender), counting.last,
                                   REPLICATION_COUNT_ROWS, on_counted, &counting);
    } while (err == 0 && counting.rows > rows && !atomic_load(&sender->is_stopping));
    if (err != 0)
        return;
    atomic_store(&figures->waiting, counting.rows);
    atomic_store(&figures->waiting_bytes, counting.bytes);
    sender->counted_ms = clock_monotonic_ms();
    sender->count_pause_ms = REPLICATION_COUNT_MS + REPLICATION_COUNT_SHARE * (sender->counted_ms - begun_ms);
}

void replication_sender_feed(struct replication_sender *sender, struct meta_reader *reader, bool has_rows)
{
    bool is_empty;

    pthread_mutex_lock(&sender->lock);
    sender->has_more = sender->has_more || has_rows;
    rows_take(sender, reader);
    is_empty = sender->queue.count == 0 && !sender->has_more;
    atomic_store(&sender->options.figures->oldest_ms, replication_queue_oldest(&sender->queue));
    pthread_mutex_unlock(&sender->lock);
    rows_count(sender, reader, is_empty);
}

void replication_sender_rest(struct replication_sender *sender)
{
    struct replication_figures *figures = sender->options.figures;

    pthread_mutex_lock(&sender->lock);
    replication_queue_drop(&sender->queue);
    sender->has_more = true;
    pthread_mutex_unlock(&sender->lock);
    atomic_store(&figures->oldest_ms, 0); /* whoever leads tells what waits */
    atomic_store(&figures->waiting, 0);
    atomic_store(&figures->waiting_bytes, 0);
}

/* ---- Threads ---- */

static uint32_t random_number(void)
{
    uint32_t number = 0;

    (void)!getrandom(&number, sizeof(number), GRND_NONBLOCK); /* else all come back at once: no harm */
    return number;
}

static void wait_for_work(struct replication_sender *sender, unsigned milliseconds)
{
    struct timespec until = clock_monotonic_in(milliseconds);

    (void)pthread_cond_timedwait(&sender->work, &sender->lock, &until);
}

/* While the target is away, one at a time looks whether it is back. NULL: nothing to do for so long. */
static struct replication_entry *next_entry(struct replication_sender *sender, unsigned *wait_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct replication_entry *entry;

    *wait_ms = REPLICATION_IDLE_MS;
    if (sender->failures > 0 && (sender->is_probing || sender->due_ms > now_ms)) {
        if (!sender->is_probing && sender->due_ms - now_ms < *wait_ms)
            *wait_ms = (unsigned)(sender->due_ms - now_ms);
        return NULL;
    }
    entry = replication_queue_take(&sender->queue, now_ms, wait_ms);
    if (entry != NULL && sender->failures > 0)
        sender->is_probing = true;
    return entry;
}

static void target_is_away(struct replication_sender *sender)
{
    sender->failures++;
    sender->due_ms = clock_monotonic_ms() + replication_retry_ms(sender->failures, random_number());
}

static void target_is_back(struct replication_sender *sender)
{
    if (sender->failures > 0)
        replication_say(sender, LOG_LEVEL_INFO, "replication: target %s takes objects again",
                        sender->options.target->name);
    sender->failures = 0;
    pthread_cond_broadcast(&sender->work);
}

static void settle(struct replication_sender *sender, struct replication_entry *entry,
                   enum replication_outcome outcome)
{
    uint64_t now_ms = clock_monotonic_ms();

    sender->is_probing = false;
    if (outcome == REPLICATION_AWAY)
        target_is_away(sender);
    else if (outcome != REPLICATION_PAUSED)
        target_is_back(sender);
    if (outcome == REPLICATION_DONE)
        replication_queue_finish(&sender->queue, entry);
    else if (outcome == REPLICATION_PAUSED)
        replication_queue_return(entry, now_ms + REPLICATION_RETRY_MS_MIN);
    else
        replication_queue_return(entry, now_ms + replication_retry_ms(++entry->failures, random_number()));
}

static void *run(void *arg)
{
    struct replication_lane *lane = arg;
    struct replication_sender *sender = lane->sender;

    pthread_mutex_lock(&sender->lock);
    while (!atomic_load(&sender->is_stopping)) {
        unsigned wait_ms;
        struct replication_entry *entry = next_entry(sender, &wait_ms);

        if (entry == NULL) {
            wait_for_work(sender, wait_ms);
            continue;
        }
        pthread_mutex_unlock(&sender->lock);
        enum replication_outcome outcome = replication_lane_work(lane, entry);
        pthread_mutex_lock(&sender->lock);
        settle(sender, entry, outcome);
    }
    pthread_mutex_unlock(&sender->lock);
    return NULL;
}

/* ---- Life ---- */

static int lane_open(struct replication_sender *sender, struct replication_lane *lane)
{
    int err;

    lane->sender = sender;
    if ((err = core_worker_create(sender->options.core, &lane->worker)) != 0)
        return err;
    if ((err = replication_copier_open(&lane->copier, lane->worker, sender->options.target,
                                       &sender->options.figures->bytes, &sender->is_stopping)) != 0)
        return err;
    if ((err = thread_start(&lane->thread, "replicate", run, lane)) == 0)
        lane->is_running = true;
    return err;
}

int replication_sender_open(struct replication_sender **out, const struct replication_sender_options *options)
{
    struct replication_sender *sender = calloc(1, sizeof(*sender));
    size_t length = strlen(options->target->name);
    int err = 0;

    if (sender == NULL)
        return -ENOMEM;
    sender->options = *options;
    (void)replication_targets_ref(options->targets);
    sender->row_name[0] = META_OUTBOX_REPLICA;
    memcpy(sender->row_name + 1, options->target->name, length);
    sender->row_name_length = 1 + length;
    sender->has_more = true;
    replication_queue_init(&sender->queue);
    pthread_mutex_init(&sender->lock, NULL);
    thread_condition_init(&sender->work);
    for (unsigned i = 0; i < options->target->connections && err == 0; i++) {
        sender->lane_count++;
        err = lane_open(sender, &sender->lanes[i]);
    }
    if (err != 0) {
        replication_sender_close(sender);
        return err;
    }
    *out = sender;
    return 0;
}

void replication_sender_close(struct replication_sender *sender)
{
    if (sender == NULL)
        return;
    pthread_mutex_lock(&sender->lock);
    atomic_store(&sender->is_stopping, true);
    pthread_cond_broadcast(&sender->work);
    pthread_mutex_unlock(&sender->lock);
    for (unsigned i = 0; i < sender->lane_count; i++) {
        struct replication_lane *lane = &sender->lanes[i];

        if (lane->is_running)
            thread_join(lane->thread);
        replication_copier_close(&lane->copier);
        if (lane->worker != NULL)
            core_worker_destroy(lane->worker);
    }
    replication_queue_free(&sender->queue);
    pthread_cond_destroy(&sender->work);
    pthread_mutex_destroy(&sender->lock);
    replication_targets_unref(sender->options.targets);
    free(sender);
}
