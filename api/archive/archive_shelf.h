/* SPDX-License-Identifier: MIT
 *
 * What all requests of a server share that look into archives: indexes that were made lately, threads for what takes long, and the bound of
 * the memory for both. Costs nothing until the first of them: threads start with the first work.
 *
 * Any thread, but for making and destroying. */
#ifndef API_ARCHIVE_ARCHIVE_SHELF_H
#define API_ARCHIVE_ARCHIVE_SHELF_H

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
struct archive_budget *archive_shelf_budget(struct archive_shelf *shelf);
/* 0: it will be run. -ENOMEM, -EAGAIN: there is no thread to be had. */
int archive_shelf_work(struct archive_shelf *shelf, struct archive_work *work);

/* identity: of an archive's bytes; the same for no others. With a reference for the caller; NULL: it is not there. */
struct member_index *archive_shelf_find(struct archive_shelf *shelf,
                                        const unsigned char identity[ARCHIVE_IDENTITY_BYTES]);
/* Keeps a finished index, with a reference of its own, instead of those that were used longest ago. */
void archive_shelf_keep(struct archive_shelf *shelf, const unsigned char identity[ARCHIVE_IDENTITY_BYTES],
                        struct member_index *index);

#endif
