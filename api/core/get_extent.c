/* SPDX-License-Identifier: MIT
 *
 * One extent of an object as a file that somebody reads at his own pace: the blob, verified first where it is small or all reads are, or
 * a copy in memory of what lies in a segment. Any thread. */
#include "api/core/core_internal.h"
#include "storage/base/io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* -EIO, and told. */
static int extent_damaged(struct core *core, const struct meta_extent *extent)
{
    (void)blob_damage_note(core->blobs, (struct blob_unit){extent->file, extent->unit_offset},
                           BLOB_DAMAGE_SUM, "is not what was stored: its checksum differs");
    return -EIO;
}

/* The file of a unit, if it is the one that its row says. */
static int extent_open(struct core *core, const struct meta_extent *extent)
{
    struct blob_unit unit = {extent->file, extent->unit_offset};
    int fd = blob_store_open_fd(core->blobs, extent->file), err;

    assert(extent->unit_length > 0);
    if (fd < 0)
        return fd;
    if ((err = blob_store_judge(core->blobs, unit, extent->unit_length, fd)) == 0)
        return fd;
    close(fd); /* was only read from */
    if (err != -EBADMSG && err != -ESTALE)
        return err;
    (void)blob_damage_note(core->blobs, unit, BLOB_DAMAGE_IDENTITY,
                           "is another blob's file, or does not say whose it is");
    return -EIO;
}

/* All of a unit that is a file of its own, or large. */
static int extent_verify(struct core *core, int fd, const struct meta_extent *extent)
{
    struct digest_values values;
    struct digest_set *set;
    int err = digest_set_create(&set, DIGEST_BIT(core_unit_kind(extent)));

    assert(extent->unit_length > 0);
    if (err != 0)
        return err;
    err = digest_set_update_file(set, fd, extent->unit_offset, extent->unit_length);
    if (err == 0)
        err = digest_set_final(set, &values);
    digest_set_free(set);
    if (err == 0 && digest_crc_value(&values, core_unit_kind(extent)) != extent->unit_crc)
        err = extent_damaged(core, extent);
    return err == -ENODATA ? -EIO : err;
}

/* The unit's bytes, verified, in memory that the caller frees. */
static int unit_read(struct core *core, int fd, const struct meta_extent *extent, unsigned char **out)
{
    unsigned char *bytes = malloc(extent->unit_length);
    int err = bytes == NULL ? -ENOMEM : 0;

    assert(extent->unit_length > 0);
    if (err == 0 && read_whole(fd, bytes, extent->unit_length, extent->unit_offset) != 0)
        err = -EIO;
    if (err == 0 &&
        digest_crc_update(core_unit_kind(extent), 0, bytes, extent->unit_length) != extent->unit_crc)
        err = extent_damaged(core, extent);
    if (err != 0) {
        free(bytes);
        return err;
    }
    *out = bytes;
    return 0;
}

/* The bytes of an extent of a packed unit in a file of their own. */
static int extent_copy(struct core *core, int segment_fd, const struct meta_extent *extent)
{
    unsigned char *bytes;
    int err = unit_read(core, segment_fd, extent, &bytes), fd = -1;

    if (err != 0)
        return err;
    if ((fd = memfd_create("sluice-extent", MFD_CLOEXEC)) < 0)
        err = -errno;
    if (err == 0 && pwrite(fd, bytes + (extent->offset - extent->unit_offset), extent->length, 0) !=
                        (ssize_t)extent->length) {
        close(fd);
        err = -ENOMEM; /* memory is all that it can lack */
    }
    free(bytes);
    return err != 0 ? err : fd;
}

int extent_open_file(struct core *core, const struct meta_extent *extent, int *fd, uint64_t *offset)
{
    bool is_small = extent->unit_length <= CORE_VERIFY_BYTES_MAX;
    int result, err;

    if (extent->is_sealed)
        return -ENOKEY;
    *offset = extent->offset;
    result = extent_open(core, extent);
    if (result >= 0 && blob_unit_is_packed(extent->unit_offset, extent->unit_length)) {
        int segment_fd = result;

        result = extent_copy(core, segment_fd, extent);
        close(segment_fd); /* was only read from */
        *offset = 0;
    } else if (result >= 0 && (is_small || core->limits.verify_reads) &&
               (err = extent_verify(core, result, extent)) != 0) {
        close(result);
        result = err;
    }
    if (result < 0)
        return result;
    *fd = result;
    return 0;
}
