/* SPDX-License-Identifier: MIT
 *
 * Versions that were given their names elsewhere: their order, how they are found, where they go, and what is refused. */
#include "meta_version_support.h"

#include <errno.h>

#include "metadata/meta_import.h"
#include "metadata/meta_lock.h"

static const unsigned char names[][META_VERSION_NAME_BYTES] = {{0xf0, 1}, {0x10, 2}, {0x80, 3}, {0x01, 4}};

static const char *const uuids[] = {
    "f0010000-0000-0000-0000-000000000000", "10020000-0000-0000-0000-000000000000",
    "80030000-0000-0000-0000-000000000000", "01040000-0000-0000-0000-000000000000"};

/* name NULL: the null version; file 0: a delete marker. */
static int import(struct store *store, const unsigned char *name, uint64_t file, int64_t ms)
{
    struct meta_extent extent = whole_file(file != 0 ? file : 1, 100);
    struct meta_object_import op = {.is_marker = file == 0, .is_null = name == NULL};

    op.put.bucket = store->bucket;
    op.put.key = slice_text("key");
    op.put.object.modified_ms = ms;
    if (name != NULL)
        memcpy(op.name, name, sizeof(op.name));
    if (file != 0) {
        op.put.object.size = 100;
        op.put.object.extents = (struct meta_extents){&extent, 1};
        snprintf(op.put.object.etag, sizeof(op.put.object.etag), "e%llu", (unsigned long long)file);
    }
    return op_wait(store->meta, &op.put.op, META_OP_OBJECT_IMPORT);
}

static struct meta_version_id named(int i)
{
    struct meta_version_id id;

    assert_int_equal(meta_version_parse(slice_text(uuids[i]), &id), 0);
    assert_true(meta_version_is_placeless(&id));
    return id;
}

struct listed {
    char text[512];
    struct meta_version_id last;
};

static int visit(void *ctx, const struct meta_version_entry *entry)
{
    struct listed *listed = ctx;
    char version[META_VERSION_TEXT_BYTES + 1];

    meta_version_format(&entry->version, version);
    listed->last = entry->version;
    snprintf(listed->text + strlen(listed->text), sizeof(listed->text) - strlen(listed->text), "%.4s%s@%lld ",
             version, entry->is_current ? "*" : "", (long long)entry->modified_ms);
    return 0;
}

/* From behind `marker` on, where there is one. */
static struct listed list_from(struct store *store, const struct meta_version_id *marker, uint32_t limit)
{
    struct meta_version_query query = {.bucket = store->bucket,
                                       .limit = limit,
                                       .key_marker = slice_text(marker != NULL ? "key" : ""),
                                       .version_marker = marker};
    struct listed listed = {.text = ""};
    bool truncated;

    assert_int_equal(meta_version_list(store->reader, &query, visit, &listed, &truncated), 0);
    return listed;
}

static void assert_listed(struct store *store, const char *expected)
{
    assert_string_equal(list_from(store, NULL, 100).text, expected);
}

static void setup_four(struct store *store)
{
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(import(store, names[0], 1, 1000), 0);
    assert_int_equal(import(store, NULL, 2, 1000), 0); /* of the same millisecond */
    assert_int_equal(import(store, names[1], 3, 1000), 0);
    assert_int_equal(import(store, names[2], 0, 2000), 0);
    assert_int_equal(import(store, names[3], 4, 3000), 0);
}

static void test_order_is_that_of_the_import(void **state)
{
    struct store *store = *state;

    setup_four(store);
    assert_listed(store, "0104*@3000 8003@2000 1002@1000 null@1000 f001@1000 ");
}

static void test_each_is_found_by_its_name(void **state)
{
    struct store *store = *state;
    static const int64_t files[] = {1, 3, META_E_DELETE_MARKER, 4};

    setup_four(store);
    for (int i = 0; i < 4; i++) {
        struct meta_version_id id = named(i);
        assert_int_equal(version_file(store, "key", &id), files[i]);
    }
    assert_int_equal(version_file(store, "key", &null_version), 2);
    assert_int_equal(version_file(store, "key", NULL), 4);
    struct meta_version_id other = {.bytes = {[9] = 7}, .is_given = true};
    assert_int_equal(version_file(store, "key", &other), META_E_NO_VERSION);
    /* Also by all there is to know of one, and not by half of it. */
    struct listed listed = list_from(store, NULL, 3);
    assert_int_equal(version_file(store, "key", &listed.last), 3);
    listed.last.bytes[7] ^= 1;
    assert_int_equal(version_file(store, "key", &listed.last), META_E_NO_VERSION);
}

