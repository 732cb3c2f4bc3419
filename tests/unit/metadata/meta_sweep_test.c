/* SPDX-License-Identifier: MIT
 *
 * What large changes leave to be cleared away in slices: that each slice is bounded, that clients see nothing of it, that counts of
 * references are exact between any two slices, also after the store was closed there, and that all of it goes in the end. */
#include "meta_test_support.h"

#include <errno.h>

#define PARTS (4 * META_CLEAR_MAX + 7)

static const unsigned char id1[META_UPLOAD_ID_BYTES] = {0, 1}, id2[META_UPLOAD_ID_BYTES] = {0, 2};

/* An upload of PARTS parts, whose files are first_file and the following ones. */
static void upload_fill(struct store *store, const char *key, const unsigned char *id, uint64_t first_file)
{
    assert_int_equal(upload_create(store, slice_text(key), id), 0);
    for (uint32_t i = 0; i < PARTS; i++)
        assert_int_equal(part_put(store, slice_text(key), id, i + 1, first_file + i, 10), 0);
}

/* Completes it with every step-th part. */
static int upload_complete(struct store *store, const char *key, const unsigned char *id, uint64_t first_file,
                           uint32_t step)
{
    static struct meta_complete_part parts[PARTS];
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text(key), .parts = parts, .etag = "whole-9"};

    for (uint32_t i = 0; i < PARTS; i += step) {
        struct meta_complete_part *part = &parts[op.part_count++];
        part->number = i + 1;
        snprintf(part->etag, sizeof(part->etag), "e%llu", (unsigned long long)(first_file + i));
    }
    memcpy(op.upload_id, id, META_UPLOAD_ID_BYTES);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

static int garbage_total(struct store *store)
{
    static struct meta_garbage entries[4 * PARTS];

    return meta_garbage_take(store->reader, 0, entries, 4 * PARTS);
}

/* Sweeps to the end, and looks at the store between any two slices. Returns how much garbage that made. */
static int sweep_watched(struct store *store, bool reopens)
{
    int begin = garbage_total(store), before = begin;
    bool more = true;

    while (more) {
        assert_sound(store);
        if (reopens)
            store_reopen(store);
        more = sweep(store);
        int now = garbage_total(store);
        assert_in_range(now - before, 0, META_CLEAR_MAX);
        before = now;
    }
    assert_sound(store);
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    return before - begin;
}

static int visit_none(void *ctx, const struct meta_part *part)
{
    ++*(int *)ctx;
    return 0;
}

static void an_abort(struct store *store, bool reopens)
{
    struct meta_upload upload;
    bool truncated;
    int parts = 0;

    upload_fill(store, "key", id1, 1);
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    assert_int_equal(upload_abort(store, slice_text("key"), id1), 0);
    assert_int_equal(meta_sweep_is_due(store->reader), 1);
    int at_once = garbage_total(store);
    assert_in_range(at_once, 1, META_CLEAR_MAX);
    assert_int_equal(meta_upload_get(store->reader, store->bucket, slice_text("key"), id1, &upload),
                     META_E_NO_UPLOAD);
    assert_int_equal(upload_abort(store, slice_text("key"), id1), META_E_NO_UPLOAD);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), META_E_NO_UPLOAD);
    assert_int_equal(part_put(store, slice_text("key"), id1, 1, 50000, 10), META_E_NO_UPLOAD);
    assert_int_equal(upload_create(store, slice_text("key"), id1),
                     -EEXIST); /* its parts would not be its own */
    assert_int_equal(at_once + sweep_watched(store, reopens), PARTS);
    assert_int_equal(meta_part_list(store->reader, id1, 0, 1000, visit_none, &parts, &truncated), 0);
    assert_int_equal(parts, 0);
    for (uint64_t file = 1; file <= PARTS; file++)
        assert_int_equal(meta_file_is_referred(store->reader, file), 0);
}

static void aborting(void **state)
{
    an_abort(*state, false);
}

static void aborting_with_ends_between(void **state)
{
    an_abort(*state, true);
}

static void object_is_whole(struct store *store, const char *key, uint64_t first_file, uint32_t step)
{
    struct meta_object object;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    assert_int_equal(object.extents.count, (PARTS + step - 1) / step);
    for (uint32_t i = 0; i < object.extents.count; i++) {
        assert_int_equal(object.extents.list[i].file, first_file + i * step);
        assert_int_equal(meta_file_is_referred(store->reader, object.extents.list[i].file), 1);
    }
    meta_object_release(&object);
}

