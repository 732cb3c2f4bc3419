/* SPDX-License-Identifier: MIT
 *
 * Get and Put of ObjectLockConfiguration, ObjectRetention and ObjectLegalHold. What a lock forbids is decided
 * in the transaction that deletes or changes it. Worker's thread. */
#include <string.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/text/s3_time.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

/* ---- The bucket's configuration ---- */

void s3_op_get_object_lock(struct s3_request *request)
{
    const struct s3_lock_configuration *configuration;
    int result = s3_lock_configuration_get(request, &configuration);
    struct s3_xml xml;

    if (result != 0 || configuration == NULL) {
        s3_answer_error(request, result != 0 ? s3_error_of_result(result)
                                             : S3_ERROR_NO_SUCH_OBJECT_LOCK_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "ObjectLockConfiguration" S3_XMLNS);
    s3_xml_string(&xml, "ObjectLockEnabled", "Enabled");
    if (configuration->mode != META_LOCK_NONE) {
        s3_xml_open(&xml, "Rule");
        s3_xml_open(&xml, "DefaultRetention");
        s3_xml_string(&xml, "Mode", s3_lock_mode_name(configuration->mode));
        s3_xml_unsigned(&xml, configuration->in_years ? "Years" : "Days", configuration->count);
        s3_xml_close(&xml, "DefaultRetention");
        s3_xml_close(&xml, "Rule");
    }
    s3_xml_close(&xml, "ObjectLockConfiguration");
    s3_answer_xml(request, 200, &xml);
}

struct configuration_reading {
    struct s3_lock_configuration configuration;
    bool enabled, has_rule, has_days, has_years;
    const char *message; /* what is wrong with a value: InvalidArgument */
};

static int read_period(struct configuration_reading *reading, struct slice text, uint32_t max)
{
    uint64_t value;

    if (s3_number_parse(text.base, text.len, INT32_MAX, &value) != 0)
        return -1;
    if (value == 0)
        reading->message = "Default retention period must be a positive integer value.";
    else if (value > max)
        reading->message = "Default retention period too large";
    reading->configuration.count = (uint32_t)value;
    return 0;
}

static int visit_configuration(void *ctx, const char *path, const char *text, size_t length)
{
    struct configuration_reading *reading = ctx;
    struct slice value = slice_of(text, length);

    if (strcmp(path, "ObjectLockConfiguration/ObjectLockEnabled") == 0) {
        reading->enabled = slice_equals(value, SLICE("Enabled"));
        return reading->enabled ? 0 : -1;
    }
    if (strcmp(path, "ObjectLockConfiguration/Rule/DefaultRetention/Mode") == 0) {
        reading->configuration.mode = s3_lock_mode_parse(value);
        return reading->configuration.mode != META_LOCK_NONE ? 0 : -1;
    }
    if (strcmp(path, "ObjectLockConfiguration/Rule/DefaultRetention/Days") == 0) {
        reading->has_days = true;
        return read_period(reading, value, S3_LOCK_DAYS_MAX);
    }
    if (strcmp(path, "ObjectLockConfiguration/Rule/DefaultRetention/Years") == 0) {
        reading->has_years = reading->configuration.in_years = true;
        return read_period(reading, value, S3_LOCK_YEARS_MAX);
    }
    if (strcmp(path, "ObjectLockConfiguration/Rule") == 0)
        reading->has_rule = true;
    return 0;
}

static bool configuration_is_whole(const struct configuration_reading *reading)
{
    if (!reading->enabled)
        return false;
    if (!reading->has_rule)
        return true;
    return reading->configuration.mode != META_LOCK_NONE && reading->has_days != reading->has_years;
}

static void on_configuration(struct s3_request *request, struct slice body, void *ctx)
{
    struct configuration_reading reading = {0};

    int result = s3_xml_parse(body.base, body.len, "ObjectLockConfiguration", visit_configuration, &reading);

    if (result != 0 || !configuration_is_whole(&reading)) {
        s3_answer_error(request, s3_error_of_xml(result));
        return;
    }
    if (reading.message != NULL) {
        s3_answer_error(request,
                        s3_request_argument(request, reading.has_days ? SLICE("Days") : SLICE("Years"),
                                            slice_of(NULL, 0), reading.message));
        return;
    }
    /* Refused by the change, in its transaction, where versioning is not enabled. */
    s3_request_explain(request, S3_ERROR_INVALID_BUCKET_STATE,
                       "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
    s3_setting_put(request, META_SETTING_OBJECT_LOCK,
                   s3_lock_configuration_pack(&reading.configuration,
                                              s3_request_alloc(request, S3_LOCK_CONFIGURATION_BYTES)),
                   200);
}

void s3_op_put_object_lock(struct s3_request *request)
{
    s3_document_collect(request, S3_XML_BYTES_MAX, on_configuration, NULL);
}

/* ---- One version's retention and legal hold ---- */

/* Whether the bucket has object lock; answers when it has not. */
static bool bucket_has_lock(struct s3_request *request)
{
    const struct s3_lock_configuration *configuration;
    int result = s3_lock_configuration_get(request, &configuration);

    if (result == 0 && configuration != NULL)
        return true;
    s3_answer_error(request, result != 0 ? s3_error_of_result(result) : S3_ERROR_OBJECT_LOCK_MISSING);
    return false;
}

/* The lock of the version that the request names. Answers what is wrong itself and returns -1. */
static int read_lock(struct s3_request *request, struct meta_lock *lock)
{
    const struct meta_object *object;
    struct core_get *get;
    int result;

    if (!bucket_has_lock(request) || s3_version_head(request, &get, &object) != 0)
        return -1;
    result = meta_lock_unpack(s3_attribute_get(&object->attributes, META_ATTRIBUTE_LOCK), lock);
    core_get_end(get);
    if (result != 0)
        s3_answer_result(request, result);
    return result == 0 ? 0 : -1;
}

void s3_op_get_object_retention(struct s3_request *request)
{
    char date[S3_TIME_ISO_BYTES + 1];
    struct meta_lock lock;
    struct s3_xml xml;

    if (read_lock(request, &lock) != 0)
        return;
    if (lock.mode == META_LOCK_NONE) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_OBJECT_LOCK);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "Retention" S3_XMLNS);
    s3_xml_string(&xml, "Mode", s3_lock_mode_name(lock.mode));
    s3_time_iso_format(lock.until_ms, date); /* to the millisecond: put back, it is no shorter */
    s3_xml_text(&xml, "RetainUntilDate", date, S3_TIME_ISO_BYTES);
    s3_xml_close(&xml, "Retention");
    s3_answer_xml(request, 200, &xml);
}

