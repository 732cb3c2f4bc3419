/* SPDX-License-Identifier: MIT
 *
 * See connection.h. In order: what libcurl calls back; the options of a request; its end. */
#include "api/client/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/identity/curl_library.h"
#include "storage/base/io.h"
#include "storage/base/loopback.h"

struct client_connection {
    const struct curl_library *curl;
    CURL *easy;
    const struct client_target *target;
    atomic_ullong *moved;
    const atomic_bool *cancelled;

    /* The request under way. */
    const struct client_request *request;
    struct client_answer *answer;
    client_sink_fn sink;
    void *sink_ctx;
    uint64_t sent;
    int result; /* of a callback that ended it */
    char reason[CURL_ERROR_SIZE];
};

/* ---- What libcurl calls back ---- */

static bool is_cancelled(const struct client_connection *connection)
{
    return connection->cancelled != NULL && atomic_load_explicit(connection->cancelled, memory_order_relaxed);
}

static void count(struct client_connection *connection, size_t bytes)
{
    if (connection->moved != NULL)
        atomic_fetch_add_explicit(connection->moved, bytes, memory_order_relaxed);
}

/* From the body's owner; fewer than asked for will do. */
static size_t read_source(struct client_connection *connection, char *buffer, size_t length)
{
    const struct client_request *request = connection->request;
    ssize_t count = request->source(request->source_ctx, buffer, length, connection->sent);

    if (count > 0 && (size_t)count <= length)
        return (size_t)count;
    connection->result = count < 0 ? (int)count : -EIO;
    return 0;
}

