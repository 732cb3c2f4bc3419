/* SPDX-License-Identifier: MIT
 *
 * See check_reader.h. Jobs of one file whose units lie less than a gap apart are a group, which is read into one buffer; a unit that is
 * longer than the buffer goes through it piece by piece. Reads, not mappings: a bad sector is an errno then, and no signal. */
#include "api/core/upkeep/check_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/digest/digest.h"
#include "storage/limits.h"

/* Reading so much that nobody wants costs less than another call. */
#define GAP_BYTES_MAX (16u << 10)
#define BLOCK_BYTES   4096u /* what reads past memory are aligned to */

struct check_reader {
    struct blob_store *blobs;
    enum check_way way;
    uint64_t file;         /* whose descriptors are open; 0: none */
    int fd, direct_fd;     /* direct_fd -1: not to be had, or not wanted */
    uint64_t bytes;        /* of the file */
    bool is_segment;       /* it was asked, and is the one that its name says */
    unsigned char *window; /* CHECK_WINDOW_BYTES, aligned */
    int (*before)(void *ctx, uint64_t bytes);
    void *ctx;
};

const char *check_verdict_text(enum check_verdict verdict)
{
    static const char *const texts[CHECK_VERDICT_COUNT] = {
        [CHECK_SOUND] = "sound",
        [CHECK_MISSING] = "its file is missing",
        [CHECK_FOREIGN] = "it is another blob's file, or does not say whose it is",
        [CHECK_SHORT] = "its file is too short",
        [CHECK_CHANGED] = "its bytes do not match their checksum",
        [CHECK_UNREADABLE] = "its bytes cannot be read",
        [CHECK_DISAGREES] = "rows disagree about its length or checksum",
    };

    assert(verdict < CHECK_VERDICT_COUNT);
    return texts[verdict];
}

/* ---- Jobs ---- */

struct check_job check_job_of(const struct meta_extent *extent)
{
    return (struct check_job){
        .file = extent->file,
        .offset = extent->unit_offset,
        .length = extent->unit_length,
        .crc = extent->unit_crc,
        .crc_kind = extent->unit_crc_kind,
    };
}

static int job_compare(const void *left, const void *right)
{
    const struct check_job *a = left, *b = right;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

void check_jobs_sort(struct check_job *jobs, size_t count)
{
    if (count > 1)
        qsort(jobs, count, sizeof(*jobs), job_compare);
}

static enum digest_kind job_kind(const struct check_job *job)
{
    return job->crc_kind == META_UNIT_CRC64NVME ? DIGEST_CRC64NVME : DIGEST_CRC32C;
}

/* ---- The file ---- */

static void file_close(struct check_reader *reader)
{
    if (reader->file == 0)
        return;
    close(reader->fd); /* was only read from */
    if (reader->direct_fd >= 0)
        close(reader->direct_fd); /* the same */
    reader->file = 0;
}

/* A second descriptor, since what the file says of itself is read in pieces that are not aligned. -1: as with the first, then. */
static int direct_open(struct check_reader *reader, uint64_t file)
{
    int fd, flags;

    if (reader->way != CHECK_DIRECT || blob_is_row(file) ||
        (fd = blob_store_open_fd(reader->blobs, file)) < 0)
        return -1;
    flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0)
        return fd;
    close(fd); /* was not even read from */
    return -1;
}

/* CHECK_SOUND: it is open, and its length known. */
static int file_open(struct check_reader *reader, uint64_t file)
{
    struct stat status;

    if (file == 0)
        return CHECK_MISSING;
    if (reader->file == file && fstat(reader->fd, &status) == 0 &&
        (status.st_nlink > 0 || blob_is_row(file))) {
        reader->bytes = (uint64_t)status.st_size; /* a segment grows */
        return CHECK_SOUND;
    }
    file_close(reader);
    reader->is_segment = false;
    if ((reader->fd = blob_store_open_fd(reader->blobs, file)) < 0)
        return reader->fd == -ENOENT ? CHECK_MISSING : CHECK_UNREADABLE;
    if (fstat(reader->fd, &status) != 0) {
        close(reader->fd); /* was not even read from */
        return CHECK_UNREADABLE;
    }
    reader->direct_fd = direct_open(reader, file);
    reader->file = file;
    reader->bytes = (uint64_t)status.st_size;
    return CHECK_SOUND;
}

/* Bytes [from, from + length) of the file are in the window, from the returned place on. NULL: with the verdict. */
static const unsigned char *file_read(struct check_reader *reader, uint64_t from, uint64_t length,
                                      int *verdict)
{
    uint64_t skip = from % BLOCK_BYTES, wanted = skip + length;
    ssize_t have = -EINVAL;

    wanted += (BLOCK_BYTES - wanted % BLOCK_BYTES) % BLOCK_BYTES;
    assert(wanted <= CHECK_WINDOW_BYTES);
    if (reader->direct_fd >= 0)
        have = read_up_to(reader->direct_fd, reader->window, wanted, from - skip);
    if (have == -EINVAL) /* some file systems let a descriptor be so, and then do not read */
        have = read_up_to(reader->fd, reader->window, wanted, from - skip);
    if (have >= 0 && (uint64_t)have >= skip + length)
        return reader->window + skip;
    *verdict = have < 0 ? CHECK_UNREADABLE : CHECK_SHORT;
    return NULL;
}

/* ---- One unit ---- */

