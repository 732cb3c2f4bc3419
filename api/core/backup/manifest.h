/* SPDX-License-Identifier: MIT
 *
 * BACKUP, the file that makes a folder a backup: lines of a name and a value, for people too.
 *
 *     sluice-backup 1
 *     store 0f3c...              or "none": a backup was begun here, and none is whole yet
 *     epoch 12
 *     last 4711                  the highest blob that a row names
 *     records 1                  from which blob on files say what they are
 *     taken 2026-11-30T10:00:00Z
 *     rows 118784 9b3e07c5d1a2f460         bytes of sluice.db, and their CRC-64/NVME
 *
 * Blocks; any thread. */
#ifndef API_CORE_BACKUP_MANIFEST_H
#define API_CORE_BACKUP_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/blob/blob_store.h"

#define MANIFEST_NAME      "BACKUP"
#define MANIFEST_NEW       "BACKUP.new"
#define MANIFEST_CRC_BYTES 8u
#define MANIFEST_BYTES_MAX 1024u

struct manifest {
    bool is_whole; /* false: the rest is zero */
    struct blob_identity identity;
    uint64_t last, records_from;
    char taken[32];
    uint64_t rows_bytes;
    unsigned char rows_crc[MANIFEST_CRC_BYTES];
};

/* As it is written. */
void manifest_format(const struct manifest *manifest, char text[MANIFEST_BYTES_MAX]);
/* 0; -ENOENT; -EBADMSG: it says nothing that this version understands; errno. */
int manifest_read(int folder_fd, const char *name, struct manifest *manifest);
/* Whole and synced, in the place of what has the name; the folder is not synced. 0 or errno. */
int manifest_write(int folder_fd, const char *name, const struct manifest *manifest);
/* Length and checksum of a file of the folder. 0; -ENOENT; errno. */
int manifest_measure(int folder_fd, const char *name, struct manifest *manifest);
/* Whether both say the same of the rows. */
bool manifest_fits(const struct manifest *manifest, const struct manifest *measured);
/* The time, as it is written. */
void manifest_now(char taken[32]);

#endif
