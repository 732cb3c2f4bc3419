/* SPDX-License-Identifier: MIT
 *
 * The budget of all requests that hold bodies in memory. On the connection's worker; the budget is the server's.
 *
 * Nobody has all of it: clients of whom nothing is known have half of it among them, and each client, by his name or else by his address,
 * half of what those of his kind have. So one alone, with however many connections, leaves as much to the others. */
#include "api/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOLDER_NAME_BYTES_MAX 72u /* of a longer one the beginning counts */
#define HOLDER_BUCKETS        256u

struct body_holder {
    struct body_holder *next;
    uint64_t bytes;
    size_t name_bytes;
    char name[HOLDER_NAME_BYTES_MAX];
};

struct body_budget {
    pthread_mutex_t mutex;
    uint64_t bytes;
    struct body_holder *buckets[HOLDER_BUCKETS]; /* those who hold something */
};

int body_budget_create(struct body_budget **budget)
{
    if ((*budget = calloc(1, sizeof(**budget))) == NULL)
        return -ENOMEM;
    pthread_mutex_init(&(*budget)->mutex, NULL);
    return 0;
}

void body_budget_destroy(struct body_budget *budget)
{
    if (budget == NULL)
        return;
    assert(budget->bytes == 0); /* each request gave back what it was charged */
    pthread_mutex_destroy(&budget->mutex);
    free(budget);
}

uint64_t body_budget_held(struct body_budget *budget)
{
    uint64_t bytes;

    pthread_mutex_lock(&budget->mutex);
    bytes = budget->bytes;
    pthread_mutex_unlock(&budget->mutex);
    return bytes;
}

/* ---- Who holds ---- */

/* A name that no other client has, by its first byte also none of the other kind. */
static struct slice holder_name(struct connection *conn, char name[HOLDER_NAME_BYTES_MAX])
{
    struct slice principal = conn->principal;
    struct sockaddr_storage address;
    unsigned char bytes[16];

    if (principal.len > 0) {
        principal.len = principal.len < HOLDER_NAME_BYTES_MAX - 1 ? principal.len : HOLDER_NAME_BYTES_MAX - 1;
        name[0] = 'p';
        (void)slice_copy(name + 1, principal);
        return slice_of(name, 1 + principal.len);
    }
    name[0] = 'a'; /* those without an address, too: all of them are one */
    if (http_request_client(&conn->req, &address) == 0 || !peer_address(&address, bytes))
        return slice_of(name, 1);
    memcpy(name + 1, bytes, sizeof(bytes));
    return slice_of(name, 1 + sizeof(bytes));
}

static struct body_holder **holder_find(struct body_budget *budget, struct slice name)
{
    uint32_t hash = 2166136261u;
    struct body_holder **at;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.base[i]) * 16777619u;
    for (at = &budget->buckets[hash % HOLDER_BUCKETS]; *at != NULL; at = &(*at)->next)
        if (slice_equals(slice_of((*at)->name, (*at)->name_bytes), name))
            break;
    return at;
}

/* NULL when memory is short. */
static struct body_holder *holder_take(struct body_budget *budget, struct slice name)
{
    struct body_holder **at = holder_find(budget, name);

    if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL) {
        (void)slice_copy((*at)->name, name);
        (*at)->name_bytes = name.len;
    }
    return *at;
}

static void holder_leave(struct body_budget *budget, struct body_holder *holder)
{
    struct body_holder **at;

    if (holder->bytes > 0)
        return;
    at = holder_find(budget, slice_of(holder->name, holder->name_bytes));
    assert(*at == holder);
    *at = holder->next;
    free(holder);
}

/* ---- Charging ---- */

static int budget_charge(struct body_budget *budget, struct connection *conn, struct slice name, size_t bytes)
{
    uint64_t most = conn->is_vouched_for ? HTTP_COLLECTED_BYTES_MAX : HTTP_COLLECTED_BYTES_STRANGER_MAX;
    struct body_holder *holder = conn->holder != NULL ? conn->holder : holder_take(budget, name);

    if (holder == NULL)
        return -ENOBUFS;
    if (bytes > most || budget->bytes + bytes > most || holder->bytes + bytes > most / HTTP_COLLECTED_SHARE) {
        holder_leave(budget, holder);
        return -ENOBUFS;
    }
    budget->bytes += bytes;
    holder->bytes += bytes;
    conn->holder = holder;
    conn->charged += bytes;
    return 0;
}

int http_body_charge(struct http_request *req, size_t bytes)
{
    struct connection *conn = connection_of(req);
    struct body_budget *budget = conn->worker->server->body_budget;
    char buffer[HOLDER_NAME_BYTES_MAX];
    struct slice name;
    int err;

    if (bytes == 0)
        return 0;
    name = conn->holder == NULL ? holder_name(conn, buffer) : slice_of(NULL, 0);
    pthread_mutex_lock(&budget->mutex);
    err = budget_charge(budget, conn, name, bytes);
    pthread_mutex_unlock(&budget->mutex);
    if (err != 0)
        counter_add(&conn->worker->counters.refusals[HTTP_REFUSED_BODY_BUDGET], 1);
    return err;
}

void http_body_discharge(struct http_request *req, size_t bytes)
{
    struct connection *conn = connection_of(req);
    struct body_budget *budget = conn->worker->server->body_budget;

    assert(bytes <= conn->charged);
    if (bytes == conn->charged) {
        body_charge_end(conn);
        return;
    }
    pthread_mutex_lock(&budget->mutex);
    budget->bytes -= bytes;
    conn->holder->bytes -= bytes;
    pthread_mutex_unlock(&budget->mutex);
    conn->charged -= bytes;
}

void body_charge_end(struct connection *conn)
{
    struct body_budget *budget = conn->worker->server->body_budget;

    if (conn->charged == 0)
        return;
    pthread_mutex_lock(&budget->mutex);
    assert(budget->bytes >= conn->charged && conn->holder->bytes >= conn->charged);
    budget->bytes -= conn->charged;
    conn->holder->bytes -= conn->charged;
    holder_leave(budget, conn->holder);
    pthread_mutex_unlock(&budget->mutex);
    conn->charged = 0;
    conn->holder = NULL;
}

void http_request_vouch(struct http_request *req, struct slice principal)
{
    struct connection *conn = connection_of(req);

    assert(conn->charged == 0);
    conn->is_vouched_for = true;
    conn->principal = principal;
}
