/* SPDX-License-Identifier: MIT
 *
 * The cache of rows: that it answers without the database, that every change is seen at once by every reader, that nobody
 * sees an old row after somebody saw a newer one, and that it stays within its bounds. */
#include "meta_test_support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "metadata/read/reader.h"

static uint64_t steps(struct store *store)
{
    return meta_reader_steps(store->reader);
}

static void a_row_is_read_once(void **state)
{
    struct store *store = *state;
    struct meta_bucket bucket;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), 0);
    uint64_t before = steps(store);
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("bucket"), &bucket), 0);
    assert_int_equal(bucket.id, store->bucket);
    assert_int_equal(steps(store), before);
    /* Changes of others do not matter, as long as they do not share the counter. */
    uint64_t counter = row_hash(store->bucket, slice_text("key")) % META_ROW_COUNTERS;
    for (uint64_t file = 10; file < 20; file++) {
        char other[16];
        snprintf(other, sizeof(other), "other-%d", (int)file);
        if (row_hash(store->bucket, slice_text(other)) % META_ROW_COUNTERS != counter)
            assert_int_equal(put(store, other, file), 0);
    }
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(steps(store), before);
}

static int label(struct store *store, const char *key, const char *tags)
{
    struct meta_object_label op = {.bucket = store->bucket,
                                   .key = slice_text(key),
                                   .name = META_ATTRIBUTE_TAGS,
                                   .value = slice_text(tags)};

    return op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL);
}

static uint32_t attribute_count(struct store *store, const char *key)
{
    struct meta_object object;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    uint32_t count = object.attributes.count;
    meta_object_release(&object);
    return count;
}

static int complete(struct store *store, const char *key, uint64_t file)
{
    struct meta_complete_part part = {.number = 1};
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text(key), .parts = &part, .part_count = 1, .etag = "whole-1"};

    upload_id_make(op.upload_id, file);
    assert_int_equal(upload_create(store, slice_text(key), op.upload_id), 0);
    assert_int_equal(part_put(store, slice_text(key), op.upload_id, 1, file, 100), 0);
    snprintf(part.etag, sizeof(part.etag), "e%llu", (unsigned long long)file);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

/* Each kind of change, while the row before it is in the cache. */
static void each_change_is_seen(void **state)
{
    struct store *store = *state;
    struct meta_bucket bucket;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(put(store, "source", 2), 0);
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(put(store, "key", 3), 0);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(copy(store, "source", "key"), 0);
    assert_int_equal(file_of(store, "key"), 2);
    assert_int_equal(complete(store, "key", 4), 0);
    assert_int_equal(file_of(store, "key"), 4);
    assert_int_equal(attribute_count(store, "key"), 0);
    assert_int_equal(label(store, "key", "a=b"), 0);
    assert_int_equal(attribute_count(store, "key"), 1);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(file_of(store, "key"), META_E_NO_KEY);
    assert_int_equal(put(store, "key", 5), 0);
    assert_int_equal(file_of(store, "key"), 5);

    int64_t first = bucket_create(store->meta, "other");
    assert_int_equal(meta_bucket_get(store->reader, slice_text("other"), &bucket), 0);
    assert_int_equal(bucket.id, first);
    assert_int_equal(bucket_delete(store->meta, first), 0);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("other"), &bucket), META_E_NO_BUCKET);
    int64_t second = bucket_create(store->meta, "other");
    assert_int_equal(meta_bucket_get(store->reader, slice_text("other"), &bucket), 0);
    assert_int_equal(bucket.id, second);
    struct meta_bucket_versioning versioning = {.bucket = second, .versioning = META_VERSIONING_ENABLED};
    assert_int_equal(op_wait(store->meta, &versioning.op, META_OP_BUCKET_VERSIONING), 0);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("other"), &bucket), 0);
    assert_int_equal(bucket.versioning, META_VERSIONING_ENABLED);
}

/* Changes that failed leave what there was, and do not keep it out of the cache. */
static void a_failed_change_changes_nothing(void **state)
{
    struct store *store = *state;
    struct meta_condition none = {.if_none_match_any = true};

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("key"), 2, 100, &none),
                     META_E_PRECONDITION);
    assert_int_equal(file_of(store, "key"), 1);
    uint64_t before = steps(store);
    assert_int_equal(file_of(store, "key"), 1);
    assert_int_equal(steps(store), before);
}

static bool note_is(struct store *store, const char *key, const char *expected, const char *keep)
{
    struct meta_object object;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    struct slice note = meta_object_note(&object);
    bool is = expected == NULL ? note.base == NULL
                               : note.len == strlen(expected) && memcmp(note.base, expected, note.len) == 0;
    if (keep != NULL)
        meta_object_note_keep(store->reader, &object, slice_text(keep));
    meta_object_release(&object);
    return is;
}

