/* SPDX-License-Identifier: MIT
 *
 * The loop of reads and steps, and what it begins and ends with. */
#include "api/s3/archive/s3_archive.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/body/s3_send.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/owner.h"

static void run(struct s3_archive *archive);

static struct archive_shelf *shelf_of(const struct s3_archive *archive)
{
    return s3_service_shelf(archive->request->service);
}

/* ---- Memory ---- */

struct archive_budget *s3_archive_budget(struct s3_request *request)
{
    bool is_stranger = request->identity == NULL && !s3_credentials_is_open(request->credentials);

    return archive_shelf_budget(s3_service_shelf(request->service), is_stranger);
}

int s3_archive_room(struct s3_archive *archive, size_t length)
{
    struct archive_budget *budget = s3_archive_budget(archive->request);
    unsigned char *bytes;
    int err;

    if (length <= archive->room.length)
        return 0;
    if ((err = archive_budget_take(budget, length - archive->room.length)) != 0)
        return err;
    if ((bytes = realloc(archive->room.bytes, length)) == NULL) {
        archive_budget_give(budget, length - archive->room.length);
        return -ENOMEM;
    }
    archive->room.bytes = bytes;
    archive->room.length = length;
    return 0;
}

static void clear(struct s3_archive *archive)
{
    archive_budget_give(s3_archive_budget(archive->request), archive->room.length);
    free(archive->room.bytes);
    archive->room.bytes = NULL;
    archive->room.length = 0;
    tar_walk_free(&archive->walk);
}

static void on_arena_cleared(void *memory)
{
    member_index_unref(*(struct member_index **)memory);
}

/* Whoever waits for the same index has it, or has the same answer. */
static void settle(struct s3_archive *archive, struct member_index *index, struct archive_failure failure)
{
    if (archive->is_making)
        archive_shelf_settle(shelf_of(archive), &archive->claim, index, failure);
    archive->is_making = false;
}

/* ---- Failures ---- */

void s3_archive_fail(struct s3_archive *archive, enum s3_error error, const char *message)
{
    struct s3_send send = {.request = archive->request, .get = archive->get};

    settle(archive, NULL, (struct archive_failure){(int)error, message});
    clear(archive);
    s3_send_fail(&send, error, message);
}

enum s3_archive_step s3_archive_refuse(struct s3_archive *archive, int err)
{
    switch (err) {
    case -ENOENT:
        s3_archive_fail(archive, S3_ERROR_INVALID_REQUEST, "The object is no ZIP or tar archive.");
        break;
    case -EBADMSG:
        s3_archive_fail(archive, S3_ERROR_INVALID_REQUEST,
                        "The archive is damaged: what it says of its members contradicts itself.");
        break;
    case -ENOTSUP:
        s3_archive_fail(archive, S3_ERROR_NOT_IMPLEMENTED,
                        "The archive is of a form whose members are not served: it lies on several disks, "
                        "or names members for all at once.");
        break;
    case -E2BIG:
        s3_archive_fail(archive, S3_ERROR_NOT_IMPLEMENTED,
                        "The archive has more members, or a larger directory, than are served.");
        break;
    default:
        s3_archive_fail(archive, s3_error_of_result(err), NULL);
        break;
    }
    return S3_ARCHIVE_LEFT;
}

/* ---- Reads ---- */

enum s3_archive_step s3_archive_want(struct s3_archive *archive, uint64_t offset, size_t length,
                                     unsigned char *to)
{
    assert(offset <= archive->object->size && length <= archive->object->size - offset);
    archive->want.offset = offset;
    archive->want.length = length;
    archive->want.filled = 0;
    archive->want.to = to;
    archive->want.is_open = false;
    return S3_ARCHIVE_GOES_ON;
}

static void on_ready(void *ctx)
{
    struct s3_archive *archive = ctx;
    int status = core_get_status(archive->get);

    if (status != 0)
        s3_archive_refuse(archive, status);
    else
        run(archive);
}

static void on_turn(struct core_turn *turn)
{
    run(OWNER_OF(turn, struct s3_archive, turn));
}

static void take_turn(struct s3_archive *archive)
{
    archive->turn.next = on_turn;
    core_turn_wait(archive->request->worker, &archive->turn);
}

static int open_wanted(struct s3_archive *archive)
{
    const char *body = core_get_at_hand(archive->get);

    if (body != NULL) {
        memcpy(archive->want.to, body + archive->want.offset, archive->want.length);
        archive->want.filled = archive->want.length;
        return 0;
    }
    archive->want.is_open = true;
    return core_get_open(archive->get, archive->want.offset, archive->want.length, on_ready, archive);
}

