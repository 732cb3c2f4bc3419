/* SPDX-License-Identifier: MIT
 *
 * operations_table.h, turned into data. Any thread. */
#include "api/s3/operations.h"

#include <string.h>

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
#define SEALS         S3_OPERATION_SEALS

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

static bool is_selected_by(const struct s3_operation *operation, const char *name)
{
    return (operation->parameter != NULL && strcmp(operation->parameter, name) == 0) ||
           (operation->beside != NULL && strcmp(operation->beside, name) == 0);
}

static enum s3_group group_of_object(const struct s3_operation *operation)
{
    bool is_read = operation->method == S3_GET || operation->method == S3_HEAD;

    if (!is_read && operation->header != NULL) /* that names a source */
        return S3_GROUP_COPY;
    if (is_selected_by(operation, "uploadId") || is_selected_by(operation, "uploads") ||
        is_selected_by(operation, "partNumber"))
        return S3_GROUP_MULTIPART;
    if (is_read && (operation->parameter == NULL || is_selected_by(operation, "sluice-member")))
        return S3_GROUP_READ;
    if (operation->parameter != NULL)
        return is_selected_by(operation, "sluice-members") ? S3_GROUP_LIST : S3_GROUP_SETTINGS;
    return operation->method == S3_PUT      ? S3_GROUP_WRITE
           : operation->method == S3_DELETE ? S3_GROUP_DELETE
                                            : S3_GROUP_OTHER;
}

enum s3_group s3_operation_group(const struct s3_operation *operation)
{
    if (operation->resource == S3_RESOURCE_OBJECT)
        return group_of_object(operation);
    if (operation->method == S3_OPTIONS || is_selected_by(operation, "events")) /* which lasts for hours */
        return S3_GROUP_OTHER;
    if (operation->method == S3_GET &&
        (operation->resource == S3_RESOURCE_SERVICE || (operation->flags & S3_OPERATION_LISTS) != 0))
        return S3_GROUP_LIST;
    if (operation->method == S3_POST && operation->parameter == NULL)
        return S3_GROUP_WRITE;
    return operation->method == S3_POST && is_selected_by(operation, "delete") ? S3_GROUP_DELETE
                                                                               : S3_GROUP_SETTINGS;
}
