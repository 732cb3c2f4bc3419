/* SPDX-License-Identifier: MIT
 *
 * An object of one server becomes one of another, through memory: whole, or part by part; with its metadata and tags. In order: its bytes; what goes
 * along with them; the steps. */
#include "api/client/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/text/s3_xml.h"
#include "storage/base/percent.h"
#include "storage/digest/digest.h"

/* ---- Its bytes ---- */

struct memory {
    char *data;
    size_t length, room;
    struct client_progress *progress;
};

static int receive(void *ctx, const void *data, size_t length)
{
    struct memory *memory = ctx;

    if (length > memory->room - memory->length)
        return -EPROTO;
    memcpy(memory->data + memory->length, data, length);
    memory->length += length;
    return 0;
}

static void restart(void *ctx)
{
    struct memory *memory = ctx;

    atomic_fetch_sub(&memory->progress->bytes_done, memory->length);
    memory->length = 0;
}

/* A range into memory; `length` is what the object has where all of it is wanted, too. */
static int fetch(struct client_worker *worker, struct client_transfer *transfer, uint64_t offset,
                 uint64_t length, struct memory *memory)
{
    const struct client_get get = {
        .bucket = transfer->from_bucket,
        .key = transfer->from,
        .version = transfer->from_version,
        .offset = offset,
        .length = length == transfer->size ? UINT64_MAX : length,
        .if_match = transfer->etag,
        .restart = restart,
    };
    struct client_object object;
    uint64_t want;
    int err;

    *memory =
        (struct memory){.data = malloc(length + 1), .room = length, .progress = worker->options->progress};
    if (memory->data == NULL)
        return client_transfer_fail(transfer, -ENOMEM, NULL);
    if ((err = client_object_get(worker->from, &get, receive, memory, &object)) != 0)
        return client_transfer_blame(transfer, worker->from, err);
    if (memory->length != length)
        return client_transfer_fail(transfer, -EPROTO, "the server sent less than it has");
    if (length == transfer->size && client_crc_parse(object.crc64nvme, &want) &&
        want != crc64nvme_update(0, memory->data, length))
        return client_transfer_fail(transfer, -EBADMSG,
                                    "what came has another checksum than the server has: it is damaged");
    return 0;
}

/* ---- What goes along with the bytes ---- */

/* The tags of the source as a header has them: "a=1&b=2", percent-encoded. */
struct tags {
    struct arena *arena;
    struct slice text, key;
};

static int visit_tag(void *ctx, const char *path, const char *text, size_t length)
{
    struct tags *tags = ctx;
    struct slice encoded = percent_encode_in(tags->arena, slice_of(text, length), false);

    if (strcmp(path, "Tagging/TagSet/Tag/Key") == 0)
        tags->key = encoded;
    else if (strcmp(path, "Tagging/TagSet/Tag/Value") == 0)
        tags->text = arena_concat(tags->arena, tags->text, tags->text.len > 0 ? SLICE("&") : SLICE(""),
                                  tags->key, SLICE("="), encoded);
    return 0;
}

static int take_tags(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_session *session = worker->from;
    struct client_request *request =
        client_session_begin(session, "GET", transfer->from_bucket, transfer->from);
    struct tags tags = {.arena = &session->arena, .text = SLICE("")};
    int err;

    client_request_query(request, "tagging", NULL);
    if (transfer->from_version != NULL)
        client_request_query(request, "versionId", transfer->from_version);
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return client_transfer_blame(transfer, session, err);
    if (session->answer.body_length == 0 ||
        s3_xml_parse(session->answer.body, session->answer.body_length, "Tagging", visit_tag, &tags) != 0)
        return client_transfer_fail(transfer, -EPROTO, "the server's answer has no tags");
    return tags.text.len == 0 || client_transfer_attribute(transfer, "x-amz-tagging", tags.text.base)
               ? 0
               : -ENOMEM;
}

static bool is_kept(const char *name)
{
    static const char *const names[] = {"content-type",
                                        "content-encoding",
                                        "content-language",
                                        "content-disposition",
                                        "cache-control",
                                        "expires",
                                        "x-amz-website-redirect-location"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "x-amz-meta-", strlen("x-amz-meta-")) == 0;
}

/* Of the answer that the session has: metadata, and tags, which are asked for. Those of the options replace metadata, and tags stay. */
static int take_attributes(struct client_worker *worker, struct client_transfer *transfer)
{
    const struct client_answer *answer = &worker->from->answer;
    const char *count = client_answer_header(answer, "x-amz-tagging-count");
    bool has_tags = count != NULL && strtoul(count, NULL, 10) > 0, has_own = transfer->attribute_count > 0;

    for (size_t i = 0; !has_own && i < answer->header_count; i++)
        if (is_kept(answer->headers[i].name.base) &&
            !client_transfer_attribute(transfer, answer->headers[i].name.base, answer->headers[i].value.base))
            return client_transfer_fail(transfer, -ENOMEM, NULL);
    return has_tags ? take_tags(worker, transfer) : 0;
}

/* ---- The steps ---- */

static int relay_whole(struct client_worker *worker, struct client_transfer *transfer)
{
    struct memory memory;
    struct client_object object;
    int err = fetch(worker, transfer, 0, transfer->size, &memory);

    if (err == 0)
        err = take_attributes(worker, transfer);
    if (err == 0) {
        const struct client_put put = {
            .bucket = transfer->to_bucket,
            .key = transfer->to,
            .bytes = {.data = memory.data, .fd = -1, .length = memory.length},
            .checksum = worker->options->checksum,
            .attributes = transfer->attributes,
            .attribute_count = transfer->attribute_count,
        };

        if ((err = client_object_put(worker->to, &put, &object)) != 0)
            err = client_transfer_blame(transfer, worker->to, err);
    }
    free(memory.data);
    return err;
}

/* A listing has told no attributes. */
static int begin_parts(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object;
    int err = client_object_head(worker->from, transfer->from_bucket, transfer->from, transfer->from_version,
                                 &object);

    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    err = take_attributes(worker, transfer);
    return err != 0 ? err : client_parts_begin(worker, transfer, false);
}

static int finish(struct client_worker *worker, struct client_transfer *transfer)
{
    return client_source_remove(worker, transfer, client_parts_complete(worker, transfer));
}

static int relay_begin(struct client_worker *worker, struct client_transfer *transfer)
{
    uint64_t part_bytes = transfer->part_bytes != 0 ? transfer->part_bytes : worker->options->part_bytes;
    int err = client_source_look(worker, transfer);

    if (err != 0)
        return err;
    if (transfer->size > part_bytes)
        return begin_parts(worker, transfer);
    return client_source_remove(worker, transfer, relay_whole(worker, transfer));
}

static int relay_piece(struct client_worker *worker, struct client_transfer *transfer, unsigned index)
{
    struct client_bytes piece = client_piece_of(transfer, index);
    struct memory memory;
    int err = fetch(worker, transfer, piece.offset, piece.length, &memory);

    if (err == 0) {
        const struct client_bytes bytes = {.data = memory.data, .fd = -1, .length = memory.length};

        err = client_upload_part(worker->to, transfer->to_bucket, transfer->to, transfer->upload, index + 1,
                                 &bytes, worker->options->checksum, &transfer->parts[index]);
        if (err != 0)
            err = client_transfer_blame(transfer, worker->to, err);
    }
    free(memory.data);
    return err;
}

const struct client_transfer_steps client_relay_steps = {relay_begin, relay_piece, finish};
