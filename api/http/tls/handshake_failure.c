/* SPDX-License-Identifier: MIT
 *
 * Handshakes that fail are counted, each, and logged, a few: anybody who reaches the port can fail as often as he likes, and the
 * log is for those who wonder why their client does not get in. On the connection's worker; the log's bound is the server's. */
#include "api/http/connection.h"

static bool failure_is_logged(struct http_server *server, unsigned *unlogged)
{
    bool is_logged;

    pthread_mutex_lock(&server->failures_mutex);
    is_logged = log_limit_admit(&server->failures, HTTP_HANDSHAKE_FAILURES_LOGGED, server->failures_logged_ms,
                                unlogged);
    pthread_mutex_unlock(&server->failures_mutex);
    return is_logged;
}

void handshake_failure_note(struct connection *conn, enum http_handshake_failure failure, const char *says)
{
    struct http_server *server = conn->worker->server;
    struct sockaddr_storage address;
    socklen_t address_bytes;
    char host[NI_MAXHOST];
    size_t host_length = SIZE_MAX;
    unsigned unlogged;

    counter_add(&conn->worker->counters.handshake_failures[failure], 1);
    if (!failure_is_logged(server, &unlogged))
        return;
    if (unlogged > 0)
        server_log(server, LOG_LEVEL_WARNING, "%u more TLS handshakes failed before and were not logged",
                   unlogged);
    address_bytes = h2o_socket_getpeername(conn->socket, (struct sockaddr *)&address);
    if (address_bytes > 0)
        host_length = h2o_socket_getnumerichost((struct sockaddr *)&address, address_bytes, host);
    server_log(server, LOG_LEVEL_WARNING, "the TLS handshake with %.*s failed: %s",
               host_length != SIZE_MAX ? (int)host_length : 7, host_length != SIZE_MAX ? host : "unknown",
               says);
}
