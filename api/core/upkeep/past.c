/* SPDX-License-Identifier: MIT
 *
 * Whether what the last process left belongs together: files, database, and the database's log. A database that is older than the files
 * beside it does not know of what came later, and recovery would take that for rubbish; so such a store is not opened, unless it was said
 * that it should be.
 *
 *   past_look    before the database is opened: is it there, and is its log?
 *   past_admit   before anything in it is changed: is it that of the files, and not older; is its log whole?
 *   past_entry_damaged   before the journal is replayed: are all its entries there?
 *
 * The epoch is raised in the database first, durably, and then told to the files: so they never know more than it does, but for a store
 * that syncs nothing. There a power failure can take the end of the log, and leave what was written to the files.
 *
 * What else a start could do is worse: to go on in silence. On the thread that opens the store; blocks. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_NAME "sluice.db-wal"

static const char advice[] =
    "Put back what is missing; or, to go on with what is there, start once with --accept-older-database "
    "(accept_older_database): blobs that no row names are then moved to lost/";

/* error 0: something that the check has to say, and a start can go on with. */
static void trouble_add(struct core *core, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void trouble_add(struct core *core, int error, const char *format, ...)
{
    struct core_past *past = &core->past;
    va_list args;

    assert(past->count <= CORE_TROUBLES_MAX);
    if (past->error == 0)
        past->error = error;
    if (past->count == CORE_TROUBLES_MAX)
        return;
    va_start(args, format);
    vsnprintf(past->troubles[past->count++], CORE_TROUBLE_BYTES, format, args);
    va_end(args);
}

/* What becomes of the start. */
static int past_decide(struct core *core)
{
    struct core_past *past = &core->past;
    bool is_accepted = core->options.accept_older_database;

    if (core->options.read_only || past->error == 0)
        return 0;
    assert(past->count > 0);
    for (unsigned i = 0; i < past->count; ++i)
        core_log(core, is_accepted ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s", past->troubles[i]);
    if (!is_accepted) {
        core_log(core, LOG_LEVEL_ERROR, "%s", advice);
        return past->error;
    }
    core_log(core, LOG_LEVEL_WARNING,
             "--accept-older-database: going on all the same; blobs that no row names are moved to lost/");
    past->error = 0;
    past->count = 0;
    past->is_accepted = true;
    blob_store_doubt(core->blobs, BLOB_DOUBT_ALL);
    return 0;
}

/* ---- Before the database is opened ---- */

enum file_state { FILE_MISSING, FILE_EMPTY, FILE_FILLED };

/* Or a negative errno. */
static int file_look(struct core *core, const char *suffix)
{
    struct stat st;
    char *path;
    int err;

    if (asprintf(&path, "%s/sluice.db%s", core->options.data_dir, suffix) < 0)
        return -ENOMEM;
    err = stat(path, &st) == 0 ? st.st_size == 0 ? FILE_EMPTY : FILE_FILLED
          : errno == ENOENT    ? FILE_MISSING
                               : -errno;
    free(path);
    return err;
}

static int stop_at_first(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    return 1;
}

/* Whether there are files that only a database can explain: 1, 0, or a negative errno. */
static int has_files(struct core *core, bool has_log)
{
    struct blob_identity identity;

    if (has_log || blob_store_identity_found(core->blobs, &identity))
        return 1;
    return blob_store_walk(core->blobs, stop_at_first, NULL);
}

static int keep_log(struct core *core)
{
    int err = core->options.read_only ? 0 : blob_store_lost_keep(core->blobs, LOG_NAME);

    if (err != 0)
        core_log(core, LOG_LEVEL_ERROR, "cannot keep a copy of " LOG_NAME " in lost/: %s", strerror(-err));
    return err;
}

int past_look(struct core *core)
{
    int database = file_look(core, ""), log = file_look(core, "-wal"), found, err;
    struct blob_identity identity;
    struct blob_past past;

    assert(core->blobs != NULL);
    if (database < 0 || log < 0)
        return database < 0 ? database : log;
    blob_store_past(core->blobs, &past);
    if (blob_store_identity_found(core->blobs, &identity))
        core->past.epoch = identity.epoch;
    if (past.is_damaged)
        trouble_add(core, 0,
                    "blobs/SEQUENCE is damaged or missing: the next start goes by the files that are there");
    if (database != FILE_FILLED) {
        if ((found = has_files(core, log == FILE_FILLED)) < 0)
            return found;
        if (found > 0)
            trouble_add(core, META_E_OLDER,
                        "sluice.db is %s, but there are blobs: nobody would know what they are",
                        database == FILE_EMPTY ? "empty" : "missing");
        core->past.has_no_database = core->options.read_only && found > 0;
    } else if (past.had_log && log == FILE_MISSING) {
        trouble_add(
            core, META_E_OLDER,
            LOG_NAME
            " is missing, though the store was not closed: it held the latest changes (unless another "
            "program has opened sluice.db since, and moved them into it)");
    }
    if ((err = past_decide(core)) != 0 || database == FILE_FILLED || log != FILE_FILLED)
        return err;
    return keep_log(core); /* for the new database takes its place */
}

/* ---- Before the database is changed ---- */

/* A crash may have left it so. What was in the log after the gap is given up, as ever, but not thrown away. */
static void tail_doubt(struct core *core, const struct meta_found *found)
{
    assert(found->tail != META_TAIL_WHOLE && found->tail != META_TAIL_DAMAGED);
    if (found->tail == META_TAIL_TORN) {
        blob_store_doubt(core->blobs, BLOB_DOUBT_FILES);
        core_log(core, LOG_LEVEL_INFO,
                 "recovery: the last change in " LOG_NAME " is incomplete, and left out");
        return;
    }
    blob_store_doubt(core->blobs, BLOB_DOUBT_UNITS);
    if (core->options.read_only)
        return;
    core_log(core, LOG_LEVEL_WARNING,
             "recovery: " LOG_NAME
             " has a gap at page %llu of %llu, as a power failure leaves it: changes after it are left out",
             (unsigned long long)found->tail_gap, (unsigned long long)found->tail_pages);
    if (keep_log(core) == 0)
        core_log(core, LOG_LEVEL_WARNING, "recovery: a copy of it is kept in lost/");
}

/* sequence: what SEQUENCE says, which proves nothing where nothing is synced. */
static void epochs_compare(struct core *core, uint64_t known, uint64_t files, uint64_t sequence)
{
    if (files <= known && sequence > known) {
        blob_store_doubt(core->blobs, BLOB_DOUBT_ALL);
        if (!core->options.read_only)
            core_log(core, LOG_LEVEL_WARNING,
                     "recovery: the store was relaxed, and a power failure took its latest changes (epoch "
                     "%llu of %llu)",
                     (unsigned long long)known, (unsigned long long)sequence);
    }
    if (files <= known)
        return;
    trouble_add(core, META_E_OLDER,
                "sluice.db is older than the blobs beside it (its epoch is %llu, theirs %llu): it does not "
                "know what was "
                "stored and deleted since",
                (unsigned long long)known, (unsigned long long)files);
}

static int identity_look(struct core *core, const struct meta_found *found)
{
    struct blob_identity files;
    bool is_known = blob_store_identity_found(core->blobs, &files);
    uint64_t epoch;
    int err;

    if (found->identity == NULL) {
        int has = is_known ? 1 : found->is_new ? has_files(core, false) : 0;

        if (has > 0 && !(found->is_new && core->past.is_accepted)) /* which was missing, and is made now */
            trouble_add(core, META_E_OLDER, "sluice.db is %s, but there are blobs%s",
                        found->is_new ? "empty" : "of an earlier version",
                        found->is_new ? "" : " of this one");
        return has < 0 ? has : 0;
    }
    if (found->identity->epoch > core->past.epoch)
        core->past.epoch = found->identity->epoch;
    if (is_known && memcmp(files.store, found->identity->store, sizeof(files.store)) != 0) {
        trouble_add(core, META_E_OLDER, "sluice.db belongs to another store than the blobs beside it");
        return 0;
    }
    if ((err = blob_store_epoch_found(core->blobs, found->identity->store, &epoch)) != 0)
        return err;
    if (epoch > core->past.epoch)
        core->past.epoch = epoch;
    epochs_compare(core, found->identity->epoch, epoch, is_known ? files.epoch : 0);
    return 0;
}

int past_admit(void *ctx, const struct meta_found *found)
{
    struct core *core = ctx;
    int err;

    if (found->tail == META_TAIL_DAMAGED)
        trouble_add(core, META_E_DAMAGED_LOG,
                    LOG_NAME
                    " is damaged at page %llu of %llu, and changes after it were durable: they would be lost",
                    (unsigned long long)found->tail_gap, (unsigned long long)found->tail_pages);
    else if (found->tail != META_TAIL_WHOLE)
        tail_doubt(core, found);
    if ((err = identity_look(core, found)) != 0 || (err = past_decide(core)) != 0)
        return err;
    return found->tail == META_TAIL_DAMAGED ? keep_log(core) : 0;
}

/* ---- Before the journal is replayed ---- */

int past_entry_damaged(struct core *core, uint64_t segment, uint64_t sequence)
{
    trouble_add(core, META_E_DAMAGED_LOG,
                "segment %016llx: entry %llu of its journal is damaged, and later ones are whole: small "
                "objects that were stored "
                "durably would be lost",
                (unsigned long long)segment, (unsigned long long)sequence);
    return past_decide(core);
}
