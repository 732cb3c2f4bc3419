/* SPDX-License-Identifier: MIT
 *
 * What the tests of metadata/ share: a store in a folder of its own, changes that are waited for, and short
 * ways to say "put this". Everything fails the test that runs when something unexpected happens. */
#ifndef META_TEST_SUPPORT_H
#define META_TEST_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata/meta.h"

#define MAYBE_UNUSED __attribute__((unused))

#ifdef SLUICE_TEST_WITH_POSTGRES
#define PATH_BYTES 400 /* an address */
#else
#define PATH_BYTES 96
#endif

struct store {
    char dir[64], path[PATH_BYTES];
    struct meta *meta;
    struct meta_reader *reader;
    int64_t bucket; /* "bucket" */
};

/* ---- Folders ---- */

static MAYBE_UNUSED void dir_make(char dir[64])
{
    strcpy(dir, "/tmp/sluice-meta-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static MAYBE_UNUSED void dir_remove(const char *dir)
{
    DIR *stream = opendir(dir);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            assert_int_equal(unlinkat(dirfd(stream), entry->d_name, 0), 0);
    closedir(stream);
    assert_int_equal(rmdir(dir), 0);
}

#ifdef SLUICE_TEST_WITH_POSTGRES
#include "postgres_support.h"
/* First in a test: it is about what SQLite's engine alone has (relaxed stores, the journal, steps of its machine). */
#define only_sqlite() skip()
#define STEPS_SHARE   10 /* each change is two round trips */
#else
#define only_sqlite()                     ((void)0)
#define STEPS_SHARE                       1
#define postgres_make(schema, path, size) ((void)0)
#define postgres_remove(schema)           ((void)0)
#endif

/* Where the store of that folder is: a file there, or a schema that is called as it is. */
static MAYBE_UNUSED void path_make(const char *dir, char *path, size_t size)
{
    snprintf(path, size, "%s/sluice.db", dir);
    postgres_make(dir + strlen("/tmp/"), path, size);
}

/* ---- Changes ---- */

static void on_done_post(struct meta_op *op)
{
    sem_post(op->ctx);
}

/* Submits and waits; returns the result. */
static MAYBE_UNUSED int op_wait(struct meta *meta, struct meta_op *op, enum meta_op_kind kind)
{
    sem_t semaphore;

    sem_init(&semaphore, 0, 0);
    op->kind = kind;
    op->done = on_done_post;
    op->ctx = &semaphore;
    meta_submit(meta, op);
    while (sem_wait(&semaphore) != 0)
        ;
    sem_destroy(&semaphore);
    return op->result;
}

static MAYBE_UNUSED int64_t bucket_create(struct meta *meta, const char *name)
{
    struct meta_bucket_create op = {.bucket = {.region = "here", .owner = "me"}};

    strcpy(op.bucket.name, name);
    assert_int_equal(op_wait(meta, &op.op, META_OP_BUCKET_CREATE), 0);
    assert_true(op.bucket.id > 0);
    return op.bucket.id;
}

static MAYBE_UNUSED int bucket_delete(struct meta *meta, int64_t bucket)
{
    struct meta_bucket_delete op = {.bucket = bucket};

    return op_wait(meta, &op.op, META_OP_BUCKET_DELETE);
}

/* A whole file as one unit. */
static MAYBE_UNUSED struct meta_extent whole_file(uint64_t file, uint64_t length)
{
    return (struct meta_extent){
        .file = file, .length = length, .unit_length = length, .unit_crc = (uint32_t)file * 7u};
}

/* Puts an object of one file; length 0: an empty one. etag: NULL for "e<file>". */
static MAYBE_UNUSED int put_bytes(struct meta *meta, int64_t bucket, struct slice key, uint64_t file,
                                  uint64_t length, const struct meta_condition *condition)
{
    struct meta_extent extent = whole_file(file, length);
    struct meta_object_put op = {.bucket = bucket, .key = key};

    op.object.size = length;
    op.object.extents = (struct meta_extents){&extent, length > 0};
    snprintf(op.object.etag, sizeof(op.object.etag), "e%llu", (unsigned long long)file);
    if (condition != NULL)
        op.condition = *condition;
    return op_wait(meta, &op.op, META_OP_OBJECT_PUT);
}

static MAYBE_UNUSED int put(struct store *store, const char *key, uint64_t file)
{
    return put_bytes(store->meta, store->bucket, slice_text(key), file, 100, NULL);
}

static MAYBE_UNUSED int delete_bytes(struct meta *meta, int64_t bucket, struct slice key, bool *existed)
{
    struct meta_delete_entry entry = {.key = key};
    struct meta_object_delete op = {.bucket = bucket, .entries = &entry, .count = 1};
    int result = op_wait(meta, &op.op, META_OP_OBJECT_DELETE);

    if (existed != NULL)
        *existed = entry.existed;
    return result != 0 ? result : entry.result;
}

static MAYBE_UNUSED int delete_key(struct store *store, const char *key)
{
    return delete_bytes(store->meta, store->bucket, slice_text(key), NULL);
}

static MAYBE_UNUSED void copy_init(struct meta_object_copy *op, int64_t bucket, const char *source,
                                   const char *key)
{
    memset(op, 0, sizeof(*op));
    op->source.bucket = op->bucket = bucket;
    op->source.key = slice_text(source);
    op->key = slice_text(key);
    op->source.if_modified_since_ms = op->source.if_unmodified_since_ms = INT64_MIN;
}

static MAYBE_UNUSED int copy(struct store *store, const char *source, const char *key)
{
    struct meta_object_copy op;

    copy_init(&op, store->bucket, source, key);
    return op_wait(store->meta, &op.op, META_OP_OBJECT_COPY);
}

static MAYBE_UNUSED void upload_id_make(unsigned char id[META_UPLOAD_ID_BYTES], uint64_t number)
{
    memset(id, 0, META_UPLOAD_ID_BYTES);
    for (int i = 0; i < 8; i++)
        id[7 - i] = (unsigned char)(number >> (8 * i));
    id[META_UPLOAD_ID_BYTES - 1] = 1;
}

static MAYBE_UNUSED int upload_create(struct store *store, struct slice key, const unsigned char *id)
{
    struct meta_upload_create op = {.bucket = store->bucket, .upload = {.key = key}};

    memcpy(op.upload.id, id, META_UPLOAD_ID_BYTES);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_CREATE);
}

static MAYBE_UNUSED int upload_abort(struct store *store, struct slice key, const unsigned char *id)
{
    struct meta_upload_abort op = {.bucket = store->bucket, .key = key};

    memcpy(op.upload_id, id, META_UPLOAD_ID_BYTES);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_ABORT);
}