static void test_done_again_it_changes_nothing(void **state)
{
    struct store *store = *state;

    setup_four(store);
    assert_int_equal(import(store, names[0], 1, 1000), -EEXIST);
    assert_int_equal(import(store, NULL, 2, 1000), -EEXIST);
    assert_int_equal(import(store, names[2], 0, 2000), -EEXIST);
    assert_int_equal(import(store, names[3], 4, 3000), -EEXIST);
    assert_int_equal(import(store, NULL, 5, 1000), META_E_CHANGED); /* another null version */
    assert_int_equal(import(store, NULL, 2, 1001), META_E_CHANGED);
    assert_listed(store, "0104*@3000 8003@2000 1002@1000 null@1000 f001@1000 ");
}

static void test_nothing_comes_below_what_is_newer(void **state)
{
    struct store *store = *state;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    put_version(store, "key", 1);
    assert_int_equal(import(store, names[0], 2, 1000), META_E_CHANGED);
    delete_version(store, "key", NULL);
    assert_int_equal(import(store, names[0], 0, 1000), META_E_CHANGED);
    assert_int_equal(import(store, names[0], 2, 0), -EINVAL);
    assert_int_equal(import(store, names[0], 2, META_IMPORT_MS_MAX + 1), -EINVAL);
}

/* The newest one is not known as a version yet: its time says that it is newer. */
static void test_nothing_comes_below_what_was_there_before_versions(void **state)
{
    struct store *store = *state;

    assert_int_equal(import(store, NULL, 1, 2000), 0);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(import(store, names[0], 2, 1000), META_E_CHANGED);
    assert_listed(store, "null*@2000 ");
    assert_int_equal(import(store, names[0], 2, 3000), 0);
    assert_listed(store, "f001*@3000 null@2000 ");
}

static void test_a_bucket_without_versions_takes_the_null_version(void **state)
{
    struct store *store = *state;

    assert_int_equal(import(store, names[0], 1, 1000), META_E_BUCKET_STATE);
    assert_int_equal(import(store, NULL, 0, 1000), META_E_BUCKET_STATE);
    assert_int_equal(import(store, NULL, 1, 1000), 0);
    assert_int_equal(import(store, NULL, 1, 1000), -EEXIST);
    assert_int_equal(import(store, NULL, 2, 2000), META_E_CHANGED);
    assert_listed(store, "null*@1000 ");
}

static void test_rows_move_with_their_names(void **state)
{
    struct store *store = *state;

    setup_four(store);
    struct meta_version_id ours = put_version(store, "key", 9);
    assert_int_equal(version_file(store, "key", &ours), 9);
    struct meta_version_id first = named(3);
    assert_int_equal(version_file(store, "key", &first), 4); /* archived */
    assert_true(delete_version(store, "key", &ours).existed);
    assert_listed(store, "0104*@3000 8003@2000 1002@1000 null@1000 f001@1000 ");
    assert_true(delete_version(store, "key", &first).existed);
    struct meta_version_id marker = named(2);
    struct meta_delete_entry removed = delete_version(store, "key", &marker);
    assert_true(removed.existed && removed.marker_removed);
    assert_listed(store, "1002*@1000 null@1000 f001@1000 "); /* restored */
    assert_false(delete_version(store, "key", &marker).existed);
}

static void test_a_place_outlives_its_version(void **state)
{
    struct store *store = *state;

    setup_four(store);
    struct meta_version_id place = list_from(store, NULL, 3).last, name = named(1);
    assert_string_equal(list_from(store, &place, 100).text, "null@1000 f001@1000 ");
    assert_string_equal(list_from(store, &name, 100).text, "null@1000 f001@1000 ");
    assert_true(delete_version(store, "key", &name).existed);
    assert_string_equal(list_from(store, &place, 100).text, "null@1000 f001@1000 ");
    /* A name alone does not say where it was: nothing is left out. */
    assert_string_equal(list_from(store, &name, 100).text, "0104*@3000 8003@2000 null@1000 f001@1000 ");
}

