/* SPDX-License-Identifier: MIT
 *
 * The places where a server serves: opened before its workers start, and what they are called. */
#include "api/http/worker.h"

#include <errno.h>
#include <string.h>

#include "api/http/connection.h"
#include "api/http/proxy/proxies.h"
#include "api/http/tls/tls.h"

static int server_load_tls(struct http_server *server)
{
    const struct tls_context_options tls_options = {
        .tls = server->options.tls,
        .log = server_log_line,
        .log_ctx = server,
    };

    return server->tls != NULL ? 0 : tls_context_create(&server->tls, &tls_options);
}

/* A header that anybody may send would let everybody choose his address: who may connect to a socket file is told by its mode, and which of them is a
 * proxy by "unix". */
static bool server_announces(const struct http_server *server, const struct listener *listener)
{
    const struct sockaddr_storage file = {.ss_family = AF_UNIX};

    return listener->port != 0 || proxies_have(atomic_load(&server->settings)->proxies, &file);
}

static int server_listen(struct http_server *server, const struct http_listen *at)
{
    struct listener *listener = &server->listeners[server->listener_count];
    int err = at->is_tls ? server_load_tls(server) : 0;

    if (err != 0)
        return err;
    if ((err = listener_open(listener, at, server->options.socket_mode)) != 0) {
        server_log(server, LOG_LEVEL_ERROR, "cannot listen on %s: %s",
                   at->address != NULL ? at->address : "an inherited socket", strerror(-err));
        return err;
    }
    listener->is_announced = at->proxy_protocol && server_announces(server, listener);
    server->listener_count++;
    return 0;
}

int server_open_listeners(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    const struct http_listen plain = {options->listen, -1, false, options->proxy_protocol, NULL};
    const struct http_listen tls = {options->tls_listen, -1, true, options->tls_proxy_protocol, NULL};
    int err = 0;

    if (plain.address != NULL)
        err = server_listen(server, &plain);
    if (err == 0 && tls.address != NULL)
        err = server_listen(server, &tls);
    for (unsigned i = 0; err == 0 && i < options->more_count; i++)
        err = server_listen(server, &options->more[i]);
    return err;
}

void server_close_listeners(struct http_server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++)
        listener_close(&server->listeners[i]);
}

/* ---- What they are called ---- */

static const struct listener *server_first_listener(const struct http_server *server, bool is_tls)
{
    for (unsigned i = 0; i < server->listener_count; i++)
        if (server->listeners[i].is_tls == is_tls)
            return &server->listeners[i];
    return NULL;
}

static const struct listener *server_main_listener(const struct http_server *server)
{
    const struct listener *plain = server_first_listener(server, false);

    return plain != NULL ? plain : &server->listeners[0];
}

const char *http_server_address(const struct http_server *server)
{
    return server_main_listener(server)->address;
}

unsigned http_server_port(const struct http_server *server)
{
    return server_main_listener(server)->port;
}

const char *http_server_tls_address(const struct http_server *server)
{
    const struct listener *tls = server_first_listener(server, true);

    return tls != NULL ? tls->address : NULL;
}

const char *http_server_listener(const struct http_server *server, unsigned index, bool *is_tls)
{
    if (index >= server->listener_count)
        return NULL;
    *is_tls = server->listeners[index].is_tls;
    return server->listeners[index].address;
}
