/* SPDX-License-Identifier: MIT
 *
 * One key: its xl.meta, and then its versions, the oldest first. All of it is looked at before anything is stored: a key that lacks its newest version
 * would show an older one as if it were that. */
#include "api/import/import.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/text/names.h"

struct key {
    struct import_hand *hand;
    const struct import_bucket *bucket;
    const char *key;
    int folder; /* open */
    struct slice file;
    struct xl_meta meta;
    struct meta_object_import *ops; /* one for each version */
    const struct xl_version *at;    /* which is looked at */
};

static void version_format(const struct xl_version *version, char text[XL_UUID_BYTES + 1])
{
    if (xl_id_is_null(version->id))
        strcpy(text, "null");
    else
        xl_id_format(version->id, text);
}

static int refuse(struct key *key, const struct xl_version *version, const char *why)
{
    char text[XL_UUID_BYTES + 1];

    if (version != NULL)
        version_format(version, text);
    import_find(key->hand->import, SLUICE_IMPORT_REFUSED, key->bucket != NULL ? key->bucket->name : NULL,
                key->key, version != NULL ? text : NULL, why);
    return -EBADMSG;
}

/* ---- xl.meta ---- */

static int meta_load(struct key *key)
{
    const char *why;
    int err = folder_read(key->folder, "xl.meta", XL_META_BYTES_MAX, &key->file);

    if (err == -EFBIG || err == -EINVAL)
        return refuse(key, NULL,
                      err == -EFBIG ? "its xl.meta is larger than is read" : "its xl.meta is no file");
    if (err != 0)
        return err == -ENOMEM ? err : refuse(key, NULL, strerror(-err));
    err = xl_meta_read(&key->hand->arena, key->file, &key->meta, &why);
    return err == -EBADMSG || err == -ENOTSUP ? refuse(key, NULL, why) : err;
}

/* MinIO's own versions are not there. */
static void hidden_drop(struct xl_meta *meta)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < meta->count; i++)
        if (!xl_version_is_hidden(&meta->versions[i]))
            meta->versions[kept++] = meta->versions[i];
    meta->count = kept;
}

/* ---- What is to be stored ---- */

static void note_header(void *ctx, struct slice header)
{
    const struct key *key = ctx;
    char version[XL_UUID_BYTES + 1], why[IMPORT_WHY_BYTES];

    version_format(key->at, version);
    (void)snprintf(why, sizeof(why), "its header %.*s is not kept here",
                   (int)(header.len < 64 ? header.len : 64), header.base);
    import_find(key->hand->import, SLUICE_IMPORT_LEFT_OUT, key->bucket->name, key->key, version, why);
}

static int op_fill(struct key *key, uint32_t i)
{
    const struct xl_version *version = &key->meta.versions[i];
    struct meta_object_import *op = &key->ops[i];
    const char *why = xl_object_refusal(version);
    int err;

    if (why != NULL)
        return refuse(key, version, why);
    *op = (struct meta_object_import){.is_marker = version->type == XL_MARKER,
                                      .is_null = xl_id_is_null(version->id)};
    memcpy(op->name, version->id, sizeof(op->name));
    key->at = version;
    err = xl_object_fill(&key->hand->arena, version, &op->put.object, note_header, key, &why);
    if (err == -EBADMSG || err == -E2BIG)
        return refuse(key, version, err == -EBADMSG ? why : "it has more metadata than an object may have");
    if (err == 0 && op->put.object.modified_ms <= 0)
        return refuse(key, version, "it has no time");
    return err;
}

static int compare_ids(const void *left, const void *right)
{
    return memcmp(left, right, XL_ID_BYTES);
}

