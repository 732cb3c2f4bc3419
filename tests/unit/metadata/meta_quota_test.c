/* SPDX-License-Identifier: MIT
 *
 * Quotas of a bucket, an owner and the store: each kind of change at their edge, that nothing of a refused one stays, that what frees is always
 * done, that many at once never come out above, and that a replay of the journal comes to what was answered, whatever the quotas are then. */
#include "meta_journal_support.h"
#include "meta_publish_support.h"

#include <errno.h>

#include "metadata/meta_usage.h"

static int quota_set(struct store *store, uint64_t bytes, uint64_t objects)
{
    struct meta_quota_set op = {.bucket = store->bucket, .quota = {bytes, objects}};

    return op_wait(store->meta, &op.op, META_OP_QUOTA_SET);
}

static uint64_t bytes_of(struct store *store)
{
    struct meta_usage usage;

    assert_int_equal(meta_usage_get(store->meta, store->bucket, &usage), 1);
    return meta_usage_bytes(&usage);
}

static int put_sized(struct store *store, const char *key, uint64_t file, uint64_t length)
{
    return put_bytes(store->meta, store->bucket, slice_text(key), file, length, NULL);
}

static void bytes_are_bounded(void **state)
{
    struct store *store = *state;

    assert_false(meta_quotas_any(store->meta));
    assert_int_equal(quota_set(store, 1000, META_QUOTA_NONE), 0);
    assert_true(meta_quotas_any(store->meta));
    assert_int_equal(put_sized(store, "a", 1, 600), 0);
    assert_int_equal(put_sized(store, "b", 2, 401), META_E_QUOTA);
    assert_int_equal(file_of(store, "b"), META_E_NO_KEY);
    assert_int_equal(meta_file_is_live(store->reader, 2), 0); /* nor is anything left of it */
    assert_int_equal(put_sized(store, "b", 3, 400), 0);       /* to the last byte */
    assert_int_equal(meta_quota_room(store->meta, store->bucket).bytes_max, 0);
    assert_int_equal(put_sized(store, "a", 4, 601), META_E_QUOTA);
    assert_int_equal(put_sized(store, "a", 5, 600), 0); /* takes the place of as many */
    assert_int_equal(put_sized(store, "empty", 6, 0), 0);
    assert_int_equal(put_sized(store, "a", 7, 10), 0);
    assert_int_equal(copy(store, "b", "c"), 0);
    assert_int_equal(copy(store, "b", "d"), META_E_QUOTA); /* shares its bytes, and counts */
    assert_int_equal(annotation_put(store, "a", "x", 8), 0);
    assert_int_equal(bytes_of(store), 820);
    assert_int_equal(quota_set(store, 100, META_QUOTA_NONE), 0); /* less than it holds */
    assert_int_equal(annotation_put(store, "a", "y", 9), META_E_QUOTA);
    assert_int_equal(put_sized(store, "b", 10, 399), 0); /* still above, and smaller */
    assert_int_equal(delete_key(store, "b"), 0);
    store_reopen(store); /* a quota is a row */
    assert_int_equal(put_sized(store, "b", 11, 1), META_E_QUOTA);
    assert_int_equal(quota_set(store, META_QUOTA_NONE, META_QUOTA_NONE), 0);
    assert_false(meta_quotas_any(store->meta));
    assert_int_equal(put_sized(store, "b", 12, 1000), 0);
    assert_int_equal(quota_set(store, (uint64_t)INT64_MAX + 1, 1), -EINVAL);
}

static void objects_are_bounded(void **state)
{
    struct store *store = *state;

    assert_int_equal(quota_set(store, META_QUOTA_NONE, 2), 0);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(put(store, "c", 3), META_E_QUOTA);
    assert_int_equal(put(store, "b", 4), 0);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(put(store, "c", 5), 0);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(put(store, "c", 6), META_E_QUOTA); /* it would be a version more */
    struct meta_version_id marker = delete_version(store, "c", NULL).marker;
    assert_int_equal(put(store, "c", 7), META_E_QUOTA); /* what it was is a version still */
    (void)delete_version(store, "c", &marker);
    (void)delete_version(store, "b", &null_version);
    assert_int_equal(put(store, "c", 8), 0);
}

static void parts_count_once(void **state)
{
    struct store *store = *state;
    struct meta_complete_part part = {.number = 1, .etag = "e1"};
    struct meta_upload_complete op = {.bucket = store->bucket,
                                      .key = slice_text("key"),
                                      .parts = &part,
                                      .part_count = 1,
                                      .etag = "whole-1"};
    unsigned char id[META_UPLOAD_ID_BYTES];

    assert_int_equal(quota_set(store, 1000, 1), 0);
    upload_id_make(id, 1);
    assert_int_equal(upload_create(store, slice_text("key"), id), 0);
    assert_int_equal(part_put(store, slice_text("key"), id, 1, 1, 900), 0);
    assert_int_equal(part_put(store, slice_text("key"), id, 2, 2, 101), META_E_QUOTA);
    assert_int_equal(part_put(store, slice_text("key"), id, 2, 3, 100), 0);
    memcpy(op.upload_id, id, sizeof(id));
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0); /* full, and it fits */
    assert_int_equal(bytes_of(store), 900);
    upload_id_make(id, 2);
    assert_int_equal(upload_create(store, slice_text("other"), id), 0);
    assert_int_equal(part_put(store, slice_text("other"), id, 1, 4, 10), 0);
    memcpy(op.upload_id, id, sizeof(id));
    op.key = slice_text("other");
    strcpy(part.etag, "e4");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE),
                     META_E_QUOTA); /* one object more */
    assert_int_equal(upload_abort(store, slice_text("other"), id), 0);
}

