/* SPDX-License-Identifier: MIT
 *
 * See parts_digest.h. Where the bytes lie is read a page of parts a turn. Pins that know nothing yet hold up the reclaimer, so the pin comes
 * after that: if no part has changed until then, none of their bytes can have been given back. */
#include "api/core/parts_digest.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "api/core/core_internal.h"

#define PAGE_PARTS 250u
#define TRIES_MAX  8u

struct parts_digest {
    struct core_parts_digest *wanted;
    struct core_worker *worker;
    struct core_turn turn;
    struct meta_assembly *assembly;
    unsigned tries;
    struct meta_extents extents;
    struct blob_pin pin;
    struct blob_unit *units; /* NULL: nothing is pinned */
    struct blob_range *ranges;
    struct digest_job job;
    struct ring_op posted;
};

static void parts_read(struct core_turn *turn);

static void parts_end(struct parts_digest *digest, int result)
{
    struct core_parts_digest *wanted = digest->wanted;
    struct digest_values values = digest->job.values;

    if (digest->units != NULL)
        blob_pin_leave(digest->worker->core->blobs, &digest->pin);
    meta_assembly_free(digest->assembly);
    free(digest->extents.list);
    free(digest->units);
    free(digest->ranges);
    free(digest);
    wanted->done(wanted, result, &values);
}

/* ---- The bytes ---- */

/* On the worker's thread. */
static void parts_on_posted(struct ring_op *op, int32_t result)
{
    struct parts_digest *digest = OWNER_OF(op, struct parts_digest, posted);

    assert(digest->worker->changes > 0);
    digest->worker->changes--;
    parts_end(digest, result);
}

/* On a digest thread. */
static void parts_on_digested(struct digest_job *job)
{
    struct parts_digest *digest = OWNER_OF(job, struct parts_digest, job);

    ring_post(digest->worker->ring, &digest->posted, job->result);
}

static void parts_submit(struct parts_digest *digest)
{
    for (uint32_t i = 0; i < digest->extents.count; i++)
        digest->ranges[i] = core_extent_range(&digest->extents.list[i], 0, digest->extents.list[i].length);
    digest->posted.done = parts_on_posted;
    digest->job = (struct digest_job){.ranges = digest->ranges,
                                      .range_count = digest->extents.count,
                                      .mask = digest->wanted->mask,
                                      .done = parts_on_digested};
    digest->worker->changes++;
    digest_jobs_submit(digest->worker->core->rehashes, &digest->job);
}

/* ---- Where they lie ---- */

/* 0: nothing that was read can be given back from here on; -EAGAIN: some of it may be by now. */
static int parts_pin(struct parts_digest *digest)
{
    struct blob_store *blobs = digest->worker->core->blobs;
    struct meta_upload upload;
    uint32_t count = digest->extents.count;
    int err;

    digest->units = calloc(count + 1, sizeof(*digest->units));
    digest->ranges = calloc(count + 1, sizeof(*digest->ranges));
    if (digest->units == NULL || digest->ranges == NULL) {
        free(digest->units);
        digest->units = NULL;
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++)
        digest->units[i] =
            (struct blob_unit){digest->extents.list[i].file, digest->extents.list[i].unit_offset};
    blob_pin_enter(blobs, &digest->pin);
    /* The parts of an upload that is no more are swept away, which no stamp tells. */
    err = meta_upload_get(digest->worker->reader, digest->wanted->bucket, digest->wanted->key,
                          digest->wanted->upload_id, &upload);
    if (err == 0)
        meta_upload_release(&upload);
    if (err == 0 && !meta_assembly_holds(digest->assembly))
        err = -EAGAIN;
    blob_pin_known(blobs, &digest->pin, digest->units, count);
    return err;
}

static int parts_begin(struct parts_digest *digest)
{
    const struct core_parts_digest *wanted = digest->wanted;
    int err = meta_assembly_create(digest->worker->reader, wanted->upload_id, wanted->parts,
                                   wanted->part_count, &digest->assembly);

    if (err == 0)
        meta_assembly_set_order(digest->assembly, wanted->order);
    return err;
}

/* What was read is forgotten, and read once more. */
static void parts_begin_again(struct parts_digest *digest)
{
    int err = -EAGAIN;

    blob_pin_leave(digest->worker->core->blobs, &digest->pin);
    meta_assembly_free(digest->assembly);
    free(digest->extents.list);
    free(digest->units);
    free(digest->ranges);
    digest->assembly = NULL;
    digest->extents = (struct meta_extents){0};
    digest->units = NULL;
    digest->ranges = NULL;
    if (++digest->tries < TRIES_MAX && (err = parts_begin(digest)) == 0) {
        digest->turn.next = parts_read;
        core_turn_wait(digest->worker, &digest->turn);
    } else {
        parts_end(digest, err);
    }
}

static int visit_nothing(void *ctx, const struct meta_part *part)
{
    (void)ctx;
    (void)part;
    return 0;
}

static void parts_read(struct core_turn *turn)
{
    struct parts_digest *digest = OWNER_OF(turn, struct parts_digest, turn);
    bool more;
    int err = meta_assembly_step(digest->assembly, PAGE_PARTS, visit_nothing, NULL, &more);

    if (err == 0 && more) {
        digest->turn.next = parts_read;
        core_turn_wait(digest->worker, &digest->turn);
        return;
    }
    if (err == 0 && (err = meta_assembly_extents(digest->assembly, &digest->extents)) == 0)
        err = parts_pin(digest);
    for (uint32_t i = 0; i < digest->extents.count && err == 0; i++)
        err = digest->extents.list[i].is_sealed ? -ENOKEY : 0; /* what lies there are not the parts' bytes */
    if (err == 0)
        parts_submit(digest);
    else if (err == -EAGAIN)
        parts_begin_again(digest);
    else
        parts_end(digest, err);
}

int core_parts_digest(struct core_worker *worker, struct core_parts_digest *wanted)
{
    struct parts_digest *digest = calloc(1, sizeof(*digest));
    int err;

    assert(wanted->mask != 0 && wanted->done != NULL);
    if (digest == NULL)
        return -ENOMEM;
    digest->wanted = wanted;
    digest->worker = worker;
    if ((err = parts_begin(digest)) != 0) {
        free(digest);
        return err;
    }
    digest->turn.next = parts_read;
    core_turn_wait(worker, &digest->turn);
    return 0;
}
