/* SPDX-License-Identifier: MIT
 *
 * What is being fetched from one origin, each key once however many ask: a queue, the threads "origin" that work it off, one for each connection, and
 * who waits for what. */
#ifndef API_ORIGIN_FLIGHTS_H
#define API_ORIGIN_FLIGHTS_H

#include <pthread.h>

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
    struct meta_object object; /* of a head, or of what is coming */
    bool is_coming;            /* may be read as far as it has come */

    /* What is coming; its readers may outlive the flights. */
    pthread_mutex_t lock;
    int fd; /* the file that it goes to; -1: there is none */
    uint64_t written;
    bool is_over;
    int result;
    struct s3_fetch *readers; /* that have read all that is there */
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
/* The thread's: the object will be flight->object, and fd, which the flight closes one day, is what its bytes go to. */
void origin_flight_comes(struct origin_flight *flight, int fd);
/* So much of it is there. */
void origin_flight_grew(struct origin_flight *flight, uint64_t written);
/* As s3_fetcher.available and end. */
int64_t origin_flight_available(struct origin_flight *flight, struct s3_fetch *fetch, uint64_t at);
bool origin_flight_leave(struct origin_flight *flight, struct s3_fetch *fetch);
/* All of it is there, and right, or never will be: as s3_fetch.result. */
void origin_flight_finish(struct origin_flight *flight, int result);
/* The worker of the thread that lets go; NULL: nothing has come of it. */
void origin_flight_unref(struct origin_flight *flight, struct core_worker *worker);
/* No more is begun; the threads end when what waits is done. */
void origin_flights_retire(struct origin_flights *flights);
/* Retired, and all threads have ended. */
bool origin_flights_are_over(struct origin_flights *flights);
/* Ends what is under way, with -ECANCELED for who waits, and the threads. Blocks. */
void origin_flights_cancel(struct origin_flights *flights);
/* After origin_flights_cancel, or when they are over. NULL allowed. */
void origin_flights_close(struct origin_flights *flights);

#endif
