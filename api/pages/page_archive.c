/* SPDX-License-Identifier: MIT
 *
 * A folder as a tar or a ZIP, made while it is sent. Heads of members come from memory, their bytes by sendfile from where they lie (but over TLS, and what
 * is sealed): the chunk of an answer whose length nobody knows is one member, so nothing is copied for the framing. What is kept in memory is a page of
 * the listing, the names of what was left out, and of a ZIP its directory (limits.h).
 *
 * Each object is judged as a GET of it. What the caller may not read, or is gone by then, is left out, and a last member says so. A ZIP tells each CRC in front
 * of the bytes: the one that was kept, else a digest thread works it out before, from the same pages that sendfile takes.
 *
 *     NEXT -> [DIGEST] -> OPEN -> BODY -> NEXT ... -> REST -> END          worker's thread, but for digests */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/core/core.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/pages/page_tar.h"
#include "api/pages/page_zip.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/body/s3_checksum.h"
#include "storage/base/clock.h"
#include "storage/base/percent.h"

enum phase {
    PHASE_NEXT,
    PHASE_DIGEST,
    PHASE_OPEN,
    PHASE_BODY,
    PHASE_NOTE,
    PHASE_DIRECTORY,
    PHASE_END,
    PHASE_OVER
};

struct archive {
    struct http_source source; /* first */
    struct page_call *call;
    struct core_worker *worker;
    bool is_zip, is_chunked;
    enum phase phase;

    /* A page of the listing: keys, each behind its length. */
    unsigned char *keys;
    size_t keys_length, keys_at;
    bool has_more;
    char last[META_KEY_BYTES_MAX];
    size_t last_length;

    /* The member at hand. */
    struct core_get *get;
    const struct meta_object *object;
    char name[PAGE_MEMBER_BYTES_MAX];
    size_t name_length;
    uint64_t left; /* of its bytes */
    uint32_t crc;
    int failed; /* of a digest */

    struct slice root;
    struct page_zip zip;
    uint64_t members, left_out;
    size_t charged;
    bool is_cut; /* at a bound */
    char *note;  /* what the last member says */
    size_t note_length;

    unsigned char *out; /* ARCHIVE_OUT_BYTES */
    size_t out_at, out_length;
    bool is_digesting, is_over; /* the answer is over: what a digest thread works for is not */
    bool is_turning;
    struct core_turn turn;
};

#define KEYS_PER_PAGE 64u
#define OUT_BYTES     (PAGE_TAR_HEAD_BYTES_MAX + 4096u)
#define NOTE_NAME     "LEFT-OUT.txt"

_Static_assert(PAGE_ZIP_HEAD_BYTES_MAX + 64 <= OUT_BYTES && PAGE_TAR_END_BYTES + 64 <= OUT_BYTES,
               "a head fits with the framing around it");

static void archive_free(struct archive *archive)
{
    core_get_end(archive->get);
    page_zip_free(&archive->zip);
    free(archive->keys);
    free(archive->note);
    free(archive->out);
    free(archive);
}

/* ---- What leaves from memory ---- */

static void put(struct archive *archive, const void *bytes, size_t length)
{
    memcpy(archive->out + archive->out_length, bytes, length);
    archive->out_length += length;
}

static void put_zeros(struct archive *archive, size_t length)
{
    memset(archive->out + archive->out_length, 0, length);
    archive->out_length += length;
}

/* A chunk of so many bytes begins (RFC 9112 7.1). */
static void begin_chunk(struct archive *archive, uint64_t length)
{
    char text[24];

    if (archive->is_chunked)
        put(archive, text, (size_t)snprintf(text, sizeof(text), "%llx\r\n", (unsigned long long)length));
}

static void end_chunk(struct archive *archive)
{
    if (archive->is_chunked)
        put(archive, "\r\n", 2);
}

/* ---- Members ---- */

/* In front of `size` bytes. 0, or -ENOMEM. */
static int put_head(struct archive *archive, uint64_t size, int64_t modified_ms)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX > PAGE_ZIP_HEAD_BYTES_MAX ? PAGE_TAR_HEAD_BYTES_MAX
                                                                         : PAGE_ZIP_HEAD_BYTES_MAX];
    struct slice name = slice_of(archive->name, archive->name_length);
    const struct page_zip_member member = {name, size, archive->crc, modified_ms};
    size_t length = archive->is_zip ? page_zip_head(&archive->zip, &member, head)
                                    : page_tar_head(name, size, modified_ms, head);

    if (length == 0)
        return -ENOMEM;
    begin_chunk(archive, length + size + (archive->is_zip ? 0 : page_tar_padding(size)));
    put(archive, head, length);
    archive->left = size;
    archive->members++;
    return 0;
}

static void end_member(struct archive *archive, uint64_t size)
{
    if (!archive->is_zip)
        put_zeros(archive, page_tar_padding(size));
    end_chunk(archive);
}

