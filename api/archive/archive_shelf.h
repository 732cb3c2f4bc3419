/* SPDX-License-Identifier: MIT
 *
 * What all requests of a server share that look into archives: indexes that were made lately, threads for what takes long, and the bound of
 * the memory for both. Costs nothing until the first of them: threads start with the first work.
 *
 * Any thread, but for making and destroying. */
#ifndef API_ARCHIVE_ARCHIVE_SHELF_H
#define API_ARCHIVE_ARCHIVE_SHELF_H

#include <stdbool.h>

#include "api/archive/member_index.h"
#include "storage/base/queue.h"

#define ARCHIVE_IDENTITY_BYTES 32u

struct archive_shelf;

/* On a thread of the shelf. What it is part of belongs to `run` from archive_shelf_work on; whether anybody touches it after that is the
 * affair of `run`. */
struct archive_work {
    void (*run)(struct archive_work *work);
    struct queue_link link; /* private */
};

/* 0 or -ENOMEM. */
int archive_shelf_create(struct archive_shelf **shelf);
/* All work is over, and all indexes are given back. NULL allowed. */
void archive_shelf_destroy(struct archive_shelf *shelf);
/* Of all requests, or what those have of it of whose client nothing is known: half, so that they cannot take it from the others. */
struct archive_budget *archive_shelf_budget(struct archive_shelf *shelf, bool is_stranger);
/* Bytes of it that are taken now. Any thread. */
size_t archive_shelf_held(struct archive_shelf *shelf);
/* 0: it will be run. -ENOMEM, -EAGAIN: there is no thread to be had. */
int archive_shelf_work(struct archive_shelf *shelf, struct archive_work *work);

/* Why there is no index, in the words of whoever makes them. */
struct archive_failure {
    int error;
    const char *message; /* static, or NULL */
};

/* A request's part in an index, which one makes while the others that want the same wait. Caller-owned: from an archive_shelf_claim that did
 * not give the index until `ready` has been called, or archive_shelf_settle. */
struct archive_claim {
    unsigned char identity[ARCHIVE_IDENTITY_BYTES]; /* of the archive's bytes; the same for no others */
    /* After ARCHIVE_WAITS, once, on any thread: index has a reference for the claim's owner; NULL: whoever was to make it could not, and
     * failure is what he said of that. */
    void (*ready)(struct archive_claim *claim);
    struct member_index *index;
    struct archive_failure failure;
    /* private */
    struct queue_link link;
    struct queue waiting; /* of whoever makes it */
};

enum archive_claimed {
    ARCHIVE_FOUND, /* claim->index has a reference for the owner */
    ARCHIVE_WAITS, /* `ready` follows */
    ARCHIVE_MAKES, /* the owner is to make it, and to say how that ended */
};

enum archive_claimed archive_shelf_claim(struct archive_shelf *shelf, struct archive_claim *claim);
/* After ARCHIVE_MAKES, once: the finished index, which is kept with a reference of the shelf's, instead of those that were used longest ago;
 * or NULL and why. Whoever waits is called. */
void archive_shelf_settle(struct archive_shelf *shelf, struct archive_claim *claim,
                          struct member_index *index, struct archive_failure failure);

#endif
