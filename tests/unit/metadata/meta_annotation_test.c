/* SPDX-License-Identifier: MIT
 *
 * Annotations: put, replaced and deleted without touching their object; sets that are shared by copies until one of them changes; what becomes of
 * them with versions, renames and appends; and that they go in slices, with exact counts between any two, also after the store was closed
 * there. */
#include "meta_version_support.h"

#include <errno.h>

#include "metadata/meta_lock.h"
#include "metadata/meta_relaxed.h"

static int copy_without(struct store *store, const char *source, const char *key)
{
    struct meta_object_copy op;

    copy_init(&op, store->bucket, source, key);
    op.leaves_annotations = true;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_COPY);
}

static int rename_key(struct store *store, const char *source, const char *key)
{
    struct meta_object_copy from;
    struct meta_object_rename op = {
        .key = slice_text(key), .if_modified_since_ms = INT64_MIN, .if_unmodified_since_ms = INT64_MIN};

    copy_init(&from, store->bucket, source, key);
    op.source = from.source;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME);
}

static int append(struct store *store, const char *key, uint64_t file, uint64_t offset, const char *etag)
{
    struct meta_extent extent = whole_file(file, 100);
    const struct meta_append append = {.offset = offset, .etag = etag};
    struct meta_object_put op = {.bucket = store->bucket,
                                 .key = slice_text(key),
                                 .object = {.size = 100, .etag = "longer", .extents = {&extent, 1}},
                                 .append = &append};

    return op_wait(store->meta, &op.op, META_OP_OBJECT_PUT);
}

static int64_t file_now(struct store *store, const char *key, const char *name)
{
    return annotation_file(store, key, NULL, name);
}

/* ---- One ---- */

static void one(void **state)
{
    struct store *store = *state;
    struct meta_annotation_put op = {.object = {.bucket = store->bucket, .key = slice_text("key")},
                                     .annotation = {.name = slice_text("x")}};
    struct meta_object before, after;

    assert_int_equal(annotation_put(store, "key", "x", 2), META_E_NO_KEY);
    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(file_now(store, "key", "x"), META_E_NO_ANNOTATION);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &before), 0);
    assert_int_equal(annotation_put(store, "key", "x", 2), 0);
    assert_int_equal(file_now(store, "key", "x"), 2);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &after), 0);
    assert_int_equal(before.modified_ms, after.modified_ms);
    assert_string_equal(before.etag, after.etag);
    meta_object_release(&before);
    meta_object_release(&after);
    assert_int_equal(annotation_put(store, "key", "x", 3), 0);
    assert_int_equal(file_now(store, "key", "x"), 3);
    assert_int_equal(garbage_count(store), 1); /* the first one's bytes */
    assert_int_equal(annotation_delete(store, "key", "y"), 0);
    assert_int_equal(annotation_delete(store, "key", "x"), 0);
    assert_int_equal(file_now(store, "key", "x"), META_E_NO_ANNOTATION);
    assert_int_equal(garbage_count(store), 2);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_ANNOTATION_PUT), 0); /* without bytes, too */
    assert_int_equal(file_now(store, "key", "x"), 0);
    assert_int_equal(file_of(store, "key"), 1);
}

static void what_is_refused(void **state)
{
    struct store *store = *state;
    char long_name[META_ANNOTATION_NAME_BYTES_MAX + 2] = {0};
    struct meta_extent extent = whole_file(9, 10);
    struct meta_annotation_put op = {
        .object = {.bucket = store->bucket, .key = slice_text("key"), .if_match = "other"},
        .annotation = {.name = slice_text("x"), .size = 10, .extents = {&extent, 1}}};
    struct meta_object_lock lock = {
        .bucket = store->bucket, .key = slice_text("key"), .sets_hold = true, .lock.hold = META_HOLD_ON};

    memset(long_name, 'n', sizeof(long_name) - 1);
    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", long_name, 2), -EINVAL);
    assert_int_equal(annotation_put(store, "key", "", 2), -EINVAL);
    long_name[META_ANNOTATION_NAME_BYTES_MAX] = '\0';
    assert_int_equal(annotation_put(store, "key", long_name, 2), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_ANNOTATION_PUT), META_E_PRECONDITION);
    op.object.if_match = "e1";
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_ANNOTATION_PUT), 0);
    op.object.bucket = 1000;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_ANNOTATION_PUT), META_E_NO_BUCKET);
    assert_int_equal(op_wait(store->meta, &lock.op, META_OP_OBJECT_LOCK), 0);
    assert_int_equal(annotation_put(store, "key", "y", 3), META_E_LOCKED);
    assert_int_equal(annotation_delete(store, "key", "x"), META_E_LOCKED);
    assert_int_equal(file_now(store, "key", "x"), 9);
}

