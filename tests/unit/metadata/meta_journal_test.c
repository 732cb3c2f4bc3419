/* SPDX-License-Identifier: MIT
 *
 * The journal: which batches get an entry and are then not synced in the log, and what a failure leads to. */
#include "meta_journal_support.h"

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
    /* A condition that entries do not know has to be decided once and for all. */
    const struct slice me = slice_text("me");
    before = atomic_load(&log_syncs);
    member_put(&members[0], store->bucket, "b", 3);
    members[0].put.condition.owner = &me;
    batch_run(store, members, 1);
    assert_int_equal(members[0].put.op.result, 0);
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

/* After a sync that failed nothing is called durable until the log was written again (meta_lossy_test.c shows that it was). */
static void failed_sync_is_made_good(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    assert_int_equal(meta_health(store->meta), 0);
    atomic_store(&log_syncs_to_fail, 1);
    assert_int_equal(meta_make_durable(store->meta), -EIO);
    assert_int_equal(meta_make_durable(store->meta), -EIO);
    assert_int_equal(meta_health(store->meta), META_E_UNSYNCED);
    put_alone(store, "c", 3, 0); /* has it written first */
    assert_int_equal(meta_health(store->meta), 0);
    assert_int_equal(meta_make_durable(store->meta), 0);
    batch_release();
}

static void commits_wait_until_it_is_made_good(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    put_alone(store, "b", 2, 0);
    atomic_store(&log_syncs_to_fail, 1000);
    assert_int_equal(meta_make_durable(store->meta), -EIO);
    unsigned recorded = hooked.recorded;
    put_alone(store, "c", 3, META_E_UNSYNCED); /* not even begun */
    assert_int_equal(hooked.recorded, recorded);
    assert_int_equal(file_of(store, "c"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "b"), 7);
    atomic_store(&log_syncs_to_fail, 0);
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
    hooked.sync_result = -EIO;
    put_alone(store, "c", 3, -EIO);
    hooked.sync_result = 0;
    assert_int_equal(hooked.ended_badly, 1);
    assert_int_equal(journal_of(store).file, 0);
    batch_release();
}

static void failed_record_ends_the_journal(void **state)
{
    struct store *store = *state;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    hooked.append_result = -ENOSPC; /* no room: no harm */
    assert_int_equal(put_alone(store, "b", 2, 0), 1);
    assert_int_equal(journal_of(store).file, 7);
    hooked.append_result = -EIO; /* it may be there all the same */
    assert_int_equal(put_alone(store, "c", 3, 0), 1);
    assert_int_equal(journal_of(store).file, 0);
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
    };

    faults_install();
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
