/* SPDX-License-Identifier: MIT
 *
 * See s3_fetch.h. */
#include "api/s3/body/s3_fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "api/core/cache/cache.h"
#include "api/core/put/put_tail.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/operations.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/owner.h"

/* One request that waits, and the bytes that it is answered with. It may outlive the request, where it is being called back. */
struct s3_coming {
    struct s3_fetch fetch;
    const struct s3_fetcher *fetcher;
    struct s3_request *request;
    void (*again)(struct s3_request *request);

    /* Of an object that is on its way. */
    struct http_source source;
    struct blob_tail *tail;
    uint64_t at, end;
    bool waits, is_gone; /* `more` is due; and nobody is interested any more */
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
static void go_on(struct s3_request *request, void (*again)(struct s3_request *request), int result)
{
    enum s3_error error;

    if (result != 0 && result != META_E_NO_KEY) {
        fail(request, result);
        return;
    }
    if (result == 0 && request->elsewhere != NULL) { /* as it was judged before it was asked for */
        again(request);
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
    again(request);
}

static void coming_free(struct s3_coming *coming)
{
    bool waits = coming->waits;

    core_tail_end(coming->tail);
    if (!coming->fetcher->end(coming->fetcher->ctx, &coming->fetch) && waits)
        coming->is_gone = true; /* on_more is on its way */
    else
        free(coming);
}

static void on_arena_cleared(void *memory)
{
    struct s3_coming **held = memory;

    if (*held != NULL)
        coming_free(*held);
}

static void on_done(struct s3_fetch *fetch)
{
    struct s3_coming *waiting = OWNER_OF(fetch, struct s3_coming, fetch);
    struct s3_request *request = waiting->request;
    void (*again)(struct s3_request *) = waiting->again;
    int result = fetch->result;

    if (result == S3_FETCH_COMES || (result == 0 && fetch->is_head))
        request->elsewhere = keep(request, fetch->object);
    if (result == S3_FETCH_COMES) {
        request->coming =
            arena_alloc_hooked(&request->http->arena, sizeof(*request->coming), on_arena_cleared);
        *request->coming = waiting;
        result = 0;
    } else {
        coming_free(waiting);
    }
    go_on(request, again, result);
}

/* ---- What is on its way ---- */

static void on_more(struct s3_fetch *fetch)
{
    struct s3_coming *coming = OWNER_OF(fetch, struct s3_coming, fetch);

    coming->waits = false;
    if (coming->is_gone)
        free(coming);
    else
        http_source_resume(coming->request->http);
}

static void on_tail_ready(void *ctx)
{
    http_source_resume(((struct s3_coming *)ctx)->request->http);
}

/* Up to where it may be read now; -EBUSY, or the answer is cut short. */
static int64_t end_of(struct s3_coming *coming)
{
    int64_t bytes = coming->fetcher->available(coming->fetcher->ctx, &coming->fetch, coming->at);
    uint64_t left = coming->end - coming->at;

    coming->waits = bytes == -EBUSY;
    if (bytes < 0)
        return bytes;
    return (int64_t)(coming->at + ((uint64_t)bytes < left ? (uint64_t)bytes : left));
}

static ssize_t coming_send(struct http_source *source, int socket_fd, size_t max)
{
    struct s3_coming *coming = OWNER_OF(source, struct s3_coming, source);
    int64_t end = end_of(coming);
    ssize_t count =
        end < 0 ? (ssize_t)end : core_tail_send(coming->tail, coming->at, (uint64_t)end, socket_fd, max);

    if (count > 0)
        coming->at += (uint64_t)count;
    return count;
}

static ssize_t coming_read(struct http_source *source, void *buffer, size_t length)
{
    struct s3_coming *coming = OWNER_OF(source, struct s3_coming, source);
    int64_t end = end_of(coming);
    ssize_t count =
        end < 0 ? (ssize_t)end : core_tail_read(coming->tail, coming->at, (uint64_t)end, buffer, length);

    if (count > 0)
        coming->at += (uint64_t)count;
    return count;
}

static void coming_end(struct http_source *source, int result)
{
    coming_free(OWNER_OF(source, struct s3_coming, source));
}

int s3_fetch_open(struct s3_request *request)
{
    struct s3_coming *coming = *request->coming;

    coming->source = (struct http_source){coming_send, coming_read, coming_end, .copies = false};
    return core_tail_begin(request->worker, coming->fetch.fd, on_tail_ready, coming, &coming->tail);
}

void s3_fetch_send(struct s3_request *request, uint64_t first, uint64_t length)
{
    struct s3_coming *coming = *request->coming;

    *request->coming = NULL; /* the source's from here on */
    coming->at = first;
    coming->end = first + length;
    http_send_source(request->http, &coming->source, length);
}

/* ---- The beginning ---- */

/* Nobody has anything asked for that he might not read once it is here: the bucket owner's, of which nobody says anything. */
static bool may_read(struct s3_request *request)
{
    struct meta_object *object = s3_request_alloc(request, sizeof(*object));

    object->owner = slice_text(request->bucket.owner);
    return s3_authorize_as_of(request, object) == S3_ERROR_NONE;
}

/* What a door has to look at, or has a version's id, is answered when it is here. */
static struct s3_coming *coming_make(struct s3_request *request, const struct s3_fetcher *fetcher,
                                     void (*again)(struct s3_request *request))
{
    struct s3_coming *coming = calloc(1, sizeof(*coming));
    bool is_looked_at = request->door != NULL && request->door->on_get != NULL;

    if (coming == NULL)
        return NULL;
    coming->fetcher = fetcher;
    coming->request = request;
    coming->again = again;
    coming->fetch = (struct s3_fetch){.worker = request->worker,
                                      .bucket = &request->bucket,
                                      .key = request->key,
                                      .chain = s3_request_header(request, S3_FETCH_CHAIN_HEADER),
                                      .is_head = request->method == S3_HEAD && request->door == NULL,
                                      .takes_coming = request->method == S3_GET && !is_looked_at &&
                                                      request->bucket.versioning == META_VERSIONING_NEVER,
                                      .done = on_done,
                                      .more = on_more};
    return coming;
}

bool s3_fetch_start(struct s3_request *request, void (*again)(struct s3_request *request))
{
    const struct s3_fetcher *fetcher = s3_service_fetcher(request->service);
    struct s3_coming *waiting;
    int result;

    if (fetcher == NULL || s3_pinned_look(request, &request->pinned) != META_E_NO_KEY ||
        !s3_fetch_may(request))
        return false;
    core_cache_miss(request->worker, request->bucket.id);
    result = may_read(request) ? 0 : META_E_NO_KEY;
    request->was_fetched = true;
    s3_pinned_end(&request->pinned);
    if (result == 0)
        result = (waiting = coming_make(request, fetcher, again)) == NULL ? -ENOMEM : 0;
    if (result == 0 && (result = fetcher->begin(fetcher->ctx, &waiting->fetch)) != 0)
        free(waiting);
    if (result != 0)
        go_on(request, again, result);
    return true;
}
