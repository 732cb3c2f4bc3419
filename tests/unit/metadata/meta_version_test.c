/* SPDX-License-Identifier: MIT
 *
 * Versions: each rule of versioned and suspended buckets by itself. meta_version_model_test.c has them all together. */
#include "meta_version_support.h"

#include <errno.h>

/* ---- The rules ---- */

static void without_versioning(void **state)
{
    struct store *store = *state;

    assert_true(same(put_version(store, "key", 1), null_version));
    assert_true(same(put_version(store, "key", 2), null_version));
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(version_file(store, "key", &null_version), 2);
    assert_int_equal(version_file(store, "other", NULL), META_E_NO_KEY);
    assert_int_equal(version_file(store, "other", &null_version), META_E_NO_VERSION);
    struct meta_delete_entry deleted = delete_version(store, "key", NULL);
    assert_true(deleted.existed);
    assert_false(deleted.marker_added);
    put_version(store, "key", 3);
    deleted = delete_version(store, "key", &null_version);
    assert_true(deleted.existed);
    assert_false(deleted.marker_removed);
    assert_false(delete_version(store, "key", &null_version).existed);
    assert_int_equal(garbage_clear(store), 2);
    assert_int_equal(versioning_set(store, META_VERSIONING_NEVER), -EINVAL);
}

static void state_is_kept(void **state)
{
    struct store *store = *state;
    struct meta_bucket bucket;
    struct meta_bucket_versioning gone = {.bucket = 999, .versioning = META_VERSIONING_ENABLED};

    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), 0);
    assert_int_equal(bucket.versioning, META_VERSIONING_NEVER);
    assert_int_equal(op_wait(store->meta, &gone.op, META_OP_BUCKET_VERSIONING), META_E_NO_BUCKET);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    store_reopen(store);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), 0);
    assert_int_equal(bucket.versioning, META_VERSIONING_ENABLED);
    put_version(store, "key", 1);
    assert_false(same(put_version(store, "key", 2), null_version));
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    store_reopen(store);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), 0);
    assert_int_equal(bucket.versioning, META_VERSIONING_SUSPENDED);
    assert_true(same(put_version(store, "key", 3), null_version));
}

static void versions_are_kept(void **state)
{
    struct store *store = *state;

    put_version(store, "key", 1); /* becomes the null version */
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id second = put_version(store, "key", 2), third = put_version(store, "key", 3);
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(version_file(store, "key", NULL), 3);
    assert_int_equal(version_file(store, "key", &third), 3);
    assert_int_equal(version_file(store, "key", &second), 2);
    assert_int_equal(version_file(store, "key", &null_version), 1);
    assert_int_equal(version_file(store, "other", &second), META_E_NO_VERSION);
    assert_true(memcmp(&third, &second, sizeof(third)) < 0); /* newer ones sort first */

    assert_true(delete_version(store, "key", &third).existed); /* the one before is current again */
    assert_int_equal(file_of(store, "key"), 2);
    assert_int_equal(version_file(store, "key", &third), META_E_NO_VERSION);
    assert_int_equal(garbage_clear(store), 1);
    assert_true(delete_version(store, "key", &null_version).existed);
    assert_int_equal(garbage_clear(store), 1);
    assert_true(delete_version(store, "key", &second).existed);
    assert_int_equal(file_of(store, "key"), META_E_NO_KEY);
    assert_int_equal(version_file(store, "key", NULL), META_E_NO_KEY);
    assert_int_equal(garbage_clear(store), 1);
}

