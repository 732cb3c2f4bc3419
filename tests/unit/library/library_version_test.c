/* SPDX-License-Identifier: MIT
 *
 * Versions through the public library: what a put tells, readers and deletes by version, and the listing. */
#include "tests/unit/library/library_support.h"

#define VERSIONS 1500 /* more than one page */

static void put(struct place *place, const char *key, const char *body, struct sluice_object_info *info)
{
    assert_int_equal(sluice_put(place->store, "bucket", key, body, strlen(body), NULL, info), 0);
}

static void expect_version(struct place *place, const char *version, const char *body)
{
    struct sluice_reader *reader;

    assert_int_equal(sluice_reader_open_version(place->store, "bucket", "k", version, &reader), 0);
    assert_string_equal(sluice_reader_info(reader)->version, version);
    assert_int_equal(sluice_reader_info(reader)->size, strlen(body));
    sluice_reader_close(reader);
}

static int open_result(struct place *place, const char *version)
{
    struct sluice_reader *reader;
    int err = sluice_reader_open_version(place->store, "bucket", "k", version, &reader);

    if (err == 0)
        sluice_reader_close(reader);
    return err;
}

static int last_marker(void *ctx, const struct sluice_version_entry *entry)
{
    if (entry->is_marker && entry->is_current)
        strcpy(ctx, entry->info.version);
    return 0;
}

static void by_version(void **state)
{
    struct sluice_object_info null, first, second, info;
    char marker[48] = "";
    struct place place;

    place_begin(&place, NULL);
    put(&place, "k", "a", &null);
    assert_string_equal(null.version, "null");
    assert_int_equal(sluice_bucket_set_versioning(place.store, "bucket", true), 0);
    assert_int_equal(sluice_bucket_set_versioning(place.store, "nobucket", true), SLUICE_E_NO_BUCKET);
    put(&place, "k", "bb", &first);
    put(&place, "k", "ccc", &second);
    assert_int_equal(strlen(first.version), 32);
    assert_string_not_equal(first.version, second.version);
    assert_int_equal(sluice_head(place.store, "bucket", "k", &info), 0);
    assert_string_equal(info.version, second.version);
    expect_version(&place, "null", "a");
    expect_version(&place, first.version, "bb");
    expect_version(&place, second.version, "ccc");

    assert_int_equal(sluice_delete(place.store, "bucket", "k"), 0);
    assert_int_equal(sluice_head(place.store, "bucket", "k", &info), SLUICE_E_NO_KEY);
    assert_int_equal(sluice_list_versions(place.store, "bucket", NULL, last_marker, marker), 0);
    assert_int_equal(open_result(&place, marker), SLUICE_E_DELETE_MARKER);
    assert_int_equal(sluice_delete_version(place.store, "bucket", "k", marker), 0);
    assert_int_equal(sluice_delete_version(place.store, "bucket", "k", second.version), 0);
    expect_object(place.store, "k", "bb", 2);
    assert_int_equal(open_result(&place, second.version), SLUICE_E_NO_VERSION);
    assert_int_equal(open_result(&place, "x"), -EINVAL);
    assert_int_equal(open_result(&place, "00000000000000000000000000000000"), -EINVAL);
    assert_int_equal(open_result(&place, "F0000000000000000000000000000000"), -EINVAL);
    assert_int_equal(sluice_delete_version(place.store, "bucket", "k", ""), -EINVAL);
    assert_int_equal(sluice_delete_version(place.store, "bucket", "k", second.version), 0);

    assert_int_equal(sluice_bucket_set_versioning(place.store, "bucket", false), 0);
    put(&place, "k", "dddd", &info);
    assert_string_equal(info.version, "null");
    expect_version(&place, "null", "dddd");
    expect_version(&place, first.version, "bb");
    assert_int_equal(sluice_bucket_delete(place.store, "bucket"), SLUICE_E_BUCKET_NOT_EMPTY);
    place_end(&place);
}

struct listed {
    int versions, prefixes, current;
    char newest[48];
};

static int count_version(void *ctx, const struct sluice_version_entry *entry)
{
    struct listed *listed = ctx;

    listed->prefixes += entry->is_prefix;
    listed->versions += !entry->is_prefix;
    listed->current += entry->is_current;
    if (entry->is_current)
        strcpy(listed->newest, entry->info.version);
    return 0;
}

static void listing(void **state)
{
    const struct sluice_list_options folders = {.delimiter = "/"}, few = {.limit = 7},
                                     behind = {.after = "k"};
    struct listed all = {0}, rolled = {0}, seven = {0}, none = {0};
    struct sluice_store_options options = {.relaxed = true};
    struct sluice_object_info info = {0};
    struct place place;

    place_begin(&place, &options);
    assert_int_equal(sluice_bucket_set_versioning(place.store, "bucket", true), 0);
    put(&place, "dir/a", "1", NULL);
    put(&place, "dir/b", "2", NULL);
    for (int i = 0; i < VERSIONS; i++)
        assert_int_equal(sluice_put(place.store, "bucket", "k", NULL, 0, NULL, &info), 0);
    assert_int_equal(sluice_list_versions(place.store, "bucket", NULL, count_version, &all), 0);
    assert_int_equal(all.versions, VERSIONS + 2);
    assert_int_equal(all.current, 3);
    assert_string_equal(all.newest, info.version);
    assert_int_equal(sluice_list_versions(place.store, "bucket", &folders, count_version, &rolled), 0);
    assert_int_equal(rolled.versions, VERSIONS);
    assert_int_equal(rolled.prefixes, 1);
    assert_int_equal(sluice_list_versions(place.store, "bucket", &few, count_version, &seven), 0);
    assert_int_equal(seven.versions, 7);
    assert_int_equal(sluice_list_versions(place.store, "bucket", &behind, count_version, &none), 0);
    assert_int_equal(none.versions, 0);
    assert_int_equal(sluice_list_versions(place.store, "nobucket", NULL, count_version, &none),
                     SLUICE_E_NO_BUCKET);
    place_end(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_version),
        cmocka_unit_test(listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