static void publications_are_judged_when_they_are_prepared(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(quota_set(store, 250, META_QUOTA_NONE), 0);
    int64_t id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "a", "b"), 0);
    assert_int_equal(prepare_copy(store, id, "a", "c"), META_E_QUOTA);
    assert_int_equal(publish(store, id), 0);
    while (sweep(store))
        ;
    assert_int_equal(bytes_of(store), 200);
}

static void owners_and_the_store_are_bounded(void **state)
{
    struct store *store = *state;
    struct meta_quota_owner owner = {.owner = "me", .quota = {1000, META_QUOTA_NONE}};
    struct store other = *store;

    other.bucket = bucket_create(store->meta, "other");
    assert_int_equal(meta_quota_set_owners(store->meta, &owner, 1), 0);
    assert_int_equal(put_sized(store, "a", 1, 700), 0);
    assert_int_equal(put_sized(&other, "a", 2, 301), META_E_QUOTA);
    assert_int_equal(put_sized(&other, "a", 3, 300), 0);
    assert_int_equal(meta_quota_room(store->meta, other.bucket).bytes_max, 0);
    assert_int_equal(meta_quota_set_owners(store->meta, NULL, 0), 0);
    meta_quota_set_store(store->meta, (struct meta_quota){META_QUOTA_NONE, 3});
    assert_int_equal(put(store, "b", 4), 0);
    assert_int_equal(put(&other, "b", 5), META_E_QUOTA);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(put(&other, "b", 6), 0);
    strcpy(owner.owner, "somebody");
    owner.quota = (struct meta_quota){0, 0};
    assert_int_equal(meta_quota_set_owners(store->meta, &owner, 1), 0);
    meta_quota_set_store(store->meta, (struct meta_quota){META_QUOTA_NONE, META_QUOTA_NONE});
    assert_int_equal(put(&other, "c", 7), 0); /* it is another's */
}

/* Refusals share a batch with what fits. */
static void many_at_once(void **state)
{
    enum { MANY = 200, FIT = 37 };
    struct store *store = *state;
    static struct meta_object_put ops[MANY];
    static struct meta_extent extents[MANY];
    static char keys[MANY][16];
    sem_t semaphore;
    int stored = 0;

    assert_int_equal(quota_set(store, 100 * FIT + 50, META_QUOTA_NONE), 0);
    sem_init(&semaphore, 0, 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        extents[i] = whole_file((uint64_t)i + 1, 100);
        ops[i] = (struct meta_object_put){
            .op = {.kind = META_OP_OBJECT_PUT, .done = on_done_post, .ctx = &semaphore},
            .bucket = store->bucket,
            .key = slice_text(keys[i])};
        ops[i].object.size = 100;
        ops[i].object.extents = (struct meta_extents){&extents[i], 1};
        strcpy(ops[i].object.etag, "e");
        meta_submit(store->meta, &ops[i].op);
    }
    for (int i = 0; i < MANY; i++)
        while (sem_wait(&semaphore) != 0)
            ;
    sem_destroy(&semaphore);
    for (int i = 0; i < MANY; i++) {
        assert_true(ops[i].op.result == 0 || ops[i].op.result == META_E_QUOTA);
        assert_int_equal(file_of(store, keys[i]) > 0, ops[i].op.result == 0);
        stored += ops[i].op.result == 0;
    }
    assert_int_equal(stored, FIT);
    assert_int_equal(bytes_of(store), 100 * FIT);
}

/* An entry is written before it is known what is refused, and done again under other quotas: near one there is none. */
static void near_a_quota_nothing_is_journaled(void **state)
{
    only_sqlite();
    struct store *store = *state;

    assert_int_equal(quota_set(store, META_QUOTA_NONE, 3), 0);
    batch_hold(store);
    (void)put_alone(store, "a", 1, 0); /* the first one makes the journal */
    unsigned before = hooked.recorded;
    (void)put_alone(store, "b", 2, 0);
    assert_int_equal(hooked.recorded, before + 1);
    (void)put_alone(store, "c", 3, 0); /* fits to the last one: it is known not to be refused */
    assert_int_equal(hooked.recorded, before + 2);
    (void)put_alone(store, "d", 4, META_E_QUOTA);
    (void)put_alone(store, "c", 5, 0);
    assert_int_equal(hooked.recorded, before + 2);
    batch_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_are_bounded, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(objects_are_bounded, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(parts_count_once, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(publications_are_judged_when_they_are_prepared, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(owners_and_the_store_are_bounded, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(many_at_once, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(near_a_quota_nothing_is_journaled, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
