/* SPDX-License-Identifier: MIT
 *
 * After a crash: changes that the journal holds and the rows do not. A batch of small puts is durable by one sync of its segment,
 * which holds its bytes and an entry that says what it does to the rows (meta_journal.h); the end of the database's log
 * may be lost. Each entry that is missing in the rows is replayed, in order, before anything else looks at rows or blobs.
 *
 * The last entry is the only one whose sync may not have finished. It counts only if the bytes of all its puts are there; else
 * nobody was told of it, and it is left out. That they can be read does not mean that they are on the disk, although the segment was
 * synced just now: the dead process may have met a failed sync, and what that lost is in memory as long as the machine runs. So entry
 * and bytes are written again before its rows are committed.
 *
 * On the thread that opens the store; blocks. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/upkeep/check_units.h"
#include "metadata/meta_journal.h"
#include "storage/segment/segment.h"

_Static_assert(META_JOURNAL_TOKEN_BYTES == SEGMENT_TOKEN_BYTES,
               "the segment's journal takes the token as it is");
_Static_assert(META_JOURNAL_ENTRY_BYTES_MAX <= SEGMENT_ENTRY_BYTES_MAX,
               "an entry has room in a segment's journal");

struct replay {
    struct core *core;
    struct meta_journal journal;
    /* An entry is held back until another one follows it, which shows that its sync had finished. */
    unsigned char *held;
    uint64_t next;    /* the sequence that comes next, where nothing is damaged */
    uint64_t missing; /* the first that is damaged; 0: none */
    size_t held_bytes, capacity;
    uint64_t held_sequence;
    struct blob_run held_place;
    uint64_t batches; /* replayed, or to be */
    /* What is to be written again. */
    struct blob_run *runs;
    uint32_t run_count, run_capacity;
};

static int replay_submit(struct replay *replay, uint64_t sequence, struct slice entry)
{
    struct meta_replay change = {
        .sequence = sequence, .entry = entry, .epoch = replay->core->epoch.identity.epoch};

    assert((sequence == 0) == (entry.len == 0));
    return core_change_wait(replay->core, &change.op, META_OP_REPLAY);
}

static int replay_held(struct replay *replay)
{
    if (replay->held_bytes == 0)
        return 0;
    replay->batches++;
    return replay_submit(replay, replay->held_sequence, slice_of(replay->held, replay->held_bytes));
}

static int replay_hold(struct replay *replay, const struct segment_entry *entry)
{
    if (entry->length > replay->capacity) {
        unsigned char *grown = realloc(replay->held, entry->length);

        if (grown == NULL)
            return -ENOMEM;
        replay->held = grown;
        replay->capacity = entry->length;
    }
    memcpy(replay->held, entry->data, entry->length);
    replay->held_bytes = entry->length;
    replay->held_sequence = entry->sequence;
    replay->held_place = entry->place;
    return 0;
}

/* Whether an entry is missing before this one. */
static bool replay_is_gap(struct replay *replay, const struct segment_entry *entry)
{
    assert(entry->sequence > replay->journal.applied);
    if (replay->next == 0)
        replay->next = replay->journal.applied + 1;
    if (entry->sequence != replay->next)
        replay->missing = replay->next;
    else
        ++replay->next;
    return replay->missing != 0;
}

static int replay_on_entry(void *ctx, const struct segment_entry *entry)
{
    struct replay *replay = ctx;
    int err;

    if (entry->sequence <= replay->journal.applied)
        return 0;
    if (replay_is_gap(replay, entry))
        return 1;
    err = replay_held(replay);
    return err != 0 ? err : replay_hold(replay, entry);
}

