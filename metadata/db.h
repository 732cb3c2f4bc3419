/* SPDX-License-Identifier: MIT
 *
 * One open store: what its reading side, its writing side and the engine that keeps the rows share. Private to metadata/. */
#ifndef METADATA_DB_H
#define METADATA_DB_H

#include <stdatomic.h>

#include "metadata/figures.h"
#include "metadata/rows/row_changes.h"
#include "metadata/rows/usage.h"
#include "storage/base/log.h"

struct meta_committer;
struct row_calls;
struct chronicle;
struct row_engine;

struct meta {
    char *path;
    struct meta_options options;
    const struct row_calls *calls;            /* of its engine: rows/row_calls.h */
    struct row_engine *engine;                /* the engine's own */
    struct chronicle *chronicle;              /* NULL: none is kept */
    struct meta_committer *committer;         /* NULL when read only */
    atomic_uint_fast64_t settings_generation; /* meta_settings.h */
    struct row_changes row_changes;
    /* Odd while a publication is visible and its rows are not where objects lie (read/overlay.h); moves with each that comes or goes */
    atomic_uint_fast64_t overlays;
    int64_t publication_floor;          /* the last one of an earlier process */
    atomic_uint_fast64_t changes;       /* meta_relaxed.h */
    atomic_int_fast64_t replaced_floor; /* the last replaced row when the last point was taken, or given up */
    /* bits of who wants to know what changes are about: meta_outbox.h */
    atomic_uint followed;
    atomic_uint_fast64_t garbage_bytes; /* meta_garbage_made */
    /* of the batch that is run just now, or of the repair between two; 0: none */
    atomic_uint_fast64_t batch_began_ns;
    struct figures figures;
    struct usage usage; /* meta_usage.h */
};

#define META_FOLLOWED_BY_RULES     1u
#define META_FOLLOWED_BY_LISTENERS 2u

/* printf to the owner's log; any thread. */
void meta_log(const struct meta *meta, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
