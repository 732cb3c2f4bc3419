/* SPDX-License-Identifier: MIT
 *
 * Buckets, PUT, DELETE, COPY, conditions, references and garbage: each change and each of its errors. */
#include "meta_test_support.h"

#include <errno.h>

static void buckets(void **state)
{
    struct store *store = *state;
    struct meta_bucket bucket;
    struct meta_bucket_create again = {.bucket = {.name = "bucket"}};

    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), 0);
    assert_int_equal(bucket.id, store->bucket);
    assert_string_equal(bucket.name, "bucket");
    assert_string_equal(bucket.region, "here");
    assert_string_equal(bucket.owner, "me");
    assert_true(bucket.created_ms > 0);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucke"), &bucket), META_E_NO_BUCKET);
    assert_int_equal(op_wait(store->meta, &again.op, META_OP_BUCKET_CREATE), META_E_BUCKET_EXISTS);

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(bucket_delete(store->meta, store->bucket), META_E_BUCKET_NOT_EMPTY);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    assert_int_equal(bucket_delete(store->meta, store->bucket), META_E_NO_BUCKET);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), META_E_NO_BUCKET);
    int64_t id = bucket_create(store->meta, "bucket");
    assert_true(id > store->bucket); /* never used twice */
}

static int bucket_visit(void *ctx, const struct meta_bucket *bucket)
{
    strcat(ctx, bucket->name);
    return strcmp(bucket->name, "stop") == 0 ? 7 : 0;
}

static void bucket_listing(void **state)
{
    struct store *store = *state;
    char names[64] = "";

    bucket_create(store->meta, "stop");
    bucket_create(store->meta, "alpha");
    bucket_create(store->meta, "zulu");
    assert_int_equal(meta_bucket_list(store->reader, slice_text(""), 2, bucket_visit, names), 0);
    assert_string_equal(names, "alphabucket");
    assert_int_equal(meta_bucket_list(store->reader, slice_text("bucket"), 10, bucket_visit, names), 7);
    assert_string_equal(names, "alphabucketstop");
}

static void a_bucket_that_is_gone(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES] = {1};
    struct meta_object_copy op;
    int64_t other = bucket_create(store->meta, "other");

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(bucket_delete(store->meta, other), 0);
    copy_init(&op, store->bucket, "key", "copy");
    op.bucket = other;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), META_E_NO_BUCKET);
    copy_init(&op, store->bucket, "key", "copy");
    op.source.bucket = other;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), META_E_NO_BUCKET);
    store->bucket = other;
    assert_int_equal(put(store, "key", 2), META_E_NO_BUCKET);
    assert_int_equal(delete_key(store, "key"), META_E_NO_BUCKET);
    assert_int_equal(upload_create(store, slice_text("key"), id), META_E_NO_BUCKET);
    assert_int_equal(part_put(store, slice_text("key"), id, 1, 3, 4), META_E_NO_BUCKET);
    assert_int_equal(upload_abort(store, slice_text("key"), id), META_E_NO_BUCKET);
    assert_int_equal(meta_file_is_live(store->reader, 2), 0);
}

