/* SPDX-License-Identifier: MIT
 *
 * Versions through the public library: a bucket's state, ids as texts, deleting and listing versions. */
#include "api/library/library.h"

#include <string.h>

_Static_assert(sizeof(((struct sluice_object_info *)0)->version) > META_VERSION_TEXT_BYTES,
               "every version fits");

int sluice_bucket_set_versioning(struct sluice_store *store, const char *bucket, bool enabled)
{
    struct meta_bucket_versioning op = {
        .op.kind = META_OP_BUCKET_VERSIONING,
        .versioning = enabled ? META_VERSIONING_ENABLED : META_VERSIONING_SUSPENDED,
    };
    struct core_worker *worker;
    int err;

    if ((err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, NULL, &op.bucket);
    if (err == 0)
        err = library_change(worker, &op.op);
    library_give_back(store, worker);
    return err;
}

int sluice_delete_version(struct sluice_store *store, const char *bucket, const char *key,
                          const char *version)
{
    struct meta_version_id id;
    struct meta_delete_entry entry = {.key = slice_text(key), .version = &id};
    struct meta_object_delete op = {.op.kind = META_OP_OBJECT_DELETE, .entries = &entry, .count = 1};
    struct core_worker *worker;
    int err;

    if ((err = meta_version_parse(slice_text(version), &id)) != 0 ||
        (err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, key, &op.bucket);
    if (err == 0)
        err = library_change(worker, &op.op);
    if (err == 0)
        err = entry.result;
    library_give_back(store, worker);
    return err;
}
