/* SPDX-License-Identifier: MIT
 *
 * The objects of a folder, one after the other, for an archive: listed, judged, digested where the form wants it, opened. See page_archive.h. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/pages/archive/page_archive.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/encryption/s3_encryption.h"
#include "storage/base/clock.h"

#define NOTE_NAME "LEFT-OUT.txt"

void archive_free(struct archive *archive)
{
    core_get_end(archive->get);
    digest_set_free(archive->digest);
    if (archive->plain != NULL)
        explicit_bzero(archive->plain, READ_BYTES);
    free(archive->plain);
    page_zip_free(&archive->zip);
    free(archive->keys);
    free(archive->note);
    free(archive->out);
    free(archive);
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
    (void)slice_copy(archive->note + archive->note_length + strlen(text), key);
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
    return archive_put_head(archive, archive->note_length, clock_real_ms());
}

/* ---- The listing ---- */

static int visit(void *ctx, const struct meta_list_entry *entry)
{
    struct archive *archive = ctx;
    uint16_t length = (uint16_t)entry->key.len;

    memcpy(archive->keys + archive->keys_length, &length, sizeof(length));
    (void)slice_copy(archive->keys + archive->keys_length + sizeof(length), entry->key);
    archive->keys_length += sizeof(length) + entry->key.len;
    (void)slice_copy(archive->last, entry->key);
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
        leave_out(archive, "is encrypted, and its key is not at hand: ", key);
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

static void on_ready(void *ctx)
{
    http_source_resume(((struct archive *)ctx)->call->request->http);
}

static int begin_reading(struct archive *archive)
{
    archive->phase = PHASE_READ;
    archive->read = 0;
    if (archive->plain == NULL && (archive->plain = malloc(READ_BYTES)) == NULL)
        return -ENOMEM;
    digest_set_free(archive->digest);
    archive->digest = NULL;
    if (digest_set_create(&archive->digest, DIGEST_BIT(DIGEST_CRC32)) != 0)
        return -ENOMEM;
    return core_get_open(archive->get, 0, archive->object->size, on_ready, archive);
}

static int wait_turn(struct archive *archive);

/* A piece of what is encrypted, for its CRC alone. */
int archive_read_on(struct archive *archive)
{
    struct digest_values values;
    int status = core_get_status(archive->get);

    for (unsigned i = 0; status == 0 && i < READS_PER_TURN && archive->read < archive->object->size; i++) {
        ssize_t count = core_get_read(archive->get, archive->plain, READ_BYTES);

        if (count <= 0)
            return count == 0 ? -EIO : (int)count;
        archive->read += (uint64_t)count;
        status = digest_set_update(archive->digest, archive->plain, (size_t)count);
    }
    if (status != 0)
        return status;
    if (archive->read < archive->object->size)
        return wait_turn(archive);
    if ((status = digest_set_final(archive->digest, &values)) != 0)
        return status;
    archive->crc = (uint32_t)digest_crc_value(&values, DIGEST_CRC32);
    archive->phase = PHASE_DIGEST;
    return 0;
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
    if (core_get_is_sealed(archive->get))
        return begin_reading(archive);
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
int archive_next_object(struct archive *archive)
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

int archive_open_object(struct archive *archive)
{
    if (archive->failed != 0)
        return archive->failed;
    archive->phase = PHASE_OPEN;
    return archive->object->size > 0
               ? core_get_open(archive->get, 0, archive->object->size, on_ready, archive)
               : 0;
}

int archive_begin_object(struct archive *archive)
{
    int status = archive->object->size > 0 ? core_get_status(archive->get) : 0;

    if (status != 0)
        return status;
    archive->phase = PHASE_BODY;
    return archive_put_head(archive, archive->object->size, archive->object->modified_ms);
}

void archive_end_object(struct archive *archive)
{
    archive_end_member(archive, archive->object->size);
    core_get_end(archive->get);
    archive->get = NULL;
    archive->phase = PHASE_NEXT;
}
