/* SPDX-License-Identifier: MIT
 *
 * Reading what is sealed: plain bytes of one body after the other, out of their heads and of the records that the wanted bytes lie in. No
 * byte is given out before the tag of its record was compared. One thread at a time. */
#ifndef STORAGE_SEAL_SEAL_READER_H
#define STORAGE_SEAL_SEAL_READER_H

#include <sys/types.h>

#include "storage/seal/seal.h"

/* What is wanted of a body: plain bytes [first, first + length), length > 0, of `size` that it has. */
struct seal_piece {
    uint64_t first, length, size;
    uint32_t part; /* of which its head must be; 0: of any */
};

struct seal_stored {
    uint64_t offset, length; /* in what is stored of the body */
};
/* What has to be read for the piece, in this order: the head and the records; together where these follow it. Returns how many, 1 or 2. */
unsigned seal_piece_stored(const struct seal_piece *piece, struct seal_stored stored[2]);

/* Gives the next bytes of what is stored of the pieces: > 0, at most `length`; 0: there are no more; or a negative error, after which it may be
 * asked again. */
typedef ssize_t (*seal_read_fn)(void *ctx, void *buffer, size_t length);

struct seal_reader;

/* pieces: copied; parts of one upload come in ascending order. 0 or -ENOMEM. */
int seal_reader_create(struct seal_reader **reader, const struct seal_key *key,
                       const struct seal_piece *pieces, uint32_t count, seal_read_fn read, void *ctx);
void seal_reader_free(struct seal_reader *reader); /* NULL allowed */
/* The next plain bytes: > 0, of one record at most; 0 at the end of the last piece; what `read` returned, and it may be asked again;
 * -EBADMSG: what is stored is not what was sealed, or not for this key (sticky); -EIO: it ends early (sticky); -ENOMEM. */
ssize_t seal_reader_read(struct seal_reader *reader, void *buffer, size_t length);
/* Which piece it is at: where a failure was met. */
uint32_t seal_reader_at(const struct seal_reader *reader);

#endif