static size_t on_read(char *buffer, size_t size, size_t items, void *ctx)
{
    struct client_connection *connection = ctx;
    const struct client_request *request = connection->request;
    uint64_t left = request->body_bytes - connection->sent;
    size_t length = size * items < left ? size * items : (size_t)left;

    if (is_cancelled(connection))
        connection->result = -ECANCELED;
    else if (request->body != NULL)
        memcpy(buffer, (const char *)request->body + connection->sent, length);
    else if (request->source != NULL && length > 0)
        length = read_source(connection, buffer, length);
    else if (length > 0)
        connection->result =
            read_whole(request->body_fd, buffer, length, request->body_offset + connection->sent);
    if (connection->result != 0)
        return CURL_READFUNC_ABORT;
    connection->sent += length;
    if (request->body == NULL)
        count(connection, length);
    return length;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct client_connection *connection = ctx;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > connection->request->body_bytes)
        return CURL_SEEKFUNC_CANTSEEK;
    if (connection->moved != NULL && connection->request->body == NULL)
        atomic_fetch_sub_explicit(connection->moved, connection->sent - (uint64_t)offset,
                                  memory_order_relaxed);
    connection->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static long status_of(const struct client_connection *connection)
{
    long status = 0;

    (void)connection->curl->easy_getinfo(connection->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static int keep(struct client_answer *answer, const char *data, size_t length, size_t length_max)
{
    size_t needed = answer->body_length + length + 1;

    if (length > length_max - answer->body_length)
        return -EMSGSIZE;
    if (needed > answer->body_room) {
        answer->body_room = 2 * needed;
        answer->body = arena_grow(answer->arena, answer->body, answer->body_length, answer->body_room);
    }
    memcpy(answer->body + answer->body_length, data, length);
    answer->body_length += length;
    answer->body[answer->body_length] = '\0';
    return 0;
}

static size_t on_write(char *data, size_t size, size_t items, void *ctx)
{
    struct client_connection *connection = ctx;
    size_t length = size * items;
    long status = status_of(connection);
    bool is_good = status >= 200 && status < 300;

    connection->answer->status = (int)status; /* for sinks, which look at the head of their answer */
    if (is_cancelled(connection))
        connection->result = -ECANCELED;
    else if (is_good && connection->sink != NULL)
        connection->result = connection->sink(connection->sink_ctx, data, length);
    else
        connection->result = keep(connection->answer, data, length,
                                  is_good ? CLIENT_ANSWER_BYTES_MAX : CLIENT_ERROR_BODY_BYTES_MAX);
    if (connection->result != 0)
        return length + 1; /* anything but length ends it */
    if (connection->sink != NULL && is_good) {
        connection->answer->sunk += length;
        count(connection, length);
    }
    return length;
}

static void add_header(struct client_answer *answer, struct slice name, struct slice value)
{
    if (answer->header_count == answer->header_room) {
        answer->header_room = answer->header_room != 0 ? 2 * answer->header_room : 32;
        answer->headers =
            arena_grow(answer->arena, answer->headers, answer->header_count * sizeof(answer->headers[0]),
                       answer->header_room * sizeof(answer->headers[0]));
    }
    answer->headers[answer->header_count++] = (struct s3_sigv4_header){
        arena_dup_lower(answer->arena, name), arena_dup(answer->arena, value.base, value.len)};
}

/* A line of a head. A status line begins another: what came before was an interim answer. */
static size_t on_header(char *data, size_t size, size_t items, void *ctx)
{
    struct client_connection *connection = ctx;
    struct client_answer *answer = connection->answer;
    size_t length = size * items;
    struct slice line = slice_trim_any(slice_of(data, length), " \t\r\n");
    const char *colon;

    answer->header_bytes += length;
    if (answer->header_bytes > CLIENT_ANSWER_HEADER_BYTES_MAX) {
        connection->result = -EMSGSIZE;
        return length + 1;
    }
    if (slice_has_prefix(line, "HTTP/"))
        answer->header_count = 0;
    else if ((colon = memchr(line.base, ':', line.len)) != NULL)
        add_header(answer, slice_of(line.base, (size_t)(colon - line.base)),
                   slice_trim(slice_from(line, (size_t)(colon - line.base) + 1)));
    return length;
}

static int on_progress(void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct client_connection *connection = ctx;

    if (!is_cancelled(connection))
        return 0;
    connection->result = -ECANCELED;
    return 1;
}

/* ---- The options of a request ---- */

static struct curl_slist *make_headers(const struct client_connection *connection)
{
    const struct client_request *request = connection->request;
    struct curl_slist *list = connection->curl->slist_append(NULL, "Expect:"),
                      *longer; /* a second lost with servers that do not answer it */

    for (size_t i = 0; list != NULL && i < request->header_count; i++) {
        const struct s3_sigv4_header *header = &request->headers[i];
        /* libcurl's way to say that a header is there and empty */
        struct slice line = header->value.len > 0
                                ? arena_concat(request->arena, header->name, SLICE(": "), header->value)
                                : arena_concat(request->arena, header->name, SLICE(";"));

        if ((longer = connection->curl->slist_append(list, line.base)) == NULL)
            connection->curl->slist_free_all(list);
        list = longer;
    }
    return list;
}

/* What goes to this machine goes through no proxy, whatever the environment has. */
static bool is_here(const struct client_target *target)
{
    char host[64];
    const char *begin = strstr(target->origin, "://") + 3, *end;

    begin += begin[0] == '[';
    end = begin + strcspn(begin, begin[-1] == '[' ? "]" : ":");
    if ((size_t)(end - begin) >= sizeof(host))
        return false;
    (void)snprintf(host, sizeof(host), "%.*s", (int)(end - begin), begin);
    return target->unix_path != NULL || strcmp(host, "localhost") == 0 || loopback_is_address(host);
}

#define SET(option, value) (connection->curl->easy_setopt(connection->easy, option, value) == CURLE_OK)

static unsigned given_or(unsigned given, unsigned otherwise)
{
    return given != 0 ? given : otherwise;
}

static bool set_common(struct client_connection *connection)
{
    const struct client_target *target = connection->target;
    const struct client_patience *patience = &target->patience;
    const char *bundle =
        target->identity.ca_bundle != NULL ? target->identity.ca_bundle : curl_library_authorities();

    connection->reason[0] = '\0';
    return SET(CURLOPT_ERRORBUFFER, connection->reason) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_PATH_AS_IS, 1L) && SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_CONNECTTIMEOUT, (long)given_or(patience->connect_s, CLIENT_CONNECT_SECONDS)) &&
           SET(CURLOPT_LOW_SPEED_LIMIT, (long)given_or(patience->slow_bytes, 1)) &&
           SET(CURLOPT_LOW_SPEED_TIME, (long)given_or(patience->silence_s, CLIENT_SILENCE_SECONDS)) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_USERAGENT, "sluice") &&
           SET(CURLOPT_NOPROGRESS, 0L) && SET(CURLOPT_XFERINFOFUNCTION, on_progress) &&
           SET(CURLOPT_XFERINFODATA, connection) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
           SET(CURLOPT_HEADERDATA, connection) && SET(CURLOPT_WRITEFUNCTION, on_write) &&
           SET(CURLOPT_WRITEDATA, connection) && (bundle == NULL || SET(CURLOPT_CAINFO, bundle)) &&
           (target->unix_path == NULL || SET(CURLOPT_UNIX_SOCKET_PATH, target->unix_path)) &&
           (!is_here(target) || SET(CURLOPT_PROXY, ""));
}

