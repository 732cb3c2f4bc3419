/* SPDX-License-Identifier: MIT
 *
 * POST /BUCKET?sluice-publish: the request and its answer. See publish.h. Worker's thread. */
#include "api/s3/body/s3_body.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/body/s3_stream.h"
#include "api/s3/publish/publish.h"
#include "api/s3/s3_operation.h"

void publish_answer(struct publishing *publishing)
{
    struct s3_request *request = publishing->request;
    struct s3_xml xml;

    publish_aim(request, slice_of(NULL, 0));
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "PublishResult" S3_XMLNS);
    s3_xml_unsigned(&xml, "Published", publishing->order.count);
    s3_xml_unsigned(&xml, "Removed", publishing->removed);
    s3_xml_close(&xml, "PublishResult");
    s3_answer_xml(request, 200, &xml);
}

/* What the document says that cannot be. */
static enum s3_error check_order(struct publishing *publishing)
{
    struct publish_order *order = &publishing->order;

    if (order->error != S3_ERROR_NONE)
        return order->error;
    if (order->count == 0 && order->prefix.base == NULL)
        return S3_ERROR_MALFORMED_XML;
    if (order->prefix.len > META_KEY_BYTES_MAX || order->pointer.len > META_KEY_BYTES_MAX)
        return S3_ERROR_KEY_TOO_LONG;
    if (order->if_none_match.base != NULL && !slice_is(order->if_none_match, "*")) {
        order->message = "IfNoneMatch is *.";
        return S3_ERROR_INVALID_ARGUMENT;
    }
    if (s3_write_condition_parse(&publishing->condition, order->if_match, order->if_none_match) != 0) {
        order->message = "The condition's ETag cannot be read.";
        return S3_ERROR_INVALID_ARGUMENT;
    }
    return S3_ERROR_NONE;
}

static void on_document(struct s3_request *request, enum s3_error error, const char *message, int result,
                        void *ctx)
{
    struct publish_reading *reading = ctx;
    struct publishing *publishing =
        (struct publishing *)((char *)reading->order - offsetof(struct publishing, order));

    if (error == S3_ERROR_NONE && result != 0)
        error = s3_error_of_xml(result);
    if (error == S3_ERROR_NONE) {
        error = check_order(publishing);
        message = publishing->order.message;
    }
    if (error == S3_ERROR_NONE)
        error = publish_judge_prefix(publishing);
    if (error == S3_ERROR_NONE)
        publish_run(publishing);
    else
        s3_answer_failure(request, error, message);
}

void s3_op_publish(struct s3_request *request)
{
    struct publishing *publishing = s3_request_alloc(request, sizeof(*publishing));
    struct publish_reading *reading = s3_request_alloc(request, sizeof(*reading));
    const struct s3_stream_reader reader = {
        .root = "Publish",
        .visit = publish_document_visit,
        .bytes_max = S3_PUBLISH_BYTES_MAX,
        .memory_max = S3_PUBLISH_BYTES_MAX,
        .has_checksum = true,
        .done = on_document,
        .ctx = reading,
    };

    if (!s3_document_is_vouched(request))
        return;
    publishing->request = request;
    *reading = (struct publish_reading){&publishing->order, &request->http->arena};
    s3_stream_document(request, &reader);
}
