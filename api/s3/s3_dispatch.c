/* SPDX-License-Identifier: MIT
 *
 * The table of S3's operations: what selects each one, the rights it needs, and who serves it or why it is
 * refused. Every operation of the S3 API has its row, so that what is not served says so instead of being
 * taken for something else (a PutBucketPolicy must not create a bucket). s3_selector.c says which parameters
 * select; a request that carries one finds rows of that parameter or none, which is MethodNotAllowed.
 * OPERATIONS.md is the same table for readers. Worker's thread. */
#include "api/s3/s3_dispatch.h"

#include <string.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_selector.h"

/* answer_method_not_allowed names methods by number. */
_Static_assert(S3_GET == 0 && S3_HEAD == 1 && S3_PUT == 2 && S3_POST == 3 && S3_DELETE == 4 &&
                   S3_OPTIONS == 5,
               "the order of enum s3_method");

struct operation {
    enum s3_method method;
    enum s3_resource resource;
    const char *parameter; /* what selects it, one of s3_selector.c; NULL: nothing may */
    const char *beside;    /* query parameter that must be there as well, or NULL */
    const char *header;    /* header that must be there, or NULL */
    unsigned rights;       /* on the bucket; 0: none are asked for */
    s3_operation_fn serve; /* NULL: refused */
    enum s3_error refusal;
};

#define READ  S3_RIGHT_READ
#define WRITE S3_RIGHT_WRITE
#define LIST  S3_RIGHT_LIST
#define ADMIN S3_RIGHT_ADMIN

#define SERVE(method, resource, parameter, header, rights, function)                                         \
    {                                                                                                        \
        S3_##method, S3_RESOURCE_##resource, parameter, NULL, header, rights, function, S3_ERROR_NONE        \
    }
#define REFUSE_BESIDE(method, resource, parameter, beside, rights, error)                                    \
    {                                                                                                        \
        S3_##method, S3_RESOURCE_##resource, parameter, beside, NULL, rights, NULL, S3_ERROR_##error         \
    }
#define REFUSE(method, resource, parameter, rights, error)                                                   \
    REFUSE_BESIDE(method, resource, parameter, NULL, rights, error)

/* The first row that fits decides: within a method and resource, rows that ask for more stand before those
 * that ask for less. */
