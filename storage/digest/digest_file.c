/* SPDX-License-Identifier: MIT
 *
 * Digests of files: over the page cache, through mmap, so that bytes which were spliced into a file are not
 * copied a second time to be checked. Blocks; for digest threads and tools.
 *
 * A page that cannot be read would be a SIGBUS at the first touch. MADV_POPULATE_READ (Linux 5.14) touches
 * all pages of a window beforehand and answers with an error instead. It looks at each page by itself, which costs
 * half as much as a CRC of it; so it is left out where all pages are dirty still, and thus readable: those of an
 * upload. Where that, or mmap, is not to be had, bytes are read through a buffer. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/egress/blob_residency.h"
#include "storage/digest/digest.h"
#include "storage/limits.h"
#include "storage/base/sys.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define DIGEST_COPY_BYTES (64u << 10)

/* What is fed together. */
struct digest_sets {
    struct digest_set *const *set;
    unsigned count;
};

static int sets_update(const struct digest_sets *sets, const void *data, size_t length)
{
    int err = 0;

    for (unsigned i = 0; i < sets->count && err == 0; i++)
        err = digest_set_update(sets->set[i], data, length);
    return err;
}

/* 0, -ENODATA when the file ends before `end`, or what fstat came to. */
static int file_check_length(int fd, uint64_t end)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return disk_error(-errno);
    /* Devices have no length of their own here; they end when reading says so. */
    return S_ISREG(st.st_mode) && (uint64_t)st.st_size < end ? -ENODATA : 0;
}

static int update_by_copy(const struct digest_sets *sets, int fd, uint64_t offset, uint64_t length)
{
    unsigned char *buffer = malloc(DIGEST_COPY_BYTES);
    int err = buffer == NULL ? -ENOMEM : 0;
    ssize_t n;

    while (length > 0 && err == 0) {
        n = IO_RETRY(
            sys.pread(fd, buffer, length < DIGEST_COPY_BYTES ? length : DIGEST_COPY_BYTES, (off_t)offset));
        if (n < 0) {
            err = -EIO;
        } else if (n == 0) {
            err = -ENODATA;
        } else {
            err = sets_update(sets, buffer, (size_t)n);
            offset += (uint64_t)n;
            length -= (uint64_t)n;
        }
    }
    free(buffer);
    return err;
}

/* Sees to it that every page of the window can be read. -EOPNOTSUPP: not possible here, copy instead. */
static int window_populate(int fd, void *map, size_t map_length, uint64_t end)
{
    int err;

    assert(map_length > 0 && map_length <= end);
    if (blob_residency_is_dirty(fd, end - map_length, map_length))
        return 0;
    while (sys.madvise(map, map_length, MADV_POPULATE_READ) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EINVAL || errno == ENOSYS || errno == ENOMEM || errno == EAGAIN)
            return -EOPNOTSUPP;
        /* EFAULT, EHWPOISON: unreadable; or the file was cut short after its length was looked at. */
        err = file_check_length(fd, end);
        return err == 0 ? -EIO : err;
    }
    return 0;
}

void digest_map_open(struct digest_map *map, int fd, uint64_t offset, size_t length)
{
    uint64_t lead = offset % (uint64_t)sysconf(_SC_PAGESIZE);

    assert(fd >= 0 && length > 0);
    map->fd = fd;
    map->start = offset - lead;
    map->length = length + (size_t)lead;
    map->bytes = mmap(NULL, map->length, PROT_READ, MAP_SHARED, fd, (off_t)map->start);
    if (map->bytes == MAP_FAILED)
        map->bytes = NULL;
}

