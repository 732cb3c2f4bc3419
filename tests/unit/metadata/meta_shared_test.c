/* SPDX-License-Identifier: MIT
 *
 * Two servers with one store, over PostgreSQL: each sees at once what the other was told is done; who was taken for dead writes nothing any
 * more; a connection that ends costs what was under way and nothing else; a commit whose answer is lost is told as what it was. */
#include "meta_test_support.h"

#include <errno.h>

#include "metadata/meta_settings.h"
#include "metadata/meta_usage.h"
#include "meta_two_support.h"
#include "postgres_proxy.h"

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

/* Of two servers that wait for each other the database gives one up: here it says so of the first `times` writes of objects. */
static void fail_first(const struct store *store, int times)
{
    char text[700];

    (void)snprintf(
        text, sizeof(text),
        "SET search_path = \"%%s\"; DROP SEQUENCE IF EXISTS written CASCADE; CREATE SEQUENCE written;"
        "CREATE OR REPLACE FUNCTION give_up() RETURNS trigger AS $$ BEGIN IF nextval('written') <= %d"
        " THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$"
        " LANGUAGE plpgsql; CREATE OR REPLACE TRIGGER give_up BEFORE INSERT ON object FOR EACH ROW"
        " EXECUTE FUNCTION give_up()",
        times);
    run_in(store, text);
}

static void who_was_given_up_tries_again(void **state)
{
    struct store *store = *state;

    fail_first(store, 1);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(file_of(&other, "a"), 1);
    fail_first(store, 2); /* once more, and no oftener */
    assert_int_equal(put(store, "b", 2), META_E_STALLED);
    assert_int_equal(file_of(&other, "b"), META_E_NO_KEY);
    assert_int_equal(put(store, "b", 3), 0);
    assert_int_equal(file_of(&other, "b"), 3);
    assert_int_equal(garbage_count(store), 0);
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
    assert_int_equal(put(store, "a", 3), 0); /* nothing of it was begun on the one that has ended */
    (void)file_of(store, "a");               /* and so may the readers */
    (void)file_of(&other, "a");
    assert_int_equal(file_of(store, "a"), 3);
    assert_int_equal(file_of(&other, "a"), 3);
    assert_int_equal(put(&other, "b", 4), 0);
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
    assert_int_equal(put(store, "a", 2), META_E_UNREACHABLE);
    run_in(store, "DROP TRIGGER stops ON \"%s\".object");
    assert_int_equal(file_of(&other, "a"), 1);
    assert_int_equal(put(store, "a", 3), 0);
    assert_int_equal(file_of(&other, "a"), 3);
}

/* ---- What one server changes, the other has at once ---- */

static struct meta_usage usage_of(struct store *store, int64_t bucket)
{
    struct meta_usage usage;

    assert_int_equal(meta_usage_get(store->meta, bucket, &usage), 1);
    return usage;
}

/* What each counts goes together, in buckets that the other has made, too; teardown looks whether the sums are right. */
static void counts_go_together(void **state)
{
    struct store *store = *state;
    int64_t bucket = bucket_create(store->meta, "another");

    assert_int_equal(put_bytes(other.meta, bucket, slice_text("a"), 1, 100, NULL), 0);
    assert_int_equal(put_bytes(store->meta, bucket, slice_text("b"), 2, 100, NULL), 0);
    assert_int_equal(delete_bytes(store->meta, bucket, slice_text("a"), NULL), 0);
    (void)bucket_create(other.meta, "third"); /* who is told of buckets reads the counts */
    assert_int_equal(put(store, "c", 3), 0);
    const struct meta_usage usage = usage_of(store, bucket);
    assert_int_equal(meta_usage_objects(&usage), 1);
}

static void quotas_hold_for_all(void **state)
{
    struct store *store = *state;
    struct meta_quota_set op = {.bucket = store->bucket, .quota = {META_QUOTA_NONE, 3}};

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(&other, "b", 2), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_QUOTA_SET), 0);
    assert_int_equal(put(&other, "c", 3), 0);
    assert_int_equal(put(store, "d", 4), META_E_QUOTA);
    assert_int_equal(put(&other, "d", 5), META_E_QUOTA);
    assert_int_equal(delete_key(&other, "a"), 0);
    assert_int_equal(put(store, "d", 6), 0);
    assert_int_equal(put(&other, "e", 7), META_E_QUOTA);
}

/* Who asks for the bucket, as every request does, learns that what it keeps of its settings is old. */
static void settings_are_seen_at_once(void **state)
{
    struct store *store = *state;
    struct meta_setting_put op = {
        .bucket = store->bucket, .kind = META_SETTING_POLICY, .document = slice_text("policy")};
    struct meta_bucket bucket;
    uint64_t before;

    assert_int_equal(meta_bucket_get(other.reader, slice_text("bucket"), &bucket), 0);
    before = meta_settings_generation(other.meta);
    assert_int_equal(meta_bucket_get(other.reader, slice_text("bucket"), &bucket), 0);
    assert_true(meta_settings_generation(other.meta) == before);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_SETTING_PUT), 0);
    assert_int_equal(meta_bucket_get(other.reader, slice_text("bucket"), &bucket), 0);
    assert_true(meta_settings_generation(other.meta) != before);
}

