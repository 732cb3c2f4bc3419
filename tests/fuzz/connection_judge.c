/* SPDX-License-Identifier: MIT
 *
 * What must have come of a connection, by what the client received and by what the model counts. */
#include <stdlib.h>
#include <string.h>

#include "connection_player.h"

/* ---- What the client has received ---- */

struct reply {
    bool is_own; /* of api/http itself: the service knows nothing of it */
    bool closes;
    bool is_whole;
};

static const char *field_find(const char *head, size_t length, const char *name)
{
    const char *at = memmem(head, length, name, strlen(name));

    return at != NULL ? at + strlen(name) : NULL;
}

/* One head with its body. Its length, or 0 where it is not whole. */
static size_t reply_read(const struct player *player, const char *at, size_t left, size_t index,
                         struct reply *reply, bool *is_interim)
{
    const char *end = memmem(at, left, "\r\n\r\n", 4), *field;
    size_t length, body = 0;
    bool has_no_body;

    if (end == NULL)
        return 0;
    length = (size_t)(end - at) + 4;
    player_require(length > 13 && memcmp(at, "HTTP/1.1 ", 9) == 0, "answers follow each other");
    *is_interim = memcmp(at + 9, "100", 3) == 0;
    if (*is_interim)
        return length;
    reply->closes = field_find(at, length, "\r\nConnection: close\r\n") != NULL;
    field = field_find(at, length, "\r\nx-i: ");
    reply->is_own = field == NULL;
    player_require(reply->is_own || strtoul(field, NULL, 10) == index,
                   "answers come in the order of the requests");
    if ((field = field_find(at, length, "\r\nContent-Length: ")) != NULL)
        body = strtoul(field, NULL, 10);
    /* Of a head that was refused the method may be unknown; nothing follows that answer. */
    has_no_body =
        reply->is_own
            ? left == length
            : player->model.requests[index].method_end - player->model.requests[index].method_begin == 4 &&
                  memcmp(player->stream + player->model.requests[index].method_begin, "HEAD", 4) == 0;
    if (has_no_body)
        body = 0;
    reply->is_whole = left - length >= body;
    return reply->is_whole ? length + body : 0;
}

/* Counts them. last: the last one whole. */
static size_t replies_read(const struct player *player, struct reply *last)
{
    const char *at = player->output;
    size_t left = player->output_length, count = 0, length;
    unsigned interims = 0;
    bool is_interim;

    *last = (struct reply){0};
    while (left > 0) {
        struct reply reply;

        player_require(!last->closes && !last->is_own, "nothing follows an answer that announced the end");
        length = reply_read(player, at, left, count, &reply, &is_interim);
        if (length == 0)
            break;
        at += length;
        left -= length;
        if (is_interim) {
            player_require(count < player->handed_count && interims++ == 0 &&
                               player->model.requests[count].expects_continue,
                           "100 Continue is for who asked for it");
            continue;
        }
        interims = 0;
        *last = reply;
        count++;
        if (!reply.is_own && !player->may_die) {
            const struct handed *handed = &player->handed[count - 1];
            const struct model_request *model = &player->model.requests[count - 1];
            bool must = handed->must_close || handed->asks_close || model->client_closes;
            bool may_not =
                handed->is_taken || (handed->is_refused && !model->is_chunked && !model->expects_continue &&
                                     model->length <= HTTP_DRAIN_BYTES_MAX);

            player_require(reply.closes || !must, "who must close says so");
            player_require(!reply.closes || must || !may_not, "who need not close goes on");
        }
    }
    player_require(count <= player->handed_count + 1, "one answer for each request");
    player_require(count <= player->handed_count || last->is_own, "one answer for each request");
    return count;
}

/* ---- What must have come of it ---- */

static bool is_refusable(const struct player *player, size_t index)
{
    return index >= player->model.count || player->model.requests[index].head != MODEL_PLAIN;
}

/* All was sent, nothing is put off, and nobody broke off: as many requests were handed over as the model counts. */
void judge_count(const struct player *player)
{
    const struct model *model = &player->model;
    struct reply last;
    size_t handed = player->handed_count, replies = replies_read(player, &last);
    bool is_over = replies > 0 && last.closes;

    if (last.is_own) {
        player_require(is_over && is_refusable(player, handed), "no plain request is refused");
        return;
    }
    if (is_over)
        return;
    player_require(player->worker->connection_count > 0, "an answer announces the end");
    if (replies < handed) {
        player_require(replies + 1 == handed && model->requests[handed - 1].body == MODEL_PARTIAL,
                       "a request is answered when its body is here");
        return;
    }
    if (handed == model->count)
        return;
    /* It may wait for the end of what it will refuse. */
    player_require(handed + 1 == model->count && model->requests[handed].head == MODEL_AMBIGUOUS &&
                       memmem(player->stream + model->requests[handed].head_begin,
                              player->length - model->requests[handed].head_begin, "\r\n\r\n", 4) == NULL,
                   "every request is handed over");
}

void judge_replies(const struct player *player)
{
    struct reply last;

    (void)replies_read(player, &last);
}
