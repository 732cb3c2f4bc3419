/* SPDX-License-Identifier: MIT
 *
 * Checksums of what is stored: known from the row where they can be, computed from the bytes where they must be. For copies.
 * Worker's thread. */
#ifndef API_S3_OBJECT_S3_STORED_CHECKSUM_H
#define API_S3_OBJECT_S3_STORED_CHECKSUM_H

#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_range.h"

/* The full-object checksum of a range of the object, without reading it: the object's own, a part's, or CRCs of several parts
 * put together. False: it does not follow from the row. Pure. */
bool s3_stored_checksum_known(const struct meta_object *object, const struct s3_range *range,
                              enum s3_checksum_algorithm algorithm, struct meta_checksum *checksum);

/* Computes it from the bytes, and with it other digests. Caller-owned, zero-filled, valid until done. */
struct s3_stored_checksum {
    enum s3_checksum_algorithm algorithm; /* NONE: only the others */
    uint32_t others;                      /* a DIGEST_BIT of each */
    struct meta_checksum value;           /* in done, of an algorithm */
    struct digest_values digests;         /* in done, of the others */
    void (*done)(struct s3_stored_checksum *stored, int result);
    void *ctx;
    /* private */
    struct core_get *get;
};

/* Takes the get over, and ends it before done, or when this fails. 0 or a core result. */
int s3_stored_checksum_compute(struct s3_stored_checksum *stored, struct core_get *get,
                               const struct s3_range *range);

#endif
