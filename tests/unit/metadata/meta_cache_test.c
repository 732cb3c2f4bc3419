/* SPDX-License-Identifier: MIT
 *
 * Cache buckets: what they hold is counted right whatever changes their objects, the order of use, bounds, becoming and ceasing to
 * be a cache. That counts equal a recount is also what store_teardown checks after each test. */
#include "meta_test_support.h"

#include <errno.h>

#include "metadata/meta_cache.h"
#include "metadata/meta_relaxed.h"
#include "metadata/meta_settings.h"

/* ---- Short ways ---- */

static int cache_set(struct store *store, bool write_once, uint64_t object_bytes_max)
{
    struct meta_cache_set op = {.bucket = store->bucket,
                                .document = slice_text("{}"),
                                .write_once = write_once,
                                .object_bytes_max = object_bytes_max};

    return op_wait(store->meta, &op.op, META_OP_CACHE_SET);
}

static int cache_unset(struct store *store)
{
    struct meta_cache_set op = {.bucket = store->bucket};

    return op_wait(store->meta, &op.op, META_OP_CACHE_SET);
}

static bool cache_step(struct store *store)
{
    struct meta_cache_step op = {.bucket = store->bucket};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_CACHE_STEP), 0);
    return op.more;
}

static void touch_if(struct store *store, const char *key, int64_t used_ms, int64_t if_before_ms)
{
    struct meta_cache_use use = {store->bucket, slice_text(key), used_ms, if_before_ms};
    struct meta_cache_touch op = {.uses = &use, .count = 1};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_CACHE_TOUCH), 0);
}

static void touch(struct store *store, const char *key, int64_t used_ms)
{
    touch_if(store, key, used_ms, INT64_MAX);
}

static void assert_counted(struct store *store, uint64_t entries, uint64_t bytes)
{
    struct meta_cache cache;

    assert_int_equal(meta_cache_get(store->reader, store->bucket, &cache), 1);
    assert_int_equal(cache.entries, entries);
    assert_int_equal(cache.bytes, bytes);
    assert_sound(store);
}

struct order {
    char keys[256];
    int64_t used_ms; /* of the last one */
};

static int on_victim(void *ctx, const struct meta_cache_victim *victim)
{
    struct order *order = ctx;
    size_t length = strlen(order->keys);

    snprintf(order->keys + length, sizeof(order->keys) - length, "%.*s ", (int)victim->key.len,
             victim->key.base);
    order->used_ms = victim->used_ms;
    assert_true(victim->extents.count <= 1);
    return 0;
}

static void assert_order(struct store *store, const char *keys)
{
    struct order order = {.keys = ""};

    assert_int_equal(meta_cache_oldest(store->reader, store->bucket, INT64_MAX, 100, on_victim, &order), 0);
    assert_string_equal(order.keys, keys);
}

/* What the core does to a victim. */
static int evict(struct store *store, const char *key, int64_t used_ms)
{
    struct meta_delete_guard guard = {.used_ms = used_ms};
    struct meta_delete_entry entry = {.key = slice_text(key), .guard = &guard};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    return entry.result;
}

/* ---- Counts ---- */