static void everything_comes_back(void **state)
{
    struct store *store = *state;
    struct meta_extent extents[2] = {{9, 4096, 100, 4096, 200, 11, META_UNIT_CRC32C, false},
                                     {10, 0, 50, 0, 50, 12ull << 40, META_UNIT_CRC64NVME, false}};
    struct meta_attribute attributes[2] = {{slice_text("content-type"), slice_text("a/b")},
                                           {slice_text("x-amz-meta-x"), slice_text("y")}};
    struct meta_part_size parts[2] = {{2, 100}, {7, 50}};
    struct meta_object_put op = {.bucket = store->bucket, .key = {"k\0\xff", 3}};
    struct meta_object got;

    op.object =
        (struct meta_object){.size = 150,
                             .modified_ms = 1234567,
                             .etag = "0123456789abcdef0123456789abcdef-2",
                             .checksum = {.algorithm = 2, .type = 1, .length = 4, .value = {1, 2, 3, 4}},
                             .attributes = {attributes, 2},
                             .extents = {extents, 2},
                             .owner = slice_text("someone"),
                             .part_count = 2,
                             .parts = parts,
                             .upload_id = {5, 6}};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, op.key, &got), 0);
    assert_int_equal(got.size, 150);
    assert_int_equal(got.modified_ms, 1234567);
    assert_string_equal(got.etag, op.object.etag);
    assert_memory_equal(&got.checksum, &op.object.checksum, sizeof(got.checksum));
    assert_int_equal(got.attributes.count, 2);
    assert_memory_equal(got.attributes.list[1].name.base, "x-amz-meta-x", 12);
    assert_memory_equal(got.attributes.list[1].value.base, "y", 1);
    assert_int_equal(got.extents.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(got.extents.list[i].file, extents[i].file);
        assert_int_equal(got.extents.list[i].offset, extents[i].offset);
        assert_int_equal(got.extents.list[i].length, extents[i].length);
        assert_int_equal(got.extents.list[i].unit_offset, extents[i].unit_offset);
        assert_int_equal(got.extents.list[i].unit_length, extents[i].unit_length);
        assert_true(got.extents.list[i].unit_crc == extents[i].unit_crc);
        assert_int_equal(got.parts[i].number, parts[i].number);
        assert_int_equal(got.parts[i].size, parts[i].size);
    }
    assert_int_equal(got.owner.len, 7);
    assert_memory_equal(got.owner.base, "someone", 7);
    assert_int_equal(got.part_count, 2);
    assert_memory_equal(got.upload_id, op.object.upload_id, sizeof(got.upload_id));
    meta_object_release(&got);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("k"), &got), META_E_NO_KEY);
}

static void nonsense_is_refused(void **state)
{
    struct store *store = *state;
    static char long_key[META_KEY_BYTES_MAX + 1];
    struct meta_extent extent = whole_file(1, 10);
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text("key")};

    memset(long_key, 'k', sizeof(long_key));
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text(""), 1, 1, NULL), -EINVAL);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_of(long_key, sizeof(long_key)), 1, 1, NULL),
                     -EINVAL);
    op.object.extents = (struct meta_extents){&extent, 1};
    op.object.size = 11;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), -EINVAL);
    op.object.size = extent.length = 11; /* outside its unit */
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), -EINVAL);
    assert_int_equal(
        put_bytes(store->meta, store->bucket, slice_of(long_key, META_KEY_BYTES_MAX), 2, 1, NULL), 0);
    assert_int_equal(meta_file_is_live(store->reader, 1), 0);
}

static void conditions_on_put(void **state)
{
    struct store *store = *state;
    struct meta *meta = store->meta;
    const struct meta_condition none_any = {.if_none_match_any = true}, match_any = {.if_match_any = true},
                                match_e1 = {.if_match = "e1"}, none_e1 = {.if_none_match = "e1"},
                                none_e9 = {.if_none_match = "e9"};
    struct slice key = slice_text("key");

    assert_int_equal(put_bytes(meta, store->bucket, key, 1, 5, &match_any), META_E_NO_KEY);
    assert_int_equal(put_bytes(meta, store->bucket, key, 1, 5, &match_e1), META_E_NO_KEY);
    assert_int_equal(put_bytes(meta, store->bucket, key, 1, 5, &none_any), 0);
    assert_int_equal(put_bytes(meta, store->bucket, key, 2, 5, &none_any), META_E_PRECONDITION);
    assert_int_equal(put_bytes(meta, store->bucket, key, 2, 5, &none_e1), META_E_PRECONDITION);
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(meta_file_is_live(store->reader, 2), 0); /* refused: nothing stored */
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(put_bytes(meta, store->bucket, key, 2, 5, &match_e1), 0);
    assert_int_equal(put_bytes(meta, store->bucket, key, 3, 5, &match_e1), META_E_PRECONDITION);
    assert_int_equal(put_bytes(meta, store->bucket, key, 3, 5, &match_any), 0);
    assert_int_equal(put_bytes(meta, store->bucket, key, 4, 5, &none_e9), 0);
    assert_int_equal(file_of(store, "key"), 4);
    assert_int_equal(garbage_count(store), 3);
}

