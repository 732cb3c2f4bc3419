/* SPDX-License-Identifier: MIT
 *
 * Copies of all rows, as of one moment between two batches, for a backup; and which bytes such a copy names.
 *
 * A copy is a database of its own, without a log beside it, that meta_open takes as one that was closed. What it names is a matter of all
 * changes up to that moment and of none after it, whether their batches were synced or lie in the journal. */
#ifndef METADATA_META_BACKUP_H
#define METADATA_META_BACKUP_H

#include "metadata/meta.h"

/* Writes one into the file, which is made (0600) or replaced, and synced. Changes and reads go on meanwhile; the log does not become shorter
 * until it is done. is_over (NULL: never) is asked after each megabyte; true ends it with -ECANCELED. -EOPNOTSUPP: the rows are in no file. 0 or an error: then the file
 * is gone. Blocks; any thread. */
int meta_backup_write(struct meta *meta, const char *path, bool (*is_over)(void *ctx), void *ctx);

/* A copy that is read; nobody may change it meanwhile. One thread at a time. */
struct meta_copy;

struct meta_copy_unit {
    uint64_t file, offset, length; /* length 0: all of the file, which has this unit alone */
};

/* 0; -ENOENT; META_E_NOT_OURS, META_E_CORRUPT or an errno. Blocks, as all of these do. */
int meta_copy_open(struct meta_copy **copy, const char *path);
/* NULL allowed. */
void meta_copy_close(struct meta_copy *copy);
int meta_copy_identity(struct meta_copy *copy, struct meta_identity *identity);
/* The highest file that some row names, be it as garbage; 0: there is none. */
int meta_copy_last(struct meta_copy *copy, uint64_t *file);
/* The next unit that somebody refers to, ascending by file and offset: 1; 0: there is no other; or an error. */
int meta_copy_next(struct meta_copy *copy, struct meta_copy_unit *unit);
/* meta_copy_next begins again. */
void meta_copy_rewind(struct meta_copy *copy);
/* 1: somebody refers to a unit of the file; 0: nobody; or an error. */
int meta_copy_has(struct meta_copy *copy, uint64_t file);

#endif
