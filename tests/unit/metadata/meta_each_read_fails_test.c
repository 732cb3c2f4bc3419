/* SPDX-License-Identifier: MIT
 *
 * Each kind of read, and the opening of a database, with each of their calls failing in turn: allocations, and statements as if memory,
 * disk or database were at an end. Each says so, or answers what it answers else; nothing is held afterwards that it does not hold else
 * (AddressSanitizer looks), and the next read is right. */
#include "meta_failure_support.h"

#include <errno.h>

#include "metadata/meta_cache.h"
#include "metadata/meta_journal.h"
#include "metadata/meta_outbox.h"
#include "metadata/meta_relaxed.h"
#include "metadata/meta_settings.h"

enum { CALLS_MAX = 2000 };

static unsigned char upload[META_UPLOAD_ID_BYTES];
static struct meta_version_id older, newest;
static int64_t annotations, cache_bucket, publication;
static int visited; /* by the read that runs: what it came to beside its result */

static const struct failure failures[] = {
    {FAILS_MEMORY, 0},
    {FAILS_STATEMENT, SQLITE_NOMEM},
    {FAILS_STATEMENT, SQLITE_CORRUPT},
    {FAILS_STATEMENT, SQLITE_IOERR},
    {FAILS_STATEMENT, SQLITE_BUSY},
};

/* One of everything that can be read. */
static void fill(struct store *store)
{
    struct meta_cache_set cache = {.document = slice_text("cache")};
    struct meta_cache_step step = {.more = false};
    struct meta_setting_put setting = {
        .bucket = store->bucket, .kind = META_SETTING_CORS, .document = slice_text("cors")};
    struct meta_outbox_rule rule = {.target = slice_text("whook"), .events = meta_event_bit(META_EVENT_PUT)};
    struct meta_outbox_set outbox = {.bucket = store->bucket,
                                     .document_kind = META_SETTING_NOTIFICATION,
                                     .rules_kind = META_SETTING_NOTIFICATION_RULES,
                                     .document = slice_text("rules"),
                                     .rules = &rule,
                                     .count = 1};
    struct meta_object object;
    int64_t bucket = store->bucket;

    assert_int_equal(op_wait(store->meta, &setting.op, META_OP_SETTING_PUT), 0);
    assert_int_equal(op_wait(store->meta, &outbox.op, META_OP_OUTBOX_SET), 0);
    assert_int_equal(put(store, "a/null", 1), 0);
    assert_int_equal(put(store, "a/gone", 2), 0);
    assert_int_equal(put(store, "a/gone", 3), 0); /* garbage */
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    older = put_version(store, "b", 4);
    newest = put_version(store, "b", 5);
    assert_int_equal(annotation_put(store, "b", "note", 6), 0);
    (void)put_version(store, "c", 7);
    (void)delete_version(store, "c", NULL);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("b"), &object), 0);
    annotations = object.annotations;
    meta_object_release(&object);
    upload_id_make(upload, 8);
    assert_int_equal(upload_create(store, slice_text("b"), upload), 0);
    assert_int_equal(part_put(store, slice_text("b"), upload, 1, 9, 70), 0);
    assert_int_equal(part_put(store, slice_text("b"), upload, 2, 10, 30), 0);
    cache.bucket = step.bucket = store->bucket = cache_bucket = bucket_create(store->meta, "cache");
    assert_int_equal(put(store, "kept", 11), 0);
    assert_int_equal(op_wait(store->meta, &cache.op, META_OP_CACHE_SET), 0);
    assert_int_equal(op_wait(store->meta, &step.op, META_OP_CACHE_STEP), 0);
    store->bucket = bucket;
    /* One that is published, whose objects are not where objects lie yet. */
    publication = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, publication, "a/null", "b"), 0);
    assert_int_equal(prepare_removal(store, publication, "a/gone"), 0);
    assert_int_equal(publish(store, publication), 0);
}

/* ---- Reads ---- */

static int read_object(struct store *store, const char *key)
{
    struct meta_object object;
    int err = meta_object_get(store->reader, store->bucket, slice_text(key), &object);

    if (err == 0) {
        visited += (int)object.size;
        meta_object_release(&object);
    }
    return err;
}

static int read_plain(struct store *store)
{
    return read_object(store, "a/null");
}

static int read_published(struct store *store)
{
    return read_object(store, "b");
}

