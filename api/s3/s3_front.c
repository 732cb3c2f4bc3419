/* SPDX-License-Identifier: MIT
 *
 * The way of each request through the S3 front: parse, judge what a browser says of it, find the operation, authenticate, settle what it says, dispatch.
 * The operations are s3_dispatch's.
 *
 * On the worker's thread. */
#include "api/s3/s3_front.h"

#include <string.h>

#include "api/s3/access/s3_browser.h"
#include "api/s3/archive/s3_extract.h"
#include "api/s3/object/s3_cors.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/service/s3_audit.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_request.h"
#include "api/s3/s3_selector.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/service/s3_system.h"
#include "api/s3/session/s3_sts.h"

static void on_pool_cleared(void *slot)
{
    s3_credentials_unref(*(struct s3_credentials **)slot);
}

struct s3_request *s3_front_begin(struct s3_service *service, struct core_worker *worker,
                                  struct http_request *req)
{
    struct s3_credentials **slot = arena_alloc_hooked(&req->arena, sizeof(*slot), on_pool_cleared);
    struct s3_request *request = arena_alloc(&req->arena, sizeof(*request));
    const char *host_id = s3_service_host_id(service);

    memset(request, 0, sizeof(*request));
    *slot = s3_service_credentials(service);
    request->http = req;
    request->service = service;
    request->worker = worker;
    request->owner_id = "";
    request->credentials = *slot;
    s3_service_make_request_id(service, request->request_id);
    req->id = request->request_id;
    s3_answer_header(request, "x-amz-request-id", request->request_id, 16);
    s3_answer_header(request, "x-amz-id-2", host_id, strlen(host_id));
    return request;
}

/* Also of what is refused: logs and metrics tell what was asked for. */
void s3_front_count(struct s3_request *request)
{
    unsigned row;

    if (request->operation == NULL)
        return;
    row = s3_operation_row(request->operation);
    request->http->name = request->operation->name;
    request->http->group = s3_service_group(request->service, row);
    s3_audit_begin(request);
    s3_service_count(request->service, http_worker_index(http_request_worker(request->http)), row);
}

/* What it asked for is told by its headers as they came: nobody asks who sent it. */
static void refuse_browser(struct s3_request *request, enum s3_error refusal, bool is_parsed)
{
    if (is_parsed && !s3_system_is_addressed(request)) {
        s3_selector_apply(request);
        s3_front_count(request);
    }
    s3_answer_error(request, refusal);
}

/* Who asks for what: on success the operation is known, and all that policies may ask about it. */
static enum s3_error judge(struct s3_request *request)
{
    enum s3_error error = s3_effective_read(request);

    s3_selector_apply(request);
    if (request->method == S3_OPTIONS) /* see op_cors.c */
        return error;
    if (error == S3_ERROR_NONE)
        error = s3_authenticate(request);
    if (error == S3_ERROR_NONE && request->door != NULL && request->door->on_known != NULL)
        error = request->door->on_known(request);
    return error == S3_ERROR_NONE ? s3_effective_settle(request) : error;
}

void s3_front_handle(struct s3_service *service, struct core_worker *worker, struct http_request *req)
{
    struct s3_request *request = s3_front_begin(service, worker, req);
    enum s3_error error = s3_request_parse(request);
    enum s3_error refusal = s3_browser_judge(request, error == S3_ERROR_NONE && s3_cors_apply(request));

    if (refusal != S3_ERROR_NONE) {
        refuse_browser(request, refusal, error == S3_ERROR_NONE);
        return;
    }
    if (s3_door_is_addressed(request)) {
        enum s3_door_way way = s3_door_enter(request);

        if (way == S3_DOOR_ANSWERED)
            return;
        if (way == S3_DOOR_ENTERED)
            error = S3_ERROR_NONE; /* what was wrong as a request of S3 is none any more */
    }
    if (s3_system_is_addressed(request)) {
        s3_system_handle(request);
        return;
    }
    if (error == S3_ERROR_NONE && s3_system_is_health_alias(request)) {
        s3_system_handle_health(request);
        return;
    }
    if (error == S3_ERROR_NONE && s3_sts_is_addressed(request)) {
        s3_sts_handle(request);
        return;
    }
    if (error == S3_ERROR_NONE) {
        s3_extract_apply(request);
        error = judge(request);
        s3_front_count(request);
    }
    if (request->identity != NULL)
        http_request_vouch(req, slice_text(s3_identity_owner(request->identity)));
    else if (s3_credentials_is_open(request->credentials))
        http_request_vouch(req, SLICE("")); /* nobody has to show who he is */
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else if (request->door != NULL && request->door->serve != NULL)
        request->door->serve(request);
    else
        s3_dispatch(request);
}
