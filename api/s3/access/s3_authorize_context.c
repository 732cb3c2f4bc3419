/* SPDX-License-Identifier: MIT
 *
 * The values of condition keys, made when a condition asks for them. Worker's thread. */
#include "api/s3/access/s3_authorize_context.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/operations.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/percent.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

#define VALUE_BYTES 64u

static const struct slice no_value = {NULL, 0};

static struct slice text_value(const char *text)
{
    return slice_text(text);
}

static struct slice number_value(struct s3_request *request, int64_t number)
{
    char *text = s3_request_alloc(request, VALUE_BYTES);

    return slice_of(text, (size_t)snprintf(text, VALUE_BYTES, "%lld", (long long)number));
}

static struct slice time_value(struct s3_request *request)
{
    char *text = s3_request_alloc(request, S3_TIME_ISO_BYTES + 1);

    s3_time_iso_format(clock_real_ms(), text);
    return text_value(text);
}

/* The client. What anybody but a trusted proxy claims in X-Forwarded-For is no proof of anything. */
static struct slice address_value(struct s3_request *request)
{
    struct sockaddr_storage address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    char *text = s3_request_alloc(request, VALUE_BYTES);
    const void *bytes = NULL;

    if (http_request_client(request->http, &address) == 0)
        return no_value;
    if (address.ss_family == AF_INET)
        bytes = &v4->sin_addr;
    else if (address.ss_family == AF_INET6)
        bytes = &v6->sin6_addr;
    if (bytes == NULL || inet_ntop(address.ss_family, bytes, text, VALUE_BYTES) == NULL)
        return no_value;
    return text_value(text);
}

static struct slice principal_value(const struct s3_request *request, enum s3_policy_key key)
{
    const struct s3_principal *principal;

    if (key == S3_KEY_PRINCIPAL_TYPE)
        return text_value(request->identity != NULL ? "User" : "Anonymous");
    if (request->identity == NULL)
        return no_value;
    principal = s3_identity_principal(request->identity);
    switch (key) {
    case S3_KEY_PRINCIPAL_ACCOUNT:
        return text_value(principal->account);
    case S3_KEY_PRINCIPAL_ARN:
        return text_value(principal->arn);
    case S3_KEY_USER_ID:
        return text_value(principal->id);
    default:
        return text_value(principal->name);
    }
}

/* Those that operations are about are the request's effective ones; no other is said but by its header. */
static struct slice header_value(struct s3_request *request, const char *name)
{
    enum s3_effective_name effective = s3_effective_find(slice_text(name));

    return effective != S3_EFFECTIVE_COUNT ? s3_request_effective(request, effective)
                                           : s3_request_header(request, name);
}

static struct slice parameter_value(const struct s3_authorize_context *context, const char *name)
{
    const struct s3_parameter *parameter;

    if (strcmp(name, "versionId") == 0) {
        char *text = s3_request_alloc(context->request, META_VERSION_TEXT_BYTES + 1);

        if (!context->access->object->has_version)
            return no_value;
        return slice_of(text, meta_version_format(&context->access->object->version, text));
    }
    if (context->access->prefix.base != NULL && strcmp(name, "prefix") == 0)
        return context->access->prefix;
    parameter = s3_request_parameter(context->request, name);
    return parameter != NULL ? parameter->value : no_value;
}

static struct slice signature_value(struct s3_request *request, enum s3_policy_key key)
{
    int64_t age_ms;

    if (request->identity == NULL)
        return no_value;
    switch (key) {
    case S3_KEY_AUTH_TYPE:
        if (request->method == S3_POST && s3_request_header(request, "authorization").len == 0 &&
            !request->is_presigned)
            return text_value("POST"); /* a form */
        return text_value(request->is_presigned ? "REST-QUERY-STRING" : "REST-HEADER");
    case S3_KEY_SIGNATURE_VERSION:
        if (!request->is_signed) /* Basic and Bearer sign nothing */
            return no_value;
        return text_value(request->is_signed_v2 ? "AWS" : S3_SIGV4_ALGORITHM);
    default:
        if (!request->is_signed)
            return no_value;
        if (request->signed_at_s == S3_SIGNED_AT_UNKNOWN) /* perhaps older than any that a policy allows */
            return number_value(request, INT64_MAX);
        age_ms = clock_real_ms() - request->signed_at_s * 1000;
        return number_value(request, age_ms > 0 ? age_ms : 0);
    }
}

/* ---- Tags of the request: of the body, or x-amz-tagging, a query string ---- */

static struct slice decode(struct s3_request *request, const char *text, size_t length)
{
    return percent_decode_in(&request->http->arena, slice_of(text, length), true);
}

/* The value of the tag, or with key NULL the key of tag number `index`. */
static struct slice body_tag(struct s3_request *request, struct slice packed, const char *key, size_t index)
{
    struct s3_tags *tags;

    if (key != NULL)
        return s3_tags_find(&request->http->arena, packed, text_value(key));
    tags = s3_request_alloc(request, sizeof(*tags));
    if (!s3_tags_unpack(&request->http->arena, packed, tags) || index >= tags->count)
        return no_value;
    return tags->list[index].key;
}

static struct slice header_tag(struct s3_request *request, const char *key, size_t index)
{
    struct slice list = s3_request_effective(request, S3_EFFECTIVE_TAGGING);
    const char *at = list.base, *end = list.base + list.len;

