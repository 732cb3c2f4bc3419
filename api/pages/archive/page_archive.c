/* SPDX-License-Identifier: MIT
 *
 * A folder as a tar or a ZIP, made while it is sent. Heads of members come from memory, their bytes by sendfile from where they lie (but over TLS, and what
 * is sealed): the chunk of an answer whose length nobody knows is one member, so nothing is copied for the framing. What is kept in memory is a page of
 * the listing, the names of what was left out, and of a ZIP its directory (limits.h).
 *
 * Each object is judged as a GET of it. What the caller may not read, or is gone by then, is left out, and a last member says so. A ZIP tells each CRC in front
 * of the bytes: the one that was kept, else a digest thread works it out before, from the same pages that sendfile takes. What is encrypted is read twice. Worker's thread. */
#include "api/pages/archive/page_archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/s3/access/s3_authorize.h"
#include "storage/base/text/percent.h"

/* ---- The source ---- */

/* Bytes in memory that leave now; empty: a body is to be moved. */
static struct slice at_hand(struct archive *archive)
{
    if (archive->out_at < archive->out_length)
        return slice_of(archive->out + archive->out_at, archive->out_length - archive->out_at);
    if (archive->phase == PHASE_NOTE)
        return slice_of(archive->note + archive->note_length - archive->left, (size_t)archive->left);
    if (archive->phase == PHASE_END)
        return slice_of(archive->zip.directory + archive->zip.written,
                        archive->zip.length - archive->zip.written);
    return slice_of(NULL, 0);
}

static void took(struct archive *archive, size_t count)
{
    if (archive->out_at < archive->out_length)
        archive->out_at += count;
    else if (archive->phase == PHASE_NOTE)
        archive->left -= count;
    else
        archive->zip.written += count;
}

/* One step on, when nothing is at hand. 0, -EBUSY or an error. */
static int advance(struct archive *archive)
{
    archive->out_at = archive->out_length = 0;
    switch (archive->phase) {
    case PHASE_NEXT:
        return archive_next_object(archive);
    case PHASE_READ:
        return archive_read_on(archive);
    case PHASE_DIGEST:
        return archive->is_digesting ? -EBUSY : archive_open_object(archive);
    case PHASE_OPEN:
        return archive_begin_object(archive);
    case PHASE_BODY:
        archive_end_object(archive);
        return 0;
    case PHASE_NOTE:
        archive_end_member(archive, archive->note_length);
        archive->phase = PHASE_DIRECTORY;
        return 0;
    case PHASE_DIRECTORY:
        archive->phase = PHASE_END;
        if (archive->zip.length > 0)
            archive_begin_chunk(archive, archive->zip.length);
        return 0;
    case PHASE_END:
        if (archive->zip.length > 0)
            archive_end_chunk(archive);
        archive_put_end(archive);
        return 0;
    default:
        return 0;
    }
}

/* Until something is to be moved: 0, or -EBUSY or an error. */
static int prepare(struct archive *archive)
{
    int err = 0;

    while (err == 0 && at_hand(archive).len == 0 && archive->phase != PHASE_OVER &&
           !(archive->phase == PHASE_BODY && archive->left > 0))
        err = advance(archive);
    return err;
}

/* A body that ends before its time is damaged, and the answer breaks off. */
static ssize_t moved(struct archive *archive, ssize_t count)
{
    if (count > 0)
        archive->left -= (uint64_t)count;
    return count == 0 ? -EIO : count;
}

static ssize_t archive_send(struct http_source *source, int socket_fd, size_t max)
{
    struct archive *archive = (struct archive *)source;
    int err = prepare(archive);
    struct slice bytes = at_hand(archive);
    ssize_t sent;

    if (err != 0)
        return err;
    if (bytes.len == 0 && archive->phase == PHASE_OVER)
        return 0;
    if (bytes.len == 0)
        return moved(archive, core_get_send(archive->get, socket_fd,
                                            max < archive->left ? max : (size_t)archive->left));
    sent = send(socket_fd, bytes.base, bytes.len < max ? bytes.len : max, MSG_NOSIGNAL | MSG_MORE);
    if (sent < 0)
        return -errno;
    took(archive, (size_t)sent);
    return sent;
}

