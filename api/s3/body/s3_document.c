/* SPDX-License-Identifier: MIT
 *
 * Bodies that are documents, and the settings most of them become. Worker's thread. */
#include "api/s3/body/s3_document.h"

#include <string.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/body/s3_mismatch.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/text/base64.h"

enum s3_error s3_document_verify_md5(struct s3_request *request, struct slice body)
{
    struct slice text = s3_request_header(request, "content-md5");
    struct digest_values values;
    unsigned char md5[16];

    if (text.base == NULL)
        return S3_ERROR_NONE;
    if (base64_decode(text, md5, sizeof(md5)) != 0)
        return S3_ERROR_INVALID_DIGEST;
    if (digest_buffer(DIGEST_BIT(DIGEST_MD5), body.base, body.len, &values) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return memcmp(md5, values.value[DIGEST_MD5], sizeof(md5)) == 0
               ? S3_ERROR_NONE
               : s3_mismatch_md5(request, values.value[DIGEST_MD5]);
}

enum s3_error s3_document_verify(struct s3_request *request, struct slice body, const char **message)
{
    struct s3_checksum_claim claim;
    struct digest_values values;
    enum digest_kind digest;
    enum s3_error error;

    if ((error = s3_document_verify_md5(request, body)) != S3_ERROR_NONE ||
        (error = s3_checksum_claim_read(&request->http->headers, false, &claim, message)) != S3_ERROR_NONE ||
        claim.algorithm == S3_CHECKSUM_NONE)
        return error;
    if (claim.in_trailer)
        return S3_ERROR_NOT_IMPLEMENTED; /* no client sends XML so, and unverified it must not pass */
    digest = s3_checksum_digest(claim.algorithm);
    if (digest_buffer(DIGEST_BIT(digest), body.base, body.len, &values) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return memcmp(claim.value, values.value[digest], s3_checksum_bytes(claim.algorithm)) == 0
               ? S3_ERROR_NONE
               : s3_mismatch_checksum(request, s3_checksum_name(claim.algorithm));
}

static bool has_digest(const struct s3_request *request)
{
    if (s3_request_header(request, "content-md5").base != NULL)
        return true;
    for (enum s3_checksum_algorithm kind = S3_CHECKSUM_NONE + 1; kind < S3_CHECKSUM_COUNT; kind++)
        if (s3_request_header(request, s3_checksum_header(kind)).base != NULL)
            return true;
    return false;
}

bool s3_document_is_vouched(struct s3_request *request)
{
    if (!s3_body_is_announced(request))
        s3_answer_error(request, S3_ERROR_MISSING_CONTENT_LENGTH);
    else if (s3_service_is_open(request->service) && !has_digest(request))
        s3_answer_error_message(request, S3_ERROR_INVALID_REQUEST,
                                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    else
        return true;
    return false;
}

/* ---- Collecting ---- */

struct collecting {
    void (*done)(struct s3_request *request, struct slice body, void *ctx);
    void *ctx;
    enum s3_error empty;
};

static void on_collected(struct s3_request *request, enum s3_error error, struct slice body, void *ctx)
{
    struct collecting *collecting = ctx;
    const char *message = NULL;

    if (error == S3_ERROR_NONE && body.len == 0)
        error = collecting->empty;
    if (error == S3_ERROR_NONE)
        error = s3_document_verify(request, body, &message);
    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, message);
    else
        collecting->done(request, body, collecting->ctx);
}

void s3_document_collect(struct s3_request *request, size_t bytes_max,
                         void (*done)(struct s3_request *request, struct slice body, void *ctx), void *ctx)
{
    s3_document_collect_or(request, bytes_max, S3_ERROR_MISSING_REQUEST_BODY, done, ctx);
}

void s3_document_collect_or(struct s3_request *request, size_t bytes_max, enum s3_error empty,
                            void (*done)(struct s3_request *request, struct slice body, void *ctx), void *ctx)
{
    struct collecting *collecting = s3_request_alloc(request, sizeof(*collecting));

    if (!s3_body_is_announced(request)) {
        s3_answer_error(request, S3_ERROR_MISSING_CONTENT_LENGTH);
        return;
    }
    collecting->done = done;
    collecting->ctx = ctx;
    collecting->empty = empty;
    s3_body_collect(request, bytes_max, on_collected, collecting);
}

/* ---- Settings ---- */

struct setting {
    struct s3_request *request;
    struct core_change change;
    struct meta_setting_put op;
    void (*then)(struct s3_request *request, void *ctx);
    void *ctx;
};

static void on_setting_put(struct core_change *change)
{
    struct setting *setting = change->ctx;

    if (setting->op.op.result != 0)
        s3_answer_result(setting->request, setting->op.op.result);
    else
        setting->then(setting->request, setting->ctx);
}

void s3_setting_put_then(struct s3_request *request, enum meta_setting_kind kind, struct slice document,
                         void (*then)(struct s3_request *request, void *ctx), void *ctx)
{
    struct setting *setting = s3_request_alloc(request, sizeof(*setting));

    setting->request = request;
    setting->then = then;
    setting->ctx = ctx;
    setting->op = (struct meta_setting_put){
        .op.kind = META_OP_SETTING_PUT,
        .bucket = request->bucket.id,
        .kind = kind,
        .document = document,
    };
    setting->change = (struct core_change){.op = &setting->op.op, .done = on_setting_put, .ctx = setting};
    core_change_submit(request->worker, &setting->change);
}

static void answer_put(struct s3_request *request, void *ctx)
{
    s3_answer_empty(request, *(const int *)ctx);
}

void s3_setting_put(struct s3_request *request, enum meta_setting_kind kind, struct slice document,
                    int status)
{
    int *kept = s3_request_alloc(request, sizeof(*kept));

    *kept = status;
    s3_setting_put_then(request, kind, document, answer_put, kept);
}
