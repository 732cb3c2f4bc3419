/* SPDX-License-Identifier: MIT
 *
 * See bodies.h: readers that are made when they are needed, and wait for the next one who asks. */
#include "api/core/cluster/bodies.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/core/cluster/limits.h"

struct bodies {
    struct meta *meta;
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct meta_reader *idle[CLUSTER_BODY_READERS];
    unsigned idle_count, count; /* that wait; all, with those that are being made */
};

int bodies_create(struct bodies **out, struct meta *meta)
{
    struct bodies *bodies = calloc(1, sizeof(*bodies));

    if (bodies == NULL)
        return -ENOMEM;
    bodies->meta = meta;
    pthread_mutex_init(&bodies->lock, NULL);
    pthread_cond_init(&bodies->given, NULL);
    *out = bodies;
    return 0;
}

void bodies_free(struct bodies *bodies)
{
    if (bodies == NULL)
        return;
    assert(bodies->idle_count == bodies->count);
    while (bodies->idle_count > 0)
        meta_reader_close(bodies->idle[--bodies->idle_count]);
    pthread_cond_destroy(&bodies->given);
    pthread_mutex_destroy(&bodies->lock);
    free(bodies);
}

/* NULL: one is to be made, for which there is room. */
static struct meta_reader *reader_wait(struct bodies *bodies)
{
    struct meta_reader *reader = NULL;

    pthread_mutex_lock(&bodies->lock);
    while (bodies->idle_count == 0 && bodies->count == CLUSTER_BODY_READERS)
        pthread_cond_wait(&bodies->given, &bodies->lock);
    if (bodies->idle_count > 0)
        reader = bodies->idle[--bodies->idle_count];
    else
        bodies->count++;
    pthread_mutex_unlock(&bodies->lock);
    return reader;
}

/* reader NULL: it could not be made. */
static void reader_give(struct bodies *bodies, struct meta_reader *reader)
{
    pthread_mutex_lock(&bodies->lock);
    if (reader != NULL)
        bodies->idle[bodies->idle_count++] = reader;
    else
        bodies->count--;
    pthread_cond_signal(&bodies->given);
    pthread_mutex_unlock(&bodies->lock);
}

int bodies_read(struct bodies *bodies, uint64_t file, void *bytes)
{
    struct meta_reader *reader = reader_wait(bodies);
    int count = 0;

    if (reader == NULL && (count = meta_reader_open(bodies->meta, &reader)) != 0)
        reader = NULL;
    else
        count = meta_body_get(reader, file, bytes, META_BODY_BYTES_MAX);
    reader_give(bodies, reader);
    if (count >= 0 || count == -ENOENT || count == -ENOMEM)
        return count;
    return count == META_E_CORRUPT ? -EIO : -EHOSTDOWN; /* a database that does not answer damages nothing */
}
