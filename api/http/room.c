/* SPDX-License-Identifier: MIT
 *
 * Room for connections: a bound of the whole server, and one for each address. On the worker that accepts; what workers share is the
 * server's.
 *
 * Where the bound is reached, a connection without a request makes room: of each kind the one that has been so for longest, idle ones
 * first. A worker closes its own only. One that has none leaves the new connection in the listener's queue, where another worker
 * may take it, and looks again after a pause. */
#include "api/http/connection.h"
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "api/http/proxy/proxies.h"
#include "storage/base/clock.h"

#define PEER_BUCKETS 1024u

struct peer {
    struct peer *next;
    unsigned char address[16]; /* IPv4 mapped into IPv6; of IPv6 the first 64 bits, which one customer has */
    unsigned count;
};

struct peers {
    pthread_mutex_t mutex;
    struct peer *buckets[PEER_BUCKETS];
};

/* ---- The bound of the server ---- */

unsigned room_default(uint64_t descriptors)
{
    uint64_t half;

    if (descriptors <= 2 * HTTP_DESCRIPTORS_RESERVED)
        return HTTP_CONNECTIONS_MIN;
    half = (descriptors - HTTP_DESCRIPTORS_RESERVED) / 2;
    return half < HTTP_CONNECTIONS_DEFAULT_MAX ? (unsigned)half : HTTP_CONNECTIONS_DEFAULT_MAX;
}

unsigned room_bound(const struct http_server *server, unsigned connections_max)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

    (void)getrlimit(RLIMIT_NOFILE, &limit); /* fails for bad arguments only */
    if (connections_max == 0)
        connections_max = room_default(limit.rlim_cur);
    if (connections_max >
        limit.rlim_cur -
            (limit.rlim_cur < HTTP_DESCRIPTORS_RESERVED ? limit.rlim_cur : HTTP_DESCRIPTORS_RESERVED))
        server_log(server, LOG_LEVEL_WARNING,
                   "%u connections may be open, but only %llu descriptors: where all are sockets, no object "
                   "can be read or stored",
                   connections_max, (unsigned long long)limit.rlim_cur);
    return connections_max;
}

int room_init(struct http_server *server)
{
    if ((server->peers = calloc(1, sizeof(*server->peers))) == NULL)
        return -ENOMEM;
    pthread_mutex_init(&server->peers->mutex, NULL);
    return 0;
}

void room_free(struct http_server *server)
{
    if (server->peers == NULL)
        return;
    for (unsigned i = 0; i < PEER_BUCKETS; i++)
        assert(server->peers->buckets[i] == NULL); /* each connection gave its share back */
    pthread_mutex_destroy(&server->peers->mutex);
    free(server->peers);
}

/* ---- Who makes room ---- */

/* What has come and was not read yet may be a request. */
static bool has_unread(struct connection *conn)
{
    int available = 0;

    return ioctl(connection_fd(conn), FIONREAD, &available) == 0 && available > 0;
}

/* The entries of a timeout are in the order in which they were linked. */
static struct connection *longest_of(struct http_worker *worker, h2o_timeout_t *timeout)
{
    uint64_t now = h2o_now(worker->loop);
    unsigned looks = 0;

    for (h2o_linklist_t *node = timeout->_entries.next;
         node != &timeout->_entries && looks < HTTP_ROOM_LOOKS_MAX; node = node->next, looks++) {
        h2o_timeout_entry_t *entry = H2O_STRUCT_FROM_MEMBER(h2o_timeout_entry_t, _link, node);
        struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, timeout, entry);

        if (now - entry->registered_at < HTTP_ROOM_AGE_MS_MIN)
            return NULL;
        if (timeout == &worker->linger_timeout || !has_unread(conn))
            return conn;
    }
    return NULL;
}

static struct connection *room_candidate(struct http_worker *worker)
{
    h2o_timeout_t *const kinds[] = {&worker->idle_timeout, &worker->linger_timeout,
                                    &worker->handshake_timeout, &worker->head_timeout};
    struct connection *conn = NULL;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && conn == NULL; i++)
        conn = longest_of(worker, kinds[i]);
    return conn;
}

/* Once in a while: whoever fills the server could fill the log as well. */
static void room_tell(struct http_worker *worker)
{
    struct http_server *server = worker->server;
    uint64_t now = clock_monotonic_ms(), told = atomic_load(&server->room_told_ms);

    if ((told != 0 && now - told < HTTP_ROOM_TOLD_MS) ||
        !atomic_compare_exchange_strong(&server->room_told_ms, &told, now))
        return;
    server_log(server, 1, "%u connections are open, as many as may be: idle ones are closed for new ones",
               worker->settings->connections_max);
}

bool room_take(struct http_worker *worker)
{
    struct http_server *server = worker->server;

    if (atomic_fetch_add(&server->connections, 1) < worker->settings->connections_max)
        return true;
    room_tell(worker);
    if (room_candidate(worker) != NULL)
        return true; /* one more than may be, until room_settle */
    room_give_back(server);
    return false;
}

void room_give_back(struct http_server *server)
{
    unsigned before = atomic_fetch_sub(&server->connections, 1);

    assert(before > 0);
}

void room_settle(struct http_worker *worker)
{
    struct connection *conn;

    if (atomic_load(&worker->server->connections) > worker->settings->connections_max &&
        (conn = room_candidate(worker)) != NULL) {
        counter_add(&worker->counters.evicted, 1);
        connection_abort(conn, -ECANCELED);
    }
}

/* ---- The bound of an address ---- */

static struct peer **peer_find(struct peers *peers, const unsigned char address[16])
{
    uint32_t hash = 2166136261u;
    struct peer **at;

    for (unsigned i = 0; i < 16; i++)
        hash = (hash ^ address[i]) * 16777619u;
    for (at = &peers->buckets[hash % PEER_BUCKETS]; *at != NULL; at = &(*at)->next)
        if (memcmp((*at)->address, address, 16) == 0)
            break;
    return at;
}

int peer_take(struct http_worker *worker, h2o_socket_t *socket, struct peer **peer)
{
    unsigned bound = worker->settings->connections_per_address_max;
    struct peers *peers = worker->server->peers;
    struct sockaddr_storage name;
    unsigned char address[16];
    struct peer **at;
    int err = 0;

    *peer = NULL;
    if (bound == 0 || h2o_socket_getpeername(socket, (struct sockaddr *)&name) == 0 ||
        proxies_have(worker->settings->proxies, &name) || !peer_address(&name, address))
        return 0; /* a proxy stands for many */
    pthread_mutex_lock(&peers->mutex);
    at = peer_find(peers, address);
    if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL)
        memcpy((*at)->address, address, 16);
    if (*at == NULL)
        err = -ENOMEM;
    else if ((*at)->count >= bound)
        err = -EUSERS;
    else
        (*at)->count++;
    *peer = err == 0 ? *at : NULL;
    pthread_mutex_unlock(&peers->mutex);
    if (err == -EUSERS)
        counter_add(&worker->counters.refusals[HTTP_REFUSED_ADDRESS], 1);
    return err;
}

void peer_give_back(struct http_server *server, struct peer *peer)
{
    struct peers *peers = server->peers;
    struct peer **at;

    if (peer == NULL)
        return;
    pthread_mutex_lock(&peers->mutex);
    assert(peer->count > 0);
    if (--peer->count == 0) {
        at = peer_find(peers, peer->address);
        assert(*at == peer);
        *at = peer->next;
        free(peer);
    }
    pthread_mutex_unlock(&peers->mutex);
}
