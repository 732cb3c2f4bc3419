/* SPDX-License-Identifier: MIT
 *
 * Multipart uploads from beginning to end: parts, copies of ranges as parts, completion (also repeated, also
 * of 10,000 parts), abortion, and that references go where they belong. */
#include "meta_test_support.h"

#include <errno.h>

static const unsigned char id1[META_UPLOAD_ID_BYTES] = {0, 1}, id2[META_UPLOAD_ID_BYTES] = {0, 2};

static void complete_init(struct meta_upload_complete *op, struct store *store, const char *key,
                          const unsigned char *id, const struct meta_complete_part *parts, uint32_t count)
{
    memset(op, 0, sizeof(*op));
    op->bucket = store->bucket;
    op->key = slice_text(key);
    memcpy(op->upload_id, id, META_UPLOAD_ID_BYTES);
    op->parts = parts;
    op->part_count = count;
    strcpy(op->etag, "whole-2");
}

static int complete(struct store *store, const char *key, const unsigned char *id,
                    const struct meta_complete_part *parts, uint32_t count)
{
    struct meta_upload_complete op;

    complete_init(&op, store, key, id, parts, count);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

static int count_part(void *ctx, const struct meta_part *part)
{
    char line[96];

    snprintf(line, sizeof(line), "%u:%d:%s ", part->number, (int)part->size, part->etag);
    strcat(ctx, line);
    assert_null(part->extents.list);
    return 0;
}

static void parts_are_listed(void **state)
{
    struct store *store = *state;
    struct meta_upload upload;
    char seen[256] = "";
    bool truncated;

    assert_int_equal(part_put(store, slice_text("key"), id1, 1, 1, 10), META_E_NO_UPLOAD);
    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    assert_int_equal(upload_create(store, slice_text("key"), id1), -EEXIST);
    assert_int_equal(part_put(store, slice_text("other"), id1, 1, 1, 10), META_E_NO_UPLOAD);
    assert_int_equal(part_put(store, slice_text("key"), id1, 0, 1, 10), -EINVAL);
    assert_int_equal(part_put(store, slice_text("key"), id1, 10001, 1, 10), -EINVAL);
    assert_int_equal(part_put(store, slice_text("key"), id1, 10000, 3, 30), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 1, 1, 10), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 2, 2, 20), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 1, 4, 40), 0); /* replaced */
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(meta_file_is_live(store->reader, 1), 0);

    assert_int_equal(meta_part_list(store->reader, id1, 0, 2, count_part, seen, &truncated), 0);
    assert_true(truncated);
    assert_string_equal(seen, "1:40:e4 2:20:e2 ");
    assert_int_equal(meta_part_list(store->reader, id1, 2, 2, count_part, seen, &truncated), 0);
    assert_false(truncated);
    assert_string_equal(seen, "1:40:e4 2:20:e2 10000:30:e3 ");
    assert_int_equal(meta_upload_get(store->reader, store->bucket, slice_text("key"), id1, &upload), 0);
    assert_true(upload.initiated_ms > 0);
    meta_upload_release(&upload);
    assert_int_equal(meta_upload_get(store->reader, store->bucket, slice_text("key"), id2, &upload),
                     META_E_NO_UPLOAD);
}

/* The part's checksum is its number, over and over. */
static int part_put_checksum(struct store *store, uint32_t number, uint64_t file, uint8_t algorithm,
                             uint8_t length)
{
    struct meta_extent extent = {.file = file, .length = 10, .unit_length = 10};
    struct meta_part_put op = {.bucket = store->bucket, .key = slice_text("key")};

    memcpy(op.upload_id, id1, sizeof(id1));
    op.part = (struct meta_part){.number = number, .size = 10, .extents = {&extent, 1}};
    strcpy(op.part.etag, "e");
    op.part.checksum = (struct meta_checksum){.algorithm = algorithm, .length = length};
    memset(op.part.checksum.value, (int)number, length);
    return op_wait(store->meta, &op.op, META_OP_PART_PUT);
}