static int put_owned(struct store *store, const char *key, const char *owner, const char *only_over)
{
    struct meta_object_put op = {
        .bucket = store->bucket, .key = slice_text(key), .object.owner = slice_text(owner)};
    const struct slice only = slice_text(only_over != NULL ? only_over : "");

    op.condition.owner = only_over != NULL ? &only : NULL;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_PUT);
}

static int delete_owned(struct store *store, const char *key, const char *only_over)
{
    const struct slice only = slice_text(only_over);
    struct meta_delete_entry entry = {.key = slice_text(key), .owner = &only};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    return entry.result;
}

static void set_versioning(struct store *store)
{
    struct meta_bucket_versioning op = {.bucket = store->bucket, .versioning = META_VERSIONING_ENABLED};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING), 0);
}

/* Who may create may replace and delete his own objects; in a bucket with versioning, too. "": who owns nothing. */
static void only_over_ones_own(void **state)
{
    struct store *store = *state;
    const struct slice me = slice_text("me");
    struct meta_object_copy copied;

    for (int versioned = 0; versioned < 2; versioned++) {
        assert_int_equal(put_owned(store, "mine", "me", "me"), 0); /* a new one */
        assert_int_equal(put_owned(store, "mine", "me", "me"), 0);
        assert_int_equal(put_owned(store, "mine", "you", "you"), META_E_NOT_OWNER);
        assert_int_equal(put_owned(store, "mine", "m", "m"), META_E_NOT_OWNER);
        assert_int_equal(put_owned(store, "nobody's", "", ""), 0);
        assert_int_equal(put_owned(store, "nobody's", "", ""), META_E_NOT_OWNER);
        assert_int_equal(delete_owned(store, "mine", "you"), META_E_NOT_OWNER);
        assert_int_equal(delete_owned(store, "nobody's", ""), META_E_NOT_OWNER);
        assert_int_equal(delete_owned(store, "missing", "you"), 0);
        copy_init(&copied, store->bucket, "mine", "nobody's");
        copied.condition.owner = &me;
        assert_int_equal(op_wait(store->meta, &copied.op, META_OP_OBJECT_COPY), META_E_NOT_OWNER);
        assert_int_equal(put_owned(store, "mine", "you", NULL), 0); /* by other rights */
        assert_int_equal(put_owned(store, "mine", "me", "me"), META_E_NOT_OWNER);
        assert_int_equal(delete_owned(store, "mine", "you"), 0);
        assert_int_equal(put_owned(store, "mine", "me", "me"), 0); /* its place is free again */
        assert_int_equal(delete_key(store, "mine"), 0);
        assert_int_equal(delete_key(store, "nobody's"), 0);
        set_versioning(store);
    }
}

static void conditions_on_delete(void **state)
{
    struct store *store = *state;
    struct meta_delete_entry entries[5] = {{.key = slice_text("a"), .if_match = "e9"},
                                           {.key = slice_text("a"), .if_match = "e1"},
                                           {.key = slice_text("a"), .if_match = "*"},
                                           {.key = slice_text("a")},
                                           {.key = slice_text("b"), .if_match = "*"}};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = entries, .count = 5};

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    assert_int_equal(entries[0].result, META_E_PRECONDITION);
    assert_int_equal(entries[1].result, 0);
    assert_true(entries[1].existed);
    assert_int_equal(entries[2].result, META_E_NO_KEY);
    assert_int_equal(entries[3].result, 0);
    assert_false(entries[3].existed);
    assert_true(entries[4].existed);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(garbage_count(store), 2);
}

