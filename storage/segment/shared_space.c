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
static int shared_is(struct blob_store *store, uint64_t blob, int fd, uint64_t *length)
{
    /* About a place that no segment has a unit at. */
    struct blob_claim claim = blob_claim_of(blob, 1);
    struct blob_contents contents;
    int err = blob_contents_read(store, &claim, fd, &contents);

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
    int fd = blob_store_open_fd(store, blob), is;

    if (fd < 0)
        return fd;
    is = shared_is(store, blob, fd, NULL);
    close(fd); /* was only read from */
    return is;
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

    return err == 0 && gaps->is_due ? gap_punch(gaps, length) : err;
}

int shared_space_give_back(struct blob_store *store, struct blob_giving *giving, blob_units_fn units,
                           void *ctx)
{
    struct shared_gaps gaps = {.store = store,
                               .fd = giving->fd,
                               .runs = giving->runs,
                               .count = giving->count,
                               .end = SEGMENT_ALIGN_BYTES};
    uint64_t length = 0;
    int is = shared_is(store, giving->blob, giving->fd, &length), err;

    if (is <= 0)
        return is;
    qsort(giving->runs, giving->count, sizeof(*giving->runs), run_compare);
    err = shared_punch(&gaps, giving->blob, length, units, ctx);
    return err != 0 ? err : 1;
}