/* The database's clock goes wrong by years, and with it all times. */
static void times_are_the_databases(void **state)
{
    static const char behind[] =
        "%2Cpg_catalog"; /* what is called as something of the system's comes first then */
    struct store *store = *state;
    struct meta_object object;

    run_in(store, "CREATE FUNCTION \"%s\".clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
                  " 'SELECT to_timestamp(915148800)'");
    assert_true(strlen(other.path) + sizeof(behind) <= sizeof(other.path));
    memcpy(other.path + strlen(other.path), behind, sizeof(behind));
    store_reopen(&other);
    assert_int_equal(put(&other, "a", 1), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("a"), &object), 0);
    assert_true(object.modified_ms == INT64_C(915148800000));
    meta_object_release(&object);
}

/* ---- A commit whose answer is lost ---- */

static struct proxy proxy;
static struct store far; /* a server that reaches the database by way of it */

static int setup_far(void **state)
{
    char address[256];
    int err = two_setup(state);

    proxy_start(&proxy, getenv("SLUICE_TEST_POSTGRES"), address, sizeof(address));
    far = *(struct store *)*state;
    far.meta = NULL;
    postgres_path(address, far.dir + strlen("/tmp/"), far.path, sizeof(far.path));
    store_reopen(&far);
    return err;
}

static int teardown_far(void **state)
{
    meta_reader_close(far.reader);
    meta_close(far.meta);
    proxy_stop(&proxy);
    return two_teardown(state);
}

static void the_answer_is_lost(void **state)
{
    assert_int_equal(put(&far, "a", 1), 0);
    atomic_store(&proxy.mode, PROXY_LOSES_ANSWERS);
    assert_int_equal(put(&far, "a", 2), 0); /* it was committed, and that is found out */
    assert_int_equal(atomic_load(&proxy.lost), 1);
    assert_int_equal(file_of(&other, "a"), 2);
    assert_int_equal(put(&far, "b", 3), 0);
    const struct meta_usage usage = usage_of(&far, far.bucket);
    assert_int_equal(meta_usage_objects(&usage), 2);
}

static void the_commit_is_lost(void **state)
{
    assert_int_equal(put(&far, "a", 1), 0);
    atomic_store(&proxy.mode, PROXY_LOSES_COMMITS);
    assert_int_equal(put(&far, "a", 2), META_E_UNREACHABLE); /* it was asked, and was not */
    assert_int_equal(atomic_load(&proxy.lost), 1);
    assert_int_equal(file_of(&other, "a"), 1);
    assert_int_equal(put(&far, "a", 3), 0);
    assert_int_equal(file_of(&other, "a"), 3);
}

/* The database goes with the answer: the change fails, though nobody knows, and it says so in a way that keeps the bytes. Later all is found. */
static void the_database_is_lost(void **state)
{
    const struct meta_condition new_only = {.if_none_match_any = true};

    assert_int_equal(put(&far, "a", 1), 0);
    assert_int_equal(file_of(&far, "a"), 1);
    atomic_store(&proxy.mode, PROXY_DIES_WITH_IT);
    assert_int_equal(put(&far, "b", 2), META_E_DOUBT);
    assert_int_equal(put(&far, "c", 3), META_E_UNREACHABLE); /* not even begun */
    assert_int_equal(file_of(&other, "b"), 2);
    int found = file_of(&far, "a");
    assert_true(found == META_E_UNREACHABLE ||
                found == 1); /* it may not have noticed that its connection ends */
    atomic_store(&proxy.mode, PROXY_PASSES);
    assert_int_equal(put_bytes(far.meta, far.bucket, slice_text("b"), 4, 100, &new_only),
                     META_E_PRECONDITION);
    assert_int_equal(put(&far, "c", 5), 0);
    const struct meta_usage usage = usage_of(&far, far.bucket);
    assert_int_equal(meta_usage_objects(&usage), 3);
}

/* One that does not answer is given up. */
static void the_database_is_silent(void **state)
{
    assert_int_equal(put(&far, "a", 1), 0);
    atomic_store(&proxy.mode, PROXY_IS_SILENT);
    assert_int_equal(put(&far, "a", 2), META_E_UNREACHABLE);
    assert_int_equal(file_of(&far, "a"), META_E_UNREACHABLE);
    assert_int_equal(file_of(&other, "a"), 1);
    atomic_store(&proxy.mode, PROXY_PASSES);
    assert_int_equal(put(&far, "a", 3), 0);
    assert_int_equal(file_of(&other, "a"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_write, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(who_was_given_up_tries_again, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(buckets_are_everybodys, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(taken_for_dead, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(connections_end, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(in_doubt_and_not_done, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(counts_go_together, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(quotas_hold_for_all, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(settings_are_seen_at_once, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(times_are_the_databases, two_setup, two_teardown),
        cmocka_unit_test_setup_teardown(the_answer_is_lost, setup_far, teardown_far),
        cmocka_unit_test_setup_teardown(the_commit_is_lost, setup_far, teardown_far),
        cmocka_unit_test_setup_teardown(the_database_is_lost, setup_far, teardown_far),
        cmocka_unit_test_setup_teardown(the_database_is_silent, setup_far, teardown_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
