/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): whom a proxy has connected for. Not for other folders.
 * No I/O; any thread. */
#ifndef API_HTTP_PROXY_HEADER_H
#define API_HTTP_PROXY_HEADER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct proxy_header {
    size_t
        length; /* of the whole header, in bytes; while it is not whole, as much of it as is known to come */
    bool is_line; /* version 1: it ends with the first line feed, and length is the most it may have */
    /* The client's end. False: the proxy speaks for itself (a check of its own), or does not know. */
    bool has_client;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } client;
    socklen_t client_bytes;
};

/* Reads the bytes that are here (NULL: none yet), of which none may follow the header. 0: it is whole. -EAGAIN: more of it is to come.
 * -EMSGSIZE: longer than HTTP_PROXY_HEADER_BYTES_MAX; -EBADMSG: it is none. */
int proxy_header_read(struct proxy_header *header, const char *bytes, size_t length);

#endif
