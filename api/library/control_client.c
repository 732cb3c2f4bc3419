/* SPDX-License-Identifier: MIT
 *
 * The asking end of the control socket: a line out, lines in until one of them is the answer. Any thread; blocks. */
#include "api/library/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/library/control_way.h"
#include "api/library/limits.h"

struct client {
    int fd;
    char *buffer; /* CONTROL_ANSWER_BYTES_MAX */
    size_t start, end;
    int (*item)(void *ctx, const json_t *item);
    void *ctx;
};

static int send_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            return -EPROTO; /* the server has closed it, and its answer may say why */
        if (sent > 0) {
            text += sent;
            length -= (size_t)sent;
        }
    }
    return 0;
}

static int send_request(int fd, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    int err;

    if (text == NULL)
        return -ENOMEM;
    err = send_all(fd, text, strlen(text));
    if (err == 0)
        err = send_all(fd, "\n", 1);
    free(text);
    return err;
}

/* The next line, without its end, inside the buffer. */
static int read_line(struct client *client, char **line, size_t *length)
{
    for (size_t looked = client->start;;) {
        char *newline = memchr(client->buffer + looked, '\n', client->end - looked);
        ssize_t count;

        if (newline != NULL) {
            *line = client->buffer + client->start;
            *length = (size_t)(newline - *line);
            client->start += *length + 1;
            return 0;
        }
        if (client->start > 0) {
            memmove(client->buffer, client->buffer + client->start, client->end - client->start);
            client->end -= client->start;
            client->start = 0;
        }
        looked = client->end;
        if (client->end == CONTROL_ANSWER_BYTES_MAX)
            return -EPROTO;
        do
            count = recv(client->fd, client->buffer + client->end, CONTROL_ANSWER_BYTES_MAX - client->end, 0);
        while (count < 0 && errno == EINTR);
        if (count <= 0)
            return -EPROTO;
        client->end += (size_t)count;
    }
}

static int read_object(struct client *client, json_t **object)
{
    size_t length;
    char *line;
    int err = read_line(client, &line, &length);

    if (err != 0)
        return err;
    *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(*object) ? 0 : -EPROTO;
}

static int await_answer(struct client *client, json_t **answer)
{
    for (;;) {
        json_t *object = NULL;
        int err = read_object(client, &object);

        if (err == 0 && json_object_get(object, "ok") != NULL) {
            *answer = object;
            return 0;
        }
        if (err == 0 && client->item != NULL)
            err = client->item(client->ctx, object);
        json_decref(object);
        if (err != 0)
            return err;
    }
}

static int connect_to(const char *folder)
{
    int fd = control_way_connect(folder);

    return fd == -ENOENT || fd == -ENOTDIR || fd == -ECONNREFUSED ? -ENOTCONN : fd;
}

static int call(struct client *client, json_t *request, json_t **answer)
{
    int sent = send_request(client->fd, request), err;

    if (sent == -ENOMEM)
        return sent;
    /* Also if it could not be sent whole: the server may have said why it hung up. */
    err = await_answer(client, answer);
    return sent != 0 && err == -EPROTO ? sent : err;
}

int control_client_call(const char *folder, json_t *request, int (*item)(void *ctx, const json_t *item),
                        void *ctx, json_t **answer)
{
    struct client client = {.item = item, .ctx = ctx};
    int err;

    *answer = NULL;
    if (request == NULL)
        return -ENOMEM;
    client.fd = connect_to(folder);
    client.buffer = client.fd >= 0 ? malloc(CONTROL_ANSWER_BYTES_MAX) : NULL;
    err = client.fd < 0 ? client.fd : client.buffer == NULL ? -ENOMEM : call(&client, request, answer);
    json_decref(request);
    if (client.buffer != NULL)
        explicit_bzero(client.buffer, client.end); /* it may have held a new secret */
    free(client.buffer);
    if (client.fd >= 0)
        close(client.fd);
    if (err != 0)
        return err;
    if (control_client_is(*answer, "ok"))
        return 0;
    err = (int)json_integer_value(json_object_get(*answer, "code"));
    return err < 0 ? err : -EPROTO;
}

uint64_t control_client_number(const json_t *answer, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(answer, name));

    return value > 0 ? (uint64_t)value : 0;
}

const char *control_client_text(const json_t *answer, const char *name)
{
    const char *text = json_string_value(json_object_get(answer, name));

    return text != NULL ? text : "";
}

bool control_client_is(const json_t *answer, const char *name)
{
    return json_is_true(json_object_get(answer, name));
}

void control_client_tell(const json_t *answer,
                         void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                         void *log_ctx)
{
    json_t *messages = json_object_get(answer, "messages"), *message;
    size_t i;

    if (log == NULL)
        return;
    json_array_foreach(messages, i, message)
    {
        json_int_t level = json_integer_value(json_object_get(message, "level"));

        log(log_ctx,
            level <= 0   ? SLUICE_LOG_INFO
            : level == 1 ? SLUICE_LOG_WARNING
                         : SLUICE_LOG_ERROR,
            control_client_text(message, "text"));
    }
}
