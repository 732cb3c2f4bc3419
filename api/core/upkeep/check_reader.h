/* SPDX-License-Identifier: MIT
 *
 * Reads units where they lie, one after the other by their place on the disk, and says of each what is wrong with it. Units that lie
 * close together are read by one call. A reader belongs to one thread; it blocks. */
#ifndef API_CORE_UPKEEP_CHECK_READER_H
#define API_CORE_UPKEEP_CHECK_READER_H

#include "metadata/meta.h"
#include "storage/blob/blob_store.h"

enum check_verdict {
    CHECK_SOUND,
    CHECK_MISSING,    /* there is no such file */
    CHECK_FOREIGN,    /* the file says that it is another blob's, or does not say whose it is */
    CHECK_SHORT,      /* the file ends before the unit does */
    CHECK_CHANGED,    /* the bytes are not those that were stored */
    CHECK_UNREADABLE, /* the disk or the system refuses them */
    CHECK_DISAGREES,  /* rows that share the unit differ about it */
    CHECK_VERDICT_COUNT
};

const char *check_verdict_text(enum check_verdict verdict);

/* A unit to be looked at, and what came of it. */
struct check_job {
    uint64_t file, offset, length; /* bytes; file 0: of no blob */
    uint64_t crc;
    enum meta_unit_crc crc_kind;
    int verdict;      /* out: enum check_verdict, or -ENOMEM */
    bool wants_bytes; /* private */
};

struct check_job check_job_of(const struct meta_extent *extent);
/* By file and offset. */
void check_jobs_sort(struct check_job *jobs, size_t count);

/* How it reads. */
enum check_way {
    CHECK_NO_BYTES, /* only whether the files are there, and long enough */
    CHECK_CACHED,   /* as everybody does */
    /* from the disk itself where the file system allows that: what is in memory says nothing of the disk, and what nobody asked for
     * takes no memory from others */
    CHECK_DIRECT,
};

/* Bytes that one call reads at most. */
#define CHECK_WINDOW_BYTES (1u << 20)

struct check_reader;

/* NULL: no memory. blobs: outlives the reader. */
struct check_reader *check_reader_create(struct blob_store *blobs, enum check_way way);
void check_reader_free(struct check_reader *reader); /* NULL allowed */
/* Looks at all jobs of the list, which is sorted. before: asked before each read, with its bytes; other than 0 ends it and is
 * returned, and jobs that were not looked at keep their verdict. NULL: nobody. */
int check_reader_run(struct check_reader *reader, struct check_job *jobs, size_t count,
                     int (*before)(void *ctx, uint64_t bytes), void *ctx);

#endif
