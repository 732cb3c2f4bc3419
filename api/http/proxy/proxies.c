/* SPDX-License-Identifier: MIT
 *
 * Trusted proxies and X-Forwarded-For. Addresses are compared as 16 bytes, those of version 4 as mapped into version 6, which is how a
 * socket for both tells them, too. */
#include "api/http/proxy/proxies.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/limits.h"

#define V4_OFFSET 12u /* of the four bytes in a mapped address */

struct block {
    struct in6_addr address;
    unsigned bits; /* of 128 */
};

struct proxies {
    bool has_unix; /* who connects to a socket file is one */
    size_t count;
    struct block blocks[];
};

static void map_v4(struct in6_addr *mapped, const struct in_addr *v4)
{
    memset(mapped, 0, V4_OFFSET);
    mapped->s6_addr[10] = mapped->s6_addr[11] = 0xff;
    memcpy(&mapped->s6_addr[V4_OFFSET], v4, sizeof(*v4));
}

/* ---- The set ---- */

/* A number of at most `max`, or -1. */
static int bits_parse(const char *text, unsigned max)
{
    unsigned bits = 0;

    if (*text == '\0' || strlen(text) > 3)
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        bits = bits * 10 + (unsigned)(*text - '0');
    }
    return bits <= max ? (int)bits : -1;
}

static int block_parse(struct block *block, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    const char *suffix = text[length] == '/' ? text + length + 1 : NULL;
    struct in_addr v4;
    int bits;

    if (length >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, length);
    host[length] = '\0';
    if (inet_pton(AF_INET, host, &v4) == 1) {
        map_v4(&block->address, &v4);
        bits = suffix != NULL ? bits_parse(suffix, 32) : 32;
        block->bits = 96 + (unsigned)bits;
    } else if (inet_pton(AF_INET6, host, &block->address) == 1) {
        bits = suffix != NULL ? bits_parse(suffix, 128) : 128;
        block->bits = (unsigned)bits;
    } else {
        return -EINVAL;
    }
    return bits < 0 ? -EINVAL : 0;
}

int proxies_create(struct proxies **out, const char *const *list)
{
    struct proxies *proxies;
    size_t count = 0;
    int err = 0;

    *out = NULL;
    while (list != NULL && list[count] != NULL)
        count++;
    if (count == 0)
        return 0;
    proxies = calloc(1, sizeof(*proxies) + count * sizeof(proxies->blocks[0]));
    if (proxies == NULL)
        return -ENOMEM;
    for (size_t i = 0; err == 0 && i < count; i++) {
        if (strcmp(list[i], HTTP_PROXY_UNIX) == 0)
            proxies->has_unix = true;
        else
            err = block_parse(&proxies->blocks[proxies->count++], list[i]);
    }
    if (err != 0) {
        free(proxies);
        return err;
    }
    *out = proxies;
    return 0;
}

void proxies_destroy(struct proxies *proxies)
{
    free(proxies);
}

static bool block_has(const struct block *block, const struct in6_addr *address)
{
    unsigned bytes = block->bits / 8, rest = block->bits % 8;

    if (memcmp(&block->address, address, bytes) != 0)
        return false;
    return rest == 0 || (block->address.s6_addr[bytes] ^ address->s6_addr[bytes]) >> (8 - rest) == 0;
}

static bool are_trusted(const struct proxies *proxies, const struct in6_addr *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (block_has(&proxies->blocks[i], address))
            return true;
    return false;
}

/* ---- The way of a request ---- */

static bool address_of_socket(const struct sockaddr_storage *socket, struct in6_addr *address)
{
    if (socket->ss_family == AF_INET)
        map_v4(address, &((const struct sockaddr_in *)socket)->sin_addr);
    else if (socket->ss_family == AF_INET6)
        *address = ((const struct sockaddr_in6 *)socket)->sin6_addr;
    else
        return false;
    return true;
}

