/* SPDX-License-Identifier: MIT
 *
 * The journal: which batches get an entry and are then not synced in the log, what a failure leads to, and that replaying entries
 * on what a crash left of the rows gives exactly the rows there were. */
#include "meta_journal_support.h"

static int setup(void **state)
{
    struct store *store;

    if (store_setup(state) != 0)
        return -1;
    store = *state;
    entries_forget();
    memset(&hooked, 0, sizeof(hooked));
    hooked.file = 7;
    store_reopen_with(store, &journal_options);
    return 0;
}

static int teardown(void **state)
{
    batch_release();
    entries_forget();
    return store_teardown(state);
}

static struct meta_journal journal_of(struct store *store)
{
    struct meta_journal journal;

    assert_int_equal(meta_journal_get(store->reader, &journal), 0);
    return journal;
}

/* One put in a batch of its own. The committer must be held. Returns how often the log was synced. */
static unsigned put_alone(struct store *store, const char *key, uint64_t number, int wanted)
{
    static struct member member;
    unsigned before = atomic_load(&log_syncs);

    member_put(&member, store->bucket, key, number);
    batch_run(store, &member, 1);
    assert_int_equal(member.put.op.result, wanted);
    return atomic_load(&log_syncs) - before;
}

static unsigned delete_alone(struct store *store, const char *key)
{
    static struct member member;
    unsigned before = atomic_load(&log_syncs);

    member_delete(&member, store->bucket, key);
    batch_run(store, &member, 1);
    assert_int_equal(member.delete.op.result, 0);
    return atomic_load(&log_syncs) - before;
}

/* ---- Which batches ---- */

static void puts_after_the_first_are_not_synced(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    assert_int_equal(put_alone(store, "a", 1, 0), 1); /* says where the journal is */
    assert_int_equal(hooked.entry_count, 0);
    assert_int_equal(journal_of(store).file, 7);
    assert_int_equal(journal_of(store).applied, 0);
    assert_int_equal(put_alone(store, "b", 2, 0), 0);
    assert_int_equal(put_alone(store, "c", 3, 0), 0);
    assert_int_equal(hooked.entry_count, 2);
    assert_int_equal(hooked.entries[0].sequence, 1);
    assert_int_equal(hooked.entries[1].sequence, 2);
    assert_int_equal(journal_of(store).applied, 2);
    assert_int_equal(file_of(store, "c"), 7);
    assert_int_equal(delete_alone(store, "a"), 1); /* has no place in an entry */
    assert_int_equal(hooked.entry_count, 2);
    assert_int_equal(put_alone(store, "d", 4, 0), 0);
    assert_int_equal(hooked.entries[2].sequence, 3);
    batch_release();
}

static void another_file_begins_another_journal(void **state)
{
    struct store *store = *state;
    struct meta_journal first;

    batch_hold(store);
    assert_int_equal(put_alone(store, "a", 1, 0), 1);
    assert_int_equal(put_alone(store, "b", 2, 0), 0);
    first = journal_of(store);
    hooked.file = 9;
    assert_int_equal(put_alone(store, "c", 3, 0), 1);
    assert_int_equal(journal_of(store).file, 9);
    assert_int_equal(journal_of(store).applied, 0);
    assert_memory_not_equal(journal_of(store).token, first.token, sizeof(first.token));
    assert_int_equal(put_alone(store, "d", 4, 0), 0);
    assert_int_equal(hooked.entries[1].sequence, 1);
    hooked.file = 7; /* not again: it may hold entries under the token that is gone */
    assert_int_equal(put_alone(store, "e", 5, 0), 1);
    assert_int_equal(put_alone(store, "f", 6, 0), 1);
    assert_int_equal(hooked.entry_count, 2);
    batch_release();
}

static void mixed_batches_are_synced(void **state)
{
    struct store *store = *state;
    struct member members[2];
    unsigned before;

    batch_hold(store);
    assert_int_equal(put_alone(store, "a", 1, 0), 1);
    before = atomic_load(&log_syncs);
    member_put(&members[0], store->bucket, "b", 2);
    member_delete(&members[1], store->bucket, "a");
    batch_run(store, members, 2);
    assert_int_equal(atomic_load(&log_syncs) - before, 1);
    assert_int_equal(hooked.entry_count, 0);
    /* What its form alone refuses has none either. */
    member_put(&members[0], store->bucket, "", 3);
    batch_run(store, members, 1);
    assert_int_equal(members[0].put.op.result, -EINVAL);
    assert_int_equal(hooked.entry_count, 0);
    batch_release();
}

