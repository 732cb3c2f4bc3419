/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share: what headers say. Worker's thread. */
#ifndef API_S3_ENCRYPTION_S3_ENCRYPTION_INTERNAL_H
#define API_S3_ENCRYPTION_S3_ENCRYPTION_INTERNAL_H

#include "api/core/keys/bucket_seal.h"
#include "api/s3/encryption/s3_encryption.h"

/* What is wanted of a new object. */
struct encryption_wish {
    enum envelope_how how;
    bool bucket_key;
    struct slice name;    /* of a key; empty: the first */
    struct slice context; /* of KMS, decoded */
};

/* What the headers say of it; how NONE: nothing. */
enum s3_error encryption_wish_read(struct s3_request *request, struct encryption_wish *wish,
                                   const char **message);
/* The name in one of the forms of a key's id: NAME, key/NAME, alias/NAME, or an ARN that ends so. */
struct slice encryption_key_name(struct slice id);

/* The customer's key of that side, once all about it is as S3 demands; *given: whether there is one. */
enum s3_error encryption_customer_read(struct s3_request *request, enum s3_encryption_side side,
                                       struct seal_key *key, bool *given, const char **message);

#endif
