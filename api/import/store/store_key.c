/* SPDX-License-Identifier: MIT
 *
 * One key with all of its versions, the oldest first. Each is read again once it is stored. */
#include "api/import/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct version {
    struct from *from;
    const struct from_key *key;
    const struct from_version *is;
    struct core_worker *source; /* leased as long as `get` */
    struct core_get *get;
    const struct meta_object *object; /* as it is there; NULL: a delete marker */
    struct meta_object marker;
    bool is_ready;
};

static struct slice key_of(const struct from_key *key)
{
    return slice_of(key->key, key->length);
}

static int refuse(const struct version *version, const char *why)
{
    char text[META_VERSION_TEXT_BYTES + 1];

    (void)meta_version_format(&version->is->id, text);
    import_find(&version->from->import, SLUICE_IMPORT_REFUSED, version->key->bucket->bucket.name,
                version->key->key, text, why);
    return -EBADMSG;
}

/* ---- There ---- */

static int version_open(struct version *version)
{
    int err = library_lease(version->from->store, &version->source);

    if (err != 0)
        return err;
    err = core_get_begin_version(version->source, version->key->bucket->bucket.id, key_of(version->key),
                                 &version->is->id, &version->get, &version->object, &version->marker);
    if (err == META_E_DELETE_MARKER) {
        version->object = NULL;
        return 0;
    }
    if (err != 0) {
        library_give_back(version->from->store, version->source);
        version->source = NULL;
    }
    return err;
}

static void version_close(struct version *version)
{
    if (version->get != NULL)
        core_get_end(version->get);
    if (version->source != NULL)
        library_give_back(version->from->store, version->source);
}

static void on_ready(void *ctx)
{
    ((struct version *)ctx)->is_ready = true;
}

static void wait_ready(struct version *version)
{
    while (!version->is_ready)
        core_worker_wait(version->source);
}

/* Bytes that are damaged there are met here: their unit is compared with its checksum as it passes. */
static int body_copy(struct version *version, struct sluice_writer *writer, void *buffer)
{
    uint64_t left = version->object->size;
    int err = 0;

    version->is_ready = false;
    if (left > 0 && (err = core_get_open(version->get, 0, left, on_ready, version)) == -EBUSY) {
        wait_ready(version);
        err = core_get_status(version->get);
    }
    while (err == 0 && left > 0) {
        version->is_ready = false;
        ssize_t n =
            core_get_read(version->get, buffer, left < IMPORT_COPY_BYTES ? (size_t)left : IMPORT_COPY_BYTES);
        if (n == -EBUSY) {
            wait_ready(version);
            continue;
        }
        if (n <= 0)
            return n == 0 ? -EIO : (int)n;
        if ((err = sluice_writer_write(writer, buffer, (size_t)n)) != 0)
            return err;
        left -= (uint64_t)n;
        import_count(&version->from->import, &(struct sluice_import_report){.bytes = (uint64_t)n});
        if (import_is_over(&version->from->import))
            err = -ECANCELED;
    }
    return err;
}

/* ---- Here ---- */

/* As it is here. 0 with *object to be released, if it is no marker; META_E_NO_VERSION; or an error. */
static int here_get(struct version *version, struct meta_object *object)
{
    struct core_worker *worker;
    int err = library_lease(version->from->import.store, &worker);

    if (err != 0)
        return err;
    err = meta_version_get(core_worker_reader(worker), version->key->bucket->id, key_of(version->key),
                           &version->is->id, object);
    library_give_back(version->from->import.store, worker);
    return err == META_E_NO_KEY ? META_E_NO_VERSION : err;
}

static bool is_same(const struct meta_object *here, const struct meta_object *there)
{
    return here->size == there->size && here->modified_ms == there->modified_ms &&
           strcmp(here->etag, there->etag) == 0 && here->part_count == there->part_count &&
           here->attributes.count == there->attributes.count &&
           here->checksum.algorithm == there->checksum.algorithm &&
           memcmp(here->checksum.value, there->checksum.value, there->checksum.length) == 0;
}

/* Whether it is here, as it is there: 1, 0, or an error; META_E_CHANGED: something else is. */
static int version_is_here(struct version *version)
{
    struct meta_object here;
    int err = here_get(version, &here), same;

    if (err == META_E_NO_VERSION)
        return 0;
    if (err == META_E_DELETE_MARKER)
        return version->object == NULL ? 1 : META_E_CHANGED;
    if (err != 0)
        return err;
    same = version->object != NULL && is_same(&here, version->object) ? 1 : META_E_CHANGED;
    meta_object_release(&here);
    return same;
}

