/* SPDX-License-Identifier: MIT
 *
 * Labels of objects: set, exchanged and removed without touching anything else of the row; what a copy
 * takes over; what becomes of them when the object is overwritten. */
#include "meta_test_support.h"

#include <errno.h>

static int label(struct store *store, const char *key, const char *name, const char *value)
{
    struct meta_object_label op = {.bucket = store->bucket, .key = slice_text(key), .name = name};

    if (value != NULL)
        op.value = slice_text(value);
    return op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL);
}

static void assert_attribute(struct store *store, const char *key, const char *name, const char *expected)
{
    struct meta_object object;
    const struct meta_attribute *found = NULL;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    for (uint32_t i = 0; i < object.attributes.count; i++) {
        if (!slice_is(object.attributes.list[i].name, name))
            continue;
        assert_null(found); /* no name twice */
        found = &object.attributes.list[i];
    }
    if (expected == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_int_equal(found->value.len, strlen(expected));
        assert_memory_equal(found->value.base, expected, strlen(expected));
    }
    meta_object_release(&object);
}

static void put_described(struct store *store, const char *key, uint64_t file)
{
    struct meta_extent extent = whole_file(file, 10);
    struct meta_attribute attributes[] = {{slice_text("content-type"), slice_text("text/plain")},
                                          {slice_text(META_ATTRIBUTE_TAGS), slice_text("a=1")},
                                          {slice_text("x-amz-meta-m"), slice_text("v")}};
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text(key)};

    op.object.size = 10;
    op.object.modified_ms = 1234567;
    op.object.extents = (struct meta_extents){&extent, 1};
    op.object.attributes = (struct meta_attributes){attributes, 3};
    strcpy(op.object.etag, "etag");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
}

static void a_label_changes_nothing_else(void **state)
{
    struct store *store = *state;
    struct meta_object object;

    put_described(store, "key", 3);
    assert_attribute(store, "key", META_ATTRIBUTE_TAGS, "a=1");
    assert_int_equal(label(store, "key", META_ATTRIBUTE_TAGS, "b=2&c="), 0);
    assert_int_equal(label(store, "key", META_ATTRIBUTE_ACL, "public"), 0);
    assert_attribute(store, "key", META_ATTRIBUTE_TAGS, "b=2&c=");
    assert_attribute(store, "key", META_ATTRIBUTE_ACL, "public");
    assert_attribute(store, "key", "content-type", "text/plain");
    assert_attribute(store, "key", "x-amz-meta-m", "v");
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &object), 0);
    assert_int_equal(object.modified_ms, 1234567);
    assert_string_equal(object.etag, "etag");
    assert_int_equal(object.size, 10);
    assert_int_equal(object.extents.list[0].file, 3);
    meta_object_release(&object);
    assert_int_equal(label(store, "key", META_ATTRIBUTE_TAGS, NULL), 0);
    assert_attribute(store, "key", META_ATTRIBUTE_TAGS, NULL);
    assert_attribute(store, "key", META_ATTRIBUTE_ACL, "public");
    assert_int_equal(label(store, "key", META_ATTRIBUTE_ACL, NULL), 0);
    assert_attribute(store, "key", "x-amz-meta-m", "v");
    assert_int_equal(garbage_count(store), 0);
}

static void an_object_without_attributes_can_be_labelled(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "plain", 4), 0);
    assert_int_equal(label(store, "plain", META_ATTRIBUTE_TAGS, "k=v"), 0);
    assert_attribute(store, "plain", META_ATTRIBUTE_TAGS, "k=v");
    assert_int_equal(label(store, "plain", META_ATTRIBUTE_TAGS, NULL), 0);
    assert_attribute(store, "plain", META_ATTRIBUTE_TAGS, NULL);
    assert_int_equal(put(store, "plain", 5), 0);
    assert_int_equal(label(store, "plain", META_ATTRIBUTE_TAGS, "k=v"), 0);
    assert_int_equal(put(store, "plain", 6), 0); /* a new object has nothing of the old one */
    assert_attribute(store, "plain", META_ATTRIBUTE_TAGS, NULL);
}

