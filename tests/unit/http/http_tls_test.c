/* SPDX-License-Identifier: MIT
 *
 * TLS below HTTP, with a client of OpenSSL's in the same process: pairs that load and that do not, a reload that fails and one
 * that does not, records and their retries, pending input, the last word; then the toy server over TLS. Certificates are made
 * here. In order: helpers; contexts; streams; the server. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "http_support.h"

#include "api/http/tls/tls.h"

static char folder[] = "/tmp/http_tls_test.XXXXXX";
static char messages[4096]; /* what was logged */

/* Of any worker. */
static void note(void *ctx, enum log_level level, const char *message)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    (void)ctx;
    pthread_mutex_lock(&mutex);
    snprintf(messages + strlen(messages), sizeof(messages) - strlen(messages), "%d %s\n", level, message);
    pthread_mutex_unlock(&mutex);
}

static const char *path_of(const char *name)
{
    static char paths[8][128];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* A key and a certificate that it has signed itself, for a host. */
static void make_pair_for(const char *certificate_name, const char *key_name, long serial, const char *host)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    FILE *file;

    assert_non_null(key);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_non_null(file = fopen(path_of(certificate_name), "w"));
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    assert_non_null(file = fopen(path_of(key_name), "w"));
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void make_pair(const char *certificate_name, const char *key_name, long serial)
{
    make_pair_for(certificate_name, key_name, serial, "localhost");
}

/* One pair, until the next call. */
static struct http_tls_options tls_pair(const char *certificate_name, const char *key_name)
{
    static struct http_tls_pair one;

    one = (struct http_tls_pair){path_of(certificate_name), path_of(key_name)};
    return (struct http_tls_options){.pairs = &one, .pair_count = 1};
}

static struct tls_context_options pair(const char *certificate_name, const char *key_name)
{
    return (struct tls_context_options){.tls = tls_pair(certificate_name, key_name), .log = note};
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    make_pair("a.crt", "a.key", 1);
    make_pair("b.crt", "b.key", 2);
    make_pair_for("named.crt", "named.key", 3, "cache.example");
    make_pair_for("wild.crt", "wild.key", 4, "*.wild.example");
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"a.crt",    "a.key",    "b.crt",     "b.key",
                                        "live.crt", "live.key", "named.crt", "named.key",
                                        "wild.crt", "wild.key", "rubbish"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

static int clear(void **state)
{
    (void)state;
    messages[0] = '\0';
    return 0;
}

/* ---- Contexts ---- */

static void assert_refused(struct tls_context_options options, const char *says)
{
    struct tls_context *context = NULL;

    messages[0] = '\0';
    assert_int_equal(tls_context_create(&context, &options), -EBADMSG);
    assert_null(context);
    if (strstr(messages, says) == NULL || strncmp(messages, "2 ", 2) != 0)
        fail_msg("\"%s\" does not say \"%s\"", messages, says);
    assert_int_equal(ERR_peek_error(), 0);
}

static void pairs_that_cannot_be(void **state)
{
    FILE *file = fopen(path_of("rubbish"), "w");

    (void)state;
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fclose(file), 0);
    assert_refused(pair("none.crt", "a.key"), "No such file");
    assert_refused(pair("a.crt", "none.key"), "No such file");
    assert_refused(pair("rubbish", "a.key"), "cannot be used as TLS certificate");
    assert_refused(pair("a.crt", "rubbish"), "cannot be used as TLS key");
    assert_refused(pair("a.crt", "b.key"), "is not the key of the certificate");
    assert_refused(pair("a.key", "a.crt"), "cannot be used as TLS certificate");
}

static void refuses_a_key_for_everybody(void **state)
{
    struct tls_context_options options = pair("a.crt", "a.key");
    struct tls_context *context;

    (void)state;
    assert_int_equal(tls_context_create(&context, &options), 0);
    assert_string_equal(messages, "");
    assert_int_equal(chmod(path_of("a.key"), 0644), 0);
    assert_int_equal(tls_context_reload(context), -EBADMSG);
    assert_non_null(strstr(messages, "others than its owner may read the key"));
    tls_context_destroy(context);
    assert_refused(pair("a.crt", "a.key"), "others than its owner may read the key");
    assert_int_equal(chmod(path_of("a.key"), 0640), 0);
    if (geteuid() == 0) { /* root gives it to a group */
        options = pair("a.crt", "a.key");
        assert_int_equal(tls_context_create(&context, &options), 0);
        tls_context_destroy(context);
        assert_int_equal(chown(path_of("a.key"), 1234, (gid_t)-1), 0);
    }
    assert_refused(pair("a.crt", "a.key"), "others than its owner may read the key"); /* nobody else does */
    assert_int_equal(chown(path_of("a.key"), geteuid(), (gid_t)-1), 0);
    assert_int_equal(chmod(path_of("a.key"), 0600), 0);
}

/* ---- Streams ---- */

struct ends {
    struct tls_context *context;
    struct tls_stream *stream;
    int fds[2]; /* ours, the client's */
    SSL_CTX *client_ctx;
    SSL *client;
};

static void ends_open(struct ends *ends, struct tls_context *context)
{
    *ends = (struct ends){.context = context};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends->fds), 0);
    assert_int_equal(tls_stream_create(&ends->stream, context, ends->fds[0]), 0);
    ends->client_ctx = SSL_CTX_new(TLS_client_method());
    ends->client = SSL_new(ends->client_ctx);
    assert_int_equal(SSL_set_fd(ends->client, ends->fds[1]), 1);
}

