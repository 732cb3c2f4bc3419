/* SPDX-License-Identifier: MIT
 *
 * Rows that cannot be, each column of each table in turn: every call gives an error or does without what is damaged, and the process lives. An
 * assertion must never be about what the disk says. */
#include "meta_version_support.h"
#include "../sanitized.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "metadata/meta_journal.h"
#include "metadata/meta_cache.h"
#include "metadata/meta_lock.h"
#include "metadata/meta_relaxed.h"
#include "metadata/meta_settings.h"

static const struct meta_options options = {.durable = false, .keeps_replaced = true};

/* What a column may hold instead; of all rows, but for the key of `bucket`, by which everything else is found. */
static const char *const numbers[] = {"0", "-1", "3000000000", "9223372036854775807",
                                      "-9223372036854775807 - 1"};
static const char *const blobs[] = {
    "x''",
    "x'00'",
    "x'01ff'",
    "zeroblob(16)",
    "zeroblob(2000)",
    "x'0101'",
    "x'ffffffffffffffffffffffffffffffff'",
    "x'010101ff01ffffffff'",
    "x'020100'",
};

static const struct {
    const char *table, *number_columns, *blob_columns; /* separated by blanks */
} tables[] = {
    {"object", "bucket size modified_ms annotations",
     "key etag checksum owner extents attributes upload_id parts version"},
    {"version", "bucket is_null is_marker noncurrent_ms size modified_ms annotations",
     "key id etag checksum owner extents attributes upload_id parts"},
    {"upload", "bucket initiated_ms checksum_algorithm checksum_type", "key id owner attributes"},
    {"part", "number size modified_ms", "upload_id etag checksum extents"},
    {"unit", "file unit_offset refs length", ""},
    {"garbage", "row file unit_offset unit_length", ""},
    {"finished", "", "upload_id kept"},
    {"dropped", "row", "extents"},
    {"mark", "file replaced", "open"},
    {"annotation_set", "id refs count", ""},
    {"annotation", "set_id size modified_ms", "name etag checksum extents"},
    {"replaced", "row bucket size annotations", "key version etag extents"},
    {"store", "epoch", "id"},
    {"journal", "file applied", "token"},
    {"used", "bucket used_ms bytes", "key"},
    {"tally", "bucket state entries bytes write_once object_bytes_max", "cursor"},
    {"setting", "kind", "document"},
    {"bucket", "created_ms versioning", ""},
};

static void sql(const char *path, const char *statement)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- What there is before ---- */

static unsigned char upload_ids[3][META_UPLOAD_ID_BYTES];

static int complete(struct meta *meta, int64_t bucket, const char *key, const unsigned char *id)
{
    const struct meta_complete_part parts[] = {{.number = 1, .etag = "e11"}, {.number = 2, .etag = "e12"}};
    struct meta_upload_complete op = {
        .bucket = bucket, .key = slice_text(key), .parts = parts, .part_count = 2, .etag = "whole-2"};

    memcpy(op.upload_id, id, sizeof(op.upload_id));
    return op_wait(meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

static void versioning_enable(struct store *store, int64_t bucket)
{
    struct meta_bucket_versioning op = {.bucket = bucket, .versioning = META_VERSIONING_ENABLED};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING), 0);
}

static void setting_set(struct store *store, int64_t bucket)
{
    struct meta_setting_put op = {
        .bucket = bucket, .kind = META_SETTING_TAGGING, .document = slice_text("tags")};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_SETTING_PUT), 0);
}

