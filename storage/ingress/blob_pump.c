/* SPDX-License-Identifier: MIT
 *
 * The fast way of a large body: pump threads move it from the socket into the file and digest it in passing.
 * It is taken where the body comes in one run and only cheap digests are wanted; everything else goes by hops
 * and digest threads (blob_hops.c, blob_digest.c).
 *
 * A job takes the place of hop and drain: the call that starts it is told -EBUSY, and the call that follows on_room
 * gets what it moved. What comes by write (the piece after the head; all of it, where splicing is refused)
 * goes through the buffers as ever, and is digested here, from memory.
 *
 * On the thread of the writer's ring. */
#include <assert.h>
#include <errno.h>

#include "storage/ingress/blob_writer_parts.h"

/* Those that cost less than moving the bytes. */
#define PUMP_DIGEST_MASK                                                                                     \
    (DIGEST_BIT(DIGEST_CRC32) | DIGEST_BIT(DIGEST_CRC32C) | DIGEST_BIT(DIGEST_CRC64NVME) |                   \
     DIGEST_BIT(DIGEST_XXH64) | DIGEST_BIT(DIGEST_XXH3_64) | DIGEST_BIT(DIGEST_XXH3_128))

int writer_pump_choose(struct blob_writer *writer)
{
    bool is_large = writer->length != UINT64_MAX && writer->length >= WRITER_PUMP_BYTES_MIN;
    bool is_cheap = ((writer->digest_mask | writer->digest_mask_small) & ~PUMP_DIGEST_MASK) == 0;

    if (writer->pumps == NULL || writer->way != WAY_SPLICE || writer->chunks.verify != NULL || !is_large ||
        !is_cheap)
        return 0;
    return digest_set_create(&writer->pump_set, writer->digest_mask | writer->digest_mask_small);
}

static ssize_t pump_refused(struct blob_writer *writer, atomic_bool *said, const char *message)
{
    if (said != NULL)
        blob_store_log_once(writer->store, said, message);
    writer->way = WAY_COPY_IN;
    return -EOPNOTSUPP;
}

static ssize_t pump_begin(struct blob_writer *writer, int socket_fd, size_t max)
{
    struct pump_job *job = &writer->pump;

    assert(writer->fd >= 0 && writer->written == writer->taken);
    job->file_fd = writer->fd;
    job->offset = writer->written;
    job->max = max < PUMP_JOB_BYTES_MAX ? (uint32_t)max : PUMP_JOB_BYTES_MAX;
    job->write_back = writer->store->options.durable;
    job->digest = writer->pump_set;
    writer_step_begin_on(writer, STEP_PUMP, &job->op);
    if (pump_start(writer->pumps, writer->ring, job, socket_fd) == 0)
        return -EBUSY;
    writer->step = STEP_NONE;
    return pump_refused(writer, NULL, NULL); /* no descriptor or no thread: a passing lack, copying goes on */
}

bool writer_pump_is_free(const struct blob_writer *writer)
{
    return writer->step == STEP_NONE && queue_is_empty(&writer->queued) && writer->filling == NULL;
}

ssize_t writer_pump(struct blob_writer *writer, int socket_fd, size_t max)
{
    if (!writer_pump_is_free(writer))
        return -EBUSY;
    if (writer->pump_result == PUMP_TOLD)
        return pump_begin(writer, socket_fd, max);

    int32_t result = writer->pump_result;
    assert(result <= 0 || (size_t)result <= max); /* as much is wanted as before */
    writer->pump_result = PUMP_TOLD;
    return result;
}

void writer_pump_done(struct blob_writer *writer, int32_t result)
{
    struct blob_store *store = writer->store;

    switch (writer->pump.refusal) {
    case PUMP_REFUSED_NOTHING:
        break;
    case PUMP_REFUSED_PIPE:
        (void)pump_refused(writer, &store->no_pipes,
                           "no more pipes to be had; copying uploads instead of splicing them");
        break;
    case PUMP_REFUSED_SPLICE_IN:
        (void)pump_refused(writer, &store->no_splice_in,
                           "sockets cannot be spliced here; copying uploads instead");
        break;
    case PUMP_REFUSED_SPLICE_OUT:
        (void)pump_refused(writer, &store->no_splice_out,
                           "this file system takes no splice; copying uploads instead");
        break;
    }
    if (result < 0 && writer->pump.is_of_file)
        writer_fail_disk(writer, result); /* whoever asks next is told */
    else if (result != -EOPNOTSUPP)
        writer->pump_result = result;
    if (result > 0)
        writer->written += (uint64_t)result;
}

void writer_pump_digest(struct blob_writer *writer, const void *data, size_t length)
{
    int err;

    if (writer->pump_set != NULL && (err = digest_set_update(writer->pump_set, data, length)) != 0)
        writer_fail(writer, err);
}

void writer_pump_finish(struct blob_writer *writer)
{
    int err = digest_set_final(writer->pump_set, &writer->values);

    if (err != 0)
        writer_fail(writer, err);
    else
        writer->sums = SUMS_KNOWN;
}
