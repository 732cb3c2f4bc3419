/* SPDX-License-Identifier: MIT
 *
 * Loopback or not. Pure: resolves nothing, because a name may mean something else a moment later. */
#include "api/server/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
    return strcasecmp(host, "localhost") == 0;
}

bool address_is_loopback(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    char host[INET6_ADDRSTRLEN];
    size_t length;

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