static void a_thousand(void **state)
{
    struct store *store = *state;
    char name[16];

    assert_int_equal(put(store, "key", 1), 0);
    for (unsigned i = 0; i < META_ANNOTATIONS_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(annotation_put(store, "key", name, 10 + i), 0);
    }
    assert_int_equal(annotation_put(store, "key", "more", 5000), META_E_ANNOTATIONS);
    assert_int_equal(annotation_put(store, "key", "n7", 5000), 0);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(annotation_put(store, "copy", "more", 5001), META_E_ANNOTATIONS);
    assert_sound(store);
    assert_int_equal(annotation_delete(store, "copy", "n8"), 0);
    assert_int_equal(annotation_put(store, "copy", "more", 5001), 0);
    assert_int_equal(file_now(store, "key", "n8"), 18);
}

/* ---- Lists ---- */

struct seen {
    char text[256];
    unsigned stop_after;
};

static int on_listed(void *ctx, const struct meta_annotation *annotation)
{
    struct seen *seen = ctx;

    assert_null(annotation->extents.list);
    snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "%.*s ",
             (int)annotation->name.len, annotation->name.base);
    return seen->stop_after != 0 && --seen->stop_after == 0 ? 7 : 0;
}

static void assert_list(struct store *store, const char *prefix, const char *after, uint32_t limit,
                        const char *wanted, bool wanted_truncated)
{
    struct seen seen = {0};
    struct meta_object object;
    bool truncated;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &object), 0);
    assert_int_equal(meta_annotation_list(store->reader, object.annotations, slice_text(prefix),
                                          slice_text(after), limit, on_listed, &seen, &truncated),
                     0);
    meta_object_release(&object);
    assert_string_equal(seen.text, wanted);
    assert_int_equal(truncated, wanted_truncated);
}

static void lists(void **state)
{
    struct store *store = *state;
    static const char *const names[] = {"b", "a", "ab", "abc", "c", "ac"};
    struct seen seen = {.stop_after = 2};
    struct meta_object object;
    bool truncated;

    assert_int_equal(put(store, "key", 1), 0);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(annotation_put(store, "key", names[i], 10 + i), 0);
    assert_list(store, "", "", 100, "a ab abc ac b c ", false);
    assert_list(store, "", "", 6, "a ab abc ac b c ", false);
    assert_list(store, "", "", 5, "a ab abc ac b ", true);
    assert_list(store, "", "", 0, "", false);
    assert_list(store, "", "ab", 2, "abc ac ", true);
    assert_list(store, "", "aba", 100, "abc ac b c ", false);
    assert_list(store, "ab", "", 100, "ab abc ", false);
    assert_list(store, "ab", "", 1, "ab ", true);
    assert_list(store, "a", "abc", 1, "ac ", false);
    assert_list(store, "a", "b", 1, "", false);
    assert_list(store, "b", "a", 5, "b ", false);
    assert_list(store, "d", "", 5, "", false);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &object), 0);
    assert_int_equal(meta_annotation_list(store->reader, object.annotations, slice_text(""), slice_text(""),
                                          100, on_listed, &seen, &truncated),
                     7);
    meta_object_release(&object);
}

/* ---- Shared sets ---- */

static void copies(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", "x", 2), 0);
    assert_int_equal(annotation_put(store, "key", "y", 3), 0);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(copy_without(store, "key", "bare"), 0);
    assert_int_equal(file_now(store, "copy", "x"), 2);
    assert_int_equal(file_now(store, "bare", "x"), META_E_NO_ANNOTATION);
    assert_sound(store);
    assert_int_equal(annotation_put(store, "copy", "x", 4), 0); /* from here on each has its own */
    assert_int_equal(file_now(store, "key", "x"), 2);
    assert_int_equal(file_now(store, "copy", "x"), 4);
    assert_int_equal(file_now(store, "copy", "y"), 3);
    assert_int_equal(garbage_count(store), 0);
    assert_sound(store);
    assert_int_equal(annotation_delete(store, "key", "y"), 0);
    assert_int_equal(garbage_count(store), 0); /* the copy's still */
    assert_int_equal(delete_key(store, "copy"), 0);
    assert_int_equal(garbage_count(store), 2); /* 3 and 4 */
    assert_int_equal(copy(store, "key", "key"), 0);
    assert_int_equal(file_now(store, "key", "x"), 2);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(file_now(store, "copy", "x"), 2);
    assert_int_equal(copy(store, "bare", "copy"), 0);
    assert_int_equal(file_now(store, "copy", "x"), META_E_NO_ANNOTATION);
    assert_int_equal(garbage_count(store), 3);
}