static void part_checksums_are_kept(void **state)
{
    struct store *store = *state;
    struct meta_complete_part both[2] = {{1, "e"}, {3, "e"}};
    struct meta_object_copy copy = {.bucket = store->bucket, .key = slice_text("copy")};
    struct meta_object got;

    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    assert_int_equal(part_put_checksum(store, 1, 1, 6, 16), 0);
    assert_int_equal(part_put_checksum(store, 3, 3, 6, 16), 0);
    assert_int_equal(complete(store, "key", id1, both, 2), 0);
    copy.source = (struct meta_copy_source){.bucket = store->bucket,
                                            .key = slice_text("key"),
                                            .if_modified_since_ms = INT64_MIN,
                                            .if_unmodified_since_ms = INT64_MIN};
    assert_int_equal(op_wait(store->meta, &copy.op, META_OP_OBJECT_COPY), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("copy"), &got), 0);
    assert_int_equal(got.part_checksums.algorithm, 6);
    assert_int_equal(got.part_checksums.length, 16);
    for (int i = 0; i < 32; i++)
        assert_int_equal(got.part_checksums.values[i], i < 16 ? 1 : 3);
    meta_object_release(&got);

    copy.is_one_part = true;
    strcpy(copy.etag, "of the whole");
    assert_int_equal(op_wait(store->meta, &copy.op, META_OP_OBJECT_COPY), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("copy"), &got), 0);
    assert_string_equal(got.etag, "of the whole");
    assert_int_equal(got.part_count, 0);
    assert_int_equal(got.part_checksums.algorithm, 0);
    assert_int_equal(got.extents.count, 2); /* its bytes are where they were */
    meta_object_release(&got);

    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    assert_int_equal(part_put_checksum(store, 1, 5, 6, 16), 0);
    assert_int_equal(part_put_checksum(store, 3, 6, 1, 4), 0);
    assert_int_equal(complete(store, "key", id1, both, 2), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &got), 0);
    assert_int_equal(got.part_count, 2);
    assert_int_equal(got.part_checksums.algorithm, 0); /* of two kinds: neither is kept */
    meta_object_release(&got);
}

static void completing(void **state)
{
    struct store *store = *state;
    struct meta_attribute attribute = {slice_text("content-type"), slice_text("x/y")};
    struct meta_upload_create create = {.bucket = store->bucket};
    struct meta_complete_part good[2] = {{1, "e1"}, {5, "e5"}}, wrong_etag[2] = {{1, "e1"}, {5, "e6"}},
                              missing[2] = {{1, "e1"}, {4, "e5"}},
                              behind[3] = {{1, "e1"}, {5, "e5"}, {6, "e6"}},
                              order[2] = {{5, "e5"}, {1, "e1"}};
    struct meta_upload_complete op;
    struct meta_object got;
    struct meta_upload upload;

    create.upload = (struct meta_upload){
        .key = slice_text("key"), .owner = slice_text("me"), .attributes = {&attribute, 1}};
    memcpy(create.upload.id, id1, sizeof(id1));
    assert_int_equal(op_wait(store->meta, &create.op, META_OP_UPLOAD_CREATE), 0);
    assert_int_equal(put(store, "key", 9), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 1, 1, 10), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 3, 3, 30), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 5, 5, 50), 0);

    assert_int_equal(complete(store, "key", id2, good, 2), META_E_NO_UPLOAD);
    assert_int_equal(complete(store, "key", id1, wrong_etag, 2), META_E_INVALID_PART);
    assert_int_equal(complete(store, "key", id1, missing, 2), META_E_INVALID_PART);
    assert_int_equal(complete(store, "key", id1, behind, 3), META_E_INVALID_PART);
    assert_int_equal(complete(store, "key", id1, order, 2), META_E_INVALID_PART);
    assert_int_equal(complete(store, "key", id1, good, 0), META_E_INVALID_PART);
    complete_init(&op, store, "key", id1, good, 2);
    op.condition.if_none_match_any = true;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), META_E_PRECONDITION);
    assert_int_equal(file_of(store, "key"), 9);
    assert_int_equal(garbage_count(store), 0);

    complete_init(&op, store, "key", id1, good, 2);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0);
    assert_int_equal(op.size, 60);
    int64_t modified_ms = op.modified_ms;
    assert_int_equal(garbage_clear(store), 2); /* the old object and part 3 */
    assert_int_equal(meta_file_is_live(store->reader, 3), 0);
    assert_int_equal(meta_file_is_live(store->reader, 9), 0);
    assert_int_equal(meta_upload_get(store->reader, store->bucket, slice_text("key"), id1, &upload),
                     META_E_NO_UPLOAD);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &got), 0);
    assert_int_equal(got.size, 60);
    assert_string_equal(got.etag, "whole-2");
    assert_int_equal(got.extents.count, 2);
    assert_int_equal(got.extents.list[0].file, 1);
    assert_int_equal(got.extents.list[1].file, 5);
    assert_int_equal(got.part_count, 2);
    assert_int_equal(got.parts[1].number, 5);
    assert_int_equal(got.parts[1].size, 50);
    assert_memory_equal(got.upload_id, id1, sizeof(id1));
    assert_memory_equal(got.attributes.list[0].value.base, "x/y", 3);
    assert_memory_equal(got.owner.base, "me", 2);
    meta_object_release(&got);

    complete_init(&op, store, "key", id1, good, 2);
    strcpy(op.etag, "another");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE),
                     META_E_INVALID_PART); /* of other parts */
    assert_int_equal(complete(store, "key", id2, good, 2), META_E_NO_UPLOAD);
    complete_init(&op, store, "key", id1, good, 2);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE),
                     0); /* again: what is stored is told */
    assert_int_equal(op.size, 60);
    assert_int_equal(op.modified_ms, modified_ms);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(complete(store, "key", id1, good, 2), META_E_NO_UPLOAD);
    assert_int_equal(complete(store, "copy", id1, good, 2), META_E_NO_UPLOAD);
    assert_int_equal(delete_key(store, "copy"), 0);
    assert_int_equal(garbage_count(store), 2);
}

