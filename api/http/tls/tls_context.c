/* SPDX-License-Identifier: MIT
 *
 * The certificate, its key, and what both sides may agree on. Any thread.
 *
 * TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only; AES of 128 bits first, which is the cheapest where
 * CPUs have it, unless a client says that ChaCha20 is cheaper for it. HTTP/1.1 is the only protocol that ALPN can choose.
 *
 * Where the kernel has TLS of its own, OpenSSL hands it the keys of what is sent (and with TLS 1.2 of what is received). OpenSSL
 * 3.0 cannot change a key there: a client that asks for that (KeyUpdate of TLS 1.3 with update_requested) loses its connection.
 * OpenSSL 3.2 and later lose what they have read ahead when a key changes while they may use the kernel's TLS (seen with 3.5.9): there they
 * read a record at a time, and elsewhere the kernel's TLS is not asked for.
 *
 * Sessions are resumed by tickets, which cost no memory here. OpenSSL makes the keys of tickets at random with each SSL_CTX,
 * so they change with every start and every reload, and are never stored.
 *
 * Each pair is an SSL_CTX. A connection begins with the first, which holds the others: they go with it, when the last connection
 * that was begun with it ends. */
#include "api/http/tls/tls.h"
#include "api/http/tls/tls_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/limits.h"

#define TLS_CIPHERS                                                                                          \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"               \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS_CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define TLS_GROUPS      "X25519:P-256:P-384"

struct tls_context {
    struct tls_context_options options; /* the pairs and the strings are our own */
    pthread_mutex_t mutex;              /* of ssl_ctx */
    SSL_CTX *ssl_ctx;                   /* of the first pair */
    pthread_mutex_t reload_mutex;       /* one reload after the other: the later one sees the later files */
};

/* ---- The settings ---- */

/* A client that names protocols, and not this one, speaks something that would be garbage here. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *in, unsigned in_length, void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof(ours) - 1, in, in_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A socket that is not connected is refused in one way where the kernel has it, and in another where it has not. */
static bool kernel_has_tls(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has_tls;

    if (fd < 0)
        return false;
    has_tls = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0 || errno == ENOTCONN;
    (void)close(fd); /* nothing was sent */
    return has_tls;
}

static void configure_reading(SSL_CTX *ssl_ctx)
{
    bool has_kernel = kernel_has_tls();

    if (has_kernel)
        SSL_CTX_set_options(ssl_ctx, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_read_ahead(ssl_ctx,
                           !has_kernel || (OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2));
    SSL_CTX_set_default_read_buffer_len(ssl_ctx, HTTP_TLS_READ_AHEAD_BYTES);
}

static int configure(SSL_CTX *ssl_ctx)
{
    static const unsigned char session_name[] = "sluice";

    if (SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ssl_ctx, TLS_CIPHERS) != 1 ||
        SSL_CTX_set_ciphersuites(ssl_ctx, TLS_CIPHERS_1_3) != 1 ||
        SSL_CTX_set1_groups_list(ssl_ctx, TLS_GROUPS) != 1 ||
        SSL_CTX_set_session_id_context(ssl_ctx, session_name, sizeof(session_name) - 1) != 1)
        return -ENOMEM;
    /* A client that just closes, or has shut its side, is heard to its end: whether a request is whole, its framing tells. */
    SSL_CTX_set_options(ssl_ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_options(ssl_ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_protocol, NULL);
    configure_reading(ssl_ctx);
    SSL_CTX_set_msg_callback(ssl_ctx, tls_stream_on_record);
    return 0;
}

static int load(SSL_CTX **out, const struct tls_context_options *options, const struct http_tls_pair *pair)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_server_method());
    int err = -ENOMEM;

    ERR_clear_error();
    if (ssl_ctx != NULL && (err = configure(ssl_ctx)) == 0)
        err = tls_pair_load(ssl_ctx, options, pair);
    if (err == 0)
        err = tls_client_configure(ssl_ctx, options);
    ERR_clear_error();
    if (err != 0) {
        SSL_CTX_free(ssl_ctx);
        return err;
    }
    *out = ssl_ctx;
    return 0;
}

