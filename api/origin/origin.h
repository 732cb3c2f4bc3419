/* SPDX-License-Identifier: MIT
 *
 * Buckets in front of other S3 servers: what is not here is fetched from there once, and stays. The origins of the operator's file, the threads that
 * fetch from them, and what the S3 front asks. */
#ifndef API_ORIGIN_ORIGIN_H
#define API_ORIGIN_ORIGIN_H

#include <stdatomic.h>

#include "api/core/core.h"
#include "api/origin/origins.h"
#include "api/s3/service/s3_fetcher.h"

struct origin;

struct origin_options {
    struct core *core;
    const char *path; /* of the file; NULL: there are no origins */
    log_fn log;
    void *log_ctx;
};

/* Of one origin: any thread may read them. */
struct origin_figures {
    char name[EVENTS_NAME_BYTES_MAX + 1];
    atomic_ullong bytes;           /* of bodies that came */
    atomic_uint_fast64_t fetched;  /* objects that are here now */
    atomic_uint_fast64_t joined;   /* requests that waited for what another had begun */
    atomic_uint_fast64_t heads;    /* answered without fetching */
    atomic_uint_fast64_t absent;   /* keys that the origin does not have */
    atomic_uint_fast64_t failed;   /* fetches and heads that came to nothing */
    atomic_uint_fast64_t waiting;  /* keys, now */
    atomic_uint_fast64_t fetching; /* keys, now */
};

/* Reads the file. 0, -EBADMSG (said in the log, with its line), or an errno. */
int origin_create(struct origin **origin, const struct origin_options *options);
/* Threads begin. 0, or an error, which the log has said. */
int origin_start(struct origin *origin);
/* Whoever waits is answered with -ECANCELED, and nobody waits any more: before the workers are gone. NULL allowed. Blocks. */
void origin_end(struct origin *origin);
/* The workers are gone. NULL allowed. */
void origin_destroy(struct origin *origin);
/* Reads the file again, in two steps, as events_prepare and events_apply do it. What is being fetched goes on. */
int origin_prepare(const struct origin *origin, struct origins **origins);
int origin_apply(struct origin *origin, struct origins *origins);

/* What s3_service_options take. */
struct s3_fetcher origin_fetcher(struct origin *origin);

/* Each origin's figures, which are valid during the call. Any thread. */
void origin_visit(struct origin *origin, void (*visit)(void *ctx, const struct origin_figures *figures),
                  void *ctx);
void origin_add_metrics(void *ctx, struct metrics_page *page);

#endif