static void test_counts_follow_every_change(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct meta_complete_part part = {.number = 1, .etag = "e20"};
    struct meta_upload_complete complete = {
        .bucket = store->bucket, .key = slice_text("whole"), .parts = &part, .part_count = 1};
    struct meta_append append = {.offset = 300, .etag = "e3"};
    struct meta_extent extent = whole_file(30, 7);
    struct meta_object_put longer = {.bucket = store->bucket, .key = slice_text("a"), .append = &append};
    struct meta_object_rename rename = {.source = {.bucket = store->bucket, .key = slice_text("a")},
                                        .key = slice_text("renamed")};

    assert_int_equal(cache_set(store, false, 0), 0);
    assert_counted(store, 0, 0);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_counted(store, 2, 200);
    /* overwritten */
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("a"), 3, 300, NULL), 0);
    assert_counted(store, 2, 400);
    /* refused */
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("a"), 4, 1,
                               &(struct meta_condition){.if_none_match_any = true}),
                     META_E_PRECONDITION);
    assert_counted(store, 2, 400);
    /* copied, to another key and onto another object */
    assert_int_equal(copy(store, "a", "c"), 0);
    assert_int_equal(copy(store, "a", "b"), 0);
    assert_counted(store, 3, 900);
    /* appended to */
    longer.object.size = 7;
    longer.object.extents = (struct meta_extents){&extent, 1};
    strcpy(longer.object.etag, "longer");
    assert_int_equal(op_wait(store->meta, &longer.op, META_OP_OBJECT_PUT), 0);
    assert_counted(store, 3, 907);
    /* put together of parts */
    upload_id_make(id, 1);
    assert_int_equal(upload_create(store, slice_text("whole"), id), 0);
    assert_int_equal(part_put(store, slice_text("whole"), id, 1, 20, 1000), 0);
    assert_counted(store, 3, 907);
    memcpy(complete.upload_id, id, sizeof(id));
    strcpy(complete.etag, "whole-1");
    assert_int_equal(op_wait(store->meta, &complete.op, META_OP_UPLOAD_COMPLETE), 0);
    assert_counted(store, 4, 1907);
    /* renamed, to a key that was free */
    rename.source.if_modified_since_ms = rename.source.if_unmodified_since_ms = INT64_MIN;
    rename.if_modified_since_ms = rename.if_unmodified_since_ms = INT64_MIN;
    assert_int_equal(op_wait(store->meta, &rename.op, META_OP_OBJECT_RENAME), 0);
    assert_counted(store, 4, 1907);
    /* deleted; and once more, which deletes nothing */
    assert_int_equal(delete_key(store, "renamed"), 0);
    assert_int_equal(delete_key(store, "renamed"), 0);
    assert_counted(store, 3, 1600);
    store_reopen(store);
    assert_counted(store, 3, 1600);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(delete_key(store, "c"), 0);
    assert_int_equal(delete_key(store, "whole"), 0);
    assert_counted(store, 0, 0);
}

static void test_other_buckets_are_not_counted(void **state)
{
    struct store *store = *state;
    struct meta_cache cache;
    int64_t other = bucket_create(store->meta, "other");

    assert_int_equal(meta_cache_get(store->reader, store->bucket, &cache), 0);
    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(put_bytes(store->meta, other, slice_text("a"), 1, 100, NULL), 0);
    assert_counted(store, 0, 0);
    assert_int_equal(meta_cache_get(store->reader, other, &cache), 0);
    assert_int_equal(meta_cache_list(store->reader, 0, &cache, 1), 1);
    assert_int_equal(cache.bucket, store->bucket);
    /* it dies with its bucket */
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    assert_int_equal(meta_cache_list(store->reader, 0, &cache, 1), 0);
}

/* Each by its own row, in whatever order they became caches. */
static void test_many_caches(void **state)
{
    struct store *store = *state;
    struct meta_cache caches[16];
    int64_t plain = 0, first = store->bucket;

    for (unsigned i = 0; i < 11; i++) {
        char name[16];
        snprintf(name, sizeof(name), "cache-%u", i);
        store->bucket = bucket_create(store->meta, name);
        plain = i == 5 ? store->bucket : plain;
        if (i != 5)
            assert_int_equal(cache_set(store, false, 0), 0);
        for (unsigned j = 0; j <= i; j++) {
            snprintf(name, sizeof(name), "key-%u", j);
            assert_int_equal(put(store, name, 100 * i + j + 1), 0);
        }
    }
    assert_int_equal(meta_cache_list(store->reader, 0, caches, 16), 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(i == 0 || caches[i].bucket > caches[i - 1].bucket);
        assert_true(caches[i].bucket != plain);
        assert_int_equal(caches[i].entries, i < 5 ? i + 1 : i + 2);
        assert_int_equal(caches[i].bytes, 100 * caches[i].entries);
    }
    assert_int_equal(meta_cache_list(store->reader, caches[4].bucket, caches, 2), 2);
    assert_string_equal(caches[0].name, "cache-6");
    store->bucket = first;
}

