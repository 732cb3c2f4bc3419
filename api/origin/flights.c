/* SPDX-License-Identifier: MIT
 *
 * See flights.h. In order: flights; who waits; threads; life. One lock, which is held for moments alone: workers take it. */
#include "api/origin/flights.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/origin/lane.h"
#include "storage/base/clock.h"
#include "storage/base/owner.h"
#include "storage/base/thread.h"

struct thread {
    struct origin_flights *flights;
    struct origin_lane lane;
    pthread_t id;
    bool is_running;
};

struct origin_flights {
    struct origin_flights_options options;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct origin_flight *first, **end; /* of all keys that wait or are fetched */
    unsigned count, busy;               /* keys; threads that have not ended */
    bool is_retired;
    atomic_bool is_cancelled;
    uint64_t said_ms; /* when the log had the last line */
    unsigned unsaid;
    struct thread threads[ORIGIN_CONNECTIONS_MAX];
};

static void say(const struct origin_flights *flights, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct origin_flights *flights, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(flights->options.log, flights->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

/* ---- Flights ---- */

static uint32_t hash_of(struct slice key)
{
    uint32_t hash = 2166136261u; /* FNV-1a: it only saves comparisons, of a thousand keys at most */

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.base[i]) * 16777619u;
    return hash;
}

static struct origin_flight *flight_find(const struct origin_flights *flights, const struct s3_fetch *fetch)
{
    uint32_t hash = hash_of(fetch->key);

    for (struct origin_flight *flight = flights->first; flight != NULL; flight = flight->next)
        if (flight->hash == hash && flight->bucket == fetch->bucket->id &&
            flight->is_head == fetch->is_head && slice_equals(flight->key, fetch->key))
            return flight;
    return NULL;
}

static struct origin_flight *flight_make(struct origin_flights *flights, const struct s3_fetch *fetch)
{
    struct origin_flight *flight = calloc(1, sizeof(*flight) + fetch->key.len + fetch->chain.len + 2);
    char *texts = (char *)(flight + 1);

    if (flight == NULL)
        return NULL;
    flight->flights = flights;
    flight->references = 1;
    flight->bucket = fetch->bucket->id;
    memcpy(flight->bucket_name, fetch->bucket->name, sizeof(flight->bucket_name));
    memcpy(flight->bucket_owner, fetch->bucket->owner, sizeof(flight->bucket_owner));
    (void)slice_copy(texts, fetch->key);
    flight->key = slice_of(texts, fetch->key.len);
    texts += fetch->key.len + 1;
    (void)slice_copy(texts, fetch->chain);
    flight->chain = slice_of(texts, fetch->chain.len);
    flight->hash = hash_of(fetch->key);
    flight->is_head = fetch->is_head;
    arena_init(&flight->arena, NULL);
    pthread_mutex_init(&flight->lock, NULL);
    flight->fd = -1;
    *flights->end = flight;
    flights->end = &flight->next;
    flights->count++;
    atomic_fetch_add(&flights->options.figures->waiting, 1);
    return flight;
}

static void flight_unlink(struct origin_flights *flights, struct origin_flight *flight)
{
    struct origin_flight **at = &flights->first;

    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    if (flight->next == NULL)
        flights->end = at;
    flights->count--;
}

/* ---- Who waits ---- */

static void on_turn(struct core_turn *turn)
{
    struct s3_fetch *fetch = OWNER_OF(turn, struct s3_fetch, turn);

    fetch->done(fetch);
}

/* With the lock: who takes what is coming goes on with that. */
static void waiters_tell_coming(struct origin_flight *flight)
{
    struct s3_fetch **at = &flight->waiters;

    while (*at != NULL) {
        struct s3_fetch *fetch = *at;

        if (!fetch->takes_coming) {
            at = &fetch->next;
            continue;
        }
        *at = fetch->next;
        fetch->result = S3_FETCH_COMES;
        fetch->object = &flight->object;
        fetch->fd = flight->fd;
        core_turn_end(&fetch->turn);
    }
}

void origin_flight_comes(struct origin_flight *flight, int fd)
{
    struct origin_flights *flights = flight->flights;

    pthread_mutex_lock(&flights->lock);
    flight->fd = fd;
    flight->is_coming = true;
    waiters_tell_coming(flight);
    pthread_mutex_unlock(&flights->lock);
}

int origin_flights_begin(struct origin_flights *flights, struct s3_fetch *fetch)
{
    struct origin_flight *flight;
    int err = 0;

    pthread_mutex_lock(&flights->lock);
    flight = flight_find(flights, fetch);
    if (atomic_load(&flights->is_cancelled))
        err = -ECANCELED;
    else if (flight != NULL)
        atomic_fetch_add(&flights->options.figures->joined, 1);
    else if (flights->count >= ORIGIN_FLIGHTS_MAX)
        err = -EAGAIN;
    else if ((flight = flight_make(flights, fetch)) == NULL)
        err = -ENOMEM;
    else
        pthread_cond_signal(&flights->work);
    if (err == 0) {
        (void)__atomic_fetch_add(&flight->references, 1, __ATOMIC_RELAXED);
        fetch->flight = flight;
        fetch->next = flight->waiters;
        flight->waiters = fetch;
        fetch->turn.next = on_turn;
        core_turn_begin(fetch->worker, &fetch->turn);
        if (flight->is_coming)
            waiters_tell_coming(flight);
    }
    pthread_mutex_unlock(&flights->lock);
    return err;
}

/* With the lock. It is found by nobody from here on. */
static void flight_settle(struct origin_flights *flights, struct origin_flight *flight, int result)
{
    struct s3_fetch *next;

    flight_unlink(flights, flight);
    for (struct s3_fetch *fetch = flight->waiters; fetch != NULL; fetch = next) {
        next = fetch->next; /* what is told is its worker's again */
        fetch->result = result;
        fetch->object = &flight->object;
        core_turn_end(&fetch->turn);
    }
    flight->waiters = NULL;
    origin_flight_finish(flight, result);
}

/* ---- Threads ---- */

static struct origin_flight *flight_take(struct origin_flights *flights)
{
    struct origin_flight *flight = flights->first;

    while (flight != NULL && flight->is_taken)
        flight = flight->next;
    if (flight == NULL)
        return NULL;
    flight->is_taken = true;
    atomic_fetch_sub(&flights->options.figures->waiting, 1);
    atomic_fetch_add(&flights->options.figures->fetching, 1);
    return flight;
}

static void count(struct origin_flights *flights, const struct origin_flight *flight, int result)
{
    struct origin_figures *figures = flights->options.figures;

    atomic_fetch_sub(&figures->fetching, 1);
    if (result == META_E_NO_KEY)
        atomic_fetch_add(&figures->absent, 1);
    else if (result != 0)
        atomic_fetch_add(&figures->failed, 1);
    else
        atomic_fetch_add(flight->is_head ? &figures->heads : &figures->fetched, 1);
}

/* With the lock; the key is a client's, and no text for a log. */
static void tell(struct origin_flights *flights, const struct origin_flight *flight, int result,
                 const char *why)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (result == 0 || result == META_E_NO_KEY || result == -ECANCELED)
        return;
    if (flights->said_ms != 0 && now_ms < flights->said_ms + ORIGIN_SAY_MS) {
        flights->unsaid++;
        return;
    }
    if (flights->unsaid > 0)
        say(flights, LOG_LEVEL_WARNING,
            "origin %s: an object of bucket %s could not be had: %s (and %u more since)",
            flights->options.target->name, flight->bucket_name, why, flights->unsaid);
    else
        say(flights, LOG_LEVEL_WARNING, "origin %s: an object of bucket %s could not be had: %s",
            flights->options.target->name, flight->bucket_name, why);
    flights->said_ms = now_ms;
    flights->unsaid = 0;
}

