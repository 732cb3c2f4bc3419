/* SPDX-License-Identifier: MIT
 *
 * The calls about what buckets hold and may hold. */
#include "api/server/control/control_calls.h"

#include <errno.h>

#include "api/core/core.h"
#include "api/core/quota.h"
#include "api/sluice.h"

/* "objects", "versions" ...: each kind's count and bytes. */
static json_t *kinds_pack(const struct meta_usage *usage)
{
    static const char *const names[META_USAGE_KINDS] = {"objects", "versions",    "markers", "uploads",
                                                        "parts",   "annotations", "staged"};
    json_t *kinds = json_object();

    for (int kind = 0; kind < META_USAGE_KINDS && kinds != NULL; kind++)
        if (json_object_set_new(kinds, names[kind],
                                json_pack("{s:I, s:I}", "count", (json_int_t)usage->kinds[kind].count,
                                          "bytes", (json_int_t)usage->kinds[kind].bytes)) != 0) {
            json_decref(kinds);
            return NULL;
        }
    return kinds;
}

static int on_usage(void *ctx, const struct meta_usage *usage)
{
    const struct control_asker *asker = ctx;
    char quota[CORE_QUOTA_BYTES_MAX];

    core_quota_format(&usage->quota, quota);
    return asker->item(
        asker->ctx, json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "bucket", usage->name, "owner", usage->owner,
                              "quota", quota, "objects", (json_int_t)meta_usage_objects(usage), "bytes",
                              (json_int_t)meta_usage_bytes(usage), "kinds", kinds_pack(usage)));
}

json_t *control_call_usage(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker)
{
    int err = core_usage_each(subject->core, on_usage, (void *)asker);

    (void)request;
    return err != 0 ? control_refusal(err, NULL)
                    : control_success(
                          json_pack("{s:b}", "counted", (int)meta_usage_is_whole(core_meta(subject->core))));
}

json_t *control_call_quota_set(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker)
{
    const char *bucket, *text, *why;
    struct meta_quota quota;
    int err;

    if (json_unpack(request, "{s:s, s:s, s:s !}", "call", &bucket, "bucket", &bucket, "quota", &text) != 0)
        return control_refusal(-EINVAL, "expected: call, bucket and quota, all of them texts");
    if (!sluice_bucket_name_is_valid(bucket))
        return control_refusal(SLUICE_E_BUCKET_NAME, NULL);
    if (core_quota_parse(slice_text(text), ' ', &quota, &why) != 0)
        return control_refusal(-EINVAL, why);
    if ((err = core_quota_set(subject->core, slice_text(bucket), &quota)) != 0)
        return control_refusal(err, NULL);
    control_log(subject, asker, "the quota of %s is %s", bucket, text);
    return control_success(json_object());
}

json_t *control_call_recount(const struct control_subject *subject, json_t *request,
                             const struct control_asker *asker)
{
    int err = core_usage_recount(subject->core);

    (void)request;
    if (err != 0)
        return control_refusal(err, NULL);
    control_log(subject, asker, "what the buckets hold is counted anew");
    return control_success(json_object());
}