bool proxies_have(const struct proxies *proxies, const struct sockaddr_storage *socket)
{
    struct in6_addr address;

    if (proxies != NULL && socket->ss_family == AF_UNIX)
        return proxies->has_unix;
    return proxies != NULL && address_of_socket(socket, &address) && are_trusted(proxies, &address);
}

/* As a socket for the client's own version would tell it. */
static socklen_t socket_of_address(const struct in6_addr *address, struct sockaddr_storage *socket)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)socket;

    memset(socket, 0, sizeof(*socket));
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, &address->s6_addr[V4_OFFSET], sizeof(v4->sin_addr));
        return sizeof(*v4);
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = *address;
    return sizeof(*v6);
}

/* 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1], [2001:db8::1]:4711. */
static bool hop_parse(struct slice hop, struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN + sizeof("[]:65535")];
    struct in_addr v4;
    char *end;

    hop = slice_trim(hop);
    if (hop.len == 0 || hop.len >= sizeof(text) || memchr(hop.base, '\0', hop.len) != NULL)
        return false;
    (void)slice_copy(text, hop);
    text[hop.len] = '\0';
    if (text[0] == '[') {
        if ((end = strchr(text, ']')) == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        *end = '\0';
        return inet_pton(AF_INET6, text + 1, address) == 1;
    }
    if ((end = strchr(text, ':')) != NULL && strchr(end + 1, ':') != NULL)
        return inet_pton(AF_INET6, text, address) == 1;
    if (end != NULL)
        *end = '\0';
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    map_v4(address, &v4);
    return true;
}

/* Cuts the last hop off the list. */
static struct slice take_last_hop(struct slice *list)
{
    size_t at = list->len;

    while (at > 0 && list->base[at - 1] != ',')
        at--;
    struct slice hop = slice_of(list->base + at, list->len - at);
    list->len = at > 0 ? at - 1 : 0;
    return hop;
}

/* Goes back through one field. False: the search has ended. */
static bool go_back(const struct proxies *proxies, struct slice list, struct in6_addr *address,
                    unsigned *hops)
{
    while (list.len > 0) {
        struct in6_addr hop;

        if ((*hops)++ == HTTP_FORWARDED_HOPS_MAX || !hop_parse(take_last_hop(&list), &hop))
            return false;
        *address = hop;
        if (!are_trusted(proxies, address))
            return false;
    }
    return true;
}

socklen_t proxies_client(const struct proxies *proxies, const struct http_headers *headers,
                         struct sockaddr_storage *address, socklen_t length)
{
    struct in6_addr client;
    unsigned hops = 0;

    if (length == 0 || !proxies_have(proxies, address))
        return length;
    (void)address_of_socket(address,
                            &client); /* a socket file has none, and where no hop is told it stays so */
    for (size_t i = headers->size; i > 0; i--) {
        const struct http_header *header = &headers->entries[i - 1];

        if (slice_equals(header->name, SLICE("x-forwarded-for")) &&
            !go_back(proxies, header->value, &client, &hops))
            break;
    }
    return hops > 0 ? socket_of_address(&client, address) : length;
}

bool proxies_say_https(const struct proxies *proxies, const struct http_headers *headers,
                       const struct sockaddr_storage *peer)
{
    if (!proxies_have(proxies, peer))
        return false;
    for (size_t i = headers->size; i > 0; i--) {
        struct slice list = headers->entries[i - 1].value;

        if (slice_equals(headers->entries[i - 1].name, SLICE("x-forwarded-proto")))
            return slice_is_nocase(slice_trim(take_last_hop(&list)), "https");
    }
    return false;
}

bool proxies_is_local(const struct sockaddr_storage *socket)
{
    struct in6_addr address;

    if (socket->ss_family == AF_UNIX)
        return true;
    if (!address_of_socket(socket, &address))
        return false;
    return IN6_IS_ADDR_LOOPBACK(&address) ||
           (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[V4_OFFSET] == 127);
}
