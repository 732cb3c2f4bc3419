/* SPDX-License-Identifier: MIT
 *
 * See s3_origin.h. */
#include "api/s3/notification/s3_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "api/events/origin.h"

/* The client's address, as the rules about addresses know it. */
static struct slice address_of(struct s3_request *request)
{
    struct sockaddr_storage address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    char *text = s3_request_alloc(request, INET6_ADDRSTRLEN);

    if (http_request_client(request->http, &address) == 0)
        return slice_of("", 0);
    if (address.ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
    else if (address.ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
    return slice_text(text);
}

static const struct meta_origin *origin_make(struct s3_request *request, enum meta_event_kind kind)
{
    struct meta_origin *origin;
    const struct events_origin from = {
        .user = slice_text(request->http->user != NULL ? request->http->user : "anonymous"),
        .address = address_of(request),
        .request = slice_text(request->request_id),
    };
    origin = s3_request_alloc(request, sizeof(*origin));
    origin->kind = kind;
    origin->who = events_origin_pack(&request->http->arena, &from);
    return origin;
}

const struct meta_origin *s3_origin_always(struct s3_request *request)
{
    return origin_make(request, META_EVENT_NONE);
}

const struct meta_origin *s3_origin_as(struct s3_request *request, enum meta_event_kind kind)
{
    return core_is_followed(core_worker_core(request->worker)) ? origin_make(request, kind) : NULL;
}

const struct meta_origin *s3_origin(struct s3_request *request)
{
    return s3_origin_as(request, META_EVENT_NONE);
}