static int replay_add_run(struct replay *replay, struct blob_run run)
{
    assert(replay->run_count <= replay->run_capacity);
    if (replay->run_count == replay->run_capacity) {
        uint32_t capacity = replay->run_capacity == 0 ? 64 : replay->run_capacity * 2;
        struct blob_run *grown = realloc(replay->runs, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        replay->runs = grown;
        replay->run_capacity = capacity;
    }
    replay->runs[replay->run_count++] = run;
    return 0;
}

/* The held entry's extents, and the units that were looked at. */
struct replay_look {
    struct replay *replay;
    struct check_units *units;
};

static int replay_on_extent(void *ctx, const struct meta_extent *extent)
{
    struct replay_look *look = ctx;
    int verdict = check_units_look(look->units, extent);

    if (verdict == CHECK_UNREADABLE ||
        verdict == CHECK_FOREIGN) /* no crash does that, and somebody may have been told */
        return -EIO;
    if (verdict != CHECK_SOUND ||
        extent->file != look->replay->journal.file) /* an entry rests on its own file */
        return verdict < 0 ? verdict : -EBADMSG;
    return replay_add_run(look->replay, (struct blob_run){extent->unit_offset, extent->unit_length});
}

/* Whether all bytes of the entry are there: 0, -EBADMSG when not, or another errno. */
static int replay_verify_held(struct replay *replay)
{
    struct replay_look look = {replay, check_units_create(replay->core->blobs, true)};
    int err;

    if (look.units == NULL)
        return -ENOMEM;
    err = meta_journal_extents(slice_of(replay->held, replay->held_bytes), replay_on_extent, &look);
    check_units_free(look.units);
    return err;
}

static int replay_last(struct replay *replay)
{
    int err;

    if (replay->held_bytes == 0)
        return 0;
    err = replay_verify_held(replay);
    if (err == -EBADMSG) {
        core_log(replay->core, LOG_LEVEL_INFO,
                 "recovery: the last batch of the journal is incomplete, and nobody was told of it: it is "
                 "left out");
        return 0;
    }
    if (err == 0)
        err = replay_add_run(replay, replay->held_place);
    if (err == 0)
        err = segment_renew(replay->core->blobs, replay->journal.file, replay->runs, replay->run_count);
    return err != 0 ? err : replay_held(replay);
}

static int replay_count(void *ctx, const struct segment_entry *entry)
{
    struct replay *replay = ctx;

    if (entry->sequence <= replay->journal.applied)
        return 0;
    if (replay_is_gap(replay, entry))
        return 1;
    replay->batches++;
    return 0;
}

/* Before anything is done: whether all entries that are missing in the rows are there. */
static int replay_look(struct replay *replay)
{
    const struct meta_journal *journal = &replay->journal;
    int err = journal->file == 0 ? 0
                                 : segment_entries_read(replay->core->blobs, journal->file, journal->token,
                                                        replay_count, replay);

    if (replay->missing != 0)
        err = past_entry_damaged(replay->core, journal->file, replay->missing);
    replay->batches = replay->next = replay->missing = 0;
    return err;
}

static int replay_run(struct replay *replay)
{
    const struct meta_journal *journal = &replay->journal;
    int err = replay_look(replay);

    if (err == 0 && journal->file != 0)
        err =
            segment_entries_read(replay->core->blobs, journal->file, journal->token, replay_on_entry, replay);
    if (err >= 0)
        err = replay_last(replay);
    if (err == 0)
        err = replay_submit(replay, 0, (struct slice){0});
    if (err == 0)
        epoch_begin(replay->core);
    return err;
}

int core_replay(struct core *core)
{
    struct replay replay = {.core = core};
    struct meta_reader *reader;
    int err;

    assert(!core->options.read_only && core->meta != NULL);
    if ((err = meta_reader_open(core->meta, &reader)) != 0)
        return err;
    if ((err = meta_journal_get(reader, &replay.journal)) == 0)
        err = epoch_choose(core, reader);
    meta_reader_close(reader);
    if (err != 0)
        return err;
    err = replay_run(&replay);
    free(replay.held);
    free(replay.runs);
    if (err != 0 && err != META_E_DAMAGED_LOG) /* that was told */
        core_log(core, LOG_LEVEL_ERROR, "recovery: the journal in segment %016llx cannot be replayed: %s",
                 (unsigned long long)replay.journal.file, meta_strerror(err));
    else if (replay.batches > 0)
        core_log(core, LOG_LEVEL_INFO, "recovery: replayed %llu batches of small objects",
                 (unsigned long long)replay.batches);
    return err;
}

int core_replay_pending(struct core *core, struct meta_reader *reader, uint64_t *batches)
{
    struct replay replay = {.core = core};
    int err = meta_journal_get(reader, &replay.journal);

    if (err == 0 && replay.journal.file != 0)
        err = segment_entries_read(core->blobs, replay.journal.file, replay.journal.token, replay_count,
                                   &replay);
    *batches = replay.batches;
    return replay.missing != 0 ? past_entry_damaged(core, replay.journal.file, replay.missing) : err;
}