static void op_fill(const struct version *version, struct meta_object_import *op)
{
    const struct meta_object *object = version->object != NULL ? version->object : &version->marker;

    *op = (struct meta_object_import){.is_marker = version->object == NULL,
                                      .is_null = meta_version_is_null(&version->is->id),
                                      .has_id = true,
                                      .id = version->is->id};
    op->put.bucket = version->key->bucket->id;
    op->put.key = key_of(version->key);
    op->put.object = *object;
    op->put.object.extents = (struct meta_extents){0};
    op->put.object.annotations = 0; /* a set of the other store's */
    if (op->is_marker)
        op->put.object.owner = slice_text(version->is->owner);
}

static int marker_store(struct version *version, struct meta_object_import *op)
{
    struct sluice_store *store = version->from->import.store;
    struct core_worker *worker;
    int err = library_lease(store, &worker);

    if (err != 0)
        return err;
    op->put.op.kind = META_OP_OBJECT_IMPORT;
    err = library_change(worker, &op->put.op);
    library_give_back(store, worker);
    return err;
}

static int object_store(struct version *version, struct meta_object_import *op, void *buffer)
{
    struct sluice_writer *writer;
    int err = library_writer_begin_import(version->from->import.store, version->key->bucket->bucket.name,
                                          version->key->key, version->object->size, &writer);

    if (err != 0)
        return err;
    if ((err = body_copy(version, writer, buffer)) != 0) {
        sluice_writer_abort(writer);
        return err;
    }
    return library_writer_import(writer, op);
}

static int visit_annotation(void *ctx, const struct meta_annotation *annotation)
{
    return 1;
}

static void annotations_leave_out(struct version *version)
{
    bool truncated;
    char text[META_VERSION_TEXT_BYTES + 1];

    if (version->object == NULL || version->object->annotations == 0 ||
        meta_annotation_list(core_worker_reader(version->source), version->object->annotations,
                             slice_text(""), slice_text(""), 1, visit_annotation, NULL, &truncated) != 1)
        return;
    (void)meta_version_format(&version->is->id, text);
    import_find(&version->from->import, SLUICE_IMPORT_LEFT_OUT, version->key->bucket->bucket.name,
                version->key->key, text, "its annotations");
}

/* -EBADMSG: it was refused, and told. */
static int version_store(struct version *version, void *buffer)
{
    struct sluice_import_report more = {0};
    struct meta_object_import op;
    int err = version_is_here(version);

    if (err == 1) {
        more.present = 1;
        import_count(&version->from->import, &more);
        return 0;
    }
    if (err == 0 && version->get != NULL && core_get_is_sealed(version->get))
        return refuse(version, "it is encrypted, under keys that stay with its store");
    if (err == 0) {
        op_fill(version, &op);
        err = version->object == NULL ? marker_store(version, &op) : object_store(version, &op, buffer);
    }
    if (err == 0 && version_is_here(version) != 1)
        return refuse(version, "it was stored, and is not found as it was");
    if (err == META_E_CHANGED || err == -EEXIST)
        return refuse(version, "the key has something else here that is newer, or is this version");
    if (err == META_E_BUCKET_STATE)
        return refuse(version, "the bucket here has no versions, or is a cache");
    if (err == -EIO)
        return refuse(version, "its bytes are damaged, or cannot be read or written");
    if (err != 0)
        return err;
    annotations_leave_out(version);
    if (version->object == NULL)
        more.markers = 1;
    else
        more.versions = 1;
    import_count(&version->from->import, &more);
    return 0;
}

int from_key_import(struct from *from, const struct from_key *key, void *buffer)
{
    int err = 0;

    for (size_t i = key->count; i > 0 && err == 0; i--) {
        struct version version = {.from = from, .key = key, .is = &key->versions[i - 1]};

        if ((err = version_open(&version)) != 0)
            err = err == META_E_CORRUPT || err == -EIO ? refuse(&version, "its row is damaged") : err;
        else
            err = version_store(&version, buffer);
        version_close(&version);
        if (err == 0 && import_is_over(&from->import))
            err = -ECANCELED;
    }
    if (err != 0 &&
        err != -EBADMSG) /* of which the newer versions stay away, too: it would show an older one */
        return err;
    import_count(&from->import, &(struct sluice_import_report){.keys_done = 1});
    return 0;
}