void s3_op_get_object_legal_hold(struct s3_request *request)
{
    struct meta_lock lock;
    struct s3_xml xml;

    if (read_lock(request, &lock) != 0)
        return;
    if (lock.hold == META_HOLD_NEVER) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_OBJECT_LOCK);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "LegalHold" S3_XMLNS);
    s3_xml_string(&xml, "Status", s3_lock_hold_name(lock.hold));
    s3_xml_close(&xml, "LegalHold");
    s3_answer_xml(request, 200, &xml);
}

struct lock_change {
    struct s3_request *request;
    struct core_change change;
    struct meta_object_lock op;
    struct s3_version version;
    bool has_mode, has_date, has_status;
    enum s3_error (*judge)(struct lock_change *lock); /* who may put what the document says on the object */
};

static void lock_judge_again(struct lock_change *lock);

static void on_locked(struct core_change *change)
{
    struct lock_change *lock = change->ctx;
    struct s3_request *request = lock->request;

    if (lock->op.op.result == META_E_JUDGED) {
        lock_judge_again(lock);
        return;
    }
    if (lock->op.op.result != 0) {
        s3_version_answer_change_failure(request, &lock->version, lock->op.op.result);
        return;
    }
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &lock->op.locked);
    s3_answer_empty(request, 200);
}

static void lock_submit(struct lock_change *lock)
{
    struct s3_request *request = lock->request;

    s3_pinned_end(&request->pinned);
    lock->op.op.kind = META_OP_OBJECT_LOCK;
    lock->op.bucket = request->bucket.id;
    lock->op.key = request->key;
    lock->op.version = s3_version_wanted(&lock->version);
    lock->op.judged = s3_pinned_judged(&request->pinned);
    lock->change = (struct core_change){.op = &lock->op.op, .done = on_locked, .ctx = lock};
    core_change_submit(request->worker, &lock->change);
}

static void lock_judge_again(struct lock_change *lock)
{
    enum s3_error error = s3_authorize_begin_again(lock->request);

    if (error == S3_ERROR_NONE)
        error = lock->judge(lock);
    if (error == S3_ERROR_NONE)
        lock_submit(lock);
    else
        s3_answer_error(lock->request, error);
}

/* Policies may speak of the lock, which s3_dispatch did not know yet. Only who gets through here is told anything of the bucket or
 * the object. Who may write may protect more, but neither less nor for good. */