/* Returns the bucket with versions. */
static int64_t scene_make(struct store *store)
{
    struct meta_options small = options;
    struct meta_cache_set set = {.bucket = store->bucket, .document = slice_text("cache")};
    struct meta_cache_step step = {.bucket = store->bucket};
    int64_t versions;

    small.clear_max = 1; /* so that something is left to the sweep */
    store_reopen_with(store, &small);
    for (unsigned i = 0; i < 3; i++)
        upload_id_make(upload_ids[i], 100 + i);
    assert_int_equal(put(store, "plain", 1), 0);
    assert_int_equal(put(store, "twice", 2), 0);
    assert_int_equal(put(store, "twice", 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(upload_create(store, slice_text("large"), upload_ids[i]), 0);
        for (uint32_t part = 1; part <= 3; part++)
            assert_int_equal(part_put(store, slice_text("large"), upload_ids[i], part, 10 + part, 50), 0);
    }
    assert_int_equal(complete(store->meta, store->bucket, "large", upload_ids[0]), 0);
    assert_int_equal(upload_abort(store, slice_text("large"), upload_ids[2]), 0);
    assert_int_equal(copy(store, "large", "other"), 0);
    assert_int_equal(delete_key(store, "other"), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(annotation_put(store, "twice", i == 0 ? "a" : i == 1 ? "b" : "c", 40 + i), 0);
    assert_int_equal(annotation_put(store, "plain", "a", 43), 0);
    assert_int_equal(put(store, "gone", 4), 0);
    assert_int_equal(annotation_put(store, "gone", "a", 44), 0);
    assert_int_equal(annotation_put(store, "gone", "b", 45), 0);
    assert_int_equal(delete_key(store, "gone"), 0);
    versions = bucket_create(store->meta, "versions");
    setting_set(store, versions);
    assert_int_equal(put_bytes(store->meta, versions, slice_text("key"), 20, 100, NULL), 0);
    versioning_enable(store, versions);
    assert_int_equal(put_bytes(store->meta, versions, slice_text("key"), 21, 100, NULL), 0);
    assert_int_equal(put_bytes(store->meta, versions, slice_text("key"), 22, 100, NULL), 0);
    assert_int_equal(put_bytes(store->meta, versions, slice_text("gone"), 23, 100, NULL), 0);
    assert_int_equal(delete_bytes(store->meta, versions, slice_text("gone"), NULL), 0);
    assert_int_equal(op_wait(store->meta, &set.op, META_OP_CACHE_SET), 0);
    assert_int_equal(op_wait(store->meta, &step.op, META_OP_CACHE_STEP), 0);
    assert_true(step.more);
    return versions;
}

/* ---- Everything that can be done ---- */

/* What callers rely on: whatever a row says, it does not get past the module. */
static void expect_key(struct slice key)
{
    assert_in_range(key.len, 1, META_KEY_BYTES_MAX);
}

static int on_extent(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    assert_in_range(extent->file, 1, INT64_MAX);
    return 0;
}

static int on_finding(void *ctx)
{
    return 0;
}

static void on_report(void *ctx, const char *finding)
{
    (void)on_finding(ctx);
}

static int on_object(void *ctx, const struct meta_list_entry *entry)
{
    expect_key(entry->key);
    return 0;
}

static int on_upload(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    expect_key(upload->key);
    return 0;
}

static int on_part(void *ctx, const struct meta_part *part)
{
    assert_in_range(part->number, 1, META_PART_NUMBER_MAX);
    assert_in_range(part->size, 0, INT64_MAX);
    return 0;
}

static int on_row(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    struct meta_row_name *kept = ctx;

    *kept = *name;
    return META_ROW_ENOUGH;
}

static int on_victim(void *ctx, const struct meta_cache_victim *victim)
{
    expect_key(victim->key);
    return 0;
}

static int on_unit(void *ctx, const struct meta_extent *extent, bool is_known)
{
    return 0;
}

#define IDS_MAX 16u

struct ids {
    struct meta_version_id list[IDS_MAX];
    unsigned count;
};

static int on_version(void *ctx, const struct meta_version_entry *entry)
{
    struct ids *ids = ctx;

    expect_key(entry->key);
    if (ids->count < IDS_MAX)
        ids->list[ids->count++] = entry->version;
    return 0;
}

/* In a process of its own, where cmocka cannot tell. */
static void fine(int result)
{
    if (result > 1)
        abort();
}

static void walk_extents(struct store *store)
{
    struct meta_extent_cursor cursor = {0};
    bool more = true;
    int err = 0;

    while (err == 0 && more)
        err = meta_extent_page(store->reader, &cursor, 3, on_extent, NULL, &more);
    fine(err);
}

static void read_all(struct store *store, int64_t bucket, struct ids *ids)
{
    const struct meta_list_query objects = {.bucket = bucket, .limit = 100};
    const struct meta_version_query versions = {.bucket = bucket, .limit = 100};
    const struct meta_upload_query uploads = {.bucket = bucket, .limit = 100};
    struct meta_bucket found;
    struct slice document;
    struct meta_journal journal;
    struct meta_identity identity;
    struct meta_cache caches[1];
    struct meta_mark mark;
    bool truncated;

    fine(meta_object_list(store->reader, &objects, on_object, NULL, &truncated));
    fine(meta_version_list(store->reader, &versions, on_version, ids, &truncated));
    fine(meta_upload_list(store->reader, &uploads, on_upload, NULL, &truncated));
    for (unsigned i = 0; i < 3; i++)
        fine(meta_part_list(store->reader, upload_ids[i], 0, 100, on_part, NULL, &truncated));
    if (meta_bucket_get(store->reader, slice_text("versions"), &found) == 0)
        assert_in_range(found.versioning, META_VERSIONING_NEVER, META_VERSIONING_SUSPENDED);
    walk_extents(store);
    (void)meta_check(store->reader, on_report, NULL);
    fine(meta_cache_list(store->reader, 0, caches, 1));
    fine(meta_cache_oldest(store->reader, bucket, INT64_MAX, 100, on_victim, NULL));
    fine(meta_journal_get(store->reader, &journal));
    fine(meta_identity_get(store->reader, &identity));
    if (meta_mark_get(store->reader, &mark) == 0)
        fine(meta_mark_units(store->reader, &mark, on_unit, NULL));
    if (meta_setting_get(store->reader, bucket, META_SETTING_TAGGING, &document) == 0)
        free((void *)document.base);
}

static int on_annotation(void *ctx, const struct meta_annotation *annotation)
{
    assert_in_range(annotation->size, 0, INT64_MAX);
    return 0;
}

static void change_annotations(struct store *store, int64_t bucket, const char *key,
                               const struct meta_version_id *id)
{
    struct meta_annotation_delete gone = {.object = {.bucket = bucket, .key = slice_text(key), .version = id},
                                          .name = slice_text("b")};
    struct meta_object object, annotation;
    bool truncated;

    fine(annotation_put_version(store, bucket, key, id, "a", 46));
    if (meta_version_get(store->reader, bucket, slice_text(key), id, &object) == 0) {
        if (object.annotations != 0) {
            fine(meta_annotation_list(store->reader, object.annotations, slice_text(""), slice_text(""), 10,
                                      on_annotation, NULL, &truncated));
            if (meta_annotation_get(store->reader, object.annotations, slice_text("a"), &annotation) == 0)
                meta_object_release(&annotation);
        }
        meta_object_release(&object);
    }
    fine(op_wait(store->meta, &gone.op, META_OP_ANNOTATION_DELETE));
}

static void change_key(struct store *store, int64_t bucket, const char *key, const struct meta_version_id *id)
{
    struct meta_delete_entry entry = {.key = slice_text(key), .version = id};
    struct meta_object_delete delete = {.bucket = bucket, .entries = &entry, .count = 1};
    struct meta_object_label label = {.bucket = bucket,
                                      .key = slice_text(key),
                                      .version = id,
                                      .name = META_ATTRIBUTE_TAGS,
                                      .value = slice_text("a=b")};
    struct meta_object_lock lock = {
        .bucket = bucket, .key = slice_text(key), .version = id, .sets_hold = true};
    struct meta_object_rename rename = {
        .key = slice_text("renamed"), .if_modified_since_ms = INT64_MIN, .if_unmodified_since_ms = INT64_MIN};
    const struct meta_append append = {.offset = 100, .etag = "e1"};
    struct meta_extent extent = whole_file(90, 10);
    struct meta_object_put more = {.bucket = bucket,
                                   .key = slice_text(key),
                                   .object = {.size = 10, .etag = "more-1", .extents = {&extent, 1}},
                                   .append = &append};
    struct meta_object_copy copied;
    struct meta_object object;

    if (meta_version_get(store->reader, bucket, slice_text(key), id, &object) == 0) {
        assert_in_range(object.size, 0, INT64_MAX);
        meta_object_release(&object);
    }
    fine(op_wait(store->meta, &more.op, META_OP_OBJECT_PUT));
    change_annotations(store, bucket, key, id);
    fine(op_wait(store->meta, &label.op, META_OP_OBJECT_LABEL));
    lock.lock.hold = META_HOLD_OFF;
    fine(op_wait(store->meta, &lock.op, META_OP_OBJECT_LOCK));
    copy_init(&copied, bucket, key, "copy");
    copied.source.version = id;
    fine(op_wait(store->meta, &copied.op, META_OP_OBJECT_COPY));
    copy_init(&copied, bucket, key, "renamed");
    rename.source = copied.source;
    fine(op_wait(store->meta, &rename.op, META_OP_OBJECT_RENAME));
    copy_init(&copied, bucket, "renamed", key);
    rename.source = copied.source;
    rename.key = slice_text(key);
    fine(op_wait(store->meta, &rename.op, META_OP_OBJECT_RENAME));
    fine(put_bytes(store->meta, bucket, slice_text(key), 91, 10, NULL));
    fine(op_wait(store->meta, &delete.op, META_OP_OBJECT_DELETE));
}

static void change_uploads(struct store *store)
{
    struct meta_object_copy from;
    struct meta_part_copy part = {
        .bucket = store->bucket, .key = slice_text("large"), .number = 2, .length = UINT64_MAX};

    copy_init(&from, store->bucket, "plain", "large");
    part.source = from.source;
    memcpy(part.upload_id, upload_ids[1], sizeof(part.upload_id));
    fine(op_wait(store->meta, &part.op, META_OP_PART_COPY));
    fine(part_put(store, slice_text("large"), upload_ids[1], 2, 12, 50));
    fine(complete(store->meta, store->bucket, "large", upload_ids[0]));
    fine(complete(store->meta, store->bucket, "large", upload_ids[1]));
    fine(upload_abort(store, slice_text("large"), upload_ids[1]));
}

static void clear_all(struct store *store)
{
    struct meta_garbage entries[64];
    int64_t rows[64];
    struct meta_sweep slice = {.more = true};
    struct meta_mark_set mark = {.replaced = INT64_MAX, .more = true};
    struct meta_cache_use use = {store->bucket, slice_text("twice"), INT64_MAX, INT64_MAX};
    struct meta_cache_touch touch = {.uses = &use, .count = 1};
    struct meta_cache_step step = {.bucket = store->bucket, .more = true};
    struct meta_cache_set end = {.bucket = store->bucket};
    int count = meta_garbage_take(store->reader, 0, entries, 64);
    struct meta_garbage_done done = {.rows = rows, .count = count > 0 ? (uint32_t)count : 0};

    for (int i = 0; i < count; i++)
        rows[i] = entries[i].row;
    fine(op_wait(store->meta, &done.op, META_OP_GARBAGE_DONE));
    for (unsigned i = 0; i < 8 && slice.more; i++)
        fine(op_wait(store->meta, &slice.op, META_OP_SWEEP));
    for (int kind = 0; kind < META_ROW_KIND_COUNT; kind++) {
        struct meta_row_name name = {0};
        struct meta_lost lost = {.kind = (enum meta_row_kind)kind, .rows = &name, .count = 1};

        fine(meta_row_walk(store->reader, lost.kind, NULL, on_row, &name));
        fine(op_wait(store->meta, &lost.op, META_OP_LOST));
    }
    fine(op_wait(store->meta, &mark.op, META_OP_MARK));
    fine(op_wait(store->meta, &touch.op, META_OP_CACHE_TOUCH));
    for (unsigned i = 0; i < 8 && step.more; i++)
        fine(op_wait(store->meta, &step.op, META_OP_CACHE_STEP));
    fine(op_wait(store->meta, &end.op, META_OP_CACHE_SET));
    for (unsigned i = 0; i < 8 && step.more; i++)
        fine(op_wait(store->meta, &step.op, META_OP_CACHE_STEP));
}

static void everything(struct store *store, int64_t versions)
{
    struct ids ids = {0};

    read_all(store, store->bucket, &ids);
    ids.count = 0;
    read_all(store, versions, &ids);
    change_key(store, store->bucket, "plain", NULL);
    change_key(store, store->bucket, "twice", NULL);
    change_uploads(store);
    change_key(store, store->bucket, "large", NULL);
    for (unsigned i = 0; i < ids.count; i++)
        change_key(store, versions, i % 2 == 0 ? "key" : "gone", &ids.list[i]);
    change_key(store, versions, "gone", NULL);
    change_key(store, versions, "key", NULL);
    clear_all(store);
    fine(bucket_delete(store->meta, versions));
    fine(bucket_delete(store->meta, store->bucket));
}

/* ---- One damage after the other ---- */

static struct store *damaged;
static char *saved;
static size_t saved_bytes;
static unsigned killed; /* by how many of the damages the process was */

static void database_save(const char *path)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    saved_bytes = (size_t)ftell(file);
    rewind(file);
    assert_non_null(saved = malloc(saved_bytes));
    assert_int_equal(fread(saved, 1, saved_bytes, file), saved_bytes);
    fclose(file);
}

static void database_restore(const char *path)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(saved, 1, saved_bytes, file), saved_bytes);
    assert_int_equal(fclose(file), 0);
}

