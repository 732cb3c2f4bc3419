/* SPDX-License-Identifier: MIT
 *
 * What the files of the scrubber share. */
#ifndef API_CORE_SCRUB_SCRUB_INTERNAL_H
#define API_CORE_SCRUB_SCRUB_INTERNAL_H

#include "api/core/core_internal.h"
#include "api/core/core_scrub.h"
#include "api/core/scrub/findings.h"
#include "api/core/scrub/limits.h"
#include "api/core/scrub/scrub_pace.h"
#include "api/core/scrub/scrub_state.h"
#include "api/core/upkeep/check_page.h"
#include "api/core/upkeep/check_reader.h"

struct scrub_mend;

struct scrub {
    struct core *core;
    struct findings *findings;
    atomic_uint_fast64_t units, bytes, found, mended; /* since the store was opened */
    pthread_t thread;
    bool has_thread;
    int last_error;           /* of writing it down, so that it is told once */
    struct scrub_state noted; /* what the file says */

    pthread_mutex_t lock;
    pthread_cond_t changed;      /* on CLOCK_MONOTONIC */
    struct meta_reader *reading; /* of the round that is going on, or NULL */
    bool is_stopping;
    bool is_ordered; /* a round is to be done, or is being done, for somebody who waits for it */
    bool is_going;   /* the thread's own is: the order waits until it has let go */
    struct scrub_state
        state; /* written by who goes on with a round, under the lock; others read it under the lock */
};

/* A round on its way: the thread's own, or one that was ordered. One thread. */
struct scrub_round {
    struct scrub *scrub;
    struct core_scrub_run *run; /* NULL: it goes on by itself */
    struct meta_reader *reader;
    struct check_reader *bytes_of;
    struct check_page *page;
    struct check_job *jobs; /* the units of the page, by their place */
    size_t job_count, job_capacity;
    struct scrub_state *state; /* began_ms, cursor and counts */
    struct scrub_pace pace;
    struct scrub_mend *mend; /* NULL: there is nothing to mend from */
    uint64_t bytes_total;
    unsigned lines; /* in the log */
};

/* 0 or an error; then there is nothing to close. */
int scrub_round_open(struct scrub_round *round, struct scrub *scrub, struct scrub_state *state,
                     struct core_scrub_run *run);
void scrub_round_close(struct scrub_round *round);
/* The next page of rows. 0, with *more false at the end of the last; -ECANCELED; or an error. */
int scrub_round_step(struct scrub_round *round, bool *more);

/* After the last: the pages of the database. 0 or an error. */
int scrub_round_database(struct scrub_round *round);

/* Waits so long, or until it is to stop; yields: or until a round is ordered. Whether it is. */
bool scrub_sleep(struct scrub *scrub, uint64_t milliseconds, bool yields);
/* How many bytes all buckets hold, as their clients see it. */
uint64_t scrub_bytes_total(struct core *core);

/* A key, or another text, for people: what is not printable ASCII becomes \xNN. out: four times as long, and a NUL. */
void finding_show_key(char *out, struct slice key);

/* ---- Mending: scrub_mend.c ---- */

/* folder: a store that is the same one, of an earlier time; what it has of a blob counts only if it has the checksum of the row. 0 or an error. */
int scrub_mend_open(struct scrub_mend **mend, struct core *core, const char *folder);
void scrub_mend_close(struct scrub_mend *mend); /* NULL allowed */
/* Puts the unit's bytes where they belong, if the other store has them. The unit is pinned, and damaged. 0; -ENOENT: it has them not; or an
 * error. */
int scrub_mend_unit(struct scrub_mend *mend, const struct check_job *job);

#endif
