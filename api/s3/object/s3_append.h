/* SPDX-License-Identifier: MIT
 *
 * PutObject with x-amz-write-offset-bytes: what the object becomes when a body is put at its end. Each append is a part, as
 * after a multipart upload: parts can be fetched by number, there are at most 10,000, and the ETag is an opaque one followed by
 * their count. A CRC of the whole stays one, put together; of any other checksum the object has the composite kind
 * afterwards. Worker's thread. */
#ifndef API_S3_OBJECT_S3_APPEND_H
#define API_S3_OBJECT_S3_APPEND_H

#include "api/s3/body/s3_checksum.h"
#include "api/s3/s3_request.h"

struct s3_append {
    bool is_given;                        /* the request appends; else nothing below means anything */
    struct meta_append change;            /* etag NULL: there is no object yet, and a plain one is made */
    enum s3_checksum_algorithm algorithm; /* to be computed of the body, or NONE */
    uint64_t size;                        /* of the whole, after s3_append_join */
    uint32_t part_count;                  /* the same */
    /* private: the object as it was, in the request's arena */
    struct meta_checksum checksum;
    struct meta_part_size *parts; /* room for one more */
    /* of the parts' checksums, room for one more; NULL: not all parts have one */
    unsigned char *values;
    char etag[META_ETAG_BYTES_MAX + 1];
};

/* Reads the header, and the object that is there now: InvalidArgument, InvalidWriteOffset, TooManyParts, or what reading it
 * gave. Without the header: is_given is false. */
enum s3_error s3_append_read(struct s3_request *request, struct s3_append *append);
/* Fills ETag, checksum and parts of the object-to-be; `body` is the checksum of the bytes that were appended. EntityTooLarge,
 * InternalError. Only where change.etag is not NULL. */
enum s3_error s3_append_join(struct s3_append *append, const struct meta_checksum *body, uint64_t body_size,
                             struct meta_object *object);

#endif