static void store_close(struct store *store)
{
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
}

static void damage_one(const char *table, const char *column, size_t length, const char *value,
                       int64_t versions)
{
    static unsigned damages;
    char statement[256];

    if (damages++ % TSAN_SHARE != 0)
        return;
    database_restore(damaged->path);
    snprintf(statement, sizeof(statement), "UPDATE OR IGNORE %s SET %.*s = %s", table, (int)length, column,
             value);
    sql(damaged->path, statement);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (meta_open(&damaged->meta, damaged->path, &options) ==
            0) { /* an error is as good an answer as any */
            fine(meta_reader_open(damaged->meta, &damaged->reader) == 0 ? 0 : 2);
            everything(damaged, versions);
            store_close(damaged);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) {
        print_message("%s\n", statement);
        killed++;
    }
}

static unsigned damage_columns(const char *table, const char *columns, const char *const *values,
                               size_t count, int64_t versions)
{
    unsigned done = 0;

    while (*columns != '\0') {
        size_t length = strcspn(columns, " ");

        for (size_t i = 0; i < count; i++, done++)
            damage_one(table, columns, length, values[i], versions);
        columns += length + (columns[length] == ' ');
    }
    return done;
}

static void nothing_falls_for_what_the_disk_says(void **state)
{
    unsigned done = 0;
    int64_t versions;

    damaged = *state;
    versions = scene_make(damaged);
    store_close(damaged);
    database_save(damaged->path);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        done += damage_columns(tables[i].table, tables[i].number_columns, numbers,
                               sizeof(numbers) / sizeof(numbers[0]), versions);
        done += damage_columns(tables[i].table, tables[i].blob_columns, blobs,
                               sizeof(blobs) / sizeof(blobs[0]), versions);
    }
    print_message("%u damages\n", done);
    assert_int_equal(killed, 0);
    database_restore(damaged->path);
    free(saved);
    store_reopen(damaged); /* whole again, as it was */
}

/* What cannot be read is told of whoever asks for it, and keeps nobody from the versions beside it. */
static void a_damaged_current_object_hides_no_version(void **state)
{
    struct store *store = *state;
    struct meta_version_id first, second, unknown;

    versioning_enable(store, store->bucket);
    first = put_version(store, "k", 1);
    second = put_version(store, "k", 2);
    memcpy(&unknown, &second, sizeof(unknown));
    ((unsigned char *)&unknown)[sizeof(unknown) - 1] ^= 1;
    store_close(store);
    database_save(store->path);
    sql(store->path, "UPDATE object SET extents = x'00'");
    store_reopen(store);
    assert_int_equal(version_file(store, "k", NULL), META_E_CORRUPT);
    assert_int_equal(version_file(store, "k", &first), 1);
    assert_int_equal(version_file(store, "k", &second), META_E_CORRUPT);
    assert_int_equal(version_file(store, "k", &unknown), META_E_CORRUPT); /* it may have been that one */
    store_close(store);
    database_restore(store->path);
    free(saved);
    store_reopen(store);
    assert_int_equal(version_file(store, "k", NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_damaged_current_object_hides_no_version),
        store_test(nothing_falls_for_what_the_disk_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
