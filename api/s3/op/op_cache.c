/* SPDX-License-Identifier: MIT
 *
 * ?sluice-cache: the rules of a cache bucket, as a document in the manner of S3's. They are carried out by the core (core/cache.h).
 * Worker's thread. */
#include <errno.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "storage/base/slice.h"

#define STATE_MESSAGE "A bucket that keeps versions cannot be a cache"

struct cache_change {
    struct s3_request *request;
    struct core_change change;
    struct core_cache_set set;
    struct core_cache_rules rules;
    int status;
};

/* ---- The document ---- */

void s3_op_get_bucket_cache(struct s3_request *request)
{
    const struct core_cache_rules *rules;
    struct s3_xml xml;
    int result = core_cache_rules_get(request->worker, request->bucket.id, &rules);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (rules == NULL) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "CacheConfiguration" S3_XMLNS);
    if (rules->bytes_max != 0)
        s3_xml_unsigned(&xml, "MaxSize", rules->bytes_max);
    if (rules->age_max_s != 0)
        s3_xml_unsigned(&xml, "MaxAge", rules->age_max_s);
    if (rules->object_bytes_max != 0)
        s3_xml_unsigned(&xml, "MaxObjectSize", rules->object_bytes_max);
    s3_xml_unsigned(&xml, "UseStep", rules->use_step_s);
    s3_xml_bool(&xml, "WriteOnce", rules->write_once);
    s3_xml_close(&xml, "CacheConfiguration");
    s3_answer_xml(request, 200, &xml);
}

/* An element says what a word of the rules says, and is read as that. */
static int take(struct cache_change *change, const char *word, struct slice value)
{
    struct core_cache_rules one;
    struct slice text;
    const char *why;

    text = arena_concat(&change->request->http->arena, slice_text(word), slice_trim(value));
    if (memchr(text.base, ' ', text.len) != NULL || core_cache_rules_parse(text, &one, &why) != 0)
        return -1;
    if (one.bytes_max != 0)
        change->rules.bytes_max = one.bytes_max;
    else if (one.age_max_s != 0)
        change->rules.age_max_s = one.age_max_s;
    else if (one.object_bytes_max != 0)
        change->rules.object_bytes_max = one.object_bytes_max;
    else
        change->rules.use_step_s = one.use_step_s;
    return 0;
}

static int visit_cache(void *ctx, const char *path, const char *text, size_t length)
{
    static const struct {
        const char *path, *word;
    } elements[] = {{"CacheConfiguration/MaxSize", "max-size="},
                    {"CacheConfiguration/MaxAge", "max-age="},
                    {"CacheConfiguration/MaxObjectSize", "max-object="},
                    {"CacheConfiguration/UseStep", "use-step="}};
    struct cache_change *change = ctx;
    struct slice value = slice_of(text, length);

    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
        if (strcmp(path, elements[i].path) == 0)
            return take(change, elements[i].word, value);
    if (strcmp(path, "CacheConfiguration/WriteOnce") == 0) {
        change->rules.write_once = slice_is_nocase(value, "true");
        return change->rules.write_once || slice_is_nocase(value, "false") ? 0 : -1;
    }
    return strcmp(path, "CacheConfiguration") == 0 ? 0 : -1;
}

/* ---- The change ---- */

static void on_cache_set(struct core_change *done)
{
    struct cache_change *change = done->ctx;
    int result = change->set.op.op.result;

    if (result != 0) {
        s3_answer_result(change->request, result);
        return;
    }
    core_cache_changed(core_worker_core(change->request->worker));
    s3_answer_empty(change->request, change->status);
}

static void submit(struct cache_change *change, const struct core_cache_rules *rules, int status)
{
    struct s3_request *request = change->request;

    s3_request_explain(request, S3_ERROR_INVALID_BUCKET_STATE, STATE_MESSAGE);
    core_cache_set_fill(&change->set, request->bucket.id, rules);
    change->status = status;
    change->change = (struct core_change){.op = &change->set.op.op, .done = on_cache_set, .ctx = change};
    core_change_submit(request->worker, &change->change);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct cache_change *change = ctx;

    int result = s3_xml_parse(body.base, body.len, "CacheConfiguration", visit_cache, change);

    if (result != 0)
        s3_answer_error(request, s3_error_of_xml(result));
    else
        submit(change, &change->rules, 200);
}

void s3_op_put_bucket_cache(struct s3_request *request)
{
    struct cache_change *change = s3_request_alloc(request, sizeof(*change));

    change->request = request;
    change->rules.use_step_s = CORE_CACHE_USE_STEP_S_DEFAULT;
    s3_document_collect(request, S3_XML_BYTES_MAX, on_document, change);
}

void s3_op_delete_bucket_cache(struct s3_request *request)
{
    struct cache_change *change = s3_request_alloc(request, sizeof(*change));

    change->request = request;
    submit(change, NULL, 204);
}