static void ends_shake(struct ends *ends)
{
    int err = -EAGAIN, client = 0;

    for (int i = 0; i < 20 && (err != 0 || client != 1); i++) {
        if (client != 1)
            client = SSL_connect(ends->client);
        if (err != 0)
            err = tls_stream_handshake(ends->stream);
        assert_true(err == 0 || err == -EAGAIN);
    }
    assert_int_equal(err, 0);
    assert_int_equal(client, 1);
}

static void ends_close(struct ends *ends)
{
    tls_stream_destroy(ends->stream);
    SSL_free(ends->client);
    SSL_CTX_free(ends->client_ctx);
    close(ends->fds[0]);
    close(ends->fds[1]);
}

static long ends_serial(struct ends *ends)
{
    X509 *certificate = SSL_get1_peer_certificate(ends->client);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));

    X509_free(certificate);
    return serial;
}

static struct tls_context *open_context(const char *certificate_name, const char *key_name)
{
    struct tls_context_options options = pair(certificate_name, key_name);
    struct tls_context *context;

    assert_int_equal(tls_context_create(&context, &options), 0);
    return context;
}

static void a_reload_counts_when_it_succeeds(void **state)
{
    struct ends ends;
    struct tls_context *context;

    (void)state;
    assert_int_equal(link(path_of("a.crt"), path_of("live.crt")), 0);
    assert_int_equal(link(path_of("a.key"), path_of("live.key")), 0);
    context = open_context("live.crt", "live.key");
    assert_int_equal(unlink(path_of("live.crt")), 0);
    assert_int_equal(link(path_of("b.crt"), path_of("live.crt")), 0);
    assert_int_equal(tls_context_reload(context), -EBADMSG); /* the key is the old one still */
    ends_open(&ends, context);
    ends_shake(&ends);
    assert_int_equal(ends_serial(&ends), 1);
    ends_close(&ends);
    assert_int_equal(unlink(path_of("live.key")), 0);
    assert_int_equal(link(path_of("b.key"), path_of("live.key")), 0);
    ends_open(&ends, context); /* of the old pair, though its handshake comes later */
    assert_int_equal(tls_context_reload(context), 0);
    ends_shake(&ends);
    assert_int_equal(ends_serial(&ends), 1);
    ends_close(&ends);
    ends_open(&ends, context);
    ends_shake(&ends);
    assert_int_equal(ends_serial(&ends), 2);
    tls_context_destroy(context); /* the stream outlives it */
    assert_int_equal(SSL_write(ends.client, "x", 1), 1);
    ends_close(&ends);
}

/* The serial number of what a client gets that asks for that name. */
static long serial_for(struct tls_context *context, const char *name)
{
    struct ends ends;
    long serial;

    ends_open(&ends, context);
    if (name != NULL)
        assert_int_equal(SSL_set_tlsext_host_name(ends.client, name), 1);
    ends_shake(&ends);
    serial = ends_serial(&ends);
    ends_close(&ends);
    return serial;
}