static void garbage_is_forgotten_within_an_entry(void **state)
{
    struct store *store = *state;
    struct meta_garbage garbage;
    struct meta_garbage_done done = {.count = 1};
    struct member member;
    unsigned before;

    batch_hold(store);
    assert_int_equal(put_alone(store, "a", 1, 0), 1);
    assert_int_equal(put_alone(store, "a", 2, 0), 0);
    assert_int_equal(meta_garbage_take(store->reader, 0, &garbage, 1), 1);
    done.rows = &garbage.row;
    done.op = (struct meta_op){.kind = META_OP_GARBAGE_DONE, .done = on_done_nothing};
    meta_submit(store->meta, &done.op);
    before = atomic_load(&log_syncs);
    member_put(&member, store->bucket, "b", 3);
    batch_run(store, &member, 1);
    assert_int_equal(atomic_load(&log_syncs) - before, 0);
    assert_int_equal(hooked.entry_count, 2);
    assert_int_equal(garbage_count(store), 0);
    batch_release();
}

static void relaxed_stores_have_no_journal(void **state)
{
    struct store *store = *state;
    struct meta_options options = journal_options;

    options.durable = false;
    store_reopen_with(store, &options);
    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    assert_int_equal(hooked.recorded, 0);
    assert_int_equal(journal_of(store).file, 0);
    batch_release();
}

/* ---- Durable by itself ---- */

static void making_durable_syncs_once(void **state)
{
    struct store *store = *state;
    unsigned before;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    before = atomic_load(&log_syncs);
    assert_int_equal(meta_make_durable(store->meta), 0);
    assert_int_equal(atomic_load(&log_syncs) - before, 0); /* it is */
    put_alone(store, "b", 2, 0);
    assert_int_equal(meta_make_durable(store->meta), 0);
    assert_int_equal(meta_make_durable(store->meta), 0);
    assert_int_equal(atomic_load(&log_syncs) - before, 1);
    put_alone(store, "c", 3, 0);
    assert_int_equal(meta_make_durable(store->meta), 0);
    assert_int_equal(atomic_load(&log_syncs) - before, 2);
    batch_release();
}

/* The log is on its way long before somebody has to wait for it. */
static void unsynced_pages_are_written_in_time(void **state)
{
    struct store *store = *state;
    unsigned before, puts = 0;
    char key[16];

    batch_hold(store);
    put_alone(store, "first", 1, 0);
    before = atomic_load(&log_syncs);
    atomic_store(&log_starts, 0);
    for (; atomic_load(&log_starts) < 2 && puts < 2 * META_WAL_FRAMES_WRITE; puts++) {
        snprintf(key, sizeof(key), "key-%u", puts);
        put_alone(store, key, puts, 0);
    }
    assert_int_equal(atomic_load(&log_starts), 2);
    assert_true(puts > META_WAL_FRAMES_WRITE / 8);
    assert_int_equal(atomic_load(&log_syncs) - before, 0);
    batch_release();
}

/* After a sync that failed nothing is called durable until all of the log is in the database. */
static void failed_sync_is_made_good(void **state)
{
    struct store *store = *state;
    struct image image;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    atomic_store(&log_syncs_to_fail, 1);
    assert_int_equal(meta_make_durable(store->meta), -EIO);
    assert_int_equal(meta_make_durable(store->meta), -EIO);
    put_alone(store, "c", 3, 0); /* has the log moved first */
    assert_int_equal(meta_make_durable(store->meta), 0);
    image_take(&image, store);
    assert_int_equal(unlinkat(AT_FDCWD, strcat(strcpy((char[128]){0}, image.path), "-wal"), 0), 0);
    batch_release();
    struct meta_journal journal;
    struct store copy = *store;
    strcpy(copy.path, image.path);
    copy.meta = NULL;
    store_reopen_with(&copy, &(struct meta_options){.durable = true});
    assert_int_equal(file_of(&copy, "a"), 7);
    assert_int_equal(file_of(&copy, "b"), 7);
    assert_int_equal(meta_journal_get(copy.reader, &journal), 0);
    assert_int_equal(journal.applied, 1);
    meta_reader_close(copy.reader);
    meta_close(copy.meta);
    image_free(&image);
}

