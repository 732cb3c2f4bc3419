/* SPDX-License-Identifier: MIT
 *
 * What becomes of a request whose row of the table of operations is known: the caller's rights, what speaks against it, and the
 * function that serves. s3_selector.c finds the row; a request without one is MethodNotAllowed. Worker's thread. */
#include "api/s3/s3_dispatch.h"

#include <string.h>

#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_selector.h"
#include "api/s3/service/s3_service.h"

/* answer_method_not_allowed names methods by number. */
_Static_assert(S3_GET == 0 && S3_HEAD == 1 && S3_PUT == 2 && S3_POST == 3 && S3_DELETE == 4 &&
                   S3_OPTIONS == 5,
               "the order of enum s3_method");

#define FUNCTION_OF_SERVED(function) function
#define FUNCTION_OF_ABSENT(function) function
#define FUNCTION_OF_REFUSED(error)   NULL

/* Of each row. NULL: it is refused. */
#define OPERATION(name, method, resource, selection, rights, actions, flags, kind, what, remark)             \
    FUNCTION_OF_##kind(what),
static const s3_operation_fn functions[S3_OPERATION_ROWS] = {
#include "api/s3/operations_table.h"
};

static enum s3_error admit(struct s3_request *request, const struct s3_operation *operation)
{
    enum s3_error error;

    if (operation->rights == 0)
        return S3_ERROR_NONE;
    if ((operation->flags & S3_OPERATION_CREATES) != 0)
        return s3_authorize_creation(request);
    error = s3_authorize_request(request, operation);
    /* A client may insist on whose bucket it talks to. */
    return error == S3_ERROR_NONE
               ? s3_authorize_expects(&request->bucket,
                                      s3_request_header(request, "x-amz-expected-bucket-owner"))
               : error;
}

/* A request that selects two operations means one of them at most: better none is done than the wrong one. */
static enum s3_error refuse_conflict(struct s3_request *request, const char *one, const char *other)
{
    bool in_order = strcmp(one, other) < 0; /* S3 sorts them */
    struct slice message[] = {
        SLICE("Conflicting query string parameters: "),
        slice_text(in_order ? one : other),
        SLICE(", "),
        slice_text(in_order ? other : one),
    };

    return s3_request_argument(request, SLICE("ResourceType"), message[1],
                               arena_join(&request->http->arena, message, 4).base);
}

/* Only objects have versions, and what makes one cannot say which it will be: whoever names one there means something else. */
static enum s3_error refuse_version(struct s3_request *request, const struct s3_operation *operation)
{
    const struct s3_parameter *version =
        request->parameter_count > 0 ? s3_request_parameter(request, "versionId") : NULL;

    if (version == NULL || (operation->flags & S3_OPERATION_VERSION) != 0)
        return S3_ERROR_NONE;
    return s3_request_argument(request, SLICE("versionId"), version->value,
                               "This operation does not accept a version-id.");
}

/* What is refused whatever stands in the request is no method that the resource has. */
static bool is_supported(const struct s3_operation *operation)
{
    return operation != NULL &&
           (operation->refusal == S3_ERROR_NONE || s3_error_status(operation->refusal) == 404);
}

/* RFC 9110 15.5.6: a 405 tells which methods the resource has, that is the same path with the same query. */
static void answer_method_not_allowed(struct s3_request *request)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"};
    const struct s3_selector *selector, *other;
    char allow[64] = "";

    for (enum s3_method method = S3_GET; method <= S3_OPTIONS; method++) {
        selector = s3_selector_find(request, method, &other);
        if (!is_supported(s3_selector_row(request, method, selector)))
            continue;
        strcat(allow, allow[0] != '\0' ? ", " : "");
        strcat(allow, names[method]);
    }
    s3_answer_header_string(request, "allow", allow);
    s3_answer_error(request, S3_ERROR_METHOD_NOT_ALLOWED);
}

/* Without changes there is nothing to do for a method that makes one. */
static enum s3_error refuse_change(struct s3_request *request)
{
    if (request->method == S3_GET || request->method == S3_HEAD || request->method == S3_OPTIONS ||
        !core_is_read_only(s3_service_core(request->service)))
        return S3_ERROR_NONE;
    return S3_ERROR_READ_ONLY;
}

/* What speaks against the operation; S3_ERROR_NONE: it is to be served. operation NULL: the first of two has no row. */
static enum s3_error refuse(struct s3_request *request, const struct s3_operation *operation,
                            const char **message)
{
    enum s3_error error = operation != NULL ? admit(request, operation) : S3_ERROR_NONE;

    if (error == S3_ERROR_NONE && request->other_selector != NULL)
        error = refuse_conflict(request, request->selector->name, request->other_selector->name);
    if (error == S3_ERROR_NONE)
        error = refuse_version(request, operation);
    if (error == S3_ERROR_NONE)
        error = operation->refusal;
    if (error == S3_ERROR_NONE)
        error = refuse_change(request);
    if (error == S3_ERROR_NONE && s3_door_is_written(request))
        error = s3_door_judge_write(request);
    if (error == S3_ERROR_NONE && operation->resource == S3_RESOURCE_OBJECT &&
        (operation->flags & S3_OPERATION_SEALS) == 0)
        error = s3_encryption_refuse(&request->effective,
                                     request->method == S3_GET || request->method == S3_HEAD, message);
    return error;
}

void s3_dispatch(struct s3_request *request)
{
    const struct s3_operation *operation = request->operation;
    const char *message = NULL;
    enum s3_error error;

    if (operation == NULL && request->other_selector == NULL) {
        answer_method_not_allowed(request);
        return;
    }
    error = refuse(request, operation, &message);
    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        functions[s3_operation_row(operation)](request);
}
