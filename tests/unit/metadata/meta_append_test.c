/* SPDX-License-Identifier: MIT
 *
 * Appending and renaming as changes of rows: what they insist on, where references go, with and without versions. Each test ends
 * with the check of all rows against all references. */
#include "meta_test_support.h"

#include <errno.h>

/* Appends file `file` of 100 bytes to what has `offset` bytes and ETag `base`; the whole gets the ETag "a<file>". */
static int append(struct store *store, const char *key, uint64_t file, uint64_t offset, const char *base,
                  const struct meta_condition *condition)
{
    struct meta_part_size parts[101];
    struct meta_extent extent = whole_file(file, 100);
    struct meta_append how = {.offset = offset, .etag = base};
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text(key), .append = &how};

    op.object.size = 100;
    op.object.extents = (struct meta_extents){&extent, 1};
    for (uint32_t i = 0; base != NULL && i <= offset / 100; i++)
        parts[op.object.part_count++] = (struct meta_part_size){i + 1, 100};
    op.object.parts = parts;
    snprintf(op.object.etag, sizeof(op.object.etag), "a%d", (int)file);
    if (condition != NULL)
        op.condition = *condition;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_PUT);
}

static void assert_files(struct store *store, const char *key, const char *want)
{
    struct meta_object object;
    char files[256] = "";

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    for (uint32_t i = 0; i < object.extents.count; i++)
        snprintf(files + strlen(files), sizeof(files) - strlen(files), "%d ",
                 (int)object.extents.list[i].file);
    assert_string_equal(files, want);
    assert_int_equal(object.size, 100 * object.extents.count);
    meta_object_release(&object);
}

static void versioning_set(struct store *store, enum meta_versioning versioning)
{
    struct meta_bucket_versioning op = {.bucket = store->bucket, .versioning = versioning};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING), 0);
}

static void appends_grow_the_object(void **state)
{
    struct store *store = *state;

    assert_int_equal(append(store, "log", 1, 100, NULL, NULL), META_E_OFFSET);
    assert_int_equal(append(store, "log", 1, 0, NULL, NULL), 0);
    assert_int_equal(append(store, "log", 2, 100, "a1", NULL), 0);
    assert_int_equal(append(store, "log", 3, 200, "a2", NULL), 0);
    assert_files(store, "log", "1 2 3 ");
    assert_int_equal(garbage_count(store), 0);
    assert_int_equal(copy(store, "log", "copy"), 0);
    assert_int_equal(append(store, "log", 4, 300, "a3", NULL), 0);
    assert_files(store, "copy", "1 2 3 ");
    assert_sound(store);
    assert_int_equal(delete_key(store, "log"), 0);
    assert_int_equal(garbage_clear(store), 1); /* only the last is nobody else's */
    assert_int_equal(delete_key(store, "copy"), 0);
    assert_int_equal(garbage_clear(store), 3);
}

static void appends_insist_on_their_base(void **state)
{
    struct store *store = *state;
    const struct meta_condition other = {.if_match = "other"}, absent = {.if_none_match_any = true};

    assert_int_equal(put(store, "log", 1), 0);
    assert_int_equal(append(store, "log", 2, 99, "e1", NULL), META_E_OFFSET);
    assert_int_equal(append(store, "log", 2, 0, NULL, NULL), META_E_OFFSET);
    assert_int_equal(append(store, "log", 2, 100, "e9", NULL), META_E_CHANGED);
    assert_int_equal(append(store, "log", 2, 100, "e1", &other), META_E_PRECONDITION);
    assert_int_equal(append(store, "log", 2, 100, "e1", &absent), META_E_PRECONDITION);
    assert_int_equal(append(store, "none", 2, 100, "e1", NULL), META_E_OFFSET);
    assert_files(store, "log", "1 ");
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("empty"), 0, 0, NULL), 0);
    assert_int_equal(append(store, "empty", 2, 0, NULL, NULL), META_E_CHANGED); /* it came in between */
    assert_int_equal(meta_file_is_live(store->reader, 2), 0);
    assert_int_equal(append(store, "empty", 2, 0, "e0", NULL), 0);
    assert_files(store, "empty", "2 ");
}

static void appends_make_versions(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "log", 1), 0);
    versioning_set(store, META_VERSIONING_ENABLED);
    assert_int_equal(append(store, "log", 2, 100, "e1", NULL), 0);
    assert_int_equal(append(store, "log", 3, 200, "a2", NULL), 0);
    assert_files(store, "log", "1 2 3 ");
    assert_int_equal(garbage_count(store), 0);
    assert_sound(store);
    versioning_set(store, META_VERSIONING_SUSPENDED);
    assert_int_equal(append(store, "log", 4, 300, "a3", NULL), 0);
    assert_int_equal(append(store, "log", 5, 400, "a4", NULL), 0); /* in the place of the null version */
    assert_files(store, "log", "1 2 3 4 5 ");
    assert_int_equal(garbage_count(store), 0);
}

static void rename_init(struct meta_object_rename *op, struct store *store, const char *source,
                        const char *key)
{
    memset(op, 0, sizeof(*op));
    op->source.bucket = store->bucket;
    op->source.key = slice_text(source);
    op->key = slice_text(key);
    op->source.if_modified_since_ms = op->source.if_unmodified_since_ms = INT64_MIN;
    op->if_modified_since_ms = op->if_unmodified_since_ms = INT64_MIN;
}

