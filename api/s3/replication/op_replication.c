/* SPDX-License-Identifier: MIT
 *
 * Get, Put and DeleteBucketReplication. Worker's thread. */
#include <errno.h>
#include <stdlib.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/replication/s3_replication.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/clock.h"

#define COPIES                                                                                               \
    (meta_event_bit(META_EVENT_PUT) | meta_event_bit(META_EVENT_POST) | meta_event_bit(META_EVENT_COPY) |    \
     meta_event_bit(META_EVENT_COMPLETE) | meta_event_bit(META_EVENT_TAGS_PUT) |                             \
     meta_event_bit(META_EVENT_TAGS_DELETE))
#define DELETIONS (meta_event_bit(META_EVENT_DELETE) | meta_event_bit(META_EVENT_MARKER))

/* A document on its way; behind it the walks over what is there already, one target after the other. */
struct setting {
    struct s3_request *request;
    struct s3_replication replication;
    struct core_change change;
    struct meta_outbox_set op;
    struct meta_outbox_rule rules[META_OUTBOX_RULES_MAX];
    struct meta_outbox_note walk;
    unsigned walked; /* rules that were looked at for that */
};

void s3_op_get_replication(struct s3_request *request)
{
    struct slice stored, document;
    struct s3_xml xml;
    int64_t since_ms;
    int result = core_setting_read(request->worker, request->bucket.id, META_SETTING_REPLICATION, &stored);

    if (result == META_E_NO_SETTING) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_REPLICATION_CONFIGURATION);
        return;
    }
    if (result == 0 && !s3_replication_unpack(stored, &since_ms, &document)) {
        free((void *)stored.base);
        result = META_E_CORRUPT;
    }
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    xml.length = 0; /* it is stored as it is answered */
    s3_xml_plain(&xml, document.base, document.len);
    free((void *)stored.base);
    s3_answer_xml(request, 200, &xml);
}

/* ---- Setting ---- */

/* The target as rows have it. */
static struct slice row_name(struct s3_request *request, struct slice name)
{
    static const char kind[] = {META_OUTBOX_REPLICA};

    return arena_concat(&request->http->arena, slice_of(kind, sizeof(kind)), name);
}

static bool is_walked(const struct setting *setting, unsigned rule)
{
    for (unsigned i = 0; i < rule; i++)
        if (setting->replication.rules[i].copies_existing && setting->replication.rules[i].is_enabled &&
            slice_equals(setting->replication.rules[i].target, setting->replication.rules[rule].target))
            return true;
    return false;
}

static void walk_next(struct setting *setting);

static void on_walk_noted(struct core_change *change)
{
    struct setting *setting = change->ctx;

    if (setting->walk.op.result != 0)
        s3_answer_result(setting->request, setting->walk.op.result);
    else
        walk_next(setting);
}

static void walk_next(struct setting *setting)
{
    struct s3_request *request = setting->request;

    for (; setting->walked < setting->replication.count; setting->walked++) {
        const struct s3_replication_rule *rule = &setting->replication.rules[setting->walked];

        if (!rule->is_enabled || !rule->copies_existing || is_walked(setting, setting->walked))
            continue;
        setting->walked++;
        setting->walk = (struct meta_outbox_note){.op.kind = META_OP_OUTBOX_NOTE,
                                                  .bucket = request->bucket.id,
                                                  .target = row_name(request, rule->target),
                                                  .from = SLICE("")};
        setting->change =
            (struct core_change){.op = &setting->walk.op, .done = on_walk_noted, .ctx = setting};
        core_change_submit(request->worker, &setting->change);
        return;
    }
    s3_answer_empty(request, setting->op.count > 0 || setting->replication.count > 0 ? 200 : 204);
}

static void on_set(struct core_change *change)
{
    struct setting *setting = change->ctx;

    if (setting->op.op.result != 0)
        s3_answer_result(setting->request, setting->op.op.result);
    else
        walk_next(setting);
}

