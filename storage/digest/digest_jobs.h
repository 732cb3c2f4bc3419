/* SPDX-License-Identifier: MIT
 *
 * Digests of what is stored already: whole ranges of blobs, read through the page cache on threads of their own, so that
 * reading a cold file never keeps an upload's digests waiting (those are digest_pool.h's).
 *
 * Life cycle: digest_jobs_create; any number of digest_jobs_submit, from any thread; each job's `done` once; then
 * digest_jobs_destroy. There is no cancel. Jobs take turns, so a small one does not wait for the end of a large one.
 *
 * What is read is verified, as an egress does: a unit of which a range is all, and a small unit also where the range is a part of it. */
#ifndef STORAGE_DIGEST_DIGEST_JOBS_H
#define STORAGE_DIGEST_DIGEST_JOBS_H

#include "storage/base/queue.h"
#include "storage/egress/blob_egress.h"
#include "storage/digest/digest.h"

struct digest_jobs;

/* Caller-owned, valid until done, with the ranges. The caller holds a pin on the blobs. */
struct digest_job {
    const struct blob_range *ranges; /* their bytes, one range after the other */
    uint32_t range_count;
    uint32_t mask; /* the kinds wanted; 0: the bytes are to be verified, nothing else */
    /* On one of the threads. result: 0 and values, -ENOMEM, -EMFILE, or -EIO (also a blob that is missing, too short, or not what was
     * stored). May free the job. */
    void (*done)(struct digest_job *job);
    int result;
    bool told_damage; /* the log had a line about the damage, see blob_egress_told_damage */
    struct digest_values values;
    /* private */
    struct queue_link link;
    struct digest_set *set;
    struct digest_set *sum; /* of the unit that the current range is; NULL: it is none */
    uint64_t position;      /* in the current range */
    uint32_t at;            /* the current range */
    int fd;                 /* its blob; -1: not open */
};

/* threads: 1 .. DIGEST_JOB_THREADS_MAX; they start with the first job. 0 or -ENOMEM. */
int digest_jobs_create(struct digest_jobs **jobs, struct blob_store *store, unsigned threads);
/* All jobs must be done. Waits for the threads. NULL allowed. */
void digest_jobs_destroy(struct digest_jobs *jobs);
/* Any thread. When not even one thread can be started the job is done at once, with that error, inside this call. */
void digest_jobs_submit(struct digest_jobs *jobs, struct digest_job *job);

#endif
