/* SPDX-License-Identifier: MIT
 *
 * The response-* parameters. In the query they are UTF-8; an answer has them in ISO-8859-1, as S3. Worker's thread. */
#include "api/s3/object/s3_overrides.h"

#include <string.h>

#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/text/utf8.h"

static const struct {
    const char *parameter, *header;
} overrides[] = {
    {"response-cache-control", "cache-control"},
    {"response-content-disposition", "content-disposition"},
    {"response-content-encoding", "content-encoding"},
    {"response-content-language", "content-language"},
    {"response-content-type", "content-type"},
    {"response-expires", "expires"},
};

#define OVERRIDE_COUNT (sizeof(overrides) / sizeof(overrides[0]))

/* base NULL where it is not UTF-8, or cannot be said so. */
static struct slice latin1_of(struct arena *arena, struct slice text)
{
    char *latin1 = arena_alloc(arena, text.len + 1);
    size_t length = 0;
    uint32_t code;

    for (size_t i = 0, count; i < text.len; i += count) {
        count = utf8_next(text.base + i, text.len - i, &code);
        if (count == 0 || code > 0xff)
            return slice_of(NULL, 0);
        latin1[length++] = (char)code;
    }
    return slice_of(latin1, length);
}

/* A public link must not be able to turn a stored text into a page: overrides are for those who signed, as in S3. Where no key is configured there
 * is nobody to keep out. */
enum s3_error s3_overrides_check(struct s3_request *request, const char **message)
{
    for (size_t i = 0; i < OVERRIDE_COUNT && request->parameter_count > 0; i++) {
        struct slice value = s3_parameter_value(request, overrides[i].parameter);

        if (value.base == NULL)
            continue;
        if (!request->is_signed && request->identity == NULL && !s3_service_is_open(request->service)) {
            *message = "Request specific response headers cannot be used for anonymous GET requests.";
            return S3_ERROR_INVALID_REQUEST;
        }
        if (http_value_is_safe(value) && latin1_of(&request->http->arena, value).base != NULL)
            continue;
        return s3_request_argument(request, slice_text(overrides[i].parameter), value,
                                   "Header value cannot be represented using ISO-8859-1.");
    }
    return S3_ERROR_NONE;
}

bool s3_overrides_have(const struct s3_request *request, const char *header)
{
    for (size_t i = 0; i < OVERRIDE_COUNT && request->parameter_count > 0; i++)
        if (strcmp(overrides[i].header, header) == 0)
            return s3_request_has(request, overrides[i].parameter);
    return false;
}

void s3_overrides_answer(struct s3_request *request)
{
    for (size_t i = 0; i < OVERRIDE_COUNT && request->parameter_count > 0; i++) {
        struct slice value = s3_parameter_value(request, overrides[i].parameter);

        if (value.base == NULL)
            continue;
        value = latin1_of(&request->http->arena, value);
        s3_answer_header(request, overrides[i].header, value.base, value.len);
    }
}