/* What a relaxed store gives back when the bytes of an overwrite are lost. */
static void test_an_object_that_comes_back_is_counted(void **state)
{
    only_sqlite();
    struct store *store = *state;
    struct meta_mark_set mark = {.mark.file = 1};
    struct meta_row_name name = {.bucket = store->bucket, .key_length = 1};
    struct meta_lost lost = {.kind = META_ROW_OBJECT, .rows = &name, .count = 1};

    store_reopen_with(store, &(struct meta_options){.durable = false, .keeps_replaced = true});
    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(op_wait(store->meta, &mark.op, META_OP_MARK), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("a"), 2, 300, NULL), 0);
    assert_counted(store, 1, 300);
    name.key[0] = 'a';
    assert_int_equal(op_wait(store->meta, &lost.op, META_OP_LOST), 0);
    assert_int_equal(lost.restored, 1);
    assert_counted(store, 1, 100);
    assert_int_equal(file_of(store, "a"), 1);
}

/* ---- The order of use ---- */

static void test_the_least_recently_used_comes_first(void **state)
{
    struct store *store = *state;
    struct order order = {.keys = ""};

    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(put(store, "c", 3), 0);
    touch(store, "c", INT64_C(4000000000000));
    touch(store, "a", INT64_C(5000000000000));
    assert_order(store, "b c a ");
    touch(store, "a", INT64_C(4500000000000)); /* it was used later still */
    touch(store, "nothing", INT64_C(4500000000000));
    assert_order(store, "b c a ");
    touch_if(store, "b", INT64_C(4500000000000), INT64_C(1000)); /* it was used later than that */
    assert_order(store, "b c a ");
    touch(store, "b", INT64_C(4500000000000));
    assert_order(store, "c b a ");
    /* before a time, and no more than so many */
    assert_int_equal(
        meta_cache_oldest(store->reader, store->bucket, INT64_C(4500000000000), 100, on_victim, &order), 0);
    assert_string_equal(order.keys, "c ");
    assert_int_equal(meta_cache_oldest(store->reader, store->bucket, INT64_MAX, 2, on_victim, &order), 0);
    assert_string_equal(order.keys, "c c b ");
    /* to be stored anew is a use, which does not count backwards from what was said */
    assert_int_equal(put(store, "a", 4), 0);
    assert_order(store, "a c b ");
}

static void test_a_victim_that_was_used_meanwhile_stays(void **state)
{
    struct store *store = *state;

    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(put(store, "a", 1), 0);
    touch(store, "a", INT64_C(4000000000000));
    assert_int_equal(evict(store, "a", INT64_C(3000000000000)), META_E_PRECONDITION);
    assert_int_equal(file_of(store, "a"), 1);
    assert_counted(store, 1, 100);
    assert_int_equal(evict(store, "a", INT64_C(4000000000000)), 0);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(evict(store, "a", INT64_C(4000000000000)), META_E_PRECONDITION);
    assert_counted(store, 0, 0);
}

/* ---- Bounds ---- */

