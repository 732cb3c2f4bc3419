/* SPDX-License-Identifier: MIT
 *
 * From a request to the actions it asks for: those of its row in the table of operations, and what headers add. Worker's
 * thread. */
#include "api/s3/access/s3_action.h"
#include "api/s3/operations.h"

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

size_t s3_action_of_request(const struct s3_request *request, const struct s3_operation *operation,
                            enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX])
{
    bool has_version = operation->version_action != S3_ACTION_NONE && s3_request_has(request, "versionId");
    size_t count = 1;

    if (operation->action == S3_ACTION_NONE)
        return 0;
    actions[0] = has_version ? operation->version_action : operation->action;
    if (operation->also != S3_ACTION_NONE)
        count = add(actions, count, has_version ? operation->version_also : operation->also);
    if (operation->action == S3_ACTION_PUT_OBJECT && !s3_request_has(request, "uploadId"))
        return s3_action_of_upload(request, actions);
    if ((operation->action == S3_ACTION_DELETE_OBJECT ||
         operation->action == S3_ACTION_PUT_OBJECT_RETENTION) &&
        asks(request, "x-amz-bypass-governance-retention"))
        count = add(actions, count, S3_ACTION_BYPASS_GOVERNANCE_RETENTION);
    return count;
}
