/* SPDX-License-Identifier: MIT
 *
 * From a request to the actions it asks for: those of its row in the table of operations, and what it effectively
 * says adds. Worker's
 * thread. */
#include "api/s3/access/s3_action.h"
#include "api/s3/operations.h"

static const struct {
    enum s3_effective_name name;
    enum s3_action action;
} additions[] = {
    {S3_EFFECTIVE_ACL, S3_ACTION_PUT_OBJECT_ACL},
    {S3_EFFECTIVE_GRANT_FULL_CONTROL, S3_ACTION_PUT_OBJECT_ACL},
    {S3_EFFECTIVE_GRANT_READ, S3_ACTION_PUT_OBJECT_ACL},
    {S3_EFFECTIVE_GRANT_READ_ACP, S3_ACTION_PUT_OBJECT_ACL},
    {S3_EFFECTIVE_GRANT_WRITE_ACP, S3_ACTION_PUT_OBJECT_ACL},
    {S3_EFFECTIVE_TAGGING, S3_ACTION_PUT_OBJECT_TAGGING},
    {S3_EFFECTIVE_LOCK_MODE, S3_ACTION_PUT_OBJECT_RETENTION},
    {S3_EFFECTIVE_LOCK_UNTIL, S3_ACTION_PUT_OBJECT_RETENTION},
    {S3_EFFECTIVE_LOCK_HOLD, S3_ACTION_PUT_OBJECT_LEGAL_HOLD},
};

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
    for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++) {
        struct slice value = s3_request_effective(request, additions[i].name);

        if (value.base == NULL || (additions[i].name == S3_EFFECTIVE_ACL && slice_is(value, "private")))
            continue; /* private it is anyway */
        count = add(actions, count, additions[i].action);
    }
    return count;
}

/* Unless governance is bypassed. */
static bool is_kept_off_by_locks(enum s3_action action)
{
    return action == S3_ACTION_DELETE_OBJECT || action == S3_ACTION_PUT_OBJECT_RETENTION ||
           action == S3_ACTION_PUT_OBJECT_ANNOTATION || action == S3_ACTION_DELETE_OBJECT_ANNOTATION;
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
    if ((operation->flags & S3_OPERATION_STORES) != 0)
        return s3_action_of_upload(request, actions);
    if (is_kept_off_by_locks(operation->action) &&
        slice_is_nocase(s3_request_effective(request, S3_EFFECTIVE_BYPASS_GOVERNANCE), "true"))
        count = add(actions, count, S3_ACTION_BYPASS_GOVERNANCE_RETENTION);
    return count;
}