/* 0: all that is wanted is there; -EBUSY: on_ready follows; -EAGAIN: after a turn of the others; or a failure. */
static int fill_wanted(struct s3_archive *archive)
{
    size_t most = archive->want.filled + S3_ARCHIVE_BYTES_PER_TURN;
    int err;

    if (archive->want.length > 0 && !archive->want.is_open && (err = open_wanted(archive)) != 0)
        return err;
    while (archive->want.filled < archive->want.length) {
        size_t left = archive->want.length - archive->want.filled;
        ssize_t got;

        if (archive->want.filled >= most)
            return -EAGAIN;
        got = core_get_read(archive->get, archive->want.to + archive->want.filled, left);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO;
        archive->want.filled += (size_t)got;
    }
    archive->want.length = 0;
    return 0;
}

static void run(struct s3_archive *archive)
{
    enum s3_archive_step step = S3_ARCHIVE_GOES_ON;

    for (unsigned i = 0; step == S3_ARCHIVE_GOES_ON; i++) {
        int err = fill_wanted(archive);

        if (err == -EBUSY)
            return;
        if (err == -EAGAIN || i == S3_ARCHIVE_STEPS_PER_TURN) {
            take_turn(archive);
            return;
        }
        if (err != 0) {
            s3_archive_refuse(archive, err);
            return;
        }
        step = archive->next(archive);
    }
}

void s3_archive_read(struct s3_archive *archive, uint64_t offset, size_t length, unsigned char *to,
                     enum s3_archive_step (*next)(struct s3_archive *archive))
{
    s3_archive_want(archive, offset, length, to);
    archive->next = next;
    run(archive);
}

/* ---- The end ---- */

static void on_finished(struct core_turn *turn)
{
    struct s3_archive *archive = OWNER_OF(turn, struct s3_archive, turn);

    if (archive->result != 0) {
        s3_archive_refuse(archive, archive->result);
        return;
    }
    clear(archive);
    settle(archive, archive->index, (struct archive_failure){0});
    archive->opened(archive);
}

static void run_elsewhere(struct archive_work *work)
{
    struct s3_archive *archive = OWNER_OF(work, struct s3_archive, work);

    archive->finish(archive);
    core_turn_end(&archive->turn);
}

enum s3_archive_step s3_archive_finish(struct s3_archive *archive, bool is_long,
                                       void (*finish)(struct s3_archive *archive))
{
    int err;

    archive->turn.next = on_finished;
    if (!is_long) {
        finish(archive);
        on_finished(&archive->turn);
        return S3_ARCHIVE_LEFT;
    }
    archive->finish = finish;
    archive->work.run = run_elsewhere;
    core_turn_begin(archive->request->worker, &archive->turn);
    if ((err = archive_shelf_work(shelf_of(archive), &archive->work)) == 0)
        return S3_ARCHIVE_LEFT;
    core_turn_cancel(&archive->turn);
    return s3_archive_refuse(archive, err);
}

/* ---- The beginning ---- */

/* What its bytes are: nothing else ever lies where they do. Of an object of very many pieces that is not worth the time: false. */
static bool identify(struct s3_archive *archive, bool is_zip, bool is_tar)
{
    const struct meta_extents *extents = &archive->object->extents;
    struct {
        uint64_t file, offset, length;
    } * pieces;

    if (extents->count > S3_ARCHIVE_EXTENTS_KEPT)
        return false;
    pieces = s3_request_alloc(archive->request, (extents->count + 1) * sizeof(*pieces));
    for (uint32_t i = 0; i < extents->count; i++) {
        pieces[i].file = extents->list[i].file;
        pieces[i].offset = extents->list[i].offset;
        pieces[i].length = extents->list[i].length;
    }
    pieces[extents->count].file = is_zip;
    pieces[extents->count].offset = is_tar;
    s3_sha256(pieces, (extents->count + 1) * sizeof(*pieces), archive->claim.identity);
    return true;
}

static bool ends_so(struct slice key, const char *ending)
{
    size_t length = strlen(ending);

    return key.len >= length && slice_is_nocase(slice_from(key, key.len - length), ending);
}

static enum s3_archive_step begin_reader(struct s3_archive *archive, enum archive_kind kind)
{
    int err = member_index_create(&archive->index, kind, s3_archive_budget(archive->request));

    if (err != 0)
        return s3_archive_refuse(archive, err);
    *archive->held = archive->index;
    archive->next = kind == ARCHIVE_ZIP ? s3_archive_zip : s3_archive_tar;
    return S3_ARCHIVE_GOES_ON;
}

