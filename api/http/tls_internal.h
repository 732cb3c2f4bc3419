/* SPDX-License-Identifier: MIT
 *
 * What tls_context.c and tls_stream.c share. Not for other files. */
#ifndef API_HTTP_TLS_INTERNAL_H
#define API_HTTP_TLS_INTERNAL_H

#include <openssl/ssl.h>

struct tls_context;

/* A new SSL of the pair in use, which it keeps. NULL when memory is short. */
SSL *tls_context_ssl(struct tls_context *context);
/* OpenSSL's message callback; arg is the stream. */
void tls_stream_on_record(int is_write, int version, int content_type, const void *data, size_t length,
                          SSL *ssl, void *arg);

#endif