static bool goes_on(const struct origin_flights *flights)
{
    return !atomic_load(&flights->is_cancelled) && !(flights->is_retired && flights->count == 0);
}

static void *run(void *arg)
{
    struct thread *thread = arg;
    struct origin_flights *flights = thread->flights;
    char why[ORIGIN_WHY_BYTES];

    pthread_mutex_lock(&flights->lock);
    while (goes_on(flights)) {
        struct origin_flight *flight = flight_take(flights);

        if (flight == NULL) {
            pthread_cond_wait(&flights->work, &flights->lock);
            continue;
        }
        pthread_mutex_unlock(&flights->lock);
        int result = origin_lane_fetch(&thread->lane, flight, why);
        pthread_mutex_lock(&flights->lock);
        count(flights, flight, result);
        tell(flights, flight, result, why);
        flight_settle(flights, flight, result);
        origin_flight_unref(flight, thread->lane.worker);
        if (flights->is_retired)
            pthread_cond_broadcast(&flights->work); /* that may have been the last */
    }
    flights->busy--;
    pthread_mutex_unlock(&flights->lock);
    return NULL;
}

static int thread_open(struct origin_flights *flights, struct thread *thread)
{
    int err;

    thread->flights = flights;
    if ((err = origin_lane_open(&thread->lane, &flights->options, &flights->is_cancelled)) != 0)
        return err;
    pthread_mutex_lock(&flights->lock);
    flights->busy++;
    pthread_mutex_unlock(&flights->lock);
    if ((err = thread_start(&thread->id, "origin", run, thread)) == 0)
        thread->is_running = true;
    return err;
}