static void renames_and_appends(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", "x", 2), 0);
    assert_int_equal(put(store, "there", 3), 0);
    assert_int_equal(annotation_put(store, "there", "old", 4), 0);
    assert_int_equal(rename_key(store, "key", "there"), 0);
    assert_int_equal(file_now(store, "there", "x"), 2);
    assert_int_equal(file_now(store, "there", "old"), META_E_NO_ANNOTATION);
    assert_int_equal(garbage_count(store), 2);
    assert_int_equal(append(store, "there", 5, 100, "e1"), 0);
    assert_int_equal(file_now(store, "there", "x"), 2);
    assert_sound(store);
    assert_int_equal(put(store, "there", 6), 0);
    assert_int_equal(file_now(store, "there", "x"), META_E_NO_ANNOTATION);
    assert_int_equal(garbage_count(store), 5);
}

/* ---- Versions ---- */

static void versions(void **state)
{
    struct store *store = *state;
    struct meta_version_id first, second;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", "x", 11), 0);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    first = put_version(store, "key", 2);
    assert_int_equal(file_now(store, "key", "x"), META_E_NO_ANNOTATION);
    assert_int_equal(annotation_put(store, "key", "x", 12), 0);
    second = put_version(store, "key", 3);
    assert_int_equal(annotation_put_version(store, store->bucket, "key", &null_version, "y", 13), 0);
    assert_int_equal(annotation_put_version(store, store->bucket, "key", &first, "x", 14), 0);
    assert_int_equal(annotation_file(store, "key", &null_version, "x"), 11);
    assert_int_equal(annotation_file(store, "key", &null_version, "y"), 13);
    assert_int_equal(annotation_file(store, "key", &first, "x"), 14);
    assert_int_equal(annotation_file(store, "key", &second, "x"), META_E_NO_ANNOTATION);
    assert_sound(store);
    struct meta_version_id marker = delete_version(store, "key", NULL).marker;
    assert_int_equal(annotation_put(store, "key", "x", 15), META_E_NO_KEY);
    assert_int_equal(annotation_put_version(store, store->bucket, "key", &marker, "x", 15),
                     META_E_DELETE_MARKER);
    (void)delete_version(store, "key", &marker);
    (void)delete_version(store, "key", &second);
    assert_int_equal(annotation_put_version(store, store->bucket, "key", &second, "x", 15),
                     META_E_NO_VERSION);
    assert_int_equal(file_now(store, "key", "x"), 14); /* current again, with its own */
    assert_int_equal(append(store, "key", 5, 100, "e2"), 0);
    assert_int_equal(file_now(store, "key", "x"), 14);
    assert_int_equal(annotation_put(store, "key", "x", 16), 0);
    assert_int_equal(annotation_file(store, "key", &first, "x"), 14);
    assert_int_equal(rename_key(store, "key", "other"), 0);
    assert_int_equal(file_now(store, "other", "x"), 16);
    assert_sound(store);
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    (void)put_version(store, "key", 6); /* in the place of the null version */
    assert_int_equal(annotation_file(store, "key", &null_version, "x"), META_E_NO_ANNOTATION);
    assert_int_equal(annotation_file(store, "key", &first, "x"), 14);
    assert_int_equal(annotation_put(store, "key", "z", 17), 0);
    (void)put_version(store, "key", 7);
    assert_int_equal(file_now(store, "key", "z"), META_E_NO_ANNOTATION);
    assert_int_equal(annotation_put(store, "key", "z", 18), 0);
    (void)delete_version(store, "key", NULL);
    assert_int_equal(annotation_file(store, "key", &null_version, "z"), META_E_DELETE_MARKER);
    (void)delete_version(store, "key", &first);
    assert_int_equal(annotation_file(store, "key", &first, "x"), META_E_NO_VERSION);
    assert_sound(store);
}

/* ---- Slices ---- */

#define MANY 900u

static void fill(struct store *store, const char *key, uint64_t first_file)
{
    char name[16];

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(annotation_put(store, key, name, first_file + i), 0);
    }
}

static int garbage_total(struct store *store)
{
    static struct meta_garbage entries[4 * MANY];

    return meta_garbage_take(store->reader, 0, entries, 4 * MANY);
}

