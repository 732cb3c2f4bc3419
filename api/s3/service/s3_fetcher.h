/* SPDX-License-Identifier: MIT
 *
 * Objects that are not here and may be had from elsewhere: what the S3 front asks of who fetches them (api/origin). Who asks has found that the
 * requester may read the key, and that it is not here. */
#ifndef API_S3_SERVICE_S3_FETCHER_H
#define API_S3_SERVICE_S3_FETCHER_H

#include "api/core/core.h"

struct metrics_page;

/* Tells a server that a request comes from others that stand in front of it, and from which: 16 hex digits each, with blanks between them. */
#define S3_FETCH_CHAIN_HEADER "x-sluice-fetched-by"

struct s3_fetch {
    /* Filled by who asks, and valid until `done`. */
    struct core_worker *worker;
    const struct meta_bucket *bucket;
    struct slice key;
    struct slice chain;                   /* S3_FETCH_CHAIN_HEADER of the request; may be empty */
    bool is_head;                         /* nothing is to be stored */
    void (*done)(struct s3_fetch *fetch); /* once, on the worker's thread, after a begin that returned 0 */

    /* The answer. 0: it is here now; of a head, `object` says what is there, until `end`. META_E_NO_KEY: there is none. -EHOSTUNREACH: it could not be
     * had, whatever the reason, and the log has it; -ECANCELED: the server stops; other errors: it could not be stored. */
    int result;
    const struct meta_object *object; /* without extents, owner and version */

    /* The fetcher's. */
    struct core_turn turn;
    struct s3_fetch *next;
    void *flight;
};

/* Any thread, but `begin` and `end`: the worker's. */
struct s3_fetcher {
    /* Whether what is not in the bucket may be elsewhere. */
    bool (*covers)(void *ctx, struct slice bucket);
    /* 0; META_E_NO_KEY: there is no such place, or the request has come from here; -EAGAIN: too many wait; -ECANCELED; -ENOMEM. */
    int (*begin)(void *ctx, struct s3_fetch *fetch);
    /* After `done`: what it answered is let go. */
    void (*end)(void *ctx, struct s3_fetch *fetch);
    void (*metrics)(void *ctx, struct metrics_page *page);
    void *ctx;
};

#endif
