/* SPDX-License-Identifier: MIT
 *
 * Get and PutBucketNotificationConfiguration. Worker's thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/events/events.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/notification/s3_notification.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"

struct setting {
    struct s3_request *request;
    struct core_change change;
    struct meta_outbox_set op;
    struct meta_outbox_rule rules[META_OUTBOX_RULES_MAX];
};

void s3_op_get_notification(struct s3_request *request)
{
    const struct s3_notification none = {0};
    struct slice document;
    struct s3_xml xml;
    int result = core_setting_read(request->worker, request->bucket.id, META_SETTING_NOTIFICATION, &document);

    if (result != 0 && result != META_E_NO_SETTING) {
        s3_answer_result(request, result);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    if (result == 0) { /* it is stored as it is answered */
        xml.length = 0;
        s3_xml_plain(&xml, document.base, document.len);
        free((void *)document.base);
    } else {
        s3_notification_write(&xml, &none);
    }
    s3_answer_xml(request, 200, &xml);
}

static void on_set(struct core_change *change)
{
    struct setting *setting = change->ctx;

    if (setting->op.op.result != 0)
        s3_answer_result(setting->request, setting->op.op.result);
    else
        s3_answer_empty(setting->request, 200);
}

/* By the user's name, or by the access key of one who has none. */
static bool may_use(struct s3_request *request, struct events *events, struct slice target)
{
    const struct s3_identity *identity = request->identity;
    const char *label = identity != NULL ? s3_identity_label(identity) : "";
    const char *key = identity != NULL ? s3_identity_access_key(identity) : NULL;

    return events_may_use(events, target, request->bucket_name, slice_text(label)) ||
           (key != NULL && events_may_use(events, target, request->bucket_name, slice_text(key)));
}

/* The targets that it names are there, and bucket and user may use them. Else InvalidArgument, as S3 says it of queues that it cannot send to. */
static enum s3_error judge_targets(struct s3_request *request, const struct s3_notification *notification)
{
    struct events *events = s3_service_events(request->service);

    for (unsigned i = 0; i < notification->count; i++) {
        const struct s3_notification_rule *rule = &notification->rules[i];

        if (rule->target.base == NULL || events == NULL || !may_use(request, events, rule->target))
            return s3_request_argument(request, rule->arn,
                                       slice_text("The destination does not exist, or may not be used"),
                                       "Unable to validate the following destination configurations");
    }
    return S3_ERROR_NONE;
}

static struct slice target_name(struct s3_request *request, struct slice name)
{
    static const char kind[] = {META_OUTBOX_WEBHOOK};

    return arena_concat(&request->http->arena, slice_of(kind, sizeof(kind)), name);
}

static bool skips_test(const struct s3_request *request)
{
    return slice_is_nocase(s3_request_header(request, "x-amz-skip-destination-validation"), "true");
}

static void submit(struct s3_request *request, const struct s3_notification *notification)
{
    struct setting *setting = s3_request_alloc(request, sizeof(*setting));
    struct s3_xml xml;

    setting->request = request;
    setting->op = (struct meta_outbox_set){
        .op.kind = META_OP_OUTBOX_SET,
        .op.origin = s3_origin_always(request),
        .bucket = request->bucket.id,
        .document_kind = META_SETTING_NOTIFICATION,
        .rules_kind = META_SETTING_NOTIFICATION_RULES,
        .rules = setting->rules,
        .count = notification->count,
        .tells = !skips_test(request),
    };
    for (unsigned i = 0; i < notification->count; i++) {
        const struct s3_notification_rule *rule = &notification->rules[i];
        setting->rules[i] = (struct meta_outbox_rule){.target = target_name(request, rule->target),
                                                      .id = rule->id,
                                                      .events = rule->bits,
                                                      .prefix = rule->prefix,
                                                      .suffix = rule->suffix};
    }
    if (notification->count > 0) {
        s3_xml_init(&xml, &request->http->arena);
        s3_notification_write(&xml, notification);
        setting->op.document = slice_of(xml.data, xml.length);
    }
    setting->change = (struct core_change){.op = &setting->op.op, .done = on_set, .ctx = setting};
    core_change_submit(request->worker, &setting->change);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct slice region = slice_text(s3_service_region(request->service));
    struct s3_notification_fault fault;
    struct s3_notification notification;
    enum s3_error error = s3_notification_read(&request->http->arena, body, region, &notification, &fault);

    if (error == S3_ERROR_INVALID_ARGUMENT)
        error = s3_request_argument(request, fault.argument, fault.value, fault.message);
    else if (error == S3_ERROR_NONE)
        error = judge_targets(request, &notification);
    if (error != S3_ERROR_NONE)
        s3_answer_failure(request, error, NULL);
    else
        submit(request, &notification);
}

void s3_op_put_notification(struct s3_request *request)
{
    s3_document_collect(request, S3_NOTIFICATION_BYTES_MAX, on_document, NULL);
}
