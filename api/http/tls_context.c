/* SPDX-License-Identifier: MIT
 *
 * The certificate, its key, and what both sides may agree on. Any thread.
 *
 * TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only; AES of 128 bits first, which is the cheapest where
 * CPUs have it, unless a client says that ChaCha20 is cheaper for it. HTTP/1.1 is the only protocol that ALPN can choose.
 *
 * Where the kernel has TLS of its own, OpenSSL hands it the keys of what is sent (and with TLS 1.2 of what is received). OpenSSL
 * 3.0 cannot change a key there: a client that asks for that (KeyUpdate of TLS 1.3 with update_requested) loses its connection.
 *
 * Sessions are resumed by tickets, which cost no memory here. OpenSSL makes the keys of tickets at random with each SSL_CTX,
 * so they change with every start and every reload, and are never stored. */
#include "api/http/tls.h"
#include "api/http/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/http/limits.h"
#include "storage/base/secret_file.h"

#define TLS_CIPHERS                                                                                          \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"               \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS_CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define TLS_GROUPS      "X25519:P-256:P-384"

struct tls_context {
    struct tls_context_options options; /* the strings are our own */
    pthread_mutex_t mutex;              /* of ssl_ctx */
    SSL_CTX *ssl_ctx;
    pthread_mutex_t reload_mutex; /* one reload after the other: the later one sees the later files */
};

static void say(const struct tls_context_options *options, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct tls_context_options *options, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(options->log, options->log_ctx, level, format, arguments);
    va_end(arguments);
}

/* Logs the first thing that OpenSSL has against a file. */
static int refuse_file(const struct tls_context_options *options, const char *path, const char *what)
{
    unsigned long error = ERR_get_error();
    const char *reason = NULL;

    if (ERR_SYSTEM_ERROR(error))
        reason = strerror((int)ERR_GET_REASON(error));
    else if (error != 0)
        reason = ERR_reason_error_string(error);
    say(options, LOG_LEVEL_ERROR, "%s: cannot be used as TLS %s: %s", path, what,
        reason != NULL ? reason : "not understood");
    ERR_clear_error();
    return -EBADMSG;
}

/* ---- The pair ---- */

/* OpenSSL would ask on the terminal. */
static int refuse_passphrase(char *buffer, int size, int for_writing, void *ctx)
{
    *(bool *)ctx = true;
    return -1;
}

static int load_key(SSL_CTX *ssl_ctx, const struct tls_context_options *options)
{
    struct stat status;
    bool has_passphrase = false;
    int loaded;

    if (stat(options->key, &status) == 0 && !secret_file_is_private(&status)) {
        say(options, LOG_LEVEL_ERROR, "%s: others than its owner may read the key in it (chmod 600)",
            options->key);
        return -EBADMSG;
    }
    SSL_CTX_set_default_passwd_cb(ssl_ctx, refuse_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl_ctx, &has_passphrase);
    loaded = SSL_CTX_use_PrivateKey_file(ssl_ctx, options->key, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(ssl_ctx, NULL);
    if (has_passphrase) {
        ERR_clear_error();
        say(options, LOG_LEVEL_ERROR, "%s: the key has a passphrase, and there is nobody to ask for it",
            options->key);
        return -EBADMSG;
    }
    if (loaded != 1) {
        unsigned long error = ERR_peek_error();

        /* OpenSSL compares the two as soon as it has both. */
        if (ERR_GET_LIB(error) == ERR_LIB_X509 && (ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH ||
                                                   ERR_GET_REASON(error) == X509_R_KEY_TYPE_MISMATCH)) {
            ERR_clear_error();
            say(options, LOG_LEVEL_ERROR, "%s: is not the key of the certificate %s", options->key,
                options->certificate);
            return -EBADMSG;
        }
        return refuse_file(options, options->key, "key");
    }
    return 0;
}

static void warn_of_dates(SSL_CTX *ssl_ctx, const struct tls_context_options *options)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ssl_ctx);

    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        say(options, LOG_LEVEL_WARNING, "%s: the certificate has expired: clients will refuse it",
            options->certificate);
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        say(options, LOG_LEVEL_WARNING, "%s: the certificate is not valid yet: clients will refuse it",
            options->certificate);
}

static int load_pair(SSL_CTX *ssl_ctx, const struct tls_context_options *options)
{
    int err;

    if (SSL_CTX_use_certificate_chain_file(ssl_ctx, options->certificate) != 1)
        return refuse_file(options, options->certificate, "certificate");
    if ((err = load_key(ssl_ctx, options)) != 0)
        return err;
    if (SSL_CTX_check_private_key(ssl_ctx) != 1) {
        say(options, LOG_LEVEL_ERROR, "%s: is not the key of the certificate %s", options->key,
            options->certificate);
        ERR_clear_error();
        return -EBADMSG;
    }
    warn_of_dates(ssl_ctx, options);
    return 0;
}

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
                                     SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_protocol, NULL);
    SSL_CTX_set_read_ahead(ssl_ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ssl_ctx, HTTP_TLS_READ_AHEAD_BYTES);
    SSL_CTX_set_msg_callback(ssl_ctx, tls_stream_on_record);
    return 0;
}

static int load(SSL_CTX **out, const struct tls_context_options *options)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_server_method());
    int err = -ENOMEM;

    ERR_clear_error();
    if (ssl_ctx != NULL && (err = configure(ssl_ctx)) == 0)
        err = load_pair(ssl_ctx, options);
    ERR_clear_error();
    if (err != 0) {
        SSL_CTX_free(ssl_ctx);
        return err;
    }
    *out = ssl_ctx;
    return 0;
}

/* ---- Calls ---- */

int tls_context_create(struct tls_context **out, const struct tls_context_options *options)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    int err;

    if (context == NULL)
        return -ENOMEM;
    context->options = *options;
    context->options.certificate = strdup(options->certificate);
    context->options.key = strdup(options->key);
    pthread_mutex_init(&context->mutex, NULL);
    pthread_mutex_init(&context->reload_mutex, NULL);
    err = context->options.certificate == NULL || context->options.key == NULL
              ? -ENOMEM
              : load(&context->ssl_ctx, &context->options);
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
    if ((err = load(&fresh, &context->options)) == 0) {
        pthread_mutex_lock(&context->mutex);
        old = context->ssl_ctx;
        context->ssl_ctx = fresh;
        pthread_mutex_unlock(&context->mutex);
        SSL_CTX_free(old); /* streams made of it hold it */
    }
    pthread_mutex_unlock(&context->reload_mutex);
    return err;
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
    free((char *)context->options.certificate);
    free((char *)context->options.key);
    free(context);
}
