/* SPDX-License-Identifier: MIT
 *
 * An object of one server becomes one of another, through this process: whole, or part by part; with its metadata and tags. In order: its bytes;
 * what goes along with them; the steps; several versions of one key. */
#include "api/client/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/s3/text/s3_xml.h"
#include "storage/base/io.h"
#include "storage/base/text/percent.h"
#include "storage/digest/digest.h"

/* ---- Its bytes ---- */

/* What came, until it is sent: in memory, or, where it is much, in a file without a name. */
struct spool {
    char *data;
    int fd; /* -1: in memory */
    uint64_t length, room, crc;
    struct client_progress *progress;
};

static int receive(void *ctx, const void *data, size_t length)
{
    struct spool *spool = ctx;
    int err = 0;

    if (length > spool->room - spool->length)
        return -EPROTO; /* more than was asked for */
    if (spool->fd >= 0)
        err = write_whole(spool->fd, data, length, spool->length);
    else
        memcpy(spool->data + spool->length, data, length);
    spool->length += length;
    spool->crc = crc64nvme_update(spool->crc, data, length);
    return err;
}

static void restart(void *ctx)
{
    struct spool *spool = ctx;

    atomic_fetch_sub(&spool->progress->bytes_done, spool->length);
    spool->length = spool->crc = 0;
}

static int open_spool(struct client_worker *worker, struct client_transfer *transfer, uint64_t length,
                      struct spool *spool)
{
    const char *folder = getenv("TMPDIR");

    *spool = (struct spool){.fd = -1, .room = length, .progress = worker->options->progress};
    if (length <= CLIENT_SPOOL_MEMORY_MAX) {
        spool->data = malloc(length + 1);
        return spool->data != NULL ? 0 : client_transfer_fail(transfer, -ENOMEM, NULL);
    }
    spool->fd =
        open(folder != NULL && folder[0] != '\0' ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return spool->fd >= 0 ? 0
                          : client_transfer_fail(transfer, -errno, "no place for %s: %s",
                                                 "what is on its way", strerror(errno));
}

static void close_spool(struct spool *spool)
{
    free(spool->data);
    if (spool->fd >= 0)
        (void)close(spool->fd); /* it has no name */
}

static struct client_bytes bytes_of(const struct spool *spool)
{
    return (struct client_bytes){.data = spool->data, .fd = spool->fd, .length = spool->length};
}

/* A range; `length` is what the object has where all of it is wanted, too. close_spool in any case. */
static int fetch(struct client_worker *worker, struct client_transfer *transfer, uint64_t offset,
                 uint64_t length, struct spool *spool)
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
    int err = open_spool(worker, transfer, length, spool);