static int rename_object(struct store *store, const char *source, const char *key)
{
    struct meta_object_rename op;

    rename_init(&op, store, source, key);
    return op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME);
}

static void renames_move_the_row(void **state)
{
    struct store *store = *state;
    struct meta_object_rename op;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(rename_object(store, "a", "a"), -EINVAL);
    assert_int_equal(rename_object(store, "none", "c"), META_E_NO_KEY);
    rename_init(&op, store, "a", "b");
    op.condition.if_none_match_any = true;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME), META_E_PRECONDITION);
    rename_init(&op, store, "a", "b");
    op.source.if_match = "e2";
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME), META_E_PRECONDITION);
    rename_init(&op, store, "a", "c");
    op.if_unmodified_since_ms = INT64_MAX; /* of a key that is not there */
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME), META_E_PRECONDITION);
    rename_init(&op, store, "a", "b");
    op.if_unmodified_since_ms = 1000;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME), META_E_PRECONDITION);
    assert_int_equal(file_of(store, "a"), 1);
    assert_int_equal(file_of(store, "b"), 2);

    assert_int_equal(rename_object(store, "a", "b"), 0);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "b"), 1);
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(meta_file_is_live(store->reader, 2), 0);
    assert_int_equal(meta_file_is_live(store->reader, 1), 1);
    assert_int_equal(copy(store, "b", "c"), 0);
    assert_int_equal(rename_object(store, "c", "b"), 0); /* what it replaces is made of the same bytes */
    assert_int_equal(file_of(store, "b"), 1);
    assert_int_equal(garbage_count(store), 0);
}

static void renames_leave_a_marker(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "b", 9), 0);
    versioning_set(store, META_VERSIONING_ENABLED);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(rename_object(store, "a", "b"), 0);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "b"), 1);
    assert_int_equal(garbage_count(store), 0); /* both are versions still */
    assert_sound(store);
    versioning_set(store, META_VERSIONING_SUSPENDED);
    assert_int_equal(put(store, "d", 3), 0);
    assert_int_equal(rename_object(store, "d", "e"), 0);
    assert_int_equal(file_of(store, "e"), 3);
    assert_int_equal(garbage_count(store), 0);
}

static int rename_by(struct store *store, const char *source, const char *key, const char *token,
                     const char *parameters)
{
    struct meta_object_rename op;

    rename_init(&op, store, source, key);
    op.token = slice_text(token);
    op.parameters = slice_text(parameters);
    return op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME);
}

static void renames_may_be_repeated(void **state)
{
    struct store *store = *state;
    char longest[META_TOKEN_BYTES_MAX + 2];

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(rename_by(store, "a", "b", "token", "p"), 0);
    assert_int_equal(rename_by(store, "a", "b", "token", "p"), 0);
    assert_int_equal(put(store, "a", 2), 0);
    assert_int_equal(rename_by(store, "a", "b", "token", "p"), 0); /* done already: the new one stays */
    assert_int_equal(file_of(store, "a"), 2);
    assert_int_equal(rename_by(store, "a", "b", "token", "q"), META_E_TOKEN);
    assert_int_equal(rename_by(store, "a", "b", "token", "pp"), META_E_TOKEN);
    assert_int_equal(rename_by(store, "a", "b", "token", ""), META_E_TOKEN);
    assert_int_equal(file_of(store, "b"), 1);
    store_reopen(store);
    assert_int_equal(rename_by(store, "a", "b", "token", "p"), 0);
    assert_int_equal(file_of(store, "b"), 1);

    assert_int_equal(copy(store, "b", "c"), 0); /* a copy was not renamed */
    assert_int_equal(rename_by(store, "x", "c", "token", "p"), META_E_NO_KEY);
    assert_int_equal(rename_by(store, "a", "b", "toke", "np"), 0); /* another token */
    assert_int_equal(file_of(store, "b"), 2);
    assert_int_equal(rename_by(store, "a", "b", "token", "p"), META_E_NO_KEY);
    assert_int_equal(rename_object(store, "b", "d"), 0); /* without a token it is forgotten */
    assert_int_equal(rename_by(store, "a", "d", "toke", "np"), META_E_NO_KEY);
    assert_int_equal(rename_by(store, "d", "e", "one", "p"), 0);
    assert_int_equal(put(store, "e", 3), 0); /* overwritten: so, too */
    assert_int_equal(rename_by(store, "d", "e", "one", "p"), META_E_NO_KEY);

    memset(longest, 'x', sizeof(longest));
    longest[META_TOKEN_BYTES_MAX] = '\0';
    assert_int_equal(rename_by(store, "e", "f", longest, longest), 0);
    assert_int_equal(rename_by(store, "e", "f", longest, longest), 0);
    longest[META_TOKEN_BYTES_MAX] = 'x';
    longest[META_TOKEN_BYTES_MAX + 1] = '\0';
    assert_int_equal(rename_by(store, "e", "f", longest, "p"), -EINVAL);
    assert_int_equal(rename_by(store, "e", "f", "p", longest), -EINVAL);
    assert_sound(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(appends_grow_the_object), store_test(appends_insist_on_their_base),
        store_test(appends_make_versions),   store_test(renames_move_the_row),
        store_test(renames_leave_a_marker),  store_test(renames_may_be_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
