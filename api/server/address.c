/* SPDX-License-Identifier: MIT
 *
 * Loopback or not. Pure: resolves nothing, because a name may mean something else a moment later. */
#include "api/server/address.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "storage/base/loopback.h"

static bool host_is_loopback(const char *host)
{
    return loopback_is_address(host) || strcasecmp(host, "localhost") == 0;
}

bool address_is_loopback(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    char host[INET6_ADDRSTRLEN];
    size_t length;

    if (strncmp(listen, "unix:", 5) == 0)
        return true;
    if (colon == NULL)
        return false;
    length = (size_t)(colon - listen);
    if (length >= 2 && listen[0] == '[' && listen[length - 1] == ']') {
        listen++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(host))
        return false;
    memcpy(host, listen, length);
    host[length] = '\0';
    return host_is_loopback(host);
}
