/* SPDX-License-Identifier: MIT
 *
 * Whose word counts in X-Forwarded-For, and how far. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/proxy/proxies.h"

static const char *const trusted[] = {"10.0.0.0/8", "192.0.2.1", "2001:db8::/33", NULL};

static socklen_t socket_address(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(4711);
        return sizeof(*v4);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    v6->sin6_family = AF_INET6;
    return sizeof(*v6);
}

/* fields: up to two of X-Forwarded-For, in their order; NULL: none. */
static void client_is(const struct proxies *proxies, const char *peer, const char *first, const char *second,
                      const char *client)
{
    struct http_header entries[] = {{SLICE("x-forwarded-for"), {NULL, 0}},
                                    {SLICE("x-other"), SLICE("203.0.113.99")},
                                    {SLICE("x-forwarded-for"), {NULL, 0}}};
    struct http_headers headers = {entries, 0, 3};
    struct sockaddr_storage address;
    char text[INET6_ADDRSTRLEN];
    socklen_t length = socket_address(peer, &address);

    if (first != NULL) {
        entries[0].value = slice_of(first, strlen(first));
        headers.size = 2;
    }
    if (second != NULL) {
        entries[2].value = slice_of(second, strlen(second));
        headers.size = 3;
    }
    length = proxies_client(proxies, &headers, &address, length);
    assert_true(length > 0);
    assert_non_null(inet_ntop(address.ss_family,
                              address.ss_family == AF_INET
                                  ? (const void *)&((struct sockaddr_in *)&address)->sin_addr
                                  : (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr,
                              text, sizeof(text)));
    assert_string_equal(text, client);
}

static void clients(void **state)
{
    static const struct {
        const char *peer, *first, *second, *client;
    } rows[] = {
        /* Who is no proxy may say what he likes. */
        {"203.0.113.5", "198.51.100.7", NULL, "203.0.113.5"},
        {"11.0.0.1", "198.51.100.7", NULL, "11.0.0.1"},
        {"192.0.2.2", "198.51.100.7", NULL, "192.0.2.2"},
        /* A proxy's word counts. */
        {"10.1.2.3", NULL, NULL, "10.1.2.3"},
        {"10.1.2.3", "198.51.100.7", NULL, "198.51.100.7"},
        {"192.0.2.1", "198.51.100.7", NULL, "198.51.100.7"},
        {"::ffff:10.1.2.3", "198.51.100.7", NULL, "198.51.100.7"},
        {"2001:db8:7fff::1", "198.51.100.7", NULL, "198.51.100.7"},
        {"2001:db8:8000::1", "198.51.100.7", NULL, "2001:db8:8000::1"},
        /* The last hop that is none; what the client wrote before it does not count. */
        {"10.1.2.3", "6.6.6.6, 198.51.100.7", NULL, "198.51.100.7"},
        {"10.1.2.3", "6.6.6.6, 198.51.100.7, 10.9.9.9,192.0.2.1", NULL, "198.51.100.7"},
        {"10.1.2.3", "10.6.6.6, 198.51.100.7", NULL, "198.51.100.7"},
        {"10.1.2.3", "6.6.6.6", "198.51.100.7", "198.51.100.7"},
        {"10.1.2.3", "198.51.100.7", "10.2.2.2", "198.51.100.7"},
        {"10.1.2.3", "10.4.4.4, 10.5.5.5", NULL, "10.4.4.4"},
        /* All forms of an address. */
        {"10.1.2.3", "198.51.100.7:4711", NULL, "198.51.100.7"},
        {"10.1.2.3", "\t 2001:db9::1 \t", NULL, "2001:db9::1"},
        {"10.1.2.3", "[2001:db9::1]", NULL, "2001:db9::1"},
        {"10.1.2.3", "[2001:db9::1]:80", NULL, "2001:db9::1"},
        {"10.1.2.3", "::ffff:198.51.100.7", NULL, "198.51.100.7"},
        /* What is none: the proxy that wrote it is as far as we know. */
        {"10.1.2.3", "unknown", NULL, "10.1.2.3"},
        {"10.1.2.3", "198.51.100.7, unknown", NULL, "10.1.2.3"},
        {"10.1.2.3", "198.51.100.7, unknown, 10.2.2.2", NULL, "10.2.2.2"},
        {"10.1.2.3", "", NULL, "10.1.2.3"},
        {"10.1.2.3", "198.51.100.7,", NULL, "10.1.2.3"},
        {"10.1.2.3", ",,,", NULL, "10.1.2.3"},
        {"10.1.2.3", "198.51.100.7 6.6.6.6", NULL, "10.1.2.3"},
        {"10.1.2.3", "[2001:db9::1", NULL, "10.1.2.3"},
        {"10.1.2.3", "[198.51.100.7]", NULL, "10.1.2.3"},
        {"10.1.2.3", "198.51.100.7.8", NULL, "10.1.2.3"},
        {"10.1.2.3", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL, "10.1.2.3"},
    };
    struct proxies *proxies;

    assert_int_equal(proxies_create(&proxies, trusted), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        client_is(proxies, rows[i].peer, rows[i].first, rows[i].second, rows[i].client);
    proxies_destroy(proxies);
}

/* Without proxies the field is ignored; with all of them it is followed, but not for ever. */
static void none_and_all(void **state)
{
    static const char *const all[] = {"0.0.0.0/0", "::/0", NULL};
    struct proxies *proxies;
    char many[8192] = "198.51.100.1";

    client_is(NULL, "10.1.2.3", "198.51.100.7", NULL, "10.1.2.3");
    assert_int_equal(proxies_create(&proxies, NULL), 0);
    assert_null(proxies);
    assert_int_equal(proxies_create(&proxies, all), 0);
    client_is(proxies, "10.1.2.3", "198.51.100.7, 198.51.100.8", NULL, "198.51.100.7");
    for (unsigned i = 0; i < 500; i++)
        strcat(many, ", 10.0.0.1");
    client_is(proxies, "10.1.2.3", many, NULL, "10.0.0.1");
    proxies_destroy(proxies);
}

static void lists_that_cannot_be(void **state)
{
    static const char *const texts[] = {
        "",          "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/x", "10.0.0",      "::/129",
        "localhost", "10.0.0.0/-1", "10.0.0.0/ 8", "[::1]",      "10.0.0.1:80", "10.0.0.0/0008"};
    struct proxies *proxies;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *const list[] = {"10.0.0.1", texts[i], NULL};

        assert_int_equal(proxies_create(&proxies, list), -EINVAL);
        assert_null(proxies);
    }
}

/* first, second: of X-Forwarded-Proto. */
static bool says_https(const struct proxies *proxies, const char *peer, const char *first, const char *second)
{
    struct http_header entries[] = {{SLICE("x-forwarded-proto"), slice_text(first)},
                                    {SLICE("x-forwarded-proto"), slice_text(second)}};
    struct http_headers headers = {entries, (first != NULL) + (second != NULL), 2};
    struct sockaddr_storage address;

    socket_address(peer, &address);
    return proxies_say_https(proxies, &headers, &address);
}

/* Only a trusted proxy is believed, and only its own word, which is the last. */
static void protocols(void **state)
{
    struct proxies *proxies;

    assert_int_equal(proxies_create(&proxies, trusted), 0);
    assert_true(says_https(proxies, "10.1.2.3", "https", NULL));
    assert_true(says_https(proxies, "::ffff:10.1.2.3", "HTTPS", NULL));
    assert_true(says_https(proxies, "10.1.2.3", "http, https", NULL));
    assert_true(says_https(proxies, "10.1.2.3", "http", "https"));
    assert_false(says_https(proxies, "10.1.2.3", "https, http", NULL));
    assert_false(says_https(proxies, "10.1.2.3", "https", "http"));
    assert_false(says_https(proxies, "10.1.2.3", "https", ""));
    assert_false(says_https(proxies, "10.1.2.3", NULL, NULL));
    assert_false(says_https(proxies, "10.1.2.3", "httpsx", NULL));
    assert_false(says_https(proxies, "11.1.2.3", "https", NULL));
    assert_false(says_https(NULL, "10.1.2.3", "https", NULL));
    proxies_destroy(proxies);
}

static void local_addresses(void **state)
{
    static const char *const local[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const others[] = {"128.0.0.1", "10.0.0.1", "::2", "::", "::ffff:10.0.0.1"};
    struct sockaddr_storage address;

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        socket_address(local[i], &address);
        assert_true(proxies_is_local(&address));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        socket_address(others[i], &address);
        assert_false(proxies_is_local(&address));
    }
    memset(&address, 0, sizeof(address));
    assert_false(proxies_is_local(&address));
    address.ss_family = AF_UNIX;
    assert_true(proxies_is_local(&address));
}

/* Who connects to a socket file has no address of his own: one is told, or there is none. */
static void believes_a_socket_file_when_told(void **state)
{
    static const char *const files[] = {"unix", "10.0.0.0/8", NULL};
    struct http_header entry = {SLICE("x-forwarded-for"), SLICE("192.0.2.7, 10.0.0.1")};
    struct http_headers told = {&entry, 1, 1}, silent = {NULL, 0, 0};
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    struct proxies *proxies;
    socklen_t length;

    (void)state;
    assert_int_equal(proxies_create(&proxies, trusted), 0);
    assert_false(proxies_have(proxies, &address));
    assert_int_equal(proxies_client(proxies, &told, &address, 2), 2);
    assert_int_equal(address.ss_family, AF_UNIX);
    proxies_destroy(proxies);

    assert_int_equal(proxies_create(&proxies, files), 0);
    assert_true(proxies_have(proxies, &address));
    assert_int_equal(proxies_client(proxies, &silent, &address, 2), 2);
    assert_int_equal(address.ss_family, AF_UNIX);
    length = proxies_client(proxies, &told, &address, 2);
    assert_int_equal(length, sizeof(struct sockaddr_in));
    assert_int_equal(address.ss_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)&address)->sin_addr.s_addr, inet_addr("192.0.2.7"));
    proxies_destroy(proxies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clients),
                                       cmocka_unit_test(none_and_all),
                                       cmocka_unit_test(lists_that_cannot_be),
                                       cmocka_unit_test(protocols),
                                       cmocka_unit_test(local_addresses),
                                       cmocka_unit_test(believes_a_socket_file_when_told)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
