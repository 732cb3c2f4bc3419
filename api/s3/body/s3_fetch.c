/* SPDX-License-Identifier: MIT
 *
 * See s3_fetch.h. */
#include "api/s3/body/s3_fetch.h"

#include <errno.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/operations.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/owner.h"

struct waiting {
    struct s3_fetch fetch;
    struct s3_request *request;
    void (*again)(struct s3_request *request);
};

/* The rows of the table that are served by op_get.c. */
static bool is_plain_read(const struct s3_operation *operation)
{
    return operation != NULL && operation->kind == S3_OPERATION_SERVED && operation->parameter == NULL &&
           operation->action == S3_ACTION_GET_OBJECT && operation->resource == S3_RESOURCE_OBJECT;
}

bool s3_fetch_may(const struct s3_request *request)
{
    const struct s3_fetcher *fetcher = s3_service_fetcher(request->service);

    return fetcher != NULL && !request->was_fetched && !s3_request_has(request, "versionId") &&
           is_plain_read(request->operation) && fetcher->covers(fetcher->ctx, request->bucket_name);
}

/* As long as the request. */
static const struct meta_object *keep(struct s3_request *request, const struct meta_object *object)
{
    struct meta_object *kept = s3_request_alloc(request, sizeof(*kept));
    struct meta_attributes *attributes = &kept->attributes;
    struct arena *arena = &request->http->arena;

    *kept = *object;
    attributes->list = s3_request_alloc(request, (attributes->count + 1) * sizeof(*attributes->list));
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct meta_attribute *from = &object->attributes.list[i];

        attributes->list[i] = (struct meta_attribute){arena_dup(arena, from->name.base, from->name.len),
                                                      arena_dup(arena, from->value.base, from->value.len)};
    }
    return kept;
}

static void fail(struct s3_request *request, int result)
{
    if (result == -EHOSTUNREACH)
        s3_answer_failure(request, S3_ERROR_SERVICE_UNAVAILABLE,
                          "The object could not be fetched from the origin of the bucket.");
    else if (result == -ECANCELED)
        s3_answer_failure(request, S3_ERROR_SERVICE_UNAVAILABLE, NULL);
    else
        s3_answer_result(request, result);
}

/* What is here now is judged as what is there always; that there is nothing may be a secret. */
static void go_on(struct waiting *waiting, int result)
{
    struct s3_request *request = waiting->request;
    enum s3_error error;

    if (result != 0 && result != META_E_NO_KEY) {
        fail(request, result);
        return;
    }
    if (result == 0 && request->elsewhere != NULL) { /* as it was judged before it was asked for */
        waiting->again(request);
        return;
    }
    if ((error = s3_authorize_again(request)) != S3_ERROR_NONE) {
        s3_answer_failure(request, error, NULL);
        return;
    }
    if (result == 0 && s3_pinned_look(request, &request->pinned) == META_E_NO_KEY) {
        /* Given up again, or deleted, before anybody could look. */
        s3_answer_failure(request, S3_ERROR_SLOW_DOWN, NULL);
        return;
    }
    waiting->again(request);
}

static void on_done(struct s3_fetch *fetch)
{
    struct waiting *waiting = OWNER_OF(fetch, struct waiting, fetch);
    struct s3_request *request = waiting->request;
    const struct s3_fetcher *fetcher = s3_service_fetcher(request->service);
    int result = fetch->result;

    if (result == 0 && fetch->is_head)
        request->elsewhere = keep(request, fetch->object);
    fetcher->end(fetcher->ctx, fetch);
    go_on(waiting, result);
}

/* Nobody has anything asked for that he might not read once it is here: the bucket owner's, of which nobody says anything. */
static bool may_read(struct s3_request *request)
{
    struct meta_object *object = s3_request_alloc(request, sizeof(*object));

    object->owner = slice_text(request->bucket.owner);
    return s3_authorize_as_of(request, object) == S3_ERROR_NONE;
}

bool s3_fetch_start(struct s3_request *request, void (*again)(struct s3_request *request))
{
    const struct s3_fetcher *fetcher = s3_service_fetcher(request->service);
    struct waiting *waiting;
    int result;

    if (fetcher == NULL || s3_pinned_look(request, &request->pinned) != META_E_NO_KEY ||
        !s3_fetch_may(request))
        return false;
    core_cache_miss(request->worker, request->bucket.id);
    result = may_read(request) ? 0 : META_E_NO_KEY;
    request->was_fetched = true;
    s3_pinned_end(&request->pinned);
    waiting = s3_request_alloc(request, sizeof(*waiting));
    *waiting = (struct waiting){
        .fetch = {.worker = request->worker,
                  .bucket = &request->bucket,
                  .key = request->key,
                  .chain = s3_request_header(request, S3_FETCH_CHAIN_HEADER),
                  .is_head = request->method == S3_HEAD && request->door == NULL,
                  .done = on_done},
        .request = request,
        .again = again,
    };
    if (result != 0 || (result = fetcher->begin(fetcher->ctx, &waiting->fetch)) != 0)
        go_on(waiting, result);
    return true;
}
