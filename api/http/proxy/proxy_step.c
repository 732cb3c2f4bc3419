/* SPDX-License-Identifier: MIT
 *
 * The state PROXY of a connection that came in where the header of the PROXY protocol is expected, before HTTP and before TLS. On the
 * connection's worker.
 *
 * Only trusted proxies may send one: who connects from elsewhere is refused before a byte is read. From the header on the connection
 * is the client's whom it names: for the bound of an address, for policies and in logs. No byte beyond the header is taken from the
 * socket, for OpenSSL reads that itself. */
#include "api/http/connection.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "api/http/proxy/proxies.h"
#include "api/http/proxy/proxy_header.h"

static void proxy_note_refusal(struct http_worker *worker, h2o_socket_t *socket, const char *why)
{
    struct sockaddr_storage address;
    socklen_t address_bytes;
    char host[NI_MAXHOST];
    size_t host_length = SIZE_MAX;
    unsigned left_out;

    counter_add(&worker->counters.refusals[HTTP_REFUSED_PROXY], 1);
    if (!log_limit_admit(&worker->unannounced, 1, HTTP_ACCEPT_FAILURES_LOGGED_MS, &left_out))
        return;
    if (left_out > 0)
        server_log(worker->server, LOG_LEVEL_WARNING,
                   "%u more connections were refused for their PROXY header before", left_out);
    address_bytes = h2o_socket_getpeername(socket, (struct sockaddr *)&address);
    if (address_bytes > 0)
        host_length = h2o_socket_getnumerichost((struct sockaddr *)&address, address_bytes, host);
    server_log(worker->server, LOG_LEVEL_WARNING, "a connection from %.*s was refused: %s",
               host_length != SIZE_MAX ? (int)host_length : 7, host_length != SIZE_MAX ? host : "unknown",
               why);
}

bool proxy_may_announce(struct http_worker *worker, h2o_socket_t *socket)
{
    struct sockaddr_storage address;

    if (h2o_socket_getpeername(socket, (struct sockaddr *)&address) > 0 &&
        proxies_have(worker->settings->proxies, &address))
        return true;
    proxy_note_refusal(worker, socket, "only a trusted proxy may connect where a PROXY header is expected");
    return false;
}

void proxy_begin(struct connection *conn)
{
    conn->state = CONNECTION_PROXY;
    conn->is_readable = true; /* a proxy sends it at once */
    connection_arm(conn, &conn->worker->handshake_timeout);
}

static enum connection_step proxy_refuse(struct connection *conn, const char *why)
{
    proxy_note_refusal(conn->worker, conn->socket, why);
    conn->state = CONNECTION_CLOSED;
    return STEP_AGAIN;
}

/* The header is whole. */
static enum connection_step proxy_end(struct connection *conn, struct proxy_header *header)
{
    connection_consume(conn, header->length);
    if (header->has_client)
        h2o_socket_setpeername(conn->socket, &header->client.any, header->client_bytes);
    if (peer_take(conn->worker, conn->socket, &conn->peer) != 0) {
        conn->state = CONNECTION_CLOSED;
        return STEP_AGAIN;
    }
    connection_open(conn);
    return STEP_AGAIN;
}

static ssize_t proxy_receive(struct connection *conn, const struct proxy_header *header)
{
    size_t most = header->length - connection_input(conn)->size;
    char line[HTTP_PROXY_HEADER_BYTES_MAX];
    const char *line_feed;
    ssize_t count;

    if (header->is_line) { /* how long it is, only its end tells */
        count = recv(connection_fd(conn), line, most, MSG_PEEK | MSG_DONTWAIT);
        if (count > 0)
            most = (line_feed = memchr(line, '\n', (size_t)count)) != NULL ? (size_t)(line_feed - line) + 1
                                                                           : (size_t)count;
    }
    return connection_receive(conn, most);
}

enum connection_step proxy_step(struct connection *conn)
{
    struct proxy_header header;
    h2o_buffer_t *input = connection_input(conn);
    int err = proxy_header_read(&header, input->bytes, input->size);
    ssize_t count;

    if (err == 0)
        return proxy_end(conn, &header);
    if (err == -EMSGSIZE)
        return proxy_refuse(conn, "its PROXY header is too long");
    if (err != -EAGAIN)
        return proxy_refuse(conn, "it does not begin with a PROXY header, or with one that is malformed");
    count = conn->is_readable ? proxy_receive(conn, &header) : -EAGAIN;
    if (count == -EAGAIN) {
        conn->want_read = true;
        return STEP_WAIT;
    }
    if (count <= 0)
        conn->state = CONNECTION_CLOSED;
    return STEP_AGAIN;
}
