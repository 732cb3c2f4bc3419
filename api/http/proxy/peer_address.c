/* SPDX-License-Identifier: MIT
 *
 * Which addresses are one client's. Any thread. */
#include <netinet/in.h>
#include <string.h>

#include "api/http/worker.h"

bool peer_address(const struct sockaddr_storage *name, unsigned char address[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(address, 0, 16);
    if (name->ss_family == AF_INET) {
        memcpy(address, mapped, 12);
        memcpy(address + 12, &((const struct sockaddr_in *)name)->sin_addr, 4);
        return true;
    }
    if (name->ss_family == AF_INET6) {
        const unsigned char *bytes = ((const struct sockaddr_in6 *)name)->sin6_addr.s6_addr;

        memcpy(address, bytes, memcmp(bytes, mapped, 12) == 0 ? 16 : 8);
        return true;
    }
    return false;
}
