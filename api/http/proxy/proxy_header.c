/* SPDX-License-Identifier: MIT
 *
 * Reading the header of the PROXY protocol. What does not match it exactly is refused, as the protocol wants it; what it has beyond the
 * client's address is skipped, after a look whether it is in order. */
#include "api/http/proxy/proxy_header.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "api/http/limits.h"
#include "storage/base/slice.h"

#define LINE_BYTES_MAX  107u /* the longest that version 1 has, CRLF included */
#define SIGNATURE_BYTES 12u
#define PREFIX_BYTES                                                                                         \
    16u /* of version 2: signature, version and command, family and protocol, length of the rest */

static const char signature[SIGNATURE_BYTES] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- The client ---- */

static void set_v4(struct proxy_header *header, const void *address, in_port_t port)
{
    header->has_client = true;
    header->client_bytes = sizeof(header->client.v4);
    header->client.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    memcpy(&header->client.v4.sin_addr, address, sizeof(header->client.v4.sin_addr));
}

static void set_v6(struct proxy_header *header, const void *address, in_port_t port)
{
    header->has_client = true;
    header->client_bytes = sizeof(header->client.v6);
    header->client.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    memcpy(&header->client.v6.sin6_addr, address, sizeof(header->client.v6.sin6_addr));
}

/* ---- Version 1: PROXY TCP4 192.0.2.1 192.0.2.2 4711 80 ---- */

/* Cuts one word off the line, up to exactly one space. */
static struct slice take_word(struct slice *line)
{
    const char *space = memchr(line->base, ' ', line->len);
    struct slice word = slice_of(line->base, space != NULL ? (size_t)(space - line->base) : line->len);
    size_t taken = word.len + (space != NULL);

    *line = slice_of(line->base + taken, line->len - taken);
    return word;
}

static bool take_address(struct slice *line, int family, void *address)
{
    char text[INET6_ADDRSTRLEN];
    struct slice word = take_word(line);

    if (word.len >= sizeof(text) || memchr(word.base, '\0', word.len) != NULL)
        return false;
    (void)slice_copy(text, word);
    text[word.len] = '\0';
    return inet_pton(family, text, address) == 1;
}

static bool take_port(struct slice *line, in_port_t *port)
{
    struct slice word = take_word(line);
    unsigned number = 0;

    if (word.len == 0 || word.len > 5 || (word.base[0] == '0' && word.len > 1))
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.base[i] < '0' || word.base[i] > '9')
            return false;
        number = number * 10 + (unsigned)(word.base[i] - '0');
    }
    *port = htons((uint16_t)number);
    return number <= UINT16_MAX;
}

static int read_words(struct proxy_header *header, struct slice line)
{
    struct in6_addr source, destination;
    in_port_t source_port, destination_port;
    struct slice protocol = take_word(&line);
    bool is_v4 = slice_is(protocol, "TCP4");
    int family = is_v4 ? AF_INET : AF_INET6;

    if (slice_is(protocol, "UNKNOWN"))
        return 0; /* whatever else the line says */
    if ((!is_v4 && !slice_is(protocol, "TCP6")) || !take_address(&line, family, &source) ||
        !take_address(&line, family, &destination) || !take_port(&line, &source_port))
        return -EBADMSG;
    if (memchr(line.base, ' ', line.len) != NULL || !take_port(&line, &destination_port))
        return -EBADMSG;
    if (is_v4)
        set_v4(header, &source, source_port);
    else
        set_v6(header, &source, source_port);
    return 0;
}

static int read_line(struct proxy_header *header, const char *bytes, size_t length)
{
    const char *line_feed = memchr(bytes, '\n', length);

    header->is_line = true;
    header->length = LINE_BYTES_MAX;
    if (line_feed == NULL)
        return length < LINE_BYTES_MAX ? -EAGAIN : -EMSGSIZE;
    if (line_feed != bytes + length - 1 || line_feed[-1] != '\r' || memchr(bytes, '\r', length - 2) != NULL)
        return -EBADMSG;
    header->length = length;
    return read_words(header, slice_of(bytes + 6, length - 6 - 2));
}

/* ---- Version 2 ---- */

static unsigned number_at(const char *bytes)
{
    return (unsigned)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
}

/* Bytes of both addresses and ports, or -1: of no family and protocol that there is. */
static int addresses_bytes(unsigned char kind)
{
    switch (kind) {
    case 0x00: /* unspecified */
        return 0;
    case 0x11: /* TCP and UDP over IPv4 */
    case 0x12:
        return 12;
    case 0x21: /* over IPv6 */
    case 0x22:
        return 36;
    case 0x31: /* Unix sockets */
    case 0x32:
        return 216;
    default:
        return -1;
    }
}

/* What follows the addresses: a type, a length, so many bytes; and again. */
static bool are_in_order(const char *bytes, size_t length)
{
    while (length > 0) {
        size_t value_bytes = length >= 3 ? number_at(bytes + 1) : 0;

        if (length < 3 || value_bytes > length - 3)
            return false;
        bytes += 3 + value_bytes;
        length -= 3 + value_bytes;
    }
    return true;
}

static int read_addresses(struct proxy_header *header, const char *bytes, size_t length, unsigned char kind)
{
    const char *rest = bytes + PREFIX_BYTES;
    size_t rest_bytes = length - PREFIX_BYTES;
    int needed = addresses_bytes(kind);
    in_port_t port;

    if (needed < 0 || rest_bytes < (size_t)needed)
        return -EBADMSG;
    if (kind == 0x00)
        return 0; /* what stands there, nobody has said */
    if (!are_in_order(rest + needed, rest_bytes - (size_t)needed))
        return -EBADMSG;
    if (kind == 0x11) {
        memcpy(&port, rest + 8, sizeof(port));
        set_v4(header, rest, port);
    } else if (kind == 0x21) {
        memcpy(&port, rest + 32, sizeof(port));
        set_v6(header, rest, port);
    }
    return 0;
}

static int read_binary(struct proxy_header *header, const char *bytes, size_t length)
{
    unsigned char command, kind;

    header->length = PREFIX_BYTES;
    if (length < PREFIX_BYTES)
        return -EAGAIN;
    command = (unsigned char)bytes[12];
    kind = (unsigned char)bytes[13];
    header->length += number_at(bytes + 14);
    if (command != 0x20 && command != 0x21)
        return -EBADMSG;
    if (header->length > HTTP_PROXY_HEADER_BYTES_MAX)
        return -EMSGSIZE;
    if (length < header->length)
        return -EAGAIN;
    if (length > header->length)
        return -EBADMSG;
    return command == 0x20 ? 0 : read_addresses(header, bytes, length, kind); /* 0x20: LOCAL */
}

int proxy_header_read(struct proxy_header *header, const char *bytes, size_t length)
{
    size_t known = length < SIGNATURE_BYTES ? length : SIGNATURE_BYTES;

    *header = (struct proxy_header){.length = SIGNATURE_BYTES}; /* shorter than either version's shortest */
    if (length == 0)
        return -EAGAIN;
    if (known >= 6 && memcmp(bytes, "PROXY ", 6) == 0)
        return read_line(header, bytes, length);
    if (memcmp(bytes, "PROXY ", known < 6 ? known : 6) != 0 && memcmp(bytes, signature, known) != 0)
        return -EBADMSG;
    return known < SIGNATURE_BYTES ? -EAGAIN : read_binary(header, bytes, length);
}