static void what_cannot_be_is_refused(void **state)
{
    struct store *store = *state;
    char large[META_ATTRIBUTES_BYTES_MAX + META_LABELS_BYTES_MAX + 2];

    assert_int_equal(label(store, "missing", META_ATTRIBUTE_TAGS, "k=v"), META_E_NO_KEY);
    put_described(store, "key", 3);
    assert_int_equal(label(store, "key", "content-type", "text/html"), -EINVAL);
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(label(store, "key", META_ATTRIBUTE_TAGS, large), -E2BIG);
    assert_attribute(store, "key", META_ATTRIBUTE_TAGS, "a=1");
}

static int seal(struct store *store, const char *key, const char *was, const char *value)
{
    struct meta_object_label op = {.bucket = store->bucket,
                                   .key = slice_text(key),
                                   .name = META_ATTRIBUTE_SEAL,
                                   .value = slice_text(value),
                                   .was = slice_text(was)};

    return op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL);
}

/* Two that exchange one at a time: the second one has seen what is no more, and must not undo what the first one has done. */
static void a_seal_is_exchanged_for_the_one_that_was_seen(void **state)
{
    struct meta_extent extent = whole_file(3, 10);
    struct meta_attribute attributes[] = {{slice_text(META_ATTRIBUTE_SEAL), slice_text("first")}};
    struct store *store = *state;
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text("key")};

    op.object.size = 10;
    op.object.extents = (struct meta_extents){&extent, 1};
    op.object.attributes = (struct meta_attributes){attributes, 1};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    assert_int_equal(seal(store, "missing", "first", "second"), META_E_NO_KEY);
    assert_int_equal(seal(store, "key", "other", "second"), META_E_CHANGED);
    assert_attribute(store, "key", META_ATTRIBUTE_SEAL, "first");
    assert_int_equal(seal(store, "key", "first", "second"), 0);
    assert_int_equal(seal(store, "key", "first", "third"), META_E_CHANGED);
    assert_attribute(store, "key", META_ATTRIBUTE_SEAL, "second");
}

/* Copies "key" to "copy". tags: NULL takes over the source's. */
static void copy_key(struct store *store, bool replace_attributes, const char *tags, const char *acl)
{
    struct meta_attribute replaced[] = {{slice_text("content-type"), slice_text("image/png")},
                                        {slice_text(META_ATTRIBUTE_TAGS), slice_text("must=not")}};
    struct meta_object_copy op = {
        .source = {.bucket = store->bucket,
                   .key = slice_text("key"),
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .bucket = store->bucket,
        .key = slice_text("copy"),
        .replace_attributes = replace_attributes,
        .attributes = {replaced, 2},
        .replace_tags = tags != NULL,
    };

    if (tags != NULL)
        op.tags = slice_text(tags);
    if (acl != NULL)
        op.acl = slice_text(acl);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), 0);
}

static void copies_take_tags_and_leave_rights(void **state)
{
    struct store *store = *state;

    put_described(store, "key", 3);
    assert_int_equal(label(store, "key", META_ATTRIBUTE_ACL, "public"), 0);
    copy_key(store, false, NULL, NULL);
    assert_attribute(store, "copy", META_ATTRIBUTE_TAGS, "a=1");
    assert_attribute(store, "copy", META_ATTRIBUTE_ACL, NULL);
    assert_attribute(store, "copy", "content-type", "text/plain");
    copy_key(store, true, NULL, "own");
    assert_attribute(store, "copy", META_ATTRIBUTE_TAGS, "a=1");
    assert_attribute(store, "copy", META_ATTRIBUTE_ACL, "own");
    assert_attribute(store, "copy", "content-type", "image/png");
    assert_attribute(store, "copy", "x-amz-meta-m", NULL);
    copy_key(store, false, "z=9", NULL);
    assert_attribute(store, "copy", META_ATTRIBUTE_TAGS, "z=9");
    assert_attribute(store, "copy", "x-amz-meta-m", "v");
    copy_key(store, true, "", NULL);
    assert_attribute(store, "copy", META_ATTRIBUTE_TAGS, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_label_changes_nothing_else),
        store_test(an_object_without_attributes_can_be_labelled),
        store_test(what_cannot_be_is_refused),
        store_test(a_seal_is_exchanged_for_the_one_that_was_seen),
        store_test(copies_take_tags_and_leave_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
