/* SPDX-License-Identifier: MIT
 *
 * Settings of buckets: set, replaced, removed, gone with their bucket, there again after a restart; and the
 * number that tells readers when to look again. */
#include "meta_test_support.h"

#include <errno.h>

#include "metadata/meta_settings.h"

static int setting_put(struct store *store, int64_t bucket, enum meta_setting_kind kind, const char *document)
{
    struct meta_setting_put op = {.bucket = bucket, .kind = kind};

    if (document != NULL)
        op.document = slice_text(document);
    return op_wait(store->meta, &op.op, META_OP_SETTING_PUT);
}

static void assert_setting(struct store *store, int64_t bucket, enum meta_setting_kind kind,
                           const char *expected)
{
    struct slice document;
    int result = meta_setting_get(store->reader, bucket, kind, &document);

    if (expected == NULL) {
        assert_int_equal(result, META_E_NO_SETTING);
        return;
    }
    assert_int_equal(result, 0);
    assert_int_equal(document.len, strlen(expected));
    assert_memory_equal(document.base, expected, document.len);
    free((void *)document.base);
}

static void a_setting_is_kept_by_bucket_and_kind(void **state)
{
    struct store *store = *state;
    int64_t other = bucket_create(store->meta, "other");

    assert_setting(store, store->bucket, META_SETTING_CORS, NULL);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_CORS, "first"), 0);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_CORS, "second"), 0);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_POLICY, ""), 0);
    assert_int_equal(setting_put(store, other, META_SETTING_CORS, "others"), 0);
    assert_setting(store, store->bucket, META_SETTING_CORS, "second");
    assert_setting(store, store->bucket, META_SETTING_POLICY, ""); /* empty is not absent */
    assert_setting(store, store->bucket, META_SETTING_ACL, NULL);
    assert_setting(store, other, META_SETTING_CORS, "others");
    store_reopen(store);
    assert_setting(store, store->bucket, META_SETTING_CORS, "second");
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_CORS, NULL), 0);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_CORS, NULL), 0);
    assert_setting(store, store->bucket, META_SETTING_CORS, NULL);
    assert_setting(store, other, META_SETTING_CORS, "others");
}

static void buckets_with_a_setting_are_found(void **state)
{
    struct store *store = *state;
    int64_t second = bucket_create(store->meta, "second"), third = bucket_create(store->meta, "third");
    int64_t found[4];

    assert_int_equal(setting_put(store, store->bucket, META_SETTING_LIFECYCLE, "a"), 0);
    assert_int_equal(setting_put(store, second, META_SETTING_CORS, "b"), 0);
    assert_int_equal(setting_put(store, third, META_SETTING_LIFECYCLE, "c"), 0);
    assert_int_equal(meta_setting_buckets(store->reader, META_SETTING_LIFECYCLE, 0, found, 4), 2);
    assert_int_equal(found[0], store->bucket);
    assert_int_equal(found[1], third);
    assert_int_equal(meta_setting_buckets(store->reader, META_SETTING_LIFECYCLE, 0, found, 1), 1);
    assert_int_equal(meta_setting_buckets(store->reader, META_SETTING_LIFECYCLE, found[0], found, 4), 1);
    assert_int_equal(found[0], third);
    assert_int_equal(meta_setting_buckets(store->reader, META_SETTING_LIFECYCLE, third, found, 4), 0);
}

static void settings_die_with_their_bucket(void **state)
{
    struct store *store = *state;
    int64_t bucket = bucket_create(store->meta, "short-lived"), found[1];

    assert_int_equal(setting_put(store, bucket, META_SETTING_CORS, "x"), 0);
    assert_int_equal(bucket_delete(store->meta, bucket), 0);
    assert_setting(store, bucket, META_SETTING_CORS, NULL);
    assert_int_equal(meta_setting_buckets(store->reader, META_SETTING_CORS, 0, found, 1), 0);
    assert_int_equal(setting_put(store, bucket, META_SETTING_CORS, "x"), META_E_NO_BUCKET);
}

static void what_cannot_be_is_refused(void **state)
{
    struct store *store = *state;
    struct meta_setting_put op = {.bucket = store->bucket, .kind = META_SETTING_CORS};
    char *large = malloc(META_SETTING_BYTES_MAX + 1);

    memset(large, 'x', META_SETTING_BYTES_MAX + 1);
    op.document = slice_of(large, META_SETTING_BYTES_MAX + 1);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_SETTING_PUT), -E2BIG);
    op.document.len--;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_SETTING_PUT), 0);
    free(large);
    assert_int_equal(setting_put(store, store->bucket, 0, "x"), -EINVAL);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_KIND_END, "x"), -EINVAL);
}

static void the_generation_follows_changes(void **state)
{
    struct store *store = *state;
    uint64_t before = meta_settings_generation(store->meta);

    assert_int_equal(put(store, "key", 3), 0);
    assert_int_equal(meta_settings_generation(store->meta), before);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_CORS, "x"), 0);
    uint64_t changed = meta_settings_generation(store->meta);
    assert_true(changed > before);
    assert_int_equal(setting_put(store, store->bucket, META_SETTING_CORS, NULL), 0);
    uint64_t removed = meta_settings_generation(store->meta);
    assert_true(removed > changed);
    assert_int_equal(bucket_delete(store->meta, bucket_create(store->meta, "gone")), 0);
    assert_true(meta_settings_generation(store->meta) > removed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_setting_is_kept_by_bucket_and_kind), store_test(buckets_with_a_setting_are_found),
        store_test(settings_die_with_their_bucket),       store_test(what_cannot_be_is_refused),
        store_test(the_generation_follows_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