static void test_a_taken_key_is_written_by_nothing(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct meta_complete_part part = {.number = 1, .etag = "e20"};
    struct meta_upload_complete complete = {
        .bucket = store->bucket, .key = slice_text("a"), .parts = &part, .part_count = 1};
    struct meta_append append = {.offset = 100, .etag = "e1"};
    struct meta_extent extent = whole_file(30, 7);
    struct meta_object_put longer = {.bucket = store->bucket, .key = slice_text("a"), .append = &append};
    struct meta_object_rename rename = {.source = {.bucket = store->bucket, .key = slice_text("b")},
                                        .key = slice_text("a")};

    assert_int_equal(cache_set(store, true, 0), 0);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(put(store, "a", 3), META_E_WRITE_ONCE);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("a"), 3, 1,
                               &(struct meta_condition){.if_match = "e1"}),
                     META_E_WRITE_ONCE);
    assert_int_equal(copy(store, "b", "a"), META_E_WRITE_ONCE);
    longer.object.size = 7;
    longer.object.extents = (struct meta_extents){&extent, 1};
    strcpy(longer.object.etag, "longer");
    assert_int_equal(op_wait(store->meta, &longer.op, META_OP_OBJECT_PUT), META_E_WRITE_ONCE);
    upload_id_make(id, 1);
    assert_int_equal(upload_create(store, slice_text("a"), id), 0);
    assert_int_equal(part_put(store, slice_text("a"), id, 1, 20, 1000), 0);
    memcpy(complete.upload_id, id, sizeof(id));
    strcpy(complete.etag, "whole-1");
    assert_int_equal(op_wait(store->meta, &complete.op, META_OP_UPLOAD_COMPLETE), META_E_WRITE_ONCE);
    rename.source.if_modified_since_ms = rename.source.if_unmodified_since_ms = INT64_MIN;
    rename.if_modified_since_ms = rename.if_unmodified_since_ms = INT64_MIN;
    assert_int_equal(op_wait(store->meta, &rename.op, META_OP_OBJECT_RENAME), META_E_WRITE_ONCE);
    assert_int_equal(file_of(store, "a"), 1);
    assert_counted(store, 2, 200);
    /* whoever may delete it makes room for another */
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(put(store, "a", 4), 0);
    /* and it is over when the setting says so */
    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(put(store, "a", 5), 0);
    assert_counted(store, 2, 200);
}

static void test_larger_objects_are_refused(void **state)
{
    struct store *store = *state;

    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("large"), 1, 101, NULL), 0);
    assert_int_equal(cache_set(store, false, 100), 0);
    while (cache_step(store))
        ;
    assert_int_equal(put(store, "a", 2), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("a"), 3, 101, NULL),
                     META_E_OBJECT_SIZE);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("b"), 3, 101, NULL),
                     META_E_OBJECT_SIZE);
    assert_int_equal(copy(store, "large", "b"), META_E_OBJECT_SIZE);
    assert_counted(store, 2, 201);
}

static void test_versions_and_a_cache_exclude_each_other(void **state)
{
    struct store *store = *state;
    struct meta_bucket_versioning versioning = {.bucket = store->bucket,
                                                .versioning = META_VERSIONING_ENABLED};
    struct meta_setting_put setting = {
        .bucket = store->bucket, .kind = META_SETTING_CACHE, .document = slice_text("{}")};

    assert_int_equal(op_wait(store->meta, &setting.op, META_OP_SETTING_PUT), -EINVAL);
    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(op_wait(store->meta, &versioning.op, META_OP_BUCKET_VERSIONING), META_E_BUCKET_STATE);
    assert_int_equal(cache_unset(store), 0);
    assert_int_equal(op_wait(store->meta, &versioning.op, META_OP_BUCKET_VERSIONING), 0);
    assert_int_equal(cache_set(store, false, 0), META_E_BUCKET_STATE);
    versioning.versioning = META_VERSIONING_SUSPENDED;
    assert_int_equal(op_wait(store->meta, &versioning.op, META_OP_BUCKET_VERSIONING), 0);
    assert_int_equal(cache_set(store, false, 0), META_E_BUCKET_STATE);
}

/* ---- Becoming a cache, and ceasing to be one ---- */

static void put_many(struct store *store, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%05u", (unsigned)(first + i));
        assert_int_equal(put(store, key, first + i + 1), 0);
    }
}

static enum meta_cache_state state_of(struct store *store)
{
    struct meta_cache cache = {0};

