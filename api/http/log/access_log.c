/* SPDX-License-Identifier: MIT
 *
 * The access log: formatting by libh2o, buffering per worker, writing, and opening anew. See the header.
 *
 * What a line must not contain: presigned URLs carry their signature in the query, and a Referer may be such
 * a URL. Both are redacted before libh2o sees them. libh2o formats requests of its own type, which is filled here with
 * what the two forms tell. The Authorization field is not part of either form. */
#include "api/http/log/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/http/limits.h"
#include "storage/base/io.h"

#define LOG_LINE_BYTES 4096u /* longer lines are formatted in allocated memory */

static const char *const log_formats[] = {
    [HTTP_LOG_APACHE] = "%h %l %{x-sluice-user}o %t \"%r\" %s %b \"%{referer}i\" \"%{user-agent}i\"",
    [HTTP_LOG_JSON] =
        "{\"time\":\"%{%Y-%m-%dT%H:%M:%S%z}t\",\"remote\":\"%h\",\"user\":\"%{x-sluice-user}o\","
        "\"operation\":\"%{x-sluice-operation}o\","
        "\"request_id\":\"%{x-sluice-request}o\",\"traceparent\":\"%{x-sluice-trace}o\","
        "\"method\":\"%m\",\"path\":\"%U\",\"query\":\"%q\",\"protocol\":\"%H\","
        "\"tls\":\"%{ssl.protocol-version}x\",\"status\":%s,\"bytes\":%b,\"duration\":%{duration}x,"
        "\"referer\":\"%{referer}i\",\"user_agent\":\"%{user-agent}i\"}",
    [HTTP_LOG_AUDIT] =
        "{\"time\":\"%{%Y-%m-%dT%H:%M:%S%z}t\",\"request_id\":\"%{x-sluice-request}o\",\"user\":\"%{x-sluice-"
        "user}o\","
        "\"remote\":\"%h\",\"operation\":\"%{x-sluice-operation}o\",\"bucket\":\"%{x-sluice-bucket}o\","
        "\"key\":\"%{x-sluice-key}o\",\"version\":\"%{x-sluice-version}o\",\"status\":%s,"
        "\"traceparent\":\"%{x-sluice-trace}o\"}",
};

struct access_log {
    h2o_logconf_t *format;
    enum http_log_form form;
    int fd;     /* the same number for life; dup3 changes what it stands for */
    char *path; /* NULL: standard output */
};

static int log_open_file(const char *path)
{
    int fd = io_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

    return fd != -1 ? fd : -errno;
}

int access_log_open(struct access_log **log_out, const char *path, enum http_log_form form)
{
    struct access_log *log = calloc(1, sizeof(*log));
    char message[256];
    int err = 0;

    if (log == NULL)
        return -ENOMEM;
    log->form = form;
    if (strcmp(path, "-") == 0) {
        log->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        err = log->fd != -1 ? 0 : -errno;
    } else {
        log->fd = log_open_file(path);
        err = log->fd >= 0 ? 0 : log->fd;
    }
    if (err == 0 && strcmp(path, "-") != 0 && (log->path = strdup(path)) == NULL)
        err = -ENOMEM;
    if (err == 0 &&
        (log->format = h2o_logconf_compile(
             log_formats[form], form == HTTP_LOG_APACHE ? H2O_LOGCONF_ESCAPE_APACHE : H2O_LOGCONF_ESCAPE_JSON,
             message)) == NULL)
        err = -EINVAL;
    if (err != 0) {
        access_log_close(log);
        return err;
    }
    *log_out = log;
    return 0;
}

int access_log_reopen(struct access_log *log)
{
    int fd, err = 0;

    if (log->path == NULL)
        return 0;
    if ((fd = log_open_file(log->path)) < 0)
        return fd;
    if (dup3(fd, log->fd, O_CLOEXEC) == -1)
        err = -errno;
    close(fd);
    return err;
}

void access_log_close(struct access_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0)
        close(log->fd);
    if (log->format != NULL)
        h2o_logconf_dispose(log->format);
    free(log->path);
    free(log);
}

/* ---- Lines ---- */

