/* SPDX-License-Identifier: MIT
 *
 * See put_small.h. Signed chunks are verified when the body is sealed: until then only their ends are noted. The digests of
 * what is sealed are computed at the end of the turn, for many at once: side by side, MD5 costs a fifth. */
#include "api/core/put/put_small.h"
#include "storage/base/io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Bodies digested by one call. */
#define DIGESTS_MAX 64u

struct put_small {
    uint32_t length, taken; /* announced; so far */
    uint32_t at;            /* where it begins in `data`: what is sealed has a head before it */
    bool is_closed;
    struct digest_chunk_ops chunks;
    struct digest_chunk *ends;
    uint32_t end_count, end_capacity;
    struct put_small_queue *queue; /* in which it waits, or NULL */
    struct put_small *next, *before;
    struct digest_message message; /* these are set from the seal on */
    bool is_digested;
    put_small_sealed_fn sealed;
    void *ctx;
    unsigned char data[]; /* segment_unit_room(length); zeros after the body */
};

bool put_small_fits(uint64_t length)
{
    return length <= SEGMENT_UNIT_BYTES_MAX;
}

int put_small_create(struct put_small **out, uint32_t length, bool is_sealed,
                     const struct digest_chunk_ops *chunks)
{
    uint32_t stored = is_sealed ? (uint32_t)sealed_size(length) : length;
    uint32_t room = segment_unit_room(stored);
    struct put_small *small = malloc(sizeof(*small) + room);

    assert(put_small_fits(stored) && room >= stored);
    if (small == NULL)
        return -ENOMEM;
    *small = (struct put_small){.length = length, .at = is_sealed && length > 0 ? SEALED_HEAD_BYTES : 0};
    if (chunks != NULL)
        small->chunks = *chunks;
    memset(small->data + stored, 0, room - stored);
    *out = small;
    return 0;
}

static void release_chunks(struct put_small *small)
{
    if (small->chunks.released != NULL)
        small->chunks.released(small->chunks.ctx);
    small->chunks = (struct digest_chunk_ops){0};
}

/* ---- The queue ---- */

static void queue_add(struct put_small_queue *queue, struct put_small *small)
{
    assert(small->queue == NULL && (queue->count == 0) == (queue->first == NULL));
    small->queue = queue;
    small->before = queue->last;
    small->next = NULL;
    if (queue->last != NULL)
        queue->last->next = small;
    else
        queue->first = small;
    queue->last = small;
    queue->count++;
}

static void leave_queue(struct put_small *small)
{
    struct put_small_queue *queue = small->queue;

    if (queue == NULL)
        return;
    *(small->before != NULL ? &small->before->next : &queue->first) = small->next;
    *(small->next != NULL ? &small->next->before : &queue->last) = small->before;
    assert(queue->count > 0);
    queue->count--;
    small->queue = NULL;
}

/* ---- The body ---- */

void put_small_free(struct put_small *small)
{
    if (small == NULL)
        return;
    leave_queue(small);
    release_chunks(small);
    free(small->ends);
    free(small);
}

/* Memory, not a pipe: a copy of so few bytes costs less than two splices. */
ssize_t put_small_receive(struct put_small *small, int socket_fd, size_t max)
{
    size_t left = small->length - small->taken;
    ssize_t n;

    assert(small->taken <= small->length);
    assert(left > 0);
    n = IO_RETRY(
        recv(socket_fd, small->data + small->at + small->taken, max < left ? max : left, MSG_DONTWAIT));
    if (n < 0)
        return errno == ENOTSOCK ? -EOPNOTSUPP : -errno;
    small->taken += (uint32_t)n;
    return n;
}

ssize_t put_small_write(struct put_small *small, const void *data, size_t length)
{
    assert(small->taken <= small->length);
    assert(length <= small->length - small->taken);
    memcpy(small->data + small->at + small->taken, data, length);
    small->taken += (uint32_t)length;
    return (ssize_t)length;
}

uint32_t put_small_taken(const struct put_small *small)
{
    return small->taken;
}

