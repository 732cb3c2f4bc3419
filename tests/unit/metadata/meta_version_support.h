/* SPDX-License-Identifier: MIT
 *
 * What the tests of versions share: short ways to put, delete and find one. */
#ifndef META_VERSION_SUPPORT_H
#define META_VERSION_SUPPORT_H

#include "meta_test_support.h"

MAYBE_UNUSED static int versioning_set(struct store *store, enum meta_versioning versioning)
{
    struct meta_bucket_versioning op = {.bucket = store->bucket, .versioning = versioning};

    return op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING);
}

MAYBE_UNUSED static struct meta_version_id put_version(struct store *store, const char *key, uint64_t file)
{
    struct meta_extent extent = whole_file(file, 100);
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text(key)};

    op.object.size = 100;
    op.object.extents = (struct meta_extents){&extent, 1};
    snprintf(op.object.etag, sizeof(op.object.etag), "e%llu", (unsigned long long)file);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    return op.object.version;
}

MAYBE_UNUSED static struct meta_delete_entry delete_version(struct store *store, const char *key,
                                                            const struct meta_version_id *version)
{
    struct meta_delete_entry entry = {.key = slice_text(key), .version = version};
    struct meta_object_delete op = {
        .bucket = store->bucket, .entries = &entry, .count = 1, .owner = slice_text("deleter")};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    assert_int_equal(entry.result, 0);
    return entry;
}

/* The file of a version, or the error. */
MAYBE_UNUSED static int64_t version_file(struct store *store, const char *key,
                                         const struct meta_version_id *version)
{
    struct meta_object object;
    int err = meta_version_get(store->reader, store->bucket, slice_text(key), version, &object);

    if (err != 0)
        return err;
    int64_t file = object.extents.count > 0 ? (int64_t)object.extents.list[0].file : 0;
    meta_object_release(&object);
    return file;
}

MAYBE_UNUSED static const struct meta_version_id null_version;

MAYBE_UNUSED static bool same(struct meta_version_id a, struct meta_version_id b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

#endif