static void a_client_gets_the_certificate_for_its_name(void **state)
{
    const struct http_tls_pair pairs[] = {{path_of("a.crt"), path_of("a.key")},
                                          {path_of("named.crt"), path_of("named.key")},
                                          {path_of("wild.crt"), path_of("wild.key")}};
    struct tls_context_options options = {.tls = {.pairs = pairs, .pair_count = 3}, .log = note};
    struct tls_context *context;
    struct ends ends;

    (void)state;
    assert_int_equal(tls_context_create(&context, &options), 0);
    assert_int_equal(serial_for(context, NULL), 1);
    assert_int_equal(serial_for(context, "localhost"), 1);
    assert_int_equal(serial_for(context, "cache.example"), 3);
    assert_int_equal(serial_for(context, "CACHE.example"), 3);
    assert_int_equal(serial_for(context, "one.wild.example"), 4);
    assert_int_equal(serial_for(context, "two.one.wild.example"), 1);
    assert_int_equal(serial_for(context, "wild.example"), 1);
    assert_int_equal(serial_for(context, "elsewhere.example"), 1);

    ends_open(&ends, context); /* its handshake comes after the others have been replaced */
    assert_int_equal(SSL_set_tlsext_host_name(ends.client, "cache.example"), 1);
    assert_int_equal(tls_context_reload(context), 0);
    tls_context_destroy(context);
    ends_shake(&ends);
    assert_int_equal(ends_serial(&ends), 3);
    ends_close(&ends);
}

static void one_bad_pair_refuses_all(void **state)
{
    const struct http_tls_pair pairs[] = {{path_of("a.crt"), path_of("a.key")},
                                          {path_of("named.crt"), path_of("b.key")}};

    (void)state;
    assert_refused((struct tls_context_options){.tls = {.pairs = pairs, .pair_count = 2}, .log = note},
                   "is not the key of the certificate");
}

static void reads_records_ahead(void **state)
{
    struct tls_context *context = open_context("a.crt", "a.key");
    struct ends ends;
    char buffer[64];

    (void)state;
    ends_open(&ends, context);
    ends_shake(&ends);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), -EAGAIN);
    assert_false(tls_stream_has_pending(ends.stream));
    assert_int_equal(SSL_write(ends.client, "one", 3), 3);
    assert_int_equal(SSL_write(ends.client, "two", 3), 3);
    tls_stream_on_readable(ends.stream);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, 1), 1);
    /* No poll would tell of the rest. */
    assert_true(tls_stream_has_pending(ends.stream));
    assert_int_equal(poll(&(struct pollfd){.fd = ends.fds[0], .events = POLLIN}, 1, 0), 0);
    assert_int_equal(tls_stream_receive(ends.stream, buffer + 1, sizeof(buffer) - 1), 5);
    assert_memory_equal(buffer, "onetwo", 6);
    assert_false(tls_stream_has_pending(ends.stream));
    assert_int_equal(SSL_shutdown(ends.client), 0);
    tls_stream_on_readable(ends.stream);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), 0);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), 0); /* and for ever */
    assert_int_equal(tls_stream_close(ends.stream), 0);
    ends_close(&ends);
    tls_context_destroy(context);
}

/* Half a record must not be asked for again and again. */
static void half_a_record_is_not_pending(void **state)
{
    struct tls_context *context = open_context("a.crt", "a.key");
    struct ends ends;
    char record[256], buffer[64];
    BIO *memory = BIO_new(BIO_s_mem());
    int length;

    (void)state;
    ends_open(&ends, context);
    ends_shake(&ends);
    BIO_up_ref(memory);
    SSL_set0_wbio(ends.client, memory);
    assert_int_equal(SSL_write(ends.client, "hello", 5), 5);
    length = BIO_read(memory, record, sizeof(record));
    assert_true(length > 10);
    assert_int_equal(send(ends.fds[1], record, 10, 0), 10);
    tls_stream_on_readable(ends.stream);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), -EAGAIN);
    assert_false(tls_stream_has_pending(ends.stream));
    assert_int_equal(send(ends.fds[1], record + 10, (size_t)length - 10, 0), length - 10);
    tls_stream_on_readable(ends.stream);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), 5);
    record[length - 1] ^= 1; /* and one that was spoiled under way */
    assert_int_equal(send(ends.fds[1], record, (size_t)length, 0), length);
    tls_stream_on_readable(ends.stream);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), -EPROTO);
    assert_int_equal(tls_stream_receive(ends.stream, buffer, sizeof(buffer)), -EPROTO);
    assert_int_equal(tls_stream_send(ends.stream, &(struct iovec){buffer, 1}, 1), -EPROTO);
    BIO_free(memory);
    ends_close(&ends);
    tls_context_destroy(context);
}