/* A rule for rows of each that is in force; of which rule there counts for an object, who copies asks again. */
static void add_rule(struct setting *setting, const struct s3_replication_rule *rule)
{
    struct meta_outbox_rule *row = &setting->rules[setting->op.count];

    if (!rule->is_enabled)
        return;
    *row = (struct meta_outbox_rule){.target = row_name(setting->request, rule->target),
                                     .events = COPIES | (rule->deletes ? DELETIONS : 0),
                                     .prefix = rule->prefix,
                                     .suffix = SLICE("")};
    setting->op.count++;
}

static void submit(struct setting *setting)
{
    struct s3_request *request = setting->request;
    struct s3_replication *replication = &setting->replication;
    struct s3_xml xml;

    setting->op = (struct meta_outbox_set){
        .op.kind = META_OP_OUTBOX_SET,
        .op.origin = s3_origin_always(request),
        .bucket = request->bucket.id,
        .document_kind = META_SETTING_REPLICATION,
        .rules_kind = META_SETTING_REPLICATION_RULES,
        .rules = setting->rules,
    };
    for (unsigned i = 0; i < replication->count; i++)
        add_rule(setting, &replication->rules[i]);
    if (replication->count > 0) {
        s3_xml_init(&xml, &request->http->arena);
        s3_replication_write(&xml, replication);
        setting->op.document =
            s3_replication_pack(&request->http->arena, clock_real_ms(), slice_of(xml.data, xml.length));
    }
    setting->change = (struct core_change){.op = &setting->op.op, .done = on_set, .ctx = setting};
    core_change_submit(request->worker, &setting->change);
}

/* By the user's name, or by the access key of one who has none. */
static bool may_use(struct s3_request *request, struct slice target)
{
    const struct s3_identity *identity = request->identity;
    const char *label = identity != NULL ? s3_identity_label(identity) : "";
    const char *key = identity != NULL ? s3_identity_access_key(identity) : NULL;
    struct s3_service *service = request->service;

    return s3_service_may_replicate(service, target, request->bucket_name, slice_text(label)) ||
           (key != NULL && s3_service_may_replicate(service, target, request->bucket_name, slice_text(key)));
}

/* The targets that it names are there, and bucket and user may use them. */
static enum s3_error judge_targets(struct s3_request *request, const struct s3_replication *replication)
{
    for (unsigned i = 0; i < replication->count; i++) {
        const struct s3_replication_rule *rule = &replication->rules[i];

        if (rule->target.base == NULL || rule->bucket.len == 0 || !may_use(request, rule->target))
            return s3_request_argument(
                request, SLICE("Destination.Bucket"), rule->arn,
                "The destination names no target of this server's configuration that the "
                "bucket and the user may use");
    }
    return S3_ERROR_NONE;
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct slice region = slice_text(s3_service_region(request->service));
    struct setting *setting = s3_request_alloc(request, sizeof(*setting));
    struct s3_replication_fault fault;
    enum s3_error error =
        s3_replication_read(&request->http->arena, body, region, &setting->replication, &fault);

    setting->request = request;
    if (error == S3_ERROR_INVALID_ARGUMENT)
        error = s3_request_argument(request, fault.argument, fault.value, fault.message);
    else if (error == S3_ERROR_NONE)
        error = judge_targets(request, &setting->replication);
    if (error == S3_ERROR_NONE)
        submit(setting);
    else
        s3_answer_failure(request, error, error == S3_ERROR_INVALID_ARGUMENT ? NULL : fault.message);
}

void s3_op_put_replication(struct s3_request *request)
{
    s3_document_collect(request, S3_REPLICATION_BYTES_MAX, on_document, NULL);
}

void s3_op_delete_replication(struct s3_request *request)
{
    struct setting *setting = s3_request_alloc(request, sizeof(*setting));

    setting->request = request;
    submit(setting);
}
