/* SPDX-License-Identifier: MIT
 *
 * Certificates of clients (mutual TLS): asked for, held against the authorities by OpenSSL during the handshake, and read for whom they name. */
#include "api/http/tls/tls.h"
#include "api/http/tls/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "api/http/limits.h"
#include "storage/base/arena.h"

int tls_client_configure(SSL_CTX *ssl_ctx, const struct tls_context_options *options)
{
    const char *path = options->tls.client_authority;
    STACK_OF(X509_NAME) * asked;

    if (path == NULL)
        return 0;
    if (SSL_CTX_load_verify_file(ssl_ctx, path) != 1 || (asked = SSL_load_client_CA_file(path)) == NULL)
        return tls_pair_refuse(options, path, "authority of clients");
    SSL_CTX_set_client_CA_list(ssl_ctx, asked);
    SSL_CTX_set_verify_depth(ssl_ctx, HTTP_TLS_CLIENT_DEPTH_MAX);
    SSL_CTX_set_verify(ssl_ctx,
                       SSL_VERIFY_PEER | (options->tls.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       NULL);
    return 0;
}

/* ---- Names ---- */

struct list {
    struct arena *arena;
    struct slice *names;
    size_t count, max;
};

/* A name with a NUL in it is meant to be read as another one. */
static void add(struct list *list, struct slice kind, const unsigned char *text, int length)
{
    struct slice name = slice_of((const char *)text, length > 0 ? (size_t)length : 0);

    if (list->count == list->max || name.len == 0 || name.len > HTTP_TLS_CLIENT_NAME_BYTES_MAX ||
        memchr(name.base, 0, name.len) != NULL)
        return;
    if (slice_is(kind, "dns:"))
        name = arena_dup_lower(list->arena, name);
    list->names[list->count++] = arena_concat(list->arena, kind, name);
}

static void add_alternative(struct list *list, const GENERAL_NAME *name)
{
    const ASN1_IA5STRING *text = name->d.ia5;

    if (name->type == GEN_DNS)
        add(list, SLICE("dns:"), ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    else if (name->type == GEN_EMAIL)
        add(list, SLICE("email:"), ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    else if (name->type == GEN_URI)
        add(list, SLICE("uri:"), ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
}

static void add_subject(struct list *list, const X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text;
    int length;

    if (at < 0)
        return;
    length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0)
        return;
    add(list, SLICE("cn:"), text, length);
    OPENSSL_free(text);
}

size_t tls_stream_names(const struct tls_stream *stream, struct arena *arena, struct slice *names, size_t max)
{
    const X509 *certificate = tls_stream_certificate(stream);
    struct list list = {.arena = arena, .names = names, .max = max};
    GENERAL_NAMES *alternatives;

    if (certificate == NULL)
        return 0;
    alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) /* of NULL: -1 */
        add_alternative(&list, sk_GENERAL_NAME_value(alternatives, i));
    GENERAL_NAMES_free(alternatives);
    add_subject(&list, certificate);
    ERR_clear_error();
    return list.count;
}
