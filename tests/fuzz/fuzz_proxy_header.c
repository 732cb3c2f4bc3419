/* SPDX-License-Identifier: MIT
 *
 * Headers of the PROXY protocol: what is here of one is read as the connection reads it, never beyond its end, and means the same whole as
 * in pieces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/limits.h"
#include "api/http/proxy/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* How much the connection would take of the socket next. */
static size_t next_bytes(const struct proxy_header *header, const uint8_t *data, size_t length, size_t size)
{
    size_t most = header->length - length;
    const uint8_t *line_feed;

    require(header->length > length && header->length <= HTTP_PROXY_HEADER_BYTES_MAX);
    most = most < size - length ? most : size - length;
    if (header->is_line && (line_feed = memchr(data + length, '\n', most)) != NULL)
        most = (size_t)(line_feed - data) - length + 1;
    return most;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header, whole;
    size_t length = 0, step;
    int result;

    while ((result = proxy_header_read(&header, (const char *)data, length)) == -EAGAIN) {
        if ((step = next_bytes(&header, data, length, size)) == 0)
            return 0; /* the input ends */
        length += step;
    }
    require(result == 0 || result == -EBADMSG || result == -EMSGSIZE);
    require(proxy_header_read(&whole, (const char *)data, length) == result);
    if (result != 0)
        return 0;
    require(header.length == length);
    require(!header.has_client || header.client.any.sa_family == AF_INET ||
            header.client.any.sa_family == AF_INET6);
    for (size_t i = 1; i < length; i++)
        require(proxy_header_read(&whole, (const char *)data, i) == -EAGAIN);
    return 0;
}
