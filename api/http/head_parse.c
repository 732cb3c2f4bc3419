/* SPDX-License-Identifier: MIT
 *
 * Strict reading of a complete request head (RFC 9112): what is ambiguous is refused, so that no proxy in
 * front of us can see other requests in the same bytes. On the connection's worker; no I/O.
 *
 * The tokens come from libh2o's parser; this file says which of them make a request. Line ends were checked
 * by head.c. */
#include "api/http/connection.h"

#include <string.h>

/* picohttpparser's interface: libh2o exports it but installs no header for it. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);

struct head_fields {
    struct slice host;
    uint64_t content_length;
    bool has_host, has_content_length, is_chunked, expects_continue;
    bool says_close, says_keep_alive;
};

static int refuse(int status, const char *reason, const char **message)
{
    *message = reason;
    return status;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_token_character(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* ---- The request line ---- */

int head_check_request_line(const char *line, size_t length, const char **message)
{
    const char *version; /* " HTTP/1.1" */

    if (length < 9 + 3)
        return refuse(400, "The request line is malformed.", message);
    version = line + length - 9;
    if (memcmp(version, " HTTP/", 6) != 0 || !is_digit(version[6]) || version[7] != '.' ||
        !is_digit(version[8]))
        return refuse(400, "The request line is malformed.", message);
    if (version[6] != '1')
        return refuse(505, "This server speaks HTTP/1.1.", message);
    return 0;
}

static int head_check_method(struct slice method, const char **message)
{
    if (method.len == 0 || method.len > HTTP_METHOD_BYTES_MAX)
        return refuse(400, "The request method is malformed.", message);
    for (size_t i = 0; i < method.len; i++)
        if (!is_token_character(method.base[i]))
            return refuse(400, "The request method is malformed.", message);
    return 0;
}

/* host [":" port], where host is a name, an IPv4 address or a bracketed IPv6 address. */
static bool host_is_valid(struct slice host)
{
    size_t at = 0;

    if (host.len > 0 && host.base[0] == '[') {
        for (at = 1; at < host.len && host.base[at] != ']'; at++)
            if (!is_alphanumeric(host.base[at]) && strchr(":.%-_~", host.base[at]) == NULL)
                return false;
        if (at == host.len || at == 1)
            return false;
        at++;
    } else {
        for (; at < host.len && host.base[at] != ':'; at++)
            if (!is_alphanumeric(host.base[at]) && strchr("-._~%!$&'()*+,;=", host.base[at]) == NULL)
                return false;
    }
    if (at == host.len)
        return true;
    if (host.base[at++] != ':' || host.len - at > 5)
        return false;
    for (; at < host.len; at++)
        if (!is_digit(host.base[at]))
            return false;
    return true;
}

/* "http://host/path" to its host and path. */
static int head_reduce_absolute(struct connection *conn, struct slice target, size_t scheme_length,
                                struct slice *authority, const char **message)
{
    struct slice rest = {target.base + scheme_length, target.len - scheme_length};
    size_t host_length = 0;

    while (host_length < rest.len && rest.base[host_length] != '/' && rest.base[host_length] != '?')
        host_length++;
    *authority = (struct slice){rest.base, host_length};
    if (host_length == 0 || !host_is_valid(*authority))
        return refuse(400, "The host of the request target is malformed.", message);
    rest.base += host_length;
    rest.len -= host_length;
    if (rest.len == 0 || rest.base[0] == '?')
        rest = arena_concat(&conn->req.arena, SLICE("/"), rest);
    conn->req.path = rest;
    return 0;
}

/* Origin-form, absolute-form (authority is then set), or "*" of OPTIONS. */
static int head_read_target(struct connection *conn, struct slice target, struct slice *authority,
                            const char **message)
{
    conn->req.path = target;
    if (memchr(target.base, '#', target.len) != NULL)
        return refuse(400, "The request target has a fragment.", message);
    if (target.len > 0 && target.base[0] == '/')
        return 0;
    if (slice_is_nocase(target, "*") && slice_is(conn->req.method, "OPTIONS"))
        return 0;
    if (slice_has_prefix_nocase(target, "http://"))
        return head_reduce_absolute(conn, target, 7, authority, message);
    if (slice_has_prefix_nocase(target, "https://"))
        return head_reduce_absolute(conn, target, 8, authority, message);
    return refuse(400, "The request target is malformed.", message);
}

/* ---- The fields ---- */

static int field_content_length(struct head_fields *fields, struct slice value, const char **message)
{
    uint64_t length = 0;

    if (fields->has_content_length)
        return refuse(400, "The request has more than one Content-Length.", message);
    if (value.len == 0 || value.len > 18) /* so that it cannot overflow */
        return refuse(400, "The Content-Length is malformed.", message);
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.base[i]))
            return refuse(400, "The Content-Length is malformed.", message);
        length = length * 10 + (uint64_t)(value.base[i] - '0');
    }
    fields->has_content_length = true;
    fields->content_length = length;
    return 0;
}

static int field_transfer_encoding(struct head_fields *fields, struct slice value, const char **message)
{
    if (fields->is_chunked || !slice_is_nocase(value, "chunked"))
        return refuse(400, "The only Transfer-Encoding understood is one 'chunked'.", message);
    fields->is_chunked = true;
    return 0;
}

static int field_host(struct head_fields *fields, struct slice value, const char **message)
{
    if (fields->has_host)
        return refuse(400, "The request has more than one Host.", message);
    if (!host_is_valid(value))
        return refuse(400, "The Host is malformed.", message);
    fields->has_host = true;
    fields->host = value;
    return 0;
}