    if (err != 0)
        return err;
    if ((err = client_object_get(worker->from, &get, receive, spool, &object)) != 0)
        return client_transfer_blame(transfer, worker->from, err);
    if (spool->length != length)
        return client_transfer_fail(transfer, -EPROTO, "the server sent less than it has");
    if (length != transfer->size)
        return 0;
    const struct client_bytes bytes = bytes_of(spool);
    return client_transfer_compare(transfer, &bytes, &object, spool->crc);
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

/* How long a version is locked, and by whom it is held: only where the whole of a bucket comes. */
static bool is_lock(const char *name)
{
    return strncmp(name, "x-amz-object-lock-", strlen("x-amz-object-lock-")) == 0;
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
        if ((is_kept(answer->headers[i].name.base) ||
             (transfer->is_mirror && is_lock(answer->headers[i].name.base))) &&
            !client_transfer_attribute(transfer, answer->headers[i].name.base, answer->headers[i].value.base))
            return client_transfer_fail(transfer, -ENOMEM, NULL);
    return has_tags ? take_tags(worker, transfer) : 0;
}

/* ---- The steps ---- */

static int relay_whole(struct client_worker *worker, struct client_transfer *transfer)
{
    struct spool spool;
    struct client_object object;
    int err = fetch(worker, transfer, 0, transfer->size, &spool);

    if (err == 0)
        err = take_attributes(worker, transfer);
    if (err == 0) {
        const struct client_put put = {
            .bucket = transfer->to_bucket,
            .key = transfer->to,
            .bytes = bytes_of(&spool),
            .checksum = worker->options->checksum,
            .attributes = transfer->attributes,
            .attribute_count = transfer->attribute_count,
        };

        if ((err = client_object_put(worker->to, &put, &object)) != 0)
            err = client_transfer_blame(transfer, worker->to, err);
    }
    close_spool(&spool);
    return err;
}

/* The source's own parts, where all but the last are of one size: then the target's ETag comes out the same. */
static int take_part_size(struct client_worker *worker, struct client_transfer *transfer)
{
    uint64_t count, bytes;
    int err = client_object_first_part(worker->from, transfer->from_bucket, transfer->from,
                                       transfer->from_version, &count, &bytes);

    if (err != 0)
        return err == -EINVAL || err == -EOPNOTSUPP ? 0 : client_transfer_blame(transfer, worker->from, err);
    if (count > 0 && bytes > 0 && (transfer->size + bytes - 1) / bytes == count)
        transfer->part_bytes = bytes;
    return 0;
}

/* A listing has told no attributes. */
static int begin_parts(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object;
    int err = client_object_head(worker->from, transfer->from_bucket, transfer->from, transfer->from_version,
                                 &object);

    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    if ((err = take_attributes(worker, transfer)) == 0 && transfer->is_mirror)
        err = take_part_size(worker, transfer);
    return err != 0 ? err : client_parts_begin(worker, transfer, false);
}

static int finish(struct client_worker *worker, struct client_transfer *transfer)
{
    return client_source_remove(worker, transfer, client_parts_complete(worker, transfer));
}

/* In a mirror what came in parts goes in parts, and what came whole goes whole, as long as S3 takes it so. */
static bool is_in_parts(const struct client_worker *worker, const struct client_transfer *transfer)
{
    uint64_t part_bytes = transfer->part_bytes != 0 ? transfer->part_bytes : worker->options->part_bytes;

    if (transfer->is_mirror && transfer->size <= CLIENT_PUT_BYTES_MAX)
        return transfer->size > 0 && strchr(transfer->etag, '-') != NULL;
    return transfer->size > part_bytes;
}

static int relay_begin(struct client_worker *worker, struct client_transfer *transfer)
{
    int err = client_source_look(worker, transfer);

    if (err != 0)
        return err;
    if (is_in_parts(worker, transfer))
        return begin_parts(worker, transfer);
    return client_source_remove(worker, transfer, relay_whole(worker, transfer));
}

static int relay_piece(struct client_worker *worker, struct client_transfer *transfer, unsigned index)
{
    struct client_bytes piece = client_piece_of(transfer, index);
    struct spool spool;
    int err = fetch(worker, transfer, piece.offset, piece.length, &spool);

    if (err == 0) {
        const struct client_bytes bytes = bytes_of(&spool);

        err = client_upload_part(worker->to, transfer->to_bucket, transfer->to, transfer->upload, index + 1,
                                 &bytes, worker->options->checksum, &transfer->parts[index]);
        if (err != 0)
            err = client_transfer_blame(transfer, worker->to, err);
    }
    close_spool(&spool);
    return err;
}

const struct client_transfer_steps client_relay_steps = {relay_begin, relay_piece, finish};

/* ---- The versions of a key, one after the other ---- */

static int relay_version(struct client_worker *worker, struct client_transfer *chain,
                         const struct client_link *link)
{
    struct client_transfer *transfer =
        client_transfer_make(CLIENT_RELAY, chain->from_bucket, chain->from, chain->to_bucket, chain->to);
    int err = transfer != NULL ? 1 : client_transfer_fail(chain, -ENOMEM, NULL);

    if (transfer == NULL)
        return err;
    transfer->is_mirror = transfer->has_size = true;
    transfer->size = link->size;
    (void)snprintf(transfer->etag, sizeof(transfer->etag), "%s", link->etag);
    if ((transfer->from_version = strdup(link->version)) == NULL)
        err = client_transfer_fail(transfer, -ENOMEM, NULL);
    else if ((err = relay_begin(worker, transfer)) == 1) {
        for (unsigned i = 0; i < transfer->piece_count && transfer->err == 0; i++)
            transfer->err = relay_piece(worker, transfer, i);
        err = finish(worker, transfer);
    }
    if (err != 0)
        (void)client_transfer_fail(chain, err, "version %s: %s", link->version, transfer->why);
    client_transfer_free(transfer);
    return err;
}

static int chain_begin(struct client_worker *worker, struct client_transfer *chain)
{
    int err = 0;

    for (size_t i = 0; i < chain->link_count && err == 0; i++) {
        if (!chain->links[i].is_marker)
            err = relay_version(worker, chain, &chain->links[i]);
        else if ((err = client_object_delete(worker->to, chain->to_bucket, chain->to, NULL)) != 0)
            err = client_transfer_blame(chain, worker->to, err);
    }
    return err;
}

const struct client_transfer_steps client_chain_steps = {chain_begin, NULL, NULL};
