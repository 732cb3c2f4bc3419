/* SPDX-License-Identifier: MIT
 *
 * See wal_file.h. The format is that of https://www.sqlite.org/fileformat2.html#walformat: a head of 32 bytes, then frames of 24 bytes and
 * a page. Numbers are big-endian, but for the words that checksums are made of: the magic says how those are read. */
#include "metadata/sqlite/wal/wal_file.h"
#include "storage/base/disk_error.h"
#include "storage/base/io.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES       32u
#define FRAME_HEAD_BYTES 24u
#define FRAME_BYTES      (FRAME_HEAD_BYTES + WAL_FILE_PAGE_BYTES)

/* Of the head and of a frame's head. */
#define HEAD_MAGIC_AT     0u
#define HEAD_PAGE_SIZE_AT 8u
#define HEAD_SALT_AT      16u
#define HEAD_CHECKSUM_AT  24u
#define FRAME_PAGE_AT     0u
#define FRAME_COMMIT_AT   4u /* not 0: the last of a transaction */
#define FRAME_SALT_AT     8u
#define FRAME_CHECKSUM_AT 16u
#define SALT_BYTES        8u

#define MAGIC_LITTLE_WORDS 0x377f0682u
#define MAGIC_BIG_WORDS    0x377f0683u

/* Frames that are read and written with one call. */
#define GROUP_FRAMES 64u