/* RFC 9110 10.1.1 lets a server refuse other expectations, or none. S3 passes them over, and there are clients that send some. */
static int field_expect(struct head_fields *fields, struct slice value, const char **message)
{
    struct slice expectation;

    (void)message;
    while (slice_next_item(&value, &expectation))
        fields->expects_continue |= slice_is_nocase(expectation, "100-continue");
    return 0;
}

static int field_connection(struct head_fields *fields, struct slice value, const char **message)
{
    struct slice option;

    (void)message;
    while (slice_next_item(&value, &option)) {
        fields->says_close |= slice_is_nocase(option, "close");
        fields->says_keep_alive |= slice_is_nocase(option, "keep-alive");
    }
    return 0;
}

static int head_read_field(struct head_fields *fields, struct slice name, struct slice value,
                           const char **message)
{
    static const struct {
        const char *name;
        int (*read)(struct head_fields *fields, struct slice value, const char **message);
    } readers[] = {
        {"content-length", field_content_length},
        {"transfer-encoding", field_transfer_encoding},
        {"host", field_host},
        {"expect", field_expect},
        {"connection", field_connection},
    };

    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (slice_is_nocase(name, readers[i].name))
            return readers[i].read(fields, value, message);
    return 0;
}

/* Names become lower-case in place: header lies in the request's arena. */
static int head_add_field(struct connection *conn, struct head_fields *fields,
                          const struct phr_header *header, const char **message)
{
    struct slice name = slice_of(header->name, header->name_len);
    struct slice value = slice_trim(slice_of(header->value, header->value_len));

    if (header->name == NULL)
        return refuse(400, "The request has a folded header line.", message);
    for (size_t i = 0; i < name.len; i++)
        ((char *)header->name)[i] = slice_lower(header->name[i]);
    http_headers_add(&conn->req.arena, &conn->req.headers, name, value);
    return head_read_field(fields, name, value, message);
}

/* ---- Together ---- */

/* Where the fields say that a body comes, its framing. */
static int head_set_body(struct connection *conn, const struct head_fields *fields, const char **message)
{
    struct body *body = &conn->body;

    if (fields->is_chunked && fields->has_content_length)
        return refuse(400, "The request has both Content-Length and Transfer-Encoding.", message);
    if (fields->is_chunked && conn->is_http_1_0)
        return refuse(400, "HTTP/1.0 has no Transfer-Encoding.", message);
    if (fields->is_chunked) {
        framing_chunked_init(&body->storage.chunked);
        body->transfer = &body->storage.chunked.base;
        body->announced = UINT64_MAX;
    } else if (fields->content_length > 0) {
        framing_length_init(&body->storage.length, fields->content_length);
        body->transfer = &body->storage.length.base;
        body->announced = fields->content_length;
    }
    if (body->transfer != NULL)
        body->state = BODY_UNREAD;
    /* Also with Content-Length: 0, where nothing follows: botocore waits for 100 Continue before an empty body
     * too, and without it takes the answer to its next upload on the connection for nothing (s3_answer.c). */
    body->is_expected =
        fields->expects_continue && !conn->is_http_1_0 && (fields->is_chunked || fields->has_content_length);
    return 0;
}

static void head_set_host(struct connection *conn, struct slice authority)
{
    struct http_headers *headers = &conn->req.headers;

    for (size_t i = 0; i < headers->size; i++) {
        if (slice_is(headers->entries[i].name, "host")) {
            headers->entries[i].value = authority;
            return;
        }
    }
    http_headers_add(&conn->req.arena, headers, SLICE("host"), authority);
}

static int head_set_authority(struct connection *conn, const struct head_fields *fields,
                              struct slice authority, const char **message)
{
    if (!conn->is_http_1_0 && !fields->has_host)
        return refuse(400, "The request has no Host.", message);
    if (authority.base != NULL) /* RFC 9112 3.2.2: the target's host counts, not the field's */
        head_set_host(conn, authority);
    else
        authority = fields->has_host ? fields->host : SLICE("");
    conn->req.authority = authority;
    return 0;
}

static void head_set_persistence(struct connection *conn, const struct head_fields *fields)
{
    conn->client_closes = fields->says_close || (conn->is_http_1_0 && !fields->says_keep_alive);
}

int head_parse(struct connection *conn, const char *head, size_t length, const char **message)
{
    struct phr_header headers[HTTP_HEADERS_MAX];
    size_t count = HTTP_HEADERS_MAX;
    struct head_fields fields = {0};
    struct slice method, target, authority = {0};
    struct http_request *req = &conn->req;
    const char *question;
    int minor_version, status;

    if (phr_parse_request(head, length, &method.base, &method.len, &target.base, &target.len, &minor_version,
                          headers, &count, 0) != (int)length)
        return refuse(400, "The request head is malformed.", message);
    conn->is_http_1_0 = minor_version == 0;
    if ((status = head_check_method(method, message)) != 0)
        return status;
    req->method = method;
    if ((status = head_read_target(conn, target, &authority, message)) != 0)
        return status;
    if ((question = memchr(req->path.base, '?', req->path.len)) != NULL)
        req->query_at = (size_t)(question - req->path.base);
    http_headers_reserve(&req->arena, &req->headers, count + 1); /* a Host may be added */
    for (size_t i = 0; i < count; i++)
        if ((status = head_add_field(conn, &fields, &headers[i], message)) != 0)
            return status;
    if ((status = head_set_authority(conn, &fields, authority, message)) != 0)
        return status;
    head_set_persistence(conn, &fields);
    return head_set_body(conn, &fields, message);
}
