/* SPDX-License-Identifier: MIT
 *
 * The second copy that damage is mended from. It is a folder with the same blobs under the same names, as a backup of this store has them.
 * What it says of itself is not asked: bytes count that have the length and the checksum of the row, and no others. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/core/scrub/scrub_internal.h"
#include "storage/base/io.h"

struct scrub_mend {
    struct core *core;
    int folder_fd;
    unsigned char buffer[CHECK_WINDOW_BYTES];
};

int scrub_mend_open(struct scrub_mend **out, struct core *core, const char *folder)
{
    struct scrub_mend *mend = calloc(1, sizeof(*mend));

    if (mend == NULL)
        return -ENOMEM;
    mend->core = core;
    mend->folder_fd = io_open(AT_FDCWD, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mend->folder_fd < 0) {
        /* A copy that is away is no reason to look at nothing. */
        core_log(core, LOG_LEVEL_WARNING, "scrub: cannot mend from %s: %s", folder, meta_strerror(-errno));
        free(mend);
        mend = NULL;
    }
    *out = mend;
    return 0;
}

void scrub_mend_close(struct scrub_mend *mend)
{
    if (mend == NULL)
        return;
    close(mend->folder_fd); /* nothing was written by it */
    free(mend);
}

/* 0: the file has the bytes that the row wants. -ENOENT; or an errno. */
static int copy_verify(struct scrub_mend *mend, const struct check_job *job, int fd)
{
    enum digest_kind kind = job->crc_kind == META_UNIT_CRC64NVME ? DIGEST_CRC64NVME : DIGEST_CRC32C;
    uint64_t crc = 0, done = 0;

    while (done < job->length) {
        size_t piece =
            job->length - done < sizeof(mend->buffer) ? (size_t)(job->length - done) : sizeof(mend->buffer);
        ssize_t have = read_up_to(fd, mend->buffer, piece, job->offset + done);

        if (have < 0)
            return (int)have;
        if ((size_t)have < piece)
            return -ENOENT;
        crc = digest_crc_update(kind, crc, mend->buffer, piece);
        done += piece;
    }
    return crc == job->crc ? 0 : -ENOENT;
}

int scrub_mend_unit(struct scrub_mend *mend, const struct check_job *job)
{
    const struct blob_unit unit = {job->file, job->offset};
    int fd, err;

    assert(job->verdict > CHECK_SOUND);
    if (job->file == 0 || (fd = blob_elsewhere_open(mend->folder_fd, job->file)) < 0)
        return -ENOENT;
    err = copy_verify(mend, job, fd);
    if (err == 0)
        err = blob_store_mend(mend->core->blobs, unit, job->length, fd);
    close(fd); /* was only read from */
    if (err != 0 && err != -ENOENT)
        core_log(mend->core, LOG_LEVEL_WARNING, "scrub: cannot mend blob %016llx: %s",
                 (unsigned long long)job->file, meta_strerror(err));
    return err;
}