static void commits_wait_until_it_is_made_good(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    atomic_store(&log_syncs_to_fail, 2);
    assert_int_equal(meta_make_durable(store->meta), -EIO);
    put_alone(store, "c", 3, -EIO); /* the sync before the log is moved fails, too */
    assert_int_equal(file_of(store, "c"), META_E_NO_KEY);
    put_alone(store, "c", 4, 0);
    assert_int_equal(file_of(store, "c"), 7);
    batch_release();
}

/* ---- Failures ---- */

/* The entry may be on the disk although its batch failed: the next transaction ends the journal. */
static void failed_commit_ends_the_journal(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    atomic_store(&log_writes_to_fail, 1);
    put_alone(store, "c", 3, -ENOSPC);
    atomic_store(&log_writes_to_fail, 0);
    assert_int_equal(hooked.entry_count, 2);
    assert_int_equal(hooked.ended_badly, 1);
    assert_int_equal(file_of(store, "c"), META_E_NO_KEY);
    delete_alone(store,
                 "a"); /* any change. Syncs are not counted: the log found no room and is being moved */
    assert_int_equal(journal_of(store).file, 0);
    hooked.file = 8;
    put_alone(store, "d", 4, 0);
    assert_int_equal(journal_of(store).file, 8);
    put_alone(store, "e", 5, 0);
    assert_int_equal(journal_of(store).applied, 1);
    batch_release();
}

static void failed_barrier_ends_the_journal(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    hooked.barrier_result = -EIO;
    put_alone(store, "c", 3, -EIO);
    hooked.barrier_result = 0;
    assert_int_equal(hooked.ended_badly, 1);
    assert_int_equal(journal_of(store).file, 0);
    batch_release();
}

static void failed_record_ends_the_journal(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    hooked.record_result = -ENOSPC; /* no room: no harm */
    assert_int_equal(put_alone(store, "b", 2, 0), 1);
    assert_int_equal(journal_of(store).file, 7);
    hooked.record_result = -EIO; /* it may be there all the same */
    assert_int_equal(put_alone(store, "c", 3, 0), 1);
    assert_int_equal(journal_of(store).file, 0);
    batch_release();
}

static void damaged_entries_are_refused(void **state)
{
    struct store *store = *state;
    struct meta_replay replay;
    struct image image;
    struct meta *meta;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    image_take(&image, store);
    put_alone(store, "b", 2, 0);
    batch_release();
    assert_int_equal(meta_open(&meta, image.path, &(struct meta_options){.durable = true}), 0);
    for (size_t length = 1; length < hooked.entries[0].length; length++) {
        replay = (struct meta_replay){.sequence = 1, .entry = {hooked.entries[0].data, length}};
        assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), META_E_CORRUPT);
    }
    replay = (struct meta_replay){.sequence = 1, .entry = {hooked.entries[0].data, hooked.entries[0].length}};
    assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    meta_close(meta);
    image_free(&image);
}

/* ---- Replaying ---- */

/* A crash in between finds the same entries again. */
static void replays_are_synced_at_the_end(void **state)
{
    struct store *store = *state;
    struct meta_replay replay;
    struct image image;
    struct meta *meta;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    image_take(&image, store);
    for (unsigned i = 0; i < 3; i++)
        put_alone(store, "b", 2 + i, 0);
    batch_release();
    assert_int_equal(meta_open(&meta, image.path, &journal_options), 0);
    unsigned before = atomic_load(&log_syncs);
    for (unsigned i = 0; i < 3; i++) {
        const struct kept_entry *kept = &hooked.entries[i];
        replay = (struct meta_replay){.sequence = kept->sequence, .entry = {kept->data, kept->length}};
        assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    }
    assert_int_equal(atomic_load(&log_syncs), before);
    replay = (struct meta_replay){.sequence = 0};
    assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    assert_int_equal(atomic_load(&log_syncs), before + 1);
    meta_close(meta);
    image_free(&image);
}

enum { ROUNDS = 400, KEYS = 12 };

static uint32_t dice(uint32_t sides)
{
    return (uint32_t)rand() % sides;
}

static void member_any(struct member *member, const int64_t *buckets, uint64_t number, bool may_delete)
{
    char key[16];

    snprintf(key, sizeof(key), "key-%u", dice(KEYS));
    if (may_delete && dice(3) == 0) {
        member_delete(member, buckets[dice(3)], key);
        return;
    }
    member_put(member, buckets[dice(3)], key, number);
    struct meta_condition *condition = &member->put.condition;
    switch (dice(8)) {
    case 0:
        condition->if_none_match_any = true;
        break;
    case 1:
        condition->if_match_any = true;
        break;
    case 2:
        snprintf(member->if_match, sizeof(member->if_match), "e%llu",
                 (unsigned long long)(number - dice(20)));
        condition->if_match = member->if_match;
        break;
    case 3:
        snprintf(member->if_match, sizeof(member->if_match), "e%llu",
                 (unsigned long long)(number - dice(20)));
        condition->if_none_match = member->if_match;
        break;
    }
    if (dice(16) == 0)
        member->put.bucket += 1000; /* there is none */
}

