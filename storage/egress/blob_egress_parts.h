/* SPDX-License-Identifier: MIT
 *
 * The inside of an egress, for its own files only:
 *
 *   blob_egress.c         the calls, the file of the next byte, the zero-copy way
 *   blob_egress_copy.c    the buffered way
 *   blob_egress_hot.c     small units that are asked for often, out of memory
 *   blob_egress_verify.c  whether what comes into memory is what was stored
 *
 * Everything runs on the thread of the egress's ring. */
#ifndef STORAGE_EGRESS_BLOB_EGRESS_PARTS_H
#define STORAGE_EGRESS_BLOB_EGRESS_PARTS_H

#include <assert.h>

#include "storage/egress/blob_egress.h"
#include "storage/egress/hot_units.h"
#include "storage/blob/blob_internal.h"

#define EGRESS_MAGIC 0xb10be9e5u

enum egress_step { EGRESS_NONE, EGRESS_OPEN, EGRESS_RECORD, EGRESS_WARM, EGRESS_READ };

struct blob_egress {
    uint32_t magic;
    struct blob_store *store;
    struct ring *ring;
    void (*on_ready)(void *ctx);
    void *ctx;
    int error; /* sticky */
    bool detached, want_ready;
    bool told_damage; /* the log had a line about the error */

    enum egress_step step; /* the operation in flight */
    struct ring_op op;
    char path[BLOB_PATH_BYTES];

    struct blob_file *file;       /* of the first range left, or NULL */
    bool is_judged;               /* it is the one that the range is about */
    struct blob_claim claim;      /* that it is held against */
    size_t record_wanted;         /* bytes of what it says of itself, see blob_record_place */
    uint64_t ready_end, warm_end; /* positions in that file; see above */
    bool cold;                    /* a window of this range had to be warmed, not long ago */
    unsigned hot_windows;         /* since then */

    unsigned char *buffer; /* the buffered way; NULL before the first use */
    size_t buffer_bytes, buffer_start, buffer_end;

    struct hot_lease lease; /* on the unit of the only range: there is no file */

    /* bytes of a small unit, or a record, that are in the buffer, while it is being read */
    size_t unit_filled;
    /* of a large unit: the sum of what has come so far, and where in the file that ends */
    uint64_t sum, sum_end;
    bool is_beginning; /* nothing may go out yet */
    uint32_t look;     /* ranges in front of this one are to be looked at before that */

    uint64_t remaining; /* bytes not yet handed to the caller or the socket */
    uint32_t range, range_count;
    struct blob_range ranges[]; /* the first one left is moved forward as it is sent */
};

static inline struct blob_range *egress_range(struct blob_egress *egress)
{
    assert(egress->range < egress->range_count);
    return &egress->ranges[egress->range];
}

/* ---- blob_egress.c ---- */

/* The caller hears about the first failure only through -EIO; the operator hears which blob it was. -EHOSTDOWN is no damage, and stays what it is. */
int egress_fail(struct blob_egress *egress, int error, const char *what);
/* The first range's blob is not there. */
int egress_fail_missing(struct blob_egress *egress, int error);
int egress_fail_damaged(struct blob_egress *egress, enum blob_damage damage, const char *what);
ssize_t egress_busy(struct blob_egress *egress); /* -EBUSY, and on_ready will be called */
struct ring_op *egress_step_begin(struct blob_egress *egress, enum egress_step step);
/* 1: the file of the next byte is at hand; 0: there is no next byte; or -EBUSY or a failure. */
ssize_t egress_file(struct blob_egress *egress);
/* `count` bytes of the first range are on their way. */
void egress_forward(struct blob_egress *egress, uint64_t count);
void egress_close_file(struct blob_egress *egress);
/* What errno says of a send that failed: -errno when it is the peer's side, else the blob's failure. */
ssize_t egress_send_failed(struct blob_egress *egress);

/* ---- blob_egress_copy.c ---- */

/* What the page cache has of [offset, offset + length) of the present file costs no trip through the ring. Returns bytes, or 0 when
 * the ring must do it: also for the end of the file, or an error, which are for the ring to find and to report. */
ssize_t egress_read_nowait(struct blob_egress *egress, void *buffer, uint64_t offset, size_t length);
/* Room for so many bytes in the buffer, which is empty. 0 or a failure. */
int egress_buffer_reserve(struct blob_egress *egress, uint64_t bytes);
/* Makes the buffer hold the next bytes. 1, 0 at the end, -EBUSY, or a failure. */
ssize_t egress_fill(struct blob_egress *egress);
void egress_consume(struct blob_egress *egress, size_t count); /* of the buffer */
/* The next bytes through the buffer. As blob_egress_send. */
ssize_t egress_send_buffer(struct blob_egress *egress, int socket_fd, size_t max);
/* A read of the ring has ended. */
void egress_read_done(struct blob_egress *egress, enum egress_step step, int32_t result);

/* ---- blob_egress_hot.c ---- */

/* Whether the egress sends one range of a small unit that is kept in memory; then it has a lease on it. */
bool egress_hot_get(struct blob_egress *egress);
/* The buffer has all of the small unit of the first range, and it was verified. */
void egress_hot_offer(struct blob_egress *egress);
/* With a lease: as blob_egress_send, and as blob_egress_read. */
ssize_t egress_hot_send(struct blob_egress *egress, int socket_fd, size_t max);
ssize_t egress_hot_read(struct blob_egress *egress, void *buffer, size_t length);

/* ---- blob_egress_verify.c ---- */

/* The same as egress_fill for a range of a small unit: all of the unit is read and verified, then the buffer holds the range. */
ssize_t egress_fill_unit(struct blob_egress *egress);
/* The next `count` bytes of a large unit have come into memory, and are about to be given out. 0, or a failure: these are the last
 * ones, and the unit is not what was stored. */
int egress_pass(struct blob_egress *egress, const void *bytes, size_t count);
/* Whether the present file is the one that the range is about. 1, -EBUSY or a failure. */
ssize_t egress_judge(struct blob_egress *egress);
/* Before the first byte of the answer goes out: its file is looked at, and small units are verified. 0, -EBUSY or a failure. */
ssize_t egress_look(struct blob_egress *egress);
/* How many of the first ranges egress_look is to look at. */
uint32_t egress_look_count(const struct blob_egress *egress);

#endif
