/* SPDX-License-Identifier: MIT
 *
 * TLS by OpenSSL on a connection's own descriptor. Inside of the HTTP front, and the one place that names OpenSSL there.
 *
 * A context is certificates with their keys and the settings that go with them. Any thread may use it; new pairs take the
 * old ones' place for connections to come. A stream is one connection's side of TLS, on the connection's worker. It blocks
 * never: it reports what it waits for, and the connection polls. */
#ifndef API_HTTP_TLS_H
#define API_HTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "api/http/http.h"
#include "storage/base/log.h"

/* ---- Context ---- */

struct tls_context;

struct tls_context_options {
    struct http_tls_options tls; /* one pair at least; copied */
    /* as in http.h; what is wrong, with the file; never NULL */
    log_fn log;
    void *log_ctx;
};

/* 0; -EBADMSG: a pair cannot be used, and the log says why; -ENOMEM. */
int tls_context_create(struct tls_context **context, const struct tls_context_options *options);
/* Reads all files again. The same results; on failure the old pairs stay in use. */
int tls_context_reload(struct tls_context *context);
/* Each has the other's pairs and settings from now on, for streams to come. The other is the caller's alone. */
void tls_context_exchange(struct tls_context *context, struct tls_context *other);
void tls_context_destroy(struct tls_context *context); /* streams may outlive it; NULL allowed */

/* ---- Stream ---- */

struct tls_stream;

/* fd: connected, non-blocking; stays the caller's. 0 or -ENOMEM. */
int tls_stream_create(struct tls_stream **stream, struct tls_context *context, int fd);
/* 0: done. -EAGAIN. -EPROTO, -ECONNRESET ...: it failed, and the peer was told why if that was possible. */
int tls_stream_handshake(struct tls_stream *stream);
/* Behind a handshake that failed with -EPROTO: what OpenSSL says of it ("no shared cipher"); static text. */
const char *tls_stream_failure(const struct tls_stream *stream);
/* What was decrypted. > 0; 0: nothing follows, with or without a word from the peer; -EAGAIN; -EPROTO, -ECONNRESET, other
 * negative errno. */
ssize_t tls_stream_receive(struct tls_stream *stream, void *buffer, size_t length);
/* One record of at most TLS_RECORD_BYTES_MAX. Returns the bytes it took (> 0), -EAGAIN, or a negative errno. After -EAGAIN the
 * next call must begin with the same bytes, which may have moved. */
ssize_t tls_stream_send(struct tls_stream *stream, const struct iovec *vectors, size_t count);
/* Tells the peer that nothing follows. 0 (also when there is nobody to tell), or -EAGAIN. */
int tls_stream_close(struct tls_stream *stream);
void tls_stream_destroy(struct tls_stream *stream); /* NULL allowed */
/* As http_request_certificate_names. */
size_t tls_stream_names(const struct tls_stream *stream, struct arena *arena, struct slice *names,
                        size_t max);

/* The descriptor became readable. */
void tls_stream_on_readable(struct tls_stream *stream);
/* Bytes wait inside that no poll will tell about. */
bool tls_stream_has_pending(const struct tls_stream *stream);
/* The last -EAGAIN of a handshake or receive is about room to write. */
bool tls_stream_wants_write(const struct tls_stream *stream);
/* The kernel encrypts: sendfile to the descriptor is as good as tls_stream_send. */
bool tls_stream_kernel_sends(const struct tls_stream *stream);
/* "TLSv1.3", "TLS_AES_128_GCM_SHA256": static text. */
const char *tls_stream_version(const struct tls_stream *stream);
const char *tls_stream_cipher(const struct tls_stream *stream);

#endif
