/* SPDX-License-Identifier: MIT
 *
 * Bytes of a stored object written anew, sealed otherwise than they are: what a copy takes where the source's bytes cannot be shared. Worker's
 * thread. */
#ifndef API_S3_ENCRYPTION_S3_RECODE_H
#define API_S3_ENCRYPTION_S3_RECODE_H

#include "api/core/sealed/sealed_move.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/encryption/s3_encryption.h"

struct s3_recode {
    /* Filled by the owner, in whose struct, in the request's arena, it lies. */
    struct s3_request *request;
    struct core_get *get; /* it can be read, and is ended here */
    uint64_t first, length;
    const struct s3_encryption *encryption; /* of the new bytes, with its key; how NONE: none. Until commit */
    uint32_t part;
    enum s3_checksum_algorithm algorithm; /* of the new bytes */
    bool compares;                        /* the client compares the ETag, as core_etag_choose has it */
    /* ETag, checksum and put are known: calls one core_put_commit_*. */
    void (*commit)(struct s3_recode *recode);
    /* The result of that; or, without it, why it did not come so far. All is ended by then. */
    void (*done)(struct s3_recode *recode, int result);

    struct core_put *put;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;

    /* private */
    struct sealed_move move;
};

/* Once; may call done from inside. */
void s3_recode_start(struct s3_recode *recode);

#endif
