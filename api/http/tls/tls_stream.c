/* SPDX-License-Identifier: MIT
 *
 * One connection's side of TLS: handshake, records in, records out, the last word. On the connection's worker.
 *
 * OpenSSL reads and writes the descriptor itself (not through libh2o's socket, which copies once more and which hides the
 * descriptor from the kernel's TLS). It reads ahead: one system call fetches several records, of which some then wait inside
 * where no poll sees them. tls_stream_has_pending tells; the connection must ask before it waits.
 *
 * A record is retried byte by byte the same after a full socket: OpenSSL has encrypted it already. So only its length is
 * remembered here, and the caller's queue still begins with it. */
#include "api/http/tls/tls.h"
#include "api/http/tls/tls_internal.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/http/limits.h"

struct tls_stream {
    SSL *ssl;
    int fd;
    int error;                  /* sticky; 0: none. After one OpenSSL must not be asked again */
    unsigned long reason;       /* OpenSSL's, for -EPROTO; 0: it gave none */
    size_t retry_length;        /* of the record that the socket did not take; 0: none */
    unsigned handshake_records; /* received after the handshake */
    bool is_open;               /* the handshake is done */
    bool is_ended;              /* the peer has said that nothing follows */
    bool is_blocked;            /* what waits inside is less than a record: only the socket can help */
    bool wants_write;
};

int tls_stream_create(struct tls_stream **out, struct tls_context *context, int fd)
{
    struct tls_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL)
        return -ENOMEM;
    ERR_clear_error();
    stream->fd = fd;
    stream->ssl = tls_context_ssl(context);
    if (stream->ssl == NULL || SSL_set_fd(stream->ssl, fd) != 1) {
        tls_stream_destroy(stream);
        ERR_clear_error();
        return -ENOMEM;
    }
    SSL_set_msg_callback_arg(stream->ssl, stream);
    SSL_set_accept_state(stream->ssl);
    *out = stream;
    return 0;
}

void tls_stream_destroy(struct tls_stream *stream)
{
    if (stream == NULL)
        return;
    SSL_free(stream->ssl);
    free(stream);
}

/* A peer may change keys as often as it likes, each time for a little work of ours and hardly any of its own; so there is a
 * bound, far beyond what an honest one reaches. The callback cannot fail the read, but end the socket. */
void tls_stream_on_record(int is_write, int version, int content_type, const void *data, size_t length,
                          SSL *ssl, void *arg)
{
    struct tls_stream *stream = arg;
    const unsigned char *bytes = data;

    /* A record of TLS 1.3 looks like application data outside, and tells its type inside. */
    if (is_write || stream == NULL || !stream->is_open || length == 0 || bytes[0] != SSL3_RT_HANDSHAKE ||
        (content_type != SSL3_RT_HEADER && content_type != SSL3_RT_INNER_CONTENT_TYPE))
        return;
    if (++stream->handshake_records > HTTP_TLS_HANDSHAKE_RECORDS_MAX)
        (void)shutdown(stream->fd, SHUT_RDWR); /* fails only when it is shut already */
}

/* What a call that returned `result` came to: 0 the end in good order, or a negative errno. */
static int stream_failed(struct tls_stream *stream, int result, int system_error)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        stream->is_blocked = true;
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        stream->wants_write = true;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        stream->is_ended = true;
        return 0;
    case SSL_ERROR_SYSCALL:
        stream->error = system_error > 0 ? -system_error : -ECONNRESET;
        break;
    default:
        stream->error = -EPROTO;
        stream->reason = ERR_peek_error();
        break;
    }
    ERR_clear_error();
    return stream->error;
}

int tls_stream_handshake(struct tls_stream *stream)
{
    int result, err;

    if (stream->error != 0)
        return stream->error;
    stream->wants_write = false;
    ERR_clear_error();
    errno = 0;
    result = SSL_accept(stream->ssl);
    if (result == 1) {
        stream->is_open = true;
        stream->is_blocked = false;
        return 0;
    }
    err = stream_failed(stream, result, errno);
    return err != 0 ? err : -ECONNRESET; /* the peer went away in the middle of it, politely */
}

