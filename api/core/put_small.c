/* SPDX-License-Identifier: MIT
 *
 * See put_small.h. Signed chunks are verified when the body is sealed: until then only their ends are noted. */
#include "api/core/put_small.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct put_small {
    uint32_t length, taken; /* announced; so far */
    struct digest_chunk_ops chunks;
    struct digest_chunk *ends;
    uint32_t end_count, end_capacity;
    unsigned char data[]; /* segment_unit_room(length); zeros behind the body */
};

bool put_small_fits(uint64_t length)
{
    return length <= SEGMENT_UNIT_BYTES_MAX;
}

int put_small_create(struct put_small **out, uint32_t length, const struct digest_chunk_ops *chunks)
{
    uint32_t room = segment_unit_room(length);
    struct put_small *small = malloc(sizeof(*small) + room);

    if (small == NULL)
        return -ENOMEM;
    *small = (struct put_small){.length = length};
    if (chunks != NULL)
        small->chunks = *chunks;
    memset(small->data + length, 0, room - length);
    *out = small;
    return 0;
}

static void release_chunks(struct put_small *small)
{
    if (small->chunks.released != NULL)
        small->chunks.released(small->chunks.ctx);
    small->chunks = (struct digest_chunk_ops){0};
}

void put_small_free(struct put_small *small)
{
    if (small == NULL)
        return;
    release_chunks(small);
    free(small->ends);
    free(small);
}

/* Memory, not a pipe: a copy of so few bytes costs less than two splices. */
ssize_t put_small_receive(struct put_small *small, int socket_fd, size_t max)
{
    size_t left = small->length - small->taken;
    ssize_t n;

    assert(left > 0);
    do
        n = recv(socket_fd, small->data + small->taken, max < left ? max : left, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ENOTSOCK ? -EOPNOTSUPP : -errno;
    small->taken += (uint32_t)n;
    return n;
}

ssize_t put_small_write(struct put_small *small, const void *data, size_t length)
{
    assert(length <= small->length - small->taken);
    memcpy(small->data + small->taken, data, length);
    small->taken += (uint32_t)length;
    return (ssize_t)length;
}

uint32_t put_small_taken(const struct put_small *small)
{
    return small->taken;
}

int put_small_chunk_end(struct put_small *small, const struct digest_chunk *chunk)
{
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

    for (uint32_t i = 0; i < small->end_count; i++) {
        const struct digest_chunk *chunk = &small->ends[i];
        struct digest_values values;
        int err;

        if (chunk->end < begin || chunk->end > small->taken)
            return -EBADMSG;
        err = digest_buffer(DIGEST_BIT(DIGEST_SHA256), small->data + begin, chunk->end - begin, &values);
        if (err != 0)
            return err;
        if (small->chunks.verify(small->chunks.ctx, values.value[DIGEST_SHA256], chunk) != 0)
            return -EBADMSG;
        begin = chunk->end;
    }
    return begin == small->taken ? 0 : -EBADMSG;
}

int put_small_seal(struct put_small *small, uint32_t digest_mask, struct digest_values *values)
{
    int err;

    if (small->taken != small->length)
        return -EINVAL;
    if (small->chunks.verify != NULL && (err = verify_chunks(small)) != 0)
        return err;
    release_chunks(small);
    return digest_buffer(digest_mask, small->data, small->length, values);
}

void put_small_unit(const struct put_small *small, struct segment_unit *unit)
{
    *unit = (struct segment_unit){.data = small->data, .length = small->length};
}