/* Everything that the client gets, while the socket fills again and again and the bytes move in between. */
static void sends_what_it_was_given(void **state)
{
    enum { HEAD = 100, BODY = 3000000 };
    struct tls_context *context = open_context("a.crt", "a.key");
    struct ends ends;
    char *body = malloc(BODY), *got = malloc(HEAD + BODY), *moved = malloc(HEAD + BODY);
    size_t sent = 0, received = 0, refusals = 0;

    (void)state;
    for (size_t i = 0; i < BODY; i++)
        body[i] = (char)(i * 2654435761u >> 13);
    ends_open(&ends, context);
    ends_shake(&ends);
    while (received < HEAD + BODY) {
        char head[HEAD];
        size_t at = sent > HEAD ? sent - HEAD : 0;
        struct iovec vectors[3];
        ssize_t count = 0;
        int result;

        memset(head, 'h', sizeof(head));
        memcpy(moved, body + at, BODY - at); /* the same bytes elsewhere, in three pieces or one */
        vectors[0] = (struct iovec){head, sent < HEAD ? HEAD - sent : 0};
        vectors[1] = (struct iovec){moved, (BODY - at) / 3};
        vectors[2] = (struct iovec){moved + (BODY - at) / 3, BODY - at - (BODY - at) / 3};
        if (sent < HEAD + BODY)
            count = sent < HEAD ? tls_stream_send(ends.stream, vectors, 3)
                                : tls_stream_send(ends.stream, vectors + 1, 2);
        if (count > 0) {
            sent += (size_t)count;
            continue;
        }
        assert_true(count == 0 || count == -EAGAIN);
        refusals += count == -EAGAIN;
        if (count == -EAGAIN) /* no last word into the middle of a record */
            assert_int_equal(tls_stream_close(ends.stream), 0);
        while ((result = SSL_read(ends.client, got + received, (int)(HEAD + BODY - received))) > 0)
            received += (size_t)result;
        if (received < HEAD + BODY)
            assert_int_equal(SSL_get_error(ends.client, result), SSL_ERROR_WANT_READ);
    }
    assert_true(refusals > 0);
    assert_int_equal(got[0], 'h');
    assert_memory_equal(got + HEAD, body, BODY);
    free(body);
    free(got);
    free(moved);
    ends_close(&ends);
    tls_context_destroy(context);
}

