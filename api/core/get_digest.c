/* SPDX-License-Identifier: MIT
 *
 * Digests of an object that is stored already: what a copy needs that asks for another checksum than its source has. The bytes
 * are read on digest threads; the result comes home through the ring of the worker that asked. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct get_digest {
    struct digest_job job;
    struct core_worker *worker;
    struct ring_op posted;
    void (*done)(void *ctx, int result, const struct digest_values *values);
    void *ctx;
    struct blob_range *ranges;
};

/* On the worker's thread. */
static void digest_on_posted(struct ring_op *op, int32_t result)
{
    struct get_digest *digest = (struct get_digest *)((char *)op - offsetof(struct get_digest, posted));

    assert(digest->worker->changes > 0);
    digest->worker->changes--;
    digest->done(digest->ctx, result, &digest->job.values);
    free(digest->ranges);
    free(digest);
}

/* On a digest thread. */
static void digest_on_done(struct digest_job *job)
{
    struct get_digest *digest = (struct get_digest *)((char *)job - offsetof(struct get_digest, job));

    ring_post(digest->worker->ring, &digest->posted, job->result);
}

int core_get_digest(struct core_get *get, uint64_t first, uint64_t length, uint32_t mask,
                    void (*done)(void *ctx, int result, const struct digest_values *values), void *ctx)
{
    struct get_digest *digest = calloc(1, sizeof(*digest));
    int err;

    if (digest == NULL)
        return -ENOMEM;
    if ((err = core_get_ranges(get, first, length, &digest->ranges, &digest->job.range_count)) != 0) {
        free(digest);
        return err;
    }
    digest->worker = core_get_worker(get);
    digest->posted.done = digest_on_posted;
    digest->done = done;
    digest->ctx = ctx;
    digest->job.ranges = digest->ranges;
    digest->job.mask = mask;
    digest->job.done = digest_on_done;
    digest->worker->changes++;
    digest_jobs_submit(digest->worker->core->rehashes, &digest->job);
    return 0;
}
