/* SPDX-License-Identifier: MIT
 *
 * CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation. Worker's thread.
 *
 * Creating a bucket that one owns already follows S3's documentation: in us-east-1 (this server's default
 * region) it is a success that changes nothing, elsewhere BucketAlreadyOwnedByYou. Scripts that say "aws s3
 * mb" twice rely on the former. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/s3/s3_attributes.h"
#include "api/s3/s3_body.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_service.h"
#include "api/s3/s3_text.h"

struct bucket_change {
    struct s3_request *request;
    struct core_change change;
    union {
        struct meta_bucket_create create;
        struct meta_bucket_delete delete;
    } op;
};

/* ---- CreateBucket ---- */

static void answer_created(struct s3_request *request)
{
    char *location = s3_request_alloc(request, request->bucket_name.len + 2);

    location[0] = '/';
    memcpy(location + 1, request->bucket_name.base, request->bucket_name.len);
    s3_answer_header_string(request, "location", location);
    s3_answer_empty(request, 200);
}

static void answer_exists(struct s3_request *request)
{
    struct meta_bucket bucket;
    int result = core_bucket_get(request->worker, s3_bytes(request->bucket_name), &bucket);

    if (result != 0)
        s3_answer_error(request, S3_ERROR_CONDITIONAL_REQUEST_CONFLICT); /* it was there a moment ago */
    else if (strcmp(bucket.owner, request->owner_id) != 0)
        s3_answer_error(request, S3_ERROR_BUCKET_ALREADY_EXISTS);
    else if (strcmp(s3_service_region(request->service), "us-east-1") == 0)
        answer_created(request);
    else
        s3_answer_error(request, S3_ERROR_BUCKET_ALREADY_OWNED_BY_YOU);
}

static void on_created(struct core_change *change)
{
    struct bucket_change *creation = change->ctx;
    int result = creation->op.create.op.result;

    if (result == 0)
        answer_created(creation->request);
    else if (result == META_E_BUCKET_EXISTS)
        answer_exists(creation->request);
    else
        s3_answer_result(creation->request, result);
}

static void create_bucket(struct s3_request *request)
{
    struct bucket_change *creation = s3_request_alloc(request, sizeof(*creation));
    struct meta_bucket *bucket = &creation->op.create.bucket;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    creation->request = request;
    creation->op.create.op.kind = META_OP_BUCKET_CREATE;
    memcpy(bucket->name, request->bucket_name.base, request->bucket_name.len);
    snprintf(bucket->region, sizeof(bucket->region), "%s", s3_service_region(request->service));
    snprintf(bucket->owner, sizeof(bucket->owner), "%s", request->owner_id);
    bucket->created_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    creation->change =
        (struct core_change){.op = &creation->op.create.op, .done = on_created, .ctx = creation};
    core_change_submit(request->worker, &creation->change);
}

struct bucket_configuration {
    struct s3_request *request;
    bool wrong_location, unsupported;
};

static int visit_configuration(void *ctx, const char *path, const char *text, size_t length)
{
    struct bucket_configuration *configuration = ctx;
    const char *region = s3_service_region(configuration->request->service);
    const char *at = strchr(path, '/');

    if (at == NULL)
        return 0;
    if (strcmp(at, "/LocationConstraint") != 0) /* the settings of directory buckets, and tags */
        configuration->unsupported = true;
    else if (length > 0 && !(length == strlen(region) && memcmp(text, region, length) == 0))
        configuration->wrong_location = true;
    return 0;
}

static void on_configuration(struct s3_request *request, enum s3_error error, h2o_iovec_t body, void *ctx)
{
    struct bucket_configuration configuration = {.request = request};

    if (error == S3_ERROR_NONE && body.len > 0 &&
        s3_xml_parse(body.base, body.len, "CreateBucketConfiguration", visit_configuration, &configuration) !=
            0)
        error = S3_ERROR_MALFORMED_XML;
    if (error == S3_ERROR_NONE && configuration.unsupported)
        error = S3_ERROR_NOT_IMPLEMENTED;
    if (error == S3_ERROR_NONE && configuration.wrong_location)
        error = S3_ERROR_ILLEGAL_LOCATION_CONSTRAINT;
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        create_bucket(request);
}

void s3_op_create_bucket(struct s3_request *request)
{
    enum s3_error error = s3_attributes_refuse(&request->http->headers);

    if (error == S3_ERROR_NONE &&
        s3_text_is(s3_request_header(request, "x-amz-bucket-object-lock-enabled"), "true"))
        error = S3_ERROR_NOT_IMPLEMENTED;
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_body_collect(request, S3_XML_BYTES_MAX, on_configuration, NULL);
}

/* ---- The others ---- */

void s3_op_head_bucket(struct s3_request *request)
{
    s3_answer_header_string(request, "x-amz-bucket-region", request->bucket.region);
    s3_answer_empty(request, 200);
}

static void on_deleted(struct core_change *change)
{
    struct bucket_change *deletion = change->ctx;
    int result = deletion->op.delete.op.result;

    if (result != 0)
        s3_answer_result(deletion->request, result);
    else
        s3_answer_empty(deletion->request, 204);
}

void s3_op_delete_bucket(struct s3_request *request)
{
    struct bucket_change *deletion = s3_request_alloc(request, sizeof(*deletion));

    deletion->request = request;
    deletion->op.delete.op.kind = META_OP_BUCKET_DELETE;
    deletion->op.delete.bucket = request->bucket.id;
    deletion->change =
        (struct core_change){.op = &deletion->op.delete.op, .done = on_deleted, .ctx = deletion};
    core_change_submit(request->worker, &deletion->change);
}

void s3_op_get_bucket_location(struct s3_request *request)
{
    struct s3_xml xml;
    /* us-east-1 is S3's oldest region and says nothing. */
    const char *region = strcmp(request->bucket.region, "us-east-1") == 0 ? "" : request->bucket.region;

    s3_xml_init(&xml, &request->http->pool);
    s3_xml_string(&xml, "LocationConstraint" S3_XMLNS, region);
    s3_answer_xml(request, 200, &xml);
}