/* All pairs. The first one's answers, and holds the others. */
static int load_all(SSL_CTX **out, const struct tls_context_options *options)
{
    SSL_CTX *pairs[HTTP_TLS_PAIRS_MAX] = {NULL};
    unsigned count = 0;
    int err = 0;

    while (err == 0 && count < options->tls.pair_count)
        if ((err = load(&pairs[count], options, &options->tls.pairs[count])) == 0)
            count++;
    if (err == 0 && (err = tls_names_hold(pairs[0], &pairs[1], count - 1)) == 0) {
        *out = pairs[0];
        return 0;
    }
    while (count > 0)
        SSL_CTX_free(pairs[--count]);
    return err;
}

/* ---- Calls ---- */

static void free_options(struct tls_context_options *options)
{
    for (unsigned i = 0; options->tls.pairs != NULL && i < options->tls.pair_count; i++) {
        free((char *)options->tls.pairs[i].certificate);
        free((char *)options->tls.pairs[i].key);
    }
    free((struct http_tls_pair *)options->tls.pairs);
    free((char *)options->tls.client_authority);
}

static int copy_options(struct tls_context_options *copy, const struct tls_context_options *options)
{
    struct http_tls_pair *pairs = calloc(options->tls.pair_count, sizeof(*pairs));
    bool is_whole = pairs != NULL;

    *copy = *options;
    copy->tls.pairs = pairs;
    copy->tls.client_authority = NULL;
    if (options->tls.client_authority != NULL)
        is_whole = (copy->tls.client_authority = strdup(options->tls.client_authority)) != NULL && is_whole;
    for (unsigned i = 0; is_whole && i < options->tls.pair_count; i++) {
        pairs[i].certificate = strdup(options->tls.pairs[i].certificate);
        pairs[i].key = strdup(options->tls.pairs[i].key);
        is_whole = pairs[i].certificate != NULL && pairs[i].key != NULL;
    }
    return is_whole ? 0 : -ENOMEM;
}

int tls_context_create(struct tls_context **out, const struct tls_context_options *options)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    int err;

    assert(options->tls.pair_count > 0 && options->tls.pair_count <= HTTP_TLS_PAIRS_MAX);
    if (context == NULL)
        return -ENOMEM;
    pthread_mutex_init(&context->mutex, NULL);
    pthread_mutex_init(&context->reload_mutex, NULL);
    if ((err = copy_options(&context->options, options)) == 0)
        err = load_all(&context->ssl_ctx, &context->options);
    if (err != 0) {
        tls_context_destroy(context);
        return err;
    }
    *out = context;
    return 0;
}

int tls_context_reload(struct tls_context *context)
{
    SSL_CTX *fresh = NULL, *old;
    int err;

    pthread_mutex_lock(&context->reload_mutex);
    if ((err = load_all(&fresh, &context->options)) == 0) {
        pthread_mutex_lock(&context->mutex);
        old = context->ssl_ctx;
        context->ssl_ctx = fresh;
        pthread_mutex_unlock(&context->mutex);
        SSL_CTX_free(old); /* streams made of it hold it */
    }
    pthread_mutex_unlock(&context->reload_mutex);
    return err;
}

void tls_context_exchange(struct tls_context *context, struct tls_context *other)
{
    struct tls_context_options options = other->options;
    SSL_CTX *ssl_ctx = other->ssl_ctx;

    pthread_mutex_lock(&context->reload_mutex);
    pthread_mutex_lock(&context->mutex);
    other->options = context->options;
    other->ssl_ctx = context->ssl_ctx;
    context->options = options;
    context->ssl_ctx = ssl_ctx;
    pthread_mutex_unlock(&context->mutex);
    pthread_mutex_unlock(&context->reload_mutex);
}

SSL *tls_context_ssl(struct tls_context *context)
{
    SSL *ssl;

    pthread_mutex_lock(&context->mutex);
    ssl = SSL_new(context->ssl_ctx);
    pthread_mutex_unlock(&context->mutex);
    return ssl;
}

void tls_context_destroy(struct tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl_ctx);
    pthread_mutex_destroy(&context->mutex);
    pthread_mutex_destroy(&context->reload_mutex);
    free_options(&context->options);
    free(context);
}