/* clang-format off */
static const struct operation operations[] = {
    SERVE(GET, SERVICE, NULL, NULL, 0, s3_op_list_buckets), /* shows the buckets that the caller may list */

    /* ---- Buckets: GET ---- */
    SERVE(GET, BUCKET, "location", NULL, LIST, s3_op_get_bucket_location),
    SERVE(GET, BUCKET, "acl", NULL, LIST, s3_op_get_bucket_acl),
    SERVE(GET, BUCKET, "versioning", NULL, LIST, s3_op_get_bucket_versioning),
    SERVE(GET, BUCKET, "accelerate", NULL, LIST, s3_op_get_empty_settings),
    SERVE(GET, BUCKET, "logging", NULL, LIST, s3_op_get_empty_settings),
    SERVE(GET, BUCKET, "notification", NULL, LIST, s3_op_get_empty_settings),
    SERVE(GET, BUCKET, "requestPayment", NULL, LIST, s3_op_get_empty_settings),
    SERVE(GET, BUCKET, "uploads", NULL, LIST, s3_op_list_uploads),
    SERVE(GET, BUCKET, "policy", NULL, ADMIN, s3_op_get_bucket_policy),
    SERVE(GET, BUCKET, "policyStatus", NULL, LIST, s3_op_get_bucket_policy_status),
    SERVE(GET, BUCKET, "cors", NULL, LIST, s3_op_get_bucket_cors),
    SERVE(GET, BUCKET, "lifecycle", NULL, LIST, s3_op_get_bucket_lifecycle),
    SERVE(GET, BUCKET, "tagging", NULL, LIST, s3_op_get_bucket_tagging),
    REFUSE(GET, BUCKET, "website", LIST, NO_SUCH_WEBSITE_CONFIGURATION),
    REFUSE(GET, BUCKET, "encryption", LIST, NO_SUCH_ENCRYPTION_CONFIGURATION),
    REFUSE(GET, BUCKET, "replication", LIST, NO_SUCH_REPLICATION_CONFIGURATION),
    SERVE(GET, BUCKET, "object-lock", NULL, LIST, s3_op_get_object_lock),
    SERVE(GET, BUCKET, "publicAccessBlock", NULL, LIST, s3_op_get_public_access_block),
    SERVE(GET, BUCKET, "ownershipControls", NULL, LIST, s3_op_get_ownership_controls),
    REFUSE_BESIDE(GET, BUCKET, "analytics", "id", LIST, NO_SUCH_CONFIGURATION),
    REFUSE_BESIDE(GET, BUCKET, "intelligent-tiering", "id", LIST, NO_SUCH_CONFIGURATION),
    REFUSE_BESIDE(GET, BUCKET, "inventory", "id", LIST, NO_SUCH_CONFIGURATION),
    REFUSE_BESIDE(GET, BUCKET, "metrics", "id", LIST, NO_SUCH_CONFIGURATION),
    REFUSE(GET, BUCKET, "analytics", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "intelligent-tiering", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "inventory", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "metrics", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "metadataConfiguration", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "metadataTable", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "abac", LIST, NOT_IMPLEMENTED),
    REFUSE(GET, BUCKET, "session", LIST, NOT_IMPLEMENTED),
    SERVE(GET, BUCKET, "versions", NULL, LIST, s3_op_list_object_versions),
    SERVE(GET, BUCKET, "list-type", NULL, LIST, s3_op_list_objects_v2), /* any but 2 is refused there */
    SERVE(GET, BUCKET, NULL, NULL, LIST, s3_op_list_objects),

    /* ---- Buckets: the rest ---- */
    SERVE(HEAD, BUCKET, NULL, NULL, LIST, s3_op_head_bucket),
    REFUSE(PUT, BUCKET, "abac", ADMIN, NOT_IMPLEMENTED),
    SERVE(PUT, BUCKET, "accelerate", NULL, ADMIN, s3_op_put_accelerate),
    SERVE(PUT, BUCKET, "acl", NULL, ADMIN, s3_op_put_bucket_acl),
    REFUSE(PUT, BUCKET, "analytics", ADMIN, NOT_IMPLEMENTED),
    SERVE(PUT, BUCKET, "cors", NULL, ADMIN, s3_op_put_bucket_cors),
    REFUSE(PUT, BUCKET, "encryption", ADMIN, NOT_IMPLEMENTED),
    REFUSE(PUT, BUCKET, "intelligent-tiering", ADMIN, NOT_IMPLEMENTED),
    REFUSE(PUT, BUCKET, "inventory", ADMIN, NOT_IMPLEMENTED),
    SERVE(PUT, BUCKET, "lifecycle", NULL, ADMIN, s3_op_put_bucket_lifecycle),
    SERVE(PUT, BUCKET, "logging", NULL, ADMIN, s3_op_put_logging),
    REFUSE(PUT, BUCKET, "metadataAnnotationTable", ADMIN, NOT_IMPLEMENTED),
    REFUSE(PUT, BUCKET, "metadataInventoryTable", ADMIN, NOT_IMPLEMENTED),
    REFUSE(PUT, BUCKET, "metadataJournalTable", ADMIN, NOT_IMPLEMENTED),
    REFUSE(PUT, BUCKET, "metrics", ADMIN, NOT_IMPLEMENTED),
    SERVE(PUT, BUCKET, "notification", NULL, ADMIN, s3_op_put_notification),
    SERVE(PUT, BUCKET, "object-lock", NULL, ADMIN, s3_op_put_object_lock),
    SERVE(PUT, BUCKET, "ownershipControls", NULL, ADMIN, s3_op_put_ownership_controls),
    SERVE(PUT, BUCKET, "policy", NULL, ADMIN, s3_op_put_bucket_policy),
    SERVE(PUT, BUCKET, "publicAccessBlock", NULL, ADMIN, s3_op_put_public_access_block),
    REFUSE(PUT, BUCKET, "replication", ADMIN, NOT_IMPLEMENTED),
    SERVE(PUT, BUCKET, "requestPayment", NULL, ADMIN, s3_op_put_request_payment),
    SERVE(PUT, BUCKET, "tagging", NULL, ADMIN, s3_op_put_bucket_tagging),
    SERVE(PUT, BUCKET, "versioning", NULL, ADMIN, s3_op_put_bucket_versioning),
    REFUSE(PUT, BUCKET, "website", ADMIN, NOT_IMPLEMENTED),
    SERVE(PUT, BUCKET, NULL, NULL, ADMIN, s3_op_create_bucket),
    SERVE(POST, BUCKET, "delete", NULL, WRITE, s3_op_delete_objects),
    REFUSE(POST, BUCKET, "metadataConfiguration", ADMIN, NOT_IMPLEMENTED),
    REFUSE(POST, BUCKET, "metadataTable", ADMIN, NOT_IMPLEMENTED),
    SERVE(POST, BUCKET, NULL, NULL, 0, s3_op_post_object), /* its signature lies in the form, and it judges rights itself */
    REFUSE_BESIDE(DELETE, BUCKET, "analytics", "id", ADMIN, NO_SUCH_CONFIGURATION),
    REFUSE_BESIDE(DELETE, BUCKET, "intelligent-tiering", "id", ADMIN, NO_SUCH_CONFIGURATION),
    REFUSE_BESIDE(DELETE, BUCKET, "inventory", "id", ADMIN, NO_SUCH_CONFIGURATION),
    REFUSE_BESIDE(DELETE, BUCKET, "metrics", "id", ADMIN, NO_SUCH_CONFIGURATION),
    SERVE(DELETE, BUCKET, "cors", NULL, ADMIN, s3_op_delete_bucket_cors),
    SERVE(DELETE, BUCKET, "encryption", NULL, ADMIN, s3_op_delete_absent_settings),
    SERVE(DELETE, BUCKET, "lifecycle", NULL, ADMIN, s3_op_delete_bucket_lifecycle),
    SERVE(DELETE, BUCKET, "ownershipControls", NULL, ADMIN, s3_op_delete_ownership_controls),
    SERVE(DELETE, BUCKET, "policy", NULL, ADMIN, s3_op_delete_bucket_policy),
    SERVE(DELETE, BUCKET, "publicAccessBlock", NULL, ADMIN, s3_op_delete_public_access_block),
    SERVE(DELETE, BUCKET, "replication", NULL, ADMIN, s3_op_delete_absent_settings),
    SERVE(DELETE, BUCKET, "tagging", NULL, ADMIN, s3_op_delete_bucket_tagging),
    SERVE(DELETE, BUCKET, "website", NULL, ADMIN, s3_op_delete_absent_settings),
    REFUSE(DELETE, BUCKET, "analytics", ADMIN, NOT_IMPLEMENTED),
    REFUSE(DELETE, BUCKET, "intelligent-tiering", ADMIN, NOT_IMPLEMENTED),
    REFUSE(DELETE, BUCKET, "inventory", ADMIN, NOT_IMPLEMENTED),
    REFUSE(DELETE, BUCKET, "metadataConfiguration", ADMIN, NOT_IMPLEMENTED),
    REFUSE(DELETE, BUCKET, "metadataTable", ADMIN, NOT_IMPLEMENTED),
    REFUSE(DELETE, BUCKET, "metrics", ADMIN, NOT_IMPLEMENTED),
    SERVE(DELETE, BUCKET, NULL, NULL, ADMIN, s3_op_delete_bucket),

    /* ---- Objects: GET and HEAD ---- */
    SERVE(GET, OBJECT, "uploadId", NULL, WRITE, s3_op_list_parts),
    SERVE(GET, OBJECT, "acl", NULL, READ, s3_op_get_object_acl),
    SERVE(GET, OBJECT, "tagging", NULL, READ, s3_op_get_object_tagging),
    SERVE(GET, OBJECT, "attributes", NULL, READ, s3_op_get_object_attributes),
    REFUSE(GET, OBJECT, "annotation", READ, NOT_IMPLEMENTED),
    SERVE(GET, OBJECT, "legal-hold", NULL, READ, s3_op_get_object_legal_hold),
    SERVE(GET, OBJECT, "retention", NULL, READ, s3_op_get_object_retention),
    REFUSE(GET, OBJECT, "torrent", READ, NOT_IMPLEMENTED),
    REFUSE(GET, OBJECT, "logging", READ, NO_LOGGING_STATUS_FOR_KEY),
    REFUSE(GET, OBJECT, "uploads", READ, UPLOADS_OF_KEY),
    REFUSE(GET, OBJECT, "versions", READ, VERSIONS_OF_KEY),
    SERVE(GET, OBJECT, NULL, NULL, READ, s3_op_get_object),
    REFUSE(HEAD, OBJECT, "logging", READ, NO_LOGGING_STATUS_FOR_KEY),
    REFUSE(HEAD, OBJECT, "uploads", READ, UPLOADS_OF_KEY),
    REFUSE(HEAD, OBJECT, "versions", READ, VERSIONS_OF_KEY),
    SERVE(HEAD, OBJECT, NULL, NULL, READ, s3_op_get_object),

    /* ---- Objects: the rest ---- */
    SERVE(PUT, OBJECT, "acl", NULL, ADMIN, s3_op_put_object_acl), /* who may only write cannot make it public */
    REFUSE(PUT, OBJECT, "annotation", WRITE, NOT_IMPLEMENTED),
    REFUSE(PUT, OBJECT, "encryption", WRITE, NOT_IMPLEMENTED),
    SERVE(PUT, OBJECT, "legal-hold", NULL, WRITE, s3_op_put_object_legal_hold),
    SERVE(PUT, OBJECT, "renameObject", NULL, WRITE, s3_op_rename_object),
    SERVE(PUT, OBJECT, "retention", NULL, WRITE, s3_op_put_object_retention),
    SERVE(PUT, OBJECT, "tagging", NULL, WRITE, s3_op_put_object_tagging),
    SERVE(PUT, OBJECT, "uploadId", "x-amz-copy-source", WRITE, s3_op_upload_part_copy),
    SERVE(PUT, OBJECT, "uploadId", NULL, WRITE, s3_op_upload_part),
    REFUSE(PUT, OBJECT, "partNumber", WRITE, INVALID_ARGUMENT), /* a part without its upload must not become the object */
    SERVE(PUT, OBJECT, NULL, "x-amz-copy-source", WRITE, s3_op_copy_object),
    SERVE(PUT, OBJECT, NULL, NULL, WRITE, s3_op_put_object),
    SERVE(POST, OBJECT, "uploads", NULL, WRITE, s3_op_create_upload),
    SERVE(POST, OBJECT, "uploadId", NULL, WRITE, s3_op_complete_upload),
    REFUSE(POST, OBJECT, "restore", WRITE, NOT_IMPLEMENTED),
    REFUSE(POST, OBJECT, "select", READ, NOT_IMPLEMENTED),
    SERVE(DELETE, OBJECT, "uploadId", NULL, WRITE, s3_op_abort_upload),
    REFUSE(DELETE, OBJECT, "annotation", WRITE, NOT_IMPLEMENTED),
    SERVE(DELETE, OBJECT, "tagging", NULL, WRITE, s3_op_delete_object_tagging),
    SERVE(DELETE, OBJECT, NULL, NULL, WRITE, s3_op_delete_object),

    /* Preflights carry no credentials: what they get is what the CORS rules tell everybody. */
    SERVE(OPTIONS, SERVICE, NULL, NULL, 0, s3_op_preflight),
    SERVE(OPTIONS, BUCKET, NULL, NULL, 0, s3_op_preflight),
    SERVE(OPTIONS, OBJECT, NULL, NULL, 0, s3_op_preflight),
};
/* clang-format on */