static bool set_body(struct client_connection *connection)
{
    const struct client_request *request = connection->request;
    bool is_large = request->body_bytes > CLIENT_SIGNED_BODY_BYTES_MAX;

    return SET(CURLOPT_UPLOAD, 1L) && SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_bytes) &&
           SET(CURLOPT_READFUNCTION, on_read) && SET(CURLOPT_READDATA, connection) &&
           SET(CURLOPT_SEEKFUNCTION, on_seek) && SET(CURLOPT_SEEKDATA, connection) &&
           (!is_large || SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)CLIENT_BUFFER_BYTES));
}

static bool set_request(struct client_connection *connection, struct curl_slist *headers)
{
    const struct client_request *request = connection->request;
    struct slice url =
        arena_concat(request->arena, client_request_origin(request, connection->target), request->path,
                     request->query.len > 0 ? SLICE("?") : SLICE(""), request->query);
    bool has_body = strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0;

    if (!SET(CURLOPT_URL, url.base) || !SET(CURLOPT_HTTPHEADER, headers))
        return false;
    if (strcmp(request->method, "HEAD") == 0)
        return SET(CURLOPT_NOBODY, 1L);
    if (connection->sink != NULL && !SET(CURLOPT_BUFFERSIZE, (long)CLIENT_BUFFER_BYTES))
        return false;
    return (!has_body || set_body(connection)) && SET(CURLOPT_CUSTOMREQUEST, request->method);
}

/* ---- Its end ---- */

static int explain(const struct client_connection *connection, CURLcode code, char why[CLIENT_WHY_BYTES])
{
    const char *origin = connection->target->origin;

    if (connection->result != 0) {
        (void)snprintf(why, CLIENT_WHY_BYTES, "%s",
                       connection->result == -EMSGSIZE ? "the answer is larger than any of S3"
                                                       : strerror(-connection->result));
        return connection->result;
    }
    (void)snprintf(why, CLIENT_WHY_BYTES, "%s: %s", origin,
                   connection->reason[0] != '\0' ? connection->reason
                                                 : connection->curl->easy_strerror(code));
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return -ECONNREFUSED;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
        return -ECONNRESET;
    default:
        return -EPROTO;
    }
}

int client_connection_perform(struct client_connection *connection, const struct client_request *request,
                              client_sink_fn sink, void *ctx, struct client_answer *answer,
                              char why[CLIENT_WHY_BYTES])
{
    struct curl_slist *headers;
    CURLcode code;

    *answer = (struct client_answer){.arena = request->arena};
    connection->request = request;
    connection->answer = answer;
    connection->sink = sink;
    connection->sink_ctx = ctx;
    connection->sent = 0;
    connection->result = 0;
    if (request->is_too_large) {
        (void)snprintf(why, CLIENT_WHY_BYTES, "it has more metadata than a request can have");
        return -E2BIG;
    }
    connection->curl->easy_reset(connection->easy); /* the connection stays */
    headers = make_headers(connection);
    if (headers == NULL || !set_common(connection) || !set_request(connection, headers)) {
        connection->curl->slist_free_all(headers);
        (void)snprintf(why, CLIENT_WHY_BYTES, "libcurl cannot be used");
        return -ENOMEM;
    }
    code = connection->curl->easy_perform(connection->easy);
    connection->curl->slist_free_all(headers);
    answer->status = (int)status_of(connection);
    return code == CURLE_OK ? 0 : explain(connection, code, why);
}

int client_connection_open(struct client_connection **connection, const struct client_target *target,
                           atomic_ullong *moved, const atomic_bool *cancelled)
{
    const struct curl_library *curl = curl_library_open();
    struct client_connection *made;

    *connection = NULL;
    if (curl == NULL)
        return -ENOSYS;
    if ((made = calloc(1, sizeof(*made))) == NULL)
        return -ENOMEM;
    *made = (struct client_connection){
        .curl = curl, .easy = curl->easy_init(), .target = target, .moved = moved, .cancelled = cancelled};
    if (made->easy == NULL) {
        free(made);
        return -ENOMEM;
    }
    *connection = made;
    return 0;
}

void client_connection_close(struct client_connection *connection)
{
    if (connection == NULL)
        return;
    connection->curl->easy_cleanup(connection->easy);
    free(connection);
}

const char *client_answer_header(const struct client_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (slice_is(answer->headers[i].name, name))
            return answer->headers[i].value.base;
    return NULL;
}