/* Made of a row that is asked for again, there as long as the row is true. */
static void a_note_goes_with_its_row(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "key", 1), 0);
    assert_true(note_is(store, "key", NULL, "too early"));
    assert_true(note_is(store, "key", NULL, "first"));
    assert_true(note_is(store, "key", "first", "not twice"));
    assert_true(note_is(store, "key", "first", NULL));
    assert_int_equal(put(store, "key", 2), 0);
    assert_true(note_is(store, "key", NULL, "too early"));
    assert_true(note_is(store, "key", NULL, "second"));
    assert_true(note_is(store, "key", "second", NULL));
    assert_int_equal(label(store, "key", "a=b"), 0);
    assert_true(note_is(store, "key", NULL, NULL));
}

/* What a reader holds outlives the entry, and the reader. */
static void an_object_outlives_its_entry(void **state)
{
    struct store *store = *state;
    struct meta_reader *reader;
    struct meta_object first, second;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(meta_reader_open(store->meta, &reader), 0);
    assert_int_equal(meta_object_get(reader, store->bucket, slice_text("key"), &first), 0);
    assert_int_equal(meta_object_get(reader, store->bucket, slice_text("key"), &second), 0);
    assert_ptr_equal(first.extents.list, second.extents.list);
    assert_int_equal(put(store, "key", 2), 0);
    meta_object_release(&second);
    assert_int_equal(meta_object_get(reader, store->bucket, slice_text("key"), &second), 0);
    meta_reader_close(reader);
    assert_int_equal(first.extents.list[0].file, 1);
    assert_int_equal(second.extents.list[0].file, 2);
    meta_object_release(&first);
    meta_object_release(&second);
}

static int overwrite_and_read(void *ctx, const struct meta_bucket *bucket)
{
    struct store *store = ctx;

    if (strcmp(bucket->name, "bucket") != 0)
        return 0;
    assert_int_equal(put(store, "key", 2), 0);
    assert_int_equal(file_of(store, "key"), 1); /* the visit's state, from before the change */
    return 0;
}

/* A row that was read inside a visit may be an old one: it must not be kept under the stamp of its time. */
static void old_rows_of_a_visit_are_not_kept(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(meta_bucket_list(store->reader, slice_text(""), 10, overwrite_and_read, store), 0);
    assert_int_equal(file_of(store, "key"), 2);
    assert_int_equal(file_of(store, "key"), 2);
}

static void bounds_hold(void **state)
{
    struct store *store = *state;
    const struct row_cache *rows = &store->reader->rows;
    unsigned kept = 0;

    for (uint64_t file = 1; file <= 3 * META_ROW_CACHE_ENTRIES; file++) {
        struct meta_object_put *op = calloc(1, sizeof(*op));
        char key[32], value[1500];
        struct meta_attribute attribute = {slice_text("x-amz-meta-a"), {value, sizeof(value)}};
        struct meta_object object;

        memset(value, 'v', sizeof(value));
        snprintf(key, sizeof(key), "key-%d", (int)file);
        op->bucket = store->bucket;
        op->key = slice_text(key);
        op->object.attributes = (struct meta_attributes){&attribute, 1};
        assert_int_equal(op_wait(store->meta, &op->op, META_OP_OBJECT_PUT), 0);
        free(op);
        assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
        assert_int_equal(object.attributes.list[0].value.len, sizeof(value));
        meta_object_release(&object);
        assert_true(rows->bytes <= META_ROW_CACHE_BYTES);
        /* asked for again: now a note is kept, which counts */
        static const char note[META_ROW_CACHE_NOTE_BYTES + 1];
        assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
        meta_object_note_keep(store->reader, &object, slice_of(note, sizeof(note)));
        assert_null(meta_object_note(&object).base);
        meta_object_note_keep(store->reader, &object, slice_of(note, sizeof(note) - 1));
        assert_int_equal(meta_object_note(&object).len, sizeof(note) - 1);
        assert_true(rows->bytes <= META_ROW_CACHE_BYTES);
        meta_object_release(&object);
    }
    for (unsigned i = 0; i < META_ROW_CACHE_ENTRIES; i++)
        kept += rows->places[i].entry != NULL;
    assert_true(kept > META_ROW_CACHE_ENTRIES / 16); /* and it is used */

    /* A row that is large is not kept at all. */
    struct meta_attribute attributes[8];
    static char value[2000];
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text("large")};
    struct meta_object object;
    memset(value, 'v', sizeof(value));
    for (unsigned i = 0; i < 6; i++)
        attributes[i] = (struct meta_attribute){slice_text("x-amz-meta-a"), {value, sizeof(value)}};
    op.object.attributes = (struct meta_attributes){attributes, 6};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t before = steps(store);
        assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("large"), &object), 0);
        meta_object_release(&object);
        assert_true(steps(store) > before);
    }
}