static void delete_markers(void **state)
{
    struct store *store = *state;
    struct meta_object object;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "key", 1);
    struct meta_delete_entry deleted = delete_version(store, "key", NULL);
    assert_true(deleted.existed);
    assert_true(deleted.marker_added);
    assert_false(same(deleted.marker, null_version));
    assert_int_equal(file_of(store, "key"), META_E_NO_KEY);
    assert_int_equal(meta_version_get(store->reader, store->bucket, slice_text("key"), NULL, &object),
                     META_E_DELETE_MARKER);
    assert_true(same(object.version, deleted.marker));
    assert_true(object.modified_ms > 1500000000000);
    assert_int_equal(version_file(store, "key", &deleted.marker), META_E_DELETE_MARKER);
    assert_int_equal(version_file(store, "key", &first), 1);

    struct meta_delete_entry again = delete_version(store, "key", NULL); /* a marker before a marker */
    assert_true(again.marker_added);
    assert_false(again.existed);
    struct meta_delete_entry removed = delete_version(store, "key", &again.marker);
    assert_true(removed.existed);
    assert_true(removed.marker_removed);
    assert_int_equal(file_of(store, "key"), META_E_NO_KEY);
    assert_true(delete_version(store, "key", &deleted.marker).marker_removed);
    assert_int_equal(file_of(store, "key"), 1);                     /* undeleted */
    assert_true(delete_version(store, "never", NULL).marker_added); /* S3 marks what never was */
    assert_int_equal(garbage_count(store), 0);
}

static void suspended(void **state)
{
    struct store *store = *state;

    put_version(store, "key", 1);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id second = put_version(store, "key", 2);
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    put_version(store, "key", 3); /* takes the place of 1, before 2 */
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(version_file(store, "key", &null_version), 3);
    assert_int_equal(version_file(store, "key", &second), 2);
    put_version(store, "key", 4);
    assert_int_equal(garbage_clear(store), 1);

    struct meta_delete_entry deleted =
        delete_version(store, "key", NULL); /* the null version becomes a marker */
    assert_true(deleted.marker_added);
    assert_true(same(deleted.marker, null_version));
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(version_file(store, "key", &null_version), META_E_DELETE_MARKER);
    assert_true(
        delete_version(store, "key", NULL).marker_added); /* one null marker takes the other's place */
    assert_true(delete_version(store, "key", &null_version).marker_removed);
    assert_int_equal(file_of(store, "key"), 2);
    assert_true(delete_version(store, "key", NULL).marker_added);
    assert_int_equal(version_file(store, "key", &second), 2);
    put_version(store, "key", 5); /* takes the null marker's place */
    assert_int_equal(version_file(store, "key", NULL), 5);
    assert_true(delete_version(store, "key", &null_version).existed);
    assert_int_equal(file_of(store, "key"), 2);
}

static void conditions_see_the_current_version(void **state)
{
    struct store *store = *state;
    const struct meta_condition absent = {.if_none_match_any = true}, present = {.if_match_any = true};
    struct meta_delete_entry entry = {.key = slice_text("key"), .if_match = "e9"};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "key", 1);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("key"), 2, 100, &absent),
                     META_E_PRECONDITION);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    assert_int_equal(entry.result, META_E_PRECONDITION);
    delete_version(store, "key", NULL);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("key"), 2, 100, &present),
                     META_E_NO_KEY);
    entry.version = &first; /* the condition is about the current version, which is a marker */
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    assert_int_equal(entry.result, META_E_NO_KEY);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("key"), 2, 100, &absent), 0);
    assert_int_equal(version_file(store, "key", &first), 1);
}

static void copies_of_versions(void **state)
{
    struct store *store = *state;
    struct meta_object_copy op;

    put_version(store, "key", 1);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id second = put_version(store, "key", 2);
    struct meta_version_id marker = delete_version(store, "key", NULL).marker;
    copy_init(&op, store->bucket, "key", "key");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), META_E_NO_KEY);
    op.source.version = &marker;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), META_E_DELETE_MARKER);
    op.source.version = &second;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), 0); /* brings it back */
    assert_true(same(op.source_version, second));
    assert_int_equal(version_file(store, "key", &op.version), 2);
    assert_int_equal(file_of(store, "key"), 2);
    /* The null version onto itself, while it is replaced. */
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    op.source.version = &null_version;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), 0);
    assert_int_equal(version_file(store, "key", &null_version), 1);
    assert_int_equal(garbage_count(store), 0);
    delete_version(store, "key", &second);
    assert_int_equal(garbage_count(store), 0); /* the copy still has its bytes */
}

static int label(struct store *store, const struct meta_version_id *version, const char *value)
{
    struct meta_object_label op = {.bucket = store->bucket,
                                   .key = slice_text("key"),
                                   .version = version,
                                   .name = META_ATTRIBUTE_TAGS,
                                   .value = slice_text(value)};
    int err = op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL);

    if (err == 0 && version != NULL)
        assert_true(same(op.labelled, *version));
    return err;
}