int put_small_chunk_end(struct put_small *small, const struct digest_chunk *chunk)
{
    assert(small->end_count <= small->end_capacity);
    if (small->end_count == small->end_capacity) {
        uint32_t capacity = small->end_capacity == 0 ? 4 : small->end_capacity * 2;
        struct digest_chunk *grown = realloc(small->ends, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        small->ends = grown;
        small->end_capacity = capacity;
    }
    small->ends[small->end_count++] = *chunk;
    return 0;
}

/* Every byte must belong to a chunk that verifies. */
static int verify_chunks(struct put_small *small)
{
    uint64_t begin = 0;

    assert(small->chunks.verify != NULL);
    for (uint32_t i = 0; i < small->end_count; i++) {
        const struct digest_chunk *chunk = &small->ends[i];
        struct digest_values values;
        int err;

        if (chunk->end < begin || chunk->end > small->taken)
            return -EBADMSG;
        err = digest_buffer(DIGEST_BIT(DIGEST_SHA256), small->data + small->at + begin, chunk->end - begin,
                            &values);
        if (err != 0)
            return err;
        if (small->chunks.verify(small->chunks.ctx, values.value[DIGEST_SHA256], chunk) != 0)
            return -EBADMSG;
        begin = chunk->end;
    }
    return begin == small->taken ? 0 : -EBADMSG;
}

/* ---- Digests, of all that are complete at the end of a turn ---- */

int put_small_seal(struct put_small *small, struct put_small_queue *queue, uint32_t digest_mask,
                   struct digest_values *values, put_small_sealed_fn sealed, void *ctx)
{
    int err;

    assert(small->queue == NULL && values != NULL && sealed != NULL);
    if (small->taken != small->length)
        return -EINVAL;
    if (small->chunks.verify != NULL && (err = verify_chunks(small)) != 0)
        return err;
    release_chunks(small);
    small->sealed = sealed;
    small->ctx = ctx;
    small->message = (struct digest_message){
        .mask = digest_mask, .data = small->data + small->at, .length = small->length, .values = values};
    queue_add(queue, small);
    return 0;
}

static void queue_digest(struct put_small_queue *queue)
{
    struct digest_message messages[DIGESTS_MAX];
    struct put_small *small = queue->first;
    size_t count = 0;

    for (; small != NULL && count < DIGESTS_MAX; small = small->next)
        messages[count++] = small->message;
    assert(count > 0);
    digest_messages(messages, count);
    small = queue->first;
    for (size_t i = 0; i < count; i++, small = small->next) {
        small->message.result = messages[i].result;
        small->is_digested = true;
    }
}

bool put_small_queue_run(struct put_small_queue *queue)
{
    bool any = queue->count > 0;

    while (queue->count > 0) {
        queue_digest(queue);
        /* The function that is called may free any of the others. A body that is freed leaves the queue. */
        while (queue->first != NULL && queue->first->is_digested) {
            struct put_small *small = queue->first;

            leave_queue(small);
            small->sealed(small->ctx, small->message.result);
        }
    }
    return any;
}

int put_small_close(struct put_small *small, const struct seal_key *key, uint32_t part, uint64_t *crc)
{
    unsigned char *record = small->data + small->at;
    struct seal_run *run;
    int err;

    assert(small->is_digested && !small->is_closed);
    if (small->length == 0)
        return 0;
    if ((err = seal_head_make(small->data, part)) != 0 ||
        (err = seal_run_begin(&run, key, small->data, true)) != 0)
        return err;
    err = seal_record_close(run, 0, true, record, small->length, record);
    seal_run_free(run);
    if (err != 0)
        return err;
    small->is_closed = true;
    *crc = digest_crc_update(DIGEST_OF_CONTENT, 0, small->data, sealed_size(small->length));
    return 0;
}

void put_small_unit(const struct put_small *small, struct segment_unit *unit)
{
    assert(small->taken == small->length);
    assert(small->is_closed || small->at == 0);
    *unit = (struct segment_unit){
        .data = small->data,
        .length = small->is_closed ? (uint32_t)sealed_size(small->length) : small->length,
    };
}
