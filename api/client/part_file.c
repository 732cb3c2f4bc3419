/* SPDX-License-Identifier: MIT
 *
 * See part_file.h. The name can be foreseen, so that in a folder of several users another may have made the file: it counts only as a regular file of one
 * name that is the caller's own. One program at a time has it, by a lock that goes with the descriptor. */
#include "api/client/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/engine.h"
#include "storage/base/io.h"
#include "storage/digest/digest.h"

/* Behind the object's bytes, in the order of this machine: another one's is of no use to it. */
struct part_head {
    char magic[16];
    uint64_t size, piece_bytes;
    char etag[80];
};

struct part_record {
    uint64_t crc, is_there;
};

static const char magic[16] = "Sluice part 1";

static uint64_t record_at(const struct client_transfer *transfer, unsigned index)
{
    return transfer->size + sizeof(struct part_head) + index * sizeof(struct part_record);
}

static char *name_of(const char *target)
{
    const char *slash = strrchr(target, '/'), *name = slash != NULL ? slash + 1 : target;
    char *path;

    if (strlen(name) + strlen(CLIENT_PART_FILE) > NAME_MAX)
        return NULL;
    return asprintf(&path, "%.*s" CLIENT_PART_FILE "%s", (int)(name - target), target, name) >= 0 ? path
                                                                                                  : NULL;
}

/* Ours alone, and still what the name leads to. */
static bool is_ours(int fd, const char *path)
{
    struct stat status, named;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           status.st_nlink == 1 && flock(fd, LOCK_EX | LOCK_NB) == 0 && lstat(path, &named) == 0 &&
           named.st_ino == status.st_ino && named.st_dev == status.st_dev;
}

static struct part_head head_of(const struct client_transfer *transfer)
{
    struct part_head head = {.size = transfer->size, .piece_bytes = transfer->piece_bytes};

    memcpy(head.magic, magic, sizeof(magic));
    (void)snprintf(head.etag, sizeof(head.etag), "%s", transfer->etag);
    return head;
}

static bool begin_anew(int fd, const struct client_transfer *transfer, const struct part_head *head)
{
    return ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)record_at(transfer, transfer->piece_count)) == 0 &&
           write_whole(fd, head, sizeof(*head), transfer->size) == 0;
}

bool client_part_file_open(struct client_transfer *transfer)
{
    struct part_head want = head_of(transfer), head;
    char *path = transfer->etag[0] != '\0' ? name_of(transfer->to) : NULL;
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600) : -1;

    if (fd >= 0 && is_ours(fd, path) &&
        ((read_whole(fd, &head, sizeof(head), transfer->size) == 0 &&
          memcmp(&head, &want, sizeof(head)) == 0) ||
         begin_anew(fd, transfer, &want))) {
        transfer->fd = fd;
        transfer->temporary = path;
        return true;
    }
    if (fd >= 0)
        (void)close(fd); /* nothing of it is needed */
    free(path);
    return false;
}

bool client_part_file_has(struct client_transfer *transfer, unsigned index)
{
    const struct client_bytes bytes = client_piece_of(transfer, index);
    struct part_record record;
    uint64_t crc = 0, done = 0;
    char *buffer;
    int err = read_whole(transfer->fd, &record, sizeof(record), record_at(transfer, index));

    if (err != 0 || record.is_there != 1 || (buffer = malloc(CLIENT_BUFFER_BYTES)) == NULL)
        return false;
    while (err == 0 && done < bytes.length) {
        size_t length =
            bytes.length - done < CLIENT_BUFFER_BYTES ? (size_t)(bytes.length - done) : CLIENT_BUFFER_BYTES;

        if ((err = read_whole(transfer->fd, buffer, length, bytes.offset + done)) == 0)
            crc = crc64nvme_update(crc, buffer, length);
        done += length;
    }
    free(buffer);
    transfer->parts[index].crc = crc;
    return err == 0 && crc == record.crc;
}

void client_part_file_note(struct client_transfer *transfer, unsigned index)
{
    const struct part_record record = {.crc = transfer->parts[index].crc, .is_there = 1};

    (void)write_whole(transfer->fd, &record, sizeof(record), record_at(transfer, index)); /* see the header */
}

int client_part_file_end(struct client_transfer *transfer)
{
    return ftruncate(transfer->fd, (off_t)transfer->size) == 0 ? 0 : -errno;
}