static void the_last_reference_makes_garbage(void **state)
{
    struct store *store = *state;
    struct meta_garbage entry;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(meta_file_is_live(store->reader, 1), 1);
    assert_int_equal(copy(store, "a", "b"), 0);
    assert_int_equal(copy(store, "b", "c"), 0);
    assert_int_equal(put(store, "a", 2), 0); /* overwritten */
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(delete_key(store, "c"), 0);
    assert_int_equal(meta_garbage_take(store->reader, 0, &entry, 1), 1);
    assert_int_equal(entry.file, 1);
    assert_int_equal(entry.unit_offset, 0);
    assert_int_equal(entry.unit_length, 100);
    assert_int_equal(meta_file_is_live(store->reader, 1), 1); /* a garbage row names it */
    assert_int_equal(put(store, "d", 1), META_E_CHANGED);     /* it never comes back to life */
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(meta_file_is_live(store->reader, 1), 0);
    assert_int_equal(meta_file_is_live(store->reader, 2), 1);

    struct meta_garbage_done again = {.rows = &entry.row, .count = 1};
    assert_int_equal(op_wait(store->meta, &again.op, META_OP_GARBAGE_DONE), 0);
    assert_int_equal(delete_key(store, "a"), 0);
    int64_t first = entry.row;
    assert_int_equal(meta_garbage_take(store->reader, first, &entry, 1), 1); /* rows are not used twice */
    assert_int_equal(entry.file, 2);
}

static void many_units_in_a_file(void **state)
{
    struct store *store = *state;

    for (uint64_t i = 0; i < 3; i++) {
        struct meta_extent extent = {5, i * 4096, 10, i * 4096, 10, 1, META_UNIT_CRC64NVME, false};
        struct meta_object_put op = {.bucket = store->bucket, .key = {&"abc"[i], 1}};
        op.object.size = 10;
        op.object.extents = (struct meta_extents){&extent, 1};
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    }
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(meta_file_is_live(store->reader, 5), 1);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(delete_key(store, "c"), 0);
    assert_int_equal(garbage_clear(store), 2);
    assert_int_equal(meta_file_is_live(store->reader, 5), 0);
}

static void copy_onto_itself(void **state)
{
    struct store *store = *state;
    struct meta_attribute attribute = {slice_text("x-amz-meta-new"), slice_text("1")};
    struct meta_object_copy op;
    struct meta_object got;

    assert_int_equal(put(store, "a", 1), 0);
    copy_init(&op, store->bucket, "a", "a");
    op.replace_attributes = true;
    op.attributes = (struct meta_attributes){&attribute, 1};
    op.owner = slice_text("other");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), 0);
    assert_string_equal(op.etag, "e1");
    assert_int_equal(op.size, 100);
    assert_true(op.modified_ms > 0);
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("a"), &got), 0);
    assert_int_equal(got.attributes.count, 1);
    assert_int_equal(got.extents.list[0].file, 1);
    assert_memory_equal(got.owner.base, "other", 5);
    meta_object_release(&got);
    assert_int_equal(copy(store, "a", "b"), 0);
    assert_int_equal(copy(store, "a", "b"), 0); /* the same over itself */
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(garbage_count(store), 1);
}

static int copy_if(struct store *store, const char *match, const char *none_match, int64_t modified_since,
                   int64_t unmodified_since)
{
    struct meta_object_copy op;

    copy_init(&op, store->bucket, "source", "copy");
    op.source.if_match = match;
    op.source.if_none_match = none_match;
    op.source.if_modified_since_ms = modified_since;
    op.source.if_unmodified_since_ms = unmodified_since;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_COPY);
}

