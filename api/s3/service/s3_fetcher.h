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

/* As s3_fetch.result: the object is on its way, and may be read as far as it has come. */
#define S3_FETCH_COMES 1

struct s3_fetch {
    /* Filled by who asks. The texts are valid until `begin` returns. */
    struct core_worker *worker;
    const struct meta_bucket *bucket;
    struct slice key;
    struct slice chain;                   /* S3_FETCH_CHAIN_HEADER of the request; may be empty */
    bool is_head;                         /* nothing is to be stored */
    bool takes_coming;                    /* may be answered with S3_FETCH_COMES */
    void (*done)(struct s3_fetch *fetch); /* once, on the worker's thread, after a begin that returned 0 */
    void (*more)(struct s3_fetch *fetch); /* the same, after each -EBUSY of `available` */

    /* The answer. 0: it is here now; of a head, `object` says what is there, until `end`. S3_FETCH_COMES: it is not here yet, `object` says what it will be, and
     * the file behind `fd` has the first bytes of it; both until `end`. META_E_NO_KEY: there is none. -EHOSTUNREACH: it could not be had, whatever the
     * reason, and the log has it; -ECANCELED: the server stops; other errors: it could not be stored. */
    int result;
    const struct meta_object *object; /* without extents, owner and version */
    int fd;

    /* The fetcher's. */
    struct core_turn turn;
    struct s3_fetch *next;
    void *flight;
    bool waits; /* for `more` */
};

/* Any thread, but `begin`, `available` and `end`: the worker's. */
struct s3_fetcher {
    /* Whether what is not in the bucket may be elsewhere. */
    bool (*covers)(void *ctx, struct slice bucket);
    /* 0; META_E_NO_KEY: there is no such place, or the request has come from here; -EAGAIN: too many wait; -ECANCELED; -ENOMEM. */
    int (*begin)(void *ctx, struct s3_fetch *fetch);
    /* After S3_FETCH_COMES: how many bytes from `at` on, less than the object's size, may be given out; > 0. Its last byte only when all of it was found to
     * be right. -EBUSY: `more` follows when there is something to be said; others: there will be no more of it. */
    int64_t (*available)(void *ctx, struct s3_fetch *fetch, uint64_t at);
    /* After `done`: what it answered is let go. False: `more` was on its way already, and follows all the same. */
    bool (*end)(void *ctx, struct s3_fetch *fetch);
    void (*metrics)(void *ctx, struct metrics_page *page);
    void *ctx;
};

#endif
