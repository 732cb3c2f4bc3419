/* SPDX-License-Identifier: MIT
 *
 * See origin.h. In order: what is under way with one file; the file again; what is asked; life. */
#include "api/origin/origin.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/origin/flights.h"
#include "storage/base/text/hex.h"

/* What is under way with one set of origins. */
struct running {
    struct running *next; /* of those that are retired */
    struct origins *origins;
    struct origin_figures *figures; /* one for each */
    struct origin_flights *flights[ORIGINS_MAX];
};

struct origin {
    struct origin_options options;
    char *path;
    char id[ORIGIN_ID_BYTES + 1];
    pthread_mutex_t lock;    /* for what follows; workers take it, and only for a moment */
    struct running *running; /* NULL: there are no origins */
    bool is_over;
    struct running *retired; /* of files that were read before; their last fetches go on */
};

static void say(const struct origin *origin, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct origin *origin, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(origin->options.log, origin->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

/* ---- What is under way with one file ---- */

static void running_free(struct running *running)
{
    if (running == NULL)
        return;
    for (unsigned i = 0; i < running->origins->count; i++)
        origin_flights_close(running->flights[i]);
    origins_unref(running->origins);
    free(running->figures);
    free(running);
}

static void running_cancel(struct running *running)
{
    for (unsigned i = 0; running != NULL && i < running->origins->count; i++)
        if (running->flights[i] != NULL)
            origin_flights_cancel(running->flights[i]);
}

static bool running_is_over(const struct running *running)
{
    for (unsigned i = 0; i < running->origins->count; i++)
        if (running->flights[i] != NULL && !origin_flights_are_over(running->flights[i]))
            return false;
    return true;
}

/* Takes the reference over, also where it fails. */
static int running_make(struct running **out, struct origins *origins)
{
    struct running *running = calloc(1, sizeof(*running));

    if (running == NULL ||
        (running->figures = calloc(origins->count + 1, sizeof(*running->figures))) == NULL) {
        free(running);
        origins_unref(origins);
        return -ENOMEM;
    }
    running->origins = origins;
    for (unsigned i = 0; i < origins->count; i++)
        memcpy(running->figures[i].name, origins->list[i].name, sizeof(running->figures[i].name));
    *out = running;
    return 0;
}

static int running_start(const struct origin *origin, struct running *running)
{
    int err = 0;

    for (unsigned i = 0; i < running->origins->count && err == 0; i++) {
        const struct origin_flights_options options = {
            .core = origin->options.core,
            .origins = running->origins,
            .target = &running->origins->list[i],
            .id = origin->id,
            .figures = &running->figures[i],
            .log = origin->options.log,
            .log_ctx = origin->options.log_ctx,
        };
        err = origin_flights_open(&running->flights[i], &options);
    }
    if (err == -ENOSYS)
        say(origin, LOG_LEVEL_ERROR, "objects cannot be fetched from origins: libcurl is not installed");
    else if (err != 0)
        say(origin, LOG_LEVEL_ERROR, "objects cannot be fetched from origins: %s", strerror(-err));
    return err;
}

/* ---- The file again ---- */

int origin_prepare(const struct origin *origin, struct origins **origins)
{
    const struct target_source source = {
        .path = origin->path, .log = origin->options.log, .log_ctx = origin->options.log_ctx};

    *origins = NULL;
    return source.path != NULL ? origins_read(origins, &source) : 0;
}

/* Those that have nothing to do any more. */
static void retired_free(struct origin *origin)
{
    struct running **at = &origin->retired;

    while (*at != NULL) {
        struct running *running = *at;

        if (running_is_over(running)) {
            *at = running->next;
            running_free(running);
        } else {
            at = &running->next;
        }
    }
}

/* Of an origin that stays, figures go on. */
static void figures_carry(const struct running *from, struct running *to)
{
    for (unsigned i = 0; i < to->origins->count; i++)
        for (unsigned old = 0; old < from->origins->count; old++) {
            const struct origin_figures *was = &from->figures[old];
            struct origin_figures *is = &to->figures[i];

            if (strcmp(was->name, is->name) != 0)
                continue;
            atomic_store(&is->bytes, atomic_load(&was->bytes));
            atomic_store(&is->fetched, atomic_load(&was->fetched));
            atomic_store(&is->joined, atomic_load(&was->joined));
            atomic_store(&is->heads, atomic_load(&was->heads));
            atomic_store(&is->absent, atomic_load(&was->absent));
            atomic_store(&is->failed, atomic_load(&was->failed));
        }
}

int origin_apply(struct origin *origin, struct origins *origins)
{
    struct running *running, *old;
    int err;

    if (origins == NULL)
        return 0;
    if ((err = running_make(&running, origins)) != 0)
        return err;
    if ((err = running_start(origin, running)) != 0) {
        running_cancel(running);
        running_free(running);
        return err;
    }
    pthread_mutex_lock(&origin->lock);
    old = origin->running;
    if (old != NULL)
        figures_carry(old, running);
    origin->running = running;
    for (unsigned i = 0; old != NULL && i < old->origins->count; i++)
        if (old->flights[i] != NULL)
            origin_flights_retire(old->flights[i]);
    if (old != NULL) {
        old->next = origin->retired;
        origin->retired = old;
    }
    retired_free(origin);
    pthread_mutex_unlock(&origin->lock);
    return 0;
}

/* ---- What is asked ---- */

static bool covers(void *ctx, struct slice bucket)
{
    struct origin *origin = ctx;
    bool does;

    pthread_mutex_lock(&origin->lock);
    does = origin->running != NULL && origins_find(origin->running->origins, bucket) != NULL;
    pthread_mutex_unlock(&origin->lock);
    return does;
}

/* Whether the request has passed us already, or more servers than there can be. */
static bool goes_round(const struct origin *origin, struct slice chain)
{
    struct slice id;
    unsigned hops = 0;

    if (chain.len > ORIGIN_HOPS_MAX * (ORIGIN_ID_BYTES + 1))
        return true;
    while (slice_next_part(&chain, ' ', &id))
        if (++hops > ORIGIN_HOPS_MAX || slice_is(id, origin->id))
            return true;
    return false;
}

static int begin(void *ctx, struct s3_fetch *fetch)
{
    struct origin *origin = ctx;
    struct origin_target *target = NULL;
    struct running *running;
    int err;

    if (goes_round(origin, fetch->chain))
        return META_E_NO_KEY;
    pthread_mutex_lock(&origin->lock);
    running = origin->running;
    if (running != NULL)
        target = origins_find(running->origins, slice_text(fetch->bucket->name));
    if (target == NULL)
        err = META_E_NO_KEY;
    else if (origin->is_over)
        err = -ECANCELED;
    else
        err = origin_flights_begin(running->flights[target - running->origins->list], fetch);
    pthread_mutex_unlock(&origin->lock);
    return err;
}

static int64_t available(void *ctx, struct s3_fetch *fetch, uint64_t at)
{
    (void)ctx;
    return origin_flight_available(fetch->flight, fetch, at);
}

static bool end(void *ctx, struct s3_fetch *fetch)
{
    bool was_waiting = origin_flight_leave(fetch->flight, fetch);

    (void)ctx;
    origin_flight_unref(fetch->flight, fetch->worker);
    return was_waiting;
}

struct s3_fetcher origin_fetcher(struct origin *origin)
{
    return (struct s3_fetcher){covers, begin, available, end, origin_add_metrics, origin};
}

void origin_visit(struct origin *origin, void (*visit)(void *ctx, const struct origin_figures *figures),
                  void *ctx)
{
    pthread_mutex_lock(&origin->lock);
    for (unsigned i = 0; origin->running != NULL && i < origin->running->origins->count; i++)
        visit(ctx, &origin->running->figures[i]);
    pthread_mutex_unlock(&origin->lock);
}

/* ---- Life ---- */

static int make_id(char id[ORIGIN_ID_BYTES + 1])
{
    unsigned char bytes[ORIGIN_ID_BYTES / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -EIO;
    hex_encode(bytes, sizeof(bytes), id);
    id[ORIGIN_ID_BYTES] = '\0';
    return 0;
}

int origin_create(struct origin **out, const struct origin_options *options)
{
    struct origin *origin = calloc(1, sizeof(*origin));
    struct origins *origins = NULL;
    int err;

    if (origin == NULL)
        return -ENOMEM;
    origin->options = *options;
    pthread_mutex_init(&origin->lock, NULL);
    err = make_id(origin->id);
    if (err == 0 && options->path != NULL && (origin->path = strdup(options->path)) == NULL)
        err = -ENOMEM;
    if (err == 0 && (err = origin_prepare(origin, &origins)) == 0 && origins != NULL)
        err = running_make(&origin->running, origins);
    if (err != 0) {
        origin_destroy(origin);
        return err;
    }
    *out = origin;
    return 0;
}

int origin_start(struct origin *origin)
{
    return origin->running != NULL ? running_start(origin, origin->running) : 0;
}

/* Nothing is added to what is retired after is_over: the server neither changes nor reloads while it stops. */
void origin_end(struct origin *origin)
{
    if (origin == NULL)
        return;
    pthread_mutex_lock(&origin->lock);
    origin->is_over = true;
    pthread_mutex_unlock(&origin->lock);
    running_cancel(origin->running);
    for (struct running *running = origin->retired; running != NULL; running = running->next)
        running_cancel(running);
}

void origin_destroy(struct origin *origin)
{
    struct running *next;

    if (origin == NULL)
        return;
    origin_end(origin);
    running_free(origin->running);
    for (struct running *running = origin->retired; running != NULL; running = next) {
        next = running->next;
        running_free(running);
    }
    pthread_mutex_destroy(&origin->lock);
    free(origin->path);
    free(origin);
}