static void conditions_on_copy(void **state)
{
    struct store *store = *state;
    const int64_t no = INT64_MIN, at = 1700000000500, before = at - 5000, after = at + 5000,
                  same_second = at - 500;
    struct meta_extent extent = whole_file(1, 10);
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text("source")};

    assert_int_equal(copy_if(store, NULL, NULL, no, no), META_E_NO_KEY);
    op.object = (struct meta_object){.size = 10, .modified_ms = at, .etag = "e1", .extents = {&extent, 1}};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    assert_int_equal(copy_if(store, "e1", NULL, no, no), 0);
    assert_int_equal(copy_if(store, "*", NULL, no, no), 0);
    assert_int_equal(copy_if(store, "e2", NULL, no, no), META_E_PRECONDITION);
    assert_int_equal(copy_if(store, NULL, "e2", no, no), 0);
    assert_int_equal(copy_if(store, NULL, "e1", no, no), META_E_PRECONDITION);
    assert_int_equal(copy_if(store, NULL, "*", no, no), META_E_PRECONDITION);
    assert_int_equal(copy_if(store, NULL, NULL, before, no), 0);
    assert_int_equal(copy_if(store, NULL, NULL, after, no), META_E_PRECONDITION);
    assert_int_equal(copy_if(store, NULL, NULL, same_second, no), META_E_PRECONDITION);
    assert_int_equal(copy_if(store, NULL, NULL, no, after), 0);
    assert_int_equal(copy_if(store, NULL, NULL, no, same_second), 0);
    assert_int_equal(copy_if(store, NULL, NULL, no, before), META_E_PRECONDITION);
    assert_int_equal(copy_if(store, "e1", NULL, no, before), 0); /* a true If-Match wins */
    assert_int_equal(copy_if(store, NULL, "e1", before, no), META_E_PRECONDITION);

    struct meta_object_copy conditional;
    copy_init(&conditional, store->bucket, "source", "copy");
    conditional.condition.if_none_match_any = true;
    assert_int_equal(op_wait(store->meta, &conditional.op, META_OP_OBJECT_COPY), META_E_PRECONDITION);
}

static int walk_visit(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    assert_string_equal(row->bucket, "bucket");
    char line[64];
    snprintf(line, sizeof(line), "%c %.*s %d;", row->kind, (int)row->key.len, row->key.base,
             (int)extent->file);
    strcat(ctx, line);
    return 0;
}

static int walk_visit_and_stop(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    walk_visit(ctx, row, extent);
    return 1;
}

static int walk_visit_and_fail(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    return -ECANCELED;
}

static int walk(struct store *store, uint32_t rows_max,
                int (*visit)(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent),
                void *ctx)
{
    struct meta_extent_cursor cursor = {0};
    bool more = true;
    int err = 0;

    while (err == 0 && more)
        err = meta_extent_page(store->reader, &cursor, rows_max, visit, ctx, &more);
    return err;
}

static void walking_extents(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES] = {1};
    char seen[256] = "";

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(copy(store, "a", "b"), 0);
    assert_int_equal(upload_create(store, slice_text("u"), id), 0);
    assert_int_equal(part_put(store, slice_text("u"), id, 3, 2, 10), 0);
    for (uint32_t rows_max = 1; rows_max < 5; rows_max++) {
        assert_int_equal(walk(store, rows_max, walk_visit, seen), 0);
        assert_string_equal(seen, "o a 1;o b 1;p u 2;");
        seen[0] = '\0';
    }
    assert_int_equal(walk(store, 1000, walk_visit_and_stop, seen), 0); /* each page ends with its first row */
    assert_string_equal(seen, "o a 1;o b 1;p u 2;");
    assert_int_equal(walk(store, 1, walk_visit_and_fail, seen), -ECANCELED);
    assert_int_equal(meta_unit_is_referred(store->reader, 1, 0), 1);
    assert_int_equal(meta_unit_is_referred(store->reader, 1, 1), 0);
    assert_int_equal(meta_unit_is_referred(store->reader, 3, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(buckets),
        store_test(bucket_listing),
        store_test(a_bucket_that_is_gone),
        store_test(everything_comes_back),
        store_test(nonsense_is_refused),
        store_test(conditions_on_put),
        store_test(only_over_ones_own),
        store_test(conditions_on_delete),
        store_test(the_last_reference_makes_garbage),
        store_test(many_units_in_a_file),
        store_test(copy_onto_itself),
        store_test(conditions_on_copy),
        store_test(walking_extents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