static enum s3_error lock_authorize(struct lock_change *lock, enum s3_action action)
{
    bool is_final = lock->op.lock.mode == META_LOCK_COMPLIANCE || lock->op.lock.hold == META_HOLD_OFF;
    struct s3_request *request = lock->request;
    struct s3_access access = {
        .object = &request->pinned,
        .action = action,
        .rights = S3_RIGHT_WRITE | (is_final ? S3_RIGHT_LOCK : 0u),
        .lock = &lock->op.lock,
    };

    return s3_authorize_access(request, &access);
}

static int visit_retention(void *ctx, const char *path, const char *text, size_t length)
{
    struct lock_change *lock = ctx;

    if (strcmp(path, "Retention/Mode") == 0) {
        lock->has_mode = true;
        lock->op.lock.mode = s3_lock_mode_parse(slice_of(text, length));
        return lock->op.lock.mode != META_LOCK_NONE ? 0 : -1;
    }
    if (strcmp(path, "Retention/RetainUntilDate") == 0) {
        lock->has_date = true;
        if (s3_time_parse(text, length, &lock->op.lock.until_ms) != 0)
            return -1;
    }
    return 0;
}

static enum s3_error judge_retention(struct lock_change *lock)
{
    enum s3_error error = lock_authorize(lock, S3_ACTION_PUT_OBJECT_RETENTION);

    return error == S3_ERROR_NONE ? s3_lock_bypass(lock->request, &lock->request->pinned, &lock->op.lock,
                                                   &lock->op.bypass_governance)
                                  : error;
}

static void refuse_date(struct s3_request *request, int64_t until_ms)
{
    char text[S3_TIME_ISO_BYTES + 1];

    s3_time_iso_format(until_ms, text);
    s3_answer_error(request, s3_request_argument(request, SLICE("RetainUntilDate"),
                                                 arena_dup_text(&request->http->arena, text),
                                                 "The retain until date must be in the future!"));
}

static void on_retention(struct s3_request *request, struct slice body, void *ctx)
{
    struct lock_change *lock = ctx;
    enum s3_error error = S3_ERROR_NONE;

    /* An empty document takes the retention away, where it may be. */
    int result = s3_xml_parse(body.base, body.len, "Retention", visit_retention, lock);
    if (result != 0 || lock->has_mode != lock->has_date)
        error = s3_error_of_xml(result);
    if (error == S3_ERROR_NONE)
        error = judge_retention(lock);
    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (!bucket_has_lock(request))
        return;
    if (lock->has_date && lock->op.lock.until_ms <= clock_real_ms() / 1000 * 1000) {
        refuse_date(request, lock->op.lock.until_ms);
        return;
    }
    lock->judge = judge_retention;
    lock->op.sets_retention = true;
    lock_submit(lock);
}

static int visit_legal_hold(void *ctx, const char *path, const char *text, size_t length)
{
    struct lock_change *lock = ctx;

    if (strcmp(path, "LegalHold/Status") != 0)
        return 0;
    lock->has_status = true;
    lock->op.lock.hold = s3_lock_hold_parse(slice_of(text, length));
    return lock->op.lock.hold != META_HOLD_NEVER ? 0 : -1;
}

static enum s3_error judge_legal_hold(struct lock_change *lock)
{
    return lock_authorize(lock, S3_ACTION_PUT_OBJECT_LEGAL_HOLD);
}

static void on_legal_hold(struct s3_request *request, struct slice body, void *ctx)
{
    struct lock_change *lock = ctx;
    enum s3_error error;

    int result = s3_xml_parse(body.base, body.len, "LegalHold", visit_legal_hold, lock);

    if (result != 0 || !lock->has_status) {
        s3_answer_error(request, s3_error_of_xml(result));
        return;
    }
    if ((error = judge_legal_hold(lock)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (!bucket_has_lock(request))
        return;
    lock->judge = judge_legal_hold;
    lock->op.sets_hold = true;
    lock_submit(lock);
}

static void put_lock(struct s3_request *request, enum s3_error empty,
                     void (*done)(struct s3_request *request, struct slice body, void *ctx))
{
    struct lock_change *lock = s3_request_alloc(request, sizeof(*lock));
    enum s3_error error = s3_version_read(request, &lock->version);

    lock->request = request;
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_document_collect_or(request, S3_XML_BYTES_MAX, empty, done, lock);
}

void s3_op_put_object_retention(struct s3_request *request)
{
    put_lock(request, S3_ERROR_MISSING_REQUEST_BODY, on_retention);
}

void s3_op_put_object_legal_hold(struct s3_request *request)
{
    put_lock(request, S3_ERROR_MALFORMED_XML, on_legal_hold);
}