static off_t frame_offset(uint32_t frame)
{
    return HEAD_BYTES + (off_t)(frame - 1) * FRAME_BYTES;
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

/* ---- The chain ---- */

struct chain {
    bool big_words;
    unsigned char salt[SALT_BYTES];
    uint32_t sum[2];    /* of all so far */
    uint32_t frames;    /* that are valid */
    uint32_t committed; /* those of whole transactions */
    uint32_t committed_sum[2];
};

static void chain_add(struct chain *chain, const unsigned char *bytes, size_t length)
{
    uint32_t first = chain->sum[0], second = chain->sum[1];

    for (size_t i = 0; i < length; i += 8) {
        uint32_t words[2];

        memcpy(words, bytes + i, sizeof(words));
        first += (chain->big_words ? be32toh(words[0]) : le32toh(words[0])) + second;
        second += (chain->big_words ? be32toh(words[1]) : le32toh(words[1])) + first;
    }
    chain->sum[0] = first;
    chain->sum[1] = second;
}

static bool chain_sum_is(const struct chain *chain, const unsigned char *stored)
{
    return chain->sum[0] == get32(stored) && chain->sum[1] == get32(stored + 4);
}

/* Whether it is the head of a log. */
static bool chain_begin(struct chain *chain, const unsigned char head[HEAD_BYTES])
{
    uint32_t magic = get32(head + HEAD_MAGIC_AT);

    memset(chain, 0, sizeof(*chain));
    if ((magic != MAGIC_LITTLE_WORDS && magic != MAGIC_BIG_WORDS) ||
        get32(head + HEAD_PAGE_SIZE_AT) != WAL_FILE_PAGE_BYTES)
        return false;
    chain->big_words = magic == MAGIC_BIG_WORDS;
    memcpy(chain->salt, head + HEAD_SALT_AT, SALT_BYTES);
    chain_add(chain, head, HEAD_CHECKSUM_AT);
    return chain_sum_is(chain, head + HEAD_CHECKSUM_AT);
}

/* Whether the next frame goes on with the chain. */
static bool chain_take(struct chain *chain, const unsigned char *frame)
{
    if (memcmp(frame + FRAME_SALT_AT, chain->salt, SALT_BYTES) != 0 || get32(frame + FRAME_PAGE_AT) == 0)
        return false;
    chain_add(chain, frame, FRAME_SALT_AT);
    chain_add(chain, frame + FRAME_HEAD_BYTES, WAL_FILE_PAGE_BYTES);
    if (!chain_sum_is(chain, frame + FRAME_CHECKSUM_AT))
        return false;
    chain->frames++;
    if (get32(frame + FRAME_COMMIT_AT) != 0) {
        chain->committed = chain->frames;
        memcpy(chain->committed_sum, chain->sum, sizeof(chain->sum));
    }
    return true;
}

/* ---- Writing it again ---- */

/* The next frames, at most `max`, as far as they are valid. How many there were, or a negative errno. */
static int renew_group(int fd, struct chain *chain, uint32_t max, unsigned char *buffer)
{
    off_t offset = frame_offset(chain->frames + 1);
    uint32_t count = max < GROUP_FRAMES ? max : GROUP_FRAMES, valid = 0;
    ssize_t n = read_up_to(fd, buffer, count * FRAME_BYTES, offset);

    if (n < 0)
        return (int)n;
    count = (uint32_t)n / FRAME_BYTES;
    while (valid < count && chain_take(chain, buffer + valid * FRAME_BYTES))
        valid++;
    int err = write_whole(fd, buffer, valid * FRAME_BYTES, offset);
    return err != 0 ? err : (int)valid;
}

/* The head, and at most `max` frames, up to the first that is not valid. *is_log: whether there is a head. */
static int renew_chain(int fd, uint32_t max, struct chain *chain, bool *is_log)
{
    unsigned char *buffer = malloc(GROUP_FRAMES * FRAME_BYTES);
    int result;

    if (buffer == NULL)
        return -ENOMEM;
    ssize_t n = read_up_to(fd, buffer, HEAD_BYTES, 0);
    *is_log = n == HEAD_BYTES && chain_begin(chain, buffer);
    result = n < 0 ? (int)n : *is_log ? write_whole(fd, buffer, HEAD_BYTES, 0) : 0;
    if (result == 0 && *is_log)
        do
            result = renew_group(fd, chain, max - chain->frames, buffer);
        while (result == (int)GROUP_FRAMES);
    free(buffer);
    return result < 0 ? result : 0;
}

/* A commit that failed may be in the log as a whole. Nobody must find it there: its submitters were told otherwise. Whatever comes
 * next is written there anyway. */
static int unmake_frame(int fd, uint32_t frame)
{
    static const unsigned char nothing[FRAME_HEAD_BYTES];
    off_t offset = frame_offset(frame), end = lseek(fd, 0, SEEK_END);

    if (end < 0)
        return disk_error(-errno);
    return end <= offset ? 0 : write_whole(fd, nothing, sizeof(nothing), offset);
}

int wal_file_renew(int fd, const struct wal_extent *extent)
{
    struct chain chain;
    bool is_log;
    int err = renew_chain(fd, extent->frames, &chain, &is_log);

    if (err != 0)
        return err;
    /* An empty log may still have the head and frames of the one before, all of which the database holds, durably. */
    if (extent->frames > 0 &&
        (!is_log || chain.frames != extent->frames || chain.committed != extent->frames ||
         memcmp(chain.salt, extent->salt, SALT_BYTES) != 0 ||
         memcmp(chain.committed_sum, extent->checksum, sizeof(extent->checksum)) != 0))
        return -EBADMSG;
    if ((err = unmake_frame(fd, extent->frames + 1)) != 0)
        return err;
    return fdatasync(fd) == 0 ? 0 : disk_error(-errno);
}

int wal_file_pages(int fd, uint32_t frames, int (*visit)(void *ctx, uint32_t frame, uint32_t page), void *ctx)
{
    unsigned char number[4];
    int err = 0;

    for (uint32_t frame = 1; frame <= frames && err == 0; frame++) {
        ssize_t n = read_up_to(fd, number, sizeof(number), frame_offset(frame) + (off_t)FRAME_PAGE_AT);

        err = n == sizeof(number) ? visit(ctx, frame, get32(number)) : n < 0 ? (int)n : -EBADMSG;
    }
    return err;
}

int wal_file_read_page(int fd, uint32_t frame, void *data)
{
    ssize_t n = read_up_to(fd, data, WAL_FILE_PAGE_BYTES, frame_offset(frame) + (off_t)FRAME_HEAD_BYTES);

    return n == WAL_FILE_PAGE_BYTES ? 0 : n < 0 ? (int)n : -EBADMSG;
}

/* ---- At the start ---- */

/* The name of a file is durable once its folder was synced. */
static int folder_sync(const char *file_path)
{
    char *path = strdup(file_path);
    int err = 0;

    if (path == NULL)
        return -ENOMEM;
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path ? 1 : 0] = '\0';
    int fd = io_open(AT_FDCWD, slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        err = -errno;
    if (fd >= 0)
        (void)close(fd); /* a folder: nothing is lost */
    free(path);
    return err;
}

/* A sync alone would not do: the dead process may have met a failed one, and what that lost is in memory and called clean. But where there
 * is no room for the same bytes in the same place, which takes a file system that copies what it writes, a full disk must not keep the store
 * closed; there a sync that fails ends all writing, and the dead process has left nothing after it. */
int wal_file_settle(const char *log_path)
{
    int fd = io_open(AT_FDCWD, log_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct chain chain;
    bool is_log;
    int err;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    err = renew_chain(fd, UINT32_MAX, &chain, &is_log);
    if (err == -ENOSPC || err == -EDQUOT)
        err = 0;
    if (err == 0 && fsync(fd) != 0)
        err = -errno;
    (void)close(fd); /* synced */
    return err != 0 ? err : folder_sync(log_path);
}