/* Nothing but this brings a request and a row together: a row without a parameter is for requests that select nothing. */
static bool operation_fits(const struct operation *operation, const struct s3_request *request,
                           enum s3_method method, const struct s3_selector *selector)
{
    if (operation->method != method || operation->resource != s3_resource_of(request))
        return false;
    if (selector == NULL ? operation->parameter != NULL
                         : operation->parameter == NULL || strcmp(operation->parameter, selector->name) != 0)
        return false;
    if (operation->beside != NULL && !s3_request_has(request, operation->beside))
        return false;
    return operation->header == NULL || s3_request_header(request, operation->header).base != NULL;
}

static const struct operation *find_operation(const struct s3_request *request, enum s3_method method,
                                              const struct s3_selector *selector)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (operation_fits(&operations[i], request, method, selector))
            return &operations[i];
    }
    return NULL;
}

static enum s3_error admit(struct s3_request *request, const struct operation *operation)
{
    enum s3_error error;

    if (operation->rights == 0)
        return S3_ERROR_NONE;
    if (operation->serve == s3_op_create_bucket)
        return s3_authorize_creation(request);
    error = s3_authorize_request(request, operation->parameter, operation->rights);
    /* A client may insist on whose bucket it talks to. */
    if (error == S3_ERROR_NONE &&
        !s3_authorize_expects(&request->bucket, s3_request_header(request, "x-amz-expected-bucket-owner")))
        return S3_ERROR_ACCESS_DENIED;
    return error;
}