static int read_removed(struct store *store)
{
    return read_object(store, "a/gone");
}

static int read_version(struct store *store, const char *key, const struct meta_version_id *version)
{
    struct meta_object object;
    int err = meta_version_get(store->reader, store->bucket, slice_text(key), version, &object);

    if (err == 0) {
        visited += (int)object.size;
        meta_object_release(&object);
    }
    return err;
}

static int read_older(struct store *store)
{
    return read_version(store, "b", &older);
}

static int read_newest(struct store *store)
{
    return read_version(store, "b", &newest);
}

static int read_current(struct store *store)
{
    return read_version(store, "b", NULL);
}

static int read_marker(struct store *store)
{
    return read_version(store, "c", NULL);
}

static int read_null_version(struct store *store)
{
    return read_version(store, "a/null", &null_version);
}

static int read_bucket(struct store *store)
{
    struct meta_bucket bucket;

    return meta_bucket_get(store->reader, slice_text("bucket"), &bucket);
}

static int on_bucket(void *ctx, const struct meta_bucket *bucket)
{
    visited++;
    return 0;
}

static int read_buckets(struct store *store)
{
    return meta_bucket_list(store->reader, (struct slice){NULL, 0}, 10, on_bucket, NULL);
}

static int on_entry(void *ctx, const struct meta_list_entry *entry)
{
    visited++;
    return 0;
}

static int read_list(struct store *store)
{
    struct meta_list_query query = {.bucket = store->bucket, .delimiter = slice_text("/"), .limit = 3};
    bool truncated;

    return meta_object_list(store->reader, &query, on_entry, NULL, &truncated);
}

static int on_version(void *ctx, const struct meta_version_entry *entry)
{
    visited++;
    return 0;
}

static int read_versions(struct store *store)
{
    struct meta_version_query query = {.bucket = store->bucket, .delimiter = slice_text("/"), .limit = 10};
    bool truncated;

    return meta_version_list(store->reader, &query, on_version, NULL, &truncated);
}

static int read_versions_after(struct store *store)
{
    struct meta_version_query query = {
        .bucket = store->bucket, .key_marker = slice_text("b"), .version_marker = &newest, .limit = 10};
    bool truncated;

    return meta_version_list(store->reader, &query, on_version, NULL, &truncated);
}

static int read_annotation(struct store *store)
{
    struct meta_object annotation;
    int err = meta_annotation_get(store->reader, annotations, slice_text("note"), &annotation);

    if (err == 0)
        meta_object_release(&annotation);
    return err;
}

static int on_annotation(void *ctx, const struct meta_annotation *annotation)
{
    visited++;
    return 0;
}

static int read_annotations(struct store *store)
{
    bool truncated;

    return meta_annotation_list(store->reader, annotations, (struct slice){NULL, 0}, (struct slice){NULL, 0},
                                10, on_annotation, NULL, &truncated);
}

static int read_upload(struct store *store)
{
    struct meta_upload found;
    int err = meta_upload_get(store->reader, store->bucket, slice_text("b"), upload, &found);

    if (err == 0)
        meta_upload_release(&found);
    return err;
}

static int on_upload(void *ctx, const struct meta_upload *found, struct slice common_prefix)
{
    visited++;
    return 0;
}

static int read_uploads(struct store *store)
{
    struct meta_upload_query query = {.bucket = store->bucket, .limit = 10};
    bool truncated;

    return meta_upload_list(store->reader, &query, on_upload, NULL, &truncated);
}

static int on_part(void *ctx, const struct meta_part *part)
{
    visited++;
    return 0;
}

static int read_parts(struct store *store)
{
    bool truncated;

    return meta_part_list(store->reader, upload, 0, 1, on_part, NULL, &truncated);
}

static int read_assembly(struct store *store)
{
    struct meta_complete_part parts[2] = {{.number = 1, .etag = "e9"}, {.number = 2, .etag = "e10"}};
    struct meta_assembly *assembly = NULL;
    struct meta_extents extents = {NULL, 0};
    bool more = true;
    int err = meta_assembly_create(store->reader, upload, parts, 2, &assembly);

    while (err == 0 && more)
        err = meta_assembly_step(assembly, 1, on_part, NULL, &more);
    if (err == 0 && (err = meta_assembly_extents(assembly, &extents)) == 0)
        visited += (int)extents.count;
    free(extents.list);
    meta_assembly_free(assembly);
    return err;
}

