/* SPDX-License-Identifier: MIT
 *
 * Which certificate a client gets: the first one that is for the name that it asks for (Server Name Indication, RFC 6066 section 3), by OpenSSL's own
 * comparison of host names; without a name, or where none is for it, the first of all. A client of one that is not for its name will
 * refuse it, and say so in its own words, which tell more than a broken handshake would. */
#include "api/http/tls/tls.h"
#include "api/http/tls/tls_internal.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/http/limits.h"

/* With the first pair's SSL_CTX, as long as that lives: connections that are being shaken outlive a reload. */
struct held {
    unsigned count;
    SSL_CTX *pairs[]; /* all but the first */
};

static int held_index = -1;

static void free_held(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long number, void *arg)
{
    struct held *held = ptr;

    for (unsigned i = 0; held != NULL && i < held->count; i++)
        SSL_CTX_free(held->pairs[i]);
    free(held);
}

static void make_index(void)
{
    held_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_held);
}

static bool is_for(SSL_CTX *ssl_ctx, const char *name)
{
    return X509_check_host(SSL_CTX_get0_certificate(ssl_ctx), name, 0, 0, NULL) == 1;
}

static int choose(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX *first = SSL_get_SSL_CTX(ssl);
    const struct held *held = SSL_CTX_get_ex_data(first, held_index);

    if (name == NULL || is_for(first, name))
        return SSL_TLSEXT_ERR_OK;
    for (unsigned i = 0; i < held->count; i++)
        if (is_for(held->pairs[i], name))
            return SSL_set_SSL_CTX(ssl, held->pairs[i]) != NULL ? SSL_TLSEXT_ERR_OK
                                                                : SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

int tls_names_hold(SSL_CTX *first, SSL_CTX *const *others, unsigned count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct held *held;

    if (count == 0)
        return 0;
    (void)pthread_once(&once, make_index);
    held = malloc(sizeof(*held) + count * sizeof(held->pairs[0]));
    if (held == NULL || held_index < 0 || SSL_CTX_set_ex_data(first, held_index, held) != 1) {
        free(held);
        return -ENOMEM;
    }
    held->count = count;
    for (unsigned i = 0; i < count; i++)
        held->pairs[i] = others[i];
    SSL_CTX_set_tlsext_servername_callback(first, choose);
    return 0;
}
