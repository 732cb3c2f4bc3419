/* SPDX-License-Identifier: MIT
 *
 * The access log: formatting by libh2o, buffering per worker, writing, and opening anew. See the header.
 *
 * What a line must not contain: presigned URLs carry their signature in the query, and a Referer may be such
 * a URL. Both are redacted before libh2o sees them. The Authorization field is not part of either form. */
#include "api/http/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/http/limits.h"

#define LOG_LINE_BYTES 4096u /* longer lines are formatted in allocated memory */

static const char *const log_formats[] = {
    [HTTP_LOG_APACHE] = "%h %l %u %t \"%r\" %s %b \"%{referer}i\" \"%{user-agent}i\"",
    [HTTP_LOG_JSON] =
        "{\"time\":\"%{%Y-%m-%dT%H:%M:%S%z}t\",\"remote\":\"%h\",\"method\":\"%m\",\"path\":\"%U\","
        "\"query\":\"%q\",\"protocol\":\"%H\",\"tls\":\"%{ssl.protocol-version}x\",\"status\":%s,\"bytes\":%"
        "b,\"duration\":%{duration}x,"
        "\"referer\":\"%{referer}i\",\"user_agent\":\"%{user-agent}i\"}",
};

struct access_log {
    h2o_logconf_t *format;
    int fd;     /* the same number for life; dup3 changes what it stands for */
    char *path; /* NULL: standard output */
};

static int log_open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

    return fd != -1 ? fd : -errno;
}

int access_log_open(struct access_log **log_out, const char *path, enum http_log_form form)
{
    struct access_log *log = calloc(1, sizeof(*log));
    char message[256];
    int err = 0;

    if (log == NULL)
        return -ENOMEM;
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
             log_formats[form], form == HTTP_LOG_JSON ? H2O_LOGCONF_ESCAPE_JSON : H2O_LOGCONF_ESCAPE_APACHE,
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

static int log_write(struct access_log *log, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(log->fd, bytes, length);

        if (count == -1) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        bytes += count;
        length -= (size_t)count;
    }
    return 0;
}

int access_log_flush(struct access_log *log, struct access_log_buffer *buffer)
{
    int err = log_write(log, buffer->bytes, buffer->length);

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
        return log_write(log, line, length);
    memcpy(buffer->bytes + buffer->length, line, length);
    buffer->length += length;
    return err;
}

static void log_redact_request(h2o_req_t *req)
{
    ssize_t referer = h2o_find_header(&req->headers, H2O_TOKEN_REFERER, -1);

    req->input.path = access_log_redact(&req->pool, req->input.path);
    if (referer != -1)
        req->headers.entries[referer].value =
            access_log_redact(&req->pool, req->headers.entries[referer].value);
}

int access_log_add(struct access_log *log, struct access_log_buffer *buffer, h2o_req_t *req)
{
    char memory[LOG_LINE_BYTES];
    size_t length = sizeof(memory);
    char *line;
    int err;

    log_redact_request(req); /* the request is over: nobody else looks at it any more */
    line = h2o_log_request(log->format, req, &length, memory);
    err = log_append(log, buffer, line, length);
    if (line != memory)
        free(line);
    return err;
}
