/* SPDX-License-Identifier: MIT
 *
 * Two servers with one store, over PostgreSQL: each sees at once what the other was told is done; who was taken for dead writes nothing any
 * more; a connection that ends costs what was under way and nothing else; and what a batch asks of the database is two round trips. */
#include "meta_test_support.h"

#include <errno.h>

static struct store other; /* the second server */

static int setup(void **state)
{
    int err = store_setup(state);
    struct store *store = *state;

    other = *store;
    other.meta = NULL;
    store_reopen(&other);
    return err;
}

static int teardown(void **state)
{
    meta_reader_close(other.reader);
    meta_close(other.meta);
    return store_teardown(state);
}

/* %s: the store's schema. */
static void run_in(const struct store *store, const char *format)
{
    postgres_run(format, store->dir + strlen("/tmp/"));
}

static void both_write(void **state)
{
    struct store *store = *state;
    const struct meta_condition new_only = {.if_none_match_any = true};

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(file_of(&other, "a"), 1);
    assert_int_equal(put(&other, "a", 2), 0);
    assert_int_equal(file_of(store, "a"), 2);
    assert_int_equal(put_bytes(other.meta, other.bucket, slice_text("a"), 3, 100, &new_only),
                     META_E_PRECONDITION);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(file_of(&other, "a"), META_E_NO_KEY);
    assert_int_equal(put_bytes(other.meta, other.bucket, slice_text("a"), 4, 100, &new_only), 0);
    assert_int_equal(garbage_count(store), 2);
    assert_int_equal(garbage_clear(&other), 2);
}

static void buckets_are_everybodys(void **state)
{
    struct store *store = *state;
    int64_t bucket = bucket_create(store->meta, "another");
    struct meta_bucket_create again = {.bucket = {.name = "another", .region = "here", .owner = "me"}};

    assert_int_equal(put_bytes(other.meta, bucket, slice_text("k"), 1, 100, NULL), 0);
    assert_int_equal(op_wait(other.meta, &again.op, META_OP_BUCKET_CREATE), META_E_BUCKET_EXISTS);
    assert_int_equal(bucket_delete(store->meta, bucket), META_E_BUCKET_NOT_EMPTY);
    assert_int_equal(delete_bytes(other.meta, bucket, slice_text("k"), NULL), 0);
    assert_int_equal(bucket_delete(store->meta, bucket), 0);
    assert_int_equal(put_bytes(other.meta, bucket, slice_text("k"), 2, 100, NULL), META_E_NO_BUCKET);
}

static void taken_for_dead(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    run_in(store, "UPDATE \"%s\".server SET epoch = epoch + 1 WHERE id = 1");
    assert_int_not_equal(put(store, "a", 2), 0);
    assert_int_equal(file_of(&other, "a"), 1);
    assert_int_equal(put(&other, "a", 3), 0);
    assert_int_not_equal(put(store, "b", 4), 0);
    assert_int_equal(file_of(store, "a"), 3);
}

static void connections_end(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    run_in(store, "DO $$BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity"
                  " WHERE application_name = '%s'; END$$");
    int result = put(store, "a", 2); /* it may find out only now */
    assert_true(result == 0 || result == -EIO);
    assert_int_equal(put(store, "a", 3), 0);
    (void)file_of(store, "a"); /* and so may the readers */
    (void)file_of(&other, "a");
    assert_int_equal(file_of(store, "a"), 3);
    assert_int_equal(file_of(&other, "a"), 3);
    (void)put(&other, "b", 4);
    assert_int_equal(put(&other, "b", 5), 0);
}

/* The server ends the connection in the middle of a COMMIT, which is then not: the change fails, and its bytes may go. */
static void in_doubt_and_not_done(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    run_in(store, "SET search_path = \"%s\"; CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS "
                  "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
                  "CREATE CONSTRAINT TRIGGER stops AFTER UPDATE ON object DEFERRABLE INITIALLY DEFERRED"
                  "  FOR EACH ROW EXECUTE FUNCTION stop()");
    assert_int_equal(put(store, "a", 2), -EIO);
    run_in(store, "DROP TRIGGER stops ON \"%s\".object");
    assert_int_equal(file_of(&other, "a"), 1);
    assert_int_equal(put(store, "a", 3), 0);
    assert_int_equal(file_of(&other, "a"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_write, setup, teardown),
        cmocka_unit_test_setup_teardown(buckets_are_everybodys, setup, teardown),
        cmocka_unit_test_setup_teardown(taken_for_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_end, setup, teardown),
        cmocka_unit_test_setup_teardown(in_doubt_and_not_done, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
