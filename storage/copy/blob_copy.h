/* SPDX-License-Identifier: MIT
 *
 * Files of blobs from one data folder into another, for a backup and the way back. The source may be open to another process: who copies sees
 * to it that nothing that is named here is given back meanwhile. The target is a store that nobody serves, and is locked as one that is.
 *
 *   blob_copy_open -> blob_copy_file, blob_copy_units ... -> blob_copy_sync -> blob_copy_sequence -> blob_copy_close
 *
 * A file that others do not share is immutable: one that is in the target already is left alone, and another gets its name when all of it
 * is there. A segment grows and gets holes, so it is copied unit by unit, into the file that the target has; a unit never changes, so
 * what an earlier backup names there stays whole whenever this one ends.
 *
 * Threads: one at a time. Everything blocks. */
#ifndef STORAGE_COPY_BLOB_COPY_H
#define STORAGE_COPY_BLOB_COPY_H

#include "storage/blob/blob_store.h"

struct blob_copy;

struct blob_copy_counts {
    uint64_t files, bytes; /* that were copied; of segments the units alone */
    uint64_t linked_files; /* got another name: they are the source's own bytes */
    uint64_t cloned_files; /* share their blocks with the source until one of them is changed */
    uint64_t kept_files;   /* were there already */
};

/* from: a data folder; NULL: there is no source, and files come to the target by other ways. to: another one's, made (0700) when missing; NULL:
 * there is no target, and the source is read alone. may_share: files may be links or clones of the source's.
 * 0; -EBUSY: a process has `to` open; -EXDEV: both are the same folder; or the errno of the failing call. */
int blob_copy_open(struct blob_copy **copy, const char *from, const char *to, bool may_share);
/* NULL allowed. */
void blob_copy_close(struct blob_copy *copy);
const struct blob_copy_counts *blob_copy_counts(const struct blob_copy *copy);
/* The folders themselves: borrowed. */
int blob_copy_source_fd(const struct blob_copy *copy);
struct blob_store *blob_copy_target(struct blob_copy *copy);

/* A blob's file as it is, with its holes. is_shared: units lie in it that are given back one by one, so it may not be linked. 0; -ENOENT: the
 * source has no such file; or the errno of the failing call. */
int blob_copy_file(struct blob_copy *copy, uint64_t blob, bool is_shared);
/* 1: the file in the source is a segment; 0: it is not; or a negative errno. */
int blob_copy_is_segment(struct blob_copy *copy, uint64_t blob);
/* 1: the target has a copy of this segment, with the units that were copied before; 0: it has none, or another file; or a negative errno. */
int blob_copy_knows_segment(struct blob_copy *copy, uint64_t blob);
/* Runs of a segment. is_new: the target has none, or one that holds nothing that counts, and gets one. Calls for one segment come one after
 * the other, with the same is_new. */
int blob_copy_units(struct blob_copy *copy, uint64_t blob, const struct blob_run *runs, uint32_t count,
                    bool is_new);
/* Runs of a segment of the target that nobody needs any more. Where no holes can be punched they stay. */
void blob_copy_forget(struct blob_copy *copy, uint64_t blob, const struct blob_run *runs, uint32_t count);

/* All that was copied is on the disk when this returns 0. */
int blob_copy_sync(struct blob_copy *copy);
/* From which blob on files say what they are, as the source's SEQUENCE has it. */
uint64_t blob_copy_records_from(const struct blob_copy *copy);
/* Writes the target's SEQUENCE as that of a store that was closed: no id up to `last` is handed out again. far: ids go on so far above that the
 * source, which lives on, does not come there. Durable. 0 or a negative errno. */
int blob_copy_sequence(struct blob_copy *copy, const struct blob_identity *identity, uint64_t records_from,
                       uint64_t last, bool far);

/* A file of the source into a new file of the target's folder, synced; what is there of that name is replaced. */
int blob_copy_plain(struct blob_copy *copy, int from_fd, const char *name);

/* ---- For who carries files elsewhere ---- */

/* Where the source has the file, and how long it is; path is the caller's to free. 0; -ENOENT; errno. */
int blob_copy_source_path(struct blob_copy *copy, uint64_t blob, char **path, uint64_t *bytes);
/* Where the target is to have it; its folder is made. The same. */
int blob_copy_target_path(struct blob_copy *copy, uint64_t blob, char **path);
/* The head and these runs of a segment of the source, at the same places of another file. */
int blob_copy_gather(struct blob_copy *copy, uint64_t blob, const struct blob_run *runs, uint32_t count,
                     int fd);

/* ---- Between the files of this room (copy_bytes.c) ---- */

/* length bytes from one file to the same place of another: within the kernel where it can. -ENODATA: the source is shorter. */
int copy_range(int from_fd, int to_fd, uint64_t offset, uint64_t length);
/* All of a file that is no hole. */
int copy_whole(int from_fd, int to_fd, uint64_t size, uint64_t *bytes);

#endif
