/* SPDX-License-Identifier: MIT
 *
 * Digests of an object that is stored already: what a copy needs that asks for another checksum than its source has. The bytes
 * are read on digest threads; the result comes home through the ring of the worker that asked. Verifying large units before an answer
 * begins is the same without a digest to tell. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct get_digest {
    struct digest_job job;
    struct core_worker *worker;
    struct ring_op posted;
    void (*done)(void *ctx, int result, const struct digest_values *values); /* or */
    void (*verified)(void *ctx, int result, bool told_damage);
    void *ctx;
    struct blob_range *ranges;
};

/* On the worker's thread. */
static void digest_on_posted(struct ring_op *op, int32_t result)
{
    struct get_digest *digest = OWNER_OF(op, struct get_digest, posted);

    assert((digest->done == NULL) != (digest->verified == NULL));
    assert(digest->worker->changes > 0);
    digest->worker->changes--;
    if (digest->done != NULL)
        digest->done(digest->ctx, result, &digest->job.values);
    else
        digest->verified(digest->ctx, result, digest->job.told_damage);
    free(digest->ranges);
    free(digest);
}

/* On a digest thread. */
static void digest_on_done(struct digest_job *job)
{
    struct get_digest *digest = OWNER_OF(job, struct get_digest, job);

    ring_post(digest->worker->ring, &digest->posted, job->result);
}

struct blob_range core_extent_range(const struct meta_extent *extent, uint64_t skip, uint64_t length)
{
    return (struct blob_range){
        .blob = extent->file,
        .offset = extent->offset + skip,
        .length = length,
        .packed = blob_unit_is_packed(extent->unit_offset, extent->unit_length),
        .sum = {.offset = extent->unit_offset,
                .length = extent->unit_length,
                .value = extent->unit_crc,
                .kind = core_unit_kind(extent)},
    };
}

static int digest_create(struct core_get *get, uint64_t first, uint64_t length, struct get_digest **out)
{
    struct get_digest *digest = calloc(1, sizeof(*digest));
    int err;

    assert(out != NULL);
    if (digest == NULL)
        return -ENOMEM;
    if ((err = core_get_ranges(get, first, length, &digest->ranges, &digest->job.range_count)) != 0) {
        free(digest);
        return err;
    }
    digest->worker = core_get_worker(get);
    digest->posted.done = digest_on_posted;
    digest->job.ranges = digest->ranges;
    digest->job.done = digest_on_done;
    *out = digest;
    return 0;
}

static void digest_submit(struct get_digest *digest)
{
    assert(digest->job.range_count > 0 || digest->done != NULL);
    digest->worker->changes++;
    digest_jobs_submit(digest->worker->core->rehashes, &digest->job);
}

int core_get_digest(struct core_get *get, uint64_t first, uint64_t length, uint32_t mask,
                    void (*done)(void *ctx, int result, const struct digest_values *values), void *ctx)
{
    struct get_digest *digest;
    int err = digest_create(get, first, length, &digest);

    assert(mask != 0 && done != NULL);
    if (err != 0)
        return err;
    digest->done = done;
    digest->ctx = ctx;
    digest->job.mask = mask;
    digest_submit(digest);
    return 0;
}

/* ---- Large units before an answer ---- */

static bool is_same_unit(const struct blob_range *a, const struct blob_range *b)
{
    return a->blob == b->blob && a->sum.offset == b->sum.offset && a->sum.length == b->sum.length;
}

/* The ranges become the large units that they lie in, each once if its ranges are neighbours. Returns how many. */
static uint32_t ranges_to_units(struct blob_range *ranges, uint32_t count)
{
    uint32_t units = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct blob_range range = ranges[i];

        if (blob_sum_is_small(&range.sum) || (units > 0 && is_same_unit(&ranges[units - 1], &range)))
            continue;
        range.offset = range.sum.offset;
        range.length = range.sum.length;
        ranges[units++] = range;
    }
    assert(units <= count);
    return units;
}

int core_get_verify(struct core_get *get, uint64_t first, uint64_t length,
                    void (*done)(void *ctx, int result, bool told_damage), void *ctx)
{
    struct get_digest *digest;
    int err = digest_create(get, first, length, &digest);

    assert(done != NULL);
    if (err != 0)
        return err;
    digest->job.range_count = ranges_to_units(digest->ranges, digest->job.range_count);
    if (digest->job.range_count == 0) {
        free(digest->ranges);
        free(digest);
        return 0;
    }
    digest->verified = done;
    digest->ctx = ctx;
    digest_submit(digest);
    return -EBUSY;
}
