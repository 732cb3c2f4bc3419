/* SPDX-License-Identifier: MIT
 *
 * Headers of the PROXY protocol: what they say, where they end, and what is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/http/limits.h"
#include "api/http/proxy/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4        "\x05\x06\x07\x08\x0a\0\0\x01\x12\x34\x00\x50" /* 5.6.7.8 to 10.0.0.1 */
#define V6                                                                                                   \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34\x00\x50"

struct row {
    const char *bytes;
    size_t length;
    int result;
    const char *client; /* NULL: the proxy itself */
};
#define ROW(text, result, client)                                                                            \
    {                                                                                                        \
        text, sizeof(text) - 1, result, client                                                               \
    }

static const char *client_of(const struct proxy_header *header)
{
    static char text[INET6_ADDRSTRLEN + 10], address[INET6_ADDRSTRLEN];
    bool is_v4 = header->client.any.sa_family == AF_INET;

    if (!header->has_client)
        return NULL;
    assert_int_equal(header->client_bytes, is_v4 ? sizeof(header->client.v4) : sizeof(header->client.v6));
    assert_non_null(
        inet_ntop(header->client.any.sa_family,
                  is_v4 ? (const void *)&header->client.v4.sin_addr : &header->client.v6.sin6_addr, address,
                  sizeof(address)));
    snprintf(text, sizeof(text), "%s %u", address,
             ntohs(is_v4 ? header->client.v4.sin_port : header->client.v6.sin6_port));
    return text;
}

/* Byte by byte as by one, and a header says early how much of it is to come, so that nobody reads beyond. */
static void read_row(const struct row *row)
{
    struct proxy_header header;
    int result = -EAGAIN;

    for (size_t length = 0; length <= row->length && result == -EAGAIN; length++) {
        result = proxy_header_read(&header, row->bytes, length);
        if (result == -EAGAIN && row->result == 0)
            assert_true(header.length > length && (header.is_line || header.length <= row->length));
        if (result == 0)
            assert_int_equal(length, row->length);
    }
    assert_int_equal(result, row->result);
    assert_int_equal(proxy_header_read(&header, row->bytes, row->length), row->result);
    if (row->result != 0)
        return;
    assert_int_equal(header.length, row->length);
    if (row->client == NULL)
        assert_null(client_of(&header));
    else
        assert_string_equal(client_of(&header), row->client);
}

static void lines(void **state)
{
    static const struct row rows[] = {
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", 0, "192.0.2.1 4711"),
        ROW("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", 0, "255.255.255.255 65535"),
        ROW("PROXY TCP6 2001:db8::9 ::1 0 80\r\n", 0, "2001:db8::9 0"),
        ROW("PROXY UNKNOWN\r\n", 0, NULL),
        ROW("PROXY UNKNOWN whatever else\r\n", 0, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 4711\r80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 \r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1  10.0.0.1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 1\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 04711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 65536 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.1 10.0.0.1 -1 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.2.256 10.0.0.1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 192.0.02.1 10.0.0.1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP4 ::1 ::1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY TCP6 192.0.2.1 10.0.0.1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY UDP4 192.0.2.1 10.0.0.1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY tcp4 192.0.2.1 10.0.0.1 4711 80\r\n", -EBADMSG, NULL),
        ROW("PROXY \r\n", -EBADMSG, NULL),
        ROW("PROXY\r\n", -EBADMSG, NULL),
        ROW("proxy UNKNOWN\r\n", -EBADMSG, NULL),
        ROW("GET / HTTP/1.1\r\n", -EBADMSG, NULL),
        ROW("PUT / HTTP/1.1\r\n", -EBADMSG, NULL),
        ROW("\x16\x03\x01", -EBADMSG, NULL),
        ROW("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "65535 65535\r\n",
            0, NULL),
        ROW("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "65535 65535.....",
            -EMSGSIZE, NULL),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        read_row(&rows[i]);
}

static void binary(void **state)
{
    static const struct row rows[] = {
        ROW(SIGNATURE "\x21\x11\x00\x0c" V4, 0, "5.6.7.8 4660"),
        ROW(SIGNATURE "\x21\x21\x00\x24" V6, 0, "2001:db8::9 4660"),
        ROW(SIGNATURE "\x20\x00\x00\x00", 0, NULL),
        ROW(SIGNATURE "\x20\x11\x00\x0c" V4, 0, NULL),
        ROW(SIGNATURE "\x20\xff\x00\x02xy", 0, NULL),
        ROW(SIGNATURE "\x21\x00\x00\x03xyz", 0, NULL),
        ROW(SIGNATURE "\x21\x12\x00\x0c" V4, 0, NULL), /* UDP, which this is not */
        /* With what follows the addresses. */
        ROW(SIGNATURE "\x21\x11\x00\x0f" V4 "\x04\x00\x00", 0, "5.6.7.8 4660"),
        ROW(SIGNATURE "\x21\x11\x00\x15" V4 "\x01\x00\x02h2\x04\x00\x01x", 0, "5.6.7.8 4660"),
        ROW(SIGNATURE "\x21\x11\x00\x0e" V4 "\x04\x00", -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x11\x00\x10" V4 "\x04\x00\x02x", -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x11\x00\x0b\x05\x06\x07\x08\x0a\0\0\x01\x12\x34\x00", -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x21\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x31\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x13\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x41\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x22\x11\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x11\x11\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x31\x11\x00\x0c" V4, -EBADMSG, NULL),
        ROW(SIGNATURE "\x21\x11\xff\xff", -EMSGSIZE, NULL),
        ROW(SIGNATURE "\x20\x00\x0f\xf1", -EMSGSIZE, NULL), /* 16 bytes and these are one too many */
        ROW("\r\n\r\n\0\r\nQUIT\r", -EBADMSG, NULL),
        ROW("\r\nGET / HTTP/1.1\r\n", -EBADMSG, NULL),
    };
    static char longest[HTTP_PROXY_HEADER_BYTES_MAX] = SIGNATURE "\x20\x00\x0f\xf0";
    const struct row row = {longest, sizeof(longest), 0, NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        read_row(&rows[i]);
    read_row(&row);
}

/* What follows is not the header's. */
static void nothing_more(void **state)
{
    struct proxy_header header;

    (void)state;
    assert_int_equal(proxy_header_read(&header, NULL, 0), -EAGAIN);
    assert_int_equal(proxy_header_read(&header, SIGNATURE "\x20\x00\x00\x00x", 17), -EBADMSG);
    assert_int_equal(proxy_header_read(&header, "PROXY UNKNOWN\r\nx", 16), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(binary),
                                       cmocka_unit_test(nothing_more)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