static MAYBE_UNUSED int part_put(struct store *store, struct slice key, const unsigned char *id,
                                 uint32_t number, uint64_t file, uint64_t length)
{
    struct meta_extent extent = whole_file(file, length);
    struct meta_part_put op = {.bucket = store->bucket, .key = key};

    memcpy(op.upload_id, id, META_UPLOAD_ID_BYTES);
    op.part.number = number;
    op.part.size = length;
    op.part.extents = (struct meta_extents){&extent, length > 0};
    snprintf(op.part.etag, sizeof(op.part.etag), "e%llu", (unsigned long long)file);
    return op_wait(store->meta, &op.op, META_OP_PART_PUT);
}

static MAYBE_UNUSED int annotation_put_version(struct store *store, int64_t bucket, const char *key,
                                               const struct meta_version_id *version, const char *name,
                                               uint64_t file)
{
    struct meta_extent extent = whole_file(file, 10);
    struct meta_annotation_put op = {
        .object = {.bucket = bucket, .key = slice_text(key), .version = version},
        .annotation = {.name = slice_text(name), .size = 10, .extents = {&extent, 1}}};

    snprintf(op.annotation.etag, sizeof(op.annotation.etag), "e%llu", (unsigned long long)file);
    return op_wait(store->meta, &op.op, META_OP_ANNOTATION_PUT);
}

static MAYBE_UNUSED int annotation_put(struct store *store, const char *key, const char *name, uint64_t file)
{
    return annotation_put_version(store, store->bucket, key, NULL, name, file);
}

