/* SPDX-License-Identifier: MIT
 *
 * A range of a sealed object becomes stretches of its bodies, and they become plain bytes; see sealed_get.h. */
#include "api/core/sealed/sealed_get.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "storage/base/io.h"

#include "storage/seal/seal_reader.h"

#define PENDING_BYTES SEALED_RECORD_BYTES

struct sealed_get {
    struct core *core;
    const struct meta_object *object;
    struct blob_egress *egress;
    struct seal_reader *reader;
    uint32_t first_extent; /* of the object, where the range begins */
    /* bytes that a socket did not take at once; NULL: none was given any */
    unsigned char *pending;
    size_t pending_at, pending_end;
    bool told_damage;
};

bool sealed_object_is(const struct meta_object *object)
{
    for (uint32_t i = 0; i < object->extents.count; i++)
        if (object->extents.list[i].is_sealed)
            return true;
    return false;
}

/* ---- What is needed ---- */

struct plan {
    struct seal_piece *pieces;
    struct blob_range *ranges; /* up to two for each piece */
    uint32_t piece_count, range_count, first_extent;
};

/* The part that the extent is, where the row knows: each body of an upload is a part, and empty parts have none. */
static uint32_t extent_part(const struct meta_object *object, uint32_t extent)
{
    for (uint32_t i = 0; i < object->part_count; i++) {
        if (object->parts[i].size == 0)
            continue;
        if (extent-- == 0)
            return object->parts[i].number;
    }
    return 0;
}

static void plan_add(struct plan *plan, const struct meta_object *object, uint32_t at, uint64_t skip,
                     uint64_t length)
{
    const struct meta_extent *extent = &object->extents.list[at];
    struct seal_piece piece = {skip, length, meta_extent_size(extent), 0};
    struct seal_stored stored[2];
    unsigned count = seal_piece_stored(&piece, stored);

    piece.part = extent_part(object, at);
    if (plan->piece_count == 0)
        plan->first_extent = at;
    plan->pieces[plan->piece_count++] = piece;
    for (unsigned i = 0; i < count; i++)
        plan->ranges[plan->range_count++] = core_extent_range(extent, stored[i].offset, stored[i].length);
}

/* 0, or -EIO: the extents are not all sealed, or fewer bytes than the object has. */
static int plan_make(struct plan *plan, const struct meta_object *object, uint64_t first, uint64_t length)
{
    uint64_t begin = 0;

    for (uint32_t i = 0; i < object->extents.count && length > 0; i++) {
        uint64_t size = meta_extent_size(&object->extents.list[i]), skip, count;

        if (!object->extents.list[i].is_sealed)
            return -EIO;
        if (first < begin + size) {
            skip = first - begin;
            count = size - skip < length ? size - skip : length;
            plan_add(plan, object, i, skip, count);
            first += count;
            length -= count;
        }
        begin += size;
    }
    return length == 0 ? 0 : -EIO;
}

/* ---- Life ---- */

static ssize_t read_stored(void *ctx, void *buffer, size_t length)
{
    return blob_egress_read(((struct sealed_get *)ctx)->egress, buffer, length);
}

static int begin_planned(struct sealed_get *sealed, const struct plan *plan, struct core_worker *worker,
                         const struct seal_key *key, void (*on_ready)(void *ctx), void *ctx)
{
    int err = seal_reader_create(&sealed->reader, key, plan->pieces, plan->piece_count, read_stored, sealed);

    sealed->first_extent = plan->first_extent;
    if (err != 0)
        return err;
    return blob_egress_begin(&sealed->egress, sealed->core->blobs, worker->ring, plan->ranges,
                             plan->range_count, on_ready, ctx);
}

int sealed_get_begin(struct sealed_get **out, struct core_worker *worker, const struct meta_object *object,
                     const struct seal_key *key, uint64_t first, uint64_t length, void (*on_ready)(void *ctx),
                     void *ctx)
{
    struct sealed_get *sealed = calloc(1, sizeof(*sealed));
    uint32_t count = object->extents.count;
    struct plan plan = {calloc(count, sizeof(*plan.pieces)), calloc(2 * (size_t)count, sizeof(*plan.ranges)),
                        0, 0, 0};
    int err = -ENOMEM;

    assert(length > 0 && count > 0);
    *out = sealed;
    if (sealed != NULL && plan.pieces != NULL && plan.ranges != NULL) {
        sealed->core = worker->core;
        sealed->object = object;
        err = plan_make(&plan, object, first, length);
        if (err == 0)
            err = begin_planned(sealed, &plan, worker, key, on_ready, ctx);
        else
            core_log(worker->core, LOG_LEVEL_ERROR, "a sealed object's extents are not those of its size");
    }
    free(plan.pieces);
    free(plan.ranges);
    if (err != 0 && err != -EBUSY && (sealed == NULL || sealed->egress == NULL)) {
        sealed_get_end(sealed);
        *out = NULL;
    }
    return err;
}

void sealed_get_end(struct sealed_get *sealed)
{
    if (sealed == NULL)
        return;
    blob_egress_end(sealed->egress);
    seal_reader_free(sealed->reader);
    if (sealed->pending != NULL)
        OPENSSL_cleanse(sealed->pending, PENDING_BYTES);
    free(sealed->pending);
    free(sealed);
}

struct blob_egress *sealed_get_egress(const struct sealed_get *sealed)
{
    return sealed->egress;
}

/* ---- Bytes ---- */

static ssize_t read_plain(struct sealed_get *sealed, void *buffer, size_t length)
{
    ssize_t count = seal_reader_read(sealed->reader, buffer, length);
    const struct meta_extent *extent;

    if (count != -EBADMSG)
        return count;
    extent = &sealed->object->extents.list[sealed->first_extent + seal_reader_at(sealed->reader)];
    if (!sealed->told_damage)
        sealed->told_damage = blob_damage_note(
            sealed->core->blobs, (struct blob_unit){extent->file, extent->unit_offset}, BLOB_DAMAGE_SUM,
            "is not what was sealed, or not under the key that its row has");
    return -EIO;
}

ssize_t sealed_get_read(struct sealed_get *sealed, void *buffer, size_t length)
{
    size_t left = sealed->pending_end - sealed->pending_at, count = left < length ? left : length;

    if (left == 0)
        return read_plain(sealed, buffer, length);
    memcpy(buffer, sealed->pending + sealed->pending_at, count);
    sealed->pending_at += count;
    return (ssize_t)count;
}

ssize_t sealed_get_send(struct sealed_get *sealed, int socket_fd, size_t max)
{
    size_t left;
    ssize_t count;

    if (sealed->pending == NULL && (sealed->pending = malloc(PENDING_BYTES)) == NULL)
        return -ENOMEM;
    if (sealed->pending_at == sealed->pending_end) {
        if ((count = read_plain(sealed, sealed->pending, PENDING_BYTES)) <= 0)
            return count;
        sealed->pending_at = 0;
        sealed->pending_end = (size_t)count;
    }
    left = sealed->pending_end - sealed->pending_at;
    count = IO_RETRY(send(socket_fd, sealed->pending + sealed->pending_at, left < max ? left : max,
                          MSG_NOSIGNAL | MSG_DONTWAIT));
    if (count < 0)
        return -errno;
    sealed->pending_at += (size_t)count;
    return count;
}

bool sealed_get_told_damage(const struct sealed_get *sealed)
{
    return sealed->told_damage;
}
