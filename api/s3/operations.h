/* SPDX-License-Identifier: MIT
 *
 * The rows of operations_table.h as data. Which function serves a row is known to s3_dispatch.c alone, so that whoever asks about
 * rows does not depend on all operations. Read-only; any thread. */
#ifndef API_S3_OPERATIONS_H
#define API_S3_OPERATIONS_H

#include "api/s3/access/s3_action.h"
#include "api/s3/s3_request.h"

enum s3_resource { S3_RESOURCE_SERVICE, S3_RESOURCE_BUCKET, S3_RESOURCE_OBJECT, S3_RESOURCE_COUNT };

/* Bits; what they mean is in operations_table.h. */
enum s3_operation_flag {
    S3_OPERATION_VERSION = 1,
    S3_OPERATION_HALF = 2,
    S3_OPERATION_MAY_MISS = 4,
    S3_OPERATION_CREATES = 8,
    S3_OPERATION_DOCUMENT = 16,
    S3_OPERATION_ANY_REGION = 32,
    S3_OPERATION_TELLS_REGION = 64,
    S3_OPERATION_BYTES = 128,
    S3_OPERATION_MAKES = 256,
    S3_OPERATION_STORES = 512,
    S3_OPERATION_LISTS = 1024,
    S3_OPERATION_SEALS = 2048,
};

enum s3_operation_kind {
    S3_OPERATION_SERVED,
    S3_OPERATION_ABSENT, /* served with what S3 says where the setting is not there */
    S3_OPERATION_REFUSED,
};

/* What operations have in common whose times are told together; numbers that http_request.group counts. */
enum s3_group {
    S3_GROUP_OTHER, /* the server's own names, STS, and what is no request of S3 */
    S3_GROUP_READ,
    S3_GROUP_WRITE,
    S3_GROUP_LIST,
    S3_GROUP_DELETE,
    S3_GROUP_MULTIPART,
    S3_GROUP_COPY,
    S3_GROUP_SETTINGS, /* what is said of buckets and objects */
    S3_GROUPS,
};

struct s3_operation {
    const char *name;
    enum s3_method method;
    enum s3_resource resource;
    const char *parameter;                 /* what selects it; NULL: nothing may */
    const char *beside;                    /* query parameter that must be there as well, or NULL */
    const char *header;                    /* that must be there, or NULL */
    unsigned rights;                       /* on the bucket; 0: none are asked for */
    enum s3_action action, version_action; /* the latter with versionId, where S3 tells the two apart */
    enum s3_action also, version_also;     /* a second action that is needed too */
    unsigned flags;
    enum s3_operation_kind kind;
    enum s3_error refusal; /* where it is refused; else S3_ERROR_NONE */
};

/* clang-format off */
enum {
    S3_OPERATION_ROWS = 0
#define OPERATION(name, method, resource, selection, rights, actions, flags, kind, what, remark) + 1
#include "api/s3/operations_table.h"
};
/* clang-format on */

extern const struct s3_operation s3_operations[S3_OPERATION_ROWS];

enum s3_group s3_operation_group(const struct s3_operation *operation);
/* The row's place in the table. */
static inline unsigned s3_operation_row(const struct s3_operation *operation)
{
    return (unsigned)(operation - s3_operations);
}

#endif