static int on_unit(void *ctx, uint64_t offset, uint64_t length)
{
    visited++;
    return 0;
}

static int read_units(struct store *store)
{
    return meta_file_units(store->reader, 5, on_unit, NULL);
}

static int read_live(struct store *store)
{
    int live = meta_file_is_live(store->reader, 2),
        referred = live < 0 ? live : meta_file_is_referred(store->reader, 2);

    return referred < 0 ? referred : meta_unit_is_referred(store->reader, 4, 0);
}

static int read_last_file(struct store *store)
{
    uint64_t file;
    int64_t row;
    int err = meta_file_last(store->reader, &file);

    return err != 0 ? err : meta_garbage_last(store->reader, &row);
}

static int read_garbage(struct store *store)
{
    struct meta_garbage entries[4];
    int count = meta_garbage_take(store->reader, 0, entries, 4);

    return count < 0 ? count : meta_sweep_is_due(store->reader);
}

static int on_extent(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    visited++;
    return 0;
}

static int read_extents(struct store *store)
{
    static struct meta_extent_cursor cursor;
    bool more = true;
    int err = 0;

    memset(&cursor, 0, sizeof(cursor));
    while (err == 0 && more)
        err = meta_extent_page(store->reader, &cursor, 2, on_extent, NULL, &more);
    return err;
}

static int read_caches(struct store *store)
{
    struct meta_cache caches[2];
    int count = meta_cache_list(store->reader, 0, caches, 2);

    return count < 0 ? count : meta_cache_get(store->reader, cache_bucket, &caches[0]);
}

static int on_victim(void *ctx, const struct meta_cache_victim *victim)
{
    visited++;
    return 0;
}

static int read_victims(struct store *store)
{
    return meta_cache_oldest(store->reader, cache_bucket, INT64_MAX, 2, on_victim, NULL);
}

static int on_event(void *ctx, const struct meta_event *event)
{
    visited++;
    return 0;
}

static int read_outbox(struct store *store)
{
    uint64_t count;
    int err = meta_outbox_list(store->reader, slice_text("whook"), 0, 10, on_event, NULL);

    return err != 0 ? err : meta_outbox_count(store->reader, slice_text("whook"), &count);
}

static int read_setting(struct store *store)
{
    struct slice document;
    int64_t buckets[2];
    int err = meta_setting_get(store->reader, store->bucket, META_SETTING_CORS, &document);

    if (err != 0)
        return err;
    free((void *)document.base);
    return meta_setting_buckets(store->reader, META_SETTING_CORS, 0, buckets, 2);
}

static int on_row(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    visited++;
    return META_ROW_GO_ON;
}

static int read_rows(struct store *store)
{
    int err = 0;

    for (int kind = 0; kind < META_ROW_KIND_COUNT && err == 0; kind++)
        err = meta_row_walk(store->reader, (enum meta_row_kind)kind, NULL, on_row, NULL);
    return err;
}

static int on_mark_unit(void *ctx, const struct meta_extent *extent, bool is_known)
{
    visited++;
    return 0;
}

static int read_marks(struct store *store)
{
    struct meta_mark mark = {.file = 3};
    struct meta_journal journal;
    struct meta_identity identity;
    struct meta_point point;
    int err = meta_mark_units(store->reader, &mark, on_mark_unit, NULL);

    if (err != 0 || (err = meta_mark_get(store->reader, &mark)) != 0 ||
        (err = meta_point_take(store->reader, &point)) != 0 ||
        (err = meta_journal_get(store->reader, &journal)) != 0)
        return err;
    return meta_identity_get(store->reader, &identity);
}

static int read_prepared(struct store *store)
{
    return meta_publish_is_prepared(store->reader, publication, slice_text("b"));
}

static int read_check(struct store *store)
{
    return meta_check(store->reader, on_finding_print, NULL);
}

static int (*const reads[])(struct store *store) = {
    read_plain,          read_published,    read_removed,     read_older,     read_newest,  read_current,
    read_marker,         read_null_version, read_bucket,      read_buckets,   read_list,    read_versions,
    read_versions_after, read_annotation,   read_annotations, read_upload,    read_uploads, read_parts,
    read_assembly,       read_units,        read_live,        read_last_file, read_garbage, read_extents,
    read_caches,         read_victims,      read_outbox,      read_setting,   read_rows,    read_marks,
    read_prepared,       read_check,
};

