/* SPDX-License-Identifier: MIT
 *
 * Replaying the journal: done with the entries since, on what a crash left of the rows, it gives exactly the rows there were. */
#include "meta_journal_support.h"

#include "metadata/meta_outbox.h"

/* An entry that is cut off anywhere, in who did it (at its end) too, is no entry. */
static void damaged_entries_are_refused(void **state)
{
    const struct meta_origin origin = {META_EVENT_POST, slice_text("127.0.0.1 me")};
    static struct member member;
    struct store *store = *state;
    struct meta_replay replay;
    struct image image;
    struct meta *meta;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    image_take(&image, store);
    member_put(&member, store->bucket, "b", 2);
    member.put.op.origin = &origin;
    batch_run(store, &member, 1);
    assert_int_equal(member.put.op.result, 0);
    batch_release();
    assert_int_equal(meta_open(&meta, image.path, &(struct meta_options){.durable = true}), 0);
    for (size_t length = 1; length < hooked.entries[0].length; length++) {
        replay = (struct meta_replay){.sequence = 1, .entry = slice_of(hooked.entries[0].data, length)};
        assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), META_E_CORRUPT);
    }
    replay = (struct meta_replay){.sequence = 1,
                                  .entry = slice_of(hooked.entries[0].data, hooked.entries[0].length)};
    assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    meta_close(meta);
    image_free(&image);
}

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
        replay =
            (struct meta_replay){.sequence = kept->sequence, .entry = slice_of(kept->data, kept->length)};
        assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    }
    assert_int_equal(atomic_load(&log_syncs), before);
    replay = (struct meta_replay){.sequence = 0};
    assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    assert_int_equal(atomic_load(&log_syncs), before + 1);
    meta_close(meta);
    image_free(&image);
}

static void image_execute(const struct image *image, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(image->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Trouble of the moment with one put of an entry: all of the entry is undone, and comes again with the next start. */
static void failed_replays_leave_nothing(void **state)
{
    static struct member members[2];
    struct store *store = *state;
    struct meta_replay replay;
    struct image image;
    struct meta *meta;

    batch_hold(store);
    put_alone(store, "a", 1, 0);
    image_take(&image, store);
    member_put(&members[0], store->bucket, "b", 2);
    member_put(&members[1], store->bucket, "trouble", 3);
    batch_run(store, members, 2);
    batch_release();
    assert_int_equal(hooked.entry_count, 1);
    image_execute(&image,
                  "CREATE TRIGGER trouble BEFORE INSERT ON object WHEN NEW.key = CAST('trouble' AS BLOB)"
                  " BEGIN SELECT zeroblob(2000000000); END");
    char *before = image_dump(&image);
    assert_int_equal(meta_open(&meta, image.path, &(struct meta_options){.durable = true}), 0);
    replay = (struct meta_replay){.sequence = 1,
                                  .entry = slice_of(hooked.entries[0].data, hooked.entries[0].length)};
    assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), -E2BIG);
    meta_close(meta);
    char *after = image_dump(&image);
    assert_string_equal(after, before);
    free(before);
    free(after);
    image_execute(&image, "DROP TRIGGER trouble");
    assert_int_equal(image_replay(&image), 1);
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
        journal_test(damaged_entries_are_refused),
        journal_test(replays_are_synced_at_the_end),
        journal_test(failed_replays_leave_nothing),
        journal_test(replayed_rows_are_the_rows),
    };

    faults_install();
    return cmocka_run_group_tests_name("replaying the journal", tests, NULL, NULL);
}
