/* SPDX-License-Identifier: MIT
 *
 * Backups: a copy of a store in another folder, as of one moment, that is a store itself. Beside sluice.db and blobs/ it has BACKUP, which
 * says what it is (manifest.h); a folder without it is never written to.
 *
 *   place_open   locks the folder, and looks whether it holds a backup, as it was made
 *   place_take   the rows as of now; what they name and the last backup does not have; the rows in the place of the old ones; BACKUP;
 *                and what nobody needs any more goes
 *
 * Ended at any moment, the folder holds the last whole backup: until the new rows get their name, which is one rename, nothing that the old
 * ones name is touched. What an unfinished backup has copied by then, the next one finds.
 *
 * Whoever takes it sees to it that the source gives nothing back meanwhile: core_hold_begin in the process that has it open.
 *
 * Blocks, for as long as that takes; one thread at a time for each place. */
#ifndef API_CORE_BACKUP_BACKUP_H
#define API_CORE_BACKUP_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core;

/* DATA/ and this: rows that a server hands to whoever takes a backup of it. */
#define CORE_BACKUP_ROWS "sluice.db.backup"

/* ---- Holding a store that is open: nothing is given back ---- */

/* number: what core_hold_look knows it by. 0; -EALREADY: another backup is being taken. Any thread; waits for what is being given back. */
int core_hold_begin(struct core *core, uint64_t *number);
/* 0: it lasts; -ECONNABORTED: it has ended, or is another process's; -ENOSPC: garbage has taken the disk's room, and it has to end. */
int core_hold_look(struct core *core, uint64_t number);
void core_hold_end(struct core *core);
/* All rows as of now, in a new file. is_over may be NULL. 0 or an error. */
int core_hold_rows(struct core *core, const char *path, bool (*is_over)(void *ctx), void *ctx);

/* Removes the rows that a process that was killed has left. */
void core_hold_forget(struct core *core);
/* What it has written for somebody else, into a file of theirs, synced. -ENOENT: it is not there any more; errno. */
int core_backup_copy_rows(const char *from, const char *to);

/* ---- Taking a backup ---- */

struct core_backup_report {
    uint64_t files, bytes;   /* that were copied */
    uint64_t linked, cloned; /* of these files: links, and clones, whose bytes the source has, too */
    uint64_t kept;           /* that the place had already */
    uint64_t removed;        /* that nobody needs any more */
    uint64_t damaged;        /* that the source has not, or cannot read: they are not in it */
    uint64_t database_bytes;
};

struct core_backup_options {
    bool copies; /* each byte is copied, where links or clones could do */
    void (*log)(void *ctx, int level, const char *message); /* enum log_level; may be NULL */
    void *log_ctx;
    /* Now and then; non-zero ends it with -ECANCELED. May be NULL. */
    int (*progress)(void *ctx, const struct core_backup_report *report);
    void *progress_ctx;
};

/* Where the rows come from. */
struct core_backup_source {
    /* Writes them, as of now, into a new file. 0 or an error. */
    int (*rows)(void *ctx, const char *path);
    /* Whether the source has held all the time: 0 or an error. */
    int (*holds)(void *ctx);
    void *ctx;
};

struct core_place;

/* data_dir: the source's. to: made when missing. 0; -ENOTEMPTY: there is something else; -ESTALE: what there is was changed since it was made;
 * -EBUSY; -EXDEV: it is the source; errno. The log says what is wrong. */
int core_place_open(struct core_place **place, const char *data_dir, const char *to,
                    const struct core_backup_options *options);
/* 0; -ESTALE: the place has a backup of another store, or of a later time; an error. */
int core_place_take(struct core_place *place, const struct core_backup_source *source,
                    struct core_backup_report *report);
/* NULL allowed. */
void core_place_close(struct core_place *place);

/* Makes a store of a backup. to: missing, or an empty folder. Its ids go on far above those of the store that the backup is of, so that both may
 * be backed up to one place later. 0; -ENOENT: there is no whole backup; -ENOTEMPTY; -ESTALE: it was changed since it was made; errno. */
int core_restore(const char *from, const char *to, const struct core_backup_options *options,
                 struct core_backup_report *report);

/* ---- Backups that lie where there are no folders ---- */

#define CORE_CARRY_ANY_SIZE UINT64_MAX

/* Who carries files there, and back. Each function returns 0 or what ends it all. */
struct core_carrier {
    /* Whether a file of the name and size is there. It is needed: what was not asked for may go when the backup is whole. */
    bool (*has)(void *ctx, const char *name, uint64_t bytes);
    /* A file of this machine there; or, of a restore, there to this machine. May be done later, until flush. */
    int (*file)(void *ctx, const char *name, const char *path, uint64_t bytes);
    /* Bytes of a descriptor, from its beginning; at once. */
    int (*data)(void *ctx, const char *name, int fd, uint64_t bytes);
    int (*flush)(void *ctx);
    /* All is there, and this text makes a backup of it. */
    int (*commit)(void *ctx, const char *name, const char *text, size_t length);
    void *ctx;
};

/* rows: a copy of the source's, which holds; of the source `holds` counts. */
int core_backup_carry(const char *data_dir, const char *rows, const struct core_backup_source *source,
                      const struct core_carrier *carrier, const struct core_backup_options *options,
                      struct core_backup_report *report);
/* As core_restore. */
int core_restore_carried(const char *to, const struct core_carrier *carrier,
                         const struct core_backup_options *options, struct core_backup_report *report);

#endif