    return meta_cache_get(store->reader, store->bucket, &cache) > 0 ? cache.state : 0;
}

static void test_a_bucket_with_objects_is_counted_in_slices(void **state)
{
    struct store *store = *state;
    unsigned steps = 1;

    put_many(store, 0, 3 * META_CACHE_STEP_ROWS);
    assert_int_equal(cache_set(store, false, 0), 0);
    assert_int_equal(state_of(store), META_CACHE_FILLING);
    assert_counted(store, 0, 0);
    assert_true(cache_step(store));
    assert_counted(store, META_CACHE_STEP_ROWS, META_CACHE_STEP_ROWS * 100);
    /* what changes on either side of the cursor */
    assert_int_equal(put(store, "k00000", 10001), 0);
    assert_int_equal(put(store, "k00700", 10002), 0);
    assert_int_equal(delete_key(store, "k00001"), 0);
    assert_int_equal(delete_key(store, "k00701"), 0);
    assert_int_equal(put(store, "a", 10003), 0);
    assert_int_equal(put(store, "z", 10004), 0);
    assert_counted(store, META_CACHE_STEP_ROWS, META_CACHE_STEP_ROWS * 100);
    store_reopen(store);
    while (cache_step(store))
        steps++;
    assert_int_equal(state_of(store), META_CACHE_WHOLE);
    assert_true(steps >= 3);
    assert_counted(store, 3 * META_CACHE_STEP_ROWS, 3 * META_CACHE_STEP_ROWS * 100);
    assert_false(cache_step(store));
    assert_int_equal(state_of(store), META_CACHE_WHOLE);
}

static void test_a_bucket_ceases_to_be_a_cache_in_slices(void **state)
{
    struct store *store = *state;

    assert_int_equal(cache_set(store, true, 0), 0);
    put_many(store, 0, 2 * META_CACHE_STEP_ROWS);
    assert_int_equal(cache_unset(store), 0);
    assert_int_equal(state_of(store), META_CACHE_ENDING);
    assert_int_equal(put(store, "k00000", 10001), 0); /* no key is taken for good any more */
    assert_true(cache_step(store));
    assert_int_equal(put(store, "k00500", 10002), 0);
    assert_int_equal(put(store, "k00300", 10003), 0);
    assert_int_equal(delete_key(store, "k00400"), 0);
    assert_sound(store);
    while (cache_step(store))
        ;
    assert_int_equal(state_of(store), 0);
    assert_order(store, "");
    assert_sound(store);
}

static void test_a_cache_that_ends_may_become_one_again(void **state)
{
    struct store *store = *state;
    unsigned steps = 0;

    assert_int_equal(cache_set(store, false, 0), 0);
    put_many(store, 0, 2 * META_CACHE_STEP_ROWS);
    assert_int_equal(cache_unset(store), 0);
    assert_true(cache_step(store));
    assert_int_equal(cache_set(store, true, 0), 0);
    assert_int_equal(put(store, "k00000", 10001), META_E_WRITE_ONCE);
    while (cache_step(store) && steps++ < 100)
        ;
    assert_int_equal(state_of(store), META_CACHE_WHOLE);
    assert_counted(store, 2 * META_CACHE_STEP_ROWS, 2 * META_CACHE_STEP_ROWS * 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_counts_follow_every_change),
        store_test(test_other_buckets_are_not_counted),
        store_test(test_many_caches),
        store_test(test_an_object_that_comes_back_is_counted),
        store_test(test_the_least_recently_used_comes_first),
        store_test(test_a_victim_that_was_used_meanwhile_stays),
        store_test(test_a_taken_key_is_written_by_nothing),
        store_test(test_larger_objects_are_refused),
        store_test(test_versions_and_a_cache_exclude_each_other),
        store_test(test_a_bucket_with_objects_is_counted_in_slices),
        store_test(test_a_bucket_ceases_to_be_a_cache_in_slices),
        store_test(test_a_cache_that_ends_may_become_one_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