/* What the file says of itself, before its bytes: a verdict, and whether the bytes may tell more; or -ENOMEM. */
static int unit_judge(struct check_reader *reader, struct check_job *job)
{
    struct blob_unit place = {job->file, job->offset};
    bool is_inside = job->offset > 0 && job->offset % SEGMENT_ALIGN_BYTES == 0;
    int err;

    if (reader->bytes < job->offset || reader->bytes - job->offset < job->length)
        return CHECK_SHORT;
    job->wants_bytes = reader->way != CHECK_NO_BYTES;
    if (is_inside && reader->is_segment)
        return CHECK_SOUND;
    if ((err = blob_store_judge(reader->blobs, place, job->length, reader->fd)) == 0) {
        reader->is_segment = is_inside;
        return CHECK_SOUND;
    }
    if (err == -EBADMSG)
        return CHECK_FOREIGN; /* it says nothing: what the bytes say counts more */
    job->wants_bytes = false;
    if (err == -ENOMEM)
        return err;
    return err == -ESTALE ? CHECK_FOREIGN : CHECK_UNREADABLE;
}

static void unit_end(struct check_job *job, uint64_t crc)
{
    if (crc != job->crc)
        job->verdict = CHECK_CHANGED;
}

/* One that does not fit into the window. 0, or what ended it. */
static int unit_read_long(struct check_reader *reader, struct check_job *job)
{
    uint64_t crc = 0, done = 0;

    while (done < job->length) {
        uint64_t at = job->offset + done, room = CHECK_WINDOW_BYTES - at % BLOCK_BYTES;
        uint64_t piece = job->length - done < room ? job->length - done : room;
        int err = reader->before != NULL ? reader->before(reader->ctx, piece) : 0;
        const unsigned char *bytes = err == 0 ? file_read(reader, at, piece, &job->verdict) : NULL;

        if (bytes == NULL)
            return err;
        crc = digest_crc_update(job_kind(job), crc, bytes, piece);
        done += piece;
    }
    unit_end(job, crc);
    return 0;
}

/* ---- Groups ---- */

static bool job_is_long(const struct check_job *job)
{
    return job->length > CHECK_WINDOW_BYTES - BLOCK_BYTES;
}

/* How many of the jobs, all of one file, one read takes, and up to where it goes. The first is not long. */
static size_t group_measure(const struct check_job *jobs, size_t count, uint64_t *end)
{
    uint64_t begin = jobs[0].offset;
    size_t taken = 0;

    *end = begin;
    for (; taken < count; taken++) {
        const struct check_job *job = &jobs[taken];

        if (!job->wants_bytes)
            continue;
        if (job_is_long(job) || job->offset + job->length - begin > CHECK_WINDOW_BYTES - BLOCK_BYTES ||
            (job->offset > *end && job->offset - *end > GAP_BYTES_MAX))
            break;
        if (job->offset + job->length > *end)
            *end = job->offset + job->length;
    }
    return taken;
}

/* Where the whole cannot be read, each is tried: one bad sector is no reason to doubt its neighbours. */
static void group_read(struct check_reader *reader, struct check_job *jobs, size_t count, uint64_t end)
{
    uint64_t begin = jobs[0].offset;
    int verdict;
    const unsigned char *all = file_read(reader, begin, end - begin, &verdict);

    for (size_t i = 0; i < count; i++) {
        struct check_job *job = &jobs[i];
        const unsigned char *own = all != NULL ? all + (job->offset - begin) : NULL;

        if (!job->wants_bytes)
            continue;
        if (own == NULL)
            own = file_read(reader, job->offset, job->length, &job->verdict);
        if (own != NULL)
            unit_end(job, digest_crc_update(job_kind(job), 0, own, job->length));
    }
}

static int group_run(struct check_reader *reader, struct check_job *jobs, size_t count, size_t *taken)
{
    uint64_t end;
    int err;

    *taken = 1;
    if (!jobs[0].wants_bytes)
        return 0;
    if (job_is_long(&jobs[0]))
        return unit_read_long(reader, &jobs[0]);
    *taken = group_measure(jobs, count, &end);
    err = reader->before != NULL ? reader->before(reader->ctx, end - jobs[0].offset) : 0;
    if (err == 0)
        group_read(reader, jobs, *taken, end);
    return err;
}

/* Jobs of one file. */
static int file_run(struct check_reader *reader, struct check_job *jobs, size_t count)
{
    int opened = file_open(reader, jobs[0].file), err = 0;

    for (size_t i = 0; i < count; i++) {
        jobs[i].wants_bytes = false;
        jobs[i].verdict = opened == CHECK_SOUND ? unit_judge(reader, &jobs[i]) : opened;
    }
    for (size_t at = 0, taken; err == 0 && at < count; at += taken)
        err = group_run(reader, jobs + at, count - at, &taken);
    return err;
}

int check_reader_run(struct check_reader *reader, struct check_job *jobs, size_t count,
                     int (*before)(void *ctx, uint64_t bytes), void *ctx)
{
    int err = 0;

    reader->before = before;
    reader->ctx = ctx;
    for (size_t at = 0, end; err == 0 && at < count; at = end) {
        for (end = at + 1; end < count && jobs[end].file == jobs[at].file; end++)
            assert(jobs[end - 1].offset <= jobs[end].offset);
        err = file_run(reader, jobs + at, end - at);
    }
    return err;
}

struct check_reader *check_reader_create(struct blob_store *blobs, enum check_way way)
{
    struct check_reader *reader = calloc(1, sizeof(*reader));

    assert(blobs != NULL);
    if (reader == NULL)
        return NULL;
    reader->blobs = blobs;
    reader->way = way;
    if (posix_memalign((void **)&reader->window, BLOCK_BYTES, CHECK_WINDOW_BYTES) == 0)
        return reader;
    free(reader);
    return NULL;
}

void check_reader_free(struct check_reader *reader)
{
    if (reader == NULL)
        return;
    file_close(reader);
    free(reader->window);
    free(reader);
}