/* By its first bytes; NULL: it is none of these. */
static const char *name_compression(const unsigned char *bytes, size_t length)
{
    static const struct {
        struct slice magic;
        const char *message;
    } forms[] = {
        {SLICE("\x1f\x8b"), "Members of archives compressed as a whole with gzip (.tar.gz) are not served."},
        {SLICE("BZh"), "Members of archives compressed as a whole with bzip2 (.tar.bz2) are not served."},
        {SLICE("\xfd"
               "7zXZ"),
         "Members of archives compressed as a whole with xz (.tar.xz) are not served."},
        {SLICE("\x28\xb5\x2f\xfd"),
         "Members of archives compressed as a whole with Zstandard (.tar.zst) are not served."},
        {SLICE("7z\xbc\xaf"), "Members of 7z archives are not served."},
        {SLICE("Rar!"), "Members of RAR archives are not served."},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (slice_begins(slice_of(bytes, length), forms[i].magic))
            return forms[i].message;
    return NULL;
}

static enum s3_archive_step probe(struct s3_archive *archive)
{
    size_t length = archive->want.filled;
    const char *message = name_compression(archive->room.bytes, length);
    struct tar_header header;

    if (message != NULL) {
        s3_archive_fail(archive, S3_ERROR_NOT_IMPLEMENTED, message);
        return S3_ARCHIVE_LEFT;
    }
    if (length == TAR_BLOCK_BYTES && tar_header_parse(archive->room.bytes, &header) == 0 &&
        header.kind != TAR_ZEROS)
        return begin_reader(archive, ARCHIVE_TAR);
    return begin_reader(archive, ARCHIVE_ZIP);
}

static void make_index(struct s3_archive *archive, bool is_zip, bool is_tar)
{
    uint64_t size = archive->object->size;
    int err;

    if (size == 0) {
        s3_archive_refuse(archive, -ENOENT);
    } else if ((err = s3_archive_room(archive, TAR_BLOCK_BYTES)) != 0) {
        s3_archive_refuse(archive, err);
    } else if (is_zip || is_tar) {
        if (begin_reader(archive, is_zip ? ARCHIVE_ZIP : ARCHIVE_TAR) == S3_ARCHIVE_GOES_ON)
            run(archive);
    } else {
        s3_archive_read(archive, 0, size < TAR_BLOCK_BYTES ? (size_t)size : TAR_BLOCK_BYTES,
                        archive->room.bytes, probe);
    }
}

/* On any thread. */
static void on_ready_elsewhere(struct archive_claim *claim)
{
    core_turn_end(&OWNER_OF(claim, struct s3_archive, claim)->turn);
}

static void on_awaited(struct core_turn *turn)
{
    struct s3_archive *archive = OWNER_OF(turn, struct s3_archive, turn);

    /* There may be room for this one, who may have been waiting for somebody of whom nothing is known. */
    if (archive->claim.index == NULL && archive->claim.failure.error == S3_ERROR_SLOW_DOWN &&
        !archive->has_waited) {
        archive->has_waited = true;
        s3_archive_open(archive);
        return;
    }
    if (archive->claim.index == NULL) {
        s3_archive_fail(archive, (enum s3_error)archive->claim.failure.error, archive->claim.failure.message);
        return;
    }
    *archive->held = archive->index = archive->claim.index;
    archive->opened(archive);
}

void s3_archive_open(struct s3_archive *archive)
{
    struct slice key = archive->request->key;
    bool is_zip = ends_so(key, ".zip"), is_tar = ends_so(key, ".tar");
    enum archive_claimed claimed;
    const char *message = NULL;
    enum s3_error error =
        s3_encryption_open(archive->request, S3_ENCRYPTION_OBJECT, archive->get, archive->object, &message);

    if (error != S3_ERROR_NONE) {
        s3_archive_fail(archive, error, message);
        return;
    }

    archive->held =
        arena_alloc_hooked(&archive->request->http->arena, sizeof(struct member_index *), on_arena_cleared);
    *archive->held = NULL;
    if (!identify(archive, is_zip, is_tar)) {
        make_index(archive, is_zip, is_tar);
        return;
    }
    archive->claim.ready = on_ready_elsewhere;
    archive->turn.next = on_awaited;
    core_turn_begin(archive->request->worker, &archive->turn); /* before anybody can end it */
    claimed = archive_shelf_claim(shelf_of(archive), &archive->claim);
    if (claimed == ARCHIVE_WAITS)
        return;
    core_turn_cancel(&archive->turn);
    archive->is_making = claimed == ARCHIVE_MAKES;
    if (claimed == ARCHIVE_MAKES) {
        make_index(archive, is_zip, is_tar);
        return;
    }
    *archive->held = archive->index = archive->claim.index;
    archive->opened(archive);
}
