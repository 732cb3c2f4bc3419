/* SPDX-License-Identifier: MIT
 *
 * From a request to the actions it asks for. Every row of s3_dispatch.c that policies can speak of has its
 * like here, found by the parameter that made s3_dispatch choose it: of several parameters both mean the same
 * one. Worker's thread. */
#include <string.h>

#include "api/s3/access/s3_action.h"
#include "api/s3/s3_request.h"

enum resource { BUCKET, OBJECT };

struct row {
    enum s3_method method;
    enum resource resource;
    const char *parameter; /* that selects the operation, or NULL */
    enum s3_action action;
    enum s3_action version_action; /* with versionId, where S3 tells the two apart */
};

#define ROW(method, resource, parameter, action)                                                             \
    {                                                                                                        \
        S3_##method, resource, parameter, S3_ACTION_##action, S3_ACTION_NONE                                 \
    }
#define ROW_2(method, resource, parameter, action, version_action)                                           \
    {                                                                                                        \
        S3_##method, resource, parameter, S3_ACTION_##action, S3_ACTION_##version_action                     \
    }

/* clang-format off */
static const struct row rows[] = {
    ROW(GET, BUCKET, "location", GET_BUCKET_LOCATION),
    ROW(GET, BUCKET, "acl", GET_BUCKET_ACL),
    ROW(GET, BUCKET, "versioning", GET_BUCKET_VERSIONING),
    ROW(GET, BUCKET, "accelerate", GET_ACCELERATE_CONFIGURATION),
    ROW(GET, BUCKET, "logging", GET_BUCKET_LOGGING),
    ROW(GET, BUCKET, "notification", GET_BUCKET_NOTIFICATION),
    ROW(GET, BUCKET, "requestPayment", GET_BUCKET_REQUEST_PAYMENT),
    ROW(GET, BUCKET, "uploads", LIST_BUCKET_MULTIPART_UPLOADS),
    ROW(GET, BUCKET, "policy", GET_BUCKET_POLICY),
    ROW(GET, BUCKET, "policyStatus", GET_BUCKET_POLICY_STATUS),
    ROW(GET, BUCKET, "cors", GET_BUCKET_CORS),
    ROW(GET, BUCKET, "lifecycle", GET_LIFECYCLE_CONFIGURATION),
    ROW(GET, BUCKET, "tagging", GET_BUCKET_TAGGING),
    ROW(GET, BUCKET, "website", GET_BUCKET_WEBSITE),
    ROW(GET, BUCKET, "encryption", GET_ENCRYPTION_CONFIGURATION),
    ROW(GET, BUCKET, "replication", GET_REPLICATION_CONFIGURATION),
    ROW(GET, BUCKET, "object-lock", GET_BUCKET_OBJECT_LOCK),
    ROW(GET, BUCKET, "publicAccessBlock", GET_BUCKET_PUBLIC_ACCESS_BLOCK),
    ROW(GET, BUCKET, "ownershipControls", GET_BUCKET_OWNERSHIP_CONTROLS),
    ROW(GET, BUCKET, "analytics", GET_ANALYTICS_CONFIGURATION),
    ROW(GET, BUCKET, "intelligent-tiering", GET_INTELLIGENT_TIERING),
    ROW(GET, BUCKET, "inventory", GET_INVENTORY_CONFIGURATION),
    ROW(GET, BUCKET, "metrics", GET_METRICS_CONFIGURATION),
    ROW(GET, BUCKET, "metadataConfiguration", GET_BUCKET_METADATA_TABLE),
    ROW(GET, BUCKET, "metadataTable", GET_BUCKET_METADATA_TABLE),
    ROW(GET, BUCKET, "abac", GET_BUCKET_ABAC),
    ROW(GET, BUCKET, "versions", LIST_BUCKET_VERSIONS),
    ROW(GET, BUCKET, "list-type", LIST_BUCKET),
    ROW(GET, BUCKET, NULL, LIST_BUCKET),
    ROW(HEAD, BUCKET, NULL, LIST_BUCKET),

    ROW(PUT, BUCKET, "abac", PUT_BUCKET_ABAC),
    ROW(PUT, BUCKET, "accelerate", PUT_ACCELERATE_CONFIGURATION),
    ROW(PUT, BUCKET, "acl", PUT_BUCKET_ACL),
    ROW(PUT, BUCKET, "analytics", PUT_ANALYTICS_CONFIGURATION),
    ROW(PUT, BUCKET, "cors", PUT_BUCKET_CORS),
    ROW(PUT, BUCKET, "encryption", PUT_ENCRYPTION_CONFIGURATION),
    ROW(PUT, BUCKET, "intelligent-tiering", PUT_INTELLIGENT_TIERING),
    ROW(PUT, BUCKET, "inventory", PUT_INVENTORY_CONFIGURATION),
    ROW(PUT, BUCKET, "lifecycle", PUT_LIFECYCLE_CONFIGURATION),
    ROW(PUT, BUCKET, "logging", PUT_BUCKET_LOGGING),
    ROW(PUT, BUCKET, "metadataAnnotationTable", UPDATE_BUCKET_METADATA_ANNOTATION),
    ROW(PUT, BUCKET, "metadataInventoryTable", UPDATE_BUCKET_METADATA_INVENTORY),
    ROW(PUT, BUCKET, "metadataJournalTable", UPDATE_BUCKET_METADATA_JOURNAL),
    ROW(PUT, BUCKET, "metrics", PUT_METRICS_CONFIGURATION),
    ROW(PUT, BUCKET, "notification", PUT_BUCKET_NOTIFICATION),
    ROW(PUT, BUCKET, "object-lock", PUT_BUCKET_OBJECT_LOCK),
    ROW(PUT, BUCKET, "ownershipControls", PUT_BUCKET_OWNERSHIP_CONTROLS),
    ROW(PUT, BUCKET, "policy", PUT_BUCKET_POLICY),
    ROW(PUT, BUCKET, "publicAccessBlock", PUT_BUCKET_PUBLIC_ACCESS_BLOCK),
    ROW(PUT, BUCKET, "replication", PUT_REPLICATION_CONFIGURATION),
    ROW(PUT, BUCKET, "requestPayment", PUT_BUCKET_REQUEST_PAYMENT),
    ROW(PUT, BUCKET, "tagging", PUT_BUCKET_TAGGING),
    ROW(PUT, BUCKET, "versioning", PUT_BUCKET_VERSIONING),
    ROW(PUT, BUCKET, "website", PUT_BUCKET_WEBSITE),
    ROW(PUT, BUCKET, NULL, CREATE_BUCKET),
    ROW(POST, BUCKET, "metadataConfiguration", CREATE_BUCKET_METADATA_TABLE),
    ROW(POST, BUCKET, "metadataTable", CREATE_BUCKET_METADATA_TABLE),
    /* S3 has no actions of their own for these removals. */
    ROW(DELETE, BUCKET, "analytics", PUT_ANALYTICS_CONFIGURATION),
    ROW(DELETE, BUCKET, "cors", PUT_BUCKET_CORS),
    ROW(DELETE, BUCKET, "encryption", PUT_ENCRYPTION_CONFIGURATION),
    ROW(DELETE, BUCKET, "intelligent-tiering", PUT_INTELLIGENT_TIERING),
    ROW(DELETE, BUCKET, "inventory", PUT_INVENTORY_CONFIGURATION),
    ROW(DELETE, BUCKET, "lifecycle", PUT_LIFECYCLE_CONFIGURATION),
    ROW(DELETE, BUCKET, "metrics", PUT_METRICS_CONFIGURATION),
    ROW(DELETE, BUCKET, "metadataConfiguration", DELETE_BUCKET_METADATA_TABLE),
    ROW(DELETE, BUCKET, "metadataTable", DELETE_BUCKET_METADATA_TABLE),
    ROW(DELETE, BUCKET, "ownershipControls", PUT_BUCKET_OWNERSHIP_CONTROLS),
    ROW(DELETE, BUCKET, "policy", DELETE_BUCKET_POLICY),
    ROW(DELETE, BUCKET, "publicAccessBlock", PUT_BUCKET_PUBLIC_ACCESS_BLOCK),
    ROW(DELETE, BUCKET, "replication", PUT_REPLICATION_CONFIGURATION),
    ROW(DELETE, BUCKET, "tagging", PUT_BUCKET_TAGGING),
    ROW(DELETE, BUCKET, "website", DELETE_BUCKET_WEBSITE),
    ROW(DELETE, BUCKET, NULL, DELETE_BUCKET),

    ROW(GET, OBJECT, "uploadId", LIST_MULTIPART_UPLOAD_PARTS),
    ROW_2(GET, OBJECT, "acl", GET_OBJECT_ACL, GET_OBJECT_VERSION_ACL),
    ROW_2(GET, OBJECT, "tagging", GET_OBJECT_TAGGING, GET_OBJECT_VERSION_TAGGING),
    ROW_2(GET, OBJECT, "attributes", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(GET, OBJECT, "annotation", GET_OBJECT_ANNOTATION, GET_OBJECT_VERSION_ANNOTATION),
    ROW(GET, OBJECT, "legal-hold", GET_OBJECT_LEGAL_HOLD),
    ROW(GET, OBJECT, "retention", GET_OBJECT_RETENTION),
    ROW_2(GET, OBJECT, "torrent", GET_OBJECT_TORRENT, GET_OBJECT_VERSION_TORRENT),
    /* Who may read the object is told why not like this. */
    ROW_2(GET, OBJECT, "logging", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(GET, OBJECT, "uploads", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(GET, OBJECT, "versions", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(HEAD, OBJECT, "logging", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(HEAD, OBJECT, "uploads", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(HEAD, OBJECT, "versions", GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(GET, OBJECT, NULL, GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(HEAD, OBJECT, NULL, GET_OBJECT, GET_OBJECT_VERSION),
    ROW_2(PUT, OBJECT, "acl", PUT_OBJECT_ACL, PUT_OBJECT_VERSION_ACL),
    ROW_2(PUT, OBJECT, "annotation", PUT_OBJECT_ANNOTATION, PUT_OBJECT_VERSION_ANNOTATION),
    ROW(PUT, OBJECT, "encryption", UPDATE_OBJECT_ENCRYPTION),
    ROW(PUT, OBJECT, "legal-hold", PUT_OBJECT_LEGAL_HOLD),
    ROW(PUT, OBJECT, "retention", PUT_OBJECT_RETENTION),
    ROW_2(PUT, OBJECT, "tagging", PUT_OBJECT_TAGGING, PUT_OBJECT_VERSION_TAGGING),
    ROW(PUT, OBJECT, "renameObject", PUT_OBJECT),
    ROW(PUT, OBJECT, "uploadId", PUT_OBJECT),
    ROW(PUT, OBJECT, "partNumber", PUT_OBJECT),
    ROW(PUT, OBJECT, NULL, PUT_OBJECT), /* copies too */
    ROW(POST, OBJECT, "restore", RESTORE_OBJECT),
    ROW(POST, OBJECT, "select", GET_OBJECT),
    ROW(POST, OBJECT, "uploads", PUT_OBJECT),
    ROW(POST, OBJECT, "uploadId", PUT_OBJECT),
    ROW(DELETE, OBJECT, "uploadId", ABORT_MULTIPART_UPLOAD),
    ROW_2(DELETE, OBJECT, "annotation", DELETE_OBJECT_ANNOTATION, DELETE_OBJECT_VERSION_ANNOTATION),
    ROW_2(DELETE, OBJECT, "tagging", DELETE_OBJECT_TAGGING, DELETE_OBJECT_VERSION_TAGGING),
    ROW_2(DELETE, OBJECT, NULL, DELETE_OBJECT, DELETE_OBJECT_VERSION),
};
/* clang-format on */

static const struct row *find_row(const struct s3_request *request, const char *parameter)
{
    enum resource resource = request->key.len == 0 ? BUCKET : OBJECT;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].method != request->method || rows[i].resource != resource)
            continue;
        if (parameter == NULL || rows[i].parameter == NULL ? parameter == rows[i].parameter
                                                           : strcmp(parameter, rows[i].parameter) == 0)
            return &rows[i];
    }
    return NULL;
}

/* ---- What headers add ---- */

static const struct {
    const char *header;
    enum s3_action action;
} additions[] = {
    {"x-amz-acl", S3_ACTION_PUT_OBJECT_ACL},
    {"x-amz-grant-full-control", S3_ACTION_PUT_OBJECT_ACL},
    {"x-amz-grant-read", S3_ACTION_PUT_OBJECT_ACL},
    {"x-amz-grant-read-acp", S3_ACTION_PUT_OBJECT_ACL},
    {"x-amz-grant-write-acp", S3_ACTION_PUT_OBJECT_ACL},
    {"x-amz-tagging", S3_ACTION_PUT_OBJECT_TAGGING},
    {"x-amz-object-lock-mode", S3_ACTION_PUT_OBJECT_RETENTION},
    {"x-amz-object-lock-retain-until-date", S3_ACTION_PUT_OBJECT_RETENTION},
    {"x-amz-object-lock-legal-hold", S3_ACTION_PUT_OBJECT_LEGAL_HOLD},
};

/* Presigned requests may carry such headers as parameters. */
static bool asks(const struct s3_request *request, const char *header)
{
    return s3_request_header(request, header).base != NULL || s3_request_has(request, header);
}

static size_t add(enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX], size_t count, enum s3_action action)
{
    for (size_t i = 0; i < count; i++)
        if (actions[i] == action)
            return count;
    actions[count] = action;
    return count + 1;
}

size_t s3_action_of_upload(const struct s3_request *request,
                           enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX])
{
    size_t count = 1;

    actions[0] = S3_ACTION_PUT_OBJECT;
    for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++)
        if (asks(request, additions[i].header))
            count = add(actions, count, additions[i].action);
    return count;
}

size_t s3_action_of_request(const struct s3_request *request, const char *parameter,
                            enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX])
{
    const struct row *row = find_row(request, parameter);
    bool has_version = s3_request_has(request, "versionId");
    size_t count = 1;

    if (row == NULL || request->bucket_name.len == 0)
        return 0;
    actions[0] = has_version && row->version_action != S3_ACTION_NONE ? row->version_action : row->action;
    if (row->resource == OBJECT && parameter != NULL && strcmp(parameter, "attributes") == 0)
        count = add(actions, count,
                    has_version ? S3_ACTION_GET_OBJECT_VERSION_ATTRIBUTES : S3_ACTION_GET_OBJECT_ATTRIBUTES);
    if (row->action == S3_ACTION_PUT_OBJECT && !s3_request_has(request, "uploadId"))
        return s3_action_of_upload(request, actions);
    if ((row->action == S3_ACTION_DELETE_OBJECT || row->action == S3_ACTION_PUT_OBJECT_RETENTION) &&
        asks(request, "x-amz-bypass-governance-retention"))
        count = add(actions, count, S3_ACTION_BYPASS_GOVERNANCE_RETENTION);
    return count;
}