/* A request that selects two operations means one of them at most: better none is done than the wrong one. */
static enum s3_error refuse_conflict(struct s3_request *request, const char *first, const char *second)
{
    struct slice message[] = {
        SLICE("Conflicting query string parameters: "),
        slice_text(first),
        SLICE(", "),
        slice_of(second, strlen(second) + 1),
    };

    s3_request_detail(request, "ArgumentName", SLICE("ResourceType"));
    s3_request_detail(request, "ArgumentValue", message[1]);
    s3_request_explain(request, S3_ERROR_INVALID_ARGUMENT,
                       arena_join(&request->http->arena, message, 4).base);
    return S3_ERROR_INVALID_ARGUMENT;
}

/* Only objects have versions, and what makes one cannot say which it will be: whoever names one there means something else. */
static bool takes_version(const struct operation *operation, const struct s3_selector *selector)
{
    if (operation->resource != S3_RESOURCE_OBJECT || operation->method == S3_OPTIONS)
        return operation->resource == S3_RESOURCE_SERVICE || operation->method == S3_OPTIONS;
    if (selector == NULL)
        return operation->method != S3_PUT && operation->method != S3_POST;
    return !selector->makes;
}

static enum s3_error refuse_version(struct s3_request *request, const struct operation *operation,
                                    const struct s3_selector *selector)
{
    const struct s3_parameter *version =
        request->parameter_count > 0 ? s3_request_parameter(request, "versionId") : NULL;

    if (version == NULL || takes_version(operation, selector))
        return S3_ERROR_NONE;
    s3_request_detail(request, "ArgumentName", SLICE("versionId"));
    s3_request_detail(request, "ArgumentValue", version->value);
    s3_request_explain(request, S3_ERROR_INVALID_ARGUMENT, "This operation does not accept a version-id.");
    return S3_ERROR_INVALID_ARGUMENT;
}