    while (list.base != NULL && at < end) {
        const char *amp = memchr(at, '&', (size_t)(end - at)), *stop = amp != NULL ? amp : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at)), *name_end = equals != NULL ? equals : stop;
        struct slice name = decode(request, at, (size_t)(name_end - at));

        if (key == NULL && name.base != NULL && index-- == 0)
            return name;
        if (key != NULL && name.base != NULL && slice_equals(name, text_value(key)))
            return equals != NULL ? decode(request, equals + 1, (size_t)(stop - equals - 1)) : text_value("");
        at = stop + 1;
    }
    return no_value;
}

static struct slice request_tag(const struct s3_authorize_context *context, const char *key, size_t index)
{
    return context->access->tags.base != NULL ? body_tag(context->request, context->access->tags, key, index)
                                              : header_tag(context->request, key, index);
}

/* ---- Tags of the object that is there ---- */

static struct slice existing_tag(struct s3_authorize_context *context, const char *key)
{
    struct s3_pinned *object = context->access->object;

    if (object->key.len == 0)
        return no_value;
    if (s3_pinned_judge(context->request, object, META_JUDGED_TAGS) != 0)
        context->failed = true;
    if (context->failed || object->judged.absent)
        return no_value;
    return s3_tags_find(&context->request->http->arena, object->judged.tags, text_value(key));
}

/* ---- The lock that the request puts on an object: of the body, or x-amz-object-lock-* ---- */

static struct slice lock_value(const struct s3_authorize_context *context, enum s3_effective_name name)
{
    const struct meta_lock *lock = context->access->lock;
    char *text;

    if (lock == NULL)
        return s3_request_effective(context->request, name);
    if (name == S3_EFFECTIVE_LOCK_HOLD)
        return context->access->action == S3_ACTION_PUT_OBJECT_LEGAL_HOLD
                   ? text_value(s3_lock_hold_name(lock->hold))
                   : no_value;
    if (lock->mode == META_LOCK_NONE)
        return no_value;
    if (name == S3_EFFECTIVE_LOCK_MODE)
        return text_value(s3_lock_mode_name(lock->mode));
    text = s3_request_alloc(context->request, S3_TIME_ISO_BYTES + 1);
    s3_time_iso_format(lock->until_ms, text);
    return text_value(text);
}

/* Whole days until the lock ends, a day that has begun counted. */
static struct slice lock_days_value(const struct s3_authorize_context *context)
{
    static const int64_t day_ms = INT64_C(86400000);
    struct slice until = lock_value(context, S3_EFFECTIVE_LOCK_UNTIL);
    int64_t until_ms, left_ms;

    if (until.base == NULL || s3_time_parse(until.base, until.len, &until_ms) != 0)
        return no_value;
    left_ms = until_ms - clock_real_ms();
    return number_value(context->request, left_ms > 0 ? (left_ms + day_ms - 1) / day_ms : 0);
}

/* ---- The call ---- */

struct slice s3_authorize_value(void *ctx, enum s3_policy_key key, const char *detail, size_t index)
{
    struct s3_authorize_context *context = ctx;
    struct s3_request *request = context->request;
    char *account;

    if (key == S3_KEY_REQUEST_TAG_KEYS)
        return request_tag(context, NULL, index);
    if (index > 0)
        return no_value;
    switch (key) {
    case S3_KEY_CURRENT_TIME:
        return time_value(request);
    case S3_KEY_EPOCH_TIME:
        return number_value(request, clock_real_ms() / 1000);
    case S3_KEY_PRINCIPAL_ACCOUNT:
    case S3_KEY_PRINCIPAL_ARN:
    case S3_KEY_PRINCIPAL_TYPE:
    case S3_KEY_USER_ID:
    case S3_KEY_USER_NAME:
        return principal_value(request, key);
    case S3_KEY_SECURE_TRANSPORT:
        return text_value(request->http->is_tls ? "true" : "false");
    case S3_KEY_SOURCE_IP:
        return address_value(request);
    case S3_KEY_REQUESTED_REGION:
        return text_value(s3_service_region(request->service));
    case S3_KEY_RESOURCE_ACCOUNT:
        account = s3_request_alloc(request, S3_ACCOUNT_TEXT_BYTES);
        s3_account_of_owner(context->access->object->bucket->owner,
                            strlen(context->access->object->bucket->owner), account);
        return text_value(account);
    case S3_KEY_HEADER:
        return header_value(request, detail);
    case S3_KEY_LOCK:
        return lock_value(context, s3_effective_find(slice_text(detail)));
    case S3_KEY_LOCK_DAYS:
        return lock_days_value(context);
    case S3_KEY_PARAMETER:
        return parameter_value(context, detail);
    case S3_KEY_AUTH_TYPE:
    case S3_KEY_SIGNATURE_VERSION:
    case S3_KEY_SIGNATURE_AGE:
        return signature_value(request, key);
    case S3_KEY_EXISTING_TAG:
        return existing_tag(context, detail);
    case S3_KEY_REQUEST_TAG:
        return request_tag(context, detail, 0);
    case S3_KEY_OBJECT_CREATION:
        return context->access->action != S3_ACTION_PUT_OBJECT
                   ? no_value
                   : text_value((request->operation->flags & S3_OPERATION_MAKES) != 0 ? "true" : "false");
    default:
        return no_value;
    }
}