static void key_changes_are_bounded(void **state)
{
    struct tls_context *context = open_context("a.crt", "a.key");
    struct ends ends;
    char byte;
    ssize_t count = 1;

    (void)state;
    ends_open(&ends, context);
    ends_shake(&ends);
    for (unsigned i = 0; i <= HTTP_TLS_HANDSHAKE_RECORDS_MAX && count == 1; i++) {
        assert_int_equal(SSL_key_update(ends.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        if (SSL_write(ends.client, "x", 1) != 1)
            break;
        tls_stream_on_readable(ends.stream);
        count = tls_stream_receive(ends.stream, &byte, 1);
        if (i < HTTP_TLS_HANDSHAKE_RECORDS_MAX)
            assert_int_equal(count, 1);
    }
    assert_int_equal(send(ends.fds[0], "x", 1, MSG_NOSIGNAL), -1); /* it was shut */
    assert_int_equal(errno, EPIPE);
    ends_close(&ends);
    tls_context_destroy(context);
}

/* ---- The server ---- */

static SSL *client_shake(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void serves_requests(void **state)
{
    struct http_server_options options = toy_options();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    char text[4096] = "";
    size_t length = 0;
    int fd, count;
    SSL *ssl;

    (void)state;
    options.listen = NULL;
    options.tls_listen = "127.0.0.1:0";
    assert_int_equal(http_server_start(&server, &options), -EINVAL); /* no certificate */
    options.tls = tls_pair("a.crt", "b.key");
    assert_int_equal(http_server_start(&server, &options), -EBADMSG);
    options.tls = tls_pair("a.crt", "a.key");
    toy_start(&options);
    assert_string_equal(http_server_address(server), http_server_tls_address(server));
    fd = client_connect();
    ssl = client_shake(ctx, fd);
    assert_int_equal(SSL_write(ssl, "GET /path/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 53), 53);
    while ((count = SSL_read(ssl, text + length, (int)(sizeof(text) - 1 - length))) > 0)
        length += (size_t)count;
    assert_int_equal(SSL_get_error(ssl, count), SSL_ERROR_ZERO_RETURN);
    assert_non_null(strstr(text, "HTTP/1.1 200 "));
    assert_non_null(strstr(text, "/path/a|h"));
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(ctx);
    toy_stop();
}

/* Whoever does not come to the point is cut; whoever has, is not. */
static void cuts_slow_handshakes(void **state)
{
    struct http_server_options options = toy_options();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct reply reply = {0};
    int silent, half, whole;
    SSL *ssl;

    (void)state;
    options.listen = NULL;
    options.tls_listen = "127.0.0.1:0";
    options.tls = tls_pair("a.crt", "a.key");
    options.handshake_timeout_ms = 2000;
    toy_start(&options);
    silent = client_connect();
    half = client_connect();
    whole = client_connect();
    ssl = client_shake(ctx, whole);
    client_send_bytes(half, "\x16\x03\x01\x02\x00\x01", 6);
    expect_close(silent, &reply);
    assert_true(recv(half, reply.rest, 1, 0) <= 0);
    assert_int_equal(SSL_write(ssl, "GET /path/a HTTP/1.1\r\nHost: h\r\n\r\n", 34), 34);
    assert_true(SSL_read(ssl, reply.head, sizeof(reply.head)) > 0);
    SSL_free(ssl);
    close(silent);
    close(half);
    close(whole);
    SSL_CTX_free(ctx);
    toy_stop();
}

/* Sends bytes that are no handshake, and waits for the end. */
static void fail_handshake(const char *bytes, size_t length)
{
    char rest[512];
    int fd = client_connect();

    client_send_bytes(fd, bytes, length);
    while (recv(fd, rest, sizeof(rest), 0) > 0)
        ;
    close(fd);
}

static unsigned count_in(const char *text, const char *word)
{
    unsigned count = 0;

    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        count++;
    return count;
}

/* Each is counted; the log has a line of each, or the number of those it has none of. */
static void tells_of_failed_handshakes(void **state)
{
    struct http_server_options options = toy_options();
    struct http_statistics statistics;
    unsigned unlogged = 0;

    (void)state;
    options.listen = NULL;
    options.tls_listen = "127.0.0.1:0";
    options.tls = tls_pair("a.crt", "a.key");
    options.failures_logged_ms = 400;
    options.log = note;
    toy_start(&options);
    for (unsigned i = 0; i < 15; i++)
        fail_handshake("\0garbage", 8);
    close(client_connect()); /* what did not begin cannot fail */
    fail_handshake("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27);
    fail_handshake("\x16\x03\x01\0\x05hello", 10);
    usleep(500000);
    fail_handshake("\0garbage", 8);
    http_server_statistics(server, &statistics);
    assert_int_equal(statistics.handshake_failures[HTTP_HANDSHAKE_REFUSED], 17);
    assert_int_equal(statistics.handshake_failures[HTTP_HANDSHAKE_PLAIN_HTTP], 1);
    assert_int_equal(statistics.handshake_failures[HTTP_HANDSHAKE_CLOSED], 0);
    assert_int_equal(statistics.handshake_failures[HTTP_HANDSHAKE_TIMED_OUT], 0);
    toy_stop(); /* from here on nobody writes to messages */
    for (const char *line = messages; (line = strstr(line, " more TLS handshakes failed before")) != NULL;) {
        const char *number = line++;

        while (number > messages && number[-1] >= '0' && number[-1] <= '9')
            number--;
        unlogged += (unsigned)atoi(number);
    }
    assert_int_equal(count_in(messages, "1 the TLS handshake with 127.0.0.1 failed: ") + unlogged, 18);
    assert_true(count_in(messages, "failed: the client does not speak TLS") >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pairs_that_cannot_be, clear),
        cmocka_unit_test_setup(refuses_a_key_for_everybody, clear),
        cmocka_unit_test_setup(a_reload_counts_when_it_succeeds, clear),
        cmocka_unit_test_setup(a_client_gets_the_certificate_for_its_name, clear),
        cmocka_unit_test_setup(one_bad_pair_refuses_all, clear),
        cmocka_unit_test(reads_records_ahead),
        cmocka_unit_test(half_a_record_is_not_pending),
        cmocka_unit_test(sends_what_it_was_given),
        cmocka_unit_test(key_changes_are_bounded),
        cmocka_unit_test(serves_requests),
        cmocka_unit_test(cuts_slow_handshakes),
        cmocka_unit_test_setup(tells_of_failed_handshakes, clear),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}