static MAYBE_UNUSED int annotation_delete(struct store *store, const char *key, const char *name)
{
    struct meta_annotation_delete op = {.object = {.bucket = store->bucket, .key = slice_text(key)},
                                        .name = slice_text(name)};

    return op_wait(store->meta, &op.op, META_OP_ANNOTATION_DELETE);
}

/* ---- Looking ---- */

/* The file of the object's first extent; 0 for an empty object; or the error. */
static MAYBE_UNUSED int64_t file_of(struct store *store, const char *key)
{
    struct meta_object object;
    int err = meta_object_get(store->reader, store->bucket, slice_text(key), &object);

    if (err != 0)
        return err;
    int64_t file = object.extents.count > 0 ? (int64_t)object.extents.list[0].file : 0;
    meta_object_release(&object);
    return file;
}

/* The file of an annotation of a version (NULL: the current object), or the error. */
static MAYBE_UNUSED int64_t annotation_file(struct store *store, const char *key,
                                            const struct meta_version_id *version, const char *name)
{
    struct meta_object object, annotation;
    int err = meta_version_get(store->reader, store->bucket, slice_text(key), version, &object);

    if (err != 0)
        return err;
    err = object.annotations == 0
              ? META_E_NO_ANNOTATION
              : meta_annotation_get(store->reader, object.annotations, slice_text(name), &annotation);
    meta_object_release(&object);
    if (err != 0)
        return err;
    int64_t file = annotation.extents.count > 0 ? (int64_t)annotation.extents.list[0].file : 0;
    meta_object_release(&annotation);
    return file;
}

static MAYBE_UNUSED int garbage_count(struct store *store)
{
    struct meta_garbage entries[256];

    return meta_garbage_take(store->reader, 0, entries, 256);
}

/* One slice; whether there may be another. */
static MAYBE_UNUSED bool sweep(struct store *store)
{
    struct meta_sweep op = {.more = false};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_SWEEP), 0);
    return op.more;
}

/* Forgets all garbage; returns how much there was. */
static MAYBE_UNUSED int garbage_clear(struct store *store)
{
    struct meta_garbage entries[256];
    int64_t rows[256];
    int count, total = 0;

    while ((count = meta_garbage_take(store->reader, 0, entries, 256)) > 0) {
        struct meta_garbage_done op = {.rows = rows, .count = (uint32_t)count};
        for (int i = 0; i < count; i++)
            rows[i] = entries[i].row;
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_GARBAGE_DONE), 0);
        total += count;
    }
    assert_int_equal(count, 0);
    return total;
}

static void on_finding_print(void *ctx, const char *finding)
{
    print_message("finding: %s\n", finding);
}

static MAYBE_UNUSED void assert_sound(struct store *store)
{
    assert_int_equal(meta_check(store->reader, on_finding_print, NULL), 0);
}

/* ---- The store ---- */

static MAYBE_UNUSED void store_reopen_with(struct store *store, const struct meta_options *options)
{
    if (store->meta != NULL) {
        meta_reader_close(store->reader);
        meta_close(store->meta);
    }
    assert_int_equal(meta_open(&store->meta, store->path, options), 0);
    assert_int_equal(meta_reader_open(store->meta, &store->reader), 0);
}

static MAYBE_UNUSED void store_reopen(struct store *store)
{
    store_reopen_with(store, &(struct meta_options){.durable = false});
}

static MAYBE_UNUSED int store_setup(void **state)
{
    struct store *store = calloc(1, sizeof(*store));

    dir_make(store->dir);
    path_make(store->dir, store->path, sizeof(store->path));
    store_reopen(store);
    store->bucket = bucket_create(store->meta, "bucket");
    *state = store;
    return 0;
}

static MAYBE_UNUSED int store_teardown(void **state)
{
    struct store *store = *state;

    assert_sound(store);
    meta_reader_close(store->reader);
    meta_close(store->meta);
    postgres_remove(store->dir + strlen("/tmp/"));
    dir_remove(store->dir);
    free(store);
    return 0;
}

#define store_test(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

#endif
