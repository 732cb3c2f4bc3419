/* SPDX-License-Identifier: MIT
 *
 * XML that clients send: any bytes at all, in bounded time and memory. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/text/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(void *ctx, const char *path, const char *text, size_t length)
{
    size_t *seen = ctx;
    unsigned depth = 1;
    for (const char *c = path; *c != '\0'; c++)
        depth += *c == '/';
    if (depth > S3_XML_DEPTH_MAX)
        abort();
    for (size_t i = 0; i < length; i++)
        *seen += (unsigned char)text[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t seen = 0;
    (void)s3_xml_parse((const char *)data, size, "Delete", visit, &seen);
    (void)s3_xml_parse((const char *)data, size, "CompleteMultipartUpload", visit, &seen);
    return 0;
}
