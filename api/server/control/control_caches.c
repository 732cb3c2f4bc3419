/* SPDX-License-Identifier: MIT
 *
 * The calls about cache buckets. */
#include "api/server/control/control_calls.h"

#include <errno.h>

#include "api/core/cache/cache.h"
#include "api/sluice.h"

static int on_cache(void *ctx, const struct core_cache_figures *figures)
{
    const struct control_asker *asker = ctx;
    char rules[CORE_CACHE_RULES_BYTES_MAX];

    (void)core_cache_rules_format(&figures->rules, rules);
    return asker->item(asker->ctx,
                       json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "bucket", figures->bucket,
                                 "rules", rules, "counted", (int)figures->is_whole, "entries",
                                 (json_int_t)figures->entries, "bytes", (json_int_t)figures->bytes, "hits",
                                 (json_int_t)figures->hits, "misses", (json_int_t)figures->misses,
                                 "evictions", (json_int_t)figures->evictions, "evicted_bytes",
                                 (json_int_t)figures->evicted_bytes));
}

json_t *control_call_cache_list(const struct control_subject *subject, json_t *request,
                                const struct control_asker *asker)
{
    int err = core_cache_list(subject->core, on_cache, (void *)asker);

    (void)request;
    return err != 0 ? control_refusal(err, NULL) : control_success(json_object());
}

json_t *control_call_cache_set(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker)
{
    struct core_cache_rules rules;
    const char *bucket, *text = NULL, *why;
    int err;

    if (json_unpack(request, "{s:s, s:s, s?s !}", "call", &bucket, "bucket", &bucket, "rules", &text) != 0)
        return control_refusal(-EINVAL, "expected: call, bucket, and rules, all of them texts");
    if (!sluice_bucket_name_is_valid(bucket))
        return control_refusal(SLUICE_E_BUCKET_NAME, NULL);
    if (text != NULL && core_cache_rules_parse(slice_text(text), &rules, &why) != 0)
        return control_refusal(-EINVAL, why);
    err = core_cache_set(subject->core, slice_text(bucket), text != NULL ? &rules : NULL);
    if (err != 0)
        return control_refusal(err, NULL);
    if (text != NULL)
        control_log(subject, asker, "%s is a cache: %s", bucket, text);
    else
        control_log(subject, asker, "%s is no cache any more", bucket);
    return control_success(json_object());
}
