/* SPDX-License-Identifier: MIT
 *
 * What is being fetched from one origin, each key once however many ask: a queue, the threads "origin" that work it off, one for each connection, and
 * who waits for what. */
#ifndef API_ORIGIN_FLIGHTS_H
#define API_ORIGIN_FLIGHTS_H

#include "api/origin/origin.h"
#include "api/s3/service/s3_fetcher.h"

struct origin_flights;

/* A key on its way. The owner of what `origin_flights` share locks. */
struct origin_flight {
    struct origin_flight *next;
    struct origin_flights *flights;
    unsigned references; /* atomic: of the thread, and of each who waits */
    int64_t bucket;
    char bucket_name[META_BUCKET_NAME_BYTES_MAX + 1];
    char bucket_owner[sizeof(((struct meta_bucket *)0)->owner)];
    struct slice key, chain; /* behind the struct, each with a NUL */
    uint32_t hash;
    bool is_head, is_taken;
    struct s3_fetch *waiters;
    struct arena arena;        /* of `object` */
    struct meta_object object; /* of a head */
};

struct origin_flights_options {
    struct core *core;
    struct origins *origins; /* a reference is taken */
    const struct origin_target *target;
    const char *id;                 /* ours, in chains */
    struct origin_figures *figures; /* as long as the flights */
    log_fn log;
    void *log_ctx;
};

/* 0, -ENOSYS: there is no libcurl; or an error. Then there is nothing to close. */
int origin_flights_open(struct origin_flights **flights, const struct origin_flights_options *options);
/* Joins who is on his way, or begins. As s3_fetcher.begin. Worker's thread. */
int origin_flights_begin(struct origin_flights *flights, struct s3_fetch *fetch);
/* Lets go what `done` answered. Any thread. */
void origin_flight_unref(struct origin_flight *flight);
/* No more is begun; the threads end when what waits is done. */
void origin_flights_retire(struct origin_flights *flights);
/* Retired, and all threads have ended. */
bool origin_flights_are_over(struct origin_flights *flights);
/* Ends what is under way, with -ECANCELED for who waits, and the threads. Blocks. */
void origin_flights_cancel(struct origin_flights *flights);
/* After origin_flights_cancel, or when they are over. NULL allowed. */
void origin_flights_close(struct origin_flights *flights);

#endif