static void assert_label(struct store *store, const struct meta_version_id *version, const char *value)
{
    struct meta_object object;

    assert_int_equal(meta_version_get(store->reader, store->bucket, slice_text("key"), version, &object), 0);
    assert_int_equal(object.attributes.count, 1);
    assert_int_equal(object.attributes.list[0].value.len, strlen(value));
    assert_memory_equal(object.attributes.list[0].value.base, value, strlen(value));
    meta_object_release(&object);
}

static void labels_of_versions(void **state)
{
    struct store *store = *state;

    put_version(store, "key", 1);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id second = put_version(store, "key", 2), third = put_version(store, "key", 3);
    assert_int_equal(label(store, &null_version, "one"), 0);
    assert_int_equal(label(store, &second, "two"), 0);
    assert_int_equal(label(store, &third, "three"), 0);
    assert_label(store, &null_version, "one");
    assert_label(store, &second, "two");
    assert_label(store, &third, "three");
    assert_int_equal(label(store, NULL, "current"), 0);
    assert_label(store, &third, "current");
    struct meta_version_id marker = delete_version(store, "key", NULL).marker;
    assert_int_equal(label(store, NULL, "none"), META_E_NO_KEY);
    assert_int_equal(label(store, &marker, "none"), META_E_DELETE_MARKER);
    delete_version(store, "key", &third);
    assert_int_equal(label(store, &third, "none"), META_E_NO_VERSION);
    delete_version(store, "key", &marker);
    assert_label(store, NULL, "two"); /* current again, tags and all */
}

static void uploads_make_versions(void **state)
{
    struct store *store = *state;
    struct meta_complete_part part = {.number = 1, .etag = "e7"};
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text("key"), .parts = &part, .part_count = 1};

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "key", 1);
    upload_id_make(op.upload_id, 1);
    strcpy(op.etag, "whole-1");
    assert_int_equal(upload_create(store, slice_text("key"), op.upload_id), 0);
    assert_int_equal(part_put(store, slice_text("key"), op.upload_id, 1, 7, 100), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0);
    struct meta_version_id made = op.version;
    assert_int_equal(version_file(store, "key", &made), 7);
    assert_int_equal(version_file(store, "key", &first), 1);
    memset(&op.version, 0, sizeof(op.version));
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0); /* repeated */
    assert_true(same(op.version, made));
}

static void a_bucket_with_versions_stays(void **state)
{
    struct store *store = *state;
    int64_t bucket = bucket_create(store->meta, "other");
    struct store other = *store;

    other.bucket = bucket;
    assert_int_equal(versioning_set(&other, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(&other, "key", 50);
    struct meta_version_id marker = delete_version(&other, "key", NULL).marker;
    assert_int_equal(bucket_delete(store->meta, bucket), META_E_BUCKET_NOT_EMPTY);
    delete_version(&other, "key", &first);
    assert_int_equal(bucket_delete(store->meta, bucket), META_E_BUCKET_NOT_EMPTY);
    delete_version(&other, "key", &marker);
    assert_int_equal(bucket_delete(store->meta, bucket), 0);
}

static int on_version_stop(void *ctx, const struct meta_version_entry *entry)
{
    return *(const int *)ctx;
}

static void a_visit_that_stops_is_returned(void **state)
{
    struct store *store = *state;
    struct meta_version_query query = {.bucket = store->bucket, .limit = 10};
    bool truncated;

    (void)put_version(store, "a", 1);
    (void)put_version(store, "b", 2);
    for (int answer = -2; answer <= 2; answer++)
        assert_int_equal(meta_version_list(store->reader, &query, on_version_stop, &answer, &truncated),
                         answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(without_versioning),
        store_test(state_is_kept),
        store_test(versions_are_kept),
        store_test(delete_markers),
        store_test(suspended),
        store_test(conditions_see_the_current_version),
        store_test(copies_of_versions),
        store_test(labels_of_versions),
        store_test(uploads_make_versions),
        store_test(a_bucket_with_versions_stays),
        store_test(a_visit_that_stops_is_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