int digest_map_update(const struct digest_map *map, struct digest_set *set, uint64_t offset, size_t length)
{
    const struct digest_sets sets = {&set, 1};
    size_t lead = (size_t)(offset % (uint64_t)sysconf(_SC_PAGESIZE));
    unsigned char *bytes = map->bytes == NULL ? NULL : map->bytes + (offset - map->start);
    int err = -EOPNOTSUPP;

    assert(offset >= map->start && offset + length <= map->start + map->length);
    if (bytes != NULL)
        err = window_populate(map->fd, bytes - lead, lead + length, offset + length);
    if (err == 0)
        err = sets_update(&sets, bytes, length);
    return err == -EOPNOTSUPP ? update_by_copy(&sets, map->fd, offset, length) : err;
}

void digest_map_close(struct digest_map *map)
{
    if (map->bytes != NULL)
        munmap(map->bytes, map->length);
    map->bytes = NULL;
}

void digest_file_pieces_update(struct digest_file_piece *list, unsigned count)
{
    struct digest_piece pieces[DIGEST_TOGETHER_MAX];
    struct digest_map maps[DIGEST_TOGETHER_MAX];
    struct digest_file_piece *of[DIGEST_TOGETHER_MAX];
    unsigned found = 0;

    assert(count <= DIGEST_TOGETHER_MAX);
    for (unsigned i = 0; i < count; i++) {
        const struct digest_sets sets = {&list[i].set, 1};
        struct digest_map *map = &maps[found];
        size_t lead = (size_t)(list[i].offset % (uint64_t)sysconf(_SC_PAGESIZE));

        assert(list[i].length > 0 && list[i].length <= DIGEST_WINDOW_BYTES);
        if ((list[i].result = file_check_length(list[i].fd, list[i].offset + list[i].length)) != 0)
            continue;
        digest_map_open(map, list[i].fd, list[i].offset, list[i].length);
        list[i].result = map->bytes == NULL ? -EOPNOTSUPP
                                            : window_populate(map->fd, map->bytes, map->length,
                                                              list[i].offset + list[i].length);
        if (list[i].result == 0) {
            pieces[found] = (struct digest_piece){list[i].set, map->bytes + lead, list[i].length, 0};
            of[found++] = &list[i];
            continue;
        }
        digest_map_close(map);
        if (list[i].result == -EOPNOTSUPP)
            list[i].result = update_by_copy(&sets, list[i].fd, list[i].offset, list[i].length);
    }
    digest_pieces_update(pieces, found);
    for (unsigned i = 0; i < found; i++) {
        of[i]->result = pieces[i].result;
        digest_map_close(&maps[i]);
    }
}

static int update_window(const struct digest_sets *sets, int fd, uint64_t offset, size_t length)
{
    size_t lead = (size_t)(offset % (uint64_t)sysconf(_SC_PAGESIZE));
    unsigned char *map = mmap(NULL, lead + length, PROT_READ, MAP_SHARED, fd, (off_t)(offset - lead));
    int err;

    if (map == MAP_FAILED)
        return update_by_copy(sets, fd, offset, length);
    err = window_populate(fd, map, lead + length, offset + length);
    if (err == 0)
        err = sets_update(sets, map + lead, length);
    munmap(map, lead + length);
    return err == -EOPNOTSUPP ? update_by_copy(sets, fd, offset, length) : err;
}

int digest_sets_update_file(struct digest_set *const *set, unsigned count, int fd, uint64_t offset,
                            uint64_t length)
{
    const struct digest_sets sets = {set, count};
    int err = file_check_length(fd, offset + length);
    uint64_t part;

    assert(fd >= 0 && count > 0);
    while (length > 0 && err == 0) {
        part = DIGEST_WINDOW_BYTES - offset % DIGEST_WINDOW_BYTES; /* windows lie on their own multiples */
        part = length < part ? length : part;
        err = update_window(&sets, fd, offset, (size_t)part);
        offset += part;
        length -= part;
    }
    return err;
}

int digest_set_update_file(struct digest_set *set, int fd, uint64_t offset, uint64_t length)
{
    return digest_sets_update_file(&set, 1, fd, offset, length);
}