static void completing(void **state)
{
    struct store *store = *state;

    upload_fill(store, "key", id1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), 0);
    assert_int_equal(meta_sweep_is_due(store->reader), 1);
    object_is_whole(store, "key", 1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), 0); /* repeated */
    assert_int_equal(upload_abort(store, slice_text("key"), id1), META_E_NO_UPLOAD);
    assert_int_equal(sweep_watched(store, true), 0);
    object_is_whole(store, "key", 1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), 0);
}

static void completing_some_of_them(void **state)
{
    struct store *store = *state;
    int left_out = PARTS - (PARTS + 2) / 3;

    upload_fill(store, "key", id1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 3), 0);
    assert_int_equal(garbage_total(store) + sweep_watched(store, false), left_out);
    object_is_whole(store, "key", 1, 3);
    for (uint64_t file = 1; file <= PARTS; file++)
        assert_int_equal(meta_file_is_referred(store->reader, file), (file - 1) % 3 == 0);
}

static int visit_extent(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    ++*(int *)ctx;
    return 0;
}

/* The object goes, and its bytes too, while rows of the parts it was made of are still there. */
static void deleting_what_was_just_completed(void **state)
{
    struct store *store = *state;
    struct meta_extent_cursor cursor = {0};
    bool more = true;
    int extents = 0;

    upload_fill(store, "key", id1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), 0);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(file_of(store, "key"), META_E_NO_KEY);
    while (more)
        assert_int_equal(meta_extent_page(store->reader, &cursor, 100, visit_extent, &extents, &more), 0);
    assert_int_equal(extents, 0); /* nothing to be verified any more */
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    assert_int_equal(garbage_total(store) + sweep_watched(store, true), PARTS);
    store->bucket = bucket_create(store->meta, "bucket");
}

static void replacing_a_long_one(void **state)
{
    struct store *store = *state;

    upload_fill(store, "key", id1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), 0);
    while (sweep(store))
        ;
    assert_int_equal(put(store, "key", PARTS + 1), 0);
    int at_once = garbage_total(store);
    assert_in_range(at_once, 0, META_CLEAR_MAX);
    assert_int_equal(at_once + sweep_watched(store, true), PARTS);
    assert_int_equal(file_of(store, "key"), PARTS + 1);
}

/* What another object shares stays, and so it does when an upload ends that copied it. */
static void what_is_shared_stays(void **state)
{
    struct store *store = *state;
    struct meta_part_copy part = {.bucket = store->bucket,
                                  .key = slice_text("other"),
                                  .number = 1,
                                  .etag = "range",
                                  .length = UINT64_MAX};

    upload_fill(store, "key", id1, 1);
    assert_int_equal(upload_complete(store, "key", id1, 1, 1), 0);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(upload_create(store, slice_text("other"), id2), 0);
    part.source = (struct meta_copy_source){.bucket = store->bucket,
                                            .key = slice_text("key"),
                                            .if_modified_since_ms = INT64_MIN,
                                            .if_unmodified_since_ms = INT64_MIN};
    memcpy(part.upload_id, id2, sizeof(id2));
    assert_int_equal(op_wait(store->meta, &part.op, META_OP_PART_COPY), 0);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(upload_abort(store, slice_text("other"), id2), 0); /* one part, of very many extents */
    assert_int_equal(sweep_watched(store, false), 0);
    object_is_whole(store, "copy", 1, 1);
    assert_int_equal(delete_key(store, "copy"), 0);
    assert_int_equal(garbage_total(store) + sweep_watched(store, false), PARTS);
}

static void deleting_a_bucket_of_uploads(void **state)
{
    struct store *store = *state;

    upload_fill(store, "key", id1, 1);
    upload_fill(store, "key", id2, PARTS + 1);
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    assert_in_range(garbage_total(store), 1, META_CLEAR_MAX);
    assert_int_equal(garbage_total(store) + sweep_watched(store, true), 2 * PARTS);
    store->bucket = bucket_create(store->meta, "bucket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(aborting),
        store_test(aborting_with_ends_between),
        store_test(completing),
        store_test(completing_some_of_them),
        store_test(deleting_what_was_just_completed),
        store_test(replacing_a_long_one),
        store_test(what_is_shared_stays),
        store_test(deleting_a_bucket_of_uploads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