/* ---- Life ---- */

int origin_flights_open(struct origin_flights **out, const struct origin_flights_options *options)
{
    struct origin_flights *flights = calloc(1, sizeof(*flights));
    int err = 0;

    if (flights == NULL)
        return -ENOMEM;
    flights->options = *options;
    target_set_ref(&options->origins->set);
    flights->end = &flights->first;
    pthread_mutex_init(&flights->lock, NULL);
    pthread_cond_init(&flights->work, NULL);
    for (unsigned i = 0; i < options->target->connections && err == 0; i++)
        err = thread_open(flights, &flights->threads[i]);
    if (err != 0) {
        origin_flights_cancel(flights);
        origin_flights_close(flights);
        return err;
    }
    *out = flights;
    return 0;
}

void origin_flights_retire(struct origin_flights *flights)
{
    pthread_mutex_lock(&flights->lock);
    flights->is_retired = true;
    pthread_cond_broadcast(&flights->work);
    pthread_mutex_unlock(&flights->lock);
}

bool origin_flights_are_over(struct origin_flights *flights)
{
    bool are;

    pthread_mutex_lock(&flights->lock);
    are = flights->is_retired && flights->busy == 0;
    pthread_mutex_unlock(&flights->lock);
    return are;
}

static void threads_join(struct origin_flights *flights)
{
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++) {
        struct thread *thread = &flights->threads[i];

        if (thread->is_running)
            thread_join(thread->id);
        thread->is_running = false;
    }
}

void origin_flights_cancel(struct origin_flights *flights)
{
    struct origin_flight *flight;

    pthread_mutex_lock(&flights->lock);
    atomic_store(&flights->is_cancelled, true);
    pthread_cond_broadcast(&flights->work);
    pthread_mutex_unlock(&flights->lock);
    threads_join(flights);
    pthread_mutex_lock(&flights->lock);
    while ((flight = flights->first) != NULL) { /* none of them is taken */
        atomic_fetch_sub(&flights->options.figures->waiting, 1);
        flight_settle(flights, flight, -ECANCELED);
        origin_flight_unref(flight, NULL);
    }
    pthread_mutex_unlock(&flights->lock);
}

void origin_flights_close(struct origin_flights *flights)
{
    if (flights == NULL)
        return;
    threads_join(flights);
    assert(flights->first == NULL);
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++)
        if (flights->threads[i].flights != NULL)
            origin_lane_close(&flights->threads[i].lane);
    pthread_cond_destroy(&flights->work);
    pthread_mutex_destroy(&flights->lock);
    origins_unref(flights->options.origins);
    free(flights);
}
