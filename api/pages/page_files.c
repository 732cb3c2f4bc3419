/* SPDX-License-Identifier: MIT
 *
 * Style sheet, script and icon: files of static/, which the build puts into the program (static.cmake). A name has the digest of what it stands for, so
 * browsers keep it for good. */
#include "api/pages/page_files.h"

#include <string.h>

#include "api/pages/page.h"

enum s3_door_way page_file(struct page_call *call, struct slice name)
{
    struct s3_request *request = call->request;

    for (const struct page_file *file = page_files; file->path != NULL; file++) {
        if (!slice_is(name, file->path + strlen("/-/ui/file/")))
            continue;
        page_header(request, "content-type", file->type);
        page_header(request, "cache-control", "public, max-age=31536000, immutable");
        page_header(request, "x-content-type-options", "nosniff");
        page_header(request, "cross-origin-resource-policy", "same-origin");
        page_header(request, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
        request->http->answer.status = 200;
        http_send_memory(request->http, file->bytes, file->length);
        return S3_DOOR_ANSWERED;
    }
    return page_refuse(call, 404, "There is no such file.");
}