/* ---- The note ---- */

static void add_note(struct archive *archive, const char *text, struct slice key)
{
    size_t length = strlen(text) + key.len + 1;

    if (archive->note == NULL && (archive->note = malloc(PAGES_ARCHIVE_NOTE_BYTES)) == NULL)
        return;
    if (archive->note_length + length > PAGES_ARCHIVE_NOTE_BYTES)
        return;
    memcpy(archive->note + archive->note_length, text, strlen(text));
    memcpy(archive->note + archive->note_length + strlen(text), key.base, key.len);
    archive->note_length += length;
    archive->note[archive->note_length - 1] = '\n';
}

static void leave_out(struct archive *archive, const char *why, struct slice key)
{
    if (archive->left_out++ == 0)
        add_note(archive, "Left out of this archive:", SLICE(""));
    add_note(archive, why, key);
}

static int begin_note(struct archive *archive)
{
    struct digest_values values;

    if (archive->is_cut)
        add_note(archive,
                 "There is more: an archive ends after as many objects as a server makes one of. As .tar it "
                 "may hold more.",
                 SLICE(""));
    archive->phase = PHASE_DIRECTORY;
    if (archive->note_length == 0)
        return 0;
    if (digest_buffer(DIGEST_BIT(DIGEST_CRC32), archive->note, archive->note_length, &values) != 0)
        return -EIO;
    archive->crc = (uint32_t)digest_crc_value(&values, DIGEST_CRC32);
    archive->name_length = page_member_name(archive->root, SLICE(NOTE_NAME), archive->name);
    archive->phase = PHASE_NOTE;
    return put_head(archive, archive->note_length, clock_real_ms());
}

/* ---- The listing ---- */

static int visit(void *ctx, const struct meta_list_entry *entry)
{
    struct archive *archive = ctx;
    uint16_t length = (uint16_t)entry->key.len;

    memcpy(archive->keys + archive->keys_length, &length, sizeof(length));
    memcpy(archive->keys + archive->keys_length + sizeof(length), entry->key.base, entry->key.len);
    archive->keys_length += sizeof(length) + entry->key.len;
    memcpy(archive->last, entry->key.base, entry->key.len);
    archive->last_length = entry->key.len;
    return 0;
}

static int read_keys(struct archive *archive)
{
    struct s3_request *request = archive->call->request;
    char after[META_KEY_BYTES_MAX];
    struct meta_list_query query = {
        .bucket = request->bucket.id,
        .prefix = archive->call->key,
        .after = slice_of(after, archive->last_length),
        .limit = KEYS_PER_PAGE,
    };

    memcpy(after, archive->last, archive->last_length); /* which is written meanwhile */
    archive->keys_at = archive->keys_length = 0;
    return meta_object_list(core_worker_reader(archive->worker), &query, visit, archive, &archive->has_more);
}

/* ---- The next object ---- */

static bool is_crc32(const struct meta_checksum *checksum)
{
    return checksum->algorithm == S3_CHECKSUM_CRC32 && checksum->type == 0 && checksum->length == 4;
}

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The key at hand as a GET of it: 0 with a get; 1: it is left out; or an error. */
static int take_object(struct archive *archive, struct slice key)
{
    struct s3_request *request = archive->call->request;
    struct s3_pinned pinned = s3_pinned_named(&request->bucket, key, NULL);
    const struct s3_access access = {
        .object = &pinned, .action = S3_ACTION_GET_OBJECT, .rights = S3_RIGHT_READ};
    enum s3_error error = s3_authorize_access(request, &access);
    const char *message;

    if (error != S3_ERROR_NONE) {
        s3_pinned_end(&pinned);
        leave_out(archive, error == S3_ERROR_ACCESS_DENIED ? "may not be read: " : "cannot be judged: ", key);
        return 1;
    }
    if (s3_pinned_take(request, &pinned, &archive->get, &archive->object) != 0)
        return 1; /* gone since it was listed: it is not there */
    if (s3_encryption_open(request, S3_ENCRYPTION_OBJECT, archive->get, archive->object, &message) !=
        S3_ERROR_NONE) {
        leave_out(archive, "is encrypted: ", key);
        core_get_end(archive->get);
        archive->get = NULL;
        return 1;
    }
    return 0;
}

/* What each member costs the server while the answer lasts. */
static int charge(struct archive *archive)
{
    size_t cost = archive->zip.capacity + (size_t)archive->members * PAGES_ARCHIVE_MEMBER_BYTES;

    if (cost <= archive->charged)
        return 0;
    if (http_body_charge(archive->call->request->http, cost - archive->charged) != 0)
        return -ENOBUFS;
    archive->charged = cost;
    return 0;
}

static bool is_full(struct archive *archive)
{
    return charge(archive) != 0 ||
           (archive->is_zip && (archive->zip.length >= PAGES_ZIP_DIRECTORY_BYTES_MAX ||
                                archive->members >= PAGES_ZIP_MEMBERS_MAX)) ||
           archive->members >= PAGES_TAR_MEMBERS_MAX;
}

