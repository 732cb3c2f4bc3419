/* SPDX-License-Identifier: MIT
 *
 * See replication.h. In order: the thread that feeds; targets; what is asked; life. */
#include "api/replication/replication.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/s3/replication/s3_replication.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

/* What is under way with one set of targets. */
struct running {
    struct replication *replication;
    struct replication_targets *targets;
    struct replication_figures *figures; /* one for each */
    struct replication_sender *senders[REPLICATION_TARGETS_MAX];
    unsigned sender_count;
    struct core_worker *worker; /* of the thread that feeds */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_woken, is_stopping;
};

struct replication {
    struct replication_options options;
    char *targets_path;
    bool is_started;
    pthread_mutex_t lock;    /* for `running`; the committer takes it, too, and only for a moment */
    struct running *running; /* NULL: there are no targets */
};

static void say(const struct replication *replication, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct replication *replication, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(replication->options.log, replication->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

/* ---- The thread that feeds ---- */

static void wake(struct running *running)
{
    pthread_mutex_lock(&running->lock);
    running->is_woken = true;
    pthread_cond_signal(&running->wake);
    pthread_mutex_unlock(&running->lock);
}

/* False: it is over. */
static bool wait_for_rows(struct running *running, bool *has_rows)
{
    struct timespec until = clock_monotonic_in(REPLICATION_IDLE_MS);
    bool goes_on;

    pthread_mutex_lock(&running->lock);
    while (!running->is_woken && !running->is_stopping &&
           pthread_cond_timedwait(&running->wake, &running->lock, &until) == 0)
        continue;
    *has_rows = running->is_woken;
    running->is_woken = false;
    goes_on = !running->is_stopping;
    pthread_mutex_unlock(&running->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct running *running = arg;
    struct core *core = running->replication->options.core;
    const bool is_shared = core_get_options(core)->cluster != NULL; /* others write rows, and nobody tells */
    bool has_rows = true;

    do {
        core_worker_run(running->worker);
        for (unsigned i = 0; i < running->sender_count; i++) {
            if (core_leads(core))
                replication_sender_feed(running->senders[i], core_worker_reader(running->worker),
                                        has_rows || is_shared);
            else
                replication_sender_rest(running->senders[i]);
        }
    } while (wait_for_rows(running, &has_rows));
    return NULL;
}

static void running_free(struct running *running)
{
    if (running == NULL)
        return;
    pthread_mutex_lock(&running->lock);
    running->is_stopping = true;
    pthread_cond_signal(&running->wake);
    pthread_mutex_unlock(&running->lock);
    if (running->has_thread)
        thread_join(running->thread);
    for (unsigned i = 0; i < running->sender_count; i++)
        replication_sender_close(running->senders[i]);
    if (running->worker != NULL)
        core_worker_destroy(running->worker);
    pthread_cond_destroy(&running->wake);
    pthread_mutex_destroy(&running->lock);
    replication_targets_unref(running->targets);
    free(running->figures);
    free(running);
}

/* Takes the reference over, also where it fails. */
static int running_make(struct running **out, struct replication *replication,
                        struct replication_targets *targets)
{
    struct running *running = calloc(1, sizeof(*running));

    if (running == NULL ||
        (running->figures = calloc(targets->count + 1, sizeof(*running->figures))) == NULL) {
        free(running);
        replication_targets_unref(targets);
        return -ENOMEM;
    }
    running->replication = replication;
    running->targets = targets;
    pthread_mutex_init(&running->lock, NULL);
    thread_condition_init(&running->wake);
    for (unsigned i = 0; i < targets->count; i++)
        memcpy(running->figures[i].name, targets->list[i].name, sizeof(running->figures[i].name));
    *out = running;
    return 0;
}

static int running_start(struct running *running)
{
    struct replication *replication = running->replication;
    int err = 0;

    for (unsigned i = 0; i < running->targets->count && err == 0; i++) {
        const struct replication_sender_options options = {
            .core = replication->options.core,
            .targets = running->targets,
            .target = &running->targets->list[i],
            .figures = &running->figures[i],
            .log = replication->options.log,
            .log_ctx = replication->options.log_ctx,
        };
        if ((err = replication_sender_open(&running->senders[i], &options)) == 0)
            running->sender_count++;
    }
    if (err == 0 && (err = core_worker_create(replication->options.core, &running->worker)) == 0 &&
        (err = thread_start(&running->thread, "replicate", run, running)) == 0)
        running->has_thread = true;
    if (err == -ENOSYS)
        say(replication, LOG_LEVEL_ERROR, "objects cannot be replicated: libcurl is not installed");
    else if (err != 0)
        say(replication, LOG_LEVEL_ERROR, "objects cannot be replicated: %s", strerror(-err));
    return err;
}

/* ---- What was committed ---- */

static void drop_note(struct replication *replication, const struct running *running,
                      const struct meta_news_drop *drop)
{
    for (unsigned i = 0; i < running->targets->count; i++) {
        struct replication_figures *figures = &running->figures[i];

        if (drop->target.len < 2 || drop->target.base[0] != META_OUTBOX_REPLICA ||
            !slice_is(slice_from(drop->target, 1), figures->name))
            continue;
        if (atomic_fetch_add(&figures->dropped, drop->count) == 0)
            say(replication, LOG_LEVEL_ERROR,
                "replication: more than %u changes wait for target %s, and the oldest give way: once it is "
                "back, "
                "sluice replicate --resync BUCKET brings what is missing there",
                META_OUTBOX_REPLICA_ROWS_MAX, figures->name);
    }
}

static void hear(void *ctx, const struct meta_news *news)
{
    struct replication *replication = ctx;

    if (!news->has_rows && news->drops == NULL)
        return;
    pthread_mutex_lock(&replication->lock);
    if (replication->running != NULL) {
        for (const struct meta_news_drop *drop = news->drops; drop != NULL; drop = drop->next)
            drop_note(replication, replication->running, drop);
        wake(replication->running);
    }
    pthread_mutex_unlock(&replication->lock);
}

/* ---- Targets ---- */

int replication_prepare(const struct replication *replication, struct replication_targets **targets)
{
    const struct target_source source = {.path = replication->targets_path,
                                         .log = replication->options.log,
                                         .log_ctx = replication->options.log_ctx};

    *targets = NULL;
    return source.path != NULL ? replication_targets_read(targets, &source) : 0;
}

int replication_apply(struct replication *replication, struct replication_targets *targets)
{
    struct running *running, *old;
    int err;

    if (targets == NULL)
        return 0;
    if ((err = running_make(&running, replication, targets)) != 0)
        return err;
    pthread_mutex_lock(&replication->lock);
    old = replication->running;
    replication->running = NULL;
    pthread_mutex_unlock(&replication->lock);
    running_free(old); /* two at a time would send everything twice */
    if (!core_is_read_only(replication->options.core) && targets->count > 0)
        err = running_start(running);
    pthread_mutex_lock(&replication->lock);
    replication->running = running;
    pthread_mutex_unlock(&replication->lock);
    wake(running);
    return err;
}

/* ---- What is asked ---- */

bool replication_may_use(void *ctx, struct slice target, struct slice bucket, struct slice user)
{
    struct replication *replication = ctx;
    const struct replication_target *found = NULL;
    bool may;

    pthread_mutex_lock(&replication->lock);
    if (replication->running != NULL)
        found = replication_targets_find(replication->running->targets, target);
    may = found != NULL && events_patterns_match(&found->buckets, bucket) &&
          events_patterns_match(&found->users, user);
    pthread_mutex_unlock(&replication->lock);
    return may;
}

void replication_visit(struct replication *replication,
                       void (*visit)(void *ctx, const struct replication_figures *figures), void *ctx)
{
    pthread_mutex_lock(&replication->lock);
    for (unsigned i = 0; replication->running != NULL && i < replication->running->targets->count; i++)
        visit(ctx, &replication->running->figures[i]);
    pthread_mutex_unlock(&replication->lock);
}

int replication_count(struct replication *replication)
{
    struct core_worker *worker;
    int err = core_worker_create(replication->options.core, &worker);

    if (err != 0)
        return err;
    for (unsigned i = 0; i < REPLICATION_TARGETS_MAX && err == 0; i++) {
        unsigned char name[META_OUTBOX_TARGET_BYTES_MAX] = {META_OUTBOX_REPLICA};
        size_t length = 0;
        uint64_t count = 0;

        pthread_mutex_lock(&replication->lock);
        if (replication->running != NULL && i < replication->running->targets->count)
            length = strlen(replication->running->figures[i].name);
        if (length > 0)
            memcpy(name + 1, replication->running->figures[i].name, length);
        pthread_mutex_unlock(&replication->lock);
        if (length == 0)
            break;
        err = meta_outbox_count(core_worker_reader(worker), slice_of(name, 1 + length), &count);
        pthread_mutex_lock(&replication->lock);
        if (err == 0 && replication->running != NULL && i < replication->running->targets->count)
            atomic_store(&replication->running->figures[i].waiting, count);
        pthread_mutex_unlock(&replication->lock);
    }
    core_worker_destroy(worker);
    return err;
}

static void on_noted(struct core_change *change)
{
    *(bool *)change->ctx = true;
}

/* A walk for the rule's target, unless an earlier rule had that. */
static int note_walk(struct core_worker *worker, int64_t bucket, const struct s3_replication *replication,
                     unsigned rule, unsigned *targets)
{
    struct slice target = replication->rules[rule].target;
    unsigned char name[META_OUTBOX_TARGET_BYTES_MAX] = {META_OUTBOX_REPLICA};
    bool is_done = false;

    if (!replication->rules[rule].is_enabled || target.len == 0 || target.len >= sizeof(name))
        return 0;
    for (unsigned i = 0; i < rule; i++)
        if (replication->rules[i].is_enabled && slice_equals(replication->rules[i].target, target))
            return 0;
    (void)slice_copy(name + 1, target);
    struct meta_outbox_note op = {.op.kind = META_OP_OUTBOX_NOTE,
                                  .bucket = bucket,
                                  .target = slice_of(name, 1 + target.len),
                                  .from = SLICE("")};
    struct core_change change = {.op = &op.op, .done = on_noted, .ctx = &is_done};
    core_change_submit(worker, &change);
    core_worker_flush(worker);
    while (!is_done)
        core_worker_wait(worker);
    *targets += op.op.result == 0;
    return op.op.result;
}

int replication_resync(struct replication *replication, struct slice bucket_name, unsigned *targets)
{
    const struct s3_replication *rules;
    struct core_worker *worker;
    struct meta_bucket bucket;
    int err = core_worker_create(replication->options.core, &worker);

    *targets = 0;
    if (err != 0)
        return err;
    if ((err = meta_bucket_get(core_worker_reader(worker), bucket_name, &bucket)) == 0)
        err = s3_replication_of(worker, bucket.id, &rules);
    for (unsigned i = 0; err == 0 && rules != NULL && i < rules->count; i++)
        err = note_walk(worker, bucket.id, rules, i, targets);
    core_worker_destroy(worker);
    return err == 0 && *targets == 0 ? META_E_NO_SETTING : err;
}

/* ---- Life ---- */

int replication_create(struct replication **out, const struct replication_options *options)
{
    struct replication *replication = calloc(1, sizeof(*replication));
    struct replication_targets *targets = NULL;
    int err = 0;

    if (replication == NULL)
        return -ENOMEM;
    replication->options = *options;
    pthread_mutex_init(&replication->lock, NULL);
    if (options->targets_path != NULL && (replication->targets_path = strdup(options->targets_path)) == NULL)
        err = -ENOMEM;
    if (err == 0 && (err = replication_prepare(replication, &targets)) == 0 && targets != NULL)
        err = running_make(&replication->running, replication, targets);
    if (err != 0) {
        replication_destroy(replication);
        return err;
    }
    *out = replication;
    return 0;
}

int replication_start(struct replication *replication)
{
    int err;

    if ((err = core_news_follow(replication->options.core, hear, replication)) != 0)
        return err;
    replication->is_started = true;
    if (replication->running == NULL || core_is_read_only(replication->options.core) ||
        replication->running->targets->count == 0)
        return 0;
    return running_start(replication->running);
}

void replication_destroy(struct replication *replication)
{
    if (replication == NULL)
        return;
    if (replication->is_started)
        (void)core_news_follow(replication->options.core, NULL, replication);
    running_free(replication->running);
    pthread_mutex_destroy(&replication->lock);
    free(replication->targets_path);
    free(replication);
}
