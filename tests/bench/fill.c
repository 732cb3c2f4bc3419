/* SPDX-License-Identifier: MIT
 *
 * Fills a store that no server has open with names, straight through the metadata module, so that a store of millions can be
 * measured a minute later.
 *
 *     fill DATABASE BUCKET SOURCE FIRST COUNT
 *
 * Makes COUNT copies of the object SOURCE of the bucket: they share its bytes, and each can be read. The keys are
 * "NNNNNN/NNNN", a thousand to a folder, numbered from FIRST. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata/meta.h"

/* Several of the committer's batches, so that it never waits for this thread. */
enum { FLIGHT = 4096, FOLDER_KEYS = 1000 };

struct slot {
    struct meta_object_copy copy;
    char key[32];
    _Atomic int busy;
};

static struct slot slots[FLIGHT];
static _Atomic int failure;

static void copy_done(struct meta_op *op)
{
    struct slot *slot = op->ctx;

    if (op->result != 0)
        atomic_store(&failure, op->result);
    atomic_store(&slot->busy, 0);
}

static struct meta_bytes text_bytes(const char *text)
{
    return (struct meta_bytes){text, strlen(text)};
}

static void slot_wait(struct slot *slot)
{
    while (atomic_load(&slot->busy))
        usleep(200);
}

static void copy_submit(struct meta *meta, struct slot *slot, int64_t bucket, const char *source,
                        unsigned long long number)
{
    slot_wait(slot);
    (void)snprintf(slot->key, sizeof(slot->key), "%06llu/%04llu", number / FOLDER_KEYS, number % FOLDER_KEYS);
    slot->copy = (struct meta_object_copy){
        .op = {.kind = META_OP_OBJECT_COPY, .done = copy_done, .ctx = slot},
        .source = {.bucket = bucket,
                   .key = text_bytes(source),
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .bucket = bucket,
        .key = text_bytes(slot->key),
    };
    atomic_store(&slot->busy, 1);
    meta_submit(meta, &slot->copy.op);
}

static int bucket_find(struct meta *meta, const char *name, int64_t *id)
{
    struct meta_reader *reader;
    struct meta_bucket bucket;
    int err = meta_reader_open(meta, &reader);

    if (err != 0)
        return err;
    err = meta_bucket_get(reader, text_bytes(name), &bucket);
    if (err == 0)
        *id = bucket.id;
    meta_reader_close(reader);
    return err;
}

int main(int argc, char **argv)
{
    const struct meta_options options = {.durable = false};
    struct meta *meta;
    int64_t bucket = 0;

    if (argc != 6) {
        fprintf(stderr, "usage: fill DATABASE BUCKET SOURCE FIRST COUNT\n");
        return 2;
    }
    int err = meta_open(&meta, argv[1], &options);
    if (err == 0) {
        unsigned long long first = strtoull(argv[4], NULL, 10), count = strtoull(argv[5], NULL, 10);
        err = bucket_find(meta, argv[2], &bucket);
        for (unsigned long long i = 0; err == 0 && i < count; i++) {
            copy_submit(meta, &slots[i % FLIGHT], bucket, argv[3], first + i);
            err = atomic_load(&failure);
        }
        for (size_t i = 0; i < FLIGHT; i++)
            slot_wait(&slots[i]);
        meta_close(meta);
        err = err != 0 ? err : atomic_load(&failure);
    }
    if (err != 0)
        fprintf(stderr, "fill: %s\n", meta_strerror(err));
    return err != 0;
}