static void aborting(void **state)
{
    struct store *store = *state;

    assert_int_equal(upload_abort(store, slice_text("key"), id1), META_E_NO_UPLOAD);
    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    assert_int_equal(upload_create(store, slice_text("key"), id2), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 1, 1, 10), 0);
    assert_int_equal(part_put(store, slice_text("key"), id1, 2, 2, 10), 0);
    assert_int_equal(part_put(store, slice_text("key"), id2, 1, 3, 10), 0);
    assert_int_equal(upload_abort(store, slice_text("key"), id1), 0);
    assert_int_equal(garbage_clear(store), 2);
    assert_int_equal(upload_abort(store, slice_text("key"), id1), META_E_NO_UPLOAD);
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0); /* aborts what is left */
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(meta_file_is_live(store->reader, 3), 0);
}

static void part_copy_init(struct meta_part_copy *op, struct store *store, uint32_t number, uint64_t first,
                           uint64_t length)
{
    memset(op, 0, sizeof(*op));
    op->source.bucket = op->bucket = store->bucket;
    op->source.key = slice_text("source");
    op->key = slice_text("key");
    memcpy(op->upload_id, id1, sizeof(id1));
    op->source.if_modified_since_ms = op->source.if_unmodified_since_ms = INT64_MIN;
    op->number = number;
    op->first = first;
    op->length = length;
    strcpy(op->etag, "given");
}

static int part_copy(struct store *store, uint32_t number, uint64_t first, uint64_t length)
{
    struct meta_part_copy op;

    part_copy_init(&op, store, number, first, length);
    return op_wait(store->meta, &op.op, META_OP_PART_COPY);
}

static void copying_ranges(void **state)
{
    struct store *store = *state;
    struct meta_extent extents[3] = {
        whole_file(1, 100), {2, 150, 50, 100, 120, 4, META_UNIT_CRC64NVME, false}, whole_file(3, 30)};
    struct meta_object_put source = {.bucket = store->bucket, .key = slice_text("source")};
    struct meta_complete_part parts[3] = {{1, "given"}, {2, "given"}, {3, "given"}};
    struct meta_part_copy op;
    struct meta_object got;

    assert_int_equal(part_copy(store, 1, 0, 1), META_E_NO_UPLOAD);
    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    assert_int_equal(part_copy(store, 1, 0, 1), META_E_NO_KEY);
    source.object.size = 180;
    strcpy(source.object.etag, "plain");
    source.object.extents = (struct meta_extents){extents, 3};
    assert_int_equal(op_wait(store->meta, &source.op, META_OP_OBJECT_PUT), 0);

    assert_int_equal(part_copy(store, 1, 0, 181), -ERANGE);
    assert_int_equal(part_copy(store, 1, 180, UINT64_MAX), -ERANGE);
    assert_int_equal(part_copy(store, 1, 181, 1), -ERANGE);
    assert_int_equal(part_copy(store, 1, 5, 0), -ERANGE);
    assert_int_equal(part_copy(store, 1, 90, 65), 0); /* the end of 1, all of 2, the beginning of 3 */
    assert_int_equal(part_copy(store, 2, 99, 1), 0);
    assert_int_equal(part_copy(store, 3, 179, UINT64_MAX), 0);
    part_copy_init(&op, store, 4, 0, 1);
    op.source.if_match = "other";
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PART_COPY), META_E_PRECONDITION);
    part_copy_init(&op, store, 4, 0, 1);
    op.etag[0] = '\0';
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PART_COPY), META_E_CHANGED);
    part_copy_init(&op, store, 4, 0, UINT64_MAX);
    op.etag[0] = '\0';
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PART_COPY), 0);
    assert_string_equal(op.etag, "plain");
    assert_true(op.modified_ms > 0);

    assert_int_equal(delete_key(store, "source"), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(complete(store, "key", id1, parts, 3), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &got), 0);
    assert_int_equal(got.size, 67);
    assert_int_equal(got.extents.count, 5);
    assert_int_equal(got.extents.list[0].offset, 90);
    assert_int_equal(got.extents.list[0].length, 10);
    assert_int_equal(got.extents.list[0].unit_length, 100);
    assert_int_equal(got.extents.list[1].offset, 150);
    assert_int_equal(got.extents.list[1].unit_offset, 100);
    assert_int_equal(got.extents.list[2].length, 5);
    assert_int_equal(got.extents.list[3].offset, 99);
    assert_int_equal(got.extents.list[4].offset, 29);
    meta_object_release(&got);
    assert_sound(store);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(garbage_count(store), 3);
}

