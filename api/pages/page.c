/* SPDX-License-Identifier: MIT
 *
 * The small things that all pages stand on. See page.h. */
#include "api/pages/page.h"

#include <string.h>

#include "api/pages/page_files.h"

struct page_call *page_call_of(const struct s3_request *request)
{
    return (struct page_call *)request->door;
}

struct slice page_parameter(const struct page_call *call, const char *name)
{
    for (size_t i = 0; i < call->parameter_count; i++)
        if (slice_is(call->parameters[i].name, name))
            return call->parameters[i].value;
    return slice_of(NULL, 0);
}

void page_header(struct s3_request *request, const char *name, const char *value)
{
    struct http_headers *headers = &request->http->answer.headers;
    size_t kept = 0;

    for (size_t i = 0; i < headers->size; i++)
        if (!slice_is_nocase(headers->entries[i].name, name))
            headers->entries[kept++] = headers->entries[i];
    headers->size = kept;
    s3_answer_header(request, name, value, strlen(value));
}

const char *page_file_path(const char *name)
{
    for (const struct page_file *file = page_files; file->path != NULL; file++)
        if (strcmp(strrchr(file->path, '/') + 1, name) == 0)
            return file->path;
    return "";
}