const char *tls_stream_failure(const struct tls_stream *stream)
{
    const char *text = ERR_reason_error_string(stream->reason);

    return text != NULL ? text : "no reason is known";
}

ssize_t tls_stream_receive(struct tls_stream *stream, void *buffer, size_t length)
{
    size_t total = 0;

    if (stream->error != 0)
        return stream->error;
    if (stream->is_ended)
        return 0;
    stream->wants_write = false;
    do {
        size_t count;
        int result, err;

        ERR_clear_error();
        errno = 0;
        result = SSL_read_ex(stream->ssl, (char *)buffer + total, length - total, &count);
        if (result != 1) {
            err = stream_failed(stream, result, errno);
            return total > 0 ? (ssize_t)total : err; /* an end or a failure is there for the next call, too */
        }
        stream->is_blocked = false;
        total += count;
    } while (total < length && SSL_has_pending(stream->ssl));
    return (ssize_t)total;
}

/* The first bytes of the vectors in one piece: where they lie, or in the room given. */
static const void *stream_gather(const struct iovec *vectors, size_t count, size_t length, char *room)
{
    size_t have = 0;

    if (vectors[0].iov_len >= length)
        return vectors[0].iov_base;
    for (size_t i = 0; i < count && have < length; i++) {
        size_t part = vectors[i].iov_len < length - have ? vectors[i].iov_len : length - have;

        memcpy(room + have, vectors[i].iov_base, part);
        have += part;
    }
    assert(have == length);
    return room;
}

ssize_t tls_stream_send(struct tls_stream *stream, const struct iovec *vectors, size_t count)
{
    char room[HTTP_TLS_RECORD_BYTES_MAX];
    size_t length = stream->retry_length, written;
    int result, err;

    if (stream->error != 0)
        return stream->error;
    for (size_t i = 0; i < count && stream->retry_length == 0 && length < sizeof(room); i++)
        length += vectors[i].iov_len < sizeof(room) - length ? vectors[i].iov_len : sizeof(room) - length;
    assert(length > 0);
    ERR_clear_error();
    errno = 0;
    result = SSL_write_ex(stream->ssl, stream_gather(vectors, count, length, room), length, &written);
    if (result != 1) {
        bool is_blocked = stream->is_blocked, wants_write = stream->wants_write;

        err = stream_failed(stream, result, errno);
        if (err == -EAGAIN)
            stream->retry_length = length;
        stream->is_blocked = is_blocked; /* both are about receiving */
        stream->wants_write = wants_write;
        return err != 0 ? err : -EPIPE;
    }
    assert(written == length);
    stream->retry_length = 0;
    return (ssize_t)length;
}

int tls_stream_close(struct tls_stream *stream)
{
    int result;

    /* Behind half a record there is no room for a word. */
    if (!stream->is_open || stream->error != 0 || stream->retry_length != 0)
        return 0;
    ERR_clear_error();
    result = SSL_shutdown(stream->ssl);
    if (result < 0 && SSL_get_error(stream->ssl, result) == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    ERR_clear_error();
    return 0;
}

void tls_stream_on_readable(struct tls_stream *stream)
{
    stream->is_blocked = false;
}

bool tls_stream_has_pending(const struct tls_stream *stream)
{
    if (stream->is_ended || stream->error != 0)
        return true; /* the next call tells */
    return stream->is_open && !stream->is_blocked && SSL_has_pending(stream->ssl);
}

bool tls_stream_wants_write(const struct tls_stream *stream)
{
    return stream->wants_write;
}

bool tls_stream_kernel_sends(const struct tls_stream *stream)
{
    return stream->is_open && BIO_get_ktls_send(SSL_get_wbio(stream->ssl));
}

const X509 *tls_stream_certificate(const struct tls_stream *stream)
{
    return stream->is_open && SSL_get_verify_result(stream->ssl) == X509_V_OK
               ? SSL_get0_peer_certificate(stream->ssl)
               : NULL;
}

const char *tls_stream_version(const struct tls_stream *stream)
{
    return SSL_get_version(stream->ssl);
}

const char *tls_stream_cipher(const struct tls_stream *stream)
{
    return SSL_get_cipher_name(stream->ssl);
}