/* Two versions of one id would be one. */
static int check_ids(struct key *key)
{
    uint32_t count = key->meta.count;
    unsigned char *ids = arena_alloc(&key->hand->arena, ((size_t)count + 1) * XL_ID_BYTES);

    if (ids == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        memcpy(ids + (size_t)i * XL_ID_BYTES, key->meta.versions[i].id, XL_ID_BYTES);
    qsort(ids, count, XL_ID_BYTES, compare_ids);
    for (uint32_t i = 1; i < count; i++)
        if (compare_ids(ids + (size_t)(i - 1) * XL_ID_BYTES, ids + (size_t)i * XL_ID_BYTES) == 0)
            return refuse(key, NULL, "two of its versions have one id");
    return 0;
}

static int key_judge(struct key *key)
{
    int err = check_ids(key);

    if (err == 0 && !key_is_valid(key->key, strlen(key->key)))
        err = refuse(key, NULL, "it is no key: keys are 1 to 1,024 bytes of UTF-8");
    if (err != 0)
        return err;
    key->ops = arena_alloc(&key->hand->arena, (key->meta.count + 1) * sizeof(*key->ops));
    for (uint32_t i = 0; i < key->meta.count; i++)
        if ((err = op_fill(key, i)) != 0)
            return err;
    return 0;
}

/* ---- Versions ---- */

static bool version_is_here(struct key *key, const struct meta_object_import *op)
{
    struct meta_version_id wanted = {0};
    struct core_worker *worker;
    struct meta_object object;
    int err;

    if (!op->is_null)
        wanted = meta_version_named(op->name);
    if (library_lease(key->hand->import->store, &worker) != 0)
        return false; /* the attempt to store it tells more */
    err =
        meta_version_get(core_worker_reader(worker), key->bucket->id, slice_text(key->key), &wanted, &object);
    if (err == 0 && op->is_null &&
        (object.modified_ms != op->put.object.modified_ms || strcmp(object.etag, op->put.object.etag) != 0))
        err = META_E_CHANGED;
    else if (err == 0)
        meta_object_release(&object);
    if (err == META_E_CHANGED)
        meta_object_release(&object);
    library_give_back(key->hand->import->store, worker);
    return err == 0 || (err == META_E_DELETE_MARKER && op->is_marker && !op->is_null);
}

static int marker_store(struct key *key, struct meta_object_import *op)
{
    struct core_worker *worker;
    int err = library_lease(key->hand->import->store, &worker);

    if (err != 0)
        return err;
    op->put.bucket = key->bucket->id;
    op->put.key = slice_text(key->key);
    op->op.kind = META_OP_OBJECT_IMPORT;
    err = library_change(worker, &op->op);
    library_give_back(key->hand->import->store, worker);
    return err;
}

static int object_store(struct key *key, const struct xl_version *version, struct meta_object_import *op,
                        const char **why)
{
    struct sluice_writer *writer;
    int err = library_writer_begin_import(key->hand->import->store, key->bucket->name, key->key,
                                          version->size, &writer);

    if (err != 0)
        return err;
    if ((err = frames_run(&key->hand->frames, key->folder, version, writer, why)) != 0) {
        sluice_writer_abort(writer);
        return err;
    }
    return library_writer_import(writer, op);
}

/* 0, -EBADMSG: the key is refused; or what ends the import. */
static int version_store(struct key *key, uint32_t i)
{
    const struct xl_version *version = &key->meta.versions[i];
    struct meta_object_import *op = &key->ops[i];
    struct sluice_import_report more = {0};
    const char *why = NULL;
    int err;

    if (version_is_here(key, op))
        err = -EEXIST;
    else
        err = op->is_marker ? marker_store(key, op) : object_store(key, version, op, &why);
    if (err == -EEXIST)
        more.present = 1;
    else if (err == META_E_CHANGED)
        return refuse(key, version, "the key has something else here that is newer, or is its null version");
    else if (err == META_E_BUCKET_STATE)
        return refuse(key, version, "the bucket here has no versions, or is a cache");
    else if (err == -EBADMSG || err == -E2BIG)
        return refuse(key, version, err == -EBADMSG ? why : "it has more metadata than an object may have");
    else if (err != 0)
        return err;
    else if (op->is_marker)
        more.markers = 1;
    else
        more.versions = 1;
    import_count(key->hand->import, &more);
    return 0;
}

/* Of several versions the older ones would be there before the damage of a newer one is met. */
static int versions_verify(struct key *key)
{
    const char *why;
    int err = 0;

    for (uint32_t i = 0; i < key->meta.count && err == 0; i++) {
        const struct xl_version *version = &key->meta.versions[i];

        if (version->type == XL_MARKER || version_is_here(key, &key->ops[i]))
            continue;
        err = frames_run(&key->hand->frames, key->folder, version, NULL, &why);
        if (err == -EBADMSG)
            err = refuse(key, version, why);
    }
    return err;
}

static int key_store(struct key *key)
{
    int err = meta_load(key);

    if (err != 0)
        return err;
    hidden_drop(&key->meta);
    if ((err = key_judge(key)) != 0 || (key->meta.count > 1 && (err = versions_verify(key)) != 0))
        return err;
    for (uint32_t i = key->meta.count; i > 0 && err == 0; i--)
        err = import_is_over(key->hand->import) ? -ECANCELED : version_store(key, i - 1);
    return err;
}

int import_key(struct import_hand *hand, const struct import_bucket *bucket, const char *path,
               const char *name)
{
    const struct sluice_import_report done = {.keys_done = 1};
    struct key key = {.hand = hand, .bucket = bucket, .key = name};
    int err = 0;

    arena_reset(&hand->arena);
    key.folder = io_open(bucket->folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (key.folder < 0) {
        err = errno == EMFILE || errno == ENFILE ? -errno : refuse(&key, NULL, strerror(errno));
    } else {
        err = key_store(&key);
        (void)close(key.folder);
    }
    free((void *)key.file.base);
    if (err != 0 && err != -EBADMSG)
        return err;
    import_count(hand->import, &done);
    return 0;
}

/* ---- Files of MinIO's own ---- */

static int system_body(struct key *key, struct slice *bytes, const char **why)
{
    const struct xl_version *version = key->meta.count > 0 ? &key->meta.versions[0] : NULL;
    const char *refusal =
        version == NULL || version->type != XL_OBJECT ? "it is deleted" : xl_object_refusal(version);
    char *copy;
    int err;

    if (refusal == NULL && (!version->is_inline || version->size > version->frame_bytes))
        refusal = "it does not lie within its xl.meta";
    if (refusal != NULL) {
        *why = refusal;
        return -EBADMSG;
    }
    if ((err = frames_run(&key->hand->frames, key->folder, version, NULL, why)) != 0)
        return err;
    if ((copy = malloc((size_t)version->size + 1)) == NULL)
        return -ENOMEM;
    if (version->size > 0)
        memcpy(copy, version->inline_data.base + (version->inline_data.len - (size_t)version->size),
               (size_t)version->size);
    *bytes = slice_of(copy, (size_t)version->size);
    return 0;
}

int import_system_file(struct import_hand *hand, const char *path, struct slice *bytes, const char **why)
{
    struct key key = {.hand = hand, .key = path};
    int err;

    arena_reset(&hand->arena);
    *why = "it cannot be read";
    key.folder = io_open(hand->import->folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (key.folder < 0)
        return -errno;
    err = folder_read(key.folder, "xl.meta", XL_META_BYTES_MAX, &key.file);
    if (err == 0 && (err = xl_meta_read(&hand->arena, key.file, &key.meta, why)) == 0)
        err = system_body(&key, bytes, why);
    free((void *)key.file.base);
    (void)close(key.folder);
    return err;
}
