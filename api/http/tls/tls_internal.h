/* SPDX-License-Identifier: MIT
 *
 * What the files of TLS share. Not for other files. */
#ifndef API_HTTP_TLS_INTERNAL_H
#define API_HTTP_TLS_INTERNAL_H

#include <openssl/ssl.h>

struct tls_context;
struct tls_context_options;
struct http_tls_pair;

/* A new SSL of the pair in use, which it keeps. NULL when memory is short. */
SSL *tls_context_ssl(struct tls_context *context);
/* 0; -EBADMSG: the log says why. */
int tls_pair_load(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                  const struct http_tls_pair *pair);
/* From now on connections of `first` get the certificate for their name. The others become its own. 0; -ENOMEM: they stay the caller's. */
int tls_names_hold(SSL_CTX *first, SSL_CTX *const *others, unsigned count);
/* Clients are asked for certificates, if the options say so. 0; -EBADMSG: the log says why. */
int tls_client_configure(SSL_CTX *ssl_ctx, const struct tls_context_options *options);
/* Logs the first thing that OpenSSL has against a file, as `what`. -EBADMSG. */
int tls_pair_refuse(const struct tls_context_options *options, const char *path, const char *what);
/* What a client's certificate says; NULL: it has shown none. The stream's. */
const X509 *tls_stream_certificate(const struct tls_stream *stream);
/* OpenSSL's message callback; arg is the stream. */
void tls_stream_on_record(int is_write, int version, int content_type, const void *data, size_t length,
                          SSL *ssl, void *arg);

#endif