static void on_digested(void *ctx, int result, const struct digest_values *values)
{
    struct archive *archive = ctx;

    archive->is_digesting = false;
    if (archive->is_over) {
        archive_free(archive);
        return;
    }
    archive->failed = result;
    if (result == 0)
        archive->crc = (uint32_t)digest_crc_value(values, DIGEST_CRC32);
    http_source_resume(archive->call->request->http);
}

static int begin_digest(struct archive *archive)
{
    int err;

    archive->phase = PHASE_DIGEST;
    archive->crc = 0;
    if (!archive->is_zip || archive->object->size == 0)
        return 0;
    if (is_crc32(&archive->object->checksum)) {
        archive->crc = big_endian(archive->object->checksum.value);
        return 0;
    }
    archive->is_digesting = true;
    err = core_get_digest(archive->get, 0, archive->object->size, DIGEST_BIT(DIGEST_CRC32), on_digested,
                          archive);
    if (err != 0)
        archive->is_digesting = false;
    return err;
}

static void on_turn(struct core_turn *turn)
{
    struct archive *archive = (struct archive *)((char *)turn - offsetof(struct archive, turn));

    archive->is_turning = false;
    if (archive->is_over)
        archive_free(archive);
    else
        http_source_resume(archive->call->request->http);
}

static int wait_turn(struct archive *archive)
{
    archive->is_turning = true;
    archive->turn.next = on_turn;
    core_turn_wait(archive->worker, &archive->turn);
    return -EBUSY;
}

/* To the next object that is sent; after as many that are not, others have their turn. */
static int next_object(struct archive *archive)
{
    for (unsigned looked_at = 0; looked_at < KEYS_PER_PAGE; looked_at++) {
        struct slice key;
        uint16_t length;
        int err;

        if (archive->keys_at == archive->keys_length) {
            if (!archive->has_more)
                return begin_note(archive);
            if ((err = read_keys(archive)) != 0)
                return err;
            continue;
        }
        if (is_full(archive)) {
            archive->is_cut = true;
            return begin_note(archive);
        }
        memcpy(&length, archive->keys + archive->keys_at, sizeof(length));
        key = slice_of(archive->keys + archive->keys_at + sizeof(length), length);
        archive->keys_at += sizeof(length) + length;
        if (key.base[key.len - 1] == '/') /* what keeps an empty folder there; its members make it */
            continue;
        if ((err = take_object(archive, key)) == 1)
            continue;
        if (err != 0)
            return err;
        archive->name_length =
            page_member_name(archive->root, slice_from(key, archive->call->key.len), archive->name);
        return begin_digest(archive);
    }
    return wait_turn(archive);
}

static void on_ready(void *ctx)
{
    http_source_resume(((struct archive *)ctx)->call->request->http);
}

static int open_object(struct archive *archive)
{
    if (archive->failed != 0)
        return archive->failed;
    archive->phase = PHASE_OPEN;
    return archive->object->size > 0
               ? core_get_open(archive->get, 0, archive->object->size, on_ready, archive)
               : 0;
}

static int begin_object(struct archive *archive)
{
    int status = archive->object->size > 0 ? core_get_status(archive->get) : 0;

    if (status != 0)
        return status;
    archive->phase = PHASE_BODY;
    return put_head(archive, archive->object->size, archive->object->modified_ms);
}

static void end_object(struct archive *archive)
{
    end_member(archive, archive->object->size);
    core_get_end(archive->get);
    archive->get = NULL;
    archive->phase = PHASE_NEXT;
}

static void put_end(struct archive *archive)
{
    unsigned char end[PAGE_ZIP_END_BYTES_MAX];
    size_t length = PAGE_TAR_END_BYTES;

    if (archive->is_zip)
        length = page_zip_end(&archive->zip, end);
    begin_chunk(archive, length);
    if (archive->is_zip)
        put(archive, end, length);
    else
        put_zeros(archive, length);
    end_chunk(archive);
    if (archive->is_chunked)
        put(archive, "0\r\n\r\n", 5);
    archive->phase = PHASE_OVER;
}

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
        return next_object(archive);
    case PHASE_DIGEST:
        return archive->is_digesting ? -EBUSY : open_object(archive);
    case PHASE_OPEN:
        return begin_object(archive);
    case PHASE_BODY:
        end_object(archive);
        return 0;
    case PHASE_NOTE:
        end_member(archive, archive->note_length);
        archive->phase = PHASE_DIRECTORY;
        return 0;
    case PHASE_DIRECTORY:
        archive->phase = PHASE_END;
        if (archive->zip.length > 0)
            begin_chunk(archive, archive->zip.length);
        return 0;
    case PHASE_END:
        if (archive->zip.length > 0)
            end_chunk(archive);
        put_end(archive);
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
