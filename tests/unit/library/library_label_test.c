/* SPDX-License-Identifier: MIT
 *
 * Attributes that are no headers (tags, ACLs, locks, tokens of renames), as the public library has them: not at all. They are put
 * into the rows here behind its back. */
#include "tests/unit/library/library_support.h"

#include "tests/unit/metadata/meta_test_support.h"

static const char *const names[] = {META_ATTRIBUTE_TAGS, META_ATTRIBUTE_ACL, META_ATTRIBUTE_LOCK,
                                    META_ATTRIBUTE_RENAME};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* Puts the object again, with the attributes given and all that are no headers. */
static void label(const struct place *place)
{
    struct meta_attribute list[NAMES + 1] = {{slice_text("content-type"), slice_text("text/plain")}};
    struct meta_object_put op = {.object = {.attributes = {list, NAMES + 1}, .etag = "e"},
                                 .key = slice_text("k")};
    struct meta_reader *reader;
    struct meta_bucket bucket;
    struct meta *meta;
    char path[96], chronicle[96];

    for (size_t i = 0; i < NAMES; i++)
        list[i + 1] = (struct meta_attribute){slice_text(names[i]), slice_text("any")};
    snprintf(path, sizeof(path), "%s/sluice.db", place->dir);
    snprintf(chronicle, sizeof(chronicle), "%s/blobs/chronicle",
             place->dir); /* else the check finds a row that nobody told of */
    assert_int_equal(meta_open(&meta, path, &(struct meta_options){.chronicle = chronicle}), 0);
    assert_int_equal(meta_reader_open(meta, &reader), 0);
    assert_int_equal(meta_bucket_get(reader, slice_text("bucket"), &bucket), 0);
    op.bucket = bucket.id;
    assert_int_equal(op_wait(meta, &op.op, META_OP_OBJECT_PUT), 0);
    meta_reader_close(reader);
    meta_close(meta);
}

static void labels_are_not_shown(void **state)
{
    struct sluice_reader *reader;
    struct place place;

    place_begin(&place, NULL);
    sluice_store_close(place.store);
    label(&place);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL), 0);
    assert_int_equal(sluice_reader_open(place.store, "bucket", "k", &reader), 0);
    assert_int_equal(sluice_reader_attribute_count(reader), 1);
    assert_string_equal(sluice_reader_attribute(reader, 0).name, "content-type");
    assert_string_equal(sluice_reader_attribute(reader, 0).value, "text/plain");
    sluice_reader_close(reader);
    place_end(&place);
}

static void labels_are_not_put(void **state)
{
    struct place place;

    place_begin(&place, NULL);
    for (size_t i = 0; i < NAMES; i++) {
        const struct sluice_attribute attribute = {names[i], "any"};
        const struct sluice_put_options options = {.attributes = &attribute, .attribute_count = 1};

        assert_int_equal(sluice_put(place.store, "bucket", "k", "1", 1, &options, NULL), -EINVAL);
    }
    assert_int_equal(sluice_head(place.store, "bucket", "k", NULL), SLUICE_E_NO_KEY);
    place_end(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_not_shown),
        cmocka_unit_test(labels_are_not_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
