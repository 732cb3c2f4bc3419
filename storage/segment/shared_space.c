/* SPDX-License-Identifier: MIT
 *
 * Giving back what lies in a blob that several units share: an archive that was stored in one go, and whose members are units. They lie
 * anywhere, not in blocks of their own, so a hole is what is whole blocks between the units that are left:
 *
 *     | h | unit | h |  unit gone  | h | gone | h | unit ... | record |
 *                |        [#################]     |
 *                end                              begin of what is left
 *
 * What is between units (headers) goes with its neighbours. Once nothing is left the file goes as a whole, which is its owner's affair.
 *
 * Where a gap is large, one of the units in it may have been sent by sendfile, and its pages may still be in a socket's queue: they are
 * safe as long as they leave the page cache as whole folios (limits.h).
 *
 * Blocks; background threads. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/segment/segment_internal.h"

/* 1, with its length, which may be NULL. */
static int shared_is(struct blob_store *store, uint64_t blob, uint64_t *length)
{
    /* About a place that no segment has a unit at. */
    struct blob_claim claim = blob_claim_of(blob, 1);
    struct blob_contents contents;
    int fd = blob_store_open_fd(store, blob), err;

    if (fd < 0)
        return fd;
    err = blob_contents_read(store, &claim, fd, &contents);
    close(fd); /* was only read from */
    if (err == -EBADMSG || err == -ESTALE)
        return 0;
    if (err != 0)
        return err;
    assert(contents.kind == BLOB_FILE_BLOB);
    if (length != NULL)
        *length = contents.payload;
    return 1;
}

int blob_store_is_shared(struct blob_store *store, uint64_t blob)
{
    return shared_is(store, blob, NULL);
}

struct shared_gaps {
    struct blob_store *store;
    int fd;
    const struct blob_run *runs; /* ascending */
    uint32_t count, at;
    uint64_t end; /* of what is left before */
    bool is_due;  /* since then came a unit that goes */
};

static int gap_punch(struct shared_gaps *gaps, uint64_t end)
{
    uint64_t begin = gaps->end;
    uint64_t align =
        end > begin && end - begin >= SHARED_UNIT_WHOLE_BYTES ? SHARED_HOLE_ALIGN_BYTES : SEGMENT_ALIGN_BYTES;

    begin = (begin + align - 1) / align * align;
    end -= end % align;
    return end > begin ? segment_space_punch(gaps->store, gaps->fd, begin, end - begin) : 0;
}

static int gaps_on_unit(void *ctx, uint64_t offset, uint64_t length)
{
    struct shared_gaps *gaps = ctx;
    int err = 0;

    if (offset > INT64_MAX || length > (uint64_t)INT64_MAX - offset)
        return -EIO; /* a damaged row: what it means to keep is anybody's guess */
    while (gaps->at < gaps->count && gaps->runs[gaps->at].offset < offset)
        gaps->at++;
    if (gaps->at < gaps->count && gaps->runs[gaps->at].offset == offset) {
        gaps->is_due = true;
        return 0;
    }
    if (gaps->is_due)
        err = gap_punch(gaps, offset);
    gaps->is_due = false;
    if (offset + length > gaps->end)
        gaps->end = offset + length;
    return err;
}

static int run_compare(const void *a, const void *b)
{
    const struct blob_run *first = a, *second = b;

    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

static int shared_punch(struct shared_gaps *gaps, uint64_t blob, uint64_t length, blob_units_fn units,
                        void *ctx)
{
    int err = units(ctx, blob, gaps_on_unit, gaps);

    if (err == 0 && gaps->is_due)
        err = gap_punch(gaps, length);
    return err == 0 ? segment_space_sync(gaps->store, gaps->fd) : err;
}

int blob_store_give_back(struct blob_store *store, uint64_t blob, struct blob_run *runs, uint32_t count,
                         blob_units_fn units, void *ctx)
{
    struct shared_gaps gaps = {.store = store, .runs = runs, .count = count, .end = SEGMENT_ALIGN_BYTES};
    uint64_t length = 0;
    int err = store->options.read_only ? -EROFS : shared_is(store, blob, &length);

    if (err == 0)
        return blob_store_punch(store, blob, runs, count);
    if (err < 0)
        return err == -ENOENT ? 0 : err;
    qsort(runs, count, sizeof(*runs), run_compare);
    gaps.fd = segment_space_open(store, blob);
    if (gaps.fd < 0)
        return gaps.fd == -ENOENT ? 0 : gaps.fd;
    err = shared_punch(&gaps, blob, length, units, ctx);
    close(gaps.fd); /* synced already */
    return err;
}
