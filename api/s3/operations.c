/* SPDX-License-Identifier: MIT
 *
 * operations_table.h, turned into data. Any thread. */
#include "api/s3/operations.h"

#define S3_RIGHT_NONE 0
#define VERSION       S3_OPERATION_VERSION
#define HALF          S3_OPERATION_HALF
#define MAY_MISS      S3_OPERATION_MAY_MISS
#define CREATES       S3_OPERATION_CREATES
#define DOCUMENT      S3_OPERATION_DOCUMENT
#define ANY_REGION    S3_OPERATION_ANY_REGION
#define TELLS_REGION  S3_OPERATION_TELLS_REGION
#define BYTES         S3_OPERATION_BYTES
#define MAKES         S3_OPERATION_MAKES
#define STORES        S3_OPERATION_STORES
#define LISTS         S3_OPERATION_LISTS

#define ALONE                        .parameter = NULL
#define ALONE_WITH(name)             .header = name
#define BY(name)                     .parameter = name
#define BY_BOTH(name, other)         .parameter = name, .beside = other
#define BY_BOTH_WITH(name, other, h) .parameter = name, .beside = other, .header = h

#define NO_ACTION                   .action = S3_ACTION_NONE
#define ACTION(one)                 .action = S3_ACTION_##one
#define VERSIONED(one, version_one) .action = S3_ACTION_##one, .version_action = S3_ACTION_##version_one
#define VERSIONED_AND(one, version_one, two, version_two)                                                    \
    VERSIONED(one, version_one), .also = S3_ACTION_##two, .version_also = S3_ACTION_##version_two

#define REFUSAL_OF_SERVED(function) S3_ERROR_NONE
#define REFUSAL_OF_ABSENT(function) S3_ERROR_NONE
#define REFUSAL_OF_REFUSED(error)   S3_ERROR_##error

#define OPERATION(name_, method_, resource_, selection, rights_, actions, flags_, kind_, what, remark)       \
    {                                                                                                        \
        .name = #name_,                                                                                      \
        .method = S3_##method_,                                                                              \
        .resource = S3_RESOURCE_##resource_,                                                                 \
        selection,                                                                                           \
        .rights = S3_RIGHT_##rights_,                                                                        \
        actions,                                                                                             \
        .flags = flags_,                                                                                     \
        .kind = S3_OPERATION_##kind_,                                                                        \
        .refusal = REFUSAL_OF_##kind_(what),                                                                 \
    },

const struct s3_operation s3_operations[S3_OPERATION_ROWS] = {
#include "api/s3/operations_table.h"
};
