/* SPDX-License-Identifier: MIT
 *
 * The proxies whose word counts: who is at the other end of a request that came through them. Not for other folders. A set does not
 * change; any thread. */
#ifndef API_HTTP_PROXIES_H
#define API_HTTP_PROXIES_H

#include "api/http/http.h"

struct proxies;

/* list: ADDR, ADDR/BITS or "unix", NULL-terminated; NULL: none, and *proxies is NULL then. 0, -EINVAL, -ENOMEM. */
int proxies_create(struct proxies **proxies, const char *const *list);
void proxies_destroy(struct proxies *proxies); /* NULL allowed */

/* Whether that is the address of one of them. proxies NULL: it is not. */
bool proxies_have(const struct proxies *proxies, const struct sockaddr_storage *socket);

/* In place of the address of a trusted proxy, that of the last hop in X-Forwarded-For which is none of them; what stands before it there
 * anybody may have written. A hop that is no address ends the search: the client is then the proxy that wrote it. proxies NULL: nothing
 * changes. Returns the length of the address. */
socklen_t proxies_client(const struct proxies *proxies, const struct http_headers *headers,
                         struct sockaddr_storage *address, socklen_t length);

/* Whether that is a proxy which says in the last X-Forwarded-Proto that its client came by https. proxies NULL: it is not. */
bool proxies_say_https(const struct proxies *proxies, const struct http_headers *headers,
                       const struct sockaddr_storage *peer);
/* Of an address that only this machine can have. */
bool proxies_is_local(const struct sockaddr_storage *socket);

#endif
