/* SPDX-License-Identifier: MIT
 *
 * Standard input becomes an object: part by part, since nobody knows how long it is. What ends before the first part is full is one request. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
    struct remote *remote;
    struct remote_place *place;
    struct client_session *session;
    struct client_transfer *attributes; /* holds what the options say */
    struct client_part *parts;
    unsigned count;
    char *buffer, *upload;
    size_t size, length;
    uint64_t crc, bytes;
    bool has_crc;
};

/* Fills the buffer; fewer bytes are the end. */
static int fill(struct stream *stream)
{
    stream->length = 0;
    while (stream->length < stream->size) {
        ssize_t count = read(STDIN_FILENO, stream->buffer + stream->length, stream->size - stream->length);

        if (atomic_load(&remote_cancelled))
            return -ECANCELED;
        if (count == 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
        stream->length += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static int send_part(struct stream *stream)
{
    const struct client_url *url = &stream->place->url;
    const struct client_bytes bytes = {.data = stream->buffer, .fd = -1, .length = stream->length};
    struct client_part *part = &stream->parts[stream->count];
    int err;

    if (stream->count == CLIENT_PARTS_MAX)
        return client_session_fail(stream->session, -EFBIG,
                                   "it has more than 10,000 parts: give a larger --part-size");
    err = client_upload_part(stream->session, url->bucket, url->key, stream->upload, stream->count + 1,
                             &bytes, CLIENT_CHECKSUM_CRC64NVME, part);
    if (err != 0)
        return err;
    stream->crc = client_crc_combine(stream->crc, part->crc, stream->length);
    stream->bytes += stream->length;
    stream->count++;
    return 0;
}

static int send_parts(struct stream *stream)
{
    const struct client_url *url = &stream->place->url;
    int err = client_upload_begin(stream->session, url->bucket, url->key, CLIENT_CHECKSUM_CRC64NVME,
                                  stream->attributes->attributes, stream->attributes->attribute_count,
                                  &stream->upload);
    bool is_end = false;

    while (err == 0 && !is_end) {
        is_end = stream->length < stream->size;
        if (stream->length > 0)
            err = send_part(stream);
        if (err == 0 && !is_end)
            err = fill(stream);
    }
    if (err == 0)
        err = client_upload_complete(stream->session, url->bucket, url->key, stream->upload, stream->parts,
                                     stream->count, &stream->crc);
    if (err != 0 && stream->upload != NULL) { /* a stream does not come again, so nobody could go on */
        char why[CLIENT_WHY_BYTES];

        memcpy(why, stream->session->why, sizeof(why));
        (void)client_upload_abort(stream->session, url->bucket, url->key, stream->upload);
        memcpy(stream->session->why, why, sizeof(why));
    }
    return err;
}

static int send_whole(struct stream *stream)
{
    const struct client_put put = {
        .bucket = stream->place->url.bucket,
        .key = stream->place->url.key,
        .bytes = {.data = stream->buffer, .fd = -1, .length = stream->length},
        .attributes = stream->attributes->attributes,
        .attribute_count = stream->attributes->attribute_count,
    };
    struct client_object object;

    return client_object_put(stream->session, &put, &object);
}

int remote_put_stream(struct remote *remote, struct remote_place *place)
{
    struct stream stream = {.remote = remote,
                            .place = place,
                            .session = remote_session(remote, place->server),
                            .size = remote_part_bytes(remote->options)};
    int err = -ENOMEM;

    if (stream.session == NULL)
        return -EIO;
    stream.session->why[0] = '\0';
    stream.buffer = malloc(stream.size);
    stream.parts = calloc(CLIENT_PARTS_MAX, sizeof(stream.parts[0]));
    stream.attributes = client_transfer_make(CLIENT_UPLOAD, NULL, NULL, NULL, NULL);
    if (stream.buffer != NULL && stream.parts != NULL && stream.attributes != NULL &&
        remote_add_attributes(remote, stream.attributes, place->url.key) && (err = fill(&stream)) == 0)
        err = stream.length < stream.size ? send_whole(&stream) : send_parts(&stream);
    free(stream.buffer);
    free(stream.parts);
    free(stream.upload);
    client_transfer_free(stream.attributes);
    return err == 0 ? 0 : remote_blame(remote, stream.session, err, &place->url);
}