static void garbage_forget_some(struct store *store, struct meta_garbage_done *done, int64_t rows[8])
{
    struct meta_garbage garbage[8];
    int count = meta_garbage_take(store->reader, 0, garbage, 8);

    assert_true(count >= 0);
    for (int i = 0; i < count; i++)
        rows[i] = garbage[i].row;
    *done = (struct meta_garbage_done){.op = {.kind = META_OP_GARBAGE_DONE, .done = on_done_nothing},
                                       .rows = rows,
                                       .count = (uint32_t)count};
    meta_submit(store->meta, &done->op);
}

/* The rows a crash left, with all that came since replayed, are the rows there are. */
static void image_compare(struct store *store, struct image *old, bool forgot, unsigned missing)
{
    struct image now;

    image_take(&now, store);
    assert_int_equal(image_replay(&now), 0);
    assert_int_equal(image_replay(old), missing);
    char *is = image_dump(old), *wanted = image_dump(&now);
    if (forgot) { /* garbage that was forgotten meanwhile is there again, with its units; nothing else is */
        *strstr(is, "unit|") = '\0';
        *strstr(wanted, "unit|") = '\0';
    }
    assert_string_equal(is, wanted);
    free(is);
    free(wanted);
    image_free(&now);
    image_free(old);
}

static int64_t versioned_bucket(struct store *store, const char *name, enum meta_versioning versioning)
{
    struct meta_bucket_versioning op = {.versioning = META_VERSIONING_ENABLED};

    op.bucket = bucket_create(store->meta, name);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING), 0);
    op.versioning = versioning;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING), 0);
    return op.bucket;
}

static void replayed_rows_are_the_rows(void **state)
{
    static struct member members[BATCH_MAX];
    struct store *store = *state;
    const int64_t buckets[] = {
        store->bucket,
        versioned_bucket(store, "enabled", META_VERSIONING_ENABLED),
        versioned_bucket(store, "suspended", META_VERSIONING_SUSPENDED),
    };
    struct image image = {0};
    struct meta_garbage_done done;
    int64_t rows[8];
    unsigned since = 0, compared = 0, replayed = 0;
    bool forgot = false;
    uint64_t number = 100;

    srand(20240229);
    batch_hold(store);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned count = 1 + dice(BATCH_MAX), entries = hooked.entry_count;
        bool synced = dice(12) == 0, forget = dice(6) == 0;

        if (dice(25) == 0)
            hooked.file++;
        for (unsigned i = 0; i < count; i++)
            member_any(&members[i], buckets, ++number, synced);
        if (forget)
            garbage_forget_some(store, &done, rows);
        batch_run(store, members, count);
        if (hooked.entry_count ==
            entries) { /* synced, and all before it: the older image is none that a crash could leave */
            image_free(&image);
            entries_forget();
        }
        since = image.dir[0] == '\0' ? 0 : since + 1;
        forgot = forgot || forget;
        if (image.dir[0] == '\0') {
            image_take(&image, store);
            forgot = false;
        } else if (dice(6) == 0) {
            image_compare(store, &image, forgot, since);
            replayed += since;
            compared++;
        }
    }
    assert_true(compared > 20);
    assert_true(replayed > 80);
    image_free(&image);
    batch_release();
}

#define journal_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        journal_test(puts_after_the_first_are_not_synced),
        journal_test(another_file_begins_another_journal),
        journal_test(mixed_batches_are_synced),
        journal_test(garbage_is_forgotten_within_an_entry),
        journal_test(relaxed_stores_have_no_journal),
        journal_test(making_durable_syncs_once),
        journal_test(unsynced_pages_are_written_in_time),
        journal_test(failed_sync_is_made_good),
        journal_test(commits_wait_until_it_is_made_good),
        journal_test(failed_commit_ends_the_journal),
        journal_test(failed_barrier_ends_the_journal),
        journal_test(failed_record_ends_the_journal),
        journal_test(damaged_entries_are_refused),
        journal_test(replays_are_synced_at_the_end),
        journal_test(replayed_rows_are_the_rows),
    };

    faults_install();
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
