/* SPDX-License-Identifier: MIT
 *
 * ?sluice-expire: everything that a run of a build has stored goes by one request (core/expiry.h). Worker's thread. */
#include "api/core/expiry.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/clock.h"

#define OLDER_THAN_S_MAX 3155760000u /* a hundred years */

struct expiring {
    struct s3_request *request;
    struct core_expiry expiry;
};

static void on_ordered(struct core_expiry *expiry)
{
    struct expiring *expiring = expiry->ctx;

    if (expiry->result != 0)
        s3_answer_result(expiring->request, expiry->result);
    else
        s3_answer_empty(expiring->request, 202);
}

static enum s3_error read_tags(struct expiring *expiring, struct slice text)
{
    struct s3_tags tags = {.count = 0};
    struct s3_refusal refusal = {0};
    struct arena *arena = &expiring->request->http->arena;
    enum s3_error error = s3_tags_read_header(arena, text, &tags, &refusal);

    if (error != S3_ERROR_NONE)
        return s3_request_refused(expiring->request, error, &refusal);
    expiring->expiry.tags = s3_tags_pack(arena, &tags);
    return S3_ERROR_NONE;
}

static enum s3_error read_order(struct expiring *expiring)
{
    struct s3_request *request = expiring->request;
    struct slice prefix = s3_parameter_value(request, "prefix"),
                 tags = s3_parameter_value(request, "sluice-tags"),
                 age = s3_parameter_value(request, "sluice-older-than");
    uint64_t seconds = 0;

    if (prefix.len == 0 && tags.len == 0 && age.len == 0)
        return s3_request_argument(
            request, SLICE("sluice-expire"), slice_of(NULL, 0),
            "It takes a prefix, sluice-tags or sluice-older-than to say what is to expire.");
    if (prefix.len > META_KEY_BYTES_MAX)
        return S3_ERROR_KEY_TOO_LONG;
    if (age.base != NULL && s3_number_parse(age.base, age.len, OLDER_THAN_S_MAX, &seconds) != 0)
        return s3_request_argument(request, SLICE("sluice-older-than"), age,
                                   "It has to be a number of seconds.");
    expiring->expiry.prefix = prefix.base != NULL ? prefix : slice_of("", 0);
    expiring->expiry.until_ms = clock_real_ms() - (int64_t)seconds * 1000;
    return tags.len > 0 ? read_tags(expiring, tags) : S3_ERROR_NONE;
}

/* A policy may deny single keys, and nobody asks it in the background. */
static enum s3_error judge_policy(struct s3_request *request)
{
    const struct s3_policy *policy;

    if (s3_authorize_policy(request, request->bucket.id, &policy) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return policy == NULL || (s3_authorize_rights(request, &request->bucket) & S3_RIGHT_ADMIN) != 0
               ? S3_ERROR_NONE
               : S3_ERROR_ACCESS_DENIED;
}

void s3_op_expire_objects(struct s3_request *request)
{
    struct expiring *expiring = s3_request_alloc(request, sizeof(*expiring));
    enum s3_error error;

    expiring->request = request;
    expiring->expiry =
        (struct core_expiry){.bucket = request->bucket.id, .done = on_ordered, .ctx = expiring};
    if ((error = judge_policy(request)) != S3_ERROR_NONE || (error = read_order(expiring)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        core_expiry_order(request->worker, &expiring->expiry);
}

void s3_op_get_expiry(struct s3_request *request)
{
    struct s3_xml xml;
    uint32_t count;
    int result = core_expiry_count(request->worker, request->bucket.id, &count);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "Expiry" S3_XMLNS);
    s3_xml_unsigned(&xml, "Pending", count);
    s3_xml_close(&xml, "Expiry");
    s3_answer_xml(request, 200, &xml);
}