static void they_go_in_slices(void **state)
{
    struct store *store = *state;
    int before;

    assert_int_equal(put(store, "key", 1), 0);
    fill(store, "key", 10);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(meta_sweep_is_due(store->reader), 0); /* the copy's still */
    assert_int_equal(put(store, "copy", 2), 0);
    assert_int_equal(meta_sweep_is_due(store->reader), 1);
    before = garbage_total(store);
    assert_in_range(before, 1, META_CLEAR_MAX + 1);
    for (bool more = true; more;) {
        assert_sound(store);
        store_reopen(store);
        more = sweep(store);
        int now = garbage_total(store);
        assert_in_range(now - before, 0, META_CLEAR_MAX);
        before = now;
    }
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    assert_int_equal(before, MANY + 1);
    assert_int_equal(annotation_put(store, "copy", "x", 9000), 0); /* numbers of sets go on */
    assert_int_equal(file_now(store, "copy", "x"), 9000);
}

/* A slice of one row, with the store closed before each. */
static void one_by_one(void **state)
{
    struct store *store = *state;
    const struct meta_options small = {.durable = false, .clear_max = 1};
    unsigned slices = 0;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", "x", 2), 0);
    assert_int_equal(annotation_put(store, "key", "y", 3), 0);
    assert_int_equal(annotation_put(store, "key", "z", 4), 0);
    store_reopen_with(store, &small);
    assert_int_equal(delete_key(store, "key"), 0);
    do {
        assert_sound(store);
        store_reopen_with(store, &small);
        slices++;
    } while (sweep(store));
    assert_in_range(slices, 2, 6);
    assert_int_equal(garbage_count(store), 4);
}

/* ---- A relaxed store ---- */

struct finding {
    uint64_t lost;
    struct meta_row_name row;
    unsigned count;
};

static int find_lost(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    struct finding *finding = ctx;

    if (extent->file == finding->lost) {
        finding->row = *name;
        finding->count++;
    }
    return META_ROW_GO_ON;
}

static void lost_bytes(void **state)
{
    only_sqlite();
    struct store *store = *state;
    struct finding finding = {.lost = 3};
    struct meta_lost op = {.kind = META_ROW_ANNOTATION, .rows = &finding.row, .count = 1};

    store_reopen_with(store, &(struct meta_options){.keeps_replaced = true});
    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", "x", 2), 0);
    assert_int_equal(annotation_put(store, "key", "y", 3), 0);
    assert_int_equal(copy(store, "key", "copy"), 0);
    assert_int_equal(meta_row_walk(store->reader, META_ROW_ANNOTATION, NULL, find_lost, &finding), 0);
    assert_int_equal(finding.count, 1); /* the set is shared */
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_LOST), 0);
    assert_int_equal(file_now(store, "key", "y"), META_E_NO_ANNOTATION);
    assert_int_equal(file_now(store, "copy", "y"), META_E_NO_ANNOTATION);
    assert_int_equal(file_now(store, "copy", "x"), 2);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_LOST), 0); /* told twice */
    assert_sound(store);
    struct meta_row_name last = finding.row;
    finding = (struct finding){.lost = 2};
    assert_int_equal(meta_row_walk(store->reader, META_ROW_ANNOTATION, &last, find_lost, &finding), 0);
    assert_int_equal(finding.count, 0); /* those after that row alone */
}

/* What was replaced comes back with its annotations. */
static void replaced_objects_keep_them(void **state)
{
    only_sqlite();
    struct store *store = *state;
    struct meta_row_name name = {.bucket = store->bucket, .key_length = 3, .key = "key"};
    struct meta_lost op = {.kind = META_ROW_OBJECT, .rows = &name, .count = 1};
    struct meta_mark_set mark = {.replaced = INT64_MAX};

    store_reopen_with(store, &(struct meta_options){.keeps_replaced = true});
    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(annotation_put(store, "key", "x", 2), 0);
    assert_int_equal(put(store, "key", 3), 0);
    assert_int_equal(file_now(store, "key", "x"), META_E_NO_ANNOTATION);
    assert_int_equal(annotation_put(store, "key", "y", 4), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_sound(store);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_LOST), 0);
    assert_int_equal(op.restored, 1);
    assert_int_equal(file_now(store, "key", "x"), 2);
    assert_int_equal(garbage_count(store), 2);               /* 3 and 4 */
    assert_int_equal(append(store, "key", 5, 100, "e1"), 0); /* in place, with what was there kept */
    assert_int_equal(file_now(store, "key", "x"), 2);
    assert_sound(store);
    assert_int_equal(op_wait(store->meta, &mark.op, META_OP_MARK), 0);
    assert_int_equal(file_now(store, "key", "x"), 2);
    assert_sound(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(one),
        store_test(what_is_refused),
        store_test(a_thousand),
        store_test(lists),
        store_test(copies),
        store_test(renames_and_appends),
        store_test(versions),
        store_test(they_go_in_slices),
        store_test(one_by_one),
        store_test(lost_bytes),
        store_test(replaced_objects_keep_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