static ssize_t archive_read(struct http_source *source, void *buffer, size_t length)
{
    struct archive *archive = (struct archive *)source;
    int err = prepare(archive);
    struct slice bytes = at_hand(archive);
    size_t count = bytes.len < length ? bytes.len : length;

    if (err != 0)
        return err;
    if (bytes.len == 0 && archive->phase == PHASE_OVER)
        return 0;
    if (bytes.len == 0)
        return moved(archive, core_get_read(archive->get, buffer,
                                            length < archive->left ? length : (size_t)archive->left));
    memcpy(buffer, bytes.base, count);
    took(archive, count);
    return (ssize_t)count;
}

static void archive_end(struct http_source *source, int result)
{
    struct archive *archive = (struct archive *)source;

    archive->is_over = true;
    if (!archive->is_digesting && !archive->is_turning)
        archive_free(archive);
}

/* ---- Answering ---- */

static struct archive *make_archive(struct page_call *call)
{
    struct archive *archive = calloc(1, sizeof(*archive));

    if (archive == NULL)
        return NULL;
    archive->source = (struct http_source){archive_send, archive_read, archive_end, false};
    archive->call = call;
    archive->worker = call->request->worker;
    archive->is_chunked = http_takes_chunks(call->request->http);
    archive->has_more = true;
    archive->keys = malloc(KEYS_PER_PAGE * (META_KEY_BYTES_MAX + sizeof(uint16_t)));
    archive->out = malloc(OUT_BYTES);
    if (archive->keys == NULL || archive->out == NULL) {
        archive_free(archive);
        return NULL;
    }
    return archive;
}

/* The folder's own name, or the bucket's. */
static struct slice root_of(const struct page_call *call)
{
    struct slice name = call->key;

    if (name.len == 0)
        return call->bucket;
    name.len--;
    while (name.len > 0 && name.base[name.len - 1] != '/')
        name.len--;
    name = slice_from(call->key, name.len);
    name.len--;
    return name.len > 0 ? name : call->bucket;
}

/* RFC 6266: a plain name for old browsers, and the whole one. */
static void add_name(struct s3_request *request, struct slice root, const char *ending)
{
    struct arena *arena = &request->http->arena;
    char *plain = s3_request_string(request, root);

    for (char *at = plain; *at != '\0'; at++)
        if (*at < 0x20 || *at >= 0x7f || strchr("\"\\/%;", *at) != NULL)
            *at = '_';
    page_header(request, "content-disposition",
                arena_concat(arena, SLICE("attachment; filename=\""), slice_text(plain), slice_text(ending),
                             SLICE("\"; filename*=UTF-8''"), percent_encode_in(arena, root, false),
                             slice_text(ending))
                    .base);
}

void page_archive(struct s3_request *request)
{
    struct page_call *call = page_call_of(request);
    enum s3_error error = s3_authorize_request(request, request->operation);
    bool is_zip = slice_has_prefix(request->http->path, "/-/ui/zip/");
    struct archive *archive = error == S3_ERROR_NONE ? make_archive(call) : NULL;

    if (archive == NULL) {
        s3_answer_error(request, error != S3_ERROR_NONE ? error : S3_ERROR_SLOW_DOWN);
        return;
    }
    archive->is_zip = is_zip;
    archive->root = root_of(call);
    page_stored_answer(request);
    page_header(request, "content-type", is_zip ? "application/zip" : "application/x-tar");
    add_name(request, archive->root, is_zip ? ".zip" : ".tar");
    request->http->answer.status = 200;
    http_send_endless(request->http, &archive->source);
}