static void reader_anew(struct store *store)
{
    meta_reader_close(store->reader);
    assert_int_equal(meta_reader_open(store->meta, &store->reader), 0);
}

static void each_read(void **state)
{
    struct store *store = *state;
    int refused = 0;

    fill(store);
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        reader_anew(store); /* what it found is not kept */
        visited = 0;
        int right = reads[i](store), right_visits = visited;
        for (size_t j = 0; j < sizeof(failures) / sizeof(failures[0]); j++) {
            int number = 1;
            for (bool came = true; came; number += TSAN_SHARE) {
                assert_in_range(number, 1, CALLS_MAX);
                reader_anew(store);
                visited = 0;
                failure_arm(&failures[j], number);
                int result = reads[i](store);
                came = failure_disarm();
                refused += result < 0 && result != right;
                if (result == right ? visited != right_visits : result >= 0 && reads[i] != read_check)
                    fail_msg("read %zu: %d and %d visits with call %d failing (%d), else %d and %d", i,
                             result, visited, number, failures[j].code, right, right_visits);
                visited = 0;
                assert_int_equal(reads[i](store), right);
                assert_int_equal(visited, right_visits);
            }
        }
    }
    assert_true(refused > 200 / TSAN_SHARE);
    assert_int_equal(read_plain(store), 0);
    while (sweep(store)) /* for the check of the end */
        ;
}

/* Also the second try of what ends a snapshot: the next read, by the same reader, ends it before it begins its own. */
static void two_calls_in_a_row(void **state)
{
    static const struct failure failure = {FAILS_STATEMENT, SQLITE_IOERR};
    static int (*const snapshots[])(struct store * store) = {read_list, read_versions, read_current};
    struct store *store = *state;

    fill(store);
    for (size_t i = 0; i < sizeof(snapshots) / sizeof(snapshots[0]); i++) {
        int right = snapshots[i](store), number = 1;
        for (bool came = true; came; number++) {
            assert_in_range(number, 1, CALLS_MAX);
            failure_arm(&failure, number);
            atomic_store(&failure_more, 1);
            (void)snapshots[i](store);
            came = failure_disarm();
            assert_int_equal(snapshots[i](store), right);
        }
    }
    while (sweep(store))
        ;
}

/* Opening: a store that is there, and one that is not. */
static void each_opening(void **state)
{
    struct store *store = *state;
    int refused = 0;

    fill(store);
    for (size_t j = 0; j < sizeof(failures) / sizeof(failures[0]); j++) {
        for (int is_new = 0; is_new < 2; is_new++) {
            int number = 1;
            for (bool came = true; came; number += TSAN_SHARE) {
                const char *path = is_new ? "/new.db" : "/sluice.db";
                char whole[160];

                assert_in_range(number, 1, CALLS_MAX);
                snprintf(whole, sizeof(whole), "%s%s", store->dir, path);
                meta_reader_close(store->reader);
                meta_close(store->meta);
                failure_arm(&failures[j], number);
                int err = meta_open(&store->meta, whole, &(struct meta_options){.durable = true});
                if (err == 0 && (err = meta_reader_open(store->meta, &store->reader)) != 0)
                    meta_close(store->meta);
                else if (err == 0) {
                    meta_reader_close(store->reader);
                    meta_close(store->meta); /* which may fail to bring the log home, and leaves it then */
                }
                came = failure_disarm();
                assert_true(came || err == 0);
                refused += err != 0;
                assert_int_equal(meta_open(&store->meta, whole, &(struct meta_options){.durable = false}), 0);
                assert_int_equal(meta_reader_open(store->meta, &store->reader), 0);
                assert_int_equal(read_plain(store), is_new ? META_E_NO_KEY : 0);
                if (is_new) {
                    meta_reader_close(store->reader);
                    meta_close(store->meta);
                    store->meta = NULL;
                    assert_int_equal(unlink(whole), 0);
                    store_reopen(store);
                }
            }
        }
    }
    assert_true(refused > 100 / TSAN_SHARE);
    assert_int_equal(read_published(store), 0);
    while (sweep(store))
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(each_read),
        store_test(two_calls_in_a_row),
        store_test(each_opening),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