/* ---- The moment of the commit ---- */

static const struct row_changes *watched;
static uint64_t watched_hash;
static unsigned commits, commits_trusted; /* with a copy of the row still in force */

static int on_commit(void *ctx)
{
    struct row_stamp stamp;

    (void)ctx;
    if (watched != NULL) {
        commits++;
        commits_trusted += row_stamp_take(watched, watched_hash, &stamp);
    }
    return 0;
}

static int on_open(sqlite3 *db, char **message, const void *api)
{
    (void)message, (void)api;
    sqlite3_commit_hook(db, on_commit, NULL);
    return SQLITE_OK;
}

/* From before the commit until after it no copy counts: else one reader could see the new row, and then another one the
 * old. */
static void no_copy_counts_during_a_commit(void **state)
{
    struct store *store = *state;

    assert_int_equal(sqlite3_auto_extension((void (*)(void))on_open), SQLITE_OK);
    store_reopen(store);
    watched_hash = row_hash(store->bucket, slice_text("key"));
    watched = &store->meta->row_changes;
    assert_int_equal(put(store, "key", 1), 0);
    assert_int_equal(put(store, "key", 2), 0);
    assert_int_equal(delete_key(store, "key"), 0);
    watched = NULL;
    sqlite3_reset_auto_extension();
    assert_int_equal(commits, 3);
    assert_int_equal(commits_trusted, 0);
}

/* ---- Many threads ---- */

#define RACE_KEYS    3u
#define RACE_ROUNDS  1500u
#define RACE_READERS 3u

struct race {
    struct store *store;
    atomic_uint_fast64_t acknowledged[RACE_KEYS]; /* the newest file whose put was answered */
    atomic_uint_fast64_t seen[RACE_KEYS];         /* the newest file that any reader saw */
    atomic_bool is_over;
    atomic_uint_fast64_t reads;
    atomic_uint backwards, unread; /* older than acknowledged or seen; not there at all */
};

static const char *const race_keys[RACE_KEYS] = {"one", "two", "three"};

static void raise_to(atomic_uint_fast64_t *value, uint64_t to)
{
    uint64_t now = atomic_load(value);

    while (now < to && !atomic_compare_exchange_weak(value, &now, to))
        ;
}

static void *race_read(void *ctx)
{
    struct race *race = ctx;
    struct meta_reader *reader;

    if (meta_reader_open(race->store->meta, &reader) != 0)
        abort();
    for (unsigned i = 0; !atomic_load(&race->is_over); i++) {
        unsigned key = i / 4 % RACE_KEYS;
        uint64_t acknowledged = atomic_load(&race->acknowledged[key]), seen = atomic_load(&race->seen[key]);
        struct meta_object object;

        if (meta_object_get(reader, race->store->bucket, slice_text(race_keys[key]), &object) != 0) {
            atomic_fetch_add(&race->unread, 1);
            continue;
        }
        uint64_t file = object.extents.list[0].file;
        if (file < acknowledged || file < seen)
            atomic_fetch_add(&race->backwards, 1);
        raise_to(&race->seen[key], file);
        meta_object_release(&object);
        atomic_fetch_add(&race->reads, 1);
    }
    meta_reader_close(reader);
    return NULL;
}

static void nobody_goes_backwards(void **state)
{
    struct race *race = calloc(1, sizeof(*race));
    pthread_t readers[RACE_READERS];
    uint64_t file = 1;

    race->store = *state;
    for (unsigned key = 0; key < RACE_KEYS; key++)
        assert_int_equal(put(race->store, race_keys[key], file++), 0);
    for (unsigned i = 0; i < RACE_READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, race_read, race), 0);
    for (unsigned round = 0; round < RACE_ROUNDS; round++) {
        unsigned key = round % RACE_KEYS;

        assert_int_equal(put(race->store, race_keys[key], file), 0);
        atomic_store(&race->acknowledged[key], file++);
        if (round % 16 == 0) /* let them fill their caches */
            usleep(200);
    }
    atomic_store(&race->is_over, true);
    for (unsigned i = 0; i < RACE_READERS; i++)
        pthread_join(readers[i], NULL);
    assert_true(atomic_load(&race->reads) > 0);
    assert_int_equal(atomic_load(&race->backwards), 0);
    assert_int_equal(atomic_load(&race->unread), 0);
    free(race);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_row_is_read_once),
        store_test(each_change_is_seen),
        store_test(a_failed_change_changes_nothing),
        store_test(a_note_goes_with_its_row),
        store_test(an_object_outlives_its_entry),
        store_test(old_rows_of_a_visit_are_not_kept),
        store_test(bounds_hold),
        store_test(no_copy_counts_during_a_commit),
        store_test(nobody_goes_backwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
