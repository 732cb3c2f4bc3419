/* SPDX-License-Identifier: MIT
 *
 * Digest jobs, in a work pool of their own. A thread takes the first job, digests one slice of it, and puts it after the others while
 * there is more to do. Files and digests are a job's own, and a job is in the hands of one thread at a time. Blocks where it reads:
 * nothing here runs on a worker. */
#include "storage/digest/digest_jobs.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/work_pool.h"
#include "storage/blob/blob_internal.h"

struct digest_jobs {
    struct blob_store *store;
    struct work_pool *pool;
};

/* ---- One job ---- */

static void job_close(struct digest_job *job)
{
    if (job->fd >= 0)
        close(job->fd); /* it was only read */
    job->fd = -1;
    digest_set_free(job->sum);
    job->sum = NULL;
}

static int job_fail_damaged(struct digest_jobs *jobs, struct digest_job *job, enum blob_damage damage,
                            const char *what)
{
    const struct blob_range *range = &job->ranges[job->at];

    job->told_damage =
        blob_damage_note(jobs->store, (struct blob_unit){range->blob, range->sum.offset}, damage, what);
    return -EIO;
}

/* What opening or reading came to; the log hears of it. */
static int job_fail(struct digest_jobs *jobs, struct digest_job *job, int err)
{
    char text[96];

    if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
        return err;
    snprintf(text, sizeof(text), "cannot be read: %s", err == -ENODATA ? "it is too short" : strerror(-err));
    return job_fail_damaged(jobs, job, BLOB_DAMAGE_UNREADABLE, text);
}

static int job_compare(struct digest_jobs *jobs, struct digest_job *job, struct digest_set *set)
{
    const struct blob_sum *sum = &job->ranges[job->at].sum;
    struct digest_values values;
    int err = digest_set_final(set, &values);

    if (err != 0)
        return err;
    return digest_crc_value(&values, sum->kind) == sum->value
               ? 0
               : job_fail_damaged(jobs, job, BLOB_DAMAGE_SUM, "is not what was stored: its checksum differs");
}

/* All of the small unit of which the current range is a part. */
static int job_verify_small(struct digest_jobs *jobs, struct digest_job *job)
{
    const struct blob_sum *sum = &job->ranges[job->at].sum;
    struct digest_set *set;
    int err = digest_set_create(&set, DIGEST_BIT(sum->kind));

    if (err != 0)
        return err;
    err = digest_set_update_file(set, job->fd, sum->offset, sum->length);
    err = err != 0 ? job_fail(jobs, job, err) : job_compare(jobs, job, set);
    digest_set_free(set);
    return err;
}

/* Opens the file of the current range, and gets ready to verify its unit. */
static int job_open(struct digest_jobs *jobs, struct digest_job *job)
{
    const struct blob_range *range = &job->ranges[job->at];

    struct blob_unit unit = {range->blob, range->sum.offset};
    int err = 0;

    assert(job->fd < 0 && job->position == 0);
    if ((job->fd = blob_store_open_fd(jobs->store, range->blob)) < 0)
        return job_fail(jobs, job, job->fd);
    if (range->sum.length > 0)
        err = blob_store_judge(jobs->store, unit, range->sum.length, job->fd);
    if (err == -EBADMSG || err == -ESTALE)
        return job_fail_damaged(jobs, job, BLOB_DAMAGE_IDENTITY,
                                "is another blob's file, or does not say whose it is");
    if (err != 0)
        return job_fail(jobs, job, err);
    if (blob_range_is_unit(range))
        return digest_set_create(&job->sum, DIGEST_BIT(range->sum.kind));
    return blob_sum_is_small(&range->sum) ? job_verify_small(jobs, job) : 0;
}

static int job_read(struct digest_jobs *jobs, struct digest_job *job, uint64_t offset, uint64_t length)
{
    struct digest_set *const sets[] = {job->set, job->sum};
    int err = digest_sets_update_file(sets, job->sum != NULL ? 2 : 1, job->fd, offset, length);

    return err != 0 ? job_fail(jobs, job, err) : 0;
}

/* Digests up to a slice of the current range. 0 or an error. */
static int job_advance(struct digest_jobs *jobs, struct digest_job *job)
{
    const struct blob_range *range = &job->ranges[job->at];
    assert(job->at < job->range_count && job->position <= range->length);
    uint64_t left = range->length - job->position;
    uint64_t part = left < DIGEST_JOB_SLICE_BYTES ? left : DIGEST_JOB_SLICE_BYTES;
    int err = 0;

    if (job->fd < 0 && part > 0)
        err = job_open(jobs, job);
    if (err == 0 && part > 0)
        err = job_read(jobs, job, range->offset + job->position, part);
    job->position += part;
    if (err != 0 || job->position < range->length)
        return err;
    err = job->sum != NULL ? job_compare(jobs, job, job->sum) : 0;
    job_close(job);
    job->at++;
    job->position = 0;
    return err;
}

/* True when the job has come to its end, be it good or bad. */
static bool job_run(struct digest_jobs *jobs, struct digest_job *job)
{
    int err = 0;

    if (job->set == NULL)
        err = digest_set_create(&job->set, job->mask);
    if (err == 0 && job->at < job->range_count)
        err = job_advance(jobs, job);
    if (err == 0 && job->at < job->range_count)
        return false;
    if (err == 0)
        err = digest_set_final(job->set, &job->values);
    job_close(job);
    digest_set_free(job->set);
    job->set = NULL;
    assert(job->fd < 0 && job->sum == NULL && err <= 0);
    job->result = err;
    return true;
}

static bool jobs_work(void *ctx, struct queue_link *work, void *own)
{
    struct digest_job *job = OWNER_OF(work, struct digest_job, link);

    if (!job_run(ctx, job))
        return true;
    job->done(job);
    return false;
}

/* ---- For callers ---- */

int digest_jobs_create(struct digest_jobs **out, struct blob_store *store, unsigned threads)
{
    struct digest_jobs *jobs = calloc(1, sizeof(*jobs));
    const struct work_pool_options options = {
        .name = "sluice-verify",
        .thread_max = threads,
        .run = jobs_work,
        .ctx = jobs,
    };
    int err;

    assert(threads >= 1 && threads <= DIGEST_JOB_THREADS_MAX);
    if (jobs == NULL)
        return -ENOMEM;
    jobs->store = store;
    if ((err = work_pool_create(&jobs->pool, &options)) != 0) {
        free(jobs);
        return err;
    }
    *out = jobs;
    return 0;
}

void digest_jobs_destroy(struct digest_jobs *jobs)
{
    if (jobs == NULL)
        return;
    work_pool_destroy(jobs->pool);
    free(jobs);
}

void digest_jobs_submit(struct digest_jobs *jobs, struct digest_job *job)
{
    int err;

    assert(job->done != NULL && (job->ranges != NULL || job->range_count == 0));
    job->set = job->sum = NULL;
    job->told_damage = false;
    job->position = 0;
    job->at = 0;
    job->fd = -1;
    if ((err = work_pool_begin(jobs->pool)) != 0) {
        job->result = err;
        job->done(job);
        return;
    }
    work_pool_add(jobs->pool, &job->link);
}