int access_log_flush(struct access_log *log, struct access_log_buffer *buffer)
{
    int err = write_on(log->fd, buffer->bytes, buffer->length);

    buffer->length = 0; /* on failure too: a full disk must not fill the memory */
    return err;
}

static int log_append(struct access_log *log, struct access_log_buffer *buffer, const char *line,
                      size_t length)
{
    int err = 0;

    if (buffer->bytes == NULL && (buffer->bytes = malloc(HTTP_LOG_BUFFER_BYTES)) == NULL)
        return -ENOMEM;
    if (length > HTTP_LOG_BUFFER_BYTES - buffer->length)
        err = access_log_flush(log, buffer);
    if (length > HTTP_LOG_BUFFER_BYTES)
        return write_on(log->fd, line, length);
    memcpy(buffer->bytes + buffer->length, line, length);
    buffer->length += length;
    return err;
}

static h2o_iovec_t log_text(struct slice text)
{
    return h2o_iovec_init(text.base, text.len);
}

static void log_add_header(h2o_req_t *req, const h2o_token_t *name, struct slice value)
{
    if (value.base != NULL)
        h2o_add_header(&req->pool, &req->headers, name, NULL, value.base, value.len);
}

/* What the formats above ask for. */
static void log_fill_request(h2o_req_t *req, const struct access_log_entry *entry)
{
    const struct http_request *request = entry->request;
    struct arena *arena = &entry->request->arena;

    req->conn = entry->conn;
    req->input.method = log_text(request->method);
    req->input.path = log_text(access_log_redact(arena, request->path));
    req->input.query_at = request->query_at;
    req->version = entry->is_http_1_0 ? 0x100 : 0x101;
    req->res.status = request->answer.status;
    req->bytes_sent = entry->body_sent;
    req->processed_at.at = entry->began_at;
    req->timestamps.request_begin_at = entry->began_at;
    req->timestamps.response_end_at = entry->ended_at;
    log_add_header(req, H2O_TOKEN_REFERER,
                   access_log_redact(arena, http_headers_find(&request->headers, "referer")));
    log_add_header(req, H2O_TOKEN_USER_AGENT, http_headers_find(&request->headers, "user-agent"));
}

/* A format of libh2o's has no place for what is ours but a header. (It has the environment, too, whose names it forgets to
 * free.) */
static void log_add_text(h2o_req_t *req, struct slice name, struct slice text)
{
    if (text.base != NULL)
        h2o_add_header_by_str(&req->pool, &req->res.headers, name.base, name.len, 0, NULL, text.base,
                              text.len);
}

static void log_add_word(h2o_req_t *req, struct slice name, const char *word)
{
    if (word != NULL)
        log_add_text(req, name, slice_text(word));
}

int access_log_add(struct access_log *log, struct access_log_buffer *buffer,
                   const struct access_log_entry *entry)
{
    h2o_timestamp_string_t began;
    char memory[LOG_LINE_BYTES];
    size_t length = sizeof(memory);
    h2o_req_t req = {0};
    char *line;
    int err;

    h2o_mem_init_pool(&req.pool);
    h2o_time2str_log(began.log, entry->began_at.tv_sec);
    req.processed_at.str = &began;
    log_fill_request(&req, entry);
    if (log->form == HTTP_LOG_AUDIT) {
        log_add_text(&req, SLICE("x-sluice-bucket"), entry->request->audit.bucket);
        log_add_text(&req, SLICE("x-sluice-key"), entry->request->audit.key);
        log_add_text(&req, SLICE("x-sluice-version"), entry->version);
    }
    if (log->form != HTTP_LOG_APACHE) {
        log_add_word(&req, SLICE("x-sluice-operation"), entry->request->name);
        log_add_word(&req, SLICE("x-sluice-request"), entry->request->id);
        log_add_text(&req, SLICE("x-sluice-trace"), http_request_trace(entry->request));
    }
    log_add_word(&req, SLICE("x-sluice-user"), entry->request->user);
    line = h2o_log_request(log->format, &req, &length, memory);
    err = log_append(log, buffer, line, length);
    if (line != memory)
        free(line);
    h2o_mem_clear_pool(&req.pool);
    return err;
}
