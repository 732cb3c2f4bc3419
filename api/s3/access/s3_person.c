/* SPDX-License-Identifier: MIT
 *
 * See s3_person.h. */
#include "api/s3/access/s3_person.h"

#include "api/s3/service/s3_service.h"

static bool has_pages(const struct s3_request *request)
{
    return s3_service_pages(request->service)->enter != NULL;
}

static bool is_own_name(const struct s3_request *request)
{
    return !request->virtual_hosted && slice_is(request->bucket_name, "-");
}

bool s3_person_is_at_page(const struct s3_request *request)
{
    return is_own_name(request) && (slice_is(request->key, "ui") || slice_has_prefix(request->key, "ui/")) &&
           has_pages(request);
}

static bool navigates(const struct s3_request *request)
{
    struct slice accepted = s3_request_header(request, "accept"),
                 mode = s3_request_header(request, "sec-fetch-mode"), best;

    return slice_next_item(&accepted, &best) && slice_is_nocase(best, "text/html") &&
           (mode.base == NULL || slice_is_nocase(mode, "navigate")) &&
           s3_request_header(request, "authorization").base == NULL;
}

bool s3_person_asks(const struct s3_request *request)
{
    struct slice key = request->key;

    if (s3_person_is_at_page(request))
        return true;
    return request->method == S3_GET && request->parameter_count == 0 && !request->virtual_hosted &&
           (key.len == 0 || key.base[key.len - 1] == '/') && !is_own_name(request) && has_pages(request) &&
           navigates(request);
}

/* It may leave Sec-Fetch-* out where the connection is not secure. */
bool s3_person_may_see(const struct s3_request *request)
{
    struct slice accepted;

    if (!has_pages(request))
        return false;
    accepted = s3_request_header(request, "accept");
    return s3_request_header(request, "sec-fetch-dest").base != NULL ||
           (accepted.base != NULL && memmem(accepted.base, accepted.len, LITERAL("text/html")) != NULL);
}
