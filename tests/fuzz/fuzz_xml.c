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

/* In pieces, of a length that the document gives: what is taken so is taken as a whole, too. */
static void check_fed(const uint8_t *data, size_t size)
{
    size_t seen = 0, step = size != 0 ? data[size / 2] % 64u + 1 : 1;
    struct s3_xml_reader *reader = s3_xml_reader_open("Delete", visit, &seen);
    int result = 0;

    if (reader == NULL)
        abort();
    for (size_t at = 0; at < size && result == 0; at += step)
        result = s3_xml_reader_feed(reader, data + at, size - at < step ? size - at : step);
    if (result == 0)
        result = s3_xml_reader_close(reader);
    s3_xml_reader_end(reader);
    if (result == 0 && size <= S3_XML_BYTES_MAX &&
        s3_xml_parse((const char *)data, size, "Delete", visit, &seen) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t seen = 0;

    check_fed(data, size);
    (void)s3_xml_parse((const char *)data, size, "Delete", visit, &seen);
    (void)s3_xml_parse((const char *)data, size, "CompleteMultipartUpload", visit, &seen);
    return 0;
}