/* What is refused whatever stands in the request is no method that the resource has. */
static bool is_supported(const struct operation *operation)
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
        if (!is_supported(find_operation(request, method, selector)))
            continue;
        strcat(allow, allow[0] != '\0' ? ", " : "");
        strcat(allow, names[method]);
    }
    s3_answer_header_string(request, "allow", allow);
    s3_answer_error(request, S3_ERROR_METHOD_NOT_ALLOWED);
}

/* What speaks against the operation; S3_ERROR_NONE: it is to be served. operation NULL: the first of two has no row. */
static enum s3_error refuse(struct s3_request *request, const struct operation *operation,
                            const struct s3_selector *selector, const struct s3_selector *other,
                            const char **message)
{
    enum s3_error error = operation != NULL ? admit(request, operation) : S3_ERROR_NONE;

    if (error == S3_ERROR_NONE && other != NULL)
        error = refuse_conflict(request, selector->name, other->name);
    if (error == S3_ERROR_NONE)
        error = refuse_version(request, operation, selector);
    if (error == S3_ERROR_NONE)
        error = operation->refusal;
    if (error == S3_ERROR_NONE && operation->resource == S3_RESOURCE_OBJECT)
        error = s3_encryption_refuse(&request->http->headers,
                                     request->method == S3_GET || request->method == S3_HEAD, message);
    return error;
}

void s3_dispatch(struct s3_request *request)
{
    const struct s3_selector *other, *selector = s3_selector_find(request, request->method, &other);
    const struct operation *operation = find_operation(request, request->method, selector);
    const char *message = NULL;
    enum s3_error error;

    if (operation == NULL && other == NULL) {
        answer_method_not_allowed(request);
        return;
    }
    error = refuse(request, operation, selector, other, &message);
    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        operation->serve(request);
}

static struct s3_dispatch_row row_of(const struct operation *operation)
{
    return (struct s3_dispatch_row){
        .method = operation->method,
        .is_service = operation->resource == S3_RESOURCE_SERVICE,
        .is_object = operation->resource == S3_RESOURCE_OBJECT,
        .parameter = operation->parameter,
        .beside = operation->beside,
        .header = operation->header,
        .rights = operation->rights,
        .refusal = operation->refusal,
    };
}

bool s3_dispatch_row(size_t index, struct s3_dispatch_row *row)
{
    if (index >= sizeof(operations) / sizeof(operations[0]))
        return false;
    *row = row_of(&operations[index]);
    return true;
}

bool s3_dispatch_find(const struct s3_request *request, struct s3_dispatch_row *row)
{
    const struct s3_selector *other, *selector = s3_selector_find(request, request->method, &other);
    const struct operation *operation = find_operation(request, request->method, selector);

    if (other != NULL || operation == NULL)
        return false;
    *row = row_of(operation);
    return true;
}