/* ---- Ids of a store like this one ---- */

/* sequence: its place, higher for newer; 0: the null version. */
static int import_whole(struct store *store, uint64_t sequence, uint64_t file, int64_t ms)
{
    struct meta_extent extent = whole_file(file, 100);
    struct meta_object_import op = {.is_null = sequence == 0, .has_id = true};

    for (int i = 0; sequence != 0 && i < 8; i++)
        op.id.bytes[i] = (unsigned char)(~sequence >> (56 - 8 * i));
    op.id.bytes[15] = sequence != 0 ? 9 : 0;
    op.put.bucket = store->bucket;
    op.put.key = slice_text("key");
    op.put.object.modified_ms = ms;
    op.put.object.size = 100;
    op.put.object.extents = (struct meta_extents){&extent, 1};
    snprintf(op.put.object.etag, sizeof(op.put.object.etag), "e%llu", (unsigned long long)file);
    return op_wait(store->meta, &op.put.op, META_OP_OBJECT_IMPORT);
}

static void test_whole_ids_stay_in_the_order_of_their_places(void **state)
{
    static const char *const all = "ffff*@500 ffff@2000 null@3000 ffff@1000 ";
    struct store *store = *state;
    struct listed listed;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(import_whole(store, 10, 1, 1000), 0);
    assert_int_equal(import_whole(store, 0, 2, 3000), 0);
    assert_int_equal(import_whole(store, 20, 3, 2000), 0);
    assert_int_equal(import_whole(store, 30, 4, 500), 0); /* the clock went back, and the places did not */
    assert_listed(store, all);
    listed = list_from(store, NULL, 1);
    assert_int_equal(listed.last.bytes[7], (unsigned char)~30);
    assert_int_equal(listed.last.bytes[15], 9);
    assert_false(listed.last.is_given);
    assert_int_equal(version_file(store, "key", &listed.last), 4);
    /* Again: it is there. What would come below is refused. */
    assert_int_equal(import_whole(store, 30, 4, 500), -EEXIST);
    assert_int_equal(import_whole(store, 0, 2, 3000), -EEXIST);
    assert_int_equal(import_whole(store, 25, 5, 4000), META_E_CHANGED);
    assert_listed(store, all);
    /* What is put now is newer than all. */
    put_version(store, "key", 6);
    assert_int_equal(version_file(store, "key", NULL), 6);
}

static void test_texts(void **state)
{
    static const char *const refused[] = {"",
                                          "NULL",
                                          "F0010000-0000-0000-0000-000000000000",
                                          "f001000000000-0000-0000-000000000000",
                                          "00000000000000000000000000000000",
                                          "f0010000-0000-0000-0000-00000000000g",
                                          "000102030405060708090a0b0c0d0e0f101112131415161X",
                                          "0001020304050607 8090a0b0c0d0e0f1"};
    static const char whole[] = "000102030405060708090a0b0c0d0e0f1011121314151617";
    char text[META_VERSION_WHOLE_BYTES + 1];
    struct meta_version_id id;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(meta_version_parse(slice_text(refused[i]), &id), -EINVAL);
    assert_int_equal(meta_version_parse(slice_text(whole), &id), 0);
    assert_int_equal(meta_version_format_whole(&id, text), META_VERSION_WHOLE_BYTES);
    assert_string_equal(text, whole);
    assert_int_equal(meta_version_format(&id, text), META_VERSION_TEXT_BYTES);
    assert_string_equal(text, "08090a0b-0c0d-0e0f-1011-121314151617");
    assert_int_equal(meta_version_parse(slice_text("null"), &id), 0);
    assert_true(meta_version_is_null(&id));
    /* Zeros are the null version's, which has a text of its own. */
    assert_int_equal(meta_version_parse(slice_text("000000000000000008090a0b0c0d0e0f1011121314151617"), &id),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_order_is_that_of_the_import),
        store_test(test_each_is_found_by_its_name),
        store_test(test_done_again_it_changes_nothing),
        store_test(test_nothing_comes_below_what_is_newer),
        store_test(test_nothing_comes_below_what_was_there_before_versions),
        store_test(test_a_bucket_without_versions_takes_the_null_version),
        store_test(test_rows_move_with_their_names),
        store_test(test_a_place_outlives_its_version),
        store_test(test_whole_ids_stay_in_the_order_of_their_places),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
