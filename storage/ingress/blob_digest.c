/* SPDX-License-Identifier: MIT
 *
 * The digests of an upload: a stream on the digest threads follows the file, and its values come back to the
 * ring's thread through a mailbox. The mailbox is an object of its own because the values may be ready only
 * after the writer, and even its ring, are gone: a mailbox without an owner posts nothing.
 *
 * On the thread of the writer's ring, except mailbox_on_digested. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/ingress/blob_writer_parts.h"

/* A body up to this size that comes whole is digested on the spot: cheaper than waking a thread. */
#define DIGEST_INLINE_BYTES_MAX (16u << 10)

static void mailbox_free(struct writer_mailbox *mailbox)
{
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

/* On a digest thread. */
static void mailbox_on_digested(void *ctx, int result, const struct digest_values *values)
{
    struct writer_mailbox *mailbox = ctx;

    pthread_mutex_lock(&mailbox->lock);
    bool abandoned = mailbox->writer == NULL;
    if (!abandoned) {
        if (result == 0)
            mailbox->values = *values;
        mailbox->posted = true;
        ring_post(mailbox->ring, &mailbox->op, result);
    }
    pthread_mutex_unlock(&mailbox->lock);
    if (abandoned)
        mailbox_free(mailbox);
}

static void mailbox_on_posted(struct ring_op *op, int32_t result)
{
    struct writer_mailbox *mailbox = OWNER_OF(op, struct writer_mailbox, op);

    pthread_mutex_lock(&mailbox->lock); /* the poster may still be on its way out of it */
    struct blob_writer *writer = mailbox->writer;
    pthread_mutex_unlock(&mailbox->lock);
    if (writer != NULL) {
        writer->mailbox = NULL;
        writer->sums = SUMS_KNOWN;
        writer->values = mailbox->values;
        if (result < 0)
            writer_fail(writer, result);
    }
    mailbox_free(mailbox);
    if (writer != NULL) {
        writer_start(writer);
        writer_deliver(writer);
    }
}

/* The writer leaves; a result that is still to come finds nobody, and is not posted. */
static void mailbox_abandon(struct writer_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->writer = NULL;
    pthread_mutex_unlock(&mailbox->lock);
}

/* Opened at begin for signed chunks (so that `released` is owed from then on), else with the first need: a
 * small body that comes in one piece does without. */
int writer_digest_open(struct blob_writer *writer)
{
    int err;

    if (writer->sums != SUMS_NONE)
        return 0;
    err = digest_stream_open(writer->digests, writer->digest_mask | writer->digest_mask_small,
                             writer->chunks.verify != NULL ? &writer->chunks : NULL, &writer->stream);
    if (err != 0)
        return err;
    writer->sums = SUMS_FOLLOW;
    if (writer->digest_mask_small != 0)
        digest_stream_limit(writer->stream, writer->digest_mask_small, writer->digest_small_bytes_max);
    return 0;
}

void writer_digest_advance(struct blob_writer *writer)
{
    int err;

    if (writer->sums == SUMS_KNOWN || writer->pump_set != NULL)
        return; /* done, or in other hands */
    if ((err = writer_digest_open(writer)) != 0) {
        writer_fail(writer, err);
        return;
    }
    if (writer->sums == SUMS_FOLLOW) {
        if ((err = digest_stream_bind(writer->stream, writer->fd)) != 0) {
            writer_fail(writer, err);
            return;
        }
        writer->sums = SUMS_IN_FILE;
    }
    digest_stream_advance(writer->stream, writer->written);
}

/* All bytes are in the file: asks for the values. */
void writer_digest_finish(struct blob_writer *writer)
{
    struct writer_mailbox *mailbox;
    int err;

    if ((err = writer_digest_open(writer)) != 0) {
        writer_fail(writer, err);
        return;
    }
    if ((mailbox = calloc(1, sizeof(*mailbox))) == NULL) {
        writer_fail(writer, -ENOMEM);
        return;
    }
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->writer = writer;
    mailbox->ring = writer->ring;
    mailbox->op.done = mailbox_on_posted;
    writer->mailbox = mailbox;
    assert(writer->stream != NULL && writer->bytes == BYTES_IN_FILE);
    digest_stream_finish(writer->stream, writer->written, mailbox_on_digested, mailbox);
    writer->stream = NULL;
    writer->sums = SUMS_FINISHED;
}

/* The whole of a small body in one piece needs no digest thread. */
void writer_digest_inline(struct blob_writer *writer, const void *data, size_t length)
{
    uint32_t mask = writer->digest_mask;
    int err;

    bool whole = writer->taken == 0 && (writer->length == length || length == 0);

    if (!whole || length > DIGEST_INLINE_BYTES_MAX || writer->chunks.verify != NULL)
        return;
    if (writer->is_read && length > 0) /* the sums would be known before the bytes are in the file */
        return;
    if (length <= writer->digest_small_bytes_max)
        mask |= writer->digest_mask_small;
    if ((err = digest_buffer(mask, data, length, &writer->values)) != 0)
        writer_fail(writer, err);
    writer->sums = SUMS_KNOWN;
}

void writer_digest_leave(struct blob_writer *writer)
{
    if (writer->stream != NULL)
        digest_stream_cancel(writer->stream);
    writer->stream = NULL;
    if (writer->mailbox != NULL)
        mailbox_abandon(writer->mailbox);
    writer->mailbox = NULL;
    if (writer->sums != SUMS_KNOWN)
        writer->sums = SUMS_NONE;
}
