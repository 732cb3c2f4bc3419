/* SPDX-License-Identifier: MIT
 *
 * What a cluster's servers have besides rows, over PostgreSQL: who is alive and who leads, blocks of ids, garbage that waits; bodies that are rows;
 * and publications, of which one server prepares some while another changes or sweeps. */
#include "meta_publish_support.h"

#include <errno.h>

#include "metadata/meta_cluster.h"
#include "meta_two_support.h"

#define IDS 4096u

static struct meta_cluster *one, *two;

static int setup(void **state)
{
    int err = two_setup(state);

    assert_int_equal(meta_cluster_open(&one, ((struct store *)*state)->meta), 0);
    assert_int_equal(meta_cluster_open(&two, other.meta), 0);
    return err;
}

static int teardown(void **state)
{
    meta_cluster_close(one);
    meta_cluster_close(two);
    return two_teardown(state);
}

/* ---- Who is alive ---- */

static void silent_ones_are_buried(void **state)
{
    uint32_t count;

    assert_int_not_equal(meta_cluster_server(one), meta_cluster_server(two));
    assert_int_equal(meta_cluster_beat(one), 0);
    assert_int_equal(meta_cluster_count(two, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(meta_cluster_bury(two, 60, &count), 0);
    assert_int_equal(count, 0);
    run_in(*state, "UPDATE \"%s\".server SET seen = seen - interval '2 minutes'");
    assert_int_equal(meta_cluster_bury(two, 60, &count), 0);
    assert_int_equal(count, 1); /* not itself, however long it was silent */
    assert_int_equal(meta_cluster_bury(two, 60, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(meta_cluster_beat(one), META_E_FENCED);
    assert_int_equal(meta_cluster_beat(two), 0);
    assert_int_equal(meta_cluster_count(two, &count), 0);
    assert_int_equal(count, 1);
    assert_int_not_equal(put(*state, "a", 1), 0); /* nothing of it gets in */
    assert_int_equal(put(&other, "a", 2), 0);
}

static void one_leads(void **state)
{
    bool leads;

    assert_int_equal(meta_cluster_lead(one, &leads), 0);
    assert_true(leads);
    assert_int_equal(meta_cluster_lead(two, &leads), 0);
    assert_false(leads);
    assert_int_equal(meta_cluster_lead(one, &leads), 0); /* still */
    assert_true(leads);
    meta_cluster_close(one);
    one = NULL;
    leads = false;
    for (int tries = 0; tries < 600 && !leads; tries++) { /* the database ends a session by and by */
        assert_int_equal(meta_cluster_lead(two, &leads), 0);
        if (!leads)
            usleep(100000);
    }
    assert_true(leads);
}

/* ---- Blocks ---- */

static void blocks_of_ids(void **state)
{
    uint64_t first[3], left, server;
    uint32_t count;
    uint64_t whose;

    assert_int_equal(meta_cluster_block_take(one, IDS, &first[0]), 0);
    assert_int_equal(meta_cluster_block_take(two, IDS, &first[1]), 0);
    assert_int_equal(meta_cluster_block_take(one, IDS, &first[2]), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal((first[i] - 1) % IDS, 0);
        assert_true(i == 0 || first[i] > first[i - 1]);
        assert_int_equal(meta_cluster_block_is_open(two, IDS, first[i]), 1);
        assert_int_equal(meta_cluster_block_is_open(two, IDS, first[i] + IDS - 1), 1);
    }
    assert_int_equal(meta_cluster_block_is_open(two, IDS, first[2] + IDS), 0);
    assert_int_equal(meta_cluster_block_left(two, &left, &whose), 0); /* their servers live */
    assert_int_equal(meta_cluster_server_left(two, &server), 0);
    assert_int_equal(meta_cluster_block_settle(one, first[0]), 0);
    assert_int_equal(meta_cluster_block_settle(one, first[0]), 0); /* told twice */
    assert_int_equal(meta_cluster_block_is_open(two, IDS, first[0]), 0);

    run_in(*state, "UPDATE \"%s\".server SET seen = seen - interval '2 minutes' WHERE id = 1");
    assert_int_equal(meta_cluster_bury(two, 60, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(meta_cluster_block_take(one, IDS, &left), META_E_FENCED);
    assert_int_equal(meta_cluster_server_left(two, &server), 0); /* its block comes first */
    assert_int_equal(meta_cluster_block_left(two, &left, &whose), 1);
    assert_int_equal(left, first[2]);
    assert_int_equal(whose, meta_cluster_server(one));
    assert_int_equal(meta_cluster_block_settle(two, left), 0);
    assert_int_equal(meta_cluster_block_left(two, &left, &whose), 0);
    assert_int_equal(meta_cluster_server_left(two, &server), 1);
    assert_int_equal(server, meta_cluster_server(one));
    assert_int_equal(meta_cluster_server_forget(two, server), 0);
    assert_int_equal(meta_cluster_server_left(two, &server), 0);
}

/* ---- Garbage ---- */

static void garbage_waits(void **state)
{
    struct meta_garbage entries[4];
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(&other, "a", 2), 0);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(meta_cluster_garbage(one, 3600, 0, entries, 4), 0);
    assert_int_equal(meta_cluster_garbage(one, 0, 0, entries, 1), 1);
    assert_int_equal(meta_cluster_garbage(two, 0, 0, entries, 4), 2);
    assert_true(entries[0].row < entries[1].row);
    assert_int_equal(meta_cluster_garbage(two, 0, entries[0].row, entries, 4), 1);
    run_in(store, "UPDATE \"%s\".garbage SET at = at - interval '2 hours' WHERE file = 1");
    assert_int_equal(meta_cluster_garbage(one, 3600, 0, entries, 4), 1);
    assert_int_equal(entries[0].file, 1);
}

static void a_lost_connection_is_made_anew(void **state)
{
    uint64_t first;
    int err = -EIO;

    run_in(*state, "DO $$BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE application_name = '%s'; END$$");
    for (int tries = 0; tries < 600 && (err = meta_cluster_beat(one)) == -EIO; tries++)
        usleep(100000);
    assert_int_equal(err, 0);
    assert_int_equal(meta_cluster_block_take(one, IDS, &first), 0);
    /* Readers are slower to try again. */
    for (int tries = 0;
         tries < 600 && (file_of(*state, "x") != META_E_NO_KEY || file_of(&other, "x") != META_E_NO_KEY);
         tries++)
        usleep(100000);
    assert_int_equal(put(*state, "x", 1), 0);
}

/* ---- Bodies ---- */

static int put_body(struct store *store, const char *key, const char *text,
                    const struct meta_condition *condition, struct meta_extent *extent)
{
    struct meta_body body = {slice_text(text), extent};
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text(key), .op = {.body = &body}};

    *extent = whole_file(0, body.bytes.len);
    op.object.size = body.bytes.len;
    op.object.extents = (struct meta_extents){extent, 1};
    snprintf(op.object.etag, sizeof(op.object.etag), "e%zu", body.bytes.len);
    if (condition != NULL)
        op.condition = *condition;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_PUT);
}

static void assert_body(struct store *store, uint64_t file, const char *text)
{
    char bytes[META_BODY_BYTES_MAX];
    int count = meta_body_get(store->reader, file, bytes, sizeof(bytes));

    if (text == NULL) {
        assert_int_equal(count, -ENOENT);
        return;
    }
    assert_int_equal(count, strlen(text));
    assert_memory_equal(bytes, text, (size_t)count);
}

static void assert_whole(struct store *store, const char *key, const char *text)
{
    struct meta_object object;

    assert_int_equal(meta_object_get_whole(store->reader, store->bucket, slice_text(key), &object), 0);
    assert_true(slice_is(object.body, text));
    meta_object_release(&object);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    assert_null(object.body.base); /* who does not read it does not get it */
    meta_object_release(&object);
}

static void bodies_come_with_their_objects(void **state)
{
    const struct meta_condition new_only = {.if_none_match_any = true};
    struct meta_extent first, second, refused;
    struct store *store = *state;
    struct meta_object object;

    assert_int_equal(put_body(store, "a", "a small body", NULL, &first), 0);
    assert_true(meta_file_is_body(first.file));
    assert_body(&other, first.file, "a small body");
    assert_whole(&other, "a", "a small body");
    assert_int_equal(put_body(&other, "a", "another", &new_only, &refused), META_E_PRECONDITION);
    assert_body(store, refused.file, NULL);
    assert_int_equal(put_body(&other, "a", "another", NULL, &second), 0);
    assert_int_not_equal(second.file, first.file);
    assert_whole(store, "a", "another");
    assert_body(store, first.file, "a small body"); /* somebody may be about to read it */
    assert_int_equal(garbage_clear(store), 1);
    assert_body(store, first.file, NULL);

    /* A file's object brings none. */
    assert_int_equal(put(store, "file", 5), 0);
    assert_int_equal(meta_object_get_whole(store->reader, store->bucket, slice_text("file"), &object), 0);
    assert_null(object.body.base);
    meta_object_release(&object);
}

static void copies_share_a_body(void **state)
{
    struct store *store = *state;
    struct meta_extent extent;

    assert_int_equal(put_body(store, "a", "shared by two", NULL, &extent), 0);
    assert_int_equal(copy(&other, "a", "b"), 0);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_whole(store, "b", "shared by two");
    assert_int_equal(delete_key(&other, "b"), 0);
    assert_int_equal(garbage_clear(&other), 1);
    assert_body(store, extent.file, NULL);
}

/* Of a row that says other than its unit nothing is given out. */
static void a_body_of_another_length(void **state)
{
    struct store *store = *state;
    struct meta_extent extent;
    struct meta_object object;

    assert_int_equal(put_body(store, "a", "a small body", NULL, &extent), 0);
    run_in(store, "UPDATE \"%s\".body SET bytes = 'short'");
    assert_int_equal(meta_object_get_whole(store->reader, store->bucket, slice_text("a"), &object), 0);
    assert_null(object.body.base);
    meta_object_release(&object);
    assert_body(store, extent.file, "short");
}

/* ---- Publications ---- */

static bool is_prepared(struct store *store, int64_t id, const char *key)
{
    return meta_publish_is_prepared(store->reader, id, slice_text(key)) == 1;
}

static void sweep_all(struct store *store)
{
    while (sweep(store))
        ;
}

static void one_that_another_prepares_is_not_swept(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    int64_t id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "a", "b"), 0);
    sweep_all(&other);
    store_reopen(&other); /* nor by one that starts meanwhile */
    assert_int_equal(meta_sweep_is_due(other.reader), 0);
    sweep_all(&other);
    assert_true(is_prepared(&other, id, "b"));
    assert_int_equal(publish(store, id), 0);
    assert_int_equal(file_of(&other, "b"), 1);
    sweep_all(&other); /* what is published anybody brings to its end */
    assert_int_equal(file_of(store, "b"), 1);
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
}

static void one_whose_server_is_gone_is(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    int64_t id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "a", "b"), 0);
    run_in(store, "UPDATE \"%s\".server SET epoch = epoch + 1, dead = 1 WHERE id = 1");
    assert_int_equal(meta_sweep_is_due(other.reader), 1);
    sweep_all(&other);
    assert_false(is_prepared(&other, id, "b"));
    assert_int_equal(meta_sweep_is_due(other.reader), 0);
    assert_int_equal(file_of(&other, "b"), META_E_NO_KEY);
    assert_int_not_equal(publish(store, id), 0);
    assert_int_equal(file_of(&other, "b"), META_E_NO_KEY);
}

/* Who prepares it cannot see what is done elsewhere: so it is given up, and has to begin anew. */
static void another_server_changes_a_key(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    int64_t id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "a", "b"), 0);
    assert_int_equal(put(&other, "elsewhere", 2), 0); /* no key of it */
    int64_t second = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, second, "a", "c"), 0);
    assert_int_equal(put(&other, "b", 3), 0);
    assert_int_equal(publish(store, id), META_E_CHANGED);
    assert_int_equal(file_of(store, "b"), 3);
    assert_int_equal(publish(store, second), 0);
    assert_int_equal(file_of(&other, "c"), 1);
    sweep_all(&other);
    assert_int_equal(file_of(&other, "b"), 3);
    assert_false(is_prepared(&other, id, "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silent_ones_are_buried, setup, teardown),
        cmocka_unit_test_setup_teardown(one_leads, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_of_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_connection_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_come_with_their_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_share_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_of_another_length, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_another_prepares_is_not_swept, setup, teardown),
        cmocka_unit_test_setup_teardown(one_whose_server_is_gone_is, setup, teardown),
        cmocka_unit_test_setup_teardown(another_server_changes_a_key, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
