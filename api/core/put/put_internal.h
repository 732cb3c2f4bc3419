/* SPDX-License-Identifier: MIT
 *
 * What the two halves of a PUT share: put.c takes the bytes, put_commit.c names them in a row. */
#ifndef API_CORE_PUT_PUT_INTERNAL_H
#define API_CORE_PUT_PUT_INTERNAL_H

#include "api/core/core_internal.h"
#include "api/core/put/put_small.h"
#include "api/core/sealed/sealed_put.h"

enum put_state {
    PUT_OPENING,    /* the file is being made; on_ready follows */
    PUT_FILLING,    /* takes bytes */
    PUT_SEALING,    /* all bytes are in; on_sealed follows */
    PUT_SEALED,     /* digests are known; waits for a commit or the end */
    PUT_PUBLISHING, /* sync and name in progress */
    PUT_COMMITTING, /* the row is at the committer */
    PUT_OVERTAKEN,  /* META_E_JUDGED; waits for another commit or the end */
    PUT_COMMITTED,  /* visible */
    PUT_FAILED,
    PUT_STATE_COUNT
};

struct core_put {
    struct core_worker *worker;
    struct blob_writer *writer; /* NULL: a small body */
    struct put_small *small;    /* NULL: a blob of its own */
    struct sealed_put *sealed;  /* before the writer, where the bytes are to be sealed; else NULL */
    bool is_sealed;
    struct seal_key key; /* of a small body */
    uint32_t seal_part;
    uint64_t stored_crc; /* of what is stored, from SEALED on */
    const struct core_put_events *events;
    void *ctx;
    enum put_state state;
    const struct digest_values *values; /* from SEALED on */
    struct meta_extent extent;          /* the whole unit */
    struct meta_extents content;        /* that, of a copy */
    uint64_t blob;                      /* published, of its own; 0: none was needed */
    uint32_t small_mask;                /* digests of a small body */
    struct digest_values small_values;
    struct pack_unit packed;         /* a small body's place in a segment */
    struct meta_body body;           /* in a cluster: the same becomes a row */
    struct reclaim_discard *discard; /* kept ready for a refused row, so that undoing needs no memory */
    struct meta_op *op;              /* from commit on */
    bool names_nothing;              /* the rows: none of them has any bytes */
    bool is_named;                   /* by rows that were given up: the garbage list has its bytes, or will */
    struct ring_op posted;
};

/* put_commit.c: as blob_writer_events.on_published. */
void put_on_published(void *ctx, int result, uint64_t blob);
/* The unit was written, and no row will ever name it. */
void put_discard(struct core_put *put);

#endif