static void ten_thousand_parts(void **state)
{
    struct store *store = *state;
    struct meta_complete_part *parts = calloc(META_PART_NUMBER_MAX, sizeof(*parts));
    struct meta_object got;

    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    for (uint32_t i = 0; i < META_PART_NUMBER_MAX; i++) {
        parts[i].number = i + 1;
        snprintf(parts[i].etag, sizeof(parts[i].etag), "e%u", i + 1);
        assert_int_equal(part_put(store, slice_text("key"), id1, i + 1, i + 1, 1000 + i), 0);
    }
    assert_int_equal(complete(store, "key", id1, parts, META_PART_NUMBER_MAX), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &got), 0);
    assert_int_equal(got.extents.count, META_PART_NUMBER_MAX);
    assert_int_equal(got.extents.list[9999].file, 10000);
    assert_int_equal(got.part_count, META_PART_NUMBER_MAX);
    meta_object_release(&got);
    free(parts);
}

static int upload_name(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    char line[64];

    if (upload != NULL)
        snprintf(line, sizeof(line), "%.*s#%d ", (int)upload->key.len, upload->key.base, upload->id[1]);
    else
        snprintf(line, sizeof(line), "[%.*s] ", (int)common_prefix.len, common_prefix.base);
    strcat(ctx, line);
    return 0;
}

static void assert_uploads(struct store *store, const struct meta_upload_query *query, const char *expected,
                           bool more)
{
    char seen[256] = "";
    bool truncated;

    assert_int_equal(meta_upload_list(store->reader, query, upload_name, seen, &truncated), 0);
    assert_string_equal(seen, expected);
    assert_int_equal(truncated, more);
}

static void uploads_are_listed(void **state)
{
    struct store *store = *state;
    static const char *const keys[] = {"a", "a", "b/1", "b/2", "c"};
    struct meta_upload_query query = {.bucket = store->bucket, .limit = 10};
    unsigned char id[META_UPLOAD_ID_BYTES] = {0};

    for (int i = 0; i < 5; i++) {
        id[1] = (unsigned char)(i + 1);
        assert_int_equal(upload_create(store, slice_text(keys[i]), id), 0);
    }
    assert_uploads(store, &query, "a#1 a#2 b/1#3 b/2#4 c#5 ", false);
    query.limit = 1;
    assert_uploads(store, &query, "a#1 ", true);
    query.key_marker = slice_text("a");
    query.id_marker = id1;
    assert_uploads(store, &query, "a#2 ", true);
    query.id_marker = NULL;
    assert_uploads(store, &query, "b/1#3 ", true);
    query.delimiter = slice_text("/");
    query.limit = 10;
    assert_uploads(store, &query, "[b/] c#5 ", false);
    query.key_marker = slice_text("b/");
    assert_uploads(store, &query, "c#5 ", false);
    query.key_marker = slice_text("b/1");
    assert_uploads(store, &query, "[b/] c#5 ", false);
    query.key_marker = slice_text("");
    query.prefix = slice_text("b/");
    assert_uploads(store, &query, "b/1#3 b/2#4 ", false);
    query.limit = 0;
    assert_uploads(store, &query, "", false);
}

/* Parts in another order than that of their numbers. */
static void completing_in_an_order(void **state)
{
    struct store *store = *state;
    static const struct meta_complete_part parts[] = {{1, "e1"}, {3, "e3"}, {5, "e5"}};
    static const uint32_t order[] = {2, 0, 1};
    struct meta_upload_complete op;
    struct meta_object object;

    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    for (uint32_t number = 1; number <= 5; number++)
        assert_int_equal(part_put(store, slice_text("key"), id1, number, number, 10 * number), 0);
    complete_init(&op, store, "key", id1, parts, 3);
    op.order = order;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &object), 0);
    assert_int_equal(object.size, 90);
    assert_int_equal(object.extents.count, 3);
    assert_int_equal(object.part_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(object.extents.list[i].file, parts[order[i]].number);
        assert_int_equal(object.parts[i].number, i + 1);
        assert_int_equal(object.parts[i].size, 10 * parts[order[i]].number);
    }
    meta_object_release(&object);
    for (uint64_t file = 1; file <= 5; file++)
        assert_int_equal(meta_file_is_referred(store->reader, file), file % 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(parts_are_listed),        store_test(completing),
        store_test(part_checksums_are_kept), store_test(aborting),
        store_test(copying_ranges),          store_test(ten_thousand_parts),
        store_test(uploads_are_listed),      store_test(completing_in_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
