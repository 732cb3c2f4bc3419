/* SPDX-License-Identifier: MIT
 *
 * The chronicle: what every blob is, told a second time, in files that lie beside the blobs and need no database to be read. Whoever has
 * lost the database makes it anew from there (`sluice recover`).
 *
 * The committer appends what a batch has done to the rows (chronicle_append), after the commit, into memory; a thread writes it, a second
 * later at most, so that no change costs a call of the system more. Where the files have become much longer than what they tell, the
 * thread has all rows written anew, as a *base*, and removes what was before: a base is not of one moment, but whatever changes while it
 * is written stands in the log that was begun before, and entries are absolute.
 *
 * The chronicle never stands in a change's way. What cannot be written, or was lost in a crash with the memory it lay in, makes it
 * *incomplete*, which it knows: the last frame of the log is then none that says "end". A new base makes it complete again.
 *
 * Any thread may call what is not said to be one thread's. Private to metadata/. */
#ifndef METADATA_CHRONICLE_CHRONICLE_H
#define METADATA_CHRONICLE_CHRONICLE_H

#include "metadata/chronicle/chronicle_files.h"
#include "metadata/meta_chronicle.h"

struct chronicle;
struct chronicle_base;
struct meta;

struct chronicle_options {
    const char *folder; /* made where it is missing */
    unsigned char store[CHRONICLE_STORE_BYTES];
    uint64_t epoch;  /* that the database has now */
    bool is_doubted; /* the files may tell of rows that the database has lost since: a new base is made */
    /* Tells all rows, by chronicle_base_put; called on the chronicle's thread. 0 or an error, also that of chronicle_base_put. */
    int (*fill)(void *ctx, struct chronicle_base *base);
    /* The epoch that the database has at the end. 0 or an error. */
    int (*epoch_get)(void *ctx, uint64_t *epoch);
    void *ctx;
};

/* Opens what is there and starts the thread. meta: for the log. 0 or an error. Blocks. */
int chronicle_open(struct chronicle **chronicle, const struct meta *meta,
                   const struct chronicle_options *options);
/* After the last batch. Writes what is left. NULL allowed. Blocks. */
void chronicle_close(struct chronicle *chronicle);

/* What a batch that was committed has done: entries, which are copied. The committer's thread. Waits only where the thread cannot keep up. */
void chronicle_append(struct chronicle *chronicle, struct slice entries);
/* Something is missing. */
void chronicle_tear(struct chronicle *chronicle);

/* For fill: entries, of `rows` rows. 0; -ECANCELED: the store is being closed; or the error of writing. It may rest, so that others get on. */
int chronicle_base_put(struct chronicle_base *base, struct slice entries, uint64_t rows);

/* Has all that was appended written. Whether the files tell all, then. May wait for the disk. */
bool chronicle_is_told(struct chronicle *chronicle);
void chronicle_state(struct chronicle *chronicle, struct meta_chronicle_state *state);

#endif
